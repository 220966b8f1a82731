"""SocialEQ shapes, 40 z-scores without a unit, as settings of the 13-parameter layout: at a stated dB scale, fitted, the error kept."""

from __future__ import annotations

import hashlib
import inspect
import io
import logging
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq import biquad, fit
from semeq_export.eq.curve import level_free, log_grid, rms_db
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import DataError, environment_failure
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import read_regular
from semeq_training.data.cleaning import CleanRow
from semeq_training.data.tables import SHAPE_FREQS_HZ, with_sorted_peaks

log = logging.getLogger(__name__)

SOCIALEQ_SCALE_DB = 3.69
"""dB per unit of a SocialEQ z-score, as first measured on the whole data sets; `estimate_scale_db` measures it on yours."""

FIT_RATE_HZ = 48_000.0
_CENTRES_HZ = np.array(SHAPE_FREQS_HZ, dtype=np.float64)
_MAX_CACHE_BYTES = 256_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ShapeFits:
    """vectors: (n, 13) of SAFE_13, peaks in order of frequency. Errors: (n,) in dB over the 40 centres, level-free."""

    vectors: Float64Array
    rms_error_db: Float64Array
    max_error_db: Float64Array


def fit_shapes(
    shapes: Float64Array,
    scale_db: float = SOCIALEQ_SCALE_DB,
    *,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ShapeFits:
    """Return the SAFE_13 settings whose responses at 48 kHz, level-free, are closest to shapes (n, 40) times scale_db.

    cache: a folder, made if missing, for one file named after everything that the result depends on; a damaged file there is replaced.
    progress: called with (shapes fitted, shapes in all).
    Raises DataError unless scale_db is in 0.1..20, EnvironmentFailure where the cache cannot be written.
    """
    if not 0.1 <= scale_db <= 20.0:
        raise DataError(f"socialeq_scale_db {scale_db:g} is outside 0.1..20")
    shapes = np.ascontiguousarray(shapes, dtype=np.float64).reshape(-1, len(_CENTRES_HZ))
    file = None if cache is None else Path(cache) / f"shapes-{_cache_key(shapes, scale_db)}.npz"
    known = None if file is None else _read_cache(file, len(shapes))
    if known is not None:
        if progress is not None:
            progress(len(shapes), len(shapes))
        return known
    batch = fit.fit_many(shapes * scale_db, _CENTRES_HZ, SAFE_13, FIT_RATE_HZ, level_free=True, progress=progress)
    fits = ShapeFits(with_sorted_peaks(batch.vectors), batch.rms_error_db, batch.max_error_db)
    if file is not None:
        _write_cache(file, fits)
    return fits


def _cache_key(shapes: Float64Array, scale_db: float) -> str:
    """Return 32 hexadecimal digits for the shapes, the scale, the layout and the code that fits."""
    digest = hashlib.sha256()
    for module in (fit, biquad):
        digest.update(inspect.getsource(module).encode())
    digest.update(repr((SAFE_13, FIT_RATE_HZ, SHAPE_FREQS_HZ, scale_db, shapes.shape)).encode())
    digest.update(shapes.tobytes())
    return digest.hexdigest()[:32]


def _read_cache(file: Path, n: int) -> ShapeFits | None:
    """Return the fits of a cache file, None where there is none or it does not hold n rows in the layout's ranges."""
    if not file.exists():
        return None
    try:
        with np.load(io.BytesIO(read_regular(file, DataError, max_bytes=_MAX_CACHE_BYTES)), allow_pickle=False) as stored:
            fits = ShapeFits(*(np.asarray(stored[name], dtype=np.float64) for name in ShapeFits.__slots__))
    except (DataError, zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        log.info("%s: not usable, fitting again: %s", file, error)
        return None
    sound = fits.vectors.shape == (n, len(SAFE_13.params)) and fits.rms_error_db.shape == fits.max_error_db.shape == (n,)
    if not sound or not np.array_equal(SAFE_13.clip(fits.vectors), fits.vectors) or not np.all(np.isfinite(fits.rms_error_db)):
        log.info("%s: not usable, fitting again", file)
        return None
    return fits


def _write_cache(file: Path, fits: ShapeFits) -> None:
    content = io.BytesIO()
    np.savez(content, **{name: getattr(fits, name) for name in ShapeFits.__slots__})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise environment_failure(file.parent, error) from error
    write_atomic(file, content.getvalue(), overwrite=True)


@dataclass(frozen=True, slots=True)
class ScaleEstimate:
    """dB per z unit, and what each word alone says."""

    scale_db: float
    by_word: Mapping[str, float]


def estimate_scale_db(rows: Iterable[CleanRow], min_rows: int = 15) -> ScaleEstimate:
    """Return the scale at which words that both data sets know have the same mean amount in both.

    The amount of a word is the rms, over log frequency 20 Hz-20 kHz, of the level-free mean of its curves: SAFE's in dB at 48 kHz,
    SocialEQ's in z units, interpolated over log frequency. A word with min_rows or more English rows in each data set gives the ratio of
    its two amounts; the scale is the mean of these ratios. Means and not single curves are compared because people of one data set
    differ more among themselves, which makes every single curve larger than what the word means.
    Raises DataError where no word is common.
    """
    grid = log_grid()
    safe: dict[str, list[Float64Array]] = defaultdict(list)
    social: dict[str, list[Float64Array]] = defaultdict(list)
    for row in rows:
        if row.raw.dataset == "safe":
            safe[row.word].append(row.raw.values)
        elif row.raw.language == "en":
            social[row.word].append(np.interp(np.log(grid), np.log(_CENTRES_HZ), row.raw.values))
    common = [word for word in sorted(safe) if len(safe[word]) >= min_rows and len(social.get(word, ())) >= min_rows]
    if not common:
        raise DataError(f"no word has {min_rows} or more rows in both data sets; give the scale instead")
    by_word = {word: _amount(_responses_db(safe[word], grid)) / _amount(social[word]) for word in common}
    return ScaleEstimate(float(np.mean(list(by_word.values()))), by_word)


def _responses_db(vectors: Sequence[Float64Array], grid: Float64Array) -> list[Float64Array]:
    return [biquad.response_db(SAFE_13.from_vector(vector), grid, FIT_RATE_HZ) for vector in vectors]


def _amount(curves: Sequence[Float64Array]) -> float:
    return rms_db(level_free(np.mean(curves, axis=0)))
