"""Audacity macro with one Filter Curve EQ step; the same line is what the effect's own preset import takes. One line of text.

    FilterCurve:f0="20" f1="21.4" ... v0="-4.4" v1="-4.4" ... FilterLength="8191" InterpolateLin="0" InterpolationMethod="B-spline"

| parameter | meaning |
| --- | --- |
| f0, f1 ... | frequencies in Hz, ascending, at most 200 |
| v0, v1 ... | gains in dB, one for each f; all f stand before all v |
| FilterLength | taps of the linear-phase FIR filter, 8191 the most |
| InterpolateLin | 0: points are joined over log frequency |
| InterpolationMethod | of the graphic view only |

What Audacity makes of the points is not the curve through them: it samples that curve at 16,384 bins, and a Blackman window on the impulse
response blurs the result by about 12 Hz at 48 kHz. Our points make up for that (they are raised and lowered until the blurred curve is the
one that was asked for, at the preset's sample rate), and reading a file gives the blurred curve, which is what is heard.
Below -60 dB nothing is compared, and points go no deeper than -240 dB.
Points stand closer where the response bends more. Read: one FilterCurve step, parameters in any order; other steps of a macro and other
parameters are kept, a curve that did not change keeps its spelling.
Source: Audacity 3.2.4 (macro and preset export), src/effects/Equalization (CalcFilter); the model was within 0.0001 dB of what it rendered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, rfft

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import SILENT_DB
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats._curves import Lines, fine_grid, sampled_db, well_placed
from semeq_presets.file_formats._fields import number, plain_decimal, text_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Place, Preset, PresetFormat, Source, Written

_POINTS = 200
_BINS = 16_384
_BLURRED_BINS = 65_536
_LONGEST = 8_191
_ROUNDS = 24
_RELAXATION = 1.6  # over 2 it would not settle
_GOOD_DB = 0.02
_DIGITS = 7
_LOWEST_HZ = 20.0  # the gain there is also that of everything below
_FLOOR = 1e-15
_DEEPEST_DB = -120.0  # of points, where filters without a gain go on down
_MAX_LINES = 1_000
_DEFAULTS = {"FilterLength": "8191", "InterpolateLin": "0", "InterpolationMethod": "B-spline"}
_STEP = re.compile(r"[ \t]*FilterCurve:(.*)")
_OTHER = re.compile(r"[ \t]*(\w+):")
_PARAMETER = re.compile(r'([A-Za-z_]\w*)=(?:"([^"]*)"|([^\s"]+))[ \t]*')
_POINT = re.compile(r"([fv])(\d{1,4})")


_READ_RATE_HZ = 48_000.0


@dataclass(frozen=True, slots=True)
class _Macro:
    """The lines of a macro, and the parameters of its curve that are no points."""

    lines: Lines
    parameters: Mapping[str, str]


class AudacityCurve:
    """Reads and writes the macro."""

    info = FormatInfo(
        id="audacity",
        title="Audacity Filter Curve macro",
        host="Audacity 3",
        suffixes=(".audacity.txt",),
        how_to_import="Tools, Macro Manager, Import; or Effect, Filter Curve EQ, Presets & settings, Import",
        precision_db=0.1,
        carries="curve",
        limits=Limits(max_bands=10, freq_hz=(100.0, 20_000.0), gain_db=(-12.0, 12.0), q=(0.1, 3.0), preamp_db=(-30.0, 30.0)),
        verified="Audacity 3.2.4",
        places={
            "linux": Place(("{home}/.audacity-data", "{data}/audacity"), "Macros", is_flat=True),
            "darwin": Place(("{home}/Library/Application Support/audacity",), "Macros", is_flat=True),
            "win32": Place(("{appdata}/audacity",), "Macros", is_flat=True),
        },
        measured_in=(MeasuringHost("audacity", "macro", is_default=False),),
        remark="a curve of 200 points",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether a line of the first bytes is a FilterCurve step."""
        return any(_STEP.match(line) for line in head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines())

    def write(self, preset: Preset) -> Written:
        """Return the line, and a note where straight lines between its points are further off than the format's precision."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.audacity.txt": same})
        macro = preset.parts(_Macro) or _Macro(Lines(("", ""), 0), _DEFAULTS)
        grid_hz = fine_grid(preset)
        freqs = [plain_decimal(freq_hz, _DIGITS) for freq_hz in well_placed(grid_hz, _wanted_db(preset, grid_hz), _POINTS)]
        freqs_hz = np.array([float(text) for text in freqs])
        gains = [plain_decimal(round(max(gain, 2.0 * _DEEPEST_DB), 5), _DIGITS) for gain in _sharpened(preset, freqs_hz)]
        parameters = {f"f{index}": text for index, text in enumerate(freqs)} | {f"v{index}": text for index, text in enumerate(gains)}
        step = "FilterCurve:" + " ".join(f'{name}="{value}"' for name, value in (parameters | dict(macro.parameters)).items())
        text = macro.lines.with_curve(step)
        points = Curve(freqs_hz, np.array([float(text) for text in gains]))
        held = _heard(points, preset.sample_rate_hz, macro.parameters)
        off_db = np.abs(np.maximum(held.at(grid_hz), SILENT_DB) - np.maximum(_wanted_db(preset, grid_hz), SILENT_DB))
        worst = int(np.argmax(off_db))
        size = float(off_db[worst]), float(grid_hz[worst])
        note = Note("approximated", None, "response", "as asked for", f"a curve through {_POINTS} points", *size)
        return Written({"preset.audacity.txt": text.encode("utf-8")}, (note,) if size[0] > self.info.precision_db else ())

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and parameter."""
        (data,) = files.values()
        lines = tuple(text_of(data).split("\n"))
        if len(lines) > _MAX_LINES:
            raise PresetReadError(f"more than {_MAX_LINES} lines")
        notes, steps = [], []
        for index, line in enumerate(lines):
            code = line.removeprefix("\ufeff")
            found, other = _STEP.fullmatch(code), _OTHER.match(code)
            if found:
                steps.append((index, found[1].strip()))
            elif other:
                notes.append(Note("unknown", None, f"line {index + 1}", f"step {other[1][:40]!r} is not read", None))
        if len(steps) != 1:
            raise PresetReadError(f"has {len(steps)} FilterCurve steps, expected one")
        place, text = steps[0]
        points, others = _curve(text, f"line {place + 1}")
        curve = _heard(points, _READ_RATE_HZ, others)
        source = Source(_Macro(Lines(lines, place), others), data, EqSettings(curve=curve), name=None)
        return Preset(EqSettings(curve=curve), source=source, notes=tuple(notes))


