"""VST3 plug-ins through Pedalboard, in a process of their own: loads a .vstpreset file and renders the test impulse."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from semeq_export.arrays import Float64Array
from semeq_export.errors import MissingHostError, printable
from semeq_host.lab._process import last_line, private_folder, run
from semeq_host.lab.response import IMPULSE_RATE_HZ, IMPULSE_SAMPLES, Measurement, impulse

_CHILD = Path(__file__).with_name("_vst3_child.py")
_SETTLING_SAMPLES = 48_000  # silence before the impulse: plug-ins glide to a new preset's values


def measure(
    preset_file: Path, plugin_file: Path, sample_rate_hz: int = IMPULSE_RATE_HZ, *, channels: int = 1, timeout_s: float = 60.0
) -> Measurement:
    """Return the test impulse on `channels` channels through a VST3 plug-in with a .vstpreset, 32-bit samples.

    Raises MissingHostError where the plug-in is not there, PresetReadError where Pedalboard cannot load the plug-in or the preset, or where
    the plug-in has another number of channels or crashes, EnvironmentFailure where it hangs.
    """
    if not plugin_file.exists():
        raise MissingHostError(f"plug-in {printable(plugin_file)} is not installed (the Zam plug-ins: apt-get install zam-plugins)")
    signal = np.tile(impulse(_SETTLING_SAMPLES + IMPULSE_SAMPLES, at_sample=_SETTLING_SAMPLES), (channels, 1))
    with private_folder() as folder:
        np.save(folder / "in.npy", signal.astype(np.float32))
        files = [plugin_file.absolute(), preset_file.absolute(), folder / "in.npy", folder / "out.npy"]
        output = run([sys.executable, "-I", _CHILD, *files, str(sample_rate_hz)], folder=folder, timeout_s=timeout_s, name="pedalboard")
        samples: Float64Array = np.load(folder / "out.npy")[:, _SETTLING_SAMPLES:].astype(np.float64)
    return Measurement(samples, sample_rate_hz, last_line(output))
