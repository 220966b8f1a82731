"""SoX: renders the test impulse through an effect string."""

from __future__ import annotations

import re

import soundfile

from semeq_export.errors import PresetReadError
from semeq_host.lab._process import private_folder, program, run
from semeq_host.lab.response import IMPULSE_RATE_HZ, Measurement, impulse

_PACKAGE = "sox"
_EFFECTS = frozenset({"gain", "vol", "bass", "treble", "equalizer", "biquad", "highpass", "lowpass", "bandpass", "bandreject", "allpass"})
_SWITCHES = frozenset({"-1", "-2", "-c"})
"""Effects that only filter: others read or write files, which a preset from somewhere must not make SoX do."""
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?(dB|[a-zA-Z])?")


def measure(effects: str, sample_rate_hz: int = IMPULSE_RATE_HZ, *, timeout_s: float = 30.0) -> Measurement:
    """Return the test impulse as rendered by `sox -D IN -b 32 -e signed-integer OUT EFFECTS`, one channel.

    SoX works with 32-bit integers inside: what rises over full scale clips there, so the effects should lower the level first.
    Raises PresetReadError for an effect that is no equaliser, that SoX refuses, or that clips; MissingHostError without SoX,
    EnvironmentFailure where it hangs.
    """
    words = _checked_words(effects)
    path = program("sox", _PACKAGE)
    with private_folder() as folder:
        soundfile.write(folder / "in.wav", impulse(), sample_rate_hz, subtype="DOUBLE")
        output = run([path, "-D", "in.wav", "-b", "32", "-e", "signed-integer", "out.wav", *words], folder=folder, timeout_s=timeout_s)
        samples, _ = soundfile.read(folder / "out.wav", dtype="float64", always_2d=True)
    if b"clipped" in output:
        raise PresetReadError("the effects clip in sox; lower the level with a gain effect in front")
    return Measurement(samples.T, sample_rate_hz, _version())


def _checked_words(effects: str) -> list[str]:
    words = effects.split()
    for word in words:
        if word not in _EFFECTS | _SWITCHES and not _NUMBER.fullmatch(word):
            raise PresetReadError(f"{word!r} is neither a number nor an equaliser effect of sox; known: {', '.join(sorted(_EFFECTS))}")
    return words


def _version() -> str:
    """Return a text like "SoX 14.4.2" for a "verified" column."""
    with private_folder() as folder:
        output = run([program("sox", _PACKAGE), "--version"], folder=folder, timeout_s=10.0)
    return f"SoX {output.split()[-1].decode('ascii', 'replace').lstrip('v')}"
