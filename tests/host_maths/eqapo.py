"""Equalizer APO: what its published source does to a line of a configuration, and to the channels.

| line | what is done |
| --- | --- |
| `Filter N: ON TYPE` | "ON" and the types in capitals; `,` is a decimal mark; "Fc 1.549" (a point before the last three) is 1549 |
| LS, HS | with Q or slope (S = dB / 12) a corner, the centre 10^(abs gain / 80 / S) from it; with neither the centre, S = 0.9 |
| LSC, HSC | the same with the centre |
| PK, PEQ, Modal | needs a Q or a BW; without, the line is skipped |
| LP, HP, LPQ, HPQ, BP | Q 0.7071 where none, or 0, is given; NO: 30; AP needs one; a BW goes before a Q |
| Preamp | several add up |
| GraphicEQ | straight lines over the logarithm of frequency; the filter that APO makes of them differs a little between narrow points |
| Channel, Copy, Include, Device, If, Eval | as documented; a missing file of an Include is skipped |

A device or a condition is chosen by the caller. Convolution, VSTPlugin and what else is not a filter of APO raise or are unknown.
Source: sourceforge.net/projects/equalizerapo: its documents, and facts of its BiQuadFilterFactory.cpp and PreampFilterFactory.cpp.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host_maths import impulse, sections
from host_maths.channels import Bus, NoEq, Truth
from host_maths.sections import BUTTERWORTH_Q, Complex, Grid

_NUMBER = r"[-+0-9.eE]+"
_OTHERS = ("C", "LFE", "RL", "RR", "SL", "SR", "RC")
_SHELVES = ("LS", "HS", "LSC", "HSC")
_PEAKS = ("PK", "PEQ", "Modal")
_PASSIVE: dict[str, Callable[[Grid, float, float], Complex]] = {
    "LP": sections.low_pass,
    "LPQ": sections.low_pass,
    "HP": sections.high_pass,
    "HPQ": sections.high_pass,
    "BP": sections.band_pass,
    "NO": sections.notch,
    "AP": sections.all_pass,
}
_DEFAULT_Q = {"LP": BUTTERWORTH_Q, "HP": BUTTERWORTH_Q, "LPQ": BUTTERWORTH_Q, "HPQ": BUTTERWORTH_Q, "BP": BUTTERWORTH_Q, "NO": 30.0}
_MAX_DEPTH = 16


@dataclass
class _State:
    """The configuration while it runs. device: the pattern of the device that is played on; None: no Device line holds."""

    bus: Bus
    device: str | None
    conditions: bool
    selected: list[str] = field(default_factory=list)
    is_heard: bool = True
    branches: list[bool] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    lines: int = 0


def devices_of(path: Path) -> list[str]:
    """Return the patterns of a file's Device lines, in order, each once."""
    found = re.findall(r"(?m)^\s*Device:[ \t]*(.*?)\s*$", text_of(path))
    return [name for name in dict.fromkeys(found) if name.lower() != "all"]


def has_conditions(path: Path) -> bool:
    return re.search(r"(?m)^\s*If:", text_of(path)) is not None


def evaluate(path: Path, grid: Grid, *, device: str | None = None, conditions: bool = True) -> Truth:
    """Return what a configuration does to the channels of a device. conditions: what every If is taken to be."""
    named = [name for name in _OTHERS if re.search(rf"(?m)^\s*(Channel|Copy):.*\b{name}\b", text_of(path))]
    names = ["L", "R", *named]
    state = _State(Bus.of(grid, names), device, conditions, selected=names)
    _run(path, state, 0)
    if not state.lines:
        raise NoEq("no line of the file is a filter")
    state.bus.parts = {name: state.bus.parts[name] for name in names}  # others were only in between
    return Truth(state.bus.responses_db(), unknown=tuple(state.unknown), others=tuple(state.others))


