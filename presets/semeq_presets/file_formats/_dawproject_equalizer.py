"""The element Equalizer of a DAWproject: an EQ read from it, put into it, and added to a track (layout: `dawproject_zip`)."""

from __future__ import annotations

import math
import re
from xml.etree.ElementTree import Element, SubElement

from semeq_export.eq.settings import MAX_PASS_ORDER, Band, BandKind, EqSettings, orders
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db
from semeq_presets.file_formats._fields import band, number, plain_decimal, settings, settled
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats._nominal import PASSES, gain_for, lost_note, pass_notes, steep_notes
from semeq_presets.file_formats.base import Note

PROJECT = "project.xml"
TYPES = {
    BandKind.LOW_SHELF: "lowShelf",
    BandKind.PEAK: "bell",
    BandKind.HIGH_SHELF: "highShelf",
    BandKind.HIGH_PASS: "highPass",
    BandKind.LOW_PASS: "lowPass",
    BandKind.BAND_PASS: "bandPass",
    BandKind.NOTCH: "notch",
}
_KINDS = {name: kind for kind, name in TYPES.items()}
ORDERS = {
    **dict.fromkeys(PASSES, frozenset(range(1, MAX_PASS_ORDER + 1))),
    BandKind.LOW_SHELF: frozenset({1, 2}),
    BandKind.HIGH_SHELF: frozenset({1, 2}),
}
_SECOND = 2
FREQ_HZ, GAIN_DB, Q, PREAMP_DB = (10.0, 24_000.0), (-60.0, 60.0), (0.01, 100.0), (-96.0, 96.0)
DIGITS = 12


def read_equalizer(device: Element) -> tuple[list[Element], EqSettings, tuple[Note, ...]]:
    """Return the elements of the bands that are ours, the EQ, and notes."""
    elements, bands, notes = [], [], []
    for position, element in enumerate(device.findall("Band"), start=1):
        place = f"band {position} of the file"
        held, reason = _read_band(element, f"{PROJECT} Band {position}")
        if held is None:
            is_on = _is_on(element, f"{PROJECT} Band {position}")
            notes += [lost_note(place, reason, gain_db=_any_gain_db(element))] if is_on else []
        else:
            elements.append(element)
            bands.append(held)
            notes += _order_notes(held, _order_text(element), place)
    if not _is_on(device, f"{PROJECT} Equalizer"):
        notes.append(Note("unknown", None, "Enabled", "false is not read", None, *apart_db(bands, ())))
    preamp_db = sum(_gain_db(device.find(name), f"{PROJECT} {name}") for name in ("InputGain", "OutputGain"))
    return elements, settings(bands, settled(preamp_db, *PREAMP_DB), PROJECT), tuple(notes)


def _read_band(element: Element, where: str) -> tuple[Band | None, str]:
    """Return a band, or why it is none of ours."""
    kind = _KINDS.get(element.get("type", ""))
    if kind is None:
        return None, element.get("type", "no type")[:40]
    text = _order_text(element)
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) == 0:
        return None, f"order {text[:40]}"
    lowest, highest = orders(kind)
    freq, q = element.find("Freq"), element.find("Q")
    if freq is None:
        raise PresetReadError("has no Freq", where=where)
    for parameter, unit in ((freq, "hertz"), (q, "linear")):
        if parameter is not None and parameter.get("unit") != unit:
            return None, f"{parameter.tag} in {parameter.get('unit', 'no unit')[:40]}"
    freq_hz = settled(number(freq.get("value", ""), "Freq", where), *FREQ_HZ)
    q_value = settled(number(q.get("value", ""), "Q", where), *Q) if q is not None else math.sqrt(0.5)
    gain_db = gain_for(kind, settled(_gain_db(element.find("Gain"), f"{where}/Gain"), *GAIN_DB))
    order = min(max(int(text), lowest), highest)
    return band(kind, freq_hz, gain_db, q_value, enabled=_is_on(element, where), order=order, where=where), ""


