"""Export: one model in three formats that agree, the same bytes every time and everywhere."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semeq_export.bundle import store
from semeq_export.bundle import validate as checks
from semeq_export.bundle.confined import ONNX, TORCHSCRIPT, Confinement
from semeq_export.bundle.graphs import ALLOWED_OPERATORS, check_graph
from semeq_export.bundle.inference import EqEncoder
from semeq_export.bundle.loading import load_bundle, write_bundle
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.bundle.store import FLAT
from semeq_export.bundle.validate import validate
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import OutputError, TrainingError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("safetensors", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")
pytest.importorskip("onnxscript", reason="needs the [train] extra")

from tiny_training import Exporters, reuse_graphs, vectors  # noqa: E402

from semeq_training.models import EqAutoencoder  # noqa: E402
from semeq_training.runs import export as exporter  # noqa: E402
from semeq_training.runs import onnx_graph, torchscript  # noqa: E402
from semeq_training.runs.run import read_run  # noqa: E402


@pytest.fixture(scope="module")
def run_folder(tiny_export: Path) -> Path:
    return tiny_export / "run"


@pytest.fixture(scope="module")
def bundle_folder(tiny_export: Path) -> Path:
    return tiny_export / "tiny.semeq"


def test_the_bundle_passes_every_check(bundle_folder: Path) -> None:
    assert [finding for finding in validate(bundle_folder, 3) if finding.severity != "note"] == []


def test_every_torchscript_file_is_run_where_it_is_trusted(bundle_folder: Path) -> None:
    findings = validate(bundle_folder, 3, trust=True)
    assert {finding.severity for finding in findings} == {"note"}
    said = [finding.message.partition(":")[0] for finding in findings]
    assert [what for what in said if "torchscript" in what] == ["decoder by torchscript", "EQ encoder by torchscript"]


def test_the_bundle_is_that_of_the_run(bundle_folder: Path, run_folder: Path) -> None:
    bundle, run = load_bundle(bundle_folder), read_run(run_folder)
    assert bundle.manifest.training == run.record
    assert (bundle.manifest.name, bundle.manifest.version, bundle.manifest.latent_dim) == ("tiny", "0.1", 16)
    assert [(source.name, source.license, source.rows) for source in bundle.manifest.data] == [
        ("SAFE-DB equaliser settings", "none stated", 60)
    ]
    assert dict(bundle.centroids) == dict(run.bank)
    assert set(bundle.files) >= {"decoder.onnx", "eq_encoder.onnx", "decoder.pt", "eq_encoder.pt", FLAT, "README.md"}


def test_words_keep_the_numbers_of_a_former_bundle(
    run_folder: Path, bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_bundle(bundle_folder)
    assert sorted(first.manifest.word_order) == sorted(first.centroids)
    assert first.manifest.blend is None  # codes of another kind are not linear
    turned = tuple(reversed(first.manifest.word_order))
    former = {name: data for name, data in first.files.items() if name != store.MANIFEST}
    write_bundle(tmp_path / "former.semeq", replace(first.manifest, word_order=("gone", *turned)), former)
    reuse_graphs(monkeypatch, bundle_folder)
    later = exporter.export(run_folder, tmp_path / "later.semeq", former=tmp_path / "former.semeq")
    assert later.word_order == ("gone", *turned)


def test_onnx_and_flat_weights_give_what_torch_gives(bundle_folder: Path, run_folder: Path) -> None:
    bundle, model = load_bundle(bundle_folder), read_run(run_folder).model
    z = np.random.default_rng(3).uniform(-1, 1, (20, 16)).astype(np.float32)
    with torch.no_grad():
        wanted = model.decoder(torch.from_numpy(z)).numpy()
        codes = model.encoder(torch.from_numpy(wanted)).numpy()
    assert bundle.eq_encoder is not None
    np.testing.assert_allclose([bundle.decoder(row) for row in z], wanted, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose([bundle.eq_encoder(row) for row in wanted], codes, atol=1e-4)


@pytest.mark.slow
def test_another_process_in_another_folder_gives_the_same_bytes(bundle_folder: Path, run_folder: Path, tmp_path: Path) -> None:
    code = "import sys, pathlib; from semeq_training.runs.export import export; export(pathlib.Path(sys.argv[1]), sys.argv[2])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path if path)}  # noqa: PTH100
    command = [sys.executable, "-c", code, str(run_folder.resolve()), str(tmp_path / "again.semeq")]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path)
    again, once = store.read_files(tmp_path / "again.semeq"), store.read_files(bundle_folder)
    assert again.keys() == once.keys()
    assert [name for name in once if once[name] != again[name]] == []


def test_no_file_holds_a_path_of_this_machine_or_a_date(bundle_folder: Path) -> None:
    root = str(Path(__file__).resolve().parents[2])
    for name, data in store.read_files(bundle_folder).items():
        for secret in (root, sys.prefix, sys.base_prefix, "site-packages", "stack_trace"):
            assert secret.encode() not in data, (name, secret)
        if name.endswith(".pt"):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
                assert not [entry for entry in archive.namelist() if entry.endswith(".debug_pkl")]


def test_the_graphs_are_self_contained_and_plain(bundle_folder: Path) -> None:  # fault D25
    onnx = pytest.importorskip("onnx", reason="comes with the package")
    for name in ("decoder.onnx", "eq_encoder.onnx"):
        model = onnx.load_from_string((bundle_folder / name).read_bytes())
        assert {node.op_type for node in model.graph.node} <= ALLOWED_OPERATORS
        assert not [tensor.name for tensor in model.graph.initializer if tensor.external_data]
        assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 18)]
        assert not model.functions


def test_a_format_that_differs_refuses_to_write(run_folder: Path, bundle_folder: Path, tmp_path: Path, exporters: Exporters) -> None:
    model = read_run(run_folder).model
    exporters.replace(store.read_files(bundle_folder), {"decoder.onnx": model.decoder, "eq_encoder.onnx": model.encoder}, off=2e-4)
    with pytest.raises(
        TrainingError, match=r"decoder in torchscript: gain differs from torch by 0\.000\d+ dB, more than 0\.0001; nothing written"
    ):
        exporter.export(run_folder, tmp_path / "x.semeq")
    assert list(tmp_path.iterdir()) == []


def test_existing_bundles_are_kept_unless_told_otherwise(run_folder: Path, bundle_folder: Path) -> None:
    before = store.read_files(bundle_folder)
    with pytest.raises(OutputError, match="exists already"):
        exporter.export(run_folder, bundle_folder)
    assert store.read_files(bundle_folder) == before


def test_an_unfinished_run_is_not_exported(run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("recipe.toml", "weights.safetensors", "centroids.json"):
        (tmp_path / "run" / name).write_bytes((run_folder / name).read_bytes())
    with pytest.raises(TrainingError, match=r"record\.json is missing"):
        exporter.export(tmp_path / "run", tmp_path / "x.semeq")
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"")
    with pytest.raises(TrainingError, match="unfinished run; finish it with"):
        exporter.export(tmp_path / "run", tmp_path / "x.semeq")


def test_a_child_process_that_fails_is_one_line() -> None:
    with pytest.raises(TrainingError, match="torchscript failed in another process") as caught:
        torchscript.run_files((b"no archive", GraphSpec("decoder.onnx", "z", "params", (1, 2), (1, 13), 18), np.zeros((1, 2), np.float32)))
    assert "\n" not in str(caught.value)


class Endless(torch.nn.Module):
    def forward(self, z: torch.Tensor) -> torch.Tensor:
        while bool(z.isfinite().all()):
            z = z * 0.5
        return z


class Zero(torch.nn.Module):
    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.full((1, 13), 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "why"),
    [(Endless, r"decoder\.pt: did not finish within 2 s"), (Zero, r"decoder by torchscript: case \d+, .*of the tolerance")],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated.*:DeprecationWarning")
def test_trusted_torchscript_that_hangs_or_differs_is_an_error(  # fault D2
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: type[torch.nn.Module], why: str
) -> None:
    monkeypatch.setattr(checks, "Confinement", lambda child=ONNX: Confinement(child, call_s=2.0 if child is TORCHSCRIPT else 60.0))
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(module()), buffer)
    bundle = load_bundle(bundle_folder)
    files = {name: data for name, data in bundle.files.items() if name != store.MANIFEST} | {"decoder.pt": buffer.getvalue()}
    write_bundle(tmp_path / "x.semeq", bundle.manifest, files)
    assert [finding for finding in validate(tmp_path / "x.semeq", 3) if finding.severity == "error"] == []
    (finding,) = [finding for finding in validate(tmp_path / "x.semeq", 3, trust=True) if finding.severity == "error"]
    assert re.search(why, finding.message)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "word_path", "latent_dim"),
    [("curve", False, 8), ("transformer", False, 16), ("bands", True, 20)],
    ids=lambda value: str(value),
)
def test_every_kind_of_encoder_exports(kind: str, word_path: bool, latent_dim: int) -> None:
    spec = GraphSpec("eq_encoder.onnx", "params", "z", (1, 13), (1, latent_dim), 18)
    torch.manual_seed(0)
    model = EqAutoencoder(SAFE_13, latent_dim, encoder=kind, word_path=word_path).eval()
    rows = vectors("warm", 20).astype(np.float32)
    data = onnx_graph.to_bytes(model.encoder, spec)
    check_graph(data, spec)
    encoder = EqEncoder(data, spec)
    with torch.no_grad():
        wanted = model.encoder(torch.from_numpy(rows)).numpy()
    assert np.abs(np.array([encoder(row) for row in rows]) - wanted).max() < 1e-4
    assert len(torchscript.to_bytes(model)[1]) > 1_000
