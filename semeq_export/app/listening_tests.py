"""Listening tests: a ready test from audio files and words or presets, and what the answers of a panel say."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from semeq_export.app._engine import Words, find_phrases, load_engine
from semeq_export.app._excerpts import Excerpt, read_excerpt
from semeq_export.arrays import Float64Array
from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.eq.channels import Equaliser, for_rate_each, to_plain
from semeq_export.eq.filter import apply
from semeq_export.errors import IntentError, printable
from semeq_export.files.atomic import atomic_folder, write_atomic
from semeq_export.files.disk import check_output_folder
from semeq_export.panel import beaqlejs, page, webmushra
from semeq_export.panel import design as designs
from semeq_export.panel.design import Compare, Kind
from semeq_export.panel.intervals import counted
from semeq_export.panel.manifest import SCHEMA, Condition, Manifest, Source, Stimulus, coded, codes, name_of_test
from semeq_export.panel.stimuli import BITS, RATE_HZ, Sound, faded, low_passed, match
from semeq_export.words.phrase import Phrase
from semeq_presets import Choice, read_file

__all__ = ["MadeTest", "MakeOptions", "Words", "make_test"]

Tool = Literal["page", "webmushra", "beaqlejs"]
MANIFEST = "manifest.json"
PAGE = "listen.html"
MAX_SECONDS = {"mushra": 12.0, "pairs": 30.0, "abx": 30.0}
_MIN_SECONDS = 1.0
_REPEATS = {"mushra": 1, "pairs": 1, "abx": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOptions:
    """A test to be made.

    audio: the sources. targets, presets: the conditions, each compared with the unprocessed sound or, for pairs, with all others
    (`compare`). tool: for whom the folder `output` is. ask: the question; without one it follows from the words. repeats: how often each
    trial is asked of each listener (1; in ABX 8). start_s: where the excerpts begin, one for all or one for each; without, the loudest
    stretch. seconds: their length, at most 12 in MUSHRA and 30 else. lufs: the loudness of all sounds, lower where true peaks would
    pass ceiling_dbtp. seed: of codes and orders. Raises IntentError for what is out of range.
    """

    audio: Sequence[str | os.PathLike[str]]
    output: str | os.PathLike[str]
    targets: Sequence[Words] = ()
    presets: Sequence[str | os.PathLike[str]] = ()
    kind: Kind = "pairs"
    tool: Tool = "page"
    compare: Compare = "all"
    ask: str | None = None
    title: str = "Listening test"
    repeats: int | None = None
    start_s: Sequence[float] = ()
    seconds: float = 8.0
    lufs: float = -23.0
    ceiling_dbtp: float = -1.0
    seed: int = 1
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False
    choice: Choice = field(default_factory=Choice)

    def __post_init__(self) -> None:
        if not self.audio:
            raise IntentError("nothing to listen to: name audio files")
        if not self.targets and not self.presets:
            raise IntentError("nothing to compare: give `target` or `preset`")
        if not _MIN_SECONDS <= self.seconds <= MAX_SECONDS[self.kind]:
            reason = ", as BS.1534 asks" if self.kind == "mushra" else ""
            raise IntentError(f"excerpts of {self.seconds:g} s; {self.kind} takes {_MIN_SECONDS:g}..{MAX_SECONDS[self.kind]:g}{reason}")
        if self.repeats is not None and not 1 <= self.repeats <= 100:
            raise IntentError(f"{self.repeats} repeats, expected 1..100")
        if len(self.start_s) > 1 and len(self.start_s) != len(self.audio):
            raise IntentError(f"{len(self.start_s)} starts for {len(self.audio)} audio files: give one, or one for each")
        if any(not 0.0 <= start < 360_000.0 for start in self.start_s):
            raise IntentError("a start is in seconds, 0 or more")
        if not -60.0 <= self.lufs <= -10.0 or not -20.0 <= self.ceiling_dbtp <= 0.0:
            raise IntentError("loudness is -60..-10 LUFS, the ceiling of true peaks -20..0 dBTP")
        if not 0 <= self.seed < 2**32:
            raise IntentError("the seed is a whole number, 0..4294967295")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeTest:
    """A test that was written. files: below `output`. notes: what a maker should know; doubts: what speaks against the words."""

    manifest: Manifest
    output: Path
    files: tuple[str, ...]
    trials_each: int
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)

    @property
    def lines(self) -> list[str]:
        """What to do with it now."""
        test, place = self.manifest, printable(self.output)
        how = {
            "page": f"open {place}/{PAGE} on each listener's computer (it needs no network); each saves a CSV",
            "webmushra": f"copy {place}/configs into webMUSHRA and open it with ?config={test.test_id}.yaml",
            "beaqlejs": f"copy {place}'s audio and config into BeaqleJS; in its index.html name {beaqlejs.config_name(test.test_id)} "
            f"and {beaqlejs.CLASSES[test.kind]}",
        }
        return [
            f"{place}: {counted(self.trials_each, 'trial')} for each listener, {len(test.stimuli)} sounds at {test.lufs:.1f} LUFS",
            how[test.made_for],
            f"keep {place}/{MANIFEST} from listeners: it says which sound is which, and analysis needs it",
        ]

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        test = self.manifest
        sounds = {code: {name: getattr(held, name) for name in held.__struct_fields__} for code, held in test.stimuli.items()}
        return {
            "test_id": test.test_id,
            "kind": test.kind,
            "output": os.fspath(self.output),
            "files": list(self.files),
            "conditions": list(test.conditions),
            "trials_each": self.trials_each,
            "lufs": test.lufs,
            "stimuli": sounds,
            "notes": list(self.notes),
            "doubts": list(self.doubts),
            "understood": {text: phrase.to_dict() for text, phrase in self.understood.items()},
        }


@dataclass(frozen=True, slots=True)
class _Treatment:
    """What is done to an excerpt, and what it is called in questions ("" where nothing says)."""

    condition: Condition
    eq: Equaliser
    word: str


def make_test(options: MakeOptions) -> MadeTest:
    """Write a listening test into a folder: sounds matched and checked, balanced orders, and the key that analysis needs.

    Raises AudioError, PresetError, UnknownTermError, InvalidTargetError, IntentError, BundleError, OutputError, EnvironmentFailure.
    """
    output = Path(options.output)
    check_output_folder(output, overwrite=options.overwrite)
    template = page.template() if options.tool == "page" else ""
    engine = load_engine(options.bundle, guess=options.guess)
    notes: list[str] = [note for words in options.targets for note in words.notes(engine)]
    treatments: dict[str, _Treatment] = {}
    targets = [words.target(engine) for words in options.targets]
    for words, target in zip(options.targets, targets, strict=True):
        name = words.text if words.intensity == 1.0 else f"{words.text} at {words.amount(engine):g}"
        eq = engine.eq_for(target)
        _add(treatments, name, _Treatment(Condition("tested", words=str(target), eq=dict(to_plain(eq))), eq, words.text))
    for path in options.presets:
        preset, name = read_file(path, choice=options.choice), printable(Path(path).name)
        notes += [f"{name}: {note}" for note in preset.notes]
        _add(treatments, name, _Treatment(Condition("tested", preset=name, eq=dict(to_plain(preset.eq))), preset.eq, ""))
    excerpts = _excerpts(options)
    _check_that_they_differ(excerpts)
    notes += [f"{cut.name}: {cut.seconds:g} s, where the file ends" for cut in excerpts if cut.seconds < options.seconds]
    manifest, sounds, more = _assembled(options, excerpts, treatments)
    audio = {manifest.code(*pair): sound for pair, sound in sounds.items()}
    with atomic_folder(output, overwrite=options.overwrite) as folder:
        _write(folder, manifest, dict(sorted(audio.items())), template)
        files = tuple(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()))
    return MadeTest(
        manifest=manifest,
        output=output,
        files=files,
        trials_each=len(manifest.trials),
        notes=(*notes, *more),
        doubts=tuple(engine.doubts(*targets)),
        understood=find_phrases(engine, (words.text for words in options.targets)),
    )


def _add(treatments: dict[str, _Treatment], name: str, treatment: _Treatment) -> None:
    if name in treatments or name in (designs.UNPROCESSED, designs.REFERENCE, *designs.ANCHORS_HZ):
        raise IntentError(f"two conditions are called {name!r}: name each once")
    treatments[name] = treatment


def _excerpts(options: MakeOptions) -> list[Excerpt]:
    """Return the part of each source, under names that differ."""
    stems = [printable(Path(path).stem) for path in options.audio]
    names = [stem if stems.count(stem) == 1 else f"{stem} ({stems[: index + 1].count(stem)})" for index, stem in enumerate(stems)]
    starts: Sequence[float | None] = [*options.start_s] * (len(names) if len(options.start_s) == 1 else 1) or [None] * len(names)
    return [read_excerpt(path, name, start, options.seconds) for path, name, start in zip(options.audio, names, starts, strict=True)]


def _check_that_they_differ(excerpts: Sequence[Excerpt]) -> None:
    """Raise IntentError for two sources that are the same sound: an answer to each would count twice."""
    for index, cut in enumerate(excerpts):
        for other in excerpts[:index]:
            if np.array_equal(cut.cut(cut.samples), other.cut(other.samples)):
                raise IntentError(f"{other.name} and {cut.name} are the same sound: name each once, or give each a `start_s`")


def _assembled(
    options: MakeOptions, excerpts: Sequence[Excerpt], treatments: Mapping[str, _Treatment]
) -> tuple[Manifest, dict[tuple[str, str], Sound], list[str]]:
    """Return a test's key, its sounds by (source, condition), and notes."""
    versions, notes = _versions(options.kind, excerpts, treatments)
    named = {f"{source}, {name}": samples for (source, name), samples in versions.items()}
    labelled, level = match(named, options.lufs, options.ceiling_dbtp)
    sounds = dict(zip(versions, labelled.values(), strict=True))
    if level < options.lufs - 0.05:
        notes.append(f"all sounds play at {level:.1f} LUFS, not {options.lufs:g}: a true peak would pass {options.ceiling_dbtp:g} dBTP")
    trials, said = _trials(options, [cut.name for cut in excerpts], treatments)
    code_of = codes(list(versions), options.seed)
    stimuli = {
        code: Stimulus(source, name, round(sound.gain_db, 3), round(sound.lufs, 3), round(sound.true_peak_dbtp, 3))
        for ((source, name), sound), code in zip(sounds.items(), (code_of[pair] for pair in sounds), strict=True)
    }
    first = designs.REFERENCE if options.kind == "mushra" else designs.UNPROCESSED
    conditions = {first: Condition("unprocessed"), **{name: held.condition for name, held in treatments.items()}}
    if options.kind == "mushra":
        conditions |= {name: Condition("anchor") for name in designs.ANCHORS_HZ}
    manifest = Manifest(
        schema=SCHEMA,
        test_id="",
        kind=options.kind,
        title=options.title,
        seed=options.seed,
        made_for=options.tool,
        wanted_lufs=options.lufs,
        lufs=round(level, 3),
        ceiling_dbtp=options.ceiling_dbtp,
        sample_rate_hz=RATE_HZ,
        sources={cut.name: Source(cut.file, cut.start_s, cut.seconds, len(cut.samples)) for cut in excerpts},
        conditions=conditions,
        stimuli=dict(sorted(stimuli.items())),
        **coded(trials, designs.forms(options.kind, trials, options.seed), code_of),
    )
    return manifest.named(name_of_test(options.kind, manifest.to_bytes())), sounds, [*notes, *said]


