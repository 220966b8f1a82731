"""What the model is worth: the long report of the shipped recipe and two-word, of eight numbers, of attention, the grid, the words.

Run: PYTHONPATH=tests/bench python tests/bench/evaluation_report.py DATA -o FOLDER [--record FILE]   (FOLDER keeps what was measured)
About an hour on two idle cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from check_bars import machine
from rich.console import Console
from rich.progress import Progress

from semeq_training.data import vocabulary
from semeq_training.data.cleaning import clean
from semeq_training.data.datasets import load_examples, read_tables
from semeq_training.reports import ablation, report, report_text
from semeq_training.runs.run import read_run

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "training" / "recipes"
SEEDS = 5
WEIGHTS, LATENTS, GRID_STEPS = (0.0, 0.1, 0.5, 1.0, 2.0), (2, 8, 16, 32, 64, 128), 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--small-seeds", type=int, default=SEEDS, help="seeds of the eight-number recipe, which takes longest")
    parser.add_argument("--without-grid", action="store_true")
    arguments = parser.parse_args()
    run, jobs = read_run(RECIPES / "default"), arguments.jobs
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("trainings", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total, description=what)

        def measured(recipe: str, seeds: int) -> dict[str, object]:
            beside = [RECIPES / recipe]
            return report.write(run, arguments.data, arguments.out, beside, seeds=seeds, jobs=jobs, keep=seeds == SEEDS, progress=progress)

        small = measured("bottleneck8.toml", arguments.small_seeds)
        attention = measured("transformer.toml", 1)
        full = measured("two-word.toml", SEEDS)
        grid = None
        if not arguments.without_grid:
            grid = ablation.write(
                RECIPES / "default.toml",
                arguments.data,
                arguments.out,
                weights=WEIGHTS,
                latents=LATENTS,
                max_steps=GRID_STEPS,
                jobs=jobs,
                progress=progress,
            )
    scale = run.recipe.recipe.socialeq_scale_db
    table = load_examples(arguments.data, socialeq_scale_db=scale, cache=arguments.out / "cache")
    min_rows = run.recipe.recipe.min_rows
    gains = vocabulary.split_gains(table)
    merged = clean(row for part in read_tables(arguments.data) for row in part.rows).merged
    record = {
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "recipe_sha256": run.recipe.sha256,
        "weights_sha256": run.record.weights_sha256,
        "report": full,
        "eight_numbers": small,
        "attention": attention,
        "grid": grid,
        "vocabulary": {
            "merged": {f"{spelling} ({language})": rows for (language, spelling), rows in sorted(merged.items())},
            "disagreements": [{**asdict(entry), "better": entry.better} for entry in vocabulary.disagreements(table, min_rows)],
            "two_meanings": [asdict(gain) for gain in gains],
        },
    }
    text = json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    sys.stdout.write(vocabulary.text(table, min_rows, gains, merged))
    sys.stdout.write(
        report_text.text(full) + report_text.text(small) + report_text.text(attention) + (ablation.text(grid) if grid is not None else "")
    )
    if arguments.record is not None:
        arguments.record.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
