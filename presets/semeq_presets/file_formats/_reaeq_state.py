"""The binary state of REAPER's ReaEQ, whatever text stands around it: header, filters, overall gain.

| part | little-endian | meaning |
| --- | --- | --- |
| header | 4 bytes, u32 | "qeer", 0xFEED5EEE, or ..5EEF |
| | u32 n, n x u64; twice | input and output pins, a mask of channels each |
| | u32, u32, u32 | length of the state, 1, 0x00100000 (0 in version 32) |
| state | i32, i32 n | version 33, or 32 of REAPER 5 and older; number of filters |
| | n x 33 bytes | i32 type, i32 enabled, f64 Hz, f64 linear gain, f64 bandwidth in octaves, u8 1 (logarithmic scale; not in version 32) |
| | i32, i32, f64 | 1, 1, overall gain, linear: the preamp |
| | the rest | view of the window: kept |
| program | the rest | NUL, its name, NUL, 10 00 00 00; nothing in version 32 |

Types: 0 low shelf, 1 high shelf, 3 low pass, 4 high pass, 5 all-pass, 6 notch, 7 band-pass, 8 band, 2 and 9 older kinds of it ("alt 2" and
"alt"; version 32 has no other), 10 parallel band-pass: not ours, kept and said in a note.
Ranges: 20..24000 Hz, 0.01..4 octaves, up to +24 dB, 1e-6 (-120 dB) for none. Bandwidth = (2 / ln 2) asinh(1 / (2 Q)).
A band below -60 dB is the notch of the same sides, a shelf below that the pass of the same slope: nobody hears the rest.
Source: chunks that REAPER 5, 6 and 7 wrote, two public writers that agree with them (github perivar/PresetConverter is one); type 10: the
public source of a REAPER extension for a Console 1.
Unknown: whether the widths of ReaEQ's shelves, passes and older bands are those of the cookbook's Q, and its response near Nyquist.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace

from semeq_export.eq.settings import MAX_FREQ_HZ, MAX_GAIN_DB, Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db, bandwidth_oct_to_q, db_to_amplitude, q_to_bandwidth_oct
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._fields import band, settled
from semeq_presets.file_formats._losses_db import RATE_HZ
from semeq_presets.file_formats.base import Note

MAGIC = b"qeer" + struct.pack("<I", 0xFEED5EEE)
_MAGICS = (MAGIC, b"qeer" + struct.pack("<I", 0xFEED5EEF))
Q = (bandwidth_oct_to_q(4.0), bandwidth_oct_to_q(0.01))
TYPES = {
    BandKind.LOW_SHELF: 0,
    BandKind.HIGH_SHELF: 1,
    BandKind.LOW_PASS: 3,
    BandKind.HIGH_PASS: 4,
    BandKind.ALL_PASS: 5,
    BandKind.NOTCH: 6,
    BandKind.BAND_PASS: 7,
    BandKind.PEAK: 8,
}
_OLDER_BANDS = {2: "band (alt 2)", 9: "band (alt)"}
_KINDS = {number: kind for kind, number in TYPES.items()} | dict.fromkeys(_OLDER_BANDS, BandKind.PEAK)
_PARALLEL = 10
_VERSIONS = (32, 33)
_MAX_BANDS = 256
_MAX_PINS = 256
_SILENT, _LOUDEST = 1e-6, 1e3

_HEAD = Record("<", ("state version", "i"), ("bands", "i"))
_FIELDS = (("type", "i"), ("enabled", "i"), ("freq_hz", "d"), ("gain", "d"), ("bandwidth", "d"))
_BANDS = {32: Record("<", *_FIELDS), 33: Record("<", *_FIELDS, ("is_log", "B"))}
_TAIL = Record("<", ("unknown 1", "i"), ("unknown 2", "i"), ("overall gain", "d"))
_VIEW = struct.pack("<iiii", 0, 509, 348, 2)  # what REAPER writes for a window of its usual size
_PINS = struct.pack("<IQQ", 2, 1, 2)
_PROGRAM = b"\0\0\x10\0\0\0"


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter's bytes, and the band if it is ours."""

    record: bytes
    held: Band | None


