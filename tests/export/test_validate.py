"""Validation of bundles: sound ones pass, and every kind of hostile graph is refused before ONNX Runtime sees it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
from onnx import ModelProto, NodeProto, StringStringEntryProto, TensorProto, helper, numpy_helper

from semeq_export.bundle import flat, store, vectors
from semeq_export.bundle.graphs import check_graph
from semeq_export.bundle.inference import Decoder
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.bundle.store import CENTROIDS, FLAT, README
from semeq_export.bundle.validate import validate
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import BundleFormatError

SPEC = GraphSpec("decoder.onnx", "z", "params", (1, 4), (1, 13), bundles.OPSET)


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return bundles.files()


def stored(folder: Path, content: dict[str, bytes]) -> Path:
    store.write_files(folder / "x.semeq", content, overwrite=True)
    return folder / "x.semeq"


def errors(path: Path, level: int) -> list[str]:
    return [finding.code for finding in validate(path, level) if finding.severity == "error"]


def one_node(node: NodeProto, **constants: np.ndarray) -> ModelProto:
    """A graph with the tiny decoder's ports around one operator."""
    return bundles.model([node], constants, ("z", (1, 4)), ("params", (1, 13)))


@pytest.mark.parametrize("zipped", [False, True])
def test_sound_bundle_has_no_errors_and_says_how_well_it_conforms(tmp_path: Path, zipped: bool) -> None:
    bundles.write(tmp_path / "x.semeq", zipped=zipped)
    findings = validate(tmp_path / "x.semeq", 3)
    assert {finding.severity for finding in findings} == {"note"}
    assert {finding.where for finding in findings} == {vectors.DECODER, vectors.RESPONSE, vectors.EQ_ENCODER}


def test_missing_card_and_vectors_are_warnings_and_level_3_needs_the_vectors(tmp_path: Path, files: dict[str, bytes]) -> None:
    fewer = {name: data for name, data in files.items() if name not in (README, vectors.DECODER)}
    path = stored(tmp_path, bundles.sealed(fewer))
    assert [(f.severity, f.where) for f in validate(path, 1)] == [("warning", README), ("warning", vectors.DECODER)]
    assert errors(path, 3) == ["bundle-format", "bundle-format"]


def test_unsound_bundle_is_a_finding_but_no_path_is_an_error(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert errors(stored(tmp_path, {**bundles.sealed(files), README: b"changed"}), 1) == ["bundle-integrity"]
    (tmp_path / "noise.zip").write_bytes(b"PK" + bytes(range(256)))
    assert errors(tmp_path / "noise.zip", 1) == ["bundle-format"]
    with pytest.raises(BundleFormatError, match="no such file"):
        validate(tmp_path / "none.semeq")


def test_newer_minor_schema_is_a_note(tmp_path: Path, files: dict[str, bytes]) -> None:
    newer = replace(bundles.manifest(), schema="1.3")
    assert [f.code for f in validate(stored(tmp_path, bundles.sealed(files, newer)), 1)] == ["newer-minor"]


def loop() -> ModelProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"])],
        "forever",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ()), helper.make_tensor_value_info("go", TensorProto.BOOL, ())],
        [helper.make_tensor_value_info("go_on", TensorProto.BOOL, ())],
    )
    return one_node(helper.make_node("Loop", ["", "yes"], ["params"], body=body), yes=np.array(True))


def external(location: str) -> Callable[[], ModelProto]:
    def make() -> ModelProto:
        model = bundles.decoder_model()
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.append(StringStringEntryProto(key="location", value=location))
        return model

    return make


def changed(change: Callable[[ModelProto], object]) -> Callable[[], ModelProto]:
    def make() -> ModelProto:
        model = bundles.decoder_model()
        change(model)
        return model

    return make


def weights(value: float) -> Callable[[ModelProto], object]:
    def change(model: ModelProto) -> None:
        tensor = next(t for t in model.graph.initializer if t.name == "weight")
        tensor.CopyFrom(numpy_helper.from_array(np.full((4, 13), value, np.float32), "weight"))

    return change


def memory_bomb() -> ModelProto:
    wide, tall = np.zeros((1, 5_000), np.float32), np.zeros((5_000, 1), np.float32)
    nodes = [helper.make_node("Add", ["wide", "tall"], ["huge"]), helper.make_node("ReduceSum", ["huge"], ["params"], keepdims=1)]
    return bundles.model(nodes, {"wide": wide, "tall": tall}, ("z", (1, 4)), ("params", (1, 1)))


