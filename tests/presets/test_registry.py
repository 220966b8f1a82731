"""Finding formats, and files on disk: detection, names, overwriting, folders, hostile places."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from strategies import random_settings

import semeq_presets as presets
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import (
    AmbiguousFormatError,
    EnvironmentFailure,
    OutputError,
    PresetError,
    PresetReadError,
    PresetWriteError,
    UnknownFormatError,
)
from semeq_presets import Files, FormatInfo, Note, Preset, Written
from semeq_presets.shelf import registry

EQ = random_settings(1, 9)[0]
BANDS_ONLY = EqSettings((Band(BandKind.PEAK, 1_000.0, 6.0, 1.0),))


class Loud:
    """A format of somebody else that says it knows every text."""

    info = FormatInfo("loud", "Loud", "LoudDAW", (".txt", ".loud"), "drop it onto the window", 0.01)

    def sniff(self, head: bytes, filename: str) -> bool:
        return head.startswith((b"LOUD", b"Preamp"))

    def write(self, preset: Preset) -> Written:
        return Written({"x.loud": b"LOUD"})

    def read(self, files: Files) -> Preset:
        return Preset(EqSettings())


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def put(name: str, value: str) -> None:
        registry._load.cache_clear()
        monkeypatch.setattr(registry, "_installed", lambda: {name: EntryPoint(name, value, "semeq.presets")})

    yield put
    registry._load.cache_clear()


def test_every_format_is_found_by_its_id() -> None:
    ids = [info.id for info in presets.formats()]
    assert {"semeq-json", "eqapo", "lsp-x16-lv2"} <= set(ids)
    assert len(set(ids)) == len(ids)
    for name in ids:
        assert presets.get(name).info.id == name


def test_an_unknown_format_is_refused_with_suggestions() -> None:
    with pytest.raises(UnknownFormatError, match="unknown format 'eqap'; did you mean 'eqapo'"):
        presets.get("eqap")
    with pytest.raises(UnknownFormatError, match="unknown format 'zzzz'; see: semeq-export formats"):
        presets.get("zzzz")


@pytest.mark.parametrize("format_id", ["semeq-json", "eqapo", "lsp-x16-lv2"])
def test_formats_recognise_what_they_write_and_nothing_else_does(format_id: str) -> None:
    for eq in random_settings(5, 11):
        files = presets.write(Preset(eq, name="x" * 180), format_id).files
        assert presets.detect(files) == format_id


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n", b"{}", b"\x00" * 600])
def test_what_no_format_knows_is_said(data: bytes) -> None:
    with pytest.raises(UnknownFormatError, match="x.bin: not recognised as any preset format"):
        presets.detect(data, "x.bin")


def test_a_file_that_two_formats_know_is_ambiguous(install) -> None:  # type: ignore[no-untyped-def]
    install("loud", "somewhere:Loud")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EntryPoint, "load", lambda self: Loud())
        data = next(iter(presets.write(EQ, "eqapo").files.values()))
        with pytest.raises(AmbiguousFormatError, match="looks like eqapo and loud; name the format"):
            presets.read(data)
        assert presets.read(data, "eqapo").format == "eqapo"
        assert presets.read(b"LOUD").format == "loud"
        with pytest.raises(AmbiguousFormatError, match="the suffix belongs to eqapo and loud"):
            presets.format_for("x.txt")
        assert presets.format_for("x.LOUD") == "loud"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("loud", "no_such_module_of_ours:X", "cannot be loaded"), ("loud", "math:pi", "is no preset format of that id")],
)
def test_an_installed_format_that_is_broken_is_named(install, name: str, value: str, says: str) -> None:  # type: ignore[no-untyped-def]
    install(name, value)
    with pytest.raises(PresetError, match=says):
        presets.formats()
    assert presets.get("eqapo").info.id == "eqapo"


def test_the_suffix_chooses_the_format() -> None:
    assert presets.format_for("a/warm.semeq.json") == "semeq-json"
    with pytest.raises(UnknownFormatError, match="no format has this suffix"):
        presets.format_for("warm.mp3")


@pytest.mark.parametrize(("format_id", "name"), [("semeq-json", "w.json"), ("eqapo", "w.txt"), ("lsp-x16-lv2", "w.lv2")])
def test_files_are_written_once_and_replaced_only_when_asked(tmp_path: Path, format_id: str, name: str) -> None:  # fault C7, C12
    place = tmp_path / name
    assert presets.write_file(place, EQ, format=format_id, protect=False).notes == ()
    read = presets.read_file(place)
    assert (read.format, read.name) == (format_id, "w")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match="exists already; use `overwrite` to replace it"):
        presets.write_file(place, BANDS_ONLY, format=format_id)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    presets.write_file(place, BANDS_ONLY, format=format_id, name="Other", overwrite=True, protect=False)
    replaced = presets.read_file(place, format=format_id).eq
    assert replaced is not None
    assert [round(band.gain_db, 6) for band in replaced.bands] == [6.0]
    with pytest.raises(OutputError, match="does not exist"):
        presets.write_file(tmp_path / "missing" / name, EQ, format=format_id)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("format_id", "name"), [("eqapo", "w.txt"), ("lsp-x16-lv2", "w.lv2")])
def test_a_write_that_fails_leaves_the_old_preset_whole(tmp_path: Path, format_id: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / name  # fault C5, C6
    presets.write_file(place, EQ, format=format_id)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EnvironmentFailure, match="disk full"):
        presets.write_file(place, BANDS_ONLY, format=format_id, overwrite=True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_preset_needs_the_suffix_that_hosts_look_for(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"is a folder whose name ends in \.lv2; hosts skip others"):
        presets.write_file(tmp_path / "warm", EQ, format="lsp-x16-lv2")


def test_a_folder_that_holds_no_preset_is_never_replaced(tmp_path: Path) -> None:
    place = tmp_path / "music.lv2"
    place.mkdir()
    (place / "song.wav").write_bytes(b"RIFF")
    with pytest.raises(OutputError, match="is a folder that holds no preset"):
        presets.write_file(place, EQ, format="lsp-x16-lv2", overwrite=True)
    assert (place / "song.wav").read_bytes() == b"RIFF"


def test_places_that_are_no_preset_are_refused_at_once(tmp_path: Path) -> None:  # fault B14, B15
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "nothing")
    (tmp_path / "empty.lv2").mkdir()
    (tmp_path / "fifo.lv2").mkdir()
    os.mkfifo(tmp_path / "fifo.lv2" / "manifest.ttl")
    (tmp_path / "link.lv2").mkdir()
    (tmp_path / "link.lv2" / "manifest.ttl").symlink_to("/etc/passwd")
    (tmp_path / "many.lv2").mkdir()
    for count in range(registry.MAX_FILES + 1):
        (tmp_path / "many.lv2" / f"{count}.ttl").write_bytes(b"")
    for name, says in {
        "nothing.txt": "no such file",
        "pipe.txt": "is a pipe or device",
        "dangling.txt": "dangling link",
        "empty.lv2": "is an empty folder",
        "fifo.lv2": "is a pipe or device",
        "link.lv2": "is a link",
        "many.lv2": "holds more than 64 files",
    }.items():
        with pytest.raises(PresetReadError, match=says) as caught:
            presets.read_file(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name))


def test_reading_names_the_file_and_the_place_in_it(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("Preamp: 0 dB\nFilter 1: ON PK Fc 1e9 Hz Gain 1 dB Q 1\n")
    with pytest.raises(PresetReadError) as caught:
        presets.read_file(tmp_path / "bad.txt")
    assert str(caught.value) == f"{tmp_path}/bad.txt: line 2: freq_hz 1000000000.0 is outside 0..200000"
    assert caught.value.where == "line 2"


def test_a_folder_and_a_file_are_not_taken_for_each_other() -> None:
    with pytest.raises(PresetReadError, match="a lsp-x16-lv2 preset is a folder"):
        presets.read(b"x", "lsp-x16-lv2")
    with pytest.raises(PresetReadError, match="a eqapo preset is a single file"):
        presets.read({"manifest.ttl": b"", "preset.ttl": b""}, "eqapo")


def test_playback_formats_are_protected_when_written_to_a_file(tmp_path: Path) -> None:
    written = presets.write_file(tmp_path / "w.txt", BANDS_ONLY, format="eqapo")
    assert [(note.kind, note.got) for note in written.notes] == [("added", -6.0)]
    assert (tmp_path / "w.txt").read_text().startswith("Preamp: -6.0 dB\nFilter 1: ON PK")
    assert presets.write_file(tmp_path / "own.txt", EqSettings(BANDS_ONLY.bands, -2.0), format="eqapo").notes == ()
    assert presets.write_file(tmp_path / "w.lv2", BANDS_ONLY, format="lsp-x16-lv2").notes == ()
    assert presets.write(BANDS_ONLY, "eqapo").files["preset.txt"].startswith(b"Preamp: 0.0 dB")


def test_converting_adds_a_preamp_only_where_the_source_could_not_decide_on_one(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Preamp: 0 dB\nFilter 1: ON PK Fc 1000 Hz Gain 6 dB Q 1\n")
    _, written = presets.convert_file(tmp_path / "a.txt", tmp_path / "a.lv2", to_format="lsp-x16-lv2")
    assert written.notes == ()
    _, written = presets.convert_file(tmp_path / "a.lv2", tmp_path / "b.txt", to_format="eqapo")
    assert [note.kind for note in written.notes] == ["added"]
    presets.convert_file(tmp_path / "a.txt", tmp_path / "c.txt", to_format="eqapo")
    assert (tmp_path / "c.txt").read_bytes() == (tmp_path / "a.txt").read_bytes()


def test_converting_says_what_cannot_be_carried_over_and_strict_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Preamp: 0 dB\nVSTPlugin: Library a.dll\nFilter 2: ON PK Fc 100 Hz Gain 1 dB Q 1\n")
    _, written = presets.convert_file(tmp_path / "a.txt", tmp_path / "a.json", to_format="semeq-json")
    assert written.notes == (Note("unknown", None, "line 2", "VSTPlugin is not read, whatever it does", None),)
    with pytest.raises(PresetWriteError, match="VSTPlugin is not read"):
        presets.convert_file(tmp_path / "a.txt", tmp_path / "b.json", to_format="semeq-json", strict=True)
    assert not (tmp_path / "b.json").exists()
    assert presets.convert_file(tmp_path / "a.txt", tmp_path / "b.txt", to_format="eqapo", strict=True)[1].files  # kept: nothing is lost


def test_a_conversion_onto_itself_is_refused(tmp_path: Path) -> None:  # fault C9
    presets.write_file(tmp_path / "a.txt", EQ, format="eqapo")
    os.link(tmp_path / "a.txt", tmp_path / "hard.txt")
    presets.write_file(tmp_path / "a.lv2", EQ, format="lsp-x16-lv2")
    cases = (("a.txt", "a.txt", "eqapo"), ("a.txt", "hard.txt", "eqapo"), ("a.lv2", "a.lv2", "lsp-x16-lv2"))
    for source, destination, format_id in cases:
        with pytest.raises(OutputError, match="is the input"):
            presets.convert_file(tmp_path / source, tmp_path / destination, to_format=format_id, overwrite=True)


def test_extras_of_one_format_do_not_leak_into_another() -> None:
    read = presets.read(b"# private note\nPreamp: 0 dB\n", "eqapo")
    for format_id in ("semeq-json", "lsp-x16-lv2"):
        assert not any(b"private" in content for content in presets.write(read, format_id).files.values())


def test_an_endless_name_is_refused() -> None:
    with pytest.raises(PresetWriteError, match="name of 100000 characters is over the limit of 200"):  # fault E6
        presets.write(Preset(EQ, name="x" * 100_000), "lsp-x16-lv2")


def test_settings_and_presets_are_both_taken() -> None:
    freqs = np.geomspace(20.0, 20_000.0, 50)
    for given in (EQ, Preset(EQ)):
        back = presets.read(presets.write(given, "semeq-json").files)
        np.testing.assert_array_equal(back.response_db(freqs), Preset(EQ).response_db(freqs))
