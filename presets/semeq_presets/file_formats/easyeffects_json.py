"""EasyEffects output preset, versions 5 to 8 (JSON). The engine behind it is LSP's Parametric Equalizer x32.

    {"output": {"blocklist": [], "plugins_order": ["equalizer#0"], "equalizer#0": {...}}}      up to version 6: the key is "equalizer"

| key of equalizer#0 | value |
| --- | --- |
| input-gain, output-gain | dB; the preamp is written to input-gain and read from both |
| mode | "IIR"; "FIR", "FFT", "SPM" have another phase and blur low filters: a note says how much |
| num-bands | 1..32 |
| left, right | {"band0": {...}, ...}; where they differ the preset has an EQ for each |
| split-channels | whether the window shows both; EasyEffects 7 and 8 play right as it is either way, and left for it where it is empty |
| balance | -100..100; the left channel's amplitude is times (100 - b) / 100, the right one's (100 + b) / 100 |
| pitch-left, pitch-right | semitones by which a channel's filters are moved; written as 0 |
| bypass (version 5: state, the opposite) | true: the equalizer is off; bands are read as switched off; written as false |
| decramp (version 8) | "Off"; others change the filters near 20 kHz: a note says how much |

| key of a band | value |
| --- | --- |
| type, mode, slope | as `_lsp_filters` lists them; written in the mode "APO (DR)", slope "x1", whose filters are our bands |
| frequency, gain, q | Hz, dB, the q of the mode; what is outside the plug-in's ranges is taken at their ends, as it does |
| mute, solo | a muted band is a switched-off one, and so is one that is not soloed where another is; written as mute |
| width | octaves, of the types between two frequencies; written as 4.0 |

Where an EQ was changed, a filter whose bands are still there keeps its entry. Version 5 has all numbers and switches as strings. Without
bands, one of type "Off" is written. JSON as EasyEffects writes it: keys sorted, indented by 4.
Sources: preset files of versions 5 to 7; wwmm/easyeffects, src/equalizer_preset.cpp, src/equalizer.cpp and src/contents/kcfg; mapped key by
key onto the ports of LSP para_equalizer_x32_lr and measured.
"""

from __future__ import annotations

import copy
import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any, get_args

from semeq_export.eq.channels import LEFT, RIGHT, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.files import strict_json
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_presets.file_formats._fields import number
from semeq_presets.file_formats._lsp_channel import Channel, Switched, kept_gain_db, placed, read_channel
from semeq_presets.file_formats._lsp_errors import PhaseMode
from semeq_presets.file_formats._lsp_filters import APO, APO_TYPES, MODES, SLOPES, TYPES, WRITTEN_KINDS, LspFilter
from semeq_presets.file_formats._places import easy_effects
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

Json = dict[str, Any]  # Any: JSON holds what it holds

MAX_BANDS = 32
_SIDES = (LEFT, RIGHT)
_IDLE_BAND = {"type": "Off", "mode": APO, "slope": "x1", "frequency": 1_000.0, "gain": 0.0, "q": 1.0, "mute": False, "solo": False}
_IDLE_BAND |= {"width": 4.0}
_DECRAMPS = {"Off": 1, "x2": 2, "x3": 3, "x4": 4, "x6": 6, "x8": 8}
_SILENT_DB = -120.0
_INSTANCE = re.compile(r"equalizer(#\d+)?")
_SECTION = re.compile(rb'"(output|input)"\s*:\s*\{')
_MARKS = (b'"equalizer', b'"blocklist"', b'"plugins_order"')
_OURS = re.compile(r"equalizer(#\d+)?|spectrum(#\d+)?|level_meter(#\d+)?|blocklist|plugins_order")
"""Keys of a section that are read, or that do nothing to the sound."""


@dataclass(frozen=True, slots=True)
class _Document:
    """A document and its two channels as they were read. is_plain: whether its filters are played as the bands say, without shifts."""

    root: Json
    channels: tuple[Channel, Channel]
    is_plain: bool = True


