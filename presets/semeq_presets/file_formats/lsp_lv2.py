"""LSP Parametric Equalizer, as an LV2 preset bundle.

| port | of | value |
| --- | --- | --- |
| ft_i | band i | 0 off, 1 bell, 3 high shelf, 5 low shelf (2, 4, 6, 7, 8: kinds that are not ours) |
| fm_i | band i | 6 "APO (DR)": the only mode whose filters are those of the Audio EQ Cookbook; the default, 0, is up to 0.9 dB off |
| s_i | band i | slope, 0 = x1 |
| f_i, g_i, q_i | band i | Hz, linear amplitude 10^(dB/20), cookbook Q |
| xs_i, xm_i | band i | solo, mute; a muted band is a switched-off one |
| g_in, g_out | all | linear amplitude; the preamp is written to g_in and read from both |
| enabled, mode, frqs, bal | all | 1, 0 (IIR), 0, 0: other values change the sound and are said in a note |

Ranges and defaults: the plug-in's own lsp-plugins.lv2/para_equalizer_x16_stereo.ttl, version 1.2.5. Every control input is written, since
hosts keep the old value of a port that a preset leaves out. Numbers have nine digits: more than the float32 that the plug-in holds.
Read too: the mono build. Not read: the LR and MS builds, which are two EQs each. A band of another kind, mode or slope keeps its slot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from semeq_export.eq.settings import Band, BandKind
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_presets.file_formats._binary import Slots
from semeq_presets.file_formats._fields import band, plain_decimal, settings
from semeq_presets.file_formats._lv2_bundle import HOW_TO_IMPORT, LV2_HOSTS, PortBundle, read_bundle, write_bundle
from semeq_presets.file_formats._places import LV2_PLACES
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_TYPES = {BandKind.PEAK: 1, BandKind.HIGH_SHELF: 3, BandKind.LOW_SHELF: 5}
_KINDS = {number: kind for kind, number in _TYPES.items()}
_APO_DR = 6
_BAND_PORTS = ("ft", "fm", "s", "xs", "xm", "f", "g", "q", "hue")
_GLOBAL = {
    "enabled": "1.0",
    "g_in": "1.0",
    "g_out": "1.0",
    "mode": "0.0",
    "fft": "0.0",
    "react": "0.2",
    "shift": "1.0",
    "zoom": "1.0",
    "fsel": "0.0",
    "bal": "0.0",
    "frqs": "0.0",
    "fftv_l": "1.0",
    "fftv_r": "1.0",
}
_STEREO_ONLY = ("bal", "fftv_l", "fftv_r")
_SOUNDING = {"enabled": 1.0, "mode": 0.0, "frqs": 0.0, "bal": 0.0}
"""Global ports that change the sound, with the values at which they do not."""
_X16_FREQS_HZ = (16, 25, 40, 63, 100, 160, 250, 400, 630, 1_000, 1_600, 2_500, 4_000, 6_300, 10_000, 16_000)
_X32_FREQS_HZ = tuple(
    sorted((*_X16_FREQS_HZ, 20, 31.5, 50, 80, 125, 200, 315, 500, 800, 1_250, 2_000, 3_150, 5_000, 8_000, 12_500, 20_000))
)
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class _Ports:
    """A bundle's plug-in and ports, and where its bands stand."""

    plugin: str
    ports: Mapping[str, str]
    slots: Slots


