"""Conformance vectors of the sound itself, for runtimes in other languages: impulse responses, and doses of a stream.

They stand in the developer's kit beside the sealed bundle, whose own vectors end at responses. Signals are not stored but described: see
`noise`; a runtime makes them itself.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.files import strict_json
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.words.target import SemanticTarget
from semeq_export.words.terms import CentroidBank
from semeq_host.streams.source import EqSource
from semeq_host.streams.stream import AdaptiveEq

IMPULSE_SAMPLES = 256
IMPULSE_TOLERANCE = 1e-5
"""Of full scale: -100 dB. Decoders in float32 differ by up to 1e-4 dB in a gain."""
DOSE_TOLERANCE = 0.005
MIX_TOLERANCE_DB = 0.25
"""Without exact sums. A runtime may scale gains in place of curves: 0.15 dB at most with the factory's words."""
SUM_TOLERANCE_DB = 0.01
_MIXES = ((1.0, 0.5, -0.75), (0.5, 0.5, -1.0), (2.0, 1.0, -0.75), (0.6, 0.2, -1.6))
_SUMS = (*_MIXES, (0.2, 0.1, -0.05), (0.7, 0.2, -0.4), (-0.3, -0.1, -0.2), (-1.5, -1.0, -0.5))
_SECONDS = 4.0
_FRAME = 512


def noise(samples: int, sample_rate_hz: float, seed: int) -> Float64Array:
    """Return (samples,) of a noise that any language can make: s = 1664525 s + 1013904223 modulo 2^32, u = s / 2^31 - 1, through the
    one-pole y += 0.15 (u - y); 0.5 y, and 0.001 y in every third stretch of 0.7 s, where floor(n / (0.7 rate)) % 3 is 2.
    """
    powers = np.cumprod(np.full(samples, 1_664_525, dtype=np.uint32), dtype=np.uint32)
    sums = np.cumsum(np.concatenate([[1], powers[:-1]]).astype(np.uint32), dtype=np.uint32)
    state = powers * np.uint32(seed) + sums * np.uint32(1_013_904_223)
    low: Float64Array = lfilter([0.15], [1.0, -0.85], state / 2.0**31 - 1.0)
    stretch = (np.arange(samples) / (0.7 * sample_rate_hz)).astype(np.int64)
    return low * np.where(stretch % 3 == 2, 0.001, 0.5)


def kit_vectors(engine: EqSource, bank: CentroidBank, *, are_sums_exact: bool) -> dict[str, bytes]:
    """Return impulse.json, mix.json and dose.json for the words of a bank: every word once, blends of neighbours, rates, channel counts.

    are_sums_exact: whether the bundle says that a runtime can decode sums of words.
    """
    words = list(bank)
    mixes = _sums(engine, words) if are_sums_exact else _mixes(engine, words)
    return {"impulse.json": _impulses(engine, words, morphs=are_sums_exact), "mix.json": mixes, "dose.json": _doses(engine, words)}


