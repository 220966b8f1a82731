"""What a header says of the length against what the file holds: no file is read in part without a word, and no whole one is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.audio.reader import open_audio
from semeq_export.errors import AudioError

SAMPLES = np.random.default_rng(3).uniform(-0.4, 0.4, (30_000, 2))
LENGTH_UNKNOWN = "the header states no length; found {} frames"


def encoded(path: Path, container: str, subtype: str, endian: str = "FILE") -> bytes:
    soundfile.write(path, SAMPLES, 48_000, format=container, subtype=subtype, endian=endian)
    return path.read_bytes()


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def frames(path: Path, *, salvage: bool = False) -> tuple[int, tuple[str, ...]]:
    with open_audio(path, salvage=salvage) as reader:
        count = sum(block.shape[1] for block in reader.blocks())
        assert count == reader.info.frames
        return count, reader.warnings


def check(path: Path, why: str, salvaged: int) -> None:
    """Refused with the reason; salvage gives so many frames of the source, and says the same."""
    with pytest.raises(AudioError, match=rf"{path.name}: {why}.*; `salvage` "):
        frames(path)
    count, warnings = frames(path, salvage=True)
    assert count == salvaged
    assert warnings


@pytest.mark.parametrize(
    ("container", "endian", "header_bytes"),
    [("WAV", "BIG", 44), ("AU", "LITTLE", 24), ("NIST", "FILE", 1_024), ("AIFF", "LITTLE", 72)],
)
def test_other_byte_orders_and_nist_are_compared_too(tmp_path: Path, container: str, endian: str, header_bytes: int) -> None:  # fault B1
    path = tmp_path / "in.x"
    data = encoded(path, container, "PCM_16", endian)
    assert frames(path) == (30_000, ())
    expected = soundfile.read(path)[0]
    put(path, data[: header_bytes + 4_000])
    check(path, r"truncated: header says 120000 bytes of audio, file holds 4000", 1_000)
    with open_audio(path, salvage=True) as reader:
        (block,) = reader.blocks()
    np.testing.assert_array_equal(block.T, expected[:1_000])


@pytest.mark.parametrize(
    ("said", "why"), [(29_999, "header says 29999 frames, file holds more"), (40_000, "truncated: header says 40000 frames")]
)
def test_a_flac_of_another_length_than_it_says_is_refused(tmp_path: Path, said: int, why: str) -> None:
    path = tmp_path / "in.flac"
    data = bytearray(encoded(path, "FLAC", "PCM_16"))
    data[22:26] = said.to_bytes(4, "big")
    check(put(path, bytes(data)), why, 30_000)


def test_tags_around_a_flac_are_no_audio(tmp_path: Path) -> None:
    path = tmp_path / "in.flac"
    data = encoded(path, "FLAC", "PCM_16")
    for whole in (data + b"TAG" + bytes(125), b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + data):
        assert frames(put(path, whole)) == (30_000, ())
        assert frames(path, salvage=True) == (30_000, ())


@pytest.mark.parametrize("said", [15_000, 60_000])
def test_an_aiff_whose_chunks_contradict_each_other_is_refused(tmp_path: Path, said: int) -> None:
    path = tmp_path / "in.aiff"
    data = bytearray(encoded(path, "AIFF", "PCM_24"))
    place = data.index(b"COMM") + 10
    data[place : place + 4] = struct.pack(">I", said)
    check(put(path, bytes(data)), f"header says {said} frames, file holds 30000", 30_000)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg_streams_one_after_another_are_not_read_as_one(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "in.ogg"
    data = encoded(path, "OGG", subtype)
    assert frames(path) == (30_000, ())
    put(path, data + bytes(100) + data)
    check(path, "2 Ogg streams one after another, of which only the first can be read", 30_000)


@pytest.mark.parametrize("container", ["VOC", "PAF", "SVX", "IRCAM", "MAT4", "MAT5", "PVF", "AVR", "MPC2K", "WVE", "HTK"])
def test_containers_that_are_not_in_the_list_are_refused_with_it(tmp_path: Path, container: str) -> None:  # fault B19
    path = tmp_path / "in.x"
    subtype = "ALAW" if container == "WVE" else "PCM_16"
    soundfile.write(path, SAMPLES[:, 0], 8_000 if container == "WVE" else 48_000, format=container, subtype=subtype)
    with pytest.raises(AudioError, match=f"{container} is not read; convert it to one of WAV, .*, FLAC, OGG, MP3 first"):
        frames(path)


def test_an_unfinished_rf64_is_named_and_salvaged(tmp_path: Path) -> None:  # fault B8
    path = tmp_path / "in.wav"
    data = bytearray(encoded(path, "RF64", "PCM_16"))
    place = data.index(b"data") + 4
    for size in (bytes(4), b"\xff\xff\xff\xff"):
        data[4:8], data[20:44], data[place : place + 4] = size, bytes(24), size
        check(put(path, bytes(data)), "header announces no audio, but 120000 bytes follow: the recording was never finished", 30_000)


def test_a_caf_of_open_length_is_read_to_its_end(tmp_path: Path) -> None:  # fault B8
    path = tmp_path / "in.caf"
    data = bytearray(encoded(path, "CAF", "PCM_16"))
    place = data.index(b"data", 48) + 4
    data[place : place + 8] = struct.pack(">q", -1)
    put(path, bytes(data))
    for salvage in (False, True):
        assert frames(path, salvage=salvage) == (30_000, (LENGTH_UNKNOWN.format(30_000),))


@pytest.mark.parametrize("audio", [bytes(8_000), b"LIST\4\0\0\0INFO" + bytes(range(1, 101)), b"\1\2\3\4" * 2_000])
def test_salvage_takes_no_audio_for_chunks(tmp_path: Path, audio: bytes) -> None:  # fault B8
    path = tmp_path / "in.wav"
    data = bytearray(encoded(path, "WAV", "PCM_16")[:44]) + audio
    data[40:44] = bytes(4)
    put(path, bytes(data))
    with open_audio(path, salvage=True) as reader:
        assert reader.info.frames == len(audio) // 4
        assert reader.wav_chunks is not None
        assert (reader.wav_chunks.names, reader.wav_chunks.lost_bytes) == ((), 0)


def test_salvage_takes_no_aiff_audio_for_chunks(tmp_path: Path) -> None:
    path = tmp_path / "in.aiff"
    data = bytearray(encoded(path, "AIFF", "PCM_16"))
    place = data.index(b"SSND") + 4
    data[place : place + 4] = struct.pack(">I", 8)
    data[place + 12 : place + 24] = b"MARK\0\0\0\4abcd"
    put(path, bytes(data))
    with open_audio(path, salvage=True) as reader:
        assert reader.info.frames == 30_000
        assert reader.metadata.pieces == ()


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_salvage_takes_no_chunks_for_audio(tmp_path: Path, container: str) -> None:  # fault B8
    path = tmp_path / "in.x"
    soundfile.write(path, SAMPLES[:0], 48_000, format=container, subtype="PCM_16")
    size = struct.pack("<I" if container == "WAV" else ">I", 4)
    put(path, path.read_bytes() + b"LIST" + size + b"INFO" + b"note" + size + b"text")
    for salvage in (False, True):
        with pytest.raises(AudioError, match="no audio: the file holds 0 frames|nothing to salvage"):
            frames(path, salvage=salvage)


@pytest.mark.parametrize("bits", [1, 4, 7])
@pytest.mark.parametrize("is_extensible", [False, True])
def test_bits_that_no_sample_has_are_refused(tmp_path: Path, bits: int, is_extensible: bool) -> None:  # fault B11
    path = tmp_path / "in.wav"
    data = bytearray(encoded(path, "WAVEX" if is_extensible else "WAV", "PCM_U8"))
    data[34:36] = struct.pack("<H", bits)
    with pytest.raises(AudioError, match=f"in.wav: cannot be read: header says {bits} bits per sample, expected 8..32"):
        frames(put(path, bytes(data)))


def test_a_rate_of_0_and_two_chunks_of_audio_are_named(tmp_path: Path) -> None:  # fault B10
    path = tmp_path / "in.wav"
    data = encoded(path, "WAV", "PCM_16")
    with pytest.raises(AudioError, match="in.wav: cannot be read: header says a sample rate of 0 Hz"):
        frames(put(path, data[:24] + bytes(4) + data[28:]))
    check(put(path, data + b"data\4\0\0\0abcd"), "2 chunks of audio, expected 1", 30_000)
    flac = encoded(path, "FLAC", "PCM_16")
    with pytest.raises(AudioError, match="in.wav: cannot be read: its header states no sample rate, no channels or no format"):
        frames(put(path, flac[:18] + bytes(2) + bytes([flac[20] & 15]) + flac[21:]))
