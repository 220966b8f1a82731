"""ReaEQ as REAPER has it: every filter, chains of several versions, projects with tracks, the file of presets."""

from __future__ import annotations

import base64
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import cases
from preset_files import GOLDEN
from strategies import random_settings_inside

import semeq_presets as presets
from semeq_export.eq.biquad import audible_db
from semeq_export.eq.curve import log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError, UnknownFormatError
from semeq_presets import Choice, Preset

REAPER5, PROJECT, INI = (GOLDEN / "reaeq" / name for name in ("reaper5.RfxChain", "two-tracks.RPP", "vst-reaeq.ini"))
FREQS_HZ = log_grid(300)


def read(place: Path, **choice: str) -> Preset:
    return presets.read_file(place, choice=Choice(**choice))


def eq_of(preset: Preset) -> EqSettings:
    assert isinstance(preset.eq, EqSettings)
    return preset.eq


def block(*filters: tuple[int, int, float, float, float], overall: float = 1.0, pins: int = 2, width: int = 40, bypass: str = "0") -> str:
    """A ReaEQ of REAPER 5, packed here. filters: type, enabled, Hz, linear gain, octaves."""
    sides = struct.pack("<I", pins) + b"".join(struct.pack("<Q", 1 << index) for index in range(pins))
    body = struct.pack("<ii", 32, len(filters)) + b"".join(struct.pack("<iiddd", *each) for each in filters)
    body += struct.pack("<iid", 1, 1, overall)
    data = b"qeer" + struct.pack("<I", 0xFEED5EEE) + sides + sides + struct.pack("<III", len(body), 1, 0) + body
    lines = [base64.b64encode(data[start : start + width]).decode() for start in range(0, len(data), width)]
    return "\n".join([f"BYPASS {bypass}", '<VST "VST: ReaEQ (Cockos)" "reaeq.dll"', *lines, ">", "WAK 0", ""])


def test_a_chain_of_reaper_5_is_read_and_written_back() -> None:
    preset = read(REAPER5)
    bands = eq_of(preset).bands
    assert [(held.kind.value, held.enabled) for held in bands] == [
        ("low_shelf", True),
        ("peak", True),
        ("high_shelf", False),
        ("notch", False),
        ("high_pass", False),
    ]
    assert [held.freq_hz for held in bands] == [105.0, 1_604.0, 10_000.0, 24.0, 80.0]
    assert [held.q for held in bands] == pytest.approx([0.7, 1.23, 0.7, 1e-3 * 4.0 / 15.0, 2.0 / 3.0], rel=1e-6)
    assert eq_of(preset).preamp_db == pytest.approx(-5.9)  # the bypassed one's gain does not count
    assert [note.kind for note in preset.notes] == ["dropped"]
    assert preset.notes[0].error_db == pytest.approx(120.0)
    assert presets.write(preset, "reaeq").files == {"preset.RfxChain": REAPER5.read_bytes()}


def test_a_changed_chain_of_two_keeps_the_one_that_is_bypassed() -> None:
    first, second = block((0, 1, 105.0, 2.0, 1.0), (2, 1, 900.0, 0.5, 2.0)), block((4, 1, 80.0, 1.0, 2.0), bypass="1")
    preset = presets.read((first + second).encode(), "reaeq")
    eq = eq_of(preset)
    changed = replace(eq, bands=(replace(eq.bands[0], gain_db=3.0), *eq.bands[1:]), preamp_db=-3.0)
    (after,) = presets.write(replace(preset, eq=changed), "reaeq").files.values()
    assert after.endswith(second.encode())
    back = eq_of(presets.read(after))
    assert back.bands[0].gain_db == pytest.approx(3.0)
    assert back.bands[1:] == eq.bands[1:]
    assert back.preamp_db == pytest.approx(-3.0)
    assert len(base64.b64decode(after.splitlines()[2])) == 40  # in REAPER 5's lines


