"""Worker processes for stems: a crash of one costs one file, a bad file none of the others, an interrupt leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from semeq_export.errors import ChainError
from semeq_export.files.atomic import remove_leftovers
from semeq_host.stems.entry import Entry, FailedEntry, crashed, hung, read_entry
from semeq_host.stems.job import StemJob

_TRIES = 2
"""A worker may be killed for want of memory that others took; a file that kills two is to blame itself."""
PLUGIN_TIMEOUT_S, MAX_PLUGIN_TIMEOUT_S = 60.0, 86_400.0
_STOP_S = 1.0
_TICK_S = 0.1
_LAST_WORDS_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Working:
    """How far a job is."""

    index: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A job has ended, well or not."""

    index: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Checked:
    """The files of a chain were loaded, or were not. refusal: why they cannot be used. is_hung: one of them does nothing."""

    chain: str
    refusal: str = ""
    is_hung: bool = False


@dataclass(frozen=True, slots=True)
class _Broken:
    """A thread of ours failed, which must not look like a file that failed."""

    error: BaseException


_Event = Working | Finished | _Checked | _Broken


class Crew:
    """Worker processes; a context manager. They start at once, and import what they need while the jobs are still being prepared.

    Leaving it ends the workers and removes their temporary files, whatever they are at. plugin_timeout_s: how long the plug-ins of a chain
    may do nothing before their worker is ended and the file given up.
    """

    def __init__(self, workers: int, bundle_path: str | None, *, plugin_timeout_s: float = PLUGIN_TIMEOUT_S) -> None:
        self._jobs: list[StemJob] = []
        self._waiting: queue.SimpleQueue[int | str | None] = queue.SimpleQueue()
        self._happened: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._plugin_timeout_s = plugin_timeout_s
        lines = self._waiting, self._happened
        self._workers = [_Worker(self._jobs, bundle_path, *lines, plugin_timeout_s) for _ in range(max(1, workers))]
        self._clock = _Clock(self._workers)

    def __enter__(self) -> Crew:
        self._clock.start()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clock.stop()
        for worker in self._workers:
            worker.stop()
            self._waiting.put(None)
        for worker in self._workers:
            worker.join()

    def check_chains(self, chains: Sequence[str]) -> dict[str, float]:
        """Load what chains take from files, before any job; return those that hang, and after how long they were given up.

        Raises ChainError for what cannot be loaded. What crashes is left to the jobs, which say so.
        """
        for chain in chains:
            self._waiting.put(chain)
        checked: list[_Checked] = []
        while len(checked) < len(chains):
            event = self._happened.get()
            if isinstance(event, _Broken):
                raise event.error
            if isinstance(event, _Checked):
                checked.append(event)
        for one in checked:
            if one.refusal:
                raise ChainError(one.refusal)
        return {one.chain: self._plugin_timeout_s for one in checked if one.is_hung}

    def run(self, jobs: Sequence[StemJob]) -> Generator[Working | Finished, None, None]:
        """Process jobs and yield what happens as it happens; each job finishes exactly once, in any order. One run after another."""
        first = len(self._jobs)
        self._jobs += jobs
        for index in range(first, len(self._jobs)):
            self._waiting.put(index)
        left = len(jobs)
        while left:
            event = self._happened.get()
            if isinstance(event, _Broken):
                raise event.error
            if not isinstance(event, _Checked):
                left -= isinstance(event, Finished)
                yield replace(event, index=event.index - first)


class _Clock(threading.Thread):
    """Tells workers how time goes by, in steps: while everything is suspended, it does not."""

    def __init__(self, workers: Sequence[_Worker]) -> None:
        super().__init__(daemon=True)
        self._workers, self._is_stopped = workers, threading.Event()

    def run(self) -> None:
        """Tick until stopped."""
        last = time.monotonic()
        while not self._is_stopped.wait(_TICK_S):
            now = time.monotonic()
            for worker in self._workers:
                worker.pass_time(min(now - last, 2.0 * _TICK_S))
            last = now

    def stop(self) -> None:
        """End it."""
        self._is_stopped.set()


