"""Strict readers: SAFE-DB and SocialEQ/SocialFX tables in, plain rows out. Which layout a file has is read from its content.

| layout | how it is known | columns |
| --- | --- | --- |
| SAFE, cleaned | `low_shelf_gain_db` in the header | by name, 13 parameters in dB, Hz, Q |
| SAFE-DB, `SAFEEqualiserUserData.csv` | no header, 25 columns | id, word, address, inputs, outputs, 13 parameters, 7 about the person |
| SocialEQ, cleaned | `z_20hz` in the header | by name, 40 z-scores |
| SocialFX, `eq_contributions.csv` | `RSC_20Hz` in the header | 43 names over 44 columns: the word has none, the rest follows |
| SocialFX, `eq-00000-of-00001.parquet` | parquet | `id`, `text`, lists of 40 names and z-scores, `extra` |

Text is UTF-8, with or without a byte order mark, with any line ends. Every cell is read as text and then checked: a number is finite and in
the range that the device declares, or the row is at fault. The word `NA` is a word. Source addresses and whatever a table says about a
person (location, age, mother tongue, experience) are never kept: of an address, one of five folds remains.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.eq.settings import SAFE_13
from semeq_export.errors import DataError, MissingExtraError, printable
from semeq_export.files.disk import read_regular

DatasetName = Literal["safe", "socialeq"]
N_FOLDS = 5
MAX_TABLE_BYTES = 64_000_000

SHAPE_FREQS_HZ: tuple[int, ...] = (
    *(20, 50, 83, 120, 161, 208, 259, 318, 383, 455, 537, 628, 729, 843, 971, 1114, 1273, 1452, 1652, 1875),
    *(2126, 2406, 2719, 3070, 3462, 3901, 4392, 4941, 5556, 6244, 7014, 7875, 8839, 9917, 11124, 12474, 13984, 15675, 17566, 19682),
)
"""Centres of the 40 SocialEQ bands: equal steps on the ERB-rate scale."""

SAFE_COLUMNS: tuple[str, ...] = tuple(spec.name.replace("peak", "band") for spec in SAFE_13.params)
"""Names of the 13 parameter columns of the cleaned SAFE table, in the order of SAFE_13."""

_SHAPE_COLUMNS = tuple(f"z_{freq}hz" for freq in SHAPE_FREQS_HZ)
_LANGUAGES = {"en": "en", "english": "en", "es": "es", "spanish": "es"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_MAX_Z = math.sqrt(len(SHAPE_FREQS_HZ) - 1)  # the largest z-score that one of n values can have
_DUST = 1e-6  # relative: float32 text of a value at the end of its range


@dataclass(frozen=True, slots=True, eq=False)
class RawRow:
    """One person's EQ with the word they typed, as read.

    id: "safe:<n>" or "socialeq:<n>", the same in every layout. flag: the hand-made label of the cleaned SAFE table ("ok", "test", "junk",
    "source", "name"), None where the table has none. source: rows of one source must not be split between train and test; fold: 0..4.
    values: (13,) SAFE_13 vector with its peaks in order of frequency, or (40,) z-scores. ratings_consistency: SocialEQ only.
    """

    id: str
    dataset: DatasetName
    descriptor: str
    language: str
    flag: str | None
    fold: int
    source: str
    genre: str
    instrument: str
    values: Float64Array
    ratings_consistency: float | None


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file, and one line for each row that was left out because a cell was at fault."""

    path: Path
    dataset: DatasetName
    rows: tuple[RawRow, ...]
    skipped: tuple[str, ...]


def read_table(path: Path, *, skip_bad_rows: bool = False) -> Table:
    """Return the rows of a CSV or parquet file in one of the layouts above.

    skip_bad_rows: leave out rows with a faulty cell (not a number, not finite, empty, out of range) and say so in `skipped`, where
    otherwise the first one raises. Faults of the table itself (separator, header, ragged rows, encoding) always raise.
    Raises DataError naming file, row (the line in the file, the header is row 1) and column; EnvironmentFailure where the disk fails.
    """
    data = read_regular(path, DataError, max_bytes=MAX_TABLE_BYTES)
    dataset: DatasetName
    if data.startswith(b"PAR1"):
        dataset, candidates = "socialeq", _parquet_rows(path, data)
    else:
        dataset, candidates = _csv_rows(path, data)
    rows, skipped, seen = [], [], set()
    for candidate in candidates:
        if isinstance(candidate, DataError):
            if not skip_bad_rows:
                raise candidate
            skipped.append(str(candidate))
            continue
        if candidate.id in seen:
            raise DataError(f"id {candidate.id.partition(':')[2]} occurs twice", printable(path))
        seen.add(candidate.id)
        rows.append(candidate)
    if not rows:
        raise DataError("holds no rows", printable(path))
    return Table(path, dataset, tuple(rows), tuple(skipped))