def test_a_chain_that_is_changed_beside_a_silent_band_says_what_that_costs() -> None:
    preset = presets.read(block((2, 1, 24.0, 1e-6, 4.0), (2, 1, 900.0, 0.5, 2.0)).encode(), "reaeq")
    changed = EqSettings((eq_of(preset).bands[0], replace(eq_of(preset).bands[1], gain_db=-3.0)))
    written = presets.write(replace(preset, eq=changed), "reaeq")
    (note,) = written.notes
    assert note.kind == "refitted"
    difference = audible_db(eq_of(presets.read(written.files)), FREQS_HZ, 48_000.0) - audible_db(changed, FREQS_HZ, 48_000.0)
    assert 0.0 < np.max(np.abs(difference)) <= (note.error_db or 0.0) + 0.02 <= 1.0


def test_a_band_cannot_play_in_a_bypassed_reaeq() -> None:
    preset = presets.read(block((4, 1, 80.0, 1.0, 2.0), bypass="1").encode(), "reaeq")
    bands = tuple(replace(held, enabled=True) for held in eq_of(preset).bands)
    with pytest.raises(PresetWriteError, match="stands in a bypassed ReaEQ; switch that on in REAPER"):
        presets.write(replace(preset, eq=EqSettings(bands)), "reaeq")


@pytest.mark.parametrize("pins", [1, 2, 4, 8])
@pytest.mark.parametrize("width", [40, 60, 96, 4_000])
def test_headers_of_any_length_are_read(pins: int, width: int) -> None:
    text = block((2, 1, 1_000.0, 2.0, 1.0), pins=pins, width=width)
    preset = presets.read(text.encode(), "reaeq")
    (held,) = eq_of(preset).bands
    assert (held.freq_hz, held.gain_db, held.q) == pytest.approx((1_000.0, 20 * math.log10(2.0), math.sqrt(2.0)))
    assert preset.notes == ()
    assert presets.write(preset, "reaeq").files == {"preset.RfxChain": text.encode()}


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, "low_shelf"),
        (1, "high_shelf"),
        (2, "peak"),
        (3, "low_pass"),
        (4, "high_pass"),
        (5, "all_pass"),
        (6, "notch"),
        (7, "band_pass"),
        (8, "peak"),
        (9, "peak"),
    ],
)
def test_every_type_of_filter_is_a_band(number: int, kind: str) -> None:
    text = block((number, 1, 1_000.0, 1.0, 1.0))
    preset = presets.read(text.encode(), "reaeq")
    (held,) = eq_of(preset).bands
    assert (held.kind.value, held.order, held.q) == (kind, 2, pytest.approx(math.sqrt(2.0)))
    moved = presets.write(replace(preset, eq=EqSettings((replace(held, freq_hz=500.0),))), "reaeq").files
    assert eq_of(presets.read(moved)).bands[0].kind is held.kind
    state = b"".join(base64.b64decode(line) for line in moved["preset.RfxChain"].splitlines()[2:-2])
    assert struct.unpack_from("<i", state, 60 + 8)[0] == number  # older kinds of band stay what they are


def test_a_parallel_band_pass_and_unknown_types_are_said() -> None:
    text = block((8, 1, 100.0, 2.0, 1.0), (10, 1, 1_000.0, 1.0, 1.0), (11, 1, 50.0, 1.0, 1.0), (10, 0, 1_000.0, 1.0, 1.0))
    notes = presets.read(text.encode(), "reaeq").notes
    assert [str(note) for note in notes] == [
        "filter 2 parallel band pass at 1000 Hz is not read (unknown, 6.021 dB off at 1000 Hz)",
        "filter 3 type 11 is not read (unknown)",
    ]
    with pytest.raises(PresetReadError, match="nothing of its sound can be read: filter 1: parallel band pass"):
        presets.read(block((10, 1, 1_000.0, 1.0, 1.0)).encode(), "reaeq")


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("gain_db", [-70.0, -90.0, -120.0])
@pytest.mark.parametrize("freq_hz", [24.0, 400.0, 5_000.0])
def test_gains_below_the_models_are_the_filters_that_they_sound_like(number: int, gain_db: float, freq_hz: float) -> None:
    text = block((number, 1, freq_hz, 10.0 ** (gain_db / 20.0), 2.0))
    got = audible_db(eq_of(presets.read(text.encode(), "reaeq")), FREQS_HZ, 48_000.0)
    w0 = 2.0 * math.pi * freq_hz / 48_000.0
    a, alpha, cos = 10.0 ** (gain_db / 40.0), math.sin(w0) * 0.75, math.cos(w0)  # Q of 2 octaves is 2 / 3
    if number == 2:
        num, den = [1 + alpha * a, -2 * cos, 1 - alpha * a], [1 + alpha / a, -2 * cos, 1 - alpha / a]
    else:
        sign = 1.0 if number == 0 else -1.0
        root = 2.0 * math.sqrt(a) * alpha
        num = [a * ((a + 1) - sign * (a - 1) * cos + root), sign * 2 * a * ((a - 1) - sign * (a + 1) * cos)]
        num.append(a * ((a + 1) - sign * (a - 1) * cos - root))
        den = [(a + 1) + sign * (a - 1) * cos + root, -sign * 2 * ((a - 1) + sign * (a + 1) * cos)]
        den.append((a + 1) + sign * (a - 1) * cos - root)
    z = np.exp(-2j * math.pi * FREQS_HZ / 48_000.0)
    wanted = 20.0 * np.log10(np.abs(np.polyval(num[::-1], z) / np.polyval(den[::-1], z)))
    assert np.max(np.abs(np.maximum(wanted, -60.0) - got)) < (0.05 if gain_db < -80.0 else 1.0)


