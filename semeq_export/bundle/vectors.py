"""Conformance vectors: inputs, expected outputs and tolerances with which a stranger proves a loader right.

vectors/decoder.json     z -> parameters (dB, Hz, Q in the layout's order)
vectors/response.json    parameters -> magnitude response in dB at 48 kHz
vectors/eq_encoder.json  parameters -> z
vectors/audio_encoder.json   WAV files beside it (mono, 16 bits, full scale 1.0) -> z
"""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqLayout
from semeq_export.errors import BundleFormatError
from semeq_export.files import strict_json
from semeq_export.words.terms import CentroidBank

DECODER, RESPONSE, EQ_ENCODER = "vectors/decoder.json", "vectors/response.json", "vectors/eq_encoder.json"
AUDIO_ENCODER, NOISE, NOTES = "vectors/audio_encoder.json", "vectors/noise.wav", "vectors/notes.wav"
SAMPLE_RATE_HZ = 48_000.0
N_RANDOM = 24
N_RESPONSES = 24
GAIN_TOLERANCE_DB, RELATIVE_TOLERANCE = 1e-4, 1e-5
RESPONSE_TOLERANCE_DB = 0.01
Z_TOLERANCE = 1e-4

Function = Callable[[FloatArray], FloatArray]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DecoderVectors:
    """z (n, latent_dim) -> params (n, n_params). Gains may differ by gain_tolerance_db, frequencies and Q by relative_tolerance."""

    z: tuple[tuple[float, ...], ...]
    params: tuple[tuple[float, ...], ...]
    gain_tolerance_db: float = GAIN_TOLERANCE_DB
    relative_tolerance: float = RELATIVE_TOLERANCE


@dataclass(frozen=True, slots=True)
class ResponseVectors:
    """params (n, n_params) -> response_db (n, n_freqs) at freqs_hz and sample_rate_hz."""

    sample_rate_hz: float
    freqs_hz: tuple[float, ...]
    params: tuple[tuple[float, ...], ...]
    response_db: tuple[tuple[float, ...], ...]
    tolerance_db: float = RESPONSE_TOLERANCE_DB


@dataclass(frozen=True, slots=True)
class EncoderVectors:
    """params (n, n_params) -> z (n, latent_dim), each number within tolerance."""

    params: tuple[tuple[float, ...], ...]
    z: tuple[tuple[float, ...], ...]
    tolerance: float = Z_TOLERANCE


