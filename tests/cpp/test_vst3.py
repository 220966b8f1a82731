"""The VST3 in a real host (Pedalboard, headless): sounds like the Python engine, keeps its state by name, listens like the stream."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pedalboard
import pytest
import soundfile
from cpp.conftest import Kit, Terms, change_words, listed_words
from scipy.signal import butter, sosfiltfilt

import semeq_presets as presets
from semeq_export.arrays import FloatArray
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import CENTROIDS
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.filter import apply
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.words.target import SemanticTarget
from semeq_host.streams.stream import AdaptiveEq
from semeq_presets.file_formats import _vstpreset
from semeq_presets.file_formats.semeq_vst3 import PluginState, for_words, pack_state
from semeq_presets.file_formats.semeq_vst3 import plugin as about

pytestmark = [pytest.mark.cpp, pytest.mark.daw]

RATE_HZ = 48_000
SAMPLES = 32_768
Plugin = Any  # Any: pedalboard makes attributes of parameters


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(load_bundle(), exact=True)  # the plug-in plays the decoder's own bands


@pytest.fixture
def plugin(kit: Kit) -> Plugin:
    return pedalboard.load_plugin(str(kit.vst3))


def impulse() -> FloatArray:
    samples = np.zeros((2, SAMPLES), np.float32)
    samples[:, 0] = 1.0
    return samples


def error_db(got: FloatArray, eq: EqSettings, rate_hz: float = RATE_HZ) -> float:
    """Return the largest difference of the responses, 20 Hz to 20 kHz, over both channels."""
    wanted = apply(eq, impulse().astype(np.float64), rate_hz)
    freqs_hz = np.fft.rfftfreq(SAMPLES, 1.0 / rate_hz)
    inside = (freqs_hz >= 20.0) & (freqs_hz <= 20_000.0)
    ratio = np.abs(np.fft.rfft(got))[:, inside] / np.abs(np.fft.rfft(wanted))[:, inside]
    return float(np.abs(20.0 * np.log10(ratio)).max())


def test_every_word_sounds_as_in_python(kit: Kit, plugin: Plugin, engine: Engine, record_property: Callable[[str, object], None]) -> None:
    words = listed_words(kit.model)
    assert list(plugin.parameters["word"].valid_values) == ["none", *words]
    errors = {}
    for index, word in enumerate(words):
        plugin.word, plugin.intensity = word, [1.0, -0.702, 1.998, 0.3][index % 4]
        errors[word] = error_db(plugin(impulse(), RATE_HZ), engine.eq_for(SemanticTarget({word: 1.0}, plugin.intensity)))
    record_property("row", f"VST3 against Python, {len(words)} words: {max(errors.values()):.2g} dB")
    assert max(errors.values()) <= 1e-4, max(errors, key=lambda word: errors[word])


@pytest.mark.parametrize("morph", [0.0, 0.25, 0.613, 1.0])
def test_two_words_are_blended_as_in_python(plugin: Plugin, engine: Engine, morph: float) -> None:
    plugin.word, plugin.second_word, plugin.morph, plugin.intensity = "warm", "bright", morph, 0.6
    weights = {word: weight for word, weight in (("warm", 1.0 - plugin.morph), ("bright", plugin.morph)) if weight}
    assert error_db(plugin(impulse(), RATE_HZ), engine.eq_for(SemanticTarget(weights, plugin.intensity))) <= 1e-4


def test_no_word_no_intensity_and_bypass_change_no_bit(plugin: Plugin) -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(2, 10_000)).astype(np.float32)
    np.testing.assert_array_equal(plugin(noise, RATE_HZ), noise)
    plugin.word, plugin.intensity = "warm", 0.0
    np.testing.assert_array_equal(plugin(noise, RATE_HZ), noise)
    plugin.intensity, plugin.bypass = 1.0, True
    np.testing.assert_array_equal(plugin(noise, RATE_HZ), noise)
    plugin.bypass = False
    assert np.abs(plugin(noise, RATE_HZ) - noise).max() > 0.01


def test_mix_and_output_gain(plugin: Plugin) -> None:
    plugin.word = "warm"
    wet = plugin(impulse(), RATE_HZ)
    plugin.mix, plugin.output_gain_db = 0.5, -6.0
    half = plugin(impulse(), RATE_HZ)
    wanted = 10 ** (plugin.output_gain_db / 20.0) * (impulse() + plugin.mix * (wet - impulse()))
    np.testing.assert_allclose(half, wanted, atol=1e-6)


@pytest.mark.parametrize("is_listening", [False, True])
def test_blocks_of_any_size_give_the_same_bits(plugin: Plugin, is_listening: bool) -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(2, 96_000)).astype(np.float32)
    plugin.word, plugin.listen = "bright", is_listening
    whole = plugin(noise, RATE_HZ, buffer_size=8_192)
    for size in (32, 100, 512, 2_048):
        np.testing.assert_array_equal(plugin(noise, RATE_HZ, buffer_size=size), whole)
    assert plugin.reported_latency_samples == 0


@pytest.mark.parametrize("rate_hz", [44_100, 96_000, 192_000])
def test_other_rates(plugin: Plugin, engine: Engine, rate_hz: int) -> None:
    plugin.word = "crisp"
    assert error_db(plugin(impulse(), rate_hz), engine.eq_for("crisp"), rate_hz) <= 1e-4


def test_changing_the_word_leaves_next_to_nothing(plugin: Plugin, record_property: Callable[[str, object], None]) -> None:
    sine = np.sin(2.0 * np.pi * 100.0 * np.arange(3 * RATE_HZ) / RATE_HZ).astype(np.float32)
    loudest = {}
    for first, second in (("warm", "thin"), ("boomy", "tinny"), ("dark", "bright")):
        plugin.word = first
        parts = [plugin(np.stack([sine, sine])[:, : RATE_HZ + 300], RATE_HZ)]
        plugin.word = second
        parts.append(plugin(np.stack([sine, sine])[:, RATE_HZ + 300 :], RATE_HZ, reset=False))
        above_4_khz = sosfiltfilt(butter(8, 4_000, "high", fs=RATE_HZ, output="sos"), np.concatenate(parts, axis=1)[0].astype(np.float64))
        loudest[second] = 20.0 * np.log10(np.abs(above_4_khz[RATE_HZ // 2 : -RATE_HZ // 2]).max())
    record_property("row", f"VST3, residue of a hard retarget above 4 kHz: {max(loudest.values()):.1f} dBFS")
    assert max(loudest.values()) <= -100.0


# State and presets


def test_a_preset_of_words_loads_and_sounds_the_same(plugin: Plugin, engine: Engine, tmp_path: Path) -> None:
    target = SemanticTarget({"warm": 0.75, "bright": 0.25}, 0.8)
    presets.write_file(tmp_path / "warm.vstpreset", for_words(engine.eq_for(target), target, name="Warm"), format="semeq-vst3")
    plugin.load_preset(str(tmp_path / "warm.vstpreset"))
    assert (plugin.word, plugin.second_word, plugin.morph) == ("warm", "bright", 0.25)
    assert error_db(plugin(impulse(), RATE_HZ), engine.eq_for(target)) <= 1e-4


def test_the_command_writes_a_preset_that_sounds_as_asked(plugin: Plugin, engine: Engine, tmp_path: Path) -> None:
    path = str(tmp_path / "dark.vstpreset")
    arguments = ["preset", "-t", "dark:0.5,airy:0.5", "--intensity", "-0.5", "-f", "semeq-vst3", "-o", path, "-q"]
    assert _shared.run(cli, arguments) == 0
    plugin.load_preset(path)
    assert (plugin.word, plugin.second_word, plugin.morph, plugin.intensity) == ("dark", "airy", 0.5, pytest.approx(-0.5, abs=0.003))
    assert error_db(plugin(impulse(), RATE_HZ), engine.eq_for(SemanticTarget({"dark": 0.5, "airy": 0.5}, -0.5))) <= 1e-4


def test_a_preset_of_any_eq_is_played_as_it_is(plugin: Plugin, tmp_path: Path) -> None:
    bands = tuple(Band(BandKind.PEAK, 60.0 * 1.4**number, (-1) ** number * 3.0, 2.0) for number in range(16))
    eq = EqSettings((Band(BandKind.LOW_SHELF, 90.0, 4.0), *bands, Band(BandKind.HIGH_SHELF, 9_000.0, -5.0, 0.5)), -2.0)
    presets.write_file(tmp_path / "any.vstpreset", eq, format="semeq-vst3")
    plugin.intensity = 2.0
    plugin.load_preset(str(tmp_path / "any.vstpreset"))
    assert plugin.use_stored_eq
    assert error_db(plugin(impulse(), RATE_HZ), eq) <= 1e-4


def other_bundle(kit: Kit, folder: Path, keep: Callable[[str], bool]) -> Plugin:
    """Return the plug-in with a bundle of fewer words."""
    return with_words(kit, folder, lambda terms: {word: term for word, term in reversed(terms.items()) if keep(word)})


def with_words(kit: Kit, folder: Path, change: Callable[[Terms], Terms]) -> Plugin:
    """Return the plug-in with another bundle."""
    shutil.copytree(kit.vst3, folder / "semeq.vst3")
    change_words(folder / "semeq.vst3" / "Contents" / "Resources", change)
    return pedalboard.load_plugin(str(folder / "semeq.vst3"))


def opposites(terms: Terms) -> Terms:
    """Let warm mean what bright does, and the other way round."""
    return {**terms, "warm": {**terms["warm"], "z": terms["bright"]["z"]}, "bright": {**terms["bright"], "z": terms["warm"]["z"]}}


def test_a_state_of_another_bundle_plays_what_was_stored_and_offers_the_new_meaning(
    plugin: Plugin, kit: Kit, tmp_path: Path, engine: Engine
) -> None:
    plugin.word, plugin.intensity = "warm", 0.6
    other = with_words(kit, tmp_path, opposites)
    state = plugin.raw_state
    other.raw_state = state
    assert (other.word, other.keep_saved_meaning) == ("warm", True)
    stored, new = (engine.eq_for(SemanticTarget({word: 1.0}, plugin.intensity)) for word in ("warm", "bright"))
    assert error_db(other(impulse(), RATE_HZ), stored) <= 1e-4
    other.intensity = 1.2
    assert error_db(other(impulse(), RATE_HZ), engine.eq_for(SemanticTarget({"warm": 1.0}, other.intensity))) <= 1e-4
    again = with_words(kit, tmp_path / "again", opposites)
    again.raw_state = other.raw_state  # saved meanwhile: it is still of the first bundle
    np.testing.assert_allclose(again(impulse(), RATE_HZ), other(impulse(), RATE_HZ), atol=1e-7)
    other.raw_state = state
    other.keep_saved_meaning = False
    assert error_db(other(impulse(), RATE_HZ), new) <= 1e-4
    other.keep_saved_meaning = True  # to hear both
    assert error_db(other(impulse(), RATE_HZ), stored) <= 1e-4
    other.word = "dark"
    assert error_db(other(impulse(), RATE_HZ), engine.eq_for(SemanticTarget({"dark": 1.0}, plugin.intensity))) <= 1e-4
    other.word = "warm"  # chosen anew, it means what this bundle says
    assert error_db(other(impulse(), RATE_HZ), new) <= 1e-4
    plugin.raw_state = other.raw_state  # and that is what was saved, for the first bundle
    assert error_db(plugin(impulse(), RATE_HZ), new) <= 1e-4


def test_a_state_that_names_no_bundle_plays_what_it_stores(plugin: Plugin, tmp_path: Path, engine: Engine) -> None:
    """Those of earlier versions, and presets that were written without one."""
    eq = engine.eq_for("bright")
    path = tmp_path / "old.vstpreset"
    presets.write_file(path, for_words(eq, SemanticTarget({"warm": 1.0})), format="semeq-vst3")
    plugin.load_preset(str(path))
    assert plugin.word == "warm"
    assert error_db(plugin(impulse(), RATE_HZ), eq) <= 1e-4
    identity = hashlib.sha256("".join(f"{engine.bundle.manifest.files[name].sha256}\n" for name in ("decoder.onnx", CENTROIDS)).encode())
    named = for_words(eq, SemanticTarget({"warm": 1.0}), bundle=identity.hexdigest())
    presets.write_file(path, named, format="semeq-vst3", overwrite=True)
    plugin.load_preset(str(path))
    assert error_db(plugin(impulse(), RATE_HZ), engine.eq_for("warm")) <= 1e-4


def test_state_survives_a_bundle_with_other_words(plugin: Plugin, kit: Kit, tmp_path: Path, engine: Engine) -> None:
    plugin.word, plugin.second_word, plugin.morph, plugin.intensity, plugin.mix = "warm", "oscuro", 0.3, 1.2, 0.9
    other = other_bundle(kit, tmp_path, lambda word: word > "c")
    assert list(other.parameters["word"].valid_values) != list(plugin.parameters["word"].valid_values)
    other.raw_state = plugin.raw_state
    assert (other.word, other.second_word, other.morph, other.intensity, other.mix) == ("warm", "oscuro", 0.3, plugin.intensity, plugin.mix)
    np.testing.assert_array_equal(other(impulse(), RATE_HZ), plugin(impulse(), RATE_HZ))


def test_a_word_that_the_bundle_does_not_know_plays_the_stored_bands_and_is_not_forgotten(
    plugin: Plugin, kit: Kit, tmp_path: Path, engine: Engine
) -> None:
    plugin.word, plugin.intensity = "warm", 0.6
    wanted = engine.eq_for(SemanticTarget({"warm": 1.0}, plugin.intensity))
    other = other_bundle(kit, tmp_path, lambda word: word != "warm")
    other.raw_state = plugin.raw_state
    assert other.word == "none"
    assert error_db(other(impulse(), RATE_HZ), wanted) <= 1e-4
    other.intensity = 1.2
    assert error_db(other(impulse(), RATE_HZ), engine.eq_for(SemanticTarget({"warm": 1.0}, other.intensity))) <= 1e-4
    plugin.word = "bright"
    plugin.raw_state = other.raw_state
    assert (plugin.word, plugin.intensity) == ("warm", other.intensity)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "version", "huge"])
def test_a_damaged_preset_changes_nothing(plugin: Plugin, tmp_path: Path, damage: str) -> None:
    state = pack_state(PluginState(EqSettings(), "warm", use_bands=False))
    bad = {
        "flip": state[:30] + bytes([state[30] ^ 1]) + state[31:],
        "cut": state[:-9],
        "empty": b"",
        "version": state[:4] + b"\x02\x00" + state[6:],
        "huge": state[:56] + b"\xff\xff" + state[58:],
    }[damage]
    container = _vstpreset.Container(about()["processor_class_id"], {b"Comp": bad, b"Cont": b""})
    (tmp_path / "bad.vstpreset").write_bytes(_vstpreset.pack(container))
    plugin.word = "bright"
    before = plugin(impulse(), RATE_HZ)
    with contextlib.suppress(RuntimeError, ValueError, OSError):  # a host may say so
        plugin.load_preset(str(tmp_path / "bad.vstpreset"))
    assert plugin.word == "bright"
    np.testing.assert_array_equal(plugin(impulse(), RATE_HZ), before)


# Listening


def python_stream(engine: Engine, word: str, samples: FloatArray, rate_hz: int) -> tuple[FloatArray, list[tuple[float, float, float]]]:
    updates: list[tuple[float, float, float]] = []

    def heard(time_s: float, dose: float | None, gain: float) -> None:
        if dose is not None:
            updates.append((time_s, dose, gain))

    stream = AdaptiveEq(engine, word, sample_rate_hz=rate_hz, channels=samples.shape[0], on_update=heard)
    return stream.process(samples), updates


def test_the_dose_of_every_file_is_that_of_the_python_stream(
    kit: Kit, plugin: Plugin, engine: Engine, real_files: list[Path], record_property: Callable[[str, object], None]
) -> None:
    worst_dose = worst_gain = 0.0
    loudest_db = -200.0
    assert len(real_files) >= 13
    for number, file in enumerate(real_files):
        word = ("warm", "bright", "tinny")[number % 3]
        samples, rate_hz = soundfile.read(file, dtype="float32", always_2d=True)
        samples = samples[: 15 * rate_hz].T.copy()
        out, updates = python_stream(engine, word, samples, rate_hz)
        arguments = [kit.model, word, 1.0, rate_hz, samples.shape[0], kit.references / "any.json"]
        done = kit.run("render", *arguments, input=np.ascontiguousarray(samples.T).tobytes())
        rendered = np.frombuffer(done.stdout, np.float32).reshape(-1, samples.shape[0]).T
        lines = np.array([list(map(float, line.split())) for line in done.stderr.decode().splitlines()])
        assert len(lines) > 20, file.name
        wanted = np.array(updates)
        at = np.searchsorted(wanted[:, 0], (lines[:, 0] - 1.0) / rate_hz, side="right") - 1  # a line tells where its block ended
        worst_dose = max(worst_dose, float(np.abs(lines[:, 1] - wanted[at, 1]).max()))
        worst_gain = max(worst_gain, float(np.abs(lines[:, 2] - wanted[at, 2]).max()))
        plugin.word, plugin.listen = word, True
        stereo = samples if samples.shape[0] == 2 else np.repeat(samples, 2, axis=0)
        played = plugin(stereo, rate_hz)
        residue = max(np.abs(rendered - out).max(), np.abs(played[0] - out[0]).max())
        loudest_db = max(loudest_db, float(20.0 * np.log10(residue / np.abs(out).max() + 1e-12)))
    record_property("row", f"semeq.hpp against the Python stream, {len(real_files)} files: dose {worst_dose:.2g}, gain {worst_gain:.2g}")
    record_property("row", f"render and VST3 against the Python stream's output: {loudest_db:.0f} dB of its peak")
    assert worst_dose <= 0.05
    assert worst_gain <= 0.05
    assert loudest_db <= -60.0


def test_a_learned_reference_is_met_and_kept_in_the_state(plugin: Plugin, kit: Kit, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pink = np.cumsum(rng.normal(size=(2, 6 * RATE_HZ)), axis=1)
    pink = (0.02 * (pink - np.stack([np.convolve(row, np.ones(4_800) / 4_800, "same") for row in pink]))).astype(np.float32)
    plugin.word, plugin.learn_reference = "bright", True
    plugin(pink, RATE_HZ)
    plugin.learn_reference = False
    plugin(pink[:, :512], RATE_HZ, reset=False)
    plugin.listen = True
    learned = plugin(pink, RATE_HZ)
    fresh = pedalboard.load_plugin(str(kit.vst3))
    fresh.raw_state = plugin.raw_state
    assert fresh.listen
    np.testing.assert_allclose(fresh(pink, RATE_HZ), learned, atol=1e-3 * np.abs(learned).max())
    stored = pedalboard.load_plugin(str(kit.vst3))
    stored.word, stored.listen = "bright", True
    assert np.abs(stored(pink, RATE_HZ) - learned).max() > 0.01 * np.abs(learned).max()


def test_a_state_without_a_reference_forgets_the_one_that_was_learned(plugin: Plugin) -> None:
    plugin.word = "bright"
    before = plugin.raw_state
    noise = np.random.default_rng(6).normal(scale=0.1, size=(2, 2 * RATE_HZ)).astype(np.float32)
    for _ in range(2):  # learned, then still learning, when the state comes
        plugin.learn_reference = True
        plugin(noise, RATE_HZ)
        plugin.learn_reference = False
        plugin(noise[:, :512], RATE_HZ, reset=False)
        assert len(plugin.raw_state) > len(before)
        plugin.learn_reference = True
        plugin(noise, RATE_HZ, reset=False)
        plugin.raw_state = before
        plugin(noise[:, :512], RATE_HZ, reset=False)
        assert plugin.raw_state == before