def _versions(
    kind: Kind, excerpts: Sequence[Excerpt], treatments: Mapping[str, _Treatment]
) -> tuple[dict[tuple[str, str], Float64Array], list[str]]:
    """Return every version of every excerpt (channels, n), faded, before matching; and what the rate cannot hold of an EQ."""
    versions: dict[tuple[str, str], Float64Array] = {}
    fitted = {name: for_rate_each(held.eq, RATE_HZ) for name, held in treatments.items()}
    for cut in excerpts:
        first = designs.REFERENCE if kind == "mushra" else designs.UNPROCESSED
        versions[cut.name, first] = faded(cut.cut(cut.samples))
        for name, (eq, _) in fitted.items():
            versions[cut.name, name] = faded(cut.cut(np.asarray(apply(eq, cut.samples, RATE_HZ), dtype=np.float64)))
        if kind == "mushra":
            for name, cutoff_hz in designs.ANCHORS_HZ.items():
                versions[cut.name, name] = faded(cut.cut(low_passed(cut.samples, cutoff_hz)))
    return versions, [f"{name}: {warning}" for name, (_, warnings) in fitted.items() for warning in warnings]


def _trials(
    options: MakeOptions, sources: Sequence[str], treatments: Mapping[str, _Treatment]
) -> tuple[tuple[designs.Trial, ...], list[str]]:
    """Return the trials, and a note where a question was chosen for several words."""
    repeats = _REPEATS[options.kind] if options.repeats is None else options.repeats
    if options.kind == "mushra":
        asked = options.ask or "How good is each sound, compared with the reference?"
        return designs.mushra_trials(sources, list(treatments), asked, repeats), []
    conditions = [designs.UNPROCESSED, *treatments]
    if options.kind == "abx":
        third = "the reference" if options.tool == "webmushra" else "X"  # as their pages call it
        return designs.abx_trials(sources, conditions, options.ask or f"Which of the two is {third}?", repeats), []
    questions = [options.ask] if options.ask else [_question(held.word) for held in treatments.values()]
    if options.compare == "unprocessed":
        return designs.pair_trials(sources, conditions, questions, "unprocessed", repeats), []
    notes = [f"every pair is asked: {questions[0]} (after the first word; `ask` sets another)"] if len(set(questions)) > 1 else []
    return designs.pair_trials(sources, conditions, questions[:1], "all", repeats), notes


