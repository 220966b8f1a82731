"""What contrastive weight and latent size change: a grid of short trainings, measured on left-out folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from semeq_export.errors import TrainingError, environment_failure
from semeq_export.files import strict_json
from semeq_export.files.atomic import write_atomic
from semeq_training.data.datasets import load_examples
from semeq_training.data.recipe import Recipe, read_recipe
from semeq_training.reports.report import measure_all
from semeq_training.reports.summary import Plan

_METRICS = ("curve_mae_db", "accuracy", "silhouette", "latent_effective_rank")


def write(
    recipe_path: Path,
    data: Path,
    out: Path,
    *,
    weights: Sequence[float],
    latents: Sequence[int],
    max_steps: int | None = None,
    jobs: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Train a recipe with every contrastive weight and latent size, one seed on each split; write ablation.json to `out` and return it.

    Raises TrainingError for a weight or size that no recipe may have.
    """
    file = read_recipe(recipe_path, Recipe)
    recipes = {}
    for latent in latents:
        for weight in weights:
            changed = msgspec.structs.replace(file.recipe, latent_dim=latent, contrastive_weight=weight)
            try:
                recipes[f"{latent} numbers, weight {weight:g}"] = msgspec.convert(msgspec.to_builtins(changed), type(changed))
            except msgspec.ValidationError as error:
                raise TrainingError(f"latent size {latent}, contrastive weight {weight:g}: {error}") from error
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise environment_failure(out, error) from error
    table = load_examples(data, socialeq_scale_db=file.recipe.socialeq_scale_db, cache=out / "cache")
    plan = Plan(recipes, seeds=1, vae_steps=1, max_steps=max_steps)
    found = measure_all(table, plan, out / "cells", jobs=jobs, progress=progress)
    document = {
        "recipe": file.name,
        "recipe_sha256": file.sha256,
        "splits": found["splits"],
        "max_steps": max_steps,
        "weights": list(weights),
        "latents": list(latents),
        "left_out": {name: _figures(found, name) for name in recipes},
    }
    write_atomic(out / "ablation.json", strict_json.dumps(document), overwrite=True)
    return document


def _figures(found: Mapping[str, Any], name: str) -> dict[str, float]:
    warm_bright = found["grouping"]["2"][name]
    figures = {
        "curve_mae_db": found["curve_mae_db"]["safe_words"][name],
        "accuracy": warm_bright["accuracy"],
        "silhouette": warm_bright["silhouette"],
        "latent_effective_rank": found["settings"][name]["latent_effective_rank"],
    }
    return {metric: figure["left_out"]["mean"] for metric, figure in figures.items()}


def text(document: Mapping[str, Any]) -> str:
    """Return the grid as one table for each figure."""
    lines = [f"{document['recipe']}: left-out folds, one seed; columns: contrastive weight"]
    for metric in _METRICS:
        lines += ["", f"{metric:24}" + "".join(f"{weight:>9g}" for weight in document["weights"])]
        for latent in document["latents"]:
            row = (document["left_out"][f"{latent} numbers, weight {weight:g}"][metric] for weight in document["weights"])
            lines.append(f"{f'  {latent} numbers':24}" + "".join(f"{value:9.3f}" for value in row))
    return "\n".join(lines) + "\n"
