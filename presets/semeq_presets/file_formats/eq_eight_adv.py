"""Ableton Live EQ Eight preset (.adv): gzip around XML, as Live 11 writes it.

    <Ableton MajorVersion="5" MinorVersion="11.0_433" Creator="Ableton Live 11.0" Revision="">
      <Eq8>
        ... <GlobalGain> parameter, <Scale> parameter (1 = 100 %)
        <Bands.0> ... <Bands.7>
          <ParameterA>  stereo, left or mid: IsOn, Mode, Freq, Gain, Q
          <ParameterB>  right or side: left at its defaults
        ... <AdaptiveQ> parameter, written false: with it on, Q grows with the gain
    parameter: <Freq><LomId Value="0"/><Manual Value="1000"/><MidiControllerRange><Min/><Max/></MidiControllerRange>
               <AutomationTarget Id="n"/><ModulationTarget Id="n"/></Freq>; Ids are unique in the document

| field of a band | value |
| --- | --- |
| Mode | 2 low shelf, 3 bell, 5 high shelf; 0, 1, 4, 6, 7 cuts and notch: kept and said in a note |
| Freq, Gain, Q | 10..22000 Hz, -15..15 dB, 0.1..18 |

GlobalGain, -12..12 dB, is the preamp. The device's Mode is 0 for stereo; 1 (L/R), 2 (M/S), AdaptiveQ, a Scale other than 1 and a device
that is off are said in a note. UserName is the preset's name. A band that is off and at 0 dB is an unused one.
Source: 32 EQ Eight devices of a Live 11.0 set, a factory preset's list of elements as published. Unknown: whether Live's Q is that of the
cookbook for bells and shelves; no file was opened in Live. While nothing changes, the bytes that were read are written back; after a
change the XML keeps all that we do not know.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import replace
from xml.etree.ElementTree import Element, SubElement, indent

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._binary import Slots
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, settled
from semeq_presets.file_formats._xml import MAX_BYTES, parse, render
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Place, Preset, PresetFormat, Source, Written

_BANDS = 8
_FREQ_HZ, _GAIN_DB, _Q, _PREAMP_DB = (10.0, 22_000.0), (-15.0, 15.0), (0.1, 18.0), (-12.0, 12.0)
_IDLE_HZ = (30.0, 200.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 18_000.0)
_IDLE_Q = math.sqrt(0.5)
_MODES = {BandKind.LOW_SHELF: 2, BandKind.PEAK: 3, BandKind.HIGH_SHELF: 5}
_KINDS = {mode: kind for kind, mode in _MODES.items()}
_MODE_NAMES = ("low cut 48", "low cut 12", "low shelf", "bell", "notch", "high shelf", "high cut 12", "high cut 48")
_DIGITS = 9
_PRESETS = "Presets/Audio Effects/EQ Eight/semeq"


class EqEight:
    """Reads and writes EQ Eight presets."""

    info = FormatInfo(
        id="eq-eight",
        title="Ableton Live EQ Eight preset",
        host="Ableton Live 11 and later",
        suffixes=(".adv",),
        how_to_import="drag the file onto a track in Live, or copy it into Presets/Audio Effects/EQ Eight of the User Library",
        precision_db=1e-4,
        limits=Limits(max_bands=_BANDS, freq_hz=_FREQ_HZ, gain_db=_GAIN_DB, q=_Q, preamp_db=_PREAMP_DB),
        is_text=False,
        aliases=("ableton", "live"),
        places={
            "darwin": Place(("{home}/Music/Ableton/User Library",), _PRESETS),
            "win32": Place(("{documents}/Ableton/User Library",), _PRESETS),
        },
        remark="AdaptiveQ off",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are gzip that starts with a preset of this device, or is named as one of Live's."""
        if not head.startswith(b"\x1f\x8b"):
            return False
        try:
            start = zlib.decompressobj(31).decompress(head, 2_048)
        except zlib.error:
            return False
        return b"<Ableton " in start and (b"<Eq8" in start or filename.lower().endswith(".adv"))

    def write(self, preset: Preset) -> Written:
        """Return the file; one that was read keeps all other elements, and while nothing changed its bytes."""
        same = preset.unchanged()
        if same is not None:
            return Written({"preset.adv": same})
        source, slots = preset.source, preset.parts(Slots)
        if source is not None and source.data is not None and source.eq is not None and slots is not None:
            root, before = _parsed(source.data), replace(preset, eq=source.eq).single
        else:
            root, slots, before = _new_document(), Slots(), EqSettings()
        device = _device(root)
        used = slots.for_bands(len(preset.single.bands), range(_BANDS), self.info.id)
        for slot in set(slots.of_bands) - set(used):
            _put(device, slot, Band(BandKind.PEAK, _IDLE_HZ[slot], 0.0, _IDLE_Q, enabled=False))
        notes = []
        for position, (slot, wanted) in enumerate(zip(used, preset.single.bands, strict=True)):
            if slot not in slots.of_bands or before.bands[position] != wanted:
                _put(device, slot, wanted)
            if not wanted.enabled and wanted.gain_db == 0.0:
                notes.append(Note("dropped", position + 1, "band", "switched off and at 0 dB, as an unused one", None, 0.0))
        if preset.single.preamp_db != before.preamp_db:
            _manual(device, "GlobalGain", "").set("Value", _text(preset.single.preamp_db))
        name = device.find("UserName")
        if name is not None:
            name.set("Value", preset.name)
        return Written({"preset.adv": gzip.compress(render(root), 6, mtime=0)}, tuple(notes))

    def read(self, files: Files) -> Preset:
        """Return the preset of the first EQ Eight; raises PresetReadError naming the element that is wrong."""
        (data,) = files.values()
        device = _device(_parsed(data))
        notes = [
            Note("unknown", None, name, f"{_value_text(device, name)} is not read", None)
            for name, idle in (
                ("On", "true"),
                ("Mode", "0"),
                ("Scale", "1"),
                ("AdaptiveQ", "false"),
                ("Live8ShelfScaleLegacyMode", "false"),
            )
            if _value_text(device, name) not in ("", idle)
        ]
        bands, of_bands, foreign = [], [], set()
        for slot in range(_BANDS):
            where = f"Bands.{slot}/ParameterA"
            mode, gain_db = _number(device, f"{where}/Mode"), settled(_number(device, f"{where}/Gain"), *_GAIN_DB)
            is_on = _switch(device, f"{where}/IsOn")
            kind = _KINDS.get(int(mode))
            if kind is None or mode != int(mode):
                foreign.add(slot)
                if is_on:
                    name = _MODE_NAMES[int(mode)] if mode in range(len(_MODE_NAMES)) else f"mode {mode:g}"
                    notes.append(Note("unknown", None, f"band {slot + 1} of the file", f"{name} is not read", None))
            elif is_on or gain_db != 0.0:
                freq_hz, q = settled(_number(device, f"{where}/Freq"), *_FREQ_HZ), settled(_number(device, f"{where}/Q"), *_Q)
                bands.append(band(kind, freq_hz, gain_db, q, enabled=is_on, where=where))
                of_bands.append(slot)
        eq = settings(bands, settled(_number(device, "GlobalGain"), *_PREAMP_DB), "GlobalGain")
        user_name = device.find("UserName")
        name = user_name.get("Value", "") if user_name is not None else ""
        source = Source(Slots(tuple(of_bands), frozenset(foreign)), data, eq, name=name)
        return Preset(eq, name=name, source=source, notes=tuple(notes))


