"""WAV with everything around its audio: broadcast chunks byte for byte, in their places, RF64 where it must be."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from broadcast import AFTER, BEFORE, CUE, broadcast_wav, chunks_of

from semeq_export.audio.formats import OutputFormat
from semeq_export.audio.reader import open_audio
from semeq_export.audio.wav import read_chunks
from semeq_export.audio.writer import AudioWriter
from semeq_export.errors import AudioError, OutputError


def rewritten(source: Path, out: Path, container: str | None = None, subtype: str | None = None, gain: float = 0.5) -> bytes:
    with open_audio(source) as reader:
        form = OutputFormat(container or reader.info.container, subtype or reader.info.subtype)
        with AudioWriter(out, form, reader.info.sample_rate_hz, reader.info.channels, wav_chunks=reader.wav_chunks) as writer:
            for block in reader.blocks(1_000):
                writer.write(block * gain)
    return out.read_bytes()


KEPT_OUT = (b"fmt ", b"fact", b"PEAK", b"data", b"ds64")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
def test_every_chunk_is_kept_in_its_place(tmp_path: Path, subtype: str, container: str) -> None:  # fault B17
    source = broadcast_wav(tmp_path / "in.wav", subtype, container=container)
    written = chunks_of(rewritten(source, tmp_path / "out.wav"))
    data_at = [name for name, _ in written].index(b"data")
    assert [c for c in written[:data_at] if c[0] not in KEPT_OUT] == BEFORE
    assert written[data_at + 1 :] == AFTER
    assert dict(written)[b"fmt "] == dict(chunks_of(source.read_bytes()))[b"fmt "]
    before, after = soundfile.read(source, dtype="float64")[0], soundfile.read(tmp_path / "out.wav", dtype="float64")[0]
    assert after.shape == before.shape
    assert np.abs(after - before * 0.5).max() < 0.02
    assert soundfile.info(tmp_path / "out.wav").subtype == subtype


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "ULAW", "ALAW"])
def test_telephone_and_block_codecs_keep_their_chunks_behind_the_audio(tmp_path: Path, subtype: str) -> None:  # fault B17
    source = broadcast_wav(tmp_path / "in.wav", subtype)
    written = chunks_of(rewritten(source, tmp_path / "out.wav"))
    assert [c for c in written if c[0] not in KEPT_OUT] == BEFORE + AFTER
    assert soundfile.info(tmp_path / "out.wav").frames == soundfile.info(source).frames


def test_another_depth_or_rf64_keeps_the_chunks(tmp_path: Path) -> None:  # faults B17, C4
    source = broadcast_wav(tmp_path / "in.wav")
    for container, subtype in (("WAV", "FLOAT"), ("RF64", "PCM_24"), ("RF64", "FLOAT")):
        data = rewritten(source, tmp_path / "out.wav", container, subtype)
        assert sorted(c for c in chunks_of(data) if c[0] not in KEPT_OUT) == sorted(BEFORE + AFTER)
        assert data[:4] == (b"RF64" if container == "RF64" else b"RIFF")
        info = soundfile.info(tmp_path / "out.wav")
        assert (info.format, info.subtype, info.frames) == (container, subtype, 4_001)
        again = rewritten(tmp_path / "out.wav", tmp_path / "again.wav", gain=1.0)
        assert again == data


def test_the_speakers_of_an_extensible_file_are_kept(tmp_path: Path) -> None:
    samples = np.random.default_rng(1).uniform(-0.3, 0.3, (500, 6))
    soundfile.write(tmp_path / "in.wav", samples, 48_000, format="WAVEX", subtype="PCM_24")
    data = bytearray((tmp_path / "in.wav").read_bytes())
    mask_at = data.index(b"fmt ") + 8 + 20
    data[mask_at : mask_at + 4] = struct.pack("<I", 0x60F)  # 5.1 with side speakers
    (tmp_path / "in.wav").write_bytes(data)
    for subtype in ("PCM_24", "FLOAT"):
        written = dict(chunks_of(rewritten(tmp_path / "in.wav", tmp_path / "out.wav", subtype=subtype)))
        assert written[b"fmt "][20:24] == struct.pack("<I", 0x60F)
        assert soundfile.info(tmp_path / "out.wav").subtype == subtype


def test_what_describes_the_old_samples_is_not_copied(tmp_path: Path) -> None:
    source = broadcast_wav(tmp_path / "in.wav", "FLOAT", after=[(b"levl", bytes(120)), (b"cue ", CUE)])
    names = [name for name, _ in chunks_of(rewritten(source, tmp_path / "out.wav"))]
    assert b"PEAK" not in names
    assert b"levl" not in names
    assert b"cue " in names


def test_a_chunk_that_is_cut_off_is_counted_as_lost(tmp_path: Path) -> None:
    source = broadcast_wav(tmp_path / "in.wav")
    source.write_bytes(source.read_bytes()[:-60])
    descriptor = os.open(source, os.O_RDONLY)
    try:
        chunks = read_chunks(descriptor)
    finally:
        os.close(descriptor)
    assert chunks is not None
    assert chunks.names == ("bext", "iXML", "JUNK", "cue", "LIST", "smpl")
    assert chunks.lost_bytes > 0


def test_too_much_besides_the_audio_is_refused(tmp_path: Path) -> None:
    source = broadcast_wav(tmp_path / "in.wav", after=[])
    with source.open("r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(b"blob" + struct.pack("<I", 2**26))
        file.truncate(file.tell() + 2**26)
    with pytest.raises(AudioError, match="bytes of other chunks than audio"), open_audio(source):
        pass


def test_a_wav_that_grows_over_4_gib_is_refused_and_rf64_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fault C4
    """The real size, in a sparse file: the writer is told that much has been written before."""
    for container in ("WAV", "RF64"):
        path = tmp_path / "out.wav"
        writer = AudioWriter(path, OutputFormat(container, "PCM_24"), 48_000, 2)
        writer.write(np.full((2, 1_000), 0.25))
        wav = writer._wav
        assert wav is not None
        os.ftruncate(writer._descriptor, 6 * 800_000_000 + wav._audio_at)  # sparse: no disk is used
        wav._audio_bytes = 6 * 800_000_000
        writer.frames = 800_000_000
        if container == "WAV":
            with pytest.raises(OutputError, match="4 GiB; give it the suffix .rf64"):
                writer.close()
            continue
        writer.close()
        with path.open("rb") as file:
            riff, ds64 = file.read(12), file.read(36)
        assert riff == b"RF64\xff\xff\xff\xffWAVE"
        assert struct.unpack_from("<QQQ", ds64, 8) == (path.stat().st_size - 8, 4_800_000_000, 800_000_000)
        with open_audio(path) as reader:
            assert reader.info.frames == 800_000_000
            assert reader.info.container == "RF64"
            assert next(reader.blocks(100))[0, 0] == 0.25
        path.unlink()
