"""What users may give in more than one form: kinds by name, bands in a list, audio that knows its rate."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from strategies import ANY_EQ

import semeq_export
from semeq_export.audio.samples import Audio
from semeq_export.eq import filter as sections
from semeq_export.eq.settings import Band, BandKind, EqSettings, KindName
from semeq_export.errors import AudioError, InvalidEqError

WARM = EqSettings([Band("low_shelf", 150.0, 4.0), Band("peak", 3_000.0, -5.0, 1.2)])


def test_each_kind_has_a_name_that_types_know() -> None:
    assert get_args(KindName) == tuple(kind.value for kind in BandKind)


@pytest.mark.parametrize("kind", BandKind)
def test_a_kind_by_name_is_the_kind(kind: BandKind) -> None:
    by_name, by_kind = Band(kind.value, 1_000.0), Band(kind, 1_000.0)  # type: ignore[arg-type] # mypy takes a value for any text
    assert by_name.kind is kind
    assert by_name == by_kind
    assert hash(by_name) == hash(by_kind)
    assert replace(by_name, freq_hz=500.0) == Band(kind=kind, freq_hz=500.0)


@pytest.mark.parametrize("wrong", ["bell", "PEAK", "", None, 1, ["peak"]])
def test_no_other_name_is_a_kind(wrong: object) -> None:
    with pytest.raises(InvalidEqError, match="kind .* is not one of low_shelf, peak, high_shelf, "):
        Band(wrong, 1_000.0)  # type: ignore[arg-type]


def test_bands_come_from_anything_that_holds_them() -> None:
    bands = list(WARM.bands)
    assert EqSettings(bands) == EqSettings(tuple(bands)) == EqSettings(band for band in bands) == WARM
    assert isinstance(EqSettings(bands).bands, tuple)
    bands.clear()
    assert len(WARM.bands) == 2


@given(eq=ANY_EQ)
def test_settings_survive_copies_and_pickles(eq: EqSettings) -> None:
    for other in (copy.deepcopy(eq), pickle.loads(pickle.dumps(eq)), replace(eq), EqSettings.from_dict(eq.to_dict())):
        assert other == eq
        assert hash(other) == hash(eq)
    with pytest.raises(AttributeError):
        eq.preamp_db = 1.0  # type: ignore[misc]


def test_the_written_out_constructors_take_each_field_in_order() -> None:
    """What a dataclass would have made: a field that is added must be added there too."""
    for made, given_values in ((Band, ("peak", 100.0, 1.0, 2.0, False, 2)), (EqSettings, ((WARM.bands[0],), -1.0, None))):
        names = [field.name for field in fields(made)]
        assert len(names) == len(given_values)
        thing = made(*given_values)
        assert [getattr(thing, name) for name in names] == list(given_values)
        assert made(**dict(zip(names, given_values, strict=True))) == thing


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_audio_goes_through_an_eq_as_its_samples_do(dtype: type[np.floating]) -> None:
    samples = np.random.default_rng(1).standard_normal((2, 4_000)).astype(dtype)
    out = semeq_export.apply(WARM, Audio(samples, 44_100.0))
    assert out.sample_rate_hz == 44_100.0
    assert out.samples.dtype == dtype
    assert out.samples.tobytes() == sections.apply(WARM, samples, 44_100.0).tobytes()
    assert semeq_export.apply(WARM, samples, 44_100.0).tobytes() == out.samples.tobytes()
    assert semeq_export.apply(WARM, samples, 48_000.0).tobytes() != out.samples.tobytes()


def test_a_rate_is_said_once() -> None:
    samples = np.zeros((1, 100))
    with pytest.raises(AudioError, match="give `sample_rate_hz`"):
        semeq_export.apply(WARM, samples)  # type: ignore[call-overload]
    with pytest.raises(AudioError, match="leave out `sample_rate_hz`"):
        semeq_export.apply(WARM, Audio(samples, 48_000.0), 48_000.0)  # type: ignore[call-overload]
