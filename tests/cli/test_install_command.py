"""semeq-export preset --install and --uninstall: presets of several plug-ins side by side, and away again (fault E24)."""

from __future__ import annotations

import json
from pathlib import Path

import bundles
import pytest

from semeq_export.cli import _shared, cli
from semeq_presets import read_file, write_file

LV2 = "lsp-x16-lv2,lsp-x32-lv2,calf-lv2,fil4-lv2,aeq-lv2"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bundles.write(tmp_path / "tiny.semeq")
    monkeypatch.setenv("SEMEQ_BUNDLE", str(tmp_path / "tiny.semeq"))
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "LV2_PATH"):
        monkeypatch.delenv(name, raising=False)
    return place


def run(*arguments: str) -> int:
    return _shared.run(cli, ["preset", *arguments])


def contents(home: Path) -> dict[str, bytes]:
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in (home / ".lv2").rglob("*") if path.is_file()}


def test_plug_ins_of_one_word_stand_side_by_side(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", "warm", "-f", "lsp-x16-lv2", "--install") == 0
    assert run("-t", "warm", "-f", "calf-lv2,aeq-lv2", "--install", "--force") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    names = {path.name: path for path in (home / ".lv2").iterdir()}
    assert set(names) == {"semeq-warm.lsp-x16.lv2", "semeq-warm.calf.lv2", "semeq-warm.aeq.lv2"}
    assert [read_file(path).name for path in names.values()] == ["Warm"] * 3


def test_what_is_there_is_counted_and_passed_over(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", "warm", "-f", "calf-lv2,aeq-lv2", "--install", "-q") == 0
    first = contents(home)
    capsys.readouterr()
    assert run("-t", "warm", "-f", LV2, "--install") == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == "3 installed, 2 already there; --force replaces them"
    assert [Path(line).name.split(".")[1] for line in captured.out.splitlines()] == ["lsp-x16", "lsp-x32", "fil4"]
    assert {name: contents(home)[name] for name in first} == first
    assert run("-t", "warm", "-f", LV2, "--install", "--json") == 0
    assert {entry["left_alone"] for entry in json.loads(capsys.readouterr().out)["presets"]} == {"installed already"}
    assert run("-t", "warm", "-f", LV2, "--install", "--force") == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert run("--all-terms", "--language", "all", "-f", "calf-lv2", "--install") == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"{len(bundles.WORDS) - 1} installed, 1 already there; --force replaces them"


def test_what_semeq_did_not_install_is_named_and_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = home / ".lv2" / "semeq-warm.lsp-x16.lv2"
    place.parent.mkdir()
    assert run("-t", "bright", "-f", "calf-lv2", "-o", str(place), "-q") == 0
    before = contents(home)
    for options in (("-f", "lsp-x16-lv2"), ("-f", "lsp-x16-lv2", "--force"), ("-f", LV2, "--force")):
        assert run("-t", "warm", *options, "--install") == 2
        assert capsys.readouterr().err.endswith(
            f"semeq-export: {place}: holds something that semeq did not install, which is never replaced; move it away\n"
        )
        assert contents(home) == before
    assert list(home.iterdir()) == [home / ".lv2"]
    assert run("-t", "warm", "-f", LV2, "--install", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[0] == f"{place} (not of semeq, never replaced)"
    assert run("-t", "warm", "-f", LV2, "--install") == 0
    assert f"{place}: holds something that semeq did not install; left alone\n" in capsys.readouterr().err
    assert {name: contents(home)[name] for name in before} == before
    assert run("--uninstall") == 0
    assert contents(home) == before


def test_uninstall_is_limited_by_word_and_format(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (("-t", "warm"), ("-t", "warm", "--intensity", "0.5"), ("-t", "bright", "--name", "My bright"), ("-t", "bright")):
        assert run(*options, "-f", "calf-lv2,lsp-x16-lv2", "--install", "-q") == 0
    everything = contents(home)
    capsys.readouterr()
    assert run("--uninstall", "-t", "warm", "-f", "calf", "--dry-run") == 0
    captured = capsys.readouterr()
    assert [Path(line).name for line in captured.out.splitlines()] == ["semeq-warm-0-5.calf.lv2", "semeq-warm.calf.lv2"]
    assert captured.err == "2 to remove\n"
    assert contents(home) == everything
    assert run("--uninstall", "-t", "warm", "-f", "calf") == 0
    assert capsys.readouterr().err == "2 removed\n"
    assert run("--uninstall", "-t", "my  Bright") == 0
    assert capsys.readouterr().err == "2 removed\n"
    assert run("--uninstall", "-t", "dark") == 0
    assert capsys.readouterr() == ("", "no such preset is installed\n")
    assert run("--uninstall", "-f", "all", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [entry["state"] for entry in document["presets"]] == ["removed"] * 4
    assert document["notes"] == ["4 removed"]
    assert list(home.iterdir()) == []


def test_a_preset_that_the_person_changed_is_kept_and_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", "warm", "-f", "calf-lv2,lsp-x16-lv2", "--install", "-q") == 0
    place = home / ".lv2" / "semeq-warm.calf.lv2"
    write_file(place, read_file(home / ".lv2" / "semeq-warm.lsp-x16.lv2"), name="Mine", format="calf-lv2", overwrite=True)
    capsys.readouterr()
    assert run("--uninstall") == 0
    captured = capsys.readouterr()
    assert captured.err == f"{place}: changed since it was installed; kept\n1 removed, 1 changed and kept\n"
    assert captured.out == f"{home / '.lv2' / 'semeq-warm.lsp-x16.lv2'}\n"
    assert read_file(place).name == "Mine"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--install",), ("--all-terms",), ("--force",), ("-o", "x"), ("--name", "x"), ("--intensity", "1"), ("--match", "x"), ("--strict",),
    ],
)  # fmt: skip
def test_uninstall_goes_with_few_options(arguments: tuple[str, ...], home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--uninstall", *arguments) == 2
    assert "--uninstall goes with -t, -f and --dry-run only" in capsys.readouterr().err


def test_a_damaged_record_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = home / ".local" / "share" / "semeq" / "installed.json"
    record.parent.mkdir(parents=True)
    record.write_text('{"format": "semeq-bundle"}')
    for options in (
        ("-t", "warm", "-f", "calf-lv2", "--install"),
        ("-t", "warm", "-f", "calf-lv2", "--install", "--dry-run"),
        ("--uninstall",),
    ):
        assert run(*options) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"semeq-export: {record}: is damaged, or no record of installed presets (its format is not semeq-installed)")
    assert not (home / ".lv2").exists()


def test_an_lv2_path_that_leads_out_of_home_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LV2_PATH", "~/../outside")
    assert run("-t", "warm", "-f", "calf-lv2", "--install") == 0
    captured = capsys.readouterr()
    assert captured.out == f"{home}/.lv2/semeq-warm.calf.lv2\n"
    assert f"goes to {home}/.lv2, where hosts with this LV2_PATH do not look\n" in captured.err
    assert not (home.parent / "outside").exists()


def test_an_alias_says_what_it_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("-t", "warm", "-f", "Ableton", "-o", "a.adv") == 0
    assert "Ableton is eq-eight (Ableton Live EQ Eight preset)\n" in capsys.readouterr().err
    for arguments in (("-t", "warm", "--install"), ("--uninstall",)):
        assert run(*arguments, "-f", "reaper") == 2
        says = "semeq-export: 'reaper' may be jsfx (JSFX EQ script) or reaeq (REAPER ReaEQ, FX chain); name the format\n"
        assert capsys.readouterr().err == says