def _question(word: str) -> str:
    return f"Which is {designs.comparative(word)}?" if word else "Which do you prefer?"


def _write(folder: Path, manifest: Manifest, sounds: Mapping[str, Sound], template: str) -> None:
    """Write what a tool needs below a folder, and the key."""
    write_atomic(folder / MANIFEST, manifest.to_bytes(), overwrite=False, sync=False)
    if manifest.made_for == "page":
        with tempfile.TemporaryDirectory() as place:
            audio = {code: _encoded(Path(place) / f"{code}.flac", sound) for code, sound in sounds.items()}
        write_atomic(folder / PAGE, page.render(template, manifest, audio), overwrite=False, sync=False)
        return
    tool = webmushra if manifest.made_for == "webmushra" else beaqlejs
    config = folder / tool.config_name(manifest.test_id)
    wavs = folder / tool.audio_folder(manifest.test_id)
    for made in (config.parent, wavs):
        made.mkdir(parents=True, exist_ok=True)
    write_atomic(config, tool.config(manifest), overwrite=False, sync=False)
    for code, sound in sounds.items():
        _encoded(wavs / f"{code}.wav", sound)


def _encoded(path: Path, sound: Sound) -> bytes:
    """Write a sound of 24 bits without loss, and return the file's content."""
    write_audio(path, Audio(sound.steps / 2.0 ** (BITS - 1), RATE_HZ), subtype="PCM_24")
    return path.read_bytes()
