"""MP3 by its frames: whole ones are read whatever their header says or does not say, others are refused, in one line each."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mpeg import end_of

from semeq_export.audio.decoder_messages import catch_messages
from semeq_export.audio.reader import open_audio
from semeq_export.errors import AudioError

SAMPLES = np.random.default_rng(3).uniform(-0.4, 0.4, (60_000, 2))
UNKNOWN = "the header states no length; found {} frames"


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """An MP3 as libsndfile writes it: variable bit rate, with a Xing header that says how many frames there are."""
    soundfile.write(tmp_path / "whole.mp3", SAMPLES, 48_000, format="MP3", subtype="MPEG_LAYER_III")
    return (tmp_path / "whole.mp3").read_bytes()


@pytest.fixture
def bare(whole: bytes) -> bytes:
    """The same without its header frame."""
    return whole[end_of(whole, 1) :]


def read(tmp_path: Path, data: bytes, *, salvage: bool = False) -> tuple[np.ndarray, tuple[str, ...]]:
    path = tmp_path / "in.mp3"
    path.write_bytes(data)
    with open_audio(path, salvage=salvage) as reader:
        samples = np.concatenate(list(reader.blocks()), axis=1).T
        assert len(samples) == reader.info.frames
        return samples, reader.warnings


def test_without_a_length_it_is_read_whole_and_said(tmp_path: Path, bare: bytes, capfd: pytest.CaptureFixture[str]) -> None:  # fault B4
    id3 = b"ID3\3\0\0\0\0\0\x10TIT2\0\0\0\2\0\0\0a" + bytes(4)
    plain, warnings = read(tmp_path, bare)
    assert len(plain) % 1_152 == 0
    assert 60_000 <= len(plain) < 63_000
    assert warnings == (UNKNOWN.format(len(plain)),)
    for data in (id3 + bare, id3 + id3 + bare, id3 + bytes(50) + bare, bare + b"TAG" + bytes(125), bare + b"APETAGEX" + bytes(99)):
        samples, warnings = read(tmp_path, data)
        assert warnings == (UNKNOWN.format(len(plain)),)
        np.testing.assert_array_equal(samples, plain)
    samples, warnings = read(tmp_path, bare + b"\xff" * 3_000)
    assert warnings == ("3000 bytes behind the last whole MPEG frame are left out", UNKNOWN.format(len(plain)))
    samples, warnings = read(tmp_path, bare[:-7])
    assert len(samples) == len(plain) - 1_152
    assert UNKNOWN.format(len(samples)) in warnings
    assert capfd.readouterr().err == ""


def test_a_piece_of_a_stream_is_read_whole(tmp_path: Path, bare: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Its first frame builds upon bits of those that are gone."""
    whole = read(tmp_path, bare)[0]
    piece, warnings = read(tmp_path, bare[end_of(bare, 9) :])
    assert len(piece) == len(whole) - 9 * 1_152
    assert warnings == (UNKNOWN.format(len(piece)),)
    np.testing.assert_allclose(piece[3 * 1_152 :], whole[12 * 1_152 :], atol=1e-6)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 1), (22_050, 2), (8_000, 1)])
