"""Graphs are data from strangers: what is not on the list of operators, not finite, not bounded in size or not self-contained is refused
before ONNX Runtime sees it. Nothing runs here. The only module that imports onnx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper, shape_inference

from semeq_export.bundle.manifest import GraphSpec, Manifest
from semeq_export.errors import BundleFormatError, printable

# fmt: off
ALLOWED_OPERATORS = frozenset({
    "Abs", "Add", "Cast", "Clip", "Concat", "Constant", "Conv", "Div", "Exp",
    "Flatten", "Gather", "GatherND", "Gemm", "Identity", "LayerNormalization", "Log", "MatMul", "Max",
    "Min", "Mul", "Neg", "Pow", "ReduceMax", "ReduceMean", "ReduceSum", "Relu", "Reshape",
    "Sigmoid", "Slice", "Softmax", "Split", "Sqrt", "Squeeze", "Sub", "Tan", "Tanh",
    "Transpose", "Unsqueeze", "Where",
})
# fmt: on
"""Nothing that loops, branches, reads files, or makes large tensors of small ones."""

MAX_NODES = 2_000
MAX_PARTS = 50_000
MAX_WEIGHT = 1e6
MAX_VALUES = 16_000_000
"""Numbers in all initialisers and in all intermediate results together: 64 MB of float32."""
MAX_PRODUCTS = 2_000_000_000
"""Multiplications of one run and numbers read in it: one to three seconds on one slow core."""

_ELEMENT_TYPES = {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
_PRODUCT_OPERATORS = {"Gemm", "MatMul"}


def check_graphs(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Raise BundleFormatError unless every graph of a bundle is safe to run and is what the manifest says; runs nothing."""
    for spec in manifest.graphs:
        check_graph(files[spec.file], spec)


def check_graph(data: bytes, spec: GraphSpec) -> None:
    """Raise BundleFormatError, naming the file, unless an ONNX model is safe to run and is what its spec says."""
    try:
        model = ModelProto.FromString(data)
    except DecodeError as error:
        raise _wrong(spec, "no ONNX model (damaged, or something else)") from error
    _check_texts(model, spec)
    _check_model(model, spec)
    _check_ports(model.graph, spec)
    _check_nodes(model.graph, spec)
    _check_initialisers(model.graph, spec)
    _check_sizes(model, spec)


def _wrong(spec: GraphSpec, why: str) -> BundleFormatError:
    return BundleFormatError(f"{spec.file}: {why}")


def _check_texts(model: ModelProto, spec: GraphSpec) -> None:
    """Refuse text that is not UTF-8, which protobuf hands out as bytes and ONNX Runtime stumbles over, and millions of tiny parts."""
    parts: list[Message] = [model]
    for count, part in enumerate(parts, start=1):  # grows while it runs
        if count > MAX_PARTS:
            raise _wrong(spec, f"more than {MAX_PARTS} parts")
        for field, value in part.ListFields():
            if field.type == field.TYPE_MESSAGE:
                parts.extend([value] if isinstance(value, Message) else value)
            elif field.type == field.TYPE_STRING and (isinstance(value, bytes) or any(isinstance(text, bytes) for text in value)):
                raise _wrong(spec, f"a text in field {field.name} is not UTF-8")


def _check_model(model: ModelProto, spec: GraphSpec) -> None:
    opsets = [(entry.domain, entry.version) for entry in model.opset_import]
    if opsets not in ([("", spec.opset)], [("ai.onnx", spec.opset)]):
        raise _wrong(spec, f"operator sets {str(opsets)[:100]}, expected the standard one in version {spec.opset}")
    newest: int = onnx.defs.onnx_opset_version()
    if spec.opset > newest:
        raise _wrong(spec, f"operator set {spec.opset} is newer than the {newest} that this version knows")
    if model.functions or model.training_info or model.graph.sparse_initializer:
        raise _wrong(spec, "functions, training information and sparse tensors are not allowed")


def _check_ports(graph: GraphProto, spec: GraphSpec) -> None:
    for kind, ports, name, shape in (
        ("input", graph.input, spec.input, spec.input_shape),
        ("output", graph.output, spec.output, spec.output_shape),
    ):
        got = [(port.name, port.type.tensor_type.elem_type, _shape(port)) for port in ports]
        if got != [(name, TensorProto.FLOAT, shape)]:
            raise _wrong(spec, f"{kind} is {str(got)[:200]}, expected {name!r} of float32 {list(shape)}")


