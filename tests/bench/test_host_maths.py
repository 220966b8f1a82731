"""The evaluators of hosts' maths against known points: SciPy's designs, published formulae, and hosts' own pairs of files."""

from __future__ import annotations

import base64
import math
import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import skip_or_fail
from host_maths import camilladsp, easyeffects, eqapo, fabfilter, logic, lv2_ttl, peace, pipewire, reaeq, sections
from host_maths.channels import NoEq, Truth, decibels, difference_db
from host_maths.evaluate import evaluate
from host_maths.sections import Floats, Grid
from scipy import signal

GRID = Grid(np.geomspace(20.0, 20_000.0, 300))
GOLDEN = Path(__file__).resolve().parent.parent / "golden"
KNOWN_DB = 1e-6


def by_scipy(numerator: Floats, denominator: Floats) -> Floats:
    return decibels(signal.freqz(numerator, denominator, GRID.freqs_hz, fs=GRID.rate_hz)[1])


def at(response: Floats, freq_hz: float) -> float:
    return float(np.interp(math.log(freq_hz), np.log(GRID.freqs_hz), response))


def apo(folder: Path, text: str, **case: str | bool) -> Truth:
    (folder / "config.txt").write_text(text, encoding="utf-8")
    return eqapo.evaluate(folder / "config.txt", GRID, **case)  # type: ignore[arg-type]


def line(text: str) -> Floats:
    response = eqapo.filter_of(text, GRID)
    assert response is not None
    return decibels(response)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("low", [True, False])
def test_butterworth_filters_are_those_of_scipy(order: int, low: bool) -> None:
    ours = decibels(sections.butterworth(GRID, 1_000.0, order, low=low))
    sos = signal.butter(order, 1_000.0, "lowpass" if low else "highpass", fs=GRID.rate_hz, output="sos")
    assert difference_db(ours, decibels(signal.sosfreqz(sos, GRID.freqs_hz, fs=GRID.rate_hz)[1])) < KNOWN_DB


@pytest.mark.parametrize(("ours", "theirs"), [(sections.notch, signal.iirnotch), (sections.band_pass, signal.iirpeak)])
def test_a_notch_and_a_band_pass_are_near_those_of_scipy(ours: Callable[..., Floats], theirs: Callable[..., tuple[Floats, Floats]]) -> None:
    freq_hz, q = 300.0, 4.0  # low, where SciPy's bandwidth and the cookbook's are one
    response = decibels(ours(GRID, freq_hz, sections.alpha_of_q(GRID, freq_hz, q)))
    wanted = by_scipy(*theirs(freq_hz, q, GRID.rate_hz))
    assert difference_db(np.maximum(response, -40.0), np.maximum(wanted, -40.0)) < 0.01


@pytest.mark.parametrize("low", [True, False])
@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_shelves_have_half_their_gain_at_their_frequency_and_all_of_it_beyond(low: bool, gain_db: float) -> None:
    far_hz, near_hz = (20.0, 20_000.0) if low else (20_000.0, 20.0)
    second = decibels(sections.shelf(GRID, 700.0, gain_db, sections.alpha_of_slope(GRID, 700.0, gain_db, 1.0), low=low))
    first = decibels(sections.first_order_shelf(GRID, 700.0, gain_db, low=low))
    for response, rest_db in ((second, 0.02), (first, 0.1)):
        assert at(response, 700.0) == pytest.approx(gain_db / 2, abs=0.02)
        assert at(response, far_hz) == pytest.approx(gain_db, abs=rest_db)
        assert at(response, near_hz) == pytest.approx(0.0, abs=rest_db)


def test_a_bandwidth_stays_in_octaves_up_to_the_nyquist_frequency() -> None:
    plain = 10_000.0 / 2.0**0.5
    peak = line("ON PK Fc 10000 Hz Gain 6 dB BW Oct 1")
    assert at(line("ON PK Fc 200 Hz Gain 6 dB BW Oct 1"), 200.0 / 2.0**0.5) == pytest.approx(3.0, abs=0.02)
    unwarped = decibels(sections.peak(GRID, 10_000.0, 6.0, sections.alpha_of_q(GRID, 10_000.0, 2.0**0.5)))
    assert at(peak, plain) > at(unwarped, plain) + 0.5  # facts: 0.92 dB at 10 kHz


