"""x42 Parametric EQ (fil4), as an LV2 preset bundle: 4 peaks and 2 shelves.

| port | of | value |
| --- | --- | --- |
| LSsec, HSsec, secN | low shelf, high shelf, peak N = 1..4 | 0 off, 1 on |
| LSfreq, HSfreq, freqN | | Hz: 25..400, 1000..16000, and 20..2000, 40..4000, 100..10000, 200..20000 for the peaks |
| LSgain, HSgain, gainN | | dB, -18..18 |
| LSq, HSq | shelves | 2.25 (Q - 0.2129), 0.0625..4; the plug-in's filter itself keeps Q within 0.25..2 |
| qN | peaks | sin(2 pi x) / (14 Q x) with x = f / sample rate, 0.0625..4 |
| gain | all | dB, -18..18: the preamp |
| HighPass, LowPass | | 0 off, 1 on: resonant filters of their own law, read as the pass of second order with their gain at the corner |
| HPfreq, HPQ, LPfreq, LPQ | | Hz, and a resonance of 0..1.4; read only: see `_high_pass` and `_low_pass` |
| enable | all | 1: another value changes the sound and is said in a note |

Both filters are then those of the Audio EQ Cookbook at this sample rate, which is written into the label: "Warm (48 kHz)". A peak's Q
reaches from 0.11 to 7.18 at low frequencies and to 1.37 at 20 kHz (48 kHz); shelves stay within 0.0004..0.47 of the sample rate.
Measured: within 0.02 dB from 80 Hz to 20 kHz. Low shelves below some 50 Hz are up to 0.05 dB off there: the plug-in keeps the shelves'
coefficients and states in float32 (direct form), and rounds differently for every signal, so that no number on a port makes up for it.
Source: x42/fil4.lv2, src/lv2.c (process_channel), src/filters.h (Fil4Paramsect), src/iir.h,
src/hip.h, src/lop.h, src/uris.h; ports: fil4.lv2/fil4.ttl, release 20221119.
Read too: the mono build.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import SILENT_DB, audible_db, design_sections
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, BandSlot, EqSettings, ParamSpec
from semeq_presets.file_formats._lv2_bundle import HOW_TO_IMPORT, LV2_HOSTS
from semeq_presets.file_formats._lv2_slots import Build, Numbers, Pass, Port, PortRules, Slot, SlotFormat
from semeq_presets.file_formats._places import LV2_PLACES
from semeq_presets.file_formats.base import FormatInfo, Limits, PresetFormat

_Complex = NDArray[np.complex128]
_PLUGIN = "http://gareus.org/oss/lv2/fil4#"
_GAIN_DB = (-18.0, 18.0)
_BANDWIDTH = (0.0625, 4.0)
_SHELF_Q = (0.25, 1.99)
_PEAK_Q = (0.113, 7.1)
_RATE_SHARE = (0.0004, 0.47)
_TOP_SHARE = 0.4998
_PEAKS_HZ = ((20.0, 2_000.0, 160.0), (40.0, 4_000.0, 397.0), (100.0, 10_000.0, 1_250.0), (200.0, 20_000.0, 2_500.0))
_OTHERS = {
    "enable": 1.0,
    "gain": 0.0,
    "peakreset": 1.0,
    "HighPass": 0.0,
    "HPfreq": 20.0,
    "HPQ": 0.7,
    "LowPass": 0.0,
    "LPfreq": 20_000.0,
    "LPQ": 1.0,
}


def _slot(kind: BandKind, on: str, names: tuple[str, str, str], hz: tuple[float, float, float], q: tuple[float, float]) -> Slot:
    freq, gain, bandwidth = names
    low_hz, high_hz, idle_hz = hz
    limits = BandSlot(
        kind,
        ParamSpec(gain, "dB", *_GAIN_DB, "linear", 0.0),
        ParamSpec(freq, "Hz", low_hz, high_hz, "log", idle_hz),
        ParamSpec(bandwidth, "q", *q, "log", 0.71),
    )
    idle_bandwidth = 0.6 if kind is BandKind.PEAK else 1.0
    return Slot(limits, on, Port(freq, low_hz, high_hz, idle_hz), Port(gain, *_GAIN_DB, 0.0), Port(bandwidth, *_BANDWIDTH, idle_bandwidth))


def _slots() -> tuple[Slot, ...]:
    peaks = [
        _slot(BandKind.PEAK, f"sec{number}", (f"freq{number}", f"gain{number}", f"q{number}"), hz, _PEAK_Q)
        for number, hz in enumerate(_PEAKS_HZ, start=1)
    ]
    low = _slot(BandKind.LOW_SHELF, "LSsec", ("LSfreq", "LSgain", "LSq"), (25.0, 400.0, 80.0), _SHELF_Q)
    high = _slot(BandKind.HIGH_SHELF, "HSsec", ("HSfreq", "HSgain", "HSq"), (1_000.0, 16_000.0, 8_000.0), _SHELF_Q)
    return (low, *peaks, high)


def _numbers(held: Band, rate: float) -> Numbers:
    if held.kind is not BandKind.PEAK:
        freq_hz = min(max(held.freq_hz, _RATE_SHARE[0] * rate), _RATE_SHARE[1] * rate)
        return Numbers(freq_hz, held.gain_db, 2.25 * (held.q - 0.2129))
    freq_hz = min(held.freq_hz, _TOP_SHARE * rate)
    return Numbers(freq_hz, held.gain_db, _peak_product(freq_hz, rate) / held.q)


def _freq_gain_q(slot: BandSlot, numbers: Numbers, rate: float) -> tuple[float, float, float]:
    assert numbers.q is not None
    if slot.kind is not BandKind.PEAK:
        return numbers.freq, numbers.gain, 0.2129 + numbers.q / 2.25
    return numbers.freq, numbers.gain, _peak_product(numbers.freq, rate) / numbers.q


def _peak_product(freq_hz: float, rate: float) -> float:
    """Return Q times the port's bandwidth of a peak; raises ValueError for a frequency that the rate cannot carry."""
    share = freq_hz / rate
    if not 0.0 < share < 0.5:
        raise ValueError("frequency outside 0..Nyquist")
    return math.sin(2.0 * math.pi * share) / (14.0 * share)


