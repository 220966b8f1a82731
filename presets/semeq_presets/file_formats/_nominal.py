"""Filters whose host's meaning is not known in full: what they are read as, and how far the other plausible readings are from that."""

from __future__ import annotations

from dataclasses import replace

from semeq_export.eq.biquad import SILENT_DB
from semeq_export.eq.settings import LAYOUT_KINDS, Band, BandKind
from semeq_presets.file_formats._losses_db import apart_db
from semeq_presets.file_formats.base import Note

PASSES = frozenset({BandKind.HIGH_PASS, BandKind.LOW_PASS})
FLAT_Q = 0.7071
"""Butterworth's, without any resonance."""

_SAID_DB = 0.1


def gain_for(kind: BandKind, gain_db: float) -> float:
    """Return the gain of a band in dB, 0 for kinds that have none, whatever a file stores beside them."""
    return gain_db if kind in LAYOUT_KINDS or kind is BandKind.TILT else 0.0


def pass_notes(held: Band, place: str) -> list[Note]:
    """Return a note on a switched-on pass of a high order: how far it is from equal sections of its Q, and from one that ignores the Q.

    A pass of first or second order has one reading, that of the cookbook. place: where the file has it.
    """
    if held.kind not in PASSES or held.order <= 2 or not held.enabled:
        return []
    equal = [replace(held, order=2) for _ in range(held.order // 2)] + [replace(held, order=1)] * (held.order % 2)
    error_db, at_hz = max(apart_db([held], other) for other in (equal, [replace(held, q=FLAT_Q)]))
    if error_db < _SAID_DB:
        return []
    return [Note("approximated", None, f"{place} slope and q", str(held), "Butterworth's with one resonant section", error_db, at_hz)]


def lost_note(place: str, what: str, lost: Band | None = None, gain_db: float = 0.0) -> Note:
    """Return the note on a filter that is not read, with its size: that of the band it is, or else its gain, or all there is to lose.

    place: where the file has it. what: what it is.
    """
    if lost is not None:
        return Note("unknown", None, place, f"{what} is not read", None, *apart_db([lost], ()))
    return Note("unknown", None, place, f"{what} is not read", None, abs(gain_db) or -SILENT_DB)


def steep_notes(held: Band, place: str, slope: str) -> list[Note]:
    """Return a note on a switched-on band that is steeper in the host than the one that is read: by up to half its gain at its frequency.

    slope: what the file says, in the host's words.
    """
    if not held.is_active:
        return []
    return [Note("approximated", None, f"{place} slope", slope, "12 dB/oct", abs(held.gain_db) / 2.0, held.freq_hz)]