class EasyEffects:
    """Reads and writes EasyEffects output presets with one equalizer."""

    info = FormatInfo(
        id="easyeffects",
        title="EasyEffects output preset",
        host="EasyEffects 7 (reads versions 5 to 8)",
        suffixes=(".easyeffects.json",),
        how_to_import="copy it to ~/.config/easyeffects/output/NAME.json (Flatpak: ~/.var/app/com.github.wwmm.easyeffects/config/...), "
        "or Presets, Import; then choose it under Presets",
        precision_db=1e-9,
        limits=Limits(
            max_bands=MAX_BANDS,
            kinds=WRITTEN_KINDS,
            freq_hz=(10.0, 24_000.0),
            gain_db=(-35.0, 35.0),
            q=(0.1, 100.0),
            preamp_db=(-36.0, 36.0),
            channels=_SIDES,
        ),
        protects=True,
        verified="EasyEffects 7.0.0",
        aliases=("easy-effects",),
        places=easy_effects("output"),
        measured_in=(MeasuringHost("easyeffects", "output preset", is_default=False),),
        remark="gains over 35 dB are ignored before 7.0.8; keys measured on its engine too, LSP para_equalizer_x32_lr 1.2.5",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a JSON object with an output or input section of plug-ins."""
        return head.lstrip().startswith(b"{") and _SECTION.search(head) is not None and any(mark in head for mark in _MARKS)

    def write(self, preset: Preset) -> Written:
        """Return the document; a preset that was read keeps its other plug-ins, its keys and the filters that are still there."""
        data = preset.unchanged()
        if data is None:
            before = preset.parts(_Document) or _Document(_skeleton(), (Channel(EqSettings()), Channel(EqSettings())))
            document = copy.deepcopy(before.root)
            _put(_equalizer(document), preset.eq, before)
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
        is_on = _is_on(_section(document), equalizer)
        channels = _channels(equalizer)
        left, right = (channel.eq if is_on else _off(channel.eq) for channel in channels)
        eq: Equaliser = left if left == right else ChannelEqs(((LEFT, left), (RIGHT, right)))
        notes = _other_plugins(_section(document))
        notes += (
            [replace(note, field="filters") for note in channels[0].notes] if left == right else [*channels[0].notes, *channels[1].notes]
        )
        if not is_on:
            notes.append(Note("dropped", None, "equalizer", "EasyEffects does not run it: its bands are switched off", None, 0.0))
        shifted = any(_number(equalizer, key, "equalizer", 0.0) for key in ("pitch-left", "pitch-right"))
        is_plain = is_on and not shifted and not any(channel.has_solo for channel in channels)
        return Preset(eq, source=Source(_Document(document, channels, is_plain), data, eq, is_whole=True), notes=tuple(notes))


def _skeleton() -> Json:
    equalizer: Json = {"mode": "IIR", "bypass": False, "split-channels": False, "balance": 0.0, "pitch-left": 0.0, "pitch-right": 0.0}
    equalizer |= {"input-gain": 0.0, "output-gain": 0.0, "num-bands": 0, "left": {}, "right": {}}
    return {"output": {"blocklist": [], "plugins_order": ["equalizer#0"], "equalizer#0": equalizer}}


def _section(document: object) -> Json:
    """Return the output section, or the input one where only that holds an equalizer."""
    found = [document[key] for key in ("output", "input") if isinstance(document, dict) and isinstance(document.get(key), dict)]
    if not found:
        raise PresetReadError('has neither an "output" nor an "input" object')
    section: Json = next((section for section in found if any(_INSTANCE.fullmatch(key) for key in section)), found[0])
    return section


def _equalizer(document: object) -> Json:
    """Return the one equalizer of a preset."""
    section = _section(document)
    found = [key for key in section if _INSTANCE.fullmatch(key)]
    if len(found) > 1 and isinstance(section.get("plugins_order"), list):
        found = [key for key in found if key in section["plugins_order"]]
    if len(found) != 1:
        hint = "; keep one in EasyEffects and save the preset again" if found else ""
        raise PresetReadError(f"has {len(found)} equalizers, expected one{hint}")
    if not isinstance(section[found[0]], dict):
        raise PresetReadError("is not an object", where=found[0])
    equalizer: Json = section[found[0]]
    return equalizer


def _is_on(section: Json, equalizer: Json) -> bool:
    """Whether EasyEffects runs the equalizer: it stands in the order of plug-ins, where there is one, and is not switched off."""
    order = section.get("plugins_order")
    is_listed = not isinstance(order, list) or any(_INSTANCE.fullmatch(str(name)) for name in order)
    return is_listed and not _flag(equalizer, "bypass", "equalizer") and _flag(equalizer, "state", "equalizer", default=True)


def _other_plugins(section: Json) -> list[Note]:
    """Return one note that names what else changes the sound."""
    order = section.get("plugins_order")
    names = [str(name) for name in order] if isinstance(order, list) else list(section)
    others = [re.sub(r"#0$", "", name)[:40] for name in names if not _OURS.fullmatch(name) and _plays(section.get(name))]
    return [Note("unknown", None, "other plug-ins", f"{', '.join(others)[:200]}: not read", None)] if others else []


def _plays(plugin: object) -> bool:
    """Whether a plug-in of the chain is on: version 5 lists all that there are, and says of each whether it is."""
    return isinstance(plugin, dict) and plugin.get("bypass") not in (True, "true") and plugin.get("state") not in (False, "false")


def _channels(equalizer: Json) -> tuple[Channel, Channel]:
    _flag(equalizer, "split-channels", "equalizer")
    gain_db = sum(_inside_gain(_number(equalizer, key, "equalizer", 0.0)) for key in ("input-gain", "output-gain"))
    balance = min(max(_number(equalizer, "balance", "equalizer", 0.0), -100.0), 100.0)
    left, right = (
        read_channel(
            _filters(equalizer, side),
            gain_db + (amplitude_to_db(max(1.0 + sign * balance / 100.0, db_to_amplitude(_SILENT_DB))) if balance else 0.0),
            name=side,
            semitones=min(max(_number(equalizer, f"pitch-{side}", "equalizer", 0.0), -120.0), 120.0),
            phase=_phase(equalizer),
            decramp=_DECRAMPS[_one_of(equalizer, "decramp", tuple(_DECRAMPS), "Off", "equalizer")],
        )
        for side, sign in zip(_SIDES, (-1.0, 1.0), strict=True)
    )
    return left, right


def _inside_gain(gain_db: float) -> float:
    return min(max(gain_db, -36.0), 36.0)


def _played_side(equalizer: Json, side: str) -> str:
    """Return which side's bands a channel plays."""
    return LEFT if side == RIGHT and not _channel(equalizer, RIGHT) else side


def _filters(equalizer: Json, side: str) -> dict[int, Switched]:
    entries = _channel(equalizer, _played_side(equalizer, side))
    filters = {}
    for index in range(_count(equalizer)):
        entry, where = entries.get(f"band{index}"), f"{side} band{index}"
        if not isinstance(entry, dict):
            raise PresetReadError("is missing or not an object", where=where)
        filters[index] = _filter(entry, where)
    return filters


def _filter(entry: Json, where: str) -> Switched:
    kind, mode = _one_of(entry, "type", TYPES, "Bell", where), _one_of(entry, "mode", MODES, MODES[0], where)
    slope = int(_one_of(entry, "slope", tuple(f"x{slope}" for slope in SLOPES), "x1", where)[1:])
    idle = kind == "Off"
    freq_hz, gain_db, q = (_number(entry, key, where, 1.0 if idle else None) for key in ("frequency", "gain", "q"))
    one = LspFilter(kind, mode, slope, freq_hz, gain_db, q, _number(entry, "width", where, 4.0))
    return Switched(one, _flag(entry, "solo", where), _flag(entry, "mute", where))


def _one_of(entry: Json, key: str, known: tuple[str, ...], default: str, where: str) -> str:
    value = entry.get(key, default)
    if value not in known:
        raise PresetReadError(f"{key} {str(value)[:40]!r} is not one of {', '.join(known)}; choose one in EasyEffects", where=where)
    return str(value)


def _phase(equalizer: Json) -> PhaseMode:
    mode = equalizer.get("mode", "IIR")
    known: tuple[PhaseMode, ...] = get_args(PhaseMode)
    found = next((one for one in known if one == mode), None)
    if found is None:
        raise PresetReadError(f"mode {str(mode)[:40]!r} is not one of {', '.join(known)}", where="equalizer")
    return found


def _off(eq: EqSettings) -> EqSettings:
    return EqSettings(tuple(replace(band, enabled=False) for band in eq.bands))


def _channel(equalizer: Json, side: str) -> Json:
    channel = equalizer.get(side)
    if not isinstance(channel, dict):
        raise PresetReadError("is missing or not an object", where=side)
    return channel


def _count(equalizer: Json) -> int:
    count = equalizer.get("num-bands", len(_channel(equalizer, LEFT)))
    if isinstance(count, str) and re.fullmatch(r"\d{1,2}", count):
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MAX_BANDS:
        raise PresetReadError(f"num-bands {str(count)[:20]} is not a whole number in 0..{MAX_BANDS}", where="equalizer")
    return count


def _flag(entry: Json, key: str, where: str, *, default: bool = False) -> bool:
    value = entry.get(key, default)
    if value not in (True, False, "true", "false") or (isinstance(value, int | float) and not isinstance(value, bool)):
        raise PresetReadError(f"{key} {str(value)[:20]} is not true or false", where=where)
    return value in (True, "true")


def _number(entry: Json, key: str, where: str, default: float | None = None) -> float:
    value = entry.get(key, default)
    if isinstance(value, str):
        return number(value, key, where)
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise PresetReadError(f"{key} is missing" if value is None else f"{key} {str(value)[:40]!r} is not a number", where=where)
    return float(value)


def _put(equalizer: Json, eq: Equaliser, before: _Document) -> None:
    """Let the equalizer say what the EQ says; filters that are still there keep their entries, new ones take free places."""
    eqs = [eq, eq] if isinstance(eq, EqSettings) else [eq[side] if side in eq.names else EqSettings() for side in _SIDES]
    levels_db = []
    sides: list[dict[int, Json]] = []
    for side, channel, wanted in zip(_SIDES, before.channels, eqs, strict=True):
        groups = channel.groups if before.is_plain else ()
        taken = placed(wanted, groups, range(MAX_BANDS), EasyEffects.info.id)
        old = _channel(equalizer, _played_side(equalizer, side))
        sides.append({place: _entry(old.get(f"band{place}"), band) for place, band in taken.items()})
        levels_db.append(wanted.preamp_db - kept_gain_db(groups, taken))
    equalizer |= {"bypass": False, "pitch-left": 0.0, "pitch-right": 0.0, "split-channels": sides[0] != sides[1]}
    if "state" in equalizer:
        equalizer["state"] = True
    _put_level(equalizer, *levels_db)
    count = max((place for entries in sides for place in entries), default=0) + 1
    equalizer["num-bands"] = count
    for side, entries in zip(_SIDES, sides, strict=True):
        others = {key: value for key, value in equalizer.get(side, {}).items() if not re.fullmatch(r"band\d+", key)}
        equalizer[side] = others | {f"band{index}": entries.get(index, dict(_IDLE_BAND)) for index in range(count)}


def _entry(old: object, band: Band | None) -> Json:
    """Return a band's entry; the old one where it still says the same, and for keys that nobody knows."""
    known = old if isinstance(old, dict) else {}
    if band is None:
        return known
    entry: Json = {**_IDLE_BAND, **known, "type": APO_TYPES[band.kind], "mode": APO, "slope": "x1", "solo": False, "mute": not band.enabled}
    return entry | {"frequency": band.freq_hz, "gain": band.gain_db, "q": band.q}


def _put_level(equalizer: Json, left_db: float, right_db: float) -> None:
    """Set gains and balance; those that already say the levels of both channels stay."""
    output_db, balance = _number(equalizer, "output-gain", "", 0.0), _number(equalizer, "balance", "", 0.0)
    gain_db = left_db - output_db
    if left_db != right_db:
        ratio = db_to_amplitude(right_db - left_db)
        balance = 100.0 * (ratio - 1.0) / (ratio + 1.0)
        gain_db -= amplitude_to_db(1.0 - balance / 100.0)
    elif balance:
        balance = 0.0
    if not -36.0 <= gain_db <= 36.0 and output_db:
        gain_db, equalizer["output-gain"] = gain_db + output_db, 0.0
    if not -36.0 <= gain_db <= 36.0:
        raise PresetWriteError(f"easyeffects: input-gain {gain_db:.2f} dB is outside -36..36")
    if not math.isclose(_number(equalizer, "input-gain", "", 0.0), gain_db, abs_tol=1e-12):
        equalizer["input-gain"] = gain_db
    equalizer["balance"] = balance


FORMAT: PresetFormat = EasyEffects()
