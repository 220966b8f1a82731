"""Files through the EQ: the sound that was asked for, nothing else changed, and an output that is old or new."""

from __future__ import annotations

import itertools
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
import soundfile
from broadcast import AFTER, broadcast_wav, chunks_of
from conftest import ROOT, cases
from fake_engine import BRIGHT, WARM
from hypothesis import given
from hypothesis import strategies as st
from mpeg import end_of
from scipy.signal import sosfreqz

from semeq_export.arrays import Float64Array
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.reader import AudioReader, open_audio, read_audio
from semeq_export.audio.samples import Audio, AudioInfo
from semeq_export.audio.true_peak import TruePeak
from semeq_export.audio.writer import write_audio
from semeq_export.eq.biquad import design_sos
from semeq_export.eq.filter import EqFilter
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, ChainError, EnvironmentFailure, OutputError
from semeq_host.chains.board_stage import ChainStage
from semeq_host.stems.audio_names import plan_outputs
from semeq_host.streams.offline import TRIM_PEAK_DBTP, MakeStage, ProcessReport, process_file
from semeq_host.streams.process_options import ProcessOptions

FLAT = EqSettings()
AGAIN = ProcessOptions(overwrite=True)


def noise(
    folder: Path,
    name: str = "in.wav",
    *,
    subtype: str = "PCM_24",
    container: str | None = None,
    peak: float = 0.3,
    frames: int = 20_000,
    rate_hz: int = 48_000,
) -> Path:
    """A file of white noise, stereo."""
    samples = np.random.default_rng(2).uniform(-peak, peak, (frames, 2))
    soundfile.write(folder / name, samples, rate_hz, subtype=subtype, format=container)
    return folder / name


def info_of(path: Path) -> AudioInfo:
    with open_audio(path) as reader:
        return reader.info


def chain_of(plugin: pedalboard.Plugin) -> MakeStage:
    """A chain of one plug-in."""
    board = pedalboard.Pedalboard([plugin])  # type: ignore[attr-defined]
    return lambda info: ChainStage(board, info.sample_rate_hz, info.channels)


def transfer_error_db(source: Audio, result: Audio, eq: EqSettings, trim_db: float, noise_floor: float) -> np.ndarray:
    """The deviation of the measured transfer function from the intended one, in dB, for each sixth octave where the source has energy.

    Measured over the first 2^18 samples. Each band's transfer is the cross spectrum of what was expected and what came out over the power
    of what was expected: 1 if all is well. noise_floor: mean power per sample that writing to integers adds; bands less than 40 dB above it
    say nothing about the EQ.
    """
    n = min(source.frames, 1 << 18)
    window = np.hanning(n)
    freqs_hz = np.fft.rfftfreq(1 << 19, 1 / source.sample_rate_hz)
    _, response = sosfreqz(design_sos(eq, source.sample_rate_hz), freqs_hz, fs=source.sample_rate_hz)
    response *= 10 ** ((eq.preamp_db + trim_db) / 20)
    x, y = (audio.samples[:, :n].mean(axis=0, dtype=np.float64) for audio in (source, result))
    expected = np.fft.rfft(np.fft.irfft(np.fft.rfft(x, 1 << 19) * response)[:n] * window, 1 << 19)
    got = np.fft.rfft(y * window, 1 << 19)
    errors_db = []
    for low_hz, high_hz in itertools.pairwise(30.0 * 2 ** (np.arange(60) / 6)):
        band = (freqs_hz >= low_hz) & (freqs_hz < high_hz)
        if high_hz > source.sample_rate_hz * 0.49:
            break
        power = float(np.sum(np.abs(expected[band]) ** 2))
        if power > 1e4 * noise_floor * float(np.sum(window**2)) * band.sum():
            errors_db.append(20 * np.log10(np.abs(np.sum(expected[band].conj() * got[band]) / power)))
    return np.array(errors_db)


@pytest.mark.parametrize("eq", [WARM, BRIGHT], ids=["warm", "bright"])
def test_every_real_file_keeps_its_form_and_gets_the_intended_eq(real_files: list[Path], tmp_path: Path, eq: EqSettings) -> None:
    for path in real_files:
        report = process_file(path, tmp_path / path.name, eq)
        assert info_of(tmp_path / path.name) == info_of(path) == report.info
        assert (report.output.container, report.output.subtype) == ("FLAC", "PCM_16")
        errors = transfer_error_db(read_audio(path), read_audio(tmp_path / path.name), report.eq, report.trim_db, noise_floor=2**-30 / 12)
        assert len(errors) >= 30, path.name
        assert np.abs(errors).max() < 0.05, path.name  # 30 Hz..0.49 of the rate, 16..48 kHz


