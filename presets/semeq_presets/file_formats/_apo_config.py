"""A configuration of Equalizer APO, run as the program runs it, to the EQ of each channel.

| line | what is done |
| --- | --- |
| Filter, Preamp, GraphicEQ | added to the channels that are selected (`_apo_filter`, `_graphic_eq`); preamps add up |
| Channel, Copy | `_apo_channels` |
| Include | the lines of another file in its place, from the folder of the file and below; then the channels are as before |
| Device | the lines to the next Device line are for devices in whose name all words of one of the patterns stand |
| If, ElseIf, Else, EndIf; Eval and `...` | `_apo_expression`; a condition that only the host can tell is asked for |
| Stage | post-mix and pre-mix, which follow each other, are heard; capture is for microphones |
| Convolution | its impulse response, where it stands beside the file; else refused |
| Delay, VSTPlugin | named, with no size; LoudnessCorrection, which depends on the volume, is refused |
| others | skipped, as the program does |

Commands are case-sensitive; what is skipped for its spelling is said with its size.
Source: Equalizer APO, FilterEngine.cpp (loadConfigFile, the order of factories) and the factories of filters/.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._apo_channels import Channels, eq_of
from semeq_presets.file_formats._apo_convolution import convolved
from semeq_presets.file_formats._apo_expression import Expressions
from semeq_presets.file_formats._apo_filter import Sound, read_filter
from semeq_presets.file_formats._apo_losses import Losses
from semeq_presets.file_formats._apo_numbers import leading_number, with_points
from semeq_presets.file_formats._fields import any_text
from semeq_presets.file_formats._graphic_eq import curve_of
from semeq_presets.file_formats.base import Choice, Note

MAX_LINES = 10_000
MAX_LINE_CHARS = 500
_MAX_DEPTH = 8
_MAX_FILES = 64
_MAX_KEY_CHARS = 60
_COMMANDS = ("Preamp", "GraphicEQ", "Channel", "Copy", "Include", "Device", "Stage", "Convolution", "Delay", "Eval", "VSTPlugin")
_SPELLED = {name.lower(): name for name in _COMMANDS}
_PREAMP = re.compile(r"\s*[-+]?(\d|\.\d)")
_PLAIN_FILTER = re.compile(r"Filter[ \t]*\d*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file itself. sounds: what it adds; names: the channels that it adds it to, None for all."""

    text: str
    end: str
    sounds: tuple[Sound, ...] = ()
    names: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is known of the computer. device: the text that stands for its name; conditions: which of those hold that only it can tell."""

    device: str | None = None
    conditions: Mapping[str, bool] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What a configuration comes to. patterns: of its Device lines; open: conditions that the scenario does not know, taken as false.

    is_alone: whether all of it, and nothing else, sounds. is_plain: whether each line of it says what it adds, wherever it stands.
    """

    eq: EqSettings | ChannelEqs
    notes: tuple[Note, ...]
    lines: tuple[Line, ...]
    patterns: tuple[str, ...]
    open: tuple[str, ...]
    is_alone: bool
    is_plain: bool
    is_sounding: bool
    is_matched: bool


