"""Runs: a folder that is complete or can be continued, with the same bytes either way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import cases

from semeq_export.errors import DataError, OutputError, TrainingError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("safetensors", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from tiny_training import REFINE_STEPS, WORDS, vectors, write_data, write_recipe, write_tiny_data  # noqa: E402

from semeq_training.fitting.loop import Losses  # noqa: E402
from semeq_training.runs import run as runs  # noqa: E402

QUICK_WORDS = f"import pathlib, sys; from semeq_training.fitting import centroids; centroids.REFINE_STEPS = {REFINE_STEPS}\n"
"""What `quick_words` does, for another process."""

RESULTS = {runs.RECIPE, runs.WEIGHTS, runs.CENTROIDS, runs.VOCABULARY, runs.RECORD, runs.HISTORY, runs.PICTURE}


@pytest.fixture(scope="module")
def inputs(quick_words: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_recipe(folder / "tiny.toml")
    write_tiny_data(folder / "data")
    return folder


@pytest.fixture(scope="module")
def complete(inputs: Path) -> Path:
    runs.fit(inputs / "tiny.toml", inputs / "data", inputs / "run")
    return inputs / "run"


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def assert_equal_files(one: Path, other: Path) -> None:
    found, wanted = content(one), content(other)
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []


def evaluation(folder: Path) -> tuple[list[str], list[str]]:
    """The losses of the evaluation's steps, and what it measured on held-out rows."""
    lines = [line for line in (folder / runs.HISTORY).read_text().splitlines() if line.startswith("evaluation")]
    return [line.rpartition(",")[0] for line in lines], [line.rpartition(",")[2] for line in lines]


class Stop(BaseException):
    """Ends a run where a signal would."""


def test_a_run_folder_holds_what_it_should(complete: Path) -> None:
    assert {file.name for file in complete.iterdir()} == RESULTS
    run = runs.read_run(complete)
    assert run.record.rows == {"safe": 60}
    assert run.record.steps in (10, 20, 30, 40)
    assert (run.record.seed, run.record.threads) == (3, 1)
    assert run.record.metrics["held_out_rows"] == 12
    assert all(np.isfinite(list(run.record.metrics.values())))
    assert set(run.bank) == set(WORDS)
    assert run.bank.latent_dim == 16


def test_history_has_every_step_of_both_phases(complete: Path) -> None:
    head, *lines = (complete / runs.HISTORY).read_text().splitlines()
    assert head == "phase,step,curve_loss,contrastive_loss,parameter_loss,held_out_curve_mae_db"
    record = runs.read_run(complete).record
    assert len(lines) == 40 + record.steps
    looked = {int(line.split(",")[1]): float(line.split(",")[5]) for line in lines if line.split(",")[5]}
    assert sorted(looked) == [10, 20, 30, 40]
    assert min(looked, key=lambda step: looked[step]) == record.steps
    assert record.metrics["curve_mae_db"] == pytest.approx(looked[record.steps], rel=1e-4)


