"""How far a batch is, in seconds of audio: its share, its speed, the time that is left, and what came of it in one line."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from semeq_host.stems.batch import look_at
from semeq_host.stems.entry import DoneEntry, FailedEntry
from semeq_host.stems.pool import Finished

if TYPE_CHECKING:
    from semeq_host.stems.batch import Event
    from semeq_host.stems.job import StemJob

_TOO_EARLY_S = 1.0
_BAR_CELLS = 20
_REDRAWN_S = 0.1


class Pace:
    """Counts what happens in a batch. What an earlier run had done, and what fails, counts for nothing: it takes no time."""

    def __init__(self, jobs: Sequence[StemJob]) -> None:
        self._seconds = [look_at(job).seconds for job in jobs]
        self._done_s = [0.0] * len(jobs)
        self._started = time.monotonic()
        self.done = self.skipped = self.failed = 0

    def see(self, event: Event) -> bool:
        """Take note of an event; return whether a file is finished."""
        if not isinstance(event, Finished):
            self._done_s[event.index] = self._seconds[event.index] * event.done / event.total if event.total else 0.0
            return False
        is_skipped = isinstance(event.entry, DoneEntry) and event.entry.resumed
        is_failed = isinstance(event.entry, FailedEntry)
        self.skipped += is_skipped
        self.failed += is_failed
        self.done += not (is_skipped or is_failed)
        if is_skipped or is_failed:
            self._seconds[event.index] = 0.0
        self._done_s[event.index] = self._seconds[event.index]
        return True

    @property
    def _times_real_time(self) -> float:
        elapsed_s = time.monotonic() - self._started
        return sum(self._done_s) / elapsed_s if elapsed_s > 0.0 else 0.0

    def line(self, width: int) -> str:
        """Return one line of at most so many characters: files, share, a bar, speed, time left; what finds no room is left out."""
        finished, total_s = self.done + self.skipped + self.failed, sum(self._seconds)
        share = min(1.0, sum(self._done_s) / total_s) if total_s > 0.0 else finished / max(1, len(self._seconds))
        cells = round(share * _BAR_CELLS)
        parts = [f"{finished}/{len(self._seconds)}", f"{100.0 * share:3.0f} %", f"[{'#' * cells}{'.' * (_BAR_CELLS - cells)}]"]
        speed = self._times_real_time
        if time.monotonic() - self._started > _TOO_EARLY_S and speed > 0.0:
            left_s = round((total_s - sum(self._done_s)) / speed)
            parts += [f"{speed:.0f} x real time", f"{left_s // 3_600}:{left_s // 60 % 60:02}:{left_s % 60:02} left"]
        while len(parts) > 1 and len("  ".join(parts)) > width:
            del parts[2 if len(parts) > 2 else -1]  # the bar first, then what follows it
        return "  ".join(parts)[: max(0, width)]

    def closing_line(self) -> str:
        """Return what came of it: done, skipped, failed, seconds, times real time."""
        elapsed_s = time.monotonic() - self._started
        speed = f", {self._times_real_time:.3g} times real time" if self.done else ""
        return f"{self.done} done, {self.skipped} skipped, {self.failed} failed in {elapsed_s:.1f} s{speed}"


class StatusLine:
    """One line of a terminal that is drawn over and over, and cleared before anything else is said. put: writes to the terminal."""

    def __init__(self, put: Callable[[str], object]) -> None:
        self._write, self._is_drawn, self._last = put, False, 0.0

    def draw(self, make: Callable[[int], str], *, at_once: bool = False) -> None:
        """Draw what is made for a width, at most ten times a second, or at once."""
        now = time.monotonic()
        if at_once or now - self._last >= _REDRAWN_S:
            self._put(f"\r{make(shutil.get_terminal_size().columns - 1)}\x1b[K")
            self._is_drawn, self._last = True, now

    def clear(self) -> None:
        """Remove it."""
        if self._is_drawn:
            self._put("\r\x1b[K")
            self._is_drawn, self._last = False, 0.0

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a terminal that was closed
            self._write(text)