class _Worker(threading.Thread):
    """Feeds one process at a time with jobs, and starts another where it died."""

    def __init__(
        self,
        jobs: Sequence[StemJob],
        bundle_path: str | None,
        waiting: queue.SimpleQueue[int | str | None],
        happened: queue.SimpleQueue[_Event],
        plugin_timeout_s: float,
    ) -> None:
        super().__init__(daemon=True)
        self._jobs, self._bundle_path, self._waiting, self._happened = jobs, bundle_path, waiting, happened
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None
        self._is_stopped = self._is_hung = False
        self._lock = threading.Lock()
        self._plugin_timeout_s = plugin_timeout_s
        self._patience_s: float | None = None  # while plug-ins are at work

    def run(self) -> None:
        """Start a process, and work until there is nothing more to do."""
        try:
            self._running()
            while (task := self._waiting.get()) is not None and not self._is_stopped:
                event = self._check(task) if isinstance(task, str) else self._process_job(task)
                if self._is_stopped:
                    return
                self._happened.put(event)
        except BaseException as error:
            self._happened.put(_Broken(error))
        finally:
            self._dismiss()

    def _process_job(self, index: int) -> Finished:
        job, last_words = self._jobs[index], ""
        for attempt in range(_TRIES):
            answer = self._ask((job if attempt == 0 else job.again()).to_dict(), "entry", index)
            if answer is not None:
                return Finished(index, read_entry(answer["entry"]))
            if self._is_stopped:
                break
            is_hung, last_words = self._is_hung, self._bury(job.destination.parent)
            if is_hung:
                return Finished(index, hung(job, self._plugin_timeout_s))
        return Finished(index, _crashed(job, last_words))

    def _check(self, chain: str) -> _Checked:
        answer = self._ask({"check": chain}, "checked")
        if answer is not None or self._is_stopped:
            return _Checked(chain, (answer or {}).get("checked") or "")
        is_hung = self._is_hung
        self._bury(None)
        return _Checked(chain, is_hung=is_hung)

    def pass_time(self, seconds: float) -> None:
        """Take note that time went by; end the process where its plug-ins have done nothing for too long."""
        with self._lock:
            if self._patience_s is None:
                return
            self._patience_s -= seconds
            if self._patience_s > 0.0 or self._process is None:
                return
            self._patience_s, self._is_hung = None, True
            self._process.kill()

    def stop(self) -> None:
        """End the process at once; it removes its temporary file itself, or we do."""
        with self._lock:
            self._is_stopped = True
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def _ask(self, request: dict[str, object], wanted: str, index: int | None = None) -> dict[str, Any] | None:
        """Return the answer to a request, None where the process died over it. index: of the job whose progress is told."""
        process = self._running()
        if process is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
        try:
            for line in process.stdout:
                answer: dict[str, Any] = json.loads(line)
                if wanted in answer:
                    return answer
                if "plugins" in answer:
                    self._wait_for_plugins(answer["plugins"])
                elif index is not None:
                    self._happened.put(Working(index, *answer["progress"]))
            return None
        finally:
            self._wait_for_plugins(False)

    def _wait_for_plugins(self, are_at_work: bool) -> None:
        with self._lock:
            self._patience_s = self._plugin_timeout_s if are_at_work else None

    def _running(self) -> subprocess.Popen[bytes] | None:
        if self._process is None:
            with self._lock:
                if self._is_stopped:
                    return None
                self._errors = _nameless_file()
                environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
                environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # the same code, wherever it was found
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "semeq_host.stems._worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    env=environment,
                )
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps({"bundle": self._bundle_path}).encode() + b"\n")
        return self._process

    def _bury(self, folder: Path | None) -> str:
        """Wait for a process that died, remove what it left in a folder, and return why it died."""
        if self._process is None or self._errors is None:
            return ""
        self._process.wait()
        if folder is not None:
            remove_leftovers(folder, self._process.pid)
        status = self._process.returncode
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_WORDS_BYTES))
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        reason = f": {lines[-1].strip()}" if lines and status > 0 else ""
        self._close()
        return (signal.Signals(-status).name if status < 0 else f"exit status {status}") + reason

    def _dismiss(self) -> None:
        """End a process that has nothing more to do, or that was stopped over a job."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for folder in {job.destination.parent for job in self._jobs} if self._is_stopped else ():
            remove_leftovers(folder, self._process.pid)
        self._close()

    def _close(self) -> None:
        assert self._process is not None
        assert self._errors is not None
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._process = self._errors = None
        self._is_hung = False


def _nameless_file() -> BinaryIO:
    """Return a file without a name; in memory where the system can, since a folder for temporary files may not be there to write to."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("semeq-errors"), "w+b")
    return tempfile.TemporaryFile()


def _crashed(job: StemJob, last_words: str) -> FailedEntry:
    return crashed(job, f"its decoder or a plug-in crashed the worker process, {_TRIES} times ({last_words})")
