"""Faust source: a stereo EQ as one readable program, for every target that the Faust compiler has (plug-ins, web, C++, hardware).

    declare name "Warm";
    import("stdfaust.lib");

    // One line per filter, in series: fi.svf filters have the response of the Audio EQ Cookbook.
    eq = _
      : *(ba.db2linear(-5.9)) // preamp in dB
      : fi.svf.ls(105.0, 0.71, -4.5) // low shelf: Hz, Q, dB
      : fi.svf.bell(240.0, 1.2, 3.5) // peak
      : fi.svf.hs(8000.0, 0.71, 4.0) // high shelf
      ;

    process = eq, eq;

Read: programs of this shape, one stage of the series per line. Other lines, and stages that are no band of ours, are kept; the latter are
said in a note. The values are constants and not sliders, so that a compiled preset is exactly what it was exported as.
Source: Faust libraries, filters.lib, `fi.svf` (arguments frequency, Q, gain in dB), as of Faust 2.54.
"""

from __future__ import annotations

import re

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of, preamp_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_KINDS = {"ls": BandKind.LOW_SHELF, "bell": BandKind.PEAK, "hs": BandKind.HIGH_SHELF}
_WRITTEN = {kind: name for name, kind in _KINDS.items()}
_COMMENTS = {BandKind.LOW_SHELF: "low shelf: Hz, Q, dB", BandKind.PEAK: "peak", BandKind.HIGH_SHELF: "high shelf"}
_DIGITS = 12
_MAX_LINES = 2_000
_MAX_LINE_CHARS = 1_000
_HEAD = """declare name "{name}";
import("stdfaust.lib");

// One line per filter, in series: fi.svf filters have the response of the Audio EQ Cookbook.
eq = _
  : *(ba.db2linear(0.0)) // preamp in dB
  ;

process = eq, eq;
"""
_START = re.compile(r"eq[ \t]*=[ \t]*_[ \t]*")
_FILTER = re.compile(r"fi\.svf\.(ls|bell|hs)[ \t]*\(([^(),]*),([^(),]*),([^(),]*)\)")
_PREAMP = re.compile(r"\*[ \t]*\([ \t]*ba\.db2linear[ \t]*\(([^()]*)\)[ \t]*\)")
_NAME = re.compile(r'[ \t]*declare[ \t]+name[ \t]+"([^"\\]*)"[ \t]*;[ \t\r]*')


class FaustDsp:
    """Reads and writes the program."""

    info = FormatInfo(
        id="faust",
        title="Faust source",
        host="Faust (faust2jack, faust2vst, faust2lv2, faustide.grame.fr and other targets)",
        suffixes=(".dsp",),
        how_to_import="open it in faustide.grame.fr, or compile it: faust2jaqt FILE, faust2lv2 FILE, faust -double FILE",
        precision_db=1e-5,
        limits=Limits(freq_hz=(1.0, 96_000.0), gain_db=(-60.0, 60.0), q=(0.01, 100.0), preamp_db=(-90.0, 90.0), holds_disabled=False),
        verified="Faust 2.54.9",
        measured_in=(MeasuringHost("faust", "source"),),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes import Faust's library and start a series of filters."""
        text = head.decode("utf-8", "replace")
        return "stdfaust.lib" in text and re.search(r"^eq[ \t]*=[ \t]*_", text, re.MULTILINE) is not None

    def write(self, preset: Preset) -> Written:
        """Return the program; a preset that was read keeps its other lines and the spelling of what did not change."""
        name = _quotable(preset.name)
        pieces = pieces_of(preset)
        if pieces is None:
            pieces = _pieces(_HEAD.replace("{name}", name), [])
        elif name:
            pieces = tuple(Piece(f'declare name "{name}";') if _renames(piece, name) else piece for piece in pieces)
        end = next(index for index, piece in enumerate(pieces) if piece.text.split("//")[0].strip() == ";")
        text = merged(pieces, preset.single, separator="\n", band_text=_band_line, preamp_text=_preamp_line, end=end)
        return Written({"preset.dsp": text.encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and argument."""
        (data,) = files.values()
        notes: list[Note] = []
        pieces = _pieces(text_of(data), notes)
        named = [found[1] for piece in pieces if (found := _NAME.fullmatch(piece.text))]
        bands = [piece.says for piece in pieces if isinstance(piece.says, Band)]
        return Preset(
            settings(bands, preamp_of(pieces)), name=one_line((named or [""])[0]), source=Source(Pieces(pieces)), notes=tuple(notes)
        )


def _pieces(text: str, notes: list[Note]) -> tuple[Piece, ...]:
    """Return the lines of a program; raises PresetReadError where it is not one series of stages, fed to the outputs unchanged."""
    lines = text.split("\n")
    if len(lines) > _MAX_LINES or any(len(line) > _MAX_LINE_CHARS for line in lines):
        raise PresetReadError(f"more than {_MAX_LINES} lines, or one of more than {_MAX_LINE_CHARS} characters")
    code = [line.split("//")[0].strip() for line in lines]
    starts = [index for index, line in enumerate(code) if _START.fullmatch(line)]
    if len(starts) != 1 or ";" not in code[starts[0] :]:
        raise PresetReadError("has no series of filters between a line 'eq = _' and a line ';'")
    start, end = starts[0], code.index(";", starts[0])
    if not any(re.fullmatch(r"process[ \t]*=[ \t]*eq([ \t]*,[ \t]*eq)*[ \t]*;", line) for line in code):
        raise PresetReadError("has no line 'process = eq, eq;', so what it does is not known")
    pieces = []
    for index, line in enumerate(lines):
        inside = start < index < end and code[index]
        pieces.append(Piece(line, _stage(code[index], f"line {index + 1}", notes) if inside else None))
    return tuple(pieces)


def _stage(code: str, where: str, notes: list[Note]) -> Band | float | None:
    if not code.startswith(":"):
        raise PresetReadError(f"{code[:40]!r} does not start with ':'", where=where)
    stage = code[1:].strip()
    preamp, filtered = _PREAMP.fullmatch(stage), _FILTER.fullmatch(stage)
    if preamp:
        return settings([], number(preamp[1].strip(), "preamp_db", where), where).preamp_db
    if filtered:
        names = ("freq_hz", "q", "gain_db")
        freq_hz, q, gain_db = (number(text.strip(), name, where) for name, text in zip(names, filtered.groups()[1:], strict=True))
        return band(_KINDS[filtered[1]], freq_hz, gain_db, q, where=where)
    notes.append(Note("unknown", None, where, f"{stage[:60]!r} is not read", None))
    return None


def _renames(piece: Piece, name: str) -> bool:
    found = _NAME.fullmatch(piece.text)
    return found is not None and one_line(found[1]) != name


def _quotable(name: str) -> str:
    """Return a name as it can stand between Faust's quotes, which know no escapes."""
    return one_line(name.replace('"', "'").replace("\\", "/"))


def _band_line(held: Band, _number: int) -> str:
    freq, q, gain = (plain_decimal(value, _DIGITS) for value in (held.freq_hz, held.q, held.gain_db))
    return f"  : fi.svf.{_WRITTEN[held.kind]}({freq}, {q}, {gain}) // {_COMMENTS[held.kind]}"


def _preamp_line(preamp_db: float) -> str:
    return f"  : *(ba.db2linear({plain_decimal(preamp_db, _DIGITS)})) // preamp in dB"


FORMAT: PresetFormat = FaustDsp()