def test_every_real_file_is_untouched_by_a_flat_eq(real_files: list[Path], tmp_path: Path) -> None:  # fault C3
    for path in real_files:
        report = process_file(path, tmp_path / path.name, WARM.scaled(0.0))
        assert report.is_copy
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "subtype", "container"),
    [
        ("a.wav", "PCM_U8", "WAV"),
        ("a.wav", "PCM_16", "WAV"),
        ("a.wav", "PCM_24", "WAV"),
        ("a.wav", "PCM_32", "WAV"),
        ("a.wav", "FLOAT", "WAV"),
        ("a.wav", "DOUBLE", "WAV"),
        ("a.wav", "PCM_24", "WAVEX"),
        ("a.wav", "PCM_24", "RF64"),
        ("a.aiff", "PCM_24", "AIFF"),
        ("a.flac", "PCM_16", "FLAC"),
        ("a.flac", "PCM_24", "FLAC"),
        ("a.w64", "PCM_24", "W64"),
        ("a.caf", "PCM_16", "CAF"),
        ("a.au", "PCM_16", "AU"),
        ("a.ogg", "VORBIS", "OGG"),
        ("a.opus", "OPUS", "OGG"),
        ("a.mp3", "MPEG_LAYER_III", "MP3"),
    ],
)
def test_a_flat_eq_changes_no_sample_and_an_eq_changes_no_format(  # faults B18, C3
    tmp_path: Path, name: str, subtype: str, container: str
) -> None:
    source = noise(tmp_path, name, subtype=subtype, container=container)
    report = process_file(source, tmp_path / f"flat-{name}", FLAT)
    np.testing.assert_array_equal(read_audio(tmp_path / f"flat-{name}").samples, read_audio(source).samples)
    assert (report.is_copy, report.trim_db, report.warnings) == (True, 0.0, ())
    process_file(source, tmp_path / f"warm-{name}", WARM)
    assert info_of(tmp_path / f"warm-{name}") == info_of(source)


def test_the_output_is_what_the_float64_filter_gives(tmp_path: Path) -> None:
    source = noise(tmp_path, subtype="DOUBLE")
    process_file(source, tmp_path / "out.wav", WARM)
    np.testing.assert_array_equal(read_audio(tmp_path / "out.wav").samples, apply_eq(WARM, read_audio(source).samples, 48_000))


@given(block_samples=st.integers(1, 3_000))
def test_the_block_size_changes_no_bit(tmp_path_factory: pytest.TempPathFactory, block_samples: int) -> None:
    tmp_path = tmp_path_factory.mktemp("blocks")
    source = noise(tmp_path, subtype="DOUBLE", frames=3_000)
    process_file(source, tmp_path / "whole.wav", WARM)
    process_file(source, tmp_path / "parts.wav", WARM, options=ProcessOptions(block_samples=block_samples))
    np.testing.assert_array_equal(read_audio(tmp_path / "parts.wav").samples, read_audio(tmp_path / "whole.wav").samples)


def test_one_file_leaves_nothing_for_the_next(tmp_path: Path) -> None:  # fault A24
    loud, quiet = noise(tmp_path, "loud.wav", peak=0.9), noise(tmp_path, "quiet.wav", peak=0.001)
    process_file(quiet, tmp_path / "alone.wav", WARM)
    process_file(loud, tmp_path / "first.wav", WARM)
    process_file(quiet, tmp_path / "second.wav", WARM)
    assert (tmp_path / "second.wav").read_bytes() == (tmp_path / "alone.wav").read_bytes()


@pytest.mark.parametrize("channels", [1, 3, 6, 8])
@pytest.mark.parametrize("frames", [1, 2, 3, 5_000])
def test_any_channel_count_and_the_shortest_files(tmp_path: Path, channels: int, frames: int) -> None:  # faults A8, A11
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (channels, frames))
    write_audio(tmp_path / "in.wav", Audio(samples, 48_000), subtype="DOUBLE")
    process_file(tmp_path / "in.wav", tmp_path / "out.wav", WARM)
    np.testing.assert_array_equal(read_audio(tmp_path / "out.wav").samples, apply_eq(WARM, samples, 48_000))
    process_file(
        tmp_path / "in.wav",
        tmp_path / "chain.wav",
        FLAT,
        make_stage=chain_of(pedalboard.BrickwallLimiter(0.0)),
    )
    np.testing.assert_allclose(read_audio(tmp_path / "chain.wav").samples, samples, atol=1e-6)


def test_bands_that_the_rate_cannot_hold_are_left_out_and_named(tmp_path: Path) -> None:  # fault A16
    source = noise(tmp_path, rate_hz=22_050)
    held = Band(BandKind.PEAK, 500.0, -3.0, 1.0)
    eq = EqSettings((Band(BandKind.PEAK, 16_000.0, 6.0, 1.0), Band(BandKind.LOW_SHELF, 10_900.0, 3.0, 0.7), held))
    report = process_file(source, tmp_path / "out.wav", eq, options=ProcessOptions(subtype="DOUBLE"))
    assert [w.split(",")[-1] for w in report.warnings[:2]] == [" left out at 22050 Hz", " applied as plain gain at 22050 Hz"]
    assert report.eq == EqSettings((held,), preamp_db=3.0)
    np.testing.assert_allclose(
        read_audio(tmp_path / "out.wav").samples, apply_eq(report.eq, read_audio(source).samples.astype(np.float64), 22_050), atol=1e-12
    )


def true_peak(samples: np.ndarray) -> float:
    meter = TruePeak(48_000, len(samples))
    meter.feed(samples)
    meter.finish()
    return meter.amplitude


