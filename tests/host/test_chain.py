"""SemanticEq inside Pedalboard chains, measured: what it does, how it changes live, and how its latency and length are kept."""

from __future__ import annotations

import numpy as np
import pedalboard
import pytest
from fake_engine import BRIGHT, WARM, FakeEngine
from hypothesis import given
from strategies import eq_settings, random_settings

from semeq_export.audio.samples import Audio
from semeq_export.eq.biquad import response_db
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, ChainError, InvalidTargetError, UnknownTermError
from semeq_export.listening.dose import adapt_eq, difference
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.listening.spectrum import measure
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_host.chains.board_stage import ChainStage
from semeq_host.chains.semantic_eq import SemanticEq, eq_plugins, hold_eq

NOISE = np.random.default_rng(5).uniform(-0.3, 0.3, (2, 20_000)).astype(np.float32)
FREQS_HZ = np.geomspace(60.0, 20_000.0, 60)


def measured_db(board: pedalboard.Plugin, sample_rate_hz: float = 48_000.0) -> np.ndarray:
    """The response of a board at FREQS_HZ, from its impulse response."""
    impulse = np.zeros((1, 1 << 16), dtype=np.float32)
    impulse[0, 0] = 0.5
    spectrum = np.abs(np.fft.rfft(board.process(impulse, sample_rate_hz)[0].astype(np.float64))) / 0.5
    return np.interp(FREQS_HZ, np.fft.rfftfreq(1 << 16, 1 / sample_rate_hz), 20 * np.log10(spectrum))


@pytest.mark.parametrize("eq", [WARM, BRIGHT, *random_settings(10, seed=4, q_range=(0.3, 2.0))])
def test_pedalboard_filters_have_the_response_of_our_biquads(eq: EqSettings) -> None:
    board = pedalboard.Pedalboard(eq_plugins(eq))  # type: ignore[attr-defined]
    assert np.abs(measured_db(board) - response_db(eq, FREQS_HZ, 48_000)).max() < 0.1  # law 6: 0.1 dB from 60 Hz at 48 kHz


def test_preamp_and_disabled_bands_are_heard_and_not_heard() -> None:
    eq = EqSettings((Band(BandKind.PEAK, 1_000.0, 12.0, 1.0, enabled=False),), preamp_db=-6.0)
    board = pedalboard.Pedalboard(eq_plugins(eq))  # type: ignore[attr-defined]
    np.testing.assert_allclose(measured_db(board), -6.0, atol=1e-3)


def test_it_nests_in_any_chain_and_follows_target_and_intensity() -> None:
    fx = SemanticEq(FakeEngine(), target="warm")
    board = pedalboard.Pedalboard([pedalboard.Chain([fx]), pedalboard.Gain(0.0)])  # type: ignore[attr-defined]
    assert np.abs(measured_db(board) - response_db(WARM, FREQS_HZ, 48_000)).max() < 0.1
    fx.intensity = 0.5
    assert np.abs(measured_db(board) - response_db(WARM.scaled(0.5), FREQS_HZ, 48_000)).max() < 0.1
    fx.target = "bright"
    assert (fx.intensity, str(fx.target)) == (0.5, "bright")
    assert np.abs(measured_db(board) - response_db(BRIGHT.scaled(0.5), FREQS_HZ, 48_000)).max() < 0.1
    fx.target = SemanticTarget.parse("warm", intensity=-1.0)
    assert fx.intensity == -1.0
    assert fx.eq == WARM.scaled(-1.0)
    assert np.abs(measured_db(board) - response_db(WARM.scaled(-1.0), FREQS_HZ, 48_000)).max() < 0.1


def test_a_live_change_keeps_the_filters_that_are_held() -> None:
    fx = SemanticEq(FakeEngine(), target="warm")
    before = list(fx)
    fx.intensity = 2.0
    fx.target = "bright"
    assert len(before) == 6
    assert all(a is b for a, b in zip(before, fx, strict=True))


def test_a_live_change_is_heard_from_the_next_block_on() -> None:
    fx = SemanticEq(FakeEngine(), target="warm", intensity=0.0)
    board = pedalboard.Pedalboard([fx])  # type: ignore[attr-defined]
    first = board.process(NOISE, 48_000, reset=False)
    np.testing.assert_array_equal(first, NOISE)
    fx.intensity = 1.0
    second = board.process(NOISE, 48_000, reset=False)
    assert np.abs(second - NOISE).max() > 0.01


