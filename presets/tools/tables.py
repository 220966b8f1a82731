"""Write the tables of formats in presets/README.md from what the formats say themselves: `python presets/tools/tables.py`.

Each table stands between `<!-- NAME -->` and `<!-- end of NAME -->`; tests/architecture/test_registry.py compares them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from semeq_presets import FormatInfo, formats
from semeq_presets.shelf.install import SYSTEMS

README = Path(__file__).resolve().parent.parent / "README.md"
EXACT_DB = 1e-6


def with_tables(text: str, infos: Sequence[FormatInfo]) -> str:
    """Return the README's text with its tables written anew."""
    for name, table in (("formats", formats_table(infos)), ("hosts", hosts_table(infos))):
        start, end = f"<!-- {name}: written by presets/tools/tables.py -->\n", f"<!-- end of {name} -->\n"
        text, count = re.subn(
            f"({re.escape(start)}).*?({re.escape(end)})", lambda found, table=table: found[1] + table + found[2], text, flags=re.DOTALL
        )
        if count != 1:
            raise ValueError(f"{README.name} has {count} places for the table {name!r}")
    return text


def formats_table(infos: Iterable[FormatInfo]) -> str:
    """Return a row for each format: what it is and how a person gets it into the host."""
    rows = [("id", "also called", "title", "verified", "holds", "precision", "how to import")]
    for info in infos:
        holds = str(info.limits) if info.carries == "bands" else f"a curve; stated for {info.limits}"
        precision = "exact" if info.precision_db <= EXACT_DB else f"{info.precision_db:.6f}".rstrip("0") + " dB"
        title = "; ".join(text for text in (info.title, info.remark) if text)
        rows.append((f"`{info.id}`", ", ".join(info.aliases), title, info.verified or "nominal", holds, precision, info.how_to_import))
    return _table(rows)


def hosts_table(infos: Iterable[FormatInfo]) -> str:
    """Return a row for each format whose host has a folder for presets, or can be measured."""
    rows = [("id", *SYSTEMS.values(), "`verify` measures in")]
    for info in infos:
        if info.places or info.measured_in:
            measured = [host.name + ("" if host.is_default else " where asked for") for host in info.measured_in]
            rows.append((f"`{info.id}`", *(_folder(info, system) for system in SYSTEMS), ", ".join(measured) or "-"))
    return _table(rows)


def _folder(info: FormatInfo, system: str) -> str:
    place = info.places.get(system)
    if place is None:
        return "-"
    return " or ".join(f"`{'/'.join(part for part in (root, place.below) if part)}`" for root in place.roots)


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("---" for _ in rows[0]) + " |")
    return "".join(f"{line}\n" for line in lines)


def main() -> int:
    before = README.read_text(encoding="utf-8")
    README.write_text(with_tables(before, formats()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
