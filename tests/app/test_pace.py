"""How far a batch is, in one line, and what came of it; a line that is drawn over and cleared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from semeq_export.app import pace
from semeq_export.app.pace import Pace, StatusLine
from semeq_host.stems.entry import DoneEntry, FailedEntry
from semeq_host.stems.intent import Intent
from semeq_host.stems.job import StemJob
from semeq_host.stems.pool import Finished, Working
from semeq_host.streams.process_options import ProcessOptions


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def jobs(folder: Path, count: int) -> list[StemJob]:
    """Jobs of two seconds of audio each."""
    for index in range(count):
        soundfile.write(folder / f"{index}.wav", np.zeros(16_000), 8_000)
    intent, options = Intent(target="warm"), ProcessOptions()
    return [StemJob(folder / f"{index}.wav", folder / f"out{index}.wav", intent, options) for index in range(count)]


def done(index: int, *, resumed: bool = False) -> Finished:
    return Finished(index, DoneEntry(path="a", output="b", output_sha256="", warnings=(), resumed=resumed))


def failed(index: int) -> Finished:
    return Finished(index, FailedEntry(path="a", output=None, error="no", code="audio", exit_code=2))


def test_what_was_done_before_and_what_fails_counts_for_no_speed(tmp_path: Path, clock: Clock) -> None:
    seen = Pace(jobs(tmp_path, 5))
    seen.see(done(0, resumed=True))
    seen.see(failed(1))
    seen.see(done(2))
    seen.see(Working(3, 1, 4))
    clock.now += 2.0
    assert seen.line(200) == "3/5   42 %  [########............]  1 x real time  0:00:03 left"
    seen.see(done(3))
    seen.see(done(4))
    assert seen.line(200) == "5/5  100 %  [####################]  3 x real time  0:00:00 left"
    assert seen.closing_line() == "3 done, 1 skipped, 1 failed in 2.0 s, 3 times real time"


@pytest.mark.parametrize("width", [1, 7, 12, 20, 39, 60, 80])
def test_the_line_fits(tmp_path: Path, clock: Clock, width: int) -> None:
    seen = Pace(jobs(tmp_path, 2))
    clock.now += 3.0
    seen.see(done(0))
    assert len(seen.line(width)) <= width
    assert "1/2"[:width] in seen.line(width)


def test_nothing_but_what_was_done_before_has_no_speed(tmp_path: Path, clock: Clock) -> None:
    seen = Pace(jobs(tmp_path, 1))
    seen.see(done(0, resumed=True))
    clock.now += 2.0
    assert (seen.line(200), seen.closing_line()) == ("1/1  100 %  [####################]", "0 done, 1 skipped, 0 failed in 2.0 s")


def test_a_status_line_is_cleared_once_and_not_drawn_too_often(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    put: list[str] = []
    status = StatusLine(put.append)
    status.clear()
    status.draw(lambda width: f"at {width}")
    status.draw(lambda width: "too early")
    status.clear()
    status.clear()
    status.draw(lambda width: "after what was said")
    status.draw(lambda width: "at once", at_once=True)
    assert put == ["\rat 29\x1b[K", "\r\x1b[K", "\rafter what was said\x1b[K", "\rat once\x1b[K"]


def test_a_terminal_that_is_gone_stops_nobody() -> None:
    def gone(_: str) -> None:
        raise OSError(5, "input/output error")

    status = StatusLine(gone)
    status.draw(lambda _: "x")
    status.clear()
