"""Loudness against the standard's own numbers, EBU Tech 3341's signals and ffmpeg's meter."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import cases, skip_or_fail

from semeq_export.audio.k_weighting import k_weighting
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import open_audio
from semeq_export.audio.samples import AudioInfo
from semeq_export.audio.speakers import layout_doubt, loudness_weights
from semeq_export.audio.wav import WavChunks, WavFile


def measured(samples: np.ndarray, rate_hz: float = 48_000.0, block: int = 5_000) -> float | None:
    meter = Loudness(rate_hz, len(samples))
    for start in range(0, samples.shape[1], block):
        meter.feed(samples[:, start : start + block])
    return meter.lufs


def tone(level_db: float, seconds: float, rate_hz: float = 48_000.0, channels: int = 2) -> np.ndarray:
    n = np.arange(int(seconds * rate_hz))
    return np.tile(10 ** (level_db / 20) * np.sin(2 * np.pi * 1_000 * n / rate_hz), (channels, 1))


def test_the_filters_are_those_of_the_standard() -> None:
    """ITU-R BS.1770-4, tables 1 and 2."""
    expected = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
    np.testing.assert_allclose(k_weighting(48_000), expected, atol=1e-12)


@pytest.mark.parametrize("rate_hz", [32_000, 44_100, 48_000, 96_000, 192_000])
def test_a_tone_of_minus_23_is_minus_23(rate_hz: int) -> None:
    """Tech 3341, cases 1 and 2; stereo, 1 kHz."""
    assert measured(tone(-23.0, 5.0, rate_hz), rate_hz) == pytest.approx(-23.0, abs=0.05)
    assert measured(tone(-33.0, 5.0, rate_hz), rate_hz) == pytest.approx(-33.0, abs=0.05)


def test_quiet_passages_are_gated_away() -> None:
    """Tech 3341, cases 3 and 4."""
    parts = [tone(level, seconds) for level, seconds in ((-36.0, 10), (-23.0, 60), (-36.0, 10))]
    assert measured(np.concatenate(parts, axis=1)) == pytest.approx(-23.0, abs=0.1)
    parts = [tone(-72.0, 10), *parts, tone(-72.0, 10)]
    assert measured(np.concatenate(parts, axis=1)) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("block", [999, 4_800, 100_000, 1][: cases(3, 4)])
def test_the_block_size_changes_next_to_nothing(block: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, (2, 30_000))
    assert measured(noise, block=block) == pytest.approx(measured(noise), abs=1e-9)


@pytest.mark.parametrize("samples", [np.zeros((2, 96_000)), np.zeros((1, 0)), np.full((1, 19_199), 0.5), tone(-80.0, 2.0)])
def test_silence_and_less_than_a_block_have_no_loudness(samples: np.ndarray) -> None:
    assert measured(samples) is None


AZIMUTHS = {  # of BS.2051's layouts, degrees to either side and up; None: LFE
    0x3: [(30, 0), (30, 0)],
    0x3F: [(30, 0), (30, 0), (0, 0), None, (110, 0), (110, 0)],
    0x60F: [(30, 0), (30, 0), (0, 0), None, (110, 0), (110, 0)],
    0x63F: [(30, 0), (30, 0), (0, 0), None, (135, 0), (135, 0), (90, 0), (90, 0)],
    0x70F: [(30, 0), (30, 0), (0, 0), None, (180, 0), (90, 0), (90, 0)],
    0x503F: [(30, 0), (30, 0), (0, 0), None, (110, 0), (110, 0), (30, 30), (30, 30)],
    0x2D63F: [(30, 0), (30, 0), (0, 0), None, (135, 0), (135, 0), (90, 0), (90, 0), (45, 30), (45, 30), (135, 30), (135, 30)],
}


@pytest.mark.parametrize("mask", AZIMUTHS)
def test_the_weights_are_those_of_the_speakers_places(mask: int) -> None:
    """ITU-R BS.1770-4, Annex 3, table 4: 1.41 for 60 to 120 degrees at less than 30 degrees up, 1.00 elsewhere; LFE left out."""
    places = AZIMUTHS[mask]
    expected = [0.0 if place is None else 1.41 if 60 <= place[0] <= 120 and place[1] < 30 else 1.0 for place in places]
    for stated in (mask, 0) if mask in (0x3, 0x3F, 0x63F, 0x70F, 0x2D63F) else (mask,):
        info = AudioInfo(48_000, len(places), 1, "WAVEX", "PCM_16", stated)
        assert loudness_weights(info).tolist() == expected
        assert bool(layout_doubt(info)) == (stated == 0 and len(places) > 2)


def test_channels_beyond_the_mask_count_one_and_ogg_has_its_own_order() -> None:
    assert loudness_weights(AudioInfo(48_000, 4, 1, "WAVEX", "PCM_16", 0x9)).tolist() == [1.0, 0.0, 1.0, 1.0]
    assert loudness_weights(AudioInfo(48_000, 2, 1, "WAVEX", "PCM_16", 0x3F)).tolist() == [1.0, 1.0]
    assert loudness_weights(AudioInfo(48_000, 10, 1, "WAV", "PCM_16")).tolist() == [1.0] * 10
    assert "all alike" in layout_doubt(AudioInfo(48_000, 10, 1, "WAV", "PCM_16"))
    assert loudness_weights(AudioInfo(48_000, 6, 1, "OGG", "VORBIS")).tolist() == [1.0, 1.0, 1.0, 1.41, 1.41, 0.0]


def test_a_surround_speaker_is_one_and_a_half_db_more() -> None:
    """The gain of a channel shows in the loudness of a tone in it alone."""
    weights = loudness_weights(AudioInfo(48_000, 6, 1, "WAVEX", "PCM_16", 0x3F))
    said = []
    for channel in range(6):
        samples = np.zeros((6, 144_000))
        samples[channel] = tone(-20.0, 3.0)[0]
        meter = Loudness(48_000, 6, weights)
        meter.feed(samples)
        said.append(meter.lufs)
    assert said[3] is None
    front = measured(tone(-20.0, 3.0, channels=1))
    assert front is not None
    surround = pytest.approx(front + 10 * np.log10(1.41), abs=1e-9)
    assert [said[n] for n in (0, 1, 2)] == [pytest.approx(front, abs=1e-9)] * 3
    assert [said[n] for n in (4, 5)] == [surround] * 2


def write_with_mask(path: Path, samples: np.ndarray, mask: int) -> None:
    """A 32-bit float WAV of format EXTENSIBLE, which soundfile cannot give a mask."""
    channels = len(samples)
    plain = struct.pack("<HIIHH", channels, 48_000, 48_000 * channels * 4, channels * 4, 32)
    fmt = struct.pack("<H", 0xFFFE) + plain + struct.pack("<HHI", 22, 32, mask) + bytes.fromhex("0300000000001000800000aa00389b71")
    with path.open("wb") as file:
        wav = WavFile(file.fileno(), "WAVEX", "FLOAT", 48_000, channels, WavChunks(-1, fmt, (), ()))
        wav.write(samples.T.astype(np.float64))
        wav.finish()


@pytest.mark.parametrize(("mask", "channels"), [(0x4, 1), (0x3, 2), (0x3F, 6), (0x60F, 6), (0x37, 5), (0x2D60F, 10)])
def test_ffmpeg_measures_the_same(tmp_path: Path, mask: int, channels: int) -> None:
    """Mono, stereo, 5.1 in both forms, 5.0; of 5.1.4 without its top back pair, which ffmpeg takes for surround speakers."""
    if shutil.which("ffmpeg") is None:
        skip_or_fail("ffmpeg not found; apt-get install ffmpeg")
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.1, (channels, 480_000)) * np.repeat(rng.uniform(0.01, 1.0, 20), 24_000)
    noise *= rng.uniform(0.2, 1.0, (channels, 1))
    noise[8:] = 0.0
    path = tmp_path / "in.wav"
    write_with_mask(path, noise, mask)
    command = ["ffmpeg", "-nostats", "-i", "in.wav", "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    with open_audio(path) as reader:
        assert reader.info.channel_mask == mask
        meter = Loudness(48_000, channels, loudness_weights(reader.info))
        for block in reader.blocks():
            meter.feed(block)
    assert meter.lufs is not None
    assert abs(meter.lufs - float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])) <= 0.1  # it prints tenths
