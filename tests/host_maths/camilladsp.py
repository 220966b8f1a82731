"""CamillaDSP 1 to 3: what its published source does with a configuration's filters, mixers and pipeline.

Every output channel, called by its number from 1, is followed from the inputs through the pipeline; one that adds inputs up is no EQ.
The sample rate is that of the grid, not of the configuration: the values are compared, not what a rate makes of them.
A Conv whose file is not there, Loudness and DiffEq are unknown; compressors and gates are no EQ.
Source: github.com/HEnquist/camilladsp, its README and the documents of version 2 and 3.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from host_maths import impulse, sections
from host_maths.channels import Bus, NoEq, Truth
from host_maths.sections import Complex, Grid
from ruamel.yaml import YAML

Entry = dict[str, Any]  # Any: YAML holds what it holds

_SHELVES = {"Lowshelf": True, "Highshelf": False}
_FIRST_SHELVES = {"LowshelfFO": True, "HighshelfFO": False}
_FIRST_PASSES = {"LowpassFO": True, "HighpassFO": False}
_WITH_Q = {
    "Lowpass": sections.low_pass,
    "Highpass": sections.high_pass,
    "Bandpass": sections.band_pass,
    "Notch": sections.notch,
    "Allpass": sections.all_pass,
}
_SILENT = ("Delay", "Dither", "Volume", "Limiter")  # change time or noise, or nothing below the limit


def evaluate(path: Path, grid: Grid) -> Truth:
    document = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or not document.get("pipeline"):
        raise NoEq("no pipeline")
    filters, mixers = document.get("filters") or {}, document.get("mixers") or {}
    capture = ((document.get("devices") or {}).get("capture") or {}).get("channels")
    bus = Bus.of(grid, [str(index) for index in range(capture or _inputs(document, mixers))])
    unknown: list[str] = []
    others: list[str] = []
    for step in document["pipeline"]:
        if step.get("bypassed"):
            continue
        if step["type"] == "Mixer":
            bus = _mix(bus, mixers[step["name"]])
        elif step["type"] == "Filter":
            chosen = step.get("channels", step.get("channel"))
            names = list(bus.parts) if chosen is None else [str(index) for index in (chosen if isinstance(chosen, list) else [chosen])]
            if not set(names) <= set(bus.parts):
                raise NoEq("a filter on a channel that is not there: the host refuses the file")
            for name in step["names"]:
                if name not in filters:
                    raise NoEq("a filter that is not defined: the host refuses the file")
                bus.filter(names, response_of(filters[name], grid, path.parent, unknown))
        else:
            others.append(str(step["type"]))
    responses = {str(int(name) + 1): response for name, response in bus.responses_db().items()}
    return Truth(responses, unknown=tuple(unknown), others=tuple(others))


def _inputs(document: Entry, mixers: Entry) -> int:
    """Return how many channels come in where no device says it: as many as the first mixer takes, or the filters name."""
    first = document["pipeline"][0]
    if first["type"] == "Mixer":
        return int(mixers[first["name"]]["channels"]["in"])
    named = [step.get("channels", step.get("channel")) for step in document["pipeline"] if step["type"] == "Filter"]
    flat = [index for item in named if item is not None for index in (item if isinstance(item, list) else [item])]
    return max(flat, default=1) + 1


def _mix(bus: Bus, mixer: Entry) -> Bus:
    count = mixer["channels"]
    if count["in"] != len(bus.parts):
        raise NoEq(f"a mixer of {count['in']} channels after {len(bus.parts)}: the host refuses the file")
    result = Bus(bus.grid, {str(index): {} for index in range(count["out"])})
    for entry in mixer["mapping"]:
        if entry.get("mute"):
            continue
        sources = [(str(source["channel"]), _factor(source)) for source in entry["sources"] if not source.get("mute")]
        result.parts[str(entry["dest"])] = bus.mixed(sources)
    return result


def _factor(entry: Entry) -> float:
    gain = float(entry.get("gain") or 0.0)
    factor = gain if entry.get("scale") == "linear" else sections.amplitude(gain)
    return -factor if entry.get("inverted") else factor


def response_of(entry: Entry, grid: Grid, folder: Path, unknown: list[str]) -> Complex:
    """Return the response of a filter's entry; what nobody can know is added to unknown."""
    kind, values = entry["type"], entry.get("parameters") or {}
    if kind == "Gain":
        return grid.constant(0.0 if values.get("mute") else _factor(values))
    if kind == "Biquad":
        return _biquad(values, grid)
    if kind == "BiquadCombo":
        return _combination(values, grid)
    if kind == "Conv" and (response := _convolution(values, grid, folder)) is not None:
        return response
    if kind not in _SILENT:
        unknown.append(kind)
    return grid.constant(1.0)


def _convolution(values: Entry, grid: Grid, folder: Path) -> Complex | None:
    """Return the response of an impulse response that stands in the configuration, or in a file that is there."""
    if values.get("type") == "Values":
        return impulse.of_taps(np.array(values["values"], np.float64), grid)
    if values.get("type") in ("Wav", "Raw") and values.get("format", "TEXT") == "TEXT":
        return impulse.of_file(folder / str(values["filename"]), grid, int(values.get("channel") or 0))
    return None


