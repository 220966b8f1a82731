"""Presets in the real plug-in: loaded from their bundle by liblilv, restored, run and measured (markers: daw)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_or_fail
from strategies import random_settings

from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import LAYOUT_KINDS, Band, BandKind, EqSettings
from semeq_export.errors import AudioError, BundleError, EnvironmentFailure, MissingHostError, PresetReadError
from semeq_host.lab import lv2
from semeq_presets import read_file, write_file

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "lsp-x16-lv2"
FREQS_HZ = log_grid(1_000)
RATE_HZ = 48_000.0
LIMIT_DB = 0.05


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("probe") / "probe.lv2"
    write_file(place, EqSettings(), format="lsp-x16-lv2")
    try:
        lv2.render_preset(place, np.zeros((2, 16), np.float32), RATE_HZ)
    except MissingHostError as error:
        skip_or_fail(f"{error}; install liblilv-0-0 and lsp-plugins-lv2")


def measured(folder: Path, eqs: list[EqSettings]) -> list[np.ndarray]:
    places = [folder / f"preset{number}.lv2" for number in range(len(eqs))]
    for place, eq in zip(places, eqs, strict=True):
        assert write_file(place, eq, format="lsp-x16-lv2").notes == ()
    return lv2.measured_responses_db(places, FREQS_HZ, RATE_HZ)


def largest_error_db(folder: Path, eqs: list[EqSettings]) -> float:
    errors = [np.abs(response - response_db(eq, FREQS_HZ, RATE_HZ)) for eq, response in zip(eqs, measured(folder, eqs), strict=True)]
    return float(np.max(errors))


@pytest.mark.daw
def test_fifty_random_settings_sound_as_intended_in_lsp(host: None, tmp_path: Path) -> None:
    assert largest_error_db(tmp_path, random_settings(50, 1)) <= LIMIT_DB


@pytest.mark.daw
def test_words_of_the_factory_bundle_sound_as_intended_in_lsp(host: None, tmp_path: Path) -> None:
    try:
        engine = Engine(load_bundle())
    except BundleError as error:
        skip_or_fail(f"no factory bundle: {error}")
    assert largest_error_db(tmp_path, [engine.eq_for(word) for word in ("warm", "bright")]) <= LIMIT_DB


@pytest.mark.daw
def test_every_kind_a_muted_band_and_the_preamp_do_what_they_say(host: None, tmp_path: Path) -> None:
    eqs = [EqSettings((Band(kind, 1_000.0, gain_db, q),)) for kind in LAYOUT_KINDS for gain_db in (-35.0, 12.0) for q in (0.4, 5.0)]
    eqs.append(EqSettings((Band(BandKind.PEAK, 1_000.0, 12.0, 1.0, enabled=False), Band(BandKind.PEAK, 3_000.0, 3.0, 1.0)), -6.0))
    eqs.append(EqSettings(tuple(Band(BandKind.PEAK, 60.0 * 1.4**number, (-1.0) ** number * 3.0, 4.0) for number in range(16))))
    assert largest_error_db(tmp_path, eqs) <= LIMIT_DB


@pytest.mark.daw
def test_the_golden_bundle_is_opened_by_the_plug_in(host: None) -> None:
    response = lv2.measured_response_db(GOLDEN / "warm.lv2", FREQS_HZ, RATE_HZ)
    warm = EqSettings((Band(BandKind.LOW_SHELF, 105.0, 8.1, 0.7), Band(BandKind.PEAK, 1_604.0, -2.7, 1.23)), -5.9)
    assert np.max(np.abs(response - response_db(warm, FREQS_HZ, RATE_HZ))) <= LIMIT_DB


@pytest.mark.daw
def test_a_bundle_of_a_host_sounds_the_same_after_reading_and_writing(host: None, tmp_path: Path) -> None:
    write_file(tmp_path / "again.lv2", read_file(GOLDEN / "host-saved.lv2"), format="lsp-x16-lv2")
    before, after = lv2.measured_responses_db([GOLDEN / "host-saved.lv2", tmp_path / "again.lv2"], FREQS_HZ, RATE_HZ)
    np.testing.assert_allclose(after, before, atol=1e-4)
    assert np.ptp(before) > 20.0  # its high-pass, which our model does not hold, is still there


@pytest.mark.daw
def test_sound_comes_out_as_our_own_filters_make_it_on_both_channels(host: None, tmp_path: Path) -> None:
    eq = random_settings(1, 2)[0]
    write_file(tmp_path / "p.lv2", eq, format="lsp-x16-lv2")
    samples = np.random.default_rng(3).uniform(-0.1, 0.1, (2, 5_000)).astype(np.float32)
    output = lv2.render_preset(tmp_path / "p.lv2", samples, 44_100.0)
    assert (output.shape, output.dtype) == (samples.shape, np.float32)
    wanted = apply(eq, samples.astype(np.float64), 44_100.0)
    assert np.sqrt(np.mean((output - wanted) ** 2)) < 1e-3 * np.sqrt(np.mean(wanted**2))


@pytest.mark.daw
def test_a_wrong_number_of_channels_is_refused(host: None, tmp_path: Path) -> None:
    write_file(tmp_path / "p.lv2", EqSettings(), format="lsp-x16-lv2")
    with pytest.raises(AudioError, match="audio has 3 channels, the LV2 plug-in 2 inputs and 2 outputs"):
        lv2.render_preset(tmp_path / "p.lv2", np.zeros((3, 10), np.float32), RATE_HZ)
    with pytest.raises(AudioError, match="shape"):
        lv2.render_preset(tmp_path / "p.lv2", np.zeros(10, np.float32), RATE_HZ)


@pytest.mark.daw
def test_bundles_without_a_usable_preset_are_named(host: None, tmp_path: Path) -> None:
    with pytest.raises(PresetReadError, match="nothing.lv2: holds 0 LV2 presets, expected one"):
        lv2.render_preset(tmp_path / "nothing.lv2", np.zeros((2, 10), np.float32), RATE_HZ)
    other = tmp_path / "other.lv2"
    other.mkdir()
    for file in (GOLDEN / "warm.lv2").iterdir():
        (other / file.name).write_bytes(file.read_bytes().replace(b"para_equalizer_x16_stereo", b"para_equalizer_x99_stereo"))
    with pytest.raises(MissingHostError, match="para_equalizer_x99_stereo> is not installed"):
        lv2.render_preset(other, np.zeros((2, 10), np.float32), RATE_HZ)


def stand_in(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a script instead of the real child process."""
    child = folder / "child.py"
    child.write_text(script)
    run = subprocess.run
    monkeypatch.setattr(lv2.subprocess, "run", lambda command, **options: run([sys.executable, str(child), command[-1]], **options))


