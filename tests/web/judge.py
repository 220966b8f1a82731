"""Whether what semeq.js played is what Python means."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy.signal import firwin, oaconvolve
from web.conftest import ASKED, RATE_HZ, Cases, decoded

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.audio.loudness import Loudness
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.biquad import for_rate
from semeq_export.eq.filter import EqFilter
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.words.target import SemanticTarget

MAX_RELATIVE_DB, MAX_FILTER_DB, MAX_RESIDUE_DBFS, MAX_LOUDNESS_LU = -130.0, -140.0, -110.0, 0.1


def relative_db(got: FloatArray, wanted: FloatArray) -> float:
    """Return the rms of a difference over that of what is wanted, in dB."""
    error = np.sqrt(np.mean(np.square(got.astype(np.float64) - wanted)))
    return float(20 * np.log10(error / np.sqrt(np.mean(np.square(wanted))) + 1e-30))


def residue_dbfs(samples: FloatArray) -> float:
    """Return the peak of what a moving EQ leaves above 2 kHz of a sine at 200 Hz, without the start, in dBFS."""
    taps = firwin(2_001, 2_000.0, window=("kaiser", 16.0), pass_zero=False, fs=RATE_HZ)
    high = oaconvolve(samples.astype(np.float64), taps, mode="valid")[RATE_HZ // 4 :]
    return float(20 * np.log10(np.abs(high).max() + 1e-30))


def filtered(audio: FloatArray, eq: EqSettings) -> Float64Array:
    """Return what Python's filter makes of the sound, in float64."""
    return EqFilter(for_rate(eq, RATE_HZ).eq, RATE_HZ, len(audio)).process(audio.astype(np.float64)).astype(np.float64)


def settings_of(eq: dict[str, Any]) -> EqSettings:  # Any: JSON
    """Return the bands that semeq.js decoded."""
    bands = [Band(band["kind"], freq_hz=band["freq_hz"], gain_db=band["gain_db"], q=band["q"]) for band in eq["bands"]]
    return EqSettings(tuple(bands), preamp_db=eq["preamp_db"])


def in_python(audio: FloatArray, asked: dict[str, Any]) -> Float64Array:  # Any: words with weights, and a number
    """Return what Python makes of the sound with the same words, in float64."""
    return filtered(audio, _engine().eq_for(SemanticTarget(asked["mix"], asked["intensity"])))


@cache
def _engine() -> Engine:
    return Engine(load_bundle(), exact=True)


def lufs(audio: FloatArray) -> float:
    meter = Loudness(RATE_HZ, len(audio))
    meter.feed(audio)
    assert meter.lufs is not None
    return meter.lufs


def judge_live(live: Any) -> None:  # Any: JSON
    """Raise AssertionError unless a page in use heard sound, found a dose, and refused what is wrong."""
    assert live["errors"] == []
    assert 0.1 < live["peak"] < 2.0
    assert -20.0 < live["dose"]["dose"] < 20.0
    assert 0.0 <= live["dose"]["factor"] <= 2.5
    assert live["dose"]["seconds"] > 0.5
    assert live["ownModule"] in (None, 1)
    assert [live[name] for name in ("missingModule", "wrongMix", "wrongChannels")] == ["SemeqError"] * 3


def judge(cases: Cases, found: Any, *, moves: bool) -> None:  # Any: JSON
    """Raise AssertionError unless the results of cases.mjs are those of Python. moves: whether targets could move while it played."""
    assert set(found["vectors"]) == {"response", "impulse", "mix", "dose"}
    assert all(kind["count"] > 50 for kind in found["vectors"].values())
    assert {name: kind["worst"] for name, kind in found["vectors"].items() if not kind["worst"] <= 1.0} == {}
    for asked, result in zip(ASKED, found["played"], strict=True):
        wanted = in_python(cases.audio, asked)
        for way in ("applied", "played"):
            got = np.stack([decoded(text) for text in result[way]])
            assert relative_db(got, wanted) <= MAX_RELATIVE_DB, way
            assert relative_db(got, filtered(cases.audio, settings_of(result["eq"]))) <= MAX_FILTER_DB, way
        assert abs(result["loudness"][0] - lufs(cases.audio)) <= MAX_LOUDNESS_LU
        assert abs(result["loudness"][1] - lufs(wanted)) <= MAX_LOUDNESS_LU
        assert abs(result["again"] - result["loudness"][1]) < 1e-6
    assert found["sides"]["dry"] == 0.0
    assert found["sides"]["delta"] < 1e-7 < found["sides"]["changed"]
    if found["live"] is not None:
        judge_live(found["live"])
    assert (found["eq"] is not None) == moves
    for name in ("eq", "monitor"):
        if found[name] is not None:
            moved = decoded(found[name])
            assert relative_db(moved, cases.sine) > -40.0  # something was changed
            assert residue_dbfs(moved) <= MAX_RESIDUE_DBFS, name