def _check_nodes(graph: GraphProto, spec: GraphSpec) -> None:
    if len(graph.node) > MAX_NODES:
        raise _wrong(spec, f"{len(graph.node)} operators, more than {MAX_NODES}")
    for node in graph.node:
        if node.op_type not in ALLOWED_OPERATORS or node.domain not in ("", "ai.onnx"):
            raise _wrong(spec, f"operator {printable(f'{node.domain}.{node.op_type}'.strip('.')[:60])} is not allowed")
        for attribute in node.attribute:
            if attribute.ref_attr_name or attribute.type in (
                AttributeProto.GRAPH,
                AttributeProto.GRAPHS,
                AttributeProto.SPARSE_TENSOR,
                AttributeProto.SPARSE_TENSORS,
                AttributeProto.TENSORS,
            ):
                raise _wrong(spec, f"operator {node.op_type} has an attribute of a kind that is not allowed")
            if attribute.type == AttributeProto.TENSOR:
                _check_tensor(attribute.t, spec)


def _check_initialisers(graph: GraphProto, spec: GraphSpec) -> None:
    total = sum(_check_tensor(tensor, spec) for tensor in graph.initializer)
    if total > MAX_VALUES:
        raise _wrong(spec, f"{total} weights, more than {MAX_VALUES}")


def _check_tensor(tensor: TensorProto, spec: GraphSpec) -> int:
    """Return how many numbers a tensor holds, once it is known to be held here, finite and bounded."""
    name = printable(tensor.name[:60]) or "constant"
    if tensor.data_location != TensorProto.DEFAULT or tensor.external_data:
        raise _wrong(spec, f"tensor {name} is in another file; a bundle's graph must be self-contained")
    if tensor.data_type not in _ELEMENT_TYPES or tensor.HasField("segment"):
        raise _wrong(spec, f"tensor {name} has a type that is not allowed ({tensor.data_type})")
    count: int = math.prod(tensor.dims)
    if any(size < 0 for size in tensor.dims) or count > MAX_VALUES:
        raise _wrong(spec, f"tensor {name} has an impossible shape {str(list(tensor.dims))[:60]}")
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError) as error:
        raise _wrong(spec, f"tensor {name} does not hold the {count} numbers of its shape") from error
    if np.issubdtype(values.dtype, np.floating) and not np.all(np.abs(values) <= MAX_WEIGHT):
        raise _wrong(spec, f"tensor {name} holds numbers that are not finite or over {MAX_WEIGHT:g}")
    return count


def _check_sizes(model: ModelProto, spec: GraphSpec) -> None:
    """Infer the shape of every intermediate result, so that memory and time of a run are known before it."""
    del model.graph.value_info[:]  # claims, not facts
    try:
        graph = shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    except (shape_inference.InferenceError, ValueError, RuntimeError, TypeError) as error:
        raise _wrong(spec, f"shapes do not fit each other ({str(error).splitlines()[0][:150]})") from error
    shapes = {port.name: _shape(port) for port in (*graph.input, *graph.value_info, *graph.output)}
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    values = products = 0
    for node in graph.node:
        for output in node.output:
            shape = shapes.get(output)
            if shape is None and output:
                raise _wrong(spec, f"the size of a result of {node.op_type} cannot be told before running it")
            values += math.prod(shape or ())
            products += math.prod(shape or ()) * _inner_size(node, shapes)
        products += sum(math.prod(shapes.get(name) or ()) for name in node.input)  # a sum reads much and makes little
    if values > MAX_VALUES or products > MAX_PRODUCTS:
        raise _wrong(spec, f"one run makes {values} numbers with {products} products and reads, more than {MAX_VALUES} and {MAX_PRODUCTS}")


def _inner_size(node: NodeProto, shapes: dict[str, tuple[int, ...] | None]) -> int:
    """Return the multiplications behind one number of a matrix product or a convolution, 0 for other operators."""
    if node.op_type == "Conv":
        return math.prod((shapes.get(node.input[1]) or ())[1:]) if len(node.input) > 1 else 0
    left = shapes.get(node.input[0]) if node.op_type in _PRODUCT_OPERATORS and node.input else None
    if not left:
        return 0
    is_transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return left[0] if is_transposed else left[-1]


def _shape(port: ValueInfoProto) -> tuple[int, ...] | None:
    """Return a shape if all its sizes are known."""
    tensor = port.type.tensor_type
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
    known = tuple(size for size in sizes if size is not None and size >= 0)
    return known if tensor.HasField("shape") and len(known) == len(sizes) else None
