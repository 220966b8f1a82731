"""Impulse response as a WAV file: the EQ for every convolver (JamesDSP, EasyEffects, Equalizer APO, ReaVerb, Logic's Space Designer).

    offset  size
    0       12     "RIFF", size of the rest, "WAVE"
    12      24     "fmt ": 16, then format 3 (IEEE float), 2 channels, rate, rate * 8, 8, 32
    36      12     "fact": 4, samples per channel
    48      8+n    "LIST": "INFO" with INAM (name), ISFT "semeq", ICMT "minimum phase" or "linear phase"; texts end in 0, even sizes
    ..      8+m    "data": float32, both channels alike (EasyEffects takes stereo only)

Two formats of one layout. `fir` is minimum phase: the impulse response of the EQ itself, without any delay. `fir-linear` is linear phase:
the same magnitude, symmetric about its middle, half its length late. The preset's sample rate is the file's, and a convolver must run at
that rate or resample. Length: until the slowest pole (for linear phase the slowest pole or zero) has fallen by 90 dB, at most 2^16
samples per 48 kHz, faded out at the end where that is not enough.
Read: PCM of 16, 24 and 32 bits, float of 32 and 64 bits, 1 to 8 channels, at most 2^20 samples; the response is that of the first channel.
Chunks that we do not write are kept. A curve without bands gets its minimum phase from its magnitude (folded cepstrum, Oppenheim and
Schafer, Discrete-Time Signal Processing, section 13.5). Source of the layout: Microsoft, Multimedia Programming Interface and Data
Specifications 1.0, and its float format (WAVE_FORMAT_IEEE_FLOAT).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import sosfilt

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import USABLE_NYQUIST, design_sos, for_rate
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.filter import minimum_phase
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError, PresetReadError
from semeq_export.units import check_sample_rate_hz, db_to_amplitude
from semeq_presets.file_formats._curves import sampled_db, well_placed
from semeq_presets.file_formats._names import one_line
from semeq_presets.file_formats._places import easy_effects
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, MeasuringHost, Note, Preset, PresetFormat, Source, Written

Phase = Literal["minimum", "linear"]

_DECAY_DB = 90.0
_MOST_TAPS_AT_48K = 2**16
_FEWEST_TAPS_AT_48K = 2**10
_MAX_READ_SAMPLES = 2**20
_MAX_CHANNELS = 8
_MAX_CHUNKS = 1_000
_FADE_SHARE = 0.25
_LOWEST_HZ = 10.0
_CURVE_POINTS = 3_000
_CHECK_POINTS = 500
_CHECK_FROM_HZ = 40.0
_FLOOR = 1e-10  # -200 dB: what a response of zero is read as


@dataclass(frozen=True, slots=True)
class _Chunks:
    """The chunks of a file that are neither samples nor a name."""

    others: tuple[tuple[bytes, bytes], ...] = ()


class FirWav:
    """Reads and writes impulse responses of one phase."""

    def __init__(self, format_id: str, phase: Phase, suffix: str) -> None:
        self._phase: Phase = phase
        self._mark = f"{phase} phase"
        self.info = FormatInfo(
            id=format_id,
            title=f"Impulse response, {phase}-phase FIR (WAV)",
            host="any convolver: JamesDSP, EasyEffects, Equalizer APO, REAPER's ReaVerb, CamillaDSP",
            suffixes=(suffix,),
            how_to_import="EasyEffects: Convolver, Impulses, Import; JamesDSP: Convolver; Equalizer APO: Convolution; ReaVerb: Add, File",
            precision_db=0.1,
            carries="curve",
            limits=Limits(max_bands=10, freq_hz=(40.0, 20_000.0), gain_db=(-18.0, 18.0), q=(0.1, 10.0), preamp_db=(-40.0, 40.0)),
            is_text=False,
            protects=True,
            verified="FFmpeg 5.1.9 (afir)",
            aliases=("impulse-response", "convolver"),
            places=easy_effects("irs"),
            measured_in=(MeasuringHost("ffmpeg", "impulse response"),),
            remark="at the preset's rate; precision above 40 Hz",
        )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether it is a WAV file; linear phase only where the file says so."""
        return head[:4] == b"RIFF" and head[8:12] == b"WAVE" and (b"linear phase" in head) is (self._phase == "linear")

    def write(self, preset: Preset) -> Written:
        """Return the file, and a note where its response above 40 Hz is further off than the format's precision."""
        name = one_line(preset.name)
        same = replace(preset, name=name).unchanged()
        if same is not None:
            return Written({"preset.wav": same})
        taps = self._taps(preset).astype(np.float32)
        before = preset.parts(_Chunks) or _Chunks()
        rate_hz = round(preset.sample_rate_hz)
        error_db = _error_db(preset, taps.astype(np.float64))
        note = Note("approximated", None, "response", "as asked for", f"{taps.size} taps", error_db)
        notes = (note,) if error_db > self.info.precision_db else ()
        return Written({"preset.wav": _wav(taps, rate_hz, name, self._mark, before.others)}, notes)

    def read(self, files: Files) -> Preset:
        """Return the preset, a curve measured from the impulse response; raises PresetReadError naming the chunk that is wrong."""
        (data,) = files.values()
        chunks = _chunks(data)
        rate_hz, samples = _samples(chunks)
        notes: tuple[Note, ...] = ()
        if np.any(samples[1:] != samples[0]):
            notes = (Note("unknown", None, "channels", "others than the first sound different and are not read", None),)
        name = _name(chunks)
        curve = _curve_of(samples[0], rate_hz)
        others = tuple((tag, body) for tag, body in chunks if tag not in (b"fmt ", b"fact", b"data") and not body.startswith(b"INFO"))
        source = Source(_Chunks(others), data, EqSettings(curve=curve), name=name)
        return Preset(EqSettings(curve=curve), name=name, sample_rate_hz=rate_hz, source=source, notes=notes)

    def _taps(self, preset: Preset) -> Float64Array:
        if preset.single.curve is not None:
            minimum = _from_response(preset)
        else:
            minimum = _from_bands(for_rate(preset.single, preset.sample_rate_hz).eq, preset.sample_rate_hz, self._phase)
        return minimum if self._phase == "minimum" else _made_linear(minimum)


