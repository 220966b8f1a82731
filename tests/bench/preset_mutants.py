"""Read 10,000 mutants of every golden preset and write the record. Exit code 3 where one is neither refused nor sound."""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.check_bars import machine  # noqa: E402  # run as a script, from anywhere
from preset_files import GOLDENS, try_mutants  # noqa: E402

SEED = "long run"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutants of each golden (default: %(default)s)")
    parser.add_argument("--record", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--missing", action="store_true", help="only goldens that the record lacks; the others keep their rows")
    options = parser.parse_args()
    before = json.loads(options.record.read_text(encoding="utf-8"))["goldens"] if options.missing else {}
    rows = {}
    for golden in (golden for golden in GOLDENS if golden not in before):
        try:
            rows[golden] = try_mutants(golden, options.count, SEED)
        except AssertionError as error:
            sys.stderr.write(f"{error}\n")
            return 3
        sys.stdout.write(f"{golden:40} {rows[golden]}\n")
        sys.stdout.flush()
    document = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip(),
        "seed": SEED,
        "goldens": {golden: row for golden, row in before.items() if golden in GOLDENS}
        | {golden: asdict(row) | {"slowest_ms": round(row.slowest_ms, 1)} for golden, row in rows.items()},
    }
    options.record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
