"""Preset of this project's own VST3 plug-in (.vstpreset): its state in the chunk Comp.

Class ids, parameters and sizes stand in semeq_vst3.json beside this module; a test (tests/cpp) holds the C++ plug-in's table to it. The
state goes by the names of words, never by their index, so that it survives a bundle with other words. Little-endian:

| offset | type | meaning |
| --- | --- | --- |
| 0 | 4 bytes | "SEMQ" |
| 4 | u16, u16 | version: another major one is refused, a newer minor one is read and what it adds is kept |
| 8 | u32 | size of the state, checksum included |
| 12 | u32 | flags: 1 listen, 2 use_bands, 4 bypass, since 1.1: 8 keep_meaning is off, 16 the bundle is named |
| 16 | 5 x f64 | morph 0..1, intensity -3..3, mix 0..1, output_gain_db -24..24, preamp_db -120..120 |
| 56 | 4 x u16 | n bands, m bands of the reference, a and b bytes of the two words |
| 64 | n x 32 bytes | u8 kind (0 low shelf, 1 peak, 2 high shelf), u8 enabled, u16 0, u32 0, f64 freq_hz, f64 gain_db, f64 q |
| | m x f32 | learned reference: level-free third-octave spectrum in dB, lowest band first; -1000 for a band that was not heard |
| | a, b bytes | word, second word, UTF-8; an empty word is none |
| | 32 bytes | with flag 16: identity (SHA-256) of the bundle in which the words meant the bands |
| | | what later minor versions add |
| size - 4 | u32 | CRC-32 (that of zlib) of everything before |

With use_bands the plug-in plays the bands and the preamp as they are, and word, morph and intensity have no effect: so any EQ is a preset.
Without it the words count, and the bands are what they meant when the preset was made. A plug-in with another bundle, or without these
words, plays the bands until another word or morph is chosen, or keep_meaning is turned off.
The plug-in (semeq_export/cpp/examples/vst3) loads such files in Pedalboard and is measured there: tests/cpp/test_vst3.py.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files as package_files
from typing import Any

import numpy as np

from semeq_export.eq.settings import MAX_FREQ_HZ, MAX_GAIN_DB, MAX_Q, MIN_FREQ_HZ, MIN_Q, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.words.target import MAX_INTENSITY, SemanticTarget
from semeq_presets.file_formats import _vstpreset
from semeq_presets.file_formats._binary import Record
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._places import vst3
from semeq_presets.file_formats._vstpreset import Container
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

_MAGIC = b"SEMQ"
_LISTEN, _USE_BANDS, _BYPASS, _FOLLOW, _HAS_BUNDLE = 1, 2, 4, 8, 16
_IDENTITY_BYTES = 32
_MAX_BANDS = 64
_KINDS = (BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF)
_CRC_BYTES = 4
_HEAD = Record(
    "<",
    ("major", "H"),
    ("minor", "H"),
    ("size", "I"),
    ("flags", "I"),
    ("morph", "d"),
    ("intensity", "d"),
    ("mix", "d"),
    ("output_gain_db", "d"),
    ("preamp_db", "d"),
    ("bands", "H"),
    ("reference bands", "H"),
    ("word bytes", "H"),
    ("second word bytes", "H"),
)
_BAND = Record("<", ("kind", "B"), ("enabled", "B"), ("zero 1", "H"), ("zero 2", "I"), ("freq_hz", "d"), ("gain_db", "d"), ("q", "d"))
_MAX_OUTPUT_GAIN_DB = 24.0
_RANGES = ("morph", "intensity", "mix", "output_gain_db")


@dataclass(frozen=True, slots=True)
class PluginState:
    """What the plug-in keeps.

    eq, use_bands, keep_meaning: see above. bundle: identity of the bundle in which the words meant eq, in hexadecimal; "" where it is not
    known. reference_db: learned spectrum, lowest band first. later: what a newer minor version added.
    Raises PresetWriteError for a value outside the range in semeq_vst3.json.
    """

    eq: EqSettings
    word: str = ""
    second_word: str = ""
    morph: float = 0.0
    intensity: float = 1.0
    listen: bool = False
    mix: float = 1.0
    output_gain_db: float = 0.0
    use_bands: bool = True
    bypass: bool = False
    keep_meaning: bool = True
    bundle: str = ""
    reference_db: tuple[float, ...] = ()
    later: bytes = b""
    minor: int = 0

    def __post_init__(self) -> None:
        for parameter in plugin()["parameters"]:
            if parameter["key"] in _RANGES:
                value = getattr(self, parameter["key"])
                if not parameter["minimum"] <= value <= parameter["maximum"]:  # false for NaN too
                    raise PresetWriteError(f"{parameter['key']} {value} is outside {parameter['minimum']:g}..{parameter['maximum']:g}")
        for word in (self.word, self.second_word):
            if len(word.encode("utf-8", "replace")) > plugin()["max_word_bytes"]:
                raise PresetWriteError(f"word {word[:20]!r}... is longer than {plugin()['max_word_bytes']} bytes")
        for name, count, most in (
            ("bands", len(self.eq.bands), plugin()["max_bands"]),
            ("reference bands", len(self.reference_db), plugin()["max_reference_bands"]),
        ):
            if count > most:
                raise PresetWriteError(f"{count} {name}, the limit is {most}")
        if not re.fullmatch(r"([0-9a-f]{64})?", self.bundle):
            raise PresetWriteError(f"bundle {self.bundle[:20]!r} is no SHA-256")


@dataclass(frozen=True, slots=True)
class PluginParts:
    """What a preset of the plug-in is made of.

    chunks: of the file. words: those that the state cannot hold, "" where it holds them all. shown: the EQ
    of the preset that was made with the state, where that is not what the plug-in plays.
    """

    state: PluginState
    chunks: Mapping[bytes, bytes] = field(default_factory=lambda: {b"Cont": b""})
    words: str = ""
    shown: EqSettings | None = None


@cache
def plugin() -> Mapping[str, Any]:  # Any: the values of semeq_vst3.json are texts, numbers and lists
    """Return class ids, parameters and sizes of the plug-in."""
    text = package_files("semeq_presets.file_formats").joinpath("semeq_vst3.json").read_text(encoding="utf-8")
    loaded: Mapping[str, Any] = json.loads(text)
    return loaded


def for_words(
    eq: EqSettings,
    target: SemanticTarget,
    *,
    played: EqSettings | None = None,
    name: str = "",
    sample_rate_hz: float = 48_000.0,
    bundle: str = "",
) -> Preset:
    """Return a preset that sets the plug-in's words; eq is what they mean now, in bands for readers.

    played: the bands that the plug-in makes of the words, eq where left out; a plug-in whose bundle is not of the identity `bundle` plays
    them. The plug-in holds one word, or two with weights of one sign, and an intensity within -3..3. With other targets it plays the
    bands, and writing says so in a note. In every other format the preset is the EQ alone.
    """
    words = [word for word in target.weights if len(word.encode("utf-8", "replace")) <= plugin()["max_word_bytes"]]
    weights = np.array(list(target.weights.values()))
    intensity = float(weights.sum()) * target.intensity
    has_one_sign = bool((weights > 0).all() or (weights < 0).all())
    if len(words) == len(weights) <= 2 and has_one_sign and abs(intensity) <= MAX_INTENSITY:
        morph = float(weights[1] / weights.sum()) if len(words) == 2 else 0.0
        held = eq if played is None else played
        parts = PluginParts(PluginState(held, words[0], "".join(words[1:]), morph, intensity, use_bands=False, bundle=bundle), shown=eq)
    else:
        parts = PluginParts(PluginState(eq), words=str(target))
    return Preset(eq, name=name, sample_rate_hz=sample_rate_hz, source=Source(parts), format=SemeqVst3.info.id)


def state_of(preset: Preset) -> PluginState | None:
    """Return the plug-in's state that a preset was read from or made with, None where it comes from elsewhere."""
    parts = preset.parts(PluginParts)
    return parts.state if parts is not None else None


