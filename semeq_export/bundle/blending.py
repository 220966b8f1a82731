"""Sums of words, decoded: SPEC.md, "Mixing"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from semeq_export.bundle.loading import Bundle
from semeq_export.bundle.manifest import BlendSpec
from semeq_export.eq.settings import EqSettings


def decoded_share(weights: Mapping[str, float], blend: BlendSpec | None) -> float:
    """Return what weights, of which one at least is not 0, are multiplied by before they are decoded; the gains are divided by it.

    Below 0 where no weight is above 0: less of words alone is their opposite, the same bands turned over. Without `blend`, weights are
    scaled to a sum of 1.
    """
    total = sum(map(abs, weights.values()))
    share = blend.share(total) if blend is not None else 1.0 / total
    return share if max(weights.values()) > 0.0 else -share


def decode_sum(bundle: Bundle, weights: Mapping[str, float]) -> EqSettings:
    """Return the decoder's settings for the sum of words' latents, each times its weight. Raises UnknownTermError."""
    z = np.sum([weight * np.array(bundle.centroids[word].z) for word, weight in weights.items()], axis=0)
    return bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32)))
