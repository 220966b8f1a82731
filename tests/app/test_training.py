"""Training as functions, with what they say on the way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_training import REFINE_STEPS, WORDS, reuse_graphs, write_recipe, write_tiny_data

from semeq_export.app.training import ExportOptions, FitOptions, FitResult, ReportOptions, export_bundle, fit_model, report_run
from semeq_export.bundle.loading import load_bundle
from semeq_export.errors import IntentError, MissingExtraError


class Diary:
    """Keeps what a training says."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int, tuple[float, float] | None]] = []
        self.lines: list[str] = []

    def step(self, phase: str, done: int, total: int, losses: tuple[float, float] | None) -> None:
        self.steps.append((phase, done, total, losses))

    def count(self, done: int, total: int, what: str) -> None:
        self.lines.append(what)

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.train
def test_a_model_is_trained_reported_and_exported(tmp_path: Path, tiny_export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semeq_training.fitting.centroids.REFINE_STEPS", REFINE_STEPS)
    write_tiny_data(tmp_path / "data")
    write_recipe(tmp_path / "tiny.toml", steps=10)
    diary = Diary()
    fitted = fit_model(FitOptions(recipe=tmp_path / "tiny.toml", data=tmp_path / "data", out=tmp_path / "run"), diary)
    assert fitted.record.recipe == "tiny.toml"
    assert {phase for phase, *_ in diary.steps} == {"evaluation", "final"}
    assert all(losses is not None for phase, *_, losses in diary.steps if phase == "final")
    reported = report_run(ReportOptions(run=tmp_path / "run"))
    assert isinstance(reported, FitResult)
    assert reported.to_dict() == fitted.to_dict()
    with pytest.raises(IntentError, match="`data` needs `out`"):
        report_run(ReportOptions(run=tmp_path / "run", data=tmp_path / "data"))
    reuse_graphs(monkeypatch, tiny_export / "tiny.semeq")
    exported = export_bundle(ExportOptions(run=tmp_path / "run", out=tmp_path / "tiny.semeq"))
    assert exported.size_bytes > 0
    assert set(load_bundle(tmp_path / "tiny.semeq").centroids) == set(WORDS)


def test_without_the_extra_the_error_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("semeq_training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="train"):
        fit_model(FitOptions(recipe=tmp_path / "tiny.toml", data=tmp_path, out=tmp_path / "run"))
