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
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden/eq-eight/warm.adv"
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF


def xml_of(data: bytes) -> str:
    return gzip.decompress(data).decode()


def test_the_preset_is_read_and_written_back() -> None:
    preset = presets.read(files_of(GOLDEN))
    assert preset.eq is not None
    assert (preset.format, preset.name) == ("eq-eight", "Warm & wide")
    assert preset.eq.bands == (
        Band(LOW, 105.0, 8.10000038, 0.699999988),
        Band(PEAK, 1_604.0, -2.70000005, 1.23000002),
        Band(HIGH, 10_000.0, -7.5, 0.699999988, enabled=False),
    )
    assert preset.eq.preamp_db == -5.9000001
    assert [str(note) for note in preset.notes] == [
        "AdaptiveQ true is not read (unknown)",
        "band 2 of the file low cut 12 is not read (unknown)",
    ]
    assert presets.write(preset, "eq-eight").files["preset.adv"] == GOLDEN.read_bytes()


def test_an_edit_changes_its_own_values_only() -> None:
    preset = presets.read(files_of(GOLDEN))
    assert preset.eq is not None
    bands = (*preset.eq.bands[:1], replace(preset.eq.bands[1], gain_db=-3.25))
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
