"""The long evaluation: several recipes, several seeds, held-out rows only, next to what a reader would try first.

Splits: each SAFE fold that holds enough of both warm and bright is left out once (rows of one source share a fold, so its people are
unheard), with the SocialEQ rows of the same number; and for each seed a random fifth of all rows. One cell is one recipe trained with one
seed on one split. Cells are kept in a folder, so an interrupted report goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import davies_bouldin_score, f1_score, silhouette_score

from semeq_export.eq.curve import Float64Array, correlation, level_free, log_grid
from semeq_export.errors import TrainingError
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import environment_failure
from semeq_export.plot import figures as plot
from semeq_export.words.morph import Way, departures_db, steps_db
from semeq_training.data.datasets import ExampleTable, load_examples
from semeq_training.data.recipe import Recipe, read_recipe
from semeq_training.fitting.baselines import baseline_errors_db
from semeq_training.fitting.centroids import latents_of, rows_of
from semeq_training.fitting.evaluate import codes_of, curve_errors_db, effective_rank, parameter_errors
from semeq_training.fitting.loop import Trainer, deterministic
from semeq_training.models import EqAutoencoder, LayoutScale
from semeq_training.reports.report_page import report_page
from semeq_training.runs.run import LAYOUT, Run, fingerprint, word_labels, write_evaluation
from semeq_training.torch_biquad import LayoutResponse

RANDOM = "random"
MIN_BOTH = 10
"""A SAFE fold is left out once if it has this many rows of warm and of bright."""

WORD_SETS = (2, 5, 10)
"""Classes of the grouping figures: the SAFE words with the most rows."""

MORPH_STEPS = 11
_QUICK_STEPS, _VAE_STEPS = 100, 1_500
_TREES, _FIDELITY_ROWS, _SAFE_ROWS = 200, 10, 5
_MORPH_WORDS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What a report runs. recipes: by name; the first is the one whose words are measured. seeds: how many. vae_steps: of the baselines."""

    recipes: Mapping[str, Recipe]
    seeds: int = 5
    vae_steps: int = 1_500
    max_steps: int | None = None


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    recipe: Recipe | None
    split: str
    seed: int
    vae_steps: int

    def key(self, data: str) -> str:
        recipe = b"" if self.recipe is None else msgspec.json.encode(self.recipe, order="sorted")
        digest = hashlib.sha256(recipe + f"{self.split} {self.seed} {self.vae_steps} {data}".encode())
        return f"{self.name}-{self.split}-{self.seed}-{digest.hexdigest()[:16]}"


Cell = dict[str, Any]  # Any: numbers, and tables of numbers by word; written as JSON and read back


