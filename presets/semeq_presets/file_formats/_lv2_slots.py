"""LV2 equalisers with a fixed set of bands, each behind its own control ports: placing bands, idle ports, and what a preset held before.

A plug-in is described by its builds (`Build`) and by two conversions between a band and the numbers on its ports. What the ports cannot
hold although the band is inside the format's limits (ranges that depend on each other or on the sample rate) is moved to the nearest
numbers that they can, with its error in a note.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import LAYOUT_KINDS, Band, BandKind, BandSlot, EqSettings, ParamSpec
from semeq_export.errors import AudioError, InvalidEqError, PresetReadError, PresetWriteError
from semeq_export.units import check_sample_rate_hz
from semeq_presets.file_formats._fields import band, plain_decimal, settings, settled
from semeq_presets.file_formats._lv2_bundle import PRESET_SUFFIXES, PortBundle, names_plugin, read_bundle, write_bundle
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Note, Preset, Source, Written
from semeq_presets.file_formats.limits import place

_DIGITS = 9  # more than the float32 that plug-ins hold
_MOST_SECTIONS = 3
_WHERE = "preset.ttl"
_RATE = re.compile(r"(.*?) ?\((\d{1,3}(?:\.\d{1,6})?) kHz\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Port:
    """A control port: its symbol, range, and value while nothing is asked of it."""

    symbol: str
    minimum: float
    maximum: float
    idle: float


@dataclass(frozen=True, slots=True)
class Slot:
    """The ports of one band. on: 0 switches it off, 1 on. q: None where it is fixed."""

    limits: BandSlot
    on: str
    freq: Port
    gain: Port
    q: Port | None

    @property
    def ports(self) -> tuple[Port, ...]:
        """The ports that hold numbers."""
        return (self.freq, self.gain) if self.q is None else (self.freq, self.gain, self.q)


@dataclass(frozen=True, slots=True)
class Pass:
    """The ports of a high- or low-pass, which are among the `others` of a build.

    mode: 0 for one section, 1 and 2 for two and three equal ones; None where there is one. near: of a filter that is none of ours the
    closest that is, its largest difference in dB and where that is, from the numbers on the ports for frequency and Q and a sample rate.
    """

    kind: BandKind
    on: str
    freq: Port
    q: Port
    mode: str | None = None
    near: Callable[[float, float, float], tuple[Band, float, float]] | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """One plug-in. others: control ports that belong to no slot, with what they are set to."""

    plugin: str
    slots: tuple[Slot, ...]
    others: Mapping[str, float]
    passes: tuple[Pass, ...] = ()

    def idle(self) -> dict[str, str]:
        """Return all ports at rest, spelled as they are written."""
        ports = dict(self.others)
        for slot in self.slots:
            ports[slot.on] = 0.0
            ports.update({port.symbol: port.idle for port in slot.ports})
        return {symbol: plain_decimal(value, _DIGITS) for symbol, value in ports.items()}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What stands on the ports of a band, in the plug-in's units; q is None where it is fixed."""

    freq: float
    gain: float
    q: float | None


@dataclass(frozen=True, slots=True)
class PortRules:
    """How a plug-in's numbers and bands correspond.

    builds: those that can be read; the first `written` of them are written, smallest first. numbers: of a band at a sample rate.
    freq_gain_q: Hz, dB and Q of such numbers on a slot, at a sample rate; raises ValueError for numbers that mean nothing.
    preamp: port of the overall gain. to_gain, from_gain: its number of a gain in dB, and back (the latter raises ValueError).
    sounding: other ports that change the sound, with the values at which they do not. keeps_rate: the numbers depend on the sample rate,
    which is written into the label.
    """

    builds: tuple[Build, ...]
    written: int
    numbers: Callable[[Band, float], Numbers]
    freq_gain_q: Callable[[BandSlot, Numbers, float], tuple[float, float, float]]
    preamp: str
    to_gain: Callable[[float], float]
    from_gain: Callable[[float], float]
    sounding: Mapping[str, float]
    keeps_rate: bool = False


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where the bands of a file stand, the slots that hold something that is no band of ours, and the file's ports."""

    plugin: str
    ports: Mapping[str, str]
    of_bands: tuple[int, ...]
    foreign: frozenset[int]


