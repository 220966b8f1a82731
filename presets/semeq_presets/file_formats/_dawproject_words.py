"""The words of a session's tracks, in an entry of our own beside project.xml, which DAWs pass over and drop when they save.

    semeq.json: {"format": "semeq-words", "version": "1.0", "tracks": [WORDS or null, ...]}     in the order of project.xml's tracks

WORDS as in semeq-json. Equalisers hold six decimals, so what words meant stands here in full.
"""

from __future__ import annotations

from collections.abc import Sequence

from semeq_export.errors import PresetReadError
from semeq_export.files import strict_json
from semeq_export.words.saved import SavedWords

WORDS = "semeq.json"
MAX_WORDS_BYTES = 5_000_000
_KIND, _VERSION = "semeq-words", "1.0"


def pack_words(tracks: Sequence[SavedWords | None]) -> bytes | None:
    """Return the entry for tracks in order, None where no track has words."""
    if not any(tracks):
        return None
    listed = [None if words is None else words.to_dict() for words in tracks]
    return strict_json.dumps({"format": _KIND, "version": _VERSION, "tracks": listed})


def unpack_words(data: bytes) -> list[SavedWords | None]:
    """Return the words of tracks in order; raises PresetReadError naming what is wrong."""
    try:
        document = strict_json.loads(data, max_bytes=MAX_WORDS_BYTES)
        if not isinstance(document, dict) or document.get("format") != _KIND or document.get("version") != _VERSION:
            raise ValueError(f'is not a JSON object with "format": "{_KIND}" and "version": "{_VERSION}"')
        tracks = document.get("tracks")
        if not isinstance(tracks, list):
            raise ValueError("tracks is not a list")
        return [None if words is None else SavedWords.from_dict(words) for words in tracks]
    except ValueError as error:
        raise PresetReadError(str(error), where=WORDS) from error
