"""Presets of eqMac (JSON), as its equalisers export and import them: a list.

    [{"id": "...", "name": "Warm", "isDefault": false, "global": -3.0, "bands": [
        {"type": 0, "frequency": 1604, "gain": -2.7, "bandwidth": 1.15, "bypass": false}, ...]}]          Expert equaliser
    [{"id": "...", "name": "Warm", "isDefault": false, "gains": {"global": -3.0, "bands": [5.1, ...]}}]   Advanced equaliser

| key of an Expert band | value |
| --- | --- |
| type | of AVAudioUnitEQ: 0 peak, 1 and 2 Butterworth low- and high-pass, 7 and 8 shelves without a width, 9 and 10 with one |
| frequency, gain | Hz, dB |
| bandwidth | octaves, 0.05..5 |
| bypass | true for a band that is off |

Types 3 to 6 (resonant passes, band-pass, band-stop) are no bands of ours: a note says so. Advanced: ten peaks of half an octave at 32, 64,
125, 250, 500, 1000, ... 16000 Hz. Written: Expert presets; an Advanced one stays one while its ten bands do.
Source: eqMac's public source for the Advanced equaliser (AdvancedEqualizer.swift, Equalizer.swift, AdvancedEqualizerDataBus.swift); for the
Expert one, which is not public, the presets quoted in bitgapp/eqMac issues 517 and 805 and a public converter of them (types 0, 9 and 10,
keys); Apple, AVAudioUnitEQFilterType.
Unknown: whether Apple's shelves are those of the Audio EQ Cookbook, as in `aunbandeq`; whether widths are warped near Nyquist.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Sequence

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_export.units import bandwidth_oct_to_q, q_to_bandwidth_oct
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._json_values import Json, flag, mapping, number, render, sequence, whole
from semeq_presets.file_formats._preset_list import PresetList, read_list
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_WIDE = {0: BandKind.PEAK, 9: BandKind.LOW_SHELF, 10: BandKind.HIGH_SHELF}
_PLAIN = {1: BandKind.LOW_PASS, 2: BandKind.HIGH_PASS, 7: BandKind.LOW_SHELF, 8: BandKind.HIGH_SHELF}
_OTHER = {3: "resonant low-pass", 4: "resonant high-pass", 5: "band-pass", 6: "band-stop"}
_CODES = {kind: code for code, kind in _WIDE.items()}
_BUTTERWORTH_Q = 0.7071
_SLIDERS_HZ = (32.0, 64.0, 125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0)
_SLIDER_Q = bandwidth_oct_to_q(0.5)
_MAX_BANDS = 1_000


class EqMac:
    """Reads and writes presets of eqMac."""

    info = FormatInfo(
        id="eqmac",
        title="eqMac preset",
        host="eqMac's Expert equaliser; reads those of the Advanced one too",
        suffixes=(".eqmac.json",),
        how_to_import="eqMac: settings of the Expert equaliser, Import presets",
        precision_db=1e-6,
        limits=Limits(
            freq_hz=(10.0, 20_000.0),
            gain_db=(-24.0, 24.0),
            q=(bandwidth_oct_to_q(5.0), bandwidth_oct_to_q(0.05)),
            preamp_db=(-24.0, 24.0),
        ),
        protects=True,
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a list of objects with the keys of a preset."""
        keys = all(key in head for key in (b'"isDefault"', b'"bands"'))
        return keys and re.match(rb"\s*\[\s*\{", head) is not None

    def write(self, preset: Preset) -> Written:
        """Return the list; a preset that was read keeps the others of its file, and keys that we do not know."""
        data = preset.unchanged()
        if data is None:
            before = preset.parts(PresetList)
            root = copy.deepcopy(before.root) if before is not None else [_skeleton(preset)]
            _put(root[before.place if before is not None else 0], preset)
            data = render(root, 2)
        return Written({"preset.eqmac.json": data})

    def read(self, files: Files) -> Preset:
        """Return the only preset of a file; raises PresetReadError naming preset and key, or listing the presets."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset that is meant; raises PresetReadError as `read` does."""
        (data,) = files.values()
        held, entry, name = read_list(data, choice)
        where = held.where
        notes: list[Note] = []
        eq = _sliders(mapping(entry["gains"], f"{where} gains"), where) if "gains" in entry else _expert(entry, where, notes)
        return Preset(eq, name=name, source=Source(held, data, eq, name), notes=tuple(notes))


