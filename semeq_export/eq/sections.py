"""Second-order sections run over blocks, bit for bit as scipy.signal.sosfilt does.

Its inner loop is one small compiled module of SciPy; `import scipy.signal` brings all of statistics and optimisation along, which takes a
process more time than a minute of stereo takes to be filtered. So the module is loaded by itself. Where a SciPy keeps its loop elsewhere,
`sosfilt` is called, with the same result.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from semeq_export.arrays import Float64Array

_LOOP = "scipy.signal._sosfilt"
_Loop = Callable[[Float64Array, Float64Array, Float64Array], object]


def run_sections(sos: Float64Array, block: Float64Array, state: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return a block (channels, n) behind sections (sections, 6) in series, and the state that they are left in.

    block, state: float64, which stay as they are. state: (sections, channels, 2), zeros at the start of a signal. sos: as SciPy orders it,
    a0 = 1. Transposed direct form II, sample by sample.
    """
    if block.shape[1] == 0:
        return block.copy(), state.copy()
    loop = _loop()
    if loop is None:
        from scipy.signal import sosfilt  # takes long to import

        filtered, left = sosfilt(sos, block, axis=-1, zi=state)
        return filtered, left
    filtered = np.array(block, dtype=np.float64, order="C")
    inner = np.array(state.swapaxes(0, 1), dtype=np.float64, order="C")
    loop(np.ascontiguousarray(sos, dtype=np.float64), filtered, inner)
    return filtered, np.ascontiguousarray(inner.swapaxes(0, 1))


@functools.cache
def _loop() -> _Loop | None:
    """Return SciPy's loop, None where it is not to be found.

    It takes (sections, 6), (channels, n) and (channels, sections, 2), and changes the last two in place.
    """
    package = importlib.util.find_spec("scipy")
    places = [] if package is None else package.submodule_search_locations or []
    spec = importlib.machinery.PathFinder.find_spec(_LOOP, [str(Path(place, "signal")) for place in places])
    if spec is None or spec.loader is None:
        return None
    try:
        module: Any = importlib.util.module_from_spec(spec)  # Any: a compiled module has no types
        spec.loader.exec_module(module)
        loop: _Loop = module._sosfilt
        return loop if _is_right(loop) else None
    except (ImportError, AttributeError, TypeError, ValueError):  # another SciPy
        return None


def _is_right(loop: _Loop) -> bool:
    """Whether a loop does what is expected of it: two sections over two samples, by hand."""
    block, state = np.array([[1.0, 0.0]]), np.zeros((1, 2, 2))
    loop(np.array([[2.0, 1.0, 0.0, 1.0, 0.5, 0.0], [1.0, 0.0, 0.25, 1.0, 0.0, 0.0]]), block, state)
    return bool((block == [[2.0, 0.0]]).all() and (state == [[[0.0, 0.0], [0.5, 0.0]]]).all())
