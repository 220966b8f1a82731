"""Equalizer APO's configurations: read as the program runs them, held against maths of our own that share no code with the reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import cases
from host_maths import eqapo as host
from host_maths.channels import NoEq
from host_maths.sections import Grid
from hypothesis import given, settings
from hypothesis import strategies as st

import semeq_presets as presets
from semeq_export.eq.biquad import SILENT_DB, design_sections
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.curve import Curve, log_grid
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError
from semeq_presets import Choice, Preset
from semeq_presets.file_formats._apo_expression import Expressions, Unknown
from semeq_presets.file_formats._apo_iir import as_band

GOLDEN = Path(__file__).resolve().parent.parent / "golden"
FREQS_HZ = log_grid(200)
PEAK = "Filter: ON PK Fc 100 Hz Gain {} dB Q 1\n"


def read(text: str, *, files: Mapping[str, bytes] | None = None, device: str | None = None) -> Preset:
    """Read a text, with the files beside it."""

    def beside(name: str) -> bytes:
        if name not in (files or {}):
            raise PresetReadError("no such file")
        return (files or {})[name]

    return presets.read(text.encode(), "eqapo", choice=Choice(for_device=device, beside=beside))


def gains(preset: Preset) -> dict[str, list[float]]:
    """The gains of each channel's bands, "" for all of them."""
    eqs = {"": preset.eq} if isinstance(preset.eq, EqSettings) else dict(preset.eq)
    return {name: [band.gain_db for band in eq.bands] for name, eq in eqs.items()}


def off_by_db(got_db: np.ndarray, wanted_db: np.ndarray) -> float:
    return float(np.max(np.abs(np.maximum(got_db, SILENT_DB) - np.maximum(wanted_db, SILENT_DB))))


def assert_as_host(path: Path, preset: Preset) -> None:
    """The preset does what our transcription of the program's maths does, in each channel."""
    truth = host.evaluate(path, Grid(FREQS_HZ))
    places = {"L": "left", "R": "right", "C": "center", "LFE": "lfe"}
    for name, wanted_db in truth.channels.items():
        eq = preset.eq if isinstance(preset.eq, EqSettings) else dict(preset.eq).get(places[name], EqSettings())
        assert off_by_db(Preset(eq).response_db(FREQS_HZ), wanted_db) <= 1e-6


@st.composite
def numbers(draw: st.DrawFn, low: float, high: float) -> str:
    """A number in this range as people write it: with a point or a comma, with and without decimals and a sign."""
    value, decimals = draw(st.floats(low, high)), draw(st.sampled_from((0, 1, 2, 4)))
    text = f"{value:.{decimals}f}"
    return text.replace(".", draw(st.sampled_from(".,")))


@st.composite
def filter_lines(draw: st.DrawFn) -> str:
    """A Filter line of any type that the program knows, with and without each of its fields."""
    kind = draw(st.sampled_from(("PK", "PEQ", "Modal", "LP", "LPQ", "HP", "HPQ", "BP", "NO", "AP", "LS", "LSC", "HS", "HSC")))
    slope = draw(st.sampled_from(("", "", " 6dB", " 12 dB", " 4,8 dB"))) if kind[:2] in ("LS", "HS") else ""
    gain = f" Gain {draw(numbers(-12.0, 12.0))} dB" if draw(st.sampled_from((True, True, True, False))) else ""
    width = draw(st.sampled_from(("", f" Q {draw(numbers(0.3, 8.0))}", f" BW Oct {draw(numbers(0.6, 2.0))}", " Q 0")))
    state = draw(st.sampled_from(("ON", "ON", "ON", "OFF", "On")))
    space = draw(st.sampled_from((" ", "  ", "\t")))
    freq = f"Fc{space}{draw(st.sampled_from(('1.549', '12,000', draw(numbers(25.0, 19_000.0)))))} Hz"
    return f"Filter{draw(st.sampled_from((' 1', '  12', '')))}: {state}{space}{kind}{slope} {freq}{gain}{width}"