class _Cells:
    """The cells of one row by column name, with errors that say where they are."""

    def __init__(self, path: Path, row: int, cells: Mapping[str, str]) -> None:
        self.path, self.row, self.cells = path, row, cells

    def fault(self, column: str, why: str) -> DataError:
        return DataError(f"column {column}: {why}", printable(self.path), self.row)

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def number(self, column: str, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        text = self.text(column)
        if not text:
            raise self.fault(column, "empty, expected a number")
        if not _NUMBER.fullmatch(text):
            hint = "; decimals need a point" if _NUMBER.fullmatch(text.replace(",", ".", 1)) else ""
            raise self.fault(column, f"{text[:40]!r} is not a finite number{hint}")
        value = float(text)
        if not math.isfinite(value):
            raise self.fault(column, f"{text[:40]} is not a finite number")
        return self.check_range(column, value, minimum, maximum)

    def check_range(self, column: str, value: float, minimum: float, maximum: float) -> float:
        if minimum <= value <= maximum:
            return value
        nearest = min(max(value, minimum), maximum)
        if abs(value - nearest) > _DUST * abs(nearest):
            raise self.fault(column, f"{value:g} is outside {minimum:g}..{maximum:g}")
        return nearest

    def integer(self, column: str, minimum: int, maximum: int) -> int:
        text = self.text(column)
        if not re.fullmatch(r"\d{1,12}", text, re.ASCII) or not minimum <= int(text) <= maximum:
            raise self.fault(column, f"{text[:40]!r} is not a whole number in {minimum}..{maximum}")
        return int(text)

    def language(self, column: str) -> str:
        text = self.text(column)
        if text.lower() not in _LANGUAGES:
            raise self.fault(column, f"{text[:40]!r} is not a known language (en, es)")
        return _LANGUAGES[text.lower()]


def _csv_rows(path: Path, data: bytes) -> tuple[DatasetName, Iterator[RawRow | DataError]]:
    records = _records(path, data)
    first_row, first = next(records, (1, []))
    names = [name.strip() for name in first]
    rsc = {f"RSC_{freq}Hz{suffix}" for freq in SHAPE_FREQS_HZ for suffix in ("", "_band")}
    if any(name in SAFE_COLUMNS for name in names):
        _check_header(path, first_row, names, ("id", "descriptor", *SAFE_COLUMNS, "cv_fold"))
        return "safe", _parse(path, records, names, _safe_row)
    if any(name in _SHAPE_COLUMNS for name in names):
        _check_header(path, first_row, names, ("id", "descriptor", "language", "ratings_consistency", *_SHAPE_COLUMNS))
        return "socialeq", _parse(path, records, names, _shape_row)
    if any(name in rsc for name in names):
        return "socialeq", _parse(path, records, _named_socialfx(path, first_row, names), _socialfx_row)
    if len(first) == len(_SAFE_UPSTREAM) and first[0].strip().isdecimal():
        everything = _records(path, data)
        return "safe", _parse(path, everything, list(_SAFE_UPSTREAM), _safe_upstream_row)
    raise _unknown_table(path, first_row, first, data)


def _unknown_table(path: Path, row: int, first: Sequence[str], data: bytes) -> DataError:
    name = printable(path)
    head = data[:200].lstrip().lower()
    if head.startswith(b"version https://git-lfs"):
        return DataError("is a Git LFS pointer, not the table itself; fetch it with git lfs pull", name)
    if head.startswith((b"<!doctype", b"<html")):
        return DataError("is an HTML page, not a table; download the file itself", name)
    if not first:
        return DataError("is empty", name)
    if len(first) < 13 and any(";" in cell for cell in first):
        return DataError(f"wrong number of columns ({len(first)}), is the separator ';'?", name, row)
    if len(first) < 13 and any("\t" in cell for cell in first):
        return DataError(f"wrong number of columns ({len(first)}), is the separator a tab?", name, row)
    columns = f"{len(first)} columns, the first is {first[0].strip()[:40]!r}"
    return DataError(f"no header of a known table ({columns}); expected columns such as low_shelf_gain_db, z_20hz or RSC_20Hz", name, row)


def _records(path: Path, data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which the record starts, cells); lines without any text are passed over."""
    name = printable(path)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:4096]:
        raise DataError("is UTF-16 or binary, expected UTF-8 text; save the table as UTF-8", name, 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"byte 0x{data[error.start]:02x} is not UTF-8 (Latin-1?); save the table as UTF-8", name, row) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        row = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"not a CSV record: {error}", name, row) from error
        if record:
            yield row, record


def _check_header(path: Path, row: int, names: Sequence[str], needed: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"column {name[:40]!r} occurs twice in the header", printable(path), row)
    for name in needed:
        if name not in names:
            raise DataError(f"column {name} is missing from the header", printable(path), row)


def _parse(path: Path, records: Iterator[tuple[int, list[str]]], names: Sequence[str], build: Any) -> Iterator[RawRow | DataError]:
    # Any: one of the row builders below, a function of (_Cells, index)
    for index, (row, record) in enumerate(records):
        if len(record) != len(names):
            hint = ", is the separator ';'?" if any(";" in cell for cell in record) else ""
            raise DataError(f"wrong number of columns: {len(record)}, expected {len(names)}{hint}", printable(path), row)
        try:
            yield build(_Cells(path, row, dict(zip(names, record, strict=True))), index)
        except DataError as error:
            yield error


def _safe_vector(cells: _Cells) -> Float64Array:
    numbers = zip(SAFE_COLUMNS, SAFE_13.params, strict=True)
    return with_sorted_peaks(np.array([cells.number(column, spec.minimum, spec.maximum) for column, spec in numbers]))


def with_sorted_peaks(vectors: Float64Array) -> Float64Array:
    """Return vectors (..., 13) of SAFE_13 with their three peaks in order of frequency, which sounds the same.

    Sorted peaks always fit the slots: both ends of the slots' ranges rise with the slot's number.
    """
    result = vectors.copy()
    peaks = vectors[..., 2:11].reshape(*vectors.shape[:-1], 3, 3)
    order = np.lexsort((peaks[..., 2], peaks[..., 0], peaks[..., 1]), axis=-1)
    result[..., 2:11] = np.take_along_axis(peaks, order[..., np.newaxis], axis=-2).reshape(*vectors.shape[:-1], 9)
    return result


def _safe_row(cells: _Cells, _index: int) -> RawRow:
    fold = cells.integer("cv_fold", 0, N_FOLDS - 1)
    flag = cells.text("label_flag") or None
    return _make_safe(cells, fold, flag)


_SAFE_UPSTREAM: tuple[str, ...] = (
    *("id", "descriptor", "address", "inputs", "outputs"),
    *SAFE_COLUMNS,
    *("genre", "instrument", "location", "experience", "age", "mother_tongue", "checksum"),
)


def _safe_upstream_row(cells: _Cells, _index: int) -> RawRow:
    return _make_safe(cells, fold_of(cells.text("address")), None)


def _make_safe(cells: _Cells, fold: int, flag: str | None) -> RawRow:
    number = cells.integer("id", 0, 10**9)
    genre, instrument = ("" if text.isdigit() else text for text in (cells.text("genre"), cells.text("instrument")))
    return RawRow(
        id=f"safe:{number}",
        dataset="safe",
        descriptor=cells.cells["descriptor"],
        language="en",
        flag=flag,
        fold=fold,
        source=f"safe/fold{fold}",
        genre=genre,
        instrument=instrument,
        values=_safe_vector(cells),
        ratings_consistency=None,
    )


def fold_of(key: str) -> int:
    """Return the fold 0..4 of a source: from the SHA-256 of its whole name, so equal names share a fold the name is not kept."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big") % N_FOLDS