def _impulses(engine: EqSource, words: list[str], *, morphs: bool) -> bytes:
    """morphs: where a blend means nothing exact, runtimes differ in it, so none is asked for."""
    asked = [(word, "", 0.0, 1.0, 48_000.0) for word in words]
    asked += [
        (word, words[(index + 1) % len(words)] if morphs else "", 0.25 * (index % 4) if morphs else 0.0, intensity, rate_hz)
        for index, (word, (intensity, rate_hz)) in enumerate(
            zip(words[:: max(1, len(words) // 4)], [(0.5, 44_100.0), (-1.0, 96_000.0), (2.0, 48_000.0), (0.0, 192_000.0)], strict=False)
        )
    ]
    cases = []
    for word, second, morph, intensity, rate_hz in asked:
        weights = {word: 1.0 - morph, second: morph} if second and morph and second != word else {word: 1.0}
        stream = AdaptiveEq(engine, SemanticTarget(weights, intensity), sample_rate_hz=rate_hz, channels=1)
        impulse = np.zeros((1, IMPULSE_SAMPLES))
        impulse[0, 0] = 1.0
        case: dict[str, object] = {"word": word, "second_word": second, "morph": morph, "intensity": intensity, "sample_rate_hz": rate_hz}
        cases.append(case | {"impulse": _rounded(stream.process(impulse)[0]), "tolerance": IMPULSE_TOLERANCE})
    return strict_json.dumps({"cases": cases})


def _mixes(engine: EqSource, words: list[str]) -> bytes:
    """Every word taken away from another, in different strengths: no blends, which mean nothing exact here.

    Expected is the curve that is meant, not the bands that `Engine` fits to it: those are up to about 1 dB off.
    """
    freqs_hz = log_grid(32)
    cases = []
    for index, less in enumerate(words):
        word, weights = words[(index + 1) % len(words)], _MIXES[index % len(_MIXES)]
        wanted, away = (response_db(engine.eq_for(part), freqs_hz, 48_000.0) for part in (word, less))
        share = weights[2] / (weights[0] + weights[1])
        case: dict[str, object] = {"word": word, "second_word": word, "less": less, "weights": list(weights)}
        case |= {"sample_rate_hz": 48_000.0, "freqs_hz": _rounded(freqs_hz), "response_db": _rounded(wanted + share * away)}
        cases.append(case | {"tolerance_db": MIX_TOLERANCE_DB})
    return strict_json.dumps({"cases": cases})


def _sums(engine: EqSource, words: list[str]) -> bytes:
    """Every word taken away from two others, and what is only taken away; sums of all sizes."""
    freqs_hz = log_grid(32)
    cases = []
    for index, less in enumerate(words):
        pair, weights = (words[(index + 1) % len(words)], words[(index + 2) % len(words)]), _SUMS[index % len(_SUMS)]
        parts: dict[str, float] = {}
        for word, weight in zip((*pair, less), weights, strict=True):
            parts[word] = parts.get(word, 0.0) + weight
        case: dict[str, object] = {"word": pair[0], "second_word": pair[1], "less": less, "weights": list(weights)}
        case |= {"sample_rate_hz": 48_000.0, "freqs_hz": _rounded(freqs_hz)}
        parts = {word: weight for word, weight in parts.items() if weight}
        meant = engine.eq_for(SemanticTarget(parts)) if parts else EqSettings()
        case |= {"response_db": _rounded(response_db(meant, freqs_hz, 48_000.0)), "tolerance_db": SUM_TOLERANCE_DB}
        cases.append(case)
    return strict_json.dumps({"cases": cases})


def _doses(engine: EqSource, words: list[str]) -> bytes:
    middle = words[len(words) // 2]
    asked = [
        (words[-1], 1.0, 48_000.0, 2, "any", False),
        (middle, 0.7, 44_100.0, 1, "any", False),
        (words[0], -1.0, 96_000.0, 2, "mix", True),
        (words[-1], 1.0, 16_000.0, 3, "voice", True),
    ]
    cases = []
    for word, intensity, rate_hz, channels, kind, is_target in asked:
        reference = Reference(kind, stored_reference(kind).spectrum, is_stored=not is_target)
        stream = AdaptiveEq(engine, word, intensity, sample_rate_hz=rate_hz, channels=channels, reference=reference)
        audio = np.array([noise(round(_SECONDS * rate_hz), rate_hz, channel + 1) for channel in range(channels)])
        position, dose, gain = [], [], []
        for start in range(0, audio.shape[1] // _FRAME * _FRAME, _FRAME):
            stream.process(audio[:, start : start + _FRAME])
            if stream.dose is not None and (start // _FRAME) % 8 == 0:
                position.append(start)
                dose.append(stream.dose)
                gain.append(stream.gain)
        case: dict[str, object] = {"word": word, "intensity": intensity, "sample_rate_hz": rate_hz, "channels": channels}
        case |= {"reference": kind, "is_target": int(is_target), "tolerance": DOSE_TOLERANCE}
        cases.append(case | {"position": position, "dose": _rounded(dose), "gain": _rounded(gain)})
    return strict_json.dumps({"cases": cases})


def _rounded(values: Float64Array | list[float]) -> list[float]:
    return [float(f"{value:.9g}") for value in values]
