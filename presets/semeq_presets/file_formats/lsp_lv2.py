"""LSP Parametric Equalizer, as an LV2 preset bundle.

| port | of | value |
| --- | --- | --- |
| ft_i, fm_i, s_i | band i | type, mode and slope by their places in the lists of `_lsp_filters`; the defaults are Off, RLC (BT), x1 |
| f_i, g_i, q_i, w_i | band i | Hz, linear amplitude 10^(dB/20), the q of the mode, octaves (newer versions: types with two frequencies) |
| xs_i, xm_i | band i | solo, mute; a muted band is a switched-off one, and so is one that is not soloed where another is |
| g_in, g_out | all | linear amplitude; the preamp is written to g_in and read from both |
| mode | all | 0 IIR; 1 FIR, 2 FFT, 3 SPM have another phase and blur low filters: a note says how much |
| frqs, bal | all | semitones by which filters are moved; -100..100, times (100 - bal) / 100 left and (100 + bal) / 100 right |
| enabled | all | 0: the equaliser is off; bands are read as switched off |

Bands are written in mode 6, APO (DR), slope x1, whose filters are our bands. Where an EQ was changed, a filter whose bands are still there
keeps its ports, the shift is 0 and the equaliser is on.

| build | EQ | ports |
| --- | --- | --- |
| stereo, mono | one | as above |
| lr, ms | left and right, mid and side | ftl_i, ftr_i, frqs_l, frqs_r; ftm_i, fts_i, frqs_m, frqs_s, and gain_m, gain_s: linear amplitude |

Ranges and defaults: the plug-in's own lsp-plugins.lv2/para_equalizer_x16_*.ttl, version 1.2.5. Every control input is written, since hosts
keep the old value of a port that a preset leaves out. Numbers have nine digits: more than the float32 that the plug-in holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import get_args

from semeq_export.eq.channels import LEFT, MID, RIGHT, SIDE, ChannelEqs, Equaliser
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_presets.file_formats._fields import plain_decimal
from semeq_presets.file_formats._lsp_channel import Channel, Switched, kept_gain_db, placed, read_channel
from semeq_presets.file_formats._lsp_errors import PhaseMode
from semeq_presets.file_formats._lsp_filters import APO, APO_TYPES, MODES, SLOPES, TYPES, WRITTEN_KINDS, LspFilter
from semeq_presets.file_formats._lv2_bundle import HOW_TO_IMPORT, LV2_HOSTS, PRESET_SUFFIXES, PortBundle, read_bundle, write_bundle
from semeq_presets.file_formats._places import LV2_PLACES
from semeq_presets.file_formats.base import Choice, Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

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
}
_OF_BUILD = {
    "mono": {"frqs": "0.0"},
    "stereo": {"bal": "0.0", "frqs": "0.0", "fftv_l": "1.0", "fftv_r": "1.0"},
    "lr": {"bal": "0.0", "frqs_l": "0.0", "fftv_l": "1.0", "frqs_r": "0.0", "fftv_r": "1.0"},
    "ms": {
        "bal": "0.0",
        "lstn": "0.0",
        "gain_m": "1.0",
        "gain_s": "1.0",
        "frqs_m": "0.0",
        "fftv_m": "1.0",
        "frqs_s": "0.0",
        "fftv_s": "1.0",
    },
}
_LETTERS = {"mono": {"": ""}, "stereo": {"": ""}, "lr": {"l": LEFT, "r": RIGHT}, "ms": {"m": MID, "s": SIDE}}
"""The channels of each build, by the letter in their ports' symbols."""
_X16_FREQS_HZ = (16, 25, 40, 63, 100, 160, 250, 400, 630, 1_000, 1_600, 2_500, 4_000, 6_300, 10_000, 16_000)
_X32_FREQS_HZ = tuple(
    sorted((*_X16_FREQS_HZ, 20, 31.5, 50, 80, 125, 200, 315, 500, 800, 1_250, 2_000, 3_150, 5_000, 8_000, 12_500, 20_000))
)
_SILENT_DB = -120.0
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class _Ports:
    """A bundle's plug-in and ports, and its channels by letter. is_plain: whether its filters are played as the bands say."""

    plugin: str
    ports: Mapping[str, str]
    channels: Mapping[str, Channel]
    is_plain: bool = True


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
                max_bands=len(idle_freqs_hz),
                kinds=WRITTEN_KINDS,
                freq_hz=(10.0, 24_000.0),
                gain_db=(-35.99, 36.0),
                q=(0.1, 100.0),
                preamp_db=(-60.0, 20.0),
                channels=(LEFT, RIGHT, MID, SIDE),
            ),
            is_folder=True,
            verified=verified,
            aliases=("lsp",),
            places=LV2_PLACES,
            measured_in=LV2_HOSTS,
        )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes name the plug-in."""
        return filename.lower().endswith(PRESET_SUFFIXES) and re.search(rf"para_equalizer_{self._size}_\w+".encode(), head) is not None

    def write(self, preset: Preset) -> Written:
        """Return manifest and preset; a preset that was read from such a bundle keeps its other ports and the filters that are still there.

        An EQ for each channel makes it one of the plug-in's build with such channels.
        """
        before = preset.parts(_Ports)
        build = _build_of(preset.eq, before)
        if before is None or not before.plugin.endswith(f"_{build}"):
            before = _Ports(self._plugin + build, {}, {letter: Channel(EqSettings()) for letter in _LETTERS[build]})
        ports = self._defaults(build)
        for letter, channel in before.channels.items():
            for group in channel.groups:  # what the file leaves open there is at the plug-in's defaults, not at ours
                ports.update({f"fm{letter}_{group.place}": "0.0", f"q{letter}_{group.place}": "0.0"})
        ports.update(before.ports)
        levels_db = []
        for letter, name in _LETTERS[build].items():
            eq = preset.eq if isinstance(preset.eq, EqSettings) else preset.eq[name] if name in preset.eq.names else EqSettings()
            levels_db.append(self._put_channel(ports, letter, eq, before))
        if not before.is_plain:
            ports.update({symbol: "0.0" for symbol in ports if symbol.startswith("frqs")} | {"enabled": "1.0"})
        _put_levels(ports, build, levels_db)
        return Written(write_bundle(PortBundle(before.plugin, preset.name, ports)))

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the port that is wrong."""
        return self.read_chosen(files, Choice())

    def read_chosen(self, files: Files, choice: Choice) -> Preset:
        """Return the preset that is meant; raises as `read` does, and with the presets that there are where that is not clear."""
        bundle = read_bundle(files, {self._plugin + build for build in _LETTERS}, choice)
        build = bundle.plugin.removeprefix(self._plugin)
        if bundle.plugin == build or build not in _LETTERS:
            expected = f"{self._plugin}stereo, _mono, _lr or _ms"
            raise PresetReadError(f"is a preset of <{bundle.plugin[:100]}>, expected <{expected}>", where="manifest.ttl")
        channels = {letter: self._channel(bundle, letter, name) for letter, name in _LETTERS[build].items()}
        is_on = bundle.value("enabled", 1.0) >= 0.5
        eqs = [(_LETTERS[build][letter], channel.eq if is_on else _off(channel.eq)) for letter, channel in channels.items()]
        notes = [*bundle.notes, *(note for channel in channels.values() for note in channel.notes)]
        balance = bundle.value("bal", 0.0)
        eq: Equaliser = eqs[0][1] if len(eqs) == 1 else ChannelEqs(tuple(eqs))
        if build == "stereo" and balance:
            eq = ChannelEqs(tuple((name, _louder(eqs[0][1], _balance_db(balance, sign))) for name, sign in ((LEFT, -1), (RIGHT, 1))))
        if build == "ms" and balance:
            lost_db = max(abs(_balance_db(balance, sign)) for sign in (-1, 1))
            notes.append(Note("unknown", None, "bal", f"{balance:g} of a mid-side equaliser is not read", None, lost_db))
        if not is_on:
            notes.append(Note("dropped", None, "enabled", "the equaliser is switched off, and so are its bands", None, 0.0))
        shifted = any(bundle.value(symbol, 0.0) != 0.0 for symbol in bundle.ports if symbol.startswith("frqs"))
        is_plain = is_on and not shifted and not any(channel.has_solo for channel in channels.values())
        source = Source(_Ports(bundle.plugin, dict(bundle.ports), channels, is_plain), eq=eq, is_whole=is_plain)
        return Preset(eq, name=bundle.label, source=source, notes=tuple(notes))

    def _channel(self, bundle: PortBundle, letter: str, name: str) -> Channel:
        filters = {place: _filter(bundle, letter, place, freq_hz) for place, freq_hz in enumerate(self._idle_freqs_hz)}
        gain_db = _gain_db(bundle, "g_in") + _gain_db(bundle, "g_out")
        if letter in ("m", "s"):
            gain_db += _gain_db(bundle, f"gain_{letter}")
        elif letter:
            gain_db += _balance_db(bundle.value("bal", 0.0), -1 if letter == "l" else 1)
        shift = bundle.value(f"frqs_{letter}" if letter else "frqs", 0.0)
        modes: tuple[PhaseMode, ...] = get_args(PhaseMode)
        phase = modes[_index(bundle, "mode", len(modes))]
        return read_channel(filters, gain_db, name=name, semitones=min(max(shift, -120.0), 120.0), phase=phase)

    def _put_channel(self, ports: dict[str, str], letter: str, eq: EqSettings, before: _Ports) -> float:
        """Set the ports of a channel's filters and return the level in dB that is left to set."""
        channel = before.channels[letter]
        groups = channel.groups if before.is_plain else ()
        taken = placed(eq, groups, range(len(self._idle_freqs_hz)), self.info.id)
        for place in range(len(self._idle_freqs_hz)):
            held = taken.get(place)
            if held is not None:
                _put_band(ports, letter, place, held)
            elif place not in taken:
                ports[f"ft{letter}_{place}"] = "0.0"
            if not before.is_plain:
                ports[f"xs{letter}_{place}"] = "0.0"
        return eq.preamp_db - kept_gain_db(groups, taken)

    def _defaults(self, build: str) -> dict[str, str]:
        ports = _GLOBAL | _OF_BUILD[build]
        count = len(self._idle_freqs_hz)
        apo = float(MODES.index(APO))
        for letter in _LETTERS[build]:
            for slot, freq_hz in enumerate(self._idle_freqs_hz):
                idle = {"ft": 0.0, "fm": apo, "s": 0.0, "xs": 0.0, "xm": 0.0, "f": freq_hz, "g": 1.0, "q": 1.0, "hue": slot / count}
                ports.update({f"{name}{letter}_{slot}": plain_decimal(idle[name], _DIGITS) for name in _BAND_PORTS})
        return ports


