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
from semeq_export.listening.profile import Profile
from semeq_export.listening.reference import Reference, ReferenceSource, measure_file, write_reference
from semeq_export.listening.spectrum import Spectrum
from semeq_export.words.phrase import Phrase
from semeq_host.stems.audio_names import find_audio

__all__ = ["AnalysisOptions", "AnalysisResult", "AnalyzedFile", "analyze_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOptions:
    """Which files to listen to, and what to compare them with.

    audio: files, folders and patterns. top: how many words. words: to choose from; the English ones that people agree on where left out.
    reference: a file, a folder, a stored reference, or a kind such as "mix". picture: of one file; .svg, .png or .pdf. target: draw what
    adaptive EQ with these words would do, too. saved: where the mean spectrum of the files is stored as a reference (JSON).
    Raises IntentError for a target without a picture.
    """

    audio: Sequence[str | os.PathLike[str]]
    top: int = 5
    words: Sequence[str] | None = None
    reference: str = "any"
    target: str | None = None
    picture: str | os.PathLike[str] | None = None
    saved: str | os.PathLike[str] | None = None
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
    """Return what audio files sound like; a file that cannot be heard does not stop the others, and then no reference is stored.

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
    source = ReferenceSource(options.reference)
    analyzed: list[AnalyzedFile] = []
    for path in files:
        try:
            spectrum = measure_file(path, repair_nonfinite=options.repair_nonfinite, allow_hot=options.allow_hot)
            reference = source.for_input(path)
            profile = engine.profile(spectrum, options.top, reference, words=words)
        except SemeqError as error:
            analyzed.append(AnalyzedFile(path, error=error))
        else:
            analyzed.append(AnalyzedFile(path, spectrum, profile))
        on_file(analyzed[-1], len(files))
        if options.picture is not None and analyzed[-1].error is None:
            _draw(options.picture, path, spectrum, reference, profile, engine, options)
    heard = [file.spectrum for file in analyzed if file.spectrum is not None]
    if options.saved is not None and len(heard) == len(files):
        write_reference(options.saved, Path(options.saved).stem, files, heard, overwrite=options.overwrite)
    return AnalysisResult(files=tuple(analyzed), doubts=tuple(doubts), understood=understood)


def _check_outputs(options: AnalysisOptions, files: Sequence[Path]) -> None:
    if options.picture is not None and len(files) != 1:
        raise IntentError(f"`picture` draws one file, found {len(files)}")
    for output in (options.picture, options.saved):
        if output is not None:
            check_output(output, overwrite=options.overwrite, inputs=tuple(files))
    if options.picture is not None:
        from semeq_export.plot.figures import picture_format

        picture_format(os.fspath(options.picture))


def _draw(
    picture: str | os.PathLike[str],
    path: Path,
    spectrum: Spectrum,
    reference: Reference,
    profile: Profile,
    engine: Engine,
    options: AnalysisOptions,
) -> None:
    from semeq_export.plot import figures

    change = None
    if options.target is not None:
        with open_audio(path) as reader:
            rate_hz = float(reader.info.sample_rate_hz)
        adapted = engine.adapt(options.target, spectrum, reference, sample_rate_hz=rate_hz)
        trace, _ = figures.eq_trace(f"{options.target} at {adapted.gain:.2f} doses", adapted.eq, rate_hz)
        change = figures.Change(trace, spectrum.band_db + band_response_db(adapted.eq, rate_hz))
    figure = figures.analysis_figure(spectrum, reference, profile, change, title=printable(path.name))
    figures.save(figure, os.fspath(picture), overwrite=options.overwrite)
