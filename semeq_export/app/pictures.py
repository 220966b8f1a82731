"""Response curves of words and presets in one picture."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semeq_export.app._engine import Words, find_phrases, load_engine
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import IntentError, printable
from semeq_export.files.disk import check_output
from semeq_export.plot.figures import Trace, eq_trace, picture_format, render, response_figure, save
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_presets import Choice, read_file

__all__ = ["PlotOptions", "PlotResult", "Trace", "Words", "draw_curves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotOptions:
    """What to draw.

    presets: files of any known format. sample_rate_hz: of the filters. title: headline. markers: a dot at each band's frequency. output:
    .svg, .png or .pdf; without one the result carries the picture as SVG. guess: take doubtful guesses for
    words that nobody taught. choice: of presets that hold several EQs. Raises IntentError where there is nothing to draw.
    """

    targets: Sequence[SemanticTarget | Words] = ()
    presets: Sequence[str | os.PathLike[str]] = ()
    sample_rate_hz: float = 48_000.0
    title: str = ""
    markers: bool = True
    output: str | os.PathLike[str] | None = None
    overwrite: bool = False
    bundle: str | os.PathLike[str] | None = None
    guess: bool = False
    choice: Choice = field(default_factory=Choice)

    def __post_init__(self) -> None:
        if not self.targets and not self.presets:
            raise IntentError("nothing to draw: give `targets` or `presets`")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlotResult:
    """The curves, those of words first. doubts: what speaks against the words. notes: one line for each thing that a curve leaves out.

    understood: what phrases were understood as, by their text.
    """

    curves: tuple[Trace, ...]
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    understood: Mapping[str, Phrase] = field(default_factory=dict)
    svg: bytes | None = None


def draw_curves(options: PlotOptions) -> PlotResult:
    """Draw response curves, gain in dB over 20 Hz to 20 kHz, and return them.

    Raises UnknownTermError, InvalidTargetError, PresetError, BundleError, OutputError and EnvironmentFailure.
    """
    output = None if options.output is None else os.fspath(options.output)
    if output is not None:
        picture_format(output)
        check_output(output, overwrite=options.overwrite, inputs=tuple(options.presets))
    of_words, doubts, understood, notes = _of_words(options)
    traces: list[Trace] = []
    for trace, warnings in (*of_words, *_of_presets(options)):
        traces.append(trace)
        notes += [f"{trace.label}: {warning}" for warning in warnings]
    figure = response_figure(traces, title=options.title)
    svg = None
    if output is None:
        svg = render(figure, "svg")
    else:
        save(figure, output, overwrite=options.overwrite)
    return PlotResult(curves=tuple(traces), doubts=tuple(doubts), notes=tuple(notes), understood=understood, svg=svg)


def _of_words(options: PlotOptions) -> tuple[list[tuple[Trace, tuple[str, ...]]], list[str], dict[str, Phrase], list[str]]:
    """Return the lines of words, each with what its rate cannot hold, what speaks against the words, what phrases mean, and notes."""
    if not options.targets:
        return [], [], {}, []
    engine = load_engine(options.bundle, guess=options.guess)
    understood = find_phrases(engine, (target.text for target in options.targets if isinstance(target, Words)))
    targets = [target.target(engine) if isinstance(target, Words) else target for target in options.targets]
    doubts = engine.doubts(*targets)
    lines = []
    for target in targets:
        label = str(target) if target.intensity == 1.0 else f"{target} at {target.intensity:g}"
        lines.append(eq_trace(label, engine.eq_for(target), options.sample_rate_hz, markers=options.markers))
    notes = [note for target in options.targets if isinstance(target, Words) for note in target.notes(engine)]
    return lines, doubts, understood, notes


def _of_presets(options: PlotOptions) -> Iterator[tuple[Trace, tuple[str, ...]]]:
    """Yield the lines of presets, each with what its rate cannot hold and its reader could not keep."""
    for path in options.presets:
        preset, label = read_file(path, choice=options.choice), printable(Path(path).name)
        notes = tuple(str(note) for note in preset.notes)
        named = [(label, preset.eq)] if isinstance(preset.eq, EqSettings) else [(f"{label}, {name}", eq) for name, eq in preset.eq]
        for title, eq in named:
            trace, warnings = eq_trace(title, eq, options.sample_rate_hz, markers=options.markers)
            yield trace, (*warnings, *notes)
            notes = ()
