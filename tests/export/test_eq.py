"""The EQ model: what a band may be, how strictly it is read, and how a layout holds it."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from semeq_export.eq.biquad import response_db
from semeq_export.eq.settings import LAYOUT_KINDS, SAFE_13, Band, BandKind, BandSlot, EqLayout, EqSettings, ParamSpec
from semeq_export.errors import InvalidEqError

PEAK = {"kind": "peak", "freq_hz": 1_000.0, "gain_db": 3.0, "q": 1.0}


@pytest.mark.parametrize("field", ["freq_hz", "gain_db", "q"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308, 10**400, -1e9, "3", "1,5", "", None, True, [], {}, 1j])
def test_bad_numbers_never_become_a_band(field: str, value: object) -> None:  # faults A17, E4
    with pytest.raises(InvalidEqError) as caught:
        Band(**{**PEAK, field: value})  # type: ignore[arg-type]
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"), [("gain_db", 1_000.0), ("freq_hz", 0.0), ("freq_hz", -5.0), ("q", 0.0), ("q", -1.0), ("q", 1_001)]
)
def test_values_out_of_range_are_named_with_their_bound(field: str, value: float) -> None:  # fault A17
    with pytest.raises(InvalidEqError, match=rf"^{field} .* is (outside|not above) ") as caught:
        Band(**{**PEAK, field: value})  # type: ignore[arg-type]
    assert caught.value.value == value
    assert caught.value.bound


@pytest.mark.parametrize("kind", ["comb", "", None, 3, [], {}])
def test_unknown_kinds_are_refused(kind: object) -> None:
    with pytest.raises(InvalidEqError, match="^kind .* is not one of low_shelf, peak, high_shelf, high_pass, .*, tilt$"):
        Band(kind, 1_000.0, 3.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("enabled", [1, "yes", None])
def test_enabled_is_true_or_false(enabled: object) -> None:
    with pytest.raises(InvalidEqError, match="^enabled "):
        Band(BandKind.PEAK, 1_000.0, 3.0, enabled=enabled)  # type: ignore[arg-type]


def test_numbers_of_numpy_become_plain_floats() -> None:
    band = Band("peak", np.float32(1_000.0), np.int64(3), np.float64(1.5))  # type: ignore[arg-type]
    assert [type(x) for x in (band.freq_hz, band.gain_db, band.q)] == [float] * 3
    assert band.kind is BandKind.PEAK
    assert type(EqSettings((band,), np.float32(1.0)).preamp_db) is float  # type: ignore[arg-type]


@pytest.mark.parametrize("preamp_db", [math.nan, 121.0, "0", None])
def test_preamp_is_a_number_within_120_db(preamp_db: object) -> None:
    with pytest.raises(InvalidEqError, match="^preamp_db "):
        EqSettings((), preamp_db)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({}, "eq bands"),
        ([], "eq"),
        (None, "eq"),
        ("bands", "eq"),
        ({"bands": "peak"}, "bands"),
        ({"bands": {"a": 1}}, "bands"),
        ({"bands": None}, "bands"),
        ({"bands": b"ab"}, "bands"),
        ({"bands": [PEAK, 3]}, "band 2"),
        ({"bands": [PEAK, None]}, "band 2"),
        ({"bands": [], "preamp_db": "1"}, "preamp_db"),
        ({"bands": [], "preamp_db": math.nan}, "preamp_db"),
        ({"bands": [], "gain": 1}, "eq gain"),
        ({"bands": [{"kind": "peak", "freq_hz": 1.0}]}, "band 1 gain_db"),
        ({"bands": [{"kind": "peak", "gain_db": 1.0}]}, "band 1 freq_hz"),
        ({"bands": [{"freq_hz": 1.0, "gain_db": 1.0}]}, "band 1 kind"),
        ({"bands": [{**PEAK, "kind": "comb"}]}, "band 1 kind"),
        ({"bands": [{**PEAK, "kind": []}]}, "band 1 kind"),
        ({"bands": [{**PEAK, "enabled": 1}]}, "band 1 enabled"),
        ({"bands": [{**PEAK, "width": 1}]}, "band 1 width"),
        ({"bands": [PEAK, {**PEAK, "q": "1,5"}]}, "band 2 q"),
        ({"bands": [PEAK, {**PEAK, "q": ""}]}, "band 2 q"),
        ({"bands": [{**PEAK, "freq_hz": 1e308}]}, "band 1 freq_hz"),
        ({"bands": [{**PEAK, "freq_hz": 10**400}]}, "band 1 freq_hz"),
        ({"bands": [{**PEAK, "freq_hz": 5e-324}]}, "band 1 freq_hz"),
        ({"bands": [{**PEAK, "q": 2.1e-314}]}, "band 1 q"),
        ({"bands": [{**PEAK, "gain_db": math.inf}]}, "band 1 gain_db"),
        ({"bands": [{**PEAK, "gain_db": None}]}, "band 1 gain_db"),
    ],
)
def test_from_dict_names_the_field_that_is_wrong(data: dict[str, object], named: str) -> None:  # fault E4
    with pytest.raises(InvalidEqError) as caught:
        EqSettings.from_dict(data)
    assert caught.value.field == named
    assert "\n" not in str(caught.value)


def test_q_enabled_and_preamp_may_be_left_out() -> None:
    eq = EqSettings.from_dict({"bands": [{"kind": "low_shelf", "freq_hz": 100, "gain_db": 3}]})
    assert eq == EqSettings((Band(BandKind.LOW_SHELF, 100.0, 3.0),))


def test_only_enabled_bands_with_a_gain_are_active() -> None:
    on, off, idle = Band("peak", 1e3, 3.0), Band("peak", 1e3, 3.0, enabled=False), Band("peak", 1e3, 0.0)  # type: ignore[arg-type]
    assert EqSettings((on, off, idle)).active_bands == (on,)
    assert EqSettings((off, idle)).is_flat
    assert not EqSettings((), 1.0).is_flat


def test_scaling_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidEqError, match=r"^gain_db 72.0 is outside -60..60$"):
        EqSettings((Band(BandKind.PEAK, 1e3, 24.0),)).scaled(3.0)


def test_safe_13_has_thirteen_numbers_in_slot_order() -> None:
    assert [spec.name for spec in SAFE_13.params] == [
        "low_shelf_gain_db", "low_shelf_freq_hz",
        "peak1_gain_db", "peak1_freq_hz", "peak1_q",
        "peak2_gain_db", "peak2_freq_hz", "peak2_q",
        "peak3_gain_db", "peak3_freq_hz", "peak3_q",
        "high_shelf_gain_db", "high_shelf_freq_hz",
    ]  # fmt: skip
    idle = SAFE_13.to_vector(EqSettings())
    assert idle.tolist() == [0, 150, 0, 560, 0.71, 0, 1000, 0.71, 0, 3300, 0.71, 0, 8200]
    assert SAFE_13.from_vector(idle).is_flat


def test_a_peak_goes_to_the_first_slot_that_reaches_it() -> None:
    high = EqSettings((Band(BandKind.PEAK, 9_000.0, 4.0, 1.0),))
    vector = dict(zip((spec.name for spec in SAFE_13.params), SAFE_13.to_vector(high), strict=True))
    assert (vector["peak3_gain_db"], vector["peak3_freq_hz"]) == (4.0, 9_000.0)
    assert (vector["peak1_gain_db"], vector["peak2_gain_db"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("eq", "why"),
    [
        (EqSettings(tuple(Band(BandKind.PEAK, f, 1.0, 1.0) for f in (300.0, 400.0, 500.0, 600.0))), "without a free slot"),
        (EqSettings((Band(BandKind.PEAK, 100.0, 1.0, 1.0), Band(BandKind.PEAK, 150.0, 1.0, 1.0))), "without a free slot"),
        (EqSettings((Band(BandKind.LOW_SHELF, 100.0, 1.0, 1.0),)), "without a free slot"),
        (EqSettings((Band(BandKind.PEAK, 1e3, 13.0, 1.0),)), "without a free slot"),
        (EqSettings((Band(BandKind.PEAK, 1e3, 1.0, 1.0, enabled=False),)), "disabled"),
        (EqSettings((), 1.0), "without a place in layout safe-13"),
    ],
)
def test_what_a_layout_cannot_hold_is_refused(eq: EqSettings, why: str) -> None:
    with pytest.raises(InvalidEqError, match=why):
        SAFE_13.to_vector(eq)


@pytest.mark.parametrize("index", range(13))
@pytest.mark.parametrize("value", [math.nan, math.inf, -1e9, 1e9])
def test_vectors_out_of_range_are_refused_by_name(index: int, value: float) -> None:  # fault A17
    vector = SAFE_13.to_vector(EqSettings())
    vector[index] = value
    with pytest.raises(InvalidEqError) as caught:
        SAFE_13.from_vector(vector)
    assert caught.value.field == SAFE_13.params[index].name


@pytest.mark.parametrize("shape", [(), (12,), (14,), (1, 13), (13, 1)])
def test_vectors_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidEqError, match="of shape"):
        SAFE_13.from_vector(np.ones(shape))


def test_clip_moves_into_range_and_keeps_nan() -> None:
    low, high = SAFE_13.clip(np.full((2, 13), [[-1e9], [1e9]]))
    np.testing.assert_array_equal(low, SAFE_13.minimum)
    np.testing.assert_array_equal(high, SAFE_13.maximum)
    assert np.isnan(SAFE_13.clip(np.full(13, np.nan))).all()


def test_a_layout_survives_the_manifest() -> None:
    assert msgspec.convert(msgspec.to_builtins(SAFE_13), EqLayout, strict=True) == SAFE_13


def test_specs_and_slots_that_are_no_ranges_are_refused() -> None:
    with pytest.raises(InvalidEqError, match="not a range"):
        ParamSpec("q", "q", 2.0, 1.0, "log", 1.0)
    with pytest.raises(InvalidEqError, match="not above 0 on a log scale"):
        ParamSpec("f", "Hz", 0.0, 1.0, "log", 1.0)
    with pytest.raises(InvalidEqError, match="outside"):
        ParamSpec("f", "Hz", 1.0, 2.0, "log", 3.0)
    gain, freq = ParamSpec("g", "dB", -12.0, 12.0, "linear", 0.0), ParamSpec("f", "Hz", 20.0, 20_000.0, "log", 1_000.0)
    with pytest.raises(InvalidEqError, match=r"^q 0.0 is not above 0$"):
        BandSlot(BandKind.PEAK, gain, freq, 0.0)
    with pytest.raises(InvalidEqError, match="^gain_db"):
        BandSlot(BandKind.PEAK, ParamSpec("g", "dB", -1e3, 1e3, "linear", 0.0), freq, 1.0)


GAIN_KINDS = (*LAYOUT_KINDS, BandKind.TILT)


@pytest.mark.parametrize("kind", list(BandKind))
@pytest.mark.parametrize("q", [1e-6, 1_000.0])
@pytest.mark.parametrize("gain_db", [-60.0, 60.0])
def test_the_ends_of_the_ranges_have_a_response(kind: BandKind, q: float, gain_db: float) -> None:
    for freq_hz in (1e-6, 20_000.0):
        assert np.isfinite(
            response_db(
                EqSettings((Band(kind, freq_hz, gain_db if kind in GAIN_KINDS else 0.0, q),)),
                np.array([0.0, 1e-3, 1_000.0, 24_000.0]),
                48_000.0,
            )
        ).all()


def test_settings_hold_bands_only() -> None:
    with pytest.raises(InvalidEqError, match="band 2 3"):
        EqSettings((Band(BandKind.PEAK, 100.0, 1.0), 3))  # type: ignore[arg-type]
