"""The impulse response that a Convolution line names, as a response by points."""

from __future__ import annotations

from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import EqSettings
from semeq_export.errors import PresetReadError


def convolved(data: bytes, where: str) -> tuple[Curve | float, ...]:
    """Return the response of a WAV file; raises PresetReadError for other files, and where its channels differ."""
    from semeq_presets.file_formats.fir_wav import MINIMUM  # scipy.signal takes longer to import than a configuration to be read

    try:
        preset = MINIMUM.read({"impulse.wav": data})
    except PresetReadError as error:
        raise PresetReadError(f"the file of a Convolution: {error.why}; take the line out to read the rest", where=where) from error
    eq = preset.eq
    if not isinstance(eq, EqSettings) or eq.curve is None or preset.notes:
        raise PresetReadError("the file of a Convolution differs between its channels; take the line out to read the rest", where=where)
    return (eq.curve,) if eq.preamp_db == 0.0 else (eq.curve, eq.preamp_db)
