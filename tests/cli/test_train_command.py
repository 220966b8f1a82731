"""semeq-export train"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_training import REFINE_STEPS, WORDS, reuse_graphs, write_encoder_recipe, write_recipe, write_tiny_audio, write_tiny_data

from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    return write_inputs(tmp_path)


def write_inputs(folder: Path) -> Path:
    """Write a recipe, tiny.toml, and the tables in data/."""
    write_recipe(folder / "tiny.toml", steps=10)
    write_tiny_data(folder / "data")
    return folder


def run(*arguments: object) -> int:
    return _shared.run(cli, ["train", *map(str, arguments)])


def needs_torch() -> None:
    for package in ("torch", "safetensors", "sklearn", "onnxscript"):
        pytest.importorskip(package, reason="needs the [train] extra")


@dataclass(frozen=True)
class Trained:
    """A run and its bundle as the commands make them, and what they print as JSON."""

    folder: Path
    record: dict[str, Any]  # Any: values of JSON documents
    manifest: dict[str, Any]
    messages: str

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def bundle(self) -> Path:
        return self.folder / "tiny.semeq"


@pytest.fixture(scope="module")
def trained(tiny_export: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    write_inputs(folder)
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as messages:
        patch.setattr("semeq_training.fitting.centroids.REFINE_STEPS", REFINE_STEPS)
        reuse_graphs(patch, tiny_export / "tiny.semeq")
        documents = []
        for arguments in (
            ("fit", folder / "tiny.toml", "--data", folder / "data", "-o", folder / "run"),
            ("export", folder / "run", "-o", folder / "tiny.semeq"),
        ):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                assert run(*arguments, "--json") == 0, messages.getvalue()
            documents.append(json.loads(printed.getvalue()))
    return Trained(folder, *documents, messages.getvalue())


@pytest.fixture
def quick_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch, or a skip; words are refined by a few steps only."""
    needs_torch()
    monkeypatch.setattr("semeq_training.fitting.centroids.REFINE_STEPS", REFINE_STEPS)