def text_of(path: Path) -> str:
    data = path.read_bytes()
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _run(path: Path, state: _State, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NoEq("files include each other without end")
    for line in text_of(path).splitlines():
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon or key.startswith("#"):
            continue
        if key == "Device":
            state.is_heard = value.strip().lower() == "all" or value.strip() == state.device
        elif state.is_heard and not _branch(key, state) and all(state.branches):
            _command(key, value, path, state, depth)


def _branch(key: str, state: _State) -> bool:
    """Follow If, ElseIf, Else and EndIf; every If holds or none does."""
    if key == "If":
        state.branches.append(state.conditions)
    elif key == "Else" and state.branches:
        state.branches[-1] = not state.branches[-1]
    elif key == "ElseIf" and state.branches:
        state.branches[-1] = False
    elif key == "EndIf" and state.branches:
        state.branches.pop()
    return key in ("If", "Else", "ElseIf", "EndIf")


def _command(key: str, value: str, path: Path, state: _State, depth: int) -> None:
    bus, grid = state.bus, state.bus.grid
    if key == "Include":
        target = _beside(path, value)
        if target.is_file():
            chosen = state.selected
            _run(target, state, depth + 1)
            state.selected = chosen
    elif key == "Channel":
        state.selected = _channels(value, list(bus.parts))
    elif key == "Preamp":
        if found := re.search(_NUMBER, value.replace(",", ".")):
            bus.filter(state.selected, grid.constant(sections.amplitude(float(found[0]))))
            state.lines += 1
    elif key == "GraphicEQ":
        pairs = re.findall(rf"({_NUMBER})\s+({_NUMBER})", value.replace(",", "."))
        bus.filter(state.selected, sections.interpolated(grid, [(float(freq), float(gain)) for freq, gain in pairs]))
        state.lines += 1
    elif key == "Copy":
        _copy(value, state)
    elif key == "Eval":
        _assign(value, state)
    elif key.startswith("Filter"):
        response = filter_of(_with_values(value, state), grid)
        if response is not None:
            bus.filter(state.selected, response)
            state.lines += 1
    elif key == "Convolution" and (response := impulse.of_file(_beside(path, value), grid)) is not None:
        bus.filter(state.selected, response)
        state.lines += 1
    elif key in ("Convolution", "VSTPlugin", "LoudnessCorrection"):
        (state.others if key == "VSTPlugin" else state.unknown).append(key)
        state.lines += 1


def _beside(path: Path, value: str) -> Path:
    return path.parent.joinpath(*value.strip().replace("\\", "/").split("/"))


def _channels(value: str, known: Sequence[str]) -> list[str]:
    words = value.upper().split()
    if "ALL" in words:
        return list(known)
    return [known[int(word) - 1] if word.isdigit() and int(word) <= len(known) else word for word in words]


def _copy(value: str, state: _State) -> None:
    """Assign channels from sums of channels, all read before any is written: `L=0.5*L+0.5*R R=L`."""
    bus, results = state.bus, {}
    for target, sum_ in re.findall(r"(\S+?)\s*=\s*(\S+)", re.sub(r"\s*([=+*])\s*", r"\1", value)):
        sources = []
        for term in sum_.split("+"):
            factor, _, name = term.rpartition("*")
            if re.fullmatch(_NUMBER, name):
                if float(name):
                    raise NoEq(f"channel {target} is a constant")
                continue
            gain = re.fullmatch(rf"({_NUMBER})dB", factor)
            sources.append((name, sections.amplitude(float(gain[1])) if gain else float(factor or 1.0)))
        results[target] = bus.mixed(sources) or {target: bus.grid.constant(0.0)}
    bus.parts |= results
    state.lines += 1


def filter_of(value: str, grid: Grid) -> Complex | None:
    """Return the response of a Filter line, None where APO skips it."""
    text = value.replace(",", ".").replace("\u00a0", " ")
    head = re.match(r"\s*ON\s+([A-Za-z]+)", text)
    if head is None:
        return None
    kind, rest = head[1], text[head.end() :]
    if kind == "IIR":
        return _free(rest, grid)
    if kind not in (*_SHELVES, *_PEAKS, *_PASSIVE):
        return None
    freq_hz = _frequency(rest)
    gain = re.search(rf"\s+Gain\s*({_NUMBER})\s*dB", rest)
    if freq_hz is None or (gain is None and kind not in _PASSIVE):
        return None
    q = re.search(rf"\s+Q\s*({_NUMBER})", rest)
    octaves = re.search(rf"\s+BW\s+Oct\s*({_NUMBER})", rest)
    slope = re.match(rf"\s*({_NUMBER})\s*dB", rest)
    return _section(kind, grid, freq_hz, *(None if found is None else float(found[1]) for found in (gain, q, octaves, slope)))


def _frequency(rest: str) -> float | None:
    found = re.search(rf"\s+Fc\s*({_NUMBER})\s*H\s*z", rest)
    if found is None:
        return None
    word = found[1]
    is_thousand = len(word) >= 5 and word[-4] == "." and "e" not in word.lower()
    return float(word) * (1_000.0 if is_thousand else 1.0)


def _section(
    kind: str, grid: Grid, freq_hz: float, gain_db: float | None, q: float | None, octaves: float | None, slope_db: float | None
) -> Complex | None:
    gain_db = gain_db or 0.0
    if kind in _SHELVES:
        return _shelf(kind, grid, freq_hz, gain_db, q, slope_db)
    if octaves:
        alpha = sections.alpha_of_bandwidth(grid, freq_hz, octaves)
    elif given := q or _DEFAULT_Q.get(kind):
        alpha = sections.alpha_of_q(grid, freq_hz, given)
    else:
        return None
    if kind in _PEAKS:
        return sections.peak(grid, freq_hz, gain_db, alpha)
    return _PASSIVE[kind](grid, freq_hz, alpha)


def _shelf(kind: str, grid: Grid, freq_hz: float, gain_db: float, q: float | None, slope_db: float | None) -> Complex:
    """Return a shelf; only where a Q or a slope is given does the frequency of LS and HS stand for a corner."""
    is_low = kind.startswith("LS")
    if slope_db:
        slope = slope_db / 12.0
    elif q:
        a = 10.0 ** (gain_db / 40.0)
        slope = 1.0 / ((1.0 / (q * q) - 2.0) / (a + 1.0 / a) + 1.0)
    else:
        slope = 0.9
    if kind in ("LS", "HS") and (slope_db or q):
        factor = 10.0 ** (abs(gain_db) / 80.0 / slope)
        freq_hz = freq_hz * factor if is_low else freq_hz / factor
    alpha = sections.alpha_of_q(grid, freq_hz, q) if q and not slope_db else sections.alpha_of_slope(grid, freq_hz, gain_db, slope)
    return sections.shelf(grid, freq_hz, gain_db, alpha, low=is_low)


def _free(rest: str, grid: Grid) -> Complex | None:
    found = re.search(r"\s*Order\s+(\d+)\s+Coefficients\s+(.*)", rest)
    if found is None:
        return None
    order, numbers = int(found[1]), [float(word) for word in found[2].split()]
    if len(numbers) != 2 * (order + 1):
        return None
    return sections.digital(grid, numbers[: order + 1], numbers[order + 1 :])


_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {"sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan, "exp": math.exp}


def _value(node: ast.expr, values: dict[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.Call(func=ast.Name(id=name), args=[argument]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_value(argument, values))
    raise NoEq("an expression that is not arithmetic")


def _known(state: _State) -> dict[str, float]:
    return {"pi": math.pi, "sampleRate": state.bus.grid.rate_hz} | state.values


def _assign(value: str, state: _State) -> None:
    name, equals, expression = value.partition("=")
    if equals:
        state.values[name.strip()] = _value(ast.parse(expression.strip(), mode="eval").body, _known(state))


def _with_values(value: str, state: _State) -> str:
    """Replace the expressions in backquotes."""

    def number(found: re.Match[str]) -> str:
        return repr(_value(ast.parse(found[1].strip(), mode="eval").body, _known(state)))

    return re.sub(r"`([^`]*)`", number, value)