def _order_notes(held: Band, text: str, place: str) -> list[Note]:
    """Return notes on an order that is read as the nearest there is, or may be meant otherwise."""
    if int(text) == held.order:
        return pass_notes(held, place)
    if held.has_gain:
        return steep_notes(held, place, f"order {text}")
    if not held.enabled:
        return []
    return [Note("approximated", None, f"{place} order", text, held.order, *apart_db([held], [held, held]))]


def _order_text(element: Element) -> str:
    return element.get("order", str(_SECOND)).strip()


def _is_on(element: Element, where: str) -> bool:
    enabled = element.find("Enabled")
    return enabled is None or _flag(enabled, f"{where}/Enabled")


def _any_gain_db(element: Element) -> float:
    """Return the gain of a band that is not read, 0 where it says none."""
    gain = element.find("Gain")
    try:
        return _gain_db(gain, "")
    except PresetReadError:
        return 0.0


def _gain_db(element: Element | None, where: str) -> float:
    if element is None:
        return 0.0
    value = number(element.get("value", ""), element.tag, where)
    if element.get("unit") == "decibel":
        return value
    if element.get("unit") == "linear" and value > 0.0:
        return amplitude_to_db(value)
    raise PresetReadError(f"{value:g} in {element.get('unit', 'no unit')[:40]} is no gain", where=where)


def _flag(element: Element, where: str) -> bool:
    text = element.get("value", "")
    if text not in ("true", "false", "1", "0"):
        raise PresetReadError(f"{text[:40]!r} is neither true nor false", where=where)
    return text in ("true", "1")


def change_equalizer(device: Element, eq: EqSettings, before: EqSettings, name: str) -> None:
    """Put an EQ into an equaliser that was read: bands of ours in order, foreign ones where they stand, new ones behind the last."""
    ours, _, _ = read_equalizer(device)
    for element, wanted, held in zip(ours, eq.bands, before.bands, strict=False):
        if wanted != held:
            _set_band(element, wanted)
    for element in ours[len(eq.bands) :]:
        device.remove(element)
    children = list(device)
    last = max((index for index, child in enumerate(children) if child.tag in ("Parameters", "Enabled", "State", "Band")), default=-1)
    for offset, wanted in enumerate(eq.bands[len(ours) :], start=1):
        device.insert(last + offset, _set_band(Element("Band"), wanted))
    if eq.preamp_db != before.preamp_db:
        gain = device.find("InputGain")
        if gain is None:
            gain = Element("InputGain")
            device.insert(max((i for i, child in enumerate(device) if child.tag != "OutputGain"), default=-1) + 1, gain)
        _set_real(gain, "decibel", eq.preamp_db - _gain_db(device.find("OutputGain"), f"{PROJECT} OutputGain"))
    if name:
        device.set("name", name)
    elif "name" in device.attrib:
        del device.attrib["name"]


def _set_band(element: Element, held: Band) -> Element:
    """Give a band's element its values; children are added in the order of the schema."""
    element.set("type", TYPES[held.kind])
    if held.order != int(_order_text(element)):
        element.set("order", str(held.order))
    gain = (("Gain", "decibel", held.gain_db),) if held.has_gain or element.find("Gain") is not None else ()
    values = (("Freq", "hertz", held.freq_hz), *gain, ("Q", "linear", held.q))
    for position, (tag, unit, value) in enumerate(values):
        child = element.find(tag)
        if child is None:
            child = Element(tag)
            element.insert(position, child)
        _set_real(child, unit, value)
    enabled = element.find("Enabled")
    if enabled is None:
        enabled = SubElement(element, "Enabled")
    enabled.set("value", "true" if held.enabled else "false")
    return element


def _set_real(element: Element, unit: str, value: float) -> None:
    element.set("unit", unit)
    element.set("value", plain_decimal(value, DIGITS))


def add_equalizer(devices: Element, eq: EqSettings, name: str, element_id: str) -> None:
    device = SubElement(devices, "Equalizer", id=element_id, deviceRole="audioFX", deviceName="Equalizer", loaded="true")
    if name:
        device.set("name", name)
    SubElement(device, "Enabled", value="true")
    for held in eq.bands:
        device.append(_set_band(Element("Band"), held))
    _set_real(SubElement(device, "InputGain"), "decibel", eq.preamp_db)
