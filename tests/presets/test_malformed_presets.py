"""Damaged and hostile preset files: our error with the place that is wrong, whatever they hold."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from preset_files import GOLDEN, files_of

import semeq_presets as presets
from semeq_export.eq.settings import BandKind
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Preset, Source
from semeq_presets.file_formats.semeq_json import UnknownKeys
from semeq_presets.shelf import registry


@pytest.mark.parametrize("format_id", [info.id for info in presets.formats()])
@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 64, b"\xff\xfe\x00", b"<html>404</html>", b"version https://git-lfs.github.com/spec/v1\n", b"[" * 9_000]
)
def test_what_is_no_preset_is_refused_by_every_reader(format_id: str, data: bytes) -> None:
    is_folder = presets.get(format_id).info.is_folder
    with pytest.raises(PresetReadError):
        presets.read({"manifest.ttl": data} if is_folder else data, format_id)


# fault E4
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Filter 1: ON PK Fc 1e308 Hz Gain 1 dB Q 1", "line 2: freq_hz 1e+308 is outside 0..200000"),
        ("Filter 1: ON PK Fc 1e999 Hz Gain 1 dB Q 1", "line 2: freq_hz '1e999' is too large"),
        ("Filter 1: ON PK Fc -5 Hz Gain 1 dB Q 1", "line 2: freq_hz -5.0 is not above 0"),
        ("Filter 1: ON PK Fc 100 Hz Gain 61 dB Q 1", "line 2: gain_db 61.0 is outside -60..60"),
        ("Filter 1: ON PK Fc 100 Hz Gain 1 dB BW Oct 21", "line 2: bandwidth 21 is outside 0.001..20 octaves"),
        ("Filter 1: ON LSC 121 dB Fc 100 Hz Gain 12 dB", "line 2: slope 121 dB is outside 0.12..120 dB"),
        ("Filter 1: ON LSC Fc 100 Hz Gain 1e300 dB", "line 2: gain_db 1e+300 is outside -60..60"),
        ("GraphicEQ: 20 1; 30", "line 2: point 2 '30' is not a frequency and a gain"),
        ("Filter 1: ON LSC 99 dB Fc 100 Hz Gain 12 dB", "line 2: slope 8.25 is too steep for a gain of 12 dB"),
        ("Preamp: -200 dB", "preamp_db -200.0 is outside -120..120"),
        ("Filter 1: ON PK" + " " * 600, "line 2: a filter of more than 500 characters"),
        ("Preamp: 1\x07 dB", "line 2: holds the control character '\\x07'"),
    ],
)
def test_eqapo_names_line_and_field(line: str, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(f"Preamp: 0 dB\r\n{line}\r\n".encode(), "eqapo")
    assert str(caught.value) == says


# fault E4
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"105.0", b"NaN", "JSON holds NaN, which is not a number"),
        (b"105.0", b"1e999", "JSON number 1e999 is too large"),
        (b"105.0", b"1e308", "eq: band 1 freq_hz 1e+308 is outside 0..200000"),
        (b"105.0", b'"105"', "eq: band 1 freq_hz '105' is not a number"),
        (b'"freq_hz": 105.0,', b"", "eq: band 1 freq_hz is missing"),
        (b'"enabled"', b'"\\nabled"', r"eq: band 1 '\nabled' True is not a known field"),
        (b'"low_shelf"', b'"wide"', "eq: band 1 kind 'wide' is not one of " + ", ".join(BandKind)),
        (b"44100.0", b"true", "preset: sample_rate_hz is not a number"),
        (b'"1.0"', b'"2.0"', "made by a newer version (format 2.0), this one reads 1.x"),
        (b'"1.0"', b"1.0", 'version is not a text such as "1.0"'),
        (b'"semeq-preset"', b'"other"', 'is not a JSON object with "format": "semeq-preset"'),
        (b'"name": "Warm \\"one\\""', b'"name": 7', "preset: name is not a text"),
        (b'"eq"', b'"equaliser"', "preset: holds neither eq nor curve"),
        (b'"preset"', b'"present"', "preset is missing or not an object"),
    ],
)
def test_semeq_json_names_the_key(before: bytes, after: bytes, says: str) -> None:
    data = (GOLDEN / "semeq-json/three-bands.semeq.json").read_bytes()
    assert before in data
    with pytest.raises(PresetReadError) as caught:
        presets.read(data.replace(before, after, 1), "semeq-json")
    assert str(caught.value) == says


@pytest.mark.parametrize(
    ("curve", "says"),
    [
        ('{"freqs_hz": [20, 30]}', "curve: gain_db is not a list of at most 100000 numbers"),
        ('{"freqs_hz": [20, true], "gain_db": [1, 2]}', "curve: freqs_hz is holding something that is not a number"),
        ('{"freqs_hz": [30, 20], "gain_db": [1, 2]}', "curve: freqs_hz 30.0 is not positive and strictly increasing"),
    ],
)
def test_semeq_json_refuses_a_bad_curve(curve: str, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(f'{{"format": "semeq-preset", "version": "1.0", "preset": {{"curve": {curve}}}}}'.encode(), "semeq-json")
    assert str(caught.value) == says


# fault E4
@pytest.mark.parametrize(
    ("name", "before", "after", "says"),
    [
        ("preset.ttl", b'"f_0" ; pset:value 105.0', b'"f_0" ; pset:value INF', "preset.ttl line "),
        ("preset.ttl", b'"f_0" ; pset:value 105.0', b'"f_0" ; pset:value "loud"', "f_0 'loud' is not a number"),
        ("preset.ttl", b'"f_0" ; pset:value 105.0', b'"f_0" ; pset:value 1e999', "f_0 '1e999' is too large"),
        ("preset.ttl", b'"f_0" ; pset:value 105.0', b'"f_0" ; pset:value -1e7', "band0: freq_hz -10000000.0 is not above 0"),
        ("preset.ttl", b'"fm_0" ; pset:value 6.0', b'"fm_0" ; pset:value 7.0', "fm_0 7 is outside 0..6"),
        ("preset.ttl", b'"ft_0" ; pset:value 5.0', b'"ft_0" ; pset:value 12.0', "ft_0 12 is outside 0..11"),
        (
            "preset.ttl",
            b'"f_0" ; pset:value 105.0',
            b'"f_0" ; pset:value 105,5',
            "a port has two values; write a decimal point, not a comma",
        ),
        ("preset.ttl", b'"f_0" ; pset:value 105.0', b'"f_0"', "f_0 has no value"),
        ("preset.ttl", b'"g_0" ; pset:value 2.54097271', b'"g_0" ; pset:value 0.0', "g_0 0 is outside 1e-06..1e+06"),
        ("preset.ttl", b'"g_0" ; pset:value 2.54097271', b'"g_0" ; pset:value -2.0', "g_0 -2 is outside 1e-06..1e+06"),
        ("preset.ttl", b'"f_0"', b'"f 0"', "port symbol 'f 0' is missing or no symbol"),
        ("preset.ttl", b'"f_0"', b'"f_1"', "port f_1 is set twice"),
        ("preset.ttl", b"lv2: <", b"lw2: <", "unknown prefix 'lv2'"),
        ("preset.ttl", b"x16_stereo", b"x32_stereo", "applies to two plug-ins"),
        ("manifest.ttl", b"a pset:Preset", b"a pset:Bank", "manifest.ttl: names 0 presets, expected one"),
        (
            "manifest.ttl",
            b"rdfs:seeAlso <preset.ttl>",
            b"rdfs:seeAlso <../preset.ttl>",
            "names the file '../preset.ttl', which is not in the folder",
        ),
        (
            "manifest.ttl",
            b"rdfs:seeAlso <preset.ttl>",
            b"rdfs:seeAlso </etc/passwd>",
            "names the file '/etc/passwd', which is not in the folder",
        ),
        ("manifest.ttl", b"@prefix lv2:", b"@base", "a base IRI is not expected in a preset"),
    ],
)
def test_lv2_bundles_name_file_line_and_port(name: str, before: bytes, after: bytes, says: str) -> None:
    files = files_of(GOLDEN / "lsp-x16-lv2/warm.lv2")
    assert before in files[name]
    with pytest.raises(PresetReadError) as caught:
        presets.read({**files, name: files[name].replace(before, after, 1)}, "lsp-x16-lv2")
    assert says in str(caught.value)


@pytest.mark.parametrize("build", ["x32_lr", "x8_stereo", "x32_stereo"])
def test_another_build_of_the_plug_in_is_named(build: str) -> None:
    files = {name: data.replace(b"x16_stereo", build.encode()) for name, data in files_of(GOLDEN / "lsp-x16-lv2/warm.lv2").items()}
    with pytest.raises(PresetReadError, match=f"is a preset of <http://lsp-plug.in/plugins/lv2/para_equalizer_{build}>"):
        presets.read(files, "lsp-x16-lv2")


@pytest.mark.parametrize(
    ("turtle", "says"),
    [
        ("<> a <x> ; <p> " + "[ <p> " * 50 + "1" + " ]" * 50 + " .", "nested deeper than 32 levels"),
        ("<> <p> " + "( " * 50 + ") " * 50 + " .", "nested deeper than 32 levels"),
        ('<> <p> "open .', "is not Turtle"),
        ('<> <p> "\\q" .', "unknown escape"),
        ('<> <p> "\\uD800" .', "is no character"),
        ("<> <p> 1", "expected '.', found the end"),
        ("<> <p> ] .", "expected a name, found ']'"),
        ('"text" <p> 1 .', "'text' cannot be a subject"),
        ("@prefix lv2 <x> .", "is not Turtle"),
        ("@prefix lv2: lv2: .", "expected the IRI of prefix lv2:"),
    ],
)
def test_turtle_that_is_none_is_refused_with_its_line(turtle: str, says: str) -> None:
    with pytest.raises(PresetReadError, match="^manifest.ttl line 2: ") as caught:
        presets.read({"manifest.ttl": f"# one\n{turtle}".encode()}, "lsp-x16-lv2")
    assert says in str(caught.value)


def test_oversized_presets_are_refused_before_they_are_parsed(tmp_path: Path) -> None:
    big = b"Preamp: 0 dB\n" + b"#" * registry.MAX_BYTES
    with pytest.raises(PresetReadError, match="larger than the limit of 5000000 bytes"):
        presets.read(big, "eqapo")
    path = tmp_path / "big.txt"
    path.write_bytes(big)
    with pytest.raises(PresetReadError, match="big.txt: larger than the limit"):
        presets.read_file(path)


def test_a_long_line_costs_no_more_than_its_length() -> None:
    for hostile in ("Fc" + " " * 4_000_000, "a" * 4_000_000, " " * 4_000_000 + ":", "Filter" + "1" * 4_000_000 + ": ON"):
        with pytest.raises(PresetReadError):
            presets.read(hostile.encode(), "eqapo")
        with pytest.raises(PresetReadError):
            presets.read({"manifest.ttl": b"<> <p> " + hostile.encode()}, "lsp-x16-lv2")


def test_values_that_are_not_finite_cannot_be_written() -> None:  # fault E4
    preset = presets.read_file(GOLDEN / "semeq-json/three-bands.semeq.json")
    source = Source(UnknownKeys(of_document={"later": math.nan}))
    with pytest.raises(PresetWriteError, match="extras cannot be written"):
        presets.write(Preset(preset.eq, source=source, format="semeq-json"), "semeq-json")
