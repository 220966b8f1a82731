"""A worker process of a batch: jobs come in as lines of JSON on standard input, progress and entries go out on standard output.

    {"bundle": PATH or null}    first
    {"check": CHAIN}            load the files of a chain: {"checked": why it cannot be used, or null}
    a job, as `StemJob.to_dict` {"progress": [DONE, TOTAL]}, {"plugins": whether plug-ins are at work} ... {"entry": ENTRY}

It is a process of its own so that a crash of a decoder or a plug-in costs one file. Errors of ours are entries; any other ends the process
with its traceback on standard error, where the parent finds the reason.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn, TextIO

from semeq_export.errors import ChainError
from semeq_host.stems.job import StemJob
from semeq_host.stems.resources import StemResources
from semeq_host.stems.stem import run_stem

_PROGRESS_INTERVAL_S = 0.2


def main() -> None:
    """Work until standard input ends."""
    for name in ("SIGINT", "SIGHUP"):  # Ctrl-C and a terminal that closes reach the whole group: the parent decides
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _on_terminate)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries and plug-ins print must not look like an answer
    try:
        resources = StemResources(json.loads(sys.stdin.readline())["bundle"])
        for line in sys.stdin:
            document, reporter = json.loads(line), _Reporter(answers)
            if "check" in document:
                _answer(answers, {"checked": _refusal(resources, document["check"], reporter)})
                continue
            entry = run_stem(resources, StemJob.from_dict(document), reporter.progress, reporter.watch)
            _answer(answers, {"entry": entry.to_dict()})
    except BrokenPipeError:  # the parent is gone
        sys.exit(1)


class _Reporter:
    """Progress and signs of life of plug-ins, but not after every block."""

    def __init__(self, answers: TextIO) -> None:
        self._answers, self._last, self._last_watch, self._is_watched = answers, time.monotonic(), 0.0, False

    def progress(self, done: int, total: int) -> None:
        """Tell how far the job is."""
        now = time.monotonic()
        if now - self._last >= _PROGRESS_INTERVAL_S:
            self._last = now
            _answer(self._answers, {"progress": [done, total]})

    def watch(self, is_at_work: bool) -> None:
        """Tell whether plug-ins are at work."""
        now = time.monotonic()
        if is_at_work != self._is_watched or now - self._last_watch >= _PROGRESS_INTERVAL_S:
            self._last_watch, self._is_watched = now, is_at_work
            _answer(self._answers, {"plugins": is_at_work})


def _refusal(resources: StemResources, chain: str, reporter: _Reporter) -> str | None:
    """Return why the files of a chain cannot be used, None where they can."""
    reporter.watch(True)
    try:
        resources.chain(chain).check_files()
    except ChainError as error:
        return str(error)
    finally:
        reporter.watch(False)
    return None


def _answer(answers: TextIO, document: dict[str, object]) -> None:
    answers.write(json.dumps(document) + "\n")
    answers.flush()


def _on_terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    main()
