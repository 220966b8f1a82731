"""Which kind of source a sound is, by its long-term spectrum, with a stated confidence; "unclear" is an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.listening.dose import level_free_inverse
from semeq_export.listening.prior import GENERAL, kinds_of_sources, mixture_of, prior_of
from semeq_export.listening.spectrum import Spectrum

SURE = 0.7
"""Share of the probability from which on a kind is said."""

_STRANGE = 1.75  # mean square of the deviation in spreads: one source in a hundred is further from what its kind is known to be
_TAILS = 8.0  # degrees of freedom: single sources lie far out more often than a normal distribution has it
_DOUBT = 0.5  # of the log likelihoods: neighbouring bands are more alike than the covariances of few recordings know


@dataclass(frozen=True, slots=True)
class Recognised:
    """kind: the one that is likely enough, else "any". shares: probability of each kind, the likeliest first."""

    kind: str
    shares: Mapping[str, float]

    @property
    def is_clear(self) -> bool:
        """Whether one kind is likely enough to be said."""
        return self.kind != GENERAL

    @property
    def line(self) -> str:
        """Return the likeliest kinds with their probabilities, two at most."""
        return ", ".join(f"{kind} {share:.2f}" for kind, share in list(self.shares.items())[: 1 if self.is_clear else 2])

    @property
    def doubt(self) -> str:
        """Return why a comparison with what such sources are like is a guess, "" where one kind is likely enough."""
        if self.is_clear:
            return ""
        return f"kind of source unclear ({self.line}): compared with all of them, so this is a guess; `reference` names the kind"


def recognise(sound: Spectrum, without: frozenset[str] = frozenset()) -> Recognised:
    """Return the kind of a sound. without: sources that the kinds' priors may not know, see `prior.prior_of`.

    Multivariate t likelihoods, overall level free, all kinds equally likely before. A sound without a signal is of no kind, and one that is
    far from what its likeliest kind is known to be is unclear.
    """
    if not sound.has_signal:
        return Recognised(GENERAL, {})
    kinds, carried = kinds_of_sources(), sound.carried()
    judged = [_judge(carried, prior_of(kind, without).spectrum) for kind in kinds]
    likelihood = np.array([log_likelihood for log_likelihood, _ in judged])
    shares: Float64Array = np.exp(_DOUBT * (likelihood - likelihood.max()))
    shares /= shares.sum()
    ranked = {kinds[i]: float(shares[i]) for i in np.argsort(-shares, kind="stable")}
    first, share = next(iter(ranked.items()))
    is_clear = share >= SURE and judged[kinds.index(first)][1] <= _STRANGE
    return Recognised(first if is_clear else GENERAL, ranked)


def expected(found: Recognised, without: frozenset[str] = frozenset()) -> Spectrum:
    """Return what is known of a source that was recognised: of all kinds by their probabilities, within the limits of one that is clear.

    Not of the clear kind alone: the least change of a sound would then change what it is compared with.
    """
    known = prior_of(found.kind, without).spectrum
    return replace(mixture_of(found.shares, without), usable=known.usable) if found.shares else known


def _judge(sound: Spectrum, kind: Spectrum) -> tuple[float, float]:
    """Return the log likelihood of a sound, and the mean square of its deviation in spreads of the kind."""
    assert kind.covariance_db2 is not None
    held = sound.usable
    metric = level_free_inverse(kind.covariance_db2, held)
    apart = np.where(held, sound.band_db - kind.band_db, 0.0)
    inside = kind.covariance_db2[np.ix_(held, held)]
    size = np.linalg.slogdet(inside)[1] + math.log(np.linalg.inv(inside).sum())
    bands = int(held.sum()) - 1
    distance = float(apart @ metric @ apart)
    return float(-0.5 * (_TAILS + bands) * math.log1p(distance / _TAILS) - 0.5 * size), distance / bands
