"""Damaged files of plug-ins' and DAWs' own formats: our error with the place that is wrong."""

from __future__ import annotations

import struct

import pytest
from preset_files import GOLDEN, files_of

import semeq_presets as presets
from semeq_export.errors import PresetReadError


# fault E4
@pytest.mark.parametrize(
    ("format_id", "before", "after", "says"),
    [
        (
            "calf-lv2",
            b'"ls_level" ; pset:value 2.54097271',
            b'"ls_level" ; pset:value 0.0',
            "ls_freq 105, ls_level 0, ls_q 0.7 is no filter",
        ),
        ("calf-lv2", b'"ls_q" ; pset:value 0.7', b'"ls_q" ; pset:value -0.7', "ls_active: q -0.7 is not above 0"),
        ("calf-lv2", b'"level_in" ; pset:value 0.5', b'"level_in" ; pset:value -0.5', "level_in -0.506991 is no gain"),
        ("fil4-lv2", b'"freq1" ; pset:value 1604.0', b'"freq1" ; pset:value 90000.0', "is no filter"),
        ("fil4-lv2", b'"q1" ; pset:value ', b'"q1" ; pset:value 0.0 ] , [ lv2:symbol "x" ; pset:value ', "is no filter"),
        ("aeq-lv2", b'"bw1" ; pset:value ', b'"bw1" ; pset:value 0.0 ] , [ lv2:symbol "x" ; pset:value ', "is no filter"),
        ("aeq-lv2", b'"master" ; pset:value -5.9', b'"master" ; pset:value -500.0', "preamp_db -500.0 is outside -120..120"),
        ("aeq-lv2", b"urn:ardour:a-eq", b"urn:ardour:a-comp", "is a preset of <urn:ardour:a-comp>, expected <urn:ardour:a-eq>"),
    ],
)
def test_lv2_slots_name_the_port_that_is_wrong(format_id: str, before: bytes, after: bytes, says: str) -> None:
    files = {name: data.replace(before, after) for name, data in files_of(GOLDEN / format_id / "warm.lv2").items()}
    assert files != files_of(GOLDEN / format_id / "warm.lv2")
    with pytest.raises(PresetReadError) as caught:
        presets.read(files, format_id)
    assert says in str(caught.value)


def damaged(name: str, before: bytes, after: bytes) -> bytes:
    (data,) = files_of(GOLDEN / name).values()
    assert data.count(before) >= 1
    return data.replace(before, after, 1)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b"<VST", b"<AU", "holds no ReaEQ"),
        (b"\n>\nPRESET", b"\nPRESET", "line 7: the block of ReaEQ does not end with >"),
        (b"  cWVlc", b"  xWVlc", "line 8: the block of ReaEQ does not start with its header"),
        (b"  cWVlcu5e7f4CAAAA", b"  cWVlcu5e7f7/////", "line 8: header has 4294967295 pins, the limit is 256"),
        (b"  cWVlcu5e7f4CAAAA", b"  cWVlcu5e7f4BAAAA", "state offset 0x0: ends after 2 of 8 bytes"),
        (b"  IQAAAAQAAAA", b"  IQAAAAUAAAA", "state offset 0x4: says 5 bands, has room for 4"),
        (b"  IQAAAAQAAAA", b"  IQAAAP////8", "state offset 0x4: says -1 bands, has room for 4"),
        (b"  IQAAAAQAAAA", b"  IgAAAAQAAAA", "state offset 0x0: state has version 34, this reads 32 and 33"),
        (b"  IQAAAAQAAAA", b"  IQAAAAQAA!A", "line 9: is not base64"),
    ],
)
def test_reaeq_names_line_and_offset(before: bytes, after: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(damaged("reaeq/warm.RfxChain", before, after), "reaeq")
    assert says in str(caught.value)


# fault E4
@pytest.mark.parametrize(
    ("offset", "after", "says"),
    [
        (0, b"FQ2p", "offset 0x0: is no Pro-Q 3 preset"),
        (4, struct.pack("<I", 5), "offset 0x4: has version 5, this reads 4"),
        (8, struct.pack("<I", 311), "offset 0x8: says 311 numbers, expected 312..358"),
        (8, struct.pack("<I", 2**32 - 1), "offset 0x8: says 4294967295 numbers"),
        (12 + 2 * 4, struct.pack("<f", float("nan")), "offset 0xc: log2_freq is nan"),
        (12 + 3 * 4, struct.pack("<f", float("inf")), "offset 0xc: gain_db is inf"),
        (12 + 3 * 4, struct.pack("<f", 99.0), "band 1 of the file: gain_db 99.0 is outside -60..60"),
        (12 + 2 * 4, struct.pack("<f", 40.0), "band 1 of the file: frequency 2^40 Hz"),
        (12 + 7 * 4, struct.pack("<f", -90.0), "q -90 is out of range"),
    ],
)
def test_pro_q_3_names_the_offset(offset: int, after: bytes, says: str) -> None:
    (data,) = files_of(GOLDEN / "proq3/warm.ffp").values()
    with pytest.raises(PresetReadError) as caught:
        presets.read(data[:offset] + after + data[offset + len(after) :], "proq3")
    assert says in str(caught.value)


@pytest.mark.parametrize("format_id", ["proq3"])
def test_binary_files_cut_anywhere_are_refused(format_id: str) -> None:
    (data,) = files_of(GOLDEN / "proq3/warm.ffp").values()
    for length in range(0, len(data), 7):
        with pytest.raises(PresetReadError):
            presets.read(data[:length], format_id)


# faults E1, E2, E3 and E4
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (b'1.0//EN"', b'9.9//EN"', "has a document type (DTD), which is not read"),
        (b'.dtd">', b'.dtd" [<!ENTITY a "aaaa">]>', "has a document type (DTD), which is not read"),
        (b"1851942257", b"1851942258", "subtype is 1851942258, expected 1851942257: not a preset of AUNBandEQ"),
        (b"<integer>1851942257", b"<integer>nbeq", "subtype is missing or not a whole number"),
        (b"<key>subtype", b"<key>type", "key 'type' stands twice"),
        (b"<key>subtype</key>", b"", "stands where a key is expected"),
        (b"<data>", b"<data>!", "data: is not base64"),
        (b"AAAAAAAAAAAAAABR", b"AAAAAAAAAAAAAABS", "data offset 0x8: says 82 parameters in 660 bytes"),
        (b"AAAAAAAAAAAAAABR", b"AAAAAAAAAAD/////", "data offset 0x8: says 4294967295 parameters in 660 bytes"),
        (b"AAAAAAAAAAAAAABRAAAAAMC8", b"AAAAAAAAAAAAAABRAAAAAH/A", "is nan"),
        (b"<plist", b"<list", "not well-formed XML"),
    ],
)
def test_aunbandeq_names_key_and_parameter(before: bytes, after: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(damaged("aunbandeq/warm.aupreset", before, after), "aunbandeq")
    assert says in str(caught.value)
