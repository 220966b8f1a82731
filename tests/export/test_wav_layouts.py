"""WAVs as other programs lay them out: an MP3 inside, chunks without the byte that makes them even, `fmt ` behind others."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from broadcast import AFTER, BEFORE, IXML, broadcast_wav, chunk, chunks_of
from mpeg import end_of

from semeq_export.audio.formats import OutputFormat
from semeq_export.audio.reader import open_audio, read_audio
from semeq_export.audio.wav import read_chunks
from semeq_export.audio.writer import AudioWriter
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import AudioError
from semeq_host.streams.offline import process_file


def mp3_in_wav(folder: Path, *, size: int | None = None, has_header_frame: bool = False) -> tuple[Path, np.ndarray]:
    """An MP3 in a WAV, as FFmpeg writes it, without the frame in front that states its length; and the MP3 alone, decoded."""
    samples = np.random.default_rng(3).uniform(-0.3, 0.3, (30_000, 2))
    soundfile.write(folder / "whole.mp3", samples, 48_000, format="MP3")
    data = (folder / "whole.mp3").read_bytes()
    frames = data if has_header_frame else data[end_of(data, 1) :]
    (folder / "alone.mp3").write_bytes(frames)
    fmt = struct.pack("<HHIIHHHHIHHH", 0x55, 2, 48_000, 16_000, 1_152, 0, 12, 1, 2, 1_152, 1, 1_393)
    body = chunk(b"bext", BEFORE[0][1]) + chunk(b"fmt ", fmt) + chunk(b"fact", struct.pack("<I", 31_105))
    body += b"data" + struct.pack("<I", len(frames) if size is None else size) + frames + bytes(len(frames) % 2)
    body += b"" if size is not None else chunk(b"iXML", IXML)
    path = folder / "in.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)
    return path, read_audio(folder / "alone.mp3").samples


@pytest.mark.parametrize("has_header_frame", [False, True])
def test_an_mp3_in_a_wav_is_read_as_the_mp3_that_it_is(tmp_path: Path, has_header_frame: bool) -> None:  # fault B23
    path, alone = mp3_in_wav(tmp_path, has_header_frame=has_header_frame)
    np.testing.assert_array_equal(read_audio(path).samples, alone)
    with open_audio(path) as reader:
        assert (reader.info.container, reader.info.subtype) == ("WAV", "MPEG_LAYER_III")
        assert reader.warnings == ()


def test_an_mp3_in_a_wav_becomes_a_wav_with_the_same_chunks(tmp_path: Path) -> None:
    path, alone = mp3_in_wav(tmp_path)
    report = process_file(path, tmp_path / "out.wav", EqSettings((Band("peak", 1_000.0, 1e-9),)))
    assert report.warnings == ("WAV is not written as MPEG_LAYER_III, used PCM_24",)
    assert soundfile.info(tmp_path / "out.wav").frames == alone.shape[1]
    assert [name for name, _ in chunks_of((tmp_path / "out.wav").read_bytes())] == [b"bext", b"fmt ", b"data", b"iXML"]


@pytest.mark.parametrize(("size", "is_refused"), [(0xFFFFFFFF, False), (1_000_000, True)])
def test_an_mp3_in_a_wav_of_open_length_is_read_and_one_that_is_cut_refused(tmp_path: Path, size: int, is_refused: bool) -> None:
    path, alone = mp3_in_wav(tmp_path, size=size)
    if is_refused:
        with pytest.raises(AudioError, match="truncated: header says 1000000 bytes of audio"):
            read_audio(path)
    with open_audio(path, salvage=is_refused) as reader:
        held = np.concatenate(list(reader.blocks()), axis=1)
    np.testing.assert_array_equal(held[:, : alone.shape[1]], alone.astype(np.float64))


def odd_without_pad(path: Path, chunks: list[tuple[bytes, bytes]]) -> bytes:
    """Write a mono WAV of 24 bits and an odd number of frames, no chunk of which is made even; return its audio."""
    samples = np.random.default_rng(8).integers(-800_000, 800_000, 101)
    audio = b"".join(int(sample).to_bytes(3, "little", signed=True) for sample in samples)
    fmt = struct.pack("<HHIIHH", 1, 1, 48_000, 144_000, 3, 24)
    body = b"WAVE" + chunk(b"fmt ", fmt) + b"".join(n + struct.pack("<I", len(b)) + b for n, b in [(b"data", audio), *chunks])
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return audio


@pytest.mark.parametrize("chunks", [[(b"iXML", IXML)], [(b"iXML", b"<odd/>x"), (b"odd!", b"xyz"), (b"cue ", b"even")], []])
def test_chunks_behind_audio_that_nobody_made_even_are_kept(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:  # fault B22
    audio = odd_without_pad(tmp_path / "in.wav", chunks)
    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", EqSettings((Band("peak", 1_000.0, 1e-9),)))
    assert report.warnings == ()
    written = chunks_of((tmp_path / "out.wav").read_bytes())
    assert written[2:] == chunks
    assert written[1] == (b"data", audio)


def test_a_pad_that_looks_like_the_start_of_a_chunk_is_a_pad(tmp_path: Path) -> None:
    """Padded as it should be, but with a letter: read with the pad, the rest is whole; read without, it is not."""
    odd_without_pad(tmp_path / "in.wav", [])
    data = bytearray((tmp_path / "in.wav").read_bytes() + b"P" + chunk(b"iXML", IXML))
    data[4:8] = struct.pack("<I", len(data) - 8)
    (tmp_path / "in.wav").write_bytes(data)
    with open_audio(tmp_path / "in.wav") as reader:
        assert reader.wav_chunks is not None
        assert reader.wav_chunks.names == ("iXML",)


@pytest.mark.parametrize("ahead", [0, 1, 3])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_what_stood_before_fmt_stands_before_it_again(tmp_path: Path, ahead: int, subtype: str) -> None:  # fault B17
    source = broadcast_wav(tmp_path / "in.wav", subtype, before=BEFORE[:ahead])
    own = chunks_of(source.read_bytes())
    at = [name for name, _ in own].index(b"data")
    own[at:at] = BEFORE[ahead:]
    body = b"WAVE" + b"".join(chunk(*one) for one in own)
    source.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    process_file(source, tmp_path / "out.wav", EqSettings((Band("peak", 1_000.0, -1.0),)))
    order = [name for name, _ in chunks_of(source.read_bytes()) if name != b"PEAK"]
    assert [name for name, _ in chunks_of((tmp_path / "out.wav").read_bytes())] == order
    assert order.index(b"fmt ") == ahead
    assert len(order) == len(BEFORE) + len(AFTER) + 2 + (subtype == "FLOAT")


def test_rf64_begins_with_its_sizes_whatever_stood_before_fmt(tmp_path: Path) -> None:
    source = broadcast_wav(tmp_path / "in.wav")
    with open_audio(source) as reader:
        assert reader.wav_chunks is not None
        assert reader.wav_chunks.ahead == len(BEFORE)
        with AudioWriter(tmp_path / "out.wav", OutputFormat("RF64", "PCM_24"), 48_000, 2, wav_chunks=reader.wav_chunks) as writer:
            for block in reader.blocks():
                writer.write(block)
    order = [name for name, _ in chunks_of((tmp_path / "out.wav").read_bytes())]
    assert order[:3] == [b"ds64", b"JUNK", b"fmt "]  # of an odd size, the others follow the audio
    with (tmp_path / "out.wav").open("rb") as file:
        again = read_chunks(file.fileno())
    assert again is not None
    assert again.names.count("bext") == 1
