"""CamillaDSP: what its configurations do to each channel, by an evaluator that shares no code with the reader, and what is refused."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host_maths import camilladsp
from host_maths.channels import difference_db
from host_maths.sections import Grid

import semeq_presets as presets
from semeq_export.eq.biquad import design_sections, for_rate, response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Choice, Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "camilladsp"
GRID = Grid(np.geomspace(20.0, 20_000.0, 300), 48_000.0)
FREE = dict(zip(("b0", "b1", "b2", "a0", "a1", "a2"), design_sections(Band("low_shelf", 180.0, -7.5, 0.8), 48_000.0)[0], strict=True))

BIQUADS: list[dict[str, Any]] = [
    {"type": "Lowshelf", "freq": 105, "gain": 5.5, "slope": 12},
    {"type": "Highshelf", "freq": 3_000, "gain": -9, "slope": 4.5},
    {"type": "Lowshelf", "freq": 105, "gain": 5.5, "q": 0.9, "slope": None},
    {"type": "Peaking", "freq": 12_000, "gain": -6, "bandwidth": 1.3},
    {"type": "Peaking", "freq": 1_000, "gain": 6, "q": 2},
    {"type": "LowshelfFO", "freq": 300, "gain": 8},
    {"type": "HighshelfFO", "freq": 5_000, "gain": -8},
    {"type": "Highpass", "freq": 40, "q": 0.6},
    {"type": "Lowpass", "freq": 9_000, "q": 1.4},
    {"type": "HighpassFO", "freq": 60},
    {"type": "LowpassFO", "freq": 6_000},
    {"type": "Notch", "freq": 333.3, "bandwidth": 0.2},
    {"type": "Notch", "freq": 333.3, "q": 5},
    {"type": "Bandpass", "freq": 900, "bandwidth": 2},
    {"type": "Allpass", "freq": 900, "q": 0.7},
    {"type": "AllpassFO", "freq": 900},
    {"type": "GeneralNotch", "freq_p": 500, "freq_z": 500, "q_p": 3},
    {"type": "LinkwitzTransform", "freq_act": 60, "q_act": 0.7, "freq_target": 30, "q_target": 0.7},
    {"type": "Free", **{key: value for key, value in FREE.items() if key != "a0"}},
]
COMBINATIONS: list[dict[str, Any]] = [
    *({"type": f"Butterworth{side}", "freq": 700, "order": order} for side in ("Highpass", "Lowpass") for order in (1, 2, 5, 16, 21)),
    *({"type": f"LinkwitzRiley{side}", "freq": 700, "order": order} for side in ("Highpass", "Lowpass") for order in (2, 4, 6, 8)),
    {"type": "Tilt", "gain": 6},
    {
        "type": "FivePointPeq",
        "fls": 80,
        "gls": 3,
        "qls": 0.7,
        "fp1": 200,
        "gp1": -2,
        "qp1": 1,
        "fp2": 900,
        "gp2": 4,
        "qp2": 2,
        "fp3": 4e3,
        "gp3": -5,
        "qp3": 3,
        "fhs": 9_000,
        "ghs": 2,
        "qhs": 0.8,
    },
    {"type": "GraphicEqualizer", "gains": [1, -2, 0, 4, -6, 0.5], "freq_min": 30, "freq_max": 16_000},
]


def configuration(filters: dict[str, Any], pipeline: list[Any], mixers: dict[str, Any] | None = None, **devices: Any) -> bytes:
    parts = {"devices": {"samplerate": 48_000, **devices}, "mixers": mixers or {}, "filters": filters, "pipeline": pipeline}
    return "\n".join(f"{key}: {json.dumps(value)}" for key, value in parts.items()).encode()


def one(kind: str, parameters: dict[str, Any]) -> bytes:
    return configuration({"f": {"type": kind, "parameters": parameters}}, [{"type": "Filter", "channels": [0, 1], "names": ["f"]}])


def mixer(outputs: list[list[int]], inputs: int = 2) -> dict[str, Any]:
    sources = [[{"channel": channel, "gain": -2} for channel in channels] for channels in outputs]
    return {"channels": {"in": inputs, "out": len(outputs)}, "mapping": [{"dest": at, "sources": held} for at, held in enumerate(sources)]}


def apart_db(data: bytes, preset: Preset, tmp_path: Path) -> float:
    """Return the largest difference in any channel between what was read and what CamillaDSP does."""
    (tmp_path / "x.yml").write_bytes(data)
    truth = camilladsp.evaluate(tmp_path / "x.yml", GRID).channels
    eqs = [preset.eq] * len(truth) if isinstance(preset.eq, EqSettings) else [eq for _, eq in preset.eq]
    pairs = zip(eqs, truth.values(), strict=True)
    return max(difference_db(response_db(for_rate(eq, 48_000.0).eq, GRID.freqs_hz, 48_000.0), wanted) for eq, wanted in pairs)


@pytest.mark.parametrize("parameters", BIQUADS, ids=lambda parameters: str(parameters["type"]))
def test_a_biquad_is_read_as_it_sounds(parameters: dict[str, Any], tmp_path: Path) -> None:
    data = one("Biquad", parameters)
    preset = presets.read(data, "camilladsp")
    assert apart_db(data, preset, tmp_path) <= 0.01
    assert len(preset.single.bands) == 1
    assert preset.notes == ()


@pytest.mark.parametrize("parameters", COMBINATIONS, ids=lambda parameters: f"{parameters['type']}{parameters.get('order', '')}")
def test_a_combination_is_read_as_it_sounds(parameters: dict[str, Any], tmp_path: Path) -> None:
    data = one("BiquadCombo", parameters)
    preset = presets.read(data, "camilladsp")
    assert apart_db(data, preset, tmp_path) <= 1e-6
    assert preset.notes == ()


def test_n_points_are_shelves_around_peaks() -> None:
    bands = [{"freq": freq, "gain": gain, "q": 0.8} for freq, gain in ((90, 2), (800, -3), (7_000, 1))]
    preset = presets.read(one("BiquadCombo", {"type": "NPointPeq", "bands": bands}), "camilladsp")
    assert [band.kind for band in preset.single.bands] == [BandKind.LOW_SHELF, BandKind.PEAK, BandKind.HIGH_SHELF]


@pytest.mark.parametrize(
    ("kind", "parameters", "db"),
    [
        ("Biquad", {"type": "LinkwitzTransform", "freq_act": 60, "q_act": 0.9, "freq_target": 30, "q_target": 0.6}, (8.0, 12.0)),
        ("Biquad", {"type": "GeneralNotch", "freq_p": 500, "freq_z": 1_500, "q_p": 1, "normalize_at_dc": True}, (120.0, 120.0)),
        ("Conv", {"type": "Values", "values": [0.75, 0.25]}, (2.0, 15.0)),
        ("DiffEq", {"a": [1.0, -0.2, 0.1, 0.05], "b": [0.5, 0.25]}, (1.0, 20.0)),
        ("Loudness", {"reference_level": -20, "low_boost": 6, "high_boost": 4}, (6.0, 6.0)),
    ],
)
def test_what_no_band_is_like_is_said_with_its_size(kind: str, parameters: dict[str, Any], db: tuple[float, float]) -> None:
    filters = {"odd": {"type": kind, "parameters": parameters}, "f": {"type": "Biquad", "parameters": BIQUADS[4]}}
    data = configuration(filters, [{"type": "Filter", "channels": [0, 1], "names": ["f", "odd"]}])
    preset = presets.read(data, "camilladsp")
    (note,) = preset.notes
    assert (note.kind, len(preset.single.bands)) == ("unknown", 1)
    assert note.error_db is not None
    assert db[0] <= note.error_db <= db[1]
    changed = EqSettings((*preset.single.bands, Band("peak", 90.0, 2.0)), -1.0)
    again = presets.read(presets.write(replace(preset, eq=changed), "camilladsp").files, "camilladsp")
    assert (again.eq, again.notes) == (changed, preset.notes)
    alone = configuration({"odd": filters["odd"]}, [{"type": "Filter", "channels": [0, 1], "names": ["odd"]}])
    with pytest.raises(PresetReadError, match="nothing of its sound can be read: filters odd"):
        presets.read(alone, "camilladsp")


def test_several_filters_that_no_band_is_like_are_one_note_of_what_they_do_together() -> None:
    taps = {"type": "Conv", "parameters": {"type": "Values", "values": [0.75, 0.25]}}
    filters = {"a": taps, "b": taps, "f": {"type": "Biquad", "parameters": BIQUADS[4]}}
    data = configuration(filters, [{"type": "Filter", "channels": [0, 1], "names": ["a", "b", "f"]}])
    (note,) = presets.read(data, "camilladsp").notes
    once = presets.read(data.replace(b'"a", "b", "f"', b'"a", "f"'), "camilladsp").notes[0]
    assert note.wanted == "2 filters that no band is like"
    assert note.error_db == pytest.approx(2.0 * (once.error_db or 0.0))


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("Delay", {"delay": 2, "unit": "ms"}),
        ("Dither", {"type": "Simple", "bits": 16}),
        ("Volume", {"fader": "Aux1"}),
        ("Limiter", {"clip_limit": -1}),
    ],
)
def test_what_is_no_equaliser_is_named_as_harmless(kind: str, parameters: dict[str, Any]) -> None:
    filters = {"x": {"type": kind, "parameters": parameters}, "f": {"type": "Biquad", "parameters": BIQUADS[4]}}
    preset = presets.read(configuration(filters, [{"type": "Filter", "channels": [0, 1], "names": ["x", "f"]}]), "camilladsp")
    assert [(note.kind, note.error_db) for note in preset.notes] == [("dropped", 0.0)]


def test_an_impulse_response_is_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    filters = {
        "room": {"type": "Conv", "parameters": {"type": "Wav", "filename": "room.wav"}},
        "f": {"type": "Biquad", "parameters": BIQUADS[4]},
    }
    path = tmp_path / "x.yml"
    path.write_bytes(configuration(filters, [{"type": "Filter", "channels": [0, 1], "names": ["f", "room"]}]))
    with pytest.raises(PresetReadError, match=r"filters room: convolves with the file 'room\.wav', which is not at hand; put it beside"):
        presets.read_file(path)
    samples = struct.pack("<2f", 0.75, 0.25)
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 3, 1, 48_000, 192_000, 4, 32) + b"data" + struct.pack("<I", len(samples))
    (tmp_path / "room.wav").write_bytes(b"RIFF" + struct.pack("<I", len(head + samples)) + head + samples)
    (note,) = presets.read_file(path).notes
    assert note.error_db is not None
    assert note.error_db > 1.0


def test_gains_of_every_kind_add_up(tmp_path: Path) -> None:
    gains = [{"gain": -6}, {"gain": 0.5, "scale": "linear"}, {"gain": 3, "inverted": True, "mute": None, "scale": "dB"}]
    filters = {f"g{at}": {"type": "Gain", "parameters": held} for at, held in enumerate(gains)}
    data = configuration(filters, [{"type": "Filter", "names": list(filters)}])
    preset = presets.read(data, "camilladsp")
    assert preset.single.preamp_db == pytest.approx(-3.0 - 6.0206, abs=1e-4)
    assert apart_db(data, preset, tmp_path) <= 1e-6
    assert [str(note) for note in preset.notes] == ["polarity inverted in outputs 1, 2 (dropped, 0.000 dB off)"]


def test_each_output_of_a_crossover_has_its_own_eq(tmp_path: Path) -> None:
    data = (GOLDEN / "speakers.yml").read_bytes()
    preset = presets.read(data, "camilladsp")
    assert isinstance(preset.eq, ChannelEqs)
    assert (preset.eq.names, preset.name, preset.sample_rate_hz) == (("1", "2", "3", "4"), "Speakers", 96_000.0)
    assert [str(band) for band in preset.eq["3"].bands] == [
        "peak 180 Hz -5 dB q 2.04087",
        "low_shelf 250 Hz 2 dB order 1",
        "high_pass 2200 Hz q 0.7071 order 3",
    ]
    assert [band.enabled for band in preset.eq["3"].bands] == [True, False, True]
    assert [eq.preamp_db for _, eq in preset.eq] == pytest.approx([-7.5] * 4, abs=1e-6)
    assert [note.kind for note in preset.notes] == ["unknown", "dropped"]
    without_box = data.replace(b"[woofer, box]", b"[woofer]")
    assert apart_db(without_box, presets.read(without_box, "camilladsp"), tmp_path) <= 0.1  # the evaluator is at 48 kHz


def test_values_of_a_channel_change_where_they_stand() -> None:
    data = (GOLDEN / "speakers.yml").read_bytes()
    preset = presets.read(data, "camilladsp")
    assert isinstance(preset.eq, ChannelEqs)
    changed = ChannelEqs(
        tuple((name, EqSettings((replace(eq.bands[0], gain_db=-3.0), *eq.bands[1:]), eq.preamp_db - 1.5)) for name, eq in preset.eq)
    )
    text = presets.write(replace(preset, eq=changed), "camilladsp").files["preset.yml"].decode()
    assert "desk: # the desk makes it boom" in text
    assert "gain: -3.0" in text
    assert len(text.splitlines()) == len(data.decode().splitlines())
    back = presets.read(text.encode(), "camilladsp").eq
    assert isinstance(back, ChannelEqs)
    for name, eq in changed:
        assert back[name].preamp_db == pytest.approx(eq.preamp_db, abs=1e-9)
        assert [band.gain_db for band in back[name].bands] == [band.gain_db for band in eq.bands]


def test_other_bands_for_each_channel_replace_ours_and_leave_the_rest() -> None:
    preset = presets.read((GOLDEN / "speakers.yml").read_bytes(), "camilladsp")
    eqs = ChannelEqs(
        tuple((str(at), EqSettings((Band("peak", 100.0 * at, 1.0), Band("notch", 50.0, enabled=False)), -at)) for at in range(1, 5))
    )
    written = presets.write(replace(preset, eq=eqs), "camilladsp")
    text = written.files["preset.yml"].decode()
    for kept in ("2to4", "late:", "box:", "names: [box]", "chunksize: 1024", "# two-way speakers"):
        assert kept in text
    for gone in ("desk", "woofer", "tweeter", "level"):
        assert f"{gone}:" not in text
    back = presets.read(written.files, "camilladsp")
    assert isinstance(back.eq, ChannelEqs)
    assert [(name, eq.bands) for name, eq in back.eq] == [(name, eq.bands) for name, eq in eqs]
    assert [eq.preamp_db for _, eq in back.eq] == pytest.approx([-1.0, -2.0, -3.0, -4.0], abs=1e-9)
    with pytest.raises(PresetWriteError, match="has 4 outputs, none for 7; write a new file"):
        presets.write(replace(preset, eq=ChannelEqs((("7", eqs["1"]),))), "camilladsp")


def test_a_band_that_is_added_before_a_mixer_sounds_in_all_outputs() -> None:
    filters = {"f": {"type": "Biquad", "parameters": BIQUADS[4]}}
    steps = [{"type": "Filter", "channels": [0], "names": ["f"]}, {"type": "Mixer", "name": "both"}]
    for mapped, first in (([[0], [0]], "f"), ([[1], [1]], None)):
        preset = presets.read(configuration(filters, steps, {"both": mixer(mapped)}), "camilladsp")
        eq = EqSettings((*preset.single.bands, Band("peak", 90.0, 2.0)), preset.single.preamp_db)
        back = presets.read(presets.write(replace(preset, eq=eq), "camilladsp").files, "camilladsp")
        assert back.eq == eq
        assert preset.single.bands[0].enabled is (first is not None)


def test_mid_and_side_have_no_outputs() -> None:
    eqs = ChannelEqs((("mid", EqSettings((Band("peak", 1_000.0, 3.0),))), ("side", EqSettings())))
    with pytest.raises(PresetWriteError, match="camilladsp: outputs are left and right, not mid and side; choose one with `channel`"):
        presets.write(eqs, "camilladsp")


def test_an_eq_for_each_channel_is_written_as_steps() -> None:
    eqs = ChannelEqs(
        (("left", EqSettings((Band("high_pass", 30.0, order=4), Band("peak", 900.0, 3.0, enabled=False)))), ("right", EqSettings((), -2.0)))
    )
    written = presets.write(eqs, "camilladsp")
    assert written.files["preset.yml"].decode() == (
        "filters:\n  left_band_1:\n    type: BiquadCombo\n    parameters:\n"
        "      type: ButterworthHighpass\n      freq: 30.0\n      order: 4\n"
        "  left_band_2:\n    type: Biquad\n    parameters:\n      type: Peaking\n      freq: 900.0\n      q: 0.7071\n      gain: 3.0\n"
        "  right_preamp:\n    type: Gain\n    parameters:\n      gain: -2.0\n"
        "pipeline:\n  - type: Filter\n    channels: [0]\n    names:\n      - left_band_1\n"
        "  - type: Filter\n    channels: [0]\n    bypassed: true\n    names:\n      - left_band_2\n"
        "  - type: Filter\n    channels: [1]\n    names:\n      - right_preamp\n"
    )
    assert presets.read(written.files, "camilladsp").eq == eqs


F = {"f": {"type": "Biquad", "parameters": BIQUADS[4]}}
STEP = {"type": "Filter", "channels": [0, 1], "names": ["f"]}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            configuration(F, [STEP, {"type": "Mixer", "name": "m"}], {"m": mixer([[0, 1], [1, 0]])}),
            "output 1 is a mix of inputs 1 and 2, which is no EQ",
        ),
        (
            configuration(F, [STEP, {"type": "Mixer", "name": "m"}], {"m": mixer([[0], [0]], 3)}, capture={"channels": 2}),
            "mixers m: mixes 3 channels, but there are 2",
        ),
        (configuration(F, [{"type": "Mixer", "name": "m"}]), "pipeline step 1: names the mixer 'm', which is not defined"),
        (
            configuration(F, [STEP, {"type": "Mixer", "name": "m"}], {"m": mixer([[0], []])}),
            "output 2 is silent, which is no EQ; choose one of left",
        ),
        (configuration(F, [{**STEP, "channels": [2]}], capture={"channels": 2}), "step 1: filters channel 2, but there are 2"),
        (configuration(F, [{**STEP, "channels": [0, 0]}]), "names channel 0 twice"),
        (configuration(F, [STEP], playback={"channels": 3}), "ends with 2 channels, but the playback device has 3"),
        (
            configuration(F, [STEP], samplerate="$samplerate$"),
            "devices samplerate: '$samplerate$' is filled in by another program: this is a template",
        ),
        (configuration(F, [STEP], samplerate=1_000), "devices samplerate: "),
        (configuration(F, [{**STEP, "names": ["f_$samplerate$"]}]), "names the filter 'f_48000', which is not defined"),
        (configuration(F, [{**STEP, "names": ["$format$"]}]), "this is a template"),
        (b"filters: {}\n", "pipeline: is missing, so CamillaDSP filters nothing"),
        (one("Biquad", {"type": "Lowshelf", "freq": 105, "gain": 5, "slope": 13}), "filters f: slope 13 is outside 0..12 dB per octave"),
        (one("Biquad", {"type": "Peaking", "freq": 105, "gain": 5, "bandwidth": 0}), "filters f: bandwidth 0 is not above 0"),
        (one("Biquad", {"type": "Peaking", "freq": 24_000, "gain": 5, "q": 1}), "filters f: freq 24000 is not below 24000 Hz"),
        (one("Biquad", {"type": "Peaking", "freq": 100, "gain": 5}), "filters f q: is missing"),
        (one("Biquad", {"type": "Free", "b0": 1, "b1": 0, "b2": 0, "a1": 0, "a2": 1.5}), "filters f: is not stable"),
        (one("Biquad", {"type": "Wah", "freq": 100}), "filters f: CamillaDSP has no biquad of type 'Wah'"),
        (one("BiquadCombo", {"type": "LinkwitzRileyHighpass", "freq": 100, "order": 3}), "order '3' is no even number of 1..128"),
        (one("BiquadCombo", {"type": "GraphicEqualizer", "gains": [50]}), "a gain is outside -40..40 dB"),
        (one("Reverb", {}), "CamillaDSP has no filter of type 'Reverb'"),
        (one("Gain", {"gain": 0, "mute": True}), "output 1 is silent: the filter 'f' mutes it"),
        (configuration(F, [STEP, {"type": "Processor", "name": "c"}, {"type": "Loop"}]), "CamillaDSP has no step of type 'Loop'"),
    ],
)
def test_what_the_host_refuses_or_no_eq_is_like_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(data, "camilladsp")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_channel_that_is_an_eq_can_be_chosen_beside_one_that_is_not() -> None:
    data = configuration(F, [STEP, {"type": "Mixer", "name": "m"}], {"m": mixer([[0], [0, 1]])})
    preset = presets.read(data, "camilladsp", choice=Choice(channel="left"))
    assert preset.single == EqSettings((Band("peak", 1_000.0, 6.0, 2.0),), -2.0)
    with pytest.raises(PresetReadError, match="has no channel 'right', only left"):
        presets.read(data, "camilladsp", choice=Choice(channel="right"))


def test_widths_in_octaves_count_at_the_rate_of_the_configuration() -> None:
    parameters = {"type": "Peaking", "freq": 15_000, "gain": 9, "bandwidth": 1}
    data = one("Biquad", parameters).replace(b"48000", b"96000")
    preset = presets.read(data, "camilladsp")
    w = 2.0 * np.pi * 15_000.0 / 96_000.0
    assert preset.single.bands[0].q == pytest.approx(0.5 / np.sinh(np.log(2.0) / 2.0 * w / np.sin(w)))
    (note,) = preset.notes
    assert (note.kind, note.got) == ("approximated", "other at 48000 Hz")
    assert note.error_db is not None
    assert note.error_db > 0.5


def test_version_2_has_one_channel_to_a_step_and_tokens_in_names() -> None:
    filters = {"f_48000": F["f"], "g": {"type": "Gain", "parameters": {"gain": -3, "inverted": False}}}
    steps = [{"type": "Filter", "channel": at, "names": ["f_$samplerate$"] if at == 0 else ["g"]} for at in (0, 1)]
    preset = presets.read(configuration(filters, steps), "camilladsp")
    assert preset.eq == ChannelEqs((("left", EqSettings((Band("peak", 1_000.0, 6.0, 2.0),))), ("right", EqSettings((), -3.0))))