@pytest.mark.parametrize(("bypass", "is_on"), [("0", True), ("1", False), ("0 0 0", True), ("1 0 0", False), ("0 1 0", False)])
def test_what_is_bypassed_or_offline_does_not_play(bypass: str, is_on: bool) -> None:
    preset = presets.read(block((8, 1, 1_000.0, 4.0, 1.0), overall=2.0, bypass=bypass).encode(), "reaeq")
    assert [held.enabled for held in eq_of(preset).bands] == [is_on]
    assert eq_of(preset).preamp_db == pytest.approx(20 * math.log10(2.0) if is_on else 0.0)
    assert [note.error_db for note in preset.notes] == ([] if is_on else [pytest.approx(12.041, abs=0.01)])


def test_the_only_track_with_reaeq_is_taken() -> None:
    preset = read(PROJECT)
    assert preset.name == "Lead Vox"
    assert [(held.kind.value, held.freq_hz) for held in eq_of(preset).bands] == [
        ("peak", 200.0),
        ("low_pass", 15_000.0),
        ("notch", 50.0),
        ("all_pass", 700.0),
        ("band_pass", 1_000.0),
    ]
    assert eq_of(preset).preamp_db == pytest.approx(-1.0)
    for name in ("Lead Vox", "lead vox", "2", "2 Lead Vox"):
        assert read(PROJECT, track=name).eq == preset.eq


def test_a_project_is_written_as_a_chain_and_stays_as_it_is() -> None:
    preset = read(PROJECT)
    (chain,) = presets.write(preset, "reaeq").files.values()
    assert b"REAPER_PROJECT" not in chain
    assert chain.startswith(b"BYPASS 0 0 0\n<VST")
    again = presets.read(chain)
    assert again.eq == preset.eq
    assert [note.field for note in again.notes] == [note.field for note in preset.notes]
    assert presets.write(again, "reaeq").files == {"preset.RfxChain": chain}


def test_a_project_cannot_be_named_as_what_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormatError, match=r"no format has this suffix \(known: .*\.RfxChain.*\); name the format"):
        presets.convert_file(PROJECT, tmp_path / "song.RPP")


def project(*tracks: tuple[str, str]) -> bytes:
    chains = "".join(f'  <TRACK {{0}}\n    NAME "{name}"\n    FX 1\n    <FXCHAIN\n{text}    >\n  >\n' for name, text in tracks)
    return f"<REAPER_PROJECT 0.1\n{chains}>\n".encode()


