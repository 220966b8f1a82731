"""Every kind of band, curves and channels: the response against other maths, the filter against the response."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from semeq_export.eq.biquad import audible_db, design_sos, for_rate, response_db
from semeq_export.eq.channels import ChannelEqs, from_plain, to_plain
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.filter import EqFilter, apply
from semeq_export.eq.settings import Band, BandKind, EqSettings, orders
from semeq_export.errors import AudioError, InvalidEqError

RATE_HZ = 48_000.0
GRID_HZ = log_grid(200)
EVERY = [
    Band(kind, 800.0, 5.0 if kind in (BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF, BandKind.TILT) else 0.0, 0.9, order=order)
    for kind in BandKind
    for order in range(orders(kind)[0], orders(kind)[1] + 1)
]


def heard_db(eq: EqSettings, size: int = 1 << 16) -> np.ndarray:
    """The response at GRID_HZ as an impulse through the filter shows it, -60 dB at least."""
    impulse = np.zeros((1, size))
    impulse[0, 0] = 1.0
    spectrum = np.fft.rfft(apply(eq, impulse, RATE_HZ)[0])
    heard = np.interp(GRID_HZ, np.fft.rfftfreq(size, 1.0 / RATE_HZ), 20.0 * np.log10(np.maximum(np.abs(spectrum), 1e-9)))
    return np.maximum(heard, -60.0)


@pytest.mark.parametrize("band", EVERY, ids=str)
def test_the_filter_does_what_the_response_says(band: Band) -> None:
    eq = EqSettings((band,), -2.0)
    assert heard_db(eq) == pytest.approx(audible_db(eq, GRID_HZ, RATE_HZ), abs=0.02)


@pytest.mark.parametrize("order", range(1, 17))
@pytest.mark.parametrize(("kind", "name"), [(BandKind.HIGH_PASS, "highpass"), (BandKind.LOW_PASS, "lowpass")])
def test_passes_are_those_of_butterworth(kind: BandKind, name: str, order: int) -> None:
    ours = design_sos(EqSettings((Band(kind, 1_234.0, order=order, q=0.7071 if order != 2 else 0.5**0.5),)), RATE_HZ)
    theirs = signal.butter(order, 1_234.0, name, fs=RATE_HZ, output="sos")
    responses = [signal.sosfreqz(sos, GRID_HZ, fs=RATE_HZ)[1] for sos in (ours, theirs)]
    assert responses[0] == pytest.approx(responses[1], abs=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_a_tilt_falls_by_half_and_rises_by_half(order: int) -> None:
    eq = EqSettings((Band(BandKind.TILT, 1_000.0, 6.0, 0.7071, order=order),))
    assert response_db(eq, np.array([0.01, 1_000.0, 23_999.0]), RATE_HZ) == pytest.approx([-3.0, 0.0, 3.0], abs=1e-3)


@pytest.mark.parametrize(("kind", "ends_db"), [(BandKind.LOW_SHELF, (6.0, 3.0, 0.0)), (BandKind.HIGH_SHELF, (0.0, 3.0, 6.0))])
def test_shelves_of_first_order_have_half_their_gain_at_their_frequency(kind: BandKind, ends_db: tuple[float, float, float]) -> None:
    eq = EqSettings((Band(kind, 1_000.0, 6.0, order=1),))
    assert response_db(eq, np.array([0.01, 1_000.0, 23_999.0]), RATE_HZ) == pytest.approx(ends_db, abs=1e-3)


def test_an_all_pass_changes_phase_only() -> None:
    for order in (1, 2):
        eq = EqSettings((Band(BandKind.ALL_PASS, 1_000.0, order=order),))
        assert not eq.is_flat
        assert response_db(eq, GRID_HZ, RATE_HZ) == pytest.approx(0.0, abs=1e-9)


def test_a_curve_is_played_with_its_magnitude_and_at_once() -> None:
    curve = Curve(np.array([20.0, 200.0, 2_000.0, 20_000.0]), np.array([6.0, -3.0, 3.0, -9.0]))
    eq = EqSettings((Band(BandKind.PEAK, 500.0, 4.0, 1.0),), -1.0, curve)
    assert heard_db(eq)[10:] == pytest.approx(audible_db(eq, GRID_HZ, RATE_HZ)[10:], abs=0.1)
    impulse = np.zeros((1, 4_096))
    impulse[0, 0] = 1.0
    assert int(np.argmax(np.abs(apply(eq, impulse, RATE_HZ)[0]))) == 0


def test_a_curve_comes_out_the_same_in_blocks() -> None:
    eq = EqSettings((Band(BandKind.HIGH_PASS, 60.0, order=3),), 0.0, Curve(np.array([50.0, 5_000.0]), np.array([3.0, -6.0])))
    noise = np.random.default_rng(3).standard_normal((2, 20_000)) * 0.1
    whole, filtered = apply(eq, noise, RATE_HZ), EqFilter(eq, RATE_HZ, 2)
    parts = [filtered.process(block) for block in np.split(noise, [1, 7, 500, 9_000, 9_001], axis=1)]
    assert np.concatenate(parts, axis=1) == pytest.approx(whole, abs=1e-12)
    held = filtered.state
    filtered.process(noise)
    filtered.state = held
    assert len(held) == len(filtered.state)


def test_each_channel_has_its_own_eq() -> None:
    left, right = EqSettings((Band(BandKind.PEAK, 1_000.0, 6.0, 1.0),)), EqSettings((Band(BandKind.LOW_PASS, 500.0),), -3.0)
    noise = np.random.default_rng(4).standard_normal((2, 5_000)) * 0.1
    out = apply(ChannelEqs((("left", left), ("right", right))), noise, RATE_HZ)
    assert np.array_equal(out[:1], apply(left, noise[:1], RATE_HZ))
    assert np.array_equal(out[1:], apply(right, noise[1:], RATE_HZ))
    assert np.array_equal(apply(ChannelEqs((("2", right),)), noise, RATE_HZ)[0], noise[0])


def test_mid_and_side_are_half_sum_and_half_difference() -> None:
    eq = EqSettings((Band(BandKind.HIGH_SHELF, 4_000.0, 6.0),))
    noise = np.random.default_rng(5).standard_normal((2, 5_000)) * 0.1
    out = apply(ChannelEqs((("side", eq),)), noise, RATE_HZ)
    assert out[0] + out[1] == pytest.approx(noise[0] + noise[1], abs=1e-12)
    assert out[0] - out[1] == pytest.approx(apply(eq, noise[:1] - noise[1:], RATE_HZ)[0], abs=1e-12)


def test_audio_without_the_channels_is_refused() -> None:
    eq = EqSettings((Band(BandKind.PEAK, 1_000.0, 6.0, 1.0),))
    with pytest.raises(AudioError, match=r"^an EQ for mid and side needs 2 channels, not 1$"):
        EqFilter(ChannelEqs((("mid", eq),)), RATE_HZ, 1)
    with pytest.raises(AudioError, match=r"^an EQ for the channels left, right does not fit audio of 1: there is no right$"):
        EqFilter(ChannelEqs((("left", eq), ("right", eq))), RATE_HZ, 1)
    assert EqFilter(ChannelEqs((("left", eq), ("right", EqSettings()))), RATE_HZ, 1).process(np.ones((1, 8))).shape == (1, 8)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "channels 0 is not 1..64"),
        (("top",), "channel 'top' is not one of left"),
        (("0",), "channel '0' is not one of left"),
        (("left", "1"), "channels left, 1 is naming a channel twice"),
        (("mid", "left"), "channels mid, left is mid or side beside others"),
    ],
)
def test_channels_that_cannot_be_are_refused(names: tuple[str, ...], says: str) -> None:
    with pytest.raises(InvalidEqError) as caught:
        ChannelEqs(tuple((name, EqSettings()) for name in names))
    assert str(caught.value).startswith(says)


def test_plain_data_comes_back() -> None:
    curve = Curve(np.array([20.0, 200.0]), np.array([1.0, -1.0]))
    for eq in (
        EqSettings(tuple(EVERY), -3.0, curve),
        ChannelEqs((("left", EqSettings(tuple(EVERY))), ("side_right", EqSettings(curve=curve)))),
    ):
        assert from_plain(to_plain(eq)) == eq


def test_above_the_rate_passes_do_what_they_do_far_below_their_frequency() -> None:
    for band, preamp_db in (
        (Band(BandKind.LOW_PASS, 30_000.0), 0.0),
        (Band(BandKind.HIGH_PASS, 30_000.0), -120.0),
        (Band("tilt", 30_000.0, 6.0), -3.0),
    ):
        fit = for_rate(EqSettings((band,)), RATE_HZ)
        assert (fit.eq.bands, fit.eq.preamp_db, len(fit.warnings)) == ((), preamp_db, 1)


def test_gains_scale_and_what_has_none_does_not() -> None:
    eq = EqSettings((Band(BandKind.TILT, 1_000.0, 6.0),), 2.0, Curve(np.array([20.0, 200.0]), np.array([1.0, -1.0])))
    half = eq.scaled(0.5)
    assert (half.bands[0].gain_db, half.preamp_db, half.curve.gain_db.tolist() if half.curve else None) == (3.0, 1.0, [0.5, -0.5])
    with pytest.raises(InvalidEqError, match="^amount 0.5 is not 1: a notch has no gain to multiply$"):
        EqSettings((Band(BandKind.NOTCH, 1_000.0),)).scaled(0.5)


def test_a_band_without_gain_has_none() -> None:
    with pytest.raises(InvalidEqError, match="^gain_db 3.0 is not 0: a notch has no gain$"):
        Band(BandKind.NOTCH, 1_000.0, 3.0)
    with pytest.raises(InvalidEqError, match=r"^order 3 is not 2 for a peak$"):
        Band(BandKind.PEAK, 1_000.0, 3.0, order=3)
    with pytest.raises(InvalidEqError, match=r"^order 17 is not 1..16 for a high_pass$"):
        Band(BandKind.HIGH_PASS, 1_000.0, order=17)
