"""The container of VST3 presets, the state of our own plug-in, and Steinberg Frequency."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from preset_files import files_of
from strategies import T5, eq_settings

import semeq_presets as presets
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_export.words.target import SemanticTarget
from semeq_presets import FormatInfo, Preset
from semeq_presets.file_formats import semeq_vst3
from semeq_presets.file_formats._vstpreset import Container, pack, unpack
from semeq_presets.file_formats.semeq_vst3 import PluginState, for_words, pack_state, state_of, unpack_state

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
OURS, FREQUENCY = GOLDEN / "semeq-vst3/words.vstpreset", GOLDEN / "frequency/warm.vstpreset"
MID_SIDE = FREQUENCY.with_name("mid-side.vstpreset")
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF
BANDS = (Band(LOW, 105.0, 8.1, 0.7), Band(PEAK, 1_604.0, -2.7, 1.23), Band(HIGH, 10_000.0, -7.5, 0.7, enabled=False))


@pytest.mark.parametrize(("path", "bands"), [(OURS, BANDS), (FREQUENCY, (BANDS[0], Band("notch", 60.0, 0.0, 4.0), *BANDS[1:]))])
def test_both_goldens_are_told_apart_read_and_written_back(path: Path, bands: tuple[Band, ...]) -> None:
    preset = presets.read(files_of(path))
    assert (preset.format, preset.name) == (path.parent.name, "Warm")
    assert preset.eq == EqSettings(bands, -5.9)
    assert presets.write(preset, preset.format).files["preset.vstpreset"] == path.read_bytes()


@given(st.dictionaries(st.binary(min_size=4, max_size=4), st.binary(max_size=50), max_size=6))
def test_any_chunks_come_back(chunks: dict[bytes, bytes]) -> None:
    held = Container("0123456789ABCDEF" * 2, chunks)
    assert unpack(pack(held)) == held


def test_the_container_is_laid_out_as_steinberg_says() -> None:
    assert (
        pack(Container("A" * 32, {b"Comp": b"xyz", b"Cont": b""}))
        == (
            b"VST3"
            b"\x01\x00\x00\x00" + b"A" * 32 + b"\x33\x00\x00\x00\x00\x00\x00\x00"  # version  # the list stands at 51
            b"xyz"
            b"List\x02\x00\x00\x00"
            b"Comp\x30\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
            b"Cont\x33\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
        )
    )


@pytest.mark.parametrize(
    ("offset", "after", "says"),
    [
        (0, b"VST2", "offset 0x0: is no VST3 preset"),
        (4, struct.pack("<i", 2), "offset 0x4: has version 2, this reads 1"),
        (8, b"z", "offset 0x8: class id is not 32 hexadecimal digits"),
        (8, b"1", "is a preset of the plug-in 1C4B1F0E"),
        (40, struct.pack("<q", 2**62), "offset 0x28: list of chunks is not at 4611686018427387904"),
        (40, struct.pack("<q", -1), "offset 0x28: list of chunks is not at -1"),
    ],
)
def test_the_container_names_the_offset(offset: int, after: bytes, says: str) -> None:
    data = OURS.read_bytes()
    with pytest.raises(PresetReadError) as caught:
        presets.read(data[:offset] + after + data[offset + len(after) :], "semeq-vst3")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("field", "after", "says"),
    [
        (4, struct.pack("<i", 2**31 - 1), "says 2147483647 chunks, has room for 3"),
        (4, struct.pack("<i", -1), "says -1 chunks, has room for 3"),
        (12, struct.pack("<q", 2**62), "is outside the data"),
        (12, struct.pack("<q", -5), "is outside the data"),
        (20, struct.pack("<q", -5), "is outside the data"),
        (28, b"Comp", "chunk b'Comp' stands twice"),
        (8, b"Pmoc", "has no chunk Comp"),
    ],
)
def test_the_list_of_chunks_is_not_trusted(field: int, after: bytes, says: str) -> None:
    data = OURS.read_bytes()
    at = data.index(b"List") + field
    with pytest.raises(PresetReadError) as caught:
        presets.read(data[:at] + after + data[at + len(after) :], "semeq-vst3")
    assert says in str(caught.value)


def test_the_state_of_a_stranger_is_read_to_the_last_byte() -> None:
    state = state_of(presets.read(files_of(OURS)))
    assert state == PluginState(
        EqSettings(BANDS, -7.9),
        word="warm",
        second_word="brillante",
        morph=0.25,
        intensity=1.5,
        listen=True,
        output_gain_db=2.0,
        use_bands=False,
        reference_db=(1.0, -0.5, 0.0, 2.25),
        later=b"\x01\x02\x03",
        minor=3,
    )


@given(eq_settings, st.text(max_size=20).filter(lambda text: text.isprintable()), st.floats(0.0, 1.0), st.floats(-3.0, 3.0), st.booleans())
def test_states_come_back_exactly(eq: EqSettings, word: str, morph: float, intensity: float, flag: bool) -> None:
    state = PluginState(eq, word, "warm", morph, intensity, listen=flag, use_bands=not flag, bypass=flag, reference_db=(0.5,) * 31)
    assert unpack_state(pack_state(state)) == state
    newer = replace(state, keep_meaning=flag, bundle="5a" * 32, later=b"later", minor=1)
    assert unpack_state(pack_state(newer)) == newer


def test_any_eq_becomes_a_preset_that_plays_its_bands() -> None:
    preset = presets.read(presets.write(Preset(T5, name="Mine"), "semeq-vst3").files)
    assert (preset.eq, preset.name, preset.notes) == (T5, "Mine", ())
    state = state_of(preset)
    assert isinstance(state, PluginState)
    assert (state.use_bands, state.word, state.intensity) == (True, "", 1.0)


@pytest.mark.parametrize(
    ("text", "words", "morph"),
    [("warm", ("warm", ""), 0.0), ("warm:0.75,bright:0.25", ("warm", "bright"), 0.25), ("\u00e9toile", ("\u00e9toile", ""), 0.0)],
)
def test_words_are_stored_by_name_with_what_they_mean_beside_them(text: str, words: tuple[str, str], morph: float) -> None:
    written = presets.write(for_words(T5, SemanticTarget.parse(text, -1.5), name="Both", sample_rate_hz=44_100.0), "semeq-vst3")
    assert written.notes == ()
    preset = presets.read(written.files)
    state = state_of(preset)
    assert isinstance(state, PluginState)
    assert state == PluginState(T5, *words, morph, -1.5, use_bands=False)
    assert (preset.eq, preset.name) == (T5, "Both")
    assert [str(note) for note in preset.notes] == [f"word {words[0]} -> the bands stored beside it (approximated)"]
    assert presets.write(preset, "semeq-vst3").files == written.files


@pytest.mark.parametrize(
    ("text", "intensity", "words", "held"),
    [
        ("warm:0.5", 1.0, ("warm", "", 0.0), 0.5),
        ("warm:0.3,bright:0.1", 2.0, ("warm", "bright", 0.25), 0.8),
        ("warm:2", 1.5, ("warm", "", 0.0), 3.0),
        ("warm:2", 1.6, None, 1.0),
    ],
)
def test_amounts_of_words_are_the_plug_ins_intensity(
    text: str, intensity: float, words: tuple[str, str, float] | None, held: float
) -> None:
    state = state_of(for_words(T5, SemanticTarget.parse(text, intensity), bundle="0a" * 32))
    assert isinstance(state, PluginState)
    if words is None:
        assert state == PluginState(T5)
    else:
        assert (state.word, state.second_word, state.use_bands, state.bundle) == (*words[:2], False, "0a" * 32)
        assert (state.morph, state.intensity) == pytest.approx((words[2], held))


@pytest.mark.parametrize("text", ["warm,bright,airy", "warm:1,harsh:-0.5", "\u00e9" * 64 + "\U0001f50a" * 32])
def test_words_that_the_plug_in_cannot_hold_are_its_bands_and_a_note_says_so(text: str) -> None:
    target = SemanticTarget.parse(text, 2.0)
    written = presets.write(for_words(T5, target), "semeq-vst3", strict=True)  # it sounds as asked
    assert [str(note) for note in written.notes] == [f"words {target} -> bands: the plug-in holds a word or a morph of two (approximated)"]
    state = state_of(presets.read(written.files))
    assert state == PluginState(T5)
    assert presets.write(for_words(T5, target), "csv").notes == ()


def test_words_keep_playing_where_the_preset_shows_bands_for_readers() -> None:
    shown = EqSettings((Band(PEAK, 800.0, 1.0, 0.5),), -1.0)
    made = for_words(shown, SemanticTarget.parse("warm"), played=T5, bundle="0a" * 32)
    state = state_of(presets.read(presets.write(made, "semeq-vst3").files))
    assert state == PluginState(T5, "warm", use_bands=False, bundle="0a" * 32, minor=1)
    louder, _ = presets.with_preamp(made, presets.get("semeq-vst3").info, 1.5)
    assert state_of(presets.read(presets.write(louder, "semeq-vst3").files)) == replace(state, output_gain_db=2.5)
    edited = presets.read(presets.write(replace(made, eq=EqSettings(BANDS)), "semeq-vst3").files)
    assert edited.eq == EqSettings(BANDS)


def test_words_keep_playing_when_only_the_level_changes() -> None:
    words = for_words(T5, SemanticTarget.parse("warm"))
    for preamp_db, use_bands in ((-3.5, False), (24.0, False), (-24.5, True)):
        changed, _ = presets.with_preamp(words, presets.get("semeq-vst3").info, preamp_db)
        back = presets.read(presets.write(changed, "semeq-vst3").files)
        assert back.eq == EqSettings(T5.bands, preamp_db)
        state = state_of(back)
        assert isinstance(state, PluginState)
        assert (state.word, state.use_bands) == ("warm", use_bands)
        assert state.output_gain_db == (0.0 if use_bands else preamp_db)


@pytest.mark.parametrize("info", presets.formats(), ids=lambda info: info.id)
def test_words_are_the_eq_alone_in_other_formats(info: FormatInfo) -> None:
    if info.id != "semeq-vst3":
        bare, words = Preset(T5, name="Warm"), for_words(T5, SemanticTarget.parse("warm"), name="Warm")
        assert presets.convert(words, info.id) == presets.convert(bare, info.id)


def test_an_edit_of_the_eq_is_what_the_plug_in_then_plays() -> None:
    preset = presets.read(files_of(OURS))
    changed = presets.read(presets.write(replace(preset, eq=EqSettings(BANDS[:1], -3.0)), "semeq-vst3").files)
    state = state_of(changed)
    assert isinstance(state, PluginState)
    assert changed.eq is not None
    assert (state.use_bands, state.word, state.later, state.output_gain_db) == (True, "warm", b"\x01\x02\x03", 2.0)
    assert (changed.eq.bands, changed.eq.preamp_db) == (BANDS[:1], pytest.approx(-3.0))


def signed(data: bytes) -> bytes:
    """A state with its checksum set right, so that what is wrong with it is found."""
    return data[:-4] + struct.pack("<I", zlib.crc32(data[:-4]))


@pytest.mark.parametrize(
    ("offset", "after", "says"),
    [
        (0, b"SEMX", "state offset 0x0: does not start with SEMQ"),
        (4, struct.pack("<H", 2), "made by another version (2.3), this reads 1.x"),
        (8, struct.pack("<I", 5), "state offset 0x8: says 5 bytes"),
        (16, struct.pack("<d", 2.0), "morph 2.0 is outside 0..1"),
        (24, struct.pack("<d", float("nan")), "intensity is nan"),
        (24, struct.pack("<d", -3.5), "intensity -3.5 is outside -3..3"),
        (48, struct.pack("<d", 500.0), "preamp_db 500.0 is outside -120..120"),
        (56, struct.pack("<H", 65_535), "65535 bands, 4 reference bands and words do not fit"),
        (62, struct.pack("<H", 9_999), "do not fit"),
        (64, b"\x07", "state band 1: kind 7 or switch 1 is not known"),
        (65, b"\x02", "state band 1: kind 0 or switch 2 is not known"),
        (72, struct.pack("<d", -1.0), "state band 1: freq_hz -1.0 is not above 0"),
        (80, struct.pack("<d", 1e308), "state band 1: gain_db 1e+308 is outside -60..60"),
        (64 + 96, struct.pack("<f", float("inf")), "reference holds a level outside"),
        (64 + 96 + 16, b"\xff", "a word is not UTF-8"),
    ],
)
def test_a_state_names_what_is_wrong(offset: int, after: bytes, says: str) -> None:
    data = unpack(OURS.read_bytes()).chunks[b"Comp"]
    with pytest.raises(PresetReadError) as caught:
        unpack_state(signed(data[:offset] + after + data[offset + len(after) :]))
    assert says in str(caught.value)


def test_one_flipped_bit_anywhere_in_a_state_is_found() -> None:
    data = unpack(OURS.read_bytes()).chunks[b"Comp"]
    for at in range(len(data)):
        with pytest.raises(PresetReadError):
            unpack_state(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        with pytest.raises(PresetReadError):
            unpack_state(data[:at])


def test_values_that_the_plug_in_cannot_hold_are_refused() -> None:
    for values, says in (
        ({"morph": 1.5}, "morph 1.5 is outside 0..1"),
        ({"intensity": float("nan")}, "intensity nan is outside -3..3"),
        ({"word": "x" * 201}, "is longer than 200 bytes"),
        ({"reference_db": (0.0,) * 65}, "65 reference bands, the limit is 64"),
        ({"bundle": "5a" * 31}, "is no SHA-256"),
    ):
        with pytest.raises(PresetWriteError, match=says):
            PluginState(T5, **values)  # type: ignore[arg-type]
    with pytest.raises(PresetWriteError, match="lone surrogate"):
        pack_state(PluginState(T5, "\ud800"))


def test_the_parameter_list_is_in_order_and_complete() -> None:
    about = semeq_vst3.plugin()
    assert [parameter["id"] for parameter in about["parameters"]] == list(range(len(about["parameters"])))
    keys = [parameter["key"] for parameter in about["parameters"]]
    fields = set(PluginState.__dataclass_fields__)
    assert {key for key in keys if key != "learn_reference"} <= fields
    assert keys[:5] == ["word", "second_word", "morph", "intensity", "listen"]
    for name in ("processor_class_id", "controller_class_id"):
        assert len(about[name]) == 32
        assert int(about[name], 16)
    assert presets.get("semeq-vst3").info.limits.max_bands == about["max_bands"]


def test_the_state_of_our_plugin_holds_three_kinds_and_the_framework_says_what_others_cost() -> None:
    tilt = presets.write(EqSettings((Band("tilt", 800.0, 4.0),)), "semeq-vst3")
    assert tilt.notes == ()
    assert presets.read(tilt.files).eq == EqSettings((Band(HIGH, 800.0, 4.0),), -2.0)
    cut = presets.write(EqSettings((Band("high_pass", 80.0),)), "semeq-vst3")
    assert all(note.error_db is not None and note.error_db <= 1.0 for note in cut.notes)
    with pytest.raises(PresetWriteError, match=r"notch 1000 Hz q 4 .* dB off.*; more than 1 dB is written with `lossy` only$"):
        presets.write(EqSettings((Band("notch", 1_000.0, 0.0, 4.0),)), "semeq-vst3")
    lossy = presets.write(EqSettings((Band("notch", 1_000.0, 0.0, 4.0),)), "semeq-vst3", lossy=True)
    assert (lossy.notes[0].error_db or 0.0) > 1.0


def changed_records(before: bytes, after: bytes) -> list[str]:
    """The names of the records that differ between two files of Frequency."""
    first, second = (unpack(content).chunks[b"Comp"] for content in (before, after))
    assert len(first) == len(second) == 19_184
    records = [slice(4 + 140 * index, 144 + 140 * index) for index in range(137)]
    return [first[at].split(b"\0", 1)[0].decode() for at in records if first[at] != second[at]]


def test_an_edit_of_frequency_changes_its_own_records_only() -> None:
    preset = presets.read(files_of(FREQUENCY))
    assert preset.notes == ()
    notch = Band("notch", 60.0, 0.0, 4.0)
    assert preset.single.bands[1] == notch
    edited = replace(preset, eq=EqSettings((BANDS[0], notch, Band(HIGH, 12_000.0, 2.0, 1.0)), -1.0))
    (data,) = presets.write(edited, "frequency").files.values()
    assert presets.read(data).eq == edited.eq
    assert changed_records(FREQUENCY.read_bytes(), data) == [
        "equalizerAgain3",
        "equalizerAfreq3",
        "equalizerAq3",
        "equalizerAtype3",
        "equalizerAgain8",  # the band that is gone; it was off already
        "equalizerAoutput",
    ]


def test_mid_and_side_of_frequency_are_an_eq_each() -> None:
    preset = presets.read(files_of(MID_SIDE))
    assert isinstance(preset.eq, ChannelEqs)
    low_cut, high_cut = Band("high_pass", 40.0, 0.0, 0.9, order=4), Band("low_pass", 16_000.0)
    peak, shelf = Band("peak", 1_604.0, -2.7, 1.23), Band(HIGH, 2_500.0, 2.5, 1.5)
    assert preset.eq["mid"] == EqSettings((low_cut, Band("notch", 60.0, 0.0, 4.0), peak, high_cut), -5.9)
    assert preset.eq["side"] == EqSettings((low_cut, shelf, high_cut), -5.9)
    assert [(note.kind, note.field) for note in preset.notes] == [
        ("approximated", "band 1 of the file slope and q"),
        ("unknown", "band 3 of the file (second channel) invert"),
        ("unknown", "band 4 of the file"),
    ]
    assert [note.error_db for note in preset.notes[1:]] == pytest.approx([5.0, 5.0], abs=0.01)
    assert list(presets.write(preset, "frequency").files.values()) == [MID_SIDE.read_bytes()]


def test_an_edit_of_one_channel_of_frequency_leaves_the_other_alone() -> None:
    preset = presets.read(files_of(MID_SIDE))
    assert isinstance(preset.eq, ChannelEqs)
    side = preset.eq["side"]
    eqs = ChannelEqs(
        (("mid", preset.eq["mid"]), ("side", replace(side, bands=(*side.bands[:1], Band("peak", 300.0, 1.0), *side.bands[2:]))))
    )
    (data,) = presets.write(replace(preset, eq=eqs), "frequency").files.values()
    changed = changed_records(MID_SIDE.read_bytes(), data)
    records = ["equalizerAeditchannel3", *(f"equalizerA{name}3Ch2" for name in ("gain", "freq", "q", "type"))]
    assert sorted(changed) == sorted(records)
    back = presets.read(data)
    assert back.eq == eqs


def test_cuts_of_frequency_take_the_outer_bands_and_a_second_one_is_refitted() -> None:
    peaks = tuple(Band("peak", 200.0 * number, 1.0, 2.0) for number in range(1, 7))
    eq = EqSettings((*peaks, Band("low_pass", 9_000.0, order=16), Band("high_pass", 30.0, order=1)))
    back = presets.read(presets.write(eq, "frequency").files)
    assert isinstance(back.eq, EqSettings)
    assert back.eq.canonical() == eq.canonical()
    written = presets.write(EqSettings((Band("high_pass", 30.0), Band("high_pass", 60.0))), "frequency")
    assert {note.field for note in written.notes} == {"kind"}
    assert 0.0 < max(note.error_db or 0.0 for note in written.notes) <= 1.0
    assert [band.kind for band in presets.read(written.files).single.bands].count(BandKind.HIGH_PASS) == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("equalizerAfreq1", float("nan"), "Comp equalizerAfreq1 offset"),
        ("equalizerAfreq1", -5.0, "band 1 of the file: freq_hz -5.0 is not above 0"),
        ("equalizerAgain3", 1e300, "band 3 of the file: gain_db 1e+300 is outside -60..60"),
        ("equalizerAoutput", 999.0, "preamp_db 999.0 is outside -120..120"),
    ],
)
def test_frequency_names_the_record(name: str, value: float, says: str) -> None:  # fault E4
    data = FREQUENCY.read_bytes()
    at = data.index(name.encode() + b"\0") + 132
    with pytest.raises(PresetReadError) as caught:
        presets.read(data[:at] + struct.pack("<d", value) + data[at + 8 :], "frequency")
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["equalizerAon1", "equalizerAfreq8", "equalizerAtype3", "equalizerAoutput"])
def test_frequency_names_a_record_that_is_missing(name: str) -> None:
    data = FREQUENCY.read_bytes()
    assert data.count(name.encode() + b"\0") == 1
    with pytest.raises(PresetReadError, match=f"Comp: has no record {name}$"):
        presets.read(data.replace(name.encode() + b"\0", name.replace("A", "B").encode() + b"\0"), "frequency")


def test_a_longer_file_of_a_newer_cubase_is_refused_by_name() -> None:
    chunks = unpack(FREQUENCY.read_bytes()).chunks
    longer = pack(Container("01F6CCC94CAE4668B7C6EC85E681E419", {**chunks, b"Comp": chunks[b"Comp"] + b"\0" * 16}))
    with pytest.raises(PresetReadError, match="19200 bytes are not the records of Frequency before Cubase 15"):
        presets.read(longer, "frequency")