def _sliders(gains: Json, where: str) -> EqSettings:
    """Return the EQ of an Advanced preset."""
    listed = sequence(gains.get("bands"), f"{where} bands")
    if len(listed) != len(_SLIDERS_HZ):
        raise PresetReadError(f"{len(listed)} bands, expected {len(_SLIDERS_HZ)}", where=where)
    places = [f"{where} band {count}" for count in range(1, len(listed) + 1)]
    held = [number({"gain": gain}, "gain", place) for gain, place in zip(listed, places, strict=True)]
    bands = [band(BandKind.PEAK, hz, gain, _SLIDER_Q, where=place) for hz, gain, place in zip(_SLIDERS_HZ, held, places, strict=True)]
    return settings(bands, number(gains, "global", where, 0.0), where)


def _expert(entry: Json, where: str, notes: list[Note]) -> EqSettings:
    listed = sequence(entry.get("bands"), f"{where} bands")
    if len(listed) > _MAX_BANDS:
        raise PresetReadError(f"more than {_MAX_BANDS} bands", where=where)
    bands = []
    for count, item in enumerate(listed, start=1):
        place = f"{where} band {count}"
        values = mapping(item, place)
        code, is_on = whole(values, "type", place), not flag(values, "bypass", place, False)
        if code in _OTHER:
            if is_on:
                notes.append(Note("unknown", None, place, f"type {code}, a {_OTHER[code]}, is not read", None))
        else:
            bands.append(_band(values, code, is_on, place))
    return settings(bands, number(entry, "global", where, 0.0), where)


def _band(values: Json, code: int, is_on: bool, place: str) -> Band:
    freq_hz = number(values, "frequency", place)
    if code in _PLAIN:
        gain_db = number(values, "gain", place) if _PLAIN[code] in _CODES else 0.0
        return band(_PLAIN[code], freq_hz, gain_db, _BUTTERWORTH_Q, enabled=is_on, where=place)
    if code not in _WIDE:
        raise PresetReadError(f"type {code} is not 0..10", where=place)
    width_oct = number(values, "bandwidth", place)
    if not 0.001 <= width_oct <= 20.0:
        raise PresetReadError(f"bandwidth {width_oct:g} is outside 0.001..20 octaves", where=place)
    return band(_WIDE[code], freq_hz, number(values, "gain", place), bandwidth_oct_to_q(width_oct), enabled=is_on, where=place)


def _skeleton(preset: Preset) -> Json:
    """Return an empty preset, whose id is made of its name, so that equal presets are equal files."""
    return {"id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"eqMac {preset.name}")).upper(), "name": "", "isDefault": False}


def _put(entry: Json, preset: Preset) -> None:
    """Let an entry say what the preset says; bands that did not change keep their spelling."""
    eq = preset.single
    entry["name"] = preset.name or entry.get("name", "")
    if "gains" in entry and _is_sliders(eq.bands):
        entry["gains"] = {**entry["gains"], "global": eq.preamp_db, "bands": [held.gain_db for held in eq.bands]}
        return
    entry.pop("gains", None)
    old = [mapping(item, "") for item in entry.get("bands", [])]
    entry |= {"global": eq.preamp_db, "bands": [_entry(held, old) for held in eq.bands]}


def _is_sliders(bands: Sequence[Band]) -> bool:
    return len(bands) == len(_SLIDERS_HZ) and all(
        held == Band(BandKind.PEAK, hz, held.gain_db, _SLIDER_Q) for hz, held in zip(_SLIDERS_HZ, bands, strict=True)
    )


def _entry(held: Band, old: list[Json]) -> Json:
    for item in old:
        if whole(item, "type", "") not in _OTHER and _band(item, whole(item, "type", ""), not flag(item, "bypass", "", False), "") == held:
            return item
    values = {"frequency": held.freq_hz, "gain": held.gain_db, "bandwidth": q_to_bandwidth_oct(held.q)}
    return {"type": _CODES[held.kind], **values, "bypass": not held.enabled}


FORMAT: PresetFormat = EqMac()