def pack_state(state: PluginState) -> bytes:
    """Return the bytes of a state; raises PresetWriteError for a word that is no Unicode."""
    try:
        words = [word.encode("utf-8") for word in (state.word, state.second_word)]
    except UnicodeEncodeError as error:
        raise PresetWriteError("a word holds a lone surrogate") from error
    body = b"".join(_packed_band(held) for held in state.eq.bands)
    body += struct.pack(f"<{len(state.reference_db)}f", *state.reference_db) + b"".join(words) + bytes.fromhex(state.bundle) + state.later
    flags = _LISTEN * state.listen | _USE_BANDS * state.use_bands | _BYPASS * state.bypass
    flags |= _FOLLOW * (not state.keep_meaning) | _HAS_BUNDLE * bool(state.bundle)
    head = {
        "major": plugin()["state_version"]["major"],
        "minor": max(state.minor, plugin()["state_version"]["minor"] if flags >= _FOLLOW else 0),
        "size": len(_MAGIC) + _HEAD.size + len(body) + _CRC_BYTES,
        "flags": flags,
        "preamp_db": state.eq.preamp_db,
        "bands": len(state.eq.bands),
        "reference bands": len(state.reference_db),
        "word bytes": len(words[0]),
        "second word bytes": len(words[1]),
        **{name: getattr(state, name) for name in _RANGES},
    }
    data = _MAGIC + _HEAD.pack(head) + body
    return data + struct.pack("<I", zlib.crc32(data))


