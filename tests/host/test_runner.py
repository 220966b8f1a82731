"""Chains that listen while they run: Pedalboard plug-ins among our stages, block by block, with faults, owners and latencies."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pedalboard
import pytest
from conftest import cases
from fake_engine import WARM, FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st

from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio, AudioInfo
from semeq_export.audio.writer import write_audio
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import AudioError, ChainError, EnvironmentFailure, InUseError
from semeq_host.chains.chain import Chain, chain_stage, run_live
from semeq_host.chains.plugin_stage import PluginStage
from semeq_host.chains.semantic_eq import SemanticEq
from semeq_host.streams.offline import process_file
from semeq_host.streams.stream import AdaptiveEq

RATE_HZ = 48_000.0
NOISE = np.random.default_rng(60).uniform(-0.3, 0.3, (2, 60_000)).astype(np.float32)
IMPULSE = np.random.default_rng(61).standard_normal((1, 2_000)).astype(np.float32) * 0.02

PLUGINS: dict[str, Callable[[], pedalboard.Plugin]] = {
    "Bitcrush": lambda: pedalboard.Bitcrush(10),
    "BrickwallLimiter": lambda: pedalboard.BrickwallLimiter(),
    "Chain": lambda: pedalboard.Chain([pedalboard.Compressor(-20.0, 3.0), pedalboard.Gain(2.0)]),
    "Chorus": lambda: pedalboard.Chorus(),
    "Clipping": lambda: pedalboard.Clipping(-6.0),
    "Compressor": lambda: pedalboard.Compressor(-20.0, 3.0),
    "Convolution": lambda: pedalboard.Convolution(IMPULSE, sample_rate=RATE_HZ),
    "Delay": lambda: pedalboard.Delay(0.05),
    "Distortion": lambda: pedalboard.Distortion(),
    "GSMFullRateCompressor": lambda: pedalboard.GSMFullRateCompressor(),
    "Gain": lambda: pedalboard.Gain(-3.0),
    "HighShelfFilter": lambda: pedalboard.HighShelfFilter(),
    "HighpassFilter": lambda: pedalboard.HighpassFilter(),
    "Invert": lambda: pedalboard.Invert(),
    "LadderFilter": lambda: pedalboard.LadderFilter(),
    "Limiter": lambda: pedalboard.Limiter(),
    "LowShelfFilter": lambda: pedalboard.LowShelfFilter(),
    "LowpassFilter": lambda: pedalboard.LowpassFilter(),
    "MP3Compressor": lambda: pedalboard.MP3Compressor(0.0),
    "Mix": lambda: pedalboard.Mix([pedalboard.Gain(-6.0), pedalboard.Reverb()]),
    "NoiseGate": lambda: pedalboard.NoiseGate(-40.0),
    "PeakFilter": lambda: pedalboard.PeakFilter(300.0, 12.0, 1.0),
    "Pedalboard": lambda: pedalboard.Pedalboard([pedalboard.Reverb()]),  # type: ignore[attr-defined]
    "Phaser": lambda: pedalboard.Phaser(),
    "Resample": lambda: pedalboard.Resample(24_000.0),
    "Reverb": lambda: pedalboard.Reverb(),
}
NOT_LIVE = {"PitchShift"}
DELAYED = {"BrickwallLimiter", "GSMFullRateCompressor", "MP3Compressor", "Resample"}


def adaptive(**options: object) -> AdaptiveEq:
    return AdaptiveEq(FakeEngine(), "warm", **({"sample_rate_hz": RATE_HZ} | options))  # type: ignore[arg-type]


def in_blocks(chain: Chain, samples: np.ndarray, sizes: list[int]) -> np.ndarray:
    parts, start, turn = [], 0, 0
    while start < samples.shape[1]:
        size = sizes[turn % len(sizes)]
        parts.append(chain.process(samples[:, start : start + size]))
        assert parts[-1].shape == samples[:, start : start + size].shape
        start, turn = start + size, turn + 1
    return np.concatenate(parts, axis=1)


def test_every_plugin_of_pedalboard_is_tested_here() -> None:
    plugins = [kind for kind in vars(pedalboard).values() if isinstance(kind, type) and issubclass(kind, pedalboard.Plugin)]
    kinds = {kind.__name__ for kind in plugins}
    abstract = {"AudioUnitPlugin", "ExternalPlugin", "IIRFilter", "Plugin", "PluginContainer", "VST3Plugin"}
    assert kinds - abstract == PLUGINS.keys() | NOT_LIVE


# Sound


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", PLUGINS)
def test_blocks_give_what_one_call_gives_once_the_declared_latency_is_over(name: str, channels: int) -> None:  # faults A8, A9
    samples = NOISE[:channels]
    chain = Chain([PLUGINS[name]()], sample_rate_hz=RATE_HZ, channels=channels)
    late = chain.latency_samples
    assert late <= 10_000 if name in DELAYED else late == (0 if channels == 1 else channels)
    out = in_blocks(chain, samples, [512, 1, 2, 3, 700, 4_097, 64, 10_000])
    before = np.zeros((channels, 4_096), np.float32)  # what a plug-in hears first, see PluginStage
    expected = PLUGINS[name]().process(np.concatenate([before, samples], axis=1), RATE_HZ)[:, 4_096:]
    if name == "GSMFullRateCompressor":  # its frames begin elsewhere in each block size, so only the place can be compared
        both = np.fft.rfft(out[0, late:], 120_000) * np.fft.rfft(samples[0, : 60_000 - late], 120_000).conj()
        assert int(np.argmax(np.fft.irfft(both))) == 0
    else:
        assert np.abs(out[:, late:] - expected[:, : 60_000 - late]).max() < 1e-4


@pytest.mark.parametrize("channels", [2, 1, 8, 3, 6][: cases(3, 5)])
@pytest.mark.parametrize("size", [1, 7, 512, 2, 3][: cases(3, 5)])
def test_any_block_size_in_any_channel_count(size: int, channels: int) -> None:  # faults A8, A9, A10, A11
    samples = np.random.default_rng(62).uniform(-0.3, 0.3, (channels, 2_000)).astype(np.float32)
    chain = Chain([adaptive(channels=channels), pedalboard.PeakFilter(300.0, 12.0, 1.0)])
    late = chain.latency_samples
    out = in_blocks(chain, samples, [size])
    expected = pedalboard.PeakFilter(300.0, 12.0, 1.0).process(apply(WARM, samples, RATE_HZ), RATE_HZ)
    np.testing.assert_allclose(out[:, late:], expected[:, : 2_000 - late], atol=1e-5)


@settings(max_examples=cases(3, 15))
@given(st.lists(st.integers(1, 3_000), min_size=1, max_size=10))
def test_any_sequence_of_blocks_is_within_minus_110_dbfs(sizes: list[int]) -> None:  # fault A22
    def chain() -> Chain:
        return Chain([adaptive(), pedalboard.Compressor(-20.0, 3.0), pedalboard.PeakFilter(300.0, 6.0, 1.0)])

    one, many = in_blocks(chain(), NOISE[:, :20_000], [20_000]), in_blocks(chain(), NOISE[:, :20_000], sizes)
    assert np.abs(one - many).max() < 10.0 ** (-110.0 / 20.0)


def test_an_adaptive_eq_alone_is_exact_and_hears_what_the_stage_before_gives() -> None:
    np.testing.assert_array_equal(in_blocks(Chain([adaptive()]), NOISE, [777]), adaptive().process(NOISE))
    eq = adaptive()
    in_blocks(Chain([pedalboard.LowpassFilter(300.0), eq]), NOISE, [512])
    alone = adaptive()
    alone.process(NOISE)
    assert eq.dose is not None
    assert alone.dose is not None
    assert eq.dose > alone.dose + 1.0
    eq.intensity = 0.0  # and it stays the handle for live changes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_output_is_of_the_type_of_the_input(dtype: type) -> None:  # fault A13
    chain = Chain([adaptive(), pedalboard.Gain(0.0)])
    assert chain.process(NOISE.astype(dtype)).dtype == dtype
    assert chain.process(np.zeros((2, 0), dtype)).shape == (2, 0)


# Faults


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38][: cases(1, 3)])
@pytest.mark.parametrize("name", PLUGINS)
def test_every_plugin_is_clean_again_after_an_unusable_frame(name: str, bad: float) -> None:  # faults A2, A3, A4
    samples = NOISE.copy()
    samples[1, 5_000] = bad
    muted = NOISE.copy()
    muted[:, 5_000:5_120] = 0.0
    broken, sound = (Chain([PLUGINS[name]()], sample_rate_hz=RATE_HZ, channels=2) for _ in range(2))
    out = in_blocks(broken, samples, [512])
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(out, in_blocks(sound, muted, [512]))
    assert (broken.unusable_samples, broken.restarts) == (1, 0)


@pytest.mark.parametrize("size", [1, 100, 512, 4_000])
def test_what_is_muted_does_not_depend_on_the_blocks(size: int) -> None:  # faults A3, A22
    samples = NOISE[:, :9_000].copy()
    for place in (700, 1_000, 1_030, 5_119, 8_999):
        samples[place % 2, place] = np.nan
    stage = PluginStage(pedalboard.Gain(0.0), RATE_HZ, 2)
    out = np.concatenate([stage.process(samples[:, i : i + size]) for i in range(0, 9_000, size)], axis=1)
    expected = samples.copy()
    for start, end in ((700, 1_024), (1_030, 1_536), (5_119, 5_120), (8_999, 9_216)):
        expected[:, start:end] = 0.0
    np.testing.assert_allclose(out[:, 2:], expected[:, :-2], atol=1e-6)
    assert (stage.unusable_samples, stage.muted_frames) == (5, 4)


class Breaking(pedalboard.Chain):
    """Gives NaN once a sample is over 0.5, like a plug-in of somebody else; delays, and drops as much at first, as Pedalboard's do."""

    def __init__(self, delay: int) -> None:
        super().__init__([])
        self.delay = delay
        self.reset()

    def reset(self) -> None:
        self.line, self.to_drop, self.is_broken = np.zeros((2, self.delay), np.float32), self.delay, False

    def process(self, samples: np.ndarray, sample_rate: float, reset: bool = True) -> np.ndarray:  # type: ignore[override]
        self.is_broken = self.is_broken or bool((samples > 0.5).any())
        joined = np.concatenate([self.line, samples], axis=1)
        out, self.line = joined[:, : samples.shape[1]], joined[:, samples.shape[1] :]
        dropped = min(self.to_drop, out.shape[1])
        self.to_drop -= dropped
        return out[:, dropped:] * np.float32(np.nan if self.is_broken else 1.0)


