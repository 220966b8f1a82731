"""Visits to the page by a script in a browser: what it drops there, and how its page is made."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from conftest import skip_or_fail
from web.conftest import WEB, need_packages, node

from semeq_export import Audio, write_audio
from semeq_export.arrays import FloatArray
from semeq_export.studio.page import PageOptions, write_page

RATE_HZ = 44_100
MOST_RELATIVE_DB = -130.0


def music(seconds: float, rate_hz: int) -> Audio:
    """Return noise whose spectrum falls as that of music does, with beats, at -12 dBFS."""
    rng = np.random.default_rng(7)
    spectrum = np.fft.rfft(rng.standard_normal((2, round(seconds * rate_hz))))
    freqs_hz = np.fft.rfftfreq(round(seconds * rate_hz), 1.0 / rate_hz)
    samples = np.fft.irfft(spectrum / np.sqrt(np.maximum(freqs_hz, 30.0)), round(seconds * rate_hz))
    samples *= 1.0 + 0.6 * np.sin(2.0 * np.pi * 2.0 * np.arange(samples.shape[1]) / rate_hz)
    return Audio((samples / np.max(np.abs(samples)) * 0.25).astype(np.float32), float(rate_hz))


def need_browser(path: str) -> None:
    """Skip, or fail in CI, where a browser or what drives it is not installed."""
    if not Path(path).exists():
        skip_or_fail(f"{path} is not installed (apt-get install chromium firefox-esr)")
    need_packages()


def prepared(folder: Path) -> str:
    """Write a page and a sound into a folder; return the page's address."""
    write_audio(folder / "sound.wav", music(3.0, RATE_HZ), subtype="PCM_24")
    write_page(PageOptions(output=folder / "studio.html"))
    return (folder / "studio.html").as_uri()


@contextlib.contextmanager
def served_page() -> Iterator[str]:
    """Start the server as a user does, give its address, and end it."""
    command = [sys.executable, "-m", "semeq_export", "studio", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def saw(script: str, *arguments: str | Path, timeout_s: float = 120.0) -> Any:  # Any: JSON
    """Run a script of semeq_export/web/tests and return what it saw."""
    command = [node(), "--no-warnings", "--experimental-websocket", WEB / "tests" / script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, done.stderr[-4_000:]
    return json.loads(done.stdout)


def relative_db(found: FloatArray, expected: FloatArray) -> float:
    """Return how far samples are from others, rms, in dB of these."""
    assert found.shape == expected.shape
    error, level = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (found - expected, expected))
    return 20.0 * float(np.log10(max(error, 1e-15) / level))