@settings(max_examples=cases(100, 200, 500))
@given(
    lines=st.lists(filter_lines(), min_size=1, max_size=6), channels=st.lists(st.sampled_from(("L", "R", "all", "l r", "LFE")), max_size=6)
)
def test_lines_sound_as_in_the_program(tmp_path_factory: pytest.TempPathFactory, lines: list[str], channels: list[str]) -> None:
    selected = [f"Channel: {name}\n{line}" for name, line in zip(channels, lines, strict=False)] + lines[len(channels) :]
    path = tmp_path_factory.mktemp("apo") / "config.txt"
    path.write_text("Preamp: -2,5 dB\n" + "\n".join(selected) + "\n", encoding="utf-8")
    try:
        preset = presets.read_file(path, format="eqapo")
    except PresetReadError as refusal:
        assert "nothing of its sound can be read" in str(refusal) or "too steep" in str(refusal) or "is outside" in str(refusal)
        return
    assert_as_host(path, preset)
    written = presets.write(preset, "eqapo").files
    assert written["preset.txt"] == path.read_bytes()


@pytest.mark.parametrize("name", ["eqapo/autoeq.txt", "eqapo/channels.txt", "eqapo/computed.txt", "graphiceq/comma.graphiceq.txt"])
def test_our_files_sound_as_in_the_program(name: str) -> None:
    path = GOLDEN / name
    preset = presets.read_file(path)
    assert preset.format == name.partition("/")[0]
    truth = host.evaluate(path, Grid(FREQS_HZ), conditions=False)
    for index, wanted_db in enumerate(list(truth.channels.values())[:2]):
        eq = preset.eq if isinstance(preset.eq, EqSettings) else preset.eq.eqs[index][1]
        assert off_by_db(Preset(eq).response_db(FREQS_HZ), wanted_db) <= 1e-6
    assert next(iter(presets.write(preset, preset.format).files.values())) == path.read_bytes()


def test_channels_have_their_own_lines() -> None:
    text = f"{PEAK.format(1)}Channel: L\n{PEAK.format(2)}Channel: 2\n{PEAK.format(3)}Channel: all\n{PEAK.format(4)}"
    assert gains(read(text)) == {"left": [1.0, 2.0, 4.0], "right": [1.0, 3.0, 4.0]}
    assert gains(read(f"Channel: L\n{PEAK.format(6)}Channel: R\n{PEAK.format(6)}")) == {"": [6.0]}
    assert gains(read(f"Channel: l r\n{PEAK.format(6)}")) == {"": [6.0]}
    assert gains(read(f"Channel: L\n{PEAK.format(6)}")) == {"left": [6.0]}
    assert gains(read(f"Channel: SUB\n{PEAK.format(6)}")) == {"lfe": [6.0]}
    surround = gains(read(f"{PEAK.format(1)}Channel: LFE 5\n{PEAK.format(2)}"))
    assert surround["lfe"] == surround["rear_left"] == [1.0, 2.0]
    assert surround["left"] == surround["center"] == surround["side_right"] == [1.0]


def test_what_is_in_no_channel_is_said() -> None:
    preset = read(f"{PEAK.format(1)}Channel: FOO\n{PEAK.format(3)}Channel: RC\n{PEAK.format(2)}")
    assert gains(preset) == {"": [1.0]}
    assert [str(note) for note in preset.notes] == [
        "line 2 channel 'FOO' is none that Equalizer APO knows (unknown)",
        "channels the rear centre has an EQ of its own, which a preset cannot hold (unknown, 2.000 dB off at 100 Hz)",
    ]


DEVICES = (
    f"Preamp: -1 dB\nDevice: Speakers High; Benchmark\n{PEAK.format(6)}Device: Headphones\n{PEAK.format(-6)}Device: all\n{PEAK.format(1)}"
)


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("Headphones", [-6.0, 1.0]),
        ("2", [-6.0, 1.0]),
        ("headphones (Realtek HIGH definition)", [-6.0, 1.0]),
        ("Speakers High; Benchmark", [6.0, 1.0]),
        ("High Definition Audio Speakers", [6.0, 1.0]),
        ("something else", [1.0]),
    ],
)
def test_a_device_is_chosen_by_its_pattern_its_name_or_its_number(device: str, expected: list[float]) -> None:
    assert gains(read(DEVICES, device=device)) == {"": expected}