BOOST = EqSettings((Band(BandKind.PEAK, 1_000.0, 12.0, 0.3),))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.ogg"])
def test_an_output_over_full_scale_is_trimmed_as_a_whole_and_said(tmp_path: Path, name: str) -> None:  # fault C1
    source = noise(tmp_path, "in.wav", peak=0.9)
    report = process_file(source, tmp_path / name, BOOST)
    wanted = apply_eq(BOOST, read_audio(source).samples.astype(np.float64), 48_000)
    assert report.trim_db == pytest.approx(-0.1 - 20 * np.log10(true_peak(wanted)), abs=1e-5)
    assert report.true_peak_dbtp == pytest.approx(-0.1, abs=1e-5)
    assert report.peak_dbfs is not None
    assert report.peak_dbfs < -0.1
    assert f"trimmed by {report.trim_db:.2f} dB to a true peak of -0.1 dBTP" in report.warnings
    if not name.endswith("ogg"):
        got = read_audio(tmp_path / name).samples
        np.testing.assert_allclose(got, wanted * 10 ** (report.trim_db / 20), atol=2**-23)


def test_refusing_an_output_over_full_scale_writes_nothing(tmp_path: Path) -> None:  # fault C1
    source = noise(tmp_path, peak=0.9)
    (tmp_path / "out.wav").write_bytes(b"old")
    with pytest.raises(AudioError, match=r"out\.wav: the result would have a true peak of \+\d+\.\d\d dBTP, which PCM_24 cannot hold"):
        process_file(source, tmp_path / "out.wav", BOOST, options=ProcessOptions(peak_guard="refuse", overwrite=True))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "out.wav"]
    assert (tmp_path / "out.wav").read_bytes() == b"old"


def test_without_a_guard_it_clips_and_says_so(tmp_path: Path) -> None:
    report = process_file(noise(tmp_path, peak=0.9), tmp_path / "out.wav", BOOST, options=ProcessOptions(peak_guard="off"))
    assert report.trim_db == 0.0
    assert "dB over full scale was clipped" in report.warnings[-1]
    samples = read_audio(tmp_path / "out.wav").samples
    assert (samples.max(), samples.min()) == (1.0 - 2.0**-23, -1.0)


def test_float_output_keeps_what_is_over_full_scale(tmp_path: Path) -> None:  # fault C1
    source = noise(tmp_path, peak=0.9)
    report = process_file(source, tmp_path / "out.wav", BOOST, options=ProcessOptions(subtype="FLOAT"))
    assert (report.trim_db, report.warnings) == (0.0, ())
    assert report.peak_dbfs is not None
    assert report.peak_dbfs > 3.0


def test_a_source_at_full_scale_stays_untouched_by_a_flat_eq(tmp_path: Path) -> None:  # fault C3
    codes = np.array([[-1.0, 1 - 2.0**-15] * 500])
    write_audio(tmp_path / "in.wav", Audio(codes, 48_000), subtype="PCM_16")
    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", FLAT)
    assert report.trim_db == 0.0
    np.testing.assert_array_equal(read_audio(tmp_path / "out.wav").samples, codes)
    report = process_file(tmp_path / "in.wav", tmp_path / "out.flac", FLAT)
    assert (report.trim_db, report.is_copy) == (0.0, False)
    np.testing.assert_array_equal(read_audio(tmp_path / "out.flac").samples, codes)


def test_peaks_between_the_samples_count(tmp_path: Path) -> None:  # fault C1
    """A quarter of the rate, 45 degrees off: samples of 0.71 of the peak. Another container alone is no reason to trim."""
    tone = 1.3 * np.sin(2 * np.pi * np.arange(20_000) / 4 + np.pi / 4) * np.hanning(20_000)
    write_audio(tmp_path / "in.wav", Audio(np.stack([tone, tone]), 48_000), subtype="PCM_24")
    eq = EqSettings((Band(BandKind.PEAK, 100.0, 1.0, 1.0),))
    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", eq)
    assert report.trim_db == pytest.approx(-0.1 - 20 * np.log10(1.3), abs=0.02)
    assert true_peak(read_audio(tmp_path / "out.wav").samples) == pytest.approx(10 ** (-0.1 / 20), abs=1e-3)
    report = process_file(tmp_path / "in.wav", tmp_path / "out.flac", FLAT)
    assert report.trim_db == 0.0
    np.testing.assert_array_equal(read_audio(tmp_path / "out.flac").samples, read_audio(tmp_path / "in.wav").samples)
    quiet = process_file(noise(tmp_path, "quiet.wav", peak=0.1), tmp_path / "quiet.out.wav", eq)
    assert (quiet.true_peak_dbtp, quiet.trim_db) == (None, 0.0)


