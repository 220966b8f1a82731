"""Numbers of text formats: read strictly, written plainly. Shared by the formats, so that all refuse the same things."""

from __future__ import annotations

import math
import re

import numpy as np

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import InvalidEqError, PresetReadError

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?")
_MAX_NUMBER_CHARS = 60


def number(text: str, name: str, where: str) -> float:
    """Return a decimal number; raises PresetReadError naming the field for anything else: empty, nan, inf, 1e999, a decimal comma."""
    if not text:
        raise PresetReadError(f"{name} is empty", where=where)
    if not text.isascii() or len(text) > _MAX_NUMBER_CHARS or not _NUMBER.fullmatch(text):
        comma = "; write a decimal point, not a comma" if re.fullmatch(r"[-+]?\d+,\d+", text) else ""
        raise PresetReadError(f"{name} {text[:_MAX_NUMBER_CHARS]!r} is not a number{comma}", where=where)
    value = float(text)
    if not math.isfinite(value):
        raise PresetReadError(f"{name} {text!r} is too large", where=where)
    return value


def band(kind: BandKind, freq_hz: float, gain_db: float, q: float, *, enabled: bool = True, order: int = 2, where: str) -> Band:
    """Return a band; raises PresetReadError naming the field that is out of range."""
    try:
        return Band(kind, freq_hz, gain_db, q, enabled, order)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error


def settled(value: float, low: float, high: float) -> float:
    """Return a value that only the digits or the type of a file's number put outside its range as the end of that range."""
    nearest = min(max(value, low), high)
    return nearest if math.isclose(value, nearest, rel_tol=1e-6) else value


def settings(bands: list[Band], preamp_db: float, where: str = "") -> EqSettings:
    """Return bands and preamp as one EQ; raises PresetReadError where the preamp is out of range."""
    try:
        return EqSettings(tuple(bands), preamp_db)
    except InvalidEqError as error:
        raise PresetReadError(str(error), where=where) from error


def plain_decimal(value: float, digits: int) -> str:
    """Return a number with so many significant digits, always with a decimal point and never with an exponent: 0.5, 105.0.

    A value below 1e-12 is written as 0.0.
    """
    held = value if abs(value) >= 1e-12 else 0.0
    text: str = np.format_float_positional(held, precision=digits, unique=False, fractional=False, trim="0")
    return text


def exact_decimal(value: float) -> str:
    """Return the shortest decimal that is read as the same number, always with a decimal point and never with an exponent.

    A value below 1e-12 is written as 0.0.
    """
    text: str = np.format_float_positional(value if abs(value) >= 1e-12 else 0.0, unique=True, trim="0")
    return text


def any_text(data: bytes, where: str = "") -> str:
    """Return the text of a file of Windows programs: UTF-8, UTF-16 with a byte order mark, else Windows-1252, the mark kept.

    Raises PresetReadError for control characters.
    """
    is_wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = f"\ufeff{data.decode('utf-16')}" if is_wide else data.decode("utf-8")
    except UnicodeDecodeError as error:
        if is_wide:
            raise PresetReadError("is not UTF-16 text, whose mark it has", where=where or f"offset {error.start:#x}") from error
        text = data.decode("cp1252", "replace")
    return _checked(text, where)


def head_text(head: bytes) -> str:
    """Return the text of a file's first bytes as far as it can be told, without a byte order mark."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) & ~1].decode("utf-16", "replace")
    return head.decode("utf-8", "replace").removeprefix("\ufeff")


def text_of(data: bytes, where: str = "") -> str:
    """Return a file's UTF-8 text, a byte order mark kept; raises PresetReadError for other encodings and for control characters."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise PresetReadError("is UTF-16 text, expected UTF-8", where=where)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PresetReadError("is not UTF-8 text", where=where or f"offset {error.start:#x}") from error
    return _checked(text, where)


def _checked(text: str, where: str) -> str:
    bad = re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text)
    if bad is not None:
        raise PresetReadError(
            f"holds the control character {bad.group()!r}", where=where or f"line {text.count(chr(10), 0, bad.start()) + 1}"
        )
    return text
