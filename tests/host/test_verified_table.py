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
    if target.shortfall is None:
        assert row.met, str(row)
        return
    assert row.upper_db is not None
    assert row.upper_db <= target.bar_db, str(row)
    assert target.bar_db < max(row.errors_db.values()) <= target.shortfall[1], f"{row}: the stated shortfall is another one now"


def record() -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = json.loads(RECORD.read_text(encoding="utf-8"))["targets"]
    return rows


def test_the_record_has_every_target_within_its_bar_or_its_stated_shortfall() -> None:
    rows = record()
    assert set(rows) == {target.name for target in TARGETS}
    for target in TARGETS:
        row = rows[target.name]
        assert (row["format"], row["bar_db"], row["met"]) == (target.format_id, target.bar_db, target.shortfall is None)
        errors = row["errors_db"]
        assert isinstance(errors, dict)
        assert max(errors.values()) <= (target.shortfall[1] if target.shortfall else target.bar_db)
        assert set(errors) == ({*NAMED, "random"} if target.settings else {"t5", "warm"})


def test_the_record_is_of_the_shipped_bundle() -> None:
    manifest = ROOT / "semeq_export" / "factory" / "default.semeq" / "manifest.json"
    shipped = json.loads(manifest.read_text(encoding="utf-8"))["training"]["weights_sha256"]
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))["weights_sha256"]
    assert recorded == shipped, "another bundle ships now: run .ci/long and commit its record"


def test_the_table_of_the_readme_is_the_record() -> None:
    text = (ROOT / "presets" / "README.md").read_text(encoding="utf-8").partition("## Measured")[2]
    shown = {
        cells[0]: cells[1:] for line in text.splitlines() if len(cells := [cell.strip(" *") for cell in line.strip("|").split("|")]) == 7
    }
    for name, row in record().items():
        errors = row["errors_db"]
        assert isinstance(errors, dict)
        largest = {**errors, "words": max(errors["warm"], errors.get("bright", 0.0))}
        columns = ("t5", "t5b", "t10", "words", "random")
        assert shown[name][:5] == [f"{largest[column]:.4f}" if column in largest else "-" for column in columns], name
        assert float(shown[name][5].partition(":")[0]) == row["bar_db"]
        assert ("missed" in shown[name][5]) == (not row["met"])


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
