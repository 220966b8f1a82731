"""Chains to TOML and back: every parameter to the bit, and nothing that a file cannot hold written as if it could."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pedalboard
import pytest
import soundfile
import tomlkit
from conftest import ROOT, skip_or_fail
from fake_engine import WARM, FakeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pedalboard import Compressor, Convolution, Gain, Mix, Pedalboard, Reverb, load_plugin
from strategies import chain_tables, live_plugins

from semeq_export.eq.settings import EqSettings
from semeq_export.errors import ChainError, OutputError
from semeq_export.words.phrase import Phrase
from semeq_export.words.target import SemanticTarget
from semeq_host import SemanticEq, read_chain, write_chain
from semeq_host.chains.chain_file import ChainSpec, builtins, parse_chain

NOISE = np.random.default_rng(5).uniform(-0.3, 0.3, (2, 8_000)).astype(np.float32)
ZAM = Path("/usr/lib/vst3/ZamComp.vst3")
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


class Blend:
    """An engine that hears the last bit of a weight."""

    def eq_for(self, target: SemanticTarget | str) -> EqSettings:
        assert isinstance(target, SemanticTarget)
        return WARM.scaled(target.weights["warm"] * target.intensity)

    def understand(self, text: str) -> Phrase:
        return Phrase(SemanticTarget.parse(text).weights, is_exact=True)


def values(plugins: Iterable[pedalboard.Plugin]) -> list[object]:
    """Everything that can be asked of plug-ins, to the bit."""
    return [
        (type(plugin).__name__, values(plugin))
        if isinstance(plugin, pedalboard.PluginContainer)
        else (type(plugin).__name__, [(name, repr(getattr(plugin, name))) for name in builtins()[type(plugin).__name__]])
        for plugin in plugins
    ]


@in_one_folder
@given(tables=st.lists(chain_tables(), min_size=1, max_size=4))
def test_what_is_written_reads_back_the_same(tmp_path: Path, tables: list[dict[str, object]]) -> None:
    path = tmp_path / "chain.toml"
    spec = parse_chain(tomlkit.dumps({"plugin": tables}).encode(), path)
    assert write_chain(path, spec, overwrite=True) == read_chain(path) == spec
    first = path.read_bytes()
    write_chain(path, read_chain(path), overwrite=True)
    assert path.read_bytes() == first
    assert "-0.0" not in repr(spec.plugins) or b"-0.0" in first


@in_one_folder
@given(plugins=st.lists(live_plugins(), min_size=1, max_size=4))
def test_a_live_chain_comes_back_with_every_parameter(tmp_path: Path, plugins: list[pedalboard.Plugin]) -> None:
    path = tmp_path / "chain.toml"
    write_chain(path, Pedalboard(plugins), overwrite=True)
    assert values(read_chain(path).build(None, 44_100.0)) == values(plugins)


def test_gains_of_filters_come_back_though_they_are_kept_as_factors(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    for kind in (pedalboard.LowShelfFilter, pedalboard.PeakFilter, pedalboard.HighShelfFilter):
        plugins = [kind(gain_db=gain_db) for gain_db in rng.uniform(-60.0, 60.0, 300)]
        write_chain(tmp_path / "chain.toml", Pedalboard(plugins), overwrite=True)
        loaded = list(read_chain(tmp_path / "chain.toml").build(None, 44_100.0))
        assert [plugin.gain_db for plugin in loaded] == [plugin.gain_db for plugin in plugins]


def test_every_built_in_is_written_with_all_its_parameters(tmp_path: Path) -> None:
    for name in builtins().keys() - {"Convolution"}:
        plugin = getattr(pedalboard, name)()
        spec = write_chain(tmp_path / "chain.toml", Pedalboard([plugin]), overwrite=True)
        assert spec.plugins[0].parameters.keys() == builtins()[name].keys()


def test_a_chain_built_in_python_sounds_the_same_from_its_file(tmp_path: Path) -> None:
    engine = Blend()
    equaliser = SemanticEq(engine, SemanticTarget({"warm": 1 / 3, "bright": 2 / 3}, 0.1 + 0.2))
    board = Pedalboard([Compressor(threshold_db=-18.3), Mix([Gain(-6.1), Pedalboard([equaliser, Reverb(0.3)])])])
    write_chain(tmp_path / "chain.toml", board)
    loaded = read_chain(tmp_path / "chain.toml").build(engine, 48_000.0)
    assert loaded.semantic_eqs[0].target == equaliser.target
    np.testing.assert_array_equal(loaded(NOISE, 48_000), board(NOISE, 48_000))


def test_the_example_and_chains_changed_after_loading_can_be_written(tmp_path: Path) -> None:
    source = ROOT / "plugin_host" / "chains" / "vocal.toml"
    loaded = read_chain(source).build(FakeEngine(), 48_000.0)
    loaded.semantic_eqs[0].target = "bright"
    written = write_chain(tmp_path / "chain.toml", loaded)
    assert written.plugins[1].parameters == {"target": "bright", "intensity": 1.0}
    assert [plugin.type for plugin in written.plugins] == [plugin.type for plugin in read_chain(source).plugins]


def test_names_of_files_lead_to_the_same_files_from_another_folder(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "room.wav", np.hanning(100), 48_000, subtype="FLOAT")
    (tmp_path / "other").mkdir()
    text = '[[plugin]]\ntype = "Convolution"\nimpulse_response_filename = "room.wav"\nmix = 0.25\n'
    (tmp_path / "chain.toml").write_text(text)
    spec = read_chain(tmp_path / "chain.toml")
    assert write_chain(tmp_path / "same.toml", spec).plugins == spec.plugins
    moved = write_chain(tmp_path / "other" / "chain.toml", spec)
    live = spec.build(None, 48_000.0)
    again = write_chain(tmp_path / "other" / "live.toml", live)
    for chain in (moved, again):
        assert chain.plugins[0].parameters["impulse_response_filename"] == str(tmp_path / "room.wav")
        np.testing.assert_array_equal(chain.build(None, 48_000.0)(NOISE, 48_000), live(NOISE, 48_000))


def test_what_a_file_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "chain.toml"
    response = Convolution(np.ones(8, np.float32), sample_rate=48_000)
    with pytest.raises(ChainError, match="plugin 2, plugin 1: Pedalboard does not know the file of Convolution; name it in files"):
        write_chain(path, Pedalboard([Gain(), Mix([response])]))
    listened = SemanticEq(FakeEngine(), "warm")
    listened.listen(np.tile(NOISE, 20), 48_000)
    with pytest.raises(ChainError, match=r"plugin 1: SemanticEq has listened to a sound.*forget\(\)"):
        write_chain(path, Pedalboard([listened]))
    strange = type("Strange", (Gain,), {})()
    with pytest.raises(ChainError, match="plugin 1: a chain file cannot hold Strange"):
        write_chain(path, Pedalboard([strange]))
    with pytest.raises(ChainError, match="no plug-in in it"):
        write_chain(path, Pedalboard([]))
    assert not path.exists()
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_chain(path, Pedalboard([Gain()]))
    assert path.read_text() == "mine"


@pytest.fixture
def floating_point() -> Iterator[None]:
    """Plug-ins that were linked with -ffast-math switch subnormal numbers off for the thread that loads them, for good."""
    libm, environment = ctypes.CDLL(ctypes.util.find_library("m")), ctypes.create_string_buffer(256)
    assert libm.fegetenv(environment) == 0
    yield
    assert libm.fesetenv(environment) == 0
    assert np.float64(2.5e-308) / 2.0 > 0.0


@pytest.mark.usefixtures("floating_point")
def test_a_vst3_plugin_comes_back_with_what_it_holds(tmp_path: Path) -> None:
    if not ZAM.exists():
        skip_or_fail("no zam-plugins: apt-get install zam-plugins")
    plugin = load_plugin(str(ZAM))
    for name, share in (("attack_ms", 0.123456), ("ratio", 1 / 3), ("threshold_db", 0.7), ("makeup_db", 0.05)):
        plugin.parameters[name].raw_value = share
    path = tmp_path / "chain.toml"
    with pytest.raises(ChainError, match="plugin 1: Pedalboard does not know the file of VST3Plugin ZamComp; name it in files"):
        write_chain(path, Pedalboard([plugin]))
    write_chain(path, Pedalboard([plugin]), files={plugin: ZAM})
    loaded = read_chain(path).build(None, 48_000.0)
    assert {name: p.raw_value for name, p in loaded[0].parameters.items()} == {name: p.raw_value for name, p in plugin.parameters.items()}
    np.testing.assert_array_equal(loaded(NOISE[:1], 48_000), Pedalboard([plugin])(NOISE[:1], 48_000))
    spec = read_chain(path)
    assert write_chain(tmp_path / "again.toml", loaded).plugins == spec.plugins
    assert "ratio = 0.333" in path.read_text()
    assert f"# {plugin.parameters['ratio'].string_value}" in path.read_text()
    raw = {**spec.plugins[0].parameters, "raw_parameters": {"ratoi": 0.5}}
    with pytest.raises(ChainError, match="no parameter 'ratoi'; did you mean 'ratio'"):
        ChainSpec(path, (replace(spec.plugins[0], parameters=raw),)).build(None, 48_000.0)
    with pytest.raises(ChainError, match="raw_parameters: ratio 1.5 is not in 0..1"):
        parse_chain(b"[[plugin]]\ntype = 'VST3'\npath = 'x'\nraw_parameters = {ratio = 1.5}", path)
