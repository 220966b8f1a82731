"""Biquad coefficients for miniDSP's advanced mode, as its plug-ins import them and Room EQ Wizard (REW) exports them.

    biquad1,
    b0=0.998191200483864,
    b1=-1.9950521500467384,
    b2=0.996920046761057,
    a1=1.9950521500467384,
    a2=-0.9951112472449212,
    biquad2,
    ...

H(z) = (b0 + b1/z + b2/z^2) / (1 - a1/z - a2/z^2): a1 and a2 have the opposite sign of the usual one. Commas may be missing, and lines
empty; a block of a device has ten biquads. The file does not say its sample rate, which is that of the device: 48 kHz or 96 kHz, and so
there are two formats. A file whose name says neither ("96k") is recognised as both: then one has to be named.
Read: each biquad as the filter of the Audio EQ Cookbook that it is, or as a gain; any other one by points of its response, which is said.
Written: at the format's rate, the preamp as a gain of the first biquad; bands over 0.95 of the Nyquist frequency are left out and said.
Source: miniDSP, manuals of DDRC-24 and 2x4 HD (file import) and "Advanced biquad programming" (signs); files quoted in public threads.
Unknown: the largest coefficients that a device takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from semeq_export.eq.biquad import design_sections, for_rate
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, BandKind, EqSettings, orders
from semeq_export.errors import PresetReadError
from semeq_export.units import amplitude_to_db, db_to_amplitude
from semeq_presets.file_formats._apo_channels import eq_of
from semeq_presets.file_formats._apo_iir import read_iir
from semeq_presets.file_formats._fields import number, settled, text_of
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

Biquad = tuple[float, float, float, float, float]
"""b0, b1, b2, a1, a2 with the usual signs of a: those of the denominator 1 + a1/z + a2/z^2."""

_NAMES = ("b0", "b1", "b2", "a1", "a2")
_MOST_READ, _MOST_WRITTEN = 64, 10
_KINDS = frozenset(BandKind) - {BandKind.TILT}
_GAIN_DB, _Q = (-60.0, 60.0), (0.05, 100.0)
_START = re.compile(r"[ \t]*biquad[ \t]*(\d{1,3})[ \t]*,?[ \t\r]*", re.IGNORECASE)
_VALUE = re.compile(r"[ \t]*([ab][012])[ \t]*=[ \t]*([^, \t\r]*)[ \t]*,?[ \t\r]*", re.IGNORECASE)
_KHZ = re.compile(r"(?<!\d)(48|96)[ _-]?(?:k|000)", re.IGNORECASE)
_SAME = 1e-12


class MiniDsp:
    """Reads and writes biquads at one sample rate."""

    def __init__(self, info: FormatInfo, rate_hz: float) -> None:
        self.info, self._rate_hz = info, rate_hz

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes name a biquad and its b0, and the name of the file does not say the other rate."""
        named = {float(khz) * 1e3 for khz in _KHZ.findall(filename)}
        is_biquads = re.match(rb"\s*biquad\s*\d+\s*,?\s*b0\s*=", head, re.IGNORECASE) is not None
        return is_biquads and (len(named) != 1 or self._rate_hz in named)

    def write(self, preset: Preset) -> Written:
        """Return the text; notes say which bands the rate cannot hold."""
        data, notes = preset.unchanged(), tuple[Note, ...]()
        if data is None or preset.sample_rate_hz != self._rate_hz:
            fit = for_rate(preset.single, self._rate_hz)
            notes = tuple(Note("dropped", None, "band", warning, None) for warning in fit.warnings)
            data = _text(_biquads(fit.eq, self._rate_hz)).encode("utf-8")
        return Written({"preset.txt": data}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming biquad and coefficient."""
        (data,) = files.values()
        notes: list[Note] = []
        sounds: list[Band | float | Curve] = []
        for count, biquad in enumerate(_parsed(text_of(data).removeprefix("\ufeff")), start=1):
            sounds += _sounds(biquad, self._rate_hz, f"biquad {count}", notes)
        eq = eq_of([self._settled(sound) if isinstance(sound, Band) else sound for sound in sounds])
        return Preset(eq, sample_rate_hz=self._rate_hz, source=Source(None, data, eq, None), notes=tuple(notes))

    def _settled(self, held: Band) -> Band:
        """Return a band whose values are not past the format's ranges by the digits of coefficients alone."""
        freq_hz, gain_db = settled(held.freq_hz, *self.info.limits.freq_hz), settled(held.gain_db, *_GAIN_DB)
        return replace(held, freq_hz=freq_hz, gain_db=gain_db, q=settled(held.q, *_Q))


def _parsed(text: str) -> list[Biquad]:
    """Return the biquads of a text."""
    found: list[dict[str, float]] = []
    for count, line in enumerate(text.split("\n"), start=1):
        where = f"line {count}"
        start, value = _START.fullmatch(line), _VALUE.fullmatch(line)
        if start is not None:
            if int(start[1]) != len(found) + 1:
                raise PresetReadError(f"biquad {start[1]}, expected {len(found) + 1}", where=where)
            if len(found) == _MOST_READ:
                raise PresetReadError(f"more than {_MOST_READ} biquads", where=where)
            found.append({})
        elif value is not None and found:
            name = value[1].lower()
            if name in found[-1] or name not in _NAMES:
                raise PresetReadError(f"{name} stands twice or is none of {', '.join(_NAMES)}", where=where)
            found[-1][name] = number(value[2], name, where)
        elif line.strip():
            raise PresetReadError(f"{line.strip()[:40]!r} is neither a biquad nor a coefficient", where=where)
    if not found:
        raise PresetReadError("holds no biquad")
    return [_complete(values, f"biquad {count}") for count, values in enumerate(found, start=1)]


def _complete(values: Mapping[str, float], where: str) -> Biquad:
    missing = [name for name in _NAMES if name not in values]
    if missing:
        raise PresetReadError(f"{missing[0]} is missing", where=where)
    return values["b0"], values["b1"], values["b2"], -values["a1"], -values["a2"]


def _sounds(biquad: Biquad, rate_hz: float, where: str, notes: list[Note]) -> tuple[Band | float | Curve, ...]:
    """Return what a biquad is."""
    b0, b1, b2, a1, a2 = biquad
    if not (abs(a2) < 1.0 and abs(a1) < 1.0 + a2):
        raise PresetReadError("is not stable; are the signs of a1 and a2 those of miniDSP?", where=where)
    if b0 and abs(b1 - b0 * a1) <= _SAME * abs(b0) and abs(b2 - b0 * a2) <= _SAME * abs(b0):
        gain_db = amplitude_to_db(abs(b0))
        return (gain_db,) if gain_db else ()
    coefficients = " ".join(repr(value) for value in (b0, b1, b2, 1.0, a1, a2))
    sounds = read_iir(f" Order 2 Coefficients {coefficients}", rate_hz, where)
    if any(isinstance(sound, Curve) for sound in sounds):
        notes.append(Note("approximated", None, where, "no filter of the Audio EQ Cookbook", "its response by points"))
    return sounds


def _biquads(eq: EqSettings, rate_hz: float) -> list[Biquad]:
    """Return the biquads of an EQ; a level goes into the first."""
    sections = [section for band in eq.active_bands for section in design_sections(band, rate_hz)]
    biquads = [(b0, b1, b2, a1, a2) for b0, b1, b2, _, a1, a2 in sections] or [(1.0, 0.0, 0.0, 0.0, 0.0)]
    factor = db_to_amplitude(eq.preamp_db)
    b0, b1, b2, a1, a2 = biquads[0]
    return [(b0 * factor, b1 * factor, b2 * factor, a1, a2), *biquads[1:]]


def _text(biquads: list[Biquad]) -> str:
    return ",\n".join(line for count, biquad in enumerate(biquads, start=1) for line in _lines(count, biquad)) + "\n"


def _lines(count: int, biquad: Biquad) -> Iterator[str]:
    b0, b1, b2, a1, a2 = biquad
    yield f"biquad{count}"
    for name, value in zip(_NAMES, (b0, b1, b2, -a1, -a2), strict=True):
        yield f"{name}={value + 0.0!r}"


def _info(format_id: str, khz: int, devices: str, top_hz: float) -> FormatInfo:
    return FormatInfo(
        id=format_id,
        title=f"miniDSP biquads, {khz} kHz",
        host=f"miniDSP devices at {khz} kHz ({devices})",
        suffixes=(f".{khz}k.txt",),
        how_to_import="miniDSP plug-in: PEQ block, Import REW file, or advanced mode and Process",
        precision_db=1e-3,
        limits=Limits(
            max_bands=_MOST_WRITTEN,
            kinds=_KINDS,
            orders={kind: frozenset(range(orders(kind)[0], 3)) for kind in _KINDS},
            freq_hz=(10.0, top_hz),
            gain_db=_GAIN_DB,
            q=_Q,
            preamp_db=_GAIN_DB,
            holds_disabled=False,
        ),
        aliases=("minidsp", f"minidsp-{khz}khz"),
        remark="coefficients; the file does not say its rate, so it is named, or recognised by a file name that says it",
    )


AT_48: PresetFormat = MiniDsp(_info("minidsp-48k", 48, "2x4, DDRC-24", 22_000.0), 48_000.0)
AT_96: PresetFormat = MiniDsp(_info("minidsp-96k", 96, "2x4 HD", 40_000.0), 96_000.0)
