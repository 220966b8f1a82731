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
| Mode | 0 low cut 48, 1 low cut 12, 2 low shelf, 3 bell, 4 notch, 5 high shelf, 6 high cut 12, 7 high cut 48 dB/oct |
| Freq, Gain, Q | 10..22000 Hz, -15..15 dB, 0.1..18; Q is the resonance of a cut |

GlobalGain, -12..12 dB, is the preamp. Scale multiplies the gains. The device's Mode is 0 for stereo; 1 (L/R) and 2 (M/S) are an EQ each,
B for right or side. Said in a note with its size: AdaptiveQ, shelves of Live 8, a device that is off, cuts of 48 dB/oct. A band that is
off, and at 0 dB or without a gain, is an unused one. UserName is the preset's name; of several devices one is chosen by it, or by number.
Source: 32 EQ Eight devices of a Live 11.0 set, a factory preset's list of elements as published; Live's manual for modes, slopes and Scale.
Unknown: whether Live's Q is that of the cookbook, how it makes cuts resonant (a cut of 48 dB/oct is read as Butterworth's with one resonant
section), and by how much AdaptiveQ narrows a bell (taken for 1.12 to the power of its gain in dB, as AdaptiveQFactor says); no file was
opened in Live. While nothing changes, the bytes that were read are written back; after a change the XML keeps all that we do not know.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, SubElement, indent

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs, Equaliser
from semeq_export.eq.settings import MAX_Q, Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, settled
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._nominal import gain_for, lost_note, pass_notes
from semeq_presets.file_formats._sides import of_pair, shared_preamp
from semeq_presets.file_formats._slotting import assigned
from semeq_presets.file_formats._xml import MAX_BYTES, parse, render
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Place, Preset, PresetFormat, Source, Written

_BANDS = 8
_FREQ_HZ, _GAIN_DB, _Q, _PREAMP_DB = (10.0, 22_000.0), (-15.0, 15.0), (0.1, 18.0), (-12.0, 12.0)
_IDLE_HZ = (30.0, 200.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0, 18_000.0)
_IDLE_Q = math.sqrt(0.5)
_MODES = {
    (BandKind.HIGH_PASS, 8): 0,
    (BandKind.HIGH_PASS, 2): 1,
    (BandKind.LOW_SHELF, 2): 2,
    (BandKind.PEAK, 2): 3,
    (BandKind.NOTCH, 2): 4,
    (BandKind.HIGH_SHELF, 2): 5,
    (BandKind.LOW_PASS, 2): 6,
    (BandKind.LOW_PASS, 8): 7,
}
_KINDS = {mode: kind for kind, mode in _MODES.items()}
_CUT_ORDERS = frozenset({2, 8})
_SIDES = ("ParameterA", "ParameterB")
_PAIRS = {"1": (LEFT, RIGHT), "2": (MID, SIDE)}
_LEGACY_SHELF = "Live8ShelfScaleLegacyMode"
_DIGITS = 9
_PRESETS = "Presets/Audio Effects/EQ Eight/semeq"


@dataclass(frozen=True, slots=True)
class _Held:
    """Where a file has its bands: the number of its device, and for each side the band of each slot."""

    device: int = 0
    sides: tuple[Mapping[int, Band], ...] = ({},)
    foreign: frozenset[tuple[str, int]] = frozenset()


