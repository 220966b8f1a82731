"""JSFX script: a self-contained, readable EQ with sliders, for REAPER and for ysfx in every other DAW.

    desc:Warm
    // semeq EQ script 1: ...
    slider1:-6.0<-120,60,0.01>Preamp (dB)
    slider2:1<0,1,1{Off,On}>1 On                         five sliders for each band
    slider3:0<0,2,1{Low shelf,Peak,High shelf}>1 Type
    slider4:105.0<10,40000,0.01:log=1000>1 Frequency (Hz)
    slider5:-4.5<-60,60,0.01>1 Gain (dB)
    slider6:0.71<0.05,50,0.001:log=1>1 Q
    ...
    in_pin:left / in_pin:right / out_pin:left / out_pin:right
    @init      the formulas of the Audio EQ Cookbook, and transposed direct form II
    @slider    coefficients
    @sample    both channels through all bands

That is script 1. Script 2, written where a band needs it, has ten types more: passes, notch, band-pass and all-pass, and what there is of
first order. No convention is guessed: the script computes what we mean. Bands above 0.95 of the Nyquist frequency are left out, low
shelves there are plain gain, high- and band-passes silence, as everywhere in semeq. At most 12 bands, since older hosts know 64 sliders.
Read: scripts that this module wrote (they say so in their second line), by the defaults of the sliders; other lines are kept, and code
that somebody changed is kept and said in a note. A different number of bands makes a new script.
Source: https://www.reaper.fm/sdk/js/js.php (sliders, sections, pins) and https://www.cockos.com/EEL2/ (functions, instance, local).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, text_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._places import reaper
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_MARK = "// semeq EQ script {}: an equaliser with the filters of the Audio EQ Cookbook, preset and program in one."
_MARKED = re.compile(r"// semeq EQ script ([12]): ")
_DEFAULT_NAME = "semeq EQ"
_TYPES = (
    ("Low shelf", BandKind.LOW_SHELF, 2),
    ("Peak", BandKind.PEAK, 2),
    ("High shelf", BandKind.HIGH_SHELF, 2),
    ("High-pass", BandKind.HIGH_PASS, 2),
    ("Low-pass", BandKind.LOW_PASS, 2),
    ("Notch", BandKind.NOTCH, 2),
    ("Band-pass", BandKind.BAND_PASS, 2),
    ("All-pass", BandKind.ALL_PASS, 2),
    ("Low shelf 1st order", BandKind.LOW_SHELF, 1),
    ("High shelf 1st order", BandKind.HIGH_SHELF, 1),
    ("High-pass 1st order", BandKind.HIGH_PASS, 1),
    ("Low-pass 1st order", BandKind.LOW_PASS, 1),
    ("All-pass 1st order", BandKind.ALL_PASS, 1),
)
_NUMBERS = {(kind, order): number for number, (_, kind, order) in enumerate(_TYPES)}
_OF_SCRIPT_1 = 3
_MAX_BANDS = 12
_DIGITS = 15
_MAX_LINES = 5_000
_FIELDS = {
    "On": "<0,1,1{Off,On}>",
    "Type": "<0,2,1{Low shelf,Peak,High shelf}>",
    "Frequency (Hz)": "<10,40000,0.01:log=1000>",
    "Gain (dB)": "<-60,60,0.01>",
    "Q": "<0.05,50,0.001:log=1>",
}
_TYPE_RANGE_2 = f"<0,{len(_TYPES) - 1},1{{{','.join(name for name, _, _ in _TYPES)}}}>"
_PREAMP = "Preamp (dB)"
_SLIDER = re.compile(r"(slider\d{1,3}:)([^<>]*)(<[^<>]*>)([^\s].*)")
_BAND_LABEL = re.compile(r"(\d{1,2}) (On|Type|Frequency \(Hz\)|Gain \(dB\)|Q)")
_INIT = """@init
ext_tail_size = -2;

// Coefficients of one band: kind 0 low shelf, 1 peak, 2 high shelf; Hz, dB, Q.
function eq_set(on, kind, freq, gain, q)
  local(a w cosw alpha beta sign norm)
  instance(b0 b1 b2 a1 a2)
