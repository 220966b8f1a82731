"""Read every public preset file and compare with what its host does; write the record. Exit code 1 where one is wrong without a word.

Verdicts: "right" (within 0.1 dB of the host's maths), "stated" (further off, but within the loss that the reader's notes state), "refused"
(with a reason), and "wrong" (further off than stated, or an EQ read where there is none, or a crash).
Compared per channel at 48 kHz, at 400 frequencies from 20 Hz to 20 kHz and around the bands that were read, above -80 dB.
Nothing of a file's content stands in the record: texts between quotation marks are left out of reasons.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench.public_readings import bands_hz_of, channels_of, read_one, word_of  # noqa: E402  # run as a script, from anywhere
from host_maths.channels import NoEq, difference_db  # noqa: E402
from host_maths.evaluate import Answer, evaluate, is_known  # noqa: E402
from host_maths.sections import Grid  # noqa: E402

from semeq_export.errors import SemeqError  # noqa: E402
from semeq_presets import Preset  # noqa: E402

LIMIT_DB = 0.1
POINTS = 400
RATE_HZ = 48_000.0
VERDICTS = ("right", "stated", "refused", "wrong")
_AROUND = (0.9, 0.97, 1.0, 1.03, 1.1)
_MAX_REASON = 120


@dataclass(frozen=True)
class Row:
    """What became of a file. error_db: the largest difference of any channel of any EQ in it; stated_db: the loss that the notes state."""

    verdict: str
    error_db: float | None
    stated_db: float | None
    reason: str
    basis: str = ""


def judge(path: Path) -> Row:
    """Return what becomes of a file; of one that holds several EQs, the worst of them, each chosen, if the reader asks which one."""
    answers = evaluate(path, grid_of([]))
    row = _judged(path, answers, "")
    if row.verdict != "refused" or len(answers) == 1:
        return row
    rows = {label: _judged(path, answers, label) for label in answers}
    heard = [found for label, found in rows.items() if not (found.verdict == "refused" and isinstance(answers[label], NoEq))]
    return max(heard, key=_badness) if any(found.verdict != "refused" for found in heard) else row


def _badness(row: Row) -> tuple[int, float]:
    return VERDICTS.index(row.verdict), row.error_db or 0.0


def _judged(path: Path, answers: Mapping[str, Answer], label: str) -> Row:
    """Return what becomes of one EQ of a file; without a label, which is asked for no choice, of whatever the reader gives.

    Of several that are chosen by one word, such as those of one track, any is right.
    """
    try:
        preset = read_one(path, label)
    except SemeqError as error:
        return Row("refused", None, None, _public(str(error), path))
    except Exception as error:
        return Row("wrong", None, None, f"crash: {type(error).__name__}")
    grid = grid_of(bands_hz_of(preset))
    answered = evaluate(path, grid)
    if label not in answers:
        return max((_compared(preset, answer, grid) for answer in answered.values()), key=_badness)
    namesakes = [answer for name, answer in answered.items() if word_of(path, name) == word_of(path, label)]
    return min((_compared(preset, answer, grid) for answer in namesakes), key=_badness)


def grid_of(bands_hz: list[float]) -> Grid:
    around = [freq * factor for freq in bands_hz for factor in _AROUND]
    freqs = np.union1d(np.geomspace(20.0, 20_000.0, POINTS), [freq for freq in around if 20.0 <= freq <= 20_000.0])
    return Grid(freqs, RATE_HZ)


def _compared(preset: Preset, answer: Answer, grid: Grid) -> Row:
    stated_db = sum(note.error_db or 0.0 for note in preset.notes)
    if isinstance(answer, NoEq):
        return Row("wrong", None, stated_db, f"read as an EQ, but: {answer}")
    read = channels_of(preset, answer.channels, grid)
    error_db = max(difference_db(got, wanted) for name, wanted in answer.channels.items() for got in read[name])
    size = f"{error_db:.2f} dB off, {stated_db:.2f} dB stated, {_size(preset)}"
    if error_db > LIMIT_DB and error_db > stated_db + LIMIT_DB:
        return Row("wrong", error_db, stated_db, size, answer.basis)
    unsaid = [] if stated_db else list(answer.unknown)
    unsaid += [] if preset.notes else list(answer.others)
    if unsaid:
        return Row("wrong", error_db, stated_db, f"nothing stated about {', '.join(dict.fromkeys(unsaid))}; {size}", answer.basis)
    if error_db > LIMIT_DB or answer.unknown:
        return Row("stated", error_db, stated_db, size, answer.basis)
    return Row("right", error_db, stated_db, "", answer.basis)


def _size(preset: Preset) -> str:
    bands = len(bands_hz_of(preset))
    kinds = Counter(note.kind for note in preset.notes)
    notes = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"
    return f"{bands} bands, notes: {notes}"


def _public(reason: str, path: Path) -> str:
    """Return a reason without the path and without what it quotes of the file."""
    said = reason.replace(str(path), "").replace(path.name, "").removeprefix(": ")
    return re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'...'", said)[:_MAX_REASON]


def files_of(folders: list[Path]) -> list[tuple[str, Path]]:
    """Return the preset files of folders of sources, each with its name in the record: "source/path"."""
    found = []
    for folder in folders:
        for source in sorted(place for place in folder.iterdir() if place.is_dir()):
            found += [
                (path.relative_to(folder).as_posix(), path) for path in sorted(source.rglob("*")) if path.is_file() and is_known(path)
            ]
    return found


def counts_of(rows: Mapping[str, Row]) -> dict[str, dict[str, int]]:
    """Return how many files of a source have each verdict."""
    sources: dict[str, dict[str, int]] = {}
    for name, row in rows.items():
        counts = sources.setdefault(name.partition("/")[0], dict.fromkeys(("files", *VERDICTS), 0))
        counts["files"] += 1
        counts[row.verdict] += 1
    return sources


def table_of(rows: Mapping[str, Row]) -> str:
    counts = counts_of(rows)
    counts["all"] = {key: sum(row[key] for row in counts.values()) for key in ("files", *VERDICTS)}
    lines = ["| source | files | read right | loss stated | refused | wrong with exit 0 |", "| --- | --- | --- | --- | --- | --- |"]
    lines += [f"| {source} | {' | '.join(str(row[key]) for key in ('files', *VERDICTS))} |" for source, row in counts.items()]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, action="append", help="folder of sources (default: presets_public of SEMEQ_DATA); several may be given"
    )
    parser.add_argument("--record", type=Path, help="JSON file to write")
    parser.add_argument("--only", default="", help="files whose name holds this text")
    parser.add_argument("--each", action="store_true", help="print every file that is not read right")
    options = parser.parse_args()
    rows = {}
    for name, path in files_of(options.folder or [default_folder()]):
        if options.only in name:
            rows[name] = judge(path)
            if options.each and rows[name].verdict != "right":
                sys.stdout.write(f"{rows[name].verdict:8} {name}: {rows[name].reason}\n")
    sys.stdout.write(f"{table_of(rows)}\n")
    if options.record is not None:
        document = {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "commit": subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, check=True, capture_output=True, text=True).stdout.strip(),
            "limit_db": LIMIT_DB,
            "sources": counts_of(rows),
            "files": {name: _rounded(row) for name, row in rows.items()},
        }
        options.record.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if any(row.verdict == "wrong" for row in rows.values()) else 0


def default_folder() -> Path:
    return Path(os.environ.get("SEMEQ_DATA", HERE.parent.parent.parent / "shared" / "data")) / "presets_public"


def _rounded(row: Row) -> dict[str, object]:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(row).items()}


if __name__ == "__main__":
    sys.exit(main())
