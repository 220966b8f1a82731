"""Codes that are linear in dB: sums of codes are sums of curves, rows come back, and gradients leave the passage of the rest alone."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from pathlib import Path  # noqa: E402

from strategies import random_settings  # noqa: E402
from tiny_training import write_recipe, write_tiny_data  # noqa: E402

from semeq_export.bundle.loading import load_bundle  # noqa: E402
from semeq_export.bundle.validate import validate  # noqa: E402
from semeq_export.eq.curve import level_free, log_grid  # noqa: E402
from semeq_export.eq.settings import SAFE_13  # noqa: E402
from semeq_training.fitting.blends import BlendSampler, Readability  # noqa: E402
from semeq_training.fitting.curve_model import REST_SCALE, CurveAutoencoder, code_grid  # noqa: E402
from semeq_training.runs.export import export  # noqa: E402
from semeq_training.runs.run import fit  # noqa: E402
from semeq_training.torch_biquad import LayoutResponse  # noqa: E402


@pytest.fixture(scope="module")
def model() -> CurveAutoencoder:
    torch.manual_seed(3)
    made = CurveAutoencoder(SAFE_13, 32)
    made.start_from_curves(curves(200))
    made.eval()
    return made


def settings(count: int, seed: int = 1) -> torch.Tensor:
    rows = [SAFE_13.to_vector(eq) for eq in random_settings(count, seed)]
    return torch.from_numpy(np.array(rows, dtype=np.float32))


def curves(count: int, seed: int = 1) -> np.ndarray:
    return level_free(LayoutResponse(SAFE_13, code_grid())(settings(count, seed)).numpy())


def test_too_few_numbers_leave_no_room_for_codes() -> None:
    with pytest.raises(ValueError, match="curve codes need more than 13 latent numbers, found 13"):
        CurveAutoencoder(SAFE_13, 13)


def test_codes_of_sums_are_sums_of_codes(model: CurveAutoencoder) -> None:
    a, b = (torch.from_numpy(curves(20, seed).astype(np.float32) * 0.1) for seed in (2, 3))
    with torch.no_grad():
        both = model.z_of_curves(0.7 * a - 0.4 * b)
        assert torch.allclose(both, 0.7 * model.z_of_curves(a) - 0.4 * model.z_of_curves(b), atol=1e-6)
    assert not both[:, model.n_codes :].any()


def test_rows_come_back_whatever_the_decoder_has_learned(model: CurveAutoencoder) -> None:
    params = settings(200)
    with torch.no_grad():
        z = model.encoder(params)
        decoded = model.decoder(z)
    assert z.abs().max() <= 1.0
    response = LayoutResponse(SAFE_13, log_grid())
    assert (response(decoded.double()) - response(params.double())).abs().max() < 0.05


def test_the_passage_of_the_rest_is_exact_and_stays_so(model: CurveAutoencoder) -> None:
    z = torch.zeros(2, 32)
    z[1, model.n_codes :] = torch.linspace(-0.3, 0.3, 13)
    with torch.no_grad():
        raw = model.decoder.raw(z)
    assert torch.allclose(raw[1] - raw[0], REST_SCALE * z[1, model.n_codes :], atol=1e-4)
    trained = CurveAutoencoder(SAFE_13, 32)
    optimiser = torch.optim.Adam(trained.parameters(), lr=0.1)
    for _ in range(3):
        loss = torch.square(trained.decoder(torch.rand(8, 32))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    trained.eval()
    with torch.no_grad():
        raw = trained.decoder.raw(z)
    assert torch.allclose(raw[1] - raw[0], REST_SCALE * z[1, model.n_codes :], atol=1e-3)


def test_bands_add_up_to_the_response() -> None:
    params = settings(20)
    bands = LayoutResponse(SAFE_13, code_grid()).bands(params)
    assert bands.shape == (20, 5, 48)
    assert torch.allclose(bands.sum(dim=1), LayoutResponse(SAFE_13, code_grid())(params), atol=1e-4)


def test_bands_that_fight_stand_outside_or_idle_cost() -> None:
    plain = {"low_shelf_gain_db": 3.0, "low_shelf_freq_hz": 200.0, "high_shelf_gain_db": 0.0, "high_shelf_freq_hz": 5_000.0}
    plain |= {f"peak{n}_{name}": value for n in (1, 2, 3) for name, value in (("gain_db", 0.0), ("freq_hz", 1_000.0), ("q", 1.0))}

    def costs(**changed: float) -> tuple[float, float, float]:
        values = plain | changed
        params = torch.tensor([[values[spec.name] for spec in SAFE_13.params]])
        found = Readability(SAFE_13)(params, LayoutResponse(SAFE_13, code_grid()).bands(params))
        return found.fight.item(), found.outside.item(), found.idle.item()

    assert costs() == (0.0, 0.0, 0.0)
    fight, outside, idle = costs(peak1_gain_db=6.0, peak2_gain_db=-5.0)
    assert fight > 3.0
    assert (outside, idle) == (0.0, 0.0)
    assert costs(high_shelf_freq_hz=600.0)[1] > 0.05
    assert costs(peak1_q=0.1)[1] > 0.05
    assert costs(peak1_gain_db=0.3)[2] == pytest.approx(0.06)


def test_blends_are_the_same_for_a_step_and_differ_from_step_to_step() -> None:
    words, rows = curves(5), curves(40, seed=2)
    first, again, later = (BlendSampler(words, rows, batch_size=16, seed=1).batch(step) for step in (4, 4, 5))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, later)
    assert np.abs(first.mean(axis=1)).max() < 1e-4


@pytest.mark.slow
def test_a_run_of_this_kind_makes_a_bundle_that_passes_every_check(tmp_path: Path) -> None:
    data = write_tiny_data(tmp_path / "data")
    recipe = write_recipe(tmp_path / "codes.toml", encoder="codes", latent_dim=24, steps=30, evaluate_every=30)
    record = fit(recipe, data, tmp_path / "run")
    assert record.metrics["curve_mae_db"] < 0.05
    export(tmp_path / "run", tmp_path / "codes.semeq")
    assert not [str(finding) for finding in validate(tmp_path / "codes.semeq", 3) if finding.severity == "error"]
    bundle = load_bundle(tmp_path / "codes.semeq")
    assert not any(number for term in bundle.centroids.values() for number in term.z[24 - 13 :])
