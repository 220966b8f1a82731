"""Ableton's EQ Eight: what is read, kept and written."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import cases
from preset_files import files_of, peak_below
from strategies import T5

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Preset
from semeq_presets.file_formats.base import Choice

GOLDEN = Path(__file__).resolve().parent.parent / "golden/eq-eight/warm.adv"
MID_SIDE = GOLDEN.with_name("mid-side.adv")
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF


def xml_of(data: bytes) -> str:
    return gzip.decompress(data).decode()


def test_the_preset_is_read_and_written_back() -> None:
    preset = presets.read(files_of(GOLDEN))
    assert preset.eq is not None
    assert (preset.format, preset.name) == ("eq-eight", "Warm & wide")
    assert preset.eq.bands == (
        Band(LOW, 105.0, 8.10000038, 0.699999988),
        Band("high_pass", 30.0, 0.0, 0.707106769),
        Band(PEAK, 1_604.0, -2.70000005, 1.23000002),
        Band(HIGH, 10_000.0, -7.5, 0.699999988, enabled=False),
    )
    assert preset.eq.preamp_db == -5.9000001
    (note,) = preset.notes
    assert str(note).startswith("AdaptiveQ true is not read (unknown, 0.")  # dB: a bell of -2.7 dB, Q 1.23 or 1.67
    assert presets.write(preset, "eq-eight").files["preset.adv"] == GOLDEN.read_bytes()


def test_an_edit_changes_its_own_values_only() -> None:
    preset = presets.read(files_of(GOLDEN))
    assert preset.eq is not None
    bands = (*preset.eq.bands[:2], replace(preset.eq.bands[2], gain_db=-3.25))
    (data,) = presets.write(replace(preset, eq=EqSettings(bands, -1.5), name="New"), "eq-eight").files.values()
    before, after = re.split(r"(?<=>)\s*", xml_of(GOLDEN.read_bytes())), re.split(r"(?<=>)\s*", xml_of(data))
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old.replace(" />", "/>") != new]
    assert [new for _, new in changed] == [
        '<UserName Value="New"/>',
        '<Manual Value="-1.5"/>',
        '<Manual Value="-3.25"/>',
        '<Manual Value="3"/>',  # band 4 is unused now: a bell that is off, at 0 dB
        '<Manual Value="1000"/>',
        '<Manual Value="0"/>',
        '<Manual Value="0.707106781"/>',
    ]
    back = presets.read(data)
    assert back.eq is not None
    assert back.eq == EqSettings(bands, -1.5)
    assert "<FromANewerVersion" in xml_of(data)


def test_mid_and_side_are_an_eq_each_and_the_scale_is_in_the_gains() -> None:
    preset = presets.read(MID_SIDE.read_bytes())
    assert isinstance(preset.eq, ChannelEqs)
    low, peak, high = Band(LOW, 105.0, 4.05000019, 0.699999988), Band(PEAK, 1_604.0, -1.350000025, 1.23000002), Band(HIGH, 10_000.0, -3.75)
    assert preset.eq["mid"].bands == (low, peak, replace(high, q=0.699999988, enabled=False))
    assert preset.eq["side"].bands == (Band("low_pass", 9_000.0, 0.0, 0.899999976, order=8), Band("notch", 100.0, 0.0, 6.0))
    assert [note.field for note in preset.notes] == ["band 2 of the file (ParameterA)", "band 1 of the file (ParameterB) slope and q"]
    assert preset.notes[0].error_db == 60.0  # no gain tells what a mode that nobody knows may do
    assert presets.write(preset, "eq-eight").files["preset.adv"] == MID_SIDE.read_bytes()


def test_an_edit_of_one_side_takes_the_scale_out() -> None:
    preset = presets.read(MID_SIDE.read_bytes())
    assert isinstance(preset.eq, ChannelEqs)
    mid = EqSettings(preset.eq["mid"].bands[:1], -4.0)
    written = presets.write(replace(preset, eq=ChannelEqs((("mid", mid), ("side", preset.eq["side"])))), "eq-eight")
    assert [str(note) for note in written.notes] == ["preamp_db of two channels -4 and -5.9 -> -4.95 (refitted, 0.950 dB off)"]
    (data,) = written.files.values()
    back = presets.read(data)
    assert isinstance(back.eq, ChannelEqs)
    assert [eq.preamp_db for _, eq in back.eq] == [-4.95000005] * 2
    assert (back.eq["mid"].bands, back.eq["side"].bands) == (mid.bands, preset.eq["side"].bands)
    one = presets.read(presets.write(replace(back, eq=T5), "eq-eight").files)
    assert one.eq == T5


def test_of_several_devices_one_is_chosen_by_name_or_number() -> None:
    text = xml_of(GOLDEN.read_bytes())
    start, end = text.index("<Eq8"), text.index("</Eq8>") + 6
    second = text[start:end].replace("Warm &amp; wide", "Bright").replace('Value="105"', 'Value="205"')
    data = gzip.compress((text[:end] + second + text[end:]).encode())
    with pytest.raises(PresetReadError, match=r"holds 2 EQ Eights: 1 \(Warm & wide\), 2 \(Bright\); choose one with `preset_name`$"):
        presets.read(data)
    for wanted in ("Bright", "2"):
        preset = presets.read(data, choice=Choice(preset_name=wanted))
        assert preset.single.bands[0].freq_hz == 205.0
    (changed,) = presets.write(replace(preset, eq=T5), "eq-eight").files.values()
    assert presets.read(changed, choice=Choice(preset_name="1")).single.bands[0].freq_hz == 105.0
    assert presets.read(changed, choice=Choice(preset_name="2")).eq == T5


def test_cuts_and_notches_are_written_and_what_there_is_no_slope_for_is_refused() -> None:
    eq = EqSettings((Band("high_pass", 40.0, order=8), Band("low_pass", 15_000.0, 0.0, 1.0), Band("notch", 50.0, 0.0, 8.0)))
    written = presets.write(eq, "eq-eight")
    assert written.notes == ()
    assert presets.read(written.files).eq == eq
    third = presets.write(EqSettings((Band("high_pass", 40.0, order=4),)), "eq-eight")  # as two sections of second order
    assert third.notes == ()
    assert [band.order for band in presets.read(third.files).single.bands] == [2, 2]
    with pytest.raises(PresetWriteError, match=r"^eq-eight: .* dB off at .*; more than 1 dB is written with `lossy` only$"):
        presets.write(EqSettings((Band("band_pass", 1_000.0, 0.0, 2.0),)), "eq-eight")


def test_a_device_that_is_off_is_said_with_its_size() -> None:
    text = xml_of(GOLDEN.read_bytes())
    off = re.sub(r'(<On>\s*<LomId Value="0" />\s*<Manual Value=")true', r"\1false", text, count=1)
    assert off != text
    note = presets.read(gzip.compress(off.encode())).notes[0]
    assert (note.field, note.wanted) == ("On", "false is not read")
    assert note.error_db is not None
    assert note.error_db > 4.0


def test_what_we_write_turns_adaptive_q_off_and_has_unique_ids() -> None:
    (data,) = presets.write(Preset(T5, name="A & B"), "eq-eight").files.values()
    text = xml_of(data)
    assert presets.read(data).notes == ()
    assert re.search(r'<AdaptiveQ>\s*<LomId Value="0"/>\s*<Manual Value="false"/>', text)
    ids = re.findall(r'<(?:\w*Target|Pointee) Id="(\d+)"', text)
    assert len(set(ids)) == len(ids) > 100
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Ableton MajorVersion="5"')
    assert '<UserName Value="A &amp; B"/>' in text
    order = re.findall(r"^\t\t<([\w.]+)", text, re.MULTILINE)
    assert order[0] == "LomId"
    assert order[-5:] == ["SpectrumAnalyzer", "Live8ShelfScaleLegacyMode", "AuditionOnOff", "AdaptiveQFactor", "AdaptiveQ"]
    assert [name for name in order if name.startswith("Bands.")] == [f"Bands.{slot}" for slot in range(8)]


def test_equal_presets_are_equal_bytes() -> None:
    first, second = (presets.write(T5, "eq-eight").files["preset.adv"] for _ in range(2))
    assert first == second
    assert first[4:8] == b"\0\0\0\0"  # no time stamp


def test_gain_beyond_the_range_is_spread_over_spare_bands() -> None:
    written = presets.write(EqSettings((Band(PEAK, 1_000.0, 20.0, 1.0),)), "eq-eight")
    back = presets.read(written.files)
    assert back.eq is not None
    assert len(back.eq.bands) > 1
    assert all(abs(band.gain_db) <= 15.0 for band in back.eq.bands)
    assert max((note.error_db or 0.0 for note in written.notes), default=0.0) < 0.5


# faults E3 and E4
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("<Ableton ", "<Bitwig ", "mismatched tag"),
        ("Eq8>", "Eq9>", "holds no EQ Eight (an element Eq8)"),
        ('<Manual Value="105" />', '<Manual Value="nan" />', "Eq8/Bands.0/ParameterA/Freq: Freq 'nan' is not a number"),
        ('<Manual Value="105" />', '<Manual Value="1,5" />', "write a decimal point, not a comma"),
        ('<Manual Value="105" />', '<Manual Value="-105" />', "Bands.0/ParameterA: freq_hz -105.0 is not above 0"),
        ('<Manual Value="105" />', "<Automatic />", "Eq8: has no Bands.0/ParameterA/Freq/Manual"),
        ("Bands.7>", "Bands.9>", "Eq8: has no Bands.7/ParameterA/Mode/Manual"),
        ('<?xml version="1.0" encoding="UTF-8"?>', '<!DOCTYPE a [<!ENTITY x "y">]>', "has a document type (DTD)"),
    ],
)
def test_errors_name_the_element(before: str, after: str, says: str) -> None:
    text = xml_of(GOLDEN.read_bytes())
    assert before in text
    with pytest.raises(PresetReadError) as caught:
        presets.read(gzip.compress(text.replace(before, after).encode()), "eq-eight")
    assert says in str(caught.value)


def test_damaged_and_bloated_gzip_is_refused() -> None:  # fault E22
    data = GOLDEN.read_bytes()
    bomb = gzip.compress(b"<Ableton>" + b" " * cases(10_000_000, 300_000_000))
    for bad, says in (
        (data[:-9], "is cut off"),
        (data[:200] + b"\xff" * 20 + data[220:], "is not gzip, or damaged"),
        (b"<Ableton/>", "is not gzip"),
        (bomb, "unpacks to more than 5000000 bytes"),
        (data + b"PK", "holds 2 bytes after the end of its gzip data; save the preset again in Live"),
        (data + data, "bytes after the end of its gzip data"),
    ):
        with peak_below(40_000_000), pytest.raises(PresetReadError, match=says):
            presets.read(bad, "eq-eight")
