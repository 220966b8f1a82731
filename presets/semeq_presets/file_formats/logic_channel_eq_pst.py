"""Logic's Channel EQ (.pst). Little-endian: u32 size, u32 1, u32 n, "GAMETSPP", u32 236 (the plug-in), n float32, some bytes more.

| float | meaning | written |
| --- | --- | --- |
| 0 | not known | 0 |
| 1 + 4 b | band b = 0..7 is on: low cut, low shelf, four peaks, high shelf, high cut | |
| 2 + 4 b | Hz, 20..20000 | |
| 3 + 4 b | dB, -24..24; of the cuts the slope: 1 6 dB/oct, 2 12, 3 18, 4 24 | |
| 4 + 4 b | Q, 0.1..100, of shelves 0.1..2 | |
| 33 | master gain in dB: the preamp | |
| 42 | Gain-Q coupling: 1 lets Logic change Q with the gain by a rule of its own | 0 |
| 34..51 | analyser, display, processing | as Logic has them |

52 floats and 8 bytes in all, 240 with the header. Both ways to cut the bytes into bands (Q first, or on first) fit the numbers of a real
file; only "on first" gives its first float and its last Q a place, and names of Logic's own controls were matched to it one by one.
Slopes: 4 is Logic's default, 24 dB/oct; that 1 to 4 count steps of 6 dB is inferred, so a note says how far the next table, which counts
from 0, would be. 5 is 36, and 6 or 8 are 36 or 48; a cut of any other slope keeps its place and is said in a note. Logic was not run.
Source: github phierceweb/logicxkit (params-236.json: names matched to Logic 12's values), audiohacking/daw2logic, heymadsen/mixfriend.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from semeq_export.eq.settings import Band, BandKind, BandSlot, ParamSpec
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._fields import band, settings, settled
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Place, Preset, PresetFormat, Source, Written

_MAGIC, _MAGIC_AT = b"GAMETSPP", 12
_TYPE, _FLOATS, _MAX_FLOATS = 236, 52, 1_024
_HEADER_BYTES = 24
_MASTER, _COUPLING = 33, 42
_KINDS = (BandKind.HIGH_PASS, BandKind.LOW_SHELF, *[BandKind.PEAK] * 4, BandKind.HIGH_SHELF, BandKind.LOW_PASS)
_CUTS = (0, 7)
_IDLE_HZ = (20.0, 80.0, 200.0, 500.0, 1_200.0, 3_500.0, 10_000.0, 20_000.0)
_FREQ_HZ, _GAIN_DB, _Q, _SHELF_Q = (20.0, 20_000.0), (-24.0, 24.0), (0.1, 100.0), (0.1, 2.0)
_ORDERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 6, 8: 8}
_OTHER_ORDERS = {1: 2, 2: 3, 3: 4, 4: 6, 5: 8, 6: 8, 8: 6}
_DISPLAY = (0.0, 12.2, 0.0, 0.0, 0.0, 2.0, 0.0, 10.0, 0.0, -0.5, 0.0, 1.0, 0.0, 1.0, 60.0, 0.0, 60.0, 1.0)
_TRAILER = b"x8PL\x08\0\0\0"

_HEADER = Record("<", ("size", "I"), ("version", "I"), ("floats", "I"))
_BAND = Record("<", ("on", "f"), ("freq_hz", "f"), ("gain", "f"), ("q", "f"))
_NUMBER = Record("<", ("number", "f"))


def _place(index: int) -> int:
    return _HEADER_BYTES + 4 * (1 + 4 * index)


def _idle(index: int) -> bytes:
    gain = 4.0 if index in _CUTS else 0.0
    return _BAND.pack({"on": 0.0, "freq_hz": _IDLE_HZ[index], "gain": gain, "q": 0.71})


def _empty() -> bytes:
    size = _HEADER_BYTES + 4 * _FLOATS + len(_TRAILER)
    bands = b"".join(_idle(index) for index in range(len(_KINDS)))
    numbers = struct.pack(f"<{1 + len(_DISPLAY)}f", 0.0, *_DISPLAY)
    return struct.pack("<III8sIf", size, 1, _FLOATS, _MAGIC, _TYPE, 0.0) + bands + numbers + _TRAILER


def _slot(index: int) -> BandSlot:
    q = _Q if _KINDS[index] is BandKind.PEAK else _SHELF_Q
    return BandSlot(
        _KINDS[index],
        ParamSpec("gain_db", "dB", *_GAIN_DB, "linear", 0.0),
        ParamSpec("freq_hz", "Hz", *_FREQ_HZ, "log", _IDLE_HZ[index]),
        ParamSpec("q", "q", *q, "log", 0.71),
    )


_SLOTS: Mapping[int, BandSlot] = {index: _slot(index) for index in range(len(_KINDS)) if index not in _CUTS}


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it was read: the slot of each band, and the cuts whose slope is not known."""

    data: bytes
    of_bands: tuple[int, ...] = ()
    foreign: frozenset[int] = frozenset()