def test_devices_are_listed_where_none_is_chosen() -> None:
    with pytest.raises(PresetReadError) as caught:
        read(DEVICES)
    assert str(caught.value) == (
        "holds EQs for the devices 'Speakers High; Benchmark', 'Headphones' and for others; choose one with `for_device`"
    )
    with pytest.raises(PresetReadError, match="has nothing for the device 'Phone', only for 'Speakers'"):
        read(f"Device: Speakers\n{PEAK.format(6)}", device="Phone")
    with pytest.raises(PresetReadError, match="holds one EQ for all devices, no `for_device` to choose"):
        read(PEAK.format(6), device="Phone")
    assert gains(read(f"Device: Speakers\n{PEAK.format(6)}")) == {"": [6.0]}
    assert gains(read(f"Device: A\n{PEAK.format(6)}Device: B\n{PEAK.format(6)}")) == {"": [6.0]}


CONDITIONS = f"If: inputChannelCount == 2\n{PEAK.format(6)}ElseIf: 2 > 3\n{PEAK.format(9)}Else:\n{PEAK.format(-6)}EndIf:\n{PEAK.format(1)}"


def test_conditions_are_worked_out_or_asked_for() -> None:
    assert gains(read(f"Eval: n = 2; m = n ^ 2\nIf: m == 4 and n < 3 or false\n{PEAK.format(6)}EndIf:\nPreamp: 1 dB\n")) == {"": [6.0]}
    with pytest.raises(PresetReadError, match="depends on what only the computer knows: 'inputChannelCount == 2'; name with `for_device`"):
        read(CONDITIONS)
    assert gains(read(CONDITIONS, device="inputChannelCount  == 2")) == {"": [6.0, 1.0]}
    assert gains(read(CONDITIONS, device="else")) == {"": [-6.0, 1.0]}
    assert gains(read(CONDITIONS.replace("-6", "6"))) == {"": [6.0, 1.0]}  # the same either way
    nested = f"If: a\nIf: stage == 1\n{PEAK.format(3)}Else:\n{PEAK.format(3)}EndIf:\nElse:\n{PEAK.format(3)}EndIf:\n"
    assert gains(read(nested)) == {"": [3.0]}


def test_a_branch_in_a_branch_that_is_not_taken_is_not_followed() -> None:
    text = f"If: 0\nIf: 1\n{PEAK.format(1)}Else:\n{PEAK.format(2)}EndIf:\nElse:\n{PEAK.format(3)}EndIf:\n{PEAK.format(4)}"
    assert gains(read(text)) == {"": [3.0, 4.0]}


def test_files_are_included_from_the_folder_and_below(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "config.txt").write_text(f"Channel: L\nInclude: sub\\bass.txt\n{PEAK.format(1)}Channel: R\n{PEAK.format(2)}")
    (tmp_path / "sub/bass.txt").write_text(f"{PEAK.format(5)}Channel: R\nInclude: ..\\treble.txt\n")
    (tmp_path / "treble.txt").write_bytes(f"\ufeff{PEAK.format(7)}".encode("utf-16-le"))
    preset = presets.read_file(tmp_path / "config.txt")
    assert gains(preset) == {"left": [5.0, 1.0], "right": [7.0, 2.0]}
    presets.write_file(tmp_path / "alone.txt", preset, format="eqapo", protect=False)
    assert "Include" not in (tmp_path / "alone.txt").read_text()
    assert presets.read_file(tmp_path / "alone.txt").eq == preset.eq