def first_channel(data: bytes) -> tuple[float, ...]:
    """Return the samples (n,) of a WAV file's first channel; raises PresetReadError naming the chunk that is wrong."""
    return tuple(_samples(_chunks(data))[1][0].tolist())


def _from_bands(eq: EqSettings, rate_hz: float, phase: Phase) -> Float64Array:
    """Return the impulse response of an EQ, as long as it takes to die away."""
    sos = design_sos(eq, rate_hz)
    coefficients = np.concatenate([sos[:, 3:], sos[:, :3]]) if phase == "linear" else sos[:, 3:]
    slowest = _largest_root(coefficients)
    samples = _DECAY_DB / 20.0 * math.log(10.0) / -math.log(slowest) if 0.0 < slowest < 1.0 else 1.0
    scale = 2.0 ** math.ceil(math.log2(rate_hz / 48_000.0) - 1e-9)
    most, fewest = int(_MOST_TAPS_AT_48K * scale), int(_FEWEST_TAPS_AT_48K * scale)
    count = min(max(2 ** math.ceil(math.log2(samples + 1.0)), fewest), most)
    impulse = np.zeros(count)
    impulse[0] = db_to_amplitude(eq.preamp_db)
    taps: Float64Array = sosfilt(sos, impulse) if len(sos) else impulse
    return _faded(taps) if samples > count else taps