class SlotFormat:
    """Reads and writes the presets of one plug-in in its builds."""

    def __init__(self, info: FormatInfo, rules: PortRules) -> None:
        self.info = info
        self._rules = rules

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes name one of the plug-ins."""
        return filename.lower().endswith(PRESET_SUFFIXES) and any(names_plugin(head, build.plugin) for build in self._rules.builds)

    def write(self, preset: Preset) -> Written:
        """Return manifest and preset; one that was read from such a bundle keeps its build, its other ports and its slots."""
        before = preset.parts(_Ports)
        shapes = [held for held in preset.single.bands if held.kind in LAYOUT_KINDS]
        passes = [held for held in preset.single.bands if held.kind not in LAYOUT_KINDS]
        build, slots = self._placed(shapes, before, with_passes=bool(passes))
        ports = {**build.idle(), **(before.ports if before is not None else {})}
        if before is not None and build.plugin == before.plugin:
            for index in set(before.of_bands) - set(slots):
                ports.update(_rest(build.slots[index]))
        held = []
        for index, wanted in zip(slots, shapes, strict=True):
            slot = build.slots[index]
            stands = before is not None and index in before.of_bands
            if stands and self._band(slot, _values(ports, slot), preset.sample_rate_hz) == wanted:
                held.append(wanted)
            else:
                held.append(self._put(ports, slot, wanted, preset.sample_rate_hz))
        for one in build.passes:
            self._put_pass(ports, one, [held for held in passes if held.kind is one.kind], preset.sample_rate_hz)
        notes = _changes(shapes, held, preset.sample_rate_hz, self.info.precision_db)
        if self._preamp_db(float(ports[self._rules.preamp])) != preset.single.preamp_db:
            ports[self._rules.preamp] = plain_decimal(self._rules.to_gain(preset.single.preamp_db), _DIGITS)
        label = _labelled(preset) if self._rules.keeps_rate else preset.name
        return Written(write_bundle(PortBundle(build.plugin, label, ports)), tuple(notes))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the port that is wrong."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset that is meant; raises as `read` does, and with the presets that there are where that is not clear."""
        bundle = read_bundle(files, {build.plugin for build in self._rules.builds}, choice)
        build = next((build for build in self._rules.builds if build.plugin == bundle.plugin), None)
        if build is None:
            expected = " or ".join(f"<{build.plugin}>" for build in self._rules.builds)
            raise PresetReadError(f"is a preset of <{bundle.plugin[:100]}>, expected {expected}", where="manifest.ttl")
        name, rate, notes = self._rate(bundle.label)
        notes += bundle.notes
        notes += [
            Note("unknown", None, symbol, f"{bundle.value(symbol, idle):g} is not read", None)
            for symbol, idle in self._rules.sounding.items()
            if bundle.value(symbol, idle) != idle
        ]
        idle = build.idle()
        values = {symbol: bundle.value(symbol, float(text)) for symbol, text in idle.items()}
        bands, of_bands, foreign = [], [], set()
        for index, slot in enumerate(build.slots):
            state = values[slot.on]
            if state not in (0.0, 1.0):
                foreign.add(index)
                notes.append(Note("unknown", None, slot.on, f"{state:g} is not read", None))
            elif state == 1.0 or any(values[port.symbol] != port.idle for port in slot.ports):
                bands.append(self._band(slot, values, rate))
                of_bands.append(index)
        for one in build.passes:
            if values[one.on] not in (0.0, 1.0):
                notes.append(Note("unknown", None, one.on, f"{values[one.on]:g} is not read", None))
                continue
            passes, note = _passes(values, one, rate)
            bands += passes
            notes += [note] if note is not None else []
        eq = settings(bands, self._preamp_db(values[self._rules.preamp]), _WHERE)
        source = Source(_Ports(bundle.plugin, dict(bundle.ports), tuple(of_bands), frozenset(foreign)), eq=eq, is_whole=True)
        return Preset(eq, name=name, sample_rate_hz=rate, source=source, notes=tuple(notes))

    def _rate(self, label: str) -> tuple[str, float, list[Note]]:
        if not self._rules.keeps_rate:
            return label, 48_000.0, []
        found = _RATE.fullmatch(label)
        if found is not None:
            try:
                return found[1], check_sample_rate_hz(float(found[2]) * 1e3), []
            except AudioError:  # a label of someone else's that only looks like ours
                pass
        return label, 48_000.0, [Note("approximated", None, "sample_rate_hz", "not in the label", 48_000.0)]

    def _placed(self, bands: Sequence[Band], before: _Ports | None, *, with_passes: bool) -> tuple[Build, tuple[int, ...]]:
        """Return the build and the slot of each band: those of the file where they fit, else the smallest build that holds them all."""
        writable = self._rules.builds[: self._rules.written]
        for build in (*(b for b in self._rules.builds if before is not None and b.plugin == before.plugin), *writable):
            own = before if before is not None and before.plugin == build.plugin else None
            found = _fill(bands, build, own)
            if found is not None and (build.passes or not with_passes):
                return build, found
        foreign = f"; {len(before.foreign)} hold other filters" if before is not None and before.foreign else ""
        raise PresetWriteError(f"{self.info.id}: no slots for these {len(bands)} bands{foreign}")

    def _put_pass(self, ports: dict[str, str], one: Pass, wanted: list[Band], rate: float) -> None:
        """Set the ports of a pass, those that say it already left alone; raises PresetWriteError for several that differ."""
        values = {symbol: float(ports[symbol]) for symbol in (one.on, one.freq.symbol, one.q.symbol, *([one.mode] if one.mode else []))}
        if values[one.on] in (0.0, 1.0) and _passes(values, one, rate)[0] == wanted:
            return
        if not wanted:
            ports[one.on] = "0.0"
            return
        if len(set(wanted)) > 1 or len(wanted) > (_MOST_SECTIONS if one.mode else 1):
            raise PresetWriteError(
                f"{self.info.id}: holds one {one.kind.value}, of up to {_MOST_SECTIONS} equal sections, not {len(wanted)}"
            )
        numbers = {one.on: float(wanted[0].enabled), one.freq.symbol: wanted[0].freq_hz, one.q.symbol: wanted[0].q}
        numbers |= {one.mode: len(wanted) - 1.0} if one.mode else {}
        ports.update({symbol: plain_decimal(number, _DIGITS) for symbol, number in numbers.items()})

    def _put(self, ports: dict[str, str], slot: Slot, wanted: Band, rate: float) -> Band:
        """Set the ports of a band and return the band that they mean, which is another one where a port's range does not reach."""
        numbers = self._rules.numbers(wanted, rate)
        asked = (numbers.freq, numbers.gain) if slot.q is None else (numbers.freq, numbers.gain, numbers.q)
        ports[slot.on] = plain_decimal(float(wanted.enabled), _DIGITS)
        for port, number in zip(slot.ports, asked, strict=True):
            assert number is not None  # a slot with a port for Q belongs to a plug-in that gives one
            ports[port.symbol] = plain_decimal(min(max(number, port.minimum), port.maximum), _DIGITS)
        return self._band(slot, _values(ports, slot), rate)

    def _band(self, slot: Slot, values: Mapping[str, float], rate: float) -> Band:
        numbers = Numbers(values[slot.freq.symbol], values[slot.gain.symbol], None if slot.q is None else values[slot.q.symbol])
        try:
            freq_hz, gain_db, q = self._rules.freq_gain_q(slot.limits, numbers, rate)
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            said = ", ".join(f"{port.symbol} {values[port.symbol]:g}" for port in slot.ports)
            raise PresetReadError(f"{said} is no filter", where=_WHERE) from error
        held = (_settled(freq_hz, slot.limits.freq_hz), _settled(gain_db, slot.limits.gain_db), _settled(q, slot.limits.q))
        return band(slot.limits.kind, *held, enabled=values[slot.on] != 0.0, where=f"{_WHERE} {slot.on}")

    def _preamp_db(self, number: float) -> float:
        try:
            return self._rules.from_gain(number)
        except ValueError as error:
            raise PresetReadError(f"{self._rules.preamp} {number:g} is no gain", where=_WHERE) from error


