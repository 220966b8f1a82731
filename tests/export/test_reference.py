"""References: files, folders, stored ones, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sounds

import semeq_export
from semeq_export.audio.writer import write_audio
from semeq_export.errors import AudioError, EnvironmentFailure
from semeq_export.listening.prior import GENERAL, kinds_of_sources, prior_of
from semeq_export.listening.reference import (
    Learner,
    ReferenceSource,
    kinds,
    load_reference,
    measure_file,
    stored_reference,
    write_prior,
)
from semeq_export.listening.spectrum import measure

REFERENCES = Path(semeq_export.__file__).parent / "references"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, slope in (("a.wav", 0.5), ("b.flac", 0.0)):
        write_audio(tmp_path / name, sounds.noise(2.0, slope=slope))
    (tmp_path / "notes.txt").write_text("no audio")
    return tmp_path


def test_a_file_is_measured_as_its_samples_are(folder: Path) -> None:
    expected = measure(sounds.noise(2.0).samples, 48_000.0)
    np.testing.assert_allclose(measure_file(folder / "a.wav").level_free_db(), expected.level_free_db(), atol=1e-3)


def test_a_folder_is_the_mean_of_its_files_and_leaves_out_the_input(folder: Path) -> None:
    whole = load_reference(folder)
    assert not whole.is_stored
    expected = 0.5 * (measure_file(folder / "a.wav").level_free_db() + measure_file(folder / "b.flac").level_free_db())
    np.testing.assert_allclose(whole.spectrum.level_free_db(), expected, atol=1e-6)
    other = ReferenceSource(folder).for_input(folder / "a.wav")
    np.testing.assert_allclose(other.spectrum.level_free_db(), measure_file(folder / "b.flac").level_free_db(), atol=1e-9)


def test_the_stored_references_load_and_say_what_they_are_made_of() -> None:
    assert GENERAL in kinds()
    for kind in kinds():
        reference = stored_reference(kind)
        assert reference.is_stored
        assert reference.name == kind
        assert reference.spectrum.windows is None
        assert reference.spectrum.usable.sum() >= 20
        assert reference.spectrum.covariance_db2 is not None
        assert load_reference(kind).name == kind


def test_the_stored_references_are_made_of_their_sources(tmp_path: Path) -> None:
    assert set(kinds()) == {GENERAL, *kinds_of_sources()}
    for kind in kinds():
        write_prior(tmp_path / f"{kind}.json", prior_of(kind))
        assert (tmp_path / f"{kind}.json").read_bytes() == (REFERENCES / f"{kind}.json").read_bytes()
        assert "audealize" not in (REFERENCES / f"{kind}.json").read_text()  # their licence is not stated


def test_a_learned_reference_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    heard = [measure(sounds.noise(1.0, slope=slope, seed=seed).samples, 48_000.0) for seed, slope in enumerate((0.2, 0.5, 0.9, 0.4))]
    at_once = Learner(tmp_path / "at_once.json")
    for number, sound in enumerate(heard):
        at_once.hear(f"{number}.wav", sound)
        again = Learner(tmp_path / "day_by_day.json")
        again.hear(f"{number}.wav", sound)
        again.save()
    at_once.save()
    a, b = (load_reference(tmp_path / f"{name}.json") for name in ("at_once", "day_by_day"))
    np.testing.assert_allclose(a.spectrum.band_db, b.spectrum.band_db, atol=0.011)
    assert a.spectrum.covariance_db2 is not None
    np.testing.assert_allclose(a.spectrum.covariance_db2, b.spectrum.covariance_db2, atol=0.02)
    assert (b.count, b.is_stored, b.spectrum.seconds) == (4, True, pytest.approx(4.0))


def test_only_what_was_learned_is_learned_on(tmp_path: Path) -> None:
    write_prior(tmp_path / "kind.json", prior_of("mix"))
    with pytest.raises(AudioError, match="not learned; `overwrite` replaces it"):
        Learner(tmp_path / "kind.json")
    anew = Learner(tmp_path / "kind.json", anew=True)
    with pytest.raises(AudioError, match="nothing to learn: silence"):
        anew.hear("x.wav", measure(np.zeros((1, 48_000)), 48_000.0))
    assert anew.sources == []


def test_silence_is_no_reference(tmp_path: Path) -> None:  # fault A6
    write_audio(tmp_path / "silence.wav", sounds.noise(1.0, rms=0.0))
    with pytest.raises(AudioError, match=r"silence\.wav: no signal in the reference: silence"):
        load_reference(tmp_path / "silence.wav")
    with pytest.raises(AudioError, match="no signal in the reference"):
        load_reference(tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", r"no such file, and no kind of source \(.*\)$"),
        ("vocie", r"no kind of source \(.*\); did you mean voice\?$"),
        ("nothing.wav", "no such file"),
        ("notes.txt", "not an audio file"),
    ],
)
def test_what_is_no_reference_is_refused_by_name(folder: Path, name: str, why: str) -> None:
    with pytest.raises((AudioError, EnvironmentFailure), match=why):
        load_reference(folder / name)


def test_a_folder_without_audio_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no audio files in this folder"):
        load_reference(tmp_path)
    write_audio(tmp_path / "only.wav", sounds.noise(1.0))
    with pytest.raises(AudioError, match="no audio files in this folder besides the input"):
        ReferenceSource(tmp_path).for_input(tmp_path / "only.wav")
    with pytest.raises(AudioError, match="unknown kind of source 'harp'; there are any, "):
        stored_reference("harp")


GOOD = {
    "schema": 1,
    "name": "x",
    "bands_hz": json.loads((REFERENCES / "any.json").read_text())["bands_hz"],
    "level_db": [0.0] * 28,
    "usable": [True] * 28,
    "seconds": 1.0,
    "sources": [],
}


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 3},
        {"schema": 2},
        {"schema": 2, "covariance_db2": [1.0] * 406},
        {"schema": 2, "covariance_db2": [1e9] * 406},
        {"covariance_db2": [1.0] * 406},
        {"bands_hz": [100.0] * 28},
        {"bands_hz": []},
        {"level_db": [0.0] * 27},
        {"level_db": [1e9] * 28},
        {"level_db": "loud"},
        {"usable": [False] * 28},
        {"usable": [True]},
        {"more": 1},
        {"seconds": None},
    ],
)
def test_a_damaged_stored_reference_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(GOOD))
    assert load_reference(path).name == "x"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(AudioError, match=r"x\.json: .*stored reference"):
        load_reference(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"schema": NaN}', b"null", b"[" * 100])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=r"x\.json: no stored reference"):
        load_reference(path)
