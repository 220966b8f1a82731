"""semeq's own preset: one JSON document that keeps everything exactly. The reference for round trips.

| key | content |
| --- | --- |
| format | "semeq-preset" |
| preset | the object below |
| version | "1.1", without words "1.0"; another major version is refused, a newer minor one is read and its unknown keys are kept |

| key of preset | content |
| --- | --- |
| name | text |
| sample_rate_hz | number |
| eq | {"bands": [{"kind", "freq_hz", "gain_db", "q", "enabled"}], "preamp_db"}, or null |
| curve | {"freqs_hz": [...], "gain_db": [...]}, only where no bands are known |
| words | since 1.1, for an EQ that words meant: {"weights": [[word, number], ...], "intensity", "eq", "bundle_sha256": its identity} |

What plays is the eq of preset; that of words is what they meant when they were saved. Words of which the two differ, because somebody
changed the bands, are left out with a note.

Keys sorted, shortest exact numbers, UTF-8 (semeq_export.files.strict_json): equal presets give equal bytes, and "format" stands at the top.
Unknown keys of the document and of preset are kept and written back; unknown keys deeper down are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import MAX_FREQ_HZ, MAX_GAIN_DB, MAX_Q, MIN_FREQ_HZ, MIN_Q, EqSettings
from semeq_export.errors import AudioError, InvalidEqError, PresetReadError, PresetWriteError
from semeq_export.files import strict_json
from semeq_export.words.saved import SavedWords
from semeq_presets.file_formats.base import Files, FormatInfo, Limits, Note, Preset, PresetFormat, Source, Written

_KIND = "semeq-preset"
_MAJOR, _MINOR = 1, 1
_MINOR_WITHOUT_WORDS = 0
_DOCUMENT_KEYS = {"format", "preset", "version"}
_PRESET_KEYS = {"name", "sample_rate_hz", "eq", "curve"}
_MAX_CURVE_POINTS = 100_000


@dataclass(frozen=True, slots=True)
class UnknownKeys:
    """What a newer minor version, or a person, added to a document and to its preset."""

    of_document: Mapping[str, object] = field(default_factory=dict)
    of_preset: Mapping[str, object] = field(default_factory=dict)


class SemeqJson:
    """Reads and writes semeq-json."""

    info = FormatInfo(
        id="semeq-json",
        title="semeq preset",
        host="semeq",
        suffixes=(".semeq.json", ".json"),
        how_to_import="semeq-export convert FILE OUT --to FORMAT, or semeq_presets.read_file",
        precision_db=1e-9,
        limits=Limits(freq_hz=(MIN_FREQ_HZ, MAX_FREQ_HZ), gain_db=(-MAX_GAIN_DB, MAX_GAIN_DB), q=(MIN_Q, MAX_Q), preamp_db=(-120.0, 120.0)),
        verified="this version of semeq",
        remark="the reference: everything comes back exactly",
    )

    def sniff(self, head: bytes, filename: str) -> bool:
        """Whether the first bytes are a JSON object that names the format."""
        return head.lstrip().startswith(b"{") and re.search(rb'"format"\s*:\s*"semeq-preset"', head) is not None

    def write(self, preset: Preset) -> Written:
        """Return the document; unknown keys are written beside the known ones, which they cannot replace."""
        unknown = preset.parts(UnknownKeys) or UnknownKeys()
        body = _without(unknown.of_preset, _PRESET_KEYS)
        body.update(name=preset.name, sample_rate_hz=preset.sample_rate_hz, eq=preset.eq.to_dict() if preset.eq is not None else None)
        if preset.curve is not None:
            body["curve"] = {"freqs_hz": preset.curve.freqs_hz.tolist(), "gain_db": preset.curve.gain_db.tolist()}
        words, notes = _played(preset.words, preset.eq)
        if words is not None:
            body["words"] = words.to_dict()
        document = _without(unknown.of_document, _DOCUMENT_KEYS)
        document.update(format=_KIND, version=f"{_MAJOR}.{_MINOR_WITHOUT_WORDS if words is None else _MINOR}", preset=body)
        try:
            return Written({"preset.semeq.json": strict_json.dumps(document)}, notes)
        except ValueError as error:  # unknown keys of a caller that hold what JSON cannot
            raise PresetWriteError(f"{self.info.id}: extras cannot be written: {str(error).lower()}") from error

    def read(self, files: Files) -> Preset:
        """Return the preset; raises PresetReadError naming the key that is missing or wrong."""
        (data,) = files.values()
        try:
            document = strict_json.loads(data, max_bytes=5_000_000)
        except ValueError as error:
            raise PresetReadError(str(error)) from error
        if not isinstance(document, dict) or document.get("format") != _KIND:
            raise PresetReadError(f'is not a JSON object with "format": "{_KIND}"')
        has_words = _check_version(document.get("version")) > _MINOR_WITHOUT_WORDS
        body = document.get("preset")
        if not isinstance(body, dict):
            raise PresetReadError("preset is missing or not an object")
        name = body.get("name", "")
        if not isinstance(name, str):
            raise PresetReadError("name is not a text", where="preset")
        eq = None if body.get("eq") is None else _eq(body["eq"])
        curve = None if body.get("curve") is None else _curve(body["curve"])
        if eq is None and curve is None:
            raise PresetReadError("holds neither eq nor curve", where="preset")
        rate = body.get("sample_rate_hz", 48_000.0)
        if isinstance(rate, bool) or not isinstance(rate, float | int):
            raise PresetReadError("sample_rate_hz is not a number", where="preset")
        words, notes = _played(_words(body["words"]) if has_words and body.get("words") is not None else None, eq)
        known = _PRESET_KEYS | ({"words"} if has_words else set())
        unknown = UnknownKeys(_without(document, _DOCUMENT_KEYS), _without(body, known))
        try:
            return Preset(eq, curve, name, float(rate), Source(unknown), notes, words=words)
        except (AudioError, OverflowError) as error:
            raise PresetReadError(str(error), where="preset") from error


def _played(words: SavedWords | None, eq: EqSettings | None) -> tuple[SavedWords | None, tuple[Note, ...]]:
    """Return words while an EQ still is what they meant, else a note that says what became of them."""
    if words is None or words.is_played_by(eq):
        return words, ()
    return None, (Note("dropped", None, "words", f"{words.target}: the bands were changed since", None),)


def _words(data: object) -> SavedWords:
    try:
        return SavedWords.from_dict(data)
    except ValueError as error:
        raise PresetReadError(str(error), where="words") from error


def _without(table: Mapping[str, object], known: set[str]) -> dict[str, object]:
    return {name: value for name, value in table.items() if name not in known}


def _check_version(version: object) -> int:
    """Return the minor version."""
    if not isinstance(version, str) or not re.fullmatch(r"[0-9]{1,6}\.[0-9]{1,6}", version):
        raise PresetReadError('version is not a text such as "1.0"')
    major, minor = map(int, version.split("."))
    if major != _MAJOR:
        made = "a newer" if major > _MAJOR else "an older"
        raise PresetReadError(f"made by {made} version (format {version}), this one reads {_MAJOR}.x")
    return minor


def _eq(data: object) -> EqSettings:
    if not isinstance(data, Mapping):
        raise PresetReadError("eq is not an object")
    try:
        return EqSettings.from_dict(data)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where="eq") from error


def _curve(data: Any) -> Curve:  # Any: parsed JSON of any shape
    columns = []
    for key in ("freqs_hz", "gain_db"):
        values = data.get(key) if isinstance(data, dict) else None
        if not isinstance(values, list) or len(values) > _MAX_CURVE_POINTS:
            raise PresetReadError(f"{key} is not a list of at most {_MAX_CURVE_POINTS} numbers", where="curve")
        if not all(isinstance(value, float | int) and not isinstance(value, bool) for value in values):
            raise PresetReadError(f"{key} holds something that is not a number", where="curve")
        columns.append(np.array(values, dtype=np.float64))
    try:
        return Curve(*columns)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where="curve") from error


FORMAT: PresetFormat = SemeqJson()
