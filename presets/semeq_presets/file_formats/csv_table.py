"""A table of bands with comma-separated values, for spreadsheets and scripts.

    kind,freq_hz,gain_db,q,enabled
    preamp,,-5.9,,
    low_shelf,105.0,8.1,0.7,true
    peak,1604.0,-2.7,1.23,true
    high_shelf,10000.0,-7.5,0.7,false

| column | content |
| --- | --- |
| kind | low_shelf, peak, high_shelf, or preamp, which has a gain_db only |
| freq_hz, gain_db, q | numbers, decimal point; q may be left out as a column and is then 0.7071 |
| enabled | true or false (also 1, 0, yes, no); the column may be left out |

Columns may stand in any order; other columns, and rows that did not change, are kept as they are. Separator: comma, RFC 4180 quotes, LF or
CRLF, a byte order mark is read over. Numbers are the shortest that are exact. Our own layout; source of the names: `semeq_export.eq`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number, settings, text_of
from semeq_presets.file_formats._pieces import Piece, merged, preamp_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Preset, PresetFormat, Source, Written

_COLUMNS = ("kind", "freq_hz", "gain_db", "q", "enabled")
_NEEDED = ("kind", "freq_hz", "gain_db")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_DEFAULT_Q = 0.7071
_MAX_ROWS = 2_000
_MAX_COLUMNS = 100
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of a table in their order."""

    names: tuple[str, ...]

    def cells(self, row: list[str]) -> dict[str, str]:
        """Return the cells of a row by column."""
        return {name: cell.strip() for name, cell in zip(self.names, row, strict=True)}


@dataclass(frozen=True, slots=True)
class _Table:
    """The names of a file's columns, and its rows."""

    header: _Header
    pieces: tuple[Piece, ...]


class CsvTable:
    """Reads and writes the table."""

    info = FormatInfo(
        id="csv",
        title="Table of bands (CSV)",
        host="spreadsheets and scripts",
        suffixes=(".csv",),
        how_to_import="open it in a spreadsheet: comma-separated, UTF-8, decimal point",
        precision_db=1e-9,
        limits=Limits(freq_hz=(1e-3, 200_000.0), gain_db=(-60.0, 60.0), q=(1e-3, 1_000.0), preamp_db=(-120.0, 120.0)),
        verified="this version of semeq",
        aliases=("spreadsheet",),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first line names our columns."""
        first = head.decode("utf-8", "replace").removeprefix(_BOM).splitlines()[:1]
        names = {name.strip().strip('"').lower() for name in first[0].split(",")} if first else set()
        return set(_NEEDED) <= names

    def write(self, preset: Preset) -> Written:
        """Return the table; a preset that was read keeps its columns and the rows that did not change."""
        table = preset.parts(_Table) or _Table(_Header(_COLUMNS), (Piece(",".join(_COLUMNS)), Piece("preamp,,0.0,,", 0.0), Piece("")))
        band_row, preamp_row = _writers(table.header)
        text = merged(table.pieces, preset.single, separator="\n", band_text=band_row, preamp_text=preamp_row)
        return Written({"preset.csv": text.encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming row and column."""
        (data,) = files.values()
        lines = text_of(data).split("\n")
        if len(lines) > _MAX_ROWS:
            raise PresetReadError(f"more than {_MAX_ROWS} rows")
        header = _header(lines[0].removeprefix(_BOM))
        pieces = [Piece(lines[0])]
        for count, line in enumerate(lines[1:], start=2):
            where = f"row {count}"
            pieces.append(Piece(line, _row(header.cells(_cells(line, where, header)), where) if line.strip() else None))
        bands = [piece.says for piece in pieces if isinstance(piece.says, Band)]
        return Preset(settings(bands, preamp_of(pieces)), source=Source(_Table(header, tuple(pieces))))


def _header(line: str) -> _Header:
    names = tuple(name.strip().lower() for name in _split(line, "row 1"))
    if len(names) > _MAX_COLUMNS:
        raise PresetReadError(f"{len(names)} columns are over the limit of {_MAX_COLUMNS}", where="row 1")
    for name in names:
        if names.count(name) > 1:
            raise PresetReadError(f"column {name[:40]!r} occurs twice", where="row 1")
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        hint = "; is the separator ';'?" if len(names) == 1 else ""
        raise PresetReadError(f"has no column {missing[0]}; expected {','.join(_COLUMNS)}{hint}", where="row 1")
    return _Header(names)


def _cells(line: str, where: str, header: _Header) -> list[str]:
    cells = _split(line, where)
    if len(cells) != len(header.names):
        raise PresetReadError(
            f"has {len(cells)} columns, expected {len(header.names)}; a decimal comma, or the separator ';'?", where=where
        )
    return cells


def _split(line: str, where: str) -> list[str]:
    try:
        rows = list(csv.reader([line.rstrip("\r")], strict=True))
    except csv.Error as error:
        raise PresetReadError(f"is not comma-separated: {error}", where=where) from error
    return rows[0] if rows else []


def _row(cells: dict[str, str], where: str) -> Band | float:
    kind = cells["kind"].lower()
    if kind == "preamp":
        return settings([], number(cells["gain_db"], "gain_db", where), where).preamp_db
    if kind not in {known.value for known in BandKind}:
        raise PresetReadError(f"kind {kind[:40]!r} is not low_shelf, peak, high_shelf or preamp", where=where)
    enabled = cells.get("enabled", "true").lower()
    if enabled not in _TRUTH:
        raise PresetReadError(f"enabled {enabled[:40]!r} is not true or false", where=where)
    q = number(cells["q"], "q", where) if "q" in cells else _DEFAULT_Q
    freq_hz, gain_db = number(cells["freq_hz"], "freq_hz", where), number(cells["gain_db"], "gain_db", where)
    return band(BandKind(kind), freq_hz, gain_db, q, enabled=_TRUTH[enabled], where=where)


def _writers(header: _Header) -> tuple[Callable[[Band, int], str], Callable[[float], str]]:
    """Return what writes a band and a preamp as a row of these columns."""

    def row(values: dict[str, str]) -> str:
        return ",".join(values.get(name, "") for name in header.names)

    def band_row(held: Band, _number: int) -> str:
        numbers = {"freq_hz": repr(held.freq_hz), "gain_db": repr(held.gain_db), "q": repr(held.q)}
        return row({"kind": held.kind.value, "enabled": "true" if held.enabled else "false", **numbers})

    def preamp_row(preamp_db: float) -> str:
        return row({"kind": "preamp", "gain_db": repr(preamp_db)})

    return band_row, preamp_row


FORMAT: PresetFormat = CsvTable()
