"""iQualize presets: widths by the formula of its source, left and right apart, and filters narrower than it has them."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError

GOLDEN = Path(__file__).resolve().parent.parent / "golden/iqualize/split.iqpreset"


def document(*bands: dict[str, Any], **others: Any) -> bytes:
    return json.dumps({"id": "1", "name": "A", "isBuiltIn": False, "bands": list(bands), **others}).encode()


def q_of(width_oct: float, freq_hz: float) -> float:
    w = 2.0 * math.pi * freq_hz / 48_000.0
    return 0.5 / math.sinh(math.log(2.0) / 2.0 * width_oct * w / math.sin(w))


def test_the_golden_is_read_and_written_back() -> None:
    preset = presets.read_file(GOLDEN)
    assert (preset.format, preset.name, preset.notes) == ("iqualize", "Warm", ())
    assert isinstance(preset.eq, ChannelEqs)
    left, right = preset.eq["left"], preset.eq["right"]
    assert left.preamp_db == right.preamp_db == -5.9
    assert [(band.kind, band.freq_hz, band.gain_db) for band in left.bands] == [("low_shelf", 105.0, 8.1), ("peak", 1_604.0, -2.7)]
    assert [round(band.q, 4) for band in left.bands] == [round(q_of(1.9, 105.0), 4), round(q_of(1.0, 1_604.0), 4)]
    notch, peak = right.bands
    assert (notch.kind, notch.gain_db) == ("notch", 0.0)
    assert (peak.freq_hz, peak.gain_db, round(peak.q, 5)) == (16_000.0, 4.0, 0.53203)
    assert list(presets.write(preset, "iqualize").files.values()) == [GOLDEN.read_bytes()]


def test_a_change_keeps_bands_that_did_not_change_and_one_eq_has_no_right_bands() -> None:
    preset = presets.read_file(GOLDEN)
    assert isinstance(preset.eq, ChannelEqs)
    eq = replace(preset.eq["left"], bands=(preset.eq["left"].bands[0], Band("peak", 300.0, 1.0, 2.0)), preamp_db=-1.0)
    root = json.loads(*presets.write(replace(preset, eq=eq), "iqualize").files.values())
    assert root["bands"][0] == {"bandwidth": 1.9, "filterType": "lowShelf", "frequency": 105, "gain": 8.1}
    assert (root["bands"][1]["frequency"], root["bands"][1]["filterType"]) == (300.0, "parametric")
    assert "rightBands" not in root
    assert (root["inputGainDB"], root["id"]) == (-1.0, "5C7B0E3A-1D2E-4F5A-8B9C-0D1E2F3A4B5C")


def test_a_filter_that_is_narrower_than_the_program_has_is_said() -> None:
    assert presets.write(EqSettings((Band("peak", 100.0, 6.0, 25.0),)), "iqualize").notes == ()
    (note,) = presets.write(EqSettings((Band("peak", 15_000.0, 6.0, 25.0),)), "iqualize").notes
    assert note.got == "widths from 0.05 octaves"
    assert note.error_db is not None
    assert note.error_db > 1.0


def test_a_gain_behind_the_filters_counts() -> None:
    preset = presets.read(document(inputGainDB=-3, outputGainDB=1))
    assert preset.eq == EqSettings((), -2.0)
    assert json.loads(*presets.write(replace(preset, eq=EqSettings((), -4.0)), "iqualize").files.values())["inputGainDB"] == -5.0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (
            document({"frequency": 100, "gain": 1, "bandwidth": 1, "filterType": "comb"}),
            r"^band 1: filterType 'comb' is not one of parametric, low",
        ),
        (document({"frequency": 100, "gain": 1}), r"^band 1: bandwidth is missing$"),
        (
            document({"frequency": 30_000, "gain": 1, "bandwidth": 1}),
            r"^band 1: frequency 30000 or bandwidth 1 is outside 0\.\.24000 Hz or",
        ),
        (document(rightBands=3), r"^right bands: is missing or not a list$"),
    ],
)
def test_what_is_not_understood_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        presets.read(data)
