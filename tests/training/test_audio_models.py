"""The audio encoder's graph: a front end that is a DFT, and codes that do not know how loud the audio is."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

import sounds  # noqa: E402

from semeq_export.listening.spectrum import BAND_EDGES_HZ, BANDS_HZ  # noqa: E402
from semeq_training.audio_models import FINE, N_FRAMES, SAMPLE_RATE_HZ, WINDOW_SAMPLES, AudioEncoder, ThirdOctaves, band_edges_hz  # noqa: E402

ARCHITECTURES = ("separable", "transformer")


def trained_a_little(architecture: str) -> AudioEncoder:
    """An encoder whose last layers are not 0, as a fresh one's are."""
    torch.manual_seed(3)
    model = AudioEncoder(architecture, 6, 16, 2)  # type: ignore[arg-type]
    with torch.no_grad():
        model.head.weight.normal_(0.0, 1.0)
        model.spectrum.weight.normal_(0.0, 1.0)
        model.flat.copy_(torch.linspace(-0.5, 0.5, 6))
    return model.eval()


def audio(*levels: float) -> torch.Tensor:
    sound = sounds.performance(2.0, float(SAMPLE_RATE_HZ)).samples[:, :WINDOW_SAMPLES] + sounds.noise(2.0, rms=1e-3).samples
    return torch.from_numpy(np.concatenate([level * sound for level in levels]).astype(np.float32))


def test_the_front_end_gives_the_powers_of_a_plain_dft() -> None:
    sound = audio(1.0)
    taper = torch.hann_window(4_000, dtype=torch.float64)
    bins = torch.fft.rfft(sound[0].double().unfold(0, 4_000, 2_000) * taper).abs().square().numpy()[:, :2_000]
    power = 2.0 * bins / (4_000 * float((taper * taper).sum())) / float(sound.abs().max()) ** 2
    below = np.concatenate([np.zeros((N_FRAMES, 1)), np.cumsum(power, axis=1)], axis=1)
    at = BAND_EDGES_HZ * 4_000 / SAMPLE_RATE_HZ + 0.5
    cell = at.astype(int)
    cumulative = below[:, cell] + (at - cell) * (below[:, np.minimum(cell + 1, 2_000)] - below[:, cell])
    found = ThirdOctaves()(sound)[0].numpy()
    assert found.shape == (N_FRAMES, len(BANDS_HZ))
    np.testing.assert_allclose(found, np.diff(cumulative, axis=1), rtol=1e-3, atol=1e-9)


def test_fine_bands_add_up_to_third_octaves() -> None:
    sound = audio(1.0)
    fine = ThirdOctaves(FINE)(sound).reshape(N_FRAMES, len(BANDS_HZ), FINE).sum(dim=2)
    np.testing.assert_allclose(fine, ThirdOctaves()(sound)[0], rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(band_edges_hz(FINE)[::FINE], BAND_EDGES_HZ, rtol=1e-12)


def test_a_full_scale_sine_has_half_its_peak_squared() -> None:
    time_s = torch.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ
    powers = ThirdOctaves()(0.3 * torch.sin(2 * np.pi * 1_000.0 * time_s)[None])[0]
    np.testing.assert_allclose(powers.sum(dim=1), 0.5, rtol=1e-3)
    assert int(powers.mean(dim=0).argmax()) == int(np.argmin(np.abs(BANDS_HZ - 1_000.0)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_z_does_not_know_the_level(architecture: str) -> None:
    with torch.no_grad():
        z = trained_a_little(architecture)(audio(1.0, 10.0, 0.1, 1e-4)).numpy()
    assert np.abs(z[1:] - z[0]).max() < 1e-3
    assert np.abs(z[0] - np.linspace(-0.5, 0.5, 6)).max() > 0.01  # it hears something


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_silence_and_extremes_give_numbers(architecture: str) -> None:
    click = torch.zeros(1, WINDOW_SAMPLES)
    click[0, 5] = 1.0
    rows = torch.cat([torch.zeros(1, WINDOW_SAMPLES), click, 3e38 * click, torch.ones(1, WINDOW_SAMPLES), 1e-38 * audio(1.0)])
    with torch.no_grad():
        z = trained_a_little(architecture)(rows)
    assert bool(torch.isfinite(z).all())
    assert float(z.abs().max()) <= 1.0


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_fresh_encoder_gives_the_code_of_no_eq(architecture: str) -> None:
    model = AudioEncoder(architecture, 5, 16, 2).eval()  # type: ignore[arg-type]
    model.flat.copy_(torch.tensor([0.1, -0.2, 0.3, 0.0, 0.9]))
    with torch.no_grad():
        np.testing.assert_allclose(model(audio(1.0))[0], model.flat, atol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_architectures_are_small(architecture: str) -> None:
    model = AudioEncoder(architecture, 32, 64, 3)  # type: ignore[arg-type]
    assert sum(weight.numel() for weight in model.parameters()) <= 150_000