def splits_of(table: ExampleTable) -> list[str]:
    """Return the names of the splits: the SAFE folds with enough of warm and bright, then the random one."""
    words = Counter((example.fold, example.word) for example in table.examples if example.dataset == "safe")
    folds = [fold for fold in range(5) if min(words[fold, "warm"], words[fold, "bright"]) >= MIN_BOTH]
    return [*(f"fold{fold}" for fold in folds), RANDOM]


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
    Raises TrainingError where no fold holds enough of warm and bright.
    """
    splits = splits_of(table)
    if len(splits) < 2:
        raise TrainingError(f"no fold holds {MIN_BOTH} rows of warm and of bright, so there is nothing to leave out")
    cells.mkdir(parents=True, exist_ok=True)
    tasks = _tasks(plan, splits)
    data = fingerprint(table)
    found: dict[_Task, Cell] = {}
    for task in tasks:
        file = cells / f"{task.key(data)}.json"
        if file.is_file():
            found[task] = strict_json.loads(file.read_bytes(), max_bytes=16_000_000)
    missing = [task for task in tasks if task not in found]

    def done(task: _Task, cell: Cell) -> None:
        found[task] = cell
        write_atomic(cells / f"{task.key(data)}.json", strict_json.dumps(cell), overwrite=True)
        if progress is not None:
            progress(len(found), len(tasks), f"{task.name}, {task.split}, seed {task.seed}")

    if jobs <= 1:
        for task in missing:
            done(task, measure(table, task.recipe, task.split, task.seed, task.vae_steps))
    else:
        with ProcessPoolExecutor(jobs, get_context("spawn"), _take_table, (table,)) as pool:
            running = {pool.submit(_measure, task): task for task in missing}
            for future in as_completed(running):
                done(running[future], future.result())
    return _summary(table, plan, splits, {(task.name, task.split, task.seed): cell for task, cell in found.items()})


def write(
    run: Run,
    data: Path,
    out: Path,
    beside: Sequence[Path] = (),
    *,
    seeds: int = 5,
    jobs: int = 1,
    quick: bool = False,
    keep: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure a run's recipe, and others beside it, on a folder's tables; write report.json, .txt and .png to `out` and return the report.

    quick: a hundred steps of each. keep: put the run's own figures into its folder. Raises TrainingError where there is too little to leave
    out or two recipes have one name, else as `load_examples` and `write_atomic` do.
    """
    files = [run.recipe, *(read_recipe(path, Recipe) for path in beside)]
    recipes = {file.recipe.name: file.recipe for file in files}
    if len(recipes) < len(files) or BASELINES in recipes:
        raise TrainingError("two recipes have one name; give each its own")
    if keep and quick:
        raise TrainingError("a quick report measures nothing worth keeping; leave out --quick or --keep")
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise environment_failure(out, error) from error
    table = load_examples(data, socialeq_scale_db=run.recipe.recipe.socialeq_scale_db, cache=out / "cache")
    if note is not None and table.skipped:
        note(f"{len(table.skipped)} rows with faulty cells left out")
    plan = Plan(recipes, seeds, _QUICK_STEPS if quick else _VAE_STEPS, _QUICK_STEPS if quick else None)
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


BASELINES = "baselines"
_table: ExampleTable | None = None


def _take_table(table: ExampleTable) -> None:
    """Keep the rows in a process of the pool, which gets them once."""
    global _table
    _table = table


def _measure(task: _Task) -> Cell:
    assert _table is not None
    return measure(_table, task.recipe, task.split, task.seed, task.vae_steps)


def split_table(table: ExampleTable, split: str, seed: int) -> tuple[ExampleTable, ExampleTable]:
    """Return the rows to train on and the held-out ones."""
    if split == RANDOM:
        out = np.random.default_rng([7, seed]).permutation(len(table)) < len(table) // 5
    else:
        out = table.folds == int(split.removeprefix("fold"))
    return table.select(~out), table.select(out)


def measure(table: ExampleTable, recipe: Recipe | None, split: str, seed: int, vae_steps: int) -> Cell:
    """Return one cell: a recipe trained on a split's training rows and measured on its held-out rows; the baselines without a recipe."""
    train, held = split_table(table, split, seed)
    with deterministic(1):
        if recipe is None:
            return _baseline_cell(table, train, held, seed, vae_steps)
        trainer = Trainer(recipe, LAYOUT, train.vectors, word_labels(train, recipe.min_rows, recipe.words))
        while trainer.step < recipe.steps:
            trainer.advance()
        return _model_cell(trainer.model, table, train, held, seed)


def _model_cell(model: EqAutoencoder, table: ExampleTable, train: ExampleTable, held: ExampleTable, seed: int) -> Cell:
    codes, seen = codes_of(model, held), codes_of(model, train)
    cell = _errors(table, held, curve_errors_db(model, held.vectors))
    cell |= parameter_errors(model, held)
    cell["latent_effective_rank"] = effective_rank(codes)
    cell["groups"] = _groups(table, train, held, seen, codes, seed, in_latent=True)
    cell["words"], z = _fidelity(model, table, train, held)
    cell["morphs"] = _morphs(model, z)
    return cell