@pytest.mark.parametrize("peak", [0.05, 0.9])
def test_a_matched_result_is_as_loud_as_its_source(tmp_path: Path, peak: float) -> None:
    source = noise(tmp_path, peak=peak, frames=60_000)
    report = process_file(source, tmp_path / "out.wav", BOOST, options=ProcessOptions(match_loudness=True))
    loud = [integrated(path) for path in (source, tmp_path / "out.wav")]
    assert report.match_db < -3.0
    assert loud[1] == pytest.approx(loud[0] + report.trim_db, abs=0.01)
    assert (report.trim_db == 0.0) == (peak == 0.05)
    expected = apply_eq(BOOST, read_audio(source).samples.astype(np.float64), 48_000) * 10 ** ((report.match_db + report.trim_db) / 20)
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, expected, atol=2**-23)


def test_silence_is_not_matched(tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", Audio(np.zeros((2, 30_000)), 48_000))
    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", BOOST, options=ProcessOptions(match_loudness=True))
    assert report.match_db == 0.0
    assert "too quiet or too short to match the loudness: left as it is" in report.warnings


def integrated(path: Path) -> float:
    audio = read_audio(path)
    meter = Loudness(audio.sample_rate_hz, audio.channels)
    meter.feed(audio.samples)
    assert meter.lufs is not None
    return meter.lufs


@pytest.mark.parametrize("block_samples", [300, 16_384])
def test_a_delta_is_what_was_changed(tmp_path: Path, block_samples: int) -> None:
    """Source and delta add up to the result; after a chain that delays too, since its delay is taken out."""
    source = noise(tmp_path, peak=0.1)
    dry = read_audio(source).samples.astype(np.float64)
    for make_stage in (None, chain_of(pedalboard.Limiter(-20.0)), chain_of(pedalboard.Resample(22_050))):
        results = []
        for delta in (False, True):
            options = ProcessOptions(delta=delta, overwrite=True, block_samples=block_samples, subtype="FLOAT")
            process_file(source, tmp_path / "out.wav", WARM, make_stage=make_stage, options=options)
            results.append(read_audio(tmp_path / "out.wav").samples.astype(np.float64))
        np.testing.assert_allclose(dry + results[1], results[0], atol=1e-6)
    process_file(source, tmp_path / "flat.wav", FLAT, options=ProcessOptions(delta=True))
    assert not read_audio(tmp_path / "flat.wav").samples.any()


def test_a_tail_is_kept_on_request(tmp_path: Path) -> None:
    samples = np.zeros((2, 10_000))
    samples[:, -100:] = 0.5
    write_audio(tmp_path / "in.wav", Audio(samples, 48_000))
    reverb = lambda: chain_of(pedalboard.Reverb(room_size=0.9, wet_level=0.8))  # noqa: E731 - a fresh plug-in each time
    short = process_file(tmp_path / "in.wav", tmp_path / "short.wav", FLAT, make_stage=reverb())
    long = process_file(tmp_path / "in.wav", tmp_path / "long.wav", FLAT, make_stage=reverb(), options=ProcessOptions(tail_s=0.5))
    assert (short.tail_samples, long.tail_samples) == (0, 24_000)
    with_tail, without = read_audio(tmp_path / "long.wav").samples, read_audio(tmp_path / "short.wav").samples
    assert (without.shape[1], with_tail.shape[1]) == (10_000, 34_000)
    np.testing.assert_allclose(with_tail[:, :10_000], without, atol=1e-6)
    assert np.abs(with_tail[:, 12_000:]).max() > 0.01


def test_dither_is_added_only_when_asked(tmp_path: Path) -> None:
    source = noise(tmp_path, peak=0.1, subtype="PCM_16")
    expected = apply_eq(WARM, read_audio(source).samples.astype(np.float64), 48_000)
    for dither, most in ((False, 0.5), (True, 1.5)):
        process_file(source, tmp_path / "out.wav", WARM, options=ProcessOptions(dither=dither, overwrite=True))
        error = np.abs(read_audio(tmp_path / "out.wav").samples - expected).max() * 2**15
        assert most - 0.5 < error <= most + 1e-6


def test_a_disk_without_room_is_found_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fault C5
    import shutil

    source = noise(tmp_path, frames=20_000)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=119_999))
    with pytest.raises(EnvironmentFailure, match=r"out\.wav: disk full: needs 120000 bytes, 119999 are free"):
        process_file(source, tmp_path / "out.wav", WARM)
    process_file(source, tmp_path / "out.flac", WARM)  # nobody knows before


def test_in_place_replaces_the_source_by_the_whole_result(tmp_path: Path) -> None:  # fault C9
    source = noise(tmp_path, peak=0.1)
    expected = apply_eq(WARM, read_audio(source).samples.astype(np.float64), 48_000)
    with pytest.raises(OutputError, match="is the input"):
        process_file(source, source, WARM)
    process_file(source, source, WARM, options=ProcessOptions(in_place=True))
    np.testing.assert_allclose(read_audio(source).samples, expected, atol=2**-23)
    with pytest.raises(AudioError, match="true peak"):
        process_file(source, source, EqSettings((), preamp_db=24.0), options=ProcessOptions(in_place=True, peak_guard="refuse"))
    np.testing.assert_allclose(read_audio(source).samples, expected, atol=2**-23)
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_tags_stay_and_what_cannot_stay_is_named(tmp_path: Path) -> None:  # fault B17
    with soundfile.SoundFile(tmp_path / "in.flac", "w", 48_000, 1, "PCM_16") as file:
        file.title, file.artist = "Vocal", "Band"
        file.write(np.random.default_rng(0).uniform(-0.3, 0.3, 5_000))
    for suffix in (".flac", ".aiff", ".ogg", ".mp3"):
        process_file(tmp_path / "in.flac", tmp_path / f"out{suffix}", WARM)
        with soundfile.SoundFile(tmp_path / f"out{suffix}") as written:
            assert (written.title, written.artist) == ("Vocal", "Band"), suffix
    broadcast_wav(tmp_path / "bwf.wav")
    report = process_file(tmp_path / "bwf.wav", tmp_path / "bwf.flac", WARM)
    assert "FLAC has no place for bext, iXML, cue, LIST, smpl, acid, odd!: not kept" in report.warnings


