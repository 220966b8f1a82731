"""One filter of CamillaDSP: what it does to the sound, and how a band is written.

Source: CamillaDSP 3, README (Biquad, BiquadCombo, Gain, Conv, DiffEq, Loudness and the others), and for the combinations' sections, the
defaults and what the program refuses: src/biquad.rs, src/biquadcombo.rs and src/config.rs of versions 1 to 4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from semeq_export.eq.biquad import pass_qs
from semeq_export.eq.settings import MAX_PASS_ORDER, Band, BandKind
from semeq_export.errors import InvalidEqError, PresetReadError
from semeq_presets.file_formats._companions import Beside, companion
from semeq_presets.file_formats._fields import exact_decimal, number, text_of
from semeq_presets.file_formats._sections import Filter, band_of
from semeq_presets.file_formats._tree import Node, mapping, sequence, text, value
from semeq_presets.file_formats.fir_wav import first_channel

_LOW, _HIGH, _PEAK = BandKind.LOW_SHELF, BandKind.HIGH_SHELF, BandKind.PEAK
_WITH_Q = {
    "Lowshelf": _LOW,
    "Peaking": _PEAK,
    "Highshelf": _HIGH,
    "Highpass": BandKind.HIGH_PASS,
    "Lowpass": BandKind.LOW_PASS,
    "Notch": BandKind.NOTCH,
    "Bandpass": BandKind.BAND_PASS,
    "Allpass": BandKind.ALL_PASS,
}
_FIRST_ORDER = {
    "LowshelfFO": _LOW,
    "HighshelfFO": _HIGH,
    "HighpassFO": BandKind.HIGH_PASS,
    "LowpassFO": BandKind.LOW_PASS,
    "AllpassFO": BandKind.ALL_PASS,
}
_WRITTEN = {(kind, 2): name for name, kind in _WITH_Q.items()} | {(kind, 1): name for name, kind in _FIRST_ORDER.items()}
_COMBINED = {BandKind.HIGH_PASS: "ButterworthHighpass", BandKind.LOW_PASS: "ButterworthLowpass"}
_SHELVES, _OCTAVES = (_LOW, _HIGH), (_PEAK, BandKind.NOTCH, BandKind.BAND_PASS, BandKind.ALL_PASS)
_ASIDE = {
    "Delay": "a delay, which changes no level",
    "Dither": "dither",
    "Volume": "a volume control, taken as 0 dB",
    "Limiter": "a limiter, which does nothing below its limit",
}
BUTTERWORTH_Q = 0.7071  # as the model names it
_MAX_ORDER, _MAX_POLES = 128, 64
_MAX_COEFFICIENT = 1e6
_IDLE_DB = 0.001  # CamillaDSP leaves out bands of a graphic equaliser of less
_LOUDNESS_DB = 10.0  # its default boost


@dataclass(frozen=True, slots=True)
class Rate:
    """A sample rate in Hz, and whether the configuration states it: if not, nothing is refused for being above its half."""

    hz: float
    is_stated: bool = True


@dataclass(frozen=True, slots=True)
class Sound:
    """What a filter does: bands, a gain in dB, and what no band is like.

    is_plain: whether gain_db is the number that stands in the file. lost: filters of other shapes. boost_db: of what depends on the
    volume. aside: what it does beside an equaliser's business.
    """

    bands: tuple[Band, ...] = ()
    gain_db: float = 0.0
    is_plain: bool = False
    is_inverted: bool = False
    is_silent: bool = False
    lost: tuple[Filter, ...] = ()
    boost_db: float = 0.0
    aside: str = ""


def sound_of(node: Mapping[str, Node], where: str, rate: Rate, beside: Beside | None) -> Sound:
    """Return what a filter does at a sample rate; raises PresetReadError naming the parameter, and for what the program refuses."""
    kind = text(node.get("type"), f"{where} type")
    if kind in _ASIDE:
        return Sound(aside=_ASIDE[kind])
    parameters = mapping(node.get("parameters"), f"{where} parameters")
    if kind == "Gain":
        return gain_of(parameters, where)
    if kind == "Biquad":
        return _biquad(parameters, where, rate)
    if kind == "BiquadCombo":
        return Sound(_combination(parameters, where, rate))
    if kind == "Conv":
        taps = _limited(_taps(parameters, where, beside), where)
        return Sound(gain_db=20.0 * math.log10(abs(taps[0])), is_inverted=taps[0] < 0.0) if taps[0] and not any(taps[1:]) else _heard(taps)
    if kind == "DiffEq":
        b, a = (_numbers(parameters.get(key), f"{where} {key}") or (1.0,) for key in ("b", "a"))
        if a[0] != 1.0 or len(a) > _MAX_POLES:
            raise PresetReadError(f"a is no list of up to {_MAX_POLES} numbers that begins with 1", where=where)
        return _of_coefficients(Filter(b, a), where, rate)
    if kind == "Loudness":
        boosts = [_LOUDNESS_DB if is_null(parameters.get(key)) else value(parameters, key, where) for key in ("low_boost", "high_boost")]
        return Sound(boost_db=max(boosts))
    raise PresetReadError(f"CamillaDSP has no filter of type {kind[:40]!r}", where=where)


def _heard(taps: tuple[float, ...]) -> Sound:
    return Sound(lost=(Filter(taps),)) if any(taps) else Sound(is_silent=True)


def gain_of(parameters: dict[str, Node], where: str, *, missing_db: float | None = None) -> Sound:
    """Return a gain, of a filter or of a mixer's source, where it may be missing."""
    gain = missing_db if missing_db is not None and is_null(parameters.get("gain")) else value(parameters, "gain", where)
    inverted, muted = (is_true(parameters.get(key)) for key in ("inverted", "mute"))
    scale = parameters.get("scale")
    unit = "dB" if is_null(scale) else text(scale, f"{where} scale")
    if unit not in ("dB", "linear"):
        raise PresetReadError(f"scale {unit[:20]!r} is neither dB nor linear", where=where)
    if muted or (unit == "linear" and gain == 0.0):
        return Sound(is_silent=True)
    if unit == "linear":
        return Sound(gain_db=20.0 * math.log10(abs(gain)), is_inverted=inverted is not (gain < 0.0))
    return Sound(gain_db=gain, is_inverted=inverted, is_plain=not inverted)


