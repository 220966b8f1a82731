"""Preset names inside text files: any text becomes one harmless line."""

from __future__ import annotations

import re

_NOT_PLAIN = re.compile("[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]+")


def one_line(name: str) -> str:
    """Return a name without control characters, line ends and lone surrogates: each run of them and of spaces becomes one space."""
    return _NOT_PLAIN.sub(" ", name).strip()
