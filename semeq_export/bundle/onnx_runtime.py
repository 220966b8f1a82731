"""ONNX Runtime as semeq loads it: told to send nothing."""

from __future__ import annotations

import os
from typing import Any


def onnx_runtime() -> Any:  # Any: onnxruntime has no types
    """Return the module onnxruntime. Loading it takes longer than all of semeq, so only what runs a graph asks for it.

    Release 1.31 reports to its maker over the network and keeps a data base in the user's cache, unless a variable says no before its
    first session. A value that the user has set stays; so does what a program chose that has made sessions before.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime
