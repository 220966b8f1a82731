"""One torch thread for all training tests: two of them wait for each other on a busy machine, much longer than they work."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    try:
        import torch
    except ImportError:  # without the [train] extra
        return
    torch.set_num_threads(1)