def test_equalizer_apo_reads_numbers_as_it_does() -> None:
    assert np.array_equal(line("ON PK Fc 1,549 Hz Gain 6,0 dB Q 1,2"), line("ON PK Fc 1549 Hz Gain 6.0 dB Q 1.2"))
    assert at(line("ON PK Fc 45,5 Hz Gain 6 dB Q 1"), 45.5) == pytest.approx(6.0, abs=0.01)
    skipped = [
        "On PK Fc 100 Hz Gain 6 dB Q 1",
        "OFF PK Fc 100 Hz Gain 6 dB Q 1",
        "ON None Fc 0 Hz Gain 0 dB Q 0",
        "ON PK Fc 100 Hz Gain 6 dB",
    ]
    for text in skipped:
        assert eqapo.filter_of(text, GRID) is None


def test_a_shelf_of_equalizer_apo_has_a_corner_only_where_a_width_is_given() -> None:
    assert at(line("ON LS Fc 105 Hz Gain 5.5 dB"), 105.0) == pytest.approx(2.75, abs=0.01)
    assert at(line("ON LSC Fc 105 Hz Gain 5.5 dB Q 0.71"), 105.0) == pytest.approx(2.75, abs=0.01)
    assert at(line("ON LS 12 dB Fc 105 Hz Gain 5.5 dB"), 105.0 * 10 ** (5.5 / 80)) == pytest.approx(2.75, abs=0.01)
    assert at(line("ON HS 6 dB Fc 8000 Hz Gain -3 dB"), 8_000.0 / 10 ** (3 / 40)) == pytest.approx(-1.5, abs=0.01)
    both = [line(f"ON LS{end} Fc 105 Hz Gain 5.5 dB Q 0.71") + line(f"ON HS{end} Fc 10000 Hz Gain -6 dB Q 0.71") for end in ("", "C")]
    assert difference_db(*both) == pytest.approx(1.27, abs=0.01)  # the facts sheet's figure


def test_channels_devices_and_includes_of_equalizer_apo(tmp_path: Path) -> None:
    (tmp_path / "sub.txt").write_text("Channel: R\nPreamp: -2 dB\n", encoding="utf-8")
    truth = apo(tmp_path, "Preamp: -1 dB\nInclude: sub.txt\nPreamp: -4 dB\nInclude: missing.txt\n")
    assert [float(truth.channels[name][0]) for name in "LR"] == pytest.approx([-5.0, -7.0])
    truth = apo(tmp_path, "Channel: L\nPreamp: -3 dB\nChannel: all\nCopy: L=R R=L\n")
    assert [float(truth.channels[name][0]) for name in "LR"] == pytest.approx([0.0, -3.0])
    with pytest.raises(NoEq, match="mix"):
        apo(tmp_path, "Copy: L=0.5*L+0.5*R\n")
    answers = {}
    for device in ("Speakers", "Headphones"):
        text = "Device: Speakers\nPreamp: -6 dB\nDevice: Headphones\nPreamp: 3 dB\nDevice: all\nPreamp: -1 dB\n"
        answers[device] = float(apo(tmp_path, text, device=device).channels["L"][0])
    assert answers == pytest.approx({"Speakers": -7.0, "Headphones": 2.0})
    assert eqapo.devices_of(tmp_path / "config.txt") == ["Speakers", "Headphones"]


def test_expressions_make_the_filter_that_they_describe(tmp_path: Path) -> None:
    text = "Eval: w = 2 * pi * 3000 / sampleRate\nEval: a = sin(w) / (2 * (1/sqrt(2)))\nEval: c = cos(w)\n"
    text += "Filter: ON IIR Order 2 Coefficients `(1-c)/2` `1-c` `(1-c)/2` `1+a` `-2*c` `1-a`\n"
    assert difference_db(apo(tmp_path, text).channels["L"], line("ON LP Fc 3000 Hz")) < KNOWN_DB


