"""semeq-export session: a folder of stems as one session for the DAW, with an EQ on each track."""

from __future__ import annotations

from typing import Any, Literal

import click

from semeq_export.cli import _shared


@click.command(epilog="Example: semeq-export session stems/ -t warm --stem 'vocal*=airy:0.7,clear:0.3' -o song.dawproject")
@click.argument("audio", nargs=-1, required=True, metavar="AUDIO...")
@click.option("-t", "--target", metavar="TEXT", help="Word for all stems that no --stem names; without it they get no EQ.")
@click.option(
    "--stem", "rules", multiple=True, metavar="PATTERN=TEXT", help="Word for the stems of these file names; the first match counts."
)
@click.option(
    "--intensity",
    type=_shared.IntensityType("typical"),
    default=1.0,
    show_default=True,
    help="0 = flat, 1 = the word, typical = as people do it.",
)
@click.option("-o", "--output", type=_shared.OUTPUT, required=True, metavar="FILE.dawproject", help="The session.")
@_shared.force_option
@_shared.guess_option
@_shared.bundle_option
@_shared.output_options
def command(
    target: str | None,
    rules: tuple[str, ...],
    intensity: float | Literal["typical"],
    output: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
    **given: Any,  # Any: what else `SessionOptions` holds, under its own names
) -> None:
    """Write stems, or all audio files of folders, as one DAWproject: a track for each, the audio inside, its own EQ on it.

    Bitwig Studio, Studio One, Cubase and n-Track open such files. Valid against the published schema; not run in these DAWs.
    """
    if target is None and not rules:
        raise click.UsageError("nothing to do: give -t TEXT or --stem PATTERN=TEXT")

    from semeq_export.app.sessions import SessionOptions, write_session
    from semeq_host.stems.session_file import parse_rule

    given |= {"rules": tuple(map(parse_rule, rules)), "overwrite": force, "bundle": bundle_path}
    result = write_session(SessionOptions(target=target, intensity=intensity, output=output, **given))
    understood, doubts, warnings = _shared.say_understood(result.understood, quiet), list(result.doubts), list(result.warnings)
    _shared.say((*result.notes, *warnings, *doubts), quiet)
    if as_json:
        tracks = [track.to_dict() for track in result.tracks]
        head = {"output": output, "intensity": intensity, "understood": understood, "doubts": doubts, "warnings": warnings}
        _shared.print_json({**head, "tracks": tracks})
    elif not quiet:
        click.echo(_shared.one_line(output))
