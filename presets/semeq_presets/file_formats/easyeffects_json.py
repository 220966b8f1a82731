"""EasyEffects output preset, version 7 (JSON). The engine behind it is LSP's Parametric Equalizer x32.

    {"output": {"blocklist": [], "plugins_order": ["equalizer#0"], "equalizer#0": {...}}}      version 6: the key is "equalizer"

| key of equalizer#0 | value |
| --- | --- |
| input-gain, output-gain | dB; the preamp is written to input-gain and read from both |
| mode, split-channels, balance, pitch-left, pitch-right, bypass | "IIR", false, 0.0 three times, false: others change the sound: a note |
| num-bands | 1..32 |
| left, right | {"band0": {...}, ...}; without split-channels EasyEffects uses left for both, and both are written alike |

| key of a band | value |
| --- | --- |
| type | "Bell", "Lo-shelf", "Hi-shelf"; "Off" is an unused band, others are no band of ours |
| mode | "APO (DR)": the only mode whose filters are those of the Audio EQ Cookbook; bands of other modes are no bands of ours |
| slope | "x1"; others are no band of ours |
| frequency, gain, q | Hz, dB, cookbook Q |
| mute, solo, width | a muted band is a switched-off one; false; 4.0 |

Bands that are not ours keep their places and are said in a note, as are other plug-ins of the preset. Without bands, one of type "Off" is
written. JSON as EasyEffects writes it: keys sorted, indented by 4.
Source: EasyEffects 7 preset files; data/schemas of its source; mapped key by key onto the ports of LSP para_equalizer_x32_lr and measured.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass
from typing import Any

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.files import strict_json
from semeq_presets.file_formats._binary import Slots
from semeq_presets.file_formats._fields import band, settings
from semeq_presets.file_formats._places import easy_effects
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

Json = dict[str, Any]  # Any: JSON holds what it holds

MAX_BANDS = 32
_KINDS = {"Bell": BandKind.PEAK, "Lo-shelf": BandKind.LOW_SHELF, "Hi-shelf": BandKind.HIGH_SHELF}
_TYPES = {kind: name for name, kind in _KINDS.items()}
_MODE = "APO (DR)"
_IDLE_BAND = {"type": "Off", "mode": _MODE, "slope": "x1", "frequency": 1_000.0, "gain": 0.0, "q": 1.0, "mute": False, "solo": False}
_IDLE_BAND |= {"width": 4.0}
_SOUNDING = {"bypass": False, "mode": "IIR", "split-channels": False, "balance": 0.0, "pitch-left": 0.0, "pitch-right": 0.0}
"""Keys that change the sound, with the values at which they do not; "FIR" and the other modes only change the phase."""
_INSTANCE = re.compile(r"equalizer(#\d+)?")


@dataclass(frozen=True, slots=True)
class _Document:
    """A document, and where its bands stand."""

    root: Json
    slots: Slots


class EasyEffects:
    """Reads and writes EasyEffects output presets with one equalizer."""

    info = FormatInfo(
        id="easyeffects",
        title="EasyEffects output preset",
        host="EasyEffects 7 (reads version 6 too)",
        suffixes=(".easyeffects.json",),
        how_to_import="copy it to ~/.config/easyeffects/output/NAME.json (Flatpak: ~/.var/app/com.github.wwmm.easyeffects/config/...), "
        "or Presets, Import; then choose it under Presets",
        precision_db=1e-9,
        limits=Limits(max_bands=MAX_BANDS, freq_hz=(10.0, 24_000.0), gain_db=(-36.0, 36.0), q=(0.01, 100.0), preamp_db=(-36.0, 36.0)),
        protects=True,
        verified="EasyEffects 7.0.0",
        aliases=("easy-effects",),
        places=easy_effects("output"),
        measured_in=(MeasuringHost("easyeffects", "output preset", is_default=False),),
        remark="its keys were also measured on the ports of its engine, LSP para_equalizer_x32_lr 1.2.5",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a JSON object that starts with an output or input preset."""
        found = re.match(rb'\s*\{\s*"(output|input)"\s*:\s*\{\s*"([\w#-]+)"', head)
        return found is not None and (b'"equalizer' in head or b'"blocklist"' in head or b'"plugins_order"' in head)

    def write(self, preset: Preset) -> Written:
        """Return the document; a preset that was read keeps its other plug-ins, keys and bands."""
        data = preset.unchanged()
        if data is None:
            before = preset.parts(_Document) or _Document(_skeleton(), Slots())
            document = copy.deepcopy(before.root)
            _put(_equalizer(document), preset.single, before.slots)
            data = (json.dumps(document, indent=4, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
        return Written({"preset.easyeffects.json": data})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming band and key."""
        (data,) = files.values()
        try:
            document = strict_json.loads(data, max_bytes=5_000_000)
        except ValueError as error:
            raise PresetReadError(str(error)) from error
        equalizer = _equalizer(document)
        notes = [
            Note("unknown", None, key, f"{str(equalizer[key])[:40]} is not read", None)
            for key, idle in _SOUNDING.items()
            if key in equalizer and not _is_idle(key, equalizer[key], idle)
        ]
        order = _section(document).get("plugins_order")
        notes += [
            Note("unknown", None, "plugins_order", f"{str(name)[:40]!r} is not read", None)
            for name in (order if isinstance(order, list) else [])
            if not (isinstance(name, str) and _INSTANCE.fullmatch(name))
        ]
        left = _channel(equalizer, "left")
        if equalizer.get("split-channels") is True and _channel(equalizer, "right") != left:
            notes.append(Note("unknown", None, "right", "the right channel is filtered differently and is not read", None))
        bands, of_bands, foreign = [], [], []
        for index in range(_count(equalizer)):
            entry = left.get(f"band{index}")
            if not isinstance(entry, dict):
                raise PresetReadError("is missing or not an object", where=f"left band{index}")
            reason = _why_foreign(entry)
            if reason:
                foreign.append(index)
                if reason != "Off":
                    notes.append(Note("unknown", None, f"band{index}", f"{reason} is not read", None))
            else:
                bands.append(_band(entry, f"band{index}"))
                of_bands.append(index)
        eq = settings(bands, _number(equalizer, "input-gain", "equalizer", 0.0) + _number(equalizer, "output-gain", "equalizer", 0.0))
        slots = Slots(tuple(of_bands), frozenset(foreign))
        return Preset(eq, source=Source(_Document(document, slots), data, eq), notes=tuple(notes))


def _skeleton() -> Json:
    equalizer: Json = {**_SOUNDING, "input-gain": 0.0, "output-gain": 0.0, "num-bands": 0, "left": {}, "right": {}}
    return {"output": {"blocklist": [], "plugins_order": ["equalizer#0"], "equalizer#0": equalizer}}


def _section(document: object) -> Json:
    for key in ("output", "input"):
        if isinstance(document, dict) and isinstance(document.get(key), dict):
            section: Json = document[key]
            return section
    raise PresetReadError('has neither an "output" nor an "input" object')


def _equalizer(document: object) -> Json:
    """Return the one equalizer of a preset."""
    section = _section(document)
    found = [key for key in section if _INSTANCE.fullmatch(key)]
    if len(found) > 1 and isinstance(section.get("plugins_order"), list):
        found = [key for key in found if key in section["plugins_order"]]
    if len(found) != 1:
        raise PresetReadError(f"has {len(found)} equalizers, expected one")
    if not isinstance(section[found[0]], dict):
        raise PresetReadError("is not an object", where=found[0])
    equalizer: Json = section[found[0]]
    return equalizer


def _channel(equalizer: Json, side: str) -> Json:
    channel = equalizer.get(side)
    if not isinstance(channel, dict):
        raise PresetReadError("is missing or not an object", where=side)
    return channel


def _count(equalizer: Json) -> int:
    count = equalizer.get("num-bands", len(_channel(equalizer, "left")))
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_BANDS:
        raise PresetReadError(f"num-bands {str(count)[:20]} is not a whole number in 0..{MAX_BANDS}", where="equalizer")
    return count


def _is_idle(key: str, value: object, idle: object) -> bool:
    return value == idle or (key == "mode" and value in ("IIR", "FIR", "FFT", "SPM"))


def _why_foreign(entry: Json) -> str:
    """Return what an entry holds that is no band of ours, "" where it is one."""
    kind = entry.get("type")
    if kind == "Off":
        return "Off"
    if kind not in _KINDS:
        return f"type {str(kind)[:40]!r}"
    if entry.get("mode") != _MODE:
        return f"mode {str(entry.get('mode'))[:40]!r} (only {_MODE!r} is the cookbook's)"
    if entry.get("slope", "x1") != "x1":
        return f"slope {str(entry.get('slope'))[:40]!r}"
    return "a soloed band" if entry.get("solo") is True else ""


def _band(entry: Json, where: str) -> Band:
    freq_hz, gain_db, q = (_number(entry, key, where) for key in ("frequency", "gain", "q"))
    muted = entry.get("mute", False)
    if not isinstance(muted, bool):
        raise PresetReadError(f"mute {str(muted)[:20]} is not true or false", where=where)
    return band(_KINDS[entry["type"]], freq_hz, gain_db, q, enabled=not muted, where=where)


def _number(entry: Json, key: str, where: str, default: float | None = None) -> float:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise PresetReadError(f"{key} is missing" if value is None else f"{key} {str(value)[:40]!r} is not a number", where=where)
    return float(value)


def _put(equalizer: Json, eq: EqSettings, slots: Slots) -> None:
    """Let the equalizer say what the EQ says; bands keep their places, new ones take free ones."""
    if _number(equalizer, "input-gain", "", 0.0) + _number(equalizer, "output-gain", "", 0.0) != eq.preamp_db:
        equalizer["input-gain"] = eq.preamp_db - _number(equalizer, "output-gain", "", 0.0)
    left = _channel(equalizer, "left")
    old = [left[f"band{index}"] for index in range(_count(equalizer))]
    entries = {index: old[index] for index in sorted(slots.foreign) if _why_foreign(old[index]) != "Off"}
    places = list(slots.of_bands[: len(eq.bands)])
    free = iter([index for index in range(MAX_BANDS) if index not in entries and index not in slots.of_bands])
    while len(places) < len(eq.bands):
        place = next(free, None)
        if place is None:
            raise PresetWriteError(f"easyeffects: no place is left for band {len(places) + 1}; {len(entries)} hold other filters")
        places.append(place)
    for place, held in zip(places, eq.bands, strict=True):
        entry = old[place] if place < len(old) else dict(_IDLE_BAND)
        if _why_foreign(entry) or _band(entry, "") != held:
            entry = {**entry, "type": _TYPES[held.kind], "mode": _MODE, "slope": "x1", "solo": False, "mute": not held.enabled}
            entry |= {"frequency": held.freq_hz, "gain": held.gain_db, "q": held.q}
        entries[place] = entry
    count = max(entries, default=0) + 1
    equalizer["num-bands"] = count
    for side in ("left", "right"):
        others = {key: value for key, value in equalizer.get(side, {}).items() if not re.fullmatch(r"band\d+", key)}
        equalizer[side] = others | {f"band{index}": entries.get(index, _IDLE_BAND) for index in range(count)}


FORMAT: PresetFormat = EasyEffects()
