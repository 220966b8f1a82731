"""Preset of iQualize (.iqpreset, JSON), as the macOS program exports and imports it.

    {"id": "...", "name": "Warm", "isBuiltIn": false, "inputGainDB": -3.0, "bands": [
        {"frequency": 1604, "gain": -2.7, "bandwidth": 1.15, "filterType": "parametric"}, ...], "rightBands": [...]}

| key | value |
| --- | --- |
| filterType | parametric, lowShelf, highShelf, lowPass, highPass, bandPass, notch; parametric where it is missing |
| bandwidth | octaves, 0.05 at least: Q = 1 / (2 sinh(ln 2 / 2 * bandwidth * w / sin w)), w = 2 pi f / rate; for shelves and passes too |
| bands, rightBands | of both channels; with rightBands those of left and right |
| inputGainDB, outputGainDB | dB; the preamp is written to the first and read from both; played where the program keeps gains in presets |

Filters are those of the Audio EQ Cookbook. Widths are read and written for 48 kHz. Where the channels' levels differ, two shelves with the
same numbers make up for it. Colours and switches of bands are not kept in presets.
Source: dariuscorvus/iqualize (public source): EQModels.swift, BiquadResponse.swift, PresetImporter.swift.
"""

from __future__ import annotations

import copy
import math
import re
import uuid

from semeq_export.eq.channels import LEFT, RIGHT, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError
from semeq_export.units import q_to_bandwidth_oct
from semeq_presets.file_formats._apo_filter import warped_q
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._json_values import Json, document, mapping, number, render, sequence, text
from semeq_presets.file_formats._sides import at_one_level, sides
from semeq_presets.file_formats._stepped import stepped
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_KINDS = {
    "parametric": BandKind.PEAK,
    "lowShelf": BandKind.LOW_SHELF,
    "highShelf": BandKind.HIGH_SHELF,
    "lowPass": BandKind.LOW_PASS,
    "highPass": BandKind.HIGH_PASS,
    "bandPass": BandKind.BAND_PASS,
    "notch": BandKind.NOTCH,
}
_TYPES = {kind: name for name, kind in _KINDS.items()}
_WITH_GAIN = (BandKind.PEAK, BandKind.LOW_SHELF, BandKind.HIGH_SHELF)
_GAIN_DB, _NARROWEST_OCT, _RATE_HZ = (-12.0, 12.0), 0.05, 48_000.0
_PRECISION_DB = 1e-3
_MAX_BANDS = 31


class IQualize:
    """Reads and writes presets of iQualize."""

    info = FormatInfo(
        id="iqualize",
        title="iQualize preset",
        host="iQualize on macOS",
        suffixes=(".iqpreset",),
        how_to_import="iQualize: presets, Import; keep In/Out gains per preset, so that the preamp plays",
        precision_db=_PRECISION_DB,
        limits=Limits(
            max_bands=_MAX_BANDS,
            kinds=frozenset(_TYPES),
            freq_hz=(20.0, 20_000.0),
            gain_db=_GAIN_DB,
            q=(0.1, 28.0),
            preamp_db=(-24.0, 24.0),
            holds_disabled=False,
            channels=(LEFT, RIGHT),
        ),
        protects=True,
        remark="widths at 48 kHz; near 20 kHz its narrowest filters are wider than Q 28, a note says by how much",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a JSON object with the keys of a preset."""
        return re.match(rb"\s*\{", head) is not None and b'"isBuiltIn"' in head and b'"bands"' in head

    def write(self, preset: Preset) -> Written:
        """Return the document; a preset that was read keeps keys that we do not know, and the spelling of bands that did not change."""
        data, notes = preset.unchanged(), tuple[Note, ...]()
        if data is None:
            root = copy.deepcopy(preset.parts(dict) or {"id": "", "name": "", "bands": [], "isBuiltIn": False})
            _put(root, preset)
            data = render(root, 2)
            notes = stepped(preset.eq, _read(root), _PRECISION_DB, f"widths from {_NARROWEST_OCT:g} octaves")
        return Written({"preset.iqpreset": data}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming band and key."""
        (data,) = files.values()
        root = mapping(document(data), "file")
        eq, name = _read(root), text(root, "name", "preset")
        return Preset(eq, name=name, source=Source(root, data, eq, name))


def _read(root: Json) -> Equaliser:
    preamp_db = sum(number(root, key, "preset", 0.0) for key in ("inputGainDB", "outputGainDB") if root.get(key) is not None)
    left = settings(_bands(root.get("bands"), "band"), preamp_db, "preset")
    if root.get("rightBands") is None:
        return left
    right = settings(_bands(root["rightBands"], "right band"), preamp_db, "preset")
    return left if left == right else ChannelEqs(((LEFT, left), (RIGHT, right)))


def _bands(listed: object, what: str) -> list[Band]:
    entries = sequence(listed, f"{what}s")
    if len(entries) > 10 * _MAX_BANDS:
        raise PresetReadError(f"more than {10 * _MAX_BANDS} bands", where=f"{what}s")
    return [_band(mapping(entry, f"{what} {count}"), f"{what} {count}") for count, entry in enumerate(entries, start=1)]


def _band(entry: Json, where: str) -> Band:
    name = text(entry, "filterType", where, "parametric")
    if name not in _KINDS:
        raise PresetReadError(f"filterType {name[:40]!r} is not one of {', '.join(_KINDS)}", where=where)
    freq_hz, width_oct = number(entry, "frequency", where), number(entry, "bandwidth", where)
    if not (0.0 < freq_hz < _RATE_HZ / 2 and width_oct <= 20.0):
        raise PresetReadError(f"frequency {freq_hz:g} or bandwidth {width_oct:g} is outside 0..24000 Hz or ..20 octaves", where=where)
    gain_db = number(entry, "gain", where) if _KINDS[name] in _WITH_GAIN else 0.0
    return band(_KINDS[name], freq_hz, gain_db, warped_q(max(width_oct, _NARROWEST_OCT), freq_hz, _RATE_HZ), where=where)


def _put(root: Json, preset: Preset) -> None:
    """Let a document say what the preset says."""
    preamp_db, left, right = at_one_level(*sides(preset.eq), _GAIN_DB[1])
    root["name"] = preset.name or root["name"]
    root["id"] = root["id"] or str(uuid.uuid5(uuid.NAMESPACE_OID, f"iQualize {preset.name}")).upper()
    old = [*root["bands"], *(root.get("rightBands") or [])]
    root["bands"] = [_entry(held, old) for held in left]
    if right != left:
        root["rightBands"] = [_entry(held, old) for held in right]
    else:
        root.pop("rightBands", None)
    if preamp_db != sum(root.get(key) or 0.0 for key in ("inputGainDB", "outputGainDB")):
        root["inputGainDB"] = preamp_db - (root.get("outputGainDB") or 0.0)


def _entry(held: Band, old: list[Json]) -> Json:
    same = next((entry for entry in old if _band(entry, "") == held), None)
    if same is not None:
        return same
    angle = 2.0 * math.pi * held.freq_hz / _RATE_HZ
    width_oct = max(q_to_bandwidth_oct(held.q) * math.sin(angle) / angle, _NARROWEST_OCT)
    return {"frequency": held.freq_hz, "gain": held.gain_db, "bandwidth": width_oct, "filterType": _TYPES[held.kind]}


FORMAT: PresetFormat = IQualize()