class EqEight:
    """Reads and writes EQ Eight presets."""

    info = FormatInfo(
        id="eq-eight",
        title="Ableton Live EQ Eight preset",
        host="Ableton Live 11 and later",
        suffixes=(".adv",),
        how_to_import="drag the file onto a track in Live, or copy it into Presets/Audio Effects/EQ Eight of the User Library",
        precision_db=1e-3,
        limits=Limits(
            max_bands=_BANDS,
            kinds=frozenset(kind for kind, _ in _MODES),
            orders={BandKind.HIGH_PASS: _CUT_ORDERS, BandKind.LOW_PASS: _CUT_ORDERS},
            freq_hz=_FREQ_HZ,
            gain_db=_GAIN_DB,
            q=_Q,
            preamp_db=_PREAMP_DB,
            channels=(LEFT, RIGHT, MID, SIDE),
        ),
        is_text=False,
        aliases=("ableton", "live"),
        places={
            "darwin": Place(("{home}/Music/Ableton/User Library",), _PRESETS),
            "win32": Place(("{documents}/Ableton/User Library",), _PRESETS),
        },
        remark="AdaptiveQ off; cuts of 12 and 48 dB/oct",
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
        source = preset.source
        held = preset.parts(_Held) or _Held()
        is_new = source is None or source.data is None
        root = _new_document() if source is None or source.data is None else _parsed(source.data)
        device = _devices(root)[held.device]
        pair = of_pair(preset.eq)
        names = tuple(name for name, _ in pair) if pair is not None else ()
        mode = next((number for number, both in _PAIRS.items() if both == names), "0")
        is_scaled = _value_text(device, "Scale") not in ("", "1") and (source is None or source.eq != preset.eq)
        if is_scaled:
            _manual(device, "Scale", "").set("Value", "1")
        preamp_db, preamp_notes = shared_preamp(preset.eq)
        notes = list(preamp_notes)
        eqs = [preset.single] if pair is None else [eq for _, eq in pair]
        for index, (side, eq) in enumerate(zip(_SIDES, eqs, strict=False)):
            before = held.sides[index] if index < len(held.sides) else {}
            notes += self._put_side(
                device, side, eq.bands, before, {slot for name, slot in held.foreign if name == side}, is_scaled=is_scaled
            )
        element = device.find("Mode")
        if element is not None and (is_new or element.get("Value") != mode):
            element.set("Value", mode)
        if not math.isclose(preamp_db, settled(_number(device, "GlobalGain"), *_PREAMP_DB), abs_tol=1e-12):
            _manual(device, "GlobalGain", "").set("Value", _text(preamp_db))
        name = device.find("UserName")
        if name is not None:
            name.set("Value", preset.name)
        return Written({"preset.adv": gzip.compress(render(root), 6, mtime=0)}, tuple(notes))

    def _put_side(
        self, device: Element, side: str, bands: tuple[Band, ...], before: Mapping[int, Band], foreign: Iterable[int], *, is_scaled: bool
    ) -> list[Note]:
        """Put the bands of a side into its slots, and return notes on those that read back as unused.

        is_scaled: a Scale that is gone was in their gains, so that all are written.
        """
        others = set(foreign)
        slots = [slot for slot in range(_BANDS) if slot not in others]
        placed = assigned(bands, before, slots, self.info.id, foreign=len(others))
        for slot in set(before) - set(placed):
            _put(device, f"Bands.{slot}/{side}", Band(BandKind.PEAK, _IDLE_HZ[slot], 0.0, _IDLE_Q, enabled=False))
        for slot, wanted in placed.items():
            if is_scaled or before.get(slot) != wanted:
                _put(device, f"Bands.{slot}/{side}", wanted)
        idle = [number for number, one in enumerate(bands, start=1) if not one.enabled and one.gain_db == 0.0]
        return [Note("dropped", number, "band", "switched off and without a gain, as an unused one", None, 0.0) for number in idle]

    def read(self, files: Files) -> Preset:
        """Return the preset of the one EQ Eight; raises as `read_chosen` does."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset of an EQ Eight, of several the one that is chosen by name or number.

        Raises PresetReadError naming the element that is wrong, and the devices that there are where it is not clear which is meant.
        """
        (data,) = files.values()
        if choice.for_device is not None or choice.track is not None:
            raise PresetReadError("holds EQ Eights, neither tracks nor parts for devices; choose with `preset_name`")
        devices = _devices(_parsed(data))
        index = _chosen(devices, choice.preset_name)
        device = devices[index]
        mode = _value_text(device, "Mode") or "0"
        if mode not in ("0", *_PAIRS):
            raise PresetReadError(f"Mode {mode!r} is not 0 (stereo), 1 (L/R) or 2 (M/S)", where="Eq8")
        scale = settled(_number(device, "Scale"), 1.0, 1.0) if _value_text(device, "Scale") else 1.0
        sides, notes, foreign = [], [], set()
        for side in _SIDES[: 2 if mode in _PAIRS else 1]:
            held, lost, said = _read_side(device, side, scale, f" ({side})" if mode in _PAIRS else "")
            sides.append(held)
            foreign |= {(side, slot) for slot in lost}
            notes += said
        preamp_db = settled(_number(device, "GlobalGain"), *_PREAMP_DB)
        eqs = [settings(list(side.values()), preamp_db, "GlobalGain") for side in sides]
        eq: Equaliser = ChannelEqs(tuple(zip(_PAIRS[mode], eqs, strict=True))) if mode in _PAIRS else eqs[0]
        user_name = device.find("UserName")
        name = user_name.get("Value", "") if user_name is not None else ""
        source = Source(_Held(index, tuple(sides), frozenset(foreign)), data, eq, name=name, is_whole=True)
        return Preset(eq, name=name, source=source, notes=(*_device_notes(device, eqs), *notes))


def _read_side(device: Element, side: str, scale: float, label: str) -> tuple[dict[int, Band], list[int], list[Note]]:
    """Return the bands of a side by slot, the slots that hold others, and notes. label: of the side, for those."""
    bands: dict[int, Band] = {}
    foreign, notes = [], []
    for slot in range(_BANDS):
        where, place = f"Bands.{slot}/{side}", f"band {slot + 1} of the file{label}"
        mode, gain_db = _number(device, f"{where}/Mode"), settled(_number(device, f"{where}/Gain"), *_GAIN_DB)
        is_on = _switch(device, f"{where}/IsOn")
        found = _KINDS.get(int(mode)) if mode == int(mode) else None
        if found is None:
            foreign.append(slot)
            if is_on:
                notes.append(lost_note(place, f"mode {mode:g}", gain_db=gain_db))
            continue
        kind, order = found
        gain_db = gain_for(kind, gain_db * scale)
        if is_on or gain_db != 0.0:
            freq_hz, q = settled(_number(device, f"{where}/Freq"), *_FREQ_HZ), settled(_number(device, f"{where}/Q"), *_Q)
            bands[slot] = band(kind, freq_hz, gain_db, q, enabled=is_on, order=order, where=where)
            notes += pass_notes(bands[slot], place)
    return bands, foreign, notes


def _device_notes(device: Element, eqs: list[EqSettings]) -> list[Note]:
    """Return notes on what a device does beside its bands, with the size of it in any channel."""
    notes = []
    if _value_text(device, "On") not in ("", "true"):
        notes.append(_device_note("On", _value_text(device, "On"), [(eq.bands, ()) for eq in eqs]))
    if _value_text(device, "AdaptiveQ") not in ("", "false"):
        notes.append(_device_note("AdaptiveQ", "true", [(eq.bands, [_narrowed(held, device) for held in eq.bands]) for eq in eqs]))
    shelves = [held for eq in eqs for held in eq.active_bands if held.kind in (BandKind.LOW_SHELF, BandKind.HIGH_SHELF)]
    if _value_text(device, _LEGACY_SHELF) not in ("", "false"):
        size_db = max((abs(held.gain_db) / 2.0 for held in shelves), default=0.0)
        notes.append(Note("unknown", None, _LEGACY_SHELF, "true is not read", None, size_db))
    return notes


def _device_note(name: str, text: str, pairs: Iterable[tuple[Iterable[Band], Iterable[Band]]]) -> Note:
    return Note("unknown", None, name, f"{text} is not read", None, *max(apart_db(one, other) for one, other in pairs))


def _narrowed(held: Band, device: Element) -> Band:
    """Return a band as AdaptiveQ is taken to make it."""
    if held.kind is not BandKind.PEAK:
        return held
    text = _value_text(device, "AdaptiveQFactor")
    factor = min(max(number(text, "AdaptiveQFactor", "Eq8"), 1.0), 2.0) if text else 1.0
    return replace(held, q=min(held.q * factor ** abs(held.gain_db), MAX_Q))


def _chosen(devices: list[Element], wanted: str | None) -> int:
    """Return the index of the device of a name or number."""
    names = []
    for device in devices:
        user_name = device.find("UserName")
        names.append(user_name.get("Value", "") if user_name is not None else "")
    if wanted is None and len(devices) == 1:
        return 0
    found = [index for index, name in enumerate(names) if wanted and name == wanted]
    if not found and wanted is not None and wanted.isascii() and wanted.isdecimal() and 1 <= int(wanted[:4]) <= len(devices):
        found = [int(wanted[:4]) - 1]
    if len(found) != 1:
        shown = ", ".join(f"{index}{f' ({name[:40]})' if name else ''}" for index, name in enumerate(names[:10], start=1))
        raise PresetReadError(f"holds {len(devices)} EQ Eights: {shown}; choose one with `preset_name`")
    return found[0]


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


def _devices(root: Element) -> list[Element]:
    found = list(root.iter("Eq8"))
    if not found:
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


def _put(device: Element, path: str, held: Band) -> None:
    values = {
        "IsOn": "true" if held.enabled else "false",
        "Mode": str(_MODES[held.kind, held.order]),
        "Freq": _text(held.freq_hz),
        "Gain": _text(held.gain_db),
        "Q": _text(held.q),
    }
    for name, text in values.items():
        _manual(device, f"{path}/{name}", "").set("Value", text)


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
            _parameter(one, ids, "Mode", str(_MODES[BandKind.PEAK, 2]))
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