@dataclass(frozen=True, slots=True)
class AudioVectors:
    """Files at sample_rate_hz, samples divided by 32768 -> z (n, latent_dim), each number within tolerance."""

    files: tuple[str, ...]
    sample_rate_hz: int
    z: tuple[tuple[float, ...], ...]
    tolerance: float = Z_TOLERANCE


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest difference found in one file of vectors, as a multiple of the tolerance beside it; up to 1 conforms."""

    file: str
    what: str
    ratio: float
    message: str

    @property
    def conforms(self) -> bool:
        """Whether the difference is within the tolerance; False for NaN."""
        return self.ratio <= 1.0


def make_vectors(decoder: Function, eq_encoder: Function | None, bank: CentroidBank, layout: EqLayout) -> dict[str, bytes]:
    """Return the files of vectors/ by name: every word's centroid, fixed random latents, zero and two corners.

    decoder: z (latent_dim,) float32 -> (n_params,). eq_encoder: params (n_params,) float64 -> (latent_dim,). Both in float64 where the
    bytes
    are to be the same on every processor: outputs are rounded to 8 digits, far inside the tolerances and far above float64's own error.
    """
    rng = np.random.default_rng(0)
    random = rng.uniform(-1.0, 1.0, (N_RANDOM, bank.latent_dim))
    corners = np.array([np.zeros(bank.latent_dim), np.ones(bank.latent_dim), -np.ones(bank.latent_dim)])
    z = np.concatenate([[bank[name].z for name in bank], random, corners]).astype(np.float32)
    params = _round(np.array([layout.clip(decoder(row)) for row in z]))
    picked = params[np.linspace(0, len(params) - 1, min(N_RESPONSES, len(params))).astype(int)]
    freqs = log_grid().round(6)
    responses = np.array([response_db(layout.from_vector(row), freqs, SAMPLE_RATE_HZ) for row in picked]).round(9) + 0.0  # no -0.0
    result = {
        DECODER: _dumps(DecoderVectors(_rows(z), _rows(params))),
        RESPONSE: _dumps(ResponseVectors(SAMPLE_RATE_HZ, tuple(freqs.tolist()), _rows(picked), _rows(responses))),
    }
    if eq_encoder is not None:
        result[EQ_ENCODER] = _dumps(EncoderVectors(_rows(params), _rows(_round(np.array([eq_encoder(row) for row in params])))))
    return result


def make_audio_vectors(encoder: Function, sample_rate_hz: int, window_samples: int) -> dict[str, bytes]:
    """Return the files of vectors/ for an audio encoder: coloured noise, loud, and decaying notes with pauses, quiet.

    encoder: mono (window_samples,) float32 -> z (latent_dim,), in float64 as for `make_vectors`.
    """
    sounds = {NOISE: _noise(window_samples, sample_rate_hz), NOTES: _notes(window_samples, sample_rate_hz)}
    files = {name: _wav(samples, sample_rate_hz) for name, samples in sounds.items()}
    z = [encoder(_read_wav(data, name, sample_rate_hz, window_samples)) for name, data in files.items()]
    return {**files, AUDIO_ENCODER: _dumps(AudioVectors(tuple(files), sample_rate_hz, _rows(_round(np.array(z)))))}


def check_decoder(files: Mapping[str, bytes], decoder: Function, layout: EqLayout) -> Deviation:
    """Return how far a decoder is from vectors/decoder.json. Raises BundleFormatError where the file is missing or malformed."""
    vectors = _load(files, DECODER, DecoderVectors)
    z = _matrix(vectors.z, None, DECODER)
    wanted = _params(vectors.params, layout, DECODER)
    _check_tolerances(DECODER, vectors.gain_tolerance_db, vectors.relative_tolerance)
    _check_rows(DECODER, z, wanted)
    got = np.array([decoder(row.astype(np.float32)) for row in z])
    is_gain = np.array([spec.unit == "dB" for spec in layout.params])
    scale = np.where(is_gain, vectors.gain_tolerance_db, vectors.relative_tolerance * np.abs(wanted))
    return _worst(DECODER, np.abs(got - wanted) / scale, lambda column: layout.params[column].name, got, wanted)


def check_responses(files: Mapping[str, bytes], layout: EqLayout) -> Deviation:
    """Return how far our own filters are from vectors/response.json. Raises as `check_decoder` does."""
    vectors = _load(files, RESPONSE, ResponseVectors)
    params = _params(vectors.params, layout, RESPONSE)
    wanted = _matrix(vectors.response_db, len(vectors.freqs_hz), RESPONSE)
    _check_tolerances(RESPONSE, vectors.tolerance_db)
    _check_rows(RESPONSE, params, wanted)
    freqs = np.array(vectors.freqs_hz)
    got = np.array([response_db(layout.from_vector(row), freqs, vectors.sample_rate_hz) for row in params])
    return _worst(RESPONSE, np.abs(got - wanted) / vectors.tolerance_db, lambda column: f"{freqs[column]:.1f} Hz", got, wanted)


def check_eq_encoder(files: Mapping[str, bytes], eq_encoder: Function, layout: EqLayout, latent_dim: int) -> Deviation:
    """Return how far an EQ encoder is from vectors/eq_encoder.json. Raises as `check_decoder` does."""
    vectors = _load(files, EQ_ENCODER, EncoderVectors)
    params = _params(vectors.params, layout, EQ_ENCODER)
    wanted = _matrix(vectors.z, latent_dim, EQ_ENCODER)
    _check_tolerances(EQ_ENCODER, vectors.tolerance)
    _check_rows(EQ_ENCODER, params, wanted)
    got = np.array([eq_encoder(row) for row in params])
    return _worst(EQ_ENCODER, np.abs(got - wanted) / vectors.tolerance, lambda column: f"z[{column}]", got, wanted)


def check_audio_encoder(
    files: Mapping[str, bytes], encoder: Function, sample_rate_hz: int, window_samples: int, latent_dim: int
) -> Deviation:
    """Return how far an audio encoder is from vectors/audio_encoder.json. Raises as `check_decoder` does."""
    vectors = _load(files, AUDIO_ENCODER, AudioVectors)
    wanted = _matrix(vectors.z, latent_dim, AUDIO_ENCODER)
    _check_tolerances(AUDIO_ENCODER, vectors.tolerance)
    if vectors.sample_rate_hz != sample_rate_hz or len(vectors.files) != len(wanted):
        found = f"{len(vectors.files)} files at {vectors.sample_rate_hz} Hz and {len(wanted)} outputs"
        raise BundleFormatError(f"{AUDIO_ENCODER}: {found}, the encoder hears {sample_rate_hz} Hz")
    for name in vectors.files:
        if name not in files:
            raise BundleFormatError(f"{AUDIO_ENCODER}: {name[:80]!r} is not in the bundle")
    got = np.array([encoder(_read_wav(files[name], name, sample_rate_hz, window_samples)) for name in vectors.files])
    return _worst(AUDIO_ENCODER, np.abs(got - wanted) / vectors.tolerance, lambda column: f"z[{column}]", got, wanted)


def _noise(n: int, sample_rate_hz: int) -> Float64Array:
    """Return noise that leans towards the bass, at -6 dBFS."""
    white = np.random.default_rng(2).standard_normal(n)
    bins = np.fft.rfft(white) / np.sqrt(100.0 + np.fft.rfftfreq(n, 1.0 / sample_rate_hz))
    samples = np.fft.irfft(bins, n)
    return np.asarray(0.5 * samples / np.abs(samples).max())


def _notes(n: int, sample_rate_hz: int) -> Float64Array:
    """Return four notes that die away, at -26 dBFS."""
    time_s = np.arange(n) / sample_rate_hz
    samples = np.zeros(n)
    for start_s, pitch_hz in ((0.0, 110.0), (0.45, 165.0), (0.9, 220.0), (1.35, 82.5)):
        since_s = np.maximum(time_s - start_s, 0.0)
        sounding = (time_s >= start_s) * np.exp(-6.0 * since_s)
        samples += sounding * sum(np.sin(2.0 * np.pi * pitch_hz * part * since_s) / part**1.3 for part in range(1, 60))
    return np.asarray(0.05 * samples / np.abs(samples).max())


def _wav(samples: Float64Array, sample_rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, sample_rate_hz, len(samples), "NONE", ""))
        file.writeframes(np.round(samples * 32_768.0).astype("<i2").tobytes())
    return buffer.getvalue()


def _read_wav(data: bytes, name: str, sample_rate_hz: int, window_samples: int) -> NDArray[np.float32]:
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            found = (file.getnchannels(), file.getsampwidth(), file.getframerate(), file.getnframes())
            frames = file.readframes(window_samples)
    except (wave.Error, EOFError, ValueError, RuntimeError) as error:
        raise BundleFormatError(f"{name[:80]}: no WAV file ({error})") from error
    if found != (1, 2, sample_rate_hz, window_samples) or len(frames) != 2 * window_samples:
        raise BundleFormatError(f"{name[:80]}: expected {window_samples} samples of 16 bits, mono, at {sample_rate_hz} Hz")
    return np.frombuffer(frames, dtype="<i2").astype(np.float32) / np.float32(32_768.0)


def _load(files: Mapping[str, bytes], name: str, kind: type[T]) -> T:
    if name not in files:
        raise BundleFormatError(f"{name} is missing")
    try:
        document: Any = strict_json.loads(files[name])  # Any: parsed JSON of any shape
        return msgspec.convert(document, kind, strict=True)
    except ValueError as error:
        raise BundleFormatError(f"{name}: {error}") from error


def _matrix(rows: tuple[tuple[float, ...], ...], width: int | None, name: str) -> Float64Array:
    width = len(rows[0]) if rows and width is None else width
    if not rows or any(len(row) != width for row in rows):
        raise BundleFormatError(f"{name}: expected one or more rows of {width or 1} numbers")
    return np.array(rows, dtype=np.float64)


def _params(rows: tuple[tuple[float, ...], ...], layout: EqLayout, name: str) -> Float64Array:
    params = _matrix(rows, len(layout.params), name)
    if not np.array_equal(params, layout.clip(params)):
        raise BundleFormatError(f"{name}: a parameter is outside the layout's range")
    return params


def _check_rows(name: str, inputs: Float64Array, outputs: Float64Array) -> None:
    if len(inputs) != len(outputs):
        raise BundleFormatError(f"{name}: {len(inputs)} inputs and {len(outputs)} outputs")


def _check_tolerances(name: str, *tolerances: float) -> None:
    if not all(0.0 < tolerance <= 1.0 for tolerance in tolerances):
        raise BundleFormatError(f"{name}: a tolerance is outside 0..1")


def _worst(file: str, ratios: Float64Array, name: Callable[[int], str], got: Float64Array, wanted: Float64Array) -> Deviation:
    row, column = np.unravel_index(int(np.argmax(np.where(np.isnan(ratios), np.inf, ratios))), ratios.shape)
    what = f"case {row + 1}, {name(int(column))}"
    message = f"{what}: {got[row, column]:.9g}, expected {wanted[row, column]:.9g} ({ratios[row, column]:.3g} of the tolerance)"
    return Deviation(file, what, float(ratios[row, column]), message)


def _round(values: Float64Array) -> Float64Array:
    return np.array([[float(f"{value:.8g}") for value in row] for row in values.tolist()])


def _rows(matrix: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in np.asarray(matrix, dtype=np.float64).tolist())


def _dumps(vectors: object) -> bytes:
    return strict_json.dumps(msgspec.to_builtins(vectors))
