"""Batches: stateless, balanced, and varied only in ways that sound the same."""

from __future__ import annotations

import numpy as np
import pytest

from semeq_export.eq.settings import SAFE_13

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")

from tiny_training import vectors  # noqa: E402

from semeq_training.data.sampling import Sampler  # noqa: E402
from semeq_training.fitting.losses import NO_WORD  # noqa: E402
from semeq_training.torch_biquad import LayoutResponse  # noqa: E402

GRID = np.geomspace(20, 20_000, 60)


def responses(params: np.ndarray) -> np.ndarray:
    return LayoutResponse(SAFE_13, GRID)(torch.from_numpy(params)).numpy()


def sampler(params: np.ndarray, labels: list[int], **changes: float) -> Sampler:
    options = {"batch_size": 32, "rows_per_word": 4, "mixed_share": 0.0, "seed": 1} | changes
    return Sampler(params, np.array(labels), SAFE_13, **options)


def test_a_step_has_the_same_batch_however_it_is_reached() -> None:
    params = vectors("warm", 30)
    one, other = (sampler(params, [0] * 15 + [1] * 15, mixed_share=0.5) for _ in range(2))
    for step in range(5):
        one.batch(step)
    np.testing.assert_array_equal(one.batch(7).params, other.batch(7).params)
    assert not np.array_equal(one.batch(7).params, one.batch(8).params)


def test_varied_rows_sound_like_rows_of_their_word() -> None:
    params = vectors("warm", 10)
    params[:, 5] = 0.0
    known = responses(params)
    labels = list(range(5)) * 2
    for step in range(20):
        batch = sampler(params, labels).batch(step)
        distance = np.abs(responses(batch.params)[:, None] - known).max(axis=2)
        nearest = distance.argmin(axis=1)
        assert distance.min(axis=1).max() < 1e-6
        np.testing.assert_array_equal(np.array(labels)[nearest], batch.labels)


def test_peaks_take_every_order_that_the_slots_can_hold() -> None:
    params = vectors("warm", 1)
    params[0, [3, 6, 9]] = 500.0, 1_000.0, 2_000.0
    seen = {tuple(row[[3, 6, 9]].round(3)) for step in range(20) for row in sampler(params, [NO_WORD]).batch(step).params}
    assert len(seen) == 6
    params[0, 9] = 9_000.0  # only the last slot reaches that high
    seen = {tuple(row[[3, 6, 9]].round(3)) for step in range(20) for row in sampler(params, [NO_WORD]).batch(step).params}
    assert len(seen) == 2


def test_rare_words_meet_their_like_and_common_ones_do_not_fill_the_batch() -> None:
    labels = [0] * 400 + [1] * 5 + [2] * 5
    chosen = sampler(vectors("bright", 410), labels)
    batches = [chosen.batch(step).labels for step in range(50)]
    assert all(np.count_nonzero(batch == 1) >= 4 and np.count_nonzero(batch == 2) >= 4 for batch in batches)


def test_mixed_rows_have_no_word_and_stay_inside_the_ranges() -> None:
    batch = sampler(vectors("thin", 30), [0] * 30, mixed_share=1.0).batch(0)
    assert np.count_nonzero(batch.labels == NO_WORD) == 28
    assert np.all(batch.params >= SAFE_13.minimum)
    assert np.all(batch.params <= SAFE_13.maximum)


@pytest.mark.parametrize("labels", [[NO_WORD] * 3, [0, 1, 2], [0, 0, 0]])  # fault E11
def test_a_table_of_three_rows_is_enough(labels: list[int]) -> None:
    batch = sampler(vectors("warm", 3), labels).batch(0)
    assert batch.params.shape == (32, 13)
    assert np.all(np.isfinite(batch.params))


def test_varied_rows_are_turned_over_stay_in_range_and_lose_their_word() -> None:
    params = vectors("warm", 20)
    batch = sampler(params, [0] * 10 + [1] * 10, varied_share=1.0).batch(0)
    assert (batch.labels == NO_WORD).all()
    np.testing.assert_array_equal(SAFE_13.clip(batch.params), batch.params)
    shelf = batch.params[:, 0]
    assert (shelf > 1).any()
    assert (shelf < -1).any()
    some = sampler(params, [0] * 20, varied_share=0.5, batch_size=200).batch(0)
    assert 60 < np.count_nonzero(some.labels == NO_WORD) < 140
