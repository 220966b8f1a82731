"""What users print says what it is in one line of bounded length, whatever it holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import ANY_EQ

import semeq_export
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.listening.profile import Profile, ProfileEntry
from semeq_presets import Note, Preset

LONGEST = 1_000


def check_line(thing: object) -> None:
    for text in (str(thing), repr(thing)):
        assert text.isprintable()
        assert 0 < len(text) <= LONGEST
    assert str(thing) in repr(thing)


@given(eq=ANY_EQ, name=st.text(max_size=300), notes=st.integers(0, 3))
def test_settings_and_presets_are_one_line(eq: EqSettings, name: str, notes: int) -> None:
    note = Note("dropped", None, "curve", "a\nb", None)
    check_line(eq)
    check_line(Preset(eq, name, notes=(note,) * notes, format="eqapo"))
    check_line(Preset(ChannelEqs((("left", eq), ("right", eq))), name))


def test_an_eq_says_its_bands_as_people_write_them() -> None:
    eq = EqSettings(
        (Band("peak", 240, 3.0, 0.4), Band("high_shelf", 7_000, -2.85, 0.71), Band("high_pass", 30, order=4, enabled=False)), -1.5
    )
    assert str(eq) == "240 Hz +3.0 dB Q 0.4 | high shelf 7000 Hz -2.9 dB Q 0.71 | high pass 30 Hz Q 0.71 order 4 (off) | preamp -1.5 dB"
    assert repr(eq) == f"<EqSettings {eq}>"
    assert str(EqSettings()) == "flat"
    curve = Curve(np.array([20.0, 20_000.0]), np.array([-1.25, 3.0]))
    assert str(EqSettings(curve=curve)) == "curve of 2 points, -1.25 to +3 dB"
    assert str(EqSettings((Band("peak", 100, 1.0),) * 10)).endswith("Q 0.71 | 2 more")


def test_what_a_line_rounds_a_band_still_shows_in_full() -> None:
    """Test runners compare settings field by field; two that print alike have bands that do not."""
    one, other = Band("peak", 240.0, 3.0), Band("peak", 240.01, 3.0)
    assert str(EqSettings((one,))) == str(EqSettings((other,)))
    assert repr(one) != repr(other)


def test_channels_and_presets_name_what_they_hold() -> None:
    left, right = EqSettings((Band("peak", 240, 3.0, 0.4),)), EqSettings()
    both = ChannelEqs((("left", left), ("right", right), ("lfe", right)))
    assert str(both) == "left: 240 Hz +3.0 dB Q 0.4; right: flat; 1 more channel"
    note = Note("dropped", 1, "band", "notch", None)
    assert str(Preset(left, "Vocal", notes=(note,), format="eqapo")) == "'Vocal', eqapo: 240 Hz +3.0 dB Q 0.4; 1 note"


def test_engine_and_bundle_say_how_many_words_they_have() -> None:
    bundle = load_bundle()
    check_line(bundle)
    assert f"{len(bundle.centroids)} words, {len(bundle.usual_words())} of them agreed on" in str(bundle)
    long = replace(bundle, manifest=replace(bundle.manifest, name="x" * 500))
    check_line(long)
    for engine in (Engine(bundle), Engine(bundle, exact=True)):
        assert str(bundle) in repr(engine)
        assert len(repr(engine)) < 200
    assert repr(Engine(bundle)) != repr(Engine(bundle, exact=True))


@given(name=st.text(max_size=400))
def test_a_profile_is_its_headline_and_words(name: str) -> None:
    entries = (ProfileEntry("muddy", 1.24, 0.5, 2.0, 9.0, 0.8, 0.1),)
    check_line(Profile(f"250 Hz is 5 dB above what {name} have", entries, name))
    assert str(Profile("boomy", entries, "")) == "boomy (muddy +1.2)"
    assert str(Profile("no signal: silence", (), "")) == "no signal: silence"


@pytest.mark.parametrize("sort", ["examples", "agreement", "name"])
@pytest.mark.parametrize("language", ["en", "es", None])
@pytest.mark.parametrize("with_weak", [False, True])
def test_words_of_an_engine_are_those_of_its_bank_in_order(sort: str, language: str | None, with_weak: bool) -> None:
    engine = semeq_export.factory_engine()
    bank = engine.bundle.centroids
    words = engine.words(sort=sort, language=language, with_weak=with_weak)  # type: ignore[arg-type]
    assert words == sorted(
        words, key={"examples": lambda t: -t.examples, "agreement": lambda t: -t.agreement, "name": lambda t: t.name}[sort]
    )
    names = {term.name for term in words}
    assert names >= set(bank.usual_words(language))
    assert names == {name for name in bank if bank.is_usual(name, language) or (with_weak and language in (None, bank[name].language))}
    for term in words:
        check_line(term)
        assert str(term).startswith(f"{term.name} ({term.language}): {term.examples} ")


def test_words_are_found_by_a_part_of_them() -> None:
    engine = semeq_export.factory_engine()
    found = engine.words("  WAR", language=None, with_weak=True)
    assert "warm" in {term.name for term in found}
    assert all("war" in term.name for term in found)
    assert engine.words("no such word") == []
