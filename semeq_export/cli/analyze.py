"""semeq-export analyze: what files sound like in words, against a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from pathlib import Path

    from semeq_export.engine import Engine
    from semeq_export.listening.profile import Profile
    from semeq_export.listening.reference import Reference
    from semeq_export.listening.spectrum import Spectrum


@click.command(epilog="Example: semeq-export analyze mix.wav --reference mix --top 8")
@click.argument("audio", nargs=-1, required=True, metavar="AUDIO...")
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="How many words.")
@click.option("--words", metavar="LIST", help="Words to choose from: warm,bright. Default: the English ones that people agree on.")
@_shared.reference_option
@click.option("-t", "--target", metavar="TEXT", help="Draw what adaptive EQ with these words would do, too.")
@click.option("--plot", "picture", type=_shared.OUTPUT, metavar="FILE", help="Picture of one file: .svg, .png or .pdf.")
@click.option("--save-reference", "saved", metavar="FILE", help="Store the mean spectrum of the files as a reference (JSON).")
@click.option("--repair-nonfinite", is_flag=True, help="Take samples that are NaN or infinite for 0.")
@click.option("--allow-hot", is_flag=True, help="Take peaks over +60 dBFS as they are.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
@click.pass_context
def command(
    ctx: click.Context,
    audio: tuple[str, ...],
    top: int,
    words: str | None,
    reference: str | None,
    target: str | None,
    picture: str | None,
    saved: str | None,
    repair_nonfinite: bool,
    allow_hot: bool,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Say in words what audio files, or all audio files of folders, sound like.

    A dose is how much of a word's EQ a file has more than the reference; by default that is what recordings of many kinds are like. The
    spread over time and a suggestion follow. Silence and very short files give "no signal".
    """
    from semeq_export.errors import SemeqError
    from semeq_export.files.disk import check_output, printable
    from semeq_export.listening.reference import ReferenceSource, measure_file, write_reference
    from semeq_host.stems.audio_names import find_audio

    files = find_audio(audio)
    if picture is not None and len(files) != 1:
        raise click.UsageError(f"--plot draws one file, found {len(files)}")
    if target is not None and picture is None:
        raise click.UsageError("-t needs --plot FILE")
    for output in (picture, saved):
        if output is not None:
            check_output(output, overwrite=force, inputs=tuple(files))
    if picture is not None:
        from semeq_export.plot.figures import picture_format

        picture_format(picture)
    engine = _engine(bundle_path)
    chosen = None if words is None else [word.strip() for word in words.split(",")]
    doubts = _shared.say_doubts(engine, [*(chosen or ()), *((target,) if target is not None else ())], quiet)
    compared = ReferenceSource(reference if reference is not None else "any")
    entries: list[dict[str, object]] = []
    failures: list[SemeqError] = []
    heard: list[Spectrum] = []
    for file in files:
        try:
            spectrum = measure_file(file, repair_nonfinite=repair_nonfinite, allow_hot=allow_hot)
            against = compared.for_input(file)
            profile = engine.profile(spectrum, top, against, words=chosen)
        except SemeqError as error:
            failures.append(error)
            entries.append({"path": str(file), "error": _shared.one_line(str(error)), "code": error.code})
            if len(files) > 1:
                click.echo(f"semeq-export: {entries[-1]['error']}", err=True)
            continue
        heard.append(spectrum)
        entries.append({"path": str(file), "seconds": spectrum.seconds, **profile.to_dict()})
        if not as_json and not quiet:
            _print(printable(file), spectrum, profile)
        if picture is not None:
            _draw(picture, file, spectrum, against, profile, engine, target, force)
    if saved is not None and not failures:
        from pathlib import Path

        write_reference(saved, Path(saved).stem, files, heard, overwrite=force)
    if as_json:
        _shared.print_json({"doubts": doubts, "files": entries})
    if len(files) == 1 and failures:
        raise failures[0]
    ctx.exit(_shared.EXIT_FAILED if failures else _shared.EXIT_OK)


def _engine(bundle_path: str | None) -> Engine:
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine

    return Engine(load_bundle(bundle_path))


def _print(name: str, spectrum: Spectrum, profile: Profile) -> None:
    click.echo(f"{name}: {spectrum.seconds:.1f} s against {profile.reference}")
    width = max((len(entry.word) for entry in profile.entries), default=0)
    for entry in profile.entries:
        click.echo(f"  {entry.word:{width}}  {entry.dose:+5.1f} doses  spread {entry.spread:.1f}  similarity {entry.similarity:+.2f}")
    for suggestion in profile.suggestions:
        click.echo(f"  {suggestion}")


def _draw(
    picture: str,
    file: Path,
    spectrum: Spectrum,
    against: Reference,
    profile: Profile,
    engine: Engine,
    target: str | None,
    force: bool,
) -> None:
    from semeq_export.audio.reader import open_audio
    from semeq_export.files.disk import printable
    from semeq_export.listening.dose import band_response_db
    from semeq_export.plot import figures as plot

    wanted = None
    if target is not None:
        with open_audio(file) as reader:
            rate_hz = float(reader.info.sample_rate_hz)
        adapted = engine.adapt(target, spectrum, against, sample_rate_hz=rate_hz)
        trace, _ = plot.eq_trace(f"{target} at {adapted.gain:.2f} doses", adapted.eq, rate_hz)
        wanted = plot.Change(trace, spectrum.band_db + band_response_db(adapted.eq, rate_hz))
    figure = plot.analysis_figure(spectrum, against, profile, wanted, title=printable(file.name))
    plot.save(figure, picture, overwrite=force)