def test_a_broadcast_wav_keeps_its_chunks_and_a_bypass_every_byte(tmp_path: Path) -> None:  # faults B17, C3
    source = broadcast_wav(tmp_path / "in.wav")
    report = process_file(source, tmp_path / "flat.wav", FLAT)
    assert report.is_copy
    assert (tmp_path / "flat.wav").read_bytes() == source.read_bytes()
    report = process_file(source, tmp_path / "out.wav", WARM)
    assert (report.is_copy, report.warnings) == (False, ())
    before, after = (chunks_of(path.read_bytes()) for path in (source, tmp_path / "out.wav"))
    assert [name for name, _ in after] == [b"bext", b"iXML", b"JUNK", b"fmt ", b"data", *(name for name, _ in AFTER)]
    assert sorted(c for c in before if c[0] != b"data") == sorted(c for c in after if c[0] != b"data")


def test_salvaged_audio_is_processed_with_a_warning(tmp_path: Path) -> None:  # faults B1, B8
    source = noise(tmp_path, peak=0.1)
    source.write_bytes(source.read_bytes()[:60_044])
    with pytest.raises(AudioError, match="`salvage`"):
        process_file(source, tmp_path / "out.wav", FLAT)
    report = process_file(source, tmp_path / "out.wav", FLAT, options=ProcessOptions(salvage=True))
    assert (report.info.frames, report.is_copy) == (10_000, False)
    assert any("kept what is there" in warning for warning in report.warnings)
    assert read_audio(tmp_path / "out.wav").frames == 10_000


def test_silence_has_no_peak_and_stays_silent(tmp_path: Path) -> None:  # fault A6
    write_audio(tmp_path / "in.wav", Audio(np.zeros((2, 5_000)), 48_000))
    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", WARM)
    assert report.peak_dbfs is None
    assert not read_audio(tmp_path / "out.wav").samples.any()


def test_samples_that_are_not_finite_are_refused_or_repaired(tmp_path: Path) -> None:  # faults A1, B16
    samples = np.full((2, 1_000), 0.25, dtype=np.float32)
    samples[1, 500] = np.nan
    soundfile.write(tmp_path / "in.wav", samples.T, 48_000, subtype="FLOAT")
    for eq in (WARM, FLAT):
        with pytest.raises(AudioError, match="channel 2 at 0.010417 s"):
            process_file(tmp_path / "in.wav", tmp_path / "out.wav", eq)
        assert not (tmp_path / "out.wav").exists()
        report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", eq, options=ProcessOptions(repair_nonfinite=True))
        assert (report.repaired_samples, report.is_copy) == (1, False)
        assert "1 samples were not finite, replaced with 0" in report.warnings
        expected = apply_eq(eq, np.nan_to_num(samples).astype(np.float64), 48_000)
        np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, expected, atol=1e-6)
        (tmp_path / "out.wav").unlink()


@pytest.mark.parametrize("level", [1e-39, 1e-37])
def test_no_subnormal_number_reaches_a_file(tmp_path: Path, level: float) -> None:  # fault A5
    samples = (level * np.random.default_rng(3).standard_normal((2, 20_000))).astype(np.float32)
    samples[:, 10_000:] = 0.0
    soundfile.write(tmp_path / "in.wav", samples.T, 48_000, subtype="FLOAT")
    process_file(tmp_path / "in.wav", tmp_path / "out.wav", WARM)
    out = np.abs(soundfile.read(tmp_path / "out.wav", dtype="float32")[0])
    assert not np.any((out > 0.0) & (out < np.finfo(np.float32).tiny))
    assert np.any(out > 0.0) == (level > 1e-38)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_24"])
def test_the_hottest_samples_become_a_sound_result_or_an_error(tmp_path: Path, subtype: str) -> None:  # fault A4
    samples = np.full((1, 4_000), 3e38, dtype=np.float32)
    soundfile.write(tmp_path / "in.wav", samples.T, 48_000, subtype="FLOAT")
    options = ProcessOptions(allow_hot=True, subtype=subtype)
    louder = EqSettings((Band(BandKind.LOW_SHELF, 100.0, 6.0, 0.7),))
    if subtype == "FLOAT":
        with pytest.raises(AudioError, match=r"\+77[0-9] dBFS does not fit into FLOAT"):
            process_file(tmp_path / "in.wav", tmp_path / "out.wav", louder, options=options)
        assert not (tmp_path / "out.wav").exists()
        return
    process_file(tmp_path / "in.wav", tmp_path / "out.wav", louder, options=options)
    out = soundfile.read(tmp_path / "out.wav")[0]
    assert np.isfinite(out).all()
    exact = apply_eq(louder, samples.astype(np.float64), 48_000)[0]
    scale = 1.0 if subtype == "DOUBLE" else 10.0 ** (TRIM_PEAK_DBTP / 20.0) / true_peak(exact[None])
    np.testing.assert_allclose(out, scale * exact, rtol=1e-12, atol=2e-7 if scale < 1.0 else 0.0)


