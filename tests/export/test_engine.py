"""The engine: words to settings, blends, what a negative word takes away, and back from settings to words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest

from semeq_export.bundle.loading import Bundle, check_files, load_bundle
from semeq_export.bundle.manifest import BlendSpec
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import correlation, level_free, log_grid
from semeq_export.eq.settings import SAFE_13, Band, BandKind, EqSettings
from semeq_export.errors import BundleFormatError, InvalidTargetError, UnknownTermError
from semeq_export.words.phrases import PhraseReader
from semeq_export.words.target import SemanticTarget

HEARD = log_grid(96, 30.0, 16_000.0)
FREQS = log_grid()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return check_files(bundles.sealed(bundles.files()), Path("tiny.semeq"))


@pytest.fixture
def engine(bundle: Bundle) -> Engine:
    return Engine(bundle)


def test_a_word_decodes_from_its_centroid(engine: Engine, bundle: Bundle) -> None:
    assert engine.exact.eq_for("warm") == SAFE_13.from_vector(bundle.decoder(np.array(bundles.WORDS["warm"])))
    assert engine.exact.exact is engine.exact
    curve = engine.curve_for("warm", FREQS)
    assert curve[10] > 3.0
    assert curve[-1] < -3.0


def test_intensity_scales_the_gains_and_negative_is_the_opposite(engine: Engine) -> None:
    whole = engine.eq_for("warm")
    for intensity in (-1.0, 0.5, 2.0, 3.0):
        assert engine.eq_for(SemanticTarget.parse("warm", intensity)) == whole.scaled(intensity)


def test_weights_are_amounts_and_order_carries_no_meaning(engine: Engine) -> None:
    assert engine.eq_for("warm:0.7,bright:0.3") == engine.eq_for("bright:0.3,warm:0.7")
    assert engine.eq_for("warm:2") == engine.eq_for("warm").scaled(2.0)
    assert engine.eq_for("warm:1,harsh:-0.5").scaled(2.0) == engine.eq_for("warm:2,harsh:-1")
    assert engine.eq_for("warm:-1") == engine.eq_for("warm").scaled(-1.0)
    assert engine.eq_for("less warm") == engine.eq_for("warm:-0.6")
    assert engine.eq_for("warm,bright") == engine.eq_for("warm:0.5,bright:0.5")


def test_a_blend_lies_between_its_words(engine: Engine) -> None:
    warm, bright, mixed = (engine.curve_for(text, FREQS)[5] for text in ("warm", "bright", "warm,bright"))
    assert bright < mixed < warm


def test_a_negative_word_takes_its_curve_away(engine: Engine) -> None:
    engine = engine.exact
    wanted = engine.curve_for("bright", FREQS) - 0.5 * engine.curve_for("harsh", FREQS)
    got = engine.curve_for("bright:1,harsh:-0.5", FREQS)
    assert np.abs(level_free(got - wanted)).max() < 0.8
    assert np.sqrt(np.mean(level_free(got - wanted) ** 2)) < 0.3
    assert engine.eq_for("bright:1,harsh:-0.5").preamp_db == 0.0


def test_less_of_a_word_spares_what_is_asked_for() -> None:
    """The dose of the words that add stays, and of what is taken away only the part that they do not share falls."""
    engine = Engine(load_bundle())
    for text in ("warm,less muddy", "warm,less bright", "bright but not harsh", "airy,less tinny", "warm and full but less boomy"):
        phrase = engine.understand(text)
        more = {word: weight for word, weight in phrase.weights.items() if weight > 0}
        (less,) = phrase.weights.keys() - more.keys()
        wanted = sum(weight / sum(more.values()) * level_free(engine.curve_for(word, HEARD)) for word, weight in more.items())
        away = level_free(engine.curve_for(less, HEARD))
        away = away - (away @ wanted) / (wanted @ wanted) * wanted
        got = level_free(engine.curve_for(text, HEARD))
        assert (got @ wanted) / (wanted @ wanted) > 0.9, text
        assert (got @ away) / (away @ away) < -0.05, text
        assert phrase.weights[less] >= -0.6
        assert sum(more.values()) <= 1.36  # nor is it made up for by so much more that bands of both rise
        assert engine.understand(phrase.understood).weights == phrase.weights


def test_words_may_be_spelled_with_case_and_spaces_but_only_once(engine: Engine) -> None:
    assert engine.eq_for(SemanticTarget({" WARM ": 1.0})) == engine.eq_for("warm")
    assert engine.eq_for("CÁLIDO") == engine.eq_for("cálido")
    with pytest.raises(InvalidTargetError, match="twice"):
        engine.eq_for(SemanticTarget({"warm": 1.0, "Warm": 1.0}))


def test_unknown_words_come_with_suggestions(engine: Engine) -> None:
    for text in ("wram", "warm,wram:-0.5"):
        with pytest.raises(UnknownTermError, match="did you mean 'warm'"):
            engine.eq_for(text)


def test_asking_again_gives_the_same_without_decoding(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(bundle)
    first = engine.eq_for("warm,harsh:-0.3")
    monkeypatch.setattr(engine, "bundle", replace(bundle, decoder=None))  # type: ignore[arg-type] # any use would fail
    assert engine.eq_for(SemanticTarget.parse("harsh:-0.3,warm", intensity=0.5)) == first.scaled(0.5)


def test_more_targets_than_are_kept_do_no_harm(bundle: Bundle) -> None:
    engine = Engine(replace(bundle, manifest=replace(bundle.manifest, blend=BlendSpec(1.5, bundles.LATENT_DIM))), exact=True)
    for i in range(1, 1_300):
        engine.eq_for(SemanticTarget({"warm": 1.0, "bright": i / 200}))
    assert engine.eq_for("warm") == Engine(engine.bundle, exact=True).eq_for("warm")


def test_the_grammar_is_joined_with_the_words_once(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, made = Engine(load_bundle()), []
    monkeypatch.setattr("semeq_export.words.phrases.PhraseReader", lambda bank, guesses: made.append(bank) or PhraseReader(bank, guesses))
    for _ in range(3):
        assert list(engine.understand("a bit warmer").weights) == ["warm"]
        assert engine.understand("warm").is_exact
    assert made == [engine.bundle.centroids]


def test_settings_of_a_word_are_nearest_to_that_word(engine: Engine) -> None:
    for word in ("warm", "bright", "harsh"):
        (nearest, distance), *others = engine.nearest_terms(engine.eq_for(word), top=3)
        assert (nearest, distance) == (word, 0.0)
        assert all(distance <= further for _, further in others)


def test_what_is_nearest_sounds_alike_and_level_does_not_count() -> None:
    engine = Engine(load_bundle())
    for word in engine.bundle.usual_words():
        curve_db = engine.curve_for(word, FREQS)
        (_, zero), (other, distance), *_ = engine.nearest_terms(engine.eq_for(word))
        assert (zero, distance > 0.0) == (0.0, True)
        away = curve_db - engine.curve_for(other, FREQS)
        assert np.sqrt(np.mean(level_free(away) ** 2)) == pytest.approx(distance, rel=0.02)
    louder = replace(engine.eq_for("warm"), preamp_db=6.0)
    assert [word for word, _ in engine.nearest_terms(louder)] == [word for word, _ in engine.nearest_terms(engine.eq_for("warm"))]


def test_what_weights_ask_in_vain_is_said() -> None:
    factory = Engine(load_bundle())
    assert factory.doubts("warm:1,bright:-0.2") == []
    assert factory.doubts("warm,less muddy") == []
    (line,) = factory.doubts("tinny:5,muddy:-5")
    assert line.startswith("tinny:5,muddy:-5: no bands of this layout do that; the closest are ")


def test_foreign_settings_are_fitted_before_they_are_encoded(engine: Engine) -> None:
    foreign = EqSettings((Band(BandKind.LOW_SHELF, 100.0, 4.0), Band(BandKind.LOW_SHELF, 200.0, 4.0)), preamp_db=-6.0)
    z = engine.encode(foreign)
    decoded = response_db(SAFE_13.from_vector(engine.bundle.decoder(z)), FREQS, 48_000.0)
    assert correlation(decoded, response_db(foreign, FREQS, 48_000.0)) > 0.9


def test_preamp_and_idle_bands_do_not_change_the_code(engine: Engine) -> None:
    eq = engine.eq_for("warm")
    dressed = EqSettings((*eq.bands, Band(BandKind.PEAK, 300.0, 6.0, 1.0, enabled=False)), preamp_db=-3.0)
    np.testing.assert_array_equal(engine.encode(dressed), engine.encode(eq))


def test_bundle_without_encoder_says_so(bundle: Bundle) -> None:
    with pytest.raises(BundleFormatError, match="no EQ encoder"):
        Engine(replace(bundle, eq_encoder=None)).encode(EqSettings())


def test_doubts_name_each_word_once_and_need_evidence(engine: Engine) -> None:
    assert engine.doubts("warm", "harsh") == []  # weak by their numbers, which nobody measured
    factory = Engine(load_bundle())
    assert factory.doubts("warm", SemanticTarget.parse("bright,deep:-0.3")) == []
    weak, disagreed = factory.doubts("warm,cold:-0.3", " COLD ", "harsh")
    assert weak == "cold is a weak word: people do not agree on it (agreement 0.06)"
    assert disagreed.startswith("harsh is a weak word")
    assert "; the data sets disagree" in disagreed
    assert factory.doubts("warm@metal") == []
    with pytest.raises(UnknownTermError):
        factory.doubts("warm", "wram")


def test_weak_words_and_variants_are_for_those_who_name_them() -> None:
    engine = Engine(load_bundle())
    bank = engine.bundle.centroids
    usual = engine.bundle.usual_words()
    assert {"warm", "suave"} <= set(usual)
    assert not {"cold", "harsh", "warm@metal", "claro"} & set(usual)
    assert engine.bundle.usual_words("es") == [word for word in usual if bank[word].language == "es"]
    for word in ("cold", "warm@metal"):
        assert word not in [near for near, _ in engine.nearest_terms(engine.eq_for(word), top=100)]
