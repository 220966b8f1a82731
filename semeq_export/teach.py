"""Words of a user's own, taught from presets: through the EQ encoder into the latent, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.bundle.card import model_card
from semeq_export.bundle.loading import Bundle
from semeq_export.bundle.store import CENTROIDS, EVIDENCE, MANIFEST, README
from semeq_export.engine import FIT_RATE_HZ, Engine
from semeq_export.eq.biquad import audible_db, response_db
from semeq_export.eq.channels import Equaliser
from semeq_export.eq.curve import Curve, correlation, level_free, log_grid, rms_db
from semeq_export.eq.fit import fit_many
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidTargetError
from semeq_export.words.evidence import N_POINTS, Evidence, word_evidence
from semeq_export.words.terms import OWN, CentroidBank, Term, normalise_term

MIN_PRESETS = 3
"""With fewer, a word is one preset's habit."""

_CLOSE_DB = 0.5
_STEPS, _DAMPING, _PROBE, _MAX_Z = 25, 1e-2, 1e-2, 0.999
_LEVEL_WEIGHT, _GAIN_WEIGHT = 0.3, 0.05  # of the square roots of what training weighs: level, and gains that work against each other


@dataclass(frozen=True, slots=True)
class TaughtWord:
    """A new word. error_db: rms difference, level-free, between what it decodes to and the presets' mean curve."""

    term: Term
    error_db: float


def teach(
    bundle: Bundle, word: str, presets: Sequence[EqSettings], *, language: str = "en", overwrite: bool = False
) -> tuple[TaughtWord, dict[str, bytes]]:
    """Return a word made of presets, and the files of a bundle that knows it, without manifest.json.

    The word decodes to the presets' mean level-free curve, at level 0 dB; its evidence is theirs, and where it misses that curve by more
    than 0.5 dB rms its note says so. The graphs stay as they are.
    overwrite: replace a word of that name. Raises InvalidTargetError for fewer than three presets, flat ones, or a word that is there
    already, BundleFormatError for a word that no bundle may hold or a bundle without an EQ encoder.
    """
    name = normalise_term(word)
    if len(presets) < MIN_PRESETS:
        raise InvalidTargetError(f"{word!r} needs {MIN_PRESETS} or more presets, found {len(presets)}")
    if name in bundle.centroids and not overwrite:
        raise InvalidTargetError(f"{name!r} is a word of the bundle already; choose another or replace it with `overwrite`")
    engine, grid = Engine(bundle), log_grid()
    curves = level_free(np.array([_curve(eq, grid) for eq in presets]))
    mean_db = curves.mean(axis=0)
    if rms_db(mean_db) < 0.05:
        raise InvalidTargetError(f"the presets for {word!r} cancel out or are flat, so the word would do nothing")
    z = _refine(engine, mean_db)
    decoded = level_free(_decode_curve(bundle, z, grid))
    error_db = rms_db(decoded - mean_db)
    pairs = [correlation(curves[i], curves[j]) for i in range(len(curves)) for j in range(i)]
    term = Term(
        name=name,
        z=tuple(z.tolist()),
        language=language,
        examples=len(presets),
        agreement=max(0.0, float(np.mean(pairs))),
        typical_intensity=max(0.0, float(np.median(curves @ decoded) / max(float(decoded @ decoded), 1e-12))),
        sources={OWN: len(presets)},
        note=f"{error_db:.1f} dB rms from the mean curve of its presets: the model comes no closer" if error_db > _CLOSE_DB else "",
    )
    bank = CentroidBank([*(known for known in bundle.centroids.values() if known.name != name), term])
    files = {file: data for file, data in bundle.files.items() if file != MANIFEST}
    files |= {CENTROIDS: bank.to_json(), README: model_card(bundle.manifest, bank)}
    if EVIDENCE in bundle.files:
        known = bundle.evidence
        ours = word_evidence(np.array([_curve(eq, log_grid(N_POINTS)) for eq in presets]), is_own=True)
        points = [point for point in known.points if point.word != name]
        files[EVIDENCE] = Evidence({**known.words, name: ours}, known.covariance, points).to_json()
    return TaughtWord(term, error_db), files


def settings_of(eq: Equaliser) -> EqSettings:
    """Return what words are compared with: the EQ itself, or the mean response in dB of channels that have one each."""
    if isinstance(eq, EqSettings):
        return eq
    grid = log_grid(N_POINTS)
    mean_db = np.mean([audible_db(replace(held, preamp_db=0.0), grid, FIT_RATE_HZ) for _, held in eq], axis=0)
    return EqSettings(curve=Curve(grid, mean_db))


def _curve(eq: EqSettings, freqs_hz: Float64Array) -> Float64Array:
    return audible_db(replace(eq, preamp_db=0.0), freqs_hz, FIT_RATE_HZ)


def _decode_curve(bundle: Bundle, z: Float64Array, freqs_hz: Float64Array) -> Float64Array:
    return response_db(bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32))), freqs_hz, FIT_RATE_HZ)


def _refine(engine: Engine, goal_db: Float64Array) -> Float64Array:
    """Return z (latent_dim,) whose decoded curve is closest to a level-free curve (96,).

    Where sums of words can be decoded, the code of the curve, and the decoder chooses the bands. Else damped Gauss-Newton steps from its
    code: slopes come from the decoder by differences; there are few latent numbers, and a run of it takes microseconds.
    """
    bundle, grid = engine.bundle, log_grid()
    layout = bundle.manifest.layout
    fit = fit_many(goal_db[np.newaxis], grid, layout, FIT_RATE_HZ, level_free=True)
    z = np.clip(engine.encode(layout.from_vector(fit.vectors[0])).astype(np.float64), -_MAX_Z, _MAX_Z)
    if bundle.manifest.blend is not None:
        z[bundle.manifest.blend.n_codes :] = 0.0
        return z
    is_gain = np.array([spec.unit == "dB" for spec in layout.params])

    def residual(place: Float64Array) -> Float64Array:
        vector = bundle.decoder(place.astype(np.float32))
        curve = response_db(layout.from_vector(vector), grid, FIT_RATE_HZ)
        level = float(curve.mean())
        gains = _GAIN_WEIGHT * np.asarray(vector, dtype=np.float64)[is_gain] / np.sqrt(np.count_nonzero(is_gain))
        return np.concatenate([(curve - level - goal_db) / np.sqrt(len(grid)), [_LEVEL_WEIGHT * level], gains])

    now, damping = residual(z), _DAMPING
    for _ in range(_STEPS):
        probes = [residual(np.clip(z + step, -1.0, 1.0)) - residual(np.clip(z - step, -1.0, 1.0)) for step in _PROBE * np.eye(len(z))]
        slope = np.array(probes).T / (2.0 * _PROBE)
        move = np.linalg.solve(slope.T @ slope + damping * np.eye(len(z)), -slope.T @ now)
        place = np.clip(z + move, -_MAX_Z, _MAX_Z)
        there = residual(place)
        if there @ there < now @ now:
            is_small = there @ there > 0.9999 * (now @ now)
            z, now, damping = place, there, damping / 3.0
            if is_small:
                break
        else:
            damping *= 5.0
            if damping > 1e3:
                break
    return z
