"""The engine that listens: adapt, profile and suggested intensity on audio, with their edge cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sounds

from semeq_export.audio.samples import Audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import InvalidTargetError, UnknownTermError
from semeq_export.listeners import MatchListening, WordListening, with_typical_intensity
from semeq_export.listening.reference import stored_reference
from semeq_export.listening.spectrum import measure
from semeq_export.words.target import SemanticTarget

SILENCE = Audio(np.zeros((2, 48_000)), 48_000.0)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle())


@pytest.fixture(scope="module")
def audio() -> Audio:
    return sounds.performance(8.0)


def with_word(engine: Engine, audio: Audio, target: str, doses: float) -> Audio:
    eq = engine.eq_for(SemanticTarget.parse(target, doses))
    return Audio(apply_eq(eq, audio.samples, audio.sample_rate_hz), audio.sample_rate_hz)


def test_audio_and_its_spectrum_give_the_same(engine: Engine, audio: Audio) -> None:
    a = engine.adapt("warm", audio)
    b = engine.adapt("warm", measure(audio.samples, audio.sample_rate_hz), sample_rate_hz=audio.sample_rate_hz)
    assert a == b


@pytest.mark.parametrize("target", ["warm:0.7,bright:0.3", "airy,harsh:-0.5"])
def test_blends_have_one_dose(engine: Engine, audio: Audio, target: str) -> None:
    gains = [engine.adapt(target, with_word(engine, audio, target, doses), audio).gain for doses in (1.0, 0.0, -1.0)]
    assert gains[0] <= 0.5 * gains[1]
    assert gains[2] >= 1.25 * gains[1]


def test_a_sound_as_reference_is_a_target_and_a_stored_one_leans(engine: Engine, audio: Audio) -> None:
    assert engine.adapt("warm", audio, audio).mode == "target"
    assert engine.adapt("warm", audio).mode == "soft"
    assert engine.adapt("warm", audio, stored_reference("drums")).reference == "drums"
    assert engine.adapt("warm", audio, audio, mode="soft").mode == "soft"
    assert engine.adapt("warm", audio, mode="target").mode == "target"


def test_silence_gives_the_static_eq_and_says_so(engine: Engine, audio: Audio) -> None:  # fault A6
    for heard, reference in ((SILENCE, None), (audio, SILENCE)):
        adapted = engine.adapt("warm", heard, reference)
        assert (adapted.mode, adapted.dose, adapted.eq) == ("static", None, engine.eq_for("warm"))
        assert len(adapted.notes) == 1
    profile = engine.profile(SILENCE)
    assert (profile.entries, profile.suggestions) == ((), ())
    assert profile.headline == f"no signal: {profile.no_signal}"
    assert engine.suggest_intensity("warm", SILENCE) == engine.typical_intensity("warm")


def test_errors_are_those_of_words(engine: Engine, audio: Audio) -> None:
    with pytest.raises(UnknownTermError, match="did you mean"):
        engine.adapt("wram", audio)
    with pytest.raises(InvalidTargetError):
        engine.adapt("warm:0", audio)
    with pytest.raises(UnknownTermError):
        engine.profile(audio, words=["warm", "wram"])


def test_a_profile_names_the_word_that_was_added(engine: Engine, audio: Audio) -> None:
    for word in ("warm", "bright", "boxy"):
        profile = engine.profile(with_word(engine, audio, word, 2.0), 3, audio, words=("warm", "bright", "boxy"))
        assert profile.entries[0].word == word
        assert profile.entries[0].dose == pytest.approx(2.0, abs=0.15)
        assert profile.entries[0].low < 2.0 < profile.entries[0].high
        assert profile.stands_out is not None
        assert f" dB {'above' if profile.stands_out.apart_db > 0 else 'below'} what reference has: {word}" in profile.headline


def test_an_untreated_sound_has_no_word_that_stands_out(engine: Engine, audio: Audio) -> None:
    profile = engine.profile(audio, 5, audio)
    assert (profile.entries, profile.suggestions, profile.stands_out) == ((), (), None)
    assert profile.headline == "nothing stands out against what reference has"
    asked = engine.profile(audio, 5, audio, words=("warm", "bright"))
    assert [abs(entry.dose) < 0.01 for entry in asked.entries] == [True, True]


def test_words_that_are_said_have_evidence_enough(engine: Engine) -> None:
    bank, spoken = engine.bundle.centroids, engine.spoken_words()
    assert {"warm", "bright", "muddy", "airy"} <= set(spoken)
    assert not {"calm", "peaceful", "noisy", "sad", "fast"} & set(spoken)
    least = min(bank[word].surety for word in spoken)
    assert bank["warm"].surety > 0.99 > bank["muddy"].surety >= least > 0.6


def test_no_two_words_contradict_each_other_and_doses_are_bounded(engine: Engine, audio: Audio) -> None:
    words = engine.vocabulary()
    for target, doses in (("bright", 3.0), ("boomy", 3.0), ("bright", -3.0), ("thin", 3.0)):
        profile = engine.profile(with_word(engine, audio, target, doses), 16, stored_reference("guitar"))
        said = [entry.word for entry in profile.entries]
        assert not any(words.are_opposite(a, b) for a in said for b in said)
        for entry in profile.entries:
            assert 0.0 < entry.dose <= 3.0
            assert -3.0 <= entry.low <= entry.dose <= entry.high <= 3.0
            assert entry.odds >= 3.0
        closeness = [entry.similarity * words.surety[entry.word] for entry in profile.entries]
        assert closeness == sorted(closeness, reverse=True)


def test_the_headline_says_where_how_much_and_beyond_whom(engine: Engine) -> None:
    reference = stored_reference("mix")
    like_a_mix = replace(measure(sounds.noise(8.0).samples, 48_000.0), band_db=reference.spectrum.band_db)
    usual = engine.profile(like_a_mix, 5, reference)
    assert (usual.headline, usual.entries) == ("nothing stands out against what mixes have", ())
    muddy = replace(like_a_mix, band_db=like_a_mix.band_db + 3.0 * engine.term_bands_db("muddy"))
    profile = engine.profile(muddy, 5, reference)
    assert profile.stands_out is not None
    assert profile.headline.startswith(
        f"{profile.stands_out.name} is {abs(profile.stands_out.apart_db):.0f} dB above what mixes have, beyond "
    )
    assert "muddy" in {entry.word for entry in profile.entries}
    assert profile.suggestions[0].startswith(f"cut {profile.stands_out.name} by ")
    assert profile.suggestions[1].startswith("or try ")
    assert profile.doubt == ""


def test_an_octave_that_stands_out_has_a_name_even_where_no_word_is_likely_enough(engine: Engine, data_dir: Path) -> None:
    boomy = with_word(engine, sounds.real(data_dir, "sodium_stem_vocal"), "boomy", 2.0)
    profile = engine.profile(boomy)
    assert profile.stands_out is not None
    assert profile.stands_out.apart_db > 0.0
    assert profile.entries == ()
    head, names = profile.headline.split(": ")
    assert head.endswith(" of them")
    for word in names.split(", "):
        curve_db = engine.term_bands_db(word)
        assert curve_db[profile.stands_out.band] - curve_db.mean() >= 0.5 * np.abs(curve_db - curve_db.mean()).max()


def test_what_is_beyond_the_scale_is_said_to_be(engine: Engine, data_dir: Path) -> None:
    lines = engine.profile(sounds.real(data_dir, "trumpet_jazz_loop")).lines()
    assert any("  over +3 doses (+" in line for line in lines)
    assert not any("+3.0" in line for line in lines)


def test_an_unclear_kind_is_said_first(engine: Engine, audio: Audio) -> None:
    honk = EqSettings((Band("peak", 1_200.0, 48.0, 1.5),))
    profile = engine.profile(Audio(apply_eq(honk, sounds.noise(6.0).samples, 48_000.0), 48_000.0))
    assert profile.kind is not None
    assert not profile.kind.is_clear
    assert profile.reference == "any"
    assert profile.lines()[0].startswith("kind of source unclear (")
    assert engine.profile(audio, 5, stored_reference("mix")).lines()[0] == "against mix"


def test_doses_over_time_follow_a_sound_that_changes(engine: Engine) -> None:
    pink = sounds.noise(6.0, 44_100.0, seed=8)
    warm = with_word(engine, pink, "warm", 2.0)
    changing = Audio(np.concatenate([pink.samples, warm.samples], axis=1), 44_100.0)
    profile = engine.profile(changing, 1, pink, words=["warm"])
    doses = profile.doses_over_time["warm"]
    assert doses[-1] - doses[0] == pytest.approx(2.0, abs=0.4)
    assert profile.entries[0].spread > 0.5
    assert np.all(np.diff(profile.times_s) > 0)


def test_the_suggested_intensity_falls_with_what_is_there(engine: Engine, audio: Audio) -> None:
    suggested = [engine.suggest_intensity("warm", with_word(engine, audio, "warm", doses), audio) for doses in (1.0, 0.5, 0.0, -1.0)]
    assert np.all(np.diff(suggested) > 0.0)
    assert suggested[2] == pytest.approx(engine.typical_intensity("warm"), rel=0.05)
    assert min(suggested) >= 0.0
    assert max(suggested) <= 3.0


def test_listening_reports_what_was_reached(engine: Engine, audio: Audio) -> None:
    heard = measure(audio.samples, audio.sample_rate_hz)
    target = with_typical_intensity(engine, SemanticTarget.parse("warm"))
    assert target.intensity == engine.typical_intensity("warm")
    for listening in (WordListening(engine, target), MatchListening(stored_reference(), 0.5)):
        adaptation = listening.adapt(heard, audio.sample_rate_hz)
        after = measure(apply_eq(adaptation.eq, audio.samples, audio.sample_rate_hz), audio.sample_rate_hz)
        outcome = listening.outcome(heard, after, adaptation, audio.sample_rate_hz)
        if isinstance(listening, WordListening):
            assert outcome["dose_achieved"] == pytest.approx(adaptation.gain, abs=0.05)
        else:
            assert outcome["difference_after_db"] < outcome["difference_before_db"]  # type: ignore[operator]