class LspParametric:
    """Reads and writes presets of one size of the plug-in. idle_freqs_hz: what unused bands are set to, one for each band."""

    def __init__(self, size: str, idle_freqs_hz: tuple[float, ...], verified: str | None) -> None:
        self._size = size
        self._idle_freqs_hz = idle_freqs_hz
        self._plugin = f"http://lsp-plug.in/plugins/lv2/para_equalizer_{size}_"
        self.info = FormatInfo(
            id=f"lsp-{size}-lv2",
            title=f"LSP Parametric Equalizer {size} Stereo, LV2 preset",
            host="Ardour, Carla, Qtractor, Zrythm and other LV2 hosts with LSP Plugins",
            suffixes=(".lv2",),
            how_to_import=HOW_TO_IMPORT,
            precision_db=1e-4,
            limits=Limits(
                max_bands=len(idle_freqs_hz), freq_hz=(10.0, 24_000.0), gain_db=(-35.99, 36.0), q=(0.01, 100.0), preamp_db=(-60.0, 20.0)
            ),
            is_folder=True,
            verified=verified,
            aliases=("lsp",),
            places=LV2_PLACES,
            measured_in=LV2_HOSTS,
        )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes name the plug-in."""
        return filename.endswith(".ttl") and re.search(rf"para_equalizer_{self._size}_\w+".encode(), head) is not None

    def write(self, preset: Preset) -> Written:
        """Return manifest and preset; a preset that was read from such a bundle keeps its build, its other ports and its slots."""
        before = preset.parts(_Ports) or _Ports(self._plugin + "stereo", {}, Slots())
        slots = before.slots
        ports = self._defaults(mono=before.plugin.endswith("_mono"))
        for place in slots.foreign:  # what the file leaves open there is at the plug-in's defaults, not at ours
            ports.update({f"fm_{place}": "0.0", f"q_{place}": "0.0"})
        ports.update(before.ports)
        free = iter([i for i in range(len(self._idle_freqs_hz)) if i not in slots.foreign and i not in slots.of_bands])
        used = []
        for index, held in enumerate(preset.single.bands):
            slot = slots.of_bands[index] if index < len(slots.of_bands) else next(free, None)
            if slot is None:
                raise PresetWriteError(f"{self.info.id}: no slot is left for band {index + 1}; {len(slots.foreign)} hold other filters")
            used.append(slot)
            _put_band(ports, slot, held)
        for slot in slots.of_bands[len(used) :]:
            ports[f"ft_{slot}"] = "0.0"
        g_out_db = amplitude_to_db(float(ports["g_out"]))
        if amplitude_to_db(float(ports["g_in"])) + g_out_db != preset.single.preamp_db:
            ports["g_in"] = plain_decimal(db_to_amplitude(preset.single.preamp_db - g_out_db), _DIGITS)
        return Written(write_bundle(PortBundle(before.plugin, preset.name, ports)))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the port that is wrong."""
        bundle = read_bundle(files)
        if bundle.plugin not in (self._plugin + "stereo", self._plugin + "mono"):
            expected = f"{self._plugin}stereo or _mono"
            raise PresetReadError(f"is a preset of <{bundle.plugin[:100]}>, expected <{expected}>", where="manifest.ttl")
        notes = [
            Note("unknown", None, symbol, f"{bundle.value(symbol, idle):g} is not read", None)
            for symbol, idle in _SOUNDING.items()
            if bundle.value(symbol, idle) != idle
        ]
        bands, of_bands, foreign = [], [], set()
        for slot in range(len(self._idle_freqs_hz)):
            kind = _KINDS.get(round(bundle.value(f"ft_{slot}", 0.0)))
            reason = _why_foreign(bundle, slot, kind)
            if reason:
                foreign.add(slot)
                notes.append(Note("unknown", None, f"slot {slot}", f"{reason} is not read", None))
            elif kind is not None:
                bands.append(_read_band(bundle, slot, kind, self._idle_freqs_hz[slot]))
                of_bands.append(slot)
        preamp_db = _gain_db(bundle, "g_in") + _gain_db(bundle, "g_out")
        source = Source(_Ports(bundle.plugin, dict(bundle.ports), Slots(tuple(of_bands), frozenset(foreign))))
        return Preset(settings(bands, preamp_db), name=bundle.label, source=source, notes=tuple(notes))

    def _defaults(self, *, mono: bool) -> dict[str, str]:
        ports = {symbol: value for symbol, value in _GLOBAL.items() if not (mono and symbol in _STEREO_ONLY)}
        count = len(self._idle_freqs_hz)
        for slot, freq_hz in enumerate(self._idle_freqs_hz):
            idle = {"ft": 0.0, "fm": float(_APO_DR), "s": 0.0, "xs": 0.0, "xm": 0.0, "f": freq_hz, "g": 1.0, "q": 1.0, "hue": slot / count}
            ports.update({f"{name}_{slot}": plain_decimal(idle[name], _DIGITS) for name in _BAND_PORTS})
        return ports


def _why_foreign(bundle: PortBundle, slot: int, kind: BandKind | None) -> str:
    """Return what a slot holds that is no band of ours, "" where it is empty or holds one."""
    filter_type = bundle.value(f"ft_{slot}", 0.0)
    if filter_type == 0.0:
        return ""
    if kind is None or filter_type != _TYPES[kind]:
        return f"filter type {filter_type:g}"
    if bundle.value(f"fm_{slot}", 0.0) != _APO_DR:
        return f"filter mode {bundle.value(f'fm_{slot}', 0.0):g} (only 6, APO, is the cookbook's)"
    if bundle.value(f"s_{slot}", 0.0) != 0.0:
        return f"slope x{bundle.value(f's_{slot}', 0.0) + 1:g}"
    if bundle.value(f"xs_{slot}", 0.0) != 0.0:
        return "a soloed filter"
    if bundle.value(f"q_{slot}", 0.0) <= 0.0:
        return "a filter without Q"
    return ""


def _read_band(bundle: PortBundle, slot: int, kind: BandKind, idle_freq_hz: float) -> Band:
    enabled = bundle.value(f"xm_{slot}", 0.0) == 0.0
    freq_hz, q = bundle.value(f"f_{slot}", idle_freq_hz), bundle.value(f"q_{slot}", 0.0)
    return band(kind, freq_hz, _gain_db(bundle, f"g_{slot}"), q, enabled=enabled, where=f"slot {slot}")


def _gain_db(bundle: PortBundle, symbol: str) -> float:
    amplitude = bundle.value(symbol, 1.0)
    if not 1e-6 <= amplitude <= 1e6:
        raise PresetReadError(f"{symbol} {amplitude:g} is outside 1e-06..1e+06", where="preset.ttl")
    return amplitude_to_db(amplitude)


def _put_band(ports: dict[str, str], slot: int, held: Band) -> None:
    """Set a band's ports; numbers that already say the same keep their spelling."""
    wanted = {
        "ft": float(_TYPES[held.kind]),
        "fm": float(_APO_DR),
        "s": 0.0,
        "xs": 0.0,
        "xm": 0.0 if held.enabled else 1.0,
        "f": held.freq_hz,
        "q": held.q,
    }
    for name, value in wanted.items():
        if float(ports[f"{name}_{slot}"]) != value:
            ports[f"{name}_{slot}"] = plain_decimal(value, _DIGITS)
    if amplitude_to_db(float(ports[f"g_{slot}"])) != held.gain_db:
        ports[f"g_{slot}"] = plain_decimal(db_to_amplitude(held.gain_db), _DIGITS)


X16: PresetFormat = LspParametric("x16", _X16_FREQS_HZ, verified="LSP Plugins 1.2.5 through liblilv 0.24.14, and in Ardour 7.3")
X32: PresetFormat = LspParametric("x32", _X32_FREQS_HZ, verified="LSP Plugins 1.2.5 through liblilv 0.24.14")
