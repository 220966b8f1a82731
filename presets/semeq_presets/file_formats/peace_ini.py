"""Configuration of Peace, the interface of Equalizer APO (.peace): sections of numbered keys.

    [Speakers]                     [Frequencies]        [Qualities]
    SpeakerId0=0                   Frequency1=105       Quality1=0.7
    SpeakerTargets0=all            Frequency2=1604      Quality2=1.23
    SpeakerName0=All               [Gains]              [Filters]
    [General]                      Gain1=8.1            Filter1=14
    PreAmp=-5.9                    Gain2=-2.7

| Filter | what Equalizer APO plays |
| --- | --- |
| none or 0 | PK with the Quality as Q |
| 1, 2, 3, 6, 7 | LPQ, HPQ, BP, NO, AP with Q |
| 4, 5 | LS, HS without Q: slope 0.9 |
| 8, 9 | LSC, HSC; Quality is a slope in dB |
| 10, 11 | Butterworth low- and high-pass; Quality is the order |
| 12, 13 | Linkwitz-Riley low- and high-pass, two Butterworth passes of half the order |
| 14, 15, 16, 17 | LSC, HSC (centre), LS, HS (corner) with Q |

Lines of Equalizer APO mean what `_apo_filter` says. SpeakerTargets0 names the channels that the filters are for, "all" or L, R, ...
Passes of a high order are read as their sections. Written: 1..3, 6, 7, 14, 15 and peaks, and 10, 11 for a pass of first order, for all
channels; other sections and comments of a file that was read stay.
Source: public test files of m1lhaus/convert-peace-to-easyeffects, one for each kind; Equalizer APO as in `_apo_filter`.
Unknown: how filters of the other speakers are stored: such files are refused. That Quality is the order of 10 to 13 is an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from semeq_export.eq.biquad import pass_qs
from semeq_export.eq.channels import Equaliser
from semeq_export.eq.settings import MAX_PASS_ORDER, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._apo_channels import Channels, eq_of
from semeq_presets.file_formats._apo_filter import FilterLine, Sound, read_filter
from semeq_presets.file_formats._apo_losses import Losses
from semeq_presets.file_formats._fields import any_text, band, head_text, number, plain_decimal
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_WITH_Q = {0: "PK", 1: "LPQ", 2: "HPQ", 3: "BP", 6: "NO", 7: "AP", 14: "LSC", 15: "HSC", 16: "LS", 17: "HS"}
_BARE = {4: "LS", 5: "HS"}
_SLOPED = {8: "LSC", 9: "HSC"}
_BUTTERWORTH = {10: BandKind.LOW_PASS, 11: BandKind.HIGH_PASS}
_FIRST_ORDER = {kind: code for code, kind in _BUTTERWORTH.items()}
_LINKWITZ_RILEY = {12: BandKind.LOW_PASS, 13: BandKind.HIGH_PASS}
_CODES = {
    BandKind.PEAK: 0,
    BandKind.LOW_PASS: 1,
    BandKind.HIGH_PASS: 2,
    BandKind.BAND_PASS: 3,
    BandKind.NOTCH: 6,
    BandKind.ALL_PASS: 7,
    BandKind.LOW_SHELF: 14,
    BandKind.HIGH_SHELF: 15,
}
_BANDS = {"Frequencies": "Frequency", "Gains": "Gain", "Qualities": "Quality", "Filters": "Filter"}
_BUTTERWORTH_Q = 0.7071
_RATE_HZ = 48_000.0
_MAX_LINES = 20_000
_MAX_BANDS = 1_000
_SECTION = re.compile(r"[ \t]*\[([^\]]*)\][ \t]*")
_KEY = re.compile(r"[ \t]*([^=;]+?)[ \t]*=[ \t]*(.*?)[ \t]*")
_SPEAKER = re.compile(r"Speaker(Id|Targets|Name)\d+", re.IGNORECASE)
_FRESH = (
    "[Speakers]",
    "SpeakerId0=0",
    "SpeakerTargets0=all",
    "SpeakerName0=All",
    "[General]",
    "PreAmp=0",
    *(f"[{section}]" for section in _BANDS),
    "",
)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a file without their ends, and what ends them; text is marked as UTF-16 or UTF-8 by `mark`."""

    lines: tuple[str, ...]
    end: str
    mark: str


