"""FFmpeg, SoX, Faust and a VST3 plug-in render the test EQ, written by hand in each host's own language, and are measured."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_or_fail
from strategies import T5

from semeq_export.arrays import Float64Array
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import EnvironmentFailure, MissingHostError, PresetReadError
from semeq_host.lab import audacity, faust, ffmpeg, sox, vst3
from semeq_host.lab._process import private_folder, program, run
from semeq_host.lab.response import Measurement

FREQS_HZ = log_grid(1_000)

T5_FFMPEG = (
    "lowshelf=f=105:t=q:w=0.71:g=-4.5,equalizer=f=240:t=q:w=1.2:g=3.5,equalizer=f=1100:t=q:w=2.5:g=-6,"
    "equalizer=f=3800:t=q:w=0.8:g=5,highshelf=f=8000:t=q:w=0.71:g=4,volume=-6dB:precision=double"
)
T5_SOX = "gain -6 bass -4.5 105 0.71q equalizer 240 1.2q 3.5 equalizer 1100 2.5q -6 equalizer 3800 0.8q 5 treble 4 8000 0.71q"
T5_FAUST = """import("stdfaust.lib");
eq = *(ba.db2linear(-6)) : fi.svf.ls(105, 0.71, -4.5) : fi.svf.bell(240, 1.2, 3.5) : fi.svf.bell(1100, 2.5, -6)
   : fi.svf.bell(3800, 0.8, 5) : fi.svf.hs(8000, 0.71, 4);
