"""EQ of a bus of Voicemeeter Banana or Potato (XML), as its EQ window loads and saves it.

    <?xml version="1.0" encoding="utf-8"?>
    <VBAudioVoicemeeterBUSEQConfig>
    <VoiceMeeterBUSEQ>
        <Bus index="1" channel="1" cell="1" EQon="1" EQtype="5" dblevel="6.09" freq="65.00" Q="0.70" />

| attribute | value |
| --- | --- |
| index | number of the bus from 1; settings of the whole mixer hold all buses, of which one is chosen |
| channel | 1..8: L, R, C, LFE, rear and side pairs, as in WAV files |
| cell | 1..6 |
| EQtype | 0 peak, 3 low-pass, 4 high-pass, 5 low shelf, 6 high shelf; of 1 and 2 one is a notch and the other a band-pass |
| dblevel, freq, Q | dB, Hz, Q, written with two decimals |

A cell that is off without a gain is idle. Written: all eight channels, idle cells with the frequencies that Voicemeeter starts with. There
is no preamp. Sources disagree which of 1 and 2 is the notch: a note says that such a cell is not read.
Source: AutoEq's export for Voicemeeter (public issue jaakkopasanen/AutoEq 682, pull request 689 with the file that was loaded); pipemeter's
reader of settings (elements, cells, defaults); programs on Voicemeeter's Remote API (types 3 and 4, gains of +-12 dB).
Unknown: whether shelves and passes are those of the Audio EQ Cookbook, the order of passes (taken for the second), the smallest Q.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from semeq_export.eq.channels import LEFT, POSITIONS, RIGHT, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats._fields import band, number
from semeq_presets.file_formats._stepped import stepped
from semeq_presets.file_formats._xml import attribute, parse, render
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_ROOT, _EQS = "VBAudioVoicemeeterBUSEQConfig", "VoiceMeeterBUSEQ"
_KINDS = {0: BandKind.PEAK, 3: BandKind.LOW_PASS, 4: BandKind.HIGH_PASS, 5: BandKind.LOW_SHELF, 6: BandKind.HIGH_SHELF}
_PASSES = (3, 4)
_UNCERTAIN = (1, 2)
_CODES = {kind: code for code, kind in _KINDS.items()}
_IDLE_HZ, _IDLE_Q = (50.0, 200.0, 800.0, 2_000.0, 8_000.0, 12_000.0), 3.0
_CELLS = len(_IDLE_HZ)
_NAMES = tuple(POSITIONS)
_BEFORE = "\n    "


@dataclass(frozen=True, slots=True)
class _Document:
    """A file, and the bus that was read."""

    root: Element
    bus: int


class Voicemeeter:
    """Reads and writes the EQ of a bus."""

    info = FormatInfo(
        id="voicemeeter",
        title="Voicemeeter bus EQ",
        host="Voicemeeter Banana and Potato",
        suffixes=(".voicemeeter.xml",),
        how_to_import="Voicemeeter: right-click the EQ button of a bus, right-click the title of the window, Load EQ Settings",
        precision_db=0.05,
        limits=Limits(
            max_bands=_CELLS,
            kinds=frozenset(_CODES),
            freq_hz=(20.0, 20_000.0),
            gain_db=(-12.0, 12.0),
            q=(0.4, 100.0),
            channels=_NAMES,
        ),
        aliases=("voicemeeter-banana", "voicemeeter-potato"),
        remark="two decimals; reads the settings of the whole mixer too",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes have the element of the EQs of buses, or are settings of Voicemeeter."""
        return f"<{_EQS}".encode() in head or b"<VBAudioVoicemeeter" in head

    def write(self, preset: Preset) -> Written:
        """Return the document; a preset that was read keeps what else its file holds."""
        data, notes = preset.unchanged(), tuple[Note, ...]()
        if data is None:
            before = preset.parts(_Document)
            root, bus = (copy.deepcopy(before.root), before.bus) if before is not None else (_skeleton(), 1)
            _put(_eqs(root), bus, preset.eq)
            data = render(root)
            held = self.read_chosen({"": data}, Choice(track=str(bus))).eq
            notes = stepped(preset.eq, held, self.info.precision_db, "two decimals")
        return Written({"preset.voicemeeter.xml": data}, notes)

    def read(self, files: Files) -> Preset:
        """Return the EQ of the only bus; raises PresetReadError naming cell and attribute, or listing the buses."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the EQ of the bus that is meant; raises PresetReadError as `read` does."""
        (data,) = files.values()
        root = parse(data)
        cells = list(_eqs(root).iter("Bus"))
        bus = _bus(sorted({_whole(cell, "index", "Bus") for cell in cells}), choice.track)
        notes: list[Note] = []
        bands: dict[int, dict[int, Band | None]] = {}
        for element in cells:
            if _whole(element, "index", "Bus") != bus:
                continue
            channel, cell = _whole(element, "channel", f"bus {bus}"), _whole(element, "cell", f"bus {bus}")
            where = f"bus {bus} channel {channel} cell {cell}"
            if not (1 <= channel <= len(_NAMES) and cell >= 1):
                raise PresetReadError(f"is not one of channels 1..{len(_NAMES)} and cells from 1", where=where)
            if cell in bands.setdefault(channel, {}):
                raise PresetReadError("stands twice", where=where)
            bands[channel][cell] = _band(element, where, notes)
        eq = _joined({channel: EqSettings(tuple(held for _, held in sorted(row.items()) if held)) for channel, row in bands.items()})
        return Preset(eq, source=Source(_Document(root, bus), data, eq, None), notes=tuple(notes))


