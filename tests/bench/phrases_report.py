"""What semeq understands of 40 phrases from public posts of producers: understood, refused or wrong, in each half.

Run: PYTHONPATH=tests:tests/bench python tests/bench/phrases_report.py [--record FILE --as NAME]
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semeq_export.bundle.loading import load_bundle
from semeq_export.errors import SemeqError
from semeq_export.words.phrases import understand
from semeq_export.words.terms import CentroidBank

PHRASES = Path(__file__).resolve().parents[1] / "export" / "producer_phrases.toml"
OUTCOMES = ("understood", "rightly refused", "refused", "wrong")


def judged(phrase: Mapping[str, Any], bank: CentroidBank) -> tuple[str, str]:  # Any: TOML
    """Return an outcome and what was said.

    rightly refused: the words that nobody taught are named. understood: all words with the right sign, and no others.
    """
    try:
        weights = understand(phrase["text"], bank).weights
    except SemeqError as error:
        unknown = phrase.get("unknown", [])
        named = bool(unknown) and all(repr(word) in str(error) for word in unknown)
        return ("rightly refused" if named else "refused"), str(error)
    said = ", ".join(f"{word} {weight:g}" for word, weight in weights.items())
    left = dict(weights)
    for choices, sign in phrase["means"].items():
        found = [word for word in choices.split("|") if left.get(word, 0.0) * sign > 0]
        if not found:
            return "wrong", said
        del left[found[0]]
    extra = left.keys() - set(phrase.get("either", []))
    return ("wrong" if extra or phrase.get("unknown") else "understood"), said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, help="JSON file to write to")
    parser.add_argument("--as", dest="name", default="now", help="name of this run in the record: before or after")
    options = parser.parse_args()
    bank = load_bundle(None).centroids
    counts: dict[str, Counter[str]] = {"development": Counter(), "held out": Counter()}
    for phrase in tomllib.loads(PHRASES.read_text(encoding="utf-8"))["phrase"]:
        outcome, said = judged(phrase, bank)
        counts[phrase["half"]][outcome] += 1
        print(f"{phrase['half']:11}  {outcome:15}  {phrase['text']}  ->  {said}")  # noqa: T201 - a command
    for half, outcomes in counts.items():
        print(f"{half}: " + ", ".join(f"{outcome} {outcomes[outcome]}" for outcome in OUTCOMES))  # noqa: T201 - a command
    if options.record is not None:
        record = json.loads(options.record.read_text(encoding="utf-8")) if options.record.exists() else {}
        record[options.name] = {
            "date": datetime.date.today().isoformat(),
            "commit": subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip(),
            **{half: {outcome: outcomes[outcome] for outcome in OUTCOMES} for half, outcomes in counts.items()},
        }
        options.record.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