(
  a = 10 ^ (gain / 40);
  w = 2 * $pi * freq / srate;
  cosw = cos(w);
  alpha = sin(w) / (2 * q);
  kind == 1 ? (
    norm = 1 + alpha / a;
    b0 = (1 + alpha * a) / norm;
    b1 = (-2 * cosw) / norm;
    b2 = (1 - alpha * a) / norm;
    a1 = b1;
    a2 = (1 - alpha / a) / norm;
  ) : (
    sign = kind == 0 ? 1 : -1;
    cosw = sign * cosw;
    beta = 2 * sqrt(a) * alpha;
    norm = (a + 1) + ((a - 1) * cosw) + beta;
    b0 = (a * (((a + 1) - ((a - 1) * cosw)) + beta)) / norm;
    b1 = (sign * 2 * a * ((a - 1) - ((a + 1) * cosw))) / norm;
    b2 = (a * ((a + 1) - ((a - 1) * cosw) - beta)) / norm;
    a1 = (-2 * sign * ((a - 1) + ((a + 1) * cosw))) / norm;
    a2 = ((a + 1) + (((a - 1) * cosw) - beta)) / norm;
  );
  on < 0.5 || freq > 0.475 * srate ? ( // too close to half the sample rate to sound as asked for
    b0 = on > 0.5 && kind == 0 ? a * a : 1;
    b1 = 0;
    b2 = 0;
    a1 = 0;
    a2 = 0;
  );
);

// One sample through one band, transposed direct form II.
function eq_run(x)
  local(y)
  instance(b0 b1 b2 a1 a2 s1 s2)
(
  y = b0 * x + s1;
  s1 = (b1 * x - a1 * y) + s2;
  s2 = b2 * x - a2 * y;
  y;
);
"""

_KINDS_2 = """kind 0 low shelf, 1 peak, 2 high shelf, 3 high-pass, 4 low-pass, 5 notch, 6 band-pass, 7 all-pass,
// 8 to 12 of first order: low shelf, high shelf, high-pass, low-pass, all-pass"""
_DESIGN_2 = """  kind > 7.5 ? (
    k = tan(w / 2);
    sign = kind == 8 ? k + a : (kind == 9 ? a * k + 1 : k + 1);
    b0 = (kind == 8 ? a * a * k + a : (kind == 9 ? a * k + a * a : (kind == 10 ? 1 : (kind == 11 ? k : k - 1)))) / sign;
    b1 = (kind == 8 ? a * a * k - a : (kind == 9 ? a * k - a * a : (kind == 10 ? -1 : (kind == 11 ? k : k + 1)))) / sign;
    b2 = 0;
    a1 = (kind == 8 ? k - a : (kind == 9 ? a * k - 1 : k - 1)) / sign;
    a2 = 0;
  ) : kind > 2.5 ? (
    norm = 1 + alpha;
    k = kind == 3 ? cos(w / 2) : sin(w / 2);
    b0 = (kind < 4.5 ? k * k : (kind == 5 ? 1 : (kind == 6 ? alpha : 1 - alpha))) / norm;
    b1 = (kind == 3 ? -2 * k * k : (kind == 4 ? 2 * k * k : (kind == 6 ? 0 : -2 * cosw))) / norm;
    b2 = (kind < 4.5 ? k * k : (kind == 5 ? 1 : (kind == 6 ? -alpha : 1 + alpha))) / norm;
    a1 = -2 * cosw / norm;
    a2 = (1 - alpha) / norm;
  ) : kind == 1 ? ("""
_SILENT_2 = """    b0 = on < 0.5 ? 1 : (kind == 0 || kind == 8 ? a * a : (kind == 3 || kind == 6 || kind == 10 ? 0.000001 : 1));"""
_INIT_2 = (
    _INIT.replace("kind 0 low shelf, 1 peak, 2 high shelf", _KINDS_2)
    .replace("local(a w cosw alpha beta sign norm)", "local(a w cosw alpha beta sign norm k)")
    .replace("  kind == 1 ? (", _DESIGN_2)
    .replace("    b0 = on > 0.5 && kind == 0 ? a * a : 1;", _SILENT_2)
)


