"""Laws of streams: not one bit depends on the blocks, at any level, whatever is changed or broken on the way; nothing grows."""

from __future__ import annotations

import functools
import gc
import tracemalloc

import numpy as np
import pytest
from conftest import cases
from fake_engine import BRIGHT, WARM, FakeEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import random_settings

from semeq_export.eq.biquad import design_sos
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import EqSettings
from semeq_export.listening.reference import Reference, stored_reference
from semeq_export.listening.spectrum import measure
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.crossfade import CrossfadeEq
from semeq_host.streams.stream import AdaptiveEq

RATE_HZ = 48_000.0
LEVELS_DBFS = [-20.0, -60.0, -100.0, -140.0]


@functools.cache
def material(dtype: type, level_dbfs: float) -> np.ndarray:
    """Two seconds that change their colour, so that the dose moves; a pause in them."""
    rng = np.random.default_rng(50)
    parts = [apply(eq, rng.standard_normal((2, 24_000)), RATE_HZ) for eq in (WARM.scaled(2.0), BRIGHT.scaled(2.0), EqSettings(), WARM)]
    parts[2][:, 5_000:9_000] = 0.0
    return (np.concatenate(parts, axis=1) * 10.0 ** (level_dbfs / 20.0)).astype(dtype)


REFERENCE = stored_reference()


def make(**options: object) -> AdaptiveEq:
    return AdaptiveEq(FakeEngine(), "warm", sample_rate_hz=RATE_HZ, context_s=0.5, **({"reference": REFERENCE} | options))  # type: ignore[arg-type]


def run(samples: np.ndarray, sizes: list[int], changes: dict[int, tuple[str, float]] | None = None) -> tuple[np.ndarray, AdaptiveEq]:
    """Run blocks of the sizes in turn, cut where a change is asked for."""
    changes, live, parts, start, turn = changes or {}, make(), [], 0, 0
    while start < samples.shape[1]:
        if start in changes:
            live.target = SemanticTarget.parse(*changes[start])
        cuts = [at for at in changes if at > start]
        end = min(start + sizes[turn % len(sizes)], samples.shape[1], *cuts)
        parts.append(live.process(samples[:, start:end]))
        start, turn = end, turn + 1
    return np.concatenate(parts, axis=1), live


@pytest.mark.parametrize("level_dbfs", LEVELS_DBFS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [441, 4_096, 65_536, 64, 512][: cases(2, 5)])
def test_block_size_does_not_change_one_bit(size: int, dtype: type, level_dbfs: float) -> None:  # fault A22
    samples = material(dtype, level_dbfs)
    one, whole = run(samples, [samples.shape[1]])
    many, live = run(samples, [size])
    assert many.dtype == dtype
    assert many.tobytes() == one.tobytes()
    assert (live.dose, live.gain, live.eq) == (whole.dose, whole.gain, whole.eq)
    if level_dbfs >= -60.0:
        assert live.dose is not None
        assert live.gain != 1.0


@pytest.mark.parametrize("level_dbfs", LEVELS_DBFS[:: cases(2, 1)])
def test_blocks_of_one_sample_are_the_whole_signal(level_dbfs: float) -> None:  # faults A9, A22
    samples = material(np.float32, level_dbfs)[:, 40_000 - cases(10_000, 30_000) : 40_000]
    assert run(samples, [1])[0].tobytes() == run(samples, [30_000])[0].tobytes()


@pytest.mark.parametrize("rate_hz", [8_000.0, 16_000.0, 22_050.0, 44_100.0, 96_000.0, 384_000.0])
def test_blocks_do_not_matter_at_any_rate(rate_hz: float) -> None:  # windows end anywhere in a frame
    samples = material(np.float32, -20.0)
    outs = []
    for sizes in ([96_000], [512], [333, 5, 4_000], [30_000, 1]):
        live, parts, start = AdaptiveEq(FakeEngine(), "warm", sample_rate_hz=rate_hz, context_s=0.2), [], 0
        while start < samples.shape[1]:
            size = sizes[len(parts) % len(sizes)]
            parts.append(live.process(samples[:, start : start + size]))
            start += size
        outs.append(np.concatenate(parts, axis=1).tobytes())
    assert outs == [outs[0]] * 4


@pytest.mark.parametrize("sizes", [[512], [333, 5, 4_000], [30_000, 1]])
def test_blocks_do_not_matter_with_a_reference_that_was_heard(sizes: list[int]) -> None:  # fault A22
    samples, outs, doses = material(np.float32, -20.0), [], []
    other = measure(material(np.float64, -40.0)[:, ::-1], RATE_HZ)
    for cut in ([samples.shape[1]], sizes):
        live, parts, start = make(reference=Reference("other", other, is_stored=False)), [], 0
        while start < samples.shape[1]:
            size = cut[len(parts) % len(cut)]
            parts.append(live.process(samples[:, start : start + size]))
            start += size
        outs.append(np.concatenate(parts, axis=1).tobytes())
        doses.append(live.dose)
    assert live.mode == "target"
    assert outs[0] == outs[1]
    assert doses[0] == doses[1] is not None


