"""What AIFF and FLAC hold besides audio stays byte for byte; what others lose is named."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_engine import WARM

from semeq_export.audio.metadata import read_metadata
from semeq_export.audio.reader import open_audio, read_audio
from semeq_host import ProcessOptions, process_file

NOISE = np.random.default_rng(4).uniform(-0.1, 0.1, (20_000, 2))
CHUNKS = [
    (b"MARK", b"\0\1\0\1\0\0\x10\0\4hit1\0"),
    (b"INST", bytes(20)),
    (b"COMT", b"\0\1" + bytes(6) + b"\0\3abc\0"),
    (b"ID3 ", b"ID3\4" + bytes(6)),
    (b"basc", bytes(range(84))),
    (b"NAME", b"Take 7"),
    (b"odd!", b"xyz"),
]
COMMENT = [b"TITLE=Take 7", b"ARTIST=A", b"ARTIST=B", b"BPM=120", b"REPLAYGAIN_TRACK_GAIN=-3 dB"]


def aiff(path: Path, subtype: str = "PCM_24") -> Path:
    soundfile.write(path, NOISE, 44_100, subtype=subtype, format="AIFF")
    data = path.read_bytes()
    data += b"".join(name + struct.pack(">I", len(body)) + body + bytes(len(body) % 2) for name, body in CHUNKS)
    path.write_bytes(data[:4] + struct.pack(">I", len(data) - 8) + data[8:])
    return path


def aiff_chunks(path: Path) -> list[tuple[bytes, bytes]]:
    data, found, offset = path.read_bytes(), [], 12
    assert struct.unpack(">I", data[4:8])[0] == len(data) - 8
    while offset < len(data):
        name, size = struct.unpack_from(">4sI", data, offset)
        found.append((name, data[offset + 8 : offset + 8 + size]))
        offset += 8 + size + size % 2
    return found


def comment(fields: list[bytes]) -> bytes:
    packed = b"".join(struct.pack("<I", len(field)) + field for field in fields)
    return struct.pack("<I", 6) + b"studio" + struct.pack("<I", len(fields)) + packed


PICTURE = struct.pack(">II9sI5s", 3, 9, b"image/png", 5, b"cover") + struct.pack(">IIIII", 1, 1, 24, 0, 70_000) + bytes(range(250)) * 280
CUESHEET = bytes(395) + b"\1" + struct.pack(">QB", 20_000, 170) + bytes(27)
FLAC_BLOCKS = [(4, comment(COMMENT)), (6, PICTURE), (2, b"riffRIFF"), (5, CUESHEET), (2, b"peem123")]


def flac_blocks(path: Path) -> list[tuple[int, bytes]]:
    data, found, offset = path.read_bytes(), [], 4
    while True:
        kind, size = data[offset], int.from_bytes(data[offset + 1 : offset + 4], "big")
        found.append((kind & 127, data[offset + 4 : offset + 4 + size]))
        offset += 4 + size
        if kind & 128:
            return found


def flac(path: Path, blocks: list[tuple[int, bytes]] = FLAC_BLOCKS) -> Path:
    soundfile.write(path, NOISE, 44_100, subtype="PCM_16", format="FLAC")
    data = path.read_bytes()
    own = flac_blocks(path)
    audio = data[4 + sum(4 + len(body) for _, body in own) :]
    everything = [own[0], (1, bytes(1_000)), *blocks]
    head = b"".join(bytes([kind | 128 * (body is everything[-1][1])]) + len(body).to_bytes(3, "big") + body for kind, body in everything)
    path.write_bytes(b"fLaC" + head + audio)
    return path


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "ULAW"])
def test_chunks_of_an_aiff_stay_byte_for_byte(tmp_path: Path, subtype: str) -> None:
    source, out = aiff(tmp_path / "in.aiff", subtype), tmp_path / "out.aiff"
    report = process_file(source, out, WARM)
    assert report.warnings == ()
    assert [chunk for chunk in aiff_chunks(out) if chunk[0] in dict(CHUNKS)] == CHUNKS
    assert len(aiff_chunks(out)) == len(aiff_chunks(source))
    plain = tmp_path / "plain.aiff"
    soundfile.write(plain, NOISE, 44_100, subtype=subtype, format="AIFF")
    process_file(plain, tmp_path / "plain-out.aiff", WARM)
    np.testing.assert_array_equal(read_audio(out).samples, read_audio(tmp_path / "plain-out.aiff").samples)


@pytest.mark.parametrize(
    "blocks", [FLAC_BLOCKS, FLAC_BLOCKS[1:2], FLAC_BLOCKS[:1], [(4, comment([]))]], ids=["all", "picture", "comment", "none"]
)
def test_blocks_of_a_flac_stay_byte_for_byte(tmp_path: Path, blocks: list[tuple[int, bytes]]) -> None:
    source, out, plain = flac(tmp_path / "in.flac", blocks), tmp_path / "out.flac", tmp_path / "plain.flac"
    report = process_file(source, out, WARM)
    assert report.warnings == ()
    kept = [block for block in flac_blocks(out) if block[0] not in (0, 3)]
    assert [block for block in kept if block in blocks] == blocks
    assert len(kept) == len(blocks) + (blocks[0][0] != 4)  # libsndfile writes an empty comment of its own where the source has none
    soundfile.write(plain, NOISE, 44_100, subtype="PCM_16", format="FLAC")
    process_file(plain, tmp_path / "plain-out.flac", WARM)
    np.testing.assert_array_equal(read_audio(out).samples, read_audio(tmp_path / "plain-out.flac").samples)


def test_what_another_container_cannot_hold_is_named(tmp_path: Path) -> None:
    report = process_file(aiff(tmp_path / "in.aiff"), tmp_path / "aiff.wav", WARM)
    assert "WAV has no place for title, MARK, INST, COMT, ID3, basc, odd!: not kept" in report.warnings
    report = process_file(flac(tmp_path / "in.flac"), tmp_path / "flac.wav", WARM)
    lost = "ARTIST, BPM, REPLAYGAIN_TRACK_GAIN, PICTURE, APPLICATION, CUESHEET"
    assert f"WAV has no place for title, artist, {lost}: not kept" in report.warnings
    report = process_file(tmp_path / "in.flac", tmp_path / "flac.ogg", WARM)
    assert f"OGG has no place for {lost}: not kept" in report.warnings


def test_tags_that_ogg_and_mp3_lose_are_named(tmp_path: Path) -> None:
    for name, subtype in (("in.ogg", "VORBIS"), ("in.opus", "OPUS"), ("in.mp3", "MPEG_LAYER_III")):
        path = tmp_path / name
        with soundfile.SoundFile(path, "w", 48_000, 2, subtype, format="MP3" if name == "in.mp3" else "OGG") as file:
            file.title = "Take 7, the one that everybody liked"  # too long for ID3v1
            file.write(NOISE)
        data = path.read_bytes()
        if name == "in.mp3":
            frames = data[10 : 10 + (data[8] << 7 | data[9])].replace(b"TSSE", b"TXXX")
            path.write_bytes(data[:10] + frames + data[10 + len(frames) :])
        else:
            path.write_bytes(_renamed(data, b"TITLE", b"MOODS"))
        report = process_file(path, tmp_path / f"out.{name.partition('.')[2]}", WARM)
        container = "MP3" if name == "in.mp3" else "OGG"
        lost = "TXXX" if name == "in.mp3" else "MOODS"
        assert f"not kept when {container} is written again: {lost}" in report.warnings


def _renamed(data: bytes, field: bytes, other: bytes) -> bytes:
    """Rename a field of the comment in the second page of an Ogg stream, its checksum corrected (RFC 3533: CRC-32 of 0x04c11db7)."""
    start = data.index(b"OggS", 4)
    end = data.index(b"OggS", start + 4)
    page = bytearray(data[start:end].replace(field, other))
    page[22:26] = bytes(4)
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    page[22:26] = struct.pack("<I", crc)
    return data[:start] + bytes(page) + data[end:]


def test_a_flat_eq_and_other_rates_of_damage_change_no_metadata(tmp_path: Path) -> None:
    source = flac(tmp_path / "in.flac")
    assert process_file(source, tmp_path / "same.flac", WARM.scaled(0.0)).is_copy
    assert (tmp_path / "same.flac").read_bytes() == source.read_bytes()
    cut = aiff(tmp_path / "cut.aiff")
    cut.write_bytes(cut.read_bytes()[:-60])  # inside basc: what is whole before it stays
    report = process_file(cut, tmp_path / "out.aiff", WARM, options=ProcessOptions(salvage=True))
    assert [chunk for chunk in aiff_chunks(tmp_path / "out.aiff") if chunk[0] in dict(CHUNKS)] == CHUNKS[:4]
    assert report.output.container == "AIFF"


@pytest.mark.parametrize("count", [0, 4, 8, 30, 42, 100])
def test_metadata_cut_anywhere_is_read_as_far_as_it_goes(tmp_path: Path, count: int) -> None:
    for make, container in ((aiff, "AIFF"), (flac, "FLAC")):
        data = make(tmp_path / "whole").read_bytes()
        (tmp_path / "cut").write_bytes(data[:count])
        with (tmp_path / "cut").open("rb") as file:
            assert read_metadata(file.fileno(), container).total_bytes <= count
            assert read_metadata(file.fileno(), "OGG").names == read_metadata(file.fileno(), "MP3").names == ()
    with open_audio(tmp_path / "whole") as reader:
        assert reader.metadata.names
