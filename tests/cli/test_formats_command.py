"""semeq-export formats: one line for each format, all about one, and the same as JSON."""

from __future__ import annotations

import json

import pytest

from semeq_export.cli import _shared, cli
from semeq_presets import formats


def test_each_format_has_a_line_that_says_whether_a_host_verified_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["formats"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["ID", "ALSO", "SUFFIX", "VERIFIED", "WHAT"]
    assert [line.split()[0] for line in lines] == [info.id for info in formats()]
    for line, info in zip(lines, formats(), strict=True):
        assert (info.verified or "nominal") in line
        assert line.split()[1] == (",".join(info.aliases) or "-")


def test_all_about_one_format_includes_how_to_import_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["formats", "lsp-x16-lv2"]) == 0
    out = capsys.readouterr().out
    assert "copy the folder into ~/.lv2" in out
    assert "16 bands, 10..24000 Hz, -35.99..36 dB, q 0.1..100, preamp -60..20 dB, high-pass" in out
    assert "LSP Plugins 1.2.5" in out


def test_an_alias_brings_all_that_share_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["formats", "Reaper", "csv", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["formats"]
    assert [entry["id"] for entry in entries] == ["jsfx", "reaeq", "csv"]
    assert entries[0]["aliases"] == ["reaper"]
    assert _shared.run(cli, ["formats", "ableton"]) == 0
    assert "also       ableton, live\n" in capsys.readouterr().out


def test_json_has_stable_keys_with_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["formats", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    by_id = {entry["id"]: entry for entry in document["formats"]}
    assert by_id["eqapo"]["verified"] is None
    assert by_id["lsp-x16-lv2"]["limits"]["max_bands"] == 16
    assert by_id["lsp-x16-lv2"]["is_folder"] is True
    assert {"freq_hz", "gain_db", "q", "preamp_db", "max_bands", "summary"} == set(by_id["eqapo"]["limits"])


def test_an_unknown_id_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["formats", "eqap"]) == 2
    assert capsys.readouterr().err == "semeq-export: unknown format 'eqap'; did you mean 'eqapo' or 'eqmac'?\n"
