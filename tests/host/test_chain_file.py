"""Chains from TOML: every built-in by name, checked before anything is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pedalboard
import pytest
from conftest import ROOT
from fake_engine import WARM, FakeEngine

from semeq_export.audio.samples import Audio, AudioInfo
from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.errors import ChainError, InvalidTargetError, SemeqError, UnknownTermError
from semeq_host import load_chain, read_chain, write_chain
from semeq_host.chains.chain_file import ChainWords, builtins
from semeq_host.chains.plugin_limits import limits_of, over_nyquist

NOISE = np.random.default_rng(5).uniform(-0.3, 0.3, (2, 8_000)).astype(np.float32)


def toml(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "chain.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_chain_builds_and_holds_the_word() -> None:
    path = ROOT / "plugin_host" / "chains" / "vocal.toml"
    assert read_chain(path).needs_engine
    board = load_chain(path, FakeEngine(), sample_rate_hz=48_000)
    (equaliser,) = board.semantic_eqs
    assert equaliser.eq == WARM
    assert any(plugin is equaliser for plugin in board)
    warm = board(NOISE, 48_000)
    equaliser.target = "bright"
    assert np.abs(board(NOISE, 48_000) - warm).max() > 0.01


def test_a_filter_over_nyquist_is_left_out_or_refused_and_named(tmp_path: Path) -> None:  # fault A16
    noise = np.random.default_rng(4).uniform(-0.3, 0.3, (2, 4_000)).astype(np.float32)
    for kind, gain in (("LowShelfFilter", 2.0), ("PeakFilter", 1.0), ("HighShelfFilter", 1.0), ("LowpassFilter", 1.0)):
        gain_db = "" if kind == "LowpassFilter" else f"\ngain_db = {20 * np.log10(2.0)}"
        spec = read_chain(toml(tmp_path, f"[[plugin]]\ntype = '{kind}'\ncutoff_frequency_hz = 16_000{gain_db}"))
        chain = spec.build(None, 22_050.0)
        assert len(chain.warnings) == 1
        assert chain.warnings[0].startswith(
            f"plugin 1: {kind} cutoff_frequency_hz 16000 is above 10473.8 Hz, 0.95 of Nyquist at 22050 Hz: "
        )
        np.testing.assert_allclose(chain(noise, 22_050), gain * noise, rtol=1e-6)
        assert spec.stage(None)(AudioInfo(22_050, 2, 4_000, "WAV", "PCM_16")).warnings == chain.warnings
        assert spec.build(None, 48_000.0).warnings == ()
    for kind, name in (("HighpassFilter", "cutoff_frequency_hz"), ("LadderFilter", "cutoff_hz"), ("Phaser", "centre_frequency_hz")):
        spec = read_chain(toml(tmp_path, f"[[plugin]]\ntype = '{kind}'\n{name} = 16_000"))
        with pytest.raises(ChainError, match=rf"chain\.toml: plugin 1: {kind} {name} 16000 is above 10473\.8 Hz"):
            spec.build(None, 22_050.0)
        assert spec.build(None, 48_000.0)


@pytest.mark.parametrize("which", [0, 1])
def test_what_the_limits_allow_stays_finite(which: int) -> None:  # fault A17
    """Noise, then silence, at the ends of what a chain file may say, one parameter at a time, as far as Pedalboard takes it."""
    noise = np.zeros((2, 60_000), dtype=np.float32)
    noise[:, :30_000] = np.random.default_rng(4).uniform(-0.3, 0.3, (2, 30_000))
    for kind in builtins().keys() - {"Convolution", "PitchShift"}:
        for name in builtins()[kind]:
            limits = limits_of(kind, name)
            if limits is None:
                continue
            value = limits[which] if not over_nyquist(kind, {name: limits[which]}, 48_000.0) else 22_800.0
            try:
                plugin = getattr(pedalboard, kind)(**{name: value})
            except ValueError:
                continue
            assert np.isfinite(plugin(noise, 48_000)).all(), (kind, name, value)


def test_a_word_above_the_rate_warns_through_the_chain(tmp_path: Path) -> None:  # fault A16
    spec = read_chain(toml(tmp_path, "[[plugin]]\ntype = 'Chain'\n[[plugin.plugin]]\ntype = 'SemanticEq'\ntarget = 'warm'"))
    stage = spec.stage(FakeEngine())(AudioInfo(8_000, 2, 100, "WAV", "PCM_16"))
    assert len(stage.warnings) == 2
    assert "6500 Hz" in stage.warnings[1]


def test_values_reach_the_plugins(tmp_path: Path) -> None:
    path = toml(
        tmp_path,
        """
        [[plugin]]
        type = "Compressor"
        threshold_db = -18
        ratio = 4.0
        [[plugin]]
        type = "LadderFilter"
        mode = "HPF24"
        [[plugin]]
        type = "BrickwallLimiter"
        true_peak = true
        [[plugin]]
        type = "Mix"
        [[plugin.plugin]]
        type = "Gain"
        gain_db = -6
        [[plugin.plugin]]
        type = "Invert"
        """,
    )
    assert not read_chain(path).needs_engine
    compressor, ladder, limiter, mix = load_chain(path)
    assert (compressor.threshold_db, compressor.ratio) == (-18.0, 4.0)
    assert ladder.mode == pedalboard.LadderFilter.Mode.HPF24
    assert limiter.true_peak is True
    assert [type(plugin) for plugin in mix] == [pedalboard.Gain, pedalboard.Invert]


def test_every_effect_that_pedalboard_has_can_be_named(tmp_path: Path) -> None:
    abstract = {"Plugin", "IIRFilter", "PluginContainer", "Pedalboard", "ExternalPlugin", "VST3Plugin", "AudioUnitPlugin"}
    effects = [
        name
        for name, kind in vars(pedalboard).items()
        if isinstance(kind, type) and issubclass(kind, pedalboard.Plugin) and not name.startswith("_") and name not in abstract
    ]
    assert len(effects) > 20
    write_audio(tmp_path / "room.wav", Audio(np.array([[1.0, 0.5, 0.25]]), 48_000))
    for name in effects:
        extra = {
            "Convolution": 'impulse_response_filename = "room.wav"',
            "Chain": '[[plugin.plugin]]\ntype = "Gain"',
            "Mix": '[[plugin.plugin]]\ntype = "Gain"',
        }
        board = load_chain(toml(tmp_path, f'[[plugin]]\ntype = "{name}"\n{extra.get(name, "")}'))
        assert type(board[0]).__name__ == name


def test_a_convolution_finds_its_response_beside_the_file(tmp_path: Path) -> None:
    write_audio(tmp_path / "room.wav", Audio(np.array([[0.5, 0.0, 0.25]]), 48_000), subtype="FLOAT")
    path = toml(tmp_path, '[[plugin]]\ntype = "Convolution"\nimpulse_response_filename = "room.wav"\nmix = 1.0')
    impulse = np.zeros((1, 2_000), dtype=np.float32)
    impulse[0, 0] = 1.0
    out = load_chain(path, sample_rate_hz=48_000)(impulse, 48_000)
    assert out[0, 2] / out[0, 0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "chain: no plug-in in it"),
        ("plugin = 3", "chain: no plug-in in it"),
        ("plugin = [3]", "plugin 1 is not a table"),
        ("[[plugins]]\ntype = 'Gain'", "unknown table 'plugins'"),
        ("[[plugin]\n", "not a TOML file"),
        ("[[plugin]]\ntype = 'Gain'\n[[plugin]]\ntype = 'Compresor'", "plugin 2: unknown type 'Compresor'; did you mean 'Compressor'"),
        ("[[plugin]]\ntype = 'semanticeq'", "did you mean 'SemanticEq'"),
        ("[[plugin]]\ngain_db = 1", "plugin 1: unknown type None"),
        ("[[plugin]]\ntype = 'Compressor'\ntreshold_db = -3", "Compressor has no parameter 'treshold_db'; did you mean 'threshold_db'?"),
        ("[[plugin]]\ntype = 'Invert'\ngain = -3", "Invert has no parameter 'gain'"),
        ("[[plugin]]\ntype = 'Gain'\ngain_db = 'loud'", "Gain gain_db 'loud' is not a number"),
        ("[[plugin]]\ntype = 'Gain'\ngain_db = true", "Gain gain_db True is not a number"),
        ("[[plugin]]\ntype = 'Gain'\ngain_db = nan", "Gain gain_db nan is not a finite number"),  # fault A17
        ("[[plugin]]\ntype = 'Gain'\ngain_db = -inf", "Gain gain_db -inf is not a finite number"),
        ("[[plugin]]\ntype = 'BrickwallLimiter'\ntrue_peak = 1", "true_peak 1 is not true or false"),
        ("[[plugin]]\ntype = 'LadderFilter'\nmode = 'LP'", "LadderFilter mode 'LP' is not one of LPF12, HPF12"),
        ("[[plugin]]\ntype = 'SemanticEq'", "SemanticEq needs target"),
        ("[[plugin]]\ntype = 'SemanticEq'\ntarget = 'warm'\nintensity = 7", "plugin 1: intensity 7 is outside -3..3"),
        ("[[plugin]]\ntype = 'SemanticEq'\ntarget = 'warm:x'", "plugin 1: weight 'x' of 'warm' is not a number"),
        ("[[plugin]]\ntype = 'VST3'", "VST3 needs path"),
        ("[[plugin]]\ntype = 'Chain'", "plugin 1: no plug-in in it"),
        ("[[plugin]]\ntype = 'Chain'\n[[plugin.plugin]]\ntype = 'Gane'", "plugin 1, plugin 1: unknown type 'Gane'; did you mean 'Gain'"),
        ("[[plugin]]\ntype = 'Mix'\nmix = 1", "Mix has no parameter 'mix'"),
        ("[[plugin]]\ntype = 'IIRFilter'", "unknown type 'IIRFilter'"),
        ("[[plugin]]\ntype = 'Gain'\ngain_db = " + "9" * 400, "an integer of more than 64 bits"),
        ("x = " + "[" * 100_000, "is nested deeper than 32 levels"),
        ("[[plugin]]\ntype = 'PeakFilter'\ncutoff_frequency_hz = -5", "plugin 1: PeakFilter cutoff_frequency_hz -5 is outside 0.1..192000"),
        ("[[plugin]]\ntype = 'HighpassFilter'\ncutoff_frequency_hz = -5", "cutoff_frequency_hz -5 is outside"),  # unstable
        ("[[plugin]]\ntype = 'LadderFilter'\ncutoff_hz = 0", "cutoff_hz 0 is outside"),
        ("[[plugin]]\ntype = 'Phaser'\ncentre_frequency_hz = -1e30", "centre_frequency_hz -1e+30 is outside"),
        ("[[plugin]]\ntype = 'Phaser'\nrate_hz = 1e30", "Phaser rate_hz 1e+30 is outside 0..100"),  # hangs
        ("[[plugin]]\ntype = 'Phaser'\nfeedback = 1", "Phaser feedback 1 is outside -0.99..0.99"),  # grows
        ("[[plugin]]\ntype = 'Chorus'\nfeedback = 1000", "Chorus feedback 1000 is outside -1..1"),
        ("[[plugin]]\ntype = 'Resample'\ntarget_sample_rate = 1e-9", "target_sample_rate 1e-09 is outside 8000..384000"),  # hangs
        ("[[plugin]]\ntype = 'Mix'\n[[plugin.plugin]]\ntype = 'Gain'\ngain_db = 1000", "plugin 1, plugin 1: Gain gain_db 1000 is outside"),
        ("[[plugin]]\ntype = 'PeakFilter'\ngain_db = -100", "PeakFilter gain_db -100 is outside -90..90"),  # a factor of 0: NaN
    ],
)
def test_a_wrong_chain_file_says_where_and_what_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(ChainError) as caught:
        read_chain(toml(tmp_path, text))
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "chain.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[plugin]]\ntype = 'Delay'\ndelay_seconds = -5", "plugin 1: Delay refuses: "),
        ("[[plugin]]\ntype = 'VST3'\npath = 'missing.vst3'", "plugin 1: VST3 refuses: "),
        ("[[plugin]]\ntype = 'Convolution'\nimpulse_response_filename = 'missing.wav'", "missing.wav: no such file"),
        ("[[plugin]]\ntype = 'SemanticEq'\ntarget = 'warm'", "SemanticEq needs a model bundle"),
    ],
)
def test_what_a_plugin_refuses_is_one_line_of_ours(tmp_path: Path, text: str, why: str) -> None:
    spec = read_chain(toml(tmp_path, text))
    with pytest.raises(SemeqError) as caught:
        spec.build(None, 48_000)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_chain_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ChainError, match="no such file"):
        read_chain(tmp_path / "missing.toml")
    (tmp_path / "chain.toml").write_bytes(b"\xff\xfe[[plugin]]")
    with pytest.raises(ChainError, match="not a TOML file"):
        read_chain(tmp_path / "chain.toml")
    (tmp_path / "chain.toml").write_bytes(b"#" * 1_100_000)
    with pytest.raises(ChainError, match="larger than the limit"):
        read_chain(tmp_path / "chain.toml")


def test_a_chain_takes_phrases_as_other_verbs_do(tmp_path: Path) -> None:
    engine = Engine(load_bundle())
    chain = load_chain(toml(tmp_path, "[[plugin]]\ntype = 'SemanticEq'\ntarget = 'a bit warmer'\nintensity = 0.9"), engine)
    assert chain.semantic_eqs[0].eq == engine.eq_for(engine.understand("a bit warmer").target(0.9)) != engine.eq_for("warm")
    assert read_chain(tmp_path / "chain.toml").words == (ChainWords("a bit warmer", 0.9),)
    written = write_chain(tmp_path / "written.toml", read_chain(tmp_path / "chain.toml"))
    assert written.words == (ChainWords("a bit warmer", 0.9),)  # as a person wrote it
    opposite = load_chain(toml(tmp_path, "[[plugin]]\ntype = 'SemanticEq'\ntarget = 'less muddy'"), engine)
    assert opposite.semantic_eqs[0].eq == engine.eq_for("less muddy")
    with pytest.raises(InvalidTargetError, match="no word about sound"):
        load_chain(toml(tmp_path, "[[plugin]]\ntype = 'SemanticEq'\ntarget = 'make it more'"), engine)


def test_an_unknown_word_in_a_chain_names_the_close_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownTermError, match="did you mean 'warm'"):
        load_chain(toml(tmp_path, "[[plugin]]\ntype = 'SemanticEq'\ntarget = 'wram'"), FakeEngine())