def test_other_rates_are_walked_too(tmp_path: Path, rate_hz: int, channels: int) -> None:
    path = tmp_path / "in.mp3"
    soundfile.write(path, SAMPLES[:, :channels], rate_hz, format="MP3", subtype="MPEG_LAYER_III")
    data = path.read_bytes()
    assert len(read(tmp_path, data)[0]) == 60_000
    with pytest.raises(AudioError, match="truncated: header says .* MPEG frames"):
        read(tmp_path, data[: len(data) * 2 // 3])


@pytest.mark.parametrize("salvage", [False, True])
def test_with_a_length_it_is_as_long_as_the_source(tmp_path: Path, whole: bytes, salvage: bool, capfd: pytest.CaptureFixture[str]) -> None:
    for data in (whole, whole + b"LYRICSBEGIN" + bytes(3_000), whole + b"\xff" * 3_000):  # fault B5
        samples, warnings = read(tmp_path, data, salvage=salvage)
        assert (len(samples), warnings) == (60_000, ())
    assert capfd.readouterr().err == ""


def test_another_number_of_frames_than_said_is_refused(tmp_path: Path, whole: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    expected = read(tmp_path, whole)[0]
    place = max(whole.find(b"Xing"), whole.find(b"Info")) + 8
    said = struct.unpack(">I", whole[place : place + 4])[0]
    few = whole[:place] + struct.pack(">I", 5) + whole[place + 4 :]
    for data, why in (
        (few, f"in.mp3: header says 5 MPEG frames, file holds {said}; `salvage` keeps what is there"),
        (whole[: len(whole) // 2], f"in.mp3: truncated: header says {said} MPEG frames, file holds "),
    ):
        with pytest.raises(AudioError, match=why):
            read(tmp_path, data)
    np.testing.assert_array_equal(read(tmp_path, few, salvage=True)[0], expected)
    kept, warnings = read(tmp_path, whole[: len(whole) // 2], salvage=True)
    np.testing.assert_allclose(kept[:20_000], expected[:20_000], atol=1e-6)
    assert warnings[0].startswith("truncated: header says")
    audio_at = end_of(whole, 1)
    only_frames = whole[: place - 1] + b"\1" + whole[place : place + 4] + bytes(audio_at - place - 4) + whole[audio_at:]
    assert len(read(tmp_path, only_frames)[0]) == 1_152 * said - 529  # libmpg123 takes out its own delay
    with pytest.raises(AudioError, match="truncated: header says"):
        read(tmp_path, only_frames[: len(whole) // 2])
    assert capfd.readouterr().err == ""


def test_a_vbri_header_is_compared(tmp_path: Path, bare: bytes) -> None:
    start = end_of(bare, 1)
    count = len(read(tmp_path, bare)[0]) // 1_152
    header = bare[:4] + bytes(32) + b"VBRI" + bytes(10) + struct.pack(">I", count) + bytes(start - 54)
    samples, warnings = read(tmp_path, header + bare)
    assert len(samples) == 1_152 * count
    assert warnings == ()
    with pytest.raises(AudioError, match=f"truncated: header says {count} MPEG frames, file holds {count // 2}"):
        read(tmp_path, (header + bare)[: end_of(header + bare, 1 + count // 2)])


def test_damage_between_frames_is_one_line(tmp_path: Path, bare: bytes, capfd: pytest.CaptureFixture[str]) -> None:  # fault B3
    place = end_of(bare, 10)
    damaged = bare[:place] + b"\xaa" * 1_500 + bare[place + 1_500 :]
    with pytest.raises(AudioError, match=f"damaged: no MPEG frame at byte {place}, after 10 frames, but more of them at byte"):
        read(tmp_path, damaged)
    kept, warnings = read(tmp_path, damaged, salvage=True)
    assert len(kept) == 10 * 1_152
    assert warnings[0].startswith("damaged: no MPEG frame at byte")
    assert capfd.readouterr().err == ""


def test_damage_inside_frames_is_counted_and_not_shouted(tmp_path: Path, bare: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    place = end_of(bare, 10)
    path = tmp_path / "in.mp3"
    path.write_bytes(bare[: place + 4] + b"\xff" * 150 + bare[place + 154 :])
    with open_audio(path) as reader:
        list(reader.blocks())
        assert reader.concealed_errors > 0
    path.write_bytes(bare)
    with open_audio(path) as reader:
        list(reader.blocks())
        assert reader.concealed_errors == 0
    assert capfd.readouterr().err == ""


def test_nothing_but_a_header_is_no_audio(tmp_path: Path, whole: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    header = whole[: end_of(whole, 1)]
    for salvage in (False, True):
        with pytest.raises(AudioError, match="in.mp3: cannot be read: no whole MPEG frame of audio"):
            read(tmp_path, header + whole[len(header) : len(header) + 50], salvage=salvage)
    assert capfd.readouterr().err == ""


def test_only_the_decoders_own_messages_are_caught(capfd: pytest.CaptureFixture[str]) -> None:
    def speak() -> None:
        with catch_messages() as lines:
            os.write(2, b"[src/libmpg123/layer3.c:INT123_do_layer3():1804] error: dequantization failed!\nsomething else\n")
            os.write(2, b"Note: Trying to resync...\n")
        assert len(lines) == 2

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"the end\n")
    assert capfd.readouterr().err == "something else\n" * 8 + "the end\n"
