"""Timing: nothing dropped, the first call apart, deadlines counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from semeq_export.bench import latency
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import AudioError


def clock_of(durations_ns: list[int]) -> Callable[[], int]:
    """A clock that makes the calls of `_durations_ns` last as given."""
    times = [0]
    for duration in durations_ns:
        times += [times[-1], times[-1] + duration]
    ticks = iter(times[1:])
    return lambda: next(ticks)


def test_percentiles_are_those_of_all_calls_but_the_first() -> None:
    timing = latency.summarise([900_000, *(1_000 * i for i in range(1, 101))], [7_000, *(500 * i for i in range(1, 101))])
    assert timing.calls == 101
    assert timing.first_us == 900.0
    assert timing.p50_us == pytest.approx(50.5)
    assert timing.p95_us == pytest.approx(95.05)
    assert timing.p99_us == pytest.approx(99.01)
    assert timing.p99_9_us == pytest.approx(99.901)
    assert timing.max_us == 100.0
    assert (timing.thread_p50_us, timing.thread_max_us) == (pytest.approx(25.25), 50.0)


def test_an_outlier_stays_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency.time, "perf_counter_ns", clock_of([5_000, *[1_000] * 98, 50_000_000]))
    timing = latency.time_calls(lambda _: None, 100)
    assert timing.max_us == 50_000.0
    assert timing.p50_us == 1.0


def test_calls_are_made_in_order() -> None:
    seen: list[int] = []
    latency.time_calls(seen.append, 5)
    assert seen == [0, 1, 2, 3, 4]


def test_blocks_over_the_deadline_are_misses_the_first_included(monkeypatch: pytest.MonkeyPatch) -> None:
    late, in_time = 3_000_000, 100_000  # ns; a block of 128 lasts 2,666,667
    monkeypatch.setattr(latency.time, "perf_counter_ns", clock_of([late, in_time, late, *[in_time] * 97]))
    eq = EqSettings((Band(BandKind.PEAK, 1_000.0, 3.0, 1.0),))
    result = latency.time_blocks(eq, 128, 48_000.0, seconds=100 * 128 / 48_000)
    assert result.timing.calls == 100
    assert result.misses == 2
    assert result.deadline_us == pytest.approx(2_666.667, abs=1e-3)
    assert result.times_real_time == pytest.approx(100 * 2_666_666.667 / (2 * late + 98 * in_time))


def test_short_audio_still_gives_enough_blocks_for_a_percentile() -> None:
    assert latency.time_blocks(EqSettings(), 4_096, 48_000.0, seconds=0.01).timing.calls == latency.MIN_BLOCKS


def test_impossible_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="sample_rate_hz"):
        latency.time_blocks(EqSettings(), 128, 1.0, 1.0)


def test_machine_is_named() -> None:
    machine = latency.machine()
    assert machine["processor"]
    assert machine["cores"]
    assert str(machine["numpy"]).startswith("2")
