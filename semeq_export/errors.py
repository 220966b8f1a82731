"""Every error that semeq raises on purpose, and how errors print names.

Two families: what was given is bad (exit code 2), and the environment failed (exit code 1).
`code` is a stable short name for programs; the text is for people: one line, lower case, with the value, the bound and the next step.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from os import PathLike
from typing import ClassVar

_SHOWN_CHARS = 60  # of what somebody wrote, so that a message stays a line


class SemeqError(Exception):
    """Base of all errors raised by semeq."""

    exit_code: ClassVar[int] = 2
    code: ClassVar[str] = "error"


class EnvironmentFailure(SemeqError, OSError):
    """The disk, a permission or another part of the environment failed, not the input."""

    exit_code = 1
    code = "environment"


class MissingHostError(EnvironmentFailure):
    """A program, library or plug-in that a check in a real host needs is not installed; the text says how to get it."""

    code = "missing-host"


class InvalidEqError(SemeqError, ValueError):
    """An EQ value is out of its range or not finite."""

    code = "invalid-eq"

    def __init__(self, field: str, value: object, bound: str) -> None:
        super().__init__(" ".join(part for part in (field, str(value), "is", bound) if part))
        self.field, self.value, self.bound = field, value, bound

    def __reduce__(self) -> tuple[type[InvalidEqError], tuple[str, object, str]]:
        return type(self), (self.field, self.value, self.bound)


class InvalidTargetError(SemeqError, ValueError):
    """A semantic target cannot be understood (weights, intensity)."""

    code = "invalid-target"


class IntentError(SemeqError, ValueError):
    """What is asked of a stem contradicts itself, or is nothing at all."""

    code = "intent"


class UnknownTermError(SemeqError, LookupError):
    """A word is not in the bundle's centroid bank. by_meaning: the suggestions are nearest in meaning, not in spelling."""

    code = "unknown-term"

    def __init__(self, term: str, suggestions: Sequence[str] = (), by_meaning: bool = False) -> None:
        listed = " or ".join(repr(s) for s in suggestions)
        hint = f"nearest in meaning: {listed}" if by_meaning else f"did you mean {listed}?"
        super().__init__(f"unknown term {term[:_SHOWN_CHARS]!r}; {hint if suggestions else 'see: semeq-export terms'}")
        self.term, self.suggestions, self.by_meaning = term, tuple(suggestions), by_meaning

    def __reduce__(self) -> tuple[type[UnknownTermError], tuple[str, tuple[str, ...], bool]]:
        return type(self), (self.term, self.suggestions, self.by_meaning)


class DoubtfulTermError(UnknownTermError):
    """A word that nobody taught, whose guess is doubtful: it is used only where it is asked for."""

    code = "doubtful-term"

    def __init__(self, term: str, suggestions: Sequence[str] = (), by_meaning: bool = True) -> None:
        super().__init__(term, suggestions, by_meaning)
        near = f"; nearest in meaning: {' or '.join(repr(s) for s in suggestions)}" if suggestions else ""
        self.args = (f"nobody taught {term[:_SHOWN_CHARS]!r}, and what it means is doubtful: use `guess` to take it all the same{near}",)


class AudioError(SemeqError, ValueError):
    """Audio that cannot be used: a broken file, a wrong shape, type or sample rate."""

    code = "audio"

    def __init__(self, why: str, path: str | PathLike[str] | None = None) -> None:
        super().__init__(f"{path}: {why}" if path is not None else why)
        self.why, self.path = why, path

    def __reduce__(self) -> tuple[type[AudioError], tuple[str, str | PathLike[str] | None]]:
        return type(self), (self.why, self.path)


class InUseError(SemeqError, RuntimeError):
    """A stream was called while another caller was inside: it has one owner."""

    code = "in-use"


class ChainError(AudioError):
    """A chain of plug-ins that cannot be used: its file, a plug-in's name, a parameter, or what a plug-in did with the audio."""

    code = "chain"