def camilla(folder: Path, text: str) -> Truth:
    (folder / "c.yml").write_text(text, encoding="utf-8")
    return camilladsp.evaluate(folder / "c.yml", GRID)


def test_a_crossover_of_camilladsp_is_followed_to_each_output(tmp_path: Path) -> None:
    mapping = "".join(f"      - {{dest: {out}, sources: [{{channel: {out // 2}, gain: -2}}]}}\n" for out in range(4))
    text = f"mixers:\n  split:\n    channels: {{in: 2, out: 4}}\n    mapping:\n{mapping}"
    text += "filters:\n  low: {type: BiquadCombo, parameters: {type: LinkwitzRileyLowpass, freq: 1000, order: 4}}\n"
    text += "pipeline:\n- {type: Mixer, name: split}\n- {type: Filter, channels: [0, 2], names: [low]}\n"
    truth = camilla(tmp_path, text)
    assert [at(truth.channels[name], 1_000.0) for name in "1234"] == pytest.approx([-8.02, -2.0, -8.02, -2.0], abs=0.02)
    sum_ = text.replace("{channel: 0, gain: -2}", "{channel: 0}, {channel: 1}", 1)
    with pytest.raises(NoEq, match="mix of 0 and 1"):
        camilla(tmp_path, sum_)
    with pytest.raises(NoEq, match="refuses"):
        camilla(tmp_path, text.replace("in: 2", "in: 3").replace("pipeline:", "devices: {capture: {channels: 2}}\npipeline:"))


def test_impulse_responses_and_a_muted_channel(tmp_path: Path) -> None:
    text = "filters:\n  a: {type: Conv, parameters: {type: Values, values: [0.5, 0.5]}}\n"
    text += "  b: {type: Conv, parameters: {type: Raw, filename: b.txt}}\n"
    text += "  m: {type: Gain, parameters: {gain: 0, mute: true}}\n"
    text += "pipeline:\n- {type: Filter, channels: [0], names: [a, b]}\n- {type: Filter, channels: [1], names: [m]}\n"
    assert camilla(tmp_path, text).unknown == ("Conv",)
    (tmp_path / "b.txt").write_text("0.5\n0.5\n", encoding="utf-8")
    truth = camilla(tmp_path, text)
    assert truth.unknown == ()
    assert at(truth.channels["1"], 12_000.0) == pytest.approx(40.0 * math.log10(math.cos(math.pi / 4)), abs=0.01)
    assert float(np.max(truth.channels["2"])) < -200.0


def test_a_linkwitz_transform_moves_the_corner(tmp_path: Path) -> None:
    values = "type: LinkwitzTransform, freq_act: 60, q_act: 0.8, freq_target: 30, q_target: 0.7071"
    text = f"filters:\n  x: {{type: Biquad, parameters: {{{values}}}}}\npipeline:\n- {{type: Filter, channels: [0], names: [x]}}\n"
    truth = camilla(tmp_path, text)
    acting = decibels(sections.high_pass(GRID, 60.0, sections.alpha_of_q(GRID, 60.0, 0.8)))
    wanted = decibels(sections.high_pass(GRID, 30.0, sections.alpha_of_q(GRID, 30.0, 0.7071)))
    assert difference_db(acting + truth.channels["1"], wanted) < 0.01


