"""semeq-export process --sheet: the stems of a run before and after, in one look."""

from __future__ import annotations

import base64
import html
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_engine import FakeEngine

from semeq_export.app import _engine
from semeq_export.app.stem_sheet import measure_stem
from semeq_export.cli import _shared, cli
from semeq_host.streams.process_options import ProcessOptions


@pytest.fixture(autouse=True)
def stems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_engine, "load_engine", lambda _bundle, **_: FakeEngine())
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(9)
    Path("stems").mkdir()
    for name in ("bass", "Vocal & <lead>", "silent"):
        level = 0.0 if name == "silent" else 0.2
        soundfile.write(f"stems/{name}.wav", level * rng.uniform(-1, 1, (48_000, 2)), 48_000, subtype="PCM_16")


def process(*arguments: str) -> int:
    return _shared.run(cli, ["process", "--workers", "0", "-q", *arguments])


def test_a_page_has_a_row_for_each_stem_and_one_for_their_sum() -> None:
    Path("stems/broken.wav").write_bytes(b"<html>")
    assert process("stems", "-t", "bright", "--lufs", "-20", "--link", "-o", "out/", "--sheet", "sheet.html", "--report", "r.json") == 1
    page = Path("sheet.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in re.sub(r"base64,[^\"]+", "", page)
    names = [html.unescape(name) for name in re.findall(r'<td class="s">(.*?)</td>', page)]
    assert names == ["all of them, summed", "Vocal & <lead>.wav", "bass.wav", "broken.wav", "silent.wav"]
    assert page.count("linked: all stems") == 3
    assert "not an audio file" in page
    numbers = re.findall(r'<span class="a">(.*?)</span> . (.*?)</td>', page)
    assert numbers[0][1] == "\N{MINUS SIGN}20.0"  # the loudness of the sum
    assert numbers[9:12] == numbers[12:15] == [("\N{EN DASH}", "\N{EN DASH}")] * 3
    entry = json.loads(Path("r.json").read_bytes())["files"][1]
    assert f"loudness {entry['match_db']:+.2f} dB" in page
    pictures = [base64.b64decode(data) for data in re.findall(r"base64,([^\"]+)", page)]
    assert len(pictures) == 4
    assert all(b"<svg" in picture for picture in pictures)


def test_a_pdf_has_six_rows_on_a_page_and_equal_bytes() -> None:
    for index in range(6):
        soundfile.write(f"stems/{index}.wav", np.full((9_000, 1), 0.1), 44_100 + index, subtype="PCM_16")  # of several rates: no sum
    assert process("stems", "-t", "warm", "-o", "out/", "--sheet", "a.pdf") == 0
    assert process("stems", "-t", "warm", "-o", "out2/", "--sheet", "b.pdf") == 0
    data = Path("a.pdf").read_bytes()
    assert data == Path("b.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", data)) == 2


def test_what_is_measured_of_a_stem() -> None:
    n = np.arange(48_000)
    soundfile.write("tone.wav", np.tile(0.5 * np.sin(2 * np.pi * 997 * n / 48_000), (2, 1)).T, 48_000, subtype="FLOAT")
    sound = measure_stem("tone.wav", ProcessOptions())
    assert sound.crest_db == pytest.approx(10 * math.log10(2.0), abs=0.01)
    assert sound.true_peak_dbtp == pytest.approx(20 * math.log10(0.5), abs=0.02)
    assert sound.lufs == pytest.approx(20 * math.log10(0.5), abs=0.05)  # BS.1770: 997 Hz in both channels at 0 dBFS is 0 LUFS


def test_a_sheet_is_refused_before_any_work(capsys: pytest.CaptureFixture[str]) -> None:
    Path("taken.html").write_text("mine")
    for sheet, more in (("sheet.txt", ()), ("taken.html", ()), ("missing/sheet.html", ()), ("s.html", ("--in-place",))):
        before = capsys.readouterr()
        where = more or ("-o", "out/")
        assert process("stems", "-t", "warm", "--sheet", sheet, *where) == 2, before
        assert not Path("out").exists()
    assert Path("taken.html").read_text() == "mine"
    assert process("stems", "-t", "warm", "-o", "new/", "--sheet", "new/sheet.html") == 0  # a folder that the run makes
    assert process("stems", "-t", "warm", "-o", "out/", "--sheet", "taken.html", "--force") == 0
    assert Path("taken.html").read_text().startswith("<!DOCTYPE html>")


def test_a_long_name_breaks_at_its_underscores() -> None:
    Path("stems/bass.wav").rename("stems/verse_bass_di.wav")
    assert process("stems/verse_bass_di.wav", "-t", "warm", "-o", "out.wav", "--sheet", "sheet.html") == 0
    assert '<td class="s">verse_<wbr>bass_<wbr>di.wav</td>' in Path("sheet.html").read_text(encoding="utf-8")
