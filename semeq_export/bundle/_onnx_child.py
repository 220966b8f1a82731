"""The child process of `semeq_export.bundle.confined` for ONNX Runtime."""

from __future__ import annotations

import onnxruntime  # noqa: F401  # imported before the clock starts

from semeq_export.bundle.confined import serve
from semeq_export.bundle.inference import Graph

if __name__ == "__main__":
    serve(lambda data, spec: Graph(data, spec).run)
