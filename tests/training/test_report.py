"""The long report in small: what it measures, what it keeps, and that it can say no."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from conftest import ROOT

from semeq_export.cli import _shared, cli
from semeq_export.errors import TrainingError

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="needs the [train] extra")
pytest.importorskip("safetensors", reason="needs the [train] extra")
pytest.importorskip("sklearn", reason="needs the [train] extra")

from tiny_training import WORDS, vectors, write_data, write_recipe  # noqa: E402

from semeq_training.data.datasets import ExampleTable, load_examples  # noqa: E402
from semeq_training.fitting.baselines import baseline_errors_db  # noqa: E402
from semeq_training.fitting.curve_loop import CurveTrainer  # noqa: E402
from semeq_training.reports import cells as cell_files  # noqa: E402
from semeq_training.reports import report as reports  # noqa: E402
from semeq_training.reports import report_text, summary  # noqa: E402
from semeq_training.reports.report_page import report_page  # noqa: E402
from semeq_training.runs import run as runs  # noqa: E402


@pytest.fixture(scope="module")
def folder(quick_words: None, quick_reports: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report")
    write_data(path / "data", [(word, row.tolist(), 1 + i % 2) for word in WORDS for i, row in enumerate(vectors(word, 24))])
    write_recipe(path / "tiny.toml", steps=4)
    write_recipe(path / "other.toml", name="other", steps=4, latent_dim=8, encoder="curve")
    runs.fit(path / "tiny.toml", path / "data", path / "run")
    return path


@pytest.fixture(scope="module")
def table(folder: Path) -> ExampleTable:
    return load_examples(folder / "data")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict:
    return reports.write(runs.read_run(folder / "run"), folder / "data", folder / "out", [folder / "other.toml"], quick=True, seeds=1)


def test_folds_with_enough_of_both_words_are_left_out_once(table: ExampleTable) -> None:
    assert cell_files.splits_of(table) == ["fold1", "fold2", "random"]
    for split in cell_files.splits_of(table):
        train, held = cell_files.split_table(table, split, seed=1)
        assert not {example.id for example in train.examples} & {example.id for example in held.examples}
        assert len(train) + len(held) == len(table)
    assert len(cell_files.split_table(table, "random", 1)[1]) == len(table) // 5
    one, other = (cell_files.split_table(table, "random", seed)[1].vectors for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_the_report_holds_every_figure_beside_its_baselines(report: dict, folder: Path) -> None:
    methods = report["curve_mae_db"]["safe_words"]
    assert {"tiny", "other", "flat", "nearest row by curve", "PCA-8 of parameters", "beta-VAE, 2 numbers"} <= methods.keys()
    assert methods["tiny"]["left_out"]["mean"] < methods["flat"]["left_out"]["mean"]
    assert set(report["words"]["tiny"]) == {f"{word} (en)" for word in WORDS}
    two = report["grouping"]["2"]
    for name in ("ceiling", "tiny", "other"):
        assert 0 <= two[name]["accuracy"]["left_out"]["mean"] <= 1
        assert -1 <= two[name]["silhouette"]["random"]["mean"] <= 1
    assert report["morphs"]["tiny"]["largest_step_ratio"] >= 1.0
    assert report["morphs"]["tiny"]["mean_step_db"] > 0.0
    assert json.loads((folder / "out" / "report.json").read_bytes()) == report
    assert (folder / "out" / "report.txt").read_text() == report_text.text(report)
    assert (folder / "out" / "report.png").read_bytes().startswith(b"\x89PNG")


def test_every_figure_is_of_rows_that_were_held_out(table: ExampleTable) -> None:
    errors = baseline_errors_db(runs.LAYOUT, *cell_files.split_table(table, "fold1", 1), seed=1, vae_steps=5)
    held = cell_files.split_table(table, "fold1", 1)[1]
    assert {len(values) for values in errors.values()} == {len(held)}
    everything = baseline_errors_db(runs.LAYOUT, table, held, seed=1, vae_steps=5)
    assert everything["nearest row by curve"].max() < 1e-9  # a leak would show
    assert errors["nearest row by curve"].min() > 0.01


def test_measured_cells_are_not_measured_again(folder: Path, report: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "measure", lambda *_: pytest.fail("measured again"))
    run = runs.read_run(folder / "run")
    assert reports.write(run, folder / "data", folder / "out", [folder / "other.toml"], quick=True, seeds=1) == report


def test_a_cell_is_read_as_it_was_written_and_a_damaged_one_is_named(folder: Path, report: dict, tmp_path: Path) -> None:
    for file in sorted((folder / "out" / "cells").iterdir()):
        kind = cell_files.BaselineCell if file.name.startswith(reports.BASELINES) else cell_files.ModelCell
        cell_files.write_cell(tmp_path / "cell.json", cell_files.read_cell(file, kind))
        assert (tmp_path / "cell.json").read_bytes() == file.read_bytes()
    document = json.loads(next((folder / "out" / "cells").glob("tiny-*")).read_bytes())
    (tmp_path / "none.json").write_text(json.dumps(document | {"morphs": {}}))
    assert cell_files.read_cell(tmp_path / "none.json", cell_files.ModelCell).morphs is None
    (tmp_path / "cell.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"cell\.json: Object missing required field"):
        cell_files.read_cell(tmp_path / "cell.json", cell_files.ModelCell)


def test_a_word_pooled_over_folds_is_a_mean_over_its_rows(report: dict, table: ExampleTable) -> None:
    for word, entry in report["words"]["tiny"].items():
        assert entry["rows"] == sum(f"{example.word} (en)" == word for example in table.examples)
        assert entry["rmse_ratio"] == pytest.approx(entry["rmse_db"] / entry["rmse_of_mean_db"])


def test_kept_figures_reach_the_run_and_only_its_own_recipe(folder: Path, report: dict, tmp_path: Path) -> None:
    run = runs.read_run(folder / "run")
    assert run.evaluation == {}
    figures = summary.headline(report)
    assert figures["report_left_out_2_words_accuracy_ceiling"] == report["grouping"]["2"]["ceiling"]["accuracy"]["left_out"]["mean"]
    kept = runs.Run(tmp_path, run.recipe, run.record, run.bank, run.model, run.evidence)
    for name in (runs.RECIPE, runs.WEIGHTS, runs.CENTROIDS, runs.VOCABULARY, runs.RECORD):
        (tmp_path / name).write_bytes((folder / "run" / name).read_bytes())
    runs.write_evaluation(kept, figures)
    assert runs.read_run(tmp_path).evaluation == figures
    text = (tmp_path / runs.EVALUATION).read_text()
    (tmp_path / runs.EVALUATION).write_text(text.replace(run.recipe.sha256, "0" * 64))
    with pytest.raises(TrainingError, match="is of another recipe"):
        runs.read_run(tmp_path)


def test_too_little_data_is_said(tmp_path: Path, folder: Path) -> None:
    write_data(tmp_path / "data", [("warm", row.tolist(), i % 5) for i, row in enumerate(vectors("warm", 40))])
    with pytest.raises(TrainingError, match="no fold holds 10 rows of warm and of bright"):
        reports.write(runs.read_run(folder / "run"), tmp_path / "data", tmp_path / "out", quick=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "data"), "--data needs -o FOLDER"),
        (("--data", "data", "-o", "x", "--quick", "--keep"), "measures nothing worth keeping"),
        (("--data", "data", "-o", "x", "--beside", "tiny.toml"), "two recipes have one name"),
        (("--data", "nowhere", "-o", "x"), "no such folder"),
    ],
)
def test_bad_use_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(folder)
    assert _shared.run(cli, ["train", "report", "run", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_the_grid_of_weights_and_sizes_prints_one_table_for_each_figure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    arguments = ["train", "ablate", "tiny.toml", "--data", "data", "-o", "grid", "--weights", "0,1", "--latents", "16", "--steps", "2"]
    assert _shared.run(cli, arguments) == 0
    table = capsys.readouterr().out
    assert table.count("  16 numbers") == 4
    found = json.loads((folder / "grid" / "ablation.json").read_bytes())
    assert found["left_out"].keys() == {"16 numbers, weight 0", "16 numbers, weight 1"}
    assert _shared.run(cli, [*arguments[:-6], "--weights", "0,x"]) == 2
    assert "is not a list of numbers" in capsys.readouterr().err
    assert _shared.run(cli, [*arguments[:-6], "--weights", "-1", "--latents", "16"]) == 2
    assert "contrastive weight -1" in capsys.readouterr().err


def test_one_seed_gives_the_same_cell_twice(table: ExampleTable, folder: Path) -> None:  # fault E12
    recipe = msgspec.structs.replace(runs.read_recipe(folder / "tiny.toml", runs.Recipe).recipe, steps=2)
    one, other = (cell_files.measure(table, recipe, "fold1", 1, 0) for _ in range(2))
    assert one == other


def test_a_cell_of_codes_learns_from_sums_of_words(table: ExampleTable, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the other kind of training, the axes of its codes would stay random, and its words be anything."""
    path = write_recipe(folder / "codes.toml", name="codes", steps=3, encoder="codes", latent_dim=24)
    steps, advance = [], CurveTrainer.advance
    monkeypatch.setattr(CurveTrainer, "advance", lambda trainer: steps.append(trainer.step) or advance(trainer))
    cell_files.measure(table, runs.read_recipe(path, runs.Recipe).recipe, "fold1", 1, 0)
    assert steps == [0, 1, 2]


def test_the_page_orders_words_by_rows_and_groups_by_size() -> None:
    record = json.loads((ROOT / "tests" / "records" / "evaluation.json").read_text(encoding="utf-8"))["report"]
    errors, words, accuracy, silhouette = report_page(record).axes
    assert [label.get_text() for label in words.get_yticklabels()][:3] == ["warm (en) 511", "bright (en) 452", "cold (en) 21"]
    for axes in (accuracy, silhouette):
        assert [label.get_text() for label in axes.get_xticklabels()] == ["2 words", "5 words", "10 words"]
    assert {label.get_text() for label in errors.get_yticklabels()[-2:]} == {"default", "two-word"}