def _parsed(data: bytes) -> Element:
    """Return the root element of a gzip file, which is unpacked no further than the limit for XML."""
    unpacker = zlib.decompressobj(31)
    try:
        text = unpacker.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise PresetReadError("is not gzip, or damaged") from error
    if len(text) > MAX_BYTES:
        raise PresetReadError(f"unpacks to more than {MAX_BYTES} bytes")
    if not unpacker.eof:
        raise PresetReadError("is cut off: the gzip data does not end")
    if unpacker.unused_data:
        raise PresetReadError(f"holds {len(unpacker.unused_data)} bytes after the end of its gzip data; save the preset again in Live")
    return parse(text, "Ableton")


def _device(root: Element) -> Element:
    found = root.find(".//Eq8")
    if found is None:
        raise PresetReadError("holds no EQ Eight (an element Eq8)")
    return found


def _manual(device: Element, path: str, where: str) -> Element:
    """Return the element that holds a parameter's value."""
    found = device
    for name in [*path.split("/"), "Manual"]:
        child = next((item for item in found if item.tag == name), None)
        if child is None:
            raise PresetReadError(f"has no {path}/Manual", where=where or "Eq8")
        found = child
    return found


def _number(device: Element, path: str) -> float:
    return number(_manual(device, path, "").get("Value", ""), path.rpartition("/")[2], f"Eq8/{path}")


def _switch(device: Element, path: str) -> bool:
    text = _manual(device, path, "").get("Value", "")
    if text not in ("true", "false"):
        raise PresetReadError(f"{text[:40]!r} is neither true nor false", where=f"Eq8/{path}")
    return text == "true"


