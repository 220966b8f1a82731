"""semeq-export validate: are bundles and presets sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from semeq_export.app.validation import PathFindings


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
def command(ctx: click.Context, paths: tuple[str, ...], level: Literal[1, 2, 3], trust: bool, as_json: bool, quiet: bool) -> None:
    """Check bundles (folder or zip) and presets.

    What a bundle's graphs do is tried in another process, with limits of 5 s and 500 MB.
    Ends with 3 if anything is unsound, with 2 where a path cannot be read.
    """
    from semeq_export.app.validation import ValidateOptions, validate_paths

    result = validate_paths(ValidateOptions(paths=paths, level=level, trust=trust))
    if as_json:
        _shared.print_json({"is_sound": result.is_sound, "level": level, "paths": [path.to_dict() for path in result.paths]})
    else:
        for path in result.paths:
            _print(path, quiet)
    ctx.exit(_shared.EXIT_OK if result.is_sound else _shared.EXIT_NO)


def _print(path: PathFindings, quiet: bool) -> None:
    if path.errors or not quiet:
        click.echo(f"{_shared.one_line(str(path.path))}: {path.kind}, {'sound' if path.is_sound else 'not sound'}")
    for finding in path.errors if quiet else path.findings:
        click.echo(f"  {_shared.one_line(str(finding))}")
