"""What audio files sound like in words, against a reference."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semeq_export.app._engine import find_phrases, load_engine
from semeq_export.audio.reader import open_audio
from semeq_export.engine import Engine
from semeq_export.errors import IntentError, SemeqError, printable
from semeq_export.files.disk import check_output
from semeq_export.listening.dose import band_response_db
from semeq_export.listening.kind import expected
from semeq_export.listening.profile import Profile
from semeq_export.listening.reference import Learner, Reference, ReferenceSource, audio_files, measure_file
from semeq_export.listening.spectrum import Spectrum
from semeq_export.words.phrase import Phrase
from semeq_host.stems.audio_names import find_audio

__all__ = ["AnalysisOptions", "AnalysisResult", "AnalyzedFile", "Learned", "analyze_files", "learn_reference"]

_SAVED_EVERY = 25  # files: what an interruption costs


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOptions:
    """Which files to listen to, and what to compare them with.

    audio: files, folders and patterns. top: how many words. words: to tell all of; those likely enough, of the ones with evidence, where
    left out. reference: a file, a folder, a stored reference, or a kind such as "mix"; what each file is taken for where left out.
    picture: of one file; .svg, .png or .pdf. target: draw what adaptive EQ with these words would do, too.
    Raises IntentError for a target without a picture.
    """

    audio: Sequence[str | os.PathLike[str]]
    top: int = 5
    words: Sequence[str] | None = None
    reference: str | None = None
    target: str | None = None
    picture: str | os.PathLike[str] | None = None
    repair_nonfinite: bool = False
    allow_hot: bool = False
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        if self.target is not None and self.picture is None:
            raise IntentError("`target` needs `picture`")


@dataclass(frozen=True, slots=True, eq=False)
class AnalyzedFile:
    """One file: what was heard, or the error that says why nothing was."""

    path: Path
    spectrum: Spectrum | None = None
    profile: Profile | None = None
    error: SemeqError | None = None

    def lines(self) -> list[str]:
        """Return what is said of a file that was heard, for people; see `Profile.lines`."""
        assert self.spectrum is not None
        assert self.profile is not None
        first, *more = self.profile.lines()
        return [f"{printable(self.path)}: {self.spectrum.seconds:.1f} s, {first}", *(f"  {line}" for line in more)]

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        if self.error is not None:
            return {"path": str(self.path), "error": str(self.error), "code": self.error.code}
        assert self.spectrum is not None
        assert self.profile is not None
        return {"path": str(self.path), "seconds": self.spectrum.seconds, **self.profile.to_dict()}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisResult:
    """What was heard, file by file. doubts: what speaks against the words that were named.

    understood: what a phrase was understood as, by its text.
    """

    files: tuple[AnalyzedFile, ...]
    doubts: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)


def analyze_files(
    options: AnalysisOptions,
    *,
    on_note: Callable[[str], None] = lambda _line: None,
    on_file: Callable[[AnalyzedFile, int], None] = lambda _file, _count: None,
) -> AnalysisResult:
    """Return what audio files sound like; a file that cannot be heard does not stop the others.

    on_note: told what was understood, and each doubt. on_file: told of each file as it comes, and how many there are.
    Raises AudioError, UnknownTermError, InvalidTargetError, BundleError, OutputError and EnvironmentFailure; IntentError where a picture of
    several files is asked for.
    """
    files = find_audio(options.audio)
    _check_outputs(options, files)
    engine = load_engine(options.bundle)
    words = None if options.words is None else [word.strip() for word in options.words]
    targets = () if options.target is None else (options.target,)
    understood = find_phrases(engine, targets)
    doubts = engine.doubts(*(words or ()), *targets)
    for line in (*(phrase.line for phrase in understood.values()), *doubts):
        on_note(line)
    source = None if options.reference is None else ReferenceSource(options.reference)
    analyzed: list[AnalyzedFile] = []
    for path in files:
        try:
            spectrum = measure_file(path, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot)
            reference = None if source is None else source.for_input(path)
            profile = engine.profile(spectrum, options.top, reference, words=words)
        except SemeqError as error:
            analyzed.append(AnalyzedFile(path, error=error))
        else:
            analyzed.append(AnalyzedFile(path, spectrum, profile))
        on_file(analyzed[-1], len(files))
        if options.picture is not None and analyzed[-1].error is None:
            _draw(options.picture, path, spectrum, reference, profile, engine, options)
    return AnalysisResult(files=tuple(analyzed), doubts=tuple(doubts), understood=understood)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What was learned. new: files that were heard now. known: those heard on other days. errors: of those that could not be heard."""

    path: Path
    new: tuple[Path, ...]
    known: int
    errors: tuple[SemeqError, ...]

    @property
    def line(self) -> str:
        """Return what was learned, for people."""
        return f"{printable(self.path)}: learned from {len(self.new)} files, {self.known} known before"


def learn_reference(folder: str | os.PathLike[str], output: str | os.PathLike[str], *, overwrite: bool = False) -> Learned:
    """Learn what the files of a folder are like, and store that as a reference: any number of files, one in memory.

    output: where it was learned before, it is gone on with: files whose names it knows are left out. overwrite: begin anew.
    Raises AudioError for a folder without audio and an output that is another stored reference, and EnvironmentFailure.
    """
    learner = Learner(output, anew=overwrite)
    known = set(learner.sources)
    new: list[Path] = []
    errors: list[SemeqError] = []
    for path in audio_files(Path(folder)):
        if printable(path.name) in known:
            continue
        try:
            learner.hear(printable(path.name), measure_file(path))
        except SemeqError as error:
            errors.append(error)
            continue
        new.append(path)
        if len(new) % _SAVED_EVERY == 0:
            learner.save()
    if new:
        learner.save()
    return Learned(path=Path(output), new=tuple(new), known=len(known), errors=tuple(errors))


def _check_outputs(options: AnalysisOptions, files: Sequence[Path]) -> None:
    if options.picture is not None and len(files) != 1:
        raise IntentError(f"`picture` draws one file, found {len(files)}")
    if options.picture is not None:
        check_output(options.picture, overwrite=options.overwrite, inputs=tuple(files))
        from semeq_export.plot.figures import picture_format

        picture_format(os.fspath(options.picture))


def _draw(
    picture: str | os.PathLike[str],
    path: Path,
    spectrum: Spectrum,
    given: Reference | None,
    profile: Profile,
    engine: Engine,
    options: AnalysisOptions,
) -> None:
    from semeq_export.plot import analysis, figures

    change = None
    reference = given if profile.kind is None else Reference(profile.reference, expected(profile.kind), is_stored=True)
    assert reference is not None
    if options.target is not None:
        with open_audio(path) as reader:
            rate_hz = float(reader.info.sample_rate_hz)
        adapted = engine.adapt(options.target, spectrum, reference, sample_rate_hz=rate_hz)
        trace, _ = figures.eq_trace("; ".join((f"{options.target} at {adapted.gain:.2f} doses", *adapted.notes)), adapted.eq, rate_hz)
        change = analysis.Change(trace, spectrum.band_db + band_response_db(adapted.eq, rate_hz))
    figure = analysis.analysis_figure(spectrum, reference, profile, change, title=printable(path.name))
    figures.save(figure, os.fspath(picture), overwrite=options.overwrite)