def test_both_ways_to_write_a_chain_for_pipewire_are_one(tmp_path: Path) -> None:
    single = "{ type = builtin name = eq label = param_eq config = { filters = [ { type = bq_peaking, freq = 100, gain = 6, q = 1.2 } ] } }"
    nodes = '{ type = builtin name = a label = bq_peaking control = { "Freq" = 100 "Q" = 1.2 "Gain" = 6.0 } }'
    nodes += '{ type = builtin name = b label = linear control = { "Mult" = 0.5 } }'
    answers = []
    for graph in (f"nodes = [ {single} ]", f'nodes = [ {nodes} ] links = [ {{ output = "a:Out" input = "b:In" }} ]'):
        place = tmp_path / "sink.conf"
        args = f"args = {{ filter.graph = {{ {graph} }} }}"
        place.write_text(f"context.modules = [ {{ name = libpipewire-module-filter-chain {args} }} ]\n# end\n", encoding="utf-8")
        answers.append(pipewire.evaluate(place, GRID).channels["1"])
    assert difference_db(answers[0], answers[1] + 20.0 * math.log10(2.0)) < KNOWN_DB


def test_peace_is_equalizer_apo_by_numbers(tmp_path: Path) -> None:
    place = tmp_path / "a.peace"
    for kind, wanted in ((0, "PK Fc 120 Hz Gain 8 dB Q 0.7"), (14, "LSC Fc 120 Hz Gain 8 dB Q 0.7"), (17, "HS Fc 120 Hz Gain 8 dB Q 0.7")):
        place.write_text(
            f"[General]\nPreAmp=-3\n[Frequencies]\nFrequency1=120\n[Gains]\nGain1=8\n[Qualities]\nQuality1=0,7\n[Filters]\nFilter1={kind}\n"
        )
        assert difference_db(peace.evaluate(place, GRID).channels["L"], line(f"ON {wanted}") - 3.0) < KNOWN_DB


def test_blocks_of_reaeq_are_joined_and_read_by_their_lengths(tmp_path: Path) -> None:
    pins = struct.pack("<IQQ", 2, 1, 2)
    bands = b"".join(struct.pack("<iiddd", kind, 1, 100.0 * 10**kind, 2.0, 1.9) for kind in (0, 1))
    state = struct.pack("<ii", 32, 2) + bands + struct.pack("<iid", 1, 1, 0.5)
    data = b"qeer" + struct.pack("<I", 0xFEED5EEE) + pins + pins + struct.pack("<III", len(state), 1, 0x100000) + state
    text = "\n".join(base64.b64encode(data[start : start + 40]).decode() for start in range(0, len(data), 40))
    (tmp_path / "a.RPP").write_text(f'<TRACK\n  NAME "Kick"\n  <FXCHAIN\n    <VST "VST: ReaEQ (Cockos)" reaeq.dll\n{text}\n    >\n  >\n>\n')
    ((label, truth),) = reaeq.evaluate_all(tmp_path / "a.RPP", GRID).items()
    assert label == "1 Kick"
    assert at(truth.channels["all"], 20.0) == pytest.approx(0.0, abs=0.3)  # +6 from the shelf, -6 overall
    assert at(truth.channels["all"], 300.0) == pytest.approx(-5.4, abs=0.6)


def test_a_preset_of_logic_says_what_its_cuts_leave_unknown(tmp_path: Path) -> None:
    bands = [(0.0, 80.0, 4.0, 0.7)] + [(0.0, 500.0, 0.0, 0.7)] * 6 + [(1.0, 18_000.0, 2.0, 0.7)]
    bands[3] = (1.0, 1_000.0, 6.0, 1.0)
    body = b"".join(struct.pack("<4f", *band) for band in bands)
    data = struct.pack("<III", 240, 1, 52) + b"GAMETSPP" + struct.pack("<If", 236, 0.0) + body
    (tmp_path / "a.pst").write_bytes(data + bytes(240 - len(data)))
    truth = logic.evaluate(tmp_path / "a.pst", GRID)
    assert at(truth.channels["all"], 1_000.0) == pytest.approx(6.0, abs=0.01)
    assert truth.unknown == ("cut at 18000 Hz",)


