"""What all run folders share: a folder that is prepared with care, tensors without pickle, and the processor that bytes depend on."""

from __future__ import annotations

import platform
from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from semeq_export.errors import OutputError, TrainingError, environment_failure, printable
from semeq_export.files.atomic import write_atomic
from semeq_export.files.disk import check_output_folder, read_regular

RECIPE, WEIGHTS, RECORD = "recipe.toml", "weights.safetensors", "record.json"
HISTORY, PICTURE, CHECKPOINT, CACHE = "history.csv", "loss.png", "checkpoint.safetensors", "cache"
MAX_WEIGHTS_BYTES = 256_000_000
_SMOOTH_STEPS = 25

State = TypeVar("State")


def check_folder(out: Path, recipe: bytes, known: Collection[str], *, resume: bool, overwrite: bool) -> bool:
    """Check a run folder before anything is read, and return whether it holds the complete run that `resume` asks for; nothing is made.

    A folder that holds nothing but fitted shapes is as good as none.

    Raises OutputError where `out` exists and neither resume nor overwrite is set, or holds what no run has (not in `known`); TrainingError
    where it was made with another recipe; EnvironmentFailure where it cannot be written.
    """
    name = printable(out)
    check_output_folder(out, overwrite=True)
    present = {file.name for file in out.iterdir()} if out.exists() else set()
    if present - {CACHE} and not resume and not overwrite:
        raise OutputError(f"{name}: exists already; use `resume` to continue it or `overwrite` to replace it")
    if present - set(known):
        raise OutputError(f"{name}: holds {printable(sorted(present - set(known))[0])}, which no run has; choose an empty folder")
    if resume and RECIPE in present and (out / RECIPE).read_bytes() != recipe:
        raise TrainingError(f"{name}: was made with another recipe; start again with `overwrite`")
    return resume and (out / RECORD).is_file()


def prepare(out: Path, recipe: bytes, *, resume: bool) -> None:
    """Make a run folder that `check_folder` found fit, with a copy of its recipe; without resume, files of an older run are removed.

    Once the data are known to do: neither a new folder nor the loss of an old one may come of a mistake in a table.
    Raises EnvironmentFailure where the disk fails.
    """
    try:
        out.mkdir(exist_ok=True)
        for old in () if resume else [file for file in out.iterdir() if file.name != CACHE]:
            old.unlink()
    except OSError as error:
        raise environment_failure(out, error) from error
    write_atomic(out / RECIPE, recipe, overwrite=True)


def write_checkpoint(out: Path, tensors: dict[str, torch.Tensor], state: object) -> None:
    """Replace a run's checkpoint, all or nothing."""
    # one metadata key: the order of several is not fixed
    data = safetensors.torch.save(tensors, {"state": msgspec.json.encode(state).decode()})
    write_atomic(out / CHECKPOINT, data, overwrite=True)


def read_checkpoint(out: Path, kind: type[State]) -> tuple[State, dict[str, torch.Tensor]]:
    """Return what `write_checkpoint` wrote; raises TrainingError where the file is none."""
    path = out / CHECKPOINT
    data = read_regular(path, TrainingError, max_bytes=2 * MAX_WEIGHTS_BYTES)
    found = tensors_of(path, data)
    try:
        header = msgspec.json.decode(data[8 : 8 + int.from_bytes(data[:8], "little")])
        state = msgspec.json.decode(header["__metadata__"]["state"], type=kind)
    except (msgspec.DecodeError, LookupError, TypeError) as error:
        raise TrainingError(f"{printable(path)}: no checkpoint of a training run; start with `overwrite`") from error
    return state, found


def check_same(out: Path, **pairs: tuple[str, str]) -> None:
    """Raise TrainingError naming the first input (found, wanted) of a checkpoint that is another one now."""
    for what, (found, wanted) in pairs.items():
        if found != wanted:
            raise TrainingError(f"{printable(out / CHECKPOINT)}: was made with another {what}; start again with `overwrite`")


def tensors_of(path: Path, data: bytes) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file; raises TrainingError naming the file."""
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise TrainingError(f"{printable(path)}: no safetensors file ({str(error).splitlines()[0].lower()})") from error


def saved(weights: dict[str, torch.Tensor]) -> bytes:
    """Return the safetensors file of weights: equal weights, equal bytes."""
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in weights.items()})


def processor() -> str:
    """Return the processor and the instruction set that torch uses on it: what byte-identity depends on beside the thread count."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {torch.backends.cpu.get_cpu_capability()}"


def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each value and up to 24 before it."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - _SMOOTH_STEPS, 0)
    means: NDArray[np.float64] = (total[last] - total[first]) / (last - first)
    return means
