"""What semeq.js takes and leaves, in Node, Chromium and Firefox: times, distance from Python, residue of a moving EQ, audio thread's share.

    python tests/bench/web_report.py

Times are of this machine at this hour. Needs node, chromium, firefox-esr, and `npm ci` in semeq_export/web.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("", "presets", "plugin_host", "training", "tests")]

from web.conftest import ASKED, RATE_HZ, Cases, decoded, drive, given, model_files, written  # noqa: E402
from web.judge import filtered, in_python, lufs, relative_db, residue_dbfs, settings_of  # noqa: E402

SECONDS, INTENSITIES = 120, (1.0, 2.0, 3.0)
PROGRAMS = {"node": "node", "chromium": "chromium", "firefox": "firefox-esr"}


def exactness(cases: Cases, found: dict[str, Any]) -> dict[str, float]:  # Any: JSON
    """Return the worst figures over what was asked for: of sound, of loudness, of moves."""
    wanted = [in_python(cases.audio, asked) for asked in ASKED]
    played = [np.stack([decoded(text) for text in result["played"]]) for result in found["played"]]
    said = [result["loudness"][1] for result in found["played"]]
    figures = {"from Python, dB rms": max(map(relative_db, played, wanted))}
    same = [filtered(cases.audio, settings_of(result["eq"])) for result in found["played"]]
    figures["of the same bands, dB rms"] = max(map(relative_db, played, same))
    figures["loudness from Python, LU"] = max(abs(got - lufs(sound)) for got, sound in zip(said, wanted, strict=True))
    moves = {f"residue of moving {name}, dBFS": residue_dbfs(decoded(found[name])) for name in ("eq", "monitor") if found[name] is not None}
    return figures | moves


def distance_of_decoders(cases: Cases, words: list[dict[str, Any]]) -> dict[str, float]:  # Any: JSON
    """Return by intensity how far the worst word is from Python, in dB rms, when both play what they decoded in float64."""
    audio = cases.audio[:, :RATE_HZ]
    worst: dict[str, float] = {}
    for one in words:
        wanted = in_python(audio, {"mix": {one["word"]: 1.0}, "intensity": one["intensity"]})
        distance = relative_db(filtered(audio, settings_of(one["eq"])), wanted)
        name = f"worst of {len(words) // len(INTENSITIES)} words at intensity {one['intensity']}, dB rms"
        worst[name] = max(worst.get(name, distance), distance)
    return worst


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="semeq-") as scratch:
        folders = [Path(scratch) / name for name in ("cases", "times")]
        for folder in folders:
            folder.mkdir()
        cases = given(folders[0])
        reference = (ROOT / "semeq_export/references/any.json").read_text(encoding="utf-8")
        asked = {"seconds": SECONDS, "rate": RATE_HZ, "intensities": INTENSITIES, "reference": reference}
        written(folders[1], ROOT / "tests/web/times.mjs", model_files() | asked)
        for where, program in PROGRAMS.items():
            if shutil.which(program) is None:
                sys.stdout.write(f"{where}: {program} is not installed\n")
                continue
            found, times = drive(cases.folder, where), drive(folders[1], where)
            for kind, results in found.items():
                lines = exactness(cases, results) | times[kind]["times"]
                if where == "node":
                    lines |= distance_of_decoders(cases, times[kind]["words"])
                figures = ", ".join(f"{name} {value:.4g}" for name, value in lines.items())
                sys.stdout.write(f"{where}, {kind}: {figures}\n")


if __name__ == "__main__":
    main()