def test_a_plug_in_that_crashes_cannot_take_the_caller_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})", tmp_path, monkeypatch)
    with pytest.raises(EnvironmentFailure, match=r"the LV2 plug-in crashed \(SIGSEGV\)"):
        lv2.render_preset(tmp_path / "p.lv2", np.zeros((2, 10), np.float32), RATE_HZ)


def test_a_plug_in_that_never_ends_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in("import time; time.sleep(60)", tmp_path, monkeypatch)
    monkeypatch.setattr(lv2, "_TIMEOUT_S", 0.2)
    with pytest.raises(EnvironmentFailure, match="did not finish within 0.2 s"):
        lv2.render_preset(tmp_path / "p.lv2", np.zeros((2, 10), np.float32), RATE_HZ)


def test_a_host_that_fails_says_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in("raise SystemExit('no room in the world')", tmp_path, monkeypatch)
    with pytest.raises(EnvironmentFailure, match="the LV2 host failed: no room in the world"):
        lv2.render_preset(tmp_path / "p.lv2", np.zeros((2, 10), np.float32), RATE_HZ)


def test_a_missing_library_is_said_with_the_way_to_get_it(tmp_path: Path) -> None:
    blocked = (
        "import ctypes, ctypes.util, runpy, sys\n"
        "def none(name): raise OSError(name)\n"
        "ctypes.util.find_library, ctypes.CDLL, sys.argv = (lambda name: None), none, sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    child = Path(lv2.__file__).with_name("_lv2_child.py")
    np.save(tmp_path / "input.npy", np.zeros((2, 4), np.float32))
    (tmp_path / "job.json").write_text('{"bundles": ["x"], "sample_rate_hz": 48000.0, "block_samples": 64, "warm_up_samples": 0}')
    subprocess.run([sys.executable, "-c", blocked, str(child), str(tmp_path)], check=True, env={"PATH": os.environ["PATH"]})
    assert '"error": "missing"' in (tmp_path / "results.json").read_text()
    assert "apt-get install liblilv-0-0" in (tmp_path / "results.json").read_text()