def _baseline_cell(table: ExampleTable, train: ExampleTable, held: ExampleTable, seed: int, vae_steps: int) -> Cell:
    methods = baseline_errors_db(LAYOUT, train, held, seed=seed, vae_steps=vae_steps)
    scale = LayoutScale(LAYOUT)
    seen, unseen = (scale.to_unit(torch.from_numpy(rows.vectors.astype(np.float32))).numpy() for rows in (train, held))
    return {
        "methods": {name: _errors(table, held, errors) for name, errors in methods.items()},
        "groups": _groups(table, train, held, seen, unseen, seed, in_latent=False),
    }


def safe_words(table: ExampleTable) -> list[str]:
    """Return the SAFE words with five or more rows, most rows first."""
    counts = Counter(example.word for example in table.examples if example.dataset == "safe")
    return [word for word, rows in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if rows >= _SAFE_ROWS]


def _errors(table: ExampleTable, held: ExampleTable, errors: Float64Array) -> Cell:
    """Return the mean of errors over all held-out rows, over each data set's, and over those of the usual SAFE words."""
    words = set(safe_words(table))
    chosen = {
        "all": [True] * len(held),
        "safe": [e.dataset == "safe" for e in held.examples],
        "socialeq": [e.dataset == "socialeq" for e in held.examples],
        "safe_words": [e.dataset == "safe" and e.word in words for e in held.examples],
    }
    cell: Cell = {}
    for name, mask in chosen.items():
        if any(mask):
            cell[f"curve_mae_db_{name}"] = float(errors[np.array(mask)].mean())
            cell[f"rows_{name}"] = sum(mask)
    return cell


def _groups(
    table: ExampleTable,
    train: ExampleTable,
    held: ExampleTable,
    seen: NDArray[np.floating],
    unseen: NDArray[np.floating],
    seed: int,
    *,
    in_latent: bool,
) -> Cell:
    """Return, for each word set, how well a random forest tells the words apart and how well they lie together.

    in_latent: features are z, whose own silhouette is measured; else they are parameters, and the silhouette is that of the forest's
    posterior, which is what the best classifier at hand would give.
    """
    groups: Cell = {}
    for size in WORD_SETS:
        words = safe_words(table)[:size]
        if len(words) < size:
            continue
        (at, labels), (at_held, wanted) = _labelled(train, words), _labelled(held, words)
        counts = Counter(wanted.tolist())
        if len(counts) < 2 or len(set(labels.tolist())) < 2:
            continue
        forest = RandomForestClassifier(_TREES, min_samples_leaf=2, random_state=seed).fit(seen[at], labels)
        posterior = forest.predict_proba(unseen[at_held])
        order = np.argsort(-posterior, axis=1, kind="stable")
        names = forest.classes_[order]
        space = unseen[at_held] if in_latent else posterior
        groups[str(size)] = {
            "rows": len(wanted),
            "accuracy": float(np.mean(names[:, 0] == wanted)),
            "top3": float(np.mean([word in best for word, best in zip(wanted, names[:, :3], strict=True)])),
            "macro_f1": float(f1_score(wanted, names[:, 0], labels=sorted(counts), average="macro", zero_division=0.0)),
            "silhouette": float(silhouette_score(space, wanted)),
            "davies_bouldin": float(davies_bouldin_score(space, wanted)),
        }
    return groups


def _labelled(table: ExampleTable, words: Sequence[str]) -> tuple[NDArray[np.bool_], NDArray[np.str_]]:
    labels = np.array([example.word if example.dataset == "safe" else "" for example in table.examples])
    mask = np.isin(labels, words)
    return mask, labels[mask]