@pytest.mark.parametrize(
    ("text", "files", "says"),
    [
        ("Include: a.txt\n", {}, r"^includes 'a.txt', which is not there \(no such file\); put it there, or take the line out$"),
        ("Include: a.txt\n", {"a.txt": b"Include: a.txt\n"}, "'a.txt', which includes it again"),
        ("Include: 0.txt\n", {f"{n}.txt": f"Include: {n + 1}.txt\n".encode() for n in range(20)}, "more than 8 files deep"),
        ("Include: a.txt\n" * 70, {"a.txt": b"Preamp: 0 dB\n"}, "more than 64 files"),
        ("Include: ..\\a.txt\n", {}, "outside its folder"),
        ("Include: C:\\a.txt\n", {}, "which is not beside it; put it there and name it so"),
        ("Include: /etc/passwd\n", {}, "which is not beside it"),
        ("Include: a.txt\n", {"a.txt": b"Filter: ON PK Fc 100 Hz Gain 99 dB Q 1\n"}, "a.txt line 1: gain_db 99.0 is outside"),
    ],
)
def test_includes_stay_in_the_folder_and_end(text: str, files: dict[str, bytes], says: str) -> None:
    with pytest.raises(PresetReadError, match=says):
        read(text, files=files)


def test_bytes_alone_include_nothing() -> None:
    with pytest.raises(PresetReadError, match="includes 'a.txt': only a file on disk can be read with those beside it"):
        presets.read(b"Include: a.txt\n", "eqapo")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Copy: L=0.5*L+0.5*R R=L", "line 2: Copy mixes channels (L=0.5*L+0.5*R), which no EQ does"),
        ("Copy: L=R R=L", "Copy makes channel L of R, which no EQ does"),
        ("Copy: L=0.0", "line 2: Copy silences a channel (L=0.0), which no EQ is"),
        ("Copy: L=0.25", "line 2: Copy makes a channel a constant (L=0.25), which no EQ is"),
        (
            "LoudnessCorrection: State 1 ReferenceLevel 75",
            "line 2: LoudnessCorrection depends on the volume; take the line out to read the rest",
        ),
        ("Preamp: `20*log10(volume)` dB", "line 2: expression `20*log10(volume)` cannot be worked out here: volume is not known"),
        ("Filter: ON IIR Order 1 Coefficients 1 0 0 1", "line 2: coefficients that are no filter: a0 is 0, or every b"),
    ],
)
def test_what_no_eq_does_is_refused(line: str, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        read(f"{PEAK.format(1)}{line}\n")
    assert str(caught.value) == says


def test_copy_of_a_channel_to_itself_is_a_gain() -> None:
    preset = read(f"Copy: L=-6dB*L R=0.5*R+0.5*R\n{PEAK.format(1)}")
    assert isinstance(preset.eq, ChannelEqs)
    assert [eq.preamp_db for _, eq in preset.eq] == pytest.approx([-6.0, 0.0])
    assert gains(read(f"Copy: VL=L\nChannel: VL\n{PEAK.format(9)}Channel: all\nCopy: L=L\n{PEAK.format(1)}"))[""] == [1.0]
    turned = read(f"Copy: L=-1.0*L R=R\n{PEAK.format(1)}")
    assert [str(note) for note in turned.notes] == ["line 1 Copy turns the polarity of channel left, which a preset cannot hold (unknown)"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Filter: On PK Fc 100 Hz Gain 3 dB Q 1", "line 2 Equalizer APO skips a filter: 'On' is not ON (unknown, 3.000 dB off at 100 Hz)"),
        (
            "Filter: ON pk Fc 100 Hz Gain 3 dB Q 1",
            "line 2 Equalizer APO skips a filter: type 'pk' is not known (unknown, 3.000 dB off at 100 Hz)",
        ),
        ("Filter: ON PK Fc 100 Hz Gain 3 dB", "line 2 Equalizer APO skips a filter: q is missing (unknown, 3.000 dB off at 20 Hz)"),
        ("Filter: ON PK Gain 3 dB Q 1", "line 2 Equalizer APO skips a filter: freq_hz is missing (unknown, 3.000 dB off at 20 Hz)"),
        ("Filter: ON PK Fc 100 Hz Gain inf dB Q 1", "line 2 Equalizer APO skips a filter: gain_db is missing (unknown)"),
        (
            "filter 1: ON PK Fc 100 Hz Gain 3 dB Q 1",
            "line 2 Equalizer APO skips the command 'filter', which is no 'Filter' (unknown, 3.000 dB off at 100 Hz)",
        ),
        ("PREAMP: -3 dB", "line 2 Equalizer APO skips the command 'PREAMP', which is no 'Preamp' (unknown, 3.000 dB off at 20 Hz)"),
        ("Preamp: loud", "line 2 Equalizer APO skips a preamp that is no number ('loud') (unknown)"),
        ("Delay: 10 ms", "line 2 Delay changes no level and is not read (unknown)"),
        ("VSTPlugin: Library a.dll", "line 2 VSTPlugin is not read, whatever it does (unknown)"),
        ("Stage: capture", "line 2 lines for the stage of microphones are not read (unknown)"),
    ],
)
def test_what_is_skipped_is_said_with_its_size(line: str, said: str) -> None:
    preset = read(f"{PEAK.format(1)}{line}\n")
    assert [str(note) for note in preset.notes] == [said]
    assert gains(preset) == {"": [1.0]}


