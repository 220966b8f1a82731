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

| stage | band |
| --- | --- |
| fi.svf.ls, bell, hs (Hz, Q, dB); hp, lp, notch, ap (Hz, Q) | those of the cookbook |
| fi.svf.bp (Hz, Q) / Q | band-pass; without the division its gain is Q |
| fi.highpass, fi.lowpass (order, Hz) | Butterworth of any order |
| several fi.svf.hp or lp, and one of first order, of one frequency with ":" between them | a pass of a high order and another Q |
| fi.tf1s(b1, b0, a0, 2*ma.PI*Hz) | shelf or all-pass of first order, its numbers as written here: the analogue filter around 1 |

Channels that differ are two series, eq_left and eq_right, and "process = eq_left, eq_right;".

Read: programs of this shape, one stage of the series per line. Other lines, and stages that are no band of ours, are kept; the latter are
said in a note. The values are constants and not sliders, so that a compiled preset is exactly what it was exported as.
Source: Faust libraries, filters.lib (`svf`, `lowpass`, `highpass`, `tf1s`), as of Faust 2.54.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from semeq_export.eq.biquad import pass_qs
from semeq_export.eq.channels import LEFT, RIGHT, ChannelEqs
from semeq_export.eq.settings import MAX_PASS_ORDER, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._pieces import Piece, Pieces, merged, pieces_of, preamp_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_KINDS = {
    "ls": BandKind.LOW_SHELF,
    "bell": BandKind.PEAK,
    "hs": BandKind.HIGH_SHELF,
    "hp": BandKind.HIGH_PASS,
    "lp": BandKind.LOW_PASS,
    "notch": BandKind.NOTCH,
    "bp": BandKind.BAND_PASS,
    "ap": BandKind.ALL_PASS,
}
_WRITTEN = {kind: name for name, kind in _KINDS.items()}
_COMMENTS = {kind: kind.value.replace("_", " ") for kind in BandKind} | {BandKind.LOW_SHELF: "low shelf: Hz, Q, dB"}
_PASSES = {BandKind.HIGH_PASS: "highpass", BandKind.LOW_PASS: "lowpass"}
_PASS_NAMES = {name: kind for kind, name in _PASSES.items()}
_FIRST_ORDER = frozenset({1, 2})
_DIGITS = 15
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
_HEAD_APART = _HEAD.replace("eq = _", "eq_left = _").replace(
    "process = eq, eq;", "eq_right = _\n  : *(ba.db2linear(0.0)) // preamp in dB\n  ;\n\nprocess = eq_left, eq_right;"
)
_START = re.compile(r"eq(_left|_right)?[ \t]*=[ \t]*_[ \t]*")
_PROCESS = re.compile(r"process[ \t]*=[ \t]*eq([ \t]*,[ \t]*eq)*[ \t]*;")
_PROCESS_APART = re.compile(r"process[ \t]*=[ \t]*eq_left[ \t]*,[ \t]*eq_right[ \t]*;")
_FILTER = re.compile(r"fi\.svf\.(ls|bell|hs)[ \t]*\(([^(),]*),([^(),]*),([^(),]*)\)")
_GAINLESS = re.compile(r"fi\.svf\.(hp|lp|notch|bp|ap)[ \t]*\(([^(),]*),([^(),]*)\)(?:[ \t]*/([^(),:]*))?")
_BUTTERWORTH = re.compile(r"fi\.(highpass|lowpass)[ \t]*\([ \t]*(\d{1,2})[ \t]*,([^(),]*)\)")
_FIRST = re.compile(r"fi\.tf1s[ \t]*\((.*),(.*),(.*),[ \t]*2[ \t]*\*[ \t]*ma\.PI[ \t]*\*([^(),]*)\)")
_LINEAR = re.compile(r"ba\.db2linear[ \t]*\(([^()]*)\)")
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
        limits=Limits(
            kinds=frozenset(_KINDS.values()),
            orders={
                **dict.fromkeys((BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.ALL_PASS), _FIRST_ORDER),
                **dict.fromkeys(_PASSES, frozenset(range(1, MAX_PASS_ORDER + 1))),
            },
            freq_hz=(1.0, 96_000.0),
            gain_db=(-60.0, 60.0),
            q=(0.01, 100.0),
            preamp_db=(-90.0, 90.0),
            holds_disabled=False,
            channels=(LEFT, RIGHT),
        ),
        verified="Faust 2.54.9",
        measured_in=(MeasuringHost("faust", "source"),),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes import Faust's library and start a series of filters."""
        text = head.decode("utf-8", "replace")
        return "stdfaust.lib" in text and re.search(r"^eq(_left|_right)?[ \t]*=[ \t]*_", text, re.MULTILINE) is not None

    def write(self, preset: Preset) -> Written:
        """Return the program; a preset that was read keeps its other lines and the spelling of what did not change."""
        name = _quotable(preset.name)
        eqs: dict[str, EqSettings] = {"": preset.eq} if isinstance(preset.eq, EqSettings) else {LEFT: EqSettings(), RIGHT: EqSettings()}
        if isinstance(preset.eq, ChannelEqs):
            eqs.update(preset.eq)
        pieces = pieces_of(preset)
        if pieces is None or {part for part, _ in _series(pieces)} != set(eqs):
            pieces = _pieces((_HEAD if "" in eqs else _HEAD_APART).replace("{name}", name), [])
        elif name:
            pieces = tuple(Piece(f'declare name "{name}";') if _renames(piece, name) else piece for piece in pieces)
        texts = []
        for part, lines in _series(pieces):
            end = next(index for index, piece in enumerate(lines) if piece.text.split("//")[0].strip() == ";")
            texts.append(merged(lines, eqs[part], separator="\n", band_text=_band_line, preamp_text=_preamp_line, end=end))
        return Written({"preset.dsp": "\n".join(texts).encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and argument."""
        (data,) = files.values()
        notes: list[Note] = []
        pieces = _pieces(text_of(data), notes)
        named = [found[1] for piece in pieces if (found := _NAME.fullmatch(piece.text))]
        eqs = [(part, _sum(lines)) for part, lines in _series(pieces)]
        eq = eqs[0][1] if not eqs[0][0] else ChannelEqs(tuple(sorted(eqs)))
        return Preset(eq, name=one_line((named or [""])[0]), source=Source(Pieces(pieces), eq=eq, is_whole=True), notes=tuple(notes))


def _sum(pieces: Sequence[Piece]) -> EqSettings:
    return settings([piece.says for piece in pieces if isinstance(piece.says, Band)], preamp_of(pieces))


def _series(pieces: Sequence[Piece]) -> list[tuple[str, tuple[Piece, ...]]]:
    """Return the lines of each series with its channel, "" for all, and with what stands before the first or behind it."""
    starts = [(index, found) for index, piece in enumerate(pieces) if (found := _START.fullmatch(piece.text.split("//")[0].strip()))]
    bounds = [0, *(index for index, _ in starts[1:]), len(pieces)]
    names = [(found[1] or "").removeprefix("_") for _, found in starts]
    return [(name, tuple(pieces[bounds[number] : bounds[number + 1]])) for number, name in enumerate(names)]


def _pieces(text: str, notes: list[Note]) -> tuple[Piece, ...]:
    """Return the lines of a program; raises PresetReadError where it is not one series of stages, or two, fed to the outputs unchanged."""
    lines = text.split("\n")
    if len(lines) > _MAX_LINES or any(len(line) > _MAX_LINE_CHARS for line in lines):
        raise PresetReadError(f"more than {_MAX_LINES} lines, or one of more than {_MAX_LINE_CHARS} characters")
    code = [line.split("//")[0].strip() for line in lines]
    starts = [index for index, line in enumerate(code) if _START.fullmatch(line)]
    names = sorted(code[start].partition("=")[0].strip() for start in starts)
    apart = names == ["eq_left", "eq_right"]
    if not (apart or names == ["eq"]) or any(";" not in code[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)):
        raise PresetReadError("has no series of filters between a line 'eq = _' and a line ';', nor such of eq_left and eq_right")
    if not any((_PROCESS_APART if apart else _PROCESS).fullmatch(line) for line in code):
        wanted = "eq_left, eq_right" if apart else "eq, eq"
        raise PresetReadError(f"has no line 'process = {wanted};', so what it does is not known")
    inside = {index for start in starts for index in range(start + 1, code.index(";", start)) if code[index]}
    return tuple(
        _stage(line, code[index], f"line {index + 1}", notes) if index in inside else Piece(line) for index, line in enumerate(lines)
    )


def _stage(line: str, code: str, where: str, notes: list[Note]) -> Piece:
    if not code.startswith(":"):
        raise PresetReadError(f"{code[:40]!r} does not start with ':'", where=where)
    stage = code[1:].strip()
    preamp, level_db = _PREAMP.fullmatch(stage), 0.0
    if preamp:
        return Piece(line, settings([], number(preamp[1].strip(), "preamp_db", where), where).preamp_db)
    if ":" in stage:
        held = _in_series([_band(part.strip(), where)[0] for part in stage.split(":")], where)
    else:
        held, level_db = _band(stage, where)
    if held is None:
        notes.append(Note("unknown", None, where, f"{stage[:60]!r} is not read", None))
    return Piece(line, held, level_db)


def _band(stage: str, where: str) -> tuple[Band | None, float]:
    """Return the band of a stage, None where it is none, and what it adds to the preamp in dB."""
    if found := _FILTER.fullmatch(stage):
        freq_hz, q, gain_db = _numbers(found.groups()[1:], ("freq_hz", "q", "gain_db"), where)
        return band(_KINDS[found[1]], freq_hz, gain_db, q, where=where), 0.0
    if found := _GAINLESS.fullmatch(stage):
        freq_hz, q = _numbers((found[2], found[3]), ("freq_hz", "q"), where)
        factor = 1.0 if found[4] is None else number(found[4].strip(), "factor", where)
        held = band(_KINDS[found[1]], freq_hz, 0.0, q, where=where)
        if factor <= 0.0:
            return None, 0.0
        level_db = -amplitude_to_db(factor) + (amplitude_to_db(q) if held.kind is BandKind.BAND_PASS else 0.0)
        return held, level_db
    if found := _BUTTERWORTH.fullmatch(stage):
        (freq_hz,) = _numbers((found[3],), ("freq_hz",), where)
        return band(_PASS_NAMES[found[1]], freq_hz, 0.0, 0.7071, order=int(found[2]), where=where), 0.0
    if found := _FIRST.fullmatch(stage):
        b1, b0, a0, freq = (text.strip() for text in found.groups())
        return _first_order((b1, b0, a0), freq, where), 0.0
    return None, 0.0


def _first_order(numbers: tuple[str, str, str], freq: str, where: str) -> Band | None:
    """Return the shelf or all-pass of first order that the numbers of a `tf1s` mean, None where they mean another filter."""
    freq_hz = number(freq, "freq_hz", where)
    if numbers == ("-1.0", "1.0", "1.0"):
        return band(BandKind.ALL_PASS, freq_hz, 0.0, 0.7071, order=1, where=where)
    in_db = [number(found[1].strip(), "gain_db", where) if (found := _LINEAR.fullmatch(text)) else None for text in numbers]
    top, middle, pole = in_db
    if middle is None or pole is None:
        return None
    if numbers[0] == "1.0" and math.isclose(pole, -middle, rel_tol=1e-9):
        return band(BandKind.LOW_SHELF, freq_hz, 2.0 * middle, 0.7071, order=1, where=where)
    if top is not None and math.isclose(pole, middle, rel_tol=1e-9) and math.isclose(top, 2.0 * middle, rel_tol=1e-9):
        return band(BandKind.HIGH_SHELF, freq_hz, top, 0.7071, order=1, where=where)
    return None


def _in_series(parts: Sequence[Band | None], where: str) -> Band | None:
    """Return the pass of a high order whose sections these are, None where they are those of none."""
    sections = [part for part in parts if part is not None]
    first = sections[0] if sections else None
    if first is None or len(sections) != len(parts) or first.kind not in _PASSES:
        return None
    order = sum(section.order for section in sections)
    if order > MAX_PASS_ORDER or any((section.kind, section.freq_hz) != (first.kind, first.freq_hz) for section in sections):
        return None
    q = first.q / (pass_qs(order, 0.7071)[0] or 1.0) / math.sqrt(2.0)
    held = band(first.kind, first.freq_hz, 0.0, q, order=order, where=where)
    wanted = [(1, 0.7071) if section_q is None else (2, section_q) for section_q in pass_qs(order, q)]
    same = len(wanted) == len(sections) and all(
        section.order == section_order and math.isclose(section.q, section_q, rel_tol=1e-9)
        for section, (section_order, section_q) in zip(sections, wanted, strict=True)
    )
    return held if same else None


def _numbers(texts: Sequence[str], names: Sequence[str], where: str) -> list[float]:
    return [number(text.strip(), name, where) for text, name in zip(texts, names, strict=True)]


def _renames(piece: Piece, name: str) -> bool:
    found = _NAME.fullmatch(piece.text)
    return found is not None and one_line(found[1]) != name


def _quotable(name: str) -> str:
    """Return a name as it can stand between Faust's quotes, which know no escapes."""
    return one_line(name.replace('"', "'").replace("\\", "/"))


def _band_line(held: Band, _number: int) -> str:
    return f"  : {_stage_text(held)} // {_COMMENTS[held.kind]}"


def _stage_text(held: Band) -> str:
    freq, q, gain = (plain_decimal(value, _DIGITS) for value in (held.freq_hz, held.q, held.gain_db))
    if held.kind in _PASSES and held.order != 2:
        if held.order == 1 or abs(held.q - 0.7071) <= 1e-9:
            return f"fi.{_PASSES[held.kind]}({held.order}, {freq})"
        qs = pass_qs(held.order, held.q)
        return " : ".join(_stage_text(Band(held.kind, held.freq_hz, q=q or 0.7071, order=1 if q is None else 2)) for q in qs)
    if held.order == 1:
        half, less = plain_decimal(held.gain_db / 2.0, _DIGITS), plain_decimal(-held.gain_db / 2.0, _DIGITS)
        numbers = {
            BandKind.LOW_SHELF: f"1.0, ba.db2linear({half}), ba.db2linear({less})",
            BandKind.HIGH_SHELF: f"ba.db2linear({gain}), ba.db2linear({half}), ba.db2linear({half})",
        }
        return f"fi.tf1s({numbers.get(held.kind, '-1.0, 1.0, 1.0')}, 2*ma.PI*{freq})"
    gained = f", {gain}" if held.has_gain else ""
    return f"fi.svf.{_WRITTEN[held.kind]}({freq}, {q}{gained})" + (f" / {q}" if held.kind is BandKind.BAND_PASS else "")


def _preamp_line(preamp_db: float) -> str:
    return f"  : *(ba.db2linear({plain_decimal(preamp_db, _DIGITS)})) // preamp in dB"


FORMAT: PresetFormat = FaustDsp()
