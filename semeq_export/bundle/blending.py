"""Sums of words by the rule that every runtime follows: "Mixing" in SPEC.md, for bundles that say where sums are exact."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from semeq_export.bundle.loading import Bundle
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import BundleFormatError


def decode_sum(bundle: Bundle, weights: Mapping[str, float]) -> EqSettings:
    """Return the settings of words by their weights, of either sign; flat where all are 0.

    Raises UnknownTermError, InvalidEqError where a gain leaves -60..60 dB, and BundleFormatError where the bundle has no `blend`.
    """
    blend = bundle.manifest.blend
    if blend is None:
        raise BundleFormatError(f"bundle {bundle.manifest.name} does not say where sums of words are exact")
    total = sum(map(abs, weights.values()))
    if total == 0.0:
        return EqSettings()
    reach = blend.reach(total) * (1.0 if max(weights.values()) > 0.0 else -1.0)
    z = np.sum([weight / total * reach * np.array(bundle.centroids[word].z) for word, weight in weights.items()], axis=0)
    return bundle.manifest.layout.from_vector(bundle.decoder(z.astype(np.float32))).scaled(total / reach)
