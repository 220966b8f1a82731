"""Graphs as TorchScript, for LibTorch. torch 2.13 calls torch.jit deprecated.

Both making and checking happen in processes of their own. Making, because TorchScript numbers its types over the life of a process, so that
only a fresh one gives the same bytes every time. Checking, because loading a TorchScript file can run code: see `_torchscript_child`.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from typing import get_args

import msgspec
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import nn

from semeq_export.bundle.confined import TORCHSCRIPT, Confinement
from semeq_export.bundle.manifest import GraphSpec
from semeq_export.eq.settings import EqLayout
from semeq_export.errors import BundleFormatError, EnvironmentFailure, TrainingError
from semeq_training.audio_models import WINDOW_SAMPLES, AudioEncoder
from semeq_training.data.recipe import EncoderRecipe
from semeq_training.fitting.curve_model import CurveAutoencoder
from semeq_training.models import EncoderKind, EqAutoencoder, EqEncoder
from semeq_training.runs.run_folder import saved

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that zip knows
_CHILD_SECONDS = 300
_MAKE = "from semeq_training.runs.torchscript import _make; _make()"
_MAKE_AUDIO = "from semeq_training.runs.torchscript import _make_audio; _make_audio()"


def to_bytes(model: EqAutoencoder) -> tuple[bytes, bytes]:
    """Return the decoder's and the encoder's TorchScript file, frozen; equal weights give equal bytes, without this machine's paths.

    Raises TrainingError where the process that makes them fails.
    """
    settings = model.encoder
    name, word_path = (settings.kind, settings.words is not None) if isinstance(settings, EqEncoder) else ("codes", False)
    kind = np.array([model.latent_dim, get_args(EncoderKind).index(name), word_path])
    decoder, encoder = _unpack(_child(_MAKE, _pack(msgspec.json.encode(model.layout), _dump(kind), saved(model.state_dict()))))
    return decoder, encoder


def audio_to_bytes(model: AudioEncoder, recipe: EncoderRecipe) -> bytes:
    """Return the audio encoder's TorchScript file; as `to_bytes` does."""
    (script,) = _unpack(_child(_MAKE_AUDIO, _pack(msgspec.json.encode(recipe), _dump(model.flat.numpy()), saved(model.state_dict()))))
    return script


def run_files(*jobs: tuple[bytes, GraphSpec, NDArray[np.float32]]) -> tuple[NDArray[np.float32], ...]:
    """Return what files give for rows (n, n_in), loaded and run in another process under limits; jobs: file, its graph's spec, rows.

    Only for files that were just made here. Raises TrainingError where that process fails.
    """
    try:
        with Confinement(TORCHSCRIPT) as child:
            graphs = [child.graph(file, replace(spec, file=spec.file.removesuffix(".onnx") + ".pt")) for file, spec, _ in jobs]
            results = [[graph.run(row[np.newaxis])[0] for row in rows] for graph, (_, _, rows) in zip(graphs, jobs, strict=True)]
    except (BundleFormatError, EnvironmentFailure) as error:
        raise TrainingError(f"torchscript failed in another process: {error}") from error
    return tuple(np.array(rows) for rows in results)


def _child(code: str, data: bytes) -> bytes:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_CHILD_SECONDS, check=True, env=environment)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = (error.stderr or b"").decode("utf-8", "replace").strip().splitlines()
        raise TrainingError(f"torchscript failed in another process: {said[-1] if said else error}") from error
    return done.stdout


def _make() -> None:
    """Make both files of the weights on stdin: runs in the child."""
    layout_json, numbers, weights = _unpack(sys.stdin.buffer.read())
    layout = msgspec.json.decode(layout_json, type=EqLayout)
    latent_dim, kind, word_path = (int(number) for number in _load(numbers))
    name = get_args(EncoderKind)[kind]
    model = (
        CurveAutoencoder(layout, latent_dim)
        if name == "codes"
        else EqAutoencoder(layout, latent_dim, encoder=name, word_path=bool(word_path))
    )
    model.load_state_dict(safetensors.torch.load(weights))
    files = [_script(model.decoder, latent_dim), _script(model.encoder, len(layout.params))]
    sys.stdout.buffer.write(_pack(*files))


def _make_audio() -> None:
    """Make the file of the audio encoder on stdin: runs in the child."""
    recipe_json, flat, weights = _unpack(sys.stdin.buffer.read())
    recipe = msgspec.json.decode(recipe_json, type=EncoderRecipe)
    model = AudioEncoder(recipe.architecture, len(_load(flat)), recipe.width, recipe.layers)
    model.load_state_dict(safetensors.torch.load(weights))
    sys.stdout.buffer.write(_pack(_script(model, WINDOW_SAMPLES)))


def _script(module: nn.Module, n_in: int) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.*deprecated.*", DeprecationWarning)  # torch 2.13
        traced = torch.jit.trace(module.eval(), torch.zeros(1, n_in))  # type: ignore[no-untyped-call]
        torch.jit.save(torch.jit.freeze(traced), buffer)
    return _without_debug_files(buffer.getvalue())


def _without_debug_files(data: bytes) -> bytes:
    """Return the archive without *.debug_pkl (stack traces with paths), with fixed time stamps, stored and in order of name."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(source.namelist()):
            if not name.endswith((".debug_pkl", "/.data/serialization_id")):
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), source.read(name))
    return target.getvalue()


def _pack(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def _unpack(data: bytes) -> list[bytes]:
    parts = []
    while data:
        end = 8 + int.from_bytes(data[:8], "little")
        parts.append(data[8:end])
        data = data[end:]
    return parts


def _dump(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _load(data: bytes) -> NDArray[np.float32]:
    array: NDArray[np.float32] = np.load(io.BytesIO(data), allow_pickle=False)
    return array