def _eqs(root: Element) -> Element:
    found = root if root.tag == _EQS else next(root.iter(_EQS), None)
    if found is None:
        raise PresetReadError(f"has no element {_EQS}", where=str(root.tag)[:60])
    return found


def _bus(buses: list[int], wanted: str | None) -> int:
    """Return the number of the bus that is meant."""
    if not buses:
        raise PresetReadError("holds no cell", where=_EQS)
    listed = ", ".join(map(str, buses[:20]))
    if wanted is None:
        if len(buses) > 1:
            raise PresetReadError(f"holds the EQs of {len(buses)} buses: {listed}; choose one with `track`")
        return buses[0]
    found = next((bus for bus in buses if wanted.strip().lower() in (str(bus), f"bus {bus}")), None)
    if found is None:
        raise PresetReadError(f"has no bus {wanted[:40]!r}, only {listed}")
    return found


def _whole(element: Element, name: str, where: str) -> int:
    value = number(attribute(element, name, where), name, where)
    if not value.is_integer() or abs(value) > 999.0:
        raise PresetReadError(f"{name} {value:g} is not a whole number", where=where)
    return int(value)


def _band(element: Element, where: str, notes: list[Note]) -> Band | None:
    """Return the band of a cell, None for one that is idle or not read."""
    is_on, code = _whole(element, "EQon", where) != 0, _whole(element, "EQtype", where)
    gain_db, freq_hz, q = (number(attribute(element, name, where), name, where) for name in ("dblevel", "freq", "Q"))
    if not is_on and (gain_db == 0.0 or code not in _KINDS):
        return None
    if code in _UNCERTAIN:
        notes.append(Note("unknown", None, where, f"EQtype {code}, a notch or a band-pass, is not read", None))
        return None
    if code not in _KINDS:
        raise PresetReadError(f"EQtype {code} is not 0..6", where=where)
    if code in _PASSES:
        notes.append(Note("approximated", None, where, f"a {_KINDS[code].value.replace('_', '-')} of unknown order", "second order"))
    return band(_KINDS[code], freq_hz, 0.0 if code in _PASSES else gain_db, q, enabled=is_on, where=where)


def _joined(eqs: dict[int, EqSettings]) -> Equaliser:
    """Return one EQ where all channels have the same, else that of left and right and of others that have one."""
    first = next(iter(eqs.values()))
    if len(eqs) > 1 and all(eq == first for eq in eqs.values()):
        return first
    named = {_NAMES[channel - 1]: eq for channel, eq in sorted(eqs.items())}
    return ChannelEqs(tuple((name, eq) for name, eq in named.items() if eq.bands or name in (LEFT, RIGHT)) or tuple(named.items()))


def _skeleton() -> Element:
    root = Element(_ROOT)
    eqs = Element(_EQS)
    root.text, eqs.text, eqs.tail = "\n", _BEFORE, "\n"
    root.append(eqs)
    return root


def _put(eqs: Element, bus: int, eq: Equaliser) -> None:
    """Replace the cells of a bus; they stand where its first one stood."""
    old = [element for element in eqs if element.tag == "Bus" and element.get("index", "").strip() == str(bus)]
    place = list(eqs).index(old[0]) if old else len(eqs)
    for element in old:
        eqs.remove(element)
    for offset, cell in enumerate(_cells(bus, eq)):
        eqs.insert(place + offset, cell)
    if len(eqs):
        eqs[-1].tail = "\n"


def _cells(bus: int, eq: Equaliser) -> Iterator[Element]:
    for channel, name in enumerate(_NAMES, start=1):
        held = eq if isinstance(eq, EqSettings) else eq[name] if name in eq.names else EqSettings()
        for cell, idle_hz in enumerate(_IDLE_HZ, start=1):
            one = held.bands[cell - 1] if cell <= len(held.bands) else Band(BandKind.PEAK, idle_hz, 0.0, _IDLE_Q, enabled=False)
            values = {"index": bus, "channel": channel, "cell": cell, "EQon": int(one.enabled), "EQtype": _CODES[one.kind]}
            numbers = {"dblevel": one.gain_db, "freq": one.freq_hz, "Q": one.q}
            texts = {name: str(value) for name, value in values.items()} | {name: f"{value + 0.0:.2f}" for name, value in numbers.items()}
            element = Element("Bus", texts)
            element.tail = _BEFORE
            yield element


FORMAT: PresetFormat = Voicemeeter()
