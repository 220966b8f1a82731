"""The long evaluation: several recipes, several seeds, held-out rows only, next to what a reader would try first.

Splits: each SAFE fold that holds enough of both warm and bright is left out once (rows of one source share a fold, so its people are
unheard), with the SocialEQ rows of the same number; and for each seed a random fifth of all rows. One cell is one recipe trained with one
seed on one split. Cells are kept in a folder, so an interrupted report goes on where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec

from semeq_export.errors import TrainingError, environment_failure
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.plot import figures as plot
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.recipe import Recipe, read_recipe
from semeq_training.reports.cells import MIN_BOTH, BaselineCell, Cell, ModelCell, measure, read_cell, splits_of, write_cell
from semeq_training.reports.report_page import report_page
from semeq_training.reports.report_text import text
from semeq_training.reports.summary import Cells, Plan, headline, summarize
from semeq_training.runs.run import Run, fingerprint, write_evaluation

BASELINES = "baselines"
_QUICK_STEPS, _VAE_STEPS = 100, 1_500


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    recipe: Recipe | None
    split: str
    seed: int
    vae_steps: int

    def file(self, cells: Path, data: str) -> Path:
        recipe = b"" if self.recipe is None else msgspec.json.encode(self.recipe, order="sorted")
        digest = hashlib.sha256(recipe + f"{self.split} {self.seed} {self.vae_steps} {data}".encode())
        return cells / f"{self.name}-{self.split}-{self.seed}-{digest.hexdigest()[:16]}.json"


def measure_all(
    table: ExampleTable,
    plan: Plan,
    cells: Path,
    *,
    jobs: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Return the report of a plan as a document of plain numbers; `cells` keeps what has been measured.

    jobs: processes. progress: told (cells done, cells in all, the last one's name).
    Raises TrainingError where no fold holds enough of warm and bright, or a kept cell is damaged.
    """
    splits = splits_of(table)
    if len(splits) < 2:
        raise TrainingError(f"no fold holds {MIN_BOTH} rows of warm and of bright, so there is nothing to leave out")
    cells.mkdir(parents=True, exist_ok=True)
    tasks, data = _tasks(plan, splits), fingerprint(table)
    kept = [(task, task.file(cells, data)) for task in tasks]
    found: dict[_Task, Cell] = {
        task: read_cell(file, BaselineCell) if task.recipe is None else read_cell(file, ModelCell) for task, file in kept if file.is_file()
    }

    def done(task: _Task, cell: Cell) -> None:
        found[task] = cell
        write_cell(task.file(cells, data), cell)
        if progress is not None:
            progress(len(found), len(tasks), f"{task.name}, {task.split}, seed {task.seed}")

    missing = [task for task in tasks if task not in found]
    if jobs <= 1:
        for task in missing:
            done(task, measure(table, task.recipe, task.split, task.seed, task.vae_steps))
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            running = {pool.submit(measure, table, task.recipe, task.split, task.seed, task.vae_steps): task for task in missing}
            for future in as_completed(running):
                done(running[future], future.result())
    models = {(task.name, task.split, task.seed): cell for task, cell in found.items() if isinstance(cell, ModelCell)}
    baselines = {(task.split, task.seed): cell for task, cell in found.items() if isinstance(cell, BaselineCell)}
    return summarize(table, plan, Cells(splits, range(1, plan.seeds + 1), models, baselines))


def write(
    run: Run,
    data: Path,
    out: Path,
    beside: Sequence[Path] = (),
    *,
    seeds: int = 5,
    jobs: int = 1,
    quick: bool = False,
    max_steps: int | None = None,
    keep: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure a run's recipe, and others beside it, on a folder's tables; write report.json, .txt and .png to `out` and return the report.

    quick: a hundred steps of each. max_steps: of each, if fewer than the recipe's. keep: put the run's own figures into its folder.
    Raises TrainingError where there is too little to leave out or two recipes have one name, else as `load_examples` and `write_atomic` do.
    """
    files = [run.recipe, *(read_recipe(path, Recipe) for path in beside)]
    recipes = {file.recipe.name: file.recipe for file in files}
    if len(recipes) < len(files) or BASELINES in recipes:
        raise TrainingError("two recipes have one name; give each its own")
    if keep and quick:
        raise TrainingError("a quick report measures nothing worth keeping; leave out `quick` or `keep`")
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise environment_failure(out, error) from error
    table = load_examples(data, socialeq_scale_db=run.recipe.recipe.socialeq_scale_db, cache=out / "cache")
    if note is not None and table.skipped:
        note(f"{len(table.skipped)} rows with faulty cells left out")
    plan = Plan(recipes, seeds, _QUICK_STEPS if quick else _VAE_STEPS, _QUICK_STEPS if quick else max_steps)
    report = measure_all(table, plan, out / "cells", jobs=jobs, progress=progress)
    report["recipe_sha256"] = {file.recipe.name: file.sha256 for file in files}
    write_atomic(out / "report.json", strict_json.dumps(report), overwrite=True)
    write_atomic(out / "report.txt", text(report).encode(), overwrite=True)
    write_atomic(out / "report.png", plot.render(report_page(report), "png"), overwrite=True)
    if keep:
        write_evaluation(run, headline(report))
    return report


def _tasks(plan: Plan, splits: Sequence[str]) -> list[_Task]:
    tasks = []
    for seed in range(1, plan.seeds + 1):
        for split in splits:
            tasks.append(_Task(BASELINES, None, split, seed, plan.vae_steps))
            for name, recipe in plan.recipes.items():
                steps = recipe.steps if plan.max_steps is None else min(recipe.steps, plan.max_steps)
                tasks.append(_Task(name, msgspec.structs.replace(recipe, seed=seed, steps=steps), split, seed, 0))
    return tasks