def unpack_state(data: bytes) -> PluginState:
    """Return the state of its bytes; raises PresetReadError naming the offset or field that is wrong."""
    where = "state"
    if not data.startswith(_MAGIC):
        raise PresetReadError("does not start with SEMQ", where=f"{where} offset 0x0")
    head = _HEAD.unpack(data, len(_MAGIC), where)
    version = plugin()["state_version"]
    if head["major"] != version["major"]:
        raise PresetReadError(f"made by another version ({head['major']}.{head['minor']}), this reads {version['major']}.x", where=where)
    if head["size"] != len(data):
        raise PresetReadError(f"says {head['size']} bytes, has {len(data)}", where=f"{where} offset 0x8")
    if struct.pack("<I", zlib.crc32(data[:-_CRC_BYTES])) != data[-_CRC_BYTES:]:
        raise PresetReadError("checksum is wrong: the state is damaged", where=f"{where} offset {len(data) - _CRC_BYTES:#x}")
    counts = [int(head[name]) for name in ("bands", "reference bands", "word bytes", "second word bytes")]
    counts.append(_IDENTITY_BYTES if int(head["flags"]) & _HAS_BUNDLE else 0)
    ends = [len(_MAGIC) + _HEAD.size]
    for count, size in zip(counts, (_BAND.size, 4, 1, 1, 1), strict=True):
        ends.append(ends[-1] + count * size)
    if ends[-1] > len(data) - _CRC_BYTES:
        raise PresetReadError(f"{counts[0]} bands, {counts[1]} reference bands and words do not fit in {len(data)} bytes", where=where)
    flags = int(head["flags"])
    bands = [_unpacked_band(data, ends[0] + index * _BAND.size, index) for index in range(counts[0])]
    reference_db = struct.unpack_from(f"<{counts[1]}f", data, ends[1])
    if not all(abs(value) <= 1_000.0 for value in reference_db):  # false for NaN too
        raise PresetReadError("reference holds a level outside -1000..1000 dB", where=f"{where} offset {ends[1]:#x}")
    try:
        return PluginState(
            settings(bands, head["preamp_db"], where),
            word=data[ends[2] : ends[3]].decode("utf-8"),
            second_word=data[ends[3] : ends[4]].decode("utf-8"),
            morph=head["morph"],
            intensity=head["intensity"],
            listen=bool(flags & _LISTEN),
            mix=head["mix"],
            output_gain_db=head["output_gain_db"],
            use_bands=bool(flags & _USE_BANDS),
            bypass=bool(flags & _BYPASS),
            keep_meaning=not flags & _FOLLOW,
            bundle=data[ends[4] : ends[5]].hex(),
            reference_db=reference_db,
            later=data[ends[-1] : -_CRC_BYTES],
            minor=int(head["minor"]),
        )
    except UnicodeDecodeError as error:
        raise PresetReadError("a word is not UTF-8", where=where) from error
    except PresetWriteError as error:  # a value outside its range
        raise PresetReadError(str(error), where=where) from error


def _packed_band(held: Band) -> bytes:
    fields = {"kind": _KINDS.index(held.kind), "enabled": int(held.enabled), "zero 1": 0, "zero 2": 0}
    return _BAND.pack({**fields, "freq_hz": held.freq_hz, "gain_db": held.gain_db, "q": held.q})


