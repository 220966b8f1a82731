"""Measure every target in its host and write the record. Exit code 3 where a bar is missed that is not stated as a shortfall."""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from host_targets import TARGETS, measured_row  # noqa: E402 - tests/ is no package


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, required=True, help="JSON file to write")
    record = parser.parse_args().record
    rows = {}
    for target in TARGETS:
        with tempfile.TemporaryDirectory(prefix="semeq-targets-") as folder:
            rows[target.name] = measured_row(target, Path(folder))
        sys.stdout.write(f"{rows[target.name]}\n")
        sys.stdout.flush()
    manifest = ROOT / "semeq_export" / "factory" / "default.semeq" / "manifest.json"
    document = {
        "weights_sha256": json.loads(manifest.read_text(encoding="utf-8"))["training"]["weights_sha256"],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {_distribution()}",
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip(),
        "targets": {name: row.to_dict() for name, row in rows.items()},
    }
    record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0 if all(rows[target.name].met or target.shortfall is not None for target in TARGETS) else 3


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
