"""Safe file names from any text: what a word looks like in a folder of presets."""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_SLUG_CHARS = 48
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])")  # device names on Windows


def slug(text: str) -> str:
    """Return a file name of 1..48 characters out of a-z, 0-9 and hyphens, for any text; equal text gives equal names.

    Accents are removed. Text without a usable character, or longer than the limit, is told apart by eight digits of its SHA-256.
    """
    words = _words(text)
    if not words:
        return f"preset-{_digest(text)}"
    if len(words) > MAX_SLUG_CHARS:
        return distinct_slug(text)
    return f"{words}-eq" if _RESERVED.fullmatch(words) else words


def distinct_slug(text: str) -> str:
    """Return a file name as `slug` does that ends in eight digits of the text's SHA-256."""
    words = _words(text)[: MAX_SLUG_CHARS - 9].rstrip("-")
    return f"{words or 'preset'}-{_digest(text)}"


def _words(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:8]
