"""What the model is worth: the long report of the shipped recipe and two-word, of eight numbers, of attention, the grid, the words.

Run: PYTHONPATH=tests/bench python tests/bench/evaluation_report.py DATA -o FOLDER [--record FILE]   (FOLDER keeps what was measured)
About an hour and a half on two idle cores. `--only report` measures that part again and keeps the others of the record, which say of which
commit they are. Of the shipped recipe, whose steps are for sums of words, 4,000 are taken: rows and words are as they will be by then.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from check_bars import machine
from rich.console import Console
from rich.progress import Progress

from semeq_training.data import vocabulary
from semeq_training.data.cleaning import clean
from semeq_training.data.datasets import load_examples, read_tables
from semeq_training.reports import ablation, report, report_text
from semeq_training.runs.run import Run, read_run

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "training" / "recipes"
SEEDS, MAX_STEPS = 5, 4_000
WEIGHTS, LATENTS, GRID_STEPS = (0.0, 0.1, 0.5, 1.0, 2.0), (2, 8, 16, 32, 64, 128), 500
PARTS = ("report", "eight_numbers", "attention", "grid", "vocabulary")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", choices=PARTS, action="append")
    arguments = parser.parse_args()
    run = read_run(RECIPES / "default")
    known = json.loads(arguments.record.read_text(encoding="utf-8")) if arguments.only else {}
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("trainings", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total, description=what)

        found = {part: _measure(part, run, arguments, progress) for part in arguments.only or PARTS}
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    former = {part: {"commit": known["commit"], "date": known["date"]} for part in PARTS if part not in found} | known.get("former", {})
    record = (
        known
        | found
        | {
            "commit": commit,
            "date": date,
            "machine": machine(),
            "recipe_sha256": run.recipe.sha256,
            "weights_sha256": run.record.weights_sha256,
            "former": {part: of for part, of in former.items() if part not in found},
        }
    )
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if arguments.record is not None:
        arguments.record.write_text(text, encoding="utf-8")


def _measure(part: str, run: Run, arguments: argparse.Namespace, progress: Callable[[int, int, str], None]) -> dict[str, object]:
    """Return one part of the record, and print it as people read it."""
    if part == "vocabulary":
        return _vocabulary(run, arguments)
    if part == "grid":
        recipe, out = RECIPES / "default.toml", arguments.out
        grid = ablation.write(
            recipe, arguments.data, out, weights=WEIGHTS, latents=LATENTS, max_steps=GRID_STEPS, jobs=arguments.jobs, progress=progress
        )
        sys.stdout.write(ablation.text(grid))
        return grid
    beside, seeds, max_steps = {
        "report": ("two-word", arguments.seeds, MAX_STEPS),
        "eight_numbers": ("bottleneck8", arguments.seeds, 4_000),
        "attention": ("transformer", 1, MAX_STEPS),
    }[part]
    others, jobs = [RECIPES / f"{beside}.toml"], arguments.jobs
    found = report.write(run, arguments.data, arguments.out, others, seeds=seeds, jobs=jobs, max_steps=max_steps, progress=progress)
    sys.stdout.write(report_text.text(found))
    return found


def _vocabulary(run: Run, arguments: argparse.Namespace) -> dict[str, object]:
    table = load_examples(arguments.data, socialeq_scale_db=run.recipe.recipe.socialeq_scale_db, cache=arguments.out / "cache")
    min_rows = run.recipe.recipe.min_rows
    gains = vocabulary.split_gains(table)
    merged = clean(row for part in read_tables(arguments.data) for row in part.rows).merged
    sys.stdout.write(vocabulary.text(table, min_rows, gains, merged))
    return {
        "merged": {f"{spelling} ({language})": rows for (language, spelling), rows in sorted(merged.items())},
        "disagreements": [{**asdict(entry), "better": entry.better} for entry in vocabulary.disagreements(table, min_rows)],
        "two_meanings": [asdict(gain) for gain in gains],
    }


if __name__ == "__main__":
    main()