class OutputError(SemeqError, ValueError):
    """The place for a result cannot be used as given (exists already, is the input, its folder is missing)."""

    code = "output"


class BinaryFormatError(OutputError):
    """A preset that is no text cannot be shown as one."""

    code = "binary-format"


class DataError(SemeqError, ValueError):
    """A table of EQ data that cannot be read as what it claims to be."""

    code = "data"

    def __init__(self, why: str, path: str | PathLike[str] | None = None, row: int | None = None) -> None:
        place = "".join([f"{path}: " if path is not None else "", f"row {row}: " if row is not None else ""])
        super().__init__(place + why)
        self.why, self.path, self.row = why, path, row

    def __reduce__(self) -> tuple[type[DataError], tuple[str, str | PathLike[str] | None, int | None]]:
        return type(self), (self.why, self.path, self.row)


class TrainingError(SemeqError):
    """Training cannot start or go on (bad recipe, non-finite loss, a run that does not fit)."""

    code = "training"


class MissingExtraError(SemeqError, ImportError):
    """A command needs an optional part of the installation."""

    code = "missing-extra"

    def __init__(self, extra: str, missing: str = "") -> None:
        what = f"{missing} is missing; " if missing else ""
        super().__init__(f"{what}this needs an optional part: pip install 'semeq-export[{extra}]'")
        self.extra, self.missing = extra, missing

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.extra, self.missing)


class PresetError(SemeqError):
    """Base of everything that goes wrong with preset files."""

    code = "preset"


class UnknownFormatError(PresetError, LookupError):
    """No preset format of that id, or none that recognises the file."""

    code = "unknown-format"


class AmbiguousFormatError(PresetError):
    """More than one preset format recognises the file."""

    code = "ambiguous-format"


class PresetReadError(PresetError, ValueError):
    """A preset file is damaged; `where` is a byte offset, a line or a path inside the file."""

    code = "preset-read"

    def __init__(self, why: str, path: str = "", where: str = "") -> None:
        super().__init__(": ".join(part for part in (path, where, why) if part))
        self.why, self.path, self.where = why, path, where

    def __reduce__(self) -> tuple[type[PresetReadError], tuple[str, str, str]]:
        return type(self), (self.why, self.path, self.where)


class PresetWriteError(PresetError, ValueError):
    """A preset cannot be written as asked (out of the format's range, or too far off for `strict`)."""

    code = "preset-write"


class BundleError(SemeqError, ValueError):
    """Base of everything that goes wrong with model bundles."""

    code = "bundle"


class BundleFormatError(BundleError):
    """A bundle's structure or content is not what the format demands."""

    code = "bundle-format"


class BundleVersionError(BundleError):
    """A bundle of another major schema version."""

    code = "bundle-version"


class BundleIntegrityError(BundleError):
    """A file of a bundle is missing, unlisted or changed."""

    code = "bundle-integrity"


_CAUSES = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "read-only file system",
    errno.ENOSPC: "disk full",
    errno.EDQUOT: "disk quota used up",
    errno.EIO: "input/output error",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
}

NAME_FAULTS = {errno.ENAMETOOLONG: "name too long", errno.ELOOP: "loop of links"}
"""What is wrong with a name that the system refuses whatever lies there."""


def environment_failure(path: str | os.PathLike[str], error: OSError) -> SemeqError:
    """Return the one-line error for a failed system call on a path: EnvironmentFailure, or OutputError where the name is at fault."""
    if error.errno in NAME_FAULTS:
        return OutputError(f"{printable(path)}: {NAME_FAULTS[error.errno]}")
    cause = _CAUSES.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return EnvironmentFailure(f"{printable(path)}: {cause}")


def printable(text: str | os.PathLike[str]) -> str:
    """Return a name as one printable line: control characters and undecodable bytes are escaped, and backquotes, which mark parameters."""
    name = os.fspath(text)
    if name.isprintable() and "`" not in name:
        return name
    return "".join(_escaped(c) for c in name)


def _escaped(character: str) -> str:
    if character == "`":
        return "\\x60"
    return character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode("ascii")