@settings(max_examples=cases(8, 25))
@given(
    st.lists(st.integers(cases(20, 1), 3_000), min_size=1, max_size=10),
    st.sampled_from(LEVELS_DBFS),
    st.sampled_from([np.float32, np.float64]),
    st.dictionaries(st.integers(0, 60_000), st.tuples(st.sampled_from(["warm", "bright"]), st.floats(-3.0, 3.0)), max_size=5),
    st.lists(st.tuples(st.integers(0, 59_999), st.sampled_from([np.nan, np.inf, 1e9])), max_size=4),
)
def test_any_sequence_of_blocks_is_one_call_even_with_changes_and_faults(
    sizes: list[int], level_dbfs: float, dtype: type, changes: dict[int, tuple[str, float]], faults: list[tuple[int, float]]
) -> None:  # faults A2, A22
    samples = material(dtype, level_dbfs)[:, 5_000:65_000].copy()
    for at, value in faults:
        samples[at % 2, at] = value
    one, whole = run(samples, [60_000], changes)
    many, live = run(samples, sizes, changes)
    assert np.isfinite(one).all()
    assert many.tobytes() == one.tobytes()
    assert (live.unusable_samples, live.bypassed_frames) == (whole.unusable_samples, whole.bypassed_frames)


@settings(max_examples=cases(8, 25))
@given(st.floats(-20.0, 20.0), st.floats(-3.0, 3.0))
def test_level_does_not_change_the_dose(gain_db: float, intensity: float) -> None:
    samples = material(np.float64, -40.0)[:, :40_000]
    doses = []
    for level in (1.0, 10.0 ** (gain_db / 20.0)):
        live = make(intensity=intensity)
        live.process(samples * level)
        doses.append(live.dose)
    assert doses[0] is not None
    assert doses[1] == pytest.approx(doses[0], abs=1e-3)


@settings(max_examples=cases(8, 25))
@given(st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_the_amount_is_monotone_in_the_intensity(low: float, high: float) -> None:
    low, high = sorted((low, high))
    samples = material(np.float64, -40.0)[:, :40_000]
    gains = []
    for intensity in (low, high):
        live = make(intensity=intensity)
        live.process(samples)
        gains.append(live.gain)
    assert gains[0] <= gains[1]


@pytest.mark.parametrize("rate_hz", [44_100.0, 48_000.0, 96_000.0, 192_000.0, 384_000.0])
def test_signal_to_noise_against_extended_precision_is_at_least_120_db(rate_hz: float) -> None:  # fault A23
    rng = np.random.default_rng(51)
    noise = rng.standard_normal((1, 20_000)) * 0.1
    for eq in random_settings(3, seed=52, q_range=(0.1, 10.0)):
        fader = CrossfadeEq(eq, rate_hz, 1)
        out = fader.process(noise)[0]
        state, exact = noise[0].astype(np.longdouble), np.empty(0)
        for b0, b1, b2, _, a1, a2 in design_sos(eq, rate_hz).astype(np.longdouble):
            z1 = z2 = np.longdouble(0.0)
            result = np.empty_like(state)
            for index, sample in enumerate(state):  # transposed direct form II, 64-bit mantissa
                value = b0 * sample + z1
                z1, z2 = b1 * sample - a1 * value + z2, b2 * sample - a2 * value
                result[index] = value
            state = result
        exact = state
        error = float(np.sqrt(np.mean(np.square(exact - out))))
        assert 20 * np.log10(float(np.sqrt(np.mean(np.square(exact)))) / error) > 120.0


@pytest.mark.slow
def test_nothing_grows_while_it_runs() -> None:
    live, noise = make(), material(np.float32, -20.0)

    def blocks(count: int) -> None:
        for index in range(count):
            if index % 50 == 0:
                live.intensity = 0.5 + index % 3
            start = index * 512 % 90_000
            live.process(noise[:, start : start + 512])

    tracemalloc.start()
    try:
        blocks(2_000)  # until the free lists of Python and numpy are full
        sizes = []
        for _ in range(9):
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
            blocks(1_000)
        # Free lists fill ever more slowly; one object left behind by every analysis (each fourth block) is 4 kB in every stretch.
        assert np.diff(sizes).min() < 4_000
    finally:
        tracemalloc.stop()