def test_a_project_of_several_tracks_asks_which_one() -> None:
    one, other = block((8, 1, 100.0, 2.0, 1.0)), block((8, 1, 200.0, 2.0, 1.0))
    data = project(("Vox", one), ("Drums", other), ("Bass", ""), ("Drums", one))
    with pytest.raises(PresetReadError, match="holds 3 tracks with ReaEQ: 1 Vox, 2 Drums, 4 Drums; choose one with `track`"):
        presets.read(data)
    assert eq_of(presets.read(data, choice=Choice(track="2"))).bands[0].freq_hz == 200.0
    with pytest.raises(PresetReadError, match="has 2 tracks 'Drums' with ReaEQ, only 1 Vox, 2 Drums, 4 Drums"):
        presets.read(data, choice=Choice(track="Drums"))
    with pytest.raises(PresetReadError, match="has no track 'Bass' with ReaEQ"):
        presets.read(data, choice=Choice(track="Bass"))
    with pytest.raises(PresetReadError, match="is a project, which has no preset name to choose"):
        presets.read(data, choice=Choice(preset_name="1"))
    with pytest.raises(PresetReadError, match="is a chain, which has no track to choose"):
        presets.read(one.encode(), choice=Choice(track="1"))


def test_a_track_whose_effects_are_off_does_not_play() -> None:
    data = project(("Vox", block((8, 1, 100.0, 2.0, 1.0)))).replace(b"FX 1", b"FX 0")
    assert [held.enabled for held in eq_of(presets.read(data)).bands] == [False]


def test_effects_of_the_master_and_inside_containers_are_found() -> None:
    inner = block((8, 1, 100.0, 2.0, 1.0))
    master = f"<REAPER_PROJECT 0.1\n  MASTER_FX 1\n  <MASTERFXLIST\n{inner}  >\n>\n"
    assert eq_of(presets.read(master.encode(), choice=Choice(track="master"))).bands[0].freq_hz == 100.0
    for bypass, is_on in (("0 0 0", True), ("1 0 0", False)):
        data = project(("Vox", f"BYPASS {bypass}\n<CONTAINER Container\n{inner}>\n"))
        assert [held.enabled for held in eq_of(presets.read(data)).bands] == [is_on]


def test_the_file_of_presets_is_read_by_name_and_number() -> None:
    preset = read(INI)
    assert preset.name == "Warm at heart"
    assert [held.freq_hz for held in eq_of(preset).bands] == [105.0, 1_604.0]
    two = INI.read_bytes() + INI.read_bytes().partition(b"\r\n\r\n")[2].replace(b"[Preset0]", b"[Preset10]").replace(
        b"Warm at heart", b"Other"
    )
    with pytest.raises(PresetReadError, match="holds 2 presets: 1 Warm at heart, 11 Other; choose one with `preset_name`"):
        presets.read(two)
    assert presets.read(two, choice=Choice(preset_name="other")).name == "Other"
    assert presets.read(two, choice=Choice(preset_name="1")).eq == preset.eq
    with pytest.raises(PresetReadError, match="has no preset '2'"):
        presets.read(two, choice=Choice(preset_name="2"))
    again = presets.read(presets.write(preset, "reaeq").files)
    assert (again.eq, again.name) == (preset.eq, preset.name)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"Data=71", b"Data=72", "[Preset0]: Data is damaged: its check byte is another"),
        (b"Data=71", b"Data=7", "[Preset0]: Data is not hex"),
        (b"Data=71", b"Data=zz", "[Preset0]: Data is not hex"),
        (b"Name=Warm", b"[Preset0]\r\nName=Warm", "[Preset0]: stands twice"),
    ],
)
def test_a_damaged_file_of_presets_names_the_preset(before: bytes, after: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(INI.read_bytes().replace(before, after, 1), "reaeq")
    assert says in str(caught.value)


def test_every_kind_of_band_comes_back() -> None:
    for eq in random_settings_inside(cases(50, 150, 500), 5, presets.get("reaeq").info.limits):
        back = eq_of(presets.read(presets.write(eq, "reaeq").files))
        for got, wanted in zip(back.bands, eq.bands, strict=True):
            assert (got.kind, got.enabled, got.order) == (wanted.kind, wanted.enabled, wanted.order)
            assert (got.freq_hz, got.gain_db, got.q) == pytest.approx((wanted.freq_hz, wanted.gain_db, wanted.q), rel=1e-9, abs=1e-9)


def test_a_high_pass_of_the_fourth_order_becomes_two_filters() -> None:
    written = presets.write(EqSettings((Band(BandKind.HIGH_PASS, 80.0, order=4),)), "reaeq")
    assert [held.kind.value for held in eq_of(presets.read(written.files)).bands] == ["high_pass", "high_pass"]