@pytest.mark.parametrize(
    ("line", "q"),
    [
        ("LSC 0 dB Fc 100 Hz Gain 6 dB Q 2", 0.66881),  # a slope of 0 takes the place of the Q, and is none: S = 0.9
        ("LP Fc 100 Hz Q 2 BW Oct 0", 2.01994),  # a bandwidth of 0 takes the place of the Q, and is 0.7071 octaves
        ("NO Fc 100 Hz Gain 3 dB", 30.0),
        ("PK Fc 100H z Gain 3 dB Q 1.5.2", 1.5),
        ("Modal Fc 100 Hz Gain 3.0 dB Q 5.41 T60 target 100 ms", 5.41),
    ],
)
def test_widths_are_those_that_the_program_takes(line: str, q: float) -> None:
    eq = read(f"Filter: ON {line}\nPreamp: `20*log10(0.5)` dB\n").eq
    assert isinstance(eq, EqSettings)
    assert eq.bands[0].q == pytest.approx(q, rel=1e-4)
    assert eq.preamp_db == pytest.approx(-6.0206, abs=1e-4)


def test_equal_losses_are_one_line_with_the_size_of_all() -> None:
    preset = read(PEAK.format(1) + "Filter: On PK Fc 100 Hz Gain 3 dB Q 1\n" * 3)
    assert [str(note) for note in preset.notes] == [
        "line 2 and 2 more Equalizer APO skips a filter: 'On' is not ON (unknown, 9.000 dB off at 100 Hz)"
    ]


@pytest.mark.parametrize("line", ["# Preamp: -3 dB", "Notes: Preamp -3 dB", "Filters: none", "Dated: 1.1.2026 10:00", "Filter 3: ON None"])
def test_text_between_the_lines_says_nothing(line: str) -> None:
    preset = read(f"{PEAK.format(1)}{line}\n")
    assert (preset.notes, gains(preset)) == ((), {"": [1.0]})


def test_both_stages_of_playback_are_heard() -> None:
    text = f"Stage: pre-mix post-mix\n{PEAK.format(1)}Stage: capture\n{PEAK.format(9)}Stage: post-mix\n{PEAK.format(2)}"
    assert gains(read(text)) == {"": [1.0, 1.0, 2.0]}


