"""Goldens of plug-ins and DAWs: read as what they say, and written back byte for byte (law 5). Provenance beside the files."""

from __future__ import annotations

import math
import plistlib
import struct
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from preset_files import files_of

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetWriteError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF
HIGH_PASS, LOW_PASS = BandKind.HIGH_PASS, BandKind.LOW_PASS
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
    assert preset.format == "proq3"
    low, peak, high = WARM
    check_bands(preset.single, [low, (HIGH_PASS, 30.0, 0.0, 0.7071, True), peak, (PEAK, 5_000.0, 3.0, 1.0, True), high], 1e-6)
    assert [band.order for band in preset.single.bands] == [2, 4, 2, 2, 2]
    assert [str(note) for note in preset.notes] == [
        "band 4 of the file its dynamics of -4 dB are not read (unknown, 4.000 dB off at 5000 Hz)",
    ]
    assert list(presets.write(preset, "proq3").files.values()) == list(files.values())


def test_left_and_right_of_pro_q_3_are_an_eq_each() -> None:
    files = files_of(GOLDEN / "proq3/left-right.ffp")
    preset = presets.read(files)
    assert isinstance(preset.eq, ChannelEqs)
    first, last = (HIGH_PASS, 30.0, 0.0, 0.7071, True), (LOW_PASS, 12_000.0, 0.0, 0.7071, True)
    left = [first, (BandKind.TILT, 200.0, 3.0, 1.0, True), last, (HIGH, 9_000.0, 2.0, 0.7071, True)]
    right = [first, (BandKind.NOTCH, 100.0, 0.0, 8.0, True), (BandKind.BAND_PASS, 4_000.0, 0.0, 0.5, False), last]
    check_bands(preset.eq["left"], left, 1e-6)
    check_bands(preset.eq["right"], right, 1e-6)
    assert [band.order for band in preset.eq["left"].bands] == [8, 1, 16, 2]
    assert [(note.kind, note.field) for note in preset.notes] == [
        ("approximated", "band 5 of the file slope"),
        ("approximated", "band 6 of the file slope"),
        ("unknown", "band 7 of the file"),
        ("unknown", "band 8 of the file"),
    ]
    sizes = [note.error_db or 0.0 for note in preset.notes]
    assert sizes[1:] == pytest.approx([1.0, 1.0, 2.0], abs=0.01)
    assert sizes[0] > 10.0
    assert list(presets.write(preset, "proq3").files.values()) == list(files.values())


def test_an_edit_of_one_channel_of_pro_q_3_changes_its_slot_only() -> None:
    before = (GOLDEN / "proq3/left-right.ffp").read_bytes()
    preset = presets.read(before)
    assert isinstance(preset.eq, ChannelEqs)
    left = EqSettings((*preset.eq["left"].bands[:3], Band(HIGH, 9_000.0, -3.0, 0.7071)))
    (after,) = presets.write(replace(preset, eq=ChannelEqs((("left", left), ("right", preset.eq["right"])))), "proq3").files.values()
    at = 12 + 5 * 52
    assert after[:at] + after[at + 52 :] == before[:at] + before[at + 52 :]
    assert struct.unpack_from("<f", after, at + 12) == (-6.0,)  # the gain scale is 0.5
    with pytest.raises(PresetWriteError, match="does not fit a preset whose gains are scaled by 0.5"):
        presets.write(replace(preset, eq=EqSettings((Band(PEAK, 500.0, 20.0, 1.0),))), "proq3")


def test_new_bands_of_pro_q_3_leave_the_slots_of_other_filters_alone() -> None:
    before = (GOLDEN / "proq3/left-right.ffp").read_bytes()
    preset = presets.read(before)
    full = replace(preset, eq=EqSettings(tuple(Band(PEAK, 100.0 * number, 1.0, 1.0) for number in range(1, 23))))
    (after,) = presets.write(full, "proq3").files.values()
    foreign = slice(12 + 6 * 52, 12 + 8 * 52)
    assert after[foreign] == before[foreign]
    assert len(presets.read(after).of_channel("side").single.bands) == 22  # the bell for mid is one of ours now
    more = replace(preset, eq=EqSettings((Band(PEAK, 500.0, 1.0, 1.0),) * 24))
    with pytest.raises(PresetWriteError, match="proq3: no slot is left for band 23; 2 hold other filters"):
        presets.write(more, "proq3")