@pytest.mark.parametrize("sample_rate_hz", [8_000, 44_100, 96_000])
def test_flat_at_zero_intensity_to_the_bit(sample_rate_hz: int) -> None:
    for word in ("warm", "bright"):
        board = pedalboard.Pedalboard([SemanticEq(FakeEngine(), word, 0.0, sample_rate_hz=sample_rate_hz)])  # type: ignore[attr-defined]
        np.testing.assert_array_equal(board(NOISE, sample_rate_hz), NOISE)


def test_a_failed_change_leaves_everything_as_it_was() -> None:
    fx = SemanticEq(FakeEngine(), target="warm")
    before = fx(NOISE, 48_000)
    with pytest.raises(UnknownTermError, match="did you mean 'warm'"):
        fx.target = "wram"
    with pytest.raises(InvalidTargetError):
        fx.intensity = 4.0
    assert (str(fx.target), fx.intensity, fx.eq) == ("warm", 1.0, WARM)
    np.testing.assert_array_equal(fx(NOISE, 48_000), before)


def test_bands_above_the_rate_are_left_out_and_named() -> None:  # fault A16
    class HighEngine:
        def eq_for(self, target: SemanticTarget | str) -> EqSettings:
            return EqSettings((Band(BandKind.PEAK, 16_000.0, 6.0, 1.0), Band(BandKind.PEAK, 1_000.0, 3.0, 1.0)))

        def understand(self, text: str) -> Phrase:
            return Phrase({text: 1.0}, is_exact=True)

    fx = SemanticEq(HighEngine(), "warm", sample_rate_hz=22_050)
    assert [band.freq_hz for band in fx.eq.bands] == [1_000.0]
    assert "16000 Hz" in fx.warnings[0]


@given(first=eq_settings, second=eq_settings)
def test_holding_another_eq_is_the_same_as_starting_with_it(first: EqSettings, second: EqSettings) -> None:
    changed = pedalboard.Pedalboard(eq_plugins(first))  # type: ignore[attr-defined]
    hold_eq(changed, second)
    fresh = pedalboard.Pedalboard(eq_plugins(second))  # type: ignore[attr-defined]
    assert [type(plugin) for plugin in changed] == [type(plugin) for plugin in fresh]
    # in float32; the sound is the same only nearly, as a Gain that was changed reaches its value by a ramp, rounded on the way
    held, wanted = ([_values(plugin) for plugin in board] for board in (changed, fresh))
    assert all(values == pytest.approx(expected, rel=1e-6, abs=1e-5) for values, expected in zip(held, wanted, strict=True))


def _values(plugin: pedalboard.Plugin) -> list[float]:
    return [getattr(plugin, name) for name in ("gain_db", "cutoff_frequency_hz", "q") if hasattr(plugin, name)]


def _coloured(eq: EqSettings) -> np.ndarray:
    return apply(eq, np.random.default_rng(70).standard_normal((2, 200_000)) * 0.05, 48_000)


def test_listening_gives_less_of_what_is_there_and_lasts_until_it_is_forgotten() -> None:
    white = Reference("white", measure(_coloured(EqSettings()), 48_000), is_stored=False)
    fx = SemanticEq(FakeEngine(), "warm")
    board = pedalboard.Pedalboard([fx])  # type: ignore[attr-defined]
    gains = [fx.listen(_coloured(colour), 48_000, reference=white).gain for colour in (WARM.scaled(0.7), EqSettings(), WARM.scaled(-0.7))]
    assert gains[0] < 0.5 * gains[1] < gains[1] * 1.25 < gains[2]
    law = adapt_eq(
        WARM, 1.0, difference(measure(_coloured(WARM.scaled(-0.7)), 48_000), white.spectrum), "target", 48_000, reference="white"
    )
    assert fx.eq == law.eq
    assert np.abs(measured_db(board) - response_db(law.eq, FREQS_HZ, 48_000)).max() < 0.1
    fx.intensity = 0.0
    assert fx.eq.is_flat
    np.testing.assert_array_equal(board(NOISE, 48_000), NOISE)
    fx.intensity = 1.0
    assert fx.eq == law.eq
    fx.target = "bright"
    assert fx.eq.bands[0].gain_db == pytest.approx(0.3 * BRIGHT.bands[0].gain_db, abs=0.15 * 4.8)
    fx.forget()
    assert fx.eq == BRIGHT


def test_listening_without_a_reference_leans_on_the_stored_one() -> None:
    fx = SemanticEq(FakeEngine(), "warm")
    found = fx.listen(Audio(_coloured(EqSettings()), 48_000))
    assert (found.mode, found.reference) == ("soft", stored_reference().name)
    assert 0.0 < found.gain <= 2.5