def test_a_convolution_adds_the_response_of_its_file() -> None:
    wanted = EqSettings((Band("peak", 1_000.0, 6.0, 1.0),), -2.0)
    impulse = presets.write(wanted, "fir").files["preset.wav"]
    preset = read(f"Convolution: room.wav\n{PEAK.format(3)}", files={"room.wav": impulse})
    both = EqSettings((*wanted.bands, Band("peak", 100.0, 3.0, 1.0)), -2.0)
    assert off_by_db(preset.response_db(FREQS_HZ[40:]), Preset(both).response_db(FREQS_HZ[40:])) <= 0.1
    with pytest.raises(PresetReadError, match=r"^line 1: the file of a Convolution: "):
        read("Convolution: room.wav\n", files={"room.wav": b"MP3"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_texts_of_windows_are_read_and_come_back(encoding: str) -> None:
    data = f"# für Köln\r\nPreamp: -3 dB\r\n{PEAK.format(6)}".encode(encoding)
    preset = presets.read(data, filename="x.txt")
    assert (preset.format, gains(preset)) == ("eqapo", {"": [6.0]})
    assert presets.write(preset, "eqapo").files["preset.txt"] == data
    changed = presets.write(replace(preset, eq=replace(preset.eq, preamp_db=-4.0)), "eqapo").files["preset.txt"].decode("utf-8")
    assert "# für Köln\r\nPreamp: -4.0 dB\r\n" in changed


def test_bandwidths_depend_on_the_rate_which_is_said() -> None:
    preset = read("Filter: ON PK Fc 10000 Hz Gain 6 dB BW Oct 1\n")
    assert [str(note) for note in preset.notes] == [
        "sample rate filters that depend on it, at 44100 Hz -> those of 48000 Hz (approximated, 0.189 dB off at 6837 Hz)"
    ]
    assert read("Filter: ON PK Fc 1000 Hz Gain 6 dB BW Oct 1\n").notes == ()


def test_shelves_of_other_programs_are_told_by_how_much_they_differ() -> None:
    preset = read("Filter: ON LS Fc 105 Hz Gain 5.5 dB Q 0.71\n")
    assert [str(note) for note in preset.notes] == [
        "line 1 other programs take the frequency of LS as the centre -> as Equalizer APO does (approximated, 0.836 dB off at 113 Hz)"
    ]
    assert isinstance(preset.eq, EqSettings)
    assert preset.eq.bands[0].freq_hz == pytest.approx(122.86, abs=0.01)


@settings(max_examples=cases(100, 250, 1_000))
@given(
    kind=st.sampled_from(sorted(set(BandKind) - {BandKind.TILT})),
    freq_hz=st.floats(20.0, 20_000.0),
    gain_db=st.floats(-24.0, 24.0).filter(lambda gain: abs(gain) > 0.01),
    q=st.floats(0.2, 20.0),
    first=st.booleans(),
    level=st.floats(0.1, 4.0),
)
def test_coefficients_of_a_band_are_that_band(kind: BandKind, freq_hz: float, gain_db: float, q: float, first: bool, level: float) -> None:
    order = 1 if first and kind not in (BandKind.PEAK, BandKind.NOTCH, BandKind.BAND_PASS) else 2
    band = Band(kind, freq_hz, gain_db if Band(kind, 1.0).has_gain else 0.0, q, order=order)
    (section,) = design_sections(band, 48_000.0)
    one, two, three = (value * level for value in section[:3])
    found = as_band((one, two, three), section[3:], 48_000.0)
    assert found is not None
    got = EqSettings((found[0],), found[1])
    wanted = EqSettings((band,), 20.0 * float(np.log10(level)))
    assert off_by_db(Preset(got).response_db(FREQS_HZ), Preset(wanted).response_db(FREQS_HZ)) <= 1e-3


def test_other_coefficients_are_a_curve(tmp_path: Path) -> None:
    path = tmp_path / "iir.txt"
    path.write_text("Filter: ON IIR Order 3 Coefficients 0.2 0.1 0.05 0.02 1 -0.9 0.5 -0.1\n")
    preset = presets.read_file(path)
    assert preset.curve is not None
    truth = host.evaluate(path, Grid(FREQS_HZ))
    assert off_by_db(preset.response_db(FREQS_HZ), truth.channels["L"]) <= 0.001
    assert isinstance(host.filter_of(" ON IIR Order 3 Coefficients 1 2", Grid(FREQS_HZ)), type(None))
    with pytest.raises(NoEq):
        host.evaluate(GOLDEN / "eqapo/PROVENANCE.md", Grid(FREQS_HZ))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3 ^ 2", 19.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("(1 + 2) * -3", -9.0),
        ("2 > 1 ? 5 : 6", 5.0),
        ("min(3, 1, 2) + max(1, 2) + sum(1, 2, 3)", 9.0),
        ("sqrt(16) == 4 and not_here == 0 or true", None),
        ("1 == 1 and 2 < 1", 0.0),
        ("!(1 < 2) || 3 >= 3", 1.0),
        ("ln(e) + log10(100)", 3.0),
        ("1 xor 1", 0.0),
        ("1e3 / 4", 250.0),
        ("sampleRate / 2", 24_000.0),
        ('deviceName == "x"', None),
        ("1 / 0", None),
        ("(-8) ^ 0.5", None),
        ("10 ^ 10 ^ 10", None),
        ("1 +", None),
        ("(" * 100 + "1" + ")" * 100, None),
        ("1" * 600, None),
        ("open(1)", None),
        ("1 2", None),
    ],
)
def test_expressions_are_arithmetic_or_unknown(text: str, value: float | None) -> None:
    if value is None:
        with pytest.raises(Unknown):
            Expressions(48_000.0).value(text)
    else:
        assert Expressions(48_000.0).value(text) == pytest.approx(value)


