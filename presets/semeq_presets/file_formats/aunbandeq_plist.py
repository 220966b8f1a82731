"""Apple AUNBandEQ preset (.aupreset): an XML property list around a binary table of parameters.

| key | value |
| --- | --- |
| manufacturer, type, subtype | 1634758764 'appl', 1635083896 'aufx', 1851942257 'nbeq' |
| name, version, ParametricType | text, 0, 11 |
| numberOfBands | 1..16 |
| data | base64 of the table |

| table, big-endian | meaning |
| --- | --- |
| u32 scope, u32 element, u32 n | 0, 0, 81 |
| n x (u32 id, f32 value) | sorted by id |

| id (k = 0..15) | value |
| --- | --- |
| 0 | overall gain in dB, -96..24: the preamp |
| 1000 + k | 0 active, 1 bypassed |
| 2000 + k | type, see below |
| 3000 + k, 4000 + k | Hz, dB -96..24 |
| 5000 + k | bandwidth in octaves, 0.05..5 = (2 / ln 2) asinh(1 / (2 Q)) |

| type | |
| --- | --- |
| 0 | parametric |
| 1, 2 | low and high pass of second order, Butterworth's: without a width |
| 3, 4 | resonant low and high pass, 5 band pass, 6 band stop: with a width, without a gain |
| 7, 8 | low and high shelf: without a width, of Q 0.7 by AutoEq |
| 9, 10 | resonant low and high shelf |

An unused band is bypassed and otherwise 0. Types 1, 2, 7 and 8 ignore the width: they are written for a Q within 1.5 % of 0.7071, with the
width beside them so that reading back is exact; other passes and shelves become types 3, 4, 9 and 10, whose width counts.
Source: presets of github pierreaubert/AUpresetConverter at 6c84dac with the EQs that they were made from; Apple, AudioUnitParameters.h and
the words of AVAudioUnitEQ on the same types ("simple Butterworth 2nd order low pass", "resonance support via bandwidth").
Unknown: whether types 9 and 10 are the cookbook's shelves, and how much resonance a width makes in types 3 and 4: they are read by the same
formula, and a note says how far that is from no resonance; no file of Apple's own was seen. What a file holds beyond this is kept.
"""

from __future__ import annotations

import base64
import binascii
import copy
import math
import struct
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, SubElement

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import bandwidth_oct_to_q, q_to_bandwidth_oct
from semeq_presets.file_formats._binary import Record, Slots
from semeq_presets.file_formats._fields import band, settings, settled
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._nominal import gain_for, lost_note
from semeq_presets.file_formats._places import MAC_PRESETS
from semeq_presets.file_formats._xml import parse, render
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Place, Preset, PresetFormat, Source, Written

_PUBLIC_ID = "-//Apple//DTD PLIST 1.0//EN"
_DOCTYPE = f'<!DOCTYPE plist PUBLIC "{_PUBLIC_ID}" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">'
_CODES = {"manufacturer": 1_634_758_764, "subtype": 1_851_942_257, "type": 1_635_083_896}
_BANDS = 16
_MAX_PARAMETERS = 4_096
_BYPASS, _TYPE, _FREQ, _GAIN, _WIDTH = 1_000, 2_000, 3_000, 4_000, 5_000
_FREQ_HZ = (20.0, 20_000.0)
_GAIN_DB = (-60.0, 24.0)
_Q = (bandwidth_oct_to_q(5.0), bandwidth_oct_to_q(0.05))
_FIXED_Q, _FIXED_SHARE = math.sqrt(0.5), 0.015
_FIXED = {BandKind.LOW_PASS: 1, BandKind.HIGH_PASS: 2, BandKind.LOW_SHELF: 7, BandKind.HIGH_SHELF: 8}
_RESONANT = {BandKind.LOW_PASS: 3, BandKind.HIGH_PASS: 4, BandKind.LOW_SHELF: 9, BandKind.HIGH_SHELF: 10}
_OTHERS = {BandKind.PEAK: 0, BandKind.BAND_PASS: 5, BandKind.NOTCH: 6}
_KINDS = {float(number): kind for table in (_OTHERS, _FIXED, _RESONANT) for kind, number in table.items()}
_SAID_DB = 0.1
_HEADER = Record(">", ("scope", "I"), ("element", "I"), ("parameters", "I"))
_PARAMETER = Record(">", ("id", "I"), ("value", "f"))


@dataclass(frozen=True, slots=True)
class _Table:
    """The binary table: its header, its parameters in order, and where the bands stand; and the property list that it stood in."""

    header: bytes
    values: Mapping[int, float]
    slots: Slots
    file: bytes = b""


