"""Faust: compiles a .dsp source with `faust` and `g++` and runs it on the test impulse, in double precision and at any rate."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from semeq_export.errors import PresetReadError
from semeq_host.lab._process import private_folder, program, run
from semeq_host.lab.response import IMPULSE_AMPLITUDE, IMPULSE_RATE_HZ, IMPULSE_SAMPLES, Measurement

_ARCHITECTURE = Path(__file__).with_name("faust_impulse.cpp")
_FOREIGN = re.compile(r"\b(ffunction|fconstant|fvariable|soundfile|component|library)\b")
_IMPORT = re.compile(r"\bimport\s*\(([^)]*)\)")


def measure(source: str, sample_rate_hz: int = IMPULSE_RATE_HZ, *, timeout_s: float = 60.0) -> Measurement:
    """Return the test impulse through a Faust program with as many outputs as inputs, all inputs alike.

    The source is compiled and run, so it may import nothing but stdfaust.lib and call nothing outside Faust.
    Raises PresetReadError for a source that wants more or that Faust refuses, MissingHostError without Faust or g++,
    EnvironmentFailure where they hang.
    """
    _check_source(source)
    faust, compiler = program("faust", "faust"), program("g++", "g++")
    with private_folder() as folder:
        (folder / "preset.dsp").write_text(source, encoding="utf-8")
        run([faust, "-double", "-a", _ARCHITECTURE, "-o", "preset.cpp", "preset.dsp"], folder=folder, timeout_s=timeout_s)
        run([compiler, "-O1", "-DFAUSTFLOAT=double", "-o", "preset", "preset.cpp"], folder=folder, timeout_s=timeout_s)
        numbers = [str(sample_rate_hz), str(IMPULSE_SAMPLES), str(IMPULSE_AMPLITUDE)]
        output = run([folder / "preset", *numbers], folder=folder, timeout_s=timeout_s)
    samples = np.array(output.split(), dtype=np.float64).reshape(IMPULSE_SAMPLES, -1)
    return Measurement(samples.T, sample_rate_hz, _version())


def _check_source(source: str) -> None:
    foreign = _FOREIGN.search(source)
    if foreign:
        raise PresetReadError(f"the faust source uses {foreign[0]}, which reaches outside of faust; it is not run")
    for name in _IMPORT.findall(source):
        if name.strip() != '"stdfaust.lib"':
            raise PresetReadError(f'the faust source imports {name.strip()[:60]}, only "stdfaust.lib" is allowed; it is not run')


def _version() -> str:
    """Return a text like "Faust 2.54.9" for a "verified" column."""
    with private_folder() as folder:
        output = run([program("faust", "faust"), "--version"], folder=folder, timeout_s=10.0)
    return f"Faust {output.split()[2].decode('ascii', 'replace')}"
