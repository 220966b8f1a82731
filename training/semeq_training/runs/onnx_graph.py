"""Modules as ONNX: one self-contained file, the same bytes wherever and whenever it is made on one kind of processor.

The exporter folds constants by numpy, whose float32 functions round by the processor's instruction set: between machines with and without
AVX-512, atanh(flat) of the audio encoder differs in the last bit of a few numbers.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import nn

from semeq_export.bundle.manifest import GraphSpec


def to_bytes(module: nn.Module, spec: GraphSpec) -> bytes:
    """Return the ONNX file of a module with one input and one output of the spec's names and shapes, weights inside."""
    example = torch.zeros(spec.input_shape)
    with _quiet():
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            opset_version=spec.opset,
            external_data=False,
            input_names=[spec.input],
            output_names=[spec.output],
            optimize=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    graph = model.graph
    del graph.value_info[:]
    # stack traces with this machine's paths, and how torch saw the module
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.name = spec.file.partition(".")[0]
    model.producer_name, model.producer_version = "semeq", ""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter of torch 2.13 says about itself: that torchvision is missing, and that it uses a deprecated LeafSpec."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*LeafSpec.*", FutureWarning)
            yield
    finally:
        logging.disable(level)