@pytest.mark.parametrize("delay", [0, 300])
def test_a_plugin_that_makes_nan_starts_anew_and_the_stream_goes_on(delay: int) -> None:  # fault A3
    samples = NOISE[:, :40_000].copy()
    samples[0, 10_000] = 0.9
    chain = Chain([Breaking(delay)], sample_rate_hz=RATE_HZ, channels=2)
    late = chain.latency_samples
    assert late == delay + 2
    out = in_blocks(chain, samples, [512])
    assert np.isfinite(out).all()
    assert chain.restarts == 1
    np.testing.assert_array_equal(out[:, 11_000 + late :], samples[:, 11_000 : 40_000 - late])  # in place again
    np.testing.assert_array_equal(out[:, late:9_000], samples[:, : 9_000 - late])
    chain.reset()
    assert chain.restarts == 0


def test_reset_leaves_nothing_of_the_last_file() -> None:  # fault A24
    def chain() -> Chain:
        return Chain([adaptive(), pedalboard.Reverb(), pedalboard.BrickwallLimiter()])

    used = chain()
    in_blocks(used, NOISE[:, :20_000], [512])
    used.reset()
    np.testing.assert_array_equal(in_blocks(used, NOISE[:, 20_000:40_000], [512]), in_blocks(chain(), NOISE[:, 20_000:40_000], [512]))


