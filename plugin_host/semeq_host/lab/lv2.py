"""A small LV2 host: sound through a real plug-in with a preset bundle's state restored by liblilv, as a DAW does it.

It exists to measure presets. Plug-ins run in a child process (`_lv2_child.py`), one for each call: a plug-in that crashes, leaks or writes
to stdout cannot harm the caller, and becomes an EnvironmentFailure. A call with several bundles shares one child, since finding the
installed plug-ins takes most of the time.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array, FloatArray
from semeq_export.eq.biquad import check_samples
from semeq_export.errors import AudioError, EnvironmentFailure, MissingHostError, PresetReadError, printable
from semeq_export.units import check_sample_rate_hz
from semeq_host.lab import response
from semeq_host.lab.response import IMPULSE_RATE_HZ, Measurement

_BLOCK_SAMPLES = 1_024
_WARM_UP_S = 1.0  # silence before the sound: several plug-ins fade to new parameters
_TIMEOUT_S = 300.0


def render_preset(bundle: str | os.PathLike[str], samples: FloatArray, sample_rate_hz: float) -> NDArray[np.float32]:
    """Return samples (channels, n) through the plug-in that a preset bundle (a folder NAME.lv2) applies to, as (channels, n) float32.

    A mono plug-in gets one instance for each channel; another one must have as many inputs and outputs as there are channels. The
    plug-in's latency is not compensated. Raises MissingHostError where liblilv or the plug-in is not installed, PresetReadError where
    the bundle holds no usable preset, AudioError on a wrong shape, EnvironmentFailure where the plug-in crashes.
    """
    return render_presets([bundle], samples, sample_rate_hz)[0]


def render_presets(bundles: Sequence[str | os.PathLike[str]], samples: FloatArray, sample_rate_hz: float) -> list[NDArray[np.float32]]:
    """Return the same samples through each of several preset bundles; see `render_preset`."""
    return [output for output, _ in _rendered(bundles, samples, sample_rate_hz)]


def _rendered(
    bundles: Sequence[str | os.PathLike[str]], samples: FloatArray, sample_rate_hz: float
) -> list[tuple[NDArray[np.float32], dict[str, str]]]:
    """Return the output of each bundle and what the child says about it."""
    check_samples(samples)
    rate = check_sample_rate_hz(sample_rate_hz)
    with tempfile.TemporaryDirectory(prefix="semeq-lv2-") as name:
        folder = Path(name)
        np.save(folder / "input.npy", np.ascontiguousarray(samples, dtype=np.float32), allow_pickle=False)
        job = {
            "bundles": [str(Path(bundle).resolve()) for bundle in bundles],
            "sample_rate_hz": rate,
            "block_samples": _BLOCK_SAMPLES,
            "warm_up_samples": round(_WARM_UP_S * rate),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        _run_child(folder)
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        return [(_output(folder, bundle, result), result) for bundle, result in zip(bundles, results, strict=True)]


def measured_response_db(bundle: str | os.PathLike[str], freqs_hz: FloatArray, sample_rate_hz: float = IMPULSE_RATE_HZ) -> Float64Array:
    """Return the magnitude response (n_freqs,) in dB of a preset in its plug-in, first channel, measured with `response.impulse`.

    freqs_hz: (n_freqs,). Raises as `render_preset` does.
    """
    return measured_responses_db([bundle], freqs_hz, sample_rate_hz)[0]


def measured_responses_db(
    bundles: Sequence[str | os.PathLike[str]], freqs_hz: FloatArray, sample_rate_hz: float = IMPULSE_RATE_HZ
) -> list[Float64Array]:
    """Return the measured response of each of several preset bundles; see `measured_response_db`."""
    both = np.stack([response.impulse()] * 2)
    outputs = render_presets(bundles, both, sample_rate_hz)
    return [response.measured_response_db(output[0], freqs_hz, sample_rate_hz) for output in outputs]


def measure(bundles: Sequence[str | os.PathLike[str]], sample_rate_hz: float = IMPULSE_RATE_HZ) -> list[Measurement]:
    """Return the test impulse on two channels through each of several preset bundles; raises as `render_preset` does."""
    both = np.stack([response.impulse()] * 2)
    rendered = _rendered(bundles, both, sample_rate_hz)
    hosts = {about["plugin"]: "" for _, about in rendered}
    for _, about in rendered:
        hosts[about["plugin"]] = hosts[about["plugin"]] or _host(about)
    return [Measurement(samples.astype(np.float64), round(sample_rate_hz), hosts[about["plugin"]]) for samples, about in rendered]


def preset_of(bundle: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the URI of the plug-in that a preset bundle is of, and the preset's label; raises as `render_preset` does."""
    ((_, about),) = _rendered([bundle], np.zeros((2, 1), np.float32), IMPULSE_RATE_HZ)
    return about["plugin"], about["label"]


def _run_child(folder: Path) -> None:
    command = [sys.executable, "-I", str(Path(__file__).with_name("_lv2_child.py")), str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailure(f"the LV2 plug-in did not finish within {_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise EnvironmentFailure(f"cannot start the LV2 host: {error.strerror}") from error
    if done.returncode < 0:
        raise EnvironmentFailure(f"the LV2 plug-in crashed ({signal.Signals(-done.returncode).name})")
    if done.returncode != 0 or not (folder / "results.json").is_file():
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise EnvironmentFailure(f"the LV2 host failed: {printable(lines[-1]) if lines else f'exit code {done.returncode}'}")


def _host(about: dict[str, str]) -> str:
    """Return e.g. "Calf Equalizer 12 Band (calf-plugins 0.90.3) through liblilv 0.24.14"; the package where Debian's tools know it."""
    found = f" ({package})" if (package := _package(unquote(urlparse(about["plugin_bundle"]).path))) else ""
    return f"{about['plugin_name']}{found} through liblilv {about['lilv']}".rstrip()


def _package(folder: str) -> str:
    """Return the name and version of the Debian package that a folder belongs to, "" where there is none."""
    query = shutil.which("dpkg-query")
    if query is None:
        return ""
    owner = _answer([query, "--search", folder.rstrip("/")]).partition(":")[0]
    version = _answer([query, "--show", "--showformat=${source:Upstream-Version}", owner]) if owner else ""
    return f"{owner} {version}" if version else ""


def _answer(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _output(folder: Path, bundle: str | os.PathLike[str], result: dict[str, str]) -> NDArray[np.float32]:
    errors = {"missing": MissingHostError, "audio": AudioError}
    kind = result.get("error")
    if kind in errors:
        raise errors[kind](result["why"])
    if kind is not None:
        raise PresetReadError(result["why"], printable(bundle))
    output: NDArray[np.float32] = np.load(folder / result["output"], allow_pickle=False)
    return output
