"""One node of PipeWire's filter-chain: what it does to the sound between two of its ports, and how a band is written.

Source: PipeWire, page "Filter-Chain" of the documentation, spa/plugins/filter-graph/plugin_builtin.c (what nodes do, their ports and what
a control is where it is left out) and spa/plugins/audioconvert/biquad.c (cookbook formulas; what a Q or frequency of 0 means).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._companions import Beside, companion
from semeq_presets.file_formats._fields import band, exact_decimal, number, settings, text_of
from semeq_presets.file_formats._sections import Filter, band_of
from semeq_presets.file_formats._tree import Node, mapping, sequence, text
from semeq_presets.file_formats.fir_wav import first_channel

KINDS = {
    "bq_lowshelf": BandKind.LOW_SHELF,
    "bq_peaking": BandKind.PEAK,
    "bq_highshelf": BandKind.HIGH_SHELF,
    "bq_highpass": BandKind.HIGH_PASS,
    "bq_lowpass": BandKind.LOW_PASS,
    "bq_notch": BandKind.NOTCH,
    "bq_bandpass": BandKind.BAND_PASS,
    "bq_allpass": BandKind.ALL_PASS,
}
LABELS = {kind: label for label, kind in KINDS.items()}
PLAIN = (*KINDS, "param_eq", "copy", "mixer", "linear", "invert")
"""Nodes that hold nothing but an EQ."""

GAIN_LABEL = "bq_highshelf"
"""At a frequency of 0 it is a gain."""

_MIXER_INPUTS = 8
_MOST_BANDS = 64  # of a param_eq, for each of its channels
_DEFAULT_Q = 0.5**0.5
_PORTS = 8
_APO_TYPES = {"PK": "bq_peaking", "LSC": "bq_lowshelf", "HSC": "bq_highshelf"}
_APO_LINE = re.compile(r"\s*\S+\s+[-+]?\d+:\s*(\S{1,3})\s+(\S{1,3})\s+\S+\s+(\S{1,8})\s+\S+\s+\S+\s+(\S{1,6})\s+\S+\s+\S\s*(\S{1,6})")
_DCBLOCK_R = 0.995


Ref = tuple[int, str, int]
"""Where an entry stands: number of the node, key of a param_eq's list or "", place in it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one entry does: a band, a gain in dB, or a filter that no band is like. ref: None where it stands in another file."""

    ref: Ref | None
    band: Band | None = None
    gain_db: float = 0.0
    is_inverted: bool = False
    is_silent: bool = False
    lost: Filter | None = None

    @property
    def is_gain(self) -> bool:
        """Whether it is the gain that we write."""
        return self.band is None and self.lost is None and not self.is_silent and self.ref is not None


