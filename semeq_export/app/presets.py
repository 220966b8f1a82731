"""Presets from words: one or a library, as much of a word as a file needs, or what takes a file to a reference."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from semeq_export.app import _installing, _preset_files
from semeq_export.app._engine import Intensity, Words, as_written, find_phrases, load_engine
from semeq_export.app._preset_files import CONTACT_SHEET, KNOBS, PresetFile, WordPreset
from semeq_export.app._recall import save_words
from semeq_export.audio.reader import open_audio
from semeq_export.engine import Engine
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, OutputError, UnknownFormatError
from semeq_export.listening.dose import Adaptation
from semeq_export.listening.reference import ReferenceSource, measure_file
from semeq_export.listening.spectrum import Spectrum
from semeq_export.words.names import MAX_NAME_CHARS, host_name
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_export.words.terms import DEFAULT_LANGUAGE
from semeq_presets import Device, FormatInfo, Note, Preamp, Preset, convert
from semeq_presets.file_formats.base import Source
from semeq_presets.file_formats.semeq_json import SemeqJson, UnknownKeys
from semeq_presets.file_formats.semeq_vst3 import for_words
from semeq_presets.shelf.library import file_names

__all__ = [
    "CONTACT_SHEET", "KNOBS", "AllTerms", "EncodedPreset", "Match", "PresetFile", "PresetOptions", "PresetResult", "WordPreset", "Words",
    "encode_preset", "write_presets",
]  # fmt: skip


_GUESS = " (guess)"


@dataclass(frozen=True, slots=True)
class AllTerms:
    """Every word of a language that people agree on, each as a preset of its own, at one intensity or its typical one.

    language: None for all.
    """

    intensity: Intensity = 1.0
    language: str | None = DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True)
class Match:
    """No words: what takes a file to a reference. intensity: 1 = all the way. limit_db: the most of a band; 6 dB where left out."""

    reference: str | os.PathLike[str]
    intensity: float = 1.0
    limit_db: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetOptions:
    """What presets to write.

    target: words, or settings of one's own, which stay as they are. label: what results and the names of several files call a target; as it
    is written where left out. adapt_to: an audio file; the preset does as much of the words as it needs, or matches it. reference: what
    that file is compared with, see `ReferenceSource`.
    formats: ids; by the suffix of the output where there are none. output: a file, or a folder for several presets; without one and
    without `install` the result carries the preset as text. install: write where the formats' hosts look for presets; with `overwrite`
    over the same preset of the same plug-in only, without over none: of several, those that are there are passed over. dry_run: only plan.
    device: refit to it; without a format, its knobs are written as a table. preamp: see `semeq_presets.with_preamp`. name: shown by the
    host; made from the target where left out. strict: fail where a format cannot hold the EQ within 0.1 dB. lossy: of
    what is not installed, see `semeq_presets.write`. exact: the decoder's own bands, unrounded. bundle: default, the factory's. guess: take
    doubtful guesses for words that nobody taught.
    Raises IntentError for what contradicts itself.
    """

    target: SemanticTarget | Words | AllTerms | Match | EqSettings
    label: str = ""
    adapt_to: str | os.PathLike[str] | None = None
    reference: str | os.PathLike[str] | None = None
    formats: Sequence[str] = ()
    output: str | os.PathLike[str] | None = None
    install: bool = False
    dry_run: bool = False
    device: Device | None = None
    preamp: Preamp = "auto"
    name: str | None = None
    sample_rate_hz: float = 48_000.0
    strict: bool = False
    lossy: bool = False
    exact: bool = False
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False

    def __post_init__(self) -> None:
        if self.adapt_to is None and (self.reference is not None or isinstance(self.target, Match)):
            raise IntentError("a reference or a match needs `adapt_to`, the audio file that is compared with it")
        if isinstance(self.target, Match) and self.reference is not None:
            raise IntentError("a match names its reference itself, without `reference`")
        if isinstance(self.target, EqSettings) and self.adapt_to is not None:
            raise IntentError("settings are taken as they are, without `adapt_to`")
        if isinstance(self.target, AllTerms) and self.name is not None:
            raise IntentError("presets of all terms have names of their own, without `name`")
        if self.install and self.output is not None:
            raise IntentError("what is installed finds its folder itself, without `output`")
        if self.dry_run and not self.is_filed:
            raise IntentError("a dry run needs `output` or `install`")

    @property
    def is_filed(self) -> bool:
        """Whether files are written, and not a text returned."""
        return self.install or self.output is not None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PresetResult:
    """What was written, or would be in a dry run.

    formats: ids, or `KNOBS`. is_library: several presets, in a folder or installed. files: one for each preset and format; the text is the
    content of the only one where nothing was asked to be written. picture: of all terms in a folder. doubts: what speaks against the
    words. notes: what is to be known of the whole. understood: what phrases were understood as, by their text. intensities: what was asked
    for as a number, by what a preset's target is called.
    """

    presets: tuple[WordPreset, ...]
    formats: tuple[str, ...]
    is_library: bool
    files: tuple[PresetFile, ...]
    picture: Path | None = None
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)
    intensities: Mapping[str, float] = field(default_factory=dict)


def write_presets(options: PresetOptions) -> PresetResult:
    """Write presets for words, or for what a file needs, and return what was written, each with its notes; all of it or nothing.

    Raises UnknownTermError, InvalidTargetError, UnknownFormatError, AmbiguousFormatError, PresetWriteError, OutputError, AudioError,
    BundleError, BinaryFormatError for a text of a format that is none, and EnvironmentFailure.
    """
    infos = _preset_files.chosen_formats(options.formats, None if options.device is not None else options.output)
    is_all = isinstance(options.target, AllTerms)
    several = is_all or len(infos) > 1
    _check_places(options, infos, several)
    made = _presets(options)
    presets = tuple(_refitted(one, options) for one in made.presets)
    picture = Path(options.output) / CONTACT_SHEET if is_all and options.output is not None else None
    placed: list[str] = []
    if not options.is_filed:
        info = infos[0] if infos else None
        files = [_preset_files.as_text(presets[0], info, preamp=options.preamp, strict=options.strict, lossy=options.lossy)]
    elif options.output is None:
        files, placed = _installed(presets, infos, options, several)
    else:
        files = _preset_files.plan(presets, infos, options.output, several=several)
        if not options.dry_run:
            files = _preset_files.write(
                files,
                preamp=options.preamp,
                strict=options.strict,
                lossy=options.lossy,
                overwrite=options.overwrite,
                make_folders=several,
                folder=Path(options.output) if several else None,
                picture=picture,
            )
    return PresetResult(
        presets=presets,
        formats=tuple(info.id for info in infos) or (KNOBS,),
        is_library=several,
        files=tuple(files),
        picture=picture,
        doubts=made.doubts,
        notes=(*made.notes, *_preset_files.alias_notes(options.formats, infos), *placed),
        understood=made.understood,
        intensities=made.intensities,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedPreset:
    """One preset as bytes. files: by the name that suits its label; those of a folder begin with the folder's. notes: of the format.

    The other fields are those of `PresetResult`.
    """

    of: WordPreset
    format: str
    files: Mapping[str, bytes]
    notes: tuple[Note, ...] = ()
    doubts: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)


def encode_preset(options: PresetOptions) -> EncodedPreset:
    """Return one preset in one format as bytes, and write nothing; raises as `write_presets` does, and OutputError for more than one."""
    infos = _preset_files.chosen_formats(options.formats, None)
    if len(infos) != 1 or options.is_filed or isinstance(options.target, AllTerms):
        raise OutputError("what is encoded is one preset in one format, for no file")
    info, made = infos[0], _presets(options)
    one = _refitted(made.presets[0], options)
    written = convert(one.preset, info.id, strict=options.strict, lossy=options.lossy, preamp=options.preamp)
    (name,) = file_names([one.label], info.suffixes[0]).values()
    files = {f"{name}/{inner}" if info.is_folder else name: data for inner, data in written.files.items()}
    notes = (*one.notes, *written.notes)
    return EncodedPreset(of=one, format=info.id, files=files, notes=notes, doubts=made.doubts, understood=made.understood)


def _installed(
    presets: Sequence[WordPreset], infos: Sequence[FormatInfo], options: PresetOptions, several: bool
) -> tuple[list[PresetFile], list[str]]:
    """Put presets where hosts look, or only say where; returns the files, and what is to be known of the whole."""
    files = _installing.plan(presets, infos)
    if not options.dry_run:
        files = _installing.install(files, preamp=options.preamp, strict=options.strict, overwrite=options.overwrite, several=several)
    return files, _installing.notes(files, infos, is_written=not options.dry_run)


def _check_places(options: PresetOptions, infos: Sequence[FormatInfo], several: bool) -> None:
    if not infos and (options.device is None or options.install):
        raise UnknownFormatError("name one of `formats`, or an `output` with the suffix of one")
    if several and not options.is_filed:
        raise OutputError("several presets need a folder as `output`, or `install`")


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """Presets, as no device has refitted them yet; the other fields are those of `PresetResult`."""

    presets: list[WordPreset]
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)
    intensities: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One target. word: what it is called. amount: the intensity that was asked for, without what its words say of it."""

    word: str
    target: SemanticTarget
    amount: float


