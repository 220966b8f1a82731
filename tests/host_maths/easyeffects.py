"""EasyEffects: the equalizer of a preset on the ports of its engine, LSP para_equalizer_x32_lr, which `lv2apply` then runs.

The engine itself is the truth (basis "host"), in every mode, slope and type that it has. Gains in dB become linear; values outside a port's
range are moved into it, as hosts do. Without split channels the left values are those of both. Numbers and switches that version 5 wrote as
texts are taken for what they say. Other plug-ins of the preset are not run.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from host_maths.channels import NoEq, Truth
from host_maths.sections import Floats, Grid, amplitude

ENGINE = "http://lsp-plug.in/plugins/lv2/para_equalizer_x32_lr"
_MODES = ("RLC (BT)", "RLC (MT)", "BWC (BT)", "BWC (MT)", "LRX (BT)", "LRX (MT)", "APO (DR)")
_LENGTH, _SETTLE = 1 << 17, 48_000
_PULSE = 0.125


@dataclass(frozen=True)
class Port:
    """A control port: its range, and the numbers that its names stand for."""

    minimum: float
    maximum: float
    names: dict[str, float]


def is_available() -> bool:
    return shutil.which("lv2apply") is not None and shutil.which("lv2info") is not None and bool(_ports())


@cache
def _ports() -> dict[str, Port]:
    """Return the control inputs of the engine as it describes itself."""
    done = subprocess.run(["lv2info", ENGINE], capture_output=True, text=True, check=False)
    ports = {}
    for block in re.split(r"(?m)^\tPort \d+:", done.stdout)[1:]:
        symbol, low, high = (re.search(rf"{key}:\s+(\S+)", block) for key in ("Symbol", "Minimum", "Maximum"))
        if symbol and low and high and "ControlPort" in block and "InputPort" in block:
            names = {name: float(number) for number, name in re.findall(r'(\d+) = "([^"]*)"', block)}
            ports[symbol[1]] = Port(float(low[1]), float(high[1]), names)
    return ports


def evaluate(path: Path, grid: Grid) -> Truth:
    document = json.loads(path.read_bytes())
    section = next((document[key] for key in ("output", "input") if isinstance(document.get(key), dict)), {})
    names = [key for key in section if re.fullmatch(r"equalizer(#\d+)?", key)]
    order = section.get("plugins_order", names)
    names = [name for name in names if name in order or name.partition("#")[0] in order]
    if len(names) != 1:
        raise NoEq(f"{len(names)} equalizers")
    left, right = run(values_of(section[names[0]]), grid)
    others = [name for name in order if not name.startswith("equalizer")]
    return Truth({"L": left, "R": right}, basis="host", others=tuple(others))


def values_of(equalizer: dict[str, Any]) -> dict[str, float]:
    """Return the value of every port that the keys of an equalizer set."""
    values = {"g_in": amplitude(_number(equalizer, "input-gain")), "g_out": amplitude(_number(equalizer, "output-gain"))}
    values["enabled"] = 0.0 if _is_on(equalizer.get("bypass")) else 1.0
    values["mode"] = _ports()["mode"].names[str(equalizer.get("mode", "IIR"))]
    values["bal"] = _number(equalizer, "balance")
    split = _is_on(equalizer.get("split-channels"))
    for side, key in (("l", "left"), ("r", "right" if split else "left")):
        values[f"frqs_{side}"] = _number(equalizer, f"pitch-{key}")
        bands = equalizer.get(key, {})
        for index in range(int(_number(equalizer, "num-bands", 32.0))):
            if isinstance(band := bands.get(f"band{index}"), dict):
                values |= _band(band, side, index)
    ports = _ports()
    return {symbol: min(max(value, ports[symbol].minimum), ports[symbol].maximum) for symbol, value in values.items()}


def _band(band: dict[str, Any], side: str, index: int) -> dict[str, float]:
    ports, end = _ports(), f"{side}_{index}"
    types = ports[f"ft{end}"].names
    return {
        f"ft{end}": types[str(band.get("type", "Off"))],
        f"fm{end}": float(_MODES.index(str(band.get("mode", _MODES[0])))),
        f"s{end}": ports[f"s{end}"].names[str(band.get("slope", "x1"))],
        f"xs{end}": float(_is_on(band.get("solo"))),
        f"xm{end}": float(_is_on(band.get("mute"))),
        f"f{end}": _number(band, "frequency"),
        f"g{end}": amplitude(_number(band, "gain")),
        f"q{end}": _number(band, "q"),
    }


def run(values: dict[str, float], grid: Grid) -> tuple[Floats, Floats]:
    """Return the responses (n,) in dB of the left and right channel of the engine with values on its ports."""
    bins, left, right = _measured(tuple(sorted(values.items())), int(grid.rate_hz))
    return np.interp(grid.freqs_hz, bins, left), np.interp(grid.freqs_hz, bins, right)


@lru_cache(maxsize=64)
def _measured(values: tuple[tuple[str, float], ...], rate_hz: int) -> tuple[Floats, Floats, Floats]:
    """Return the frequencies (m,) in Hz of a spectrum, and both channels' responses (m,) in dB, to a pulse after the engine has settled."""
    pulse = np.zeros((_SETTLE + _LENGTH, 2), np.float32)
    pulse[_SETTLE] = _PULSE
    with tempfile.TemporaryDirectory(prefix="host-maths-") as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        soundfile.write(source, pulse, rate_hz, subtype="FLOAT")
        controls = [word for symbol, value in values for word in ("-c", symbol, f"{value:.9g}")]
        subprocess.run(["lv2apply", "-i", str(source), "-o", str(target), *controls, ENGINE], check=True, capture_output=True)
        out, _ = soundfile.read(target, dtype="float64", always_2d=True)
    spectrum = np.fft.rfft(out[_SETTLE:], axis=0) / _PULSE
    bins = np.fft.rfftfreq(out.shape[0] - _SETTLE, 1.0 / rate_hz)
    left, right = (20.0 * np.log10(np.maximum(np.abs(spectrum[:, side]), 1e-9)) for side in (0, 1))
    return bins, left, right


def _number(values: dict[str, Any], key: str, default: float = 0.0) -> float:
    value = values.get(key, default)
    return float(value)


def _is_on(value: object) -> bool:
    return value is True or value == "true"
