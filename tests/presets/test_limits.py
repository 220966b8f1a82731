"""Device limits as refit: what fits is left alone, what does not is replaced by the closest response, with its error in dB."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from conftest import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import bands, random_settings
from threadpoolctl import threadpool_info, threadpool_limits

import semeq_presets as presets
from semeq_export.arrays import Float64Array
from semeq_export.eq import fit
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import LAYOUT_KINDS, MAX_PREAMP_DB, Band, BandKind, BandSlot, EqSettings, ParamSpec
from semeq_export.errors import PresetError, PresetWriteError
from semeq_presets import FormatInfo, Limits, Preset, fit_to, peak_db, protected, write
from semeq_presets.file_formats.limits import place

LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF
FREQS_HZ = log_grid(400)
RATE_HZ = 48_000.0
WIDE = Limits(max_bands=16, freq_hz=(10.0, 24_000.0), gain_db=(-36.0, 36.0), q=(0.1, 100.0), preamp_db=(-60.0, 20.0))


def error_db(a: EqSettings, b: EqSettings) -> float:
    return float(np.max(np.abs(Preset(a).response_db(FREQS_HZ) - Preset(b).response_db(FREQS_HZ))))


def slot(kind: BandKind, freq_hz: tuple[float, float], gain_db: float = 18.0, q: tuple[float, float] | float = (0.3, 8.0)) -> BandSlot:
    spec = ParamSpec("q", "q", *q, "log", 1.0) if isinstance(q, tuple) else q
    middle = float(np.sqrt(freq_hz[0] * freq_hz[1]))
    return BandSlot(kind, ParamSpec("g", "dB", -gain_db, gain_db, "linear", 0.0), ParamSpec("f", "Hz", *freq_hz, "log", middle), spec)


@given(st.lists(bands, max_size=8), st.floats(-24.0, 20.0))
def test_an_eq_inside_the_limits_comes_back_as_it_is(drawn: list[Band], preamp_db: float) -> None:
    eq = EqSettings(tuple(drawn), preamp_db)
    assert fit_to(eq, WIDE, RATE_HZ) == (eq, ())


def test_too_many_bands_are_refitted_to_fewer_with_the_error_stated() -> None:
    eq = random_settings(1, 4)[0]
    fitted, notes = fit_to(eq, replace(WIDE, max_bands=4), RATE_HZ)
    assert len(fitted.bands) <= 4
    assert [(note.kind, note.field, note.wanted) for note in notes] == [("refitted", "bands", 5)]
    assert notes[0].error_db == pytest.approx(error_db(eq, fitted), abs=0.02)
    dropped = min(error_db(eq, EqSettings(tuple(b for b in eq.bands if b is not left))) for left in eq.bands)
    assert error_db(eq, fitted) <= dropped + 1e-9


def test_a_refit_beats_moving_the_value_to_its_limit() -> None:
    eq = EqSettings((Band(PEAK, 1_000.0, 6.0, 0.2), Band(HIGH, 8_000.0, 3.0, 0.71)))
    limits = replace(WIDE, q=(0.5, 10.0))
    fitted, notes = fit_to(eq, limits, RATE_HZ)
    clamped = EqSettings((Band(PEAK, 1_000.0, 6.0, 0.5), eq.bands[1]))
    assert error_db(eq, fitted) < 0.3 * error_db(eq, clamped)
    assert all(0.5 <= band.q <= 10.0 for band in fitted.bands)
    assert str(notes[0]).startswith("band 1: q 0.2 -> 0.5..10 (refitted, ")


def test_a_fixed_shelf_q_is_kept_and_the_peaks_help() -> None:
    eq = EqSettings((Band(LOW, 200.0, 6.0, 0.4), Band(PEAK, 1_000.0, 2.0, 1.0), Band(HIGH, 6_000.0, -6.0, 1.2)))
    fitted, notes = fit_to(eq, replace(WIDE, shelf_q=0.7071), RATE_HZ)
    assert {band.q for band in fitted.bands if band.kind is not PEAK} <= {0.7071}
    assert {note.band for note in notes} <= {1, 3}
    assert error_db(eq, fitted) < 0.4


def test_a_kind_that_the_device_lacks_is_approached_with_others() -> None:
    eq = EqSettings((Band(LOW, 150.0, 4.0, 0.71),))
    fitted, notes = fit_to(eq, replace(WIDE, kinds=frozenset({PEAK})), RATE_HZ)
    assert {band.kind for band in fitted.bands} == {PEAK}
    assert [(note.band, note.field) for note in notes] in ([], [(1, "kind")])
    assert error_db(eq, fitted) < 0.6


def test_devices_with_slots_get_each_band_into_a_slot_that_holds_it() -> None:
    slots = (
        slot(LOW, (25.0, 400.0), q=0.7071),
        slot(PEAK, (20.0, 2_000.0)),
        slot(PEAK, (40.0, 4_000.0)),
        slot(PEAK, (200.0, 20_000.0)),
        slot(HIGH, (1_000.0, 16_000.0), q=0.7071),
    )
    inside = EqSettings((Band(HIGH, 8_000.0, 3.0, 0.7071), Band(PEAK, 9_000.0, 1.0, 1.0), Band(PEAK, 30.0, 1.0, 1.0)))
    assert fit_to(inside, Limits(slots=slots), RATE_HZ) == (inside, ())
    placed = place(inside.bands, slots)
    assert placed is not None
    assert placed[0] is None
    assert placed[1] == inside.bands[2]
    assert placed[3:] == (inside.bands[1], inside.bands[0])
    outside = EqSettings((Band(PEAK, 9_000.0, 3.0, 1.0), Band(PEAK, 12_000.0, -2.0, 2.0), Band(LOW, 100.0, 5.0, 0.5)))
    assert place(outside.bands, slots) is None
    fitted, notes = fit_to(outside, Limits(slots=slots), RATE_HZ)
    assert place(fitted.bands, slots) is not None
    assert notes[0].error_db == pytest.approx(error_db(outside, fitted), abs=0.02)


def test_steps_are_reported_only_when_they_matter() -> None:
    eq = EqSettings((Band(PEAK, 1_000.0, 3.04, 1.0),))
    limits = replace(WIDE, precision={"gain_db": 0.1, "freq_hz": 1.0})
    fitted, notes = fit_to(eq, limits, RATE_HZ, precision_db=0.3)
    assert (fitted.bands[0].gain_db, notes) == (3.0, ())
    _, notes = fit_to(eq, limits, RATE_HZ, precision_db=0.01)
    assert [(note.kind, note.band, note.field, note.wanted, note.got) for note in notes] == [("approximated", 1, "gain_db", 3.04, 3.0)]
    assert notes[0].error_db == pytest.approx(0.04, abs=1e-3)


def test_a_step_never_leads_out_of_the_range() -> None:
    limits = replace(WIDE, gain_db=(-12.05, 12.05), precision={"gain_db": 0.1})
    fitted, _ = fit_to(EqSettings((Band(PEAK, 1_000.0, 12.05, 1.0),)), limits, RATE_HZ)
    assert fitted.bands[0].gain_db == 12.0


def test_silent_bands_make_room_before_any_band_that_sounds() -> None:
    loud = random_settings(1, 5)[0].bands
    idle = (Band(PEAK, 500.0, 0.0, 1.0), Band(PEAK, 5.0, 9.0, 1.0, enabled=False))
    fitted, notes = fit_to(EqSettings((*idle, *loud)), replace(WIDE, max_bands=5), RATE_HZ)
    assert fitted.bands == loud
    assert [(note.kind, note.band, note.error_db) for note in notes] == [("dropped", 1, 0.0), ("dropped", 2, 0.0)]
    fitted, notes = fit_to(EqSettings((*idle[:1], *loud)), replace(WIDE, holds_disabled=False), RATE_HZ)
    assert (fitted.bands, notes) == ((*idle[:1], *loud), ())


@pytest.mark.parametrize(
    ("limits", "preamp_db", "got", "kind", "off_db"),
    [(replace(WIDE, preamp_db=None), -6.0, 0.0, "dropped", 6.0), (WIDE, 24.0, 20.0, "refitted", 4.0)],
)
def test_a_preamp_without_a_place_is_said(limits: Limits, preamp_db: float, got: float, kind: str, off_db: float) -> None:
    fitted, notes = fit_to(EqSettings((), preamp_db), limits, RATE_HZ)
    assert fitted.preamp_db == got
    assert [(note.kind, note.field, note.error_db) for note in notes] == [(kind, "preamp_db", off_db)]


def crowd(count: int, q: tuple[float, float]) -> EqSettings:
    """Many peaks anywhere, a device's worst case."""
    rng = np.random.default_rng(count)
    freqs_hz, qs = np.exp(rng.uniform(np.log([20.0, q[0]]), np.log([20_000.0, q[1]]), (count, 2))).T
    gains_db = rng.uniform(-12.0, 12.0, count)
    return EqSettings(tuple(Band(PEAK, *map(float, values)) for values in zip(freqs_hz, gains_db, qs, strict=True)))