def _value_text(device: Element, name: str) -> str:
    """Return the text of a plain element or a parameter of the device, "" where it has none."""
    found = next((item for item in device if item.tag == name), None)
    if found is None:
        return ""
    manual = next((item for item in found if item.tag == "Manual"), found)
    return manual.get("Value", "")[:40]


def _put(device: Element, slot: int, held: Band) -> None:
    values = {
        "IsOn": "true" if held.enabled else "false",
        "Mode": str(_MODES[held.kind]),
        "Freq": _text(held.freq_hz),
        "Gain": _text(held.gain_db),
        "Q": _text(held.q),
    }
    for name, text in values.items():
        _manual(device, f"Bands.{slot}/ParameterA/{name}", "").set("Value", text)


def _text(value: float) -> str:
    return plain_decimal(value, _DIGITS).removesuffix(".0")


class _Ids:
    """Hands out the numbers that tell automation targets of one document apart."""

    def __init__(self) -> None:
        self._last = 0

    def target(self, parent: Element, name: str) -> None:
        self._last += 1
        SubElement(SubElement(parent, name, Id=str(self._last)), "LockEnvelope", Value="0")

    def pointee(self, parent: Element) -> None:
        self._last += 1
        SubElement(parent, "Pointee", Id=str(self._last))


def _plain(parent: Element, **values: str) -> None:
    for name, value in values.items():
        SubElement(parent, name, Value=value)


def _parameter(parent: Element, ids: _Ids, name: str, value: str, bounds: tuple[float, float] | None = None) -> None:
    """Add a parameter: a number within bounds, a switch ("true" or "false"), or a plain choice."""
    element = SubElement(parent, name)
    _plain(element, LomId="0", Manual=value)
    if bounds is not None:
        _plain(SubElement(element, "MidiControllerRange"), Min=_text(bounds[0]), Max=_text(bounds[1]))
    ids.target(element, "AutomationTarget")
    if bounds is not None:
        ids.target(element, "ModulationTarget")
    elif value in ("true", "false"):
        _plain(SubElement(element, "MidiCCOnOffThresholds"), Min="64", Max="127")


def _head(device: Element, ids: _Ids) -> None:
    """Add the elements that every device of Live starts with."""
    _plain(device, LomId="0", LomIdView="0", IsExpanded="true")
    _parameter(device, ids, "On", "true")
    _plain(device, ModulationSourceCount="0")
    SubElement(device, "ParametersListWrapper", LomId="0")
    ids.pointee(device)
    _plain(device, LastSelectedTimeableIndex="0", LastSelectedClipEnvelopeIndex="0")
    SubElement(SubElement(device, "LastPresetRef"), "Value")
    SubElement(device, "LockedScripts")
    _plain(device, IsFolded="false", ShouldShowPresetName="true", UserName="", Annotation="")
    SubElement(SubElement(device, "SourceContext"), "Value")
    _plain(device, OverwriteProtectionNumber="2816")


def _new_document() -> Element:
    root = Element("Ableton", MajorVersion="5", MinorVersion="11.0_433", Creator="Ableton Live 11.0", Revision="")
    device, ids = SubElement(root, "Eq8"), _Ids()
    _head(device, ids)
    _plain(device, Precision="0", Mode="0", EditMode="false", SelectedBand="0")
    _parameter(device, ids, "GlobalGain", "0", _PREAMP_DB)
    _parameter(device, ids, "Scale", "1", (-2.0, 2.0))
    for slot, freq_hz in enumerate(_IDLE_HZ):
        element = SubElement(device, f"Bands.{slot}")
        for side in ("ParameterA", "ParameterB"):
            one = SubElement(element, side)
            _parameter(one, ids, "IsOn", "false")
            _parameter(one, ids, "Mode", str(_MODES[BandKind.PEAK]))
            _parameter(one, ids, "Freq", _text(freq_hz), _FREQ_HZ)
            _parameter(one, ids, "Gain", "0", _GAIN_DB)
            _parameter(one, ids, "Q", _text(_IDLE_Q), _Q)
    analyzer = SubElement(device, "SpectrumAnalyzer")
    _head(analyzer, ids)
    _plain(
        analyzer, ScaleYBegin="0", ScaleYRange="80", AutoScaleY="false", ScaleXMode="1", ShowBins="false", ShowMax="true", AnalyzeOn="true"
    )
    _plain(analyzer, Length="2", Window="3", ChannelMode="2", NumAverages="1", MinRefreshTime="60")
    _plain(device, Live8ShelfScaleLegacyMode="false", AuditionOnOff="false", AdaptiveQFactor="1.12")
    _parameter(device, ids, "AdaptiveQ", "false")
    indent(root, "\t")
    return root


FORMAT: PresetFormat = EqEight()