def test_damage_inside_an_mp3_is_a_warning_and_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:  # fault B4
    source = noise(tmp_path, "in.mp3", subtype="MPEG_LAYER_III", container="MP3")
    data = bytearray(source.read_bytes())
    place = end_of(data, 8)
    data[place + 4 : place + 154] = b"\xff" * 150
    source.write_bytes(data)
    report = process_file(source, tmp_path / "out.wav", WARM)
    assert any(line.startswith("damaged: the MP3 decoder went over ") for line in report.warnings)
    assert capfd.readouterr() == ("", "")


def test_a_chain_that_puts_out_nan_is_an_error_and_no_file(tmp_path: Path) -> None:  # fault C2
    class Broken:
        warnings = ()

        def process(self, samples: np.ndarray) -> np.ndarray:
            return samples * np.inf

        def finish(self) -> list[np.ndarray]:
            return []

    with pytest.raises(AudioError, match=r"in\.wav: processing gave a sample that is not finite"):
        process_file(noise(tmp_path), tmp_path / "out.wav", FLAT, make_stage=lambda _info: Broken())  # type: ignore[arg-type, return-value]
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_a_chain_error_leaves_nothing(tmp_path: Path) -> None:
    def refuse(info: AudioInfo) -> ChainStage:
        raise ChainError("plugin 1: no")

    with pytest.raises(ChainError):
        process_file(noise(tmp_path), tmp_path / "out.wav", FLAT, make_stage=refuse)
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_the_eq_runs_before_the_chain_and_progress_counts_both_passes(tmp_path: Path) -> None:
    source = noise(tmp_path, peak=0.9)
    seen: list[tuple[int, int]] = []
    process_file(
        source,
        tmp_path / "out.wav",
        BOOST,
        make_stage=chain_of(pedalboard.Clipping(-12.0)),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert np.abs(read_audio(tmp_path / "out.wav").samples).max() == pytest.approx(10 ** (-12 / 20), abs=1e-3)
    assert seen[-1] == (20_000, 20_000)
    seen.clear()
    process_file(source, tmp_path / "out.wav", BOOST, options=AGAIN, progress=lambda done, total: seen.append((done, total)))
    assert (20_000, 20_000) in seen
    assert seen[-1] == (40_000, 40_000)


def test_a_wrong_suffix_warns_and_the_output_is_what_its_name_says(tmp_path: Path) -> None:  # fault B13
    (tmp_path / "in.wav").write_bytes(noise(tmp_path, "x.flac", subtype="PCM_16").read_bytes())
    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", FLAT)
    assert report.warnings == ("is FLAC by content, whatever its suffix .wav says",)
    assert (info_of(tmp_path / "out.wav").container, info_of(tmp_path / "out.wav").subtype) == ("WAV", "PCM_16")


def test_the_output_may_not_be_the_input_under_any_name(tmp_path: Path) -> None:  # fault C9
    source = noise(tmp_path)
    data = source.read_bytes()
    (tmp_path / "hard.wav").hardlink_to(source)
    (tmp_path / "soft.wav").symlink_to(source)
    (tmp_path / "sub").mkdir()
    for name in ("in.wav", "hard.wav", "soft.wav", "sub/../in.wav", "./in.wav"):
        with pytest.raises(OutputError, match=r"is the input .*in\.wav"):
            process_file(source, f"{tmp_path}/{name}", WARM, options=AGAIN)
    with pytest.raises(OutputError, match="is the input"):
        process_file(tmp_path / "soft.wav", source, WARM, options=AGAIN)
    assert source.read_bytes() == data


def test_unusable_outputs_are_refused_before_any_work(tmp_path: Path) -> None:  # faults C10, C12
    source = noise(tmp_path)
    other = tmp_path / "other.wav"
    other.write_bytes(b"old")
    (tmp_path / "link.wav").symlink_to(other)
    (tmp_path / "folder.wav").mkdir()
    calls: list[int] = []
    for name, why in (
        ("missing/out.wav", "missing does not exist"),
        ("other.wav/out.wav", "other.wav is a file"),
        ("folder.wav", "is a folder"),
        ("link.wav", "is a link"),
        ("out.xyz", "unknown audio suffix '.xyz'"),
    ):
        with pytest.raises(OutputError, match=why):
            process_file(source, tmp_path / name, WARM, options=AGAIN, progress=lambda done, _total: calls.append(done))
    with pytest.raises(OutputError, match="exists already; use `overwrite`"):
        process_file(source, other, WARM)
    assert calls == []
    assert other.read_bytes() == b"old"


def test_a_folder_without_write_permission_is_an_environment_failure(tmp_path: Path) -> None:  # faults B21, C12
    source = noise(tmp_path, frames=100)
    source.chmod(0o644)
    (tmp_path / "locked").mkdir(mode=0o555)
    tmp_path.chmod(0o755)
    script = (
        "import os, sys\nfrom semeq_host.stems.audio_names import plan_outputs\nfrom semeq_host.streams.offline import process_file\n"
        "from semeq_export import EqSettings\n"
        "from semeq_export.errors import EnvironmentFailure\nos.chdir(sys.argv[1])\n"
        "if os.getuid() == 0: os.setuid(65534)\n"  # root may write everywhere
        "for action in (lambda: process_file('in.wav', 'locked/out.wav', EqSettings()), lambda: plan_outputs(['in.wav'], 'locked/new/')):\n"
        "    try: action()\n"
        "    except EnvironmentFailure as error: print(error.exit_code, error)\n"
    )
    path = f"{ROOT}:{ROOT / 'plugin_host'}"
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True, env={"PYTHONPATH": path})
    assert done.stdout.splitlines() == [
        "1 locked/out.wav: permission denied to write into locked",
        "1 locked/new: permission denied",
    ]


