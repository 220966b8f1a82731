"""One torch thread for all training tests: two of them wait for each other on a busy machine, much longer than they work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tiny_training import REFINE_STEPS, Exporters


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    try:
        import torch
    except ImportError:  # without the [train] extra
        return
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def quick_words() -> Iterator[None]:
    """Refine words by a few steps only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semeq_training.fitting.centroids.REFINE_STEPS", REFINE_STEPS)
        yield


@pytest.fixture(scope="module")
def quick_reports() -> Iterator[None]:
    """Train baselines by a few steps, and grow small forests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("semeq_training.reports.report._QUICK_STEPS", 10)
        patch.setattr("semeq_training.reports.cells._TREES", 20)
        yield


@pytest.fixture
def exporters(monkeypatch: pytest.MonkeyPatch) -> Exporters:
    """For tests of what an export does with its graphs."""
    return Exporters(monkeypatch)
