"""A table of bands with comma-separated values, for spreadsheets and scripts. Schema 1 and 2.

    kind,freq_hz,gain_db,q,enabled
    preamp,,-5.9,,
    low_shelf,105.0,8.1,0.7,true
    peak,1604.0,-2.7,1.23,true
    high_shelf,10000.0,-7.5,0.7,false

Schema 2 is a table with the columns order and channel, either or both:

    kind,freq_hz,gain_db,q,enabled,order,channel
    preamp,,-3.0,,,,left
    high_pass,80.0,0.0,0.7071,true,4,
    point,20.0,1.5,,,,right

| column | content |
| --- | --- |
| kind | a kind of `semeq_export.eq.settings.BandKind`, preamp, which has a gain_db only, or point, one of a curve beside the bands |
| freq_hz, gain_db, q | numbers, decimal point; q may be left out as a column or empty: 0.7071; kinds without a gain may leave it empty |
| enabled | true or false (also 1, 0, yes, no); true where it is empty or left out |
| order | of passes, first-order shelves and the like; 2 where it is empty or left out |
| channel | left, right, mid, side and others of `semeq_export.eq.channels`; empty: all that the table names, or all |

Schema 2 is written only for what schema 1 has no place for. Columns may stand in any order; other columns, and rows that did not change,
are kept as they are. Points may stand in any order. Separator: comma, RFC 4180 quotes, LF or CRLF, a byte order mark is read over. Numbers
are the shortest that are exact. Our own layout; source of the names: `semeq_export.eq`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import LAYOUT_KINDS, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats._csv_rows import Point, Row, Says, equaliser_of, lines_with
from semeq_presets.file_formats._fields import band, number, settings, text_of
from semeq_presets.file_formats.base import EVERYTHING, Files, FormatInfo, Preset, PresetFormat, Source, Written

_COLUMNS = ("kind", "freq_hz", "gain_db", "q", "enabled")
_NEEDED = ("kind", "freq_hz", "gain_db")
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_DEFAULT_Q, _DEFAULT_ORDER = 0.7071, 2
_MAX_ROWS, _MAX_POINTS = 20_000, 10_000
_MAX_COLUMNS = 100
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Header:
    """The columns of a table in their order."""

    names: tuple[str, ...]

    def cells(self, row: list[str]) -> dict[str, str]:
        """Return the cells of a row by column."""
        return {name: cell.strip() for name, cell in zip(self.names, row, strict=True)}

    def line(self, says: Says, channel: str) -> str:
        """Return the row of a band, preamp or point."""
        values = {"channel": channel}
        if isinstance(says, Band):
            values |= {"kind": says.kind.value, "enabled": "true" if says.enabled else "false", "order": str(says.order)}
            values |= {"freq_hz": repr(says.freq_hz), "gain_db": repr(says.gain_db), "q": repr(says.q)}
        elif isinstance(says, Point):
            values |= {"kind": "point", "freq_hz": repr(says.freq_hz), "gain_db": repr(says.gain_db)}
        else:
            values |= {"kind": "preamp", "gain_db": repr(says)}
        return ",".join(values.get(name, "") for name in self.names)


@dataclass(frozen=True, slots=True)
class _Table:
    """The names of a file's columns, and its rows."""

    header: _Header
    rows: tuple[Row, ...]

    def with_columns(self, names: Sequence[str]) -> _Table:
        """Return the table with further columns, empty in the rows that there are."""
        if not names:
            return self
        first, *rest = self.rows
        head = Row(_longer(first.text, names))
        rows = (Row(_longer(row.text, [""] * len(names)), row.says, row.channel) if row.text.strip() else row for row in rest)
        return _Table(_Header((*self.header.names, *names)), (head, *rows))


