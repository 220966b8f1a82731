"""Equalizer APO configuration with parametric filters; the same text is AutoEq's ParametricEQ.txt.

    Preamp: -5.9 dB
    Filter 1: ON LSC Fc 105.0 Hz Gain 8.1 dB Q 0.7
    Filter 2: ON PK Fc 1604.0 Hz Gain -2.7 dB Q 1.23
    Filter 3: OFF HSC Fc 10000.0 Hz Gain -7.5 dB Q 0.7

| type | meaning | read | written |
| --- | --- | --- | --- |
| PK, PEQ, Modal | peak with Q, or "BW Oct" (bandwidth in octaves) | yes | PK |
| LSC, HSC | shelf at its centre frequency, with Q | yes | LSC, HSC |
| LSC, HSC "x dB" | the same with a slope in dB per octave (S = x / 12) | yes | |
| LS, HS | shelf without Q: centre frequency and slope S = 0.9 | yes | |
| LS, HS "x dB" | slope in dB per octave, and a corner frequency: centre = f * 10^(|g| / (80 S)), for HS divided | yes | |
| LS, HS with Q | centre frequency and Q, as SoundSource writes it (Equalizer APO takes a corner frequency); said in a note | yes | |
| None, LP, HP, NO, AP, BP, IIR | no band of ours: line kept, said in a note when ON | kept | |

Source: Equalizer APO, filters/BiQuadFilterFactory.cpp, BiQuadFilter.cpp, PreampFilterFactory.cpp (commit 0c1b4e4 of the mirror), and the
reader of PipeWire's param_eq (spa/plugins/filter-graph, load_eq_bands). Facts in them that decide how we write:
- Equalizer APO takes a frequency with exactly three decimals for one with a thousands separator ("104.937" is 104937 Hz): never written.
- PipeWire takes the first line for the preamp whatever it is: a Preamp line is always written, first, and no comment before it.
- PipeWire reads at most 8 characters of a frequency and 6 of gain and Q, and skips the band where there are more: no number is longer.
Lines that hold no band of ours are kept and written back; an unchanged band keeps its own spelling, so read and write give equal bytes.
Unknown: how each of the many importers of this text treats OFF lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_export.units import bandwidth_oct_to_q, shelf_slope_to_q
from semeq_presets.file_formats._curves import difference_note, fine_grid
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._places import EQUALIZER_APO
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_BOM = "\ufeff"
_KINDS = {
    "PK": BandKind.PEAK,
    "PEQ": BandKind.PEAK,
    "MODAL": BandKind.PEAK,
    "LS": BandKind.LOW_SHELF,
    "LSC": BandKind.LOW_SHELF,
    "HS": BandKind.HIGH_SHELF,
    "HSC": BandKind.HIGH_SHELF,
}
_WRITTEN = {BandKind.PEAK: "PK", BandKind.LOW_SHELF: "LSC", BandKind.HIGH_SHELF: "HSC"}
_SLOPE_WITHOUT_Q = 0.9
_MAX_LINES = 10_000
_MAX_LINE_CHARS = 500
_MAX_BANDS = 1_000

_REW = re.compile(r"^[ \t]*(Filter Settings file|Equali[sz]er:)", re.IGNORECASE | re.MULTILINE)
_OURS = re.compile(r"^[ \t]*Filter[ \t]*\d*[ \t]*:[ \t]*(ON|OFF)\b", re.IGNORECASE | re.MULTILINE)
_SHARED = re.compile(r"^[ \t]*Preamp[ \t]*:", re.IGNORECASE | re.MULTILINE)
_GRAPHIC = re.compile(r"^[ \t]*GraphicEQ[ \t]*:", re.IGNORECASE | re.MULTILINE)
_COMMAND = re.compile(r"([A-Za-z]+)[ \t]*\d*")
_STATE = re.compile(r"[ \t]*(ON|OFF)[ \t]+([A-Za-z]+)(.*)", re.IGNORECASE)
_FREQ = re.compile(r"\bFc[ \t]*(\S*)[ \t]*Hz", re.IGNORECASE)
_GAIN = re.compile(r"\bGain[ \t]*(\S*)[ \t]*dB", re.IGNORECASE)
_Q = re.compile(r"(?<![^ \t])Q(?:[ \t]+(\S+)|(?=[ \t]*$))", re.IGNORECASE)
_BANDWIDTH = re.compile(r"\bBW[ \t]+Oct[ \t]*(\S*)", re.IGNORECASE)
_SLOPE = re.compile(r"[ \t]*([^ \tA-Za-z]+)[ \t]*dB", re.IGNORECASE)
_PREAMP = re.compile(r"[ \t]*(\S*)[ \t]*dB[ \t]*", re.IGNORECASE)
_THOUSANDS = re.compile(r"[-+]?\d+\.\d{3}")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the file without its end. what: "preamp", "band" (the next one in order) or "" for everything else."""

    what: str
    text: str
    end: str