# fault E23
@pytest.mark.parametrize(
    ("most", "count", "q"), [(None, 200, (20.0, 900.0)), (64, 100, (20.0, 900.0)), (64, 400, (0.3, 4.0)), (8, 300, (20.0, 900.0))]
)
def test_the_work_of_a_refit_is_bounded(most: int | None, count: int, q: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    evaluate = fit._Problem._evaluate

    def counted(self: fit._Problem, u: Float64Array, *, derivatives: bool, only: int | None = None) -> tuple[Float64Array, Float64Array]:
        done.append(len(u) * u.shape[1] * len(self.freqs) * (u.shape[1] if derivatives else 1))
        return evaluate(self, u, derivatives=derivatives, only=only)

    monkeypatch.setattr(fit._Problem, "_evaluate", counted)
    eq, limits = crowd(count, q), replace(WIDE, max_bands=most)
    held, notes = fit_to(eq, limits, RATE_HZ)
    assert sum(done) < 1e10
    assert fit_to(held, limits, RATE_HZ) == (held, ())
    assert error_db(eq, held) <= 1.1 * max(note.error_db or 0.0 for note in notes)


def test_the_products_of_a_refit_run_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:  # fault E23
    seen: list[int] = []
    evaluate = fit._Problem._evaluate

    def watched(self: fit._Problem, u: Float64Array, *, derivatives: bool, only: int | None = None) -> tuple[Float64Array, Float64Array]:
        if len(seen) < 10:  # looking is slow
            seen.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return evaluate(self, u, derivatives=derivatives, only=only)

    monkeypatch.setattr(fit._Problem, "_evaluate", watched)
    before = threadpool_info()
    with threadpool_limits(2):
        fit_to(crowd(12, (0.3, 4.0)), replace(WIDE, max_bands=2), RATE_HZ)
    assert set(seen) == {1}
    assert threadpool_info() == before


def test_more_bands_than_can_be_refitted_are_refused() -> None:  # fault E23
    eq = EqSettings(crowd(1_001, (0.3, 4.0)).bands)
    assert fit_to(eq, replace(WIDE, max_bands=None), RATE_HZ) == (eq, ())
    with pytest.raises(PresetWriteError, match="an EQ of 1001 bands is over the 1000 that are refitted"):
        fit_to(eq, WIDE, RATE_HZ)


@settings(max_examples=12)
@given(
    st.lists(
        st.builds(Band, kind=st.sampled_from(LAYOUT_KINDS), freq_hz=st.floats(5.0, 40_000.0), gain_db=st.floats(-60.0, 60.0)), max_size=4
    )
)
def test_whatever_comes_in_what_comes_out_is_inside_and_its_error_is_stated(drawn: list[Band]) -> None:
    eq = EqSettings(tuple(drawn))
    limits = Limits(max_bands=3, freq_hz=(20.0, 20_000.0), gain_db=(-15.0, 15.0), q=(0.3, 6.0))
    fitted, notes = fit_to(eq, limits, RATE_HZ)
    assert fit_to(fitted, limits, RATE_HZ) == (fitted, ())
    stated_db = max((note.error_db or 0.0 for note in notes), default=0.0)
    assert error_db(eq, fitted) <= stated_db * 1.02 + 0.03


def test_strict_refuses_what_is_further_off_than_a_tenth_of_a_decibel() -> None:
    narrow = EqSettings((Band(PEAK, 1_000.0, 12.0, 500.0),))
    assert write(narrow, "lsp-x16-lv2").notes[0].error_db > 0.1
    with pytest.raises(PresetWriteError, match=r"lsp-x16-lv2: band 1: q 500 -> .* dB off at 1000 Hz\); `strict` allows 0.1 dB"):
        write(narrow, "lsp-x16-lv2", strict=True)
    assert write(random_settings(1, 1)[0], "lsp-x16-lv2", strict=True).notes == ()


def test_a_low_sample_rate_limits_the_fit_to_what_it_can_carry() -> None:
    eq = EqSettings((Band(PEAK, 3_000.0, 6.0, 0.1), Band(HIGH, 15_000.0, 3.0, 0.71)))
    fitted, _ = fit_to(eq, replace(WIDE, q=(0.5, 10.0)), 8_000.0)
    heard_hz = np.geomspace(20.0, 3_800.0, 300)
    assert all(band.freq_hz <= 3_800.0 for band in fitted.bands)
    difference = Preset(eq, sample_rate_hz=8_000.0).response_db(heard_hz) - Preset(fitted, sample_rate_hz=8_000.0).response_db(heard_hz)
    assert np.max(np.abs(difference)) < 0.3


@given(st.lists(bands, max_size=6))
def test_a_protected_eq_never_rises_above_full_scale_and_is_lowered_no_more_than_needed(drawn: list[Band]) -> None:
    eq = EqSettings(tuple(drawn))
    safe = protected(eq, RATE_HZ)
    if peak_db(eq, RATE_HZ) > MAX_PREAMP_DB:  # resonant shelves one on another: no preamp goes that far down
        assert safe.preamp_db == -MAX_PREAMP_DB
        return
    rise_db = peak_db(safe, RATE_HZ)
    assert rise_db <= 1e-6
    assert safe.preamp_db <= 0.0
    assert safe.preamp_db == 0.0 or rise_db > -0.0101
    dense = Preset(safe).response_db(np.linspace(1.0, 23_900.0, 20_000))
    assert dense.max() <= 1e-6


def test_an_eq_with_a_preamp_of_its_own_is_not_protected() -> None:
    eq = EqSettings((Band(PEAK, 1_000.0, 6.0, 1.0),), 3.0)
    assert protected(eq, RATE_HZ) is eq
    assert peak_db(eq, RATE_HZ) == pytest.approx(9.0, abs=1e-9)


@pytest.mark.parametrize("info", presets.formats(), ids=lambda info: info.id)
@pytest.mark.parametrize("kind", [BandKind.LOW_SHELF, BandKind.PEAK][: cases(1, 2)])
def test_bands_that_add_up_to_more_than_a_preamp_holds_are_written_or_refused_by_name(info: FormatInfo, kind: BandKind) -> None:
    eq = EqSettings((Band(kind, 30_000.0 if kind is BandKind.LOW_SHELF else 1_000.0, 60.0),) * 3, -10.0)
    for preamp in ("max", "auto")[: cases(1, 2)]:
        try:
            written = presets.convert(Preset(eq), info.id, preamp=preamp)
        except PresetError:
            continue
        read = presets.read(written.files, info.id)
        assert np.isfinite(read.response_db(np.array([100.0, 1_000.0]))).all()


@pytest.mark.parametrize("kind", ["band_pass", "all_pass", "high_pass", "low_pass", "notch"])
def test_bands_that_no_layout_holds_are_refitted_where_their_values_are_out_of_range(kind: str) -> None:
    limits = presets.get("eqapo").info.limits
    fitted, _ = fit_to(EqSettings((Band(kind, 5.0, q=0.001), Band("peak", 100.0, 3.0, 1.0))), limits, 48_000.0)
    assert all(limits.freq_hz[0] <= band.freq_hz <= limits.freq_hz[1] for band in fitted.bands)