def test_the_preamp_that_pro_q_3_cannot_hold_is_said() -> None:
    (note,) = presets.write(EqSettings((), -3.0), "proq3").notes
    assert (note.kind, note.field, note.error_db) == ("dropped", "preamp_db", 3.0)


def test_the_aunbandeq_preset_is_read_and_written_back() -> None:
    files = files_of(GOLDEN / "aunbandeq/warm.aupreset")
    preset = presets.read(files)
    assert preset.eq is not None
    assert (preset.format, preset.name) == ("aunbandeq", "Warm & wide")
    low, peak, high = WARM
    rumble = (HIGH_PASS, 30.0, 0.0, 0.7071068, True)
    check_bands(preset.eq, [low, peak, rumble, (*high[:3], 0.7071068, False), (LOW, 200.0, 2.0, 1.0, True)], 1e-6)
    assert preset.eq.preamp_db == pytest.approx(-5.9, abs=1e-6)
    assert preset.notes == ()
    assert list(presets.write(preset, "aunbandeq").files.values()) == list(files.values())


def test_apples_own_reader_of_property_lists_reads_what_we_write() -> None:
    preset = presets.read((GOLDEN / "aunbandeq/warm.aupreset").read_bytes())
    assert preset.eq is not None
    for given in (replace(preset, eq=EqSettings(preset.eq.bands[:2], 1.0), name="a < b"), Preset(preset.eq, name="a < b")):
        (data,) = presets.write(given, "aunbandeq").files.values()
        keys = plistlib.loads(data)
        assert (keys["name"], keys["subtype"], len(keys["data"])) == ("a < b", 1_851_942_257, 660)
        assert keys.get("render-quality", 0) == 0
    assert keys["numberOfBands"] == 5


def test_every_type_of_aunbandeq_is_read_and_written_back() -> None:
    files = files_of(GOLDEN / "aunbandeq/types.aupreset")
    preset = presets.read(files)
    check_bands(
        preset.single,
        [
            (LOW_PASS, 15_000.0, 0.0, 0.7071068, True),
            (LOW_PASS, 9_000.0, 0.0, 2.0, True),
            (HIGH_PASS, 60.0, 0.0, 1.0, False),
            (BandKind.BAND_PASS, 1_000.0, 0.0, 0.5, True),
            (BandKind.NOTCH, 50.0, 0.0, 8.0, True),
            (HIGH, 4_000.0, -3.0, 1.0, True),
        ],
        1e-6,
    )
    first, last = preset.notes
    assert (first.kind, first.field, first.at_hz) == ("approximated", "band 2 of the file resonance", 9_000.0)
    assert first.error_db == pytest.approx(20.0 * math.log10(2.0 * math.sqrt(2.0)), abs=1e-3)
    assert str(last) == "band 7 of the file type 12 is not read (unknown, 4.000 dB off)"
    assert list(presets.write(preset, "aunbandeq").files.values()) == list(files.values())
    edited = replace(preset, eq=EqSettings(preset.single.bands[1:], 1.0))
    (data,) = presets.write(edited, "aunbandeq").files.values()
    values = dict(struct.iter_unpack(">If", plistlib.loads(data)["data"][12:]))
    assert [values[2_000 + slot] for slot in range(8)] == [3.0, 4.0, 5.0, 6.0, 10.0, 0.0, 12.0, 0.0]


@pytest.mark.parametrize(("q", "kind_number"), [(0.7, 7.0), (0.71, 7.0), (0.72, 9.0), (0.5, 9.0), (1.0, 9.0)])
def test_only_shelves_near_the_fixed_width_are_written_as_such(q: float, kind_number: float) -> None:
    (data,) = presets.write(EqSettings((Band(LOW, 100.0, 3.0, q),)), "aunbandeq").files.values()
    table = plistlib.loads(data)["data"]
    values = dict(struct.iter_unpack(">If", table[12:]))
    assert values[2_000] == kind_number
    back = presets.read(data)
    assert back.eq is not None
    assert back.eq.bands[0].q == pytest.approx(q, rel=1e-6)
