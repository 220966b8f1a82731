"""The table of bands with what schema 2 adds: kinds, orders, channels and points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategies import T5

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden/csv/schema2.csv"
HIGH_PASS = Band("high_pass", 35.0, order=4)
OFF = Band("all_pass", 300.0, 0.0, 0.9, enabled=False)
LEFT = EqSettings((HIGH_PASS, Band("notch", 100.0, 0.0, 8.0), OFF), -3.5)
RIGHT = EqSettings((HIGH_PASS, Band("tilt", 900.0, 2.5, order=1), OFF), 0.0, Curve(np.array([20.0, 8_000.0]), np.array([-0.5, 1.5])))


def text_of(preset: Preset | EqSettings | ChannelEqs) -> str:
    (data,) = presets.write(preset, "csv").files.values()
    return data.decode()


def test_the_table_of_two_channels_is_read_and_written_back() -> None:
    preset = presets.read(GOLDEN.read_bytes(), "csv")
    assert preset.eq == ChannelEqs((("left", LEFT), ("right", RIGHT)))
    assert preset.notes == ()
    assert text_of(preset) == GOLDEN.read_text()


def test_a_change_of_one_channel_leaves_the_other_rows_alone() -> None:
    preset = presets.read(GOLDEN.read_bytes(), "csv")
    louder = replace(LEFT, bands=(HIGH_PASS, Band("notch", 120.0, 0.0, 8.0), OFF), preamp_db=-4.0)
    eqs = ChannelEqs((("left", louder), ("right", RIGHT)))
    text = text_of(replace(preset, eq=eqs))
    before, after = GOLDEN.read_text().splitlines(), text.splitlines()
    assert [line for line in after if line in before] == [before[0], before[2], *before[4:]]
    assert [line for line in after if line not in before] == [
        "left,,preamp,,-4.0,,,",
        "left,,notch,120.0,0.0,8.0,2,true",
        "right,,preamp,,0.0,,,",
    ]
    assert presets.read(text.encode(), "csv").eq == eqs


def test_schema_1_is_written_while_it_says_all() -> None:
    assert text_of(T5).splitlines()[0] == "kind,freq_hz,gain_db,q,enabled"
    assert text_of(EqSettings((Band("notch", 50.0, 0.0, 9.0),))).splitlines()[0] == "kind,freq_hz,gain_db,q,enabled"
    assert text_of(EqSettings((HIGH_PASS,))).splitlines()[0] == "kind,freq_hz,gain_db,q,enabled,order"
    assert text_of(ChannelEqs((("mid", LEFT), ("side", RIGHT)))).splitlines()[0] == "kind,freq_hz,gain_db,q,enabled,order,channel"


def test_a_table_gets_the_columns_that_a_change_needs() -> None:
    preset = presets.read(b"kind,freq_hz,gain_db,why\r\npeak,1000,2,hum\r\n", "csv")
    eq = EqSettings((Band("peak", 1_000.0, 2.0), Band("peak", 2_000.0, 1.0, 3.0, enabled=False), HIGH_PASS))
    text = text_of(replace(preset, eq=eq))
    assert text.splitlines()[:2] == ["kind,freq_hz,gain_db,why,q,enabled,order", "peak,1000,2,hum,,,"]
    assert presets.read(text.encode(), "csv").eq == eq
    assert text.count("\r\n") == text.count("\n") == 5


def test_a_curve_beside_bands_comes_back() -> None:
    curve = Curve(np.geomspace(20.0, 20_000.0, 50), np.linspace(-3.0, 3.0, 50))
    eq = EqSettings(T5.bands, -2.0, curve)
    back = presets.read(text_of(eq).encode(), "csv")
    assert back.eq == eq
    bare = presets.read(text_of(replace(back, eq=T5)).encode(), "csv")
    assert bare.eq == replace(T5, preamp_db=0.0)
    long = Curve(np.geomspace(20.0, 20_000.0, 10_001), np.zeros(10_001))
    with pytest.raises(PresetWriteError, match=r"^csv: a curve is over the limit of 10000 points$"):
        presets.write(EqSettings((), 0.0, long), "csv")


# fault E4
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("35,,,4", "35,,,four", "row 3: order 'four' is not a whole number"),
        ("35,,,4", "35,,,17", "row 3: order 17 is not 1..16 for a high_pass"),
        ("100,0,8", "100,1,8", "row 4: gain_db 1.0 is not 0: a notch has no gain"),
        ("900,2.5", "900,", "row 5: gain_db is empty"),
        ("point,20", "point,8000", "freqs_hz 8000.0 is not positive and strictly increasing"),
        ("point,20", "point,-20", "freqs_hz -20.0 is not positive and strictly increasing"),
        ("left,,preamp", "mid,,preamp", "channels mid, left, right is mid or side beside others"),
        ("left,,preamp", "up,,preamp", "channel 'up' is not one of left, right"),
    ],
)
def test_errors_name_row_and_column(before: str, after: str, says: str) -> None:
    text = GOLDEN.read_text()
    assert before in text
    with pytest.raises(PresetReadError) as caught:
        presets.read(text.replace(before, after, 1).encode(), "csv")
    assert says in str(caught.value)
