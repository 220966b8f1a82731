"""REAPER's ReaEQ in an FX chain (.RfxChain): text around base64 blocks.

    BYPASS 0 0 0
    <VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "NAME" 1919247729<56535472656571726561657100000000> ""
      base64 of the header
      base64 of the state, in one line or in lines of 96 bytes
      base64 of the program: NUL, its name, NUL, 10 00 00 00
    >
    FLOATPOS 0 0 0 0 / FXID {GUID} / WAK 0 0

| part | little-endian | meaning |
| --- | --- | --- |
| header | 4 bytes, u32 | "qeer", 0xFEED5EEE |
| | u32 n, n x u64; twice | input and output pins |
| | u32, u32, u32 | length of the state, 1, 0x00100000 |
| state | i32, i32 n | 33 (version), number of bands |
| | n x 33 bytes | i32 type, i32 enabled, f64 Hz, f64 linear gain, f64 bandwidth in octaves, u8 1 (logarithmic scale) |
| | i32, i32, f64 | 1, 1, overall gain, linear: the preamp |
| | the rest | view of the window: kept |

Types: 0 low shelf, 1 high shelf, 8 band; 3..7 low and high pass, all-pass, notch, band-pass, and 2, 9: not ours, kept and said in a note.
Ranges: 20..24000 Hz, 0.01..4 octaves, up to +24 dB. Bandwidth = (2 / ln 2) asinh(1 / (2 Q)).
Source: three chunks that REAPER 6 and 7 wrote, two public writers that agree with them. Unknown: whether the bandwidth of ReaEQ's shelves
is that of the cookbook's Q (the jsfx format is exact in REAPER), its response near Nyquist, the limits of the overall gain and of the
number of bands. Files of macOS and Linux differ in the name reaeq.dll only; REAPER goes by the number. The first ReaEQ of a chain is read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db, bandwidth_oct_to_q, db_to_amplitude, q_to_bandwidth_oct
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._fields import band, settings, settled, text_of
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._places import reaper
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_PLUGIN_ID = "1919247729"
_VERSION = 33
_LINE_BYTES = 96
_MAX_LINES = 10_000
_MAX_BANDS = 256
_MAX_PINS = 256
_TYPES = {BandKind.LOW_SHELF: 0, BandKind.HIGH_SHELF: 1, BandKind.PEAK: 8}
_KINDS = {number: kind for kind, number in _TYPES.items()}
_NAMES = {2: "band (alternate)", 3: "low pass", 4: "high pass", 5: "all-pass", 6: "notch", 7: "band-pass", 9: "band (alternate)"}
_Q = (bandwidth_oct_to_q(4.0), bandwidth_oct_to_q(0.01))

_HEAD = Record("<", ("state version", "i"), ("bands", "i"))
_BAND = Record("<", ("type", "i"), ("enabled", "i"), ("freq_hz", "d"), ("gain", "d"), ("bandwidth", "d"), ("is_log", "B"))
_TAIL = Record("<", ("unknown 1", "i"), ("unknown 2", "i"), ("overall gain", "d"))
_VIEW = struct.pack("<iiii", 0, 509, 348, 2)  # what REAPER writes for a window of its usual size
_PINS = struct.pack("<IQQ", 2, 1, 2)
_PROGRAM = b"\0\0\x10\0\0\0"
_TOKEN = re.compile("\"[^\"\r\n]*\"|'[^'\r\n]*'|`[^`\r\n]*`|[^\\s\"'`]+")
_NAME_TOKEN = 4  # <VST, plug-in, file, 0, NAME


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The chain's lines before, of and after the block, and its parts. records: each filter's bytes, and the band if it is ours."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    lines: tuple[str, ...]
    header: bytes
    records: tuple[tuple[bytes, Band | None], ...]
    tail: bytes
    program: bytes


class ReaEq:
    """Reads and writes ReaEQ in an FX chain."""

    info = FormatInfo(
        id="reaeq",
        title="REAPER ReaEQ, FX chain",
        host="REAPER",
        suffixes=(".RfxChain",),
        how_to_import="REAPER: drop the file onto a track, or copy it into the folder FXChains of REAPER's resource path; "
        "it is then in the FX browser under FX Chains",
        precision_db=1e-6,
        limits=Limits(freq_hz=(20.0, 24_000.0), gain_db=(-60.0, 24.0), q=_Q, preamp_db=(-60.0, 24.0)),
        aliases=("reaper",),
        places=reaper("FXChains/semeq"),
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the name is that of an FX chain, or the first bytes hold a ReaEQ outside a project."""
        is_chain = b"<VST" in head and b"ReaEQ" in head and b"<REAPER_PROJECT" not in head
        return is_chain or filename.lower().endswith(".rfxchain")

    def write(self, preset: Preset) -> Written:
        """Return the chain; one that was read keeps its other effects, filters, pins and window."""
        chunk = preset.parts(_Chunk)
        records = _records(preset.single.bands, chunk.records if chunk is not None else ())
        tail = _tail(preset.single.preamp_db, chunk.tail if chunk is not None else None)
        state = _state(records, tail)
        if chunk is None:
            header = b"qeer" + struct.pack("<I", 0xFEED5EEE) + _PINS + _PINS + struct.pack("<III", len(state), 1, 0x00100000)
            lines = _base64_lines(header, state, _PROGRAM, "  ")
            text = _new_chain(one_line(preset.name), lines, state)
        else:
            text = _changed_chain(chunk, state, preset.name)
        return Written({"preset.RfxChain": text.encode("utf-8")})

    def read(self, files: Files) -> Preset:
        """Return the preset of the first ReaEQ; raises PresetReadError naming the line or offset that is wrong."""
        (data,) = files.values()
        lines = text_of(data).splitlines(keepends=True)
        if len(lines) > _MAX_LINES:
            raise PresetReadError(f"has more than {_MAX_LINES} lines")
        start = next((index for index, line in enumerate(lines) if _is_reaeq(line)), None)
        if start is None:
            raise PresetReadError("holds no ReaEQ (a line that starts with <VST and names ReaEQ)")
        end = next((index for index in range(start + 1, len(lines)) if lines[index].strip() == ">"), None)
        if end is None:
            raise PresetReadError("the block of ReaEQ does not end with >", where=f"line {start + 1}")
        header, state, program = _decoded(lines[start + 1 : end], start + 2)
        records, tail = _split(state)
        bands, parts, notes = [], [], []
        for number, record in enumerate(records, start=1):
            held, reason = _band(record, number)
            parts.append((record, held))
            if held is not None:
                bands.append(held)
            else:
                notes.append(Note("unknown", None, f"filter {number}", f"{reason} is not read", None))
        preamp_db = _decibels(_TAIL.unpack(tail, 0, "tail of the state"), "overall gain", "tail of the state")
        chunk = _Chunk(tuple(lines[: start + 1]), tuple(lines[end:]), tuple(lines[start + 1 : end]), header, tuple(parts), tail, program)
        name = _name(lines[start])
        return Preset(settings(bands, preamp_db), name=name, source=Source(chunk), notes=tuple(notes))


