"""Law 1: flat at intensity 0, continuous in intensity."""

from __future__ import annotations

from pathlib import Path

import bundles
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.bundle.loading import check_files
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.words.target import SemanticTarget

ENGINE = Engine(check_files(bundles.sealed(bundles.files()), Path("tiny.semeq")))
FREQS = log_grid()
TARGETS = st.dictionaries(st.sampled_from(sorted(bundles.WORDS)), st.floats(0.01, 1.5), min_size=1, max_size=3)


@given(TARGETS, st.sampled_from([0.0, -0.0]))
def test_flat_at_zero_intensity(weights: dict[str, float], zero: float) -> None:
    eq = ENGINE.eq_for(SemanticTarget(weights, zero))
    assert eq.is_flat
    assert np.all(response_db(eq, FREQS, 48_000.0) == 0.0)


def test_what_is_flat_has_no_range_to_leave() -> None:
    assert ENGINE.eq_for(SemanticTarget({"warm": 10.0, "airy": 10.0}, 0.0)).is_flat


def test_flat_at_zero_intensity_with_a_word_taken_away() -> None:
    assert ENGINE.eq_for(SemanticTarget.parse("warm,harsh:-0.5", 0.0)).is_flat


@given(TARGETS, st.floats(-2.99, 2.99))
def test_response_is_continuous_in_intensity(weights: dict[str, float], intensity: float) -> None:
    step = 1e-4
    here, there = (response_db(ENGINE.eq_for(SemanticTarget(weights, i)), FREQS, 48_000.0) for i in (intensity, intensity + step))
    assert np.abs(here - there).max() <= step * 300.0  # four bands of at most some 50 dB each


@pytest.mark.parametrize("text", ["warm", "warm:0.7,bright:0.3", "bright,harsh:-0.5"])
def test_response_is_nearly_linear_in_intensity(text: str) -> None:
    whole = ENGINE.curve_for(text, FREQS)
    half = ENGINE.curve_for(SemanticTarget.parse(text, 0.5), FREQS)
    assert np.abs(half - 0.5 * whole).max() < 0.5
