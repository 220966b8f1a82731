"""Impulse responses whose channels differ: an EQ each, there and back."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategies import T5

import semeq_presets as presets
from semeq_export.arrays import Float64Array
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden/fir"
ABOVE_40_HZ = log_grid(200, 40.0)


def wav(samples: Float64Array) -> bytes:
    """A WAV file of float32 samples (channels, n) at 48 kHz."""
    channels = len(samples)
    data = samples.T.astype("<f4").tobytes()
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, channels, 48_000, 48_000 * 4 * channels, 4 * channels, 32)
    body = b"WAVE" + head + struct.pack("<4sI", b"data", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rows_of(data: bytes) -> Float64Array:
    """The samples (channels, n) of a file of ours."""
    channels = struct.unpack_from("<H", data, 22)[0]
    return np.frombuffer(data.split(b"data", 1)[1][4:], "<f4").reshape(-1, channels).T.astype(np.float64)


@pytest.mark.parametrize("name", ["left-right.wav", "true-stereo.wav"])
def test_left_and_right_have_the_response_of_their_own_taps(name: str) -> None:
    preset = presets.read((GOLDEN / name).read_bytes(), "fir")
    assert isinstance(preset.eq, ChannelEqs)
    assert (preset.eq.names, preset.notes) == (("left", "right"), ())
    w = 2.0 * np.pi * ABOVE_40_HZ / preset.sample_rate_hz
    for side, taps in (("left", (0.5, -0.25, 0.0)), ("right", (1.0, 0.0, -0.5))):
        wanted = 20.0 * np.log10(np.abs(sum(tap * np.exp(-1j * w * index) for index, tap in enumerate(taps))))
        assert preset.of_channel(side).response_db(ABOVE_40_HZ) == pytest.approx(wanted, abs=2e-3)
    assert presets.write(preset, "fir").files["preset.wav"] == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("format_id", ["fir", "fir-linear"])
def test_channels_are_written_where_they_belong(format_id: str) -> None:
    dip = EqSettings((Band("peak", 1_000.0, -9.0, 2.0),))
    (data,) = presets.write(ChannelEqs((("right", T5), ("center", dip))), format_id).files.values()
    rows = rows_of(data)
    assert rows.shape[0] == 3
    assert np.count_nonzero(rows[0]) == 1  # left has no EQ
    back = presets.read(data, format_id)
    assert isinstance(back.eq, ChannelEqs)
    assert back.eq.names == ("1", "2", "3")
    for number, eq in (("1", EqSettings()), ("2", T5), ("3", dip)):
        off = back.of_channel(number).response_db(ABOVE_40_HZ) - Preset(eq).response_db(ABOVE_40_HZ)
        assert np.max(np.abs(off)) <= 0.1
    if format_id == "fir-linear":
        assert np.array_equal(rows, rows[:, ::-1])
        assert {int(np.argmax(np.abs(row))) for row in rows} == {rows.shape[1] // 2}  # all of one delay


def test_paths_across_are_said_with_their_size() -> None:
    taps = np.zeros((4, 8))
    taps[:, 0] = 1.0, 0.1, 0.1, 1.0
    preset = presets.read(wav(taps), "fir")
    assert isinstance(preset.eq, ChannelEqs)
    assert preset.eq.names == ("1", "2", "3", "4")
    (note,) = preset.notes
    assert str(note).startswith(
        "channels 2 and 3 of 4 paths from one side to the other, -20.0 dB at most, if it is true stereo, are not read"
    )
    assert note.error_db == pytest.approx(40.0)
    with pytest.raises(PresetWriteError, match=r"1, 2, 3, 4 differ by 20\.00 dB at .* choose one with `channel`"):
        presets.write(replace(preset, source=None, format=""), "proq3")


def test_a_silent_channel_beside_another_is_read_and_two_silent_ones_are_refused() -> None:
    taps = np.zeros((2, 8))
    with pytest.raises(PresetReadError, match="the impulse response is silent"):
        presets.read(wav(taps), "fir")
    taps[0, 0] = 1.0
    right = presets.read(wav(taps), "fir").of_channel("right")
    assert right.response_db(ABOVE_40_HZ) == pytest.approx(-200.0)


def test_mid_and_side_are_refused_and_the_same_in_both_is_one_eq() -> None:
    with pytest.raises(PresetWriteError, match="^fir has no place for mid and side; choose one with `channel`$"):
        presets.write(ChannelEqs((("mid", T5), ("side", EqSettings()))), "fir")
    with pytest.raises(PresetWriteError, match="^fir holds 8 channels, none 9; choose one with `channel`$"):
        presets.write(ChannelEqs((("9", T5),)), "fir")
    (data,) = presets.write(ChannelEqs((("mid", T5), ("side", T5))), "fir").files.values()
    assert isinstance(presets.read(data, "fir").eq, EqSettings)


def test_filters_without_a_gain_are_written_as_they_are() -> None:
    eq = EqSettings((Band("high_pass", 60.0, order=8), Band("notch", 3_000.0, 0.0, 4.0), Band("low_pass", 9_000.0, order=3)))
    written = presets.write(eq, "fir")
    assert written.notes == ()
    back = presets.read(written.files, "fir")
    off = np.maximum(back.response_db(ABOVE_40_HZ), -60.0) - np.maximum(Preset(eq).response_db(ABOVE_40_HZ), -60.0)
    assert np.max(np.abs(off)) <= 0.1
