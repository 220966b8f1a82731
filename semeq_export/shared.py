"""The engine of the factory bundle that a whole program shares, and words to EQ in one call."""

from __future__ import annotations

import functools
import threading

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.settings import EqSettings

_LOADING = threading.Lock()


def factory_engine() -> Engine:
    """Return the engine of the factory bundle: loaded at the first call, whichever thread makes it, and the same one ever after."""
    with _LOADING:
        return _load()


def eq_for(text: str, intensity: float = 1.0) -> EqSettings:
    """Return the settings of words, "warm:0.7,bright:0.3" or "a bit warmer but not muddy", by the factory bundle.

    intensity: -3..3, by which all gains are multiplied. Raises as `Engine.eq_for` does. What speaks against the words, another bundle and
    everything else is asked of an `Engine`, such as `factory_engine()`.
    """
    engine = factory_engine()
    return engine.eq_for(engine.understand(text).target(intensity))


@functools.cache
def _load() -> Engine:
    return Engine(load_bundle())
