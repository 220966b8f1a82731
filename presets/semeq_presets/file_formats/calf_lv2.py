"""Calf Equalizer 5, 8 or 12 Band, as an LV2 preset bundle. Filters are those of the Audio EQ Cookbook.

| port | of | value |
| --- | --- | --- |
| ls_active, hs_active, pN_active | low shelf, high shelf, peak N (from 1) | 0 off, 1 on; 2..5: left, right, mid or side only, not ours |
| ls_freq, hs_freq, pN_freq | | Hz, 10..20000 |
| ls_level, hs_level, pN_level | | linear amplitude 10^(dB/20), 1/64..64 |
| ls_q, hs_q, pN_q | | cookbook Q, shelves 0.1..10, peaks 0.1..100 |
| level_in, level_out | all | linear amplitude, 1/64..64; the preamp is level_in |
| hp_active, lp_active | 8 and 12 band | 0 off, 1 on; 2..5 as above |
| hp_freq, lp_freq; hp_q, lp_q | | Hz, 10..20000; cookbook Q, 0.1..10 |
| hp_mode, lp_mode | | 0, 1, 2: one, two, three equal sections in series (12, 24, 36 dB per octave) |
| bypass, level_out | all | 0, 1: other values change the sound and are said in a note |

Peaks: 3, 4 and 8. The smallest plug-in that holds the bands is written. Ranges and defaults: calf.lv2/Equalizer*Band.ttl, version 0.90.3.
Every control input is written, since hosts keep the old value of a port that a preset leaves out.
"""

from __future__ import annotations

from semeq_export.eq.settings import LAYOUT_KINDS, Band, BandKind, BandSlot, ParamSpec
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_presets.file_formats._lv2_bundle import HOW_TO_IMPORT, LV2_HOSTS
from semeq_presets.file_formats._lv2_slots import Build, Numbers, Pass, Port, PortRules, Slot, SlotFormat
from semeq_presets.file_formats._places import LV2_PLACES
from semeq_presets.file_formats.base import FormatInfo, Limits, PresetFormat

_PLUGIN = "http://calf.sourceforge.net/plugins/Equalizer{}Band"
_GAIN_DB = (-36.12, 36.12)  # 1/64..64
_PREAMP_DB = (-36.0, 36.0)
_FREQ_HZ = (10.0, 20_000.0)
_IDLE_PEAKS_HZ = {
    5: (250.0, 1_000.0, 4_000.0),
    8: (100.0, 500.0, 2_000.0, 5_000.0),
    12: (60.0, 120.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0),
}
_CUTS = {
    "hp_active": 0.0,
    "hp_freq": 30.0,
    "hp_mode": 1.0,
    "hp_q": 0.707,
    "lp_active": 0.0,
    "lp_freq": 18_000.0,
    "lp_mode": 1.0,
    "lp_q": 0.707,
}
_PASSES = (
    Pass(BandKind.HIGH_PASS, "hp_active", Port("hp_freq", *_FREQ_HZ, 30.0), Port("hp_q", 0.1, 10.0, 0.707), "hp_mode"),
    Pass(BandKind.LOW_PASS, "lp_active", Port("lp_freq", *_FREQ_HZ, 18_000.0), Port("lp_q", 0.1, 10.0, 0.707), "lp_mode"),
)
_VIEW = {"individuals": 1.0, "zoom": 0.25, "analyzer": 0.0, "analyzer_mode": 1.0}


def _slot(kind: BandKind, name: str, idle_freq_hz: float) -> Slot:
    idle_q, max_q = (1.0, 100.0) if kind is BandKind.PEAK else (0.707, 10.0)
    limits = BandSlot(
        kind,
        ParamSpec(f"{name}_level", "dB", *_GAIN_DB, "linear", 0.0),
        ParamSpec(f"{name}_freq", "Hz", *_FREQ_HZ, "log", idle_freq_hz),
        ParamSpec(f"{name}_q", "q", 0.1, max_q, "log", idle_q),
    )
    freq, q = Port(f"{name}_freq", *_FREQ_HZ, idle_freq_hz), Port(f"{name}_q", 0.1, max_q, idle_q)
    return Slot(limits, f"{name}_active", freq, Port(f"{name}_level", 1.0 / 64.0, 64.0, 1.0), q)


def _build(size: int) -> Build:
    peaks = [_slot(BandKind.PEAK, f"p{number}", freq_hz) for number, freq_hz in enumerate(_IDLE_PEAKS_HZ[size], start=1)]
    slots = (_slot(BandKind.LOW_SHELF, "ls", 100.0), *peaks, _slot(BandKind.HIGH_SHELF, "hs", 5_000.0))
    others = {"bypass": 0.0, "level_in": 1.0, "level_out": 1.0, **(_CUTS if size > 5 else {}), **_VIEW}
    return Build(_PLUGIN.format(size), slots, others, _PASSES if size > 5 else ())


def _numbers(held: Band, _rate: float) -> Numbers:
    return Numbers(held.freq_hz, db_to_amplitude(held.gain_db), held.q)


def _freq_gain_q(_slot: BandSlot, numbers: Numbers, _rate: float) -> tuple[float, float, float]:
    assert numbers.q is not None
    return numbers.freq, amplitude_to_db(numbers.gain), numbers.q


_BUILDS = tuple(_build(size) for size in _IDLE_PEAKS_HZ)

FORMAT: PresetFormat = SlotFormat(
    FormatInfo(
        id="calf-lv2",
        title="Calf Equalizer 5, 8 or 12 Band, LV2 preset",
        host="Ardour, Carla, Qtractor, Zrythm and other LV2 hosts with Calf Studio Gear",
        suffixes=(".lv2",),
        how_to_import=HOW_TO_IMPORT,
        precision_db=1e-4,
        limits=Limits(
            kinds=frozenset({*LAYOUT_KINDS, BandKind.HIGH_PASS, BandKind.LOW_PASS}),
            most={BandKind.HIGH_PASS: 1, BandKind.LOW_PASS: 1},
            stacked=3,
            freq_hz=_FREQ_HZ,
            q=(0.1, 10.0),
            slots=tuple(slot.limits for slot in _BUILDS[-1].slots),
            preamp_db=_PREAMP_DB,
        ),
        is_folder=True,
        verified="Calf 0.90.3 through liblilv 0.24.14",
        aliases=("calf",),
        places=LV2_PLACES,
        measured_in=LV2_HOSTS,
        remark="the smallest plug-in that holds the bands",
    ),
    PortRules(
        builds=_BUILDS,
        written=len(_BUILDS),
        numbers=_numbers,
        freq_gain_q=_freq_gain_q,
        preamp="level_in",
        to_gain=db_to_amplitude,
        from_gain=amplitude_to_db,
        sounding={"bypass": 0.0, "level_out": 1.0},
    ),
)