def _is_reaeq(line: str) -> bool:
    text = line.strip()
    return text.startswith("<VST ") and ("ReaEQ (Cockos)" in text or f" {_PLUGIN_ID}<" in text or f" {_PLUGIN_ID} " in text)


def _decoded(lines: list[str], first: int) -> tuple[bytes, bytes, bytes]:
    """Return header, state and program of a block's lines, each of which is base64 for itself."""
    blocks = []
    for number, line in enumerate(lines, start=first):
        try:
            blocks.append(base64.b64decode(line.strip(), validate=True))
        except (binascii.Error, ValueError) as error:
            raise PresetReadError("is not base64", where=f"line {number}") from error
    if not blocks or blocks[0][:8] != b"qeer" + struct.pack("<I", 0xFEED5EEE):
        raise PresetReadError("the block of ReaEQ does not start with its header", where=f"line {first}")
    header = blocks[0]
    at = 8
    for _ in range(2):
        pins = int.from_bytes(header[at : at + 4], "little")
        if pins > _MAX_PINS:
            raise PresetReadError(f"header has {pins} pins, the limit is {_MAX_PINS}", where=f"line {first}")
        at += 4 + 8 * pins
    if len(header) != at + 12:
        raise PresetReadError(f"header has {len(header)} bytes, expected {at + 12}", where=f"line {first}")
    size = int.from_bytes(header[at : at + 4], "little")
    state, count = b"", 1
    while len(state) < size and count < len(blocks):
        state += blocks[count]
        count += 1
    if len(state) != size:
        raise PresetReadError(f"state has {len(state)} bytes, its header says {size}", where=f"line {first + 1}")
    return header, state, b"".join(blocks[count:])


def _split(state: bytes) -> tuple[list[bytes], bytes]:
    """Return the records of the bands and the tail of a state."""
    head = _HEAD.unpack(state, 0, "state")
    if head["state version"] != _VERSION:
        raise PresetReadError(f"state has version {head['state version']}, this reads {_VERSION}", where="state offset 0x0")
    count = int(head["bands"])
    room = (len(state) - _HEAD.size - _TAIL.size) // _BAND.size
    if not 0 <= count <= min(room, _MAX_BANDS):
        raise PresetReadError(f"says {count} bands, has room for {min(max(room, 0), _MAX_BANDS)}", where="state offset 0x4")
    ends = [_HEAD.size + _BAND.size * index for index in range(count + 1)]
    return [state[start : start + _BAND.size] for start in ends[:-1]], state[ends[-1] :]


