"""Encoder and decoder: physical units in and out, inside the layout's ranges whatever goes in."""

from __future__ import annotations

import numpy as np
import pytest
from strategies import random_settings

from semeq_export.eq.settings import SAFE_13, BandKind, BandSlot, EqLayout, ParamSpec

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from semeq_training.models import EqAutoencoder, LayoutScale  # noqa: E402

TWO_BANDS = EqLayout(
    "two-bands",
    (
        BandSlot(
            BandKind.LOW_SHELF,
            ParamSpec("low_gain_db", "dB", -6.0, 18.0, "linear", 0.0),
            ParamSpec("low_freq_hz", "Hz", 30.5, 333.3, "log", 100.0),
            0.9,
        ),
        BandSlot(
            BandKind.PEAK,
            ParamSpec("peak_gain_db", "dB", -9.0, 9.0, "linear", 0.0),
            ParamSpec("peak_freq_hz", "Hz", 100.0, 9_999.9, "log", 1_000.0),
            ParamSpec("peak_q", "q", 0.3, 3.3, "log", 1.0),
        ),
    ),
)


def vectors(count: int, seed: int = 1) -> np.ndarray:
    return np.array([SAFE_13.to_vector(eq) for eq in _placed(count, seed)])


def _placed(count: int, seed: int) -> list:
    """Random settings that fit the slots in canonical order."""
    found = []
    for eq in random_settings(20 * count, seed):
        try:
            SAFE_13.to_vector(eq)
        except ValueError:
            continue
        found.append(eq)
    return found[:count]