def test_the_evaluation_never_learns_from_held_out_rows(inputs: Path, complete: Path, tmp_path: Path) -> None:
    rows = [(word, vector, i % 5) for word in WORDS for i, vector in enumerate(vectors(word, 20))]
    for _, vector, fold in rows:
        vector[0] *= 0.5 if fold == 1 else 1.0  # other people in the held-out fold
    write_data(tmp_path / "data", [(word, vector.tolist(), fold) for word, vector, fold in rows])
    runs.fit(inputs / "tiny.toml", tmp_path / "data", tmp_path / "run")
    losses, looks = evaluation(complete)
    losses_again, looks_again = evaluation(tmp_path / "run")
    assert losses_again == losses
    assert looks_again != looks


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(inputs: Path, complete: Path, tmp_path: Path) -> None:  # fault E12
    code = "from semeq_training.runs.run import fit; fit(sys.argv[1], *map(pathlib.Path, sys.argv[2:]))"
    arguments = [inputs / "tiny.toml", inputs / "data", tmp_path / "run"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", QUICK_WORDS + code, *map(str, arguments)], check=True, env=environment)
    assert_equal_files(tmp_path / "run", complete)


@pytest.mark.parametrize("phase_step", [("evaluation", 25), ("final", 5), ("evaluation", 5), ("final", 10)][: cases(1, 4)], ids=str)
def test_an_interrupted_run_resumes_to_the_same_bytes(
    inputs: Path, complete: Path, tmp_path: Path, phase_step: tuple[str, int]
) -> None:  # fault E13
    def stop(phase: str, done: int, total: int, losses: Losses | None) -> None:
        if (phase, done) == phase_step:
            raise Stop

    with pytest.raises(Stop):
        runs.fit(inputs / "tiny.toml", inputs / "data", tmp_path / "run", progress=stop)
    assert runs.RECORD not in content(tmp_path / "run")
    runs.fit(inputs / "tiny.toml", inputs / "data", tmp_path / "run", resume=True)
    assert_equal_files(tmp_path / "run", complete)


def test_a_killed_run_resumes_to_the_same_bytes(inputs: Path, complete: Path, tmp_path: Path) -> None:  # fault E13
    code = """
import os, signal
from semeq_training.runs.run import fit
def kill(phase, done, total, losses):
    if (phase, done) == ("evaluation", 33):
        os.kill(os.getpid(), signal.SIGKILL)
fit(sys.argv[1], *map(pathlib.Path, sys.argv[2:]), progress=kill)
"""
    arguments = [inputs / "tiny.toml", inputs / "data", tmp_path / "run"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", QUICK_WORDS + code, *map(str, arguments)], check=False, env=environment)
    assert done.returncode == -signal.SIGKILL
    assert runs.CHECKPOINT in content(tmp_path / "run")
    resumed: list[int] = []
    runs.fit(
        inputs / "tiny.toml",
        inputs / "data",
        tmp_path / "run",
        resume=True,
        progress=lambda _p, done, _t, _l: resumed.append(done),
    )
    assert resumed[0] == 31
    assert_equal_files(tmp_path / "run", complete)


def test_resuming_a_complete_run_changes_nothing(inputs: Path, complete: Path) -> None:
    before = content(complete)
    record = runs.fit(inputs / "tiny.toml", inputs / "data", complete, resume=True)
    assert record == runs.read_run(complete).record
    assert content(complete) == before


def test_an_existing_run_is_kept_unless_told_otherwise(inputs: Path, complete: Path) -> None:
    before = content(complete)
    with pytest.raises(OutputError, match="`resume` to continue it or `overwrite`"):
        runs.fit(inputs / "tiny.toml", inputs / "data", complete)
    assert content(complete) == before


def test_a_folder_with_other_files_is_never_emptied(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        runs.fit(inputs / "tiny.toml", inputs / "data", tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "years"


def test_a_checkpoint_of_other_data_or_another_recipe_is_refused(inputs: Path, tmp_path: Path) -> None:
    def stop(phase: str, done: int, total: int, losses: Losses | None) -> None:
        if done == 15:
            raise Stop

    with pytest.raises(Stop):
        runs.fit(inputs / "tiny.toml", inputs / "data", tmp_path / "run", progress=stop)
    write_tiny_data(tmp_path / "other", rows_per_word=25)
    with pytest.raises(TrainingError, match="made with another data"):
        runs.fit(inputs / "tiny.toml", tmp_path / "other", tmp_path / "run", resume=True)
    with pytest.raises(TrainingError, match="made with another recipe"):
        runs.fit(write_recipe(tmp_path / "r.toml", seed=9), inputs / "data", tmp_path / "run", resume=True)
    (tmp_path / "run" / runs.CHECKPOINT).write_bytes(b"\x10" * 40)
    with pytest.raises(TrainingError, match=r"checkpoint\.safetensors: no safetensors file"):
        runs.fit(inputs / "tiny.toml", inputs / "data", tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("rows", "changes", "said"),
    [
        ([("warm", i % 5) for i in range(4)] + [("bright", i % 5) for i in range(4)], {}, "no word has 5 or more rows"),
        ([("warm", 0) for _ in range(10)], {}, "holdout_fold 1 leaves 10 rows to train on and 0 to evaluate"),
        ([("warm", 1) for _ in range(10)], {}, "leaves 0 rows to train on"),
    ],
    ids=["one-example-per-word", "no-held-out-rows", "no-other-rows"],
)
def test_tables_that_cannot_be_trained_on_are_refused(
    tmp_path: Path, rows: list[tuple[str, int]], changes: dict[str, object], said: str
) -> None:  # fault E11
    values = {word: iter(vectors(word, 20).tolist()) for word in WORDS}
    write_data(tmp_path / "data", [(word, next(values[word]), fold) for word, fold in rows])
    with pytest.raises(TrainingError, match=said):
        runs.fit(write_recipe(tmp_path / "r.toml", **changes), tmp_path / "data", tmp_path / "run")


def test_one_word_and_constant_columns_train(tmp_path: Path) -> None:  # fault E11
    row = vectors("warm", 1)[0]
    rows = []
    for i in range(12):
        row[0] = -6.0 + i  # one column that moves
        rows.append(("warm", row.tolist(), i % 5))
    write_data(tmp_path / "data", rows)
    record = runs.fit(write_recipe(tmp_path / "r.toml", steps=10), tmp_path / "data", tmp_path / "run")
    assert all(np.isfinite(list(record.metrics.values())))
    assert list(runs.read_run(tmp_path / "run").bank) == ["warm"]


def test_a_folder_without_tables_is_refused_before_training(inputs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        runs.fit(inputs / "tiny.toml", tmp_path / "empty", tmp_path / "run")


@pytest.mark.parametrize("name", sorted({runs.RECIPE, runs.WEIGHTS, runs.CENTROIDS, runs.RECORD}))
@pytest.mark.parametrize("damage", ["missing", "empty", "changed"])
def test_a_damaged_run_is_refused_by_name(complete: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for file, data in content(complete).items():
        (folder / file).write_bytes(data)
    path = folder / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else path.read_bytes()[:-40] + b"?" * 40)
    with pytest.raises((TrainingError, ValueError), match=name.partition(".")[0]) as caught:
        runs.read_run(folder)
    assert "\n" not in str(caught.value)


def _safetensors(header: dict[str, object], data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "data",
    [
        (2**40).to_bytes(8, "little") + b"{}",
        (2**63).to_bytes(8, "little") + b"{}",
        (200_000_000).to_bytes(8, "little") + b"{}",
        _safetensors({name: {"dtype": "F32", "shape": [2], "data_offsets": [at, at + 8]} for name, at in (("a", 0), ("b", 4))}, bytes(12)),
        _safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, bytes(8)),
        _safetensors({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}, bytes(8)),
        _safetensors({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(8)),
        _safetensors({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        _safetensors({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 0]}}),
        _safetensors({"a": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    ],
    ids=["2^40", "2^63", "over 100 MB", "overlap", "hole", "short", "extra", "negative", "overflow", "dtype"],
)
def test_weights_whose_header_lies_are_refused(complete: Path, tmp_path: Path, data: bytes) -> None:  # fault D11
    folder = tmp_path / "run"
    folder.mkdir()
    for file, held in content(complete).items():
        (folder / file).write_bytes(held)
    (folder / runs.WEIGHTS).write_bytes(data)
    with pytest.raises((TrainingError, ValueError), match="weights") as caught:
        runs.read_run(folder)
    assert "\n" not in str(caught.value)


def test_records_are_json_that_anything_reads(complete: Path) -> None:
    record = json.loads((complete / runs.RECORD).read_bytes())
    assert record["recipe"] == "tiny.toml"
    assert len(record["weights_sha256"]) == 64