def _wanted_db(preset: Preset, freqs_hz: Float64Array) -> Float64Array:
    """Return the intended response (n,) in dB, no deeper than points go."""
    return np.maximum(sampled_db(preset, freqs_hz), _DEEPEST_DB)


def _heard(points: Curve, rate_hz: float, parameters: Mapping[str, str]) -> Curve:
    """Return what Audacity makes of a curve at a sample rate."""
    length = _filter_length(parameters)
    taps = _half_taps(points, rate_hz, length, linear=parameters.get("InterpolateLin", "0") not in ("0", "", "false"))
    grid_hz = log_grid(_BINS // 4, 10.0, rate_hz / 2)
    return Curve(grid_hz, _blurred_db(taps, grid_hz, rate_hz))


def _filter_length(parameters: Mapping[str, str]) -> int:
    text = parameters.get("FilterLength", str(_LONGEST))
    if not re.fullmatch(r"\d{1,5}", text) or not 21 <= int(text) <= _LONGEST:
        raise PresetReadError(f"FilterLength {text[:20]!r} is not a whole number in 21..{_LONGEST}")
    return int(text) | 1  # Audacity's own are odd


def _sharpened(preset: Preset, freqs_hz: Float64Array) -> Float64Array:
    """Return the gains at freqs_hz that give the wanted ones after blurring: each round adds what is still missing."""
    wanted_db = _wanted_db(preset, freqs_hz)
    gain_db, best_db, least = wanted_db, wanted_db, np.inf
    for _ in range(_ROUNDS):
        taps = _half_taps(Curve(freqs_hz, gain_db), preset.sample_rate_hz, _LONGEST)
        missing_db = wanted_db - _blurred_db(taps, freqs_hz, preset.sample_rate_hz)
        error_db = float(np.max(np.abs(missing_db)))
        if error_db < least:
            best_db, least = gain_db, error_db
        if error_db <= _GOOD_DB:
            break
        gain_db = gain_db + _RELAXATION * missing_db
    return best_db


def _half_taps(points: Curve, rate_hz: float, length: int, *, linear: bool = False) -> Float64Array:
    """Return the middle and the later half of the symmetric taps that Audacity makes of a curve."""
    bins_hz = np.arange(_BINS // 2 + 1) * (rate_hz / _BINS)
    straight = np.interp(bins_hz, points.freqs_hz, points.gain_db)
    gain_db = straight if linear else points.at(np.maximum(bins_hz, _LOWEST_HZ))
    half = (length - 1) // 2
    taps = irfft(10.0 ** (gain_db / 20.0), _BINS)[: half + 1]
    angle = np.pi * (1.0 + np.arange(half + 1) / half)
    windowed: Float64Array = taps * (0.42 - 0.5 * np.cos(angle) + 0.08 * np.cos(2.0 * angle))
    return windowed


def _blurred_db(half_taps: Float64Array, freqs_hz: Float64Array, rate_hz: float) -> Float64Array:
    """Return the magnitude in dB of symmetric taps at frequencies (n,)."""
    padded = np.zeros(_BLURRED_BINS)
    padded[: half_taps.size] = half_taps
    padded[_BLURRED_BINS - half_taps.size + 1 :] = half_taps[:0:-1]
    amplitude = np.abs(rfft(padded).real)
    bins_hz = np.arange(amplitude.size) * (rate_hz / _BLURRED_BINS)
    response_db: Float64Array = 20.0 * np.log10(np.maximum(np.interp(freqs_hz, bins_hz, amplitude), _FLOOR))
    return response_db


def _curve(text: str, where: str) -> tuple[Curve, dict[str, str]]:
    """Return the curve of a step's parameters, and the other parameters."""
    points: dict[str, dict[int, float]] = {"f": {}, "v": {}}
    others: dict[str, str] = {}
    place = 0
    while place < len(text):
        found = _PARAMETER.match(text, place)
        if found is None:
            raise PresetReadError(f'{text[place : place + 40]!r} is not a parameter, such as f0="20"', where=where)
        name, value = found[1], found[2] if found[2] is not None else found[3]
        point = _POINT.fullmatch(name)
        if name in others or (point and int(point[2]) in points[point[1]]):
            raise PresetReadError(f"parameter {name[:40]} occurs twice", where=where)
        if point:
            points[point[1]][int(point[2])] = number(value, name, where)
        else:
            others[name] = value
        place = found.end()
    count = len(points["f"])
    if count > _POINTS or set(points["f"]) != set(range(count)) or points["f"].keys() != points["v"].keys():
        raise PresetReadError(f"f and v are not two equal lists f0, f1 ... of at most {_POINTS}", where=where)
    if any(abs(gain) > 300.0 for gain in points["v"].values()):
        raise PresetReadError("a v is outside -300..300 dB", where=where)
    try:
        return Curve(*(np.array([points[letter][index] for index in range(count)]) for letter in "fv")), others
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error


FORMAT: PresetFormat = AudacityCurve()