def test_wrong_blocks_and_rates_are_refused_and_were_not_heard() -> None:  # faults A10, A14, A18
    chain = Chain([adaptive(), pedalboard.Gain(0.0)])
    head = chain.process(NOISE[:, :1_000])
    for wrong in (np.zeros((1, 5)), np.zeros((512, 2)), np.zeros((2, 5), np.int16), np.zeros(5)):
        with pytest.raises(AudioError):
            chain.process(wrong)
    with pytest.raises(AudioError, match="44100 Hz, but the chain runs at 48000 Hz"):
        chain.process(NOISE, 44_100.0)
    tail = chain.process(NOISE[:, 1_000:2_000], RATE_HZ)
    whole = Chain([adaptive(), pedalboard.Gain(0.0)]).process(NOISE[:, :2_000])
    np.testing.assert_array_equal(np.concatenate([head, tail], axis=1), whole)


def test_a_second_caller_gets_an_error_at_once() -> None:  # fault A20
    caught: list[Exception] = []

    def call_again(*_: object) -> None:
        with pytest.raises(InUseError) as error:
            chain.process(NOISE)
        caught.append(error.value)

    chain = Chain([adaptive(on_update=call_again)])
    chain.process(NOISE[:, :5_000])
    assert caught
    chain.process(NOISE[:, :5_000])


