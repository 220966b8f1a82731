"""Numbers as Equalizer APO reads them: what of a word is a number, a decimal comma, and a point that separates thousands.

Source: filters/BiQuadFilterFactory.cpp (getFreq) and PreampFilterFactory.cpp: C's wcstod and swscanf take the longest beginning that is a
number; commas become points before that.
"""

from __future__ import annotations

import math
import re

from semeq_export.errors import PresetReadError

_LEADING = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_MIN_THOUSANDS = 5


def with_points(text: str) -> str:
    """Return a line's parameters with decimal points for decimal commas."""
    return text.replace(",", ".")


def leading_number(word: str, name: str, where: str) -> float:
    """Return the number that a word begins with, 0 where it begins with none; raises PresetReadError for one that is too large."""
    found = _LEADING.match(word)
    value = float(found[0]) if found else 0.0
    if not math.isfinite(value):
        raise PresetReadError(f"{name} {word[:60]!r} is too large", where=where)
    return value


def frequency_hz(word: str, where: str) -> float:
    """Return a frequency in Hz; a point three digits before the end separates thousands, as in "1.549", from five characters on."""
    plain = word.replace("\u00a0", "")
    if not _LEADING.match(plain):
        raise PresetReadError(f"freq_hz {word[:60]!r} is not a number", where=where)
    return leading_number(plain, "freq_hz", where) * (1_000.0 if is_thousands(plain) else 1.0)


def is_thousands(word: str) -> bool:
    """Whether Equalizer APO multiplies a frequency by 1,000."""
    plain = word.replace("\u00a0", "")
    return len(plain) >= _MIN_THOUSANDS and plain[-4] == "." and "e" not in plain.lower()
