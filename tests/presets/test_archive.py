"""The release archive: the same bytes each time, every format in it, and presets that read back."""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT
from strategies import T5

from semeq_export.errors import OutputError
from semeq_presets import Preset, formats, get, read
from semeq_presets.shelf.archive import archive_files, write_archive

WORDS = {"warm": Preset(T5, name="Warm"), "cálido": Preset(T5.scaled(0.5), name="Cálido")}


def test_every_format_is_in_the_archive_and_reads_back() -> None:
    files = archive_files("r", WORDS, formats(), {"picture.png": b"x"})
    readme = files["r/README.txt"].decode()
    for info in formats():
        assert f"\n{info.id}\n" in readme
        place = f"r/{info.id}/calido{info.suffixes[0]}"
        own = {name.removeprefix(f"{place}/"): data for name, data in files.items() if name.startswith(f"{place}/")} or {
            place: files[place]
        }
        assert read(own, info.id).format == info.id
    assert files["r/picture.png"] == b"x"


def test_equal_presets_are_equal_bytes_and_names_are_safe(tmp_path: Path) -> None:
    files = archive_files("r", {"../../x": Preset(T5)}, [get("csv").info, get("calf-lv2").info])  # fault E6
    write_archive(tmp_path / "a.zip", files)
    write_archive(tmp_path / "b.zip", dict(reversed(files.items())))
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist() == ["r/README.txt", "r/calf-lv2/x.lv2/manifest.ttl", "r/calf-lv2/x.lv2/preset.ttl", "r/csv/x.csv"]
    with pytest.raises(OutputError, match="exists already"):
        write_archive(tmp_path / "a.zip", files)


@pytest.fixture
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("semeq_release", ROOT / "presets" / "tools" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_release_holds_the_best_supported_words(release: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "r.zip"
    assert release.main(["-o", str(target), "--words", "5", "--formats", "eqapo,csv"]) == 0
    assert "5 words in 2 formats" in capsys.readouterr().out
    with zipfile.ZipFile(io.BytesIO(target.read_bytes())) as archive:
        names = {Path(name).name for name in archive.namelist()}
        assert {"warm.txt", "bright.csv", "contact-sheet.png", "README.txt"} <= names
        assert len(archive.namelist()) == 12
    first = target.read_bytes()
    assert release.main(["-o", str(target), "--words", "5", "--formats", "eqapo,csv"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert release.main(["-o", str(target), "--words", "5", "--formats", "eqapo,csv", "--force"]) == 0
    assert target.read_bytes() == first
    assert release.main(["-o", str(tmp_path / "x.zip"), "--formats", "nope"]) == 2
    assert "unknown format 'nope'" in capsys.readouterr().err


def test_make_presets_runs_it_and_nothing_of_it_is_committed() -> None:
    assert "presets/tools/release.py --force" in (ROOT / "Makefile").read_text()
    assert "dist/" in (ROOT / ".gitignore").read_text().splitlines()