@pytest.mark.train
def test_fit_report_export_make_a_bundle(
    trained: Trained, tiny_export: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, document = trained.record, trained.manifest
    assert (record["recipe"], record["rows"], record["seed"]) == ("tiny.toml", {"safe": 60}, 3)
    assert trained.messages == ""
    assert run("report", trained.run, "--json") == 0
    assert json.loads(capsys.readouterr().out) == record
    assert run("report", trained.run) == 0
    table = capsys.readouterr().out
    assert "curve_mae_db " in table
    assert "rows: safe 60" in table
    assert document["name"] == "tiny"
    bundle = load_bundle(trained.bundle)
    assert set(bundle.centroids) == set(WORDS)
    assert set(document["files"]) == {name for name in bundle.files if name != "manifest.json"}
    assert run("export", trained.run, "-o", trained.bundle) == 2
    assert "--force" in capsys.readouterr().err
    reuse_graphs(monkeypatch, trained.bundle)
    assert run("export", trained.run, "-o", trained.bundle, "--force", "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert load_bundle(trained.bundle).files == bundle.files == load_bundle(tiny_export / "tiny.semeq").files


@pytest.mark.train
def test_an_encoder_is_trained_and_reported(inputs: Path, trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    write_encoder_recipe(inputs / "ear.toml", steps=2, fold_steps=1)
    write_tiny_audio(inputs / "data" / "audio")
    shutil.copytree(trained.run, inputs / "default")
    arguments = ("encoder", inputs / "ear.toml", "--data", inputs / "data", "-o", inputs / "ear", "--folds", 1)
    assert run(*arguments, "--json") == 0  # audio beside the tables, the EQ model beside the recipe
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert (record["recipe"], record["architecture"], record["steps"]) == ("ear.toml", "separable", 2)
    assert record["metrics"]["sources_left_out"] == 1
    assert record["better_estimator"] in ("encoder", "spectrum")
    assert err == ""
    assert run("report", inputs / "ear", "--json") == 0
    assert json.loads(capsys.readouterr().out) == record
    assert run("report", inputs / "ear") == 0
    table = capsys.readouterr().out
    assert "alternate   encoder" in table
    assert f"the better estimator of doses: {record['better_estimator']}" in table
    assert run(*arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert run("encoder", inputs / "ear.toml", "--data", inputs / "data", "-o", inputs / "none", "--folds", 0) == 0
    assert "no source was left out" in capsys.readouterr().out


@pytest.mark.train
@pytest.mark.slow
def test_an_encoder_goes_along_with_its_eq_model(
    inputs: Path, trained: Trained, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_encoder_recipe(inputs / "ear.toml", steps=2)
    write_tiny_audio(inputs / "data" / "audio")
    arguments = ("--data", inputs / "data", "--model", trained.run, "-o", inputs / "ear", "--folds", 0, "-q")
    assert run("encoder", inputs / "ear.toml", *arguments) == 0
    reuse_graphs(monkeypatch, trained.bundle)
    assert run("export", trained.run, "--encoder", inputs / "ear", "-o", inputs / "tiny.semeq", "-q") == 0
    assert load_bundle(inputs / "tiny.semeq").encoder is not None


@pytest.mark.train
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("encoder", "tiny.toml", "--data", "data", "--model", "data", "-o", "ear"), "tiny.toml: object contains unknown field"),
        (("encoder", "ear.toml", "--data", "data", "-o", "ear"), "default: no training run (record.json is missing)"),
        (("encoder", "none.toml", "--data", "data", "-o", "ear"), "none.toml: no such file"),
        (("encoder", "ear.toml", "--data", "data", "--audio", "nowhere", "--model", "eq", "-o", "ear"), "nowhere: no such folder"),
        (("encoder", "ear.toml", "-o", "ear"), "Missing option '--data'"),
        (("encoder", "ear.toml", "--data", "data", "--folds", "-1", "-o", "ear"), "Invalid value for '--folds'"),
        (("export", "data", "--encoder", "data", "-o", "x.semeq"), "no training run"),
    ],
)
def test_bad_use_of_encoder_is_one_line_and_leaves_nothing(
    inputs: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    needs_torch()
    write_encoder_recipe(inputs / "ear.toml")
    monkeypatch.chdir(inputs)
    if "eq" in arguments:
        shutil.copytree(request.getfixturevalue("trained").run, "eq")
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not (inputs / "ear").exists()


@pytest.mark.train
def test_an_existing_run_needs_resume_or_force(inputs: Path, quick_words: None, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("fit", inputs / "tiny.toml", "--data", inputs / "data", "-o", inputs / "run", "-q")
    assert run(*arguments) == 0
    before = (inputs / "run" / "weights.safetensors").read_bytes()
    assert run(*arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert run(*arguments, "--resume") == 0
    assert run(*arguments, "--force") == 0
    assert (inputs / "run" / "weights.safetensors").read_bytes() == before


@pytest.mark.train
def test_skipped_rows_are_counted_on_stderr(inputs: Path, quick_words: None, capsys: pytest.CaptureFixture[str]) -> None:  # fault E7
    table = inputs / "data" / "safe_eq.csv"
    lines = table.read_text().splitlines()
    cells = lines[3].split(",")
    cells[4] = "inf"
    table.write_text("\n".join([*lines[:3], ",".join(cells), *lines[4:]]) + "\n")
    arguments = ("fit", inputs / "tiny.toml", "--data", inputs / "data", "-o", inputs / "run")
    assert run(*arguments) == 2
    assert "row 4: column low_shelf_gain_db" in capsys.readouterr().err
    assert not (inputs / "run").exists()  # so that nothing is in the way of the next try
    assert run(*arguments, "--skip-bad-rows") == 0
    assert "1 rows with faulty cells left out" in capsys.readouterr().err


@pytest.mark.train
def test_rows_that_are_not_used_are_counted_by_rule(
    inputs: Path, quick_words: None, capsys: pytest.CaptureFixture[str]
) -> None:  # fault E6
    table = inputs / "data" / "safe_eq.csv"
    lines = table.read_text().splitlines()
    warm = [line for line in lines if "warm" in line]
    changed = {warm[0]: warm[0].replace("warm", "../../x"), warm[1]: warm[1].replace("warm", "a:b")}
    table.write_text("\n".join(changed.get(line, line) for line in lines) + "\n")
    arguments = ("fit", inputs / "tiny.toml", "--data", inputs / "data", "-o", inputs / "run")
    assert run(*arguments) == 0
    assert "2 rows are not used for their word or values: text 2; see: " in capsys.readouterr().err
    table.write_text("\n".join([lines[0], *(line.replace("warm", "a/b") for line in warm)]) + "\n")
    assert run(*arguments, "--force") == 2
    err = capsys.readouterr().err
    assert "leaves 0 rows to train on and 0 to evaluate (rows by fold: none); 20 rows are not used" in err.splitlines()[-1]
    assert (inputs / "run" / "record.json").is_file()  # the run of before is as it was


@pytest.mark.train
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("fit", "none.toml", "--data", "data", "-o", "run"), "none.toml: no such file"),
        (("fit", "tiny.toml", "--data", "nowhere", "-o", "run"), "nowhere: no such folder"),
        (("fit", "tiny.toml", "--data", "data", "-o", "no/such/run"), "does not exist"),
        (("report", "data"), "no training run (record.json is missing)"),
        (("export", "data", "-o", "x.semeq"), "no training run"),
        (("fit", "tiny.toml", "-o", "run"), "Missing option '--data'"),
    ],
)
def test_bad_use_is_one_line_and_leaves_nothing(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    needs_torch()
    monkeypatch.chdir(inputs)
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not (inputs / "x.semeq").exists()
    assert not (inputs / "run").exists()


@pytest.mark.parametrize("verb", ["fit", "encoder", "report", "export", "fetch"])
def test_without_the_extra_the_message_says_what_to_install(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("semeq_training", "torch", "pooch", "huggingface_hub")]:
        monkeypatch.delitem(sys.modules, name)
    for package in ("torch", "pooch", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, package, None)
    options = {
        "fit": ("tiny.toml", "--data", inputs / "data", "-o", inputs / "run"),
        "encoder": ("tiny.toml", "--data", inputs / "data", "-o", inputs / "run"),
        "report": (inputs / "run",),
        "export": (inputs / "run", "-o", inputs / "x.semeq"),
        "fetch": (inputs / "fetched",),
    }
    assert run(verb, *options[verb]) == 2
    assert "pip install 'semeq-export[train]'" in capsys.readouterr().err


def test_help_of_every_verb_fits_a_screen_and_ends_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ((), ("fetch",), ("fit",), ("encoder",), ("report",), ("ablate",), ("export",)):
        assert run(*verb, "--help") == 0
        text = capsys.readouterr().out.rstrip()
        assert len(text.splitlines()) <= 24
        assert "Example: semeq-export train" in text.splitlines()[-1] or "Example: semeq-export train" in text.splitlines()[-2]
