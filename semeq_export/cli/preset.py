"""semeq-export preset: preset files from words, one or a whole library, where the user or the host wants them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from semeq_export.cli._preset_output import Made
    from semeq_export.engine import Engine
    from semeq_export.listening.dose import Adaptation
    from semeq_export.listening.spectrum import Spectrum
    from semeq_presets import FormatInfo, Preamp, Preset

    _Meaning: TypeAlias = Callable[[str, float], tuple[Preset, Adaptation | None]]
    """A word, and the rate of the project, to a preset, and what a listener found if there was one."""


@click.command(epilog="Example: semeq-export preset -t warm -f lsp-x16-lv2 --install --dry-run")
@click.option(
    "-t", "--target", multiple=True, callback=_shared.once, metavar="TEXT", help="Word, or words: warm:0.7,bright:0.3,less harsh."
)
@click.option("--all-terms", is_flag=True, help="A preset for each word that people agree on, and a picture of all.")
@click.option(
    "--intensity",
    type=click.FloatRange(-3.0, 3.0),
    default=1.0,
    show_default=True,
    help="0 = flat, 1 = the word, 2 = exaggerated, below 0 = its opposite.",
)
@click.option("--adapt-to", "adapt_path", metavar="AUDIO", help="As much of the words as this file needs, for its track in the DAW.")
@_shared.reference_option
@click.option("--match", "match_ref", metavar="REF", help="Instead of words: take the file of --adapt-to to a reference.")
@click.option("-f", "--format", "format_list", metavar="ID,...", help="See semeq-export formats; or all. Default: by the suffix of -o.")
@click.option("-o", "--output", type=_shared.OUTPUT, metavar="PATH", help="File, or folder for several; - or left out prints text formats.")
@click.option("--install", is_flag=True, help="Write where the format's host looks for presets.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written.")
@click.option("--device", "device_path", metavar="TOML", help="Refit to an EQ of your own; without -f, print its knobs.")
@_shared.preamp_option
@click.option("--name", metavar="TEXT", help="Name that the host shows. Default: the target.")
@click.option("--sample-rate", "sample_rate_hz", type=float, default=48_000.0, show_default=True, metavar="HZ", help="Rate of the project.")
@click.option("--strict", is_flag=True, help="Fail where the format cannot hold the EQ within 0.1 dB.")
@_shared.force_option
@_shared.bundle_option
@_shared.output_options
def command(
    target: str | None,
    all_terms: bool,
    intensity: float,
    adapt_path: str | None,
    reference: str | None,
    match_ref: str | None,
    format_list: str | None,
    output: str | None,
    install: bool,
    dry_run: bool,
    device_path: str | None,
    preamp: Preamp,
    name: str | None,
    sample_rate_hz: float,
    strict: bool,
    force: bool,
    bundle_path: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write presets for DAWs, plug-ins and players from words.

    What a format cannot hold is refitted to the closest response that it can; notes on stderr say by how much it differs.
    `semeq-export formats ID` says how a person gets the file into the host.
    """
    output = None if output == "-" else output
    if (target is not None) + all_terms + (match_ref is not None) != 1:
        raise click.UsageError("give either -t TEXT, --all-terms or --match REF")
    if adapt_path is None and (reference is not None or match_ref is not None):
        raise click.UsageError("--reference and --match need --adapt-to AUDIO")
    if match_ref is not None and reference is not None:
        raise click.UsageError("--match names its reference itself, without --reference")
    if all_terms and name is not None:
        raise click.UsageError("--all-terms names the presets itself")
    _check_places(format_list, output, all_terms=all_terms, install=install, dry_run=dry_run, has_device=device_path is not None)

    from semeq_export.cli import _preset_output
    from semeq_presets import read_device

    infos = _preset_output.formats_of(format_list, output if device_path is None else None)
    several = all_terms or len(infos) > 1
    if several and output is None and not install:
        raise click.UsageError("several presets need -o FOLDER or --install")
    device = read_device(device_path) if device_path is not None else None
    doubts: list[str] = []
    understood: dict[str, dict[str, object]] = {}
    if match_ref is not None:
        words, meaning = [f"match {Path(match_ref).stem}"], _matched(str(adapt_path), match_ref, intensity)
    else:
        engine = _engine(bundle_path)
        understood = _shared.say_understood(engine, [] if target is None else [target], quiet)
        words, doubts = _words_of(engine, target, quiet)
        meaning = _as_written(engine, intensity) if adapt_path is None else _as_needed(engine, intensity, adapt_path, reference)
    made, heard = [], {}
    for word in words:
        preset, adaptation = meaning(word, sample_rate_hz)
        if adaptation is not None:
            heard[word] = adaptation.to_dict()
            for line in adaptation.notes:
                _shared.note(_shared.one_line(f"{word}: {line}" if several else line), quiet=quiet)
        preset = preset if name is None else replace(preset, name=name)
        preset, knobs, notes = (preset, "", ()) if device is None else device.refit(preset, strict=strict)
        made.append(_preset_output.Made(word, name or _label(word, intensity), preset, knobs, notes))
        _preset_output.say(notes, quiet, f"{word}: " if several else "")
    head = {**_head(infos, intensity, heard, doubts), "understood": understood}
    if output is None and not install:
        _print_one(made[0], infos, preamp, head, strict=strict, as_json=as_json, quiet=quiet)
        return
    planned = _preset_output.plan(made, infos, output, several=several)
    folder = Path(output) if several and output is not None else None
    picture = Path(output) / _preset_output.CONTACT_SHEET if all_terms and output is not None else None
    if dry_run:
        _preset_output.print_plan(planned, picture, as_json=as_json)
        return
    written = _preset_output.write(
        planned, made, preamp=preamp, strict=strict, force=force, make_folders=several or install, folder=folder, picture=picture
    )
    entries, by_label = [], {one.label: one for one in made}
    for one, notes in written:
        _preset_output.say(notes, quiet, f"{one.word}, {one.format}: " if len(infos) > 1 else f"{one.word}: " if several else "")
        entries.append({"format": one.format, **by_label[one.word].entry(str(one.path), notes)})
        if not (as_json or quiet):
            click.echo(_shared.one_line(str(one.path)))
    if picture is not None and not (as_json or quiet):
        click.echo(_shared.one_line(str(picture)))
    if as_json:
        library = {"folder": output, "picture": str(picture) if picture is not None else None, "presets": entries}
        _shared.print_json({**head, **(library if several else entries[0])})