def test_listening_to_nothing_gives_the_word_as_it_is() -> None:  # fault A6
    fx = SemanticEq(FakeEngine(), "warm")
    found = fx.listen(np.zeros((2, 48_000)), 48_000)
    assert found.mode == "static"
    assert "silence" in found.notes[0]
    assert fx.eq == WARM


def test_audio_that_cannot_be_heard_changes_nothing() -> None:  # faults A10, A14, A15
    fx = SemanticEq(FakeEngine(), "warm")
    audio = np.zeros((2, 5_000))
    nan = np.full((2, 5_000), np.nan)
    for samples, rate_hz in ((audio, None), (audio, 1.0), (nan, 48_000), (audio[0], 48_000), (Audio(audio, 48_000), 44_100)):
        with pytest.raises(AudioError):
            fx.listen(samples, rate_hz)
    assert fx.eq == WARM


def staged(board: pedalboard.Plugin, samples: np.ndarray, block_samples: int) -> np.ndarray:
    stage = ChainStage(pedalboard.Pedalboard([board]), 48_000, samples.shape[0])  # type: ignore[attr-defined]
    blocks = [stage.process(samples[:, i : i + block_samples]) for i in range(0, samples.shape[1], block_samples)]
    return np.concatenate([*blocks, *stage.finish()], axis=1)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 64])
@pytest.mark.parametrize("frames", [1, 2, 3, 64, 127, 4_095, 4_096, 20_000])
def test_a_delaying_chain_keeps_length_and_place_to_the_sample(channels: int, frames: int) -> None:  # faults A8, A9, A11
    samples = np.random.default_rng(frames).uniform(-0.1, 0.1, (channels, frames)).astype(np.float32)
    limiter = pedalboard.BrickwallLimiter(ceiling_db=0.0)  # looks 240 samples ahead; silent about anything below its ceiling
    np.testing.assert_allclose(staged(limiter, samples, 16_384), samples, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: pedalboard.MP3Compressor(0.0),
        lambda: pedalboard.GSMFullRateCompressor(),
        lambda: pedalboard.Resample(24_000.0),
        lambda: pedalboard.Mix([pedalboard.BrickwallLimiter(ceiling_db=0.0)]),
    ],
)
def test_what_delaying_plugins_put_out_is_in_place(make: object, data_dir: object) -> None:
    from pathlib import Path

    from semeq_export.audio.reader import read_audio

    assert isinstance(data_dir, Path)
    samples = read_audio(data_dir / "audio" / "sodium_stem_vocal.flac").samples[:, :100_000]
    out = staged(make(), samples, 16_384)  # type: ignore[operator]
    assert out.shape == samples.shape
    assert np.std(out) > 0.3 * np.std(samples)
    spectrum = np.fft.rfft(samples[0], 200_000).conj() * np.fft.rfft(out[0], 200_000)
    assert int(np.argmax(np.fft.irfft(spectrum))) == 0


@pytest.mark.parametrize("block_samples", [1, 333, 4_096, 20_000])
def test_chains_do_not_depend_on_the_block_size(block_samples: int) -> None:
    def chain() -> pedalboard.Plugin:
        eq = SemanticEq(FakeEngine(), "warm")
        return pedalboard.Chain([eq, pedalboard.Compressor(-20.0, 3.0), pedalboard.Reverb(), pedalboard.BrickwallLimiter()])

    samples = NOISE[:, :5_000]
    np.testing.assert_array_equal(staged(chain(), samples, block_samples), staged(chain(), samples, 5_000))


def test_a_pitch_shift_is_refused_instead_of_giving_silence() -> None:
    for board in (pedalboard.PitchShift(3.0), pedalboard.Chain([pedalboard.Mix([pedalboard.PitchShift(0.0)])])):
        with pytest.raises(ChainError, match="PitchShift gives only silence"):
            ChainStage(pedalboard.Pedalboard([board]), 48_000, 2)  # type: ignore[attr-defined]


def test_a_chain_that_cannot_process_says_so() -> None:
    class Odd(pedalboard.Chain):
        pass

    stage = ChainStage(pedalboard.Pedalboard([Odd([])]), 48_000, 2)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="3 channels, expected 2"):
        stage.process(np.zeros((3, 10)))
    board = pedalboard.Pedalboard([gain := pedalboard.Gain(0.0), gain])  # type: ignore[attr-defined]
    stage = ChainStage(board, 48_000, 2)
    with pytest.raises(ChainError, match="the chain cannot process this: The same plugin instance"):
        stage.process(np.zeros((2, 5_000)))