@dataclass(frozen=True, slots=True)
class State:
    """What a ReaEQ holds. pins: the header up to the length of the state, flags: the eight bytes behind it."""

    pins: bytes
    flags: bytes
    version: int
    filters: tuple[Filter, ...]
    tail: bytes
    program: bytes

    @property
    def preamp_db(self) -> float:
        """The overall gain."""
        return _decibels(_TAIL.unpack(self.tail, 0), "overall gain", "tail of the state")

    @property
    def bands(self) -> tuple[Band, ...]:
        """The filters that are bands of ours."""
        return tuple(each.held for each in self.filters if each.held is not None)

    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Return header, state and program."""
        records = b"".join(each.record for each in self.filters)
        body = _HEAD.pack({"state version": self.version, "bands": len(self.filters)}) + records + self.tail
        return self.pins + struct.pack("<I", len(body)) + self.flags, body, self.program

    def changed(self, bands: tuple[Band, ...], preamp_db: float) -> State:
        """Return the state with other bands: foreign filters where they stood, ours in order, new ones behind the last."""
        left, filters = list(bands), []
        for each in self.filters:
            if each.held is None:
                filters.append(each)
            elif left:
                wanted = left.pop(0)
                filters.append(each if wanted == each.held else Filter(_record(wanted, self.version, each), wanted))
        filters += [Filter(_record(wanted, self.version, None), wanted) for wanted in left]
        return replace(self, filters=tuple(filters), tail=self._tail(preamp_db))

    def notes(self) -> tuple[Note, ...]:
        """Return what is not read, or read as something else."""
        found = [note for number, each in enumerate(self.filters, start=1) for note in _notes(each, self.version, number)]
        older = {int.from_bytes(each.record[:4], "little") for each in self.filters if each.held is not None} & set(_OLDER_BANDS)
        if older and self.version == 33:
            names = " and ".join(_OLDER_BANDS[number] for number in sorted(older))
            found.append(Note("approximated", None, "filters", f"of the kind {names}", "read as bands of today's kind"))
        identity = [struct.pack("<Q", 1 << index) for index in range(64)]
        if any(pin != wanted for pins in _pin_masks(self.pins) for pin, wanted in zip(pins, identity, strict=False)):
            found.append(Note("unknown", None, "pins", "the effect is not routed straight through, which is not read", None))
        return tuple(found)

    def _tail(self, preamp_db: float) -> bytes:
        if self.preamp_db == preamp_db:
            return self.tail
        values = _TAIL.unpack(self.tail, 0)
        return _TAIL.pack({**values, "overall gain": db_to_amplitude(preamp_db)}) + self.tail[_TAIL.size :]


EMPTY = State(
    MAGIC + _PINS + _PINS,
    struct.pack("<II", 1, 0x00100000),
    33,
    (),
    _TAIL.pack({"unknown 1": 1, "unknown 2": 1, "overall gain": 1.0}) + _VIEW,
    _PROGRAM,
)


def read_state(data: bytes, where: str) -> State:
    """Return what a ReaEQ holds; raises PresetReadError naming the offset that is wrong. where: of its text, for the header."""
    if not data.startswith(_MAGICS):
        raise PresetReadError("the block of ReaEQ does not start with its header", where=where)
    at = len(MAGIC)
    for _ in range(2):
        pins = int.from_bytes(data[at : at + 4], "little")
        if pins > _MAX_PINS:
            raise PresetReadError(f"header has {pins} pins, the limit is {_MAX_PINS}", where=where)
        at += 4 + 8 * pins
    size = int.from_bytes(data[at : at + 4], "little")
    if len(data) - at - 12 < size:
        raise PresetReadError(f"state has {max(len(data) - at - 12, 0)} bytes, its header says {size}", where=where)
    body = data[at + 12 : at + 12 + size]
    head = _HEAD.unpack(body, 0, "state")
    version = int(head["state version"])
    if version not in _VERSIONS:
        raise PresetReadError(f"state has version {version}, this reads 32 and 33", where="state offset 0x0")
    room = (len(body) - _HEAD.size - _TAIL.size) // _BANDS[version].size
    count = int(head["bands"])
    if not 0 <= count <= min(room, _MAX_BANDS):
        raise PresetReadError(f"says {count} bands, has room for {min(max(room, 0), _MAX_BANDS)}", where="state offset 0x4")
    ends = [_HEAD.size + _BANDS[version].size * index for index in range(count + 1)]
    records = [body[start : start + _BANDS[version].size] for start in ends[:-1]]
    filters = tuple(Filter(record, _band(record, version, f"filter {number}")) for number, record in enumerate(records, start=1))
    state = State(data[:at], data[at + 4 : at + 12], version, filters, body[ends[-1] :], data[at + 12 + size :])
    _decibels(_TAIL.unpack(state.tail, 0, "tail of the state"), "overall gain", "tail of the state")
    return state


def _pin_masks(header: bytes) -> list[list[bytes]]:
    at, masks = len(MAGIC), []
    for _ in range(2):
        count = int.from_bytes(header[at : at + 4], "little")
        masks.append([header[at + 4 + 8 * index : at + 12 + 8 * index] for index in range(count)])
        at += 4 + 8 * count
    return masks


def _band(record: bytes, version: int, where: str) -> Band | None:
    """Return the band of a record, None where it is none of ours."""
    values = _BANDS[version].unpack(record, 0, where)
    kind = _KINDS.get(int(values["type"]))
    if kind is None:
        return None
    width = values["bandwidth"]
    if not 0.001 <= width <= 20.0:
        raise PresetReadError(f"bandwidth {width:g} is outside 0.001..20 octaves", where=where)
    gain_db = _decibels(values, "gain", where, _LOUDEST)
    held = band(kind, values["freq_hz"], 0.0, settled(bandwidth_oct_to_q(width), *Q), enabled=values["enabled"] != 0, where=where)
    return replace(held, gain_db=gain_db) if gain_db >= -MAX_GAIN_DB and held.has_gain else _deep(held, gain_db)


def _deep(held: Band, gain_db: float) -> Band:
    """Return the filter that a band of less than -60 dB is, but for what nobody hears; other kinds as they are.

    From the cookbook's prototypes with A = 10^(g/40): the peak (s^2 + s A/Q + 1) / (s^2 + s/(A Q) + 1) becomes a notch of Q times A, and
    a low shelf turns at sqrt(1/A) times its frequency into a high pass of its Q, a high shelf at sqrt(A) times it into a low pass.
    """
    if gain_db >= -MAX_GAIN_DB or not held.has_gain:
        return held
    a = 10.0 ** (gain_db / 40.0)
    if held.kind is BandKind.PEAK:
        return replace(held, kind=BandKind.NOTCH, q=max(held.q * a, 1e-6))
    warped = math.tan(math.pi * min(held.freq_hz, 0.49 * RATE_HZ) / RATE_HZ)
    is_low = held.kind is BandKind.LOW_SHELF
    corner_hz = RATE_HZ / math.pi * math.atan(warped * a ** (-0.5 if is_low else 0.5))
    return replace(held, kind=BandKind.HIGH_PASS if is_low else BandKind.LOW_PASS, freq_hz=min(corner_hz, MAX_FREQ_HZ))


def _notes(each: Filter, version: int, number: int) -> list[Note]:
    values = _BANDS[version].unpack(each.record, 0)
    kind, gain_db = int(values["type"]), _decibels(values, "gain", f"filter {number}", _LOUDEST)
    place = f"filter {number}"
    if each.held is not None:
        if kind == TYPES[BandKind.BAND_PASS] and each.held.enabled and gain_db != 0.0:
            return [Note("approximated", None, f"{place} gain of a band pass", f"{gain_db:.3g} dB", "taken for unused", abs(gain_db))]
        return []
    if values["enabled"] == 0:
        return []
    if kind == _PARALLEL:
        what = f"parallel band pass at {values['freq_hz']:g} Hz is not read"
        return [Note("unknown", None, place, what, None, amplitude_to_db(1.0 + max(values["gain"], 0.0)), values["freq_hz"])]
    return [Note("unknown", None, place, f"type {kind} is not read", None)]


def _decibels(values: dict[str, float], name: str, where: str, loudest: float = 1e6) -> float:
    amplitude = values[name]
    if not 0.0 <= amplitude <= loudest:
        raise PresetReadError(f"{name} {amplitude:g} is outside 0..{loudest:g}", where=where)
    if amplitude < _SILENT:
        return -120.0
    return settled(amplitude_to_db(amplitude), -120.0, 24.0)


def _record(held: Band, version: int, before: Filter | None) -> bytes:
    """Return the bytes of a band; one in the place of an older kind of band stays of that kind."""
    kind = TYPES[held.kind]
    was = int.from_bytes(before.record[:4], "little") if before is not None else kind
    return _BANDS[version].pack(
        {
            "type": was if was in _OLDER_BANDS and held.kind is BandKind.PEAK else kind,
            "enabled": int(held.enabled),
            "freq_hz": held.freq_hz,
            "gain": db_to_amplitude(held.gain_db),
            "bandwidth": q_to_bandwidth_oct(held.q),
            "is_log": 1,
        }
    )
