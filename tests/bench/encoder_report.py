"""What the audio encoders know about sources that they have not heard: both recipes, every source left out in turn.

Run: PYTHONPATH=training python tests/bench/encoder_report.py DATA --work DIR [--recipe NAME] [--record FILE]
DATA: the folder of the EQ tables, with audio/. DIR: keeps the runs; complete ones are not trained again.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from pathlib import Path

import msgspec
from check_bars import machine

from semeq_export.bundle.manifest import EncoderRecord
from semeq_training.fitting.audio_evaluate import table
from semeq_training.runs.audio_run import fit_encoder

RECIPES = Path(__file__).resolve().parents[2] / "training" / "recipes"
NAMES = ("encoder", "encoder_transformer")


def trained(name: str, data: Path, work: Path) -> EncoderRecord:
    """Return the record of a recipe's run, made here unless it is there."""
    out = work / name
    record = fit_encoder(
        RECIPES / f"{name}.toml", data, data / "audio", RECIPES / "default", out, resume=out.is_dir(), cache=work / "cache"
    )
    sys.stderr.write(f"{name}\n" + "\n".join(table(record.metrics)) + "\n")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--recipe", choices=NAMES, action="append", help="default: all")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    records = {name: trained(name, arguments.data, arguments.work) for name in arguments.recipe or NAMES}
    document = {
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "weights_sha256": records["encoder"].eq_weights_sha256,
        "recipes": {name: {**msgspec.to_builtins(record), "better_estimator": record.better_estimator} for name, record in records.items()},
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)
    if arguments.record is not None:
        arguments.record.write_text(text)


if __name__ == "__main__":
    main()
