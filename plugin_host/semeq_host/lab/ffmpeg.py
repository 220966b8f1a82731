"""FFmpeg: renders the test impulse through an audio filter string, or through an impulse response with its convolver."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile

from semeq_export.errors import PresetReadError
from semeq_host.lab._process import private_folder, program, run
from semeq_host.lab.response import IMPULSE_RATE_HZ, Measurement, impulse

_PACKAGE = "ffmpeg"
_FILTERS = frozenset(
    {"lowshelf", "highshelf", "tiltshelf", "equalizer", "bass", "treble", "biquad", "volume"}
    | {"highpass", "lowpass", "bandpass", "bandreject", "allpass", "anequalizer", "firequalizer"}
)
"""Filters that only filter: others read files, load libraries or write, which a preset from somewhere must not make FFmpeg do."""


def measure(filters: str, sample_rate_hz: int = IMPULSE_RATE_HZ, *, channels: int = 1, timeout_s: float = 30.0) -> Measurement:
    """Return the test impulse as rendered by `ffmpeg -af FILTERS`, the same in every channel, 64-bit samples in and out.

    Raises PresetReadError for a filter that is no equaliser or that FFmpeg refuses, MissingHostError without FFmpeg,
    EnvironmentFailure where it hangs.
    """
    _check_filters(filters)
    path = program("ffmpeg", _PACKAGE)
    with private_folder() as folder:
        soundfile.write(folder / "in.wav", np.stack([impulse()] * channels, axis=1), sample_rate_hz, subtype="DOUBLE")
        quiet = [path, "-nostdin", "-hide_banner", "-loglevel", "error"]
        run([*quiet, "-i", "in.wav", "-af", filters.strip(), "-c:a", "pcm_f64le", "out.wav"], folder=folder, timeout_s=timeout_s)
        samples, _ = soundfile.read(folder / "out.wav", dtype="float64", always_2d=True)
    return Measurement(samples.T, sample_rate_hz, _version())


def convolve(response: Path, sample_rate_hz: int = IMPULSE_RATE_HZ, *, timeout_s: float = 60.0) -> Measurement:
    """Return the test impulse through FFmpeg's convolver afir with an impulse response file, in as many channels as the file has.

    FFmpeg 5.1 plays a response of two channels twice as loud, others do not: the level is taken from a second run with a unit impulse.
    Raises PresetReadError for a file that FFmpeg refuses or of another rate, otherwise as `measure` does.
    """
    path = program("ffmpeg", _PACKAGE)
    try:
        info = soundfile.info(response)
    except soundfile.LibsndfileError as error:
        raise PresetReadError("is no sound file", str(response)) from error
    if info.samplerate != sample_rate_hz:
        raise PresetReadError(f"is for {info.samplerate} Hz, not for {sample_rate_hz} Hz", str(response))
    rendered = []
    with private_folder() as folder:
        soundfile.write(folder / "in.wav", np.stack([impulse()] * info.channels, axis=1), sample_rate_hz, subtype="DOUBLE")
        soundfile.write(folder / "unit.wav", np.eye(16, 1).repeat(info.channels, axis=1), sample_rate_hz, subtype="DOUBLE")
        (folder / "response.wav").write_bytes(response.read_bytes())
        for name in ("response.wav", "unit.wav"):
            graph = ["-lavfi", "[0][1]afir=gtype=none:maxir=60", "-c:a", "pcm_f64le", "-y", "out.wav"]
            quiet = [path, "-nostdin", "-hide_banner", "-loglevel", "error", "-i", "in.wav", "-i", name]
            run([*quiet, *graph], folder=folder, timeout_s=timeout_s)
            rendered.append(soundfile.read(folder / "out.wav", dtype="float64", always_2d=True)[0].T)
    played, unit = rendered
    return Measurement(played * (impulse().max() / np.abs(unit).max()), sample_rate_hz, f"{_version()} (afir)")


def _check_filters(filters: str) -> None:
    for item in re.split(r"[,;]", re.sub(r"\[[^\]]*\]", "", filters)):
        name = item.split("=")[0].split("@")[0].strip()
        if name not in _FILTERS:
            raise PresetReadError(f"{name!r} is not an equaliser filter of ffmpeg; known: {', '.join(sorted(_FILTERS))}")


def _version() -> str:
    """Return a text like "FFmpeg 5.1.9-0+deb12u1" for a "verified" column."""
    with private_folder() as folder:
        output = run([program("ffmpeg", _PACKAGE), "-version"], folder=folder, timeout_s=10.0)
    return f"FFmpeg {output.split()[2].decode('ascii', 'replace')}"