class AuNBandEq:
    """Reads and writes AUNBandEQ presets."""

    info = FormatInfo(
        id="aunbandeq",
        title="Apple AUNBandEQ preset",
        host="Logic, GarageBand and other Audio Unit hosts on macOS",
        suffixes=(".aupreset",),
        how_to_import="copy it into ~/Library/Audio/Presets/Apple/AUNBandEQ; it is then in the plug-in's preset menu",
        precision_db=0.01,
        limits=Limits(
            max_bands=_BANDS, kinds=frozenset(_KINDS.values()), freq_hz=_FREQ_HZ, gain_db=_GAIN_DB, q=_Q, preamp_db=(-96.0, 24.0)
        ),
        aliases=("apple", "logic", "garageband"),
        places={"darwin": Place((MAC_PRESETS,), "Apple/AUNBandEQ", is_made=True)},
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a property list that has the key of an EQ of Apple's, or the name of a preset."""
        return b"<plist" in head and (b"<key>ParametricType</key>" in head or filename.lower().endswith(".aupreset"))

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its other keys and parameters, and while nothing changed its bytes."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.aupreset": same})
        table = preset.parts(_Table) or _Table(_HEADER.pack({"scope": 0, "element": 0, "parameters": 81}), _idle(), Slots())
        values = dict(table.values)
        used = table.slots.for_bands(len(preset.single.bands), range(_BANDS), self.info.id)
        for slot in set(table.slots.of_bands) - set(used):
            values.update(_idle_band(slot))
        for slot, wanted in zip(used, preset.single.bands, strict=True):
            if slot not in table.slots.of_bands or _band(values, slot) != wanted:
                values.update(_parameters(slot, wanted))
        if values.get(0) != _float32(preset.single.preamp_db):
            values[0] = _float32(preset.single.preamp_db)
        number_of_bands = max([1, *(slot + 1 for slot in (*used, *table.slots.foreign))])
        before = parse(table.file, "plist", public_id=_PUBLIC_ID) if table.file else None
        root = _plist(before, _packed(table.header, values), preset.name, number_of_bands)
        return Written({"preset.aupreset": render(root, doctype=_DOCTYPE)})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the key or parameter that is wrong."""
        (data,) = files.values()
        keys = _dictionary(parse(data, "plist", public_id=_PUBLIC_ID))
        for name, code in _CODES.items():
            found = _integer(keys, name)
            if found != code:
                raise PresetReadError(f"{name} is {found}, expected {code}: not a preset of AUNBandEQ")
        if "data" not in keys or keys["data"].tag != "data":
            raise PresetReadError("data is missing")
        try:
            packed = base64.b64decode("".join((keys["data"].text or "").split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise PresetReadError("is not base64", where="data") from error
        header, values = _unpacked(packed)
        bands, of_bands, foreign, notes = [], [], set(), []
        for slot in range(min(max(_integer(keys, "numberOfBands"), 0), _BANDS)):
            if values.get(_FREQ + slot, 0.0) == 0.0:
                continue
            if values.get(_TYPE + slot, 0.0) in _KINDS:
                bands.append(_band(values, slot))
                of_bands.append(slot)
                notes += _resonance_notes(bands[-1], values.get(_TYPE + slot, 0.0), f"band {slot + 1} of the file")
            else:
                foreign.add(slot)
                if values.get(_BYPASS + slot, 0.0) == 0.0:
                    what = f"type {values[_TYPE + slot]:g}"
                    notes.append(lost_note(f"band {slot + 1} of the file", what, gain_db=values.get(_GAIN + slot, 0.0)))
        eq = settings(bands, values.get(0, 0.0), "parameter 0")
        name = (keys["name"].text or "") if "name" in keys and keys["name"].tag == "string" else ""
        table = _Table(header, values, Slots(tuple(of_bands), frozenset(foreign)), data)
        return Preset(eq, name=name, source=Source(table, data, eq, name=name, is_whole=True), notes=tuple(notes))


def _dictionary(root: Element) -> dict[str, Element]:
    """Return the values of the property list's dictionary by key."""
    children = [child for child in root if isinstance(child.tag, str)]
    if len(children) != 1 or children[0].tag != "dict":
        raise PresetReadError("is no property list with one dictionary")
    items = [child for child in children[0] if isinstance(child.tag, str)]
    keys: dict[str, Element] = {}
    for key, value in zip(items[::2], items[1::2], strict=False):
        if key.tag != "key":
            raise PresetReadError(f"<{key.tag[:40]}> stands where a key is expected")
        name = key.text or ""
        if name in keys:
            raise PresetReadError(f"key {name[:40]!r} stands twice")
        keys[name] = value
    if len(items) % 2:
        raise PresetReadError("the last key has no value")
    return keys


def _integer(keys: Mapping[str, Element], name: str) -> int:
    text = ((keys[name].text or "") if name in keys and keys[name].tag == "integer" else "").strip()
    if not text.lstrip("-").isdecimal() or not text.isascii() or len(text) > 12:
        raise PresetReadError(f"{name} is missing or not a whole number")
    return int(text)


