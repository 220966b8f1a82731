"""semeq-export validate"""

from __future__ import annotations

import json
import os
from pathlib import Path

import bundles
import pytest

from semeq_export.cli import _shared, cli


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    bundles.write(tmp_path / "sound.semeq")
    return tmp_path / "sound.semeq"


def test_sound_bundle_ends_with_0(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["validate", str(sound)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"{sound}: bundle, sound"
    assert "of the tolerance" in out
    assert err == ""


def test_changed_byte_ends_with_3_and_names_the_file(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = bytearray((sound / "decoder.onnx").read_bytes())
    data[100] ^= 1
    (sound / "decoder.onnx").write_bytes(data)
    assert _shared.run(cli, ["validate", str(sound), "--level", "1"]) == 3
    out, _ = capsys.readouterr()
    assert "not sound" in out
    assert "decoder.onnx differs from its SHA-256" in out


def test_one_unsound_of_several_decides(sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.semeq").mkdir()
    assert _shared.run(cli, ["validate", str(sound), str(tmp_path / "empty.semeq"), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert [entry["is_sound"] for entry in document["paths"]] == [True, False]
    assert document["is_sound"] is False
    assert document["paths"][1]["findings"][0]["code"] == "bundle-integrity"


def test_quiet_prints_errors_only(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["validate", str(sound), "-q"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["missing", "pipe"])
def test_path_that_cannot_be_read_ends_with_2_at_once(tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.semeq"
    if kind == "pipe":
        os.mkfifo(path)
    assert _shared.run(cli, ["validate", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "x.semeq" in err


def test_presets_are_checked_by_their_readers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text("Preamp: -3.0 dB\nFilter 1: ON PK Fc 1000 Hz Gain 3.0 dB Q 1.0\n")
    bad.write_text("Preamp: -3.0 dB\nFilter 1: ON PK Fc 1000 Hz Gain nan dB Q 1.0\n")
    assert _shared.run(cli, ["validate", str(good)]) == 0
    assert "preset, sound" in capsys.readouterr().out
    assert _shared.run(cli, ["validate", str(bad)]) == 3
    assert "not sound" in capsys.readouterr().out
