"""Poweramp presets: what the app's own files say, which of several is meant, and bands for one side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import semeq_presets as presets
from semeq_export.eq.biquad import response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset
from semeq_presets.file_formats.base import Choice

GOLDEN = Path(__file__).resolve().parent.parent / "golden/poweramp/stereo.poweramp.json"
FREQS_HZ = log_grid(200)


def read(*entries: dict[str, Any], choice: Choice | None = None) -> Preset:
    return presets.read(json.dumps(list(entries)).encode(), choice=choice or Choice())


def entry(*bands: dict[str, Any], name: str = "Warm", preamp: float = 0.0) -> dict[str, Any]:
    return {"name": name, "preamp": preamp, "parametric": True, "bands": list(bands)}


def band(code: int, freq_hz: float, gain_db: float = 0.0, q: float = 1.0, channels: int = 0, color: int = -5) -> dict[str, Any]:
    return {"type": code, "channels": channels, "frequency": freq_hz, "q": q, "gain": gain_db, "color": color}


def test_the_golden_is_read_and_written_back() -> None:
    preset = presets.read_file(GOLDEN)
    assert (preset.format, preset.name, preset.notes) == ("poweramp", "Warm", ())
    shelf = Band("low_shelf", 105.0, 8.100000381469727, 0.699999988079071)
    steep = Band("high_pass", 25.0, q=0.7070000171661377)
    left = (shelf, Band("peak", 1_604.0, -2.700000047683716, 1.2300000190734863), steep)
    right = (shelf, Band("high_shelf", 10_000.0, -7.5, 0.699999988079071), steep)
    assert preset.eq == ChannelEqs((("left", EqSettings(left, -5.5)), ("right", EqSettings(right, -5.5))))
    assert list(presets.write(preset, "poweramp").files.values()) == [GOLDEN.read_bytes()]


def test_a_change_keeps_colors_and_what_both_channels_share() -> None:
    preset = presets.read_file(GOLDEN)
    assert isinstance(preset.eq, ChannelEqs)
    left = replace(preset.eq["left"], bands=(preset.eq["left"].bands[0], Band("peak", 1_604.0, -3.0, 1.0), preset.eq["left"].bands[2]))
    changed = ChannelEqs((("left", left), ("right", preset.eq["right"])))
    (data,) = presets.write(replace(preset, eq=changed), "poweramp").files.values()
    assert [(item["type"], item["channels"], item["color"]) for item in json.loads(data)[0]["bands"]] == [
        (0, 0, 0),
        (1, 0, 0),
        (4, 0, -15623885),
        (3, 1, 0),
        (5, 2, -352331),
        (1, 0, -1235233),
    ]
    assert presets.read(data).eq == changed


def test_levels_that_differ_are_written_as_shelves_that_make_a_level() -> None:
    eqs = ChannelEqs((("left", EqSettings((), -2.0)), ("right", EqSettings((Band("peak", 400.0, 2.0, 1.0),), 9.0))))
    back = presets.read(presets.write(eqs, "poweramp").files)
    assert isinstance(back.eq, ChannelEqs)
    for name, eq in eqs:
        assert np.max(np.abs(response_db(back.eq[name], FREQS_HZ, 48_000.0) - response_db(eq, FREQS_HZ, 48_000.0))) < 1e-9


def test_a_dial_that_is_turned_is_said_with_its_size() -> None:
    dials = (band(0, 90, 4.0, 0.8, color=0), band(1, 10_000, 0.0, 0.6, color=0))
    preset = read(entry(*dials, band(3, 1_000, 3.0)))
    assert preset.eq == EqSettings((Band("peak", 1_000.0, 3.0, 1.0),))
    assert [(note.kind, note.error_db, note.at_hz) for note in preset.notes] == [("unknown", 4.0, 90.0)]
    with pytest.raises(PresetReadError, match=r"^nothing of its sound can be read: preset band 1: the bass dial at 4 dB is not read$"):
        read(entry(*dials))


def test_of_several_presets_one_is_chosen_by_name_or_number() -> None:
    several = (entry(band(3, 100, 1.0), name="A"), entry(band(3, 200, 2.0), name="B"))
    with pytest.raises(PresetReadError, match=r"^holds 2 presets: A, B; choose one with `preset_name`$"):
        read(*several)
    for wanted in ("B", "2"):
        preset = read(*several, choice=Choice(preset_name=wanted))
        assert (preset.name, preset.eq) == ("B", EqSettings((Band("peak", 200.0, 2.0, 1.0),)))
    with pytest.raises(PresetReadError, match=r"^has no preset 'C'; there are A, B, or their numbers from 1$"):
        read(*several, choice=Choice(preset_name="C"))
    (data,) = presets.write(replace(preset, eq=EqSettings((), -1.0)), "poweramp").files.values()
    assert [(item["name"], item["preamp"], len(item["bands"])) for item in json.loads(data)] == [("A", 0.0, 1), ("B", -1.0, 2)]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        (
            [entry(band(0, 105, 6.0))],
            r"^preset band 1: type 0 with a gain of 6 dB may be a pass or a shelf; write type 4 or 5, or a gain of 0$",
        ),
        ([entry(band(6, 105))], r"^preset band 1: type 6 is not 0\.\.5$"),
        ([entry(band(3, 105, channels=3))], r"^preset band 1: channels 3 is not 0, 1 or 2$"),
        (
            [{**entry(), "parametric": False}],
            r"^preset: is a graphic preset, whose layout is not known; save it as a parametric one in Poweramp$",
        ),
        ([{**entry(), "preamp": "1"}], r"^preset: preamp '1' is not a number$"),
        ([{**entry(), "bands": 3}], r"^preset bands: is missing or not a list$"),
    ],
)
def test_what_is_not_understood_is_refused(entries: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        read(*entries)
