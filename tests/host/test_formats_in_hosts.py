"""What hosts make of exported files beyond the table of targets (test_verified_table): other rates, convolvers, scripts with sliders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import cases, skip_or_fail
from eel2 import Jsfx
from host_targets import TARGETS
from strategies import T5, T5B, T10, random_kinds, random_settings

import semeq_export as se
import semeq_presets as presets
from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import audible_db, response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import MissingHostError, PresetReadError
from semeq_host.lab import hosts
from semeq_host.lab.response import impulse, measured_response_db

FREQS_HZ = log_grid(1_000)
ABOVE_40_HZ = log_grid(1_000, 40.0)
RANDOM = random_settings(50, 7)


@pytest.fixture(scope="module")
def settings() -> list[EqSettings]:
    """warm and bright of the factory bundle, T5, T5b, T10 and 50 random settings."""
    engine = se.Engine(se.load_bundle())
    return [engine.eq_for("warm"), engine.eq_for("bright"), T5, T5B, T10, *RANDOM]


def text_of(eq: EqSettings, format_id: str) -> str:
    written = presets.write(eq, format_id)
    assert all((note.error_db or 0.0) <= 0.2 for note in written.notes)
    (data,) = written.files.values()
    return data.decode()


def error_db(measured_db: Float64Array, eq: EqSettings, freqs_hz: Float64Array = FREQS_HZ, rate_hz: float = 48_000.0) -> float:
    return float(np.max(np.abs(measured_db - response_db(eq, freqs_hz, rate_hz))))


def in_host(measure: Callable[[], Any]) -> Any:
    try:
        return measure()
    except MissingHostError as error:
        skip_or_fail(str(error))


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 88_200, 96_000, 192_000])
@pytest.mark.parametrize("format_id", ["fir", "fir-linear"])
def test_impulse_responses_hold_the_eq_within_0_1_db_above_40_hz(
    format_id: str, rate_hz: int, settings: list[EqSettings], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Measured from the file by another reader (libsndfile) and an exact Fourier sum."""
    path, worst = tmp_path / "x.wav", 0.0
    for eq in settings[: cases(8, len(settings)) if (format_id, rate_hz) == ("fir", 48_000) else cases(3, 8)]:
        presets.write_file(path, presets.Preset(eq, sample_rate_hz=rate_hz), format=format_id, protect=False, overwrite=True)
        samples, file_rate_hz = soundfile.read(path, dtype="float64")
        assert file_rate_hz == rate_hz
        assert np.array_equal(samples[:, 0], samples[:, 1])
        measured_db = measured_response_db(samples[:, 0], ABOVE_40_HZ, rate_hz, amplitude=1.0)
        worst = max(worst, error_db(measured_db, eq, ABOVE_40_HZ, rate_hz))
    request.node.user_properties.append(("error_db", float(worst)))
    assert worst <= 0.1


@pytest.mark.daw
@pytest.mark.parametrize("format_id", ["fir", "fir-linear"])
def test_a_convolver_plays_the_impulse_response_within_0_1_db_above_40_hz(format_id: str, tmp_path: Path) -> None:
    path = tmp_path / "ir.wav"
    for eq in (T5, T10, *RANDOM[:4]):
        presets.write_file(path, eq, format=format_id, protect=False, overwrite=True)
        (measured,) = in_host(lambda: hosts.measure("ffmpeg", "impulse response", [path], 48_000))
        assert measured.host.startswith("FFmpeg ")
        for channel_db in measured.response_db(ABOVE_40_HZ):
            assert error_db(channel_db, eq, ABOVE_40_HZ) <= 0.1
    with pytest.raises(PresetReadError, match="is for 48000 Hz, not for 44100 Hz"):
        hosts.measure("ffmpeg", "impulse response", [path], 44_100)


