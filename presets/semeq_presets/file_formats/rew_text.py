"""Room EQ Wizard (REW) filter text, as its EQ window saves it for the equaliser "Generic".

    Filter Settings file
                                              (empty line)
    Notes:Warm
                                              (empty line)
    Equaliser: Generic
    Filter  1: ON  LS Q     Fc   105.00 Hz  Gain   8.10 dB  Q  0.700
    Filter  2: ON  PK       Fc  1604.00 Hz  Gain  -2.70 dB  Q  1.230
    Filter  3: OFF HS Q     Fc 10000.00 Hz  Gain  -7.50 dB  Q  0.700

| type | meaning | written |
| --- | --- | --- |
| PK, PEQ, Modal | peak with Q, or "BW Oct" (bandwidth in octaves) | PK |
| LS Q, HS Q; LSC, HSC or LS, HS with a Q | shelf with its Q at the centre frequency | LS Q, HS Q |
| LS, HS without Q | shelf of slope S = 0.9 at the centre frequency, as Equalizer APO reads these files | |
| None, LS 6dB, LS 12dB, LP, HP, NO, AP ... | no band of ours: the line is kept, said in a note when ON | |

The name stands behind "Notes:". There is no preamp. REW writes more header lines (version, date, channel); they and all other lines are
kept, and an unchanged band keeps its spelling.
Source: files saved by REW 5.13 to 5.40 as they are quoted in public issue threads and tests; Equalizer APO, BiQuadFilterFactory.cpp, which
reads the same lines. Frequencies never have exactly three decimals, which that program takes for a thousands separator.
Unknown: whether REW itself insists on the version line that we do not write.
"""

from __future__ import annotations

import re

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import bandwidth_oct_to_q, shelf_slope_to_q
from semeq_presets.file_formats._fields import band, number, settings, text_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_KINDS = {
    "PK": BandKind.PEAK,
    "PEQ": BandKind.PEAK,
    "MODAL": BandKind.PEAK,
    **dict.fromkeys(("LSQ", "LSC", "LS"), BandKind.LOW_SHELF),
    **dict.fromkeys(("HSQ", "HSC", "HS"), BandKind.HIGH_SHELF),
}
_WRITTEN = {BandKind.PEAK: "PK", BandKind.LOW_SHELF: "LS Q", BandKind.HIGH_SHELF: "HS Q"}
_SLOPE_WITHOUT_Q = 0.9
_MAX_LINES = 2_000
_MAX_LINE_CHARS = 500
_HEADER = re.compile(r"^\ufeff?[ \t]*(Filter Settings file|Equali[sz]er[ \t]*:)", re.IGNORECASE | re.MULTILINE)
_FILTER = re.compile(r"[ \t]*Filter[ \t]*\d*[ \t]*:[ \t]*(.*?)[ \t\r]*", re.IGNORECASE)
_STATE = re.compile(r"(ON|OFF)\b[ \t]*(.*)", re.IGNORECASE)
_NOTES = re.compile(r"[ \t]*Notes:(.*)", re.IGNORECASE)
_FREQ = re.compile(r"\bFc[ \t]*(\S*)[ \t]*(k?)Hz", re.IGNORECASE)
_GAIN = re.compile(r"\bGain[ \t]*(\S*)[ \t]*dB", re.IGNORECASE)
_Q = re.compile(r"(?<![^ \t])Q[ \t]+(\S*)$", re.IGNORECASE)
_BANDWIDTH = re.compile(r"\bBW[ \t]+Oct[ \t]*(\S*)", re.IGNORECASE)


