"""semeq-export session: a folder of stems as one session for the DAW, with an EQ on each track."""

from __future__ import annotations

import click

from semeq_export.cli import _shared


@click.command(epilog="Example: semeq-export session stems/ -t warm --stem 'vocal*=airy:0.7,clear:0.3' -o song.dawproject")
@click.argument("audio", nargs=-1, required=True, metavar="AUDIO...")
@click.option("-t", "--target", metavar="TEXT", help="Word for all stems that no --stem names; without it they get no EQ.")
@click.option(
    "--stem", "rules", multiple=True, metavar="PATTERN=TEXT", help="Word for the stems of these file names; the first match counts."
)
@click.option("--intensity", type=click.FloatRange(-3.0, 3.0), default=1.0, show_default=True, help="0 = flat, 1 = the word.")
@click.option("-o", "--output", type=_shared.OUTPUT, required=True, metavar="FILE.dawproject", help="The session.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
def command(
    audio: tuple[str, ...],
    target: str | None,
    rules: tuple[str, ...],
    intensity: float,
    output: str,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write stems, or all audio files of folders, as one DAWproject: a track for each, the audio inside, its own EQ on it.

    Bitwig Studio, Studio One, Cubase and n-Track open such files. Valid against the published schema; not run in these DAWs.
    """
    if target is None and not rules:
        raise click.UsageError("nothing to do: give -t TEXT or --stem PATTERN=TEXT")

    from pathlib import Path

    from semeq_export.audio.reader import open_audio
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine
    from semeq_export.words.target import SemanticTarget
    from semeq_host.stems.audio_names import find_audio
    from semeq_host.stems.session_file import Session, parse_rule
    from semeq_presets.formats.dawproject_zip import Stem, write_session

    session = Session({}, tuple(map(parse_rule, rules)))
    engine = Engine(load_bundle(bundle_path))
    stems, entries = [], []
    used: list[SemanticTarget] = []
    files = find_audio(audio)
    unmatched = session.unmatched(files)
    for line in unmatched:
        _shared.note(_shared.one_line(line), quiet=quiet)
    for path in files:
        rule = session.rule_for(path)
        word = target if rule is None or rule.values is None else str(rule.values["target"])
        wanted = None if word is None else engine.understand(word).target(intensity)
        eq = None if wanted is None else engine.eq_for(wanted)
        used += [] if wanted is None else [wanted]
        with open_audio(path) as reader:
            info = reader.info
        stems.append(Stem(path.stem, path, eq, info.sample_rate_hz, info.channels, info.duration_s))
        entries.append({"track": path.stem, "path": str(path), "target": word, "eq": None if eq is None else eq.to_dict()})
    doubts = _shared.say_doubts(engine, used, quiet)
    write_session(output, stems, title=Path(output).stem, overwrite=force)
    if as_json:
        _shared.print_json({"output": output, "intensity": intensity, "doubts": doubts, "warnings": unmatched, "tracks": entries})
    elif not quiet:
        click.echo(_shared.one_line(output))
