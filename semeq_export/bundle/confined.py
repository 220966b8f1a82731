"""Graphs run in a process of their own, under limits of time and memory: what a stranger's graph does ends there.

The child is a module that calls `serve`; both sides exchange MessagePack behind its length in 8 bytes, little endian. A child that was
stopped or died is replaced at the next call.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec
import numpy as np
from numpy.typing import NDArray

from semeq_export.bundle.inference import Graph
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.errors import BundleError, BundleFormatError, EnvironmentFailure

CALL_S = 5.0
"""What one call may take; the first one of a graph also loads it. Starting the child is not counted."""
_START_S = 120.0  # importing torch from a slow disk
_MB = 1_000_000
_OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "allocate memory", "not enough memory")

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Child:
    """A module that calls `serve`, and what its process may hold in all, where the system can limit that (Linux)."""

    module: str
    memory_mb: int


ONNX = Child("semeq_export.bundle._onnx_child", memory_mb=500)
TORCHSCRIPT = Child("semeq_training.runs._torchscript_child", memory_mb=1_000)
"""By name, as nothing here may import torch, which takes half of it."""


class _NoAnswerError(Exception):
    """The child is gone; the text says why."""


class _Call(msgspec.Struct):
    """One run. model: content of the graph's file, None where the child has it already."""

    spec: GraphSpec
    model: bytes | None
    values: bytes


class _Answer(msgspec.Struct):
    """values: float32 of the graph's output shape; or why there are none."""

    values: bytes = b""
    error: str = ""
    is_out_of_memory: bool = False


class Confinement:
    """A child process for graphs, started at the first call. A context manager: leaving it ends the child.

    call_s: what one call may take.
    """

    def __init__(self, child: Child = ONNX, *, call_s: float = CALL_S) -> None:
        self._child, self._call_s = child, call_s
        self._process: subprocess.Popen[bytes] | None = None
        self._held: set[str] = set()

    def __enter__(self) -> Confinement:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end()

    def graph(self, data: bytes, spec: GraphSpec) -> Graph:
        """Return a graph that runs in the child."""
        return _ConfinedGraph(data, spec, self)

    def run(self, data: bytes, spec: GraphSpec, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a graph's output for an input of the declared shape.

        Raises BundleFormatError, naming the file, where the graph is refused, fails, crashes the child or passes a limit;
        EnvironmentFailure where no child can be started.
        """
        self._start()
        call = _Call(spec, None if spec.file in self._held else data, np.ascontiguousarray(values, dtype="<f4").tobytes())
        try:
            answer = msgspec.msgpack.decode(self._exchange(msgspec.msgpack.encode(call), self._call_s), type=_Answer)
        except _NoAnswerError as error:
            raise BundleFormatError(f"{spec.file}: {error}") from error
        if answer.is_out_of_memory:
            raise BundleFormatError(f"{spec.file}: needs more than {self._child.memory_mb} MB")
        if answer.error:
            raise BundleFormatError(answer.error)
        self._held.add(spec.file)
        return np.frombuffer(answer.values, dtype="<f4").reshape(spec.output_shape).copy()

    def _start(self) -> None:
        if self._process is not None:
            return
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # the same code, wherever it was found
        command = [sys.executable, "-P", "-m", self._child.module, str(self._child.memory_mb)]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
            self._exchange(None, _START_S)
        except (OSError, _NoAnswerError) as error:
            raise EnvironmentFailure(f"no process for running graphs ({self._child.module}): {error}") from error

    def _exchange(self, message: bytes | None, seconds: float) -> bytes:
        """Send a message, if there is one, and return the next one of the child. Raises _NoAnswerError once the child is gone."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)  # a read with a timeout would need another way on Windows
        timer.start()
        reply = None
        try:
            with contextlib.suppress(BrokenPipeError):
                if message is not None:
                    _write(process.stdin, message)
                reply = _read(process.stdout)
        finally:
            timer.cancel()
        if reply is None or is_late.is_set():
            status = process.wait()  # it was killed, or it closed its output, which it does only by ending
            self._end()
            raise _NoAnswerError(f"did not finish within {seconds:g} s" if is_late.is_set() else f"crashed ({_cause(status)})")
        return reply

    def _end(self) -> None:
        process, self._process = self._process, None
        self._held.clear()
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        process.wait()


class _ConfinedGraph(Graph):
    """A graph whose runs happen in a child process."""

    def __init__(self, data: bytes, spec: GraphSpec, confinement: Confinement) -> None:
        super().__init__(data, spec)
        self._confinement = confinement

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the output for an input of the declared shape. Raises as `Confinement.run` does."""
        return self._confinement.run(self.data, self.spec, values)


def serve(load: Callable[[bytes, GraphSpec], Run]) -> None:
    """Answer calls on standard input until it ends: the whole work of a child, once its imports are done.

    load: gives the function behind a graph's file; it and what it returns raise nothing but BundleError and MemoryError for a bad graph.
    """
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what runtimes print must not get between the answers
    _limit_memory(int(sys.argv[1]))
    _write(replies, b"")
    runs: dict[str, Run] = {}
    while (message := _read(sys.stdin.buffer)) is not None:
        call = msgspec.msgpack.decode(message, type=_Call)
        try:
            if call.model is not None:
                runs[call.spec.file] = load(call.model, call.spec)
            answer = _Answer(values=_run(runs[call.spec.file], call))
        except (BundleError, MemoryError) as error:
            said = f"{error} {error.__cause__}"
            is_out_of_memory = isinstance(error, MemoryError) or any(words in said for words in _OUT_OF_MEMORY)
            answer = _Answer(error=str(error), is_out_of_memory=is_out_of_memory)
        _write(replies, msgspec.msgpack.encode(answer))


def _run(run: Run, call: _Call) -> bytes:
    result = run(np.frombuffer(call.values, dtype="<f4").reshape(call.spec.input_shape))
    if result.shape != call.spec.output_shape or result.dtype != np.float32:
        found = f"{result.dtype} {list(result.shape)}"
        raise BundleFormatError(f"{call.spec.file}: gives {found}, expected float32 {list(call.spec.output_shape)}")
    return np.ascontiguousarray(result).tobytes()


def _limit_memory(megabytes: int) -> None:
    """Let this process grow until it holds so much. Address space is what Linux can limit; what is reserved but not held is left out."""
    pages = Path("/proc/self/statm")
    if not pages.exists():  # macOS does not keep to such a limit, and Windows has none
        return
    import resource

    reserved, held = (int(number) * resource.getpagesize() for number in pages.read_text(encoding="ascii").split()[:2])
    limit = reserved + max(0, megabytes * _MB - held)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _write(stream: IO[bytes], message: bytes) -> None:
    stream.write(len(message).to_bytes(8, "little") + message)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """Return the next message, None at the end of the stream."""
    head = stream.read(8)
    size = int.from_bytes(head, "little")
    message = stream.read(size) if len(head) == 8 else b""
    return message if len(head) == 8 and len(message) == size else None


def _cause(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
