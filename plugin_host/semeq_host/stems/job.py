"""One stem of a batch as plain data: the job that goes to a worker, and the entry of the report that comes back."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from semeq_export.errors import AudioError, SemeqError
from semeq_export.files.disk import environment_failure, open_regular
from semeq_host.stems.intent import Intent
from semeq_host.streams.process_options import ProcessOptions

Entry = dict[str, object]
"""One file's part of the report: plain data for JSON."""

_HASHED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StemJob:
    """One file to process. in_place_sha256: of a source that its result replaces, before anything was done to it."""

    source: Path
    destination: Path
    intent: Intent
    options: ProcessOptions
    in_place_sha256: str | None = None

    def again(self) -> StemJob:
        """Return the job for another try: its name was free when the batch began, so what is there now came from an earlier try."""
        return replace(self, options=replace(self.options, overwrite=True))

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON. A name that is not UTF-8 keeps its bytes as lone surrogates."""
        return {
            "source": str(self.source),
            "destination": str(self.destination),
            "intent": self.intent.to_dict(),
            "options": dataclasses.asdict(self.options),
            "in_place_sha256": self.in_place_sha256,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> StemJob:
        """Return the job that `to_dict` wrote."""
        intent, options, sha256 = data["intent"], data["options"], data["in_place_sha256"]
        assert isinstance(intent, Mapping)
        assert isinstance(options, Mapping)
        source, destination = Path(str(data["source"])), Path(str(data["destination"]))
        return cls(source, destination, Intent.from_dict(intent), ProcessOptions(**options), None if sha256 is None else str(sha256))


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a regular file in hexadecimal; raises AudioError and EnvironmentFailure."""
    digest = hashlib.sha256()
    with os.fdopen(open_regular(path, AudioError), "rb") as file:
        try:
            while data := file.read(_HASHED_BYTES):
                digest.update(data)
        except OSError as error:
            raise environment_failure(path, error) from error
    return digest.hexdigest()


def failed(job: StemJob, error: SemeqError) -> Entry:
    """Return the entry of a file that could not be processed."""
    return {"path": str(job.source), "output": None, "error": str(error), "code": error.code, "exit_code": error.exit_code}