def _passes(values: Mapping[str, float], one: Pass, rate: float) -> tuple[list[Band], Note | None]:
    """Return the equal sections of a pass, none where it is off and at rest, with a note where they are only near to it."""
    on, freq, q = values[one.on] == 1.0, values[one.freq.symbol], values[one.q.symbol]
    mode = values[one.mode] if one.mode else 0.0
    if not on and (freq, q) == (one.freq.idle, one.q.idle):
        return [], None
    if mode not in range(_MOST_SECTIONS):
        raise PresetReadError(f"{one.mode} {mode:g} is not 0, 1 or 2", where=_WHERE)
    if one.near is not None:
        try:
            held, error_db, at_hz = one.near(freq, q, rate)
        except (ValueError, OverflowError, ZeroDivisionError, InvalidEqError) as error:
            raise PresetReadError(f"{one.freq.symbol} {freq:g}, {one.q.symbol} {q:g} is no filter", where=_WHERE) from error
        note = Note("approximated", None, one.on, f"{one.q.symbol} {q:g}", str(held), error_db, at_hz)
        return [replace(held, enabled=on)], note if on else None
    freq_hz, held_q = settled(freq, one.freq.minimum, one.freq.maximum), settled(q, one.q.minimum, one.q.maximum)
    section = band(one.kind, freq_hz, 0.0, held_q, enabled=on, where=f"{_WHERE} {one.on}")
    return [section] * (int(mode) + 1), None