class ChannelEq:
    """Reads and writes presets of Logic's Channel EQ."""

    info = FormatInfo(
        id="logic-channel-eq",
        title="Logic Pro Channel EQ preset",
        host="Logic Pro",
        suffixes=(".pst",),
        how_to_import="copy it into Music/Audio Music Apps/Plug-In Settings/Channel EQ; it is then in the menu of the plug-in's settings",
        precision_db=1e-3,
        limits=Limits(
            slots=tuple(_SLOTS.values()),
            kinds=frozenset(_KINDS),
            orders=dict.fromkeys((BandKind.HIGH_PASS, BandKind.LOW_PASS), frozenset({1, 2, 3, 4})),
            most={BandKind.HIGH_PASS: 1, BandKind.LOW_PASS: 1},
            freq_hz=_FREQ_HZ,
            gain_db=_GAIN_DB,
            q=_Q,
            preamp_db=_GAIN_DB,
        ),
        is_text=False,
        aliases=("logic",),
        places={"darwin": Place(("{home}/Music/Audio Music Apps/Plug-In Settings",), "Channel EQ/semeq")},
        remark="with a low cut and a high cut of 6 to 24 dB/oct; Gain-Q coupling is written as off",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are those of Logic's own plug-ins, and of this one."""
        return head[_MAGIC_AT:_HEADER_BYTES] == _MAGIC + struct.pack("<I", _TYPE)

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps its other numbers, and cuts whose slope is not known."""
        kept = preset.unchanged()
        if kept is not None:
            return Written({"preset.pst": kept})
        file = preset.parts(_File) or _File(_empty())
        data = bytearray(file.data)
        slots = _placed(preset.single.bands, file)
        for index in set(file.of_bands) - set(slots):
            data[_place(index) : _place(index) + _BAND.size] = _idle(index)
        for index, held in zip(slots, preset.single.bands, strict=True):
            if index not in file.of_bands or _band(_BAND.unpack(file.data, _place(index)), index) != held:
                data[_place(index) : _place(index) + _BAND.size] = _record(held)
        if _preamp_db(file.data) != preset.single.preamp_db:
            at = _HEADER_BYTES + 4 * _MASTER
            data[at : at + 4] = _NUMBER.pack({"number": preset.single.preamp_db})
        return Written({"preset.pst": bytes(data)})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the offset or band that is wrong."""
        (data,) = files.values()
        if data[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] != _MAGIC:
            raise PresetReadError("is no preset of a plug-in of Logic's own: it does not say GAMETSPP", where="offset 0xc")
        kind = int.from_bytes(data[20:24], "little")
        if kind != _TYPE:
            raise PresetReadError(f"is a preset of Logic's plug-in {kind}, expected {_TYPE}, the Channel EQ", where="offset 0x14")
        count = int(_HEADER.unpack(data, 0)["floats"])
        room = (len(data) - _HEADER_BYTES) // 4
        if not _COUPLING < count <= min(room, _MAX_FLOATS):
            raise PresetReadError(f"says {count} numbers, expected {_COUPLING + 1}..{min(room, _MAX_FLOATS)}", where="offset 0x8")
        bands, of_bands, foreign, notes = [], [], set(), []
        for index in range(len(_KINDS)):
            values = _BAND.unpack(data, _place(index))
            held = _band(values, index)
            if held is None and values["on"]:
                foreign.add(index)
                notes.append(_unknown_slope(values, index))
            if held is not None and _is_used(values, index):
                bands.append(held)
                of_bands.append(index)
                notes += _slope_notes(values, held, index)
        if any(held.is_active and held.kind is BandKind.PEAK for held in bands) and _number(data, _COUPLING):
            notes.append(Note("approximated", None, "q", "with Gain-Q coupling, by a rule of Logic's own", "read as it is stored"))
        eq = settings(bands, _preamp_db(data), "offset 0x9c")
        return Preset(
            eq, source=Source(_File(data, tuple(of_bands), frozenset(foreign)), data, eq, None, is_whole=True), notes=tuple(notes)
        )


def _number(data: bytes, index: int) -> float:
    return _NUMBER.unpack(data, _HEADER_BYTES + 4 * index)["number"]


def _preamp_db(data: bytes) -> float:
    return settled(_number(data, _MASTER), *_GAIN_DB)


def _is_used(values: Mapping[str, float], index: int) -> bool:
    """Whether a band is on, or says more than one that nobody has touched."""
    return values["on"] != 0.0 or (values["freq_hz"] != _IDLE_HZ[index] if index in _CUTS else values["gain"] != 0.0)


def _band(values: Mapping[str, float], index: int) -> Band | None:
    """Return the band of a slot, None for a cut whose slope is not known."""
    kind, where = _KINDS[index], f"band {index + 1} of the file"
    freq_hz, q = settled(values["freq_hz"], *_FREQ_HZ), settled(values["q"], *(_SHELF_Q if kind is not BandKind.PEAK else _Q))
    enabled = values["on"] != 0.0
    if index not in _CUTS:
        return band(kind, freq_hz, settled(values["gain"], *_GAIN_DB), q, enabled=enabled, where=where)
    order = _ORDERS.get(int(values["gain"])) if values["gain"] == int(values["gain"]) else None
    return None if order is None else replace(band(kind, freq_hz, 0.0, q, enabled=enabled, where=where), order=order)


def _slope_notes(values: Mapping[str, float], held: Band, index: int) -> list[Note]:
    if index not in _CUTS or not held.enabled:
        return []
    other = replace(held, order=_OTHER_ORDERS[int(values["gain"])])
    error_db, at_hz = apart_db([held], [other])
    what = f"{6 * held.order} dB/oct, not measured; it may be {6 * other.order}"
    return [Note("approximated", None, f"band {index + 1} of the file: slope", f"{values['gain']:g}", what, error_db, at_hz)]


def _unknown_slope(values: Mapping[str, float], index: int) -> Note:
    """Return a note on a cut that is not read, as large as one of Logic's usual slope would be."""
    where = f"band {index + 1} of the file"
    usual = replace(band(_KINDS[index], values["freq_hz"], 0.0, 0.71, where=where), order=4)
    what = f"a cut at {values['freq_hz']:g} Hz of a slope that is not known ({values['gain']:g}) is not read"
    return Note("unknown", None, where, what, None, *apart_db([usual], ()))


def _record(held: Band) -> bytes:
    gain = float(held.order) if not held.has_gain else held.gain_db
    return _BAND.pack({"on": float(held.enabled), "freq_hz": held.freq_hz, "gain": gain, "q": held.q})


def _placed(bands: Sequence[Band], file: _File) -> tuple[int, ...]:
    """Return a slot for each band: those of the file where their kinds fit, else peaks in the order of their frequencies."""
    if len(bands) <= len(file.of_bands) and all(_KINDS[index] is held.kind for index, held in zip(file.of_bands, bands, strict=False)):
        return file.of_bands[: len(bands)]
    order = sorted(range(len(bands)), key=lambda number: bands[number].freq_hz)
    free = [index for index in range(len(_KINDS)) if index not in file.foreign]
    found: dict[int, int] = {}
    for number in order:
        index = next((index for index in free if _KINDS[index] is bands[number].kind), None)
        if index is None:
            taken = f"; {len(file.foreign)} of the file are of unknown slope" if file.foreign else ""
            raise PresetWriteError(f"logic-channel-eq: no slot is left for {bands[number]}{taken}")
        free.remove(index)
        found[number] = index
    return tuple(found[number] for number in range(len(bands)))


FORMAT: PresetFormat = ChannelEq()