def test_the_jsfx_script_holds_at_other_rates_and_follows_its_sliders() -> None:
    script = Jsfx(text_of(T5, "jsfx"))
    signal = np.stack([impulse(16_384)] * 2)
    for rate_hz in (44_100.0, 96_000.0):
        measured_db = measured_response_db(script.process(signal, rate_hz)[0], FREQS_HZ, rate_hz)
        assert error_db(measured_db, T5, rate_hz=rate_hz) <= 0.001
    labels = {slider.label: number for number, slider in script.sliders.items()}
    changes = {labels["Preamp (dB)"]: -6.0, **{labels[f"{index} On"]: 0.0 for index in range(1, 6)}}
    assert error_db(measured_response_db(script.process(signal, 48_000.0, changes)[1], FREQS_HZ, 48_000.0), EqSettings((), -6.0)) <= 1e-9
    changes = {labels["2 Type"]: 0.0, labels["2 Gain (dB)"]: -9.0}
    low_shelf = EqSettings((*T5.bands[:1], se.Band(se.BandKind.LOW_SHELF, 240.0, -9.0, 1.2), *T5.bands[2:]))
    assert error_db(measured_response_db(script.process(signal, 48_000.0, changes)[0], FREQS_HZ, 48_000.0), low_shelf) <= 0.001


def test_the_jsfx_script_leaves_out_what_a_low_rate_cannot_hold() -> None:
    bands = (
        se.Band(se.BandKind.PEAK, 7_900.0, 6.0),
        se.Band(se.BandKind.LOW_SHELF, 7_900.0, 6.0),
        se.Band(se.BandKind.HIGH_SHELF, 9_000.0, 6.0),
    )
    output = Jsfx(text_of(EqSettings(bands), "jsfx")).process(np.stack([impulse(4_096)] * 2), 16_000.0)
    grid = log_grid(100, 20.0, 7_000.0)
    assert measured_response_db(output[0], grid, 16_000.0) == pytest.approx(6.0, abs=1e-9)


MORE_KINDS = ["ffmpeg", "sox", "faust", "jsfx"]


@pytest.mark.daw
@pytest.mark.parametrize("format_id", MORE_KINDS)
def test_every_kind_that_a_format_holds_sounds_in_its_host_within_its_bar(
    format_id: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Passes, notches and the like, as random settings; below -60 dB nothing differs."""
    target = next(target for target in TARGETS if target.name == format_id)
    info = presets.get(format_id).info
    eqs = random_kinds(cases(5, 20 if format_id == "faust" else 50), 17, info.limits)  # faust compiles for seconds
    paths = [tmp_path / f"{number}{info.suffixes[0]}" for number in range(len(eqs))]
    for path, eq in zip(paths, eqs, strict=True):
        presets.write_file(path, presets.Preset(eq), format=format_id, strict=True, protect=False)
    heard, _ = in_host(lambda: target.measure(format_id, paths, FREQS_HZ))
    errors_db = [np.max(np.abs(np.maximum(got, -60.0) - audible_db(eq, FREQS_HZ, 48_000.0))) for got, eq in zip(heard, eqs, strict=True)]
    request.node.user_properties.append(("error_db", float(max(errors_db))))
    assert max(errors_db) <= target.bar_db


@pytest.mark.daw
def test_channels_of_their_own_sound_apart_in_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "apart.ffmpeg.txt"
    eqs = ChannelEqs((("left", EqSettings(T5.bands, -6.0)), ("right", random_kinds(1, 3, presets.get("ffmpeg").info.limits)[0])))
    presets.write_file(path, presets.Preset(eqs), format="ffmpeg", strict=True)
    (measured,) = in_host(lambda: hosts.measure("ffmpeg", "filter string", [path], 48_000))
    for heard_db, (_, eq) in zip(measured.response_db(FREQS_HZ), eqs, strict=True):
        assert np.max(np.abs(np.maximum(heard_db, -60.0) - audible_db(eq, FREQS_HZ, 48_000.0))) <= 0.001
