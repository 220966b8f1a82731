"""Filters of LSP's equalisers as bands, and any section as bands: laws that need no plug-in (those that do: host/test_lsp_modes)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.eq.biquad import USABLE_NYQUIST, response_db, sos_response_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets.file_formats._lsp_channel import Group, Switched, kept_gain_db, placed, read_channel
from semeq_presets.file_formats._lsp_errors import arithmetic_error_db, decramp_error_db, phase_error_db, rate_error_db
from semeq_presets.file_formats._lsp_filters import APO, MODES, SLOPES, TYPES, LspFilter, digital, equivalent
from semeq_presets.file_formats._lsp_prototypes import Polynomial, Section
from semeq_presets.file_formats._section_bands import bands_of

RATE_HZ = 48_000.0
FREQS_HZ = log_grid(200, 20.0)
BELL = LspFilter("Bell", "RLC (BT)", 1, 1_000.0, 6.0, 2.0)


def bands_db(bands: tuple[Band, ...]) -> np.ndarray:
    return response_db(EqSettings(bands), FREQS_HZ, RATE_HZ)


def section_db(section: Section) -> np.ndarray:
    s = 1j * np.tan(np.pi * FREQS_HZ / RATE_HZ)
    top, bottom = (c[0] + c[1] * s + c[2] * s * s for c in (section.top, section.bottom))
    return 20.0 * np.log10(np.maximum(np.abs(top / bottom), 1e-12))


exponents = st.floats(-2.0, 1.0)


@st.composite
def polynomials(draw: st.DrawFn) -> Polynomial:
    w, q = 10.0 ** draw(exponents), 10.0 ** draw(exponents)
    return w * w, w / q, 1.0


@given(polynomials(), polynomials(), st.sampled_from(["all", "no t1", "turned", "t0", "t1", "t2", "one pole"]), st.floats(-60.0, 60.0))
def test_any_section_is_a_product_of_bands(top: Polynomial, bottom: Polynomial, shape: str, level_db: float) -> None:
    t0, t1, t2 = (c * 10.0 ** (level_db / 20.0) for c in top)
    tops = {"all": (t0, t1, t2), "no t1": (t0, 0.0, t2), "turned": (t0, -t1, t2), "t0": (t0, 0.0, 0.0), "t1": (0.0, t1, 0.0)}
    tops |= {"t2": (0.0, 0.0, t2), "one pole": (t0, t1, 0.0)}
    section = Section(tops[shape], (*bottom[:2], 0.0) if shape == "one pole" else bottom)
    found = bands_of(section, RATE_HZ)
    wanted = section_db(section)
    heard = wanted > wanted.max() - 100.0  # nothing is left of a notch but rounding
    assert np.abs(bands_db(found.bands) + found.gain_db - wanted)[heard].max() <= 1e-5
    assert any(band.kind is BandKind.ALL_PASS for band in found.bands) == (shape == "turned")
    assert any(band.kind is BandKind.NOTCH for band in found.bands) == (shape == "no t1")


def test_a_zero_at_no_frequency_beside_two_real_poles_is_a_high_pass_and_a_shelf() -> None:
    section = Section((0.0, 1.0, 0.5), (0.01, 0.6, 1.0))
    found = bands_of(section, RATE_HZ)
    assert (found.bands[0].kind, found.bands[0].order) == (BandKind.HIGH_PASS, 1)
    assert np.abs(bands_db(found.bands) + found.gain_db - section_db(section)).max() <= 1e-9


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", TYPES[1:])
def test_the_bands_of_a_filter_are_together_what_the_plug_in_runs(kind: str, mode: str) -> None:
    rng = np.random.default_rng(5)
    for slope in SLOPES:
        for _ in range(5):
            freq_hz, q = 10.0 ** rng.uniform(1.5, 4.2), 10.0 ** rng.uniform(-1.0, 1.0)
            one = LspFilter(kind, mode, slope, freq_hz, rng.uniform(-20.0, 20.0), q, rng.uniform(0.0, 4.0))
            found = equivalent(one, RATE_HZ)
            if all(band.freq_hz < USABLE_NYQUIST * RATE_HZ / 2 for band in found.bands):
                wanted = sos_response_db(digital(one, RATE_HZ), FREQS_HZ, RATE_HZ)
                heard = wanted > wanted.max() - 100.0
                assert np.abs(bands_db(found.bands) + found.gain_db - wanted)[heard].max() <= 1e-4


def test_the_default_mode_of_easyeffects_is_one_band_with_another_q() -> None:
    for q, gain_db in ((0.3, -9.0), (1.0, 3.0), (4.36, 12.0)):
        g = 10.0 ** (gain_db / 20.0)
        (bell,) = equivalent(replace(BELL, q=q, gain_db=gain_db), RATE_HZ).bands
        assert (bell.kind, bell.freq_hz, bell.gain_db) == (BandKind.PEAK, 1_000.0, gain_db)
        assert bell.q == pytest.approx((1.0 + 2.0 * q) / (2.0 * math.sqrt(g + 1.0 / g)))
        found = equivalent(replace(BELL, kind="Lo-shelf", q=q, gain_db=gain_db), RATE_HZ)
        assert found.bands == (Band(BandKind.LOW_SHELF, 1_000.0, gain_db, (1.0 + q) / 2.0),)
        assert found.gain_db == pytest.approx(0.0, abs=1e-9)
    twice = equivalent(replace(BELL, kind="Hi-shelf", slope=2), RATE_HZ).bands
    assert twice == (Band(BandKind.HIGH_SHELF, 1_000.0, 3.0, 1.5),) * 2


def test_slopes_do_not_count_in_apo_mode_and_its_q_ends_at_a_tenth() -> None:
    one = LspFilter("Bell", APO, 4, 1_000.0, 6.0, 0.03)
    assert equivalent(one, RATE_HZ).bands == (Band(BandKind.PEAK, 1_000.0, 6.0, 0.1),)
    assert equivalent(replace(one, kind="Notch", q=4.0), RATE_HZ).bands == (Band(BandKind.NOTCH, 1_000.0, 0.0, 4.0),)


def test_a_filter_of_0_db_stays_a_band_and_off_is_none() -> None:
    for mode in MODES:
        (band,) = equivalent(replace(BELL, mode=mode, gain_db=0.0), RATE_HZ).bands[:1]
        assert (band.kind, band.freq_hz, band.gain_db) == (BandKind.PEAK, 1_000.0, 0.0)
        assert equivalent(replace(BELL, mode=mode, kind="Off"), RATE_HZ).bands == ()


def test_solo_silences_the_others_of_a_channel_even_where_its_filter_is_off_or_muted() -> None:
    other = replace(BELL, freq_hz=4_000.0)

    def enabled(*filters: Switched) -> list[bool]:
        return [band.enabled for band in read_channel(dict(enumerate(filters)), 0.0).eq.bands]

    assert enabled(Switched(BELL), Switched(other)) == [True, True]
    assert enabled(Switched(BELL, is_muted=True), Switched(other)) == [False, True]
    assert enabled(Switched(BELL), Switched(other, is_soloed=True)) == [False, True]
    assert enabled(Switched(BELL), Switched(other, is_soloed=True, is_muted=True)) == [False, False]
    assert enabled(Switched(BELL), Switched(replace(BELL, kind="Off"), is_soloed=True)) == [False]


def test_a_shift_moves_all_filters_and_numbers_end_where_the_ports_do() -> None:
    (band,) = read_channel({0: Switched(replace(BELL, mode=APO, gain_db=50.0))}, 0.0, semitones=12.0).eq.bands
    assert (band.freq_hz, band.gain_db) == (2_000.0, 36.0)
    with pytest.raises(PresetReadError, match="left band3: freq_hz 0.0 is not above 0"):
        read_channel({3: Switched(replace(BELL, freq_hz=0.0))}, 0.0, name="left")


def test_a_muted_filter_with_a_gain_of_its_own_adds_none() -> None:
    shelf = LspFilter("Hi-shelf", "BWC (BT)", 2, 1_000.0, 12.0, 3.0)
    assert read_channel({0: Switched(shelf)}, 1.0).eq.preamp_db != pytest.approx(1.0, abs=0.1)
    assert read_channel({0: Switched(shelf, is_muted=True)}, 1.0).eq.preamp_db == 1.0


def test_bands_keep_their_places_and_groups_stay_whole_or_go() -> None:
    a, b, c, d = (Band(BandKind.PEAK, freq_hz, 3.0) for freq_hz in (100.0, 200.0, 300.0, 400.0))
    groups = (Group(1, (a,), 0.0), Group(4, (b, c), -2.5))
    assert placed(EqSettings((a, b, c)), groups, range(6), "x") == {1: None, 4: None}
    assert placed(EqSettings((d, b, c)), groups, range(6), "x") == {1: d, 4: None}
    assert placed(EqSettings((a, b, d)), groups, range(6), "x") == {1: None, 0: b, 2: d}
    assert placed(EqSettings((a, b, c, d)), groups, range(6), "x") == {1: None, 4: None, 0: d}
    assert placed(EqSettings((a,)), groups, range(6), "x") == {1: None}
    with pytest.raises(PresetWriteError, match="x: 3 more filters do not fit beside 1 of 3"):
        placed(EqSettings((a, b, d, d)), groups, range(3), "x")
    assert kept_gain_db(groups, {1: None, 4: None}) == -2.5
    assert kept_gain_db(groups, {1: None, 0: b, 2: d}) == 0.0


def test_what_other_modes_of_the_equaliser_change_is_stated() -> None:
    low, middle = replace(BELL, freq_hz=60.0), replace(BELL, freq_hz=1_000.0)
    assert phase_error_db([low], "IIR", RATE_HZ) == 0.0
    assert phase_error_db([low], "FIR", RATE_HZ) == pytest.approx(1.573, abs=0.05)  # measured in LSP 1.2.5
    assert phase_error_db([low], "FFT", RATE_HZ) == pytest.approx(1.325, abs=0.06)  # measured in LSP 1.2.5
    assert phase_error_db([middle], "FIR", RATE_HZ) < 0.02
    assert decramp_error_db([middle], 4, RATE_HZ) < 0.1 < decramp_error_db([replace(BELL, freq_hz=12_000.0)], 4, RATE_HZ)
    assert arithmetic_error_db([middle], RATE_HZ) == 0.0
    assert arithmetic_error_db([LspFilter("Hi-pass", "LRX (BT)", 4, 30.0, 0.0, 3.0)], RATE_HZ) > 1.0


def test_only_bands_that_the_transform_moves_depend_on_the_sample_rate() -> None:
    for mode, most_db in (("RLC (BT)", 1e-6), (APO, 1e-6), ("RLC (MT)", 0.2)):
        one = LspFilter("Bell", mode, 1, 5_000.0, 6.0, 1.0)
        assert rate_error_db([one], EqSettings(equivalent(one, RATE_HZ).bands), 44_100.0) <= most_db
    steep = LspFilter("Lo-pass", "LRX (MT)", 1, 5_000.0, 0.0, 1.0)
    found = equivalent(steep, RATE_HZ)
    assert rate_error_db([steep], EqSettings(found.bands, found.gain_db), 44_100.0) > 1.0