def is_null(node: Node | None) -> bool:
    """Whether a value is left out."""
    return node is None or (isinstance(node, str) and node in ("", "~", "null", "Null", "NULL"))


def is_true(node: Node | None) -> bool:
    """Whether a switch is on."""
    return isinstance(node, str) and node.lower() == "true"


def put_band(node: dict[str, Node], band: Band) -> None:
    """Let a filter's node be a band; what else stands in it stays."""
    combined = band.order > 2
    kind = _COMBINED[band.kind] if combined else _WRITTEN[band.kind, band.order]
    numbers = {"freq": exact_decimal(band.freq_hz)}
    if combined:
        numbers["order"] = str(band.order)
    elif band.order == 2:
        numbers["q"] = exact_decimal(band.q)
    if band.has_gain:
        numbers["gain"] = exact_decimal(band.gain_db)
    node["type"] = "BiquadCombo" if combined else "Biquad"
    parameters = mapping(node.setdefault("parameters", {}), "parameters")
    for key in [key for key in parameters if key not in ("type", *numbers)]:
        del parameters[key]
    parameters["type"] = kind
    parameters.update(numbers)


def put_gain(node: dict[str, Node], gain_db: float) -> None:
    """Let a gain filter's node have another gain in dB."""
    node.setdefault("type", "Gain")
    mapping(node.setdefault("parameters", {}), "parameters")["gain"] = exact_decimal(gain_db)