@dataclass(frozen=True, slots=True)
class _Text:
    """The lines of a file."""

    lines: tuple[_Line, ...]


class EqualizerApo:
    """Reads and writes Equalizer APO's parametric text."""

    info = FormatInfo(
        id="eqapo",
        title="Equalizer APO / AutoEq parametric text",
        host="Equalizer APO, Peace, EasyEffects, PipeWire, SoundSource and other importers of AutoEq's ParametricEQ.txt",
        suffixes=(".txt",),
        how_to_import="Equalizer APO: copy it into C:\\Program Files\\EqualizerAPO\\config and include it in the Configuration Editor; "
        "others: import it as AutoEq or parametric EQ text",
        precision_db=0.05,
        limits=Limits(freq_hz=(10.0, 96_000.0), gain_db=(-60.0, 60.0), q=(0.05, 100.0), preamp_db=(-99.0, 99.0)),
        protects=True,
        aliases=("equalizer-apo", "autoeq", "peace"),
        places=EQUALIZER_APO,
        remark="0.006 dB on words; a note where numbers of 6 characters cost more",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether a line of the first bytes is a filter, or a preamp without a graphic EQ, and none says that the file is one of REW's."""
        text = head.decode("utf-8", "replace").removeprefix(_BOM)
        ours = _OURS.search(text) or (_SHARED.search(text) and not _GRAPHIC.search(text))
        return bool(ours) and not _REW.search(text)

    def write(self, preset: Preset) -> Written:
        """Return the text; a preset that was read from such a text keeps its other lines and the spelling of what did not change.

        A note says so where the shortness of numbers costs more than the format's precision: many bands at the ends of their ranges.
        """
        before = preset.parts(_Text)
        if before is not None:
            text = _merged(before.lines, preset.single)
        else:
            text = "".join(f"{line}\n" for line in (_preamp_line(preset.single.preamp_db), *_band_lines(preset.single.bands, 1)))
        files = {"preset.txt": text.encode("utf-8")}
        freqs_hz = fine_grid(preset)
        held = Curve(freqs_hz, replace(preset, eq=self.read(files).eq).response_db(freqs_hz))
        return Written(files, difference_note(preset, held, self.info.precision_db, "numbers of at most 6 characters"))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and field."""
        (data,) = files.values()
        bands: list[Band] = []
        notes: list[Note] = []
        lines: list[_Line] = []
        preamp_db = 0.0
        for count, (text, end) in enumerate(_split(text_of(data)), start=1):
            where = f"line {count}"
            if count > _MAX_LINES or len(bands) > _MAX_BANDS:
                raise PresetReadError(f"more than {_MAX_LINES} lines or {_MAX_BANDS} bands", where=where)
            command, parameters = _command(text)
            if command in ("preamp", "filter") and len(text) > _MAX_LINE_CHARS:
                raise PresetReadError(f"a {command} of more than {_MAX_LINE_CHARS} characters", where=where)
            what = ""
            if command == "preamp":
                preamp_db += _preamp(parameters, where)
                what = "preamp"
            elif command == "filter":
                found = _filter(parameters, len(bands) + 1, where, notes)
                if found is not None:
                    bands.append(found)
                    what = "band"
            elif command:
                notes.append(Note("unknown", None, where, f"command {command!r} is not read", None))
            lines.append(_Line(what, text, end))
        if not any(line.what for line in lines) and not notes:
            raise PresetReadError("has no 'Preamp:' and no 'Filter:' line")
        return Preset(settings(bands, preamp_db), source=Source(_Text(tuple(lines))), notes=tuple(notes))


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Yield lines and their ends; only \\n and \\r\\n end a line."""
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        body = line.rstrip("\n").removesuffix("\r") if line.endswith("\n") else line
        yield body, line[len(body) :]


def _command(text: str) -> tuple[str, str]:
    """Return a line's command in lower case and its parameters; the command is empty for comments and other text."""
    head, colon, parameters = text.removeprefix(_BOM).partition(":")
    found = _COMMAND.fullmatch(head.strip(" \t")) if colon and len(head) <= _MAX_LINE_CHARS else None
    return (found[1][:40].lower(), parameters) if found else ("", "")


def _preamp(text: str, where: str) -> float:
    found = _PREAMP.fullmatch(text)
    if found is None:
        raise PresetReadError(f"preamp_db {text.strip()[:60]!r} is not a number of dB, such as -5.9 dB", where=where)
    return number(found[1], "preamp_db", where)


def _filter(text: str, index: int, where: str, notes: list[Note]) -> Band | None:
    """Return the band of a filter line, None where it holds none of ours."""
    found = _STATE.fullmatch(text)
    if found is None:
        if text.strip().upper() in ("ON", "OFF", ""):
            return None
        raise PresetReadError(f"filter {text.strip()[:40]!r} is neither ON nor OFF with a type", where=where)
    enabled, typed, rest = found[1].upper() == "ON", found[2].upper(), found[3]
    kind = _KINDS.get(typed)
    if kind is None:
        if enabled and typed != "NONE":
            notes.append(Note("unknown", None, where, f"filter type {found[2][:40]!r} is not read", None))
        return None
    if not enabled and not rest.strip():
        return None
    freq_hz = _value(_FREQ, rest, "freq_hz", where)
    gain_db = _value(_GAIN, rest, "gain_db", where)
    if _THOUSANDS.fullmatch(_FREQ.search(rest)[1]):  # type: ignore[index]  # _value has found it
        notes.append(Note("approximated", index, "freq_hz", f"{freq_hz * 1e3:g} as Equalizer APO reads three decimals", freq_hz))
    if kind is BandKind.PEAK:
        q = _peak_q(rest, where)
    else:
        freq_hz, q = _shelf(typed, rest, freq_hz, gain_db, index, where, notes)
    return band(kind, freq_hz, gain_db, q, enabled=enabled, where=where)


def _value(pattern: re.Pattern[str], text: str, name: str, where: str) -> float:
    found = pattern.search(text)
    if found is None:
        raise PresetReadError(f"{name} is missing", where=where)
    return number(found[1] or "", name, where)


def _peak_q(rest: str, where: str) -> float:
    if _Q.search(rest):
        return _value(_Q, rest, "q", where)
    if not _BANDWIDTH.search(rest):
        raise PresetReadError("q is missing", where=where)
    bandwidth_oct = _value(_BANDWIDTH, rest, "bandwidth", where)
    if not 0.001 <= bandwidth_oct <= 20.0:
        raise PresetReadError(f"bandwidth {bandwidth_oct:g} is outside 0.001..20 octaves", where=where)
    return bandwidth_oct_to_q(bandwidth_oct)


def _shelf(typed: str, rest: str, freq_hz: float, gain_db: float, index: int, where: str, notes: list[Note]) -> tuple[float, float]:
    """Return centre frequency and Q of a shelf, whose line gives a Q, a slope or neither."""
    centred = typed.endswith("C")
    sloped = _SLOPE.match(rest)
    if sloped is None and _Q.search(rest):
        if not centred:
            notes.append(Note("approximated", index, "freq_hz", "corner frequency in Equalizer APO", "centre frequency, as elsewhere"))
        return freq_hz, _value(_Q, rest, "q", where)
    slope = number(sloped[1], "slope", where) / 12.0 if sloped else _SLOPE_WITHOUT_Q
    if not 0.01 <= slope <= 10.0 or abs(gain_db) > 60.0:
        raise PresetReadError(f"slope {slope * 12.0:g} dB is outside 0.12..120 dB, or gain_db {gain_db:g} outside -60..60", where=where)
    try:
        q = shelf_slope_to_q(slope, gain_db)
    except ValueError as error:
        raise PresetReadError(str(error), where=where) from error
    if sloped is None or centred:
        return freq_hz, q
    factor = 10.0 ** (abs(gain_db) / 80.0 / slope)
    return (freq_hz * factor if typed == "LS" else freq_hz / factor), q


def _merged(lines: tuple[_Line, ...], eq: EqSettings) -> str:
    """Return the lines as read, with what the EQ says now: changed bands rewritten, missing ones left out, new ones put behind the last."""
    was_db = 0.0
    for line in lines:
        was_db += _preamp(_command(line.text)[1], "") if line.what == "preamp" else 0.0
    ending = next((line.end for line in lines if line.end), "\n")
    last = max((place for place, line in enumerate(lines) if line.what == "band"), default=len(lines) - 1)
    result: list[str] = []
    used = 0
    preamp_written = False
    if not any(line.what == "preamp" for line in lines) and eq.preamp_db != 0.0:
        result.append(_preamp_line(eq.preamp_db) + ending)
    for place, line in enumerate(lines):
        text: str | None = line.text
        mark = _BOM if line.text.startswith(_BOM) else ""
        if line.what == "preamp" and was_db != eq.preamp_db:
            text = None if preamp_written else mark + _preamp_line(eq.preamp_db)
            preamp_written = True
        elif line.what == "band":
            used += 1
            text = _band_text(line.text, mark, used, eq)
        if text is not None:
            result.append(text + line.end)
        if place == last and used < len(eq.bands):
            if result and not result[-1].endswith("\n"):
                result[-1] += ending
            result += [added + ending for added in _band_lines(eq.bands[used:], used + 1)]
    return "".join(result)


def _band_text(text: str, mark: str, count: int, eq: EqSettings) -> str | None:
    if count > len(eq.bands):
        return None
    if _filter(_command(text)[1], count, "", []) == eq.bands[count - 1]:
        return text
    (line,) = _band_lines(eq.bands[count - 1 : count], count)
    return mark + line


def _preamp_line(preamp_db: float) -> str:
    return f"Preamp: {_short(preamp_db, 4)} dB"


def _band_lines(bands: tuple[Band, ...], first: int) -> Iterator[str]:
    for count, held in enumerate(bands, start=first):
        state = "ON" if held.enabled else "OFF"
        numbers = f"Fc {_freq(held.freq_hz)} Hz Gain {_short(held.gain_db, 4)} dB Q {_short(held.q, 4)}"
        yield f"Filter {count}: {state} {_WRITTEN[held.kind]} {numbers}"


def _freq(freq_hz: float) -> str:
    """Return a frequency in at most 8 characters, and never with three decimals (see above)."""
    decimals = 4 if round(freq_hz, 4) < 1_000.0 else 2
    text = plain_decimal(round(freq_hz, decimals), 9)
    return f"{text}0" if _THOUSANDS.fullmatch(text) else text


def _short(value: float, decimals: int) -> str:
    """Return a number in at most 6 characters: so many decimals, or as many as there is room for."""
    for places in range(decimals, 0, -1):
        text = f"{value + 0.0:.{places}f}"
        if len(text) <= 6:
            break
    trimmed = text.rstrip("0")
    trimmed += "0" if trimmed.endswith(".") else ""
    return "0.0" if trimmed == "-0.0" else trimmed


FORMAT: PresetFormat = EqualizerApo()
