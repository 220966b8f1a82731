"""Files as a stream would process them: equal to the stream, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pedalboard
import pytest
from fake_engine import BRIGHT, WARM, FakeEngine

from semeq_export.audio.reader import read_audio
from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.eq.filter import apply
from semeq_export.errors import OutputError
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import analysis_grid, measure
from semeq_export.words.target import SemanticTarget
from semeq_host.chains.board_stage import ChainStage
from semeq_host.streams.process_options import ProcessOptions
from semeq_host.streams.rolling import process_rolling
from semeq_host.streams.stream import AdaptiveEq

RATE_HZ = 44_100
WORD = SemanticTarget.parse("warm")
GRID = analysis_grid(RATE_HZ)
ANALYSES = (4 * RATE_HZ - GRID.window_samples) // GRID.hop_samples + 1


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    noise = np.random.default_rng(80).standard_normal((2, 4 * RATE_HZ)) * 0.02
    return np.concatenate([apply(WARM, noise[:, : 2 * RATE_HZ], RATE_HZ), apply(BRIGHT, noise[:, 2 * RATE_HZ :], RATE_HZ)], axis=1)


@pytest.mark.parametrize("level_dbfs", [-20.0, -60.0, -100.0, -140.0])
@pytest.mark.parametrize("block_samples", [1_000, 16_384])
def test_a_file_is_what_the_stream_gives_to_the_bit(samples: np.ndarray, tmp_path: Path, level_dbfs: float, block_samples: int) -> None:
    source = samples * 10.0 ** (level_dbfs / 20.0) / np.std(samples)
    write_audio(tmp_path / "in.wav", Audio(source, RATE_HZ), subtype="DOUBLE")
    options = ProcessOptions(block_samples=block_samples)
    done = process_rolling(tmp_path / "in.wav", tmp_path / "out.wav", FakeEngine(), WORD, options=options)
    live = AdaptiveEq(FakeEngine(), WORD, sample_rate_hz=RATE_HZ)
    expected = np.concatenate([live.process(source[:, i : i + 512]) for i in range(0, source.shape[1], 512)], axis=1)
    assert read_audio(tmp_path / "out.wav").samples.tobytes() == expected.tobytes()
    assert done.context_s == live.context_s
    if level_dbfs > -90.0:
        assert done.doses[-1] == live.dose
    else:
        assert live.dose is None


def test_the_report_tells_the_doses_over_time(samples: np.ndarray, tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", Audio(samples, RATE_HZ))
    white = Reference("white", measure(np.random.default_rng(81).standard_normal((1, 200_000)) * 0.02, RATE_HZ), is_stored=False)
    done = process_rolling(tmp_path / "in.wav", tmp_path / "out.wav", FakeEngine(), WORD, reference=white)
    assert len(done.times_s) == len(done.doses) == len(done.gains) == ANALYSES
    assert np.abs(np.diff(done.times_s) - GRID.hop_samples / RATE_HZ).max() <= 512 / RATE_HZ  # the next frame after a window
    assert np.isnan(done.doses[done.times_s < 0.5]).all()
    assert done.doses[done.times_s < 2.0][-1] == pytest.approx(1.0, abs=0.15)
    assert done.doses[-1] == pytest.approx(-1.2, abs=0.15)
    assert done.gains[-1] == pytest.approx(1.75, abs=0.1)
    told = done.to_dict()
    assert (told["mode"], told["reference"], told["intensity"]) == ("target", "white", 1.0)
    assert told["dose_before_min"] == np.nanmin(done.doses)
    assert 0.0 < float(str(told["dose_achieved"])) < 1.75


def test_silence_has_no_doses(tmp_path: Path) -> None:  # fault A6
    write_audio(tmp_path / "in.wav", Audio(np.zeros((1, 50_000)), RATE_HZ))
    told = process_rolling(tmp_path / "in.wav", tmp_path / "out.wav", FakeEngine(), WORD).to_dict()
    assert (told["dose_before"], told["dose_asked"], told["dose_achieved"]) == (None, 1.0, None)
    assert not read_audio(tmp_path / "out.wav").samples.any()


def test_intensity_0_keeps_every_sample(samples: np.ndarray, tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", Audio(samples, RATE_HZ), subtype="PCM_24")
    process_rolling(tmp_path / "in.wav", tmp_path / "out.wav", FakeEngine(), SemanticTarget.parse("warm", 0.0))
    assert read_audio(tmp_path / "out.wav").samples.tobytes() == read_audio(tmp_path / "in.wav").samples.tobytes()


def test_a_second_pass_that_lowers_the_level_starts_anew(samples: np.ndarray, tmp_path: Path) -> None:
    loud = samples / np.abs(samples).max()
    write_audio(tmp_path / "in.wav", Audio(loud, RATE_HZ), subtype="PCM_24")
    done = process_rolling(tmp_path / "in.wav", tmp_path / "out.wav", FakeEngine(), SemanticTarget.parse("bright", 2.0))
    assert done.report.trim_db < 0.0
    assert len(done.times_s) == ANALYSES
    live = AdaptiveEq(FakeEngine(), SemanticTarget.parse("bright", 2.0), sample_rate_hz=RATE_HZ)
    expected = live.process(read_audio(tmp_path / "in.wav").samples) * 10.0 ** (done.report.trim_db / 20.0)
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, expected, atol=2e-7)


def test_a_chain_comes_after_it(samples: np.ndarray, tmp_path: Path) -> None:
    write_audio(tmp_path / "in.wav", Audio(samples, RATE_HZ), subtype="FLOAT")

    def stage(info: object) -> ChainStage:
        return ChainStage(pedalboard.Pedalboard([pedalboard.BrickwallLimiter(ceiling_db=0.0)]), RATE_HZ, 2)  # type: ignore[attr-defined]

    done = process_rolling(tmp_path / "in.wav", tmp_path / "out.wav", FakeEngine(), WORD, make_stage=stage)
    assert done.dose_achieved is None
    expected = AdaptiveEq(FakeEngine(), WORD, sample_rate_hz=RATE_HZ).process(read_audio(tmp_path / "in.wav").samples)
    np.testing.assert_allclose(read_audio(tmp_path / "out.wav").samples, expected, atol=1e-5)


def test_files_in_turn_are_files_alone(samples: np.ndarray, tmp_path: Path) -> None:  # fault A24
    write_audio(tmp_path / "a.wav", Audio(samples, RATE_HZ))
    write_audio(tmp_path / "b.wav", Audio(samples[:, ::-1].copy(), RATE_HZ))
    for name in ("a.wav", "b.wav"):
        process_rolling(tmp_path / name, tmp_path / f"first-{name}", FakeEngine(), WORD)
    process_rolling(tmp_path / "b.wav", tmp_path / "second-b.wav", FakeEngine(), WORD)
    assert (tmp_path / "first-b.wav").read_bytes() == (tmp_path / "second-b.wav").read_bytes()
    with pytest.raises(OutputError):
        process_rolling(tmp_path / "b.wav", tmp_path / "second-b.wav", FakeEngine(), WORD)
