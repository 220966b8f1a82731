"""REW's filters: every type that it exports, in any language, against sections that share no code with the reader."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from host_maths import sections
from host_maths.sections import Complex, Grid

import semeq_presets as presets
from semeq_export.eq.biquad import SILENT_DB
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden/rew"
GRID = Grid(log_grid(200))
HEAD = "Filter Settings file\n\nRoom EQ V5.31\n\nEqualiser: {}\n"


def of_q(make: Callable[[Grid, float, float], Complex], freq_hz: float, q: float) -> Complex:
    return make(GRID, freq_hz, sections.alpha_of_q(GRID, freq_hz, q))


def peak(freq_hz: float, gain_db: float, q: float) -> Complex:
    return sections.peak(GRID, freq_hz, gain_db, sections.alpha_of_q(GRID, freq_hz, q))


def shelf(freq_hz: float, gain_db: float, slope: float, *, low: bool) -> Complex:
    return sections.shelf(GRID, freq_hz, gain_db, sections.alpha_of_slope(GRID, freq_hz, gain_db, slope), low=low)


def db(response: Complex) -> np.ndarray:
    return np.maximum(20.0 * np.log10(np.maximum(np.abs(response), 1e-9)), SILENT_DB)


def read(line: str, equaliser: str = "Generic") -> Preset:
    return presets.read(f"{HEAD.format(equaliser)}Filter  1: {line}\n".encode(), filename="x.txt")


CASES: list[tuple[str, Complex]] = [
    ("ON  PK       Fc   53.90 Hz  Gain   2.00 dB  Q 10.000", peak(53.9, 2.0, 10.0)),
    ("ON  Modal    Fc   89.40 Hz  Gain  -3.00 dB  Q 12.197  T60 target   300 ms", peak(89.4, -3.0, 12.197)),
    ("ON  PEQ      Fc    64,0 Hz  Gain  -5,0 dB  BW Oct 0,5", peak(64.0, -5.0, 1.0 / (2.0 * math.sinh(math.log(2.0) / 4.0)))),
    ("ON  PA   Fc    36.8Hz (   40 -7 )   Gain -15.5dB  BW/60 10.0", peak(36.8, -15.5, 6.0 / math.sqrt(2.0))),
    ("ON  BP       Fc   1,000 Hz  Gain   4.0 dB  Q  2.0", peak(1_000.0, 4.0, 2.0)),
    ("ON  LP       Fc  14,500 Hz ", of_q(sections.low_pass, 14_500.0, math.sqrt(0.5))),
    ("ON  HP       Fc   16.60 Hz ", of_q(sections.high_pass, 16.6, math.sqrt(0.5))),
    ("ON  LP1      Fc  12.500 Hz ", sections.first_order_pass(GRID, 12_500.0, low=True)),
    ("ON  HP1      Fc   37.00 Hz ", sections.first_order_pass(GRID, 37.0, low=False)),
    ("ON  LP Q     Fc   1'600 Hz  Q  0.500", of_q(sections.low_pass, 1_600.0, 0.5)),
    ("ON  HPQ      Fc   100,0 Hz  Q  0,707", of_q(sections.high_pass, 100.0, 0.707)),
    ("ON  LS       Fc    1325 Hz  Gain   4.00 dB", shelf(1_325.0, 4.0, 0.9, low=True)),
    ("ON  HS       Fc   160.0 Hz  Gain   1.00 dB", shelf(160.0, 1.0, 0.9, low=False)),
    ("ON  LS 6dB   Fc   200.0 Hz  Gain   6.00 dB", shelf(200.0 * 10 ** (6 / 40), 6.0, 0.5, low=True)),
    ("ON  HS 6dB   Fc   250.0 Hz  Gain  -6.00 dB", shelf(250.0 / 10 ** (6 / 40), -6.0, 0.5, low=False)),
    ("ON  LS 12dB  Fc   10000 Hz  Gain  -10.0 dB", shelf(10_000.0 * 10 ** (10 / 80), -10.0, 1.0, low=True)),
    ("ON  HS 12dB  Fc   400.0 Hz  Gain   8.00 dB", shelf(400.0 / 10 ** (8 / 80), 8.0, 1.0, low=False)),
    (
        "ON  HS Q     Fc   630.0 Hz  Gain   3.00 dB Q  0.9",
        sections.shelf(GRID, 630.0, 3.0, sections.alpha_of_q(GRID, 630.0, 0.9), low=False),
    ),
    ("ON  Notch    Fc   800.0 Hz ", of_q(sections.notch, 800.0, 30.0)),
    ("ON  Notch Q  Fc   100.0 Hz  Q  0.707", of_q(sections.notch, 100.0, 0.707)),
    ("ON  All pass  Fc   100.0 Hz  Q  0.707", GRID.constant(1.0)),
    ("OFF PK       Fc   100.0 Hz  Gain   9.00 dB  Q 2.0", GRID.constant(1.0)),
    ("ON  PK       Fc 13\u00a0541 Hz  Gain   3.00 dB  Q 2.0", peak(13_541.0, 3.0, 2.0)),
    ("ON  PK       Fc   1.5 kHz  Gain   3.00 dB  Q 2.0", peak(1_500.0, 3.0, 2.0)),
]


@pytest.mark.parametrize(("line", "wanted"), CASES, ids=[line.split("Hz")[0] for line, _ in CASES])
def test_a_filter_sounds_as_rew_defines_it(line: str, wanted: Complex) -> None:
    preset = read(line)
    assert (preset.format, preset.notes) == ("rew", ())
    assert np.max(np.abs(np.maximum(preset.response_db(GRID.freqs_hz), SILENT_DB) - db(wanted))) <= 1e-3


def test_the_corner_of_a_shelf_is_where_its_author_put_it() -> None:
    for gain_db, centre_hz in ((-2.5, 10_741), (-5.0, 11_546), (-10.0, 13_333), (-20.0, 17_777)):  # measured in REW by a user of its forum
        eq = read(f"ON  LS 12dB  Fc   10000 Hz  Gain  {gain_db} dB").eq
        assert isinstance(eq, EqSettings)
        assert eq.bands[0].freq_hz == pytest.approx(centre_hz, rel=2e-3)


def test_every_type_of_a_file_is_read_and_it_comes_back() -> None:
    preset = presets.read_file(GOLDEN / "types.rew.txt")
    assert isinstance(preset.eq, EqSettings)
    assert len(preset.eq.bands) == 18
    assert [str(note) for note in preset.notes] == [
        "line 28 a Linkwitz transform (L-T) is no band and is not read (unknown, 4.801 dB off at 20 Hz)"
    ]
    assert presets.write(preset, "rew").files["preset.rew.txt"] == (GOLDEN / "types.rew.txt").read_bytes()


def test_the_table_of_rew_is_read() -> None:
    preset = presets.read((GOLDEN / "table.rew.txt").read_bytes(), filename="x.txt")
    assert isinstance(preset.eq, EqSettings)
    assert [str(band) for band in preset.eq.bands] == [
        "peak 66 Hz -12 dB q 7.4",
        "peak 71.9 Hz 9 dB q 6.993",
        "low_shelf 44.3 Hz -11 dB q 0.7",
        "peak 500 Hz 3 dB q 2",
        "high_pass 30 Hz q 1",
        "high_pass 30 Hz order 1",
    ]
    assert [band.enabled for band in preset.eq.bands] == [True, False, True, True, True, True]
    assert preset.name == "table"
    assert presets.write(preset, "rew").files["preset.rew.txt"] == (GOLDEN / "table.rew.txt").read_bytes()
    riley = (GOLDEN / "table.rew.txt").read_bytes().replace(b"BU\t18", b"L-R\t24")
    eq = presets.read(riley, "rew").eq
    assert isinstance(eq, EqSettings)
    assert eq.bands[4:] == (Band(BandKind.HIGH_PASS, 30.0, q=math.sqrt(0.5)),) * 2


def test_commas_and_blanks_separate_columns_too() -> None:
    columns = "Number Enabled Control Type Frequency(Hz) Gain(dB) Q Bandwidth(Hz)"
    table = f"Generic\n{columns}\n1 True Auto PK 66.00 -12.00 7.40 8.92\n2 True Auto None\n"
    for text in (table, table.replace(" ", ",")):
        eq = presets.read(text.encode(), "rew").eq
        assert isinstance(eq, EqSettings)
        assert eq.bands == (Band("peak", 66.0, -12.0, 7.4),)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ON  XO  Fc 100 Hz", "line 6: filter type 'XO' is not known; switch it off to read the rest"),
        ("ON  PK  Fc 100 Hz  Gain 3 dB", "line 6: q is missing"),
        ("ON  AP  Fc 100 Hz", "line 6: q is missing"),
        ("ON  PK  Fc 1,2,3 x Hz  Gain 3 dB Q 1", "line 6: freq_hz is missing"),
        ("ON  PK  Fc 1e9 Hz  Gain 3 dB Q 1", "line 6: freq_hz 1000000000.0 is outside 0..200000"),
        ("ON  PK  Fc 100 Hz  Gain 3 dB BW/60 0", "line 6: bandwidth 0 is outside 0.01..1200 sixtieths"),
        ("ON  L-T Fc 50 Hz Q 1 Fp 0 Qp 1", "line 6: a Linkwitz transform out of range"),
    ],
)
def test_what_is_wrong_is_named(line: str, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        read(line)
    assert str(caught.value) == says


def test_a_preamp_makes_it_a_file_of_equalizer_apo() -> None:
    text = f"{HEAD.format('Generic')}Preamp: -1,5 dB\nFilter  1: ON  PK  Fc 100 Hz  Gain 3 dB  Q 1\n".encode()
    preset = presets.read(text, filename="x.txt")
    assert isinstance(preset.eq, EqSettings)
    assert (preset.format, preset.eq.preamp_db) == ("eqapo", -1.5)
    forced = presets.read(text, "rew")
    assert [str(note) for note in forced.notes] == ["line 6 a Preamp line is none of REW's; read the file as eqapo (unknown, 1.500 dB off)"]


def test_new_kinds_are_written_as_rew_writes_them() -> None:
    passes = (Band("low_pass", 300.0, order=1), Band("high_pass", 40.0, q=0.5))
    eq = EqSettings((*passes, Band("notch", 50.0, q=8.0), Band("all_pass", 90.0, q=0.7)))
    text = presets.write(eq, "rew").files["preset.rew.txt"].decode()
    assert text.split("Generic\n")[1] == (
        "Filter  1: ON  LP1      Fc   300.00 Hz\nFilter  2: ON  HP Q     Fc    40.00 Hz  Q  0.500\n"
        "Filter  3: ON  Notch Q  Fc    50.00 Hz  Q  8.000\nFilter  4: ON  All pass Fc    90.00 Hz  Q  0.700\n"
    )
    back = presets.read(text.encode(), "rew").eq
    assert isinstance(back, EqSettings)
    assert [(band.kind, band.order) for band in back.bands] == [(band.kind, band.order) for band in eq.bands]
