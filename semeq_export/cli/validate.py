"""semeq-export validate: are bundles and presets sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.bundle.validate import Finding


@click.command(epilog="Example: semeq-export validate my-model.semeq --level 3")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--level",
    type=click.IntRange(1, 3),
    default=3,
    show_default=True,
    help="Bundles: 1 structure and hashes, 2 also graphs, 3 also the conformance vectors.",
)
@click.option("--trust", is_flag=True, help="Run TorchScript files too, at level 3. They can run code: only for bundles of your own.")
@_shared.output_options
@click.pass_context
def command(ctx: click.Context, paths: tuple[str, ...], level: int, trust: bool, as_json: bool, quiet: bool) -> None:
    """Check bundles (folder or zip) and presets.

    What a bundle's graphs do is tried in another process, with limits of 5 s and 500 MB.
    Ends with 3 if anything is unsound, with 2 where a path cannot be read.
    """
    results = [(path, kind, findings) for path in paths for kind, findings in [_check(path, level, trust)]]
    is_sound = not any(finding.severity == "error" for _, _, findings in results for finding in findings)
    if as_json:
        _shared.print_json({"is_sound": is_sound, "level": level, "paths": [_entry(*result) for result in results]})
    else:
        for path, kind, findings in results:
            _print(path, kind, findings, quiet)
    ctx.exit(_shared.EXIT_OK if is_sound else _shared.EXIT_NO)


def _check(path: str, level: int, trust: bool) -> tuple[str, list[Finding]]:
    import os
    from pathlib import Path

    from semeq_export.errors import SemeqError
    from semeq_export.files.disk import open_regular

    place = Path(path)
    if place.is_dir():
        is_bundle = place.suffix != ".lv2" and not (place / "manifest.ttl").exists()
    else:
        os.close(open_regular(place, SemeqError))
        is_bundle = place.suffix in (".semeq", ".zip")
    if not is_bundle:
        return "preset", _check_preset(path)
    from semeq_export.bundle.validate import validate

    return "bundle", validate(path, level, trust=trust)


def _check_preset(path: str) -> list[Finding]:
    from semeq_export.bundle.validate import Finding
    from semeq_export.errors import PresetError
    from semeq_presets import read_file

    try:
        preset = read_file(path)
    except PresetError as error:
        return [Finding("error", error.code, path, str(error))]
    return [Finding("note", note.kind, path, str(note)) for note in preset.notes]


def _entry(path: str, kind: str, findings: list[Finding]) -> dict[str, object]:
    from dataclasses import asdict

    is_sound = not any(finding.severity == "error" for finding in findings)
    return {"path": path, "kind": kind, "is_sound": is_sound, "findings": [asdict(finding) for finding in findings]}


def _print(path: str, kind: str, findings: list[Finding], quiet: bool) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    verdict = "not sound" if errors else "sound"
    if errors or not quiet:
        click.echo(f"{_shared.one_line(path)}: {kind}, {verdict}")
    for finding in errors if quiet else findings:
        click.echo(f"  {_shared.one_line(str(finding))}")
