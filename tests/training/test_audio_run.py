"""Runs of the audio encoder: the same bytes every time, stopped or not, and only for the EQ model whose codes were learned."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import cases

from semeq_export.bundle import store, vectors
from semeq_export.bundle.graphs import ALLOWED_OPERATORS
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.validate import validate
from semeq_export.errors import OutputError, TrainingError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")
for package in ("safetensors", "sklearn", "onnxscript"):
    pytest.importorskip(package, reason="needs the [train] extra")

from tiny_training import (  # noqa: E402
    Exporters,
    reuse_graphs,
    write_data,
    write_encoder_recipe,
    write_recipe,
    write_tiny_audio,
    write_tiny_data,
)
from tiny_training import vectors as people  # noqa: E402

from semeq_training.fitting.audio_loop import AudioLosses  # noqa: E402
from semeq_training.runs import (  # noqa: E402
    audio_run,
    run_folder,
    torchscript,
)
from semeq_training.runs import export as exporter  # noqa: E402
from semeq_training.runs.export import export  # noqa: E402
from semeq_training.runs.run import fit, read_run  # noqa: E402

RESULTS = {"recipe.toml", "weights.safetensors", "record.json", "history.csv", "loss.png"}


@pytest.fixture(scope="module")
def inputs(quick_words: None, tiny_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_tiny_data(folder / "data")
    write_tiny_audio(folder / "audio")
    shutil.copytree(tiny_export / "run", folder / "eq")
    write_encoder_recipe(folder / "ear.toml")
    return folder


@pytest.fixture(scope="module")
def complete(inputs: Path) -> Path:
    train(inputs, inputs / "run")
    return inputs / "run"


@pytest.fixture(scope="module")
def quick(inputs: Path) -> Path:
    """A run without evaluation, which takes most of the time."""
    train(inputs, inputs / "quick", folds=0)
    return inputs / "quick"


def train(inputs: Path, out: Path, *, recipe: str | Path = "ear.toml", **options: object) -> object:
    return audio_run.fit_encoder(
        inputs / recipe, inputs / "data", inputs / "audio", inputs / "eq", out, **options  # type: ignore[arg-type]
    )  # fmt: skip


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def assert_equal_files(one: Path, other: Path) -> None:
    found, wanted = content(one), content(other)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []


class Stop(BaseException):
    """Ends a run where a signal would."""


def test_a_run_folder_holds_what_it_should(inputs: Path, complete: Path) -> None:
    assert set(content(complete)) == RESULTS
    run = audio_run.read_encoder_run(complete)
    record = run.record
    assert (record.recipe, record.architecture, record.steps, record.seed, record.threads) == ("ear.toml", "separable", 12, 5, 1)
    assert record.eq_weights_sha256 == json.loads((inputs / "eq" / "record.json").read_bytes())["weights_sha256"]
    assert record.windows["pink"] == record.windows["coloured"] == 8
    assert record.windows["real"] > 12
    assert record.metrics["sources_left_out"] == 2
    assert record.scores.keys() == {"encoder", "spectrum"}
    assert all(np.isfinite(list(record.metrics.values())))
    assert {f"alternate_{name}_r2" for name in ("constant", "spectrum", "matched", "encoder")} <= record.metrics.keys()
    assert "others_matched_r2" not in record.metrics  # other sources are known by their mean only
    assert len((complete / "history.csv").read_text().splitlines()) == 1 + 12
    assert audio_run.is_encoder_run(complete)
    assert not audio_run.is_encoder_run(inputs / "eq")


def test_training_moves_the_weights_and_is_finite(complete: Path) -> None:
    model = audio_run.read_encoder_run(complete).model
    assert float(model.spectrum.weight.detach().abs().max()) > 1e-3
    assert float(model.head.weight.detach().abs().max()) > 1e-4


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(inputs: Path, quick: Path, tmp_path: Path) -> None:  # fault E12
    code = (
        "import sys, pathlib; from semeq_training.runs.audio_run import fit_encoder; fit_encoder(*map(pathlib.Path, sys.argv[1:]), folds=0)"
    )
    arguments = [inputs / "ear.toml", inputs / "data", inputs / "audio", inputs / "eq", tmp_path / "run"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True, env=environment)
    assert_equal_files(tmp_path / "run", quick)


def stop_at(*moment: object) -> object:
    def stop(phase: str, done: int, total: int, losses: AudioLosses | None) -> None:
        if (phase, done) == moment:
            raise Stop

    return stop


@pytest.mark.parametrize("step", [5, 1, 9][: cases(1, 3)])
def test_an_interrupted_run_resumes_to_the_same_bytes(
    inputs: Path, quick: Path, tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault E13
    monkeypatch.setattr(audio_run, "_CHECKPOINT_STEPS", 4)
    with pytest.raises(Stop):
        train(inputs, tmp_path / "run", folds=0, progress=stop_at("final", step))
    assert "record.json" not in content(tmp_path / "run")
    train(inputs, tmp_path / "run", folds=0, resume=True)
    assert_equal_files(tmp_path / "run", quick)


def test_sources_that_were_evaluated_are_not_evaluated_again(inputs: Path, complete: Path, tmp_path: Path) -> None:  # fault E13
    with pytest.raises(Stop):
        train(inputs, tmp_path / "run", progress=stop_at("folds", 6))
    with pytest.raises(TrainingError, match="unfinished run"):
        audio_run.read_encoder_run(tmp_path / "run")
    seen: list[tuple[str, int]] = []
    train(inputs, tmp_path / "run", resume=True, progress=lambda phase, done, _total, _losses: seen.append((phase, done)))
    assert [done for phase, done in seen if phase == "folds"] == [5, 6, 7, 8]
    assert_equal_files(tmp_path / "run", complete)
    train(inputs, tmp_path / "run", resume=True)
    assert_equal_files(tmp_path / "run", complete)


def test_a_run_is_never_continued_with_other_inputs(inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_run, "_CHECKPOINT_STEPS", 4)
    with pytest.raises(Stop):
        train(inputs, tmp_path / "run", folds=0, progress=stop_at("final", 6))
    with pytest.raises(TrainingError, match="made with another EQ model, data, audio or number of folds"):
        train(inputs, tmp_path / "run", folds=2, resume=True)
    with pytest.raises(TrainingError, match="made with another recipe"):
        train(inputs, tmp_path / "run", recipe=write_encoder_recipe(tmp_path / "r.toml", seed=9), resume=True)
    with pytest.raises(OutputError, match="`resume` to continue it or `overwrite`"):
        train(inputs, tmp_path / "run")


def test_without_folds_nothing_is_claimed_and_a_transformer_trains_too(inputs: Path, tmp_path: Path) -> None:
    recipe = write_encoder_recipe(tmp_path / "r.toml", architecture="transformer", steps=3)
    train(inputs, tmp_path / "run", recipe=recipe, folds=0)
    record = audio_run.read_encoder_run(tmp_path / "run").record
    assert record.scores == {}
    assert record.metrics == {"files": 2.0, "sources_left_out": 0.0}
    assert record.better_estimator == "spectrum"


@pytest.mark.parametrize("name", ["recipe.toml", "weights.safetensors", "record.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "changed"])
def test_a_damaged_run_is_refused_by_name(complete: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "run"
    shutil.copytree(complete, folder)
    path = folder / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:-40] + b"?" * 40)
    with pytest.raises(TrainingError, match=name.partition(".")[0]) as caught:
        audio_run.read_encoder_run(folder)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def exported(inputs: Path, complete: Path, tiny_export: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        reuse_graphs(patch, tiny_export / "tiny.semeq")
        export(inputs / "eq", inputs / "x.semeq", encoder=complete)
    return inputs / "x.semeq"


@pytest.mark.slow
def test_export_takes_the_encoder_along_and_all_formats_agree(complete: Path, exported: Path) -> None:
    assert [finding for finding in validate(exported, 3) if finding.severity != "note"] == []
    bundle, run = load_bundle(exported), audio_run.read_encoder_run(complete)
    assert bundle.encoder is not None
    spec = bundle.manifest.audio_encoder
    assert spec is not None
    assert spec.training == run.record
    assert {"audio_encoder.onnx", "audio_encoder.pt", vectors.AUDIO_ENCODER, vectors.NOISE, vectors.NOTES} <= bundle.files.keys()
    rng = np.random.default_rng(4)
    windows = (rng.standard_normal((4, spec.window_samples)) * np.array([[1.0], [0.1], [1e-3], [0.0]])).astype(np.float32)
    with torch.no_grad():
        wanted = run.model(torch.from_numpy(windows)).numpy()
    np.testing.assert_allclose([bundle.encoder(window) for window in windows], wanted, atol=1e-4)
    (scripted,) = torchscript.run_files((bundle.files["audio_encoder.pt"], bundle.encoder.graph.spec, windows))
    np.testing.assert_allclose(scripted, wanted, atol=1e-4)
    onnx = pytest.importorskip("onnx", reason="comes with the package")
    graph = onnx.load_from_string(bundle.files["audio_encoder.onnx"]).graph
    assert {node.op_type for node in graph.node} <= ALLOWED_OPERATORS
    card = bundle.files["README.md"].decode()
    assert "## Audio encoder" in card
    assert f"R2 {max(run.record.scores.values()):.3f} against {min(run.record.scores.values()):.3f}" in " ".join(card.split())


@pytest.mark.slow
def test_an_encoder_in_the_runs_own_folder_is_taken_without_asking(
    inputs: Path, complete: Path, exported: Path, tmp_path: Path, exporters: Exporters
) -> None:
    eq, ear = read_run(inputs / "eq").model, audio_run.read_encoder_run(complete).model
    exporters.replace(store.read_files(exported), {"decoder.onnx": eq.decoder, "eq_encoder.onnx": eq.encoder, "audio_encoder.onnx": ear})
    shutil.copytree(inputs / "eq", tmp_path / "eq")
    shutil.copytree(complete, tmp_path / "eq" / "audio_encoder")
    export(tmp_path / "eq", tmp_path / "own.semeq")
    assert store.read_files(tmp_path / "own.semeq") == store.read_files(exported)


def test_an_encoder_of_another_eq_model_is_refused(inputs: Path, complete: Path, tmp_path: Path) -> None:
    fit(write_recipe(tmp_path / "other.toml", steps=10, seed=8), inputs / "data", tmp_path / "other")
    with pytest.raises(TrainingError, match="learned the codes of another EQ model .* train it again with") as caught:
        export(tmp_path / "other", tmp_path / "x.semeq", encoder=complete)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "x.semeq").exists()
    with pytest.raises(TrainingError, match=r"no run \(record\.json is missing\)"):
        export(inputs / "eq", tmp_path / "x.semeq", encoder=tmp_path)


@pytest.mark.slow
def test_a_format_that_differs_refuses_to_write(complete: Path, exported: Path, exporters: Exporters) -> None:
    run = audio_run.read_encoder_run(complete)
    exporters.replace(store.read_files(exported), {"audio_encoder.onnx": run.model}, off=2e-4)
    with pytest.raises(
        TrainingError, match=r"audio encoder in torchscript: z differs from torch by 0\.000\d+, more than 0\.0001; nothing written"
    ):
        exporter._audio_files(run, exporter._encoder_spec(run))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "recurrent"}, "architecture"),
        ({"width": 6}, "width"),
        ({"pink_share": 0.7, "coloured_share": 0.4}, r"pink_share and coloured_share add up to 1\.1"),
        ({"steps": None}, "steps"),
        ({"dropout": 0.1}, "dropout"),
        ({"learning_rate": 0.0}, "learning_rate"),
    ],
)
def test_recipes_are_checked(inputs: Path, tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        train(inputs, tmp_path / "run", recipe=write_encoder_recipe(tmp_path / "r.toml", **changes))
    assert not (tmp_path / "run").exists()


def test_an_eq_recipe_is_no_encoder_recipe(inputs: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"tiny\.toml"):
        train(inputs, tmp_path / "run", recipe="tiny.toml")


def test_losses_that_are_not_finite_stop_with_the_batch(inputs: Path, tmp_path: Path) -> None:  # fault E11
    recipe = write_encoder_recipe(tmp_path / "r.toml", learning_rate=1.0, pink_weight=1000.0, alignment_weight=1000.0, steps=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semeq_training.fitting.audio_loop.is_finite", lambda _model, _loss: False)
        with pytest.raises(TrainingError, match="not finite in batch 1"):
            train(inputs, tmp_path / "run", recipe=recipe, folds=0)
    assert run_folder.RECORD not in content(tmp_path / "run")


@pytest.mark.slow
def test_one_word_of_odd_people_trains_with_two_threads_to_the_same_bytes(inputs: Path, tmp_path: Path) -> None:  # faults E11, E12
    write_data(tmp_path / "data", [("warm", [0.0, *row.tolist()[1:]], i % 5) for i, row in enumerate(people("warm", 20))])
    fit(write_recipe(tmp_path / "tiny.toml", steps=4, evaluate_every=2), tmp_path / "data", tmp_path / "eq")
    recipe = write_encoder_recipe(tmp_path / "ear.toml", steps=4, threads=2)
    for out in ("one", "other"):
        audio_run.fit_encoder(recipe, tmp_path / "data", inputs / "audio", tmp_path / "eq", tmp_path / out, folds=0)
    assert_equal_files(tmp_path / "one", tmp_path / "other")
    record = audio_run.read_encoder_run(tmp_path / "one").record
    assert record.threads == 2
    assert all(np.isfinite(list(record.metrics.values())))
