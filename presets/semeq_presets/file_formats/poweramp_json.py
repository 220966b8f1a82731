"""Parametric preset of Poweramp and Poweramp Equalizer (JSON, Android): a list of presets.

    [{"name": "Warm", "preamp": -3.0, "parametric": true, "bands": [
        {"type": 3, "channels": 0, "frequency": 1604, "q": 1.23, "gain": -2.7, "color": -15623885}, ...]}]

| key of a band | value |
| --- | --- |
| type | 0 low-pass, 1 high-pass, 2 band-pass, 3 peak, 4 low shelf, 5 high shelf |
| channels | 0 both, 1 left, 2 right |
| frequency, q, gain | whole Hz 20..24000, 0.1..12, dB -15..15 |
| color | of the display |

The first two bands of the app's own files are its bass and treble dials: type 0 at 90 Hz and type 1 at 10000 Hz, color 0. At 0 dB they do
nothing; otherwise a note says their gain. A pass elsewhere has no gain: one with a gain is refused, since one converter writes shelves so.
Written: the dials at 0 dB, then the bands. Where the channels' levels differ, two shelves with the same numbers make up for it.
Source: files quoted in the public issues jaakkopasanen/AutoEq 888, bearinmindcat/Equalizer314 6; numbers of types and channels as people
found them there, and ranges, by exports of the app, in per-device-eq's export module; AdamRopelewski/AutoEQApoToPowerampEQ.
Unknown: the shapes of the filters, taken for those of the Audio EQ Cookbook; presets that are not parametric.
"""

from __future__ import annotations

import copy
import re

from semeq_export.eq.channels import LEFT, RIGHT, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._json_values import Json, flag, mapping, number, render, sequence, whole
from semeq_presets.file_formats._preset_list import PresetList, read_list
from semeq_presets.file_formats._sides import at_one_level, in_one_list, sides
from semeq_presets.file_formats._stepped import stepped
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_KINDS = (BandKind.LOW_PASS, BandKind.HIGH_PASS, BandKind.BAND_PASS, BandKind.PEAK, BandKind.LOW_SHELF, BandKind.HIGH_SHELF)
_CHANNELS = ("", LEFT, RIGHT)
_GAIN_DB = (-15.0, 15.0)
_DIALS = ((0, 90.0, 0.8, "bass"), (1, 10_000.0, 0.6, "treble"))
_MAX_BANDS = 512


