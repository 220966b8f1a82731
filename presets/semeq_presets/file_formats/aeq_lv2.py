"""Ardour's a-EQ (ACE EQ), as an LV2 preset bundle: 4 peaks and 2 shelves of fixed Q. It ships inside Ardour.

| port | of | value |
| --- | --- | --- |
| filtogl, filtogh, filtogN | low shelf, high shelf, peak N = 1..4 | 0 off, 1 on |
| freqN, gN, bwN | peaks | Hz, dB -20..20, octaves 0.1..4 = (2 / ln 2) asinh(1 / (2 Q)) |
| freql, gl | low shelf | Hz of the filter's pole: tan(pi freql / rate) = tan(pi f / rate) 10^(-g / 80) for a shelf of g dB at f; dB |
| freqh, gh | high shelf | the same with 10^(+g / 80) |
| master | all | dB, -20..20: the preamp |
| enable | all | 1 |

Shelves have Q 0.7071068. With these numbers the filters are those of the Audio EQ Cookbook at this sample rate, which is written into
the label: "Warm (48 kHz)". The plug-in moves a gain towards its port until it is within 0.05 dB, starting from 0 dB whenever a session is
opened, and stays there: 0.04 to 0.05 dB short. So gains are written 0.045 dB further from 0 dB, and read 0.045 dB closer to it: what is
heard. Source: Ardour, libs/plugins/a-eq.lv2/a-eq.c (run, set_params; release 7.3) and a-eq.ttl. Development sources of other times use
another bandwidth for peaks: measure again when Ardour changes.
"""

from __future__ import annotations

import math

from semeq_export.eq.settings import Band, BandKind, BandSlot, ParamSpec
from semeq_export.units import bandwidth_oct_to_q, q_to_bandwidth_oct
from semeq_presets.file_formats._lv2_bundle import HOW_TO_IMPORT, LV2_HOSTS
from semeq_presets.file_formats._lv2_slots import Build, Numbers, Port, PortRules, Slot, SlotFormat
from semeq_presets.file_formats._places import LV2_PLACES
from semeq_presets.file_formats.base import FormatInfo, Limits, PresetFormat

_FREQ_HZ = (20.0, 20_000.0)
_SHELF_HZ = (36.0, 20_000.0)  # lower ones would need a port below 20 Hz
_PORT_GAIN_DB = (-20.0, 20.0)
_BANDWIDTH_OCT = (0.1, 4.0)
_SHELF_Q = math.sqrt(0.5)
_PEAK_Q = (0.267, 14.42)
_SHORT_DB = 0.045
_TOP_SHARE = 0.4998
_GAIN_DB = (_PORT_GAIN_DB[0] + _SHORT_DB, _PORT_GAIN_DB[1] - _SHORT_DB)


def _slot(kind: BandKind, name: str, idle_freq_hz: float) -> Slot:
    freq, gain, bandwidth = f"freq{name}", f"g{name}", f"bw{name}"
    limits = BandSlot(
        kind,
        ParamSpec(gain, "dB", *_GAIN_DB, "linear", 0.0),
        ParamSpec(freq, "Hz", *(_FREQ_HZ if kind is BandKind.PEAK else _SHELF_HZ), "log", idle_freq_hz),
        ParamSpec(bandwidth, "q", *_PEAK_Q, "log", 1.0) if kind is BandKind.PEAK else _SHELF_Q,
    )
    q = Port(bandwidth, *_BANDWIDTH_OCT, 1.0) if kind is BandKind.PEAK else None
    return Slot(limits, f"filtog{name}", Port(freq, *_FREQ_HZ, idle_freq_hz), Port(gain, *_PORT_GAIN_DB, 0.0), q)


_SLOTS = (
    _slot(BandKind.LOW_SHELF, "l", 160.0),
    *(_slot(BandKind.PEAK, str(number), freq_hz) for number, freq_hz in enumerate((300.0, 1_000.0, 2_500.0, 6_000.0), start=1)),
    _slot(BandKind.HIGH_SHELF, "h", 9_000.0),
)


def _numbers(held: Band, rate: float) -> Numbers:
    gain = math.copysign(abs(held.gain_db) + _SHORT_DB, held.gain_db) if held.gain_db else 0.0
    freq_hz = min(held.freq_hz, _TOP_SHARE * rate)
    if held.kind is BandKind.PEAK:
        return Numbers(freq_hz, gain, q_to_bandwidth_oct(held.q))
    return Numbers(_warped_hz(freq_hz, -_sign(held.kind) * held.gain_db, rate), gain, None)


def _freq_gain_q(slot: BandSlot, numbers: Numbers, rate: float) -> tuple[float, float, float]:
    gain_db = math.copysign(max(abs(numbers.gain) - _SHORT_DB, 0.0), numbers.gain)
    if slot.kind is BandKind.PEAK:
        assert numbers.q is not None
        return numbers.freq, gain_db, bandwidth_oct_to_q(numbers.q)
    return _warped_hz(numbers.freq, _sign(slot.kind) * gain_db, rate), gain_db, _SHELF_Q


def _sign(kind: BandKind) -> float:
    return 1.0 if kind is BandKind.LOW_SHELF else -1.0


def _warped_hz(freq_hz: float, gain_db: float, rate: float) -> float:
    """Return the frequency whose tangent on the filter's scale is 10^(gain_db / 80) times that of another."""
    share = freq_hz / rate
    if not 0.0 < share < 0.5:
        raise ValueError("frequency outside 0..Nyquist")
    return rate / math.pi * math.atan(math.tan(math.pi * share) * 10.0 ** (gain_db / 80.0))


FORMAT: PresetFormat = SlotFormat(
    FormatInfo(
        id="aeq-lv2",
        title="Ardour a-EQ, LV2 preset",
        host="Ardour",
        suffixes=(".lv2",),
        how_to_import=HOW_TO_IMPORT,
        precision_db=0.05,
        limits=Limits(slots=tuple(slot.limits for slot in _SLOTS), preamp_db=_PORT_GAIN_DB),
        is_folder=True,
        verified="Ardour 7.3, and its a-EQ through liblilv 0.24.14",
        aliases=("ardour", "a-eq"),
        places=LV2_PLACES,
        measured_in=LV2_HOSTS,
        remark="for one sample rate, named in the label; shelves from 36 Hz and of Q 0.7071, peaks of Q 0.267..14.42",
    ),
    PortRules(
        builds=(Build("urn:ardour:a-eq", _SLOTS, {"master": 0.0, "enable": 1.0}),),
        written=1,
        numbers=_numbers,
        freq_gain_q=_freq_gain_q,
        preamp="master",
        to_gain=lambda gain_db: gain_db,
        from_gain=lambda number: number,
        sounding={"enable": 1.0},
        keeps_rate=True,
    ),
)
