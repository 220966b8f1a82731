"""Peace files: every kind of filter as Equalizer APO plays it (by host_maths, which shares no code), and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import cases
from host_maths import peace
from host_maths.sections import Grid

import semeq_presets as presets
from semeq_export.eq.biquad import audible_db, response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError

GOLDEN = Path(__file__).resolve().parent.parent / "golden/peace/kinds.peace"
FREQS_HZ = log_grid(200)
ORDERS = {10: (1, 2, 3, 4, 8, 16), 11: (1, 2, 3, 5), 12: (2, 4, 8), 13: (2, 4, 6)}
SLOPES = (6.0, 9.0, 12.0)


def text_of(filters: list[dict[str, object]], targets: str = "all", preamp: object = 0) -> bytes:
    lines = ["[Speakers]", "SpeakerId0=0", f"SpeakerTargets0={targets}", "SpeakerName0=All", "[General]", f"PreAmp={preamp}"]
    for section, name in (("Frequencies", "Frequency"), ("Gains", "Gain"), ("Qualities", "Quality"), ("Filters", "Filter")):
        lines += [f"[{section}]", *(f"{name}{count}={one[name]}" for count, one in enumerate(filters, start=1) if name in one)]
    return "\n".join([*lines, ""]).encode()


def one(code: int | None, freq_hz: object = 1_000, gain_db: object = 6, quality: object = 1) -> bytes:
    held: dict[str, object] = {"Frequency": freq_hz, "Gain": gain_db, "Quality": quality}
    return text_of([held if code is None else {**held, "Filter": code}])


@pytest.mark.parametrize("code", [None, *range(18)])
def test_each_kind_sounds_as_equalizer_apo_plays_it(code: int | None, tmp_path: Path) -> None:
    rng = np.random.default_rng(code if code is not None else 99)
    path = tmp_path / "one.peace"
    for _ in range(cases(5, 15, 50)):
        freq_hz = round(float(np.exp(rng.uniform(math.log(30.0), math.log(15_000.0)))), 2)
        quality = rng.choice(ORDERS.get(code or 0, SLOPES if code in (8, 9) else (0.3, 0.7071, 1.5, 8.0)))
        gain_db = round(float(rng.uniform(-12.0, 12.0)), 1) if code not in (16, 17) else 2.0  # corners far from the centre
        path.write_bytes(one(code, freq_hz, gain_db, quality))
        preset = presets.read_file(path)
        assert isinstance(preset.eq, EqSettings)
        wanted_db = peace.evaluate(path, Grid(FREQS_HZ)).channels["L"]
        got_db = response_db(preset.eq, FREQS_HZ, 48_000.0)
        audible = wanted_db > -60.0
        assert np.max(np.abs(got_db - wanted_db)[audible], initial=0.0) <= 1e-3, (freq_hz, gain_db, quality)
        assert presets.write(preset, "peace").files == {"preset.peace": path.read_bytes()}


def test_the_golden_is_read_as_worked_out() -> None:
    preset = presets.read_file(GOLDEN)
    assert preset.format == "peace"
    assert preset.notes == () or all(note.kind == "approximated" for note in preset.notes)
    a = 10.0 ** (-6.0 / 40.0)
    inverse = (1.0 / 0.64 - 2.0) / (a + 1.0 / a) + 1.0
    assert isinstance(preset.eq, EqSettings)
    low, peak, high, corner, *steep, first, second, bare = preset.eq.bands
    assert (low, peak) == (Band("low_shelf", 105.0, 8.1, 0.7), Band("peak", 1_604.0, -2.7, 1.23))
    assert (high.kind, high.freq_hz, high.gain_db, round(high.q, 5)) == (BandKind.HIGH_SHELF, 7_200.5, -4.0, 0.70711)
    assert corner.freq_hz == pytest.approx(9_000.0 / 10.0 ** (6.0 / 80.0 * inverse))
    assert (corner.kind, corner.q) == (BandKind.HIGH_SHELF, 0.8)
    assert [(band.kind, band.freq_hz, round(band.q, 4)) for band in steep] == [("high_pass", 30.0, 1.3066), ("high_pass", 30.0, 0.5412)]
    assert first == second == Band("low_pass", 17_000.0)
    assert (bare.kind, bare.freq_hz, bare.gain_db) == (BandKind.LOW_SHELF, 60.0, 3.0)
    assert preset.eq.preamp_db == -5.9


def test_a_change_keeps_other_sections_and_line_ends() -> None:
    preset = presets.read_file(GOLDEN)
    (text,) = presets.write(
        replace(preset, eq=EqSettings((Band("peak", 104.937, 1.5, 2.0), Band("notch", 50.0, q=30.0)), -1.0)), "peace"
    ).files.values()
    assert text == GOLDEN.read_bytes().split(b"[General]")[0] + (
        b"[General]\r\nPreAmp=-1\r\n[Frequencies]\r\nFrequency1=104.9370\r\nFrequency2=50\r\n[Gains]\r\nGain1=1.5\r\nGain2=0\r\n"
        b"[Qualities]\r\nQuality1=2\r\nQuality2=30\r\n[Filters]\r\nFilter2=6\r\n"
    )


def test_passes_of_a_high_order_become_sections() -> None:
    eq = EqSettings((Band("high_pass", 40.0, order=5), Band("low_pass", 9_000.0, q=1.1, order=4)))
    back = presets.read(presets.write(eq, "peace").files)
    assert isinstance(back.eq, EqSettings)
    assert [band.order for band in back.eq.bands] == [2, 2, 1, 2, 2]
    assert np.max(np.abs(audible_db(back.eq, FREQS_HZ, 48_000.0) - audible_db(eq, FREQS_HZ, 48_000.0))) <= 1e-3


def test_the_first_speaker_says_which_channels_are_meant() -> None:
    preset = presets.read(text_of([{"Frequency": 100, "Gain": 3, "Quality": 1}], targets="R", preamp=-2), filename="a.peace")
    assert preset.eq == ChannelEqs((("right", EqSettings((Band("peak", 100.0, 3.0, 1.0),), -2.0)),))


def test_decimal_commas_and_utf_16_are_read() -> None:
    plain = presets.read(one(None, 1_000, 2.5, 1.5)).eq
    assert presets.read(one(None, 1_000, "2,5", "1,5")).eq == plain
    assert presets.read(one(None, 1_000, 2.5, 1.5).decode().encode("utf-16"), "peace").eq == plain


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (one(18), r"^filter 1: type 18 is not 0\.\.17$"),
        (one(10, quality=2.5), r"^filter 1: quality 2\.5 is no order of Butterworth$"),
        (one(12, quality=3), r"^filter 1: quality 3 is no order of Linkwitz-Riley, which is even$"),
        (one(10, quality=40), r"^filter 1: a pass of order 40 is over the limit of 16$"),
        (one(None, freq_hz=""), r"^filter 1: Frequency is empty$"),
        (one(None, quality=0), r"^nothing of its sound can be read: filter 1: is skipped by Equalizer APO: q is missing$"),
        (text_of([], targets="X"), r"^Speakers: speaker 0 has the targets 'X', of which not all are channels$"),
        (
            one(None) + b"[Frequencies2]\nFrequency1=9\n",
            r"^section 'frequencies2' may be of another speaker, which is not read",
        ),
        (one(None).replace(b"Gain1", b"Gain1_1"), r"^Gains: 'gain1_1' may be of another speaker, which is not read"),
        (one(None).replace(b"Gain1=6", b"Gain1=6\nGain1=7"), r"^line 11: 'Gain1' stands twice$"),
        (b"[Speakers]\n", r"^has no section \[Frequencies\]$"),
    ],
)
def test_what_is_not_understood_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        presets.read(data, filename="a.peace")


def test_other_sections_are_said() -> None:
    preset = presets.read(one(None) + b"[Effects]\nDelay=3\n", filename="a.peace")
    assert [str(note) for note in preset.notes] == ["[effects] 1 keys, the first 'delay', is not read (unknown)"]