class RewText:
    """Reads and writes REW's filter text."""

    info = FormatInfo(
        id="rew",
        title="REW filter text",
        host="Room EQ Wizard, and tools that import its filters (Equalizer APO, HouseCurve, miniDSP tools)",
        suffixes=(".rew.txt",),
        how_to_import="REW: EQ window, Filter Tasks, Load filter settings from file; Equalizer APO: Include of the file",
        precision_db=0.01,
        limits=Limits(max_bands=20, freq_hz=(10.0, 24_000.0), gain_db=(-30.0, 30.0), q=(0.1, 50.0)),
        aliases=("room-eq-wizard",),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes have one of the header lines that make it a file of REW."""
        return _HEADER.search(head.decode("utf-8", "replace")) is not None

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read from such a text keeps its other lines and the spelling of what did not change."""
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
        text = text_of(data)
        if not _HEADER.search(text[:5_000]):
            raise PresetReadError("has neither 'Filter Settings file' nor 'Equaliser:' at its top")
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
            named = _NOTES.fullmatch(line.rstrip("\r"))
            if named and not name:
                name = one_line(named[1])
        return Preset(
            settings([piece.says for piece in pieces if isinstance(piece.says, Band)], 0.0),
            name=name,
            source=Source(Pieces(tuple(pieces))),
            notes=tuple(notes),
        )


def _filter(text: str, where: str, notes: list[Note]) -> Band | None:
    """Return the band of what follows "Filter 1:", None where it is none of ours."""
    stated = _STATE.fullmatch(text)
    if stated is None:
        raise PresetReadError(f"filter {text[:40]!r} is neither ON nor OFF with a type", where=where)
    enabled, rest = stated[1].upper() == "ON", stated[2]
    typed = re.split(r"\b(?:Fc|Gain)\b", rest, maxsplit=1, flags=re.IGNORECASE)[0].strip()
    kind = _KINDS.get(re.sub(r"[ \t]", "", typed).upper())
    if kind is None:
        if enabled and typed.upper() not in ("NONE", ""):
            notes.append(Note("unknown", None, where, f"filter type {typed[:40]!r} is not read", None))
        return None
    if not enabled and not rest[len(typed) :].strip():
        return None
    freq, gain, q = _FREQ.search(rest), _GAIN.search(rest), _Q.search(rest)
    if freq is None or gain is None:
        raise PresetReadError(f"{'freq_hz' if freq is None else 'gain_db'} is missing", where=where)
    freq_hz = number(freq[1], "freq_hz", where) * (1_000.0 if freq[2] else 1.0)
    gain_db = number(gain[1], "gain_db", where)
    width = number(q[1], "q", where) if q else _width_without_q(kind, rest, gain_db, where)
    return band(kind, freq_hz, gain_db, width, enabled=enabled, where=where)


def _width_without_q(kind: BandKind, rest: str, gain_db: float, where: str) -> float:
    if kind is not BandKind.PEAK:
        if abs(gain_db) > 60.0:
            raise PresetReadError(f"gain_db {gain_db:g} is outside -60..60", where=where)
        return shelf_slope_to_q(_SLOPE_WITHOUT_Q, gain_db)
    bandwidth = _BANDWIDTH.search(rest)
    if bandwidth is None:
        raise PresetReadError("q is missing", where=where)
    bandwidth_oct = number(bandwidth[1], "bandwidth", where)
    if not 0.001 <= bandwidth_oct <= 20.0:
        raise PresetReadError(f"bandwidth {bandwidth_oct:g} is outside 0.001..20 octaves", where=where)
    return bandwidth_oct_to_q(bandwidth_oct)


def _renamed(piece: Piece, name: str) -> Piece:
    found = _NOTES.fullmatch(piece.text.rstrip("\r"))
    if found is None or one_line(found[1]) == name or not name:
        return piece
    return Piece(f"Notes:{name}{piece.text[len(piece.text.rstrip(chr(13))) :]}")


def _band_line(held: Band, count: int) -> str:
    state = "ON " if held.enabled else "OFF"
    freq = _decimals(held.freq_hz, 2, 4 if held.freq_hz < 1_000.0 else 2)
    freq = f"{freq}0" if re.fullmatch(r"\d+\.\d{3}", freq) else freq
    gain, q = _decimals(held.gain_db, 2, 4), _decimals(held.q, 3, 5)
    return f"Filter {count:2d}: {state} {_WRITTEN[held.kind]:<8} Fc {freq:>8} Hz  Gain {gain:>6} dB  Q {q:>6}"


def _decimals(value: float, fewest: int, most: int) -> str:
    """Return a number with so many decimals, trailing zeros left out down to the fewest."""
    whole, _, fraction = f"{value + 0.0:.{most}f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0').ljust(fewest, '0')}"
    return text.removeprefix("-") if float(text) == 0.0 else text


def _no_preamp(_preamp_db: float) -> str:
    raise AssertionError("the limits leave no preamp")


FORMAT: PresetFormat = RewText()
