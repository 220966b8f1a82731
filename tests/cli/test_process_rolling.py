"""`process --analysis rolling`: the file as a stream would process it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply
from semeq_export.listening.reference import load_reference
from semeq_host.streams.stream import AdaptiveEq

RATE_HZ = 48_000


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = _shared.run(cli, ["process", *map(str, arguments)])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    noise = np.random.default_rng(100).standard_normal((2, 3 * RATE_HZ)) * 0.02
    warm = apply(Engine(load_bundle()).eq_for("warm"), noise[:, : 2 * RATE_HZ], RATE_HZ)
    write_audio(tmp_path / "mix.wav", Audio(np.concatenate([warm, noise[:, 2 * RATE_HZ :]], axis=1), RATE_HZ), subtype="DOUBLE")
    return tmp_path / "mix.wav"


@pytest.mark.parametrize("reference", [None, "self"])
def test_the_output_is_that_of_a_stream_to_the_bit(mix: Path, tmp_path: Path, run: Run, reference: str | None) -> None:
    extra = ["--reference", mix] if reference else []
    code, out, err = run(mix, "-t", "warm", "--mode", "adaptive", "--analysis", "rolling", "-o", tmp_path / "out.wav", "--json", *extra)
    assert (code, err) == (0, "")
    source = read_audio(mix).samples
    against = load_reference(mix) if reference else None
    live = AdaptiveEq(Engine(load_bundle()), "warm", sample_rate_hz=RATE_HZ, reference=against)
    expected = np.concatenate([live.process(source[:, i : i + 512]) for i in range(0, source.shape[1], 512)], axis=1)
    assert read_audio(tmp_path / "out.wav").samples.tobytes() == expected.tobytes()
    (entry,) = json.loads(out)["files"]
    assert entry["eq"] is None
    adaptation = entry["adaptation"]
    assert adaptation["analysis"] == "rolling"
    assert adaptation["mode"] == ("target" if reference else "soft")
    assert adaptation["dose_before_min"] < adaptation["dose_before"] < adaptation["dose_before_max"]
    assert adaptation["dose_asked_min"] <= adaptation["dose_achieved"] <= adaptation["dose_asked_max"]


def test_people_get_one_line_about_what_was_heard(mix: Path, tmp_path: Path, run: Run) -> None:
    target = tmp_path / "out.wav"
    code, out, err = run(mix, "-t", "warm", "--mode", "adaptive", "--analysis", "rolling", "-o", target)
    assert (code, out) == (0, f"{target}\n")
    assert "doses less than recordings in the median" in err
    assert "measured" in err


@pytest.mark.parametrize("extra", [[], ["--mode", "adaptive", "--refine"]])
def test_rolling_needs_an_adaptive_mode_and_does_not_refine(mix: Path, run: Run, extra: list[str]) -> None:
    code, out, err = run(mix, "-t", "warm", "--analysis", "rolling", *extra)
    assert (code, out) == (2, "")
    assert "--analysis rolling needs" in err
