"""A worker process of a batch: jobs come in as lines of JSON on standard input, progress and entries go out on standard output.

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

from semeq_host.stems.job import StemJob
from semeq_host.stems.resources import StemResources
from semeq_host.stems.stem import run_stem

_PROGRESS_INTERVAL_S = 0.2


def main() -> None:
    """Work until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent decides
    signal.signal(signal.SIGTERM, _on_terminate)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries and plug-ins print must not look like an answer
    try:
        resources = StemResources(json.loads(sys.stdin.readline())["bundle"])
        for line in sys.stdin:
            job = StemJob.from_dict(json.loads(line))
            _answer(answers, {"entry": run_stem(resources, job, _Throttle(answers)).to_dict()})
    except BrokenPipeError:  # the parent is gone
        sys.exit(1)


class _Throttle:
    """Progress, but not after every block."""

    def __init__(self, answers: TextIO) -> None:
        self._answers, self._last = answers, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= _PROGRESS_INTERVAL_S:
            self._last = now
            _answer(self._answers, {"progress": [done, total]})


def _answer(answers: TextIO, document: dict[str, object]) -> None:
    answers.write(json.dumps(document) + "\n")
    answers.flush()


def _on_terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(143)


if __name__ == "__main__":
    main()