def _unpacked_band(data: bytes, offset: int, index: int) -> Band:
    fields = _BAND.unpack(data, offset, "state")
    where = f"state band {index + 1}"
    if fields["kind"] >= len(_KINDS) or fields["enabled"] > 1:
        raise PresetReadError(f"kind {fields['kind']} or switch {fields['enabled']} is not known", where=where)
    kind = _KINDS[int(fields["kind"])]
    return band(kind, fields["freq_hz"], fields["gain_db"], fields["q"], enabled=fields["enabled"] == 1, where=where)


class SemeqVst3:
    """Reads and writes presets of the plug-in."""

    info = FormatInfo(
        id="semeq-vst3",
        title="semeq plug-in preset (VST3)",
        host="the semeq VST3 in any host",
        suffixes=(".vstpreset", ".semeq.vstpreset"),
        how_to_import="load it in the host's preset menu for the plug-in, or copy it into the folder for VST3 presets "
        "(Windows: Documents/VST3 Presets/semeq/semeq, macOS: ~/Library/Audio/Presets/semeq/semeq, Linux: ~/.vst3/presets/semeq/semeq)",
        precision_db=1e-9,
        verified="this version of semeq: its VST3 in Pedalboard",
        limits=Limits(
            max_bands=_MAX_BANDS,
            freq_hz=(MIN_FREQ_HZ, MAX_FREQ_HZ),
            gain_db=(-MAX_GAIN_DB, MAX_GAIN_DB),
            q=(MIN_Q, MAX_Q),
            preamp_db=(-96.0, 96.0),
        ),
        is_text=False,
        places=vst3("semeq", "semeq"),
        measured_in=(MeasuringHost("vst3", "own preset"),),
        remark="words by name, and any EQ as bands",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a preset of the plug-in."""
        return _vstpreset.is_of(head, plugin()["processor_class_id"])

    def write(self, preset: Preset) -> Written:
        """Return the file; a state that was read keeps everything but its EQ, and plays the words no more once the bands change."""
        parts = preset.parts(PluginParts) or PluginParts(PluginState(preset.single))
        state = parts.state
        if preset.single != (parts.shown or _heard(state)):
            state = _changed(state, preset.single, parts.shown or state.eq)
        lost = Note("approximated", None, "words", parts.words, "bands: the plug-in holds a word or a morph of two")
        notes = (lost,) if parts.words else ()
        about = plugin()
        info = _vstpreset.meta_info(about["plugin"], about["vendor"], about["category"], preset.name)
        others = {name: chunk for name, chunk in parts.chunks.items() if name != b"Comp"}
        chunks = {b"Comp": pack_state(state), **others, b"Info": info}
        return Written({"preset.vstpreset": _vstpreset.pack(Container(about["processor_class_id"], chunks))}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the offset that is wrong."""
        (data,) = files.values()
        container = _vstpreset.unpack(data)
        if container.class_id != plugin()["processor_class_id"]:
            raise PresetReadError(
                f"is a preset of the plug-in {container.class_id}, expected {plugin()['processor_class_id']}", where="offset 0x8"
            )
        state = unpack_state(_vstpreset.chunk(container, b"Comp"))
        notes = []
        if not state.use_bands:
            notes.append(Note("approximated", None, "word", state.word or "none", "the bands stored beside it"))
        if state.bypass:
            notes.append(Note("unknown", None, "bypass", "on is not read", None))
        if state.mix != 1.0:
            notes.append(Note("unknown", None, "mix", f"{state.mix:g} is not read", None))
        source = Source(PluginParts(state, dict(container.chunks)))
        return Preset(_heard(state), name=_vstpreset.preset_name(container), source=source, notes=tuple(notes))


def _changed(state: PluginState, eq: EqSettings, made: EqSettings) -> PluginState:
    """Return the state with another EQ: another level alone goes to the output gain while words play, since they have no preamp."""
    gain_db = eq.preamp_db - made.preamp_db
    if not state.use_bands and eq.bands == made.bands and abs(gain_db) <= _MAX_OUTPUT_GAIN_DB:
        return replace(state, output_gain_db=gain_db)
    return replace(state, eq=EqSettings(eq.bands, eq.preamp_db - state.output_gain_db), use_bands=True)


def _heard(state: PluginState) -> EqSettings:
    """Return the EQ of a state with the output gain in its preamp."""
    return settings(list(state.eq.bands), state.eq.preamp_db + state.output_gain_db, "state")


FORMAT: PresetFormat = SemeqVst3()