def _biquad(parameters: dict[str, Node], where: str, rate: Rate) -> Sound:
    kind = text(parameters.get("type"), f"{where} type")
    if kind in _FIRST_ORDER:
        shape = _FIRST_ORDER[kind]
        gain_db = value(parameters, "gain", where) if shape in _SHELVES else 0.0
        return Sound((_band(shape, value(parameters, "freq", where), gain_db, BUTTERWORTH_Q, where, rate, order=1),))
    if kind in _WITH_Q:
        return Sound((_second_order(_WITH_Q[kind], parameters, where, rate),))
    if kind == "Free":
        b0, b1, b2, a1, a2 = (value(parameters, key, where) for key in ("b0", "b1", "b2", "a1", "a2"))
        return _of_coefficients(Filter((b0, b1, b2), (1.0, a1, a2)), where, rate)
    if kind == "GeneralNotch":
        return _of_coefficients(_general_notch(parameters, where, rate), where, rate)
    if kind == "LinkwitzTransform":
        return _of_coefficients(_linkwitz_transform(parameters, where, rate), where, rate)
    raise PresetReadError(f"CamillaDSP has no biquad of type {kind[:40]!r}", where=where)


def _second_order(shape: BandKind, parameters: dict[str, Node], where: str, rate: Rate) -> Band:
    """Return a band of second order, whose width is a Q, octaves (Peaking, Notch, Bandpass, Allpass) or dB per octave (shelves)."""
    freq_hz = value(parameters, "freq", where)
    gain_db = value(parameters, "gain", where) if shape in (*_SHELVES, _PEAK) else 0.0
    other = "slope" if shape in _SHELVES else "bandwidth" if shape in _OCTAVES else ""
    if other and is_null(parameters.get("q")) and not is_null(parameters.get(other)):
        _band(shape, freq_hz, gain_db, BUTTERWORTH_Q, where, rate, is_of_rate=True)  # says what is out of range
        width = value(parameters, other, where)
        q = _q_of_slope(width, gain_db, where) if other == "slope" else _q_of_octaves(width, freq_hz, where, rate)
    else:
        q = value(parameters, "q", where)
    return _band(shape, freq_hz, gain_db, q, where, rate)


def _q_of_slope(slope: float, gain_db: float, where: str) -> float:
    """Return the Q of a shelf from dB per octave: the cookbook's S is slope / 12."""
    if not 0.0 < slope <= 12.0:
        raise PresetReadError(f"slope {slope:g} is outside 0..12 dB per octave, which CamillaDSP refuses", where=where)
    a = 10.0 ** (gain_db / 40.0)
    return 1.0 / math.sqrt((a + 1.0 / a) * (12.0 / slope - 1.0) + 2.0)


def _q_of_octaves(octaves: float, freq_hz: float, where: str, rate: Rate) -> float:
    """Return the Q of a bandwidth by the cookbook, which depends on the sample rate: 1 / (2 sinh(ln 2 / 2 octaves w / sin w))."""
    if octaves <= 0.0:
        raise PresetReadError(f"bandwidth {octaves:g} is not above 0, which CamillaDSP refuses", where=where)
    w = 2.0 * math.pi * freq_hz / rate.hz
    try:
        return 0.5 / math.sinh(math.log(2.0) / 2.0 * octaves * w / math.sin(w))
    except OverflowError as error:
        raise PresetReadError(f"bandwidth {octaves:g} is too large", where=where) from error


def _band(
    shape: BandKind, freq_hz: float, gain_db: float, q: float, where: str, rate: Rate, order: int = 2, *, is_of_rate: bool = False
) -> Band:
    try:
        found = Band(shape, freq_hz, gain_db, q, order=order)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error
    if (rate.is_stated or is_of_rate) and freq_hz >= rate.hz / 2.0:
        raise PresetReadError(f"freq {freq_hz:g} is not below {rate.hz / 2.0:g} Hz, which CamillaDSP refuses", where=where)
    return found


