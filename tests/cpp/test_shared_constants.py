"""What Python and semeq.hpp both state, they state alike."""

from __future__ import annotations

import re

import pytest
from conftest import ROOT

from semeq_export.bundle import flat, manifest
from semeq_export.eq import biquad, settings
from semeq_export.files import strict_json
from semeq_export.listening import dose, spectrum
from semeq_export.units import MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ
from semeq_export.words import target, terms
from semeq_host.streams import analysis, crossfade, stream
from semeq_presets.file_formats.semeq_vst3 import plugin

HEADER = (ROOT / "semeq_export/cpp/include/semeq.hpp").read_text(encoding="utf-8")
PYTHON = {
    "max_bands": flat.MAX_SLOTS,
    "max_channels": biquad.MAX_CHANNELS,
    "max_gain_db": settings.MAX_GAIN_DB,
    "max_preamp_db": settings.MAX_PREAMP_DB,
    "min_freq_hz": settings.MIN_FREQ_HZ,
    "max_freq_hz": settings.MAX_FREQ_HZ,
    "min_q": settings.MIN_Q,
    "max_q": settings.MAX_Q,
    "min_rate_hz": MIN_SAMPLE_RATE_HZ,
    "max_rate_hz": MAX_SAMPLE_RATE_HZ,
    "usable_nyquist": biquad.USABLE_NYQUIST,
    "max_intensity": target.MAX_INTENSITY,
    "max_blend_weight": manifest.MAX_BLEND_WEIGHT,
    "agreed": terms.AGREED,
    "max_words": terms.MAX_TERMS,
    "max_words_bytes": 16_000_000,  # SPEC.md
    "max_json_bytes": strict_json.MAX_BYTES,
    "max_json_depth": strict_json.MAX_DEPTH,
    "frame_samples": spectrum.FRAME_SAMPLES,
    "warm_up_s": crossfade.WARM_UP_S,
    "fade_s": crossfade.FADE_S,
    "n_thirds": len(spectrum.BANDS_HZ),
    "min_thirds": spectrum._MIN_BANDS,
    "window_s": spectrum.WINDOW_S,
    "gate_db": spectrum._GATE_DB,
    "band_range_db": spectrum._BAND_RANGE_DB,
    "context_s": analysis.CONTEXT_S,
    "min_context_s": analysis.MIN_CONTEXT_S,
    "max_context_s": analysis.MAX_CONTEXT_S,
    "first_dose_s": stream.FIRST_DOSE_S,
    "step_doses": stream.STEP_DOSES,
    "max_target_gain": dose.MAX_TARGET_GAIN,
    "max_soft_gain": dose.MAX_SOFT_GAIN,
    "doses_of_people": dose.DOSES_OF_PEOPLE,
}


def in_cpp() -> dict[str, float]:
    """The constants of the header's block, each a number or a ratio of two."""
    (block,) = re.findall(r"// Shared with Python;.*?\n(.*?)\n\n", HEADER, re.DOTALL)
    found = re.findall(r"(\w+) = ([0-9][0-9e.'-]*)(?: / ([0-9.']+))?", re.sub(r"//.*", "", block))
    return {name: float(over.replace("'", "")) / float((under or "1").replace("'", "")) for name, over, under in found}


def test_every_shared_constant_of_the_header_is_that_of_python() -> None:
    assert in_cpp() == PYTHON
    assert target.MIN_INTENSITY == -target.MAX_INTENSITY
    assert spectrum._MIN_BANDS == dose._MIN_COMMON_BANDS
    assert plugin()["max_bands"] == PYTHON["max_bands"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("version", flat.VERSION), ("max_width", flat.MAX_WIDTH), ("max_layers", flat.MAX_LAYERS), ("max_bytes", flat.MAX_BYTES)],
)
def test_the_limits_of_flat_weights_are_the_same(name: str, value: int) -> None:
    (found,) = re.findall(rf"static constexpr [^;]*\b{name} = ([0-9']+)", HEADER)
    assert int(found.replace("'", "")) == value


def test_own_words_are_called_the_same() -> None:
    assert f'source == "{terms.OWN}"' in HEADER
