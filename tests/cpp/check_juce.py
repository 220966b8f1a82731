"""Load the JUCE example's VST3 in Pedalboard and compare every word with the Python engine. Built by `.ci/long`: it takes minutes.

usage: check_juce.py BUILD_FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pedalboard

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply

RATE_HZ = 48_000
TOLERANCE = 1e-5


def main() -> int:
    (path,) = Path(sys.argv[1]).rglob("semeq JUCE.vst3")
    plugin, engine = pedalboard.load_plugin(str(path)), Engine(load_bundle(), exact=True)
    impulse = np.zeros((2, 16_384), np.float32)
    impulse[:, 0] = 1.0
    worst = 0.0
    for word in engine.bundle.centroids:
        plugin.word = word
        worst = max(worst, float(np.abs(plugin(impulse, RATE_HZ) - apply(engine.eq_for(word), impulse.astype(np.float64), RATE_HZ)).max()))
    plugin.word, state = "warm", plugin.raw_state
    plugin.raw_state = state
    sys.stdout.write(f"{path.name}: {len(engine.bundle.centroids)} words, largest difference {worst:.2g}\n")
    return 0 if worst <= TOLERANCE else 3


if __name__ == "__main__":
    sys.exit(main())
