"""The page in Chromium, used by scripts with real clicks and keys (semeq_export/web/tests); what they saw and saved is judged here."""

from __future__ import annotations

import base64
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from studio.visits import MOST_RELATIVE_DB, RATE_HZ, music, need_browser, prepared, relative_db, saw, served_page

import semeq_presets
from semeq_export import Audio, Band, BandKind, Engine, EqSettings, load_bundle, read_audio, write_audio
from semeq_export.audio.loudness import Loudness
from semeq_export.eq.biquad import response_db
from semeq_export.eq.filter import apply

LONG_S = 120


@dataclass(frozen=True)
class Visit:
    """What a script saw on the page, and the folder where it saved. sound: what it dropped there."""

    saw: Mapping[str, Any]  # Any: JSON
    folder: Path
    sound: Audio

    def saved(self, kind: str) -> Path:
        return self.folder / str(self.saw["files"][kind])


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    need_browser("/usr/bin/chromium")
    folder = tmp_path_factory.mktemp("studio")
    address = prepared(folder)
    ten = music(10.0, 48_000)
    write_audio(folder / "long.wav", Audio(np.tile(ten.samples, LONG_S // 10), 48_000.0), subtype="PCM_16")
    (folder / "broken.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt this is no sound")
    return Visit(saw("page.mjs", address, folder), folder, read_audio(folder / "sound.wav"))


def test_nothing_went_wrong_unseen(visit: Visit) -> None:
    assert visit.saw["errors"] == []


def test_a_sound_is_dropped_and_plays(visit: Visit) -> None:
    assert visit.saw["example"] == "Bass · 48.0 kHz"
    assert visit.saw["plays"] is True


def test_a_part_is_looped_and_a_place_is_chosen(visit: Visit) -> None:
    start_s, end_s = map(float, visit.saw["region"])
    assert [start_s, end_s] == pytest.approx([0.75, 1.5], abs=0.02)
    assert start_s <= visit.saw["place_in_region"] < end_s
    assert visit.saw["place_by_slider"] == pytest.approx(2.4, abs=0.02)


def test_the_theme_is_chosen(visit: Visit) -> None:
    assert sorted(visit.saw["themes"]) == ["dark", "light"]


def test_words_come_from_phrases_the_list_and_keys(visit: Visit) -> None:
    assert visit.saw["less_muddy"] == "less muddy 0.6"
    assert visit.saw["warm"] == "warm"
    assert visit.saw["next_word"] == "bright"


def test_guesses_sound_as_python_plays_them(visit: Visit) -> None:
    engine = Engine(load_bundle(), exact=True, guess=True)
    freqs_hz = np.geomspace(40.0, 14_000.0, 80)
    for word, seen in zip(("sparkly", "crispy"), visit.saw["guessed"], strict=True):
        assert seen["mix"] == word
        bands = tuple(Band(BandKind.PEAK, *numbers) for numbers in seen["bands"])
        miss_db = response_db(EqSettings(bands), freqs_hz, 48_000.0) - response_db(engine.eq_for(word), freqs_hz, 48_000.0)
        assert np.std(miss_db) < 0.3  # both are fits of one curve, to a level


def test_before_after_and_difference_have_keys(visit: Visit) -> None:
    assert visit.saw["monitors"] == ["eq", "dry", "eq", "delta"]


def test_loudness_is_that_of_python(visit: Visit) -> None:
    after = Audio(apply(Engine(load_bundle(), exact=True).eq_for("warm"), visit.sound.samples, RATE_HZ), RATE_HZ)
    shown = [float(number.replace("−", "-")) for number in re.findall(r"[+−]?\d+\.\d", visit.saw["loudness"])]
    expected = [_lufs(visit.sound), _lufs(after), _lufs(visit.sound) - _lufs(after)]
    assert shown == pytest.approx(expected, abs=0.1)


def test_before_and_after_are_equally_loud(visit: Visit) -> None:
    heard = {}
    for monitor, text in visit.saw["heard"].items():
        samples = np.frombuffer(base64.b64decode(text), dtype="<f4").reshape(2, -1)
        heard[monitor] = _lufs(Audio(samples, RATE_HZ))
    assert heard["dry"] == pytest.approx(_lufs(visit.sound), abs=0.3)  # a busy machine loses blocks of a recording; the gain is held above
    assert heard["eq"] == pytest.approx(heard["dry"], abs=0.3)


def _lufs(audio: Audio) -> float:
    meter = Loudness(audio.sample_rate_hz, audio.channels)
    meter.feed(audio.samples)
    found = meter.lufs
    assert found is not None
    return found


def test_the_map_blends_at_most_three_words_and_undo_takes_a_drag_as_one(visit: Visit) -> None:
    shares = [float(number) for number in re.findall(r"\d\.\d+", visit.saw["dragged"])]
    assert 2 <= len(shares) <= 3
    assert sum(shares) == pytest.approx(1.0, abs=0.02)
    assert visit.saw["moved_by_key"] != visit.saw["dragged"]
    assert visit.saw["undone"] == visit.saw["redone"] == visit.saw["dragged"]
    assert visit.saw["undone_drag"] == "warm"


def test_amounts_and_bands_are_set_by_hand(visit: Visit) -> None:
    assert float(visit.saw["intensity"]) == pytest.approx(1.2)
    assert "less muddy 0.5" in visit.saw["second"]
    assert visit.saw["handle_moved_db"] == pytest.approx(0.5, abs=0.011)
    bands = visit.saw["bands"]
    assert bands[0][0] == 123.0
    assert bands[1][1] > 0.5


def test_the_preset_is_read_back_and_holds_the_bands_that_were_shown(visit: Visit) -> None:
    preset = semeq_presets.read_file(visit.saved("preset"))
    assert isinstance(preset.eq, EqSettings)
    assert preset.words is None
    shown = np.array(visit.saw["bands"])
    kept = np.array([[band.freq_hz, band.gain_db, band.q] for band in preset.eq.bands])
    np.testing.assert_allclose(kept, shown, atol=0.006, rtol=6e-3)
    assert preset.sample_rate_hz == RATE_HZ


def test_words_that_nobody_changed_are_kept_as_words(visit: Visit) -> None:
    preset = semeq_presets.read_file(visit.saved("words"))
    assert preset.words is not None
    assert preset.words.target.weights["bright"] == 1.0
    assert preset.words.bundle_sha256 == load_bundle().identity


def test_the_saved_wave_is_what_python_computes(visit: Visit) -> None:
    preset = semeq_presets.read_file(visit.saved("preset"))
    expected = apply(preset.eq, visit.sound.samples.astype(np.float64), RATE_HZ)
    saved = read_audio(visit.saved("float32"))
    assert saved.sample_rate_hz == RATE_HZ
    assert relative_db(saved.samples, expected) <= MOST_RELATIVE_DB
    rounded = read_audio(visit.saved("wave24"))
    assert np.max(np.abs(rounded.samples - expected)) <= 2.0**-24 + 2.0**-25  # half a step of 24 bits, and float32 before it


def test_links_and_files_recall_the_state(visit: Visit) -> None:
    here, there = visit.saw["mix_by_link"]
    assert here == there == visit.saw["mix_by_file"]
    np.testing.assert_allclose(visit.saw["bands_by_link"], visit.saw["bands"], rtol=2e-3, atol=0.011)
    assert "wram" in visit.saw["wrong_link"]


def test_what_cannot_be_is_one_line(visit: Visit) -> None:
    assert "zzyzx" in visit.saw["unknown_word"]
    assert visit.saw["broken_file"].startswith("broken.wav cannot be decoded here")
    assert visit.saw["no_worklets"].startswith("this page has no audio worklets")
    assert visit.saw["clip_after_broken"] == "sound.wav · 44.1 kHz"


@pytest.mark.parametrize("where", ["dark", "light", "phone", "help"])
def test_axe_finds_nothing(visit: Visit, where: str) -> None:
    assert visit.saw["axe"][where] == []


def test_the_page_fits_a_phone(visit: Visit) -> None:
    assert visit.saw["phone_scrolls_sideways"] is False


def test_a_long_sound_plays_soon(visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{LONG_S} s of stereo: playing after {visit.saw['long_seconds']:.2f} s\n")
    assert visit.saw["long_seconds"] < 20.0


def test_a_sound_of_ones_own_is_not_compared_with_what_an_example_is(visit: Visit) -> None:
    assert visit.saw["compared_with"] == ["drums", "any"]


def test_a_served_page_exports_what_is_heard(tmp_path: Path) -> None:
    need_browser("/usr/bin/chromium")
    with served_page() as address:
        seen = saw("page_served.mjs", address, tmp_path)
    assert seen["errors"] == seen["axe"] == []
    assert "preamp_db against clipping" in seen["notes"]
    files = {kind: tmp_path / name for kind, name in seen["files"].items()}
    assert files["lsp-x16-lv2"].name == "warm.lv2.zip"
    with zipfile.ZipFile(files["lsp-x16-lv2"]) as packed:
        packed.extractall(tmp_path)
    heard = semeq_presets.read_file(files["preset"]).eq
    freqs_hz = np.geomspace(30.0, 16_000.0, 60)
    for exported in (tmp_path / "warm.lv2", files["eqapo"]):
        found = semeq_presets.read_file(exported).eq
        miss_db = response_db(found, freqs_hz, 48_000.0) - response_db(heard, freqs_hz, 48_000.0)
        assert np.ptp(miss_db) < 0.05  # a gain against clipping is no part of the curve
    assert [line.strip("✕ ") for line in seen["tracks"].splitlines()] == ["Bass.wav warm", "Drums.wav bright"]
    with zipfile.ZipFile(files["session"]) as project:
        audio = sorted(Path(name).name for name in project.namelist() if name.endswith(".wav"))
    assert audio == ["01-bass.wav", "02-drums.wav"]
    assert relative_db(read_audio(files["processed"]).samples, read_audio(files["sound"]).samples) <= MOST_RELATIVE_DB
