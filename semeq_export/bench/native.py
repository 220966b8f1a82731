"""semeq.hpp on this machine: the kit's conformance and bench programs, compiled with the C++ compiler that is here, run, and read."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.bundle.loading import Bundle
from semeq_export.bundle.store import CENTROIDS, FLAT, MANIFEST
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import BundleFormatError, EnvironmentFailure, InvalidTargetError, MissingHostError

COMPILERS = ("c++", "g++", "clang++")
_TIMEOUT_S = 600.0
_KINDS = (BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF)
_MAX_BANDS = 64


def measure_native(bundle: Bundle, *, seconds: float = 0.2) -> Mapping[str, Any]:  # Any: the values of a JSON document
    """Return what bench/bench.cpp prints for a bundle. seconds: length of each measurement; there are 57.

    Raises MissingHostError without a C++ compiler, BundleFormatError where the bundle has no flat weights, EnvironmentFailure where the
    program cannot be compiled or run.
    """
    _check(bundle)
    with tempfile.TemporaryDirectory(prefix="semeq-") as scratch:
        folder = Path(scratch)
        _write(folder, {name: bundle.files[name] for name in (FLAT, CENTROIDS, MANIFEST)})
        program = _compile("bench/bench.cpp", folder, "-O3")
        document: Mapping[str, Any] = json.loads(_check_success(_run([program, folder, _package() / "references", seconds])))
        return document


@contextmanager
def native_decoder(bundle: Bundle) -> Iterator[Callable[[NDArray[np.float32], Float64Array], bool]]:
    """Yield semeq.hpp's decode, compiled here, as a function in this process: z (latent_dim,) is decoded into params (n_params,).

    Both C-contiguous; False where a number is not finite. Raises as `measure_native` does.
    """
    _check(bundle)
    data = bundle.files[FLAT]
    with tempfile.TemporaryDirectory(prefix="semeq-", ignore_cleanup_errors=True) as scratch:
        library = ctypes.CDLL(str(_compile("bench/decode.cpp", Path(scratch), "-O3", "-shared", "-fPIC")))
        library.semeq_open.restype, library.semeq_open.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_size_t)
        library.semeq_decode.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
        library.semeq_close.argtypes = (ctypes.c_void_p,)
        handle = library.semeq_open(data, len(data))
        if handle is None:
            raise BundleFormatError(f"{FLAT}: semeq.hpp does not load it")
        try:
            yield lambda z, params: bool(library.semeq_decode(handle, z.ctypes.data, params.ctypes.data))
        finally:
            library.semeq_close(handle)


@contextmanager
def native_mixer(bundle: Bundle) -> Iterator[Callable[[Mapping[str, float]], EqSettings]]:
    """Yield `Stream::set_mix` of semeq.hpp, compiled here, as a function in this process: words with weights to settings.

    It raises InvalidTargetError where semeq.hpp refuses a sum. Raises as `measure_native` does.
    """
    _check(bundle)
    content = [part for name in (FLAT, CENTROIDS, MANIFEST) for part in (bundle.files[name], len(bundle.files[name]))]
    words = list(bundle.centroids)
    with tempfile.TemporaryDirectory(prefix="semeq-", ignore_cleanup_errors=True) as scratch:
        library = ctypes.CDLL(str(_compile("bench/mix.cpp", Path(scratch), "-O3", "-shared", "-fPIC")))
        library.semeq_mix_open.restype, library.semeq_mix_open.argtypes = ctypes.c_void_p, 3 * (ctypes.c_char_p, ctypes.c_size_t)
        library.semeq_mix.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        library.semeq_mix_close.argtypes = (ctypes.c_void_p,)
        handle = library.semeq_mix_open(*content)
        if handle is None:
            raise BundleFormatError(f"{FLAT}: semeq.hpp does not load the bundle")

        def mix(weights: Mapping[str, float]) -> EqSettings:
            row, bands = np.zeros(len(words)), np.empty((_MAX_BANDS, 4))
            for word, weight in weights.items():
                row[words.index(word)] = weight
            count = library.semeq_mix(handle, row.ctypes.data, len(row), bands.ctypes.data)
            if count < 0:
                raise InvalidTargetError(f"semeq.hpp refuses the sum of {', '.join(weights)}")
            return EqSettings(tuple(Band(_KINDS[int(kind)], freq_hz, gain_db, q) for kind, freq_hz, gain_db, q in bands[:count].tolist()))

        try:
            yield mix
        finally:
            library.semeq_mix_close(handle)


def has_compiler() -> bool:
    """Whether there is a C++ compiler on this machine."""
    return _compiler() is not None


def check_native(files: Mapping[str, bytes], sound_vectors: Mapping[str, bytes]) -> list[str]:
    """Return what the kit's conformance program says of a bundle's files, a line for each kind of vectors.

    files: manifest.json included. sound_vectors: impulse.json, mix.json and dose.json. Raises BundleFormatError where semeq.hpp does not
    load the files or does not conform, EnvironmentFailure where the program cannot be compiled or run.
    """
    with tempfile.TemporaryDirectory(prefix="semeq-") as scratch:
        folder = Path(scratch)
        _write(folder / "model", files)
        _write(folder / "vectors", sound_vectors)
        program = _compile("tests/conformance.cpp", folder, "-O1")
        done = _run([program, folder / "model", _package() / "references", folder / "vectors"])
    lines = (done.stdout + done.stderr).decode("utf-8", "replace").splitlines()
    if done.returncode:
        failed = [line for line in lines if "FAILED" in line] or lines or [f"ended with {done.returncode}"]
        raise BundleFormatError(f"semeq.hpp does not conform: {' '.join(failed[-1].split())[:200]}")
    return lines


def _check(bundle: Bundle) -> None:
    if not has_compiler():
        raise MissingHostError("no C++ compiler for semeq.hpp; install one with: apt-get install g++")
    if FLAT not in bundle.files:
        raise BundleFormatError(f"{FLAT} is not in the bundle: semeq.hpp has nothing to load")


def _package() -> Path:
    return Path(str(resources.files("semeq_export")))


def _compiler() -> str | None:
    return next((path for name in COMPILERS if (path := shutil.which(name))), None)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _compile(source: str, folder: Path, *options: str) -> Path:
    """Compile a program of the kit into a folder and return its path."""
    program = folder / "program"
    include = _package() / "cpp" / "include"
    _check_success(_run([_compiler(), "-std=c++17", *options, "-I", include, _package() / "cpp" / source, "-o", program]))
    return program


def _run(command: list[object]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run([str(part) for part in command], capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFailure(f"{Path(str(command[0])).name}: {error}") from error


def _check_success(done: subprocess.CompletedProcess[bytes]) -> bytes:
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").splitlines() or ["no message"])[-1]
        raise EnvironmentFailure(f"{Path(str(done.args[0])).name} failed with {done.returncode}: {last[:200]}")
    return done.stdout
