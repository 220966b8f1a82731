"""One stem of a batch: the job, which goes to a worker as plain data."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from semeq_export.errors import AudioError, environment_failure
from semeq_export.files.disk import open_regular
from semeq_host.stems.intent import Intent
from semeq_host.streams.process_options import ProcessOptions

_HASHED_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class StemJob:
    """One file to process. in_place_sha256: of a source that its result replaces, before anything was done to it.

    group: whom it belongs to, "" for nobody. gain_db: found for the group, instead of its own trim and loudness. heard: what was found by
    listening to the group, in the form of `linking.heard_together`, instead of listening to this file.
    """

    source: Path
    destination: Path
    intent: Intent
    options: ProcessOptions
    in_place_sha256: str | None = None
    group: str = ""
    gain_db: float | None = None
    heard: dict[str, Any] | None = field(default=None, hash=False)

    @property
    def how(self) -> ProcessOptions:
        """The options for this file: of a group, what makes it as loud as asked is for the sum to say."""
        return replace(self.options, lufs=None, match_loudness=False, gain_db=self.gain_db) if self.group else self.options

    @property
    def wants_loudness(self) -> bool:
        """Whether something is to be brought to a loudness: the result, or the sum of its group."""
        return self.options.lufs is not None or self.options.match_loudness

    def as_loud(self) -> StemJob:
        """Return the job with its loudness kept where a match is asked for, which changes the tone, and nothing that sets the level."""
        is_free = self.intent.match is None or self.intent.chain is not None or self.options.delta or self.options.lufs is not None
        return self if is_free else replace(self, options=replace(self.options, match_loudness=True))

    def summary(self) -> str:
        """Return one line for people: what is wanted, and with whom."""
        loudness = "" if self.options.lufs is None else f"{self.options.lufs:g} LUFS"
        return ", ".join(filter(None, (self.intent.summary(), loudness, f"linked: {self.group}" if self.group else "")))

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
    digest, data = hashlib.sha256(), memoryview(bytearray(_HASHED_BYTES))
    with os.fdopen(open_regular(path, AudioError), "rb", buffering=0) as file:
        try:
            while count := file.readinto(data):
                digest.update(data[:count])
        except OSError as error:
            raise environment_failure(path, error) from error
    return digest.hexdigest()
