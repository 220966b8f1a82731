"""Logic's Channel EQ: eight bands of floats, cuts by their slope, and what nobody knows of a slope said in dB."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from conftest import cases
from preset_files import GOLDEN
from strategies import random_settings_inside

import semeq_presets as presets
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Preset

WARM = (GOLDEN / "logic-channel-eq/warm.pst").read_bytes()


def eq_of(preset: Preset) -> EqSettings:
    assert isinstance(preset.eq, EqSettings)
    return preset.eq


def with_float(data: bytes, index: int, value: float) -> bytes:
    at = 24 + 4 * index
    return data[:at] + struct.pack("<f", value) + data[at + 4 :]


def test_the_golden_is_read_and_written_back() -> None:
    preset = presets.read(WARM)
    assert preset.format == "logic-channel-eq"
    rounded = [(held.kind.value, held.freq_hz, round(held.gain_db, 5), round(held.q, 5), held.enabled) for held in eq_of(preset).bands]
    assert rounded == [
        ("high_pass", 30.0, 0.0, 0.71, True),
        ("low_shelf", 105.0, 8.1, 0.7, True),
        ("peak", 1_604.0, -2.7, 1.23, True),
        ("high_shelf", 10_000.0, -7.5, 0.7, False),
    ]
    assert eq_of(preset).preamp_db == pytest.approx(-5.9)
    assert [(note.kind, note.error_db is not None) for note in preset.notes] == [
        ("approximated", True),
        ("unknown", True),
        ("approximated", False),
    ]
    assert presets.write(preset, "logic-channel-eq").files == {"preset.pst": WARM}


def test_a_changed_preset_keeps_its_other_numbers_and_its_unknown_cut() -> None:
    preset = presets.read(WARM)
    bands = (replace(eq_of(preset).bands[0], freq_hz=40.0), *eq_of(preset).bands[1:])
    (after,) = presets.write(replace(preset, eq=EqSettings(bands, -3.0)), "logic-channel-eq").files.values()
    expected = with_float(with_float(WARM, 2, 40.0), 33, -3.0)
    assert after == expected
    with pytest.raises(PresetWriteError, match=r"no slot is left for low_pass 9000 Hz q 0\.7071; 1 of the file are of unknown slope"):
        presets.write(replace(preset, eq=EqSettings((*bands, Band(BandKind.LOW_PASS, 9_000.0)))), "logic-channel-eq")


def test_cuts_and_bands_of_every_place_come_back() -> None:
    info = presets.get("logic-channel-eq").info
    rng = np.random.default_rng(7)
    for eq in random_settings_inside(cases(50, 150, 500), 3, info.limits):
        cuts = [
            Band(kind, float(rng.uniform(20.0, 20_000.0)), q=float(rng.uniform(0.1, 5.0)), order=int(rng.integers(1, 5)))
            for kind in (BandKind.HIGH_PASS, BandKind.LOW_PASS)
            if rng.random() < 0.7
        ]
        wanted = EqSettings((*cuts, *eq.bands), eq.preamp_db)
        written = presets.write(wanted, info.id)
        back = presets.read(written.files, info.id)
        assert all(note.kind == "approximated" for note in back.notes)
        difference = back.response_db(log_grid(300)) - Preset(wanted).response_db(log_grid(300))
        assert np.max(np.abs(difference)) <= info.precision_db
        assert presets.write(back, info.id).files == written.files


def test_new_files_are_laid_out_as_logics() -> None:
    (data,) = presets.write(EqSettings((Band("peak", 1_000.0, 3.0, 2.0),), -1.0), "logic-channel-eq").files.values()
    assert (len(data), data[:24]) == (240, WARM[:24])
    assert data[-8:] == WARM[-8:]
    floats = struct.unpack("<52f", data[24:-8])
    assert floats[9:13] == (1.0, 1_000.0, 3.0, 2.0)
    assert [floats[1 + 4 * index] for index in (0, 1, 3, 4, 5, 6, 7)] == [0.0] * 7
    assert (floats[33], floats[42]) == (-1.0, 0.0)


@pytest.mark.parametrize(("slope", "order"), [(1.0, 1), (2.0, 2), (3.0, 3), (4.0, 4), (5.0, 6), (6.0, 6), (8.0, 8)])
def test_slopes_are_orders_and_say_how_sure_they_are(slope: float, order: int) -> None:
    preset = presets.read(with_float(WARM, 3, slope))
    assert eq_of(preset).bands[0].order == order
    assert str(preset.notes[0]).startswith(f"band 1 of the file: slope {slope:g} -> {6 * order} dB/oct, not measured; it may be ")


@pytest.mark.parametrize("slope", [0.0, 7.0, 2.5, -1.0, 1e30])
def test_a_cut_of_another_slope_is_left_out_with_its_size(slope: float) -> None:
    preset = presets.read(with_float(WARM, 3, slope))
    assert eq_of(preset).bands[0].kind is BandKind.LOW_SHELF
    assert preset.notes[0].error_db == pytest.approx(10.0 * np.log10(1.0 + 1.5**8), abs=0.05)  # a cut of 24 dB/oct at 30 Hz, heard at 20 Hz
    assert preset.notes[0].at_hz == pytest.approx(20.0)


def test_gain_q_coupling_is_said_where_it_can_matter() -> None:
    assert [note.field for note in presets.read(with_float(WARM, 42, 0.0)).notes if note.field == "q"] == []
    assert [note.field for note in presets.read(with_float(WARM, 15, 0.0)).notes if note.field == "q"] == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (WARM.replace(b"GAMETSPP", b"GAMETSPQ"), "offset 0xc: is no preset of a plug-in of Logic's own"),
        (WARM[:20] + struct.pack("<I", 154) + WARM[24:], "offset 0x14: is a preset of Logic's plug-in 154, expected 236"),
        (WARM[:8] + struct.pack("<I", 40) + WARM[12:], "offset 0x8: says 40 numbers, expected 43..54"),
        (WARM[:8] + struct.pack("<I", 2**32 - 1) + WARM[12:], "offset 0x8: says 4294967295 numbers"),
        (with_float(WARM, 10, float("nan")), "freq_hz is nan"),
        (with_float(WARM, 6, -3.0), "band 2 of the file: freq_hz -3.0"),
        (with_float(WARM, 33, 1e9), "offset 0x9c: preamp_db"),
        (WARM[:100], "offset 0x8: says 52 numbers, expected 43..19"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(data, "logic-channel-eq")
    assert says in str(caught.value)
