"""Room EQ Wizard (REW) filter text, as its EQ window saves it for the equaliser "Generic".

    Filter Settings file
                                              (empty line)
    Notes:Warm
                                              (empty line)
    Equaliser: Generic
    Filter  1: ON  LS Q     Fc   105.00 Hz  Gain   8.10 dB  Q  0.700
    Filter  2: ON  PK       Fc  1604.00 Hz  Gain  -2.70 dB  Q  1.230
    Filter  3: OFF HS Q     Fc 10000.00 Hz  Gain  -7.50 dB  Q  0.700

Types, widths and numbers of all equalisers that REW models: `_rew_filter`. Written: PK, LS Q, HS Q, LP Q, HP Q, LP1, HP1, Notch Q and
All pass. Read too: the table that REW's EQ window copies, which other equalisers' programs import:

    Generic
    Number  Enabled  Control  Type  Frequency(Hz)  Gain(dB)  Q  Bandwidth(Hz)  TargetT60(ms)  Shape  Slope_dB/oct
    1       True     Auto     PK    66.00          -12.00    7.40   8.92
    2       True     Manual   Low_pass  250.0                                              L-R    24

The name stands behind "Notes:". There is no preamp: a file with one, or with other lines of Equalizer APO, is one of `eqapo`. REW writes
more header lines (version, date, channel); they and all other lines are kept, and an unchanged band keeps its spelling. A table that was
changed is written as filter lines.
Source: files saved by REW 5.13 to 5.40 as they are quoted in public issue threads and tests; Equalizer APO, BiQuadFilterFactory.cpp, which
reads the same lines. Frequencies never have exactly three decimals, which that program takes for a thousands separator.
Unknown: whether REW itself insists on the version line that we do not write.
"""

from __future__ import annotations

import re
from dataclasses import replace

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import any_text, head_text, settings
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of
from semeq_presets.file_formats._rew_filter import Values, bands_of, decimal, is_empty, lost_transform_db
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written
from semeq_presets.file_formats.eqapo_text import is_of_rew

_WRITTEN = {
    BandKind.PEAK: "PK",
    BandKind.LOW_SHELF: "LS Q",
    BandKind.HIGH_SHELF: "HS Q",
    BandKind.LOW_PASS: "LP Q",
    BandKind.HIGH_PASS: "HP Q",
    BandKind.NOTCH: "Notch Q",
    BandKind.ALL_PASS: "All pass",
}
_FIRST_ORDER = {BandKind.LOW_PASS: "LP1", BandKind.HIGH_PASS: "HP1"}
_MAX_LINES = 2_000
_MAX_LINE_CHARS = 500
_HEADER = re.compile(r"^\ufeff?[ \t]*(Filter Settings file|Equali[sz]er[ \t]*:)", re.IGNORECASE | re.MULTILINE)
_COLUMNS = re.compile(r"^[ \t]*Number[\t ,]+Enabled[\t ,]+Control[\t ,]+Type\b.*$", re.MULTILINE)
_FILTER = re.compile(r"[ \t]*Filter[ \t]*\d*[ \t]*:[ \t]*(.*?)[ \t\r]*", re.IGNORECASE)
_STATE = re.compile(r"(ON|OFF)\b[ \t]*(.*)", re.IGNORECASE)
_NOTES = re.compile(r"[ \t]*Notes:(.*)", re.IGNORECASE)
_PREAMP = re.compile(r"[ \t]*Preamp[ \t]*:[ \t]*([-+]?[\d.,]{1,20})", re.IGNORECASE)
_FIELDS = {
    "freq": re.compile(r"\bFc[ \t]*([^ \t]*?)[ \t]*(k?)H[ \t]*z", re.IGNORECASE),
    "gain": re.compile(r"\bGain[ \t]*(\S*?)[ \t]*dB", re.IGNORECASE),
    "q": re.compile(r"(?<![^ \t])Q[ \t]+([^ \tA-Z]\S*)", re.IGNORECASE),
    "octaves": re.compile(r"\bBW[ \t]+Oct[ \t]*(\S*)", re.IGNORECASE),
    "sixtieths": re.compile(r"\bBW/60[ \t]*(\S*)", re.IGNORECASE),
    "width_hz": re.compile(r"\bBW[ \t]+(\S+?)[ \t]*Hz", re.IGNORECASE),
    "pole_hz": re.compile(r"\bFp[ \t]+(\S+)", re.IGNORECASE),
    "pole_q": re.compile(r"\bQp[ \t]+(\S+)", re.IGNORECASE),
}
_KIND_OF_TRANSFORM = re.compile(r"L[-_]?T", re.IGNORECASE)
_OF_COLUMNS = {
    "frequency(hz)": "freq",
    "gain(db)": "gain",
    "q": "q",
    "bandwidth(hz)": "width_hz",
    "shape": "shape",
    "slope_db/oct": "slope",
}