def _band(record: bytes, number: int) -> tuple[Band | None, str]:
    """Return the band of a record, or why it is none of ours."""
    where = f"filter {number}"
    values = _BAND.unpack(record, 0, where)
    kind = _KINDS.get(int(values["type"]))
    if kind is None:
        return None, _NAMES.get(int(values["type"]), f"type {values['type']}")
    width = values["bandwidth"]
    if not 0.001 <= width <= 20.0:
        raise PresetReadError(f"bandwidth {width:g} is outside 0.001..20 octaves", where=where)
    q = settled(bandwidth_oct_to_q(width), *_Q)
    enabled = values["enabled"] != 0
    return band(kind, values["freq_hz"], _decibels(values, "gain", where), q, enabled=enabled, where=where), ""


def _decibels(values: dict[str, float], name: str, where: str) -> float:
    amplitude = values[name]
    if not 1e-6 <= amplitude <= 1e6:
        raise PresetReadError(f"{name} {amplitude:g} is outside 1e-06..1e+06", where=where)
    return settled(amplitude_to_db(amplitude), -60.0, 24.0)


def _records(bands: tuple[Band, ...], before: tuple[tuple[bytes, Band | None], ...]) -> list[bytes]:
    """Return the records of all filters: foreign ones where they stood, ours in order, new ones behind the last."""
    left = list(bands)
    result = []
    for record, held in before:
        if held is None:
            result.append(record)
        elif left:
            wanted = left.pop(0)
            result.append(record if wanted == held else _record(wanted))
    return result + [_record(wanted) for wanted in left]


def _record(held: Band) -> bytes:
    return _BAND.pack(
        {
            "type": _TYPES[held.kind],
            "enabled": int(held.enabled),
            "freq_hz": held.freq_hz,
            "gain": db_to_amplitude(held.gain_db),
            "bandwidth": q_to_bandwidth_oct(held.q),
            "is_log": 1,
        }
    )


def _tail(preamp_db: float, before: bytes | None) -> bytes:
    if before is None:
        return _TAIL.pack({"unknown 1": 1, "unknown 2": 1, "overall gain": db_to_amplitude(preamp_db)}) + _VIEW
    values = _TAIL.unpack(before, 0)
    if _decibels(values, "overall gain", "") == preamp_db:
        return before
    return _TAIL.pack({**values, "overall gain": db_to_amplitude(preamp_db)}) + before[_TAIL.size :]


def _state(records: list[bytes], tail: bytes) -> bytes:
    return _HEAD.pack({"state version": _VERSION, "bands": len(records)}) + b"".join(records) + tail


def _base64_lines(header: bytes, state: bytes, program: bytes, indent: str) -> list[str]:
    parts = [state[start : start + _LINE_BYTES] for start in range(0, len(state), _LINE_BYTES)]
    return [f"{indent}{base64.b64encode(part).decode('ascii')}\n" for part in (header, *parts, program) if part]


def _new_chain(name: str, lines: list[str], state: bytes) -> str:
    digits = hashlib.sha256(state + name.encode("utf-8")).hexdigest().upper()
    guid = "-".join(digits[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))
    plugin = f'<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 {_quoted(name)} {_PLUGIN_ID}<56535472656571726561657100000000> ""'
    return "".join(["BYPASS 0 0 0\n", f"{plugin}\n", *lines, ">\n", "FLOATPOS 0 0 0 0\n", f"FXID {{{guid}}}\n", "WAK 0 0\n"])


def _changed_chain(chunk: _Chunk, state: bytes, name: str) -> str:
    lines = list(chunk.lines)
    if state != _state([record for record, _ in chunk.records], chunk.tail):
        header = chunk.header[:-12] + struct.pack("<I", len(state)) + chunk.header[-8:]
        indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        ending = lines[0][len(lines[0].rstrip()) :]
        lines = [line.rstrip("\n") + ending for line in _base64_lines(header, state, chunk.program, indent)]
    plugin = chunk.before[-1]
    if name != _name(plugin):
        tokens = list(_TOKEN.finditer(plugin))
        if len(tokens) > _NAME_TOKEN:
            plugin = plugin[: tokens[_NAME_TOKEN].start()] + _quoted(one_line(name)) + plugin[tokens[_NAME_TOKEN].end() :]
    return "".join([*chunk.before[:-1], plugin, *lines, *chunk.after])


def _name(line: str) -> str:
    """Return what the user calls the effect."""
    tokens = _TOKEN.findall(line)
    text: str = tokens[_NAME_TOKEN] if len(tokens) > _NAME_TOKEN else ""
    return text[1:-1] if text[:1] in ('"', "'", "`") else ""


def _quoted(text: str) -> str:
    """Return a text between the quotes that it does not hold, as REAPER does; backticks become apostrophes where it holds all three."""
    for mark in ('"', "'", "`"):
        if mark not in text:
            return f"{mark}{text}{mark}"
    return "`{}`".format(text.replace("`", "'"))


FORMAT: PresetFormat = ReaEq()
