"""The table of targets: every preset format that a host or its own text can prove, measured, one row each; and the record of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT, skip_or_fail
from host_targets import NAMED, TARGETS, Row, Target, measured_row

from semeq_export.errors import MissingHostError
from semeq_presets import formats, get

RECORD = ROOT / "tests" / "records" / "formats.json"


@pytest.mark.daw
@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_host_does_what_the_preset_says(target: Target, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    try:
        row = measured_row(target, tmp_path)
    except MissingHostError as error:
        skip_or_fail(str(error))
    request.node.user_properties.append(("row", str(row)))
    assert row.met, str(row)
    assert target.noisy is None or (row.noisy_db or 0.0) <= target.noisy[1], str(row)


def record() -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = json.loads(RECORD.read_text(encoding="utf-8"))["targets"]
    return rows


def test_the_record_has_every_target_and_all_are_within_their_bars() -> None:
    rows = record()
    assert set(rows) == {target.name for target in TARGETS}
    for target in TARGETS:
        row = rows[target.name]
        assert (row["format"], row["bar_db"], row["met"]) == (target.format_id, target.bar_db, True)
        errors = row["errors_db"]
        assert isinstance(errors, dict)
        assert set(errors) == ({*NAMED, "random"} if target.settings else {"t5", "warm"})


def test_the_record_is_of_the_shipped_bundle() -> None:
    manifest = ROOT / "semeq_export" / "factory" / "default.semeq" / "manifest.json"
    shipped = json.loads(manifest.read_text(encoding="utf-8"))["training"]["weights_sha256"]
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))["weights_sha256"]
    assert recorded == shipped, "another bundle ships now: run .ci/long and commit its record"


def test_what_a_format_says_of_its_host_is_in_the_record_and_nominal_ones_say_so() -> None:
    """`verified` may be shorter than the host's own words, never of another version."""
    hosts: dict[str, str] = {}
    for row in record().values():
        hosts[str(row["format"])] = f"{hosts.get(str(row['format']), '')} {row['host']}"
    for info in formats():
        said = info.verified
        if info.id in hosts and said is None:
            assert "nominal" in hosts[info.id], info.id
        if said is None or "this version of semeq" in said or (info.carries == "curve" and info.id.startswith("fir")):
            continue
        for version in re.findall(r"\d+(?:\.\d+)*", said):
            assert version in hosts[info.id], f"{info.id}: {said!r} against {hosts[info.id]!r}"


def test_a_missed_bar_is_seen() -> None:
    row = Row("x", "csv", "host", 0.01, {"t5": 0.001, "random": 0.011}, {})
    assert not row.met
    assert str(row).endswith("MISSED")
    assert get("csv").info.id == row.format_id
