"""One stem of a batch: the job, which goes to a worker as plain data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from semeq_export.errors import AudioError, environment_failure
from semeq_export.files.disk import open_regular
from semeq_host.stems.intent import Intent
from semeq_host.streams.process_options import ProcessOptions

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
        data: dict[str, object] = msgspec.to_builtins(self, enc_hook=str)  # paths
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> StemJob:
        """Return the job that `to_dict` wrote."""
        return msgspec.convert(data, cls, dec_hook=lambda kind, value: kind(value))  # paths


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