def test_variables_are_kept_and_what_is_unknown_stays_so() -> None:
    expressions = Expressions(48_000.0)
    expressions.assign("a = 2; b = a * 3; b += 1; c = deviceGuid; d = c + 1")
    assert (expressions.value("b"), expressions.holds("b == 7"), expressions.holds("d > 0")) == (7.0, True, None)
    assert expressions.holds("sampleRate == 48000") is None
    assert expressions.filled("x `b` y `a+1`", "") == "x 7.0 y 3.0"


MIXED = "Preamp: -5 dB\n# note\nFilter: ON PK Fc 100 Hz Gain 6 dB Q 1\nGraphicEQ: 20 -1.5; 100 3; 1000 0\n"


def test_a_curve_stands_beside_bands_and_can_be_changed() -> None:
    preset = presets.read(MIXED.encode(), filename="x.txt")
    assert preset.format == "eqapo"
    assert isinstance(preset.eq, EqSettings)
    assert preset.eq.curve == Curve(np.array([20.0, 100.0, 1_000.0]), np.array([-1.5, 3.0, 0.0]))
    for change, line in (
        (replace(preset.eq, curve=Curve(np.array([50.0, 500.0]), np.array([1.0, -1.0]))), "GraphicEQ: 50 1.0; 500 -1.0"),
        (replace(preset.eq, curve=None), ""),
        (replace(preset.eq, bands=(*preset.eq.bands, Band("notch", 50.0, q=30.0))), "Filter 2: ON NO Fc 50.0 Hz Q 30.0"),
    ):
        text = presets.write(replace(preset, eq=change), "eqapo").files["preset.txt"].decode()
        assert line in text
        assert "# note" in text
        assert presets.read(text.encode(), "eqapo").eq == change


def test_a_bare_curve_is_a_graphic_eq_line() -> None:
    curve = Curve(np.array([20.0, 1_000.0]), np.array([1.5, -2.0]))
    written = presets.write(EqSettings((), -3.0, curve), "eqapo").files["preset.txt"]
    assert written == b"Preamp: -3.0 dB\nGraphicEQ: 20 1.5; 1000 -2.0\n"
    long = Curve(np.geomspace(20.0, 20_000.0, 5_000), 6.0 * np.sin(np.linspace(0.0, 30.0, 5_000)))
    back = presets.read(presets.write(EqSettings(curve=long), "eqapo").files, "eqapo")
    assert off_by_db(back.response_db(FREQS_HZ), long.at(FREQS_HZ)) <= 0.05


