"""Files that a preset names: impulse responses, lists of bands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath, PureWindowsPath

from semeq_export.errors import PresetReadError

Beside = Callable[[str], bytes]
ADVICE = "put it beside this file, or take the filter out"


def companion(name: str, what: str, where: str, beside: Beside | None) -> bytes:
    """Return the content of a file that a preset names, from beside the preset: by its name alone where it is named from the root.

    Raises PresetReadError that says what it is for where it cannot be had.
    """
    if beside is not None:
        try:
            return beside(PureWindowsPath(name).name if is_far(name) else name)
        except PresetReadError as error:
            raise PresetReadError(f"{what} the file {name[:60]!r}, which is not at hand; {ADVICE}", where=where) from error
    raise PresetReadError(f"{what} the file {name[:60]!r}, which is not at hand; {ADVICE}", where=where)


def is_far(name: str) -> bool:
    """Whether a file is named from the root of its system."""
    return PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute() or name.startswith("~")