KILLS = """
import os, random, signal, sys
from pathlib import Path
from semeq_export.eq.settings import EqSettings
from semeq_host.streams.offline import MakeStage, process_file
from semeq_host.streams.process_options import ProcessOptions
folder, name, moments = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
source, out = folder / f"in{name}", folder / f"out{name}"
eq = EqSettings.from_dict({"bands": [{"kind": "peak", "freq_hz": 1000.0, "gain_db": 12.0, "q": 0.3}]})
options = ProcessOptions(overwrite=True, block_samples=512)
process_file(source, folder / f"new{name}", eq, options=options)
new = (folder / f"new{name}").read_bytes()
calls = 0
def count(*_):
    global calls
    calls += 1
sys.setprofile(count)
process_file(source, out, eq, options=options)
sys.setprofile(None)
total, found, rng = calls, {"old": 0, "new": 0}, random.Random(1)
for _ in range(moments):
    out.write_bytes(b"old")
    moment = rng.randrange(total)
    if os.fork() == 0:
        calls = 0
        def kill(*_):
            global calls
            calls += 1
            if calls == moment:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.setprofile(kill)
        process_file(source, out, eq, options=options)
        os._exit(0)
    os.wait()
    data = out.read_bytes()
    found["old" if data == b"old" else "new" if data == new else "half"] += 1
print(found["old"], found["new"])
"""


@pytest.mark.parametrize("name", [".wav", ".ogg", ".flac", ".aiff"][: cases(1, 4)])
def test_killed_at_any_moment_the_output_is_old_or_new(tmp_path: Path, name: str) -> None:  # faults C6, C7
    noise(tmp_path, f"in{name}", peak=0.9, frames=6_000, subtype="VORBIS" if name == ".ogg" else "PCM_24")
    path = f"{ROOT}:{ROOT / 'plugin_host'}"
    moments = cases(25, 100)
    command = [sys.executable, "-c", KILLS, tmp_path, name, str(moments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": path})
    old, new = (int(n) for n in done.stdout.split())
    assert old + new == moments  # a half file is a KeyError in the child
    assert old > moments // 10


def test_an_interrupt_leaves_no_temporary_file(tmp_path: Path) -> None:  # fault C8
    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_file(noise(tmp_path), tmp_path / "out.wav", WARM, progress=interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_outputs_are_planned_for_one_file_and_for_many(tmp_path: Path) -> None:
    a, b = tmp_path / "a.wav", tmp_path / "b.flac"
    assert plan_outputs([a], tmp_path / "out.wav") == [(a, tmp_path / "out.wav")]
    assert plan_outputs(["elsewhere/a.wav"], tmp_path) == [(Path("elsewhere/a.wav"), a)]
    assert plan_outputs([a], f"{tmp_path}/new/") == [(a, tmp_path / "new" / "a.wav")]
    with pytest.raises(OutputError, match=r"out.wav: is the name of one file, for 2 outputs; name a folder, or end it in /"):
        plan_outputs([a, b], tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()
    assert plan_outputs([a, b], f"{tmp_path}/sub.wav/")[0] == (a, tmp_path / "sub.wav" / "a.wav")
    assert plan_outputs([a, b], tmp_path / "more") == [(a, tmp_path / "more" / "a.wav"), (b, tmp_path / "more" / "b.flac")]
    assert (tmp_path / "more").is_dir()


def test_outputs_that_would_collide_are_refused(tmp_path: Path) -> None:  # fault E15
    for first, second in (("x/a.wav", "y/a.wav"), ("x/a.wav", "y/A.WAV"), ("x/\u00e9.wav", "y/e\u0301.wav")):
        with pytest.raises(OutputError, match="would be the output of both"):
            plan_outputs([tmp_path / first, tmp_path / second], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_batch_may_not_overwrite_any_of_its_inputs(tmp_path: Path) -> None:  # fault C9
    a = noise(tmp_path, "a.wav")
    (tmp_path / "sub").mkdir()
    b = noise(tmp_path / "sub", "b.wav")
    with pytest.raises(OutputError, match="is the input"):
        plan_outputs([a, b], tmp_path, overwrite=True)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:  # fault C12
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name, why in (("file", "is a file"), ("a/b", "does not exist"), ("dangling", "dangling link")):
        with pytest.raises(OutputError, match=why):
            plan_outputs(["a.wav", "b.wav"], tmp_path / name)


@pytest.mark.parametrize("bad", [0, -1, 65_537])
def test_block_sizes_out_of_range_are_refused(bad: int) -> None:
    with pytest.raises(AudioError, match=r"block_samples .* is outside 1\.\.65536"):
        ProcessOptions(block_samples=bad)


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 4), dtype=np.int32), np.zeros((2, 4), dtype=bool), np.zeros((2, 4), dtype=complex), [[0.0], [0.0]]]
)
def test_filters_and_chains_refuse_other_sample_types(bad: object) -> None:  # fault A14
    with pytest.raises(AudioError, match="expected"):
        EqFilter(WARM, 48_000, 2).process(bad)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="expected"):
        ChainStage(pedalboard.Pedalboard([]), 48_000, 2).process(bad)  # type: ignore[arg-type, attr-defined]


