"""RME TotalMix FX channel EQ preset (.tmeq), XML.

    <Preset>
      <Equalizer>
        <Params>
          <val e="LC Grade" v="1.00,"/>       slope of the low cut, 0..3; whether it is on is said nowhere
          <val e="LC Freq" v="20.00,"/>
          <val e="Band1 Freq" v="  58.50,"/>  Hz; a comma ends each value
          <val e="Band1 Q" v="4.97,"/>
          <val e="Band1 Gain" v="-4.30,"/>    dB
          ...
          <val e="Band1 Type" v="0.00,"/>     0 peak; 1 shelf: low on band 1, high on the last; 2, 3: high, low pass, on the last low, high

Written: the three bands of the channel EQ as low shelf, peak and high shelf; other EQs are refitted to them. Unused bands have 0 dB.
Read: any number of bands, since converters write more; passes too, which come back while nothing changes; entries that we do not know are
kept. The low cut is not read: where it is not at 20 Hz, as in a file of defaults, a note says how much it does if it is on (slopes of 6,
12, 18 and 24 dB/oct). There is no preamp and no switch for a band.
Source: github pierreaubert/AUpresetConverter at 6c84dac (a sample, and the types by position); ranges: RME TotalMix FX manual (3 bands,
20 Hz..20 kHz, +-20 dB, Q 0.4..9.9); passes by position: the device's own numbers of types in github michaelforney/oscmix at 048d4ad.
Unknown: whether files count types as the device does, the Q of RME's shelves and passes, taken for that of the Audio EQ Cookbook (a note
says how far a pass with a resonance is from one without), and which slope a grade is.
"""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from xml.etree.ElementTree import Element

from semeq_export.eq.settings import Band, BandKind, BandSlot, EqSettings, ParamSpec
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number, settings
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._nominal import FLAT_Q, PASSES, gain_for, lost_note
from semeq_presets.file_formats._xml import attribute, parse, render
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written
from semeq_presets.file_formats.limits import place

_FREQ_HZ, _GAIN_DB, _Q = (20.0, 20_000.0), (-20.0, 20.0), (0.4, 9.9)
_IDLE_HZ = (100.0, 1_000.0, 8_000.0)
_IDLE_Q = 1.0
_SHELF = 1.0
_FIRST = {0.0: BandKind.PEAK, _SHELF: BandKind.LOW_SHELF, 2.0: BandKind.HIGH_PASS, 3.0: BandKind.LOW_PASS}
_LAST = {0.0: BandKind.PEAK, _SHELF: BandKind.HIGH_SHELF, 2.0: BandKind.LOW_PASS, 3.0: BandKind.HIGH_PASS}
_LOW_CUT = ("LC Freq", "LC Grade")
_IDLE_CUT_HZ = 20.0
_MOST_GRADE = 3
_MAX_BANDS = 64
_FIELDS = ("Freq", "Q", "Gain")
_ENTRY = re.compile(r"Band([1-9]\d?) (Freq|Q|Gain|Type)")


def _slot(kind: BandKind, idle_hz: float) -> BandSlot:
    return BandSlot(
        kind,
        ParamSpec("gain_db", "dB", *_GAIN_DB, "linear", 0.0),
        ParamSpec("freq_hz", "Hz", *_FREQ_HZ, "log", idle_hz),
        ParamSpec("q", "q", *_Q, "log", _IDLE_Q),
    )


_SLOTS = tuple(_slot(kind, hz) for kind, hz in zip((BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF), _IDLE_HZ, strict=True))


