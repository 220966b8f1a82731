"""What a new format takes: one module that says everything about it, and one golden. All else follows, as this test shows with a toy."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from strategies import random_settings_inside

import semeq_presets as presets
from semeq_export.cli import _shared, cli
from semeq_export.errors import MissingHostError, PresetReadError
from semeq_presets import Preset
from semeq_presets.shelf import registry

MODULE = '''
"""Toy EQ preset, a text: the line "TOY", then one line for each peak: Hz, dB, Q.

    TOY
    1000.0 3.0 1.5

Other lines are kept and said in a note. Source: this test.
"""

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of
from semeq_presets.file_formats.base import FormatInfo, Limits, MeasuringHost, Note, Place, Preset, Source, Written


class Toy:
    info = FormatInfo(
        id="toy-eq",
        title="Toy EQ preset",
        host="Toy EQ 1",
        suffixes=(".toy",),
        how_to_import="drop it into the toy",
        precision_db=1e-5,
        limits=Limits(max_bands=4, kinds=frozenset({BandKind.PEAK}), holds_disabled=False),
        aliases=("toy", "plaything"),
        places={"linux": Place(("{home}/.toy",), "presets", is_made=True)},
        measured_in=(MeasuringHost("sox", "effect string", is_default=False),),
        remark="for tests",
    )

    def sniff(self, head, filename):
        return head.startswith(b"TOY\\n")

    def write(self, preset):
        pieces = pieces_of(preset) or (Piece("TOY"), Piece(""))
        text = merged(pieces, preset.eq, separator="\\n", band_text=line, preamp_text=lambda preamp_db: "")
        return Written({"preset.toy": text.encode()})

    def read(self, files):
        (data,) = files.values()
        first, *lines = text_of(data).split("\\n")
        if first != "TOY":
            raise PresetReadError("does not start with TOY")
        notes = []
        pieces = (Piece(first), *(piece(text, f"line {count}", notes) for count, text in enumerate(lines, start=2)))
        bands = [one.says for one in pieces if isinstance(one.says, Band)]
        return Preset(settings(bands, 0.0), source=Source(Pieces(pieces)), notes=tuple(notes))


def piece(text, where, notes):
    if not text[:1].isdigit():
        if text:
            notes.append(Note("unknown", None, where, f"{text[:40]!r} is not read", None))
        return Piece(text)
    fields = text.split(" ")
    if len(fields) != 3:
        raise PresetReadError("is not three numbers", where=where)
    freq_hz, gain_db, q = (number(field, name, where) for field, name in zip(fields, ("freq_hz", "gain_db", "q")))
    return Piece(text, band(BandKind.PEAK, freq_hz, gain_db, q, where=where))


def line(held, _number):
    return " ".join(plain_decimal(value, 12) for value in (held.freq_hz, held.gain_db, held.q))


FORMAT = Toy()
'''
GOLDEN = b"TOY\n1000.0 3.0 1.5\nlight on\n"


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Add the format as a package of its own would: its module on the path, and its line in the list. Return the golden."""
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "toy_eq_text.py").write_text(MODULE.lstrip(), encoding="utf-8")
    golden = folder / "hand.toy"
    golden.write_bytes(GOLDEN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(registry, "_installed", lambda: {"toy-eq": EntryPoint("toy-eq", "toy_eq_text:FORMAT", "semeq.presets")})
    registry._load.cache_clear()
    yield golden
    registry._load.cache_clear()
    sys.modules.pop("toy_eq_text", None)


def test_the_toy_is_found_by_id_alias_suffix_and_content(toy: Path) -> None:
    assert presets.formats()[-1].id == "toy-eq"
    assert {presets.get(name).info.id for name in ("toy-eq", "toy", "plaything", "TOY")} == {"toy-eq"}
    assert presets.format_for("x/Warm.TOY") == "toy-eq"
    assert presets.detect(GOLDEN) == "toy-eq"


def test_the_toy_keeps_the_laws(toy: Path, tmp_path: Path) -> None:
    preset = presets.read_file(toy)
    assert (preset.format, preset.name, [str(note) for note in preset.notes]) == (
        "toy-eq",
        "hand",
        ["line 3 'light on' is not read (unknown)"],
    )
    assert presets.write(preset, "toy-eq").files["preset.toy"] == GOLDEN
    grid = np.geomspace(20.0, 20_000.0, 200)
    for eq in random_settings_inside(5, 1, presets.get("toy-eq").info.limits):
        written = presets.write(eq, "toy-eq")
        assert written.notes == ()
        back = presets.read(written.files)
        assert np.max(np.abs(back.response_db(grid) - Preset(eq).response_db(grid))) <= presets.get("toy-eq").info.precision_db
        assert presets.write(back, "toy-eq").files == written.files
    presets.convert_file(toy, tmp_path / "hand.csv")
    presets.convert_file(tmp_path / "hand.csv", tmp_path / "again.toy")
    assert (tmp_path / "again.toy").read_bytes() == b"TOY\n1000.0 3.0 1.5\n"
    with pytest.raises(PresetReadError, match="line 2: is not three numbers"):
        presets.read(b"TOY\n1 2\n")


def test_the_toy_is_in_the_commands(toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["formats", "toy"]) == 0
    assert "import     drop it into the toy" in capsys.readouterr().out
    assert _shared.run(cli, ["formats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["formats"][-1]["id"] == "toy-eq"
    (planned,) = presets.plan_install(["warm"], [presets.get("toy").info], platform="linux", environment={}, home=tmp_path)
    assert planned.path == tmp_path / ".toy" / "presets" / "warm.toy"
    monkeypatch.chdir(tmp_path)
    assert _shared.run(cli, ["convert", str(toy), "hand.csv"]) == 0
    assert _shared.run(cli, ["convert", "hand.csv", "again.toy", "--to", "plaything"]) == 0
    assert (tmp_path / "again.toy").read_bytes() == b"TOY\n1000.0 3.0 1.5\n"


def test_the_toy_is_measured_where_it_says(toy: Path) -> None:
    info = presets.get("toy").info
    assert info.default_host is None
    assert info.measuring_host("sox").loads == "effect string"
    with pytest.raises(MissingHostError, match="faust does not load presets of format toy-eq; sox does"):
        info.measuring_host("faust")


def test_the_toy_gets_its_rows_in_the_readme(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "presets" / "tools")
    tables = importlib.import_module("tables")
    text = tables.with_tables((ROOT / "presets" / "README.md").read_text(encoding="utf-8"), presets.formats())
    holds = "4 bands, 20..20000 Hz, -24..24 dB, q 0.1..30, no preamp"
    row = f"| `toy-eq` | toy, plaything | Toy EQ preset; for tests | nominal | {holds} | 0.00001 dB | drop it into the toy |\n"
    assert row in text
    assert "| `toy-eq` | `{home}/.toy/presets` | - | - | sox where asked for |\n" in text


def test_nothing_but_the_module_and_the_golden_was_needed(toy: Path) -> None:
    assert sorted(path.name for path in toy.parent.iterdir() if path.name != "__pycache__") == ["hand.toy", "toy_eq_text.py"]
    sources = list((ROOT / "presets").rglob("*.py"))
    assert len(sources) > 40
    assert not [path for path in sources if "toy-eq" in path.read_text(encoding="utf-8")]
