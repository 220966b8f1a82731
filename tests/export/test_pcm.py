"""Plain samples, against libsndfile's decoder and against whole numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.audio.pcm import SAMPLE_BYTES, PcmDecoder, packed
from semeq_export.audio.reader import open_audio


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("subtype", SAMPLE_BYTES)
def test_samples_are_those_of_libsndfile(subtype: str, channels: int, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.random.default_rng(channels).uniform(-1.0, 1.0, (1_003, channels))
    samples[:2] = [[-1.0], [1.0]]
    soundfile.write(path, samples, 48_000, subtype=subtype)
    expected = soundfile.read(path, dtype="float64", always_2d=True)[0].T
    with open_audio(path) as reader:
        assert isinstance(reader._pcm() if reader._pcm else None, PcmDecoder)
        for block in (1, 100, 65_536):
            assert np.array_equal(np.concatenate(list(reader.blocks(block)), axis=1), expected)


def test_what_is_left_of_a_file_that_shrinks_is_whole_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(range(1, 12)))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with PcmDecoder(descriptor, 1, "PCM_24", 1) as decoder:
            assert decoder.read(100).tolist() == [[n / 2**23 for n in (0x040302, 0x070605, 0x0A0908)]]
            assert decoder.read(100).shape == (1, 0)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("width", [2, 3, 4])
def test_whole_numbers_come_back(width: int) -> None:
    half = 2 ** (8 * width - 1)
    steps = np.random.default_rng(width).integers(-half, half, 999).astype(np.float64)
    steps[:4] = [-half, half - 1, -1, 0]
    assert packed(steps.reshape(-1, 3), width) == b"".join(int(step).to_bytes(width, "little", signed=True) for step in steps)
