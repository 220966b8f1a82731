"""The graphs of a bundle as plain functions, run by ONNX Runtime on one thread. A session is made at the first call."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.bundle.manifest import EncoderSpec, GraphSpec
from semeq_export.bundle.onnx_runtime import onnx_runtime
from semeq_export.eq.settings import EqLayout
from semeq_export.errors import AudioError, BundleFormatError, InvalidEqError


class Graph:
    """One ONNX graph with a single float32 input and output of fixed shapes. Safe to call from several threads.

    Raises BundleFormatError where ONNX Runtime refuses the graph or it is not what its GraphSpec says; at the first call, not before.
    """

    def __init__(self, data: bytes, spec: GraphSpec) -> None:
        self.data, self.spec = data, spec

    @cached_property
    def session(self) -> Any:  # Any: onnxruntime has no types
        """The onnxruntime.InferenceSession, one thread, sequential."""
        onnxruntime = onnx_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4
        try:
            # without a fallback, or it prints on standard output before it fails again
            session = onnxruntime.InferenceSession(self.data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except _runtime_errors() as error:
            raise BundleFormatError(f"{self.spec.file}: onnx runtime refuses it ({_first_line(error)})") from error
        self._check(session)
        return session

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output for an input of the declared shape."""
        session = self.session
        try:
            result: NDArray[np.float32] = session.run(None, {self.spec.input: values})[0]
        except _runtime_errors() as error:
            raise BundleFormatError(f"{self.spec.file}: onnx runtime failed ({_first_line(error)})") from error
        return result

    def _check(self, session: Any) -> None:
        for kind, found, name, shape in (
            ("input", session.get_inputs(), self.spec.input, self.spec.input_shape),
            ("output", session.get_outputs(), self.spec.output, self.spec.output_shape),
        ):
            got = [(node.name, node.type, list(node.shape)) for node in found]
            if got != [(name, "tensor(float)", list(shape))]:
                raise BundleFormatError(f"{self.spec.file}: {kind} is {str(got)[:200]}, expected {name!r} of float {list(shape)}")


Runner = Callable[[bytes, GraphSpec], Graph]
"""What runs a graph: `Graph` in this process, `confined.Confinement.graph` in one with limits."""


class Decoder:
    """z -> EQ parameters. Input: (latent_dim,) or (1, latent_dim). Output: (n_params,) float64 in dB, Hz and Q, layout order, in range."""

    def __init__(self, data: bytes, spec: GraphSpec, layout: EqLayout, runner: Runner = Graph) -> None:
        self.graph = runner(data, spec)
        self._shape = spec.input_shape
        self._minimum, self._maximum = layout.minimum, layout.maximum

    def __call__(self, z: FloatArray) -> Float64Array:
        """Return the parameters; raises InvalidEqError on a wrong shape or numbers that are not finite, BundleFormatError on NaN out."""
        values = _check_input("z", z, self._shape)
        params: Float64Array = self.graph.run(values)[0].astype(np.float64)
        if not math.isfinite(params.dot(params)):
            raise BundleFormatError(f"{self.graph.spec.file}: the decoder's output is not finite")
        np.maximum(params, self._minimum, out=params)
        np.minimum(params, self._maximum, out=params)
        return params


class EqEncoder:
    """EQ parameters -> z. Input: (n_params,) in dB, Hz and Q, layout order. Output: (latent_dim,) float32 in -1..1."""

    def __init__(self, data: bytes, spec: GraphSpec, runner: Runner = Graph) -> None:
        self.graph = runner(data, spec)
        self._shape = spec.input_shape

    def __call__(self, params: FloatArray) -> NDArray[np.float32]:
        """Return z; raises InvalidEqError on a wrong shape or numbers that are not finite, BundleFormatError on NaN out."""
        z: NDArray[np.float32] = self.graph.run(_check_input("parameters", params, self._shape))[0]
        if not math.isfinite(z.dot(z)):
            raise BundleFormatError(f"{self.graph.spec.file}: the EQ encoder's output is not finite")
        np.clip(z, -1.0, 1.0, out=z)
        return z


class AudioEncoder:
    """Mono audio -> z. Input: (window_samples,) float32 or float64 at sample_rate_hz. Output: (latent_dim,) float32 in -1..1.

    z does not depend on the level. flat: (latent_dim,) float32, the code of no EQ. `hearing` brings other audio into this form.
    """

    def __init__(self, data: bytes, spec: EncoderSpec, runner: Runner = Graph) -> None:
        self.graph = runner(data, spec.graph)
        self.sample_rate_hz, self.window_samples = spec.sample_rate_hz, spec.window_samples
        self.flat: NDArray[np.float32] = np.array(spec.flat, dtype=np.float32)

    def __call__(self, mono: FloatArray) -> NDArray[np.float32]:
        """Return z; raises AudioError on another type or shape and on samples that are not finite, BundleFormatError on NaN out."""
        if not isinstance(mono, np.ndarray) or mono.dtype not in (np.float32, np.float64):
            found = mono.dtype if isinstance(mono, np.ndarray) else type(mono).__name__
            raise AudioError(f"audio is {found}, expected a numpy array of float32 or float64")
        if mono.shape not in ((self.window_samples,), (1, self.window_samples)):
            raise AudioError(f"audio has shape {mono.shape}, expected ({self.window_samples},): mono at {self.sample_rate_hz} Hz")
        with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite, and is refused as such
            row = mono.astype(np.float32, copy=False).reshape(1, -1)
        if not np.isfinite(row).all():
            raise AudioError(f"sample {int(np.argmin(np.isfinite(row)))} is not finite")
        z: NDArray[np.float32] = self.graph.run(row)[0]
        if not math.isfinite(z.dot(z)):
            raise BundleFormatError(f"{self.graph.spec.file}: the audio encoder's output is not finite")
        np.clip(z, -1.0, 1.0, out=z)
        return z


def _check_input(what: str, values: FloatArray, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the values as float32 of the graph's shape (1, n). The dot product is the cheapest test for NaN and infinities."""
    row = np.asarray(values, dtype=np.float32)
    if row.shape != shape:
        if row.shape != shape[1:]:
            raise InvalidEqError(what, f"of shape {row.shape}", f"not of shape {shape[1:]}")
        row = row.reshape(shape)
    if not math.isfinite(np.vdot(row, row)) and not np.isfinite(row).all():
        raise InvalidEqError(what, "with NaN or infinity", "not finite")
    return row


def _runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its classes are siblings without a base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "EPFail",
        "Fail",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NoModel",
        "NoSuchFile",
        "NotImplemented",
        "RuntimeException",
    )
    return (*(getattr(state, name) for name in names), RuntimeError, ValueError, UnicodeDecodeError)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