def _presets(options: PresetOptions) -> _Made:
    """Return what is asked for as presets."""
    if isinstance(options.target, Match):
        return _Made([_matched(options.target, options)])
    if isinstance(options.target, EqSettings):
        preset = Preset(options.target, sample_rate_hz=options.sample_rate_hz)
        return _Made([_named(options.label or "eq", (options.label or "EQ")[:MAX_NAME_CHARS], 1.0, preset, options)])
    engine = load_engine(options.bundle, exact=options.exact, guess=options.guess)
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    understood: dict[str, Phrase] = {}
    if isinstance(options.target, AllTerms):
        bank, language = engine.bundle.centroids, options.target.language
        words = [Words(word, options.target.intensity) for word in bank.usual_words(language)]
        asked = [_Asked(one.text, one.target(engine), one.amount(engine)) for one in words]
        notes = tuple(bank.left_out(language))
    else:
        if isinstance(options.target, Words):
            understood = find_phrases(engine, [options.target.text])
            word, target, amount = options.target.text, options.target.target(engine), options.target.amount(engine)
            notes = options.target.notes(engine)
        else:
            word, target, amount = str(options.target), options.target, options.target.intensity
        asked = [_Asked(options.label or word, target, amount)]
        doubts = tuple(engine.doubts(target))
    if options.adapt_to is None:
        presets = [_as_written(engine, one, options) for one in asked]
    else:
        presets = list(_as_needed(engine, asked, options.adapt_to, options))
    return _Made(presets, doubts, notes, understood, {one.word: one.amount for one in asked})


