"""Sections without scipy.signal: its bits, whether its loop is found or not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from semeq_export.eq import sections
from semeq_export.eq.sections import run_sections


@pytest.mark.parametrize("is_found", [True, False])
@pytest.mark.parametrize(("channels", "order", "cuts"), [(1, 2, []), (2, 7, [1, 2, 500]), (6, 5, [0, 999])])
def test_blocks_have_the_bits_of_sosfilt(
    channels: int, order: int, cuts: list[int], is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sections._loop() is not None  # of the SciPy that is installed
    if not is_found:
        monkeypatch.setattr(sections, "_loop", lambda: None)
    sos = butter(order, 0.1, output="sos")
    samples = np.random.default_rng(order).standard_normal((channels, 1_000))
    expected, left = sosfilt(sos, samples, axis=1, zi=np.zeros((len(sos), channels, 2)))
    state, parts = np.zeros((len(sos), channels, 2)), []
    for block in np.split(samples, cuts, axis=1):
        before = block.copy(), state.copy()
        part, after = run_sections(sos, block, state)
        assert np.array_equal(block, before[0])
        assert np.array_equal(state, before[1])
        parts.append(part)
        state = after
    assert np.array_equal(np.concatenate(parts, axis=1), expected)
    assert np.array_equal(state, left)


def test_a_loop_that_does_something_else_is_not_used() -> None:
    assert not sections._is_right(lambda sos, block, state: None)
