"""The LibTorch loader, compiled against the torch that is installed: the bundle's TorchScript conforms to the bundle's vectors."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

import pytest
from conftest import skip_or_fail
from cpp.conftest import Kit

pytestmark = [pytest.mark.cpp, pytest.mark.train, pytest.mark.slow]


def test_torchscript_conforms_in_libtorch(kit: Kit, tmp_path: Path) -> None:
    if importlib.util.find_spec("torch") is None:
        skip_or_fail("torch is not installed: pip install 'semeq-export[train]'")
    import torch

    prefix = f"-DCMAKE_PREFIX_PATH={torch.utils.cmake_prefix_path}"
    subprocess.run(["cmake", "-S", kit.source, "-B", tmp_path, prefix], check=True, capture_output=True)
    done = subprocess.run(["cmake", "--build", tmp_path, "--target", "semeq_libtorch"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    done = subprocess.run([tmp_path / "examples" / "libtorch" / "semeq_libtorch", kit.model], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "decoder.pt" in done.stdout
    assert ("audio_encoder.pt" in done.stdout) is (kit.model / "audio_encoder.pt").exists()
