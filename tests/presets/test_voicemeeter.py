"""Voicemeeter: cells of a bus as bands, channels apart, and which bus is meant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets.file_formats.base import Choice

GOLDEN = Path(__file__).resolve().parent.parent / "golden/voicemeeter/bus2.voicemeeter.xml"
BOTH = (Band("low_shelf", 65.0, 6.09, 0.7), Band("peak", 205.49, -3.37, 0.4), Band("high_shelf", 16_744.04, 3.7, 0.7))


def cell(bus: int = 1, channel: int = 1, number: int = 1, on: int = 1, code: int = 0, gain_db: str = "3", freq: str = "100") -> str:
    where = f"index='{bus}' channel='{channel}' cell='{number}'"
    return f"<Bus {where} EQon='{on}' EQtype='{code}' dblevel='{gain_db}' freq='{freq}' Q='1' />"


def document(*cells: str) -> bytes:
    return f"<VBAudioVoicemeeterBUSEQConfig><VoiceMeeterBUSEQ>{''.join(cells)}</VoiceMeeterBUSEQ></VBAudioVoicemeeterBUSEQConfig>".encode()


def test_the_golden_is_read_and_written_back() -> None:
    preset = presets.read_file(GOLDEN)
    assert preset.format == "voicemeeter"
    off = Band("peak", 900.0, 2.5, 1.0, enabled=False)
    right = EqSettings((*BOTH[:2], off, BOTH[2]))
    assert preset.eq == ChannelEqs((("left", EqSettings(BOTH)), ("right", right)))
    assert list(presets.write(preset, "voicemeeter").files.values()) == [GOLDEN.read_bytes()]


def test_a_changed_eq_stays_on_its_bus() -> None:
    preset = presets.read_file(GOLDEN)
    eq = EqSettings(BOTH[:2])
    (data,) = presets.write(replace(preset, eq=eq), "voicemeeter").files.values()
    assert data.count(b'<Bus index="2"') == data.count(b"<Bus ") == 48
    assert data.count(b"<StripComp ") == data.count(b"<StripGate ") == 8
    assert presets.read(data).eq == eq


def test_one_eq_goes_to_all_channels() -> None:
    (data,) = presets.write(EqSettings(BOTH), "voicemeeter").files.values()
    lines = data.decode().splitlines()
    assert lines[:3] == ['<?xml version="1.0" encoding="UTF-8"?>', "<VBAudioVoicemeeterBUSEQConfig>", "<VoiceMeeterBUSEQ>"]
    assert lines[3] == '    <Bus index="1" channel="1" cell="1" EQon="1" EQtype="5" dblevel="6.09" freq="65.00" Q="0.70"/>'
    assert lines[6] == '    <Bus index="1" channel="1" cell="4" EQon="0" EQtype="0" dblevel="0.00" freq="2000.00" Q="3.00"/>'
    assert len(lines) == 3 + 48 + 2
    assert presets.read(data).eq == EqSettings(BOTH)


def test_of_several_buses_one_is_chosen() -> None:
    data = document(cell(1), cell(3, gain_db="-2"), cell(3, 2, gain_db="-2"))
    with pytest.raises(PresetReadError, match=r"^holds the EQs of 2 buses: 1, 3; choose one with `track`$"):
        presets.read(data)
    for wanted in ("3", "bus 3"):
        assert presets.read(data, choice=Choice(track=wanted)).eq == EqSettings((Band("peak", 100.0, -2.0, 1.0),))
    with pytest.raises(PresetReadError, match=r"^has no bus '2', only 1, 3$"):
        presets.read(data, choice=Choice(track="2"))


def test_passes_are_read_with_a_note_and_types_that_sources_disagree_on_are_not() -> None:
    preset = presets.read(document(cell(code=4, freq="30"), cell(number=2, code=1)))
    assert preset.eq == ChannelEqs((("left", EqSettings((Band("high_pass", 30.0, q=1.0),))),))
    assert [str(note) for note in preset.notes] == [
        "bus 1 channel 1 cell 1 a high-pass of unknown order -> second order (approximated)",
        "bus 1 channel 1 cell 2 EQtype 1, a notch or a band-pass, is not read (unknown)",
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (document(), r"^VoiceMeeterBUSEQ: holds no cell$"),
        (document(cell(), cell()), r"^bus 1 channel 1 cell 1: stands twice$"),
        (document(cell(channel=9)), r"^bus 1 channel 9 cell 1: is not one of channels 1\.\.8 and cells from 1$"),
        (document(cell(code=7)), r"^bus 1 channel 1 cell 1: EQtype 7 is not 0\.\.6$"),
        (document(cell(gain_db="x")), r"^bus 1 channel 1 cell 1: dblevel 'x' is not a number$"),
        (b"<VBAudioVoicemeeterSettings/>", r"^VBAudioVoicemeeterSettings: has no element VoiceMeeterBUSEQ$"),
    ],
)
def test_what_is_not_understood_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(PresetReadError, match=why):
        presets.read(data)