def _fidelity(model: EqAutoencoder, table: ExampleTable, train: ExampleTable, held: ExampleTable) -> tuple[Cell, Float64Array]:
    """Return, for each word with ten rows, sums over its held-out rows, and the latents (n_words, latent_dim) of the words."""
    words = [word for word in table.usable_words(_FIDELITY_ROWS) if len(rows_of(train, word))]
    response = LayoutResponse(model.layout, log_grid())
    with torch.no_grad():
        seen = level_free(response(torch.from_numpy(train.vectors)).numpy())
        unseen = level_free(response(torch.from_numpy(held.vectors)).numpy())
    means = np.array([seen[rows_of(train, word)].mean(axis=0) for word in words])
    z = latents_of(model, means)
    with torch.no_grad():
        decoded = level_free(response(model.decoder(torch.from_numpy(z)).double()).numpy())
    cell: Cell = {}
    for word, ours, mean in zip(words, decoded, means, strict=True):
        people = unseen[rows_of(held, word)]
        if len(people):
            cell[f"{word.word} ({word.language})"] = {
                "rows": len(people),
                "square_error": float(np.square(people - ours).mean(axis=1).sum()),
                "square_error_of_mean": float(np.square(people - mean).mean(axis=1).sum()),
                "correlation": float(sum(correlation(person, ours) for person in people)),
                "correlation_of_mean": float(sum(correlation(person, mean) for person in people)),
            }
    return cell, z.astype(np.float64)


def _morphs(model: EqAutoencoder, z: Float64Array) -> Cell:
    """Return how even the way between words is, in dB rms, straight in the latent and in equal steps as the engine takes them."""
    response = LayoutResponse(model.layout, log_grid())

    straight, even, away, mean = [], [], [], []
    for a, b in itertools.combinations(z[:_MORPH_WORDS], 2):

        def curves_at(places: Float64Array, a: Float64Array = a, b: Float64Array = b) -> Float64Array:
            path = torch.from_numpy((a + places[:, np.newaxis] * (b - a)).astype(np.float32))
            with torch.no_grad():
                result: Float64Array = response(model.decoder(path).double()).numpy()
            return result

        straight.append(steps_db(curves_at(np.linspace(0.0, 1.0, MORPH_STEPS))))
        path = curves_at(Way.along(curves_at).in_steps(MORPH_STEPS, curves_at))
        even.append(steps_db(path))
        away.append(float(departures_db(path).max()))
        mean.append(float(even[-1].mean()))
    if not even:
        return {}
    return {
        "pairs": len(even),
        "mean_step_db": float(np.mean(mean)),
        "largest_step_ratio_in_latent": float(max(steps.max() / steps.mean() for steps in straight)),
        "largest_step_ratio": float(max(steps.max() / steps.mean() for steps in even)),
        "departure_db_mean": float(np.mean(away)),
        "departure_db_max": float(np.max(away)),
    }


Cells = Mapping[tuple[str, str, int], Cell]


