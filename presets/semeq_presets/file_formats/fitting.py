"""A preset on its way into a format: each channel refitted to what the host holds, or refused with the size of what would be lost."""

from __future__ import annotations

from dataclasses import replace

from semeq_export.eq.biquad import USABLE_NYQUIST
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import LAYOUT_KINDS, EqSettings
from semeq_export.errors import PresetWriteError
from semeq_presets.file_formats.base import FormatInfo, Limits, Note, Preset
from semeq_presets.file_formats.limits import fit_to

LOSSY_DB = 1.0
_SAME_DB = 0.01
_POINTS = 400


def fit_preset(preset: Preset, info: FormatInfo, *, lossy: bool = False) -> tuple[Preset, tuple[Note, ...]]:
    """Return the preset as a format can hold it, and notes on what had to change. What a file of it gives back unchanged stays.

    Raises PresetWriteError where channels differ and the format has one EQ for all, and, without lossy, where a curve or filters that no
    shelf or peak is like come out more than 1 dB off.
    """
    if preset.source is not None and preset.source.is_whole and preset.source.eq == preset.eq:
        return preset, ()
    if isinstance(preset.eq, ChannelEqs):
        preset = _with_channels(preset, preset.eq, info)
    if info.carries == "curve":
        return preset, ()
    if isinstance(preset.eq, EqSettings):
        eq, notes = _fitted(preset.eq, info, preset.sample_rate_hz, lossy=lossy)
        return replace(preset, eq=eq), notes
    eqs, all_notes = [], []
    for name, held in preset.eq:
        fitted, notes = _fitted(held, info, preset.sample_rate_hz, lossy=lossy)
        eqs.append((name, fitted))
        all_notes += [replace(note, field=f"{name} {note.field}") for note in notes]
    return replace(preset, eq=ChannelEqs(tuple(eqs))), tuple(all_notes)


def _with_channels(preset: Preset, eqs: ChannelEqs, info: FormatInfo) -> Preset:
    if info.limits.holds_channels(eqs.names):
        return preset
    first = eqs.eqs[0][1]
    if len(eqs.eqs) > 1 and all(eq == first for _, eq in eqs):
        return replace(preset, eq=first)
    grid = log_grid(_POINTS, 20.0, min(20_000.0, USABLE_NYQUIST * preset.sample_rate_hz / 2))
    apart_db, at_hz = eqs.difference_db(grid, preset.sample_rate_hz)
    if len(eqs.eqs) > 1 and apart_db <= _SAME_DB:
        return replace(preset, eq=first)
    names = ", ".join(eqs.names)
    what = f"{names} differ by {apart_db:.2f} dB at {at_hz:.0f} Hz" if len(eqs.eqs) > 1 else f"only {names} has one"
    raise PresetWriteError(f"{info.id} holds one EQ for all channels, but {what}; choose one with `channel`")


def _fitted(eq: EqSettings, info: FormatInfo, sample_rate_hz: float, *, lossy: bool) -> tuple[EqSettings, tuple[Note, ...]]:
    fitted, notes = fit_to(eq, info.limits, sample_rate_hz, precision_db=info.precision_db)
    if not lossy and _is_beyond_shapes(eq, info.limits):
        worst = max(notes, key=lambda note: note.error_db or 0.0, default=None)
        if worst is not None and (worst.error_db or 0.0) > LOSSY_DB:
            raise PresetWriteError(f"{info.id}: {worst}; more than {LOSSY_DB:g} dB is written with `lossy` only")
    return fitted, notes


def _is_beyond_shapes(eq: EqSettings, limits: Limits) -> bool:
    """Whether an EQ holds what shelves and peaks only come near to."""
    return (eq.curve is not None and not limits.curve) or any(band.kind not in LAYOUT_KINDS or band.order != 2 for band in eq.active_bands)