def time_bomb() -> ModelProto:
    square = np.zeros((1_000, 1_000), np.float32)
    nodes = [helper.make_node("MatMul", ["square", "square" if i == 0 else f"p{i - 1}"], [f"p{i}"]) for i in range(10)]
    return bundles.model(nodes, {"square": square}, ("z", (1, 4)), ("p9", (1_000, 1_000)))


HOSTILE: dict[str, tuple[Callable[[], ModelProto], str]] = {
    "external data above": (external("../../secret.bin"), "in another file"),  # fault D3
    "external data absolute": (external("/etc/passwd"), "in another file"),  # fault D3
    "external data beside": (external("decoder.onnx.data"), "in another file"),  # fault D4, D25
    "endless loop": (loop, "operator Loop is not allowed"),  # fault D5
    "huge constant": (
        lambda: one_node(helper.make_node("ConstantOfShape", ["n"], ["params"]), n=np.array([500_000_000])),
        "not allowed",
    ),  # D6
    "huge broadcast": (memory_bomb, "output is|one run makes"),  # fault D6
    "endless products": (time_bomb, "output is|one run makes"),
    "nan weights": (changed(weights(float("nan"))), "not finite"),  # fault D7
    "huge weights": (changed(weights(1e30)), "not finite or over"),  # fault D7
    "newer opset": (changed(lambda m: setattr(m.opset_import[0], "version", 999)), "operator sets"),  # fault D8
    "custom domain": (changed(lambda m: setattr(m.graph.node[0], "domain", "com.evil")), r"com\.evil\.MatMul is not allowed"),  # fault D8
    "other input name": (changed(lambda m: setattr(m.graph.input[0], "name", "y")), "input is"),  # fault D8
    "other output type": (changed(lambda m: setattr(m.graph.output[0].type.tensor_type, "elem_type", TensorProto.DOUBLE)), "output is"),
    "open shape": (changed(lambda m: m.graph.input[0].type.tensor_type.shape.dim[0].Clear()), "input is"),  # fault D8
    "second input": (changed(lambda m: m.graph.input.append(m.graph.output[0])), "input is"),
    "function": (changed(lambda m: m.functions.add(name="f")), "functions"),
    "weights do not fit": (changed(lambda m: m.graph.initializer[0].dims.append(3)), "does not hold"),
    "negative size": (changed(lambda m: m.graph.initializer[0].dims.extend([-1, -1])), "impossible shape"),
    "graph attribute": (
        changed(lambda m: m.graph.node[0].attribute.append(helper.make_attribute("then", helper.make_graph([], "g", [], [])))),
        "attribute",
    ),
    "text that is not UTF-8": (
        lambda: ModelProto.FromString(bundles.decoder_model().SerializeToString().replace(b"even", b"ev\xe5n")),
        "UTF-8",
    ),
    "millions of parts": (changed(lambda m: m.metadata_props.extend([StringStringEntryProto(key="k")] * 60_000)), "more than 50000 parts"),
    "too many operators": (changed(lambda m: m.graph.node.extend([m.graph.node[0]] * 3_000)), "operators, more than"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_graph_with_valid_hashes_is_refused_before_it_runs(tmp_path: Path, files: dict[str, bytes], name: str) -> None:  # fault D23
    make, why = HOSTILE[name]
    hostile = make().SerializeToString()
    with pytest.raises(BundleFormatError, match=why):
        check_graph(hostile, SPEC)
    path = stored(tmp_path, bundles.sealed({**files, "decoder.onnx": hostile}))
    with pytest.raises(BundleFormatError, match=why):
        load_bundle(path)
    assert errors(path, 2) == ["bundle-format"]


def test_memory_and_time_bombs_are_measured_not_only_misshapen() -> None:
    for make, output, shape in ((memory_bomb, "params", (1, 1)), (time_bomb, "p9", (1_000, 1_000))):
        with pytest.raises(BundleFormatError, match="one run makes"):
            check_graph(make().SerializeToString(), replace(SPEC, output=output, output_shape=shape))


@pytest.mark.parametrize("data", [b"", b"\xff" * 50, b"<html>", bundles.decoder_model().SerializeToString()[:-200]])
def test_graph_that_is_no_onnx_is_refused(data: bytes) -> None:  # fault D10
    with pytest.raises(BundleFormatError, match=r"decoder\.onnx"):
        check_graph(data, SPEC)


def test_any_damage_under_a_valid_hash_is_our_error_or_a_sound_answer(capfd: pytest.CaptureFixture[str]) -> None:  # fault D23
    rng = np.random.default_rng(0)
    data = bundles.decoder_model().SerializeToString()
    for _ in range(1_000):
        changed_data = bytearray(data)
        for _ in range(rng.integers(1, 4)):
            changed_data[rng.integers(len(data))] = rng.integers(256)
        try:
            check_graph(bytes(changed_data), SPEC)
            values = Decoder(bytes(changed_data), SPEC, SAFE_13)(np.zeros(4))
        except BundleFormatError:
            continue
        assert np.isfinite(values).all()
    assert capfd.readouterr() == ("", "")


def test_loading_and_validating_never_imports_the_runtime_for_a_hostile_graph(tmp_path: Path, files: dict[str, bytes]) -> None:
    path = stored(tmp_path, bundles.sealed({**files, "decoder.onnx": loop().SerializeToString()}))
    code = (
        "import sys; from semeq_export.bundle import validate\nprint(len(validate.validate(sys.argv[1], 3)), 'onnxruntime' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "False"]


def test_graph_that_leaves_the_declared_ranges_is_an_error(tmp_path: Path, files: dict[str, bytes]) -> None:  # fault D7, A17
    raw = one_node(helper.make_node("MatMul", ["z", "weight"], ["params"]), weight=np.full((4, 13), 100.0, np.float32))
    path = stored(tmp_path, bundles.sealed({**files, "decoder.onnx": raw.SerializeToString()}))
    assert errors(path, 1) == []
    assert "outside the layout's ranges" in str(validate(path, 2)[-1])
    values = load_bundle(path).decoder(np.ones(4))
    assert np.all((values >= SAFE_13.minimum) & (values <= SAFE_13.maximum))


def test_flat_weights_of_another_model_do_not_conform(tmp_path: Path, files: dict[str, bytes]) -> None:
    weight = bundles.decoder_weight() * np.float32(1.001)
    other = flat.pack([flat.Dense(weight, np.zeros(13, np.float32))], SAFE_13)
    path = stored(tmp_path, bundles.sealed({**files, FLAT: other}))
    assert errors(path, 2) == []
    assert errors(path, 3) == ["conformance"]


def test_flat_weights_of_another_layout_or_damaged_are_errors(tmp_path: Path, files: dict[str, bytes]) -> None:
    layout = replace(SAFE_13, slots=SAFE_13.slots[:2])
    other = flat.pack([flat.Dense(np.zeros((5, 4), np.float32), np.zeros(5, np.float32))], layout)
    for data in (other, files[FLAT][:-64], flat.pack([flat.Dense(np.zeros((13, 5), np.float32), np.zeros(13, np.float32))], SAFE_13)):
        assert errors(stored(tmp_path, bundles.sealed({**files, FLAT: data})), 2) == ["bundle-format"]


def test_decoder_of_another_model_does_not_conform(tmp_path: Path, files: dict[str, bytes]) -> None:
    model = bundles.decoder_model()
    weights(0.5)(model)
    path = stored(tmp_path, bundles.sealed({**files, "decoder.onnx": model.SerializeToString()}))
    assert errors(path, 2) == []
    assert "conformance" in errors(path, 3)


def test_wrong_word_file_is_found_at_level_1(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert errors(stored(tmp_path, bundles.sealed({**files, CENTROIDS: b'{"terms": {}}'})), 1) == ["bundle-format"]


def test_validating_leaves_nothing_behind(tmp_path: Path) -> None:
    bundles.write(tmp_path / "x.semeq")
    before = store.read_files(tmp_path / "x.semeq")
    validate(tmp_path / "x.semeq", 3)
    assert store.read_files(tmp_path / "x.semeq") == before
    shutil.rmtree(tmp_path / "x.semeq")
    assert list(tmp_path.iterdir()) == []


def test_torchscript_is_hashed_but_not_run_unless_it_is_trusted(tmp_path: Path) -> None:  # fault D2
    bundles.write(tmp_path / "x.semeq", decoder__pt=b"no TorchScript")
    assert ("note", "not-run", "decoder.pt") in [(f.severity, f.code, f.where) for f in validate(tmp_path / "x.semeq", 3)]


def test_torchscript_without_torch_is_a_note_that_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    bundles.write(tmp_path / "x.semeq", decoder__pt=b"no TorchScript")
    (said,) = [f.message for f in validate(tmp_path / "x.semeq", 3, trust=True) if f.where == "decoder.pt"]
    assert said == "torchscript not checked: torch is not installed (pip install 'semeq-export[train]')"
