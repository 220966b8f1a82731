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
from semeq_export.listening.reference import (
    GENERAL,
    ReferenceSource,
    kinds,
    load_reference,
    measure_file,
    read_reference,
    stored_reference,
    write_reference,
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
        assert load_reference(kind).name == kind


def test_the_stored_references_are_what_the_files_give(data_dir: Path, tmp_path: Path) -> None:
    for kind in kinds():
        path = REFERENCES / f"{kind}.json"
        sources = json.loads(path.read_text())["sources"]
        files = [data_dir / "audio" / source for source in sources]
        write_reference(tmp_path / f"{kind}.json", kind, files, [measure_file(file) for file in files])
        again, shipped = read_reference(tmp_path / f"{kind}.json"), stored_reference(kind)
        assert np.abs(again.spectrum.band_db - shipped.spectrum.band_db).max() < 0.05
        assert np.array_equal(again.spectrum.usable, shipped.spectrum.usable)
        assert all("audealize" not in source for source in sources)  # their licence is not stated


def test_a_stored_reference_survives_the_round_trip(folder: Path) -> None:
    spectra = [measure_file(folder / "a.wav"), measure_file(folder / "b.flac")]
    write_reference(folder / "mine.json", "mine", ["x/a.wav", "b.flac"], spectra)
    again = load_reference(folder / "mine.json")
    assert (again.name, again.is_stored, again.spectrum.seconds) == ("mine", True, pytest.approx(4.0))
    np.testing.assert_allclose(again.spectrum.band_db, load_reference(folder).spectrum.level_free_db(), atol=0.006)
    assert json.loads((folder / "mine.json").read_text())["sources"] == ["a.wav", "b.flac"]


def test_silence_is_no_reference(tmp_path: Path) -> None:  # fault A6
    write_audio(tmp_path / "silence.wav", sounds.noise(1.0, rms=0.0))
    with pytest.raises(AudioError, match=r"silence\.wav: no signal in the reference: silence"):
        load_reference(tmp_path / "silence.wav")
    with pytest.raises(AudioError, match="no signal in the reference"):
        load_reference(tmp_path)


@pytest.mark.parametrize(
    ("name", "why"),
    [("nothing", "no such file, and no kind of source"), ("nothing.wav", "no such file"), ("notes.txt", "not an audio file")],
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
        {"schema": 2},
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
