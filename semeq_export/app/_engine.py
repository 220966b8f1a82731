"""The engine of a bundle, as every verb about words begins with it."""

from __future__ import annotations

import os

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine


def load_engine(bundle: str | os.PathLike[str] | None = None) -> Engine:
    """Return the engine of a bundle, that of the factory's where none is named; raises as `load_bundle` does."""
    return Engine(load_bundle(bundle))