def test_channels_are_written_as_sections_and_changed_in_their_place() -> None:
    left, right = EqSettings((Band("peak", 100.0, 6.0, 1.0),), -6.0), EqSettings((Band("high_pass", 30.0, q=0.5),))
    eqs = ChannelEqs((("left", left), ("right", right), ("lfe", left)))
    text = presets.write(eqs, "eqapo").files["preset.txt"].decode()
    assert text == (
        "Channel: L LFE\nPreamp: -6.0 dB\nFilter 1: ON PK Fc 100.0 Hz Gain 6.0 dB Q 1.0\n"
        "Channel: R\nPreamp: 0.0 dB\nFilter 1: ON HPQ Fc 30.0 Hz Q 0.5\n"
    )
    preset = presets.read_file(GOLDEN / "eqapo/channels.txt")
    assert isinstance(preset.eq, ChannelEqs)
    quieter = tuple((name, replace(eq, bands=(replace(eq.bands[0], gain_db=-1.0), *eq.bands[1:]))) for name, eq in preset.eq)
    after = presets.write(replace(preset, eq=ChannelEqs(quieter)), "eqapo").files["preset.txt"].split(b"\r\n")
    before = (GOLDEN / "eqapo/channels.txt").read_bytes().split(b"\r\n")
    assert [index for index, line in enumerate(before) if line != after[index]] == [3, 6]
    fewer = ChannelEqs(tuple((name, replace(eq, bands=eq.bands[:1])) for name, eq in preset.eq))
    again = presets.write(replace(preset, eq=fewer), "eqapo").files["preset.txt"]
    assert again.startswith(b"# Desk: left and right are measured apart\r\nChannel: L\r\n")
    back = presets.read(again, "eqapo").eq
    assert isinstance(back, ChannelEqs)
    assert [len(eq.bands) for _, eq in back] == [1, 1]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("GraphicEQ: 20 1; 100 2", [(20.0, 1.0), (100.0, 2.0)]),
        ("GraphicEQ: 100 2; 20 1;", [(20.0, 1.0), (100.0, 2.0)]),
        ("GraphicEQ: 20 -1,5; 100 2,25", [(20.0, -1.5), (100.0, 2.25)]),
        ("GraphicEQ: 20 1, 100 2", [(20.0, 1.0), (100.0, 2.0)]),
        ("GraphicEQ: 20 1; 100 2\nGraphicEQ: 20 1; 200 1", [(20.0, 2.0), (100.0, 3.0), (200.0, 3.0)]),
        ("Preamp: -3 dB\nGraphicEQ: 1000 6", [(20.0, 6.0), (20_000.0, 6.0)]),
    ],
)
def test_points_are_read_in_pairs(text: str, points: list[tuple[float, float]]) -> None:
    preset = presets.read(text.encode(), filename="x.txt")
    assert preset.format == "graphiceq"
    assert preset.curve is not None
    assert preset.curve.at(np.array([freq for freq, _ in points])) == pytest.approx([gain for _, gain in points], abs=1e-6)


def test_the_preamp_of_a_graphic_eq_goes_into_its_points_when_they_change() -> None:
    preset = presets.read_file(GOLDEN / "graphiceq/comma.graphiceq.txt")
    assert isinstance(preset.eq, EqSettings)
    assert preset.eq.preamp_db == -6.5
    changed = replace(preset, eq=EqSettings((), -3.0, preset.eq.curve))
    text = presets.write(changed, "graphiceq").files["preset.graphiceq.txt"]
    assert text.startswith(b"# measured\r\nGraphicEQ: 20 -4.5; ")
    assert b"Preamp" not in text
    back = presets.read(text, "graphiceq")
    assert off_by_db(back.response_db(FREQS_HZ), changed.response_db(FREQS_HZ)) <= 0.3


def test_channels_of_a_graphic_eq_are_read_by_the_other_format() -> None:
    text = b"Channel: L\nGraphicEQ: 20 1; 100 2\nChannel: R\nGraphicEQ: 20 0; 100 1\n"
    preset = presets.read(text, filename="x.txt")
    assert preset.format == "eqapo"
    assert isinstance(preset.eq, ChannelEqs)
    with pytest.raises(PresetReadError, match="holds an EQ for each of left, right; read it as eqapo"):
        presets.read(text, "graphiceq")
    assert presets.write(preset, "eqapo").files["preset.txt"] == text
