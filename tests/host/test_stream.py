"""AdaptiveEq: a stream whose EQ follows what it hears; its faults, its counters and its one owner."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from conftest import cases
from fake_engine import BRIGHT, WARM, FakeEngine

from semeq_export.eq.biquad import for_rate, response_db
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError, InUseError, InvalidTargetError, UnknownTermError
from semeq_export.listening.dose import adapt_eq, difference
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.listening.spectrum import measure
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.stream import FIRST_DOSE_S, AdaptiveEq

RATE_HZ = 48_000.0
CONTEXT_SAMPLES = round(2.0 * RATE_HZ)


def pink(seconds: float, seed: int = 0, channels: int = 2, rate_hz: float = RATE_HZ) -> np.ndarray:
    """Noise that falls by 3 dB per octave, shaped in one piece by its spectrum, about -20 dBFS."""
    n = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((channels, n)))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.shape[1]), 1.0)), n)
    return 0.1 * shaped / np.std(shaped)


PINK = Reference("pink", measure(pink(10.0, seed=99), RATE_HZ), is_stored=False)


def stream(**options: object) -> AdaptiveEq:
    wanted = {"engine": FakeEngine(), "target": "warm", "sample_rate_hz": RATE_HZ, "reference": PINK} | options
    return AdaptiveEq(**wanted)  # type: ignore[arg-type]


def in_blocks(eq: AdaptiveEq, samples: np.ndarray, size: int = 512) -> np.ndarray:
    return np.concatenate([eq.process(samples[:, i : i + size]) for i in range(0, samples.shape[1], size)], axis=1)


# What it does


@pytest.mark.parametrize("mode", ["soft", "target"])
@pytest.mark.parametrize("colour", [WARM.scaled(0.6), EqSettings(), BRIGHT.scaled(0.6)])
@pytest.mark.parametrize("intensity", [1.0, 0.4, -1.0])
def test_the_settings_are_those_of_the_offline_law_on_the_same_seconds(mode: str, colour: EqSettings, intensity: float) -> None:
    samples = apply(colour, pink(4.0, seed=1), RATE_HZ)[:, : 4_096 + 80 * 2_048]
    live = stream(mode=mode, intensity=intensity)
    in_blocks(live, samples)
    live.process(samples[:, :1])  # the dose is taken with the first sample after a window
    context = samples[:, samples.shape[1] - round(live.context_s * RATE_HZ) :]
    compared = difference(measure(context, RATE_HZ), PINK.spectrum)
    law = adapt_eq(WARM, intensity, compared, mode, RATE_HZ, reference="pink")  # type: ignore[arg-type]
    assert live.dose == law.dose
    assert live.gain == pytest.approx(law.gain, abs=0.025)  # the step of 0.02
    live.intensity = intensity * 1.5  # a change by hand is never too small, so now nothing is left of the steps
    live.intensity = intensity
    live.process(samples[:, :512])
    live.process(samples[:, :512])
    assert live.gain == law.gain
    assert live.eq == for_rate(law.eq, RATE_HZ).eq


def test_what_is_warm_already_gets_less_and_what_is_thin_gets_more() -> None:
    gains = {}
    for name, colour in {"warm": WARM.scaled(0.7), "neutral": EqSettings(), "thin": WARM.scaled(-0.7)}.items():
        live = stream()
        in_blocks(live, apply(colour, pink(3.0, seed=2), RATE_HZ))
        gains[name] = live.gain
    assert gains["warm"] < 0.5 * gains["neutral"]
    assert gains["thin"] > 1.25 * gains["neutral"]
    assert gains["neutral"] == pytest.approx(1.0, abs=0.15)


def test_without_a_reference_it_leans_on_the_stored_one_and_with_one_it_meets_it() -> None:
    assert stream(reference=None).mode == "soft"
    assert stream(reference=None).reference_name == stored_reference().name
    assert stream().mode == "target"
    assert stream(mode="soft").mode == "soft"
    assert stream().latency_samples == 0


def test_the_word_is_applied_as_it_is_until_half_a_second_was_heard() -> None:
    samples = pink(1.0, seed=3)
    live = stream()
    first = round(FIRST_DOSE_S * RATE_HZ)
    out = in_blocks(live, samples)
    np.testing.assert_array_equal(out[:, :first], apply(WARM, samples, RATE_HZ)[:, :first])
    assert live.dose is not None


def test_it_reacts_within_the_context_and_says_when() -> None:
    heard: list[tuple[float, float | None, float]] = []
    live = stream(on_update=lambda *update: heard.append(update))
    in_blocks(live, np.concatenate([pink(4.0, seed=4), apply(WARM, pink(4.0, seed=5), RATE_HZ)], axis=1))
    times = [time for time, _, _ in heard]
    np.testing.assert_allclose(np.diff(times), 2_048 / RATE_HZ)
    assert heard[0][1] is None
    settled = [time for time, dose, _ in heard if time > 4.0 and dose is not None and dose > 0.8]
    assert 4.0 < settled[0] < 4.0 + live.context_s + 0.1
    assert heard[-1][1] == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_intensity_0_gives_back_every_bit(dtype: type) -> None:
    samples = pink(2.0).astype(dtype)
    samples[:, 1_000:1_010] = -0.0
    out = in_blocks(stream(intensity=0.0), samples, 1_000)
    assert out.dtype == dtype
    assert out.tobytes() == samples.tobytes()


def test_silence_stays_silence_and_leaves_the_dose_where_it_was() -> None:  # fault A6
    live = stream()
    assert not in_blocks(live, np.zeros((2, 100_000))).any()
    assert (live.dose, live.gain) == (None, 1.0)
    in_blocks(live, apply(WARM, pink(3.0), RATE_HZ))
    before = live.dose
    assert before is not None
    in_blocks(live, np.zeros((2, 4 * CONTEXT_SAMPLES)))
    in_blocks(live, np.full((2, 2 * CONTEXT_SAMPLES), 0.2))  # a constant has no spectrum either
    assert live.dose is not None
    tail = in_blocks(live, np.zeros((2, CONTEXT_SAMPLES)))
    assert not tail[:, -1_000:].any()


# Live changes


def test_target_and_intensity_change_at_the_next_frame_without_a_click() -> None:
    samples = 0.5 * np.sin(2 * np.pi * 100.0 * np.arange(96_000) / RATE_HZ)[np.newaxis]
    live = stream(channels=1)
    out = [in_blocks(live, samples[:, :40_000], 1_000)]
    live.target = "bright"
    assert str(live.target) == "bright"
    live.intensity = 2.0
    out.append(in_blocks(live, samples[:, 40_000:], 1_000))
    assert live.eq.bands[0].gain_db == pytest.approx(live.gain * BRIGHT.bands[0].gain_db)
    joined = np.concatenate(out, axis=1)[0]
    spectrum = np.abs(np.fft.rfft(joined[20_000:] * np.blackman(76_000))) / 76_000
    assert 20 * np.log10(spectrum[np.fft.rfftfreq(76_000, 1 / RATE_HZ) > 4_000.0].max()) < -90.0


def test_a_target_with_its_own_intensity_and_unknown_words() -> None:
    live = stream()
    live.target = SemanticTarget.parse("bright", -0.5)
    assert live.intensity == -0.5
    with pytest.raises(UnknownTermError):
        live.target = "wram"
    with pytest.raises(InvalidTargetError):
        live.intensity = 4.0
    assert (str(live.target), live.intensity) == ("bright", -0.5)


def test_a_change_counts_from_the_frame_and_not_from_the_block() -> None:
    samples = pink(0.3, seed=6)

    def run(size: int) -> np.ndarray:
        live = stream()
        out = [in_blocks(live, samples[:, :3_001], size)]
        live.target = "bright"
        return np.concatenate([*out, in_blocks(live, samples[:, 3_001:], size)], axis=1)

    one = run(3_001)
    for size in (1, 64, 512, 100_000):
        np.testing.assert_array_equal(run(size), one)
    same = apply(WARM, samples, RATE_HZ)
    assert (one[:, 3_072 + 480 :] != same[:, 3_072 + 480 :]).any(axis=0)[0]  # the next frame starts at 3,072, the fade 480 later
    np.testing.assert_array_equal(one[:, : 3_072 + 480], same[:, : 3_072 + 480])


# Faults


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e6, -3e38])
@pytest.mark.parametrize("size", [100, 512, 700, 20_000, 1][: cases(4, 5)])
def test_a_frame_with_an_unusable_sample_is_passed_dry_and_the_next_one_is_clean(bad: float, size: int) -> None:  # faults A2, A4
    samples = pink(0.2, seed=7).astype(np.float32)
    broken = samples.copy()
    broken[1, 2_148] = bad  # frame 2,048..2,560
    live = stream()
    out = in_blocks(live, broken, size)
    expected = broken[:, 2_148:2_560].copy()
    expected[1, 0] = 0.0
    np.testing.assert_array_equal(out[:, 2_148:2_560], expected)
    kept = np.concatenate([samples[:, :2_048], samples[:, 2_560:]], axis=1)  # the filters go on as if the frame had not been
    np.testing.assert_array_equal(np.concatenate([out[:, :2_048], out[:, 2_560:]], axis=1), apply(WARM, kept, RATE_HZ))
    np.testing.assert_array_equal(out[:, 2_048:2_148], apply(WARM, samples, RATE_HZ)[:, 2_048:2_148])
    assert (live.unusable_samples, live.bypassed_frames) == (1, 1)


def test_unusable_frames_do_not_move_the_dose() -> None:  # fault A2
    samples = pink(3.0, seed=8)
    broken = samples.copy()
    broken[0, 60_000:62_000:7] = np.nan
    live, sound = stream(), stream()
    in_blocks(live, broken)
    in_blocks(sound, samples)
    assert live.unusable_samples == len(range(60_000, 62_000, 7))
    assert live.bypassed_frames == 5
    assert live.dose == pytest.approx(sound.dose, abs=0.1)


def test_a_stream_of_nothing_but_nan_stays_finite_and_recovers() -> None:  # fault A2
    live = stream()
    assert not in_blocks(live, np.full((2, 50_000), np.nan)).any()
    assert live.bypassed_frames == 98
    samples = pink(0.1, seed=9)
    out = in_blocks(live, samples)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out[:, 176:], apply(WARM, samples[:, 176:], RATE_HZ))  # 98 frames end 176 samples later
    live.reset()
    assert (live.unusable_samples, live.bypassed_frames) == (0, 0)


def test_empty_blocks_leave_the_state_alone() -> None:  # fault A7
    samples = pink(0.1, seed=10)
    live = stream()
    out = []
    for start in range(0, 4_800, 300):
        assert live.process(samples[:, :0]).shape == (2, 0)
        out.append(live.process(samples[:, start : start + 300]))
    np.testing.assert_array_equal(np.concatenate(out, axis=1), apply(WARM, samples, RATE_HZ))


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_one_two_and_three_samples_are_exact_in_any_channel_count(channels: int, frames: int) -> None:  # faults A8, A9, A11
    samples = pink(1.0, channels=channels)[:, :frames]
    np.testing.assert_array_equal(stream(channels=channels).process(samples), apply(WARM, samples, RATE_HZ))


def test_wrong_blocks_are_refused_and_were_not_heard() -> None:  # faults A10, A12, A14, A18
    samples = pink(0.05, seed=11)
    live = stream()
    head = live.process(samples[:, :1_000])
    wrong = [np.zeros((1, 5)), np.zeros((3, 5)), np.zeros((512, 2)), np.zeros(5), np.zeros((2, 5), np.int16), np.zeros((2, 5), np.float16)]
    for block in [*wrong, np.zeros((2, 5), complex), [[0.0], [0.0]]]:
        with pytest.raises(AudioError):
            live.process(block)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="44100 Hz, but the stream runs at 48000 Hz"):
        live.process(samples[:, 1_000:], 44_100.0)
    tail = live.process(samples[:, 1_000:], 48_000.0)
    np.testing.assert_array_equal(np.concatenate([head, tail], axis=1), apply(WARM, samples, RATE_HZ))


@pytest.mark.parametrize(
    "options",
    [
        {"sample_rate_hz": 0.0}, {"sample_rate_hz": -1.0}, {"sample_rate_hz": float("nan")}, {"sample_rate_hz": 1e9},
        {"channels": 0}, {"channels": 65}, {"channels": 1_000}, {"context_s": 0.0}, {"context_s": 1e9}, {"mode": "hard"},
        {"reference": Reference("silence", measure(np.zeros((1, 48_000)), RATE_HZ), is_stored=False)},
    ],
)  # fmt: skip
def test_what_cannot_be_streamed_is_refused_at_once(options: dict[str, object]) -> None:  # faults A12, A15
    with pytest.raises(AudioError):
        stream(**options)


def test_rate_and_channels_change_by_reset_only() -> None:  # fault A18
    live = stream()
    live.process(pink(0.1))
    for wrong in ({"sample_rate_hz": 1.0}, {"channels": 65}):
        with pytest.raises(AudioError):
            live.reset(**wrong)  # type: ignore[arg-type]
    assert (live.sample_rate_hz, live.channels) == (48_000.0, 2)
    live.reset(sample_rate_hz=96_000.0, channels=1)
    samples = pink(0.2, channels=1, rate_hz=96_000.0)
    np.testing.assert_array_equal(in_blocks(live, samples), apply(WARM, samples, 96_000.0))
    assert (live.sample_rate_hz, live.channels) == (96_000.0, 1)


def test_after_a_reset_nothing_is_left_of_the_last_file() -> None:  # fault A24
    first, second = apply(BRIGHT, pink(2.0, seed=12), RATE_HZ), pink(2.0, seed=13)
    live = stream()
    in_blocks(live, first)
    live.reset()
    assert (live.dose, live.gain) == (None, 1.0)
    np.testing.assert_array_equal(in_blocks(live, second), in_blocks(stream(), second))


def test_bands_above_nyquist_are_left_out_and_named() -> None:  # fault A16
    class HighEngine:
        def eq_for(self, target: SemanticTarget | str) -> EqSettings:
            assert isinstance(target, SemanticTarget)
            return EqSettings((Band(BandKind.HIGH_SHELF, 16_000.0, 6.0), Band(BandKind.PEAK, 500.0, 3.0))).scaled(target.intensity)

        def understand(self, text: str) -> Phrase:
            return Phrase({text: 1.0}, is_exact=True)

    live = stream(engine=HighEngine(), sample_rate_hz=22_050.0)
    assert "16000 Hz" in live.warnings[0]
    samples = pink(0.5, rate_hz=22_050.0)
    out = in_blocks(live, samples)
    np.testing.assert_array_equal(out[:, :10_000], apply(EqSettings((Band(BandKind.PEAK, 500.0, 3.0),)), samples, 22_050.0)[:, :10_000])


def test_gains_stay_within_what_a_band_may_hold() -> None:  # fault A17
    class LoudEngine:
        def eq_for(self, target: SemanticTarget | str) -> EqSettings:
            assert isinstance(target, SemanticTarget)
            return EqSettings((Band(BandKind.PEAK, 500.0, 30.0, 0.3),)).scaled(target.intensity)

        def understand(self, text: str) -> Phrase:
            return Phrase({text: 1.0}, is_exact=True)

    live = stream(engine=LoudEngine(), intensity=3.0)
    out = in_blocks(live, pink(1.0) * 1e-3)
    assert np.isfinite(out).all()
    assert live.eq.bands[0].gain_db == 60.0


def test_subnormals_do_not_come_out() -> None:  # fault A5
    samples = (pink(1.0, seed=14) * 2e-37).astype(np.float32)
    out = in_blocks(stream(), samples)
    assert out.any()
    assert not ((np.abs(out) > 0) & (np.abs(out) < np.finfo(np.float32).tiny)).any()


def test_a_second_caller_gets_an_error_at_once_and_the_first_its_sound() -> None:  # fault A20
    samples = pink(3.0, seed=15)
    inside, go_on = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        inside.set()
        go_on.wait(30.0)

    live, out = stream(on_update=hold), []
    worker = threading.Thread(target=lambda: out.append(live.process(samples)))
    worker.start()
    assert inside.wait(30.0)
    with pytest.raises(InUseError, match="one owner"):
        live.process(samples[:, :10])
    with pytest.raises(InUseError):
        live.reset()
    live.intensity = 1.0  # what is asked for may be set from anywhere
    go_on.set()
    worker.join()
    np.testing.assert_array_equal(out[0], stream().process(samples))
    live.process(samples[:, :10])


def test_an_error_inside_frees_the_stream() -> None:
    live = stream()
    with pytest.raises(AudioError):
        live.process(np.zeros((5, 5)))
    live.process(np.zeros((2, 5)))


def test_the_response_of_a_settled_stream_is_that_of_its_settings() -> None:
    live = stream()
    in_blocks(live, pink(3.0, seed=16))
    in_blocks(live, np.zeros((2, 480_000)))  # nothing to hear: the dose stays, the filters die away
    impulse = np.zeros((2, 1 << 15))
    impulse[:, 0] = 1e-6  # too quiet to be analysed
    freqs_hz = np.fft.rfftfreq(1 << 15, 1 / RATE_HZ)[1:-1]
    measured = 20 * np.log10(np.abs(np.fft.rfft(live.process(impulse)[0]))[1:-1] / 1e-6)
    assert np.abs(measured - response_db(live.eq, freqs_hz, RATE_HZ)).max() < 0.01