def _unpacked(packed: bytes) -> tuple[bytes, dict[int, float]]:
    count = int(_HEADER.unpack(packed, 0, "data")["parameters"])
    room = (len(packed) - _HEADER.size) // _PARAMETER.size
    if count > min(room, _MAX_PARAMETERS) or len(packed) != _HEADER.size + count * _PARAMETER.size:
        raise PresetReadError(f"says {count} parameters in {len(packed)} bytes", where="data offset 0x8")
    values: dict[int, float] = {}
    for index in range(count):
        fields = _PARAMETER.unpack(packed, _HEADER.size + index * _PARAMETER.size, "data")
        number = int(fields["id"])
        if number in values:
            raise PresetReadError(f"parameter {number} stands twice", where="data")
        values[number] = fields["value"]
    return packed[: _HEADER.size], values


def _packed(header: bytes, values: Mapping[int, float]) -> bytes:
    counted = header[:8] + struct.pack(">I", len(values))
    return counted + b"".join(_PARAMETER.pack({"id": number, "value": value}) for number, value in values.items())


def _band(values: Mapping[int, float], slot: int) -> Band:
    where = f"band {slot + 1} of the file"
    number = values.get(_TYPE + slot, 0.0)
    width = values.get(_WIDTH + slot, 0.0)
    is_fixed = number in _FIXED.values()
    if not is_fixed and not 0.001 <= width <= 20.0:
        raise PresetReadError(f"bandwidth {width:g} is outside 0.001..20 octaves", where=where)
    q = settled(bandwidth_oct_to_q(width), *_Q) if 0.001 <= width <= 20.0 else _FIXED_Q
    if is_fixed and not _is_fixed_q(q):
        q = _FIXED_Q
    enabled = values.get(_BYPASS + slot, 0.0) == 0.0
    freq_hz, gain_db = settled(values.get(_FREQ + slot, 0.0), *_FREQ_HZ), settled(values.get(_GAIN + slot, 0.0), *_GAIN_DB)
    kind = _KINDS[number]
    return band(kind, freq_hz, gain_for(kind, gain_db), q, enabled=enabled, where=where)


def _resonance_notes(held: Band, number: float, place: str) -> list[Note]:
    """Return a note on a resonant pass: how far it is from the one without a resonance, the other thing that Apple's words may mean."""
    if number not in (_RESONANT[BandKind.LOW_PASS], _RESONANT[BandKind.HIGH_PASS]) or not held.enabled:
        return []
    error_db, at_hz = apart_db([held], [replace(held, q=_FIXED_Q)])
    note = Note("approximated", None, f"{place} resonance", "by its bandwidth", f"q {held.q:.4g}", error_db, at_hz)
    return [note] if error_db > _SAID_DB else []


def _is_fixed_q(q: float) -> bool:
    return abs(q / _FIXED_Q - 1.0) <= _FIXED_SHARE + 1e-6


def _parameters(slot: int, held: Band) -> dict[int, float]:
    sharp = _FIXED if abs(held.q / _FIXED_Q - 1.0) <= _FIXED_SHARE else _RESONANT
    number = _OTHERS[held.kind] if held.kind in _OTHERS else sharp[held.kind]
    return {
        _BYPASS + slot: 0.0 if held.enabled else 1.0,
        _TYPE + slot: float(number),
        _FREQ + slot: _float32(held.freq_hz),
        _GAIN + slot: _float32(held.gain_db),
        _WIDTH + slot: _float32(q_to_bandwidth_oct(held.q)),
    }


def _idle_band(slot: int) -> dict[int, float]:
    return {_BYPASS + slot: 1.0, _TYPE + slot: 0.0, _FREQ + slot: 0.0, _GAIN + slot: 0.0, _WIDTH + slot: 0.0}


def _idle() -> dict[int, float]:
    values = {0: 0.0}
    for slot in range(_BANDS):
        values.update(_idle_band(slot))
    return dict(sorted(values.items()))


def _float32(value: float) -> float:
    single: float = struct.unpack(">f", struct.pack(">f", value))[0]
    return single


def _plist(before: Element | None, packed: bytes, name: str, number_of_bands: int) -> Element:
    """Return the property list: the one that was read with new values, or a new one."""
    root = copy.deepcopy(before) if before is not None else _new_plist()
    keys = _dictionary(root)
    lines = textwrap.wrap(base64.b64encode(packed).decode("ascii"), 68)
    keys["data"].text = "\n\t" + "\n\t".join(lines) + "\n\t"
    if "name" in keys:
        keys["name"].text = name
    keys["numberOfBands"].text = str(number_of_bands)
    return root


def _new_plist() -> Element:
    root = Element("plist", {"version": "1.0"})
    root.text = "\n"
    items = SubElement(root, "dict")
    items.text, items.tail = "\n\t", "\n"
    integers = {"ParametricType": 11, "numberOfBands": 1, "version": 0, **_CODES}
    for key in sorted([*integers, "data", "name"]):
        SubElement(items, "key").text = key
        value = SubElement(items, {"data": "data", "name": "string"}.get(key, "integer"))
        value.text = str(integers[key]) if key in integers else ""
        for element in items[-2:]:
            element.tail = "\n\t"
    items[-1].tail = "\n"
    return root


FORMAT: PresetFormat = AuNBandEq()