def _of_coefficients(held: Filter, where: str, rate: Rate) -> Sound:
    if max(map(abs, (*held.b, *held.a))) > _MAX_COEFFICIENT:
        raise PresetReadError(f"holds a coefficient over {_MAX_COEFFICIENT:g}", where=where)
    if not held.is_stable:
        raise PresetReadError("is not stable, which CamillaDSP refuses", where=where)
    if not any(held.b):
        return Sound(is_silent=True)
    found = band_of(held, rate.hz)
    return Sound((found,)) if found is not None else Sound(lost=(held,))


def _general_notch(parameters: dict[str, Node], where: str, rate: Rate) -> Filter:
    pole_hz, zero_hz, q = (value(parameters, key, where) for key in ("freq_p", "freq_z", "q_p"))
    for freq_hz in (pole_hz, zero_hz):
        _band(BandKind.NOTCH, freq_hz, 0.0, q, where, rate, is_of_rate=True)  # says what is out of range
    p, z = (math.tan(math.pi * freq_hz / rate.hz) for freq_hz in (pole_hz, zero_hz))
    level = (p / z) ** 2 if is_true(parameters.get("normalize_at_dc")) else 1.0
    top = (level * (1.0 + z * z), -2.0 * level * (1.0 - z * z), level * (1.0 + z * z))
    return Filter(top, (1.0 + p / q + p * p, -2.0 + 2.0 * p * p, 1.0 - p / q + p * p))


def _linkwitz_transform(parameters: dict[str, Node], where: str, rate: Rate) -> Filter:
    """Return the filter that moves a closed box from one frequency and Q to others, by the bilinear transform at their mean."""
    actual_hz, actual_q, target_hz, target_q = (value(parameters, key, where) for key in ("freq_act", "q_act", "freq_target", "q_target"))
    for freq_hz, q in ((actual_hz, actual_q), (target_hz, target_q)):
        _band(BandKind.HIGH_PASS, freq_hz, 0.0, q, where, rate, is_of_rate=True)  # says what is out of range
    middle = math.pi * (actual_hz + target_hz)
    g = middle / math.tan(middle / 2.0 / rate.hz)

    def side(freq_hz: float, q: float) -> tuple[float, ...]:
        w = 2.0 * math.pi * freq_hz / g
        return w * w + w / q + 1.0, 2.0 * (w * w - 1.0), w * w - w / q + 1.0

    return Filter(side(actual_hz, actual_q), side(target_hz, target_q))


def _combination(parameters: dict[str, Node], where: str, rate: Rate) -> tuple[Band, ...]:
    kind = text(parameters.get("type"), f"{where} type")
    if kind.removesuffix("pass") in ("ButterworthHigh", "ButterworthLow", "LinkwitzRileyHigh", "LinkwitzRileyLow"):
        return _crossover(kind, parameters, where, rate)
    if kind == "Tilt":
        half_db = value(parameters, "gain", where) / 2.0
        return (_band(_LOW, 110.0, -half_db, 0.35, where, rate), _band(_HIGH, 3_500.0, half_db, 0.35, where, rate))
    if kind == "FivePointPeq":
        points = [tuple(value(parameters, f"{letter}{end}", where) for letter in "fgq") for end in ("ls", "p1", "p2", "p3", "hs")]
    elif kind == "NPointPeq":
        entries = [mapping(node, f"{where} bands") for node in sequence(parameters.get("bands"), f"{where} bands")]
        points = [tuple(value(entry, key, where) for key in ("freq", "gain", "q")) for entry in entries]
        if len(points) < 2:
            raise PresetReadError("has under two bands, which CamillaDSP refuses", where=where)
    elif kind == "GraphicEqualizer":
        return _graphic(parameters, where, rate)
    else:
        raise PresetReadError(f"CamillaDSP has no combination of type {kind[:40]!r}", where=where)
    shapes = (_LOW, *[_PEAK] * (len(points) - 2), _HIGH)
    pairs = zip(shapes, points, strict=True)
    return tuple(_band(shape, freq_hz, gain_db, q, where, rate) for shape, (freq_hz, gain_db, q) in pairs)


