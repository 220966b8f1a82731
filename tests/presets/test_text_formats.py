"""The formats of programs, scripts, tables and curves: what they write and read (law 5), and that no field moves by more than its step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from strategies import T5, random_settings, random_settings_inside

import semeq_presets as presets
from semeq_export.eq.biquad import SILENT_DB, response_db
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetWriteError
from semeq_presets import Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
LOW, PEAK, HIGH = BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF
FREQS_HZ = log_grid(300)
ABOVE_40_HZ = log_grid(300, 40.0)

BANDS = ["rew", "ffmpeg", "sox", "faust", "jsfx", "easyeffects", "camilladsp", "pipewire", "csv", "totalmix"]
CURVES = ["graphiceq", "audacity", "fir", "fir-linear"]
NAMED = ["rew", "faust", "jsfx", "camilladsp", "pipewire", "fir", "fir-linear"]
FIELD_STEPS = {
    "rew": (5e-6, 5.1e-5, 5.1e-5),
    **dict.fromkeys(("ffmpeg", "sox", "faust", "jsfx", "camilladsp", "pipewire"), (1e-11, 1e-10, 1e-11)),
    **dict.fromkeys(("easyeffects", "csv"), (0.0, 0.0, 0.0)),
    "totalmix": (2.6e-4, 5.1e-3, 1.3e-2),
}
"""Largest change of a band: relative in frequency, in dB, relative in Q."""

GOLDENS = [
    "graphiceq/points.graphiceq.txt",
    "rew/generic.rew.txt",
    "ffmpeg/chain.ffmpeg.txt",
    "ffmpeg/kinds.ffmpeg.txt",
    "sox/chain.sox.txt",
    "sox/kinds.sox.txt",
    "faust/eq.dsp",
    "jsfx/two-bands.jsfx",
    "audacity/filter-curve.audacity.txt",
    "easyeffects/version7.easyeffects.json",
    "easyeffects/version6.easyeffects.json",
    "camilladsp/config.yml",
    "pipewire/sink-eq.conf",
    "fir/two-taps.wav",
    "fir-linear/three-taps.linear.wav",
    "csv/columns.csv",
    "totalmix/sample.tmeq",
]


def grid_of(format_id: str) -> np.ndarray:
    return ABOVE_40_HZ if format_id.startswith("fir") else FREQS_HZ


def off_by_db(back: Preset, eq: EqSettings, format_id: str) -> float:
    grid = grid_of(format_id)
    got_db, wanted_db = back.response_db(grid), Preset(eq, sample_rate_hz=back.sample_rate_hz).response_db(grid)
    floor_db = eq.preamp_db + SILENT_DB  # how deep a notch is depends on the last digit
    return float(np.max(np.abs(np.maximum(got_db, floor_db) - np.maximum(wanted_db, floor_db))))


def content(files: presets.Files) -> bytes:
    (data,) = files.values()
    return data


@pytest.mark.parametrize("format_id", BANDS)
def test_no_field_changes_by_more_than_its_step(format_id: str) -> None:
    freq_step, gain_step, q_step = FIELD_STEPS[format_id]
    for eq in random_settings_inside(100, 12, presets.get(format_id).info.limits):
        back = presets.read(presets.write(eq, format_id).files, format_id).eq
        assert back is not None
        assert abs(back.preamp_db - eq.preamp_db) <= 1e-8
        for got, wanted in zip(back.bands, eq.bands, strict=True):
            assert (got.kind, got.enabled) == (wanted.kind, wanted.enabled)
            assert abs(got.freq_hz / wanted.freq_hz - 1.0) <= freq_step
            assert abs(got.gain_db - wanted.gain_db) <= gain_step
            assert got.order == wanted.order
            assert got.order == 1 or abs(got.q / wanted.q - 1.0) <= q_step


@pytest.mark.parametrize("format_id", BANDS)
def test_a_changed_eq_replaces_the_one_that_was_read(format_id: str) -> None:
    info = presets.get(format_id).info
    settings = random_settings_inside(40, 13, info.limits)
    read = presets.read(presets.write(Preset(settings[0], name="First"), format_id).files, format_id)
    for eq in settings:
        written = presets.write(replace(read, eq=eq), format_id)
        back = presets.read(written.files, format_id)
        assert off_by_db(back, eq, format_id) <= info.precision_db
        assert presets.write(back, format_id).files == written.files
        read = back


@pytest.mark.parametrize("format_id", CURVES)
def test_bands_take_the_place_of_a_curve_that_was_read(format_id: str) -> None:
    read = presets.read(presets.write(T5, format_id).files, format_id)
    eq = EqSettings(T5.bands[:2], -3.0)
    back = presets.read(presets.write(replace(read, eq=eq), format_id).files, format_id)
    assert off_by_db(back, eq, format_id) <= presets.get(format_id).info.precision_db


@pytest.mark.parametrize("format_id", CURVES)
def test_a_curve_is_held_as_a_curve(format_id: str) -> None:
    curve = Curve(FREQS_HZ, response_db(EqSettings(T5.bands, -6.0), FREQS_HZ, 48_000.0))
    written = presets.write(Preset(EqSettings(curve=curve)), format_id)
    assert written.notes == ()
    back = presets.read(written.files, format_id)
    grid = grid_of(format_id)[:-5]
    assert np.max(np.abs(back.response_db(grid) - curve.at(grid))) <= presets.get(format_id).info.precision_db


@pytest.mark.parametrize("format_id", ["graphiceq", "audacity"])
def test_what_points_cannot_follow_is_said_with_its_error(format_id: str) -> None:
    eq = EqSettings(tuple(Band(PEAK, freq_hz, 24.0, 100.0) for freq_hz in np.geomspace(25.0, 15_000.0, 40)))
    written = presets.write(eq, format_id)
    assert [(note.kind, note.field) for note in written.notes] == [("approximated", "response")]
    assert written.notes[0].error_db is not None
    assert written.notes[0].error_db > presets.get(format_id).info.precision_db
    with pytest.raises(PresetWriteError, match="`strict` allows 0.1 dB"):
        presets.write(eq, format_id, strict=True)


# fault E6
@pytest.mark.parametrize("format_id", NAMED)
@pytest.mark.parametrize(
    "name",
    [
        'Warm "one" \\ {two}',
        "a\nb\r\x00\x07c",
        "../../etc/passwd",
        "é 🎧 漢",
        "\ud800x",
        "desc: <1,2> # ; */ //",
        "'",
        "-",
        "{}",
        "n" * 200,
    ],
)
def test_any_name_is_written_as_one_harmless_line(format_id: str, name: str) -> None:
    plain = presets.write(Preset(T5, name="x"), format_id)
    written = presets.write(Preset(T5, name=name), format_id)
    back = presets.read(written.files, format_id)
    assert off_by_db(back, T5, format_id) <= presets.get(format_id).info.precision_db
    assert presets.write(back, format_id).files == written.files
    assert content(written.files).count(b"\n") == content(plain.files).count(b"\n") or format_id.startswith("fir")
    assert back.name.isprintable()


@pytest.mark.parametrize("format_id", NAMED)
def test_a_plain_name_comes_back_and_can_be_changed(format_id: str) -> None:
    back = presets.read(presets.write(Preset(T5, name="Warm ü 1"), format_id).files, format_id)
    assert back.name == "Warm ü 1"
    again = presets.read(presets.write(replace(back, name="Bright"), format_id).files, format_id)
    assert again.name == "Bright"
    assert off_by_db(again, T5, format_id) <= presets.get(format_id).info.precision_db


@pytest.mark.parametrize("format_id", ["ffmpeg", "sox", "faust", "pipewire", "totalmix"])
def test_a_switched_off_band_is_left_out_where_the_format_has_no_switch(format_id: str) -> None:
    eq = EqSettings((Band(LOW, 100.0, 3.0, 0.71), replace(Band(PEAK, 900.0, 9.0, 1.0), enabled=False)))
    written = presets.write(eq, format_id)
    assert [(note.kind, note.error_db) for note in written.notes] == [("dropped", 0.0)]
    assert presets.read(written.files, format_id).eq == EqSettings(eq.bands[:1])


@pytest.mark.parametrize("format_id", [*BANDS, *CURVES])
def test_a_flat_eq_is_written_and_read(format_id: str) -> None:
    back = presets.read(presets.write(EqSettings(), format_id).files, format_id)
    assert off_by_db(back, EqSettings(), format_id) <= 1e-9


@pytest.mark.parametrize("format_id", ["graphiceq", "sox", "easyeffects", "camilladsp", "pipewire", "fir", "fir-linear"])
def test_formats_for_playback_get_a_preamp_from_the_true_maximum(format_id: str, tmp_path: Path) -> None:  # fault C1
    path = tmp_path / f"x{presets.get(format_id).info.suffixes[0]}"
    presets.write_file(path, T5, format=format_id)
    grid = log_grid(2_000)
    highest_db = float(np.max(presets.read_file(path).response_db(grid)))
    assert -0.35 <= highest_db <= (0.3 if format_id == "graphiceq" else 0.02)


@pytest.mark.parametrize("format_id", [*BANDS, *CURVES])
def test_every_written_file_is_recognised_as_its_own_format_only(format_id: str) -> None:
    info = presets.get(format_id).info
    for eq in (EqSettings(), T5, EqSettings(T5.bands[:3], -6.0)):
        assert presets.detect(content(presets.write(Preset(eq, name="Preamp: 3"), format_id).files), f"x{info.suffixes[0]}") == format_id
    assert presets.format_for(f"x{info.suffixes[0]}") == format_id


# law 5
@pytest.mark.parametrize("name", GOLDENS)
def test_a_foreign_file_comes_back_byte_for_byte(name: str) -> None:
    data = (GOLDEN / name).read_bytes()
    found = presets.get(presets.detect(data, name))
    assert found.info.id == name.partition("/")[0]
    assert content(found.write(found.read({name: data})).files) == data


EXPECTED: dict[str, tuple[list[tuple[BandKind, float, float, float, bool]], float, str, list[str]]] = {
    "rew/generic.rew.txt": (
        [
            (PEAK, 46.5, -9.4, 4.47, True),
            (LOW, 105.0, 8.1, 0.7, True),
            (PEAK, 80.0, -2.0, 2.0, False),
            (HIGH, 8_000.0, 6.0, 0.66881, True),
            (BandKind.LOW_PASS, 15_000.0, 0.0, 0.70711, True),
            (PEAK, 1_000.0, 2.0, 1.41421, True),
        ],
        0.0,
        "Left seat",
        [],
    ),
    "ffmpeg/chain.ffmpeg.txt": (
        [(PEAK, 1_000.0, -3.0, 1.5, True), (BandKind.HIGH_PASS, 30.0, 0.0, 0.707, True), (LOW, 100.0, 4.0, 0.707, True)],
        -6.0206,
        "",
        [],
    ),
    "sox/chain.sox.txt": (
        [(LOW, 105.0, -4.5, 0.71, True), (PEAK, 1_200.0, 3.5, 1.2, True)],
        -6.0,
        "",
        ["effect 3 'rate -v 48k' is not read (unknown)", "effect 5 'treble 4 8k 0.5h' is not read (unknown)"],
    ),
    "faust/eq.dsp": (
        [(LOW, 105.0, -4.5, 0.71, True), (PEAK, 240.0, 3.5, 1.2, True), (HIGH, 8_000.0, 4.0, 0.71, True)],
        -5.9,
        "Warm",
        ["line 8 'fi.dcblocker' is not read (unknown)"],
    ),
    "jsfx/two-bands.jsfx": ([(LOW, 105.0, -4.5, 0.71, True), (PEAK, 1_100.0, 6.0, 2.5, False)], -6.0, "Warm", []),
    "easyeffects/version7.easyeffects.json": (
        [(LOW, 105.0, -4.3, 0.7, True), (PEAK, 1_000.0, 3.0, 1.030087, True), (PEAK, 2_000.0, 2.5, 1.5, False)],
        -4.5,
        "",
        ["other plug-ins limiter: not read (unknown)"],
    ),
    "easyeffects/version6.easyeffects.json": ([(HIGH, 250.0, 1.5, 1.41, True)], -2.0, "", []),
    "camilladsp/config.yml": (
        [
            (LOW, 105.0, -4.5, 0.71, True),
            (BandKind.HIGH_PASS, 20.0, 0.0, 0.7, True),
            (PEAK, 1_100.0, -6.0, 2.5, False),
            (HIGH, 8_000.0, 4.0, 0.4967055, True),
        ],
        -6.0,
        "Living room",
        [],
    ),
    "pipewire/sink-eq.conf": ([(LOW, 105.0, -4.5, 0.71, True), (PEAK, 1_100.0, 3.0, 2.5, True)], -6.0, "Equalizer Sink", []),
    "csv/columns.csv": ([(LOW, 105.0, 8.1, 0.7071, True), (PEAK, 1_604.0, -2.7, 0.7071, True)], -5.9, "", []),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_foreign_file_says_what_is_written_beside_it(name: str) -> None:
    bands, preamp_db, title, notes = EXPECTED[name]
    preset = presets.read((GOLDEN / name).read_bytes(), filename=name)
    assert preset.eq is not None
    assert [(band.kind, band.enabled) for band in preset.eq.bands] == [(kind, on) for kind, *_, on in bands]
    values = [value for band in preset.eq.bands for value in (band.freq_hz, band.gain_db, band.q)]
    assert values == pytest.approx([value for _, *three, _ in bands for value in three], rel=1e-5)
    assert preset.eq.preamp_db == pytest.approx(preamp_db, abs=1e-4)
    assert preset.name == title
    assert [str(note) for note in preset.notes] == notes


def test_the_totalmix_sample_has_twelve_peaks() -> None:
    preset = presets.read((GOLDEN / "totalmix/sample.tmeq").read_bytes())
    assert preset.eq is not None
    assert [band.kind for band in preset.eq.bands] == [PEAK] * 12
    assert preset.eq.bands[0] == Band(PEAK, 58.5, -4.3, 4.97)
    assert preset.eq.bands[11] == Band(PEAK, 15_918.0, -2.5, 1.0)
    assert content(presets.write(preset, "totalmix").files) == (GOLDEN / "totalmix/sample.tmeq").read_bytes()
    louder = EqSettings((*preset.single.bands[:11], Band(PEAK, 15_918.0, 2.5, 1.0)))
    written = presets.write(replace(preset, eq=louder), "totalmix")  # twelve peaks do not fit into three bands
    assert written.notes[0].error_db is not None
    again = presets.read(written.files, "totalmix")
    assert again.eq is not None
    assert len(again.eq.bands) <= 3
    assert b'e="LC Freq" v="20.00,"' in content(written.files)


@pytest.mark.parametrize(
    "bands", [(Band("high_pass", 20_000.0, order=16),), (Band("low_pass", 5_000.0, order=8), Band("tilt", 800.0, 4.0))]
)
def test_a_macro_for_audacity_holds_what_goes_down_without_end(bands: tuple[Band, ...]) -> None:
    eq = EqSettings(bands)
    written = presets.write(eq, "audacity")
    assert written.notes == ()
    off = np.maximum(presets.read(written.files).response_db(FREQS_HZ), -60.0) - np.maximum(Preset(eq).response_db(FREQS_HZ), -60.0)
    assert np.max(np.abs(off)) <= 0.1


def test_a_notch_in_a_macro_for_audacity_is_said_with_its_size() -> None:
    (note,) = presets.write(EqSettings((Band("notch", 1_000.0, 0.0, 4.0),)), "audacity").notes
    assert (note.kind, note.field) == ("approximated", "response")
    assert note.error_db is not None
    assert note.at_hz is not None
    assert 10.0 < note.error_db < 60.0
    assert abs(note.at_hz - 1_000.0) < 5.0


def test_the_passes_of_totalmix_are_read_and_come_back_while_nothing_changes() -> None:
    data = (GOLDEN / "totalmix/passes.tmeq").read_bytes()
    preset = presets.read(data)
    assert preset.eq == EqSettings((Band("high_pass", 45.0, 0.0, 0.9), Band(PEAK, 900.0, -4.5, 2.0), Band("low_pass", 12_000.0, 0.0, 0.7)))
    assert [(note.kind, note.field) for note in preset.notes] == [
        ("approximated", "Band1 Q of a pass"),
        ("approximated", "Band3 Q of a pass"),
        ("unknown", "low cut"),
    ]
    assert preset.notes[0].error_db == pytest.approx(20.0 * np.log10(0.9 * np.sqrt(2.0)), abs=0.02)
    assert preset.notes[2].error_db == pytest.approx(36.0, abs=0.5)  # two octaves of 18 dB
    assert content(presets.write(preset, "totalmix").files) == data
    with pytest.raises(PresetWriteError, match="more than 1 dB is written with `lossy` only"):
        presets.write(replace(preset, eq=EqSettings((Band("high_pass", 300.0, order=4), *preset.single.bands[1:]))), "totalmix")


@pytest.mark.parametrize(
    ("name", "points"),
    [
        ("graphiceq/points.graphiceq.txt", [(20.0, -1.2), (21.5, -1.1), (40.0, 0.0), (1_000.0, 2.5), (2_000.0, -3.0), (16_000.0, 0.5)]),
        ("audacity/filter-curve.audacity.txt", [(20.0, -4.5), (100.0, -4.25), (200.0, -2.0), (8_000.0, 1.0), (16_000.0, 3.0)]),
    ],
)
def test_a_foreign_curve_goes_through_its_points(name: str, points: list[tuple[float, float]]) -> None:
    preset = presets.read((GOLDEN / name).read_bytes(), filename=name)
    assert preset.curve is not None
    assert preset.curve.at(np.array([freq_hz for freq_hz, _ in points])) == pytest.approx([gain_db for _, gain_db in points], abs=0.2)


def test_impulse_responses_of_known_taps_have_their_known_response() -> None:
    two = presets.read((GOLDEN / "fir/two-taps.wav").read_bytes())
    assert two.sample_rate_hz == 44_100.0
    assert two.response_db(np.array([10.0, 22_050.0])) == pytest.approx(20.0 * np.log10([0.25, 0.75]), abs=1e-3)
    three = presets.read((GOLDEN / "fir-linear/three-taps.linear.wav").read_bytes())
    assert (three.sample_rate_hz, three.name) == (48_000.0, "Three")
    assert three.response_db(np.array([10.0, 12_000.0])) == pytest.approx(20.0 * np.log10([1.0, 0.5]), abs=1e-3)


@pytest.mark.parametrize("rate_hz", [44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0])
@pytest.mark.parametrize("format_id", ["fir", "fir-linear"])
def test_impulse_responses_hold_the_eq_above_40_hz_at_every_rate(format_id: str, rate_hz: float) -> None:
    for eq in (T5, EqSettings(T5.bands, -6.0), *random_settings(4, 5)):
        written = presets.write(Preset(eq, sample_rate_hz=rate_hz), format_id)
        assert written.notes == ()
        back = presets.read(written.files, format_id)
        assert back.sample_rate_hz == rate_hz
        assert off_by_db(back, eq, format_id) <= 0.1


def test_the_two_phases_are_what_they_are_called() -> None:
    taps = content(presets.write(T5, "fir").files).split(b"data", 1)[1][4:]
    first = np.frombuffer(taps, "<f4")[::2]
    assert int(np.argmax(np.abs(first))) == 0  # no delay
    taps = content(presets.write(T5, "fir-linear").files).split(b"data", 1)[1][4:]
    both = np.frombuffer(taps, "<f4").reshape(-1, 2)
    assert np.array_equal(both[:, 0], both[::-1, 0])
    assert np.array_equal(both[:, 0], both[:, 1])


WRITTEN = {
    "ffmpeg": (
        "lowshelf=f=105.0:t=q:w=0.71:g=-4.5,equalizer=f=240.0:t=q:w=1.2:g=3.5,equalizer=f=1100.0:t=q:w=2.5:g=-6.0,"
        "equalizer=f=3800.0:t=q:w=0.8:g=5.0,highshelf=f=8000.0:t=q:w=0.71:g=4.0,volume=-6.0dB:precision=double\n"
    ),
    "sox": (
        "gain -6.0 bass -4.5 105.0 0.71q equalizer 240.0 1.2q 3.5 equalizer 1100.0 2.5q -6.0 equalizer 3800.0 0.8q 5.0 "
        "treble 4.0 8000.0 0.71q\n"
    ),
    "csv": (
        "kind,freq_hz,gain_db,q,enabled\npreamp,,-6.0,,\nlow_shelf,105.0,-4.5,0.71,true\npeak,240.0,3.5,1.2,true\n"
        "peak,1100.0,-6.0,2.5,true\npeak,3800.0,5.0,0.8,true\nhigh_shelf,8000.0,4.0,0.71,true\n"
    ),
}


@pytest.mark.parametrize("format_id", WRITTEN)
def test_one_line_formats_look_as_documented(format_id: str) -> None:
    assert content(presets.write(EqSettings(T5.bands, -6.0), format_id).files).decode() == WRITTEN[format_id]


def test_rew_lines_are_padded_as_rew_does() -> None:
    text = content(
        presets.write(Preset(EqSettings((*T5.bands[:1], replace(T5.bands[3], enabled=False))), name="Warm"), "rew").files
    ).decode()
    assert text == (
        "Filter Settings file\n\nNotes:Warm\n\nEqualiser: Generic\n"
        "Filter  1: ON  LS Q     Fc   105.00 Hz  Gain  -4.50 dB  Q  0.710\n"
        "Filter  2: OFF PK       Fc  3800.00 Hz  Gain   5.00 dB  Q  0.800\n"
    )
    assert "Fc 123.4560 Hz" in content(presets.write(EqSettings((Band(PEAK, 123.456, 1.0, 1.0),)), "rew").files).decode()


def test_a_changed_band_leaves_the_rest_of_a_text_alone() -> None:
    for name, change in (
        ("rew/generic.rew.txt", 1),
        ("ffmpeg/chain.ffmpeg.txt", 0),
        ("sox/chain.sox.txt", 0),
        ("faust/eq.dsp", 1),
        ("csv/columns.csv", 0),
    ):
        data = (GOLDEN / name).read_bytes()
        preset = presets.read(data, filename=name)
        assert preset.eq is not None
        bands = list(preset.eq.bands)
        bands[change] = replace(bands[change], gain_db=-1.25)
        again = content(presets.write(replace(preset, eq=EqSettings(tuple(bands), preset.eq.preamp_db)), preset.format).files)
        before, after = data.splitlines(), again.splitlines()
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
        back = presets.read(again, preset.format).eq
        assert back == EqSettings(tuple(bands), preset.eq.preamp_db)


def test_an_easyeffects_filter_that_is_still_there_keeps_its_entry() -> None:
    preset = presets.read((GOLDEN / "easyeffects/version7.easyeffects.json").read_bytes(), "easyeffects")
    low, bell, muted = preset.single.bands
    louder = EqSettings((replace(low, gain_db=2.0), bell, muted, T5.bands[0]), -1.0)
    written = presets.write(replace(preset, eq=louder), "easyeffects")
    text = content(written.files).decode()
    for kept in ('"RLC (BT)"', '"threshold": -1.0', '"output-gain": 1.5', '"input-gain": -2.5', '"num-bands": 4', '"q": 1.0,'):
        assert kept in text
    assert presets.read(written.files, "easyeffects").eq == louder
    written = presets.write(replace(preset, eq=T5), "easyeffects")
    assert '"RLC (BT)"' not in content(written.files).decode()
    assert presets.read(written.files, "easyeffects").eq == T5


def test_a_jsfx_script_with_other_code_keeps_it_and_says_so() -> None:
    data = (GOLDEN / "jsfx/two-bands.jsfx").read_bytes().replace(b"@sample\n", b"@sample\nspl0 += 0;\n")
    preset = presets.read(data, "jsfx")
    assert [str(note) for note in preset.notes] == ["code the program was changed; only its sliders are read (unknown)"]
    assert preset.eq is not None
    text = content(presets.write(replace(preset, eq=EqSettings(preset.eq.bands, -1.0)), "jsfx").files)
    assert text == data.replace(b"slider1:-6.0<", b"slider1:-1.0<")


def test_a_wav_keeps_its_other_chunks_and_a_changed_name() -> None:
    preset = presets.read((GOLDEN / "fir/two-taps.wav").read_bytes(), "fir")
    data = content(presets.write(replace(preset, name="Two"), "fir").files)
    assert b"bext\x0c\x00\x00\x00made by hand" in data
    again = presets.read(data, "fir")
    assert again.name == "Two"
    assert np.max(np.abs(again.response_db(ABOVE_40_HZ) - preset.response_db(ABOVE_40_HZ))) <= 0.1


@pytest.mark.parametrize(
    ("text", "format_id", "said"),
    [
        ("Preamp: -3 dB\nGraphicEQ: 20 0; 100 2\n", "graphiceq", []),
        ("Device: all\nGraphicEQ: 20 0; 100 2\nPreamp: -3 dB\n", "graphiceq", []),
        ("Preamp: -3 dB\nFilter: ON PK Fc 100 Hz Gain 1 dB Q 1\n", "eqapo", []),
        ("Preamp: -3 dB\n", "eqapo", []),
    ],
)
def test_a_configuration_of_equalizer_apo_is_told_by_what_it_holds(text: str, format_id: str, said: list[str]) -> None:
    preset = presets.read(text.encode(), filename="config.txt")
    assert preset.format == format_id
    assert [str(note) for note in preset.notes][: len(said)] == said
    assert presets.write(preset, format_id).files.popitem()[1] == text.encode()
