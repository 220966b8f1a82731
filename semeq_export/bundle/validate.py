"""Checks of a bundle in three levels: structure and hashes, graphs, conformance. The only module that imports onnx.

Graphs are data from strangers: what is not on the list of operators, not finite, not bounded in size or not self-contained is refused
before ONNX Runtime sees it. What is left runs in a child process under limits (`confined`), never in this one. TorchScript runs so too, and
only where the caller vouches for it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, numpy_helper, shape_inference

from semeq_export.bundle import flat, store, vectors
from semeq_export.bundle.confined import TORCHSCRIPT, Confinement
from semeq_export.bundle.inference import AudioEncoder, Decoder, EqEncoder
from semeq_export.bundle.loading import Bundle, check_files
from semeq_export.bundle.manifest import SCHEMA, SCHEMA_MINOR, GraphSpec
from semeq_export.bundle.store import EVIDENCE, FLAT, README
from semeq_export.errors import BundleError, BundleFormatError, SemeqError
from semeq_export.files.disk import open_regular, printable

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
_RANGE_SLACK = 1e-5
"""How far a raw float32 output may pass the end of its range, as a share of that range, before it is called out of range."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check. where: file or field; code: stable and short, for programs."""

    severity: Literal["error", "warning", "note"]
    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message} [{self.code}]"


_Check = tuple[str, str, Callable[[], vectors.Deviation]]
"""What is checked, the file of its vectors, and the check."""


def validate(path: str | os.PathLike[str], level: int = 1, *, trust: bool = False) -> list[Finding]:
    """Return what is wrong with a bundle; no finding of severity "error" means sound.

    level: 1 structure, hashes and schema; 2 also graphs and flat weights, with a probe run; 3 also the conformance vectors.
    trust: level 3 runs TorchScript files too. Only for bundles made on this machine, since loading such a file can run code.
    An unsound bundle is a finding. Raises BundleFormatError only where there is no file or folder, EnvironmentFailure where the system
    refuses.
    """
    place = Path(path)
    if not place.is_dir():
        os.close(open_regular(place, BundleFormatError))
    try:
        bundle = check_files(store.read_files(place), place)
    except BundleError as error:
        return [_finding(error, printable(place.name))]
    findings = list(_structure(bundle))
    with Confinement() as confinement:
        if level >= 2:
            findings += _graphs(bundle, confinement)
        if level >= 3 and not _has_error(findings):
            findings += [*_conformance(bundle, confinement), *_torchscript(bundle, trust)]
    return findings


def require_sound(bundle: Bundle, *, trust: bool = False) -> list[Finding]:
    """Return what level 3 says of a loaded bundle; raise BundleFormatError with the first error. trust: as for `validate`."""
    findings = []
    with Confinement() as confinement:
        for finding in chain(_graphs(bundle, confinement), _conformance(bundle, confinement), _torchscript(bundle, trust)):
            if finding.severity == "error":
                raise BundleFormatError(f"{printable(bundle.path)}: {finding.where}: {finding.message}")
            findings.append(finding)
    return findings


def check_graphs(bundle: Bundle) -> None:
    """Raise BundleFormatError unless every graph is safe to run and is what the manifest says; runs nothing."""
    for spec in bundle.manifest.graphs:
        check_graph(bundle.files[spec.file], spec)


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


