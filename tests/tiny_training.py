"""A table of made-up people and a recipe that trains on it in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sounds

from semeq_export.audio.writer import write_audio
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.bundle.store import read_files
from semeq_export.eq.settings import SAFE_13

REFINE_STEPS = 20
"""Of words, where a test is not about how good they are; the product takes 300."""

WORDS = {"warm": (1.0, -1.0), "bright": (-1.0, 1.0), "thin": (-1.0, 0.2)}
RECIPE = {
    "name": "tiny",
    "version": "0.1",
    "latent_dim": 16,
    "steps": 40,
    "evaluate_every": 10,
    "holdout_fold": 1,
    "batch_size": 24,
    "rows_per_word": 4,
    "learning_rate": 1e-3,
    "linear_rate": 0.1,
    "contrastive_weight": 0.1,
    "temperature": 0.1,
    "parameter_weight": 10.0,
    "mixed_share": 0.5,
    "dropout": 0.1,
    "min_rows": 5,
    "socialeq_scale_db": 3.69,
    "seed": 3,
    "threads": 1,
}


ENCODER_RECIPE = {
    "architecture": "separable",
    "width": 8,
    "layers": 1,
    "steps": 12,
    "fold_steps": 4,
    "batch_size": 8,
    "learning_rate": 1e-2,
    "pink_sources": 2,
    "coloured_sources": 2,
    "pink_share": 0.3,
    "coloured_share": 0.3,
    "common_share": 0.5,
    "colour_share": 0.5,
    "mix_share": 0.5,
    "scaled_share": 0.3,
    "pink_weight": 0.5,
    "alignment_weight": 1.0,
    "contrastive_weight": 0.02,
    "temperature": 0.1,
    "seed": 5,
    "threads": 1,
}


def write_encoder_recipe(path: Path, **changes: object) -> Path:
    """Write the audio encoder's recipe with changes; a field set to None is left out."""
    fields = {name: value for name, value in (ENCODER_RECIPE | changes).items() if value is not None}
    path.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in fields.items()), encoding="utf-8")
    return path


def write_tiny_audio(folder: Path, names: tuple[str, ...] = ("one_a", "two_a"), seconds: float = 7.0) -> Path:
    """Write files of notes, each a performance of its own, at 16 kHz."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names, start=1):
        write_audio(folder / f"{name}.wav", sounds.performance(seconds, 16_000.0, seed=number), overwrite=True)
    return folder


def write_recipe(path: Path, **changes: object) -> Path:
    """Write the recipe with changes; a field set to None is left out."""
    fields = {name: value for name, value in (RECIPE | changes).items() if value is not None}
    path.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in fields.items()), encoding="utf-8")
    return path


def vectors(word: str, count: int, seed: int = 0) -> np.ndarray:
    """Settings of people who mean the same by a word, more or less: (count, 13)."""
    rng = np.random.default_rng([seed, *word.encode()])
    low, high = WORDS[word]
    rows = []
    for _ in range(count):
        amount, peaks = rng.uniform(2, 6), np.sort(np.exp(rng.uniform(np.log(250), np.log(3_500), 3)))
        row = [low * amount + rng.normal(), rng.uniform(60, 300)]
        for freq in peaks:
            row += [rng.normal(), freq, np.exp(rng.uniform(np.log(0.4), np.log(3)))]
        rows.append([*row, high * amount + rng.normal(), rng.uniform(3_000, 12_000)])
    return SAFE_13.clip(np.array(rows))


def write_data(folder: Path, rows: list[tuple[str, list[float], int]]) -> Path:
    """Write rows (word, 13 values, fold) as a cleaned SAFE table."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = [spec.name.replace("peak", "band") for spec in SAFE_13.params]
    lines = [",".join(["id", "descriptor", "descriptor_norm", "label_flag", *columns, "duplicate_of_id", "channels", "cv_fold"])]
    for number, (word, values, fold) in enumerate(rows, start=1):
        lines.append(",".join([str(number), word, word, "ok", *(f"{value:.4f}" for value in values), "", "2", str(fold)]))
    (folder / "safe_eq.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_tiny_data(folder: Path, rows_per_word: int = 20) -> Path:
    """Write rows_per_word rows of each word, spread evenly over the five folds."""
    return write_data(folder, [(w, v.tolist(), i % 5) for w in WORDS for i, v in enumerate(vectors(w, rows_per_word))])


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)


def fit_and_export(folder: Path) -> None:
    """Write tiny.toml and data/, fit them for 10 steps into run/, and export tiny.semeq."""
    from semeq_training.runs.export import export
    from semeq_training.runs.run import fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semeq_training.fitting.centroids.REFINE_STEPS", REFINE_STEPS)
        fit(write_recipe(folder / "tiny.toml", steps=10), write_tiny_data(folder / "data"), folder / "run")
    export(folder / "run", folder / "tiny.semeq")


def reuse_graphs(patch: pytest.MonkeyPatch, bundle: Path) -> None:
    """Let exports take a bundle's decoder and EQ encoder, since converting them takes seconds; an audio encoder is converted.

    An export still compares them with the weights of its own run.
    """
    from semeq_training.runs import onnx_graph, torchscript

    files, convert = read_files(bundle), onnx_graph.to_bytes
    patch.setattr(torchscript, "to_bytes", lambda _model: (files["decoder.pt"], files["eq_encoder.pt"]))
    patch.setattr(onnx_graph, "to_bytes", lambda module, spec: files.get(spec.file) or convert(module, spec))


class Exporters:
    """The slow part of an export, replaced: graphs come from a bundle that was made before, and TorchScript gives what torch gives."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch

    def replace(self, files: Mapping[str, bytes], graphs: Mapping[str, Any], off: float = 0.0) -> None:
        """files: of the bundle. graphs: torch modules by name of their ONNX file. off: added to the first number of the first graph."""
        import torch

        def run_files(*jobs: tuple[bytes, GraphSpec, Any]) -> tuple[Any, ...]:
            with torch.no_grad():
                results = [graphs[spec.file](torch.from_numpy(rows)).numpy() for _, spec, rows in jobs]
            results[0][0, 0] += off
            return tuple(results)

        place = "semeq_training.runs"
        self._patch.setattr(f"{place}.torchscript.run_files", run_files)
        self._patch.setattr(f"{place}.torchscript.to_bytes", lambda _model: (files["decoder.pt"], files["eq_encoder.pt"]))
        self._patch.setattr(f"{place}.torchscript.audio_to_bytes", lambda _model, _recipe: files["audio_encoder.pt"])
        self._patch.setattr(f"{place}.onnx_graph.to_bytes", lambda _module, spec: files[spec.file])
