"""What a batch has done so far, so that it can go on after whatever ended it: one line of JSON for each event, beside the outputs.

    {"claim": NAME, "key": KEY, "source_sha256": HASH or null, "bundle_sha256": BUNDLE}     before anything is written
    {"done": NAME, "key": KEY, "entry": ENTRY, "bundle_sha256": BUNDLE, "wishes": WISHES}   when an output is complete and on the disk

NAME is the output's name in the folder, KEY a hash of everything that decides the output but the source itself. BUNDLE is the identity of
the bundle that said what words mean, left out where no words count and by earlier versions; ENTRY has the words and the bands that they
meant; WISHES are what was asked for, as far as it is not the default, left out by earlier versions. A line that a crash cut short is
ignored. Lines are only appended; of several for one name the last counts.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from semeq_export.errors import AudioError, environment_failure
from semeq_export.files import strict_json
from semeq_export.files.disk import read_regular
from semeq_host.stems.entry import DoneEntry, read_done

JOURNAL = ".semeq-journal.jsonl"
_MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Claim:
    """An output that a batch was to make. source_sha256: where the output was to replace its source. bundle_sha256: None where unknown."""

    key: str
    source_sha256: str | None
    bundle_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An output that a batch made, and its entry of the report. bundle_sha256, wishes (see `Intent.wishes`): None where unknown."""

    key: str
    entry: DoneEntry
    bundle_sha256: str | None = None
    wishes: dict[str, object] | None = None


class _ClaimLine(msgspec.Struct, frozen=True):
    """A claim as it is stored."""

    claim: str
    key: str
    source_sha256: str | None = None
    bundle_sha256: str | UnsetType = UNSET


class _DoneLine(msgspec.Struct, frozen=True):
    """What was done, as it is stored. entry: as `DoneEntry.to_dict` writes it."""

    done: str
    key: str
    entry: dict[str, object]
    bundle_sha256: str | UnsetType = UNSET
    wishes: dict[str, object] | UnsetType = UNSET


class Journal:
    """The journal of a folder. Raises EnvironmentFailure where it cannot be read or written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL
        self.claims: dict[str, Claim] = {}
        self.done: dict[str, Done] = {}
        if not self._path.exists():
            return
        for line in read_regular(self._path, AudioError, max_bytes=_MAX_BYTES, follow_links=False).splitlines():
            with contextlib.suppress(ValueError):  # cut short by a crash, or not ours: what it said is not known
                self._take(strict_json.loads(line, max_bytes=_MAX_BYTES, surrogates=True))

    def claim(self, claims: Iterable[tuple[str, Claim]]) -> None:
        """Write down what is about to be made."""
        self._append(_ClaimLine(name, claim.key, claim.source_sha256, claim.bundle_sha256 or UNSET) for name, claim in claims)

    def finish(self, name: str, done: Done) -> None:
        """Write down what was made."""
        self._append([_DoneLine(name, done.key, done.entry.to_dict(), done.bundle_sha256 or UNSET, done.wishes or UNSET)])

    def _take(self, document: object) -> None:
        """Take note of a line; raises ValueError where it is none of ours."""
        if isinstance(document, dict) and "claim" in document:
            claim = msgspec.convert(document, _ClaimLine)
            self.claims[claim.claim] = Claim(claim.key, claim.source_sha256, claim.bundle_sha256 or None)
            self.done.pop(claim.claim, None)
        else:
            done = msgspec.convert(document, _DoneLine)
            self.done[done.done] = Done(done.key, read_done(done.entry), done.bundle_sha256 or None, done.wishes or None)

    def _append(self, events: Iterable[_ClaimLine | _DoneLine]) -> None:
        lines = "".join(json.dumps(msgspec.to_builtins(event), sort_keys=True) + "\n" for event in events)
        if not lines:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(("" if file.tell() == 0 or self._ends_well() else "\n") + lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise environment_failure(self._path, error) from error

    def _ends_well(self) -> bool:
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
