"""The differentiable twin of the filters: the same responses as `semeq_export.eq.biquad`, and gradients that are the slopes of those."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import layout_settings, random_settings

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import SAFE_13, Band, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from semeq_training.torch_biquad import TRAINING_RATE_HZ, LayoutResponse  # noqa: E402

GRID = log_grid(200)
TOLERANCE_DB = 1e-4


def slot_vector(eq: EqSettings) -> list[float]:
    """The bands in the order of the layout's slots as drawn, peaks unsorted."""
    return [
        value
        for band, slot in zip(eq.bands, SAFE_13.slots, strict=True)
        for value in (band.gain_db, band.freq_hz, band.q)[: len(slot.params)]
    ]


@pytest.mark.parametrize(("dtype", "tolerance_db"), [("float64", 1e-8), ("float32", TOLERANCE_DB)])
def test_random_settings_have_the_responses_of_biquad(dtype: str, tolerance_db: float) -> None:
    settings = random_settings(300, seed=5, q_range=(0.1, 10.0))
    params = torch.tensor([slot_vector(eq) for eq in settings], dtype=getattr(torch, dtype))
    found = LayoutResponse(SAFE_13, GRID)(params).numpy()
    wanted = np.array([response_db(eq, GRID, TRAINING_RATE_HZ) for eq in settings])
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, atol=tolerance_db, rtol=0)


@given(layout_settings(), st.sampled_from([44_100.0, 48_000.0, 96_000.0]))
def test_any_settings_at_any_rate_have_the_responses_of_biquad(eq: EqSettings, rate: float) -> None:
    params = torch.tensor([slot_vector(eq)], dtype=torch.float64)
    found = LayoutResponse(SAFE_13, GRID, rate)(params)[0].numpy()
    np.testing.assert_allclose(found, response_db(eq, GRID, rate), atol=TOLERANCE_DB, rtol=0)


def test_float32_keeps_its_precision_at_the_lowest_frequencies() -> None:
    eq = EqSettings((Band(BandKind.LOW_SHELF, 22.0, 12.0, 0.71),))
    params = torch.tensor(SAFE_13.to_vector(eq), dtype=torch.float32)[None]
    freqs = np.array([1.0, 5.0, 10.0, 20.0, 30.0])
    found = LayoutResponse(SAFE_13, freqs, 96_000.0)(params)[0].numpy()
    np.testing.assert_allclose(found, response_db(eq, freqs, 96_000.0), atol=TOLERANCE_DB, rtol=0)


def test_zero_gains_are_flat_wherever_the_bands_stand() -> None:
    params = torch.tensor(SAFE_13.maximum, dtype=torch.float64)
    params[[spec.unit == "dB" for spec in SAFE_13.params]] = 0.0
    assert LayoutResponse(SAFE_13, GRID)(params).abs().max() < 1e-12


def test_shelves_with_free_q_follow_the_layout() -> None:
    shelf = ParamSpec("s_gain_db", "dB", -12.0, 12.0, "linear", 0.0), ParamSpec("s_freq_hz", "Hz", 20.0, 5_000.0, "log", 100.0)
    layout = EqLayout("one-shelf", (BandSlot(BandKind.HIGH_SHELF, *shelf, ParamSpec("s_q", "q", 0.3, 2.0, "log", 0.7)),))
    found = LayoutResponse(layout, GRID)(torch.tensor([[7.0, 900.0, 1.4]], dtype=torch.float64))[0].numpy()
    wanted = response_db(EqSettings((Band(BandKind.HIGH_SHELF, 900.0, 7.0, 1.4),)), GRID, TRAINING_RATE_HZ)
    np.testing.assert_allclose(found, wanted, atol=1e-8)


def test_gradients_are_the_slopes_of_the_response() -> None:
    params = torch.tensor([slot_vector(random_settings(1, seed=9)[0])], dtype=torch.float64, requires_grad=True)
    model = LayoutResponse(SAFE_13, np.array([60.0, 400.0, 3_000.0, 12_000.0]))
    assert torch.autograd.gradcheck(model, (params,), eps=1e-5, atol=1e-5)


def test_gradients_are_finite_at_the_ends_of_every_range() -> None:
    for ends in (SAFE_13.minimum, SAFE_13.maximum):
        params = torch.tensor(ends, dtype=torch.float32, requires_grad=True)
        LayoutResponse(SAFE_13, GRID)(params).square().mean().backward()
        assert params.grad is not None
        assert math.isfinite(float(params.grad.abs().sum()))
