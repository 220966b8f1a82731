"""Devices of people's own: what a TOML file may say, and settings that only use positions which the knobs have."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import T5, T10, eq_settings, random_settings

from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.units import bandwidth_oct_to_q, q_to_bandwidth_oct
from semeq_presets import Device, Preset, read_device

SHIPPED = sorted((ROOT / "presets" / "devices").glob("*.toml"))
FREQS_HZ = log_grid(500)

PARAMETRIC = """
name = "Stepped"
q_convention = "bandwidth_oct"
preamp_db = [-12.0, 6.0]
preamp_step_db = 0.5
[[bands]]
name = "L"
kind = "low_shelf"
freq_hz = [30.0, 300.0]
gain_db = [-15.0, 15.0]
gain_step_db = 1.5
[[bands]]
name = "M"
kind = "peak"
freq_choices_hz = [250.0, 500.0, 1_000.0, 2_000.0, 4_000.0]
gain_db = [-15.0, 15.0]
gain_step_db = 1.5
bandwidth_choices_oct = [0.5, 1.0, 2.0]
"""


def device(tmp_path: Path, text: str = PARAMETRIC) -> Device:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return read_device(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_device_holds_the_test_equalisers_on_positions_that_it_has(path: Path) -> None:
    mine = read_device(path)
    for eq in (T5, T10, *random_settings(3, 5)):
        fitted = mine.fit(eq, 48_000.0)
        assert len(fitted.bands) == len(mine.bands)
        for band, held in zip(mine.bands, fitted.bands, strict=True):
            if held is not None:
                assert held.kind is band.kind
                assert held.freq_hz == band.freq_hz.nearest(held.freq_hz)
                assert held.gain_db == pytest.approx(band.gain_db.nearest(held.gain_db), abs=1e-9)
        off_db = np.max(np.abs(response_db(fitted.eq, FREQS_HZ, 48_000.0) - response_db(eq, FREQS_HZ, 48_000.0)))
        assert off_db <= fitted.error_db + 0.05  # between the points where it is measured
        assert f"at most {fitted.error_db:.2f} dB off" in mine.sheet(fitted, "T")


def test_there_are_devices_and_each_is_in_the_readme() -> None:
    readme = (ROOT / "presets" / "devices" / "README.md").read_text(encoding="utf-8")
    assert len(SHIPPED) >= 3
    for path in SHIPPED:
        assert f"`{path.name}`" in readme


def test_what_a_device_can_hold_comes_back_exactly_and_without_a_note(tmp_path: Path) -> None:
    q = bandwidth_oct_to_q(1.0)
    wanted = EqSettings((Band(BandKind.LOW_SHELF, 100.0, 4.5, 0.7071), Band(BandKind.PEAK, 2_000.0, -6.0, q)), -3.0)
    fitted = device(tmp_path).fit(wanted, 48_000.0)
    assert fitted.notes == ()
    assert fitted.error_db < 1e-6
    assert fitted.preamp_db == -3.0
    low, mid = fitted.bands
    assert low is not None
    assert mid is not None
    assert (low.freq_hz, low.gain_db) == (pytest.approx(100.0), 4.5)
    assert (mid.freq_hz, mid.gain_db, mid.q) == (2_000.0, -6.0, pytest.approx(q))


def test_the_sheet_is_in_the_units_of_the_device(tmp_path: Path) -> None:
    mine = device(tmp_path)
    text = mine.sheet(mine.fit(EqSettings((Band(BandKind.PEAK, 2_100.0, -6.4, 1.5),), -3.1), 48_000.0), "Vocal\nnote")
    assert text.splitlines() == [
        "Vocal note",
        "Stepped",
        "",
        "band  kind        freq      gain  octaves",
        "L     low shelf      -      0 dB        -",
        "M     peak       2 kHz  -6.00 dB     1.00",
        "level -3.00 dB",
        "",
        text.splitlines()[-1],
    ]


def test_turns_make_up_for_what_was_rounded(tmp_path: Path) -> None:
    """Moving every value to its nearest position is no better than fitting again after each rounding."""
    mine = device(tmp_path)
    for eq in random_settings(10, 9):
        fitted = mine.fit(eq, 48_000.0)
        flat_db = float(np.max(np.abs(response_db(eq, FREQS_HZ, 48_000.0))))
        assert fitted.error_db <= flat_db + 1.5


@settings(max_examples=25)
@given(eq_settings)
def test_any_eq_becomes_positions_and_a_true_error(eq: EqSettings) -> None:
    mine = read_device(ROOT / "presets" / "devices" / "console-4-band.toml")
    fitted = mine.fit(eq, 48_000.0)
    assert math.isfinite(fitted.error_db)
    assert all(held is None or held.enabled for held in fitted.bands)
    again = mine.fit(fitted.eq, 48_000.0)
    assert again.error_db <= 0.02


def test_strict_refuses_more_than_a_tenth_of_a_decibel(tmp_path: Path) -> None:
    with pytest.raises(PresetWriteError, match=r"Stepped: .* dB off what was asked for; `strict` allows 0\.1 dB"):
        device(tmp_path).fit(T10, 48_000.0, strict=True)


def test_a_curve_is_refitted_too(tmp_path: Path) -> None:
    curve = Curve(FREQS_HZ, response_db(T5, FREQS_HZ, 48_000.0))
    preset, sheet, notes = device(tmp_path).refit(Preset(EqSettings(curve=curve), name="c"))
    assert preset.eq is not None
    assert preset.curve is None
    assert sheet.startswith("c\nStepped\n")
    assert notes


def test_octaves_and_q_are_the_same_width(tmp_path: Path) -> None:
    octaves = device(tmp_path, PARAMETRIC.replace("bandwidth_choices_oct = [0.5, 1.0, 2.0]", "bandwidth_oct = [0.5, 3.0]"))
    in_q = PARAMETRIC.replace('"bandwidth_oct"', '"q"').replace(
        "bandwidth_choices_oct = [0.5, 1.0, 2.0]", f"q = [{bandwidth_oct_to_q(3.0)}, 2.87]"
    )
    a, b = (one.fit(T5, 48_000.0) for one in (octaves, device(tmp_path, in_q)))
    (first, second) = (one.bands[1] for one in (a, b))
    assert first is not None
    assert second is not None
    assert q_to_bandwidth_oct(first.q) == pytest.approx(q_to_bandwidth_oct(second.q), rel=0.02)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "Stepped"', "", "name is missing"),
        ('name = "Stepped"', 'name = "a\\nb"', "not printable"),
        ('"bandwidth_oct"', '"octaves"', "q_convention 'octaves' is not one of q, bandwidth_oct, constant"),
        ('"bandwidth_oct"', '"q"', "band 2: bandwidth_choices_oct does not go with q_convention 'q'"),
        ("[-12.0, 6.0]", "[1.0, 6.0]", "preamp_db does not hold 0 dB"),
        ("[-12.0, 6.0]", "-3.0", "preamp_db does not hold 0 dB"),
        ("[-12.0, 6.0]", "[nan, 6.0]", "preamp_db nan is outside -120..120"),
        ("preamp_step_db = 0.5", "preamp_steps = 1", "unknown key 'preamp_steps'"),
        ('kind = "peak"', 'kind = "notch"', "band 2: kind 'notch' is not one of low_shelf, peak, high_shelf"),
        ("[30.0, 300.0]", "[300.0, 30.0]", "band 1: freq_hz 300..30 is not a range"),
        ("[30.0, 300.0]", "[30.0, 300.0, 3]", "band 1: freq_hz is not a range of two numbers"),
        ("[30.0, 300.0]", "inf", "band 1: freq_hz inf is outside"),
        ("[30.0, 300.0]", '"x"', "band 1: freq_hz is not a number"),
        ("[30.0, 300.0]", "true", "band 1: freq_hz is not a number"),
        ("freq_hz = [30.0, 300.0]\n", "", "band 1: needs one of freq_hz, freq_choices_hz and each_freq_hz"),
        ("250.0, 500.0", "500.0, 250.0", "band 2: freq_choices_hz does not increase"),
        ("freq_choices_hz = [", "freq_hz = 3\nfreq_choices_hz = [", "band 2: freq_choices_hz stands alone"),
        ("gain_db = [-15.0, 15.0]", "gain_db = 3", "band 1: gain_db is not a range"),
        ("gain_db = [-15.0, 15.0]", "gain_db = [3, 6]", "band 1: gain_db is not a range [low, high] that holds 0 dB"),
        ("gain_step_db = 1.5", "gain_step_db = 0", "band 1: gain_step_db 0 is outside"),
        ("bandwidth_choices_oct = [0.5, 1.0, 2.0]", "", "band 2: needs bandwidth_oct"),
        ("bandwidth_choices_oct = [0.5, 1.0, 2.0]", "q = [1, 2]", "q is a range, which does not go with q_convention 'bandwidth_oct'"),
        ('name = "M"', 'name = "M"\ncolour = "red"', "band 2: unknown key 'colour'"),
        ('[[bands]]\nname = "L"', '[[band]]\nname = "L"', "unknown key 'band'"),
        ("name = ", "name =", "not there"),
    ],
)
def test_what_is_wrong_in_a_device_is_named(old: str, new: str, says: str, tmp_path: Path) -> None:
    if says == "not there":
        assert device(tmp_path, PARAMETRIC.replace(old, new)).name == "Stepped"
        return
    with pytest.raises(PresetReadError) as caught:
        device(tmp_path, PARAMETRIC.replace(old, new, 1))
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/mine.toml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no bands"),
        (b"bands = 3", "holds no bands"),
        (b'name = "x"\nq_convention = "q"\nbands = [3]', "band 1: is not a table"),
        (b"= 3", "not a TOML file"),
        (b"\xff\xfe", "not a TOML file"),
        (b"x = " + b"[" * 50_000, "is nested deeper than 32 levels"),
        (b"#" * 200_000, "larger than the limit"),
    ],
)
def test_files_that_are_no_devices_are_refused_in_one_line(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(PresetReadError, match=says) as caught:
        read_device(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(PresetReadError, match="no such file"):
        read_device(tmp_path / "gone.toml")


@settings(max_examples=300)
@given(data=st.data())
def test_mutated_devices_are_refused_or_sound(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(PARAMETRIC.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.sampled_from([b"", b"9", b"-", b"[", b"]", b'"', b"\n", b"e9", b"\xff"])
        )
    path = tmp_path_factory.getbasetemp() / "mutated.toml"
    path.write_bytes(bytes(content))
    try:
        mine = read_device(path)
    except PresetReadError as error:
        assert "\n" not in str(error)
        return
    assert mine.limits.slots
