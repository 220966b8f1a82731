"""The sounds of a test: one excerpt of a source in several versions, of equal loudness, length and rate, faded at both ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import firwin, kaiserord, oaconvolve, sosfilt

from semeq_export.arrays import Float64Array
from semeq_export.audio.k_weighting import k_weighting
from semeq_export.audio.loudness import Loudness
from semeq_export.audio.true_peak import TruePeak
from semeq_export.errors import AudioError
from semeq_export.units import amplitude_to_db, db_to_amplitude

RATE_HZ = 48_000
"""Rate of all sounds: what browsers' audio runs at nearly everywhere."""
MATCH_LU = 0.1
BITS = 24
FADE_S = 0.02
_HOP_S = 0.1
_ANCHOR_STOP_DB = 60.0
_MAX_GAIN_DB = 40.0


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """A version of an excerpt as listeners get it. steps: (channels, n) int32 of 24 bits. gain_db: what matching added to it."""

    steps: np.ndarray[tuple[int, int], np.dtype[np.int32]]
    gain_db: float
    lufs: float
    true_peak_dbtp: float


class LoudestPart:
    """Finds the loudest stretch (K-weighted, without gates) of a signal that comes in blocks: something goes on there."""

    def __init__(self, sample_rate_hz: float, channels: int) -> None:
        self._sos = k_weighting(sample_rate_hz)
        self._state = np.zeros((len(self._sos), channels, 2))
        self._hop, self._rest = round(_HOP_S * sample_rate_hz), np.zeros(0)
        self._powers: list[float] = []

    def feed(self, block: Float64Array) -> None:
        """Take the next samples (channels, n)."""
        weighted, self._state = sosfilt(self._sos, block, axis=1, zi=self._state)
        power = np.concatenate([self._rest, np.square(weighted).sum(axis=0)])
        whole = len(power) // self._hop * self._hop
        self._powers += power[:whole].reshape(-1, self._hop).sum(axis=1).tolist()
        self._rest = power[whole:]

    def start_s(self, seconds: float) -> float:
        """Return where the loudest stretch of a length begins; 0 where there is no more than that."""
        hops = math.ceil(seconds / _HOP_S - 1e-9)
        if len(self._powers) <= hops:
            return 0.0
        energy = np.concatenate([[0.0], np.cumsum(self._powers)])
        return round(int(np.argmax(energy[hops:] - energy[:-hops])) * _HOP_S, 1)


def faded(samples: Float64Array) -> Float64Array:
    """Return samples (channels, n) with raised-cosine fades of 20 ms at both ends."""
    n = round(FADE_S * RATE_HZ)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    out = samples.copy()
    out[:, :n] *= ramp
    out[:, -n:] *= ramp[::-1]
    return out


def low_passed(samples: Float64Array, cutoff_hz: float) -> Float64Array:
    """Return samples (channels, n) without what is above a cut-off, in linear phase and without delay.

    ITU-R BS.1534-3: within 0.1 dB below the cut-off, at least 25 dB down at 8/7 and 50 dB at 9/7 of it. Here 60 dB from 8/7 on.
    """
    width_hz = cutoff_hz / 7.0
    taps, beta = kaiserord(_ANCHOR_STOP_DB + 3.0, width_hz / (RATE_HZ / 2.0))
    window = firwin(taps | 1, cutoff_hz + width_hz / 2.0, window=("kaiser", beta), fs=RATE_HZ)
    filtered: Float64Array = oaconvolve(samples, window[np.newaxis], mode="same", axes=1)
    return filtered


def match(versions: Mapping[str, Float64Array], lufs: float, ceiling_dbtp: float) -> tuple[dict[str, Sound], float]:
    """Return the versions (channels, n) at one loudness, and that loudness: `lufs`, or less where a true peak would pass the ceiling.

    Every sound is measured again as it is written, and must lie within 0.1 LU of the others. Raises AudioError for silence, for what
    would have to be raised by more than 40 dB, and where the check fails.
    """
    measured = {name: (_loudness(samples, name), _true_peak_db(samples)) for name, samples in versions.items()}
    level = min([lufs, *(ceiling_dbtp - peak_db + loud for loud, peak_db in measured.values())])
    sounds = {}
    for name, samples in versions.items():
        gain_db = level - measured[name][0]
        if gain_db > _MAX_GAIN_DB:
            raise AudioError(f"{name}: {measured[name][0]:.1f} LUFS is too quiet for a listening test: choose another part with `start_s`")
        steps = np.rint(samples * (db_to_amplitude(gain_db) * 2.0 ** (BITS - 1))).astype(np.int32)
        played = steps / 2.0 ** (BITS - 1)
        sounds[name] = Sound(steps, gain_db, _loudness(played, name), _true_peak_db(played))
    check(sounds.items(), level, ceiling_dbtp)
    return sounds, level


def check(sounds: Iterable[tuple[str, Sound]], lufs: float, ceiling_dbtp: float) -> None:
    """Raise AudioError for a sound that is not within 0.1 LU of a loudness, or whose true peak is over the ceiling."""
    for name, sound in sounds:
        if abs(sound.lufs - lufs) > MATCH_LU:
            raise AudioError(f"{name}: {sound.lufs:.2f} LUFS after matching, expected {lufs:.2f} within {MATCH_LU:g}")
        if sound.true_peak_dbtp > ceiling_dbtp + 0.01:
            raise AudioError(f"{name}: true peak {sound.true_peak_dbtp:.2f} dBTP after matching, over {ceiling_dbtp:g}")


def _loudness(samples: Float64Array, name: str) -> float:
    meter = Loudness(RATE_HZ, samples.shape[0])
    meter.feed(samples)
    if meter.lufs is None:
        raise AudioError(f"{name}: the excerpt is silent: choose another part with `start_s`")
    return meter.lufs


def _true_peak_db(samples: Float64Array) -> float:
    peak = TruePeak(RATE_HZ, samples.shape[0])
    peak.feed(samples)
    peak.finish()
    return amplitude_to_db(peak.amplitude) if peak.amplitude > 0.0 else -math.inf
