"""Files are read and written alike where the system has no positioned calls, as on Windows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.files.positioned import read_at, write_at
from semeq_host.streams.offline import process_file

EQ = EqSettings((Band(BandKind.PEAK, 1_000.0, 4.0),))


def without_positioned_calls(patch: pytest.MonkeyPatch) -> None:
    patch.delattr(os, "pread")
    patch.delattr(os, "pwrite")


def test_reads_and_writes_at_an_offset_without_positioned_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_positioned_calls(monkeypatch)
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        assert write_at(descriptor, b"abcdef", 3) == 6
        assert (read_at(descriptor, 3, 4), read_at(descriptor, 9, 7), read_at(descriptor, 9, 90)) == (b"bcd", b"ef", b"")
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("name", "subtype"), [("a.wav", "PCM_24"), ("a.flac", "PCM_16"), ("a.aiff", "PCM_24"), ("a.ogg", "VORBIS"), ("a.mp3", "MPEG_LAYER_III")]
)
def test_files_come_out_the_same_without_positioned_calls(name: str, subtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / name
    soundfile.write(source, np.random.default_rng(4).uniform(-0.3, 0.3, (30_000, 2)), 44_100, subtype=subtype)
    if name == "a.wav":
        data = source.read_bytes() + b"LIST\x04\x00\x00\x00INFO"
        source.write_bytes(data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:])
    process_file(source, tmp_path / f"with-{name}", EQ)
    without_positioned_calls(monkeypatch)
    process_file(source, tmp_path / f"without-{name}", EQ)
    assert (tmp_path / f"with-{name}").read_bytes() == (tmp_path / f"without-{name}").read_bytes()