def _settled(value: float, spec: ParamSpec | float) -> float:
    low, high = (spec, spec) if isinstance(spec, float) else (spec.minimum, spec.maximum)
    return settled(value, low, high)


def _fill(bands: Sequence[Band], build: Build, before: _Ports | None) -> tuple[int, ...] | None:
    """Return a slot for each band, keeping the order of a file that was read; None where they do not all fit."""
    foreign = before.foreign if before is not None else frozenset()
    fixed = list(before.of_bands[: len(bands)]) if before is not None else []
    if all(place([wanted], [build.slots[index].limits]) is not None for index, wanted in zip(fixed, bands, strict=False)):
        free = [index for index in range(len(build.slots)) if index not in foreign and index not in fixed]
        rest = _in_free(bands[len(fixed) :], build, free)
        if rest is not None:
            return (*fixed, *rest)
    return _in_free(bands, build, [index for index in range(len(build.slots)) if index not in foreign])


def _in_free(bands: Sequence[Band], build: Build, free: Sequence[int]) -> tuple[int, ...] | None:
    """Return a slot for each band, bands of a kind in the order of their frequencies, so that the plug-in's window shows them in order."""
    order = sorted(range(len(bands)), key=lambda number: bands[number].freq_hz)
    placed = place([bands[number] for number in order], [build.slots[index].limits for index in free])
    if placed is None:
        return None
    queue: dict[int, list[int]] = {}
    for position, held in enumerate(placed):
        if held is not None:
            queue.setdefault(id(held), []).append(free[position])
    slots = {number: queue[id(bands[number])].pop(0) for number in order}
    return tuple(slots[number] for number in range(len(bands)))


def _values(ports: Mapping[str, str], slot: Slot) -> dict[str, float]:
    return {symbol: float(ports[symbol]) for symbol in (slot.on, *(port.symbol for port in slot.ports))}


def _rest(slot: Slot) -> dict[str, str]:
    idle = {slot.on: 0.0, **{port.symbol: port.idle for port in slot.ports}}
    return {symbol: plain_decimal(value, _DIGITS) for symbol, value in idle.items()}


def _labelled(preset: Preset) -> str:
    text = plain_decimal(round(preset.sample_rate_hz / 1e3, 6), _DIGITS).removesuffix(".0")
    return f"{preset.name} ({text} kHz)" if preset.name else f"({text} kHz)"


def _changes(wanted: Sequence[Band], held: Sequence[Band], rate: float, precision_db: float) -> list[Note]:
    """Return a note for each value that the ports moved, with the error of all of them; none within the precision."""
    moved = [
        (number, name, getattr(asked, name), getattr(got, name))
        for number, (asked, got) in enumerate(zip(wanted, held, strict=True), start=1)
        for name in ("freq_hz", "gain_db", "q")
        if asked.enabled and not math.isclose(getattr(asked, name), getattr(got, name), rel_tol=1e-6, abs_tol=1e-6)
    ]
    if not moved:
        return []
    top_hz = min(20_000.0, 0.95 * rate / 2)
    around = [band.freq_hz * (1.0 + np.linspace(-1.0, 1.0, 401) / max(band.q, 1.0)) for band in wanted]
    freqs = np.concatenate([log_grid(512, 20.0, top_hz), *(hz[(hz >= 20.0) & (hz <= top_hz)] for hz in around)])
    asked_db, got_db = (response_db(for_rate(EqSettings(tuple(bands)), rate).eq, freqs, rate) for bands in (wanted, held))
    error_db = float(np.max(np.abs(asked_db - got_db)))
    return [Note("refitted", *change, error_db) for change in moved] if error_db > precision_db else []
