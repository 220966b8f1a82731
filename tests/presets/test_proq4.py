"""FabFilter Pro-Q 4: shapes, slopes, placements and dynamics of its text, and the two readings of its Q."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from conftest import ROOT
from preset_files import GOLDEN

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import AmbiguousFormatError, PresetReadError, PresetWriteError
from semeq_presets import Preset

WARM = (GOLDEN / "proq4/warm.ffp").read_text(encoding="utf-8")
PUBLIC = sorted((ROOT.parent / "shared/data/presets_public").glob("JRoot3D*/**/*.ffp"))


def eq_of(preset: Preset) -> EqSettings:
    assert isinstance(preset.eq, EqSettings)
    return preset.eq


def with_keys(text: str, band: int, **keys: object) -> bytes:
    """The file with other numbers for keys of a band."""
    for key, value in keys.items():
        text, count = re.subn(rf"(?m)^Band {band} {key.replace('_', ' ')}=.*$", f"Band {band} {key.replace('_', ' ')}={value}", text)
        assert count == 1
    return text.encode()


def test_the_golden_is_read_and_written_back() -> None:
    preset = presets.read(WARM.encode())
    assert preset.format == "proq4"
    assert [(held.kind.value, held.freq_hz, held.gain_db, held.q, held.enabled, held.order) for held in eq_of(preset).bands] == [
        ("low_shelf", pytest.approx(105.0), 8.1, pytest.approx(0.7), True, 2),
        ("high_pass", pytest.approx(30.0), 0.0, pytest.approx(0.70710678), True, 4),
        ("peak", pytest.approx(1_604.0), -2.7, pytest.approx(1.23), True, 2),
        ("peak", pytest.approx(5_000.0), 3.0, pytest.approx(1.0), True, 2),
        ("high_shelf", pytest.approx(10_000.0), -7.5, pytest.approx(0.7), False, 2),
        ("tilt", pytest.approx(900.0), -3.0, pytest.approx(0.5), True, 2),
    ]
    assert eq_of(preset).preamp_db == pytest.approx(-5.9)
    assert [(note.kind, note.field, note.error_db) for note in preset.notes[:2]] == [
        ("unknown", "band 4 of the file", 4.0),
        ("unknown", "band 6 of the file", 2.0),
    ]
    assert presets.write(preset, "proq4").files == {"preset.ffp": WARM.encode()}


def test_a_changed_band_leaves_every_other_line_alone() -> None:
    preset = presets.read(WARM.encode())
    bands = list(eq_of(preset).bands)
    bands[2] = replace(bands[2], gain_db=-1.0)
    (after,) = presets.write(replace(preset, eq=EqSettings(tuple(bands), eq_of(preset).preamp_db)), "proq4").files.values()
    changed = [line for line, was in zip(after.decode().splitlines(), WARM.splitlines(), strict=True) if line != was]
    assert changed[0] == "Band 3 Gain=-1"
    assert {line.partition("=")[0] for line in changed} <= {"Band 3 Gain", "Band 3 Frequency", "Band 3 Q"}  # of other digits at most
    assert [held.gain_db for held in eq_of(presets.read(after)).bands] == [held.gain_db for held in bands]


def test_both_readings_of_q_are_stated_and_can_be_had() -> None:
    preset = presets.read(WARM.encode())
    (note,) = [note for note in preset.notes if note.field == "q"]
    assert str(note).startswith("q of Pro-Q's scale -> divided by sqrt(2); `proq4-q-as-is` takes it as it is (approximated, ")
    as_is = presets.read(WARM.encode(), "proq4-q-as-is")
    for got, other in zip(eq_of(as_is).bands, eq_of(preset).bands, strict=True):
        assert got.q == pytest.approx(other.q * math.sqrt(2.0))
    assert "q" not in [note.field for note in as_is.notes]


def test_our_own_files_say_which_reading_they_are_of() -> None:
    eq = EqSettings((Band("peak", 1_000.0, 6.0, 2.0),))
    numbers = {}
    for format_id in ("proq4", "proq4-q-as-is"):
        (data,) = presets.write(eq, format_id).files.values()
        back = presets.read(data)
        assert (back.format, back.notes) == (format_id, ())
        assert eq_of(back).bands[0].q == pytest.approx(2.0)
        numbers[format_id] = float(re.findall(r"(?m)^Band 1 Q=(.*)$", data.decode())[0])
    assert numbers["proq4"] - numbers["proq4-q-as-is"] == pytest.approx(math.log(math.sqrt(2.0)) / math.log(1_600.0))
    with pytest.raises(AmbiguousFormatError, match=r"proq3 and proq4 and proq4-q-as-is"):
        presets.format_for("x.ffp")


@pytest.mark.parametrize(
    ("shape", "slope", "kind", "order"),
    [
        (0, 2, "peak", 2),
        (1, 1, "low_shelf", 1),
        (1, 2, "low_shelf", 2),
        (2, 1, "high_pass", 1),
        (2, 5, "high_pass", 5),
        (3, 2, "high_shelf", 2),
        (4, 7, "low_pass", 8),
        (4, 9, "low_pass", 16),
        (5, 2, "notch", 2),
        (6, 2, "band_pass", 2),
        (7, 1, "tilt", 1),
        (9, 1, "all_pass", 1),
        (9, 2, "all_pass", 2),
    ],
)
def test_shapes_and_slopes_that_are_ours_are_read_without_a_note(shape: int, slope: int, kind: str, order: int) -> None:
    own = presets.write(EqSettings((Band("peak", 1_000.0, 6.0, 0.7071),)), "proq4").files["preset.ffp"].decode()
    preset = presets.read(with_keys(own, 1, Shape=shape, Slope=slope))
    (held,) = eq_of(preset).bands
    assert (held.kind.value, held.order, preset.notes) == (kind, order, ())
    (again,) = presets.write(replace(preset, source=None), "proq4").files.values()
    assert eq_of(presets.read(again)).bands == pytest.approx((held,))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"Slope": 4}, "band 1 of the file slope 4 -> 12 dB/oct (approximated, 3.000 dB off at 1000 Hz)"),
        ({"Slope": 2.5}, "band 1 of the file slope 2.5 -> 12 dB/oct (approximated, 3.000 dB off at 1000 Hz)"),
        ({"Shape": 2, "Slope": 2.5}, "band 1 of the file slope 2.5 -> 12 dB/oct (approximated"),
        ({"Shape": 2, "Slope": 10}, "band 1 of the file slope 10 -> 96 dB/oct (approximated"),
        ({"Dynamic_Range": -3}, "band 1 of the file its dynamics of -3 dB are not read (unknown, 3.000 dB off at 1000 Hz)"),
        ({"Solo": 1}, "band 1 of the file solo is not read (unknown)"),
    ],
)
def test_what_is_read_as_something_else_is_said_with_its_size(keys: dict[str, float], says: str) -> None:
    own = presets.write(EqSettings((Band("peak", 1_000.0, 6.0, 0.7071),)), "proq4").files["preset.ffp"].decode()
    (note,) = presets.read(with_keys(own, 1, **keys)).notes
    assert str(note).startswith(says)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"Shape": 8}, "flat tilt is not read"),
        ({"Shape": 11}, "shape 11 is not read"),
        ({"Shape": 0.5}, "shape 0.5 is not read"),
        ({"Stereo_Placement": 7}, "placement 7 is not read"),
        ({"Speakers": 4}, "a band for speakers 4 is not read"),
    ],
)
def test_a_preset_of_which_nothing_can_be_read_is_refused(keys: dict[str, float], says: str) -> None:
    own = presets.write(EqSettings((Band("peak", 1_000.0, 6.0, 0.7071),)), "proq4").files["preset.ffp"].decode()
    with pytest.raises(PresetReadError, match=f"nothing of its sound can be read: band 1 of the file: {says}"):
        presets.read(with_keys(own, 1, **keys))


def test_a_preset_that_is_switched_off_is_refused_with_what_to_do() -> None:
    with pytest.raises(PresetReadError, match=r"is switched off as a whole \(Bypass=1\); switch it on in Pro-Q, or set Bypass=0"):
        presets.read(WARM.replace("\nBypass=0", "\nBypass=1").encode())


def test_placements_are_channels_and_stereo_bands_are_in_both() -> None:
    preset = presets.read((GOLDEN / "proq4/mid-side.ffp").read_bytes())
    assert isinstance(preset.eq, ChannelEqs)
    assert preset.eq.names == ("left", "right")
    assert [held.freq_hz for held in preset.eq["left"].bands] == pytest.approx([105.0, 400.0])
    assert [held.freq_hz for held in preset.eq["right"].bands] == pytest.approx([105.0])
    assert [note.wanted for note in preset.notes[:2]] == [f"placement {number} beside left or right is not read" for number in (3, 4)]
    text = (GOLDEN / "proq4/mid-side.ffp").read_text(encoding="utf-8")
    sides = presets.read(with_keys(text, 4, Used=0)).eq
    assert isinstance(sides, ChannelEqs)
    assert sides.names == ("mid", "side")
    assert [held.order for held in sides["side"].bands] == [2, 1]


def test_bands_of_both_channels_take_one_slot() -> None:
    shared = tuple(Band("peak", 100.0 * (1 + number), 1.0, 1.0) for number in range(20))
    eqs = ChannelEqs((("left", EqSettings((*shared, Band("peak", 5_000.0, 3.0, 1.0)))), ("right", EqSettings(shared))))
    (data,) = presets.write(eqs, "proq4").files.values()
    assert data.count(b" Used=1") == 21
    back = presets.read(data).eq
    assert isinstance(back, ChannelEqs)
    assert [len(eq.bands) for _, eq in back] == [21, 20]
    apart = ChannelEqs((("left", EqSettings(shared)), ("right", EqSettings(tuple(replace(held, gain_db=2.0) for held in shared)))))
    with pytest.raises(PresetWriteError, match=r"^proq4: no slot is left for band 25$"):
        presets.write(apart, "proq4")


def test_preamps_that_differ_are_said_with_what_one_level_costs() -> None:
    eqs = ChannelEqs((("left", EqSettings((), -2.0)), ("right", EqSettings((Band("peak", 1_000.0, 3.0, 1.0),), -3.0))))
    (note,) = presets.write(eqs, "proq4").notes
    assert str(note) == "preamp_db of two channels -2 and -3 -> -2.5 (refitted, 0.500 dB off)"


def test_gains_are_read_as_their_scale_makes_them() -> None:
    data = with_keys(WARM, 4, Used=0).replace(b"Gain Scale=1", b"Gain Scale=0.5")
    preset = presets.read(data)
    assert [held.gain_db for held in eq_of(preset).bands] == pytest.approx([4.05, 0.0, -1.35, -3.75, -1.5])
    bands = (replace(eq_of(preset).bands[0], gain_db=6.0), *eq_of(preset).bands[1:])
    (after,) = presets.write(replace(preset, eq=EqSettings(bands, -5.9)), "proq4").files.values()
    assert eq_of(presets.read(after)).bands[0].gain_db == pytest.approx(6.0)
    with pytest.raises(PresetWriteError, match=r"does not fit a preset whose gains are scaled by 0\.5"):
        presets.write(replace(preset, eq=EqSettings((replace(bands[0], gain_db=20.0), *bands[1:]), -5.9)), "proq4")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("Signature=FQ4p", "Signature=FQ5p", "is no Pro-Q 4 preset"),
        ("Band 1 Gain=8.1", "Band 1 Gain=8,1", "Gain '8,1' is not a number; write a decimal point, not a comma"),
        ("Band 1 Gain=8.1", "Band 1 Gain=nan", "Band 1 Gain 'nan' is not a number"),
        ("Band 1 Gain=8.1", "Band 1 Gain=8.1\nBand 1 Gain=9", "Band 1 Gain stands twice"),
        ("Band 1 Gain=8.1", "Band 1 Gain=80", "band 1 of the file: gain_db 80.0 is outside -60..60"),
        ("Band 24 Gain=0", "Band 25 Gain=0", "has a band 25, the limit is 24"),
        ("Output Level=-0", "Output Level=-9", "preamp_db"),
    ],
)
def test_what_is_wrong_is_named(before: str, after: str, says: str) -> None:
    assert before in WARM
    with pytest.raises(PresetReadError) as caught:
        presets.read(WARM.replace(before, after, 1).encode(), "proq4")
    assert says in str(caught.value)


@pytest.mark.skipif(not PUBLIC, reason="no public presets beside the repository")
def test_public_presets_are_read_with_both_readings_of_q() -> None:
    for place in PUBLIC:
        preset = presets.read_file(place)
        assert [note.field for note in preset.notes] == ["q"]
        assert presets.write(replace(preset, name=""), "proq4").files == {"preset.ffp": place.read_bytes()}
        as_is = presets.read_file(place, format="proq4-q-as-is")
        freqs_hz = np.geomspace(20.0, 20_000.0, 200)
        apart_db = float(np.max(np.abs(preset.response_db(freqs_hz) - as_is.response_db(freqs_hz))))
        assert apart_db <= (preset.notes[0].error_db or 0.0) + 0.02