def _shape_row(cells: _Cells, _index: int) -> RawRow:
    return _make_shape(cells, cells.integer("id", 0, 10**9), cells.cells["descriptor"], cells.language("language"), _SHAPE_COLUMNS)


def _named_socialfx(path: Path, row: int, names: list[str]) -> list[str]:
    """Return 44 names for the 44 columns: the header lacks one, so each name stands one column too far left.

    The word stands first, without a name of its own; the column that the header calls `descriptor` holds the language.
    """
    plain = [name.removesuffix("_band") for name in names]
    _check_header(path, row, plain, ("descriptor", "audio_id", "ratings_consistency", *(f"RSC_{freq}Hz" for freq in SHAPE_FREQS_HZ)))
    if "language" in plain:
        return plain
    return ["descriptor", *("language" if name == "descriptor" else name for name in plain)]


def _socialfx_row(cells: _Cells, index: int) -> RawRow:
    columns = [f"RSC_{freq}Hz" for freq in SHAPE_FREQS_HZ]
    return _make_shape(cells, index, cells.cells["descriptor"], cells.language("language"), columns)


def _make_shape(cells: _Cells, number: int, descriptor: str, language: str, columns: Sequence[str]) -> RawRow:
    values = np.array([cells.number(column, -_MAX_Z, _MAX_Z) for column in columns])
    consistency = cells.number("ratings_consistency", -1.0, 1.0)
    spread = float(values.std())
    if abs(float(values.mean())) > 0.01 or (abs(spread - 1.0) > 0.01 and spread > 1e-9):
        raise cells.fault(
            columns[0], f"the 40 values have mean {values.mean():.3g} and deviation {spread:.3g}, expected z-scores (0 and 1)"
        )
    return RawRow(
        id=f"socialeq:{number}",
        dataset="socialeq",
        descriptor=descriptor,
        language=language,
        flag=None,
        fold=fold_of(f"socialeq:{number}"),
        source=f"socialeq/{number}",
        genre="",
        instrument="",
        values=values,
        ratings_consistency=consistency,
    )