class Peace:
    """Reads and writes configurations of Peace."""

    info = FormatInfo(
        id="peace",
        title="Peace configuration",
        host="Peace, the interface of Equalizer APO",
        suffixes=(".peace",),
        how_to_import="Peace: Import, or copy it into C:\\Program Files\\EqualizerAPO\\config and choose it in the list",
        precision_db=0.01,
        limits=Limits(
            kinds=frozenset(_CODES),
            orders={kind: frozenset({1, 2}) for kind in _BUTTERWORTH.values()},
            freq_hz=(10.0, 24_000.0),
            gain_db=(-30.0, 30.0),
            q=(0.01, 100.0),
            preamp_db=(-30.0, 30.0),
            holds_disabled=False,
        ),
        protects=True,
        remark="plays through Equalizer APO; which gains Peace takes is not known, 30 dB are written",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes have a section of frequencies, or of speakers."""
        return (
            re.search(r"^[ \t]*\[(Frequencies|Speakers)\][ \t]*$", head_text(head).replace("\r", ""), re.IGNORECASE | re.MULTILINE)
            is not None
        )

    def write(self, preset: Preset) -> Written:
        """Return the file; a preset that was read keeps its other sections and lines."""
        data = preset.unchanged()
        if data is None:
            before = preset.parts(_Lines) or _Lines(_FRESH, "\r\n", "")
            text = before.mark + before.end.join(_with_bands(before.lines, preset.single))
            data = text.encode("utf-8")
        return Written({"preset.peace": data})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming section and key."""
        (data,) = files.values()
        text = any_text(data)
        lines = text.removeprefix("\ufeff").split("\n")
        if len(lines) > _MAX_LINES:
            raise PresetReadError(f"more than {_MAX_LINES} lines")
        sections = _sections([line.removesuffix("\r") for line in lines])
        if "frequencies" not in sections:
            raise PresetReadError("has no section [Frequencies]")
        losses, notes = Losses(), _unread(sections)
        sounds: list[Sound] = [_number(sections["general"], "preamp", "General")] if "preamp" in sections.get("general", {}) else []
        for count in _numbers(sections["frequencies"]):
            values = {name: sections.get(section.lower(), {}).get(f"{name}{count}".lower(), "") for section, name in _BANDS.items()}
            sounds += _sounds(count, values, losses)
        eq = _for_targets(sounds, sections.get("speakers", {}))
        end = "\r\n" if lines[0].endswith("\r") else "\n"
        kept = _Lines(tuple(line.removesuffix("\r") for line in lines), end, "\ufeff" if text.startswith("\ufeff") else "")
        return Preset(eq, source=Source(kept, data, eq, None), notes=(*notes, *losses.notes(_RATE_HZ)))


def _sections(lines: list[str]) -> dict[str, dict[str, str]]:
    """Return the values of all keys by section, both in lower case."""
    result: dict[str, dict[str, str]] = {}
    held: dict[str, str] | None = None
    for count, line in enumerate(lines, start=1):
        found, key = _SECTION.fullmatch(line), _KEY.fullmatch(line)
        if found is not None:
            name = found[1].strip().lower()
            if name in result:
                raise PresetReadError(f"section {found[1][:40]!r} stands twice", where=f"line {count}")
            held = result[name] = {}
        elif key is not None:
            if held is None:
                raise PresetReadError(f"{key[1][:40]!r} stands in no section", where=f"line {count}")
            if key[1].lower() in held:
                raise PresetReadError(f"{key[1][:40]!r} stands twice", where=f"line {count}")
            held[key[1].lower()] = key[2]
        elif line.strip() and not line.lstrip().startswith(";"):
            raise PresetReadError(f"{line.strip()[:40]!r} is neither a section nor a key", where=f"line {count}")
    return result


def _unread(sections: Mapping[str, Mapping[str, str]]) -> list[Note]:
    """Return notes on sections and keys that are not understood; raises PresetReadError for those that hold filters of other speakers."""
    notes = []
    for section, name in _BANDS.items():
        for key in sections.get(section.lower(), {}):
            if not re.fullmatch(rf"{name.lower()}[1-9]\d{{0,3}}", key):
                raise PresetReadError(f"{key[:40]!r} may be of another speaker, which is not read; save it with one speaker", where=section)
    for section, values in sections.items():
        if re.fullmatch(r"(frequencies|gains|qualities|filters).+", section):
            raise PresetReadError(f"section {section[:40]!r} may be of another speaker, which is not read; save it with one speaker")
        others = [key for key in values if not (key == "preamp" if section == "general" else _SPEAKER.fullmatch(key))]
        if section.capitalize() not in _BANDS and (others or section not in ("general", "speakers")):
            what = f"{len(others)} keys, the first {others[0][:40]!r}," if others else "nothing in it"
            notes.append(Note("unknown", None, f"[{section[:40]}]", f"{what} is not read", None))
    return notes


def _numbers(frequencies: Mapping[str, str]) -> list[int]:
    found = sorted(int(key.removeprefix("frequency")) for key in frequencies)
    if len(found) > _MAX_BANDS:
        raise PresetReadError(f"more than {_MAX_BANDS} filters", where="Frequencies")
    return found


def _number(values: Mapping[str, str], key: str, where: str) -> float:
    return number(values[key].replace(",", "."), key, where)


def _sounds(count: int, values: dict[str, str], losses: Losses) -> tuple[Sound, ...]:
    """Return what a filter adds; a filter that Equalizer APO would skip goes to the losses."""
    where = f"filter {count}"
    freq_hz = _number(values, "Frequency", where)
    code = _number(values, "Filter", where) if values["Filter"] else 0.0
    gain_db = _number(values, "Gain", where) if values["Gain"] else 0.0
    if code in _BUTTERWORTH or code in _LINKWITZ_RILEY:
        return _pass(int(code), freq_hz, _number(values, "Quality", where), where)
    tail = f"Fc {_exact(freq_hz)} Hz Gain {_exact(gain_db)} dB"
    if code in _BARE:
        line = f"ON {_BARE[int(code)]} {tail}"
    elif code in _SLOPED:
        line = f"ON {_SLOPED[int(code)]} {_exact(_number(values, 'Quality', where))} dB {tail}"
    elif code in _WITH_Q:
        line = f"ON {_WITH_Q[int(code)]} {tail} Q {_exact(_number(values, 'Quality', where))}"
    else:
        raise PresetReadError(f"type {code:g} is not 0..17", where=where)
    found: FilterLine = read_filter(f" {line}", _RATE_HZ, where)
    if found.skipped:
        losses.add(where, f"is skipped by Equalizer APO: {found.skipped}", found.lost)
    return found.sounds


def _pass(code: int, freq_hz: float, quality: float, where: str) -> tuple[Sound, ...]:
    """Return a pass of an order: Butterworth, or Linkwitz-Riley, which is two of half the order."""
    is_double = code in _LINKWITZ_RILEY
    order = quality / 2.0 if is_double else quality
    if not order.is_integer() or order < 1.0:
        raise PresetReadError(
            f"quality {quality:g} is no order of {'Linkwitz-Riley, which is even' if is_double else 'Butterworth'}", where=where
        )
    if order > MAX_PASS_ORDER:
        raise PresetReadError(f"a pass of order {order:g} is over the limit of {MAX_PASS_ORDER}", where=where)
    kind = _LINKWITZ_RILEY[code] if is_double else _BUTTERWORTH[code]
    qs = pass_qs(int(order), _BUTTERWORTH_Q)
    held = tuple(replace(band(kind, freq_hz, 0.0, q or _BUTTERWORTH_Q, where=where), order=1 if q is None else 2) for q in qs)
    return held * 2 if is_double else held


def _exact(value: float) -> str:
    """Return a number that Equalizer APO reads as it is: never with three decimals, which it takes for thousands."""
    text = plain_decimal(value, 17)
    return f"{text}0" if re.fullmatch(r"-?\d+\.\d{3}", text) else text


def _for_targets(sounds: list[Sound], speakers: Mapping[str, str]) -> Equaliser:
    """Return the EQ for the channels that the first speaker is."""
    targets = speakers.get("speakertargets0", "all").replace(",", " ")
    channels = Channels()
    unknown = channels.select(targets)
    if unknown or not targets.strip():
        raise PresetReadError(f"speaker 0 has the targets {targets[:40]!r}, of which not all are channels", where="Speakers")
    if channels.selection is None:
        return eq_of(sounds)
    channels.add(sounds, "")
    return channels.result()


def _with_bands(lines: tuple[str, ...], eq: EqSettings) -> list[str]:
    """Return lines whose sections of bands and preamp say the EQ; sections that are not there go to the end."""
    wanted = {section.lower(): _keys(section, name, eq) for section, name in _BANDS.items()}
    result: list[str] = []
    section, has_preamp = "", False
    for line in lines:
        found, key = _SECTION.fullmatch(line), _KEY.fullmatch(line)
        if found is not None:
            section = found[1].strip().lower()
            result += [line, *wanted.pop(section, [])]
        elif key is not None and section in {name.lower() for name in _BANDS}:
            continue
        elif key is not None and section == "general" and key[1].lower() == "preamp":
            has_preamp = True
            result.append(f"PreAmp={_plain(eq.preamp_db)}")
        else:
            result.append(line)
    tail = [""] if result and not result[-1] else []
    result = result[: len(result) - len(tail)]
    for name, keys in wanted.items():
        result += [f"[{name.capitalize()}]", *keys] if keys else []
    if not has_preamp and eq.preamp_db:
        result = _insert_preamp(result, f"PreAmp={_plain(eq.preamp_db)}")
    return result + tail


def _insert_preamp(lines: list[str], preamp: str) -> list[str]:
    for place, line in enumerate(lines):
        found = _SECTION.fullmatch(line)
        if found is not None and found[1].strip().lower() == "general":
            return [*lines[: place + 1], preamp, *lines[place + 1 :]]
    return [*lines, "[General]", preamp]


def _keys(section: str, name: str, eq: EqSettings) -> list[str]:
    texts = [(count, _values(held)[section]) for count, held in enumerate(eq.bands, start=1)]
    return [f"{name}{count}={text}" for count, text in texts if text]


def _values(held: Band) -> dict[str, str]:
    """Return the texts of a band by section, nothing for one that goes without saying."""
    is_first = held.order == 1
    code = _FIRST_ORDER[held.kind] if is_first else _CODES[held.kind]
    numbers = {"Frequencies": held.freq_hz, "Gains": held.gain_db, "Qualities": 1.0 if is_first else held.q}
    return {section: _plain(value) for section, value in numbers.items()} | {"Filters": str(code) if code else ""}


def _plain(value: float) -> str:
    """Return a number without an exponent and without a bare ".0": a frequency never with three decimals, as Peace hands it on."""
    text = plain_decimal(value, 9).removesuffix(".0")
    return f"{text}0" if re.fullmatch(r"-?\d+\.\d{3}", text) else text


FORMAT: PresetFormat = Peace()