class Run:
    """One run through the lines of a configuration and of those that it includes."""

    def __init__(self, choice: Choice, scenario: Scenario, rate_hz: float) -> None:
        self._choice, self._scenario, self._rate_hz = choice, scenario, rate_hz
        self._channels = Channels()
        self._expressions = Expressions(rate_hz)
        self._losses = Losses()
        self._patterns: dict[str, None] = {}
        self._open: dict[str, None] = {}
        self._lines: list[Line] = []
        self._files: list[str] = []
        self._opened = self._count = 0
        self._is_heard = self._is_alone = self._is_plain = True
        self._is_sounding = self._is_matched = False
        self._stages = 1
        self._branches: list[_Branch] = []

    def outcome(self, text: str) -> Outcome:
        """Return what a configuration of this text comes to; raises PresetReadError."""
        self._run(text, "")
        rear = self._channels.rear_center()
        if rear is not None:
            self._losses.differ("the rear centre has an EQ of its own, which a preset cannot hold", *rear)
        return Outcome(
            self._channels.result(),
            self._losses.notes(self._rate_hz),
            tuple(self._lines),
            tuple(self._patterns),
            tuple(self._open),
            self._is_alone and not self._scenario.conditions,
            self._is_plain,
            self._is_sounding,
            self._is_matched,
        )

    def _run(self, text: str, name: str) -> None:
        """Follow the lines of a file; name: "" for the one that is read."""
        branches, stages, self._branches = self._branches, self._stages, []
        for number, (line, end) in enumerate(split_lines(text), start=1):
            where = f"{name} line {number}" if name else f"line {number}"
            self._count += 1
            if self._count > MAX_LINES:
                raise PresetReadError(f"more than {MAX_LINES} lines", where=where)
            names = self._channels.selection
            sounds = self._line(line, name, where)
            if not name:
                self._lines.append(Line(line, end, sounds, names))
            elif sounds:
                self._is_alone = False
        self._branches, self._stages, self._is_heard = branches, stages, True

    def _line(self, line: str, name: str, where: str) -> tuple[Sound, ...]:
        """Follow a line; returns what it adds to the sound."""
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon or len(key) > _MAX_KEY_CHARS or not key:
            return ()
        if key == "Device":
            self._device(value)
            return ()
        if not self._is_heard:
            self._is_alone = self._is_alone and not _is_filter(key)
            return ()
        if self._branch(key, value) or not all(branch.is_taken for branch in self._branches):
            return ()
        if key == "Eval":
            self._expressions.assign(self._expressions.filled(value, where))
            self._is_plain = False
            return ()
        filled = self._expressions.filled(value, where)
        self._is_plain = self._is_plain and filled == value
        return self._command(key, filled, name, where)

    def _command(self, key: str, value: str, name: str, where: str) -> tuple[Sound, ...]:
        if key == "Include":
            self._include(value, name)
            return ()
        if key == "Stage":
            self._stage(value, where)
            return ()
        if self._stages == 0:
            return ()
        if key == "Channel":
            self._is_plain = self._is_plain and not self._stages > 1
            for word in self._channels.select(value):
                self._losses.add(where, f"channel {word[:20]!r} is none that Equalizer APO knows")
            return ()
        if key == "Copy":
            for turned in self._channels.copy(value, where):
                self._losses.add(where, f"Copy turns the polarity of channel {turned}, which a preset cannot hold")
            self._is_plain, self._is_sounding = False, True
            return ()
        sounds = self._sounds(key, value, name, where)
        if sounds:
            self._is_sounding = True
            self._is_plain = self._is_plain and self._stages == 1
            self._channels.add(sounds * self._stages, where)
        return sounds

    def _sounds(self, key: str, value: str, name: str, where: str) -> tuple[Sound, ...]:
        """Return what a line adds to the channels that are selected; notes what it does not."""
        if key.startswith("Filter"):
            return self._filter(key, value, where)
        if key == "Preamp":
            _check_length(value, "preamp", where)
            if _PREAMP.match(with_points(value)):
                return (leading_number(with_points(value).strip(), "preamp_db", where),)
            self._losses.add(where, f"Equalizer APO skips a preamp that is no number ({value.strip()[:40]!r})")
        elif key == "GraphicEQ":
            return (curve_of(value, where),)
        elif key == "Convolution":
            self._is_alone = False
            return convolved(self._read(_beside(value, name), f"convolves with {value.strip()[:60]!r}", where), where)
        elif key == "LoudnessCorrection" and not re.search(r"\bState\s+0\b", value):
            raise PresetReadError("LoudnessCorrection depends on the volume; take the line out to read the rest", where=where)
        elif key in ("Delay", "VSTPlugin"):
            what = "Delay changes no level and is not read" if key == "Delay" else "VSTPlugin is not read, whatever it does"
            self._losses.add(where, what)
            self._is_sounding = True
        elif key.lower() in _SPELLED or key.lower().startswith("filter"):
            self._misspelt(key, value, where)
        return ()

    def _filter(self, key: str, value: str, where: str) -> tuple[Sound, ...]:
        _check_length(value, "filter", where)
        found = read_filter(value, self._rate_hz, where)
        if found.skipped and (_PLAIN_FILTER.fullmatch(key) or found.lost):
            self._losses.add(where, f"Equalizer APO skips a filter: {found.skipped}", found.lost)
        if found.other is not None:
            self._losses.read_otherwise(where, found.other_reading, eq_of(found.sounds), EqSettings((found.other,)))
        return found.sounds

    def _misspelt(self, key: str, value: str, where: str) -> None:
        """Say what a line would do whose command Equalizer APO does not know for its spelling."""
        right = _SPELLED.get(key.lower(), "Filter")
        lost: tuple[Sound, ...] = ()
        if right == "Filter" and len(value) <= MAX_LINE_CHARS:
            if not re.fullmatch(r"(?i)filter[ \t]*\d*", key):
                return
            found = read_filter(value, self._rate_hz, where)
            lost = found.sounds or found.lost
        elif right == "Preamp" and _PREAMP.match(with_points(value)):
            lost = (leading_number(with_points(value).strip(), "preamp_db", where),)
        elif right == "GraphicEQ":
            lost = (curve_of(value, where),)
        self._losses.add(where, f"Equalizer APO skips the command {re.sub(r'[ 0-9]+$', '', key)[:20]!r}, which is no {right!r}", lost)

    def _device(self, value: str) -> None:
        pattern = value.strip()
        alternatives = [part.split() for part in pattern.lower().split(";")]
        is_all = ["all"] in alternatives
        if not is_all:
            self._patterns[pattern] = None
        device = (self._scenario.device or "").lower()
        is_named = self._scenario.device is not None and any(words and all(word in device for word in words) for words in alternatives)
        self._is_heard = is_all or is_named
        self._is_matched = self._is_matched or is_named

    def _branch(self, key: str, value: str) -> bool:
        """Follow a line of a condition; returns whether it is one."""
        outer = all(branch.is_taken for branch in self._branches[:-1])
        branch = self._branches[-1] if self._branches else None
        if key == "If":
            holds = all(one.is_taken for one in self._branches) and self._holds(value)
            self._branches.append(_Branch(holds, holds))
        elif key in ("ElseIf", "Else") and branch is not None:
            holds = outer and not branch.was_taken and (key == "Else" or self._holds(value))
            self._branches[-1] = _Branch(holds, branch.was_taken or holds)
        elif key == "EndIf" and branch is not None:
            self._branches.pop()
        elif key not in ("ElseIf", "Else", "EndIf"):
            return False
        self._is_plain = False
        return True

    def _holds(self, text: str) -> bool:
        holds = self._expressions.holds(text)
        if holds is not None:
            return holds
        condition = " ".join(text.split())[:200]
        if condition not in self._scenario.conditions:
            self._open[condition] = None
        return self._scenario.conditions.get(condition, False)

    def _stage(self, value: str, where: str) -> None:
        words = value.lower().split()
        self._stages = ("pre-mix" in words) + ("post-mix" in words)
        if self._stages == 0 and "capture" in words:
            self._losses.add(where, "lines for the stage of microphones are not read")

    def _include(self, value: str, name: str) -> None:
        where = f"{name or 'file'} includes {value.strip()[:60]!r}"
        target = _beside(value, name)
        if target in self._files:
            raise PresetReadError(f"{where}, which includes it again")
        if len(self._files) >= _MAX_DEPTH:
            raise PresetReadError(f"{where}: more than {_MAX_DEPTH} files deep")
        data = self._read(target, "includes " + repr(value.strip()[:60]), name)
        selection = self._channels.selection
        self._files.append(target)
        self._run(any_text(data, target), target)
        self._files.pop()
        self._channels.selection = selection
        self._is_alone = False

    def _read(self, target: str, what: str, where: str) -> bytes:
        """Return another file; raises PresetReadError that says what to do where it cannot be read."""
        self._opened += 1
        if self._opened > _MAX_FILES:
            raise PresetReadError(f"{what}: more than {_MAX_FILES} files", where=where)
        if self._choice.beside is None:
            raise PresetReadError(f"{what}: only a file on disk can be read with those beside it", where=where)
        try:
            return self._choice.beside(target)
        except PresetReadError as error:
            why = f"{what}, which is not there ({error.why.rpartition(': ')[2][:120]}); put it there, or take the line out"
            raise PresetReadError(why, where=where) from error