def _largest_root(sections: Float64Array) -> float:
    """Return the largest magnitude of the roots of polynomials (n, 3), highest power first; 0 where there are none."""
    if not len(sections):
        return 0.0
    b, c = sections[:, 1] / sections[:, 0], sections[:, 2] / sections[:, 0]
    under = b * b - 4.0 * c
    real = (np.abs(b) + np.sqrt(np.maximum(under, 0.0))) / 2.0
    return float(np.max(np.where(under < 0.0, np.sqrt(np.abs(c)), real)))


def _from_response(preset: Preset) -> Float64Array:
    """Return the minimum-phase impulse response with the magnitude of a preset that holds a curve."""
    rate_hz = preset.sample_rate_hz
    count = int(2**14 * 2.0 ** math.ceil(math.log2(rate_hz / 48_000.0) - 1e-9))
    bins_hz: Float64Array = np.arange(4 * count + 1, dtype=np.float64) * (rate_hz / (8 * count))
    gain_db = sampled_db(preset, bins_hz)
    return _faded(minimum_phase(np.maximum(gain_db, 20.0 * math.log10(_FLOOR)))[:count])


def _made_linear(minimum: Float64Array) -> Float64Array:
    """Return twice as many taps, odd in number and symmetric, with the same magnitude."""
    size = 4 * minimum.size
    zero_phase = irfft(np.abs(rfft(minimum, size)), size)
    half = _faded(zero_phase[: minimum.size])
    return np.concatenate([half[:0:-1], half])


def _faded(taps: Float64Array) -> Float64Array:
    """Return the taps with a raised-cosine fade over their last quarter, so that cutting them off leaves no step."""
    length = int(taps.size * _FADE_SHARE)
    fade = np.ones(taps.size)
    fade[taps.size - length :] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, length + 1) / (length + 1))
    return taps * fade


def _error_db(preset: Preset, taps: Float64Array) -> float:
    """Return how far the response of the taps is off the intended one from 40 Hz to 20 kHz, at the bins nearest to a log grid."""
    size = next_fast_len(4 * taps.size, real=True)
    spacing_hz = preset.sample_rate_hz / size
    top_hz = min(20_000.0, USABLE_NYQUIST * preset.sample_rate_hz / 2)
    bins = np.unique(np.round(log_grid(_CHECK_POINTS, _CHECK_FROM_HZ, top_hz) / spacing_hz).astype(np.int64))
    bins_hz: Float64Array = bins.astype(np.float64) * spacing_hz
    held_db: Float64Array = 20.0 * np.log10(np.maximum(np.abs(rfft(taps, size)[bins]), _FLOOR))
    return float(np.max(np.abs(held_db - sampled_db(preset, bins_hz))))


def _curve_of(taps: Float64Array, rate_hz: float) -> Curve:
    """Return the magnitude response of an impulse response, at points that lie closer where it bends more."""
    size = next_fast_len(max(4 * taps.size, round(2**17 * rate_hz / 48_000.0)), real=True)
    magnitude = np.maximum(np.abs(rfft(taps, size)), _FLOOR)
    if np.all(magnitude <= _FLOOR):
        raise PresetReadError("the impulse response is silent", where="data")
    bins_hz = np.arange(magnitude.size) * (rate_hz / size)
    gain_db = 20.0 * np.log10(magnitude)
    grid_hz = log_grid(4 * _CURVE_POINTS, _LOWEST_HZ, rate_hz / 2)
    points_hz = well_placed(grid_hz, np.interp(grid_hz, bins_hz, gain_db), _CURVE_POINTS)
    return Curve(points_hz, np.interp(points_hz, bins_hz, gain_db))


