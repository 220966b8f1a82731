"""The text of an EQ for Equalizer APO, new or with the lines that were there before.

A line that says one band, preamp or curve keeps its spelling while that does not change; a changed one is rewritten in its place, and new
bands stand behind the last. Where channels differ, only values can change so; else, and where what sounded came from other files, devices
or conditions, the text is written anew, comments kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_presets.file_formats._apo_channels import channel_line, eq_of, grouped
from semeq_presets.file_formats._apo_config import Line
from semeq_presets.file_formats._fields import plain_decimal
from semeq_presets.file_formats._graphic_eq import points_text, written

WRITTEN = {
    BandKind.PEAK: "PK",
    BandKind.LOW_SHELF: "LSC",
    BandKind.HIGH_SHELF: "HSC",
    BandKind.HIGH_PASS: "HPQ",
    BandKind.LOW_PASS: "LPQ",
    BandKind.NOTCH: "NO",
    BandKind.BAND_PASS: "BP",
    BandKind.ALL_PASS: "AP",
}
_THOUSANDS = re.compile(r"[-+]?\d+\.\d{3}")


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of a file. mark: its byte order mark. is_plain: whether each line says what it adds, and nothing else sounds."""

    lines: tuple[Line, ...]
    mark: str
    is_plain: bool
    eq: EqSettings | ChannelEqs


def text_of_eq(eq: EqSettings | ChannelEqs, before: Text | None) -> str:
    """Return the text of an EQ, made of the one before where it can be."""
    if before is not None and before.is_plain:
        kept = _merged(before.lines, eq) if isinstance(eq, EqSettings) else _in_place(before, eq)
        if kept is not None:
            return before.mark + kept
    ending = next((line.end for line in before.lines if line.end), "\n") if before is not None else "\n"
    comments = [line.text for line in before.lines if line.text.lstrip().startswith("#")] if before is not None else []
    return "".join(line + ending for line in _fresh(eq, comments))


def _fresh(eq: EqSettings | ChannelEqs, comments: list[str]) -> Iterator[str]:
    """Yield the lines of an EQ; a preamp goes first, since PipeWire takes the first line for one."""
    if isinstance(eq, EqSettings):
        first, *others = _section(eq)
        yield from (first, *comments, *others)
        return
    yield from comments
    for names, held in grouped(eq).items():
        yield channel_line(names)
        yield from _section(held)


def _section(eq: EqSettings) -> Iterator[str]:
    yield preamp_line(eq.preamp_db)
    yield from band_lines(eq.bands, 1)
    if eq.curve is not None:
        yield curve_line(eq.curve)


def _merged(lines: tuple[Line, ...], eq: EqSettings) -> str | None:
    """Return the lines as read, with what the EQ says now; None where a line says more than one thing, or is for some channels only."""
    sounding = [line for line in lines if line.sounds]
    if any(len(line.sounds) > 1 or line.names is not None for line in sounding):
        return None
    was = eq_of(sound for line in sounding for sound in line.sounds)
    ending = next((line.end for line in lines if line.end), "\n")
    places = [place for place, line in enumerate(lines) if line.sounds and isinstance(line.sounds[0], Band)]
    last = places[-1] if places else len(lines) - 1
    result: list[str] = []
    is_empty = not eq.bands and eq.curve is None  # what says nothing is no configuration
    if (was.preamp_db != eq.preamp_db or is_empty) and not any(isinstance(line.sounds[0], float) for line in sounding):
        result.append(preamp_line(eq.preamp_db) + ending)
    is_preamp_due, is_curve_due, used = was.preamp_db != eq.preamp_db, was.curve != eq.curve, 0
    for place, line in enumerate(lines):
        sound = line.sounds[0] if line.sounds else None
        text: str | None = line.text
        if isinstance(sound, float) and was.preamp_db != eq.preamp_db:
            text, is_preamp_due = (preamp_line(eq.preamp_db) if is_preamp_due else None), False
        elif isinstance(sound, Curve) and was.curve != eq.curve:
            text, is_curve_due = (curve_line(eq.curve) if is_curve_due and eq.curve is not None else None), False
        elif isinstance(sound, Band):
            used += 1
            text = _band_text(line, used, eq.bands)
        if text is not None:
            result.append(text + line.end)
        if place == last:
            added = [*band_lines(eq.bands[used:], used + 1)]
            _append(result, added, ending)
    if is_curve_due and eq.curve is not None:
        _append(result, [curve_line(eq.curve)], ending)
    return "".join(result)


def _append(result: list[str], lines: list[str], ending: str) -> None:
    if lines and result and not result[-1].endswith("\n"):
        result[-1] += ending
    result += [line + ending for line in lines]


def _band_text(line: Line, number: int, bands: tuple[Band, ...]) -> str | None:
    if number > len(bands):
        return None
    return line.text if line.sounds == (bands[number - 1],) else next(band_lines(bands[number - 1 : number], number))


def _in_place(before: Text, eqs: ChannelEqs) -> str | None:
    """Return the lines with other values of bands, None where more than that changed in a channel, or differently in those of one line."""
    was = before.eq
    if not isinstance(was, ChannelEqs) or was.names != eqs.names:
        return None
    if any(
        (old.preamp_db, old.curve, len(old.bands)) != (new.preamp_db, new.curve, len(new.bands))
        for (_, old), (_, new) in zip(was, eqs, strict=True)
    ):
        return None
    used = dict.fromkeys(eqs.names, 0)
    result = []
    for line in before.lines:
        text = line.text
        if line.sounds and isinstance(line.sounds[0], Band):
            names = [name for name in eqs.names if line.names is None or name in line.names]
            values = {eqs[name].bands[used[name]] for name in names if used[name] < len(eqs[name].bands)}
            if len(values) > 1 or len(line.sounds) > 1:
                return None
            used |= {name: used[name] + 1 for name in names}
            if values and values != set(line.sounds):
                text = next(band_lines(tuple(values), max(used.values())))
        result.append(text + line.end)
    return "".join(result)


def preamp_line(preamp_db: float) -> str:
    """Return a Preamp line."""
    return f"Preamp: {_short(preamp_db, 4)} dB"


def band_lines(bands: tuple[Band, ...], first: int) -> Iterator[str]:
    """Yield the Filter lines of bands, numbered from `first`."""
    for count, held in enumerate(bands, start=first):
        state = "ON" if held.enabled else "OFF"
        gain = f" Gain {_short(held.gain_db, 4)} dB" if held.has_gain else ""
        yield f"Filter {count}: {state} {WRITTEN[held.kind]} Fc {_freq(held.freq_hz)} Hz{gain} Q {_short(held.q, 4)}"


def curve_line(curve: Curve) -> str:
    """Return a GraphicEQ line."""
    held = written(curve)
    return f"GraphicEQ: {points_text(held.freqs_hz, held.gain_db)}"


def _freq(freq_hz: float) -> str:
    """Return a frequency in at most 8 characters, and never with three decimals (see `eqapo_text`)."""
    decimals = 4 if round(freq_hz, 4) < 1_000.0 else 2
    text = plain_decimal(round(freq_hz, decimals), 9)
    return f"{text}0" if _THOUSANDS.fullmatch(text) else text


def _short(value: float, decimals: int) -> str:
    """Return a number in at most 6 characters: so many decimals, or as many as there is room for."""
    for places in range(decimals, 0, -1):
        text = f"{value + 0.0:.{places}f}"
        if len(text) <= 6:
            break
    trimmed = text.rstrip("0")
    trimmed += "0" if trimmed.endswith(".") else ""
    return "0.0" if trimmed == "-0.0" else trimmed