def _high_pass(freq_hz: float, resonance: float, rate: float) -> tuple[Band, float, float]:
    """Return the high-pass next to the plug-in's, how far off it is in dB, and where: two one-pole sections with feedback (hip.h)."""
    if not 0.0 < freq_hz <= rate / 12.0:
        raise ValueError("frequency outside 0..rate/12")
    q = min(max(0.7 + 0.78 * math.tanh(1.82 * (resonance - 0.8)), 0.0), 1.6)
    share = freq_hz / rate
    a, gain = math.exp(-2.0 * math.pi * share), 1.0 + share + 2.0 * q * share

    def response(hz: Float64Array) -> _Complex:
        late = np.exp(-2j * math.pi * hz / rate)
        section = a * (1.0 - late) / (1.0 - a * late)
        held: _Complex = gain / a * section**2 / (1.0 + gain * q * late * section * (section - 1.0))
        return held

    return _nearest(BandKind.HIGH_PASS, freq_hz, rate, response)


def _low_pass(freq_hz: float, resonance: float, rate: float) -> tuple[Band, float, float]:
    """Return the low-pass next to the plug-in's, how far off it is in dB, and where: two pairs of one-pole sections and a shelf (lop.h)."""
    if not 0.0 < freq_hz < rate / 2.0:
        raise ValueError("frequency outside 0..Nyquist")
    feedback = min(max(3.0 * max(resonance, 0.0) ** 3.20772, 0.0), 9.0)
    corner_hz = freq_hz / math.sqrt(1.0 + feedback)
    a, b = (1.0 - math.exp(-2.0 * math.pi * min(max(hz / rate, 0.0002), 0.4998)) for hz in (corner_hz, 0.25 * rate + 0.5 * corner_hz))
    damped = feedback * (1.0 + (freq_hz / (0.25 * rate + 0.5 + freq_hz)) ** 2) / (1.0 + (4.0 * freq_hz / rate) ** 2)
    shelf = design_sections(Band(BandKind.HIGH_SHELF, rate / 3.0, 20.0 * math.log10(0.5), 0.444), rate)[0]

    def response(hz: Float64Array) -> _Complex:
        late = np.exp(-2j * math.pi * hz / rate)
        first, second = (k / (1.0 - (1.0 - k) * late) for k in (a, b))
        b0, b1, b2, a0, a1, a2 = shelf
        beside = (b0 + b1 * late + b2 * late**2) / (a0 + a1 * late + a2 * late**2)
        held: _Complex = (1.0 + damped) * first**2 / (1.0 + damped * late * first**2) * second**2 * beside
        return held

    return _nearest(BandKind.LOW_PASS, freq_hz, rate, response)


def _nearest(kind: BandKind, freq_hz: float, rate: float, response: Callable[[Float64Array], _Complex]) -> tuple[Band, float, float]:
    held = Band(kind, freq_hz, 0.0, float(abs(response(np.array([freq_hz]))[0])))
    grid = log_grid(400, 20.0, min(20_000.0, 0.95 * rate / 2.0))
    real_db = np.maximum(20.0 * np.log10(np.maximum(np.abs(response(grid)), 1e-30)), SILENT_DB)
    off = np.abs(real_db - audible_db(EqSettings((held,)), grid, rate))
    worst = int(np.argmax(off))
    return held, float(off[worst]), float(grid[worst])


_PASSES = (
    Pass(BandKind.HIGH_PASS, "HighPass", Port("HPfreq", 5.0, 1_250.0, 20.0), Port("HPQ", 0.0, 1.4, 0.7), near=_high_pass),
    Pass(BandKind.LOW_PASS, "LowPass", Port("LPfreq", 500.0, 20_000.0, 20_000.0), Port("LPQ", 0.0, 1.4, 1.0), near=_low_pass),
)
_SLOTS = _slots()

FORMAT: PresetFormat = SlotFormat(
    FormatInfo(
        id="fil4-lv2",
        title="x42 Parametric EQ (fil4), LV2 preset",
        host="Ardour, Carla, Qtractor, Zrythm and other LV2 hosts with x42-plugins",
        suffixes=(".lv2",),
        how_to_import=HOW_TO_IMPORT,
        precision_db=1e-4,
        limits=Limits(slots=tuple(slot.limits for slot in _SLOTS), preamp_db=_GAIN_DB),
        is_folder=True,
        verified="x42-plugins 20221119 through liblilv 0.24.14",
        aliases=("fil4", "x42"),
        places=LV2_PLACES,
        measured_in=LV2_HOSTS,
        remark="for one sample rate, named in the label; low shelf 25..400 Hz, peaks 20..2000, 40..4000, 100..10000 and 200..20000 Hz, "
        "high shelf 1..16 kHz",
    ),
    PortRules(
        builds=(Build(f"{_PLUGIN}stereo", _SLOTS, _OTHERS, _PASSES), Build(f"{_PLUGIN}mono", _SLOTS, _OTHERS, _PASSES)),
        written=1,
        numbers=_numbers,
        freq_gain_q=_freq_gain_q,
        preamp="gain",
        to_gain=lambda gain_db: gain_db,
        from_gain=lambda number: number,
        sounding={"enable": 1.0},
        keeps_rate=True,
    ),
)