def _wav(
    taps: np.ndarray[tuple[int], np.dtype[np.float32]], rate_hz: int, name: str, mark: str, others: tuple[tuple[bytes, bytes], ...]
) -> bytes:
    texts = [(b"INAM", name)] if name else []
    texts += [(b"ISFT", "semeq"), (b"ICMT", mark)]
    info = b"INFO" + b"".join(_chunk(tag, text.encode("utf-8") + b"\0") for tag, text in texts)
    body = b"".join(
        [
            _chunk(b"fmt ", struct.pack("<HHIIHH", 3, 2, rate_hz, rate_hz * 8, 8, 32)),
            _chunk(b"fact", struct.pack("<I", taps.size)),
            _chunk(b"LIST", info),
            *(_chunk(tag, content) for tag, content in others),
            _chunk(b"data", np.repeat(taps.astype("<f4"), 2).tobytes()),
        ]
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def _chunk(tag: bytes, content: bytes) -> bytes:
    return tag + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return tag and content of all chunks of a WAV file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise PresetReadError("is not a WAV file (RIFF ... WAVE)", where="offset 0x0")
    chunks, place = [], 12
    while place + 8 <= len(data):
        tag, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if place + 8 + size > len(data):
            raise PresetReadError(f"chunk {tag!r} of {size} bytes ends after the file", where=f"offset {place:#x}")
        chunks.append((tag, data[place + 8 : place + 8 + size]))
        if len(chunks) > _MAX_CHUNKS:
            raise PresetReadError(f"more than {_MAX_CHUNKS} chunks")
        place += 8 + size + size % 2
    return chunks


def _samples(chunks: list[tuple[bytes, bytes]]) -> tuple[float, Float64Array]:
    """Return the sample rate in Hz and the samples (channels, n) as float64."""
    named = dict(chunks)
    form, data = named.get(b"fmt ", b""), named.get(b"data")
    if len(form) < 16 or data is None:
        raise PresetReadError("has no 'fmt ' chunk of 16 bytes or no 'data' chunk")
    code, channels, rate_hz, _, frame, bits = struct.unpack("<HHIIHH", form[:16])
    if code == 0xFFFE and len(form) >= 26:
        code = int.from_bytes(form[24:26], "little")
    types = {(1, 16): "<i2", (1, 24): "u1", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}
    if (code, bits) not in types or not 1 <= channels <= _MAX_CHANNELS or frame != channels * bits // 8:
        what = f"format {code} with {bits} bits in {channels} channels"
        raise PresetReadError(
            f"{what} cannot be read; expected PCM of 16, 24 or 32 bits or float, 1..{_MAX_CHANNELS} channels", where="fmt"
        )
    try:
        rate = check_sample_rate_hz(rate_hz)
    except AudioError as error:
        raise PresetReadError(str(error), where="fmt") from error
    count = len(data) // frame
    if not 1 <= count <= _MAX_READ_SAMPLES:
        raise PresetReadError(f"{count} samples are no impulse response; expected 1..{_MAX_READ_SAMPLES}", where="data")
    raw = np.frombuffer(data[: count * frame], types[code, bits])
    if bits == 24 and code == 1:
        parts = raw.reshape(-1, 3).astype(np.int32)
        values = ((parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8) / 2.0**23
    else:
        with np.errstate(invalid="ignore"):  # a signalling NaN, refused below
            values = raw / 2.0 ** (bits - 1) if code == 1 else raw.astype(np.float64)
    if not np.all(np.isfinite(values)) or np.max(np.abs(values)) > 1e6:
        raise PresetReadError("holds samples that are not finite or over 1e+06", where="data")
    return rate, np.asarray(values, dtype=np.float64).reshape(-1, channels).T


def _name(chunks: list[tuple[bytes, bytes]]) -> str:
    for tag, content in chunks:
        if tag == b"LIST" and content.startswith(b"INFO"):
            place = 4
            while place + 8 <= len(content):
                size = int.from_bytes(content[place + 4 : place + 8], "little")
                if content[place : place + 4] == b"INAM":
                    return one_line(content[place + 8 : place + 8 + size].split(b"\0")[0].decode("utf-8", "replace"))[:200]
                place += 8 + size + size % 2
    return ""


MINIMUM: PresetFormat = FirWav("fir", "minimum", ".wav")
LINEAR: PresetFormat = FirWav("fir-linear", "linear", ".linear.wav")
