"""Pictures of words: readable where words crowd, and the same each time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.text import Annotation, Text

from semeq_export.bundle.loading import load_bundle
from semeq_export.plot import figures as plot
from semeq_export.plot.terms import map_figure, regions_figure, shown_words
from semeq_export.words.evidence import Evidence, MapPoint, Place
from semeq_export.words.terms import CentroidBank, Term


def crowd(spread: float) -> tuple[CentroidBank, Evidence]:
    """Twenty words whose people stand at the same place but for `spread`."""
    rng = np.random.default_rng(5)
    factory = load_bundle().evidence
    names = [f"word {i}" for i in range(20)]
    points = [MapPoint(name, tuple(rng.normal(0.0, spread, 2)), tuple(rng.normal(0.0, 1.0, 2))) for name in names for _ in range(3)]
    entry = factory.words["warm"]
    bank = CentroidBank(Term(name, (0.0,), "en", 3, agreement=0.5, typical_intensity=1.0) for name in names)
    return bank, Evidence(dict.fromkeys(names, entry), factory.covariance, points)


@pytest.mark.parametrize("place", ["pca", "tsne"])
@pytest.mark.parametrize("spread", [0.0, 1e-3, 1.0, None], ids=["one place", "a point", "a cloud", "factory"])
def test_no_word_of_a_map_covers_another(place: Place, spread: float | None) -> None:
    bundle = load_bundle()
    bank, evidence = (bundle.centroids, bundle.evidence) if spread is None else crowd(spread)
    figure = map_figure(bank, evidence, place)
    figure.draw_without_rendering()
    labels = [child for child in figure.axes[0].get_children() if isinstance(child, Annotation)]
    assert len(labels) >= 20
    boxes = {label.get_text(): Text.get_window_extent(label) for label in labels}
    assert [pair for pair in itertools.combinations(boxes, 2) if boxes[pair[0]].overlaps(boxes[pair[1]])] == []
    assert {label.get_position() for label in labels} >= {(0.0, 0.0)}  # the most frequent word stays at its people


def test_equal_words_give_equal_pictures() -> None:
    bundle = load_bundle()
    words = shown_words(bundle.centroids, bundle.evidence)[:36]
    for draw in (lambda: map_figure(bundle.centroids, bundle.evidence, "pca"), lambda: regions_figure(bundle.evidence, words)):
        assert plot.render(draw(), "svg") == plot.render(draw(), "svg")
