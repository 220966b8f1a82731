"""The key of a test: what every coded sound is. Listeners never see it; analysis needs it."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec
import numpy as np

from semeq_export.errors import DataError, printable
from semeq_export.files import strict_json
from semeq_export.panel.design import Form, Kind, Trial

SCHEMA = 1
Role = Literal["tested", "unprocessed", "anchor"]
MAX_BYTES = 20_000_000


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An excerpt. file: name of the audio file it is from, without folders."""

    file: str
    start_s: float
    seconds: float
    channels: int


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was done to the excerpts; in MUSHRA the unprocessed one is the hidden reference. eq: as `to_plain`."""

    role: Role
    words: str = ""
    preset: str = ""
    eq: dict[str, Any] | None = None  # Any: plain data of an EQ


class Stimulus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A coded sound."""

    source: str
    condition: str
    gain_db: float
    lufs: float
    true_peak_dbtp: float


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trial: its question and the codes of its sounds."""

    source: str
    question: str
    stimuli: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trial in a form: its id, its codes in order, and in ABX the code that X is."""

    trial: str
    order: tuple[str, ...]
    hidden: str = ""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole test but for its audio. lufs: that all sounds have; wanted_lufs: what was asked for."""

    schema: int
    test_id: str
    kind: Kind
    title: str
    seed: int
    made_for: str
    wanted_lufs: float
    lufs: float
    ceiling_dbtp: float
    sample_rate_hz: int
    sources: dict[str, Source]
    conditions: dict[str, Condition]
    stimuli: dict[str, Stimulus]
    trials: dict[str, Asked]
    forms: tuple[tuple[Shown, ...], ...]

    def named(self, test_id: str) -> Manifest:
        """Return the same test under another name."""
        return msgspec.structs.replace(self, test_id=test_id)

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        return strict_json.dumps(msgspec.to_builtins(self))

    def code(self, source: str, condition: str) -> str:
        """Return the code of a sound."""
        return next(code for code, held in self.stimuli.items() if (held.source, held.condition) == (source, condition))


def read_manifest(data: bytes, path: str) -> Manifest:
    """Return a test's key from its file's content; raises DataError with one line."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_BYTES)
        found = msgspec.convert(document, Manifest)
    except (ValueError, msgspec.ValidationError) as error:
        raise DataError(f"not the manifest of a listening test: {str(error).splitlines()[0]}", printable(path)) from error
    if found.schema != SCHEMA:
        raise DataError(f"manifest of schema {found.schema}, expected {SCHEMA}", printable(path))
    codes = {code for trial in found.trials.values() for code in trial.stimuli}
    if not codes <= found.stimuli.keys():
        strangers = ", ".join(sorted(codes - found.stimuli.keys())[:3])
        raise DataError(f"the manifest has trials of unknown sounds: {strangers}", printable(path))
    unknown = {held.condition for held in found.stimuli.values()} - found.conditions.keys()
    if unknown:
        raise DataError(f"the manifest has sounds of unknown conditions: {', '.join(sorted(unknown)[:3])}", printable(path))
    return found


def codes(pairs: list[tuple[str, str]], seed: int) -> dict[tuple[str, str], str]:
    """Return a code for each (source, condition) that tells neither: drawn, in an order that is drawn too."""
    rng = np.random.default_rng((seed, 0xC0DE))
    numbers = rng.permutation(0x1000 - 0x100)[: len(pairs)] + 0x100
    return {pair: f"s{number:03x}" for pair, number in zip(pairs, numbers.tolist(), strict=True)}


def coded(trials: tuple[Trial, ...], forms: tuple[Form, ...], code_of: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Return `trials` and `forms` of a manifest, conditions replaced by codes; the ids of trials are t001, t002 ... Any: their values."""
    asked = {
        f"t{index:03d}": Asked(trial.source, trial.question, tuple(code_of[trial.source, name] for name in trial.conditions))
        for index, trial in enumerate(trials, start=1)
    }
    shown = tuple(
        tuple(
            Shown(
                f"t{showing.trial + 1:03d}",
                tuple(code_of[trials[showing.trial].source, name] for name in showing.order),
                code_of[trials[showing.trial].source, showing.hidden] if showing.hidden else "",
            )
            for showing in form
        )
        for form in forms
    )
    return {"trials": asked, "forms": shown}


def name_of_test(kind: Kind, content: bytes) -> str:
    """Return a name that tests of other content do not share."""
    return f"{kind}-{hashlib.sha256(content).hexdigest()[:10]}"
