"""The child process of `semeq_export.bundle.confined` for ONNX Runtime."""

from __future__ import annotations

from semeq_export.bundle.confined import serve
from semeq_export.bundle.inference import Graph
from semeq_export.bundle.onnx_runtime import onnx_runtime

if __name__ == "__main__":
    onnx_runtime()  # before the clock starts
    serve(lambda data, spec: Graph(data, spec).run)