def _parquet_rows(path: Path, data: bytes) -> Iterator[RawRow | DataError]:
    """Yield the rows of the Hugging Face layout; `extra` is a struct, or the text of one."""
    try:
        import pyarrow  # an optional extra
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("train", "pyarrow") from error
    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise DataError(f"not a readable parquet file: {str(error).splitlines()[0][:120]}", printable(path)) from error
    for column in ("id", "text", "param_keys", "param_values", "extra"):
        if column not in table.column_names:
            raise DataError(f"column {column} is missing; its columns are {', '.join(table.column_names)[:200]}", printable(path))
    for row, item in enumerate(table.select(["id", "text", "param_keys", "param_values", "extra"]).to_pylist(), start=1):
        try:
            yield _parquet_row(_Cells(path, row, {}), item)
        except DataError as error:
            yield error


def _parquet_row(cells: _Cells, item: Mapping[str, Any]) -> RawRow:  # Any: what a parquet column may hold
    extra = item["extra"]
    if isinstance(extra, str):
        try:
            extra = ast.literal_eval(extra)
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise cells.fault("extra", f"{extra[:40]!r} is not a set of names and values") from error
    keys, values = item["param_keys"] or [], item["param_values"] or []
    if not isinstance(extra, dict) or not isinstance(keys, list) or not isinstance(values, list):
        raise cells.fault("extra", "expected a struct, and lists of names and values")
    names = [str(key).removesuffix("_band") for key in keys]
    columns = [f"RSC_{freq}Hz" for freq in SHAPE_FREQS_HZ]
    if sorted(names) != sorted(columns) or len(values) != len(names):
        raise cells.fault("param_keys", f"{len(keys)} names over {len(values)} values, expected RSC_20Hz ... RSC_19682Hz over 40")
    known = {"language": next((extra[key] for key in ("lang", "language") if key in extra), None)}
    known |= {"ratings_consistency": extra.get("ratings_consistency"), **dict(zip(names, values, strict=True))}
    cells.cells = {name: "" if value is None else str(value) for name, value in known.items()}
    identity = str(item["id"]).removeprefix("eq_")
    if not identity.isdecimal() or len(identity) > 9:
        raise cells.fault("id", f"{identity[:40]!r} is not of the form eq_12")
    return _make_shape(cells, int(identity), str(item["text"] or ""), cells.language("language"), columns)
