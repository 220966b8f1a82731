"""An LV2 plug-in as the truth: its ports as it describes itself, and its response with values on them, by `lv2info` and `lv2apply`."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import soundfile
from host_maths.sections import Floats, Grid

_LENGTH, _SETTLE = 1 << 17, 48_000
_PULSE = 0.125


@dataclass(frozen=True)
class Port:
    """A control input: its range, and the numbers that its names stand for."""

    minimum: float
    maximum: float
    names: Mapping[str, float]


@dataclass(frozen=True)
class Plugin:
    """A plug-in that is installed. channels: its audio inputs."""

    uri: str
    channels: int
    ports: Mapping[str, Port]

    def held(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return values moved into the ranges of their ports, as hosts do; a port that is not there raises KeyError."""
        return {symbol: min(max(value, self.ports[symbol].minimum), self.ports[symbol].maximum) for symbol, value in values.items()}

    def responses_db(self, values: Mapping[str, float], grid: Grid) -> list[Floats]:
        """Return the response (n,) in dB of each channel with values on the ports."""
        bins, *responses = _measured(self.uri, self.channels, tuple(sorted(values.items())), int(grid.rate_hz))
        return [np.interp(grid.freqs_hz, bins, response) for response in responses]


@cache
def plugin(uri: str) -> Plugin | None:
    """Return a plug-in by its URI, None where it, or what runs it, is not installed."""
    if shutil.which("lv2apply") is None or shutil.which("lv2info") is None:
        return None
    described = subprocess.run(["lv2info", uri], capture_output=True, text=True, check=False).stdout
    ports, channels = {}, 0
    for block in re.split(r"(?m)^\tPort \d+:", described)[1:]:
        is_input = "#InputPort" in block
        channels += is_input and "#AudioPort" in block
        symbol, low, high = (re.search(rf"{key}:\s+(\S+)", block) for key in ("Symbol", "Minimum", "Maximum"))
        if symbol and low and high and is_input and "#ControlPort" in block:
            names = {name: float(number) for number, name in re.findall(r'([\d.]+) = "([^"]*)"', block)}
            ports[symbol[1]] = Port(float(low[1]), float(high[1]), names)
    return Plugin(uri, channels, ports) if ports else None


@lru_cache(maxsize=64)
def _measured(uri: str, channels: int, values: tuple[tuple[str, float], ...], rate_hz: int) -> list[Floats]:
    """Return the frequencies (m,) in Hz of a spectrum, and each channel's response (m,) in dB, to a pulse after the plug-in has settled."""
    pulse = np.zeros((_SETTLE + _LENGTH, channels), np.float32)
    pulse[_SETTLE] = _PULSE
    with tempfile.TemporaryDirectory(prefix="host-maths-") as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
        soundfile.write(source, pulse, rate_hz, subtype="FLOAT")
        controls = [word for symbol, value in values for word in ("-c", symbol, f"{value:.9g}")]
        subprocess.run(["lv2apply", "-i", str(source), "-o", str(target), *controls, uri], check=True, capture_output=True)
        out, _ = soundfile.read(target, dtype="float64", always_2d=True)
    spectrum = np.fft.rfft(out[_SETTLE:], axis=0) / _PULSE
    bins = np.asarray(np.fft.rfftfreq(out.shape[0] - _SETTLE, 1.0 / rate_hz), np.float64)
    return [bins, *(20.0 * np.log10(np.maximum(np.abs(channel), 1e-9)) for channel in spectrum.T)]
