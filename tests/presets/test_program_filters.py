"""Filters beyond shelves and peaks in the formats of programs: read as the program plays them, and what is not is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategies import T5

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FREQS_HZ = log_grid(300)


def content(files: presets.Files) -> bytes:
    (data,) = files.values()
    return data


def off_by_db(back: Preset, eq: EqSettings) -> float:
    return float(np.max(np.abs(back.response_db(FREQS_HZ) - Preset(eq).response_db(FREQS_HZ))))


def test_ffmpeg_filters_of_each_width_and_channel_are_what_ffmpeg_makes_of_them() -> None:
    """FFmpeg 5.1.9 plays the file so: 6e-7 dB at 48 kHz, the two filters left out that are none of ours."""
    preset = presets.read((GOLDEN / "ffmpeg/kinds.ffmpeg.txt").read_bytes(), filename="kinds.ffmpeg.txt")
    assert isinstance(preset.eq, ChannelEqs)
    assert preset.eq.names == ("left", "right")
    left, right = preset.eq["left"], preset.eq["right"]
    tone = Band(BandKind.HIGH_SHELF, 6_000.0, -2.0, right.bands[5].q)
    assert right.bands == (*left.bands[:5], tone, *left.bands[5:])
    assert [str(band) for band in right.bands] == [
        "high_pass 40 Hz q 0.707",
        "high_shelf 10772.4 Hz -2.80353 dB order 1",
        "peak 1000 Hz 3 dB q 1.41002",
        "notch 50 Hz q 10",
        "low_shelf 100 Hz 4 dB q 0.848528",
        "high_shelf 6000 Hz -2 dB q 0.632036",
        "band_pass 700 Hz q 0.5",
        "all_pass 900 Hz order 1",
        "low_shelf 200 Hz -3 dB order 1",
    ]
    assert left.preamp_db == pytest.approx(-3.0 - 2 * 6.0206, abs=1e-4)
    assert right.preamp_db == pytest.approx(-3.0 - 6.0206, abs=1e-4)
    assert [note.field for note in preset.notes] == ["filter 2", "filter 3", "filter 5", "filter 11"]
    assert [note.error_db for note in preset.notes[:2]] == pytest.approx([1.953, 0.003], abs=1e-3)


def test_a_changed_ffmpeg_channel_keeps_the_other_and_what_was_not_read() -> None:
    preset = presets.read((GOLDEN / "ffmpeg/kinds.ffmpeg.txt").read_bytes(), "ffmpeg")
    assert isinstance(preset.eq, ChannelEqs)
    eqs = ChannelEqs((("left", EqSettings(T5.bands, -2.0)), ("right", EqSettings(preset.eq["right"].bands[2:], -1.0))))
    text = content(presets.write(replace(preset, eq=eqs), "ffmpeg").files)
    back = presets.read(text, "ffmpeg")
    assert isinstance(back.eq, ChannelEqs)
    for name, eq in eqs:
        assert off_by_db(back.of_channel(name), eq) <= 1e-5
    assert b"acompressor=ratio=2" in text
    assert text.count(b":c=FR") == 8
    single = presets.read(content(presets.write(replace(preset, eq=T5), "ffmpeg").files), "ffmpeg")
    assert off_by_db(single, T5) <= 1e-5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("equalizer=f=100:t=q:w=1:g=3:c=TFL,volume=1", "filter 1: channel 'TFL' is not one of FL, FR"),
        ("equalizer=f=100:t=q:w=1:g=3:c=FL+", "filter 1: channel '' is not one of FL, FR"),
        ("highpass=f=0", "filter 1: freq_hz 0.0 is not above 0"),
        ("lowpass=f=1:p=1", "filter 1: gain_db"),
        ("lowpass=200:x:1", "holds no equalizer, shelf, pass or volume that can be read"),
        ("highpass=f=200:n=1", "holds no equalizer, shelf, pass or volume that can be read"),
        ("equalizer=f=100:t=z:w=1:g=3", "holds no equalizer, shelf, pass or volume that can be read"),
        ("equalizer=f=100:t=o:w=9999:g=3", "holds no equalizer, shelf, pass or volume that can be read"),
    ],
)
def test_what_ffmpeg_plays_otherwise_is_refused(text: str, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(text.encode(), "ffmpeg")
    assert says in str(caught.value)


def test_a_rewritten_band_pass_of_constant_skirt_takes_its_level_into_the_preamp() -> None:
    preset = presets.read(b"bandpass=f=700:t=q:w=2:csg=1,equalizer=f=100:t=q:w=1:g=3,volume=-1dB", "ffmpeg")
    assert isinstance(preset.eq, EqSettings)
    assert preset.eq.preamp_db == pytest.approx(5.0206, abs=1e-4)
    first, second = preset.eq.bands
    louder = EqSettings((first, replace(second, gain_db=4.0)), preset.eq.preamp_db)
    moved = EqSettings((replace(first, freq_hz=900.0), second), preset.eq.preamp_db)
    quiet = EqSettings((first, second), 0.0)
    for eq, kept in ((louder, True), (moved, False), (quiet, True)):
        text = content(presets.write(replace(preset, eq=eq), "ffmpeg").files)
        assert (b"csg=1" in text) == kept
        assert off_by_db(presets.read(text, "ffmpeg"), eq) <= 1e-9


def test_sox_filters_of_each_width_are_what_sox_makes_of_them() -> None:
    """SoX 14.4.2 plays the file so: 0.011 dB at the bottom of the notch, the two effects left out that are none of ours."""
    preset = presets.read((GOLDEN / "sox/kinds.sox.txt").read_bytes(), filename="kinds.sox.txt")
    assert isinstance(preset.eq, EqSettings)
    assert [str(band) for band in preset.eq.bands] == [
        "high_pass 29.9999 Hz order 1",
        "high_pass 40 Hz q 0.707107",
        "low_pass 14000 Hz q 0.9",
        "band_pass 700 Hz q 1.4",
        "notch 50 Hz q 10",
        "all_pass 900 Hz q 1.3",
        "low_shelf 100 Hz 4 dB q 0.496705",
        "high_shelf 6000 Hz -2 dB q 0.499173",
        "peak 1000 Hz 3 dB q 1.41002",
    ]
    assert preset.eq.preamp_db == pytest.approx(-18.0 + 2.9226, abs=1e-4)
    assert [note.field for note in preset.notes] == ["effect 2", "effect 8", "effect 11", "effect 12"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bass 3 100 1q highpass -1 0", "effect 2: freq_hz 0.0 is not above 0"),
        ("bass 3 100 1q bandpass 700", "effect 2 'bandpass 700' is not read"),
        ("bass 3 100 1q equalizer 700 1s 3", "effect 2 'equalizer 700 1s 3' is not read"),
        ("bass 3 100 1q highpass -c 700", "effect 2: frequency '-c' is not a number"),
        ("bass 3 100 1q lowpass 700 0.1h", "effect 2 'lowpass 700 0.1h' is not read"),
        ("bass 3 100 1q equalizer 22500 1o 3", "effect 2 equalizer depends on the sample rate -> as at 48000 Hz"),
    ],
)
def test_what_sox_takes_otherwise_is_said(text: str, says: str) -> None:
    try:
        said = "; ".join(str(note) for note in presets.read(text.encode(), "sox").notes)
    except PresetReadError as error:
        said = str(error)
    assert says in said


def test_faust_stages_of_other_hands_are_what_faust_makes_of_them() -> None:
    """Faust 2.54.9 plays the program so (5e-8 dB)."""
    stages = [
        "fi.svf.bp(700, 2)",
        "fi.lowpass(5, 3000)",
        "fi.highpass(1, 40)",
        "fi.svf.notch(60, 4) / 2",
        "fi.svf.lp(900, 2) : fi.svf.lp(900, 1)",
    ]
    lines = "".join(f"  : {stage}\n" for stage in stages)
    preset = presets.read(f'import("stdfaust.lib");\neq = _\n{lines}  ;\nprocess = eq, eq;\n'.encode(), "faust")
    assert isinstance(preset.eq, EqSettings)
    assert [str(band) for band in preset.eq.bands] == [
        "band_pass 700 Hz q 2",
        "low_pass 3000 Hz q 0.7071 order 5",
        "high_pass 40 Hz order 1",
        "notch 60 Hz q 4",
    ]
    assert preset.eq.preamp_db == pytest.approx(0.0, abs=1e-9)
    assert [note.field for note in preset.notes] == ["line 7"]


def test_a_script_that_knows_too_few_types_becomes_the_second_one() -> None:
    first = presets.read(content(presets.write(Preset(T5, name="Mine"), "jsfx").files))
    bands = (*T5.bands[:4], Band(BandKind.HIGH_PASS, 60.0, 0.0, 0.9))
    text = content(presets.write(replace(first, eq=EqSettings(bands)), "jsfx").files)
    assert text.startswith(b"desc:Mine\n// semeq EQ script 2: ")
    second = presets.read(text)
    assert second.eq == EqSettings(bands)
    assert second.notes == ()
    again = content(presets.write(replace(second, eq=EqSettings(T5.bands)), "jsfx").files)
    assert presets.read(again).eq == T5
    with pytest.raises(PresetReadError, match=r"Type 13 not 0\.\.12"):
        presets.read(text.replace(b"slider23:3<", b"slider23:13<"), "jsfx")
