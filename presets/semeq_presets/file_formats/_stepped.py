"""How far a file is from what was asked for, where a program's steps or ranges move values of an EQ: one note with the size in dB."""

from __future__ import annotations

import numpy as np

from semeq_export.eq.biquad import audible_db
from semeq_export.eq.channels import ChannelEqs, Equaliser
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import EqSettings
from semeq_presets.file_formats.base import Note

_POINTS = 8_000  # closer than the sharpest filter is wide
_RATE_HZ = 48_000.0


def stepped(wanted: Equaliser, held: Equaliser, precision_db: float, what: str) -> tuple[Note, ...]:
    """Return a note where an EQ that a file holds is further off the wanted one than precision_db, 20 Hz to 20 kHz at 48 kHz."""
    freqs_hz = log_grid(_POINTS)
    names = [name for eq in (wanted, held) if isinstance(eq, ChannelEqs) for name in eq.names] or [""]
    sizes = []
    for name in dict.fromkeys(names):
        off_db = np.abs(audible_db(_of(wanted, name), freqs_hz, _RATE_HZ) - audible_db(_of(held, name), freqs_hz, _RATE_HZ))
        worst = int(np.argmax(off_db))
        sizes.append((float(off_db[worst]), float(freqs_hz[worst])))
    error_db, at_hz = max(sizes)
    return (Note("approximated", None, "response", "as asked for", what, error_db, at_hz),) if error_db > precision_db else ()


def _of(eq: Equaliser, name: str) -> EqSettings:
    if isinstance(eq, EqSettings):
        return eq
    return eq[name] if name in eq.names else EqSettings()
