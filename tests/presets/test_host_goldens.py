"""Goldens of plug-ins and DAWs: read as what they say, and written back byte for byte (law 5). Provenance beside the files."""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from preset_files import files_of

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetWriteError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF
WARM = [(LOW, 105.0, 8.1, 0.7, True), (PEAK, 1_604.0, -2.7, 1.23, True), (HIGH, 10_000.0, -7.5, 0.7, False)]
LV2 = {"lsp-x32-lv2": 48_000.0, "calf-lv2": 48_000.0, "fil4-lv2": 48_000.0, "aeq-lv2": 44_100.0}


def check_bands(eq: EqSettings, wanted: Sequence[tuple[BandKind, float, float, float, bool]], tolerance: float = 1e-9) -> None:
    """Compare the bands of an EQ with (kind, freq_hz, gain_db, q, enabled), frequency and Q relative, gain in dB."""
    for got, (kind, freq_hz, gain_db, q, enabled) in zip(eq.bands, wanted, strict=True):
        assert (got.kind, got.enabled) == (kind, enabled)
        assert got.freq_hz == pytest.approx(freq_hz, rel=tolerance)
        assert got.gain_db == pytest.approx(gain_db, abs=tolerance)
        assert got.q == pytest.approx(q, rel=tolerance)


@pytest.mark.parametrize("format_id", LV2)
def test_lv2_bundles_are_read_and_written_back(format_id: str) -> None:
    files = files_of(GOLDEN / format_id / "warm.lv2")
    preset = presets.read(files)
    assert preset.eq is not None
    assert (preset.format, preset.name, preset.sample_rate_hz, preset.notes) == (format_id, "Warm", LV2[format_id], ())
    low, peak, high = WARM
    check_bands(preset.eq, WARM if format_id != "aeq-lv2" else [(*low[:3], 0.7071068, True), peak, (*high[:3], 0.7071068, False)], 1e-7)
    assert preset.eq.preamp_db == pytest.approx(-5.9, abs=1e-7)
    assert presets.write(preset, format_id).files == files


def test_the_reaeq_chain_is_read_and_written_back() -> None:
    files = files_of(GOLDEN / "reaeq/warm.RfxChain")
    preset = presets.read(files)
    assert preset.eq is not None
    assert (preset.format, preset.name) == ("reaeq", 'Warm "one"')
    low, *rest = WARM
    check_bands(preset.eq, [low, (BandKind.HIGH_PASS, 30.0, 0.0, 2.0 / 3.0, True), *rest])
    assert preset.eq.preamp_db == pytest.approx(-5.9, abs=1e-9)
    assert preset.notes == ()
    assert list(presets.write(preset, "reaeq").files.values()) == list(files.values())


def test_an_edited_chain_keeps_its_other_effects_and_lines() -> None:
    before = (GOLDEN / "reaeq/warm.RfxChain").read_bytes()
    preset = presets.read(before)
    assert preset.eq is not None
    edited = replace(preset, eq=EqSettings(preset.eq.bands[:1], -3.0), name="It's `now`")
    (after,) = presets.write(edited, "reaeq").files.values()
    head, tail = before.partition(b"<VST")[0], before.partition(b"\n>\nPRESETNAME")[2]
    assert after.startswith(head)
    assert after.endswith(b"\n>\nPRESETNAME" + tail)
    back = presets.read(after)
    assert back.eq is not None
    assert back.eq.bands == preset.eq.bands[:1]
    assert back.eq.preamp_db == pytest.approx(-3.0, abs=1e-9)
    assert back.name == "It's `now`"


def test_the_pro_q_3_preset_is_read_and_written_back() -> None:
    files = files_of(GOLDEN / "proq3/warm.ffp")
    preset = presets.read(files)
    assert preset.eq is not None
    assert preset.format == "proq3"
    check_bands(preset.eq, WARM, 1e-6)
    assert [str(note) for note in preset.notes] == [
        "band 2 of the file low cut is not read (unknown)",
        "band 4 of the file dynamic EQ is not read (unknown)",
    ]
    assert list(presets.write(preset, "proq3").files.values()) == list(files.values())


def test_new_bands_of_pro_q_3_leave_the_slots_of_other_filters_alone() -> None:
    before = (GOLDEN / "proq3/warm.ffp").read_bytes()
    preset = presets.read(before)
    assert preset.eq is not None
    added = replace(preset, eq=EqSettings((*preset.eq.bands, Band(PEAK, 500.0, 1.0, 1.0))))
    (after,) = presets.write(added, "proq3").files.values()
    at = 12 + 5 * 52
    assert after[:at] + after[at + 52 :] == before[:at] + before[at + 52 :]  # slots 1..5 and the globals as they were
    back = presets.read(after)
    assert back.eq is not None
    assert back.eq.bands[3].freq_hz == pytest.approx(500.0, rel=1e-6)
    full = replace(preset, eq=EqSettings((Band(PEAK, 500.0, 1.0, 1.0),) * 24))
    with pytest.raises(PresetWriteError, match="proq3: no slot is left for band 23; 2 hold other filters"):
        presets.write(full, "proq3")


def test_the_preamp_that_pro_q_3_cannot_hold_is_said() -> None:
    (note,) = presets.write(EqSettings((), -3.0), "proq3").notes
    assert (note.kind, note.field, note.error_db) == ("dropped", "preamp_db", 3.0)


def test_the_aunbandeq_preset_is_read_and_written_back() -> None:
    files = files_of(GOLDEN / "aunbandeq/warm.aupreset")
    preset = presets.read(files)
    assert preset.eq is not None
    assert (preset.format, preset.name) == ("aunbandeq", "Warm & wide")
    low, peak, high = WARM
    check_bands(preset.eq, [low, peak, (*high[:3], 0.7071068, False), (LOW, 200.0, 2.0, 1.0, True)], 1e-6)
    assert preset.eq.preamp_db == pytest.approx(-5.9, abs=1e-6)
    assert [str(note) for note in preset.notes] == ["band 3 of the file type 2 is not read (unknown)"]
    assert list(presets.write(preset, "aunbandeq").files.values()) == list(files.values())


def test_apples_own_reader_of_property_lists_reads_what_we_write() -> None:
    preset = presets.read((GOLDEN / "aunbandeq/warm.aupreset").read_bytes())
    assert preset.eq is not None
    for given in (replace(preset, eq=EqSettings(preset.eq.bands[:2], 1.0), name="a < b"), Preset(preset.eq, name="a < b")):
        (data,) = presets.write(given, "aunbandeq").files.values()
        keys = plistlib.loads(data)
        assert (keys["name"], keys["subtype"], len(keys["data"])) == ("a < b", 1_851_942_257, 660)
        assert keys.get("render-quality", 0) == 0
    assert keys["numberOfBands"] == 4


@pytest.mark.parametrize(("q", "kind_number"), [(0.7, 7.0), (0.71, 7.0), (0.72, 9.0), (0.5, 9.0), (1.0, 9.0)])
def test_only_shelves_near_the_fixed_width_are_written_as_such(q: float, kind_number: float) -> None:
    (data,) = presets.write(EqSettings((Band(LOW, 100.0, 3.0, q),)), "aunbandeq").files.values()
    table = plistlib.loads(data)["data"]
    values = dict(struct.iter_unpack(">If", table[12:]))
    assert values[2_000] == kind_number
    back = presets.read(data)
    assert back.eq is not None
    assert back.eq.bands[0].q == pytest.approx(q, rel=1e-6)
