"""Are bundles and presets sound?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from semeq_export.bundle.validate import Finding, validate
from semeq_export.errors import PresetError, SemeqError
from semeq_export.files.disk import open_regular
from semeq_presets import read_file

__all__ = ["Finding", "PathFindings", "ValidateOptions", "ValidateResult", "validate_paths"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateOptions:
    """What to check: bundles (folder or zip) and presets.

    level: of bundles; 1 structure and hashes, 2 also graphs, 3 also the conformance vectors. trust: run TorchScript files too, at level 3;
    they can run code, so only for bundles of one's own.
    """

    paths: Sequence[str | os.PathLike[str]]
    level: Literal[1, 2, 3] = 3
    trust: bool = False


@dataclass(frozen=True, slots=True)
class PathFindings:
    """What is to be said of one bundle or preset."""

    path: str | os.PathLike[str]
    kind: Literal["bundle", "preset"]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make it unsound."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def is_sound(self) -> bool:
        """Whether no finding is an error."""
        return not self.errors

    def to_dict(self) -> dict[str, object]:
        """Return plain data for JSON."""
        findings = [asdict(finding) for finding in self.findings]
        return {"path": os.fspath(self.path), "kind": self.kind, "is_sound": self.is_sound, "findings": findings}


@dataclass(frozen=True, slots=True)
class ValidateResult:
    """What was found, path by path."""

    paths: tuple[PathFindings, ...]

    @property
    def is_sound(self) -> bool:
        """Whether everything is."""
        return all(path.is_sound for path in self.paths)


def validate_paths(options: ValidateOptions) -> ValidateResult:
    """Check bundles and presets; what a bundle's graphs do is tried in another process, with limits of 5 s and 500 MB.

    What is unsound is a finding; raises SemeqError where a path cannot be read, EnvironmentFailure where the system refuses.
    """
    return ValidateResult(tuple(_checked(path, options) for path in options.paths))


def _checked(path: str | os.PathLike[str], options: ValidateOptions) -> PathFindings:
    place = Path(path)
    if place.is_dir():
        is_bundle = place.suffix != ".lv2" and not (place / "manifest.ttl").exists()
    else:
        os.close(open_regular(place, SemeqError))
        is_bundle = place.suffix in (".semeq", ".zip")
    if is_bundle:
        return PathFindings(path, "bundle", tuple(validate(path, options.level, trust=options.trust)))
    return PathFindings(path, "preset", _preset_findings(os.fspath(path)))


def _preset_findings(path: str) -> tuple[Finding, ...]:
    try:
        preset = read_file(path)
    except PresetError as error:
        return (Finding("error", error.code, path, str(error)),)
    return tuple(Finding("note", note.kind, path, str(note)) for note in preset.notes)