class Poweramp:
    """Reads and writes parametric presets."""

    info = FormatInfo(
        id="poweramp",
        title="Poweramp parametric preset",
        host="Poweramp and Poweramp Equalizer on Android",
        suffixes=(".poweramp.json",),
        how_to_import="copy it to the phone; Poweramp: Equalizer, list of presets, menu, Import",
        precision_db=0.05,
        limits=Limits(
            kinds=frozenset(_KINDS) - {BandKind.BAND_PASS},
            freq_hz=(20.0, 24_000.0),
            gain_db=_GAIN_DB,
            q=(0.1, 12.0),
            preamp_db=(-12.0, 12.0),
            holds_disabled=False,
            channels=(LEFT, RIGHT),
        ),
        protects=True,
        aliases=("poweramp-equalizer",),
        remark="whole Hz, as the app writes them",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a list whose first object has the keys of a preset."""
        return re.match(rb"\s*\[\s*\{", head) is not None and b'"parametric"' in head and b'"preamp"' in head

    def write(self, preset: Preset) -> Written:
        """Return the list; a preset that was read keeps the others of its file, and bands that did not change their colors."""
        data, notes = preset.unchanged(), tuple[Note, ...]()
        if data is None:
            before = preset.parts(PresetList)
            root = copy.deepcopy(before.root) if before is not None else [{"name": "", "preamp": 0.0, "parametric": True, "bands": []}]
            entry = root[before.place if before is not None else 0]
            _put(entry, preset)
            data, notes = render(root, "\t", end=""), stepped(preset.eq, _read(entry, "preset", []), self.info.precision_db, "whole Hz")
        return Written({"preset.poweramp.json": data}, notes)

    def read(self, files: Files) -> Preset:
        """Return the only preset of a file; raises PresetReadError naming preset and key, or listing the presets."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset that is meant; raises PresetReadError as `read` does."""
        (data,) = files.values()
        held, entry, name = read_list(data, choice)
        where = held.where
        if not flag(entry, "parametric", where, False):
            raise PresetReadError("is a graphic preset, whose layout is not known; save it as a parametric one in Poweramp", where=where)
        notes: list[Note] = []
        eq = _read(entry, where, notes)
        return Preset(eq, name=name, source=Source(held, data, eq, name), notes=tuple(notes))


def _read(entry: Json, where: str, notes: list[Note]) -> Equaliser:
    listed = sequence(entry.get("bands"), f"{where} bands")
    if len(listed) > _MAX_BANDS:
        raise PresetReadError(f"more than {_MAX_BANDS} bands", where=where)
    bands: dict[str, list[Band]] = {LEFT: [], RIGHT: []}
    is_split = False
    for count, item in enumerate(listed, start=1):
        place = f"{where} band {count}"
        values = mapping(item, place)
        dial = _dial(values, count, place)
        if dial:
            gain_db = number(values, "gain", place)
            if gain_db:
                hz = number(values, "frequency", place)
                notes.append(Note("unknown", None, place, f"the {dial} dial at {gain_db:g} dB is not read", None, abs(gain_db), hz))
            continue
        side = whole(values, "channels", place, 0)
        if side not in range(len(_CHANNELS)):
            raise PresetReadError(f"channels {side} is not 0, 1 or 2", where=place)
        held = _band(values, place, notes)
        is_split = is_split or side != 0
        for name in (LEFT, RIGHT):
            if _CHANNELS[side] in ("", name):
                bands[name].append(held)
    preamp_db = number(entry, "preamp", where, 0.0)
    left, right = (settings(held, preamp_db, where) for held in bands.values())
    return ChannelEqs(((LEFT, left), (RIGHT, right))) if is_split and left != right else left


def _dial(values: Json, count: int, place: str) -> str:
    """Return the name of the dial that an entry is, "" for a band."""
    if count > len(_DIALS):
        return ""
    code, hz, _, name = _DIALS[count - 1]
    is_dial = whole(values, "type", place) == code and values.get("color", 0) == 0 and number(values, "frequency", place) == hz
    return name if is_dial else ""


def _band(values: Json, place: str, notes: list[Note]) -> Band:
    code = whole(values, "type", place)
    if code not in range(len(_KINDS)):
        raise PresetReadError(f"type {code} is not 0..{len(_KINDS) - 1}", where=place)
    kind, gain_db = _KINDS[code], number(values, "gain", place)
    freq_hz, q = number(values, "frequency", place), number(values, "q", place)
    if code <= _KINDS.index(BandKind.BAND_PASS) and gain_db:
        raise PresetReadError(
            f"type {code} with a gain of {gain_db:g} dB may be a pass or a shelf; write type 4 or 5, or a gain of 0", where=place
        )
    if kind is BandKind.BAND_PASS:
        notes.append(Note("approximated", None, place, "a band-pass of unknown level", "0 dB at its centre"))
    return band(kind, freq_hz, gain_db, q, where=place)


def _put(entry: Json, preset: Preset) -> None:
    """Let an entry say what the preset says; the dials go to 0 dB, and unchanged bands keep what else they say."""
    preamp_db, left, right = at_one_level(*sides(preset.eq), _GAIN_DB[1])
    before = [dict(item) for item in entry["bands"]]
    dials = [{"type": code, "channels": 0, "frequency": int(hz), "q": q, "gain": 0.0, "color": 0} for code, hz, q, _ in _DIALS]
    bands = []
    for held, side in in_one_list(left, right):
        values: Json = {"type": _KINDS.index(held.kind), "channels": _CHANNELS.index(side), "frequency": round(held.freq_hz)}
        values |= {"q": held.q, "gain": held.gain_db}
        same = next((item for item in before if all(item.get(key) == value for key, value in values.items())), None)
        bands.append({**values, "color": 0} if same is None else same)
    name = preset.name or entry.get("name", "")
    entry |= {"name": name, "preamp": preamp_db, "parametric": True, "bands": dials + bands}


FORMAT: PresetFormat = Poweramp()
