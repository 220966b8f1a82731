"""All cells of the long evaluation as one document of plain numbers: means and spreads over seeds, words over left-out folds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from semeq_training.data.datasets import ExampleTable
from semeq_training.data.recipe import Recipe
from semeq_training.reports.cells import RANDOM, WORD_SETS, BaselineCell, Errors, ModelCell, Morphs, WordSums, safe_words
from semeq_training.runs.run import fingerprint

SETTING_METRICS = ("gain_mae_db", "freq_mae_octaves", "q_mae_octaves", "latent_effective_rank")
GROUP_METRICS = ("accuracy", "top3", "macro_f1", "silhouette", "davies_bouldin")
MORPH_METRICS: Mapping[str, Callable[[list[float]], Any]] = {  # Any: numpy's scalars
    "mean_step_db": np.mean,
    "largest_step_ratio": np.max,
    "departure_db_mean": np.mean,
    "departure_db_max": np.max,
}
_SUMS = ("square_error", "square_error_of_mean", "correlation", "correlation_of_mean")

Weighted: TypeAlias = tuple[float, int] | None
"""A value and the rows that it is of, None where there is none."""

Figure = dict[str, Any]  # Any: by place "left_out" and "random", numbers and lists of them, written as JSON


@dataclass(frozen=True, slots=True)
class Plan:
    """What a report runs. recipes: by name; the first is the one whose words are measured. seeds: how many. vae_steps: of the baselines."""

    recipes: Mapping[str, Recipe]
    seeds: int = 5
    vae_steps: int = 1_500
    max_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """All cells of a plan. models: by recipe, split and seed. baselines: by split and seed."""

    splits: Sequence[str]
    seeds: range
    models: Mapping[tuple[str, str, int], ModelCell]
    baselines: Mapping[tuple[str, int], BaselineCell]

    @property
    def folds(self) -> list[str]:
        """The splits that leave a fold out."""
        return [split for split in self.splits if split != RANDOM]

    def of(self, name: str, splits: Sequence[str]) -> list[ModelCell]:
        """Return the cells of a recipe on some splits, over all seeds."""
        return [self.models[name, split, seed] for split in splits for seed in self.seeds]

    def figure(self, name: str, pick: Callable[[ModelCell], Weighted]) -> Figure:
        """Return a figure of a recipe's cells."""
        return self._over({(split, seed): pick(cell) for (of, split, seed), cell in self.models.items() if of == name})

    def baseline_figure(self, pick: Callable[[BaselineCell], Weighted]) -> Figure:
        """Return a figure of the baselines' cells."""
        return self._over({at: pick(cell) for at, cell in self.baselines.items()})

    def _over(self, values_at: Mapping[tuple[str, int], Weighted]) -> Figure:
        """Return mean and spread over seeds, left-out folds (weighted by rows) and random rows apart."""
        result: Figure = {}
        for place, splits in (("left_out", self.folds), (RANDOM, [RANDOM])):
            values = []
            for seed in self.seeds:
                found = [value for value in (values_at[split, seed] for split in splits) if value is not None]
                if found:
                    values.append(sum(value * rows for value, rows in found) / sum(rows for _, rows in found))
            if values:
                result[place] = {"mean": float(np.mean(values)), "spread": float(np.std(values)), "by_seed": values}
        return result


def summarize(table: ExampleTable, plan: Plan, cells: Cells) -> dict[str, Any]:
    """Return the report of a plan's cells."""
    return {
        "rows": dict(sorted(Counter(example.dataset for example in table.examples).items())),
        "data_sha256": fingerprint(table),
        "splits": list(cells.splits),
        "seeds": plan.seeds,
        "max_steps": plan.max_steps,
        "safe_words": safe_words(table),
        "recipes": list(plan.recipes),
        "curve_mae_db": {which: _errors(plan, cells, which) for which in ("safe_words", "safe", "socialeq")},
        "settings": {name: {metric: cells.figure(name, _setting(metric)) for metric in SETTING_METRICS} for name in plan.recipes},
        "grouping": {str(size): _grouping(plan, cells, str(size)) for size in WORD_SETS},
        "words": {name: _words(cells, name) for name in plan.recipes},
        "morphs": _morphs(plan, cells),
    }


def _errors(plan: Plan, cells: Cells, which: str) -> dict[str, Figure]:
    def error(errors: Errors) -> Weighted:
        rows: int | None = getattr(errors, f"rows_{which}")
        return None if rows is None else (getattr(errors, f"curve_mae_db_{which}"), rows)

    def of_method(method: str) -> Callable[[BaselineCell], Weighted]:
        return lambda cell: error(cell.methods[method])

    methods = cells.baselines[cells.splits[0], 1].methods
    recipes = {name: cells.figure(name, error) for name in plan.recipes}
    return recipes | {method: cells.baseline_figure(of_method(method)) for method in methods}


def _setting(metric: str) -> Callable[[ModelCell], Weighted]:
    return lambda cell: (getattr(cell, metric), cell.rows_all)


def _grouping(plan: Plan, cells: Cells, size: str) -> dict[str, dict[str, Figure]]:
    """Return each metric of a word set, by recipe, the ceiling first."""

    def value(metric: str) -> Callable[[ModelCell | BaselineCell], Weighted]:
        def pick(cell: ModelCell | BaselineCell) -> Weighted:
            group = cell.groups.get(size)
            return None if group is None else (getattr(group, metric), group.rows)

        return pick

    ceiling = {metric: cells.baseline_figure(value(metric)) for metric in GROUP_METRICS}
    return {"ceiling": ceiling} | {name: {metric: cells.figure(name, value(metric)) for metric in GROUP_METRICS} for name in plan.recipes}


def _words(cells: Cells, name: str) -> dict[str, dict[str, Any]]:  # Any: numbers of two types
    """Return, by word, its curve against held-out people: RMSE and correlation over all left-out rows, beside the mean curve's."""
    found: dict[str, list[WordSums]] = {}
    for cell in cells.of(name, cells.folds):
        for word, sums in cell.words.items():
            found.setdefault(word, []).append(sums)
    result = {word: _word(found[word], len(cells.seeds)) for word in sorted(found)}
    return dict(sorted(result.items(), key=lambda item: (-item[1]["rows"], item[0])))


def _word(parts: Sequence[WordSums], seeds: int) -> dict[str, Any]:
    rows = sum(part.rows for part in parts)
    mean = {name: sum(getattr(part, name) for part in parts) / rows for name in _SUMS}
    rmse, rmse_of_mean = (float(np.sqrt(mean[name])) for name in ("square_error", "square_error_of_mean"))
    return {
        "rows": rows // seeds,
        "rmse_db": rmse,
        "rmse_of_mean_db": rmse_of_mean,
        "rmse_ratio": rmse / max(rmse_of_mean, 1e-9),
        "correlation": mean["correlation"],
        "correlation_of_mean": mean["correlation_of_mean"],
        "correlation_lost": (sum(p.correlation_of_mean for p in parts) - sum(p.correlation for p in parts)) / rows,
    }


def _morphs(plan: Plan, cells: Cells) -> dict[str, dict[str, float]]:
    """Return the metrics of morphs, by recipe, of recipes that had pairs of words in every cell."""
    result = {}
    for name in plan.recipes:
        found: list[Morphs | None] = [cell.morphs for cell in cells.of(name, cells.splits)]
        if all(found):
            result[name] = {metric: float(over([getattr(morphs, metric) for morphs in found])) for metric, over in MORPH_METRICS.items()}
    return result


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
