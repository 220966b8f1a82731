"""Batches on a Dask cluster: the same jobs through the same code, on workers that see the same files under the same names."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from semeq_export.errors import EnvironmentFailure, MissingExtraError, printable
from semeq_host.stems.entry import DoneEntry, Entry, ProcessedEntry, crashed, read_entry
from semeq_host.stems.job import StemJob
from semeq_host.stems.pool import Finished

if TYPE_CHECKING:
    from semeq_host.stems.resources import StemResources

_CONNECT_S = 5


class Cluster:
    """The cluster of a scheduler; a context manager, which connects before a batch makes anything.

    Entering raises MissingExtraError without Dask, EnvironmentFailure where there is no scheduler.
    """

    def __init__(self, address: str, bundle_path: str | None) -> None:
        self._address, self._bundle_path = address, bundle_path
        self._client: Any = None  # Any: Dask's client has no types

    def __enter__(self) -> Cluster:
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingExtraError("dask", "distributed") from error
        try:
            self._client = Client(self._address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise EnvironmentFailure(f"no Dask scheduler at {printable(self._address)}") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def check_chains(self, chains: Sequence[str]) -> dict[str, float]:
        """Return nothing: what loads here says nothing of what loads there."""
        return {}

    def run(self, jobs: Sequence[StemJob]) -> Generator[Finished, None, None]:
        """Process jobs and yield the results as they come; a job whose worker dies is done again by another.

        Closing the iterator cancels what has not begun.
        """
        from distributed import as_completed

        client, bundle_path = self._client, _absolute(self._bundle_path)
        futures = [client.submit(run_job, _for_anywhere(job.again()).to_dict(), bundle_path, pure=False) for job in jobs]
        indices = {future.key: index for index, future in enumerate(futures)}
        try:
            for future in as_completed(futures, loop=client.loop):
                index = indices[future.key]
                yield Finished(index, _entry(future, jobs[index]))
                future.release()
        finally:
            client.cancel(futures)


def _for_anywhere(job: StemJob) -> StemJob:
    """Return the job with names that do not depend on the folder a worker was started in."""
    intent = job.intent
    intent = replace(intent, chain=_absolute(intent.chain), match=_absolute(intent.match), reference=_absolute(intent.reference))
    return replace(job, source=job.source.absolute(), destination=job.destination.absolute(), intent=intent)


def _absolute(name: str | None) -> str | None:
    """Return a name from the root on; kinds of stored references are names of no file."""
    return name if name is None or not Path(name).exists() else str(Path(name).absolute())


def run_job(job: Mapping[str, object], bundle_path: str | None) -> dict[str, object]:
    """Process one job, on a worker; both ways plain data, which says less of versions than objects do."""
    from semeq_host.stems.stem import run_stem  # only workers load what processes

    return run_stem(_resources(bundle_path), StemJob.from_dict(job)).to_dict()


@cache
def _resources(bundle_path: str | None) -> StemResources:
    """Return what a worker processes with: it loads a bundle once."""
    from semeq_host.stems.resources import StemResources

    return StemResources(bundle_path)


def _entry(future: Any, job: StemJob) -> Entry:  # Any: Dask's future has no types
    if future.status == "finished":
        entry = msgspec.structs.replace(read_entry(future.result()), path=str(job.source))  # the names of here
        if isinstance(entry, DoneEntry):
            entry = msgspec.structs.replace(entry, output=str(job.destination))
        return msgspec.structs.replace(entry, chain=job.intent.chain) if isinstance(entry, ProcessedEntry) else entry
    error = future.exception()
    why = f"the cluster gave it up: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return crashed(job, why)