class TotalMix:
    """Reads and writes TotalMix channel EQ presets."""

    info = FormatInfo(
        id="totalmix",
        title="RME TotalMix channel EQ",
        host="RME TotalMix FX",
        suffixes=(".tmeq",),
        how_to_import="TotalMix FX: open a channel's EQ, Preset, Import",
        precision_db=0.1,
        limits=Limits(
            max_bands=len(_SLOTS),
            freq_hz=_FREQ_HZ,
            gain_db=_GAIN_DB,
            q=_Q,
            holds_disabled=False,
            precision={"freq_hz": 0.01, "gain_db": 0.01, "q": 0.01},
            slots=_SLOTS,
        ),
        aliases=("rme",),
        remark="low shelf, peak and high shelf, two decimals",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are an XML preset with entries of TotalMix's equaliser."""
        return re.match(rb"\s*(<\?xml[^>]*>\s*)?<Preset>", head) is not None and b"<Equalizer>" in head

    def write(self, preset: Preset) -> Written:
        """Return the document; a preset that was read keeps its other entries."""
        data = preset.unchanged()
        if data is None:
            tree = preset.parts(Element)
            root = copy.deepcopy(tree) if tree is not None else _skeleton()
            _put(root, preset.single)
            data = render(root, declaration=False)
        return Written({"preset.tmeq": data})

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the entry."""
        (data,) = files.values()
        root = parse(data, "Preset")
        found = _values(root)
        indices = sorted({int(name[4:].split()[0]) for name in found if _ENTRY.fullmatch(name)})
        if not indices:
            raise PresetReadError("has no entries 'Band1 Freq' ...", where="Preset/Equalizer/Params")
        if indices[-1] > _MAX_BANDS:
            raise PresetReadError(f"more than {_MAX_BANDS} bands", where="Preset/Equalizer/Params")
        bands: list[Band] = []
        notes: list[Note] = []
        for index in indices:
            freq_hz, q, gain_db = (_number(found, f"Band{index} {name}") for name in _FIELDS)
            code = _number(found, f"Band{index} Type") if f"Band{index} Type" in found else 0.0
            kind = _kind(code, index, indices[-1])
            where = f"Band{index}"
            if kind is None:
                notes.append(lost_note(f"{where} Type", f"{code:g}", gain_db=gain_db))
            elif kind in PASSES or gain_db != 0.0 or index > len(_SLOTS) or (freq_hz, q) != (_IDLE_HZ[index - 1], _IDLE_Q):
                bands.append(band(kind, freq_hz, gain_for(kind, gain_db), q, where=where))
                notes += _pass_notes(bands[-1], where)
        eq = settings(bands, 0.0)
        notes += _low_cut_notes(found)
        return Preset(eq, source=Source(root, data, eq, name=None, is_whole=True), notes=tuple(notes))


def _kind(code: float, index: int, last: int) -> BandKind | None:
    if index == 1:
        return _FIRST.get(code)
    return _LAST.get(code) if index == last else BandKind.PEAK if code == 0.0 else None


def _pass_notes(held: Band, place: str) -> list[Note]:
    """Return a note on a pass: how far it is from one without a resonance."""
    if held.kind not in PASSES:
        return []
    size = apart_db([held], [replace(held, q=FLAT_Q)])
    return [Note("approximated", None, f"{place} Q of a pass", f"{held.q:g}", "that of the cookbook", *size)]


def _low_cut_notes(found: dict[str, str]) -> list[Note]:
    """Return a note on a low cut that stands anywhere but where it idles."""
    if any(name not in found for name in _LOW_CUT):
        return []
    freq_hz, grade = (_number(found, name) for name in _LOW_CUT)
    if freq_hz == _IDLE_CUT_HZ:
        return []
    order = min(max(round(grade), 0), _MOST_GRADE) + 1
    cut = band(BandKind.HIGH_PASS, freq_hz, 0.0, FLAT_Q, order=order, where=_LOW_CUT[0])
    return [lost_note("low cut", f"{freq_hz:g} Hz of grade {grade:g}, if it is on,", cut)]


def _params(root: Element) -> Element:
    params = root.find("Equalizer/Params")
    if params is None:
        raise PresetReadError("is missing", where="Preset/Equalizer/Params")
    return params


def _values(root: Element) -> dict[str, str]:
    """Return the values of all entries by name, without the comma at their end."""
    result: dict[str, str] = {}
    for entry in _params(root).findall("val"):
        name = attribute(entry, "e", "Preset/Equalizer/Params/val")
        if name in result:
            raise PresetReadError(f"entry {name[:40]!r} occurs twice", where="Preset/Equalizer/Params")
        result[name] = attribute(entry, "v", f"entry {name[:40]!r}").strip().removesuffix(",")
    return result


def _number(values: dict[str, str], name: str) -> float:
    if name not in values:
        raise PresetReadError("is missing", where=f"entry {name!r}")
    return number(values[name], name, "Preset/Equalizer/Params")


def _skeleton() -> Element:
    root = Element("Preset")
    root.text = "\n  "
    equalizer = Element("Equalizer")
    equalizer.text, equalizer.tail = "\n    ", "\n"
    params = Element("Params")
    params.text, params.tail = "\n      ", "\n  "
    root.append(equalizer)
    equalizer.append(params)
    params.extend(_entry(name, value) for name, value in (("LC Grade", "1.00,"), ("LC Freq", "20.00,")))
    _close(params)
    return root


def _entry(name: str, value: str) -> Element:
    entry = Element("val", {"e": name, "v": value})
    entry.tail = "\n      "
    return entry


def _close(params: Element) -> None:
    """Indent the closing tag one level less than the entries."""
    if len(params):
        params[-1].tail = "\n    "


def _put(root: Element, eq: EqSettings) -> None:
    """Set the entries of the three bands; further bands, which converters write, are removed."""
    params = _params(root)
    entries = {entry.get("e", ""): entry for entry in params.findall("val")}
    placed = place(eq.bands, _SLOTS)
    assert placed is not None  # the registry has fitted the EQ to the slots
    wanted: dict[str, str] = {}
    types: dict[str, str] = {}
    for index, (slot, held) in enumerate(zip(_SLOTS, placed, strict=True), start=1):
        freq_hz, q, gain_db = (held.freq_hz, held.q, held.gain_db) if held is not None else (_IDLE_HZ[index - 1], _IDLE_Q, 0.0)
        wanted |= {f"Band{index} Freq": f"{freq_hz:7.2f},", f"Band{index} Q": f"{q:.2f},", f"Band{index} Gain": f"{gain_db:.2f},"}
        types[f"Band{index} Type"] = "0.00," if slot.kind is BandKind.PEAK else "1.00,"
    wanted |= types
    for name, entry in entries.items():
        found = _ENTRY.fullmatch(name)
        if found and int(found[1]) > len(_SLOTS):
            params.remove(entry)
    if len(params):
        params[-1].tail = "\n      "
    for name, value in wanted.items():
        if name not in entries:
            params.append(_entry(name, value))
        elif entries[name].get("v", "").strip() != value.strip():
            entries[name].set("v", value)
    _close(params)


FORMAT: PresetFormat = TotalMix()
