"""What the answers of a listening test's panel say: files in, screened, counted and tested."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from semeq_export.errors import DataError, SemeqError, printable
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import check_output, read_regular
from semeq_export.panel import answers, report
from semeq_export.panel.abx import analyse_abx
from semeq_export.panel.gathered import PanelData, gather
from semeq_export.panel.manifest import MAX_BYTES, Manifest, read_manifest
from semeq_export.panel.pairs import analyse_pairs
from semeq_export.panel.ratings import analyse_ratings

__all__ = ["PanelOptions", "PanelResult", "analyse_panel"]

MANIFEST = "manifest.json"
_NO_KEY = f"sounds go by their codes: `test` names the folder that holds their {MANIFEST}"
_SUFFIXES = (".csv", ".txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelOptions:
    """What to analyse.

    results: tables of answers, or folders of them (.csv, and .txt of BeaqleJS). test: the folder that the test was made in, or its
    manifest.json; without, a manifest.json beside the results is taken. screen: leave out listeners after BS.1534-3. table: a CSV to
    write; picture: .svg, .png or .pdf.
    """

    results: Sequence[str | os.PathLike[str]]
    test: str | os.PathLike[str] | None = None
    screen: bool = True
    table: str | os.PathLike[str] | None = None
    picture: str | os.PathLike[str] | None = None
    overwrite: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelResult:
    """What a panel said. errors: of files that could not be used. notes: what was left out of others."""

    data: PanelData
    result: report.Result
    errors: tuple[SemeqError, ...]
    notes: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The result as text."""
        return report.lines(self.result)

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        found = dataclasses.asdict(self.result)
        limits = found.pop("notes")
        return {
            "kind": self.data.kind,
            "title": self.data.title,
            "listeners": len(self.data.listeners),
            **found,
            "limits": list(limits),
            "notes": list(self.notes),
        }


def analyse_panel(options: PanelOptions) -> PanelResult:
    """Read the answers of a panel and return what they say; files that cannot be used do not stop the others.

    Raises DataError where none can be used, OutputError and EnvironmentFailure.
    """
    for place in (options.table, options.picture):
        if place is not None:
            check_output(place, overwrite=options.overwrite, inputs=tuple(options.results))
    if options.picture is not None:
        from semeq_export.plot.figures import picture_format  # loads matplotlib

        picture_format(os.fspath(options.picture))
    files = [file for path in options.results for file in _listed(Path(path))]
    test = _key(options.test, files)
    sheets, errors = [], []
    for file in files:
        try:
            sheets.append(answers.read_sheet(read_regular(file, DataError, max_bytes=answers.MAX_BYTES), os.fspath(file)))
        except SemeqError as error:
            errors.append(error)
    if not sheets:
        raise errors[0]
    data = gather(sheets, test)
    if data.kind == "mushra":
        result: report.Result = analyse_ratings(data, screen=options.screen)
    else:
        result = analyse_pairs(data) if data.kind == "pairs" else analyse_abx(data)
    if options.table is not None:
        write_atomic(options.table, _table(result), overwrite=options.overwrite)
    if options.picture is not None:
        from semeq_export.plot.figures import save
        from semeq_export.plot.panel import panel_figure

        save(panel_figure(result, title=data.title), os.fspath(options.picture), overwrite=options.overwrite)
    return PanelResult(data=data, result=result, errors=tuple(errors), notes=(*data.notes, *([] if test else [_NO_KEY])))


def _listed(path: Path) -> list[Path]:
    """Return a file, or the tables of a folder; raises DataError where there are none."""
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
    if not found:
        raise DataError(f"{printable(path)}: no .csv or .txt in this folder")
    return found


def _key(place: str | os.PathLike[str] | None, files: Sequence[Path]) -> Manifest | None:
    if place is not None:
        path = Path(place)
        return _read_key(path / MANIFEST if path.is_dir() else path)
    beside = {file.parent / MANIFEST for file in files if (file.parent / MANIFEST).is_file()}
    return _read_key(next(iter(beside))) if len(beside) == 1 else None


def _read_key(path: Path) -> Manifest:
    return read_manifest(read_regular(path, DataError, max_bytes=MAX_BYTES), os.fspath(path))


def _table(result: report.Result) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, report.COLUMNS)
    writer.writeheader()
    writer.writerows(report.rows(result))
    return text.getvalue().encode("utf-8")
