"""Runs one VST3 plug-in on one signal: PLUGIN PRESET INPUT.npy OUTPUT.npy SAMPLE_RATE_HZ. Started by `vst3`, so that a crash stays here."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np
import pedalboard as pedalboard_module

pedalboard: Any = pedalboard_module  # Any: its types leave out what is used here


def _main() -> int:
    plugin_file, preset_file, input_file, output_file, sample_rate_hz = sys.argv[1:]
    try:
        plugin = pedalboard.load_plugin(plugin_file)
        plugin.load_preset(preset_file)
        np.save(output_file, plugin.process(np.load(input_file), float(sample_rate_hz), reset=False))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{plugin.name} through Pedalboard {pedalboard.__version__}\n")
    return 0


if __name__ == "__main__":
    code = _main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # without taking the plug-in down, which some do not survive and others talk about
