"""What the audio encoder learns from: files become windows, and an EQ as gains of fine bands is the EQ as it is rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

import sounds  # noqa: E402
from strategies import random_settings  # noqa: E402
from tiny_training import write_tiny_audio  # noqa: E402

from semeq_export.audio.samples import Audio  # noqa: E402
from semeq_export.audio.writer import write_audio  # noqa: E402
from semeq_export.eq.biquad import response_db  # noqa: E402
from semeq_export.eq.filter import apply  # noqa: E402
from semeq_export.errors import AudioError, TrainingError  # noqa: E402
from semeq_training.audio_models import FINE, N_BANDS, SAMPLE_RATE_HZ, WINDOW_SAMPLES  # noqa: E402
from semeq_training.fitting import audio_material as material  # noqa: E402


def band_levels_db(powers: np.ndarray) -> np.ndarray:
    return 10.0 * np.log10(powers.reshape(-1, N_BANDS, FINE).sum(axis=2).mean(axis=0))


def test_gains_of_fine_bands_are_as_good_as_rendering() -> None:
    errors_db = []
    for seed, eq in enumerate(random_settings(8, seed=3)):
        for sound in (sounds.performance(3.0, 48_000.0, seed=seed), sounds.noise(3.0, 48_000.0, seed=seed)):
            wet = apply(eq, sound.samples, 48_000.0)
            dry_window, wet_window = (samples[:, -WINDOW_SAMPLES:] for samples in (sound.samples, wet))
            powers = material.analysed(np.concatenate([dry_window, wet_window]))
            gains = 10.0 ** (response_db(eq, material.FINE_HZ, 48_000.0) / 10.0)
            cheap, honest = band_levels_db(powers[0] * gains), band_levels_db(powers[1])
            peak_db = 20.0 * np.log10(np.abs(wet_window).max() / np.abs(dry_window).max())  # powers are relative to the peak
            errors_db.append(np.abs(cheap - honest - peak_db))
    mean_db = np.mean(errors_db, axis=0)
    assert mean_db[material.BANDS_FROM_50_HZ].mean() < 0.1
    assert mean_db[material.BANDS_FROM_50_HZ].max() < 0.4
    assert mean_db[~material.BANDS_FROM_50_HZ].mean() < 1.0


def test_files_are_mono_at_48_khz_in_order_and_grouped_by_the_start_of_their_name(tmp_path: Path) -> None:
    folder = write_tiny_audio(tmp_path / "audio", ("b_one", "a_two", "a_one"))
    (folder / "notes.txt").write_text("not audio")
    files = material.read_real_files(folder, pytest.fail)
    assert [(file.name, file.group) for file in files] == [("a_one.wav", "a"), ("a_two.wav", "a"), ("b_one.wav", "b")]
    assert {(file.audio.channels, file.audio.sample_rate_hz) for file in files} == {(1, 48_000.0)}
    assert material.group_of("Sodium_stem drums.flac") == "sodium"
    assert material.group_of("alone.wav") == "alone"


def test_what_cannot_be_used_is_left_out_with_a_note(tmp_path: Path) -> None:
    folder = write_tiny_audio(tmp_path / "audio", ("good",))
    write_audio(folder / "short.wav", sounds.noise(2.5), overwrite=True)
    write_audio(folder / "silent.wav", Audio(np.zeros((1, 200_000)), 48_000.0), overwrite=True)
    notes: list[str] = []
    assert [file.name for file in material.read_real_files(folder, notes.append)] == ["good.wav"]
    assert [note.partition(":")[0] for note in notes] == ["short.wav", "silent.wav"]
    assert "3 s of sound" in notes[0]
    assert "nothing above" in notes[1]
    (folder / "good.wav").unlink()
    with pytest.raises(TrainingError, match="no audio file with 3 s of sound"):
        material.read_real_files(folder, notes.append)
    with pytest.raises(TrainingError, match="no such folder"):
        material.read_real_files(tmp_path / "none", notes.append)
    (folder / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match=r"broken\.wav"):
        material.read_real_files(folder, notes.append)


def test_real_sources_come_at_three_pitches_and_depend_on_their_file_only(tmp_path: Path) -> None:
    files = material.read_real_files(write_tiny_audio(tmp_path / "audio"), pytest.fail)
    sources = material.real_sources(files, seed=1)
    assert [source.name for source in sources] == ["one_a.wav"] * 3 + ["two_a.wav"] * 3
    assert all(len(source.powers) >= 2 and source.kind == "real" for source in sources)
    assert np.isfinite(np.concatenate([source.powers for source in sources])).all()
    alone = material.real_sources(files[1:], seed=1)
    np.testing.assert_array_equal(alone[0].powers, sources[3].powers)
    low, high = (band_levels_db(sources[i].powers.reshape(-1, N_BANDS * FINE)) for i in (1, 2))
    assert np.abs(low - high).max() > 3.0


def test_noise_sources_repeat_for_a_seed_and_differ_otherwise() -> None:
    one, again, other = (material.noise_sources(2, "coloured", seed) for seed in (1, 1, 2))
    for a, b in zip(one, again, strict=True):
        np.testing.assert_array_equal(a.powers, b.powers)
    assert np.abs(band_levels_db(one[0].powers[0]) - band_levels_db(other[0].powers[0])).max() > 1.0
    pink = band_levels_db(material.noise_sources(1, "pink", 1)[0].powers.reshape(-1, N_BANDS * FINE))
    assert np.std(pink[5:]) < 1.0
    assert SAMPLE_RATE_HZ * 2 == WINDOW_SAMPLES