def _summary(table: ExampleTable, plan: Plan, splits: Sequence[str], cells: Cells) -> dict[str, Any]:
    seeds = range(1, plan.seeds + 1)
    folds = [split for split in splits if split != RANDOM]
    methods = list(cells[BASELINES, splits[0], 1]["methods"])

    def figure(pick: Callable[[Cell], tuple[float, float] | None], name: str) -> dict[str, Any]:
        """Return mean and spread over seeds, left-out folds (weighted by rows) and random rows apart; pick: (value, rows) of a cell."""
        result: dict[str, Any] = {}
        for place, chosen in (("left_out", folds), (RANDOM, [RANDOM])):
            values = []
            for seed in seeds:
                found = [value for value in (pick(cells[name, split, seed]) for split in chosen) if value is not None]
                if found:
                    values.append(sum(value * rows for value, rows in found) / sum(rows for _, rows in found))
            if values:
                result[place] = {"mean": float(np.mean(values)), "spread": float(np.std(values)), "by_seed": values}
        return result

    def error(which: str, method: str | None) -> Callable[[Cell], tuple[float, float] | None]:
        def pick(cell: Cell) -> tuple[float, float] | None:
            errors = cell if method is None else cell["methods"][method]
            rows = errors.get(f"rows_{which}")
            return None if rows is None else (errors[f"curve_mae_db_{which}"], rows)

        return pick

    def plain(metric: str) -> Callable[[Cell], tuple[float, float] | None]:
        return lambda cell: (cell[metric], cell["rows_all"]) if metric in cell else None

    def grouped(size: int, metric: str) -> Callable[[Cell], tuple[float, float] | None]:
        def pick(cell: Cell) -> tuple[float, float] | None:
            group = cell["groups"].get(str(size))
            return None if group is None else (group[metric], group["rows"])

        return pick

    reconstruction = {
        which: {
            **{name: figure(error(which, None), name) for name in plan.recipes},
            **{method: figure(error(which, method), BASELINES) for method in methods},
        }
        for which in ("safe_words", "safe", "socialeq")
    }
    settings = {name: {metric: figure(plain(metric), name) for metric in _SETTING_METRICS} for name in plan.recipes}
    grouping = {
        str(size): {
            name: {metric: figure(grouped(size, metric), source) for metric in _GROUP_METRICS}
            for name, source in (("ceiling", BASELINES), *((name, name) for name in plan.recipes))
        }
        for size in WORD_SETS
    }
    morphs = {
        name: {
            metric: float(function([cells[name, split, seed]["morphs"][metric] for split in splits for seed in seeds]))
            for metric, function in _MORPH_METRICS.items()
        }
        for name in plan.recipes
        if all(cells[name, split, seed]["morphs"] for split in splits for seed in seeds)
    }
    return {
        "rows": dict(sorted(Counter(example.dataset for example in table.examples).items())),
        "data_sha256": fingerprint(table),
        "splits": list(splits),
        "seeds": plan.seeds,
        "max_steps": plan.max_steps,
        "safe_words": safe_words(table),
        "recipes": list(plan.recipes),
        "curve_mae_db": reconstruction,
        "settings": settings,
        "grouping": grouping,
        "words": {name: _words(cells, name, folds, seeds) for name in plan.recipes},
        "morphs": morphs,
    }


_SETTING_METRICS = ("gain_mae_db", "freq_mae_octaves", "q_mae_octaves", "latent_effective_rank")
_GROUP_METRICS = ("accuracy", "top3", "macro_f1", "silhouette", "davies_bouldin")
_MORPH_METRICS: Mapping[str, Callable[[list[float]], Any]] = {
    "mean_step_db": np.mean,
    "largest_step_ratio_in_latent": np.max,
    "largest_step_ratio": np.max,
    "departure_db_mean": np.mean,
    "departure_db_max": np.max,
}