@dataclass(frozen=True, slots=True)
class _Branch:
    """A condition that is open. is_taken: whether its lines are followed; was_taken: whether one of its branches was."""

    is_taken: bool
    was_taken: bool


def split_lines(text: str) -> Sequence[tuple[str, str]]:
    """Return lines and their ends; only \\n and \\r\\n end a line."""
    result = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", text.removeprefix("\ufeff")):
        body = line.removesuffix("\n").removesuffix("\r") if line.endswith("\n") else line
        result.append((body, line[len(body) :]))
    return result


def _is_filter(key: str) -> bool:
    return key.startswith("Filter") or key in ("Preamp", "GraphicEQ", "Include", "Copy", "Convolution", "VSTPlugin", "Delay")


def _beside(value: str, name: str) -> str:
    """Return the path of a file that another one names, from the folder of the first; raises PresetReadError outside of it."""
    path = value.strip().replace("\\", "/")
    if not path or path.startswith("/") or ":" in path:
        raise PresetReadError(f"names the file {value.strip()[:60]!r}, which is not beside it; put it there and name it so")
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    if joined.startswith(".."):
        raise PresetReadError(f"names the file {value.strip()[:60]!r}, which is outside its folder")
    return joined


def _check_length(value: str, what: str, where: str) -> None:
    if len(value) > (MAX_LINE_CHARS * 8 if "IIR" in value[:40] else MAX_LINE_CHARS):
        raise PresetReadError(f"a {what} of more than {MAX_LINE_CHARS} characters", where=where)
