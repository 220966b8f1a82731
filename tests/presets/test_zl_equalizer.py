"""ZL Equalizer: filters by the formulas of its source, its tree of parameters, and what moves or is bypassed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import semeq_presets as presets
from semeq_export.eq.biquad import response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden/zl-equalizer/five.zlequalizer.json"
FREQS_HZ = log_grid(150, 20.0, 2_000.0)  # far below Nyquist, where digital filters are as their models


def document(**parameters: object) -> bytes:
    entries = [{"type": "PARAM", "properties": {"id": name, "value": str(value)}, "children": []} for name, value in parameters.items()]
    children = [{"type": kind, "properties": {}, "children": held} for kind, held in (("Para", entries), ("State", []))]
    return json.dumps(
        {"format": "ZLEqualizerPreset", "version": 1, "state": {"type": "ParaState", "properties": {}, "children": children}}
    ).encode()


def read(**parameters: object) -> Preset:
    return presets.read(document(**parameters))


def one(code: int, order: int, freq_hz: float, gain_db: float, q: float, slot: int = 0, mode: int = 0) -> dict[str, Any]:
    values = {"filter_status": 2, "filter_type": code, "order": order, "freq": freq_hz, "gain": gain_db, "q": q, "lr_mode": mode}
    return {f"{name}{slot}": value for name, value in values.items()}


def power_db(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return 20.0 * np.log10(np.abs(numerator) / np.abs(denominator))


def test_the_golden_is_read_and_written_back() -> None:
    preset = presets.read_file(GOLDEN)
    assert (preset.format, preset.notes) == ("zl-equalizer", ())
    assert isinstance(preset.eq, EqSettings)
    shelf, peak, *steep, notch = preset.eq.bands
    assert (shelf.kind, shelf.freq_hz, round(shelf.gain_db, 5), round(shelf.q, 5)) == ("low_shelf", 105.0, 8.1, 0.70705)
    assert (peak.kind, peak.freq_hz, round(peak.gain_db, 5), round(peak.q, 5)) == ("peak", 1_604.0, -2.7, 1.23)
    assert [(band.kind, band.freq_hz, round(band.q, 2)) for band in steep] == [("high_pass", 25.0, 0.54), ("high_pass", 25.0, 1.31)]
    assert (notch.kind, round(notch.q, 3), notch.enabled) == ("notch", 8.019, False)
    assert preset.eq.preamp_db == pytest.approx(-5.9)
    assert list(presets.write(preset, "zl-equalizer").files.values()) == [GOLDEN.read_bytes()]


@pytest.mark.parametrize("code", [1, 3, 7])
def test_shelves_are_those_of_the_source(code: int) -> None:
    g, q0, hz = 8.0, 0.9, 150.0
    s, a = 1j * FREQS_HZ / hz, 10.0 ** (g / 40.0)
    q = math.sqrt(q0 * math.sqrt(2.0)) / math.sqrt(2.0)
    r = math.sqrt(a) / q
    low = power_db(s * s + r * s + a, s * s + r / a * s + 1.0 / a)
    wanted = {
        1: low,
        3: power_db(a * a * s * s + a * r * s + a, s * s + r * s + a),
        7: power_db(a * s * s + r * s + 1.0, s * s + r * s + a),
    }[code]
    eq = read(**one(code, 1, hz, g, q0)).single
    assert np.max(np.abs(response_db(eq, FREQS_HZ, 384_000.0) - wanted)) < 0.01


@pytest.mark.parametrize(("code", "order"), [(2, 3), (4, 2), (9, 2), (1, 3), (3, 6), (0, 4), (5, 3), (6, 2)])
def test_filters_of_a_high_order_keep_their_level_and_corner(code: int, order: int) -> None:
    preset = read(**one(code, order, 200.0, 6.0, 0.7071))
    response = response_db(preset.single, np.array([20.0, 200.0, 2_000.0]), 384_000.0)
    n = (1, 2, 4, 6, 8, 12, 16)[order]
    low, centre, high = {
        2: (0.0, -3.01, -20.0 * n),
        4: (-20.0 * n, -3.01, 0.0),
        9: (0.0, 0.0, 0.0),
        1: (6.0, 3.0, 0.0),
        3: (0.0, 3.0, 6.0),
        0: (0.0, 6.0, 0.0),
        5: (0.0, None, 0.0),
        6: (None, 0.0, None),
    }[code]
    for got, wanted in zip(response, (low, centre, high), strict=True):
        assert wanted is None or got == pytest.approx(wanted, abs=0.9 if code in (0, 5) else 0.1)


def test_notches_and_band_passes_are_3_db_down_where_the_width_of_their_q_ends() -> None:
    q = 1.5
    edges = np.array([400.0 * 2.0 ** (side * math.asinh(0.5 / q) / math.log(2.0)) for side in (-1.0, 1.0)])
    for order in (1, 2, 4):
        n = (1, 2, 4, 6, 8)[order]
        band_pass, notch = (response_db(read(**one(code, order, 400.0, 0.0, q)).single, edges, 384_000.0) for code in (6, 5))
        assert band_pass == pytest.approx([-3.0] * 2, abs=0.05), n
        assert notch == pytest.approx([-3.0] * 2, abs=0.05), n


def test_a_flat_tilt_and_a_flat_gain() -> None:
    tilted = response_db(read(**one(8, 1, 400.0, 6.0, 1.0)).single, np.array([100.0, 400.0, 1_600.0]), 384_000.0)
    assert tilted[1] == pytest.approx(0.0, abs=0.02)
    assert tilted[2] - tilted[1] == pytest.approx(tilted[1] - tilted[0], abs=0.1)
    assert tilted[2] > 1.0
    eq = read(total_output_gain=-2, total_gain_scale=50, **one(10, 1, 400.0, 6.0, 1.0)).eq
    assert eq == EqSettings((), 1.0)


def test_left_and_right_or_mid_and_side() -> None:
    both, left = one(0, 1, 100.0, 3.0, 1.0), one(0, 1, 400.0, -2.0, 1.0, slot=1, mode=1)
    peak = Band("peak", 100.0, 3.0, 1.0)
    preset = read(**both, **left)
    assert preset.eq == ChannelEqs((("left", EqSettings((peak, Band("peak", 400.0, -2.0, 1.0)))), ("right", EqSettings((peak,)))))
    side = read(**both, **one(10, 1, 400.0, -4.0, 1.0, slot=1, mode=4))
    assert side.eq == ChannelEqs((("mid", EqSettings((peak,))), ("side", EqSettings((peak,), -4.0))))
    assert presets.read(presets.write(replace(side, source=None), "zl-equalizer").files).eq == side.eq
    with pytest.raises(PresetReadError, match="^has bands for left or right beside bands for mid or side"):
        read(**left, **one(0, 1, 9.0, 1.0, 1.0, slot=2, mode=3))


def test_what_moves_or_is_bypassed_is_said() -> None:
    preset = read(total_auto_gain=1, dynamic_on0=1, target_gain0=-3, **one(0, 1, 100.0, 3.0, 1.0))
    assert [str(note) for note in preset.notes] == [
        "total_auto_gain gain that is made up for is not read (unknown)",
        "band 0 a gain that moves with the sound is not read (unknown, 6.000 dB off at 100 Hz)",
    ]
    bypassed = read(total_bypass=1, total_output_gain=3, **one(0, 1, 100.0, 3.0, 1.0))
    assert bypassed.eq == EqSettings((Band("peak", 100.0, 3.0, 1.0, enabled=False),))


def test_filters_near_nyquist_are_said_to_follow_their_models() -> None:
    (note,) = read(**one(0, 1, 16_000.0, 6.0, 1.0)).notes
    assert note.kind == "approximated"
    assert note.error_db is not None
    assert note.error_db > 0.5


def test_a_fresh_preset_says_every_parameter() -> None:
    (data,) = presets.write(EqSettings((Band("low_shelf", 100.0, 3.0, 5.0),)), "zl-equalizer").files.values()
    entries = {entry["properties"]["id"]: entry["properties"]["value"] for entry in json.loads(data)["state"]["children"][0]["children"]}
    assert len(entries) == 9 + 24 * 25
    assert (entries["filter_status0"], entries["filter_type0"], entries["order0"], entries["q0"]) == ("2.0", "1.0", "1.0", "24.947")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (document(**one(11, 1, 100.0, 0.0, 1.0)), r"^filter_type0: 11 is not 0\.\.10$"),
        (document(**one(0, 7, 100.0, 0.0, 1.0)), r"^order0: 7 is not 0\.\.6$"),
        (document(**one(0, 1, 100.0, 0.0, 0.0)), r"^q0: 0 is outside 0\.\.1000$"),
        (document(freq0="x"), r"^freq0: value 'x' is not a number$"),
        (b'{"format": "ZLEqualizerPreset", "version": 2}', r'^is not a JSON object with "format": "ZLEqualizerPreset" and "version": 1$'),
        (b'{"format": "ZLEqualizerPreset", "version": 1, "state": {"children": []}}', r"^state children: has no parameters of type Para$"),
    ],
)
def test_what_is_not_understood_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        presets.read(data)