@dataclass(frozen=True, slots=True)
class Builtins:
    """What is needed to know what a node does: the sample rate in Hz, and how files beside the preset are read."""

    rate_hz: float
    beside: Beside | None = None

    def parts(self, node: dict[str, Node], index: int, port: int, where: str) -> tuple[Part, ...]:
        """Return what a node does from its input to output `port` (from 0) of the same number; mixers are the graph's business.

        Raises PresetReadError naming the control, and for nodes whose sound is not known.
        """
        kind, label = word(node.get("type")), word(node.get("label"))
        if kind != "builtin":
            name = word(node.get("plugin")) or label
            raise PresetReadError(
                f"is a plug-in ({kind[:20]} {name[:60]!r}), whose sound is not known; take it out of the graph", where=where
            )
        controls = {} if node.get("control") is None else mapping(node["control"], f"{where} control")
        if label in KINDS:
            values = (_control(controls, name, 0.0, where) for name in ("Freq", "Q", "Gain"))
            return (biquad(label, *values, ref=(index, "", 0), where=where),)
        if label == "bq_raw":
            return (self._raw(node, index, where),)
        if label == "param_eq":
            return self._list(node, index, port, where)
        if label in ("copy", "delay"):
            if any(_control(controls, name, 0.0, where) for name in ("Feedback", "Feedforward")):
                raise PresetReadError("is an echo (Feedback or Feedforward), which is no EQ; take it out of the graph", where=where)
            return ()
        if label == "invert":
            return (Part(None, is_inverted=True),)
        if label == "linear":
            return (_factor(_control(controls, "Mult", 1.0, where)),)
        if label == "dcblock":
            return (Part(None, lost=Filter((1.0, -1.0), (1.0, -_control(controls, "R", _DCBLOCK_R, where)))),)
        if label == "convolver":
            return self._convolved(node, where)
        raise PresetReadError(f"label {label[:40]!r} is no filter that is read; take it out of the graph", where=where)

    def _raw(self, node: Mapping[str, Node], index: int, where: str) -> Part:
        """Return a filter given by coefficients, those for the sample rate that is nearest."""
        config = mapping(node.get("config"), f"{where} config")
        entries = [mapping(item, f"{where} coefficients") for item in sequence(config.get("coefficients"), f"{where} coefficients")]
        if not entries:
            raise PresetReadError("has no coefficients", where=where)
        nearest = min(entries, key=lambda entry: abs(_control(entry, "rate", 0.0, where) - self.rate_hz))
        b = tuple(_control(nearest, name, 1.0 if name == "b0" else 0.0, where) for name in ("b0", "b1", "b2"))
        a = tuple(_control(nearest, name, 1.0 if name == "a0" else 0.0, where) for name in ("a0", "a1", "a2"))
        if a[0] == 0.0 or max(map(abs, (*b, *a))) > 1e6:
            raise PresetReadError("has a0 = 0 or a coefficient over 1e+06", where=where)
        held = Filter(b, a)
        if not held.is_stable:
            raise PresetReadError("is not stable", where=where)
        if not any(b):
            return Part(None, is_silent=True)
        found = band_of(held, self.rate_hz)
        return Part((index, "raw", 0), band=found) if found is not None else Part(None, lost=held)

    def _list(self, node: Mapping[str, Node], index: int, port: int, where: str) -> tuple[Part, ...]:
        """Return the bands of a param_eq for one of its channels; a list for all replaces as many of a channel's, and the other way."""
        config = mapping(node.get("config"), f"{where} config")
        held: list[list[Part]] = [[] for _ in range(_PORTS)]
        for key, value in config.items():
            stem = "filename" if key.startswith("filename") else "filters" if key.startswith("filters") else ""
            if not stem:
                continue
            if stem == "filters":
                parts = _entries(sequence(value, f"{where} {key[:20]}"), index, key, where)
            else:
                parts = _of_text(companion(text(value, f"{where} {key[:20]}"), "takes its bands from", where, self.beside), where)
            if len(parts) > _MOST_BANDS:
                raise PresetReadError(f"{len(parts)} bands are over PipeWire's limit of {_MOST_BANDS}", where=where)
            own = key[len(stem) :]
            channel = min(max(int(own[:9]), 1), _PORTS) - 1 if own.isascii() and own.isdigit() and int(own[:9]) else None
            target = 0 if channel is None else channel
            held[target] = [*parts, *held[target][len(parts) :]]
            if channel is None:
                held = [list(held[0]) for _ in range(_PORTS)]
        return tuple(held[port])

    def _convolved(self, node: Mapping[str, Node], where: str) -> tuple[Part, ...]:
        config = mapping(node.get("config"), f"{where} config")
        gain = _factor(_control(config, "gain", 1.0, where))
        name = text(config.get("filename"), f"{where} filename")
        if name.startswith("/dirac"):
            return (gain,)
        taps = first_channel(companion(name, "convolves with", where, self.beside))
        return (gain, Part(None, lost=Filter(taps)) if any(taps) else Part(None, is_silent=True))


def biquad(label: str, freq_hz: float, q: float, gain_db: float, *, ref: Ref | None, where: str) -> Part:
    """Return what a biquad does; at a frequency of 0, or without a Q, some are a gain, nothing, or silence."""
    kind = KINDS[label]
    if freq_hz <= 0.0:
        if kind is BandKind.HIGH_SHELF:
            return Part(ref, gain_db=settings([], gain_db, where).preamp_db)
        return Part(None, is_silent=kind in (BandKind.LOW_PASS, BandKind.BAND_PASS))
    if q <= 0.0 and kind is BandKind.PEAK:
        return Part(None, gain_db=settings([], gain_db, where).preamp_db)
    if q <= 0.0 and kind in (BandKind.NOTCH, BandKind.BAND_PASS, BandKind.ALL_PASS):
        return Part(None, is_silent=kind is BandKind.NOTCH, is_inverted=kind is BandKind.ALL_PASS)
    has_gain = kind in (BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF)
    return Part(ref, band(kind, freq_hz, gain_db if has_gain else 0.0, q if q > 0.0 else _DEFAULT_Q, where=where))


