"""semeq's own preset: one JSON document that keeps everything exactly. The reference for round trips.

| key | content |
| --- | --- |
| format | "semeq-preset" |
| preset | the object below |
| version | the lowest that says all: "1.0", "1.1" with words, "1.2"; others of 1 are read with unknown keys kept, the rest refused |

| key of preset | content |
| --- | --- |
| name | text |
| sample_rate_hz | number |
| eq | {"bands": [{"kind", "freq_hz", "gain_db", "q", "enabled"}], "preamp_db"}, or null. Since 1.2: more kinds
(`semeq_export.eq.settings`), and
"order" of a band where it is not 2 |
| curve | {"freqs_hz": [...], "gain_db": [...]}, where no bands are known; since 1.2 also beside them |
| channels | since 1.2, instead of eq and curve: {"left": {"bands", "preamp_db", "curve"}, ...} (`semeq_export.eq.channels`) |
| words | since 1.1, for an EQ that words meant: {"weights": [[word, number], ...], "intensity", "eq", "bundle_sha256": its identity} |

What plays is the eq of preset; that of words is what they meant when they were saved. Words of which the two differ, because somebody
changed the bands, are left out with a note.

Keys sorted, shortest exact numbers, UTF-8 (semeq_export.files.strict_json): equal presets give equal bytes, and "format" stands at the top.
Unknown keys of the document and of preset are kept and written back; unknown keys deeper down are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import LAYOUT_KINDS, EqSettings
from semeq_export.errors import AudioError, InvalidEqError, PresetReadError, PresetWriteError
from semeq_export.files import strict_json
from semeq_export.words.saved import SavedWords
from semeq_presets.file_formats.base import EVERYTHING, Files, FormatInfo, Note, Preset, PresetFormat, Source, Written

_KIND = "semeq-preset"
_MAJOR = 1
_MINOR_OF_WORDS, _MINOR_OF_KINDS = 1, 2
_DOCUMENT_KEYS = {"format", "preset", "version"}
_PRESET_KEYS = {"name", "sample_rate_hz", "eq", "curve"}


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
        limits=EVERYTHING,
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
        body.update(name=preset.name, sample_rate_hz=preset.sample_rate_hz, eq=None)
        if isinstance(preset.eq, ChannelEqs):
            body["channels"] = preset.eq.to_dict()
        else:
            body.update(_eq_keys(preset.eq))
        words, notes = _played(preset.words, preset.eq)
        if words is not None:
            body["words"] = words.to_dict()
        minor = _MINOR_OF_KINDS if _needs_kinds(preset.eq) else 0 if words is None else _MINOR_OF_WORDS
        document = _without(unknown.of_document, _DOCUMENT_KEYS)
        document.update(format=_KIND, version=f"{_MAJOR}.{minor}", preset=body)
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
        minor = _check_version(document.get("version"))
        body = document.get("preset")
        if not isinstance(body, dict):
            raise PresetReadError("preset is missing or not an object")
        name = body.get("name", "")
        if not isinstance(name, str):
            raise PresetReadError("name is not a text", where="preset")
        eq = _eq_of(body, minor)
        rate = body.get("sample_rate_hz", 48_000.0)
        if isinstance(rate, bool) or not isinstance(rate, float | int):
            raise PresetReadError("sample_rate_hz is not a number", where="preset")
        has_words = minor >= _MINOR_OF_WORDS
        words, notes = _played(_words(body["words"]) if has_words and body.get("words") is not None else None, eq)
        known = _PRESET_KEYS | ({"words"} if has_words else set()) | ({"channels"} if minor >= _MINOR_OF_KINDS else set())
        unknown = UnknownKeys(_without(document, _DOCUMENT_KEYS), _without(body, known))
        try:
            return Preset(eq, name, float(rate), Source(unknown), notes, words=words)
        except (AudioError, OverflowError) as error:
            raise PresetReadError(str(error), where="preset") from error


def _eq_keys(eq: EqSettings) -> dict[str, object]:
    """Return an EQ as the keys of a preset: a curve alone stands without bands."""
    if eq.curve is None:
        return {"eq": eq.to_dict()}
    bare = replace(eq, curve=None)
    return {"eq": None if bare == EqSettings() else bare.to_dict(), "curve": eq.curve.to_dict()}


def _needs_kinds(eq: EqSettings | ChannelEqs) -> bool:
    """Whether an EQ says what only version 1.2 can."""
    if isinstance(eq, ChannelEqs):
        return True
    return (eq.curve is not None and replace(eq, curve=None) != EqSettings()) or any(
        band.kind not in LAYOUT_KINDS or band.order != 2 for band in eq.bands
    )


def _eq_of(body: Mapping[str, object], minor: int) -> EqSettings | ChannelEqs:
    channels = body.get("channels") if minor >= _MINOR_OF_KINDS else None
    try:
        if channels is not None:
            if body.get("eq") is not None or body.get("curve") is not None:
                raise PresetReadError("holds channels beside eq or curve", where="preset")
            return ChannelEqs.from_dict(channels)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where="channels") from error
    eq = None if body.get("eq") is None else _eq(body["eq"])
    curve = None if body.get("curve") is None else _curve(body["curve"])
    if eq is None and curve is None:
        raise PresetReadError("holds neither eq nor curve", where="preset")
    return replace(eq or EqSettings(), curve=curve)


def _played(words: SavedWords | None, eq: EqSettings | ChannelEqs) -> tuple[SavedWords | None, tuple[Note, ...]]:
    """Return words while an EQ still is what they meant, else a note that says what became of them."""
    if words is None or (isinstance(eq, EqSettings) and words.is_played_by(eq)):
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


def _curve(data: object) -> Curve:
    try:
        return Curve.from_dict(data)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where="curve") from error


FORMAT: PresetFormat = SemeqJson()