class RewText:
    """Reads and writes REW's filter text."""

    info = FormatInfo(
        id="rew",
        title="REW filter text",
        host="Room EQ Wizard, and tools that import its filters (Equalizer APO, HouseCurve, miniDSP tools)",
        suffixes=(".rew.txt",),
        how_to_import="REW: EQ window, Filter Tasks, Load filter settings from file; Equalizer APO: Include of the file",
        precision_db=0.01,
        limits=Limits(
            max_bands=20,
            kinds=frozenset(_WRITTEN),
            orders=dict.fromkeys(_FIRST_ORDER, frozenset({1, 2})),
            freq_hz=(10.0, 24_000.0),
            gain_db=(-30.0, 30.0),
            q=(0.1, 50.0),
        ),
        aliases=("room-eq-wizard",),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes have what makes a file one of REW's, and no line that only Equalizer APO knows."""
        text = head_text(head)
        return is_of_rew(text) or _COLUMNS.search(text) is not None

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read from such a text keeps its other lines and the spelling of what did not change."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.rew.txt": same})
        pieces = pieces_of(preset)
        if pieces is None:
            head = f"Filter Settings file\n\nNotes:{one_line(preset.name)}\n\nEqualiser: Generic\n"
            pieces = tuple(Piece(line) for line in head.split("\n"))
        else:
            pieces = tuple(_renamed(piece, one_line(preset.name)) for piece in pieces)
        text = merged(pieces, preset.single, separator="\n", band_text=_band_line, preamp_text=_no_preamp)
        return Written({"preset.rew.txt": text.encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and field."""
        (data,) = files.values()
        text = any_text(data).removeprefix("\ufeff")
        columns = _COLUMNS.search(text)
        if columns is not None:
            return _table(text, columns, data)
        if not _HEADER.search(text[:5_000]):
            raise PresetReadError("has neither 'Filter Settings file' nor 'Equaliser:' at its top, nor the columns of REW's table")
        lines = text.split("\n")
        if len(lines) > _MAX_LINES:
            raise PresetReadError(f"more than {_MAX_LINES} lines")
        pieces: list[Piece] = []
        notes: list[Note] = []
        name = ""
        for count, line in enumerate(lines, start=1):
            where = f"line {count}"
            found = _FILTER.fullmatch(line) if len(line) <= _MAX_LINE_CHARS else None
            pieces.append(Piece(line, _filter(found[1], where, notes) if found else None))
            notes += _preamp_note(line, where)
            named = _NOTES.fullmatch(line.rstrip("\r"))
            if named and not name:
                name = one_line(named[1])
        eq = settings([piece.says for piece in pieces if isinstance(piece.says, Band)], 0.0)
        return Preset(eq, name=name, source=Source(Pieces(tuple(pieces)), data, eq, name=name), notes=tuple(notes))


def _filter(text: str, where: str, notes: list[Note]) -> Band | None:
    """Return the band of what follows "Filter 1:", None where there is none."""
    stated = _STATE.fullmatch(text)
    if stated is None:
        raise PresetReadError(f"filter {text[:40]!r} is neither ON nor OFF with a type", where=where)
    enabled, rest = stated[1].upper() == "ON", stated[2]
    typed = re.split(r"\b(?:Fc|Gain)\b", rest, maxsplit=1, flags=re.IGNORECASE)[0].strip()
    if is_empty(typed) or (not enabled and not rest[len(typed) :].strip()):
        return None
    found = {name: pattern.search(rest) for name, pattern in _FIELDS.items()}
    values = Values(**{name: match[1] for name, match in found.items() if match is not None})
    if found["freq"] is not None and found["freq"][2]:
        values = replace(values, freq=f"{decimal(values.freq, 'freq_hz', where) * 1_000.0:.6f}")
    if _lost(typed, values, where, notes, enabled=enabled):
        return None
    (band,) = bands_of(typed, values, enabled=enabled, where=where)
    return band


def _lost(typed: str, values: Values, where: str, notes: list[Note], *, enabled: bool) -> bool:
    """Note a Linkwitz transform, with its size; returns whether it is one."""
    size = lost_transform_db(typed, values, where)
    if size is not None and enabled:
        notes.append(Note("unknown", None, where, "a Linkwitz transform (L-T) is no band and is not read", None, *size))
    return size is not None


def _preamp_note(line: str, where: str) -> list[Note]:
    found = _PREAMP.match(line)
    if found is None:
        return []
    gain_db = abs(decimal(found[1], "preamp_db", where))
    return [Note("unknown", None, where, "a Preamp line is none of REW's; read the file as eqapo", None, gain_db)] if gain_db else []


def _table(text: str, columns: re.Match[str], data: bytes) -> Preset:
    """Return the preset of REW's table, whose cells are separated by tabs, else by commas or blanks."""
    header = columns[0].strip("\r")
    separator = "\t" if "\t" in header else "," if "," in header else None
    names = [word.strip().lower() for word in header.split(separator)]
    lines = text[columns.end() :].split("\n")
    if len(lines) > _MAX_LINES:
        raise PresetReadError(f"more than {_MAX_LINES} lines")
    bands: list[Band] = []
    first = text.count("\n", 0, columns.end()) + 1
    for count, line in enumerate(lines, start=first):
        where = f"line {count}"
        cells = [cell.strip() for cell in line[:_MAX_LINE_CHARS].split(separator)]
        if count == first or len(cells) < 4 or not cells[0].isdigit() or is_empty(cells[3]):
            continue
        enabled = cells[1].lower() == "true"
        values = Values(**{_OF_COLUMNS[name]: cell for name, cell in zip(names, cells, strict=False) if name in _OF_COLUMNS})
        if _KIND_OF_TRANSFORM.fullmatch(cells[3]) and enabled:
            raise PresetReadError("a Linkwitz transform (L-T) is no band; switch it off to read the rest", where=where)
        bands += bands_of(cells[3], values, enabled=enabled, where=where)
    named = next((found for line in text.split("\n") if (found := _NOTES.fullmatch(line.rstrip("\r")))), None)
    name = one_line(named[1]) if named else ""
    eq = settings(bands, 0.0)
    return Preset(eq, name=name, source=Source(None, data, eq, name=name or None))


def _renamed(piece: Piece, name: str) -> Piece:
    found = _NOTES.fullmatch(piece.text.rstrip("\r"))
    if found is None or one_line(found[1]) == name or not name:
        return piece
    return Piece(f"Notes:{name}{piece.text[len(piece.text.rstrip(chr(13))) :]}")


def _band_line(held: Band, count: int) -> str:
    state = "ON " if held.enabled else "OFF"
    freq = _decimals(held.freq_hz, 2, 4)
    freq = f"{freq}0" if re.fullmatch(r"\d+\.\d{3}", freq) else freq
    typed = _FIRST_ORDER[held.kind] if held.order == 1 else _WRITTEN[held.kind]
    gain = f"  Gain {_decimals(held.gain_db, 2, 4):>6} dB" if held.has_gain else ""
    q = "" if held.order == 1 else f"  Q {_decimals(held.q, 3, 5):>6}"
    return f"Filter {count:2d}: {state} {typed:<8} Fc {freq:>8} Hz{gain}{q}"


def _decimals(value: float, fewest: int, most: int) -> str:
    """Return a number with so many decimals, trailing zeros left out down to the fewest."""
    whole, _, fraction = f"{value + 0.0:.{most}f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0').ljust(fewest, '0')}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def _no_preamp(_preamp_db: float) -> str:
    raise AssertionError("the limits leave no preamp")


FORMAT: PresetFormat = RewText()