def _has_error(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _finding(error: SemeqError, where: str) -> Finding:
    return Finding("error", error.code, where, str(error).removeprefix(f"{where}: "))


def _wrong(spec: GraphSpec, why: str) -> BundleFormatError:
    return BundleFormatError(f"{spec.file}: {why}")


def _structure(bundle: Bundle) -> Iterator[Finding]:
    manifest = bundle.manifest
    minor = int(manifest.schema.partition(".")[2])
    if minor > SCHEMA_MINOR:
        yield Finding("note", "newer-minor", store.MANIFEST, f"schema {manifest.schema} is newer than {SCHEMA}: what is new is ignored")
    for name, use in ((README, "people cannot see what it is"), (vectors.DECODER, "other runtimes cannot be checked against it")):
        if name not in bundle.files:
            yield Finding("warning", "incomplete", name, f"missing: {use}")
    if EVIDENCE in bundle.files:
        try:
            unknown = sorted(bundle.evidence.words.keys() - bundle.centroids.keys())
        except BundleError as error:
            yield _finding(error, EVIDENCE)
            return
        if unknown:
            yield Finding("error", "evidence", EVIDENCE, f"word {printable(unknown[0][:60])!r} is not one of the bundle's")


def _graphs(bundle: Bundle, confinement: Confinement) -> Iterator[Finding]:
    for spec in bundle.manifest.graphs:
        try:
            check_graph(bundle.files[spec.file], spec)
        except BundleError as error:
            yield _finding(error, spec.file)
            return
    for where, probe in _probes(bundle, _functions(bundle, confinement, ".onnx")):
        try:
            probe()
        except SemeqError as error:
            yield _finding(error, where)
            return


@dataclass(frozen=True, slots=True)
class _Functions:
    """What a bundle can do in one runtime; None where it has no graph for it."""

    decoder: Decoder | None
    eq_encoder: EqEncoder | None
    audio_encoder: AudioEncoder | None


def _functions(bundle: Bundle, confinement: Confinement, suffix: Literal[".onnx", ".pt"]) -> _Functions:
    """Return a bundle's graphs in the format of a suffix as functions that run in another process."""
    manifest, files, runner = bundle.manifest, bundle.files, confinement.graph

    def in_format(spec: GraphSpec | None) -> GraphSpec | None:
        file = spec.file.removesuffix(".onnx") + suffix if spec is not None else ""
        return replace(spec, file=file) if spec is not None and file in files else None

    audio = manifest.audio_encoder
    decoder, eq_encoder = in_format(manifest.decoder), in_format(manifest.eq_encoder)
    audio_graph = in_format(audio.graph if audio is not None else None)
    return _Functions(
        Decoder(files[decoder.file], decoder, manifest.layout, runner) if decoder else None,
        EqEncoder(files[eq_encoder.file], eq_encoder, runner) if eq_encoder else None,
        AudioEncoder(files[audio_graph.file], replace(audio, graph=audio_graph), runner) if audio and audio_graph else None,
    )


def _probes(bundle: Bundle, functions: _Functions) -> Iterator[tuple[str, Callable[[], object]]]:
    """Give the files that can be run, with a run of each on three fixed inputs: what comes out must be finite and in range."""
    manifest, layout = bundle.manifest, bundle.manifest.layout
    levels = (-1.0, 0.0, 1.0)
    decoder, eq_encoder, encoder = functions.decoder, functions.eq_encoder, functions.audio_encoder

    def decode() -> None:
        assert decoder is not None
        slack = _RANGE_SLACK * (layout.maximum - layout.minimum)
        for level in levels:
            raw = decoder.graph.run(np.full((1, manifest.latent_dim), level, dtype=np.float32))[0].astype(np.float64)
            if not (np.all(raw >= layout.minimum - slack) and np.all(raw <= layout.maximum + slack)):
                raise _wrong(decoder.graph.spec, f"output for z = {level:g} is outside the layout's ranges or not finite")

    def encode() -> None:
        assert eq_encoder is not None
        for share in (0.0, 0.5, 1.0):
            eq_encoder(layout.minimum + share * (layout.maximum - layout.minimum))

    def hear() -> None:  # a click, silence, and the same click upside down
        assert encoder is not None
        for level in levels:
            click = np.zeros(encoder.window_samples, dtype=np.float32)
            click[len(click) // 2] = level
            encoder(click)

    for function, probe in ((decoder, decode), (eq_encoder, encode), (encoder, hear)):
        if function is not None:
            yield function.graph.spec.file, probe
    if FLAT in bundle.files:
        yield FLAT, lambda: _check_flat(bundle)


def _check_flat(bundle: Bundle) -> None:
    if not _flat_decoder(bundle).matches(bundle.manifest.layout):
        raise BundleFormatError(f"{FLAT}: bands or ranges differ from the manifest's layout")


def _flat_decoder(bundle: Bundle) -> flat.FlatDecoder:
    decoder = flat.unpack(bundle.files[FLAT])
    if decoder.latent_dim != bundle.manifest.latent_dim:
        raise BundleFormatError(f"{FLAT}: latent_dim {decoder.latent_dim} differs from the manifest's {bundle.manifest.latent_dim}")
    return decoder


def _conformance(bundle: Bundle, confinement: Confinement) -> Iterator[Finding]:
    yield from _compared(_checks(bundle, _functions(bundle, confinement, ".onnx"), "onnx runtime"))
    checks = [("filters", vectors.RESPONSE, lambda: vectors.check_responses(bundle.files, bundle.manifest.layout))]
    if FLAT in bundle.files:
        decode, layout = _flat_decoder(bundle), bundle.manifest.layout
        checks.append(("decoder by flat weights", vectors.DECODER, lambda: vectors.check_decoder(bundle.files, decode, layout)))
    yield from _compared(checks)


def _torchscript(bundle: Bundle, trust: bool) -> Iterator[Finding]:
    scripts = ", ".join(sorted(name for name in bundle.files if name.endswith(".pt")))
    if not scripts:
        return
    if not trust:
        yield Finding("note", "not-run", scripts, "torchscript not checked: it can run code; --trust runs it, for bundles of your own")
    elif find_spec("torch") is None:
        yield Finding("note", "not-run", scripts, "torchscript not checked: torch is not installed (pip install 'semeq-export[train]')")
    else:
        with Confinement(TORCHSCRIPT) as confinement:
            yield from _compared(_checks(bundle, _functions(bundle, confinement, ".pt"), "torchscript"))


def _checks(bundle: Bundle, functions: _Functions, runtime: str) -> Iterator[_Check]:
    files, layout, latent_dim = bundle.files, bundle.manifest.layout, bundle.manifest.latent_dim
    decoder, eq_encoder, encoder = functions.decoder, functions.eq_encoder, functions.audio_encoder
    if decoder is not None:
        yield f"decoder by {runtime}", vectors.DECODER, lambda: vectors.check_decoder(files, decoder, layout)
    if eq_encoder is not None:
        yield f"EQ encoder by {runtime}", vectors.EQ_ENCODER, lambda: vectors.check_eq_encoder(files, eq_encoder, layout, latent_dim)
    if encoder is not None:
        rate_hz, window = encoder.sample_rate_hz, encoder.window_samples
        check = lambda: vectors.check_audio_encoder(files, encoder, rate_hz, window, latent_dim)  # noqa: E731  # one of three
        yield f"audio encoder by {runtime}", vectors.AUDIO_ENCODER, check


def _compared(checks: Iterable[_Check]) -> Iterator[Finding]:
    for what, name, check in checks:
        try:
            deviation = check()
        except SemeqError as error:
            yield _finding(error, name)
            continue
        if deviation.conforms:
            yield Finding("note", "conforms", name, f"{what}: largest difference is {deviation.ratio:.2g} of the tolerance")
        else:
            yield Finding("error", "conformance", name, f"{what}: {deviation.message}")


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