process = eq, eq;
"""


def measured(measure: Callable[[], Measurement]) -> Measurement:
    try:
        return measure()
    except MissingHostError as error:
        skip_or_fail(str(error))


def error_db(measurement: Measurement, eq: EqSettings) -> float:
    wanted: Float64Array = response_db(eq, FREQS_HZ, measurement.sample_rate_hz)
    return float(np.max(np.abs(measurement.response_db(FREQS_HZ) - wanted)))


T5_AT_MINUS_6 = EqSettings(T5.bands, -6.0)


@pytest.mark.parametrize("sample_rate_hz", [44_100, 48_000, 96_000])
def test_ffmpeg_renders_the_filter_string_as_our_formula(sample_rate_hz: int) -> None:
    measurement = measured(lambda: ffmpeg.measure(T5_FFMPEG, sample_rate_hz))
    assert error_db(measurement, T5_AT_MINUS_6) <= 0.001
    assert measurement.samples.shape == (1, 65_536)
    assert measurement.host.startswith("FFmpeg ")
    assert measurement.host.split()[1][0].isdigit()


@pytest.mark.parametrize("sample_rate_hz", [44_100, 48_000, 96_000])
def test_sox_renders_the_effect_string_as_our_formula(sample_rate_hz: int) -> None:
    measurement = measured(lambda: sox.measure(T5_SOX, sample_rate_hz))
    assert error_db(measurement, T5_AT_MINUS_6) <= 0.005
    assert measurement.host.startswith("SoX 14")


@pytest.mark.parametrize("sample_rate_hz", [44_100, 48_000, 96_000])
def test_faust_compiles_and_renders_the_source_as_our_formula(sample_rate_hz: int) -> None:
    measurement = measured(lambda: faust.measure(T5_FAUST, sample_rate_hz))
    assert error_db(measurement, T5_AT_MINUS_6) <= 0.001
    assert measurement.samples.shape == (2, 65_536)
    assert measurement.host.startswith("Faust 2.")


def zam_eq2_preset(**values: float) -> bytes:
    """A .vstpreset byte by byte: 48 bytes of header, the state as DPF writes it, the chunk list."""
    words = ["__dpf_program__", "0", "__dpf_parameters_begin__"]
    words += [word for name, value in values.items() for word in (name, f"{value:.6f}")]
    state = b"".join(word.encode() + b"\0" for word in [*words, "__dpf_parameters_end__"]) + b"\xfe\0"
    header = b"VST3" + struct.pack("<i", 1) + b"2046504473616C633251455A00000000" + struct.pack("<q", 48 + len(state))
    return header + state + b"List" + struct.pack("<i", 1) + b"Comp" + struct.pack("<qq", 48, len(state))


ZAM_EQ2 = Path("/usr/lib/vst3/ZamEQ2.vst3")


def test_pedalboard_loads_a_vstpreset_and_the_plug_in_sounds_as_set(tmp_path: Path) -> None:
    # ZamEQ2's shelves are RBJ shelves of Q 0.589; its peak of +6 dB has a bandwidth of 3.14 / Q
    preset = tmp_path / "zam.vstpreset"
    values = {"boost1": 6, "bw1": 3.14, "f1": 1000, "boost2": 0, "bw2": 1, "f2": 2000, "boostl": -4.5, "fl": 105, "boosth": 4, "fh": 6000}
    preset.write_bytes(zam_eq2_preset(**values, master=0, peaks=0))
    measurement = measured(lambda: vst3.measure(preset, ZAM_EQ2))
    low, high = Band(BandKind.LOW_SHELF, 105.0, -4.5, 0.589), Band(BandKind.HIGH_SHELF, 6_000.0, 4.0, 0.589)
    assert error_db(measurement, EqSettings((low, Band(BandKind.PEAK, 1_000.0, 6.0, 1.0), high))) <= 0.05
    assert measurement.host.startswith("ZamEQ2 through Pedalboard ")


@pytest.mark.parametrize("size", [0, 30, 100])
def test_a_damaged_vstpreset_is_refused_by_the_host(tmp_path: Path, size: int) -> None:
    preset = tmp_path / "zam.vstpreset"
    preset.write_bytes(zam_eq2_preset(boost1=6.0)[:size])
    with pytest.raises(PresetReadError, match="pedalboard refuses it"):
        measured(lambda: vst3.measure(preset, ZAM_EQ2))


def test_a_missing_plug_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingHostError, match="Nowhere"):
        vst3.measure(tmp_path / "x.vstpreset", tmp_path / "Nowhere.vst3")


@pytest.mark.parametrize(
    "filters",
    [
        "amovie=/etc/passwd",  # reads files
        "equalizer=f=100:t=q:w=1:g=1,ladspa=file=x",  # loads libraries
        "volume=1dB;amovie=x[out]",
        "equalizer=f=abc:t=q:w=1:g=1",
        "",
    ],
)
def test_ffmpeg_is_given_equaliser_filters_only(filters: str) -> None:
    with pytest.raises(PresetReadError):
        measured(lambda: ffmpeg.measure(filters))


@pytest.mark.parametrize("effects", ["fir coefficients.txt", "gain -6 : newfile", "spectrogram", "bass abc", "bass", "gain +40"])
def test_sox_is_given_equaliser_effects_only_and_must_not_clip(effects: str) -> None:
    with pytest.raises(PresetReadError):
        measured(lambda: sox.measure(effects))


@pytest.mark.parametrize(
    "source",
    [
        'process = ffunction(float system(float), <stdlib.h>, "");',
        'import("/etc/passwd"); process = _;',
        'process = component("other.dsp");',
        "process = nonsense;",
        "process = _, _ : +;",
    ],
)
def test_faust_sources_cannot_reach_outside_and_must_compile(source: str) -> None:
    with pytest.raises(PresetReadError):
        measured(lambda: faust.measure(source))


def test_a_missing_program_is_an_environment_failure_with_its_package() -> None:
    with pytest.raises(MissingHostError, match=r"^semeq-nothing is not installed; install it with: apt-get install nothing$"):
        program("semeq-nothing", "nothing")


@pytest.mark.parametrize(
    ("measure", "package"),
    [
        (lambda: ffmpeg.measure("volume=1dB"), "ffmpeg"),
        (lambda: sox.measure("gain -1"), "sox"),
        (lambda: faust.measure("process = _;"), "faust"),
        (lambda: audacity.measure(['FilterCurve:f0="20" v0="1"']), "audacity xvfb"),
    ],
)
def test_every_host_that_is_missing_says_what_to_install(
    measure: Callable[[], object], package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingHostError, match=f"apt-get install {package}$"):
        measure()


def test_a_program_that_hangs_is_ended_with_its_children() -> None:
    with private_folder() as folder:
        with pytest.raises(EnvironmentFailure, match=r"sh did not end within 0\.5 s"):
            run(["sh", "-c", "sleep 60 & echo $! > child; wait"], folder=folder, timeout_s=0.5)
        child = int((folder / "child").read_text())
        deadline = time.monotonic() + 10.0
        while is_running(child):  # a killed process needs a moment to be reaped by its new parent
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert not folder.exists()


def is_running(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_program_sees_a_private_home_and_no_locale_of_the_person() -> None:
    with private_folder() as folder:
        output = run(["sh", "-c", "echo $HOME $TMPDIR $LC_ALL $SEMEQ_X"], folder=folder, timeout_s=10.0, variables={"SEMEQ_X": "1"})
        assert output.decode().split() == [str(folder / "home"), str(folder / "tmp"), "C.UTF-8", "1"]
        assert os.environ["HOME"] not in output.decode().split()


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        ("echo first; echo why >&2; exit 3", PresetReadError, r"sh refuses it \(exit code 3\): why"),
        ("kill -SEGV $$", EnvironmentFailure, r"sh crashed \(SIGSEGV\)"),
        ("exit 1", PresetReadError, "no reason given"),
    ],
)
def test_a_failing_program_is_quoted_in_one_line(script: str, error: type[Exception], text: str) -> None:
    with private_folder() as folder, pytest.raises(error, match=text) as caught:
        run(["sh", "-c", script], folder=folder, timeout_s=10.0)
    assert "\n" not in str(caught.value)
