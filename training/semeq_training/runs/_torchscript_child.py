"""The child process of `semeq_export.bundle.confined` for TorchScript: the only code of ours that loads such a file."""

from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from semeq_export.bundle.confined import Run, serve
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.errors import BundleFormatError


def _load(data: bytes, spec: GraphSpec) -> Run:
    """Return the module in a file as a function of one row. Loading it can run code: only for files that were made on this machine."""
    try:
        module = torch.jit.load(io.BytesIO(data))  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        raise _failure(spec, "refuses it", error) from error

    def run(row: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            result = module(torch.from_numpy(row.copy()))
        except RuntimeError as error:
            raise _failure(spec, "failed", error) from error
        if not isinstance(result, torch.Tensor):
            raise BundleFormatError(f"{spec.file}: gives {type(result).__name__}, expected a tensor")
        array: NDArray[np.float32] = result.numpy()
        return array

    return run


def _failure(spec: GraphSpec, what: str, error: RuntimeError) -> BundleFormatError:
    said = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return BundleFormatError(f"{spec.file}: torchscript {what} ({said})")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", ".*torch.jit.*deprecated.*", DeprecationWarning)  # torch 2.13
    torch.set_num_threads(1)
    with torch.no_grad():
        serve(_load)
