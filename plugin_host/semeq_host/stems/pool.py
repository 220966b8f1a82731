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
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import BinaryIO

from semeq_export.files.atomic import remove_leftovers
from semeq_host.stems.entry import Entry, FailedEntry, crashed, read_entry
from semeq_host.stems.job import StemJob

_TRIES = 2
"""A worker may be killed for want of memory that others took; a file that kills two is to blame itself."""
_STOP_S = 1.0
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
class _Broken:
    """A thread of ours failed, which must not look like a file that failed."""

    error: BaseException


class Crew:
    """Worker processes; a context manager. They start at once, and import what they need while the jobs are still being prepared.

    Leaving it ends the workers and removes their temporary files, whatever they are at.
    """

    def __init__(self, workers: int, bundle_path: str | None) -> None:
        self._jobs: list[StemJob] = []
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._happened: queue.SimpleQueue[Working | Finished | _Broken] = queue.SimpleQueue()
        self._workers = [_Worker(self._jobs, bundle_path, self._waiting, self._happened) for _ in range(max(1, workers))]

    def __enter__(self) -> Crew:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.stop()
            self._waiting.put(None)
        for worker in self._workers:
            worker.join()

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
            left -= isinstance(event, Finished)
            yield replace(event, index=event.index - first)


class _Worker(threading.Thread):
    """Feeds one process at a time with jobs, and starts another where it died."""

    def __init__(
        self,
        jobs: Sequence[StemJob],
        bundle_path: str | None,
        waiting: queue.SimpleQueue[int | None],
        happened: queue.SimpleQueue[Working | Finished | _Broken],
    ) -> None:
        super().__init__(daemon=True)
        self._jobs, self._bundle_path, self._waiting, self._happened = jobs, bundle_path, waiting, happened
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: BinaryIO | None = None
        self._is_stopped = False
        self._lock = threading.Lock()

    def run(self) -> None:
        """Start a process, and work until there is nothing more to do."""
        try:
            self._running()
            while (index := self._waiting.get()) is not None and not self._is_stopped:
                entry, last_words = None, ""
                for attempt in range(_TRIES):
                    entry = self._ask(index, self._jobs[index] if attempt == 0 else self._jobs[index].again())
                    if entry is not None or self._is_stopped:
                        break
                    last_words = self._bury(self._jobs[index])
                if self._is_stopped:
                    return
                self._happened.put(Finished(index, entry if entry is not None else _crashed(self._jobs[index], last_words)))
        except BaseException as error:
            self._happened.put(_Broken(error))
        finally:
            self._dismiss()

    def stop(self) -> None:
        """End the process at once; it removes its temporary file itself, or we do."""
        with self._lock:
            self._is_stopped = True
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def _ask(self, index: int, job: StemJob) -> Entry | None:
        """Return the entry of a job, None where the process died over it."""
        process = self._running()
        if process is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(job.to_dict()).encode() + b"\n")
            process.stdin.flush()
        for line in process.stdout:
            answer = json.loads(line)
            if "entry" in answer:
                return read_entry(answer["entry"])
            self._happened.put(Working(index, *answer["progress"]))
        return None

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

    def _bury(self, job: StemJob) -> str:
        """Wait for a process that died, remove what it left, and return why it died."""
        if self._process is None or self._errors is None:
            return ""
        self._process.wait()
        remove_leftovers(job.destination.parent, self._process.pid)
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


def _nameless_file() -> BinaryIO:
    """Return a file without a name; in memory where the system can, since a folder for temporary files may not be there to write to."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("semeq-errors"), "w+b")
    return tempfile.TemporaryFile()


def _crashed(job: StemJob, last_words: str) -> FailedEntry:
    return crashed(job, f"its decoder or a plug-in crashed the worker process, {_TRIES} times ({last_words})")
