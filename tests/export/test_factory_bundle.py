"""The bundle that ships: sound, small, and its words mean what they say."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import sounds

from semeq_export.audio.samples import Audio, resample
from semeq_export.bundle import vectors
from semeq_export.bundle.hearing import code_of, eq_between
from semeq_export.bundle.loading import Bundle, factory_path, load_bundle
from semeq_export.bundle.store import FLAT, README
from semeq_export.bundle.validate import validate
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import correlation, level_free, log_grid
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import SAFE_13, EqSettings
from semeq_export.listening.dose import Difference, band_response_db
from semeq_export.words.target import SemanticTarget

FREQS = log_grid()


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle()


def test_factory_bundle_passes_every_check() -> None:
    assert {finding.severity for finding in validate(factory_path(), 3)} == {"note"}


def test_factory_bundle_is_complete_and_small(bundle: Bundle) -> None:
    assert {FLAT, README, "decoder.pt", "eq_encoder.pt", *(vectors.DECODER, vectors.RESPONSE, vectors.EQ_ENCODER)} <= set(bundle.files)
    assert sum(map(len, bundle.files.values())) <= 8_000_000
    assert bundle.manifest.layout == SAFE_13
    assert bundle.eq_encoder is not None
    assert bundle.encoder is not None
    assert {"audio_encoder.pt", vectors.AUDIO_ENCODER} <= set(bundle.files)
    assert {source.license for source in bundle.manifest.data} == {"none stated"}


def test_warm_lifts_the_bass_and_bright_the_treble(bundle: Bundle) -> None:
    engine = Engine(bundle)
    warm, bright = engine.curve_for("warm", FREQS), engine.curve_for("bright", FREQS)
    bass, treble = (FREQS > 60) & (FREQS < 200), (FREQS > 5_000) & (FREQS < 12_000)
    assert warm[bass].mean() > warm[treble].mean() + 1.0
    assert bright[treble].mean() > bright[bass].mean() + 1.0
    assert correlation(warm, bright) < -0.5


def test_every_word_decodes_inside_the_layout_and_to_something(bundle: Bundle) -> None:
    engine = Engine(bundle)
    for word in bundle.centroids:
        eq = engine.eq_for(word)
        SAFE_13.to_vector(EqSettings(eq.bands))
        assert abs(eq.preamp_db) < 0.3
        assert np.ptp(engine.curve_for(word, FREQS)) > 0.1, word
        assert engine.eq_for(SemanticTarget({word: 1.0}, 0.0)).is_flat


def test_encoder_and_decoder_undo_each_other_in_the_curve(bundle: Bundle) -> None:
    engine = Engine(bundle)
    for word in ("warm", "bright"):
        wanted = engine.curve_for(word, FREQS)
        again = SAFE_13.from_vector(bundle.decoder(engine.encode(engine.eq_for(word))))
        assert np.abs(response_db(again, FREQS, 48_000.0) - wanted).mean() < 0.5


def test_a_word_taken_away_fits_closely(bundle: Bundle) -> None:
    engine = Engine(bundle)
    wanted = engine.curve_for("bright", FREQS) - 0.5 * engine.curve_for("harsh", FREQS)
    got = engine.curve_for("bright:1,harsh:-0.5", FREQS)
    assert np.sqrt(np.mean(level_free(got - wanted) ** 2)) < 0.3


def test_using_the_factory_bundle_needs_no_onnx() -> None:
    code = (
        "import sys, semeq_export as se; se.Engine(se.load_bundle()).eq_for('warm'); print('onnx' in sys.modules, 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]


def test_the_audio_encoder_hears_a_word_in_pink_noise(bundle: Bundle) -> None:
    engine, encoder = Engine(bundle), bundle.encoder
    assert encoder is not None
    dry = sounds.noise(8.0, 48_000.0)
    reference = code_of(dry, encoder)
    for word, other in (("warm", "bright"), ("bright", "warm")):
        term_db = engine.term_bands_db(word)
        found = []
        for dose in (-1.0, 1.0, 2.0):
            wet = Audio(apply(engine.eq_for(word).scaled(dose), dry.samples, 48_000.0), 48_000.0)
            eq = eq_between(code_of(wet, encoder), reference, encoder.flat, bundle.decoder, bundle.manifest.layout)
            heard = Difference(band_response_db(eq, 48_000.0), np.ones(28, dtype=bool), np.eye(28) - 1.0 / 28.0)
            found.append(heard.dose(term_db))
            assert (heard.similarity(term_db) > heard.similarity(engine.term_bands_db(other))) == (dose > 0)
        np.testing.assert_allclose(found, (-1.0, 1.0, 2.0), atol=0.35)


def test_the_audio_encoder_hears_no_level_and_no_rate(bundle: Bundle) -> None:
    encoder = bundle.encoder
    assert encoder is not None
    sound = sounds.performance(4.0, 48_000.0)
    z = code_of(sound, encoder)
    for gain in (10.0, 0.1, 1e-2):
        assert np.abs(code_of(Audio(gain * sound.samples, 48_000.0), encoder) - z).max() < 1e-3
    assert np.abs(code_of(resample(sound, 44_100.0), encoder) - z).max() < 0.02


def test_the_card_names_the_estimator_that_adaptation_uses(bundle: Bundle) -> None:
    spec = bundle.manifest.audio_encoder
    assert spec is not None
    assert spec.training is not None
    assert spec.training.better_estimator == "spectrum"  # if not, `Engine.adapt` is to ask the encoder
    assert spec.training.scores["spectrum"] > spec.training.scores["encoder"] > 0.5
    assert "third-octave spectrum, weighed by its windows knows doses better" in " ".join(bundle.files[README].decode().split())
