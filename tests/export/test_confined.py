"""Graphs in a child process: what they do there ends there, in one line of ours."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

import bundles
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from semeq_export.bundle import graphs, store, validate
from semeq_export.bundle.confined import Child, Confinement
from semeq_export.bundle.inference import Graph
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.errors import BundleFormatError, EnvironmentFailure

SPEC = GraphSpec("g.onnx", "z", "params", (1, 4), (1, 1), bundles.OPSET)
DEEDS = Child("confined_child", memory_mb=500)
INPUT = np.zeros((1, 4), np.float32)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits what a process holds; elsewhere time is the limit")


@pytest.fixture
def child() -> Iterator[Confinement]:
    with Confinement(DEEDS, call_s=1.0) as confinement:
        yield confinement


def endless() -> ModelProto:
    """Fault D5."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["before"], ["after"])],
        "forever",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, ()),
            helper.make_tensor_value_info("go", TensorProto.BOOL, (1,)),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, (1, 13)),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, (1,)),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, (1, 13)),
        ],
    )
    nodes = [helper.make_node("MatMul", ["z", "weight"], ["raw"]), helper.make_node("Loop", ["", "yes", "raw"], ["params"], body=body)]
    return bundles.model(nodes, {"yes": np.array(True), "weight": np.zeros((4, 13), np.float32)}, ("z", (1, 4)), ("params", (1, 13)))


def huge() -> ModelProto:
    """Fault D6: 2 GB."""
    nodes = [
        helper.make_node("ConstantOfShape", ["n"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=1),
        helper.make_node("MatMul", ["z", "weight"], ["raw"]),
        helper.make_node("Add", ["raw", "zero"], ["params"]),
    ]
    constants = {"n": np.array([1, 500_000_000]), "weight": np.zeros((4, 13), np.float32)}
    return bundles.model(nodes, constants, ("z", (1, 4)), ("params", (1, 13)))


def much_reading() -> ModelProto:
    """Allowed operators that make few numbers and no products, but read 8 million numbers 400 times, in orders that caches do not like."""
    shape = (8, 10, 10, 10, 10, 10, 10)
    orders = list(permutations(range(7), 4))[::2][:400]
    nodes = [helper.make_node("ReduceSum", ["z"], ["s"], keepdims=0), helper.make_node("Add", ["wide", "s"], ["part"])]
    nodes.append(helper.make_node("Add", ["part", "tall"], ["large"]))
    nodes += [helper.make_node("ReduceSum", ["large", f"axes{i}"], [f"r{i}"], keepdims=0) for i in range(len(orders))]
    nodes += [helper.make_node("ReduceSum", [f"r{i}"], [f"t{i}"], keepdims=0) for i in range(len(orders))]
    nodes.append(helper.make_node("Max", [f"t{i}" for i in range(len(orders))], ["most"]))
    nodes += [helper.make_node("MatMul", ["z", "weight"], ["raw"]), helper.make_node("Add", ["raw", "most"], ["params"])]
    constants = {f"axes{i}": np.array(order) for i, order in enumerate(orders)}
    constants |= {"wide": np.zeros((1, 1, 1, 1, *shape[4:]), np.float32), "tall": np.zeros((*shape[:4], 1, 1, 1), np.float32)}
    return bundles.model(nodes, constants | {"weight": np.zeros((4, 13), np.float32)}, ("z", (1, 4)), ("params", (1, 13)))


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        (b"forever", r"g\.onnx: did not finish within 1 s"),
        (b"exit", r"g\.onnx: crashed \(exit status 7\)"),
        (b"refuse", r"g\.onnx: is refused"),
        (b"wide", r"g\.onnx: gives float32 \[1, 9\], expected float32 \[1, 1\]"),
        pytest.param(b"crash", r"g\.onnx: crashed \(SIGSEGV\)", marks=pytest.mark.skipif(os.name == "nt", reason="has no signals")),
        pytest.param(b"large", r"g\.onnx: needs more than 500 MB", marks=linux_only),
    ],
)
def test_what_goes_wrong_is_one_line_and_the_next_call_is_answered(child: Confinement, deed: bytes, why: str) -> None:
    with pytest.raises(BundleFormatError, match=f"^{why}$"):
        child.graph(deed, SPEC).run(INPUT)
    assert child.graph(b"chatter", SPEC).run(INPUT).tolist() == [[1.0]]


def test_leaving_ends_the_child(child: Confinement) -> None:
    pid = int(child.graph(b"pid", SPEC).run(INPUT)[0, 0])
    os.kill(pid, 0)
    child.__exit__(None, None, None)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_child_that_does_not_start_is_the_environments_fault() -> None:
    with (
        Confinement(Child("no_such_module", memory_mb=500)) as child,
        pytest.raises(EnvironmentFailure, match="no_such_module.*exit status 1"),
    ):
        child.graph(b"", SPEC).run(INPUT)


def test_onnx_runtime_gives_the_same_there_as_here() -> None:
    data, spec = bundles.decoder_model().SerializeToString(), bundles.manifest().decoder
    rows = np.random.default_rng(0).uniform(-1.0, 1.0, (5, *spec.input_shape)).astype(np.float32)
    with Confinement() as child:
        there = child.graph(data, spec)
        for row in rows:
            np.testing.assert_array_equal(there.run(row), Graph(data, spec).run(row))


@pytest.mark.parametrize(
    ("make", "why"),
    [(endless, "did not finish within 1 s"), pytest.param(huge, "needs more than 500 MB", marks=linux_only)],  # faults D5, D6, D23
)
def test_graph_that_the_static_bounds_let_through_is_an_answer_of_validate(
    make: partial[ModelProto], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = bundles.sealed({**bundles.files(), "decoder.onnx": make().SerializeToString()})
    store.write_files(tmp_path / "x.semeq", hostile)
    assert "is not allowed" in str(validate.validate(tmp_path / "x.semeq", 2)[-1])
    monkeypatch.setattr(validate, "check_graph", lambda data, spec: None)
    monkeypatch.setattr(validate, "Confinement", partial(Confinement, call_s=1.0))
    (finding,) = [finding for finding in validate.validate(tmp_path / "x.semeq", 3) if finding.severity == "error"]
    assert str(finding) == f"error: decoder.onnx: {why} [bundle-format]"


def test_reading_the_same_numbers_over_and_over_counts_as_work(monkeypatch: pytest.MonkeyPatch) -> None:
    data, spec = much_reading().SerializeToString(), bundles.manifest().decoder
    with pytest.raises(BundleFormatError, match=r"one run makes \d+ numbers with \d+ products"):
        graphs.check_graph(data, spec)
    monkeypatch.setattr(graphs, "MAX_PRODUCTS", 10**12)
    graphs.check_graph(data, spec)