def _build_of(eq: Equaliser, before: _Ports | None) -> str:
    """Return the plug-in's build that can hold an EQ, the one that it was read from where that can."""
    old = before.plugin.rpartition("_")[2] if before is not None else "stereo"
    if isinstance(eq, EqSettings):
        return old if old in ("mono", "stereo") else "stereo"
    return "ms" if eq.is_mid_side else "lr"


def _filter(bundle: PortBundle, letter: str, place: int, idle_freq_hz: float) -> Switched:
    def value(name: str, default: float) -> float:
        return bundle.value(f"{name}{letter}_{place}", default)

    kind = TYPES[_index(bundle, f"ft{letter}_{place}", len(TYPES))]
    mode = MODES[_index(bundle, f"fm{letter}_{place}", len(MODES))]
    slope = SLOPES[_index(bundle, f"s{letter}_{place}", len(SLOPES))]
    gain_db = _gain_db(bundle, f"g{letter}_{place}")
    one = LspFilter(kind, mode, slope, value("f", idle_freq_hz), gain_db, value("q", 0.0), value("w", 4.0))
    return Switched(one, value("xs", 0.0) >= 0.5, value("xm", 0.0) >= 0.5)


def _index(bundle: PortBundle, symbol: str, count: int) -> int:
    value = bundle.value(symbol, 0.0)
    if not -0.5 <= value < count - 0.5:
        raise PresetReadError(f"{symbol} {value:g} is outside 0..{count - 1}", where="preset.ttl")
    return int(value + 0.5)