def mixer_gains(node: Mapping[str, Node], where: str) -> list[Part]:
    """Return the gain of each input of a mixer."""
    controls = {} if node.get("control") is None else mapping(node["control"], f"{where} control")
    return [_factor(_control(controls, f"Gain {count}", 1.0, where)) for count in range(1, _MIXER_INPUTS + 1)]


def ports_of(label: str, *, is_output: bool) -> tuple[str, ...]:
    """Return the names of a builtin node's inputs or outputs for sound, in their order."""
    side = "Out" if is_output else "In"
    if label in ("param_eq", "dcblock"):
        return tuple(f"{side} {count}" for count in range(1, _PORTS + 1))
    if label == "mixer" and not is_output:
        return tuple(f"In {count}" for count in range(1, _MIXER_INPUTS + 1))
    return (side,)


def word(node: Node | None) -> str:
    """Return a single value, "" for anything else."""
    return str(node) if isinstance(node, str) else ""


def put_part(entry: dict[str, Node], ref: Ref, label: str, freq_hz: float, q: float, gain_db: float) -> None:
    """Let a node, or an entry of a param_eq's list, be a band or a gain; what else stands in it stays."""
    numbers = {name: exact_decimal(value) for name, value in (("Freq", freq_hz), ("Q", q), ("Gain", gain_db))}
    if ref[1]:
        entry["type"] = label
        entry.update({name.lower(): value for name, value in numbers.items()})
        return
    kept = entry.get("control")
    entry["label"] = label
    entry["control"] = {**(kept if isinstance(kept, dict) else {}), **numbers}


def _control(controls: Mapping[str, Node], name: str, default: float, where: str) -> float:
    return number(text(controls[name], f"{where} {name}"), name, where) if name in controls else default


def _factor(factor: float) -> Part:
    if factor == 0.0:
        return Part(None, is_silent=True)
    return Part(None, gain_db=20.0 * math.log10(abs(factor)), is_inverted=factor < 0.0)


def _entries(items: list[Node], index: int, key: str, where: str) -> list[Part]:
    parts = []
    for place, item in enumerate(items):
        here = f"{where} {key[:20]} {place + 1}"
        entry = mapping(item, here)
        label = word(entry.get("type"))
        if label in KINDS:
            freq_hz, q, gain_db = (_control(entry, name, default, here) for name, default in (("freq", 0.0), ("q", 1.0), ("gain", 0.0)))
            parts.append(biquad(label, freq_hz, q, gain_db, ref=(index, key, place), where=here))
        else:
            parts.append(Part(None))  # PipeWire takes an unknown type for no filter
    return parts


def _of_text(data: bytes, where: str) -> list[Part]:
    """Return the bands of an Equalizer APO text as PipeWire reads it: first line preamp, then PK, LSC and HSC with short numbers."""
    first, *lines = [*text_of(data).removeprefix("\ufeff").split("\n"), ""]
    parts: list[Part] = []
    words = first.split()
    preamp_db = _short(words[1][:6]) if len(words) > 1 else None
    if preamp_db is not None:
        parts.append(Part(None, gain_db=settings([], preamp_db, where).preamp_db))
    for line in lines:
        found = _APO_LINE.match(line)
        if found is None or found[1] != "ON" or found[2] not in _APO_TYPES:
            continue
        freq_hz, gain_db, q = (_short(found[group]) for group in (3, 4, 5))
        if freq_hz is not None and gain_db is not None and q is not None:
            parts.append(biquad(_APO_TYPES[found[2]], freq_hz, q, gain_db, ref=None, where=where))
    return parts


def _short(written: str) -> float | None:
    try:
        return number(written, "value", "")
    except PresetReadError:
        return None
