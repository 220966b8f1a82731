"""A child for tests of `semeq_export.bundle.confined`: what a graph's file says is what it does."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import numpy as np

from semeq_export.bundle.confined import serve
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.errors import BundleFormatError


def _forever() -> float:
    while True:
        pass


def _crash() -> float:
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0.0


def _refuse() -> float:
    raise BundleFormatError("g.onnx: is refused")


def _chatter() -> float:
    os.write(1, b"what a runtime says")
    return 1.0


DEEDS: dict[bytes, Callable[[], float]] = {
    b"forever": _forever,
    b"crash": _crash,
    b"exit": lambda: sys.exit(7),
    b"refuse": _refuse,
    b"chatter": _chatter,
    b"large": lambda: float(np.ones(250_000_000).sum()),
    b"pid": os.getpid,
}


def _load(data: bytes, spec: GraphSpec) -> Callable[[np.ndarray], np.ndarray]:
    if data == b"wide":
        return lambda values: np.zeros((1, 9), np.float32)
    return lambda values: np.full(spec.output_shape, DEEDS[data](), np.float32)


if __name__ == "__main__":
    serve(_load)