@pytest.mark.parametrize("name", ["fil4-lv2/warm.lv2/preset.ttl", "calf-lv2/warm.lv2/preset.ttl", "lsp-x16-lv2/warm.lv2/preset.ttl"])
@pytest.mark.daw
def test_presets_of_plug_ins_are_what_the_plug_in_makes_of_them(name: str) -> None:
    try:
        truth = lv2_ttl.evaluate(GOLDEN / name, GRID)
    except NoEq as error:
        skip_or_fail(str(error))
    warm = line("ON LSC Fc 105 Hz Gain 8.1 dB Q 0.7") + line("ON PK Fc 1604 Hz Gain -2.7 dB Q 1.23") - 5.9
    assert all(difference_db(response, warm) < 0.02 for response in truth.channels.values())


@pytest.mark.daw
def test_easyeffects_runs_lsp_in_the_modes_whose_formulae_are_known() -> None:
    """Worst of 12 bells in the facts sheet: 0.047 dB in RLC (BT); its shelves 0.005 dB; float32 adds up to 0.1 dB below 50 Hz."""
    if not easyeffects.is_available():
        skip_or_fail("install lilv-utils and lsp-plugins-lv2")
    rng = random.Random(3)
    for kind, mode in (("Bell", "RLC (BT)"), ("Bell", "APO (DR)"), ("Lo-shelf", "RLC (BT)"), ("Hi-shelf", "RLC (BT)")):
        freq_hz, gain_db, q = rng.uniform(200.0, 8_000.0), rng.uniform(-12.0, 12.0), rng.uniform(0.4, 4.0)
        g = sections.amplitude(gain_db)
        cookbook_q = q if mode == "APO (DR)" else (1 + 2 * q) / (2 * math.sqrt(g + 1 / g)) if kind == "Bell" else (1 + q) / 2
        alpha = sections.alpha_of_q(GRID, freq_hz, cookbook_q)
        wanted = sections.peak(GRID, freq_hz, gain_db, alpha)
        if kind != "Bell":
            wanted = sections.shelf(GRID, freq_hz, gain_db, alpha, low=kind == "Lo-shelf")
        band = {"type": kind, "mode": mode, "slope": "x1", "frequency": freq_hz, "gain": gain_db, "q": q}
        values = easyeffects.values_of({"num-bands": 1, "input-gain": -3.0, "left": {"band0": band}})
        for response in easyeffects.engine().responses_db(values, GRID):
            assert difference_db(response, decibels(wanted) - 3.0) < 0.05


@pytest.mark.data
def test_every_public_pro_q_preset_is_the_autoeq_text_that_it_was_made_from(data_dir: Path) -> None:
    public = data_dir / "presets_public"
    presets = sorted(public.glob("JRoot3D*/presets/**/*.ffp"))
    if not presets:
        skip_or_fail(f"no public presets in {public}")
    (profiles,) = public.glob("bearinmindcat*/app/src/main/assets/autoeq/profiles")
    pairs = 0
    for path in presets:
        text = profiles.joinpath(*path.parent.parts[path.parts.index("presets") + 1 :]).with_name(f"{path.parent.name}.txt")
        if text.is_file():
            pairs += 1
            assert difference_db(fabfilter.evaluate(path, GRID).channels["all"], eqapo.evaluate(text, GRID).channels["L"]) < KNOWN_DB, path
    assert pairs >= 29


def test_what_is_no_configuration_has_no_truth(tmp_path: Path) -> None:
    broken = {"a.yml": "pipeline: [1", "b.yml": "pipeline:\n- {type: Filter}\n", "c.json": "{", "d.peace": "x", "e.conf": "{"}
    for name, text in broken.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert isinstance(evaluate(tmp_path / name, GRID)[""], NoEq), name


def test_a_file_of_several_eqs_has_one_answer_for_each(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Device: Speakers\nPreamp: -6 dB\nDevice: Mic\nVSTPlugin: Library a.dll\n", encoding="utf-8")
    answers = evaluate(tmp_path / "a.txt", GRID)
    assert list(answers) == ["Speakers", "Mic"]
    assert isinstance(answers["Mic"], Truth)
    assert answers["Mic"].others == ("VSTPlugin",)