class CsvTable:
    """Reads and writes the table."""

    info = FormatInfo(
        id="csv",
        title="Table of bands (CSV)",
        host="spreadsheets and scripts",
        suffixes=(".csv",),
        how_to_import="open it in a spreadsheet: comma-separated, UTF-8, decimal point",
        precision_db=1e-9,
        limits=EVERYTHING,
        verified="this version of semeq",
        aliases=("spreadsheet",),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first line names our columns."""
        first = head.decode("utf-8", "replace").removeprefix(_BOM).splitlines()[:1]
        names = {name.strip().strip('"').lower() for name in first[0].split(",")} if first else set()
        return set(_NEEDED) <= names

    def write(self, preset: Preset) -> Written:
        """Return the table; a preset that was read keeps its columns and the rows that did not change.

        Raises PresetWriteError for a curve of more than 10,000 points.
        """
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.csv": same})
        if any(eq.curve is not None and eq.curve.freqs_hz.size > _MAX_POINTS for eq in _eqs(preset)):
            raise PresetWriteError(f"{self.info.id}: a curve is over the limit of {_MAX_POINTS} points")
        held = preset.parts(_Table) or _Table(_Header(_COLUMNS), (Row(",".join(_COLUMNS)), Row("")))
        table = held.with_columns([name for name in _columns_for(preset) if name not in held.header.names])
        end = "\r" if table.rows[0].text.endswith("\r") else ""
        lines = lines_with(table.rows, preset.eq, lambda says, channel: table.header.line(says, channel) + end)
        return Written({"preset.csv": "\n".join(lines).encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming row and column."""
        (data,) = files.values()
        lines = text_of(data).split("\n")
        if len(lines) > _MAX_ROWS:
            raise PresetReadError(f"more than {_MAX_ROWS} rows")
        header = _header(lines[0].removeprefix(_BOM))
        rows = [Row(lines[0])]
        for count, line in enumerate(lines[1:], start=2):
            where = f"row {count}"
            rows.append(_row(line, header.cells(_cells(line, where, header)), where) if line.strip() else Row(line))
        eq = equaliser_of(rows)
        return Preset(eq, source=Source(_Table(header, tuple(rows)), data, eq, name=None, is_whole=True))


def _eqs(preset: Preset) -> tuple[EqSettings, ...]:
    return tuple(eq for _, eq in preset.eq) if isinstance(preset.eq, ChannelEqs) else (preset.eq,)


def _columns_for(preset: Preset) -> Iterator[str]:
    """Yield the columns without which a preset would not come back."""
    bands = [held for eq in _eqs(preset) for held in eq.bands]
    if any(held.q != _DEFAULT_Q for held in bands):
        yield "q"
    if not all(held.enabled for held in bands):
        yield "enabled"
    if any(held.order != _DEFAULT_ORDER for held in bands):
        yield "order"
    if isinstance(preset.eq, ChannelEqs):
        yield "channel"


def _longer(line: str, cells: Sequence[str]) -> str:
    """Return a row with further cells at its end."""
    end = "\r" if line.endswith("\r") else ""
    return ",".join([line.removesuffix("\r"), *cells]) + end


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


def _row(line: str, cells: dict[str, str], where: str) -> Row:
    kind, channel = cells["kind"].lower(), cells.get("channel", "").lower()
    if kind == "preamp":
        return Row(line, settings([], number(cells["gain_db"], "gain_db", where), where).preamp_db, channel)
    if kind == "point":
        return Row(line, Point(*(number(cells[name], name, where) for name in ("freq_hz", "gain_db"))), channel)
    known = [one.value for one in BandKind]
    if kind not in known:
        raise PresetReadError(f"kind {kind[:40]!r} is not {', '.join(known)}, preamp or point", where=where)
    enabled = (cells.get("enabled") or "true").lower()
    if enabled not in _TRUTH:
        raise PresetReadError(f"enabled {enabled[:40]!r} is not true or false", where=where)
    has_gain = BandKind(kind) in (*LAYOUT_KINDS, BandKind.TILT)
    gain_db = number(cells["gain_db"], "gain_db", where) if has_gain or cells["gain_db"] else 0.0
    q = number(cells["q"], "q", where) if cells.get("q") else _DEFAULT_Q
    freq_hz = number(cells["freq_hz"], "freq_hz", where)
    held = band(BandKind(kind), freq_hz, gain_db, q, enabled=_TRUTH[enabled], order=_order(cells.get("order", ""), where), where=where)
    return Row(line, held, channel)


def _order(text: str, where: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise PresetReadError(f"order {text[:40]!r} is not a whole number", where=where)
    return int(text) if text else _DEFAULT_ORDER


FORMAT: PresetFormat = CsvTable()
