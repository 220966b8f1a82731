"""Audacity under a virtual screen applies Filter Curve macros, written by hand, and its exports are measured."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_or_fail
from strategies import T5

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import MissingHostError, PresetReadError
from semeq_host.lab import audacity

pytestmark = [pytest.mark.slow, pytest.mark.daw]

FREQS_HZ = log_grid(1_000)


def macro(eq: EqSettings, n_points: int) -> str:
    freqs_hz = log_grid(n_points)
    frequencies = " ".join(f'f{index}="{freq_hz:.5f}"' for index, freq_hz in enumerate(freqs_hz))
    gains = " ".join(f'v{index}="{gain_db:.5f}"' for index, gain_db in enumerate(response_db(eq, freqs_hz, 48_000.0)))
    return f'FilterCurve:{frequencies} {gains} FilterLength="8191" InterpolateLin="0" InterpolationMethod="B-spline"\n'


def test_audacity_applies_macros_one_after_the_other_and_leaves_nothing_behind() -> None:
    quiet = EqSettings(T5.bands, -6.0)
    try:
        first, second = audacity.measure([macro(T5, 200), macro(quiet, 100)])
    except MissingHostError as error:
        skip_or_fail(str(error))
    assert np.abs(first.response_db(FREQS_HZ) - response_db(T5, FREQS_HZ, 48_000.0)).max() <= 0.1
    assert np.abs(second.response_db(FREQS_HZ) - response_db(quiet, FREQS_HZ, 48_000.0)).max() <= 0.25  # half as many points
    assert first.host.startswith("Audacity 3.")
    user = os.getuid()
    left = [path for way in ("to", "from") for path in [Path(f"/tmp/audacity_script_pipe.{way}.{user}")] if path.exists()]
    assert left == []


@pytest.mark.parametrize("text", ["", "Import2: Filename=x", 'FilterCurve:f0="20"\nExport2:Filename="/x"', 'FilterCurve:f0="20" Export2:'])
def test_only_one_filter_curve_is_given_to_audacity(text: str) -> None:
    with pytest.raises(PresetReadError, match="FilterCurve"):
        audacity.measure([text])