def _gain_db(bundle: PortBundle, symbol: str) -> float:
    amplitude = bundle.value(symbol, 1.0)
    if not 1e-6 <= amplitude <= 1e6:
        raise PresetReadError(f"{symbol} {amplitude:g} is outside 1e-06..1e+06", where="preset.ttl")
    return amplitude_to_db(amplitude)


def _balance_db(balance: float, sign: int) -> float:
    """Return what the balance does to the left (sign -1) or right channel; -120 dB for silence."""
    held = min(max(balance, -100.0), 100.0)
    return amplitude_to_db(max(1.0 + sign * held / 100.0, db_to_amplitude(_SILENT_DB))) if held else 0.0


def _off(eq: EqSettings) -> EqSettings:
    return EqSettings(tuple(replace(band, enabled=False) for band in eq.bands))


def _louder(eq: EqSettings, gain_db: float) -> EqSettings:
    return replace(eq, preamp_db=eq.preamp_db + gain_db)


def _put_band(ports: dict[str, str], letter: str, slot: int, held: Band) -> None:
    """Set a band's ports; numbers that already say the same keep their spelling."""
    wanted = {
        "ft": float(TYPES.index(APO_TYPES[held.kind])),
        "fm": float(MODES.index(APO)),
        "s": 0.0,
        "xs": 0.0,
        "xm": 0.0 if held.enabled else 1.0,
        "f": held.freq_hz,
        "q": held.q,
    }
    for name, value in wanted.items():
        symbol = f"{name}{letter}_{slot}"
        if float(ports[symbol]) != value:
            ports[symbol] = plain_decimal(value, _DIGITS)
    if amplitude_to_db(float(ports[f"g{letter}_{slot}"])) != held.gain_db:
        ports[f"g{letter}_{slot}"] = plain_decimal(db_to_amplitude(held.gain_db), _DIGITS)


