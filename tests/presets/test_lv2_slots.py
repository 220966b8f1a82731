"""Equalisers with a fixed set of slots: what stands where, what cannot, and what a preset held before."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from preset_files import files_of
from strategies import T5, T10

import semeq_presets as presets
from semeq_export.eq.biquad import audible_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError, UnknownFormatError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FREQS_HZ = log_grid(300)
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF


def plugin_of(files: dict[str, bytes]) -> str:
    return files["manifest.ttl"].decode().partition("appliesTo <")[2].partition(">")[0]


VALUES = sorted(path for path in GOLDEN.glob("*-lv2/*.lv2/*.ttl") if path.name != "manifest.ttl" and b"appliesTo" in path.read_bytes())


@pytest.mark.parametrize("path", VALUES, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_a_file_of_port_values_without_its_manifest_is_the_preset_of_the_folder(path: Path, tmp_path: Path) -> None:
    whole = presets.read_file(path.parent)
    alone = tmp_path / "anything.ttl"
    alone.write_bytes(path.read_bytes())
    for format_id in (None, whole.format):
        preset = presets.read_file(alone, format=format_id)
        assert (preset.eq, preset.format, preset.sample_rate_hz, preset.notes) == (
            whole.eq,
            whole.format,
            whole.sample_rate_hz,
            whole.notes,
        )
    assert (
        presets.write(preset, whole.format).files["preset.ttl"]
        == presets.write(replace(whole, name=preset.name), whole.format).files["preset.ttl"]
    )
    presets.convert_file(alone, tmp_path / "whole.lv2", to_format=whole.format)
    assert presets.read_file(tmp_path / "whole.lv2").eq == whole.eq


def test_a_file_of_port_values_that_is_not_one_preset_says_what_to_do(tmp_path: Path) -> None:
    assert len(VALUES) > 5
    path = tmp_path / "preset.ttl"
    path.write_bytes(VALUES[0].read_bytes().replace(b"a pset:Preset", b"a pset:Bank"))
    with pytest.raises(PresetReadError, match=r"preset.ttl: names 0 presets, expected one; give the folder"):
        presets.read_file(path)
    manifest = tmp_path / "manifest.ttl"
    manifest.write_bytes((VALUES[0].parent / "manifest.ttl").read_bytes())
    with pytest.raises(PresetReadError, match=r"names the file '.*', which is not given; give the folder"):
        presets.read_file(manifest)
    with pytest.raises(UnknownFormatError, match="not recognised"):
        presets.read({"other.ttl": b"<> a <urn:x> ."})


@pytest.mark.parametrize(("bands", "size"), [(T5.bands, 5), (T10.bands[:5], 8), (T10.bands, 12), ((), 5)])
def test_the_smallest_calf_equaliser_that_holds_the_bands_is_written(bands: tuple[Band, ...], size: int) -> None:
    written = presets.write(EqSettings(bands), "calf-lv2")
    assert written.notes == ()
    assert plugin_of(dict(written.files)) == f"http://calf.sourceforge.net/plugins/Equalizer{size}Band"


def test_a_preset_moves_to_a_larger_calf_equaliser_when_its_own_is_full() -> None:
    preset = presets.read(files_of(GOLDEN / "calf-lv2/warm.lv2"))
    grown = presets.write(replace(preset, eq=T10), "calf-lv2")
    assert plugin_of(dict(grown.files)).endswith("Equalizer12Band")
    back = presets.read(grown.files)
    assert back.eq is not None
    assert [band.freq_hz for band in back.eq.bands] == [band.freq_hz for band in T10.bands]


def test_peaks_stand_in_the_order_of_their_frequencies() -> None:
    shuffled = EqSettings((T5.bands[3], T5.bands[4], T5.bands[1], T5.bands[2], T5.bands[0]))
    for format_id in ("calf-lv2", "fil4-lv2"):
        back = presets.read(presets.write(shuffled, format_id).files)
        assert back.eq is not None
        assert [band.freq_hz for band in back.eq.bands] == pytest.approx([105.0, 240.0, 1_100.0, 3_800.0, 8_000.0])


def test_peaks_of_fil4_find_slots_that_reach_their_frequencies() -> None:
    peaks = tuple(Band(PEAK, freq_hz, 3.0, 1.0) for freq_hz in (15_000.0, 9_000.0, 3_500.0, 1_900.0))
    written = presets.write(EqSettings(peaks), "fil4-lv2")
    assert written.notes == ()
    back = presets.read(written.files)
    assert back.eq is not None
    assert [band.freq_hz for band in back.eq.bands] == [1_900.0, 3_500.0, 9_000.0, 15_000.0]


def test_numbers_that_only_the_ports_cannot_hold_are_said_with_their_error() -> None:
    narrow = presets.write(EqSettings((Band(PEAK, 15_000.0, 12.0, 6.0),)), "fil4-lv2")
    assert [(note.kind, note.band, note.field) for note in narrow.notes] == [("refitted", 1, "q")]
    assert 1.0 < (narrow.notes[0].error_db or 0.0) < 6.0
    with pytest.raises(PresetWriteError, match="`strict` allows 0.1 dB"):
        presets.write(EqSettings((Band(PEAK, 15_000.0, 12.0, 6.0),)), "fil4-lv2", strict=True)
    shelf = presets.write(Preset(EqSettings((Band(HIGH, 19_000.0, 18.0, 0.70710678),))), "aeq-lv2")
    assert [(note.kind, note.field) for note in shelf.notes] == [("refitted", "freq_hz")]


def test_the_sample_rate_is_in_the_label_and_its_absence_is_said() -> None:
    written = presets.write(Preset(T5, name="Warm", sample_rate_hz=96_000.0), "aeq-lv2").files
    assert b'rdfs:label "Warm (96 kHz)"' in written["preset.ttl"]
    back = presets.read(written)
    assert (back.name, back.sample_rate_hz, back.notes) == ("Warm", 96_000.0, ())
    unlabelled = {name: data.replace(b" (96 kHz)", b"") for name, data in written.items()}
    assert [str(note) for note in presets.read(unlabelled).notes] == ["sample_rate_hz not in the label -> 48000 (approximated)"]
    odd = {name: data.replace(b"(96 kHz)", b"(900 kHz)") for name, data in written.items()}
    assert presets.read(odd).name == "Warm (900 kHz)"


def test_a_band_for_one_channel_keeps_its_slot_and_is_said() -> None:
    files = files_of(GOLDEN / "calf-lv2/warm.lv2")
    files["preset.ttl"] = files["preset.ttl"].replace(b'"p1_active" ; pset:value 1.0', b'"p1_active" ; pset:value 4.0')
    preset = presets.read(files)
    assert preset.eq is not None
    assert [str(note) for note in preset.notes] == ["p1_active 4 is not read (unknown)"]
    assert [band.kind for band in preset.eq.bands] == [LOW, HIGH]
    added = replace(preset, eq=EqSettings((*preset.eq.bands, Band(PEAK, 500.0, 1.0, 1.0))))
    text = presets.write(added, "calf-lv2").files["preset.ttl"]
    assert b'"p1_active" ; pset:value 4.0' in text
    assert b'"p2_freq" ; pset:value 500.0' in text


def test_a_removed_band_leaves_its_slot_idle() -> None:
    preset = presets.read(files_of(GOLDEN / "calf-lv2/warm.lv2"))
    assert preset.eq is not None
    fewer = presets.write(replace(preset, eq=EqSettings(preset.eq.bands[:1])), "calf-lv2").files
    back = presets.read(fewer)
    assert back.eq is not None
    assert back.eq.bands == preset.eq.bands[:1]
    assert b'"p1_freq" ; pset:value 250.0' in fewer["preset.ttl"]


def test_a_pass_of_calf_is_as_many_equal_sections_as_its_mode_says() -> None:
    section = Band(BandKind.HIGH_PASS, 80.0, 0.0, 0.9)
    for count in (1, 2, 3):
        eq = EqSettings((*T5.bands, *[section] * count))
        written = presets.write(eq, "calf-lv2", strict=True)
        assert f'"hp_mode" ; pset:value {count - 1}.0' in written.files["preset.ttl"].decode()
        assert plugin_of(dict(written.files)).endswith("Equalizer8Band")
        back = presets.read(written.files)
        assert back.single.bands[5:] == eq.bands[5:]
        quieter = replace(back, eq=EqSettings(back.single.bands, -2.0))
        again = presets.read(presets.write(quieter, "calf-lv2", strict=True).files).single
        assert (again.bands, again.preamp_db) == (back.single.bands, pytest.approx(-2.0))
        without = presets.read(presets.write(replace(back, eq=EqSettings(back.single.bands[:5])), "calf-lv2").files).single
        assert without.active_bands == back.single.bands[:5]


def test_what_the_one_high_pass_of_calf_cannot_be_is_refitted_or_refused_with_its_size() -> None:
    one, other = Band(BandKind.HIGH_PASS, 80.0, 0.0, 0.9), Band(BandKind.HIGH_PASS, 200.0, 0.0, 0.7)
    for bands in ((one, other), (one,) * 4, (replace(one, order=4, q=0.7071),)):
        try:
            written = presets.write(EqSettings(bands), "calf-lv2")
        except PresetWriteError as error:
            assert re.search(r"dB off.*`lossy`", str(error))
            continue
        stated_db = max(note.error_db or 0.0 for note in written.notes)
        off = audible_db(presets.read(written.files).single, FREQS_HZ, 48_000.0) - audible_db(EqSettings(bands), FREQS_HZ, 48_000.0)
        assert np.max(np.abs(off)) <= stated_db + 0.01
        assert stated_db <= 1.0


def test_a_pass_of_one_channel_and_an_unknown_slope_are_said() -> None:
    written = presets.write(EqSettings((*T5.bands, Band(BandKind.LOW_PASS, 9_000.0, 0.0, 0.7))), "calf-lv2").files
    left = {name: data.replace(b'"lp_active" ; pset:value 1.0', b'"lp_active" ; pset:value 2.0') for name, data in written.items()}
    assert [(note.kind, note.field) for note in presets.read(left).notes] == [("unknown", "lp_active")]
    steep = {name: data.replace(b'"lp_mode" ; pset:value 0.0', b'"lp_mode" ; pset:value 7.0') for name, data in written.items()}
    with pytest.raises(PresetReadError, match="lp_mode 7 is not 0, 1 or 2"):
        presets.read(steep)


def test_a_changed_fil4_preset_loses_its_own_pass_only_where_that_is_said() -> None:
    files = {
        name: data.replace(b'"HighPass" ; pset:value 0.0', b'"HighPass" ; pset:value 1.0').replace(
            b'"HPfreq" ; pset:value 20.0', b'"HPfreq" ; pset:value 300.0'
        )
        for name, data in presets.write(T5, "fil4-lv2").files.items()
    }
    preset = presets.read(files)
    assert isinstance(preset.eq, EqSettings)
    assert preset.notes[-1].error_db is not None
    assert presets.write(preset, "fil4-lv2").files == files
    with pytest.raises(PresetWriteError, match="`lossy`"):
        presets.write(replace(preset, eq=EqSettings(preset.eq.bands, -1.0)), "fil4-lv2")
    without = presets.read(presets.write(replace(preset, eq=EqSettings(preset.eq.bands[:-1])), "fil4-lv2").files)
    assert without.notes == ()