def _crossover(kind: str, parameters: dict[str, Node], where: str, rate: Rate) -> tuple[Band, ...]:
    """Return a Butterworth pass, or the two of half the order that make one of Linkwitz and Riley."""
    freq_hz, written = value(parameters, "freq", where), text(parameters.get("order"), f"{where} order")
    order = int(written) if written.isascii() and written.isdigit() and len(written) < 4 else 0
    riley = kind.startswith("Linkwitz")
    if not 1 <= order <= _MAX_ORDER or (riley and order % 2):
        raise PresetReadError(f"order {written[:20]!r} is no {'even ' if riley else ''}number of 1..{_MAX_ORDER}", where=where)
    shape = BandKind.HIGH_PASS if kind.endswith("Highpass") else BandKind.LOW_PASS
    each = order // 2 if riley else order
    if riley and each == 1:
        return (_band(shape, freq_hz, 0.0, 0.5, where, rate),)
    if each <= MAX_PASS_ORDER:
        sections = [(each, 0.5**0.5 if each == 2 else BUTTERWORTH_Q)]
    else:
        sections = [(1, BUTTERWORTH_Q) if q is None else (2, q) for q in pass_qs(each, BUTTERWORTH_Q)]
    once = tuple(_band(shape, freq_hz, 0.0, q, where, rate, order=section) for section, q in sections)
    return once * 2 if riley else once


def _graphic(parameters: dict[str, Node], where: str, rate: Rate) -> tuple[Band, ...]:
    """Return the peaks of a graphic equaliser, evenly over the octaves between its ends, each as wide as its share of them."""
    low_hz, high_hz = (
        default if is_null(parameters.get(key)) else value(parameters, key, where)
        for key, default in (("freq_min", 20.0), ("freq_max", 20_000.0))
    )
    gains = _numbers(parameters.get("gains"), f"{where} gains")
    if not 0.0 < low_hz < high_hz < rate.hz / 2.0:
        raise PresetReadError(f"{low_hz:g}..{high_hz:g} Hz is no range below {rate.hz / 2.0:g} Hz, which CamillaDSP refuses", where=where)
    if any(abs(gain_db) > 40.0 for gain_db in gains):
        raise PresetReadError("a gain is outside -40..40 dB, which CamillaDSP refuses", where=where)
    octaves = math.log2(high_hz / low_hz) / max(len(gains), 1)
    bands = []
    for index, gain_db in enumerate(gains):
        freq_hz = low_hz * 2.0 ** ((index + 0.5) * octaves)
        if abs(gain_db) > _IDLE_DB:
            bands.append(_band(_PEAK, freq_hz, gain_db, _q_of_octaves(octaves, freq_hz, where, rate), where, rate))
    return tuple(bands)


def _limited(taps: tuple[float, ...], where: str) -> tuple[float, ...]:
    if max(map(abs, taps)) > _MAX_COEFFICIENT:
        raise PresetReadError(f"holds a value over {_MAX_COEFFICIENT:g}", where=where)
    return taps


def _numbers(node: Node | None, where: str) -> tuple[float, ...]:
    if is_null(node):
        return ()
    return tuple(number(text(item, where), "value", where) for item in sequence(node, where))


def _taps(parameters: dict[str, Node], where: str, beside: Beside | None) -> tuple[float, ...]:
    """Return the impulse response of a convolution: numbers in the file, or a text or WAV file beside it."""
    kind = "Values" if is_null(parameters.get("type")) else text(parameters["type"], f"{where} type")
    if kind == "Values":
        return _numbers(parameters.get("values"), f"{where} values") or (1.0,)
    if kind == "Dummy":
        return (1.0,)
    data = companion(text(parameters.get("filename"), f"{where} filename"), "convolves with", where, beside)
    if kind == "Wav" and is_null(parameters.get("channel")):
        return first_channel(data)
    if kind in ("Raw", "File") and parameters.get("format", "TEXT") == "TEXT":
        return tuple(number(line.strip(), "value", where) for line in text_of(data).splitlines() if line.strip()) or (1.0,)
    raise PresetReadError("convolves with a file of a kind that is not read; take the filter out of the pipeline", where=where)