# What a chain may be made of


def test_a_plugin_belongs_to_one_chain_as_long_as_that_lives() -> None:  # fault A21
    reverb, eq = pedalboard.Reverb(), adaptive()
    first = Chain([eq, reverb])
    for stages in ([reverb], [pedalboard.Chain([reverb])], [eq]):
        with pytest.raises(ChainError, match="belongs to another chain"):
            Chain(stages, sample_rate_hz=RATE_HZ, channels=2)
    first.process(NOISE)
    del first
    gc.collect()
    Chain([eq, pedalboard.Chain([reverb])])


def test_a_plugin_twice_in_a_chain_is_refused_and_a_failed_chain_holds_nothing() -> None:  # fault A21
    gain = pedalboard.Gain(0.0)
    for stages in ([gain, gain], [gain, pedalboard.Chain([pedalboard.Chain([gain])])]):
        with pytest.raises(ChainError, match="twice"):
            Chain(stages, sample_rate_hz=RATE_HZ, channels=2)
    with pytest.raises(ChainError, match="PitchShift gives only silence"):
        Chain([gain, pedalboard.PitchShift(3.0)], sample_rate_hz=RATE_HZ, channels=2)
    Chain([gain], sample_rate_hz=RATE_HZ, channels=2)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Chain([]), "at least one stage"),
        (lambda: Chain([pedalboard.Gain()]), "sample_rate_hz of the chain is not stated"),
        (lambda: Chain([pedalboard.Gain()], sample_rate_hz=RATE_HZ), "channels of the chain is not stated"),
        (lambda: Chain([adaptive()], sample_rate_hz=44_100), "sample_rate_hz of the chain is 44100 here and 48000 there"),
        (lambda: Chain([adaptive(), adaptive(channels=1)]), "channels of the chain is 2 here and 1 there"),
        (lambda: Chain([pedalboard.Gain()], sample_rate_hz=1.0, channels=2), "sample_rate_hz 1 is outside"),
        (lambda: Chain([pedalboard.Gain()], sample_rate_hz=RATE_HZ, channels=0), "0 channels"),
        (lambda: Chain([pedalboard.Gain()], sample_rate_hz=RATE_HZ, channels=65), "65 channels"),
        (lambda: Chain([lambda block: block], sample_rate_hz=RATE_HZ, channels=2), "a function is no stage"),  # type: ignore[list-item]
        (lambda: Chain([pedalboard.MP3Compressor()], sample_rate_hz=RATE_HZ, channels=3), "MP3Compressor"),
    ],
)
def test_what_cannot_be_a_chain_is_refused_with_the_reason(make: Callable[[], Chain], why: str) -> None:  # faults A12, A15
    with pytest.raises(AudioError, match=why):
        make()


def test_warnings_name_the_bands_that_the_rate_cannot_hold() -> None:  # fault A16
    assert Chain([adaptive()]).warnings == ()
    assert Chain([adaptive(sample_rate_hz=8_000.0)]).warnings


# Files and devices


def test_a_file_in_blocks_lies_where_its_source_lies(tmp_path: Path) -> None:
    samples = NOISE[:, :30_000].astype(np.float64)
    write_audio(tmp_path / "in.wav", Audio(samples, 48_000), subtype="FLOAT")

    def chain(source: AudioInfo) -> Chain:
        eq = adaptive(sample_rate_hz=source.sample_rate_hz, channels=source.channels, intensity=0.0)
        return Chain([eq, pedalboard.Gain(0.0), pedalboard.BrickwallLimiter(ceiling_db=0.0)])

    report = process_file(tmp_path / "in.wav", tmp_path / "out.wav", EqSettings(), make_stage=chain_stage(chain))
    assert not report.is_copy
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, samples, atol=1e-5)


def test_without_a_device_live_sound_says_so() -> None:
    if pedalboard.io.AudioStream.input_device_names:
        pytest.skip("this machine has audio devices")
    with pytest.raises(EnvironmentFailure, match="no audio input device on this machine; process files instead"):
        run_live(Chain([adaptive()]))


def test_a_semantic_eq_is_a_plugin_like_any_other() -> None:
    out = in_blocks(Chain([SemanticEq(FakeEngine(), "warm")], sample_rate_hz=RATE_HZ, channels=2), NOISE, [512])
    np.testing.assert_allclose(out[:, 2:], apply(WARM, NOISE, RATE_HZ)[:, :-2], atol=1e-3)