def _matched(match: Match, options: PresetOptions) -> WordPreset:
    """Return what takes a file to a reference."""
    from semeq_export.listeners import MatchListening  # as most presets are made without
    from semeq_export.listening.match import MATCH_LIMIT_DB

    assert options.adapt_to is not None
    reference = ReferenceSource(match.reference).for_input(options.adapt_to)
    listening = MatchListening(reference, match.intensity, match.limit_db or MATCH_LIMIT_DB)
    adaptation = listening.adapt(*_measured(options.adapt_to))
    word = options.label or f"match {Path(match.reference).stem}"
    title = f"{word[:1].upper()}{word[1:]}{'' if match.intensity == 1.0 else f' at {match.intensity:.0%}'}"
    return _named(word, title, match.intensity, Preset(adaptation.eq, sample_rate_hz=options.sample_rate_hz), options, adaptation)


def _as_written(engine: Engine, asked: _Asked, options: PresetOptions) -> WordPreset:
    """Return the settings of words, whatever they are for; those of a guess say so, and are no word of the plug-in."""
    words = save_words(engine, asked.target)
    if words.estimated:
        marked = Source(UnknownKeys(of_preset={"estimated": True}))
        preset = Preset(words.eq, sample_rate_hz=options.sample_rate_hz, source=marked, format=SemeqJson.info.id, words=words)
        title = host_name(asked.target, MAX_NAME_CHARS - len(_GUESS)) + _GUESS
        return replace(_named(asked.word, title, asked.amount, preset, options), estimated=True)
    played, identity = engine.exact.eq_for(asked.target), engine.bundle.identity
    preset = for_words(words.eq, asked.target, played=played, sample_rate_hz=options.sample_rate_hz, bundle=identity)
    preset = replace(preset, words=words)
    return _named(asked.word, host_name(asked.target), asked.amount, preset, options)


def _as_needed(engine: Engine, all_asked: Sequence[_Asked], audio: str | os.PathLike[str], options: PresetOptions) -> Iterator[WordPreset]:
    """Yield as much of words as a file needs, which is measured once."""
    from semeq_export.listeners import WordListening  # as most presets are made without

    reference = None if options.reference is None else ReferenceSource(options.reference).for_input(audio)
    heard, rate_hz = _measured(audio)
    for asked in all_asked:
        adaptation = WordListening(engine, asked.target, reference).adapt(heard, rate_hz)
        preset = Preset(as_written(engine, adaptation.eq), sample_rate_hz=options.sample_rate_hz)
        yield _named(asked.word, host_name(asked.target), asked.amount, preset, options, adaptation)


def _named(
    word: str, title: str, intensity: float, preset: Preset, options: PresetOptions, adaptation: Adaptation | None = None
) -> WordPreset:
    """Return a preset under the name that was asked for, else its title; its file is called after its words and their intensity.

    In the names of files a minus would be lost among the hyphens.
    """
    amount = "" if intensity == 1.0 else f"{intensity:g}"
    label = options.name or (f"{word} {amount}".replace(" -", " minus ") if amount else word)
    return WordPreset(word, label, replace(preset, name=title if options.name is None else options.name), adaptation=adaptation)


def _measured(audio: str | os.PathLike[str]) -> tuple[Spectrum, float]:
    """Return the spectrum of a file, and its rate in Hz."""
    with open_audio(audio) as reader:
        rate_hz = float(reader.info.sample_rate_hz)
    return measure_file(audio), rate_hz


def _refitted(one: WordPreset, options: PresetOptions) -> WordPreset:
    if options.device is None:
        return one
    preset, knobs, notes = options.device.refit(one.preset, strict=options.strict)
    return replace(one, preset=preset, knobs=knobs, notes=notes)