def _biquad(values: Entry, grid: Grid) -> Complex:
    kind = values["type"]
    if kind == "Free":
        return sections.digital(grid, [values[key] for key in ("b0", "b1", "b2")], [1.0, values["a1"], values["a2"]])
    if kind == "LinkwitzTransform":
        return _linkwitz_transform(values, grid)
    if kind == "GeneralNotch":
        return _general_notch(values, grid)
    freq_hz = float(values["freq"])
    if kind in _FIRST_PASSES:
        return sections.first_order_pass(grid, freq_hz, low=_FIRST_PASSES[kind])
    if kind == "AllpassFO":
        return grid.constant(1.0)
    if kind in _WITH_Q:
        return _WITH_Q[kind](grid, freq_hz, _alpha(values, grid))
    gain_db = float(values["gain"])
    if kind in _FIRST_SHELVES:
        return sections.first_order_shelf(grid, freq_hz, gain_db, low=_FIRST_SHELVES[kind])
    if kind in _SHELVES:
        return sections.shelf(grid, freq_hz, gain_db, _alpha(values, grid), low=_SHELVES[kind])
    if kind == "Peaking":
        return sections.peak(grid, freq_hz, gain_db, _alpha(values, grid))
    raise NoEq(f"no biquad of the host is called {kind}")


def _alpha(values: Entry, grid: Grid) -> float:
    freq_hz = float(values["freq"])
    if values.get("q") is not None:
        return sections.alpha_of_q(grid, freq_hz, float(values["q"]))
    if values.get("slope") is not None:
        return sections.alpha_of_slope(grid, freq_hz, float(values["gain"]), float(values["slope"]) / 12.0)
    return sections.alpha_of_bandwidth(grid, freq_hz, float(values["bandwidth"]))


def _general_notch(values: Entry, grid: Grid) -> Complex:
    pole, zero = (math.tan(math.pi * float(values[key]) / grid.rate_hz) for key in ("freq_p", "freq_z"))
    alpha = pole / float(values["q_p"])
    gain = (pole / zero) ** 2 if values.get("normalize_at_dc") else 1.0
    top = [gain * (1 + zero**2), -2 * gain * (1 - zero**2), gain * (1 + zero**2)]
    return sections.digital(grid, top, [1 + alpha + pole**2, -2 + 2 * pole**2, 1 - alpha + pole**2])


def _linkwitz_transform(values: Entry, grid: Grid) -> Complex:
    actual, target = (2 * math.pi * float(values[key]) for key in ("freq_act", "freq_target"))
    middle_hz = (float(values["freq_act"]) + float(values["freq_target"])) / 2
    g = 2 * math.pi * middle_hz / math.tan(math.pi * middle_hz / grid.rate_hz)

    def polynomial(w: float, q: float) -> list[float]:
        return [w * w + g * w / q + g * g, 2 * (w * w - g * g), w * w - g * w / q + g * g]

    return sections.digital(grid, polynomial(actual, float(values["q_act"])), polynomial(target, float(values["q_target"])))


def _combination(values: Entry, grid: Grid) -> Complex:
    kind = values["type"]
    for family, make in (("Butterworth", sections.butterworth), ("LinkwitzRiley", sections.linkwitz_riley)):
        if kind.startswith(family):
            return make(grid, float(values["freq"]), int(values["order"]), low=kind.endswith("Lowpass"))
    if kind == "Tilt":
        gain_db = float(values["gain"])
        return _shelf_of_q(grid, 110.0, -gain_db / 2, 0.35, low=True) * _shelf_of_q(grid, 3_500.0, gain_db / 2, 0.35, low=False)
    if kind == "FivePointPeq":
        ends = [_shelf_of_q(grid, *(float(values[f"{letter}{end}"]) for letter in "fgq"), low=end == "ls") for end in ("ls", "hs")]
        response = ends[0] * ends[1]
        for number in (1, 2, 3):
            freq_hz, gain_db, q = (float(values[f"{letter}p{number}"]) for letter in "fgq")
            response = response * sections.peak(grid, freq_hz, gain_db, sections.alpha_of_q(grid, freq_hz, q))
        return response
    if kind == "GraphicEqualizer":
        return _graphic(values, grid)
    raise NoEq(f"no combination of the host is called {kind}")


def _graphic(values: Entry, grid: Grid) -> Complex:
    low_hz, high_hz = float(values.get("freq_min") or 20.0), float(values.get("freq_max") or 20_000.0)
    octaves = math.log2(high_hz / low_hz) / len(values["gains"])
    response = grid.constant(1.0)
    for index, gain_db in enumerate(values["gains"]):
        freq_hz = low_hz * 2.0 ** (octaves * (index + 0.5))
        response = response * sections.peak(grid, freq_hz, float(gain_db), sections.alpha_of_bandwidth(grid, freq_hz, octaves))
    return response


def _shelf_of_q(grid: Grid, freq_hz: float, gain_db: float, q: float, *, low: bool) -> Complex:
    return sections.shelf(grid, freq_hz, gain_db, sections.alpha_of_q(grid, freq_hz, q), low=low)