def _words(cells: Cells, name: str, folds: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """Return, by word, its curve against held-out people: RMSE and correlation over all left-out rows, beside the mean curve's."""
    result: dict[str, Any] = {}
    known = sorted({word for split in folds for seed in seeds for word in cells[name, split, seed]["words"]})
    for word in known:
        found = [cells[name, split, seed]["words"].get(word) for split in folds for seed in seeds]
        total = {key: sum(entry[key] for entry in found if entry is not None) for key in _SUMS}
        rows = total["rows"]
        rmse, rmse_of_mean = (float(np.sqrt(total[key] / rows)) for key in ("square_error", "square_error_of_mean"))
        result[word] = {
            "rows": rows // len(seeds),
            "rmse_db": rmse,
            "rmse_of_mean_db": rmse_of_mean,
            "rmse_ratio": rmse / max(rmse_of_mean, 1e-9),
            "correlation": total["correlation"] / rows,
            "correlation_of_mean": total["correlation_of_mean"] / rows,
            "correlation_lost": (total["correlation_of_mean"] - total["correlation"]) / rows,
        }
    return dict(sorted(result.items(), key=lambda item: (-item[1]["rows"], item[0])))


_SUMS = ("rows", "square_error", "square_error_of_mean", "correlation", "correlation_of_mean")


def headline(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures that go into a bundle's training record, of the report's first recipe and its ceilings."""
    name = report["recipes"][0]
    found: dict[str, float] = {"report_seeds": float(report["seeds"])}
    for place in ("left_out", RANDOM):
        for which in ("safe_words", "socialeq"):
            _put(found, f"report_{place}_curve_mae_db_{which}", report["curve_mae_db"][which][name], place)
        for size, group in report["grouping"].items():
            for metric in ("accuracy", "silhouette"):
                _put(found, f"report_{place}_{size}_words_{metric}", group[name][metric], place)
                _put(found, f"report_{place}_{size}_words_{metric}_ceiling", group["ceiling"][metric], place)
    words = report["words"][name]
    if words:
        found["report_left_out_worst_word_rmse_ratio"] = max(word["rmse_ratio"] for word in words.values())
        found["report_left_out_worst_word_correlation_lost"] = max(word["correlation_lost"] for word in words.values())
    if name in report["morphs"]:
        found["report_morph_largest_step_ratio"] = report["morphs"][name]["largest_step_ratio"]
    return found


def _put(found: dict[str, float], key: str, figure: Mapping[str, Any], place: str) -> None:
    if place in figure:
        found[key] = figure[place]["mean"]


def text(report: Mapping[str, Any]) -> str:
    """Return the report as plain tables."""
    names, lines = report["recipes"], []
    rows = ", ".join(f"{dataset} {count}" for dataset, count in report["rows"].items())
    lines += [
        f"held-out rows only; {report['seeds']} seeds, mean +- spread; rows: {rows}; left out: {', '.join(report['splits'][:-1])}",
        "",
    ]
    lines += [
        f"curve error, dB, over the {len(report['safe_words'])} SAFE words with {_SAFE_ROWS}+ rows ({', '.join(report['safe_words'])})"
    ]
    lines += [f"  {'method':30}  {'left-out folds':>18}  {'random rows':>18}  {'SocialEQ, left out':>18}"]
    for method, figure in sorted(report["curve_mae_db"]["safe_words"].items(), key=lambda item: item[1]["left_out"]["mean"]):
        social = report["curve_mae_db"]["socialeq"][method]
        mark = "*" if method in names else " "
        lines.append(f"{mark} {method:30}  {_both(figure, 'left_out')}  {_both(figure, RANDOM)}  {_both(social, 'left_out')}")
    lines += ["", f"  {'settings, left-out folds':24}" + "".join(f"  {name:>18}" for name in names)]
    for metric in _SETTING_METRICS:
        lines.append(f"  {metric:24}" + "".join(f"  {_both(report['settings'][name][metric], 'left_out')}" for name in names))
    for size, group in report["grouping"].items():
        for place, said in (("left_out", "left-out folds"), (RANDOM, "random rows")):
            if not any(place in group[name]["accuracy"] for name in group):
                continue
            lines += ["", f"  {f'{size} words, {said}':24}" + "".join(f"  {name:>18}" for name in group)]
            for metric in _GROUP_METRICS:
                lines.append(f"  {metric:24}" + "".join(f"  {_both(group[name][metric], place)}" for name in group))
    name = names[0]
    lines += ["", f"words of {name}, left-out folds: the decoded word, and the word's mean curve, against held-out people"]
    lines += [f"  {'word':20}  {'rows':>5}  {'RMSE dB':>8}  {'of mean':>8}  {'ratio':>6}  {'corr.':>6}  {'of mean':>8}"]
    for word, entry in report["words"][name].items():
        lines.append(
            f"  {word:20}  {entry['rows']:5d}  {entry['rmse_db']:8.2f}  {entry['rmse_of_mean_db']:8.2f}  {entry['rmse_ratio']:6.3f}"
            f"  {entry['correlation']:6.2f}  {entry['correlation_of_mean']:8.2f}"
        )
    lines += ["", f"  {'morphs, 11 steps':30}" + "".join(f"  {name:>14}" for name in report["morphs"])]
    for metric in _MORPH_METRICS:
        lines.append(f"  {metric:30}" + "".join(f"  {morphs[metric]:14.3f}" for morphs in report["morphs"].values()))
    return "\n".join(lines) + "\n"


def _both(figure: Mapping[str, Any], place: str) -> str:
    if place not in figure:
        return f"{'-':>18}"
    shown = f"{figure[place]['mean']:.3f} +- {figure[place]['spread']:.3f}"
    return f"{shown:>18}"