def _check_places(format_list: str | None, output: str | None, *, all_terms: bool, install: bool, dry_run: bool, has_device: bool) -> None:
    if format_list is None and (all_terms or install or output is None) and (not has_device or install):
        raise click.UsageError("give -f ID, or -o PATH with the suffix of a format (see: semeq-export formats)")
    if install and output is not None:
        raise click.UsageError("--install finds the folder itself, without -o")
    if dry_run and output is None and not install:
        raise click.UsageError("--dry-run goes with -o or --install")


def _engine(bundle_path: str | None) -> Engine:
    from semeq_export.bundle.loading import load_bundle
    from semeq_export.engine import Engine

    return Engine(load_bundle(bundle_path))


def _words_of(engine: Engine, target: str | None, quiet: bool) -> tuple[list[str], list[str]]:
    """Return the target, or all words that nobody has to name, and what speaks against it; both are said."""
    if target is not None:
        return [target], _shared.say_doubts(engine, [target], quiet)
    words = engine.bundle.usual_words()
    left_out = len(engine.bundle.centroids) - len(words)
    _shared.note(f"{left_out} words left out: weak, or of some people only; ask for them by name", quiet=quiet or not left_out)
    return words, []


def _as_written(engine: Engine, intensity: float) -> _Meaning:
    """Give the settings of words, whatever they are for."""
    from semeq_export.words.names import host_name
    from semeq_presets.formats.semeq_vst3 import for_words

    def meaning(word: str, sample_rate_hz: float) -> tuple[Preset, None]:
        asked = engine.understand(word).target(intensity)
        return for_words(engine.eq_for(asked), asked, name=host_name(asked), sample_rate_hz=sample_rate_hz), None

    return meaning


def _as_needed(engine: Engine, intensity: float, adapt_path: str, reference: str | None) -> _Meaning:
    """Give as much of words as a file needs, which is measured once."""
    from semeq_export.listeners import WordListening
    from semeq_export.listening.reference import ReferenceSource
    from semeq_export.words.names import host_name
    from semeq_presets import Preset

    against = None if reference is None else ReferenceSource(reference).for_input(adapt_path)
    heard, rate_hz = _heard(adapt_path)

    def meaning(word: str, sample_rate_hz: float) -> tuple[Preset, Adaptation]:
        asked = engine.understand(word).target(intensity)
        adaptation = WordListening(engine, asked, against).adapt(heard, rate_hz)
        return Preset(adaptation.eq, name=host_name(asked), sample_rate_hz=sample_rate_hz), adaptation

    return meaning


def _matched(adapt_path: str, match_ref: str, intensity: float) -> _Meaning:
    """Give what takes a file to a reference; the word is its name."""
    from semeq_export.listeners import MatchListening
    from semeq_export.listening.reference import ReferenceSource
    from semeq_presets import Preset

    against = ReferenceSource(match_ref).for_input(adapt_path)
    heard, rate_hz = _heard(adapt_path)

    def meaning(word: str, sample_rate_hz: float) -> tuple[Preset, Adaptation]:
        adaptation = MatchListening(against, intensity).adapt(heard, rate_hz)
        return Preset(adaptation.eq, name=_title(word, intensity), sample_rate_hz=sample_rate_hz), adaptation

    return meaning


def _heard(adapt_path: str) -> tuple[Spectrum, float]:
    from semeq_export.audio.reader import open_audio
    from semeq_export.listening.reference import measure_file

    with open_audio(adapt_path) as reader:
        rate_hz = float(reader.info.sample_rate_hz)
    return measure_file(adapt_path), rate_hz


def _print_one(
    one: Made, infos: list[FormatInfo], preamp: Preamp, head: dict[str, object], *, strict: bool, as_json: bool, quiet: bool
) -> None:
    """Print a preset of a text format, or the knobs of a device, instead of writing a file."""
    from semeq_export.cli import _preset_output

    text, notes = _preset_output.text_of(one, infos[0] if infos else None, preamp, strict)
    _preset_output.say(notes, quiet)
    if as_json:
        _shared.print_json({**head, **one.entry(None, notes), "content": text})
    else:
        click.echo(text, nl=False)


def _head(infos: list[FormatInfo], intensity: float, heard: Mapping[str, object], doubts: list[str]) -> dict[str, object]:
    ids = [info.id for info in infos] or ["knobs"]
    head = {"intensity": intensity, "doubts": doubts, **({"format": ids[0]} if len(ids) == 1 else {"formats": ids})}
    return {**head, "adaptations": heard} if heard else head


def _title(target: str, intensity: float) -> str:
    title = target[:1].upper() + target[1:]
    return title if intensity == 1.0 else f"{title} ({intensity:g})"


def _label(word: str, intensity: float) -> str:
    """Return what a file is called after: a minus would be lost among the hyphens of file names."""
    return word if intensity == 1.0 else f"{word} {intensity:g}".replace(" -", " minus ")
