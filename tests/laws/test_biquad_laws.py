"""Law 7: any sequence of block sizes gives the same bits as one call, at any level."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import cases
from hypothesis import given
from hypothesis import strategies as st
from strategies import bands, random_settings

from semeq_export.eq.biquad import design_sos, for_rate, response_db
from semeq_export.eq.filter import EqFilter, apply
from semeq_export.eq.settings import EqSettings

LEVELS_DBFS = [0.0, -20.0, -60.0, -100.0, -140.0, -300.0]


def in_blocks(eq: EqSettings, samples: np.ndarray, sizes: list[int]) -> np.ndarray:
    stage, parts, start = EqFilter(eq, 48_000.0, samples.shape[0]), [], 0
    while start < samples.shape[1]:
        size = sizes[len(parts) % len(sizes)]
        parts.append(stage.process(samples[:, start : start + size]))
        start += size
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("level_dbfs", LEVELS_DBFS[:: cases(2, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 64, 997])
def test_block_size_does_not_change_one_bit(size: int, dtype: type[np.floating], level_dbfs: float) -> None:  # faults A9, A22
    rng = np.random.default_rng(20)
    noise = (rng.standard_normal((2, 2_000)) * 10.0 ** (level_dbfs / 20.0)).astype(dtype)
    noise[:, 1_000:1_400] = 0.0  # tails fall towards nothing, where other filters flush their state
    eq = random_settings(1, seed=20)[0]
    assert in_blocks(eq, noise, [size]).tobytes() == apply(eq, noise, 48_000.0).tobytes()


@given(
    st.lists(bands, max_size=4),
    st.floats(-24.0, 24.0),
    st.lists(st.integers(1, 70), min_size=1, max_size=12),
    st.integers(1, 3),
    st.integers(0, 2**32 - 1),
)
def test_any_sequence_of_blocks_is_one_call(some: list[object], preamp_db: float, sizes: list[int], channels: int, seed: int) -> None:
    eq = EqSettings(tuple(some), preamp_db)  # type: ignore[arg-type]
    noise = np.random.default_rng(seed).standard_normal((channels, 150)).astype(np.float32)
    assert in_blocks(eq, noise, sizes).tobytes() == apply(eq, noise, 48_000.0).tobytes()


def test_empty_blocks_leave_the_state_alone() -> None:  # fault A7
    eq = random_settings(1, seed=21)[0]
    noise = np.random.default_rng(21).standard_normal((2, 100))
    stage = EqFilter(eq, 48_000.0, 2)
    head, empty, tail = stage.process(noise[:, :40]), stage.process(noise[:, :0]), stage.process(noise[:, 40:])
    assert empty.shape == (2, 0)
    np.testing.assert_array_equal(np.concatenate([head, tail], axis=1), apply(eq, noise, 48_000.0))


@given(st.lists(bands, max_size=6), st.floats(8_000.0, 384_000.0))
def test_every_eq_fits_every_rate_once_adapted(some: list[object], rate_hz: float) -> None:  # fault A16
    fit = for_rate(EqSettings(tuple(some)), rate_hz)  # type: ignore[arg-type]
    assert np.isfinite(design_sos(fit.eq, rate_hz)).all()
    assert np.isfinite(response_db(fit.eq, np.geomspace(20.0, rate_hz / 2, 50), rate_hz)).all()
    assert for_rate(fit.eq, rate_hz).warnings == ()


@given(st.lists(bands, min_size=1, max_size=5), st.floats(16_000.0, 384_000.0))
def test_all_filters_are_stable(some: list[object], rate_hz: float) -> None:
    sections = design_sos(for_rate(EqSettings(tuple(some)), rate_hz).eq, rate_hz)  # type: ignore[arg-type]
    for *_, a1, a2 in sections:
        assert abs(a2) < 1.0
        assert abs(a1) < 1.0 + a2