def _put_levels(ports: dict[str, str], build: str, levels_db: list[float]) -> None:
    """Set gains and balance so that each channel has its level; ports that already say so stay."""
    g_out_db = amplitude_to_db(float(ports["g_out"]))
    level_db, balance = levels_db[0], 0.0
    if build == "ms":
        level_db = max(levels_db)
        for letter, channel_db in zip("ms", levels_db, strict=True):
            ports[f"gain_{letter}"] = plain_decimal(db_to_amplitude(channel_db - level_db), _DIGITS)
    elif len(levels_db) == 2 and levels_db[0] != levels_db[1]:
        ratio = db_to_amplitude(levels_db[1] - levels_db[0])
        balance = 100.0 * (ratio - 1.0) / (ratio + 1.0)
        level_db -= amplitude_to_db(1.0 - balance / 100.0)
    if "bal" in ports and float(ports["bal"]) != balance:
        ports["bal"] = plain_decimal(balance, _DIGITS)
    if amplitude_to_db(float(ports["g_in"])) + g_out_db != level_db:
        if not -60.0 <= level_db - g_out_db <= 20.0:
            raise PresetWriteError(f"g_in {level_db - g_out_db:.2f} dB is outside -60..20")
        ports["g_in"] = plain_decimal(db_to_amplitude(level_db - g_out_db), _DIGITS)


X16: PresetFormat = LspParametric("x16", _X16_FREQS_HZ, verified="LSP Plugins 1.2.5 through liblilv 0.24.14, and in Ardour 7.3")
X32: PresetFormat = LspParametric("x32", _X32_FREQS_HZ, verified="LSP Plugins 1.2.5 through liblilv 0.24.14")