@dataclass(frozen=True, slots=True)
class _Script:
    """The lines of a script that was read, its number of bands, and which script it is."""

    lines: tuple[str, ...]
    bands: int
    version: int


class JsfxScript:
    """Reads and writes the script."""

    info = FormatInfo(
        id="jsfx",
        title="JSFX EQ script",
        host="REAPER; ysfx in other DAWs",
        suffixes=(".jsfx",),
        how_to_import="REAPER: copy it into the folder Effects (Options, Show REAPER resource path) and insert it as JS; ysfx: Load file",
        precision_db=1e-5,
        limits=Limits(
            max_bands=_MAX_BANDS,
            kinds=frozenset(kind for _, kind, _ in _TYPES),
            orders={kind: frozenset(order for _, held, order in _TYPES if held is kind) for _, kind, _ in _TYPES},
            freq_hz=(10.0, 40_000.0),
            gain_db=(-60.0, 60.0),
            q=(0.05, 50.0),
            preamp_db=(-120.0, 60.0),
        ),
        aliases=("reaper",),
        places=reaper("Effects/semeq"),
        remark="nominal, but the script itself was run by our own EEL2 evaluator; the exact target in REAPER",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first line is a description and the second says that it is ours."""
        return head.startswith(b"desc:") and _MARKED.search(head[:2_000].decode("utf-8", "replace")) is not None

    def write(self, preset: Preset) -> Written:
        """Return the script; one that was read keeps its other lines as long as it has as many bands, and of types that it knows."""
        name = one_line(preset.name)
        before = preset.parts(_Script)
        if before is None:
            lines = _script(name, preset.single)
        elif before.bands != len(preset.single.bands) or before.version < _version(preset.single):
            lines = _script(name or _description(before.lines), preset.single)
        else:
            lines = [_updated(line, name, preset.single) for line in before.lines]
        return Written({"preset.jsfx": "\n".join(lines).encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming line and slider."""
        (data,) = files.values()
        lines = text_of(data).split("\n")
        if len(lines) > _MAX_LINES:
            raise PresetReadError(f"more than {_MAX_LINES} lines")
        marked = _MARKED.match(lines[1]) if len(lines) > 1 and lines[0].startswith("desc:") else None
        if marked is None:
            raise PresetReadError("is not a script of semeq; other scripts cannot be read, since any program can stand in them")
        values = _sliders(lines)
        count = max((band_number for band_number, _ in values), default=0)
        bands = []
        for index in range(1, count + 1):
            bands.append(_band(values, index, _OF_SCRIPT_1 if marked[1] == "1" else len(_TYPES)))
        eq = settings(bands, values.get((0, _PREAMP), 0.0))
        notes: tuple[Note, ...] = ()
        if _code(lines) != _code(_script("", eq, int(marked[1]))):
            notes = (Note("unknown", None, "code", "the program was changed; only its sliders are read", None),)
        return Preset(eq, name=_description(tuple(lines)), source=Source(_Script(tuple(lines), count, int(marked[1]))), notes=notes)


def _sliders(lines: list[str]) -> dict[tuple[int, str], float]:
    """Return the defaults of our sliders by number of the band (0 for the whole EQ) and field."""
    values: dict[tuple[int, str], float] = {}
    for count, line in enumerate(lines, start=1):
        found = _SLIDER.fullmatch(line.rstrip()) if len(line) < 500 else None
        field = _field(found[4]) if found else None
        if found is None or field is None:
            continue
        if field in values:
            raise PresetReadError(f"a second slider {found[4]!r}", where=f"line {count}")
        if field[0] > _MAX_BANDS:
            raise PresetReadError(f"more than {_MAX_BANDS} bands", where=f"line {count}")
        values[field] = number(found[2].strip(), found[4], f"line {count}")
    return values


def _field(label: str) -> tuple[int, str] | None:
    if label == _PREAMP:
        return 0, _PREAMP
    found = _BAND_LABEL.fullmatch(label)
    return (int(found[1]), found[2]) if found and int(found[1]) > 0 else None


def _band(values: dict[tuple[int, str], float], index: int, types: int) -> Band:
    for field in _FIELDS:
        if (index, field) not in values:
            raise PresetReadError("is missing", where=f"slider '{index} {field}'")
    on, kind, freq_hz, gain_db, q = (values[index, field] for field in _FIELDS)
    if kind not in range(types) or on not in (0.0, 1.0):
        known = "0, 1 or 2" if types == _OF_SCRIPT_1 else f"0..{types - 1}"
        raise PresetReadError(f"On {on:g} is not 0 or 1, or Type {kind:g} not {known}", where=f"band {index}")
    _, held, order = _TYPES[int(kind)]
    return band(held, freq_hz, gain_db, q, enabled=on == 1.0, order=order, where=f"band {index}")


def _description(lines: tuple[str, ...]) -> str:
    name = one_line(lines[0].removeprefix("desc:"))
    return "" if name == _DEFAULT_NAME else name


def _code(lines: list[str]) -> list[str]:
    """Return the sections of a script, without line ends."""
    stripped = [line.rstrip() for line in lines]
    return stripped[stripped.index("@init") :] if "@init" in stripped else []


def _updated(line: str, name: str, eq: EqSettings) -> str:
    """Return a line of a script with what the EQ says now."""
    end = "\r" if line.endswith("\r") else ""
    if line.startswith("desc:") and name and one_line(line.removeprefix("desc:")) != name:
        return f"desc:{name}{end}"
    found = _SLIDER.fullmatch(line.rstrip()) if len(line) < 500 else None
    field = _field(found[4]) if found else None
    if found is None or field is None:
        return line
    wanted = eq.preamp_db if field[0] == 0 else _defaults(eq.bands[field[0] - 1])[field[1]]
    return line if float(found[2]) == wanted else f"{found[1]}{_decimal(wanted, field[1])}{found[3]}{found[4]}{end}"


def _defaults(held: Band) -> dict[str, float]:
    values = (float(held.enabled), float(_NUMBERS[held.kind, held.order]), held.freq_hz, held.gain_db, held.q)
    return dict(zip(_FIELDS, values, strict=True))


def _decimal(value: float, field: str) -> str:
    return str(int(value)) if field == "Type" or value in (0.0, 1.0, 2.0) else plain_decimal(value, _DIGITS)


def _version(eq: EqSettings) -> int:
    return 1 if all(_NUMBERS[held.kind, held.order] < _OF_SCRIPT_1 for held in eq.bands) else 2


def _script(name: str, eq: EqSettings, version: int | None = None) -> list[str]:
    """Return the lines of a new script; version: 1 or 2, the first that knows all bands when left out."""
    version = version or _version(eq)
    ranges = _FIELDS if version == 1 else {**_FIELDS, "Type": _TYPE_RANGE_2}
    numbers = range(1, len(eq.bands) + 1)
    preamp = _decimal(eq.preamp_db, _PREAMP)
    lines = [f"desc:{name or _DEFAULT_NAME}", _MARK.format(version), "//tags: equalizer", f"slider1:{preamp}<-120,60,0.01>{_PREAMP}"]
    for index, held in zip(numbers, eq.bands, strict=True):
        for place, (field, value) in enumerate(_defaults(held).items(), start=_first_slider(index)):
            lines.append(f"slider{place}:{_decimal(value, field)}{ranges[field]}{index} {field}")
    lines += ["", "in_pin:left", "in_pin:right", "out_pin:left", "out_pin:right", "", *(_INIT if version == 1 else _INIT_2).split("\n")]
    lines += ["function eq_update()", "(", "  preamp = 10 ^ (slider1 / 20);"]
    for index in numbers:
        first = _first_slider(index)
        sliders = ", ".join(f"slider{place}" for place in range(first, first + len(_FIELDS)))
        lines += [f"  {side}{index}.eq_set({sliders});" for side in ("left", "right")]
    lines += [");", "", "eq_update();", "", "@slider", "eq_update();", "", "@sample"]
    for side, sample in (("left", "spl0"), ("right", "spl1")):
        lines += [f"{sample} *= preamp;", *(f"{sample} = {side}{index}.eq_run({sample});" for index in numbers)]
    return [*lines, ""]


def _first_slider(index: int) -> int:
    return 2 + (index - 1) * len(_FIELDS)


FORMAT: PresetFormat = JsfxScript()
