"""Salvage: what is left of a damaged file is read to the frame, with a warning; without it, the file is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.audio.reader import open_audio
from semeq_export.errors import AudioError

SAMPLES = np.random.default_rng(3).uniform(-0.4, 0.4, (30_000, 2))


def encoded(path: Path, container: str, subtype: str) -> bytes:
    soundfile.write(path, SAMPLES, 48_000, format=container, subtype=subtype)
    return path.read_bytes()


def salvaged(path: Path, block_samples: int = 16_384) -> tuple[np.ndarray, tuple[str, ...]]:
    with open_audio(path, salvage=True) as reader:
        samples = np.concatenate(list(reader.blocks(block_samples)), axis=1).T
        assert len(samples) == reader.info.frames
        return samples, reader.warnings


@pytest.mark.parametrize(
    ("container", "subtype", "header_bytes", "frame_bytes"),
    [
        ("WAV", "PCM_16", 44, 4),
        ("WAV", "PCM_24", 44, 6),
        ("RF64", "PCM_24", 104, 6),
        ("W64", "PCM_16", 136, 4),
        ("AU", "PCM_16", 24, 4),
        ("CAF", "PCM_24", 4_096, 6),
        ("AIFF", "PCM_24", 54, 6),
    ],
)
def test_what_is_left_of_raw_samples_is_kept_to_the_frame(
    tmp_path: Path, container: str, subtype: str, header_bytes: int, frame_bytes: int
) -> None:  # faults B1, B4
    path = tmp_path / "in.wav"
    whole = encoded(path, container, subtype)
    expected = soundfile.read(path, dtype="float64")[0]
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioError, match="truncated: header says .* file holds .*; `salvage` keeps what is there"), open_audio(path):
        pass
    samples, warnings = salvaged(path)
    assert abs(len(samples) - (len(whole) // 2 - header_bytes) // frame_bytes) <= 64
    np.testing.assert_array_equal(samples, expected[: len(samples)])
    assert any(line.startswith("truncated: header says") and line.endswith("; kept what is there") for line in warnings)


def test_the_part_of_a_flac_before_the_damage_is_kept(tmp_path: Path) -> None:  # faults B2, B3
    path = tmp_path / "in.flac"
    whole = encoded(path, "FLAC", "PCM_16")
    expected = soundfile.read(path, dtype="float64")[0]
    damaged = bytearray(whole)
    damaged[len(whole) // 2 : len(whole) // 2 + 300] = b"\xaa" * 300
    for data in (whole[: len(whole) // 2], bytes(damaged)):
        path.write_bytes(data)
        samples, warnings = salvaged(path)
        assert 9_000 < len(samples) < 15_100
        np.testing.assert_array_equal(samples, expected[: len(samples)])
        assert f"salvaged {len(samples)} frames of 30000" in warnings
        np.testing.assert_array_equal(salvaged(path, 37)[0], samples)


def test_a_cut_mp3_is_kept(tmp_path: Path) -> None:  # fault B4
    path = tmp_path / "in.mp3"
    whole = encoded(path, "MP3", "MPEG_LAYER_III")
    expected = soundfile.read(path, dtype="float64")[0]
    path.write_bytes(whole[: len(whole) // 2])
    samples, _ = salvaged(path)
    assert 12_000 < len(samples) < 15_500
    np.testing.assert_allclose(samples[:10_000], expected[:10_000], atol=1e-6)


@pytest.mark.parametrize(("container", "stated"), [("WAV", 0), ("AIFF", 0), ("AU", 0), ("W64", 24), ("W64", 0)])
def test_a_recording_that_was_never_finished_is_kept(tmp_path: Path, container: str, stated: int) -> None:  # fault B8
    path = tmp_path / "in.wav"
    data = bytearray(encoded(path, container, "PCM_16"))
    expected = soundfile.read(path, dtype="float64")[0]
    if container == "AIFF":
        data[data.index(b"SSND") + 4 : data.index(b"SSND") + 8] = struct.pack(">I", 8)
    elif container == "AU":
        data[8:12] = bytes(4)
    elif container == "W64":
        place = data.index(b"data\xf3\xac") + 16
        data[place : place + 8] = struct.pack("<Q", stated)
    else:
        data[4:8] = data[40:44] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(AudioError, match="never finished; `salvage` keeps what is there"), open_audio(path):
        pass
    samples, warnings = salvaged(path)
    np.testing.assert_array_equal(samples, expected)
    assert any("never finished; kept what is there" in line for line in warnings)


def test_a_whole_file_is_read_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "in.flac"
    encoded(path, "FLAC", "PCM_24")
    samples, warnings = salvaged(path)
    np.testing.assert_array_equal(samples, soundfile.read(path, dtype="float64")[0])
    assert warnings == ()


def test_nothing_is_salvaged_from_nothing(tmp_path: Path) -> None:
    path = tmp_path / "in.flac"
    path.write_bytes(encoded(path, "FLAC", "PCM_16")[:120])
    with pytest.raises(AudioError, match="nothing to salvage|cannot be read"), open_audio(path, salvage=True):
        pass


def test_a_tag_that_lies_about_the_codec_crashes_nothing(tmp_path: Path) -> None:  # fault B9
    """Tag 7 (mu-law) over 16 bits: Pedalboard's reader dies of it; ours says what is wrong or reads it, and nothing else decodes files."""
    path = tmp_path / "in.wav"
    data = bytearray(encoded(path, "WAV", "PCM_16"))
    data[20:22] = struct.pack("<H", 7)
    path.write_bytes(data)
    try:
        with open_audio(path) as reader:
            assert sum(block.shape[1] for block in reader.blocks()) == reader.info.frames
    except AudioError as error:
        assert path.name in str(error)