@pytest.mark.parametrize("layout", [SAFE_13, TWO_BANDS], ids=lambda layout: layout.name)
@pytest.mark.parametrize("latent_dim", [2, 8, 32, 128])
def test_shapes_follow_the_layout_and_the_latent_size(layout: EqLayout, latent_dim: int) -> None:
    torch.manual_seed(0)
    model = EqAutoencoder(layout, latent_dim)
    middle = torch.tensor((layout.minimum * layout.maximum).clip(1) ** 0.5, dtype=torch.float32)
    z, params, projections = model(middle.repeat(3, 1))
    assert z.shape == (3, latent_dim)
    assert params.shape == (3, len(layout.params))
    assert projections.shape == (3, 128)
    torch.testing.assert_close(projections.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("layout", [SAFE_13, TWO_BANDS], ids=lambda layout: layout.name)
def test_decoded_values_lie_inside_the_ranges_even_for_absurd_latents(layout: EqLayout) -> None:
    torch.manual_seed(0)
    model = EqAutoencoder(layout, 8).eval()
    z = torch.cat([torch.randn(200, 8) * scale for scale in (0.1, 1.0, 1e3, 1e9)])
    params = model.decoder(z).detach().double().numpy()
    assert np.all(params >= layout.minimum)
    assert np.all(params <= layout.maximum)
    for row in params[::40]:
        layout.from_vector(row)


def test_codes_lie_inside_the_cube_even_for_values_outside_the_ranges() -> None:
    model = EqAutoencoder(SAFE_13, 8).eval()
    for factor in (-1e6, 0.0, 1e6):
        z = model.encoder(torch.tensor(SAFE_13.maximum * factor, dtype=torch.float32))
        assert bool((z.abs() <= 1.0).all())


def test_scale_there_and_back_is_the_identity() -> None:
    scale = LayoutScale(SAFE_13)
    params = torch.tensor(vectors(50), dtype=torch.float32)
    torch.testing.assert_close(scale.to_physical(scale.to_raw(params)), params, rtol=2e-5, atol=0.013)


def test_scale_is_even_in_octaves_and_in_db() -> None:
    scale = LayoutScale(SAFE_13)
    middle = SAFE_13.minimum.copy()
    for column, spec in enumerate(SAFE_13.params):
        middle[column] = 0.0 if spec.unit == "dB" else (spec.minimum * spec.maximum) ** 0.5
    np.testing.assert_allclose(scale.to_unit(torch.tensor(middle, dtype=torch.float32)).numpy(), 0.5, atol=1e-6)


def test_frequency_and_q_of_an_idle_band_do_not_matter() -> None:
    scale = LayoutScale(SAFE_13)
    params = torch.tensor(vectors(1)[0], dtype=torch.float32)
    params[2] = 0.0
    importance = scale.importance(params)
    assert importance[2] == 1.0
    assert importance[3] == importance[4] == 0.0
    assert importance[0] == 1.0


def test_a_fresh_model_with_room_decodes_what_it_encodes() -> None:
    torch.manual_seed(0)
    model = EqAutoencoder(SAFE_13, 32).eval()
    params = torch.tensor(vectors(100), dtype=torch.float32)
    with torch.no_grad():
        _, decoded, _ = model(params)
    is_gain = np.array([spec.unit == "dB" for spec in SAFE_13.params])
    assert float((decoded - params)[:, is_gain].abs().mean()) < 0.1
    assert float(torch.log2(decoded / params)[:, ~is_gain].abs().mean()) < 0.05


def test_dropout_is_off_in_evaluation() -> None:
    model = EqAutoencoder(SAFE_13, 8, dropout=0.5).eval()
    with torch.no_grad():
        for block in model.encoder.blocks:
            block.second_norm.weight.fill_(1.0)
    params = torch.tensor(vectors(4), dtype=torch.float32)
    assert torch.equal(model.encoder(params), model.encoder(params))
    model.train()
    assert not torch.equal(model.encoder(params), model.encoder(params))


def test_an_encoder_of_curves_does_not_tell_what_sounds_the_same() -> None:
    torch.manual_seed(0)
    rows = vectors(8)
    swapped = rows.copy()
    swapped[:, 2:5], swapped[:, 5:8] = rows[:, 5:8], rows[:, 2:5]
    fits = np.array([np.array_equal(SAFE_13.clip(row), row) for row in swapped])
    model = EqAutoencoder(SAFE_13, 8, encoder="curve").eval()
    with torch.no_grad():
        one, other = (model.encoder(torch.from_numpy(part[fits].astype(np.float32))) for part in (rows, swapped))
    assert fits.any()
    assert torch.allclose(one, other, atol=1e-4)


def test_an_encoder_of_curves_starts_at_principal_components() -> None:
    torch.manual_seed(0)
    model = EqAutoencoder(SAFE_13, 8, encoder="curve").eval()
    rows = vectors(60)
    model.start_from_curves(rows)
    with torch.no_grad():
        inner = torch.atanh(model.encoder(torch.from_numpy(rows.astype(np.float32)))).numpy()
    spread = np.cov(inner.T)
    assert np.allclose(np.diag(spread), 0.4**2, rtol=0.05)
    assert np.abs(spread - np.diag(np.diag(spread))).max() < 0.01


def test_attention_starts_as_the_same_linear_map_and_passes_gradients() -> None:
    torch.manual_seed(0)
    model = EqAutoencoder(SAFE_13, 32, encoder="transformer")
    params = torch.from_numpy(vectors(6).astype(np.float32))
    _, decoded, _ = model(params)
    gains = [0, 2, 5, 8, 11]
    assert torch.allclose(decoded[:, gains], params[:, gains], atol=0.3)
    decoded.square().sum().backward()
    out = model.encoder.blocks[0].out.weight.grad
    assert out is not None
    assert out.any()


def test_words_with_a_path_of_their_own_leave_the_settings_alone() -> None:
    torch.manual_seed(0)
    model = EqAutoencoder(SAFE_13, 20, word_path=True)
    params = torch.from_numpy(vectors(6).astype(np.float32))
    _, decoded, seen = model(params)
    assert seen.shape == (6, 20)
    (seen * torch.randn(6, 20)).sum().backward(retain_graph=True)
    assert not model.encoder.latent.weight.grad.any()
    assert model.encoder.words.last.weight.grad.any()
    model.zero_grad()
    decoded.sum().backward()
    assert model.encoder.latent.weight.grad.any()
    assert not model.encoder.words.last.weight.grad.any()


def test_a_word_path_needs_room() -> None:
    with pytest.raises(ValueError, match="more than 13 latent numbers, found 13"):
        EqAutoencoder(SAFE_13, 13, word_path=True)
