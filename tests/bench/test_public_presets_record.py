"""The record of the public preset files: none is read wrong without a word, and a sample still fares as recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.public_presets import VERDICTS, Row, counts_of, grid_of, judge
from bench.public_readings import channels_of
from conftest import ROOT, cases, skip_or_fail
from host_maths import easyeffects

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import EqSettings
from semeq_presets import Preset

RECORD = ROOT / "tests" / "records" / "public_presets.json"
GOLDEN = ROOT / "tests" / "golden"


def recorded() -> dict[str, Row]:
    files = json.loads(RECORD.read_text(encoding="utf-8"))["files"]
    return {name: Row(**row) for name, row in files.items()}


def test_no_public_file_is_read_wrong_without_a_word() -> None:
    assert [name for name, row in recorded().items() if row.verdict == "wrong"] == []


def test_the_record_says_of_every_file_what_became_of_it() -> None:
    rows = recorded()
    assert len(rows) >= 231
    assert counts_of(rows) == json.loads(RECORD.read_text(encoding="utf-8"))["sources"]
    for name, row in rows.items():
        assert row.verdict in VERDICTS, name
        assert row.reason or row.verdict == "right", name
        if row.verdict == "stated":
            assert (row.error_db or 0.0) <= (row.stated_db or 0.0) + 0.1, name


@pytest.mark.data
def test_a_sample_of_public_files_fares_no_worse_than_recorded(data_dir: Path) -> None:
    folder = data_dir / "presets_public"
    if not folder.is_dir():
        skip_or_fail(f"no public presets in {folder}")
    if not easyeffects.is_available():
        skip_or_fail("install lilv-utils and lsp-plugins-lv2")
    names = sorted(name for name in recorded() if (folder / name).is_file())
    assert names
    for name in names[:: max(1, len(names) // cases(12, 60))]:
        was, now = recorded()[name].verdict, judge(folder / name)
        assert VERDICTS.index(now.verdict) <= VERDICTS.index(was), f"{name}: {was}, now {now}"


def test_channels_are_held_against_those_of_the_host() -> None:
    left, right = EqSettings(preamp_db=-3.0), EqSettings(preamp_db=2.0)
    apart = Preset(ChannelEqs((("left", left), ("right", right))))
    read = channels_of(apart, ["L", "R", "C", "2", "all"], grid_of([]))
    assert [{float(response[0]) for response in read[name]} for name in read] == [{-3.0}, {2.0}, {0.0}, {2.0}, {-3.0, 2.0}]
    assert {float(response[0]) for response in channels_of(Preset(left), ["7"], grid_of([]))["7"]} == {-3.0}


@pytest.mark.parametrize(
    "name",
    ["eqapo/autoeq.txt", "graphiceq/points.graphiceq.txt", "pipewire/sink-eq.conf"],
)
def test_goldens_are_what_their_hosts_make_of_them(name: str) -> None:
    row = judge(GOLDEN / name)
    assert row.verdict == "right", row
