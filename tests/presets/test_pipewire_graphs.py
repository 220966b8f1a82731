"""PipeWire: what a filter chain's graph does to each channel, by an evaluator that shares no code with the reader, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from host_maths import pipewire
from host_maths.channels import difference_db
from host_maths.sections import Grid

import semeq_presets as presets
from semeq_export.eq.biquad import design_sections, response_db
from semeq_export.eq.channels import ChannelEqs
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import PresetReadError, PresetWriteError
from semeq_presets import Choice, Preset

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "pipewire"
GRID = Grid(np.geomspace(20.0, 20_000.0, 300), 48_000.0)
LABELS = ("lowshelf", "highshelf", "peaking", "highpass", "lowpass", "notch", "bandpass", "allpass")
PEAK = "{ type = builtin name = p label = bq_peaking control = { Freq = 900 Q = 2 Gain = 6 } }"


def conf(nodes: str, more: str = "", args: str = "") -> bytes:
    module = f"{{ name = libpipewire-module-filter-chain args = {{ filter.graph = {{ nodes = [ {nodes} ] {more} }} {args} }} }}"
    return f"context.modules = [ {module} ]".encode()


def node(name: str, label: str, rest: str = "") -> str:
    return f"{{ type = builtin name = {name} label = {label} {rest} }}"


def biquad(name: str, label: str, freq: float = 900.0, q: float = 2.0, gain: float = 6.0) -> str:
    return node(name, f"bq_{label}", f"control = {{ Freq = {freq} Q = {q} Gain = {gain} }}")


def apart_db(data: bytes, preset: Preset, tmp_path: Path) -> float:
    (tmp_path / "x.conf").write_bytes(data)
    truth = pipewire.evaluate(tmp_path / "x.conf", GRID).channels
    eqs = [preset.eq] * len(truth) if isinstance(preset.eq, EqSettings) else [eq for _, eq in preset.eq]
    return max(difference_db(response_db(eq, GRID.freqs_hz, 48_000.0), one) for eq, one in zip(eqs, truth.values(), strict=True))


@pytest.mark.parametrize("label", LABELS)
def test_a_biquad_is_read_as_it_sounds_in_a_node_and_in_a_list(label: str, tmp_path: Path) -> None:
    data = conf(biquad("p", label))
    preset = presets.read(data, "pipewire")
    assert apart_db(data, preset, tmp_path) <= 1e-6
    listed = conf(node("p", "param_eq", f"config = {{ filters = [ {{ type = bq_{label}, freq = 900, gain = 6, q = 2 }} ] }}"))
    assert presets.read(listed, "pipewire").eq == preset.eq
    assert preset.notes == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (node("p", "bq_peaking", "control = { Freq = 900 Gain = -4 }"), EqSettings((), -4.0)),
        (node("p", "bq_lowshelf", "control = { Freq = 900 Gain = -4 }"), EqSettings((Band("low_shelf", 900.0, -4.0, 0.5**0.5),))),
        (node("p", "bq_highpass", "control = { Freq = 90 }"), EqSettings((Band("high_pass", 90.0, 0.0, 0.5**0.5),))),
        (node("p", "bq_highpass", "control = { }"), EqSettings()),
        (node("p", "bq_allpass", "control = { Freq = 90 }"), EqSettings()),
        (node("p", "bq_lowshelf", "control = { Freq = 0 Q = 1 Gain = 5 }"), EqSettings()),
        (
            node("p", "param_eq", "config = { filters = [ { type = bq_peaking freq = 900 gain = 6 } ] }"),
            EqSettings((Band("peak", 900.0, 6.0, 1.0),)),
        ),
        (node("p", "param_eq", "config = { filters = [ { type = bq_wah freq = 900 gain = 6 } ] }"), EqSettings()),
    ],
)
def test_what_is_left_out_is_what_pipewire_takes(text: str, wanted: EqSettings) -> None:
    assert presets.read(conf(text), "pipewire").eq == wanted


def test_coefficients_are_the_band_that_they_are_or_lost_with_their_size() -> None:
    b0, b1, b2, a0, a1, a2 = design_sections(Band("high_shelf", 4_000.0, -6.0, 0.9), 48_000.0)[0]
    entries = f"{{ rate = 44100 b0 = 0.5 }} {{ rate = 48000 b0 = {b0} b1 = {b1} b2 = {b2} a0 = {a0} a1 = {a1} a2 = {a2} }}"
    (band,) = presets.read(conf(node("p", "bq_raw", f"config = {{ coefficients = [ {entries} ] }}")), "pipewire").single.bands
    assert (band.kind, band.freq_hz, band.gain_db, band.q) == (BandKind.HIGH_SHELF, *map(pytest.approx, (4_000.0, -6.0, 0.9)))
    odd = node("r", "bq_raw", "config = { coefficients = [ { rate = 48000 b0 = 0.6 b1 = -0.3 b2 = 0.2 } ] }")
    preset = presets.read(conf(f"{PEAK} {odd}", 'links = [ { output = "p:Out" input = "r:In" } ]'), "pipewire")
    (note,) = preset.notes
    assert (note.kind, note.wanted, len(preset.single.bands)) == ("unknown", "a filter that no band is like", 1)
    assert note.error_db is not None
    assert note.error_db > 0.8


def test_a_list_for_one_channel_replaces_the_first_of_those_for_all() -> None:
    entry = "{{ type = bq_peaking freq = {} gain = 6 q = 2 }}"
    config = f"filters = [ {entry.format(100)} {entry.format(200)} ] filters2 = [ {entry.format(300)} ]"
    ends = 'inputs = [ "p:In 1" "p:In 2" ] outputs = [ "p:Out 1" "p:Out 2" ]'
    preset = presets.read(conf(node("p", "param_eq", f"config = {{ {config} }}"), ends), "pipewire")
    assert isinstance(preset.eq, ChannelEqs)
    assert [[band.freq_hz for band in eq.bands] for _, eq in preset.eq] == [[100.0, 200.0], [300.0, 200.0]]
    assert presets.read(conf(node("p", "param_eq", f"config = {{ {config} }}"), "", "audio.channels = 2"), "pipewire").eq == preset.eq


def test_a_text_beside_the_file_is_read_as_pipewire_reads_it(tmp_path: Path) -> None:
    text = (
        "Preamp: -6.8 dB\nFilter 1: ON PK Fc 21 Hz Gain 6.7 dB Q 1.100\nFilter 2: OFF PK Fc 85 Hz Gain 6.9 dB Q 3.000\n"
        "Filter 3: ON LSC Fc 105 Hz Gain -2.6 dB Q 0.70\nFilter 4: ON LS Fc 300 Hz Gain 3.0 dB\n"
        "Filter 5: ON PK Fc 500 Hz Gain -2.6123456 dB Q 1.00\n"
    )
    path = tmp_path / "x.conf"
    for name in ("eq.txt", "/home/me/eq.txt"):
        path.write_bytes(conf(node("p", "param_eq", f'config = {{ filename = "{name}" }}')))
        (tmp_path / "eq.txt").unlink(missing_ok=True)
        with pytest.raises(
            PresetReadError, match="node 1: takes its bands from the file .*, which is not at hand; put it beside this file"
        ):
            presets.read_file(path)
        (tmp_path / "eq.txt").write_text(text)
        assert presets.read_file(path).eq == EqSettings((Band("peak", 21.0, 6.7, 1.1), Band("low_shelf", 105.0, -2.6, 0.7)), -6.8)


def test_each_channel_of_a_graph_has_its_own_eq(tmp_path: Path) -> None:
    data = (GOLDEN / "two-channels.conf").read_bytes()
    preset = presets.read(data, "pipewire")
    assert isinstance(preset.eq, ChannelEqs)
    assert (preset.eq.names, preset.name, preset.notes) == (("left", "right"), "Desk", ())
    assert [str(band) for band in preset.eq["left"].bands] == ["peak 110 Hz -4.2 dB q 1.8", "notch 61.5 Hz q 8"]
    assert preset.eq["right"].preamp_db == pytest.approx(-6.5 - 6.0206, abs=1e-4)
    assert apart_db(data, preset, tmp_path) <= 1e-6


def test_a_change_keeps_comments_and_layout() -> None:
    data = (GOLDEN / "two-channels.conf").read_bytes()
    preset = presets.read(data, "pipewire")
    assert isinstance(preset.eq, ChannelEqs)
    peak, notch = preset.eq["left"].bands
    eqs = {"left": replace(preset.eq["left"], bands=(replace(peak, gain_db=-5.0), notch))}
    eqs["right"] = replace(preset.eq["right"], bands=(replace(peak, gain_db=-5.0), *preset.eq["right"].bands[1:]))
    again = presets.write(replace(preset, eq=ChannelEqs(tuple(eqs.items()))), "pipewire").files["preset.conf"]
    changed = [(a, b) for a, b in zip(data.splitlines(), again.splitlines(), strict=True) if a != b]
    assert [b.strip() for _, b in changed] == [b"{ type = bq_peaking freq = 110.0 gain = -5.0 q = 1.8 }"]
    series = (GOLDEN / "sink-eq.conf").read_bytes()
    preset = presets.read(series, "pipewire")
    eq = EqSettings((*preset.single.bands, Band("high_pass", 30.0)), -6.0)
    text = presets.write(replace(preset, eq=eq), "pipewire").files["preset.conf"]
    assert [line for line in series.splitlines() if line not in text.splitlines()] == []
    assert len(text.splitlines()) == len(series.splitlines()) + 2
    fewer = presets.write(replace(preset, eq=EqSettings(eq.bands[:1], -6.0)), "pipewire").files["preset.conf"]
    assert len(fewer.splitlines()) == len(series.splitlines()) - 2
    assert presets.read(fewer, "pipewire").eq == EqSettings(eq.bands[:1], -6.0)


def test_other_bands_for_each_channel_make_another_graph_unless_it_holds_something_else() -> None:
    data = (GOLDEN / "two-channels.conf").read_bytes()
    eqs = ChannelEqs((("left", EqSettings((Band("low_pass", 9_000.0),), -1.0)), ("right", EqSettings())))
    written = presets.write(replace(presets.read(data, "pipewire"), eq=eqs), "pipewire")
    assert presets.read(written.files, "pipewire").eq == eqs
    assert b"# shown in the mixer" in written.files["preset.conf"]
    delayed = presets.read(
        data.replace(b"label = linear control = { Mult = 0.5 }", b'label = delay control = { "Delay (s)" = 0.01 }'), "pipewire"
    )
    with pytest.raises(PresetWriteError, match="the graph holds other nodes, so its number of bands cannot change; write a new file"):
        presets.write(replace(delayed, eq=eqs), "pipewire")


def test_an_eq_for_each_of_many_channels_is_written_as_series() -> None:
    eqs = ChannelEqs((("left", EqSettings((Band("notch", 50.0),), -3.0)), ("lfe", EqSettings((Band("low_pass", 120.0, q=1.0),)))))
    written = presets.write(eqs, "pipewire")
    text = written.files["preset.conf"].decode()
    assert "audio.position = [ FL FR FC LFE ]" in text
    assert 'inputs = [ "left_preamp:In" "right_preamp:In" "center_preamp:In" "lfe_band_1:In" ]' in text
    back = presets.read(written.files, "pipewire").eq
    assert isinstance(back, ChannelEqs)
    assert dict(back) == {**dict.fromkeys(("left", "right", "center", "lfe"), EqSettings()), **dict(eqs)}
    with pytest.raises(PresetWriteError, match="pipewire: outputs are left and right, not mid and side"):
        presets.write(ChannelEqs((("mid", EqSettings((), -1.0)),)), "pipewire")


def test_of_several_chains_one_is_chosen() -> None:
    first = conf(PEAK, "", 'node.description = "Desk"').decode()
    second = conf(biquad("p", "notch"), "", 'node.description = "Sofa"').decode()
    data = f"{first[:-1]} {second.removeprefix('context.modules = [')}".encode()
    with pytest.raises(PresetReadError, match="holds 2 filter chains: Desk, Sofa; choose one with `for_device`"):
        presets.read(data, "pipewire")
    for choice in ("Sofa", "2"):
        preset = presets.read(data, "pipewire", choice=Choice(for_device=choice))
        assert [band.kind for band in preset.single.bands] == [BandKind.NOTCH]
        again = presets.write(replace(preset, eq=EqSettings((Band("peak", 100.0, 1.0),))), "pipewire").files
        assert presets.read(again, "pipewire", choice=Choice(for_device="1")).eq == presets.read(conf(PEAK), "pipewire").eq
    with pytest.raises(PresetReadError, match="has no filter chain 'Bed', only Desk, Sofa"):
        presets.read(data, "pipewire", choice=Choice(for_device="Bed"))


def link(*pairs: tuple[str, str]) -> str:
    listed = (f'{{ output = "{a}" input = "{b}" }}' for a, b in pairs)
    return f"links = [ {' '.join(listed)} ]"


A, B = biquad("a", "notch"), biquad("b", "notch")
LV2 = '{ type = lv2 name = x plugin = "http://lsp-plug.in/limiter" }'
LADSPA = "{ type = ladspa name = x plugin = sc4 label = sc4 }"
MIXER = node("m", "mixer")
FILE = "config = { filename = /usr/share/hrir.wav }"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (conf(LV2), "node 1: is a plug-in (lv2 'http://lsp-plug.in/limiter'), whose sound is not known; take it out of the graph"),
        (conf(f"{PEAK} {LADSPA}", link(("p:Out", "x:In"))), "node 2: is a plug-in (ladspa 'sc4')"),
        (conf(node("c", "convolver", FILE)), "node 1: convolves with the file '/usr/share/hrir.wav', which is not at hand"),
        (conf(node("c", "clamp")), "node 1: label 'clamp' is no filter that is read"),
        (conf(f"{A} {B}"), "output 1 is silent, which is no EQ"),
        (
            conf(f"{A} {node('m', 'mixer')}", 'inputs = [ "a:In" "m:In 1" ] ' + link(("a:Out", "m:In 2"))),
            "output 1 is a mix of inputs 1 and 2",
        ),
        (conf(f"{A} {B}", link(("a:Out", "b:In"), ("b:Out", "b:In"))), "links: link two outputs to 'b:In', which PipeWire refuses"),
        (conf(PEAK, link(("q:Out", "p:In"))), "links: 'q:Out' names a node that is not there"),
        (conf(PEAK, 'outputs = [ "p:Out 2" ]'), "links: 'p:Out 2' is no output for sound"),
        (conf(f"{A} {B}", link(("b:Out", "b:In"))), "links: go in a circle"),
        (conf(node("p", "bq_lowpass", "control = { Freq = 0 }")), "output 1 is silent"),
        (conf(""), "nodes: 0 nodes are outside 1..1000"),
    ],
)
def test_what_nobody_knows_or_no_eq_is_like_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(PresetReadError) as caught:
        presets.read(data, "pipewire")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_copies_gains_and_polarity_are_followed() -> None:
    gains = (("c", "copy", ""), ("i", "invert", ""), ("g", "linear", "Mult = 0.5"), ("m", "mixer", '"Gain 1" = 2'))
    nodes = " ".join([*(node(name, label, f"control = {{ {controls} }}") for name, label, controls in gains), PEAK])
    names = ["c:In", "c:Out", "i:In", "i:Out", "g:In", "g:Out", "m:In 1", "m:Out", "p:In"]
    preset = presets.read(conf(nodes, link(*zip(names[1::2], names[2::2], strict=True))), "pipewire")
    assert preset.single.preamp_db == pytest.approx(0.0, abs=1e-9)
    assert [note.field for note in preset.notes] == ["polarity"]


def test_passes_of_pipewire_before_1_4_are_noted() -> None:
    (note,) = presets.write(EqSettings((Band("high_pass", 100.0, q=2.0),)), "pipewire").notes
    assert note.field == "q of shelves and passes"
    assert float(str(note.got).split()[2]) == pytest.approx(4.97, abs=0.01)  # a Q of 2 was a peak of 2 dB, that of 1.13
