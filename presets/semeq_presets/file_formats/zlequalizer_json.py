"""Preset of ZL Equalizer (JSON), as its preset browser keeps them since version 1.3.1: the plug-in's state as a tree.

    {"format": "ZLEqualizerPreset", "version": 1, "state": {"type": "ParaState", "properties": {}, "children": [
        {"type": "Para", "properties": {}, "children": [
            {"type": "PARAM", "properties": {"id": "freq0", "value": "1604.0"}, "children": []}, ...]},
        {"type": "State", ...}]}}

| parameter (k = 0..23) | value |
| --- | --- |
| filter_status k | 0 unused, 1 bypassed, 2 on |
| filter_type k, order k | numbers of `_zl_filters`; 0..6 for orders 1, 2, 4, 6, 8, 12, 16 |
| lr_mode k | 0 stereo, 1 left, 2 right, 3 mid, 4 side |
| freq k, gain k, q k | Hz 10..160000 in steps of 0.1, dB -30..30 of 0.01, 0.025..25 of 0.001 |
| dynamic_on k, target_gain k | a band that moves towards another gain: its gain at rest is read, a note says how far it goes |
| total_output_gain, total_gain_scale | dB: the preamp; percent by which all gains are multiplied |
| total_bypass, total_auto_gain, total_static_gain | 1 changes what sounds: a note |

Numbers are texts, since the state was XML; numbers are read too, and what is not there has its default. Written: all parameters of bands
and level, orders 1 and 2, shelves up to Q 4.2. A level of one channel is a flat gain.
Source: ZL-Audio/ZLEqualizer at 24bb4bf, preset_json.cpp, state_schema.hpp, zlp_definitions.hpp (public source); filters in `_zl_filters`.
Unknown: nothing was loaded by the plug-in here.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, EqSettings, orders
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats import _zl_filters as zl
from semeq_presets.file_formats._fields import number, settings
from semeq_presets.file_formats._json_values import Json, document, mapping, render, sequence, text
from semeq_presets.file_formats._sides import in_one_list
from semeq_presets.file_formats._stepped import stepped
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_FORMAT = "ZLEqualizerPreset"
_BANDS = 24
_MODES = ("", LEFT, RIGHT, MID, SIDE)
_OFF, _BYPASSED, _ON = 0, 1, 2
_MAX_PARAMETERS = 20_000
_STATED_DB, _PRECISION_DB = 0.1, 0.05
_KINDS = frozenset(zl.CODES)
_Q, _Q_STEPS = (0.134, 24.9), 1_000.0  # of the EQ, and steps per 1 of the plug-in's Q
_OF_BAND = {"freq": 1_000.0, "q": 0.707, "order": 1.0, "threshold": -40.0, "knee_width": 8.0, "attack": 100.0, "release": 500.0}
_OF_BAND |= {"dynamic_rms_mix": 50.0, "dynamic_smooth": 100.0, "side_order": 1.0, "side_freq": 1_000.0, "side_q": 0.707}
_OF_BAND |= dict.fromkeys(("filter_status", "filter_type", "lr_mode", "gain", "target_gain", "dynamic_on", "dynamic_learn"), 0.0)
_OF_BAND |= dict.fromkeys(("dynamic_bypass", "dynamic_relative", "side_swap", "side_link", "dynamic_rms_length", "side_filter_type"), 0.0)
_OF_ALL = {"total_gain_scale": 100.0, **dict.fromkeys(("total_filter_structure", "total_external_side", "total_bypass"), 0.0)}
_OF_ALL |= dict.fromkeys(("total_output_gain", "total_auto_gain", "total_static_gain", "total_phase_flip", "total_lookahead"), 0.0)
_SOUNDING = {"total_auto_gain": "gain that is made up for", "total_static_gain": "gain that is made up for"}
_LEVEL_DB = 30.0

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class _Document:
    """A file, and what its parameters say."""

    root: Json
    values: Values


class ZlEqualizer:
    """Reads and writes presets of ZL Equalizer."""

    info = FormatInfo(
        id="zl-equalizer",
        title="ZL Equalizer preset",
        host="ZL Equalizer 1.3.1 and newer (VST3, AU, LV2)",
        suffixes=(".zlequalizer.json",),
        how_to_import="ZL Equalizer: preset browser, reveal the folder, copy it into a group there",
        precision_db=_PRECISION_DB,
        limits=Limits(
            max_bands=_BANDS,
            kinds=_KINDS,
            orders={kind: frozenset(range(orders(kind)[0], 3)) for kind in _KINDS},
            freq_hz=(10.0, 160_000.0),
            gain_db=(-30.0, 30.0),
            q=_Q,
            preamp_db=(-30.0, 30.0),
            channels=(LEFT, RIGHT, MID, SIDE),
        ),
        aliases=("zlequalizer", "zl-equalizer-2"),
        remark="its filters follow their analogue models near Nyquist: a note says how far off that is; shelves up to Q 4.2",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a JSON object that names the format."""
        return head.lstrip().startswith(b"{") and re.search(rb'"format"\s*:\s*"ZLEqualizerPreset"', head) is not None

    def write(self, preset: Preset) -> Written:
        """Return the document; a preset that was read keeps its other parameters; notes say what sounds otherwise."""
        data, notes = preset.unchanged(), tuple[Note, ...]()
        if data is None:
            before = preset.parts(_Document) or _Document(_skeleton(), {})
            values, notes = _values(before.values, preset.eq)
            data = render(_with(before.root, values), 2)
        return Written({"preset.zlequalizer.json": data}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming parameter and value."""
        (data,) = files.values()
        root = mapping(document(data), "file")
        if root.get("format") != _FORMAT or root.get("version") != 1:
            raise PresetReadError(f'is not a JSON object with "format": "{_FORMAT}" and "version": 1')
        values = {key: value for entry in _parameters(root) for key, value in [_said(entry)]}
        notes: list[Note] = []
        eq = _read(values, notes)
        return Preset(eq, source=Source(_Document(root, values), data, eq, None), notes=(*notes, *_analogue(eq)))


def _parameters(root: Json) -> list[Json]:
    """Return the entries of the automatable parameters."""
    state = mapping(root.get("state"), "state")
    for child in sequence(state.get("children"), "state children"):
        if mapping(child, "state").get("type") in ("Para", "ZLEqualizerParameters"):
            found = sequence(child.get("children"), "Para children")
            if len(found) > _MAX_PARAMETERS:
                raise PresetReadError(f"more than {_MAX_PARAMETERS} parameters")
            return found
    raise PresetReadError("has no parameters of type Para", where="state children")


def _said(entry: object) -> tuple[str, float]:
    values = mapping(mapping(entry, "parameter").get("properties"), "parameter properties")
    name, value = text(values, "id", "parameter"), values.get("value")
    if isinstance(value, bool) or not isinstance(value, str | float | int):
        raise PresetReadError("value is missing or not a number", where=name[:40])
    return name, number(value, "value", name[:40]) if isinstance(value, str) else float(value)


def _value(values: Values, name: str) -> float:
    default = _OF_ALL[name] if name in _OF_ALL else _OF_BAND[name.rstrip("0123456789")]
    return values.get(name, default)


def _choice(values: Values, name: str, most: int) -> int:
    value = _value(values, name)
    if not value.is_integer() or not 0 <= value <= most:
        raise PresetReadError(f"{value:g} is not 0..{most}", where=name)
    return int(value)


def _read(values: Values, notes: list[Note]) -> Equaliser:
    scale = _value(values, "total_gain_scale") / 100.0
    is_on = _choice(values, "total_bypass", 1) == 0
    if not is_on:
        notes.append(Note("approximated", None, "total_bypass", "the equaliser is bypassed", "bands that are off"))
    for name, what in _SOUNDING.items():
        if _choice(values, name, 1):
            notes.append(Note("unknown", None, name, f"{what} is not read", None))
    bands: dict[str, list[Band]] = {name: [] for name in _MODES}
    levels_db = dict.fromkeys(_MODES, 0.0)
    for slot in range(_BANDS):
        status, mode = _choice(values, f"filter_status{slot}", _ON), _MODES[_choice(values, f"lr_mode{slot}", len(_MODES) - 1)]
        if status == _OFF:
            continue
        code, order = _choice(values, f"filter_type{slot}", zl.FLAT_GAIN), zl.ORDERS[_choice(values, f"order{slot}", len(zl.ORDERS) - 1)]
        freq_hz, gain_db, q = (_value(values, f"{name}{slot}") for name in ("freq", "gain", "q"))
        if not 0.0 < q <= 1_000.0:
            raise PresetReadError(f"{q:g} is outside 0..1000", where=f"q{slot}")
        sounds = is_on and status == _ON
        found, level_db = zl.bands_of(code, order, freq_hz, gain_db * scale, q, sounds, f"band {slot}")
        bands[mode] += found
        levels_db[mode] += level_db if sounds else 0.0
        _note_dynamics(values, slot, sounds, notes)
    level_db = _value(values, "total_output_gain") if is_on else 0.0
    return _joined({name: settings(held, levels_db[name] + (0.0 if name else level_db)) for name, held in bands.items()})


def _note_dynamics(values: Values, slot: int, sounds: bool, notes: list[Note]) -> None:
    if sounds and _choice(values, f"dynamic_on{slot}", 1):
        span_db = abs(_value(values, f"target_gain{slot}") - _value(values, f"gain{slot}"))
        hz = _value(values, f"freq{slot}")
        notes.append(Note("unknown", None, f"band {slot}", "a gain that moves with the sound is not read", None, span_db, hz))


def _joined(eqs: dict[str, EqSettings]) -> Equaliser:
    """Return the EQ for all channels, or that of two: what is for both and what is for one."""
    both = eqs.pop("")
    used = [name for name, eq in eqs.items() if eq != EqSettings()]
    if not used:
        return both
    pair = (LEFT, RIGHT) if used[0] in (LEFT, RIGHT) else (MID, SIDE)
    if any(name not in pair for name in used):
        raise PresetReadError("has bands for left or right beside bands for mid or side, which no single EQ is; remove one kind")
    joined = [(name, settings([*both.bands, *eqs[name].bands], both.preamp_db + eqs[name].preamp_db)) for name in pair]
    return both if joined[0][1] == joined[1][1] == both else ChannelEqs(tuple(joined))


def _analogue(eq: Equaliser) -> tuple[Note, ...]:
    held = [eq] if isinstance(eq, EqSettings) else [one for _, one in eq]
    error_db, at_hz = max(zl.apart_db(one) for one in held)
    if error_db <= _STATED_DB:
        return ()
    return (Note("approximated", None, "response", "filters like analogue ones", "the same filters at 48 kHz", error_db, at_hz),)


def _values(before: Values, eq: Equaliser) -> tuple[Values, tuple[Note, ...]]:
    """Return the parameters that say an EQ, and notes on what the plug-in's steps and sharpest shelf make of it."""
    values = dict(before)
    values |= {"total_gain_scale": 100.0, "total_bypass": 0.0, "total_auto_gain": 0.0, "total_static_gain": 0.0}
    pair = (MID, SIDE) if isinstance(eq, ChannelEqs) and eq.is_mid_side else (LEFT, RIGHT)
    first, second = (eq, eq) if isinstance(eq, EqSettings) else (eq[name] if name in eq.names else EqSettings() for name in pair)
    values["total_output_gain"] = min(first.preamp_db, second.preamp_db, key=abs)
    filters = list(_filters(first, second, pair, values["total_output_gain"]))
    if len(filters) > _BANDS:
        raise PresetWriteError(f"zl-equalizer: {len(filters)} filters for two channels are over the {_BANDS} that there are")
    for slot in range(_BANDS):
        said = filters[slot] if slot < len(filters) else {"filter_status": float(_OFF)}
        values |= {f"{name}{slot}": value for name, value in said.items()}
    return values, (*_analogue(eq), *stepped(eq, _read(values, []), _PRECISION_DB, f"steps, and shelves up to Q {zl.SHELF_Q:g}"))


def _filters(first: EqSettings, second: EqSettings, pair: tuple[str, str], level_db: float) -> Iterator[Values]:
    """Yield the parameters of each filter: those of both channels, then those of one, and its level."""
    yield from (_filter(held, name) for held, name in in_one_list(first.bands, second.bands, pair))
    for eq, name in zip((first, second), pair, strict=True):
        rest_db = eq.preamp_db - level_db
        while rest_db:
            step_db = min(max(rest_db, -_LEVEL_DB), _LEVEL_DB)
            level = {"filter_status": float(_ON), "filter_type": float(zl.FLAT_GAIN), "gain": step_db, "dynamic_on": 0.0}
            yield level | {"lr_mode": float(_MODES.index(name)), "order": 1.0}
            rest_db -= step_db


def _filter(held: Band, mode: str) -> Values:
    values = {"filter_status": _ON if held.enabled else _BYPASSED, "filter_type": zl.CODES[held.kind], "order": held.order - 1}
    numbers = {"freq": round(held.freq_hz, 1), "gain": round(held.gain_db, 2), "q": _stepped_q(held)}
    return {name: float(value) for name, value in values.items()} | numbers | {"lr_mode": float(_MODES.index(mode)), "dynamic_on": 0.0}


def _stepped_q(held: Band) -> float:
    """Return the nearest step of the plug-in's Q that is no sharper than its shelves are and that is read as a Q of the limits."""
    low, high = (zl.stored_q(replace(held, q=q)) * _Q_STEPS for q in _Q)
    q = min(held.q, zl.SHELF_Q) if held.kind in zl.SHELVES else held.q
    return min(max(round(zl.stored_q(replace(held, q=q)) * _Q_STEPS), math.ceil(low)), math.floor(high)) / _Q_STEPS


def _with(root: Json, values: Values) -> Json:
    """Return a document with values for its parameters; those that are not there go behind the others."""
    changed = copy.deepcopy(root)
    entries = _parameters(changed)
    known: dict[str, Json] = {entry["properties"]["id"]: entry["properties"] for entry in entries}
    for name, value in values.items():
        if name not in known:
            entries.append({"type": "PARAM", "properties": {"id": name, "value": str(value)}, "children": []})
        elif _said({"properties": known[name]})[1] != value:
            known[name]["value"] = str(value)
    return changed


def _skeleton() -> Json:
    values = _OF_ALL | {f"{name}{slot}": value for slot in range(_BANDS) for name, value in _OF_BAND.items()}
    entries = [{"type": "PARAM", "properties": {"id": name, "value": str(value)}, "children": []} for name, value in values.items()]
    parameters: Json = {"type": "Para", "properties": {}, "children": entries}
    state = {"type": "ParaState", "properties": {}, "children": [parameters, {"type": "State", "properties": {}, "children": []}]}
    return {"format": _FORMAT, "version": 1, "state": state}


FORMAT: PresetFormat = ZlEqualizer()
