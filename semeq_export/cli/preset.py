"""semeq-export preset: preset files from words, one or a whole library, where the user or the host wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from semeq_export.cli import _shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from semeq_export.adapt import Adaptation
    from semeq_export.engine import Engine
    from semeq_presets import FormatInfo, Note, Preamp


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
    if format_list is None and (all_terms or install or output is None) and (device_path is None or install):
        raise click.UsageError("give -f ID, or -o PATH with the suffix of a format (see: semeq-export formats)")
    if install and output is not None:
        raise click.UsageError("--install finds the folder itself, without -o")
    if all_terms and name is not None:
        raise click.UsageError("--all-terms names the presets itself")
    if dry_run and output is None and not install:
        raise click.UsageError("--dry-run goes with -o or --install")

    from pathlib import Path

    from semeq_export.bundle import load_bundle
    from semeq_export.cli import _preset_output
    from semeq_export.cli._preset_output import Made
    from semeq_export.engine import Engine
    from semeq_export.semantic import SemanticTarget
    from semeq_presets import Preset, read_device
    from semeq_presets.semeq_vst3 import for_words

    infos = _preset_output.formats_of(format_list, output if device_path is None else None)
    several = all_terms or len(infos) > 1
    if several and output is None and not install:
        raise click.UsageError("several presets need -o FOLDER or --install")
    device = read_device(device_path) if device_path is not None else None
    engine = Engine(load_bundle(bundle_path)) if match_ref is None else None
    adapt = _adapter(adapt_path, reference, match_ref, engine) if adapt_path is not None else None
    words, doubts = [target if target is not None else f"match {Path(match_ref or '').stem}"], []
    if engine is not None and all_terms:
        words = engine.bundle.usual_words()
        left_out = len(engine.bundle.centroids) - len(words)
        _shared.note(f"{left_out} words left out: weak, or of some people only; ask for them by name", quiet=quiet or not left_out)
    elif engine is not None:
        doubts = _shared.say_doubts(engine, words, quiet)
    made, heard = [], {}
    for word in words:
        asked = SemanticTarget.parse(word, intensity) if engine is not None else None
        title, knobs = name or _title(word if asked is None else str(asked), intensity), ""
        if adapt is not None:
            adaptation = adapt(word, intensity)
            preset, heard[word] = Preset(adaptation.eq, name=title, sample_rate_hz=sample_rate_hz), adaptation.to_dict()
            for line in adaptation.notes:
                _shared.note(_shared.one_line(f"{word}: {line}" if several else line), quiet=quiet)
        else:
            assert engine is not None
            assert asked is not None
            preset = for_words(engine.eq_for(asked), asked, name=title, sample_rate_hz=sample_rate_hz)
        notes: tuple[Note, ...] = ()
        if device is not None:
            preset, knobs, notes = device.refit(preset, strict=strict)
        made.append(Made(word, name or _label(word, intensity), preset, knobs, notes))
        _preset_output.say(notes, quiet, f"{word}: " if several else "")

    if output is None and not install:
        text, notes = _preset_output.text_of(made[0], infos[0] if infos else None, preamp, strict)
        _preset_output.say(notes, quiet)
        if as_json:
            _shared.print_json({**_head(infos, intensity, heard, doubts), **made[0].entry(None, notes), "content": text})
        else:
            click.echo(text, nl=False)
        return

    planned = _preset_output.plan(made, infos, output, several=several)
    picture = Path(output) / _preset_output.CONTACT_SHEET if all_terms and output is not None else None
    if dry_run:
        _preset_output.print_plan(planned, picture, as_json=as_json)
        return
    entries = []
    by_label = {one.label: one for one in made}
    for one, notes in _preset_output.write(
        planned,
        made,
        preamp=preamp,
        strict=strict,
        force=force,
        make_folders=several or install,
        folder=Path(output) if several and output is not None else None,
        picture=picture,
    ):
        _preset_output.say(notes, quiet, f"{one.word}, {one.format}: " if len(infos) > 1 else f"{one.word}: " if several else "")
        entries.append({"format": one.format, **by_label[one.word].entry(str(one.path), notes)})
        if not (as_json or quiet):
            click.echo(_shared.one_line(str(one.path)))
    if picture is not None and not (as_json or quiet):
        click.echo(_shared.one_line(str(picture)))
    if as_json:
        library = {"folder": output, "picture": str(picture) if picture is not None else None, "presets": entries}
        _shared.print_json({**_head(infos, intensity, heard, doubts), **(library if several else entries[0])})


def _head(infos: list[FormatInfo], intensity: float, heard: Mapping[str, object], doubts: list[str]) -> dict[str, object]:
    ids = [info.id for info in infos] or ["knobs"]
    head = {"intensity": intensity, "doubts": doubts, **({"format": ids[0]} if len(ids) == 1 else {"formats": ids})}
    return {**head, "adaptations": heard} if heard else head


def _adapter(adapt_path: str, reference: str | None, match_ref: str | None, engine: Engine | None) -> Callable[[str, float], Adaptation]:
    """Return a function from a word and an intensity to the settings for one file, which is measured once."""
    from semeq_export.audio import open_audio
    from semeq_export.listening import MatchListening, WordListening
    from semeq_export.reference import ReferenceSource, measure_file
    from semeq_export.semantic import SemanticTarget

    with open_audio(adapt_path) as reader:
        rate_hz = float(reader.info.sample_rate_hz)
    heard = measure_file(adapt_path)
    named = match_ref if match_ref is not None else reference
    against = ReferenceSource(named).for_input(adapt_path) if named is not None else None
    if engine is None:
        assert against is not None
        return lambda _word, intensity: MatchListening(against, intensity).adapt(heard, rate_hz)
    return lambda word, intensity: WordListening(engine, SemanticTarget.parse(word, intensity), against).adapt(heard, rate_hz)


def _title(target: str, intensity: float) -> str:
    title = target[:1].upper() + target[1:]
    return title if intensity == 1.0 else f"{title} ({intensity:g})"


def _label(word: str, intensity: float) -> str:
    """Return what a file is called after: a minus would be lost among the hyphens of file names."""
    return word if intensity == 1.0 else f"{word} {intensity:g}".replace(" -", " minus ")