def test_memory_stays_bounded_whatever_the_length(tmp_path: Path) -> None:  # faults B6, E19
    """Under 300 MB, with the guard on, on a machine that lets it have no more than 2 GB of addresses."""
    audio_bytes = cases(2**26, 2**27)  # up to 23 minutes of mono silence in a sparse file, four times as many once decoded
    path = tmp_path / "long.wav"
    fields = (b"RIFF", audio_bytes + 36, b"WAVE", b"fmt ", 16, 1, 1, 48_000, 96_000, 2, 16, b"data", audio_bytes)
    path.write_bytes(struct.pack("<4sI4s4sIHHIIHH4sI", *fields))
    os.truncate(path, 44 + audio_bytes)
    script = (
        "import re, resource, sys\nfrom pathlib import Path\nresource.setrlimit(resource.RLIMIT_AS, (2**31, -1))\n"
        "from semeq_host.streams.offline import process_file\nfrom semeq_export import EqSettings\n"
        "eq = EqSettings.from_dict({'bands': [{'kind': 'peak', 'freq_hz': 1000.0, 'gain_db': 3.0}]})\n"
        "process_file(sys.argv[1], sys.argv[2], eq)\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', Path('/proc/self/status').read_text())[1])\n"
    )
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugin_host'}"}
    done = subprocess.run([sys.executable, "-c", script, path, tmp_path / "out.flac"], capture_output=True, text=True, check=True, env=env)
    assert int(done.stdout) / 1024 < 300


def test_reports_are_plain_data(tmp_path: Path) -> None:
    report = process_file(noise(tmp_path), tmp_path / "out.wav", WARM)
    assert isinstance(report, ProcessReport)
    assert (report.source, report.destination) == (tmp_path / "in.wav", tmp_path / "out.wav")
    assert report.eq == WARM
    assert report.info.duration_s == pytest.approx(20_000 / 48_000)


@pytest.mark.parametrize(
    ("name", "options"), [("a.wav", {}), ("a.flac", {"dither": True}), ("a.wav", {"delta": True}), ("a.wav", {"lufs": -3.0})]
)
def test_a_trimmed_file_is_the_same_made_in_memory_or_by_a_second_pass(
    name: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet for a second, then over full scale: what was written before the first peak is made anew, the rest is kept."""
    samples = np.random.default_rng(4).uniform(-1.0, 1.0, (96_000, 2)) * np.repeat([0.1, 0.9], 48_000)[:, np.newaxis]
    samples[5] = np.nan
    soundfile.write(tmp_path / "source.wav", samples, 48_000, subtype="FLOAT")
    how = ProcessOptions(subtype="PCM_24", repair_nonfinite=True, block_samples=1_000, **options)
    passes: list[int] = []
    decoded = AudioReader.blocks

    def blocks(self: AudioReader, block_samples: int) -> Iterator[Float64Array]:
        passes.append(0)
        for block in decoded(self, block_samples):
            passes[-1] += block.shape[1]
            yield block

    monkeypatch.setattr(AudioReader, "blocks", blocks)
    kept = process_file(tmp_path / "source.wav", tmp_path / f"kept {name}", BOOST, options=how)
    taken, passes[:] = sum(passes), []
    monkeypatch.setattr("semeq_host.streams.offline._MAX_KEPT_BYTES", 0)
    again = process_file(tmp_path / "source.wav", tmp_path / f"again {name}", BOOST, options=how)
    assert (tmp_path / f"kept {name}").read_bytes() == (tmp_path / f"again {name}").read_bytes()
    assert (kept.trim_db, kept.warnings, kept.repaired_samples) == (again.trim_db, again.warnings, 2)
    if not options.get("delta"):
        assert again.trim_db < 0.0
        assert sum(passes) - taken in range(40_000, 50_000)  # of the second pass, about the loud half
