"""SocialEQ shapes as settings: close to the shape, kept in a cache, and at a scale that the data says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import level_free, rms_db
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import DataError, EnvironmentFailure
from semeq_training.data.cleaning import CleanRow, clean
from semeq_training.data.datasets import read_tables
from semeq_training.data.shapes import estimate_scale_db, fit_shapes
from semeq_training.data.tables import SHAPE_FREQS_HZ, RawRow

CENTRES_HZ = np.array(SHAPE_FREQS_HZ, dtype=np.float64)


def z_scored(curves_db: np.ndarray) -> np.ndarray:
    free = curves_db - curves_db.mean(axis=-1, keepdims=True)
    return free / free.std(axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    octaves = np.log2(CENTRES_HZ / 1_000.0)
    return z_scored(np.array([octaves, -octaves, np.exp(-(octaves**2)), np.tanh(octaves)]))


def test_fits_are_settings_whose_response_is_the_shape_at_its_scale(shapes: np.ndarray) -> None:
    fits = fit_shapes(shapes, 4.0)
    for shape, vector, rms, worst in zip(shapes, fits.vectors, fits.rms_error_db, fits.max_error_db, strict=True):
        error = level_free(response_db(SAFE_13.from_vector(vector), CENTRES_HZ, 48_000.0)) - 4.0 * shape
        assert rms_db(error) == pytest.approx(rms, abs=1e-9)
        assert np.abs(error).max() == pytest.approx(worst, abs=1e-9)
        assert rms < 0.5
        assert np.all(np.diff(vector[[3, 6, 9]]) >= 0)


def test_the_scale_sets_how_much_is_done(shapes: np.ndarray) -> None:
    small, large = (
        level_free(response_db(SAFE_13.from_vector(fit_shapes(shapes[:1], scale).vectors[0]), CENTRES_HZ, 48_000.0)) for scale in (2.0, 4.0)
    )
    assert rms_db(large) / rms_db(small) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize("scale_db", [0.0, -3.0, 21.0, float("nan")])
def test_an_absurd_scale_is_refused(shapes: np.ndarray, scale_db: float) -> None:
    with pytest.raises(DataError, match="socialeq_scale_db .* is outside"):
        fit_shapes(shapes, scale_db)


def test_the_cache_gives_the_same_bits_without_fitting(shapes: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache" / "deep"
    fitted = fit_shapes(shapes, cache=folder)
    monkeypatch.setattr("semeq_export.eq.fit.fit_many", None)
    calls: list[tuple[int, int]] = []
    again = fit_shapes(shapes, cache=folder, progress=lambda done, total: calls.append((done, total)))
    np.testing.assert_array_equal(again.vectors, fitted.vectors)
    np.testing.assert_array_equal(again.rms_error_db, fitted.rms_error_db)
    np.testing.assert_array_equal(again.max_error_db, fitted.max_error_db)
    assert calls == [(4, 4)]
    assert [path.suffix for path in folder.iterdir()] == [".npz"]


def test_other_shapes_and_other_scales_have_other_cache_files(shapes: np.ndarray, tmp_path: Path) -> None:
    fit_shapes(shapes, 3.0, cache=tmp_path)
    fit_shapes(shapes, 3.5, cache=tmp_path)
    fit_shapes(shapes[:2], 3.0, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 broken", b"no archive at all"])
def test_a_damaged_cache_file_is_fitted_again_and_replaced(shapes: np.ndarray, tmp_path: Path, damage: bytes) -> None:
    fitted = fit_shapes(shapes[:1], cache=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage)
    np.testing.assert_array_equal(fit_shapes(shapes[:1], cache=tmp_path).vectors, fitted.vectors)
    assert file.read_bytes() == whole


@pytest.mark.parametrize("change", ["shape", "range", "pickle"])
def test_a_cache_file_of_other_content_is_not_believed(shapes: np.ndarray, tmp_path: Path, change: str) -> None:
    fitted = fit_shapes(shapes[:1], cache=tmp_path)
    (file,) = tmp_path.iterdir()
    vectors = {"shape": np.zeros((2, 13)), "range": np.full((1, 13), 1e9), "pickle": np.array([{}], dtype=object)}[change]
    np.savez(file, vectors=vectors, rms_error_db=np.zeros(1), max_error_db=np.zeros(1), allow_pickle=True)
    np.testing.assert_array_equal(fit_shapes(shapes[:1], cache=tmp_path).vectors, fitted.vectors)


def test_a_cache_that_cannot_be_made_is_an_environment_failure(shapes: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailure):
        fit_shapes(shapes[:1], cache=tmp_path / "file")


def rows_of(word: str, gain_db: float, count: int) -> list[CleanRow]:
    """As many SAFE rows of a word as SocialEQ rows of the same curve."""
    vector = np.array([gain_db, 300.0, 0.0, 560.0, 0.71, 0.0, 1_000.0, 0.71, 0.0, 3_300.0, 0.71, -gain_db, 4_000.0])
    shape = z_scored(response_db(SAFE_13.from_vector(vector), CENTRES_HZ, 48_000.0))
    safe = RawRow("safe:1", "safe", word, "en", None, 0, "", "", "", vector, None)
    social = RawRow("socialeq:1", "socialeq", word, "en", None, 0, "", "", "", shape, 0.5)
    return [CleanRow(raw, word) for raw in (safe, social) for _ in range(count)]


def test_the_scale_is_found_again_from_words_with_the_same_amount() -> None:
    rows = rows_of("warm", 6.0, 15) + rows_of("bright", -6.0, 15) + rows_of("rare", 12.0, 3)
    vector = rows[0].raw.values
    truth = float(response_db(SAFE_13.from_vector(vector), CENTRES_HZ, 48_000.0).std())
    estimate = estimate_scale_db(rows)
    assert sorted(estimate.by_word) == ["bright", "warm"]
    assert estimate.scale_db == pytest.approx(truth, rel=0.01)


def test_without_a_common_word_there_is_no_scale() -> None:
    with pytest.raises(DataError, match="no word has 15 or more rows in both data sets"):
        estimate_scale_db(rows_of("warm", 6.0, 14))


@pytest.mark.data
def test_the_scale_of_the_real_tables(data_dir: Path) -> None:
    estimate = estimate_scale_db(clean(raw for table in read_tables(data_dir) for raw in table.rows).rows)
    assert estimate.by_word == pytest.approx({"warm": 3.44, "bright": 3.95}, abs=0.1)
    assert estimate.scale_db == pytest.approx(3.69, abs=0.1)


@pytest.mark.data
def test_real_shapes_are_fitted_as_closely_as_the_prototype_did(data_dir: Path) -> None:
    social = next(table for table in read_tables(data_dir) if table.dataset == "socialeq")
    fits = fit_shapes(np.array([raw.values for raw in social.rows[::20]]), 3.69)
    assert np.median(fits.rms_error_db) <= 0.28
    assert np.percentile(fits.rms_error_db, 95) <= 0.69
    assert fits.rms_error_db.max() <= 1.5
