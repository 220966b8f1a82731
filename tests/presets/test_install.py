"""Where presets go so that their hosts find them: platform, environment and home are given, nothing of this machine is looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from semeq_export.errors import OutputError
from semeq_presets import formats, get, plan_install
from semeq_presets.shelf.install import SYSTEMS, _variables, place_notes, record_place
from semeq_presets.shelf.installed import InstalledPreset, Record


def planned(home: Path, format_id: str, platform: str = "linux", words: tuple[str, ...] = ("warm",), **environment: str) -> list[str]:
    plan = plan_install(words, [get(format_id).info], platform=platform, environment=environment, home=home)
    assert [one.format for one in plan] == [format_id] * len(words)
    return [one.path.relative_to(home).as_posix() if one.path.is_relative_to(home) else one.path.as_posix() for one in plan]


def test_lv2_presets_need_no_folder_to_be_there_before(tmp_path: Path) -> None:
    assert planned(tmp_path, "lsp-x16-lv2") == [".lv2/semeq-warm.lsp-x16.lv2"]
    assert planned(tmp_path, "calf-lv2", "darwin") == ["Library/Audio/Plug-Ins/LV2/semeq-warm.calf.lv2"]
    assert planned(tmp_path, "calf-lv2", "win32", APPDATA="/roaming") == ["/roaming/LV2/semeq-warm.calf.lv2"]
    assert planned(tmp_path, "calf-lv2", "win32") == ["AppData/Roaming/LV2/semeq-warm.calf.lv2"]
    assert list(tmp_path.iterdir()) == []


def test_the_own_folder_of_lv2_path_counts_and_a_system_folder_does_not(tmp_path: Path) -> None:
    assert planned(tmp_path, "lsp-x16-lv2", LV2_PATH=f"/usr/lib/lv2:{tmp_path}/plugins") == ["plugins/semeq-warm.lsp-x16.lv2"]
    assert planned(tmp_path, "lsp-x16-lv2", LV2_PATH="~/lv2") == ["lv2/semeq-warm.lsp-x16.lv2"]
    assert planned(tmp_path, "lsp-x16-lv2", LV2_PATH="/usr/lib/lv2") == [".lv2/semeq-warm.lsp-x16.lv2"]


@pytest.mark.parametrize(
    ("format_id", "platform", "root", "expected"),
    [
        ("jsfx", "linux", ".config/REAPER", ".config/REAPER/Effects/semeq/warm.jsfx"),
        ("jsfx", "darwin", "Library/Application Support/REAPER", "Library/Application Support/REAPER/Effects/semeq/warm.jsfx"),
        ("reaeq", "win32", "AppData/Roaming/REAPER", "AppData/Roaming/REAPER/FXChains/semeq/warm.RfxChain"),
        ("easyeffects", "linux", ".config/easyeffects", ".config/easyeffects/output/semeq-warm.json"),
        ("audacity", "linux", ".audacity-data", ".audacity-data/Macros/semeq-warm.txt"),
        ("audacity", "linux", ".local/share/audacity", ".local/share/audacity/Macros/semeq-warm.txt"),
        ("proq3", "win32", "Documents/FabFilter/Presets/Pro-Q 3", "Documents/FabFilter/Presets/Pro-Q 3/semeq/warm.ffp"),
        ("aunbandeq", "darwin", ".", "Library/Audio/Presets/Apple/AUNBandEQ/warm.aupreset"),
    ],
)
def test_hosts_are_served_where_they_have_made_their_folder(
    format_id: str, platform: str, root: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / root).mkdir(parents=True, exist_ok=True)
    assert planned(tmp_path, format_id, platform) == [expected]


def test_a_host_that_was_never_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"jsfx: there is no .*\.config/REAPER; is REAPER.* installed"):
        planned(tmp_path, "jsfx")


def test_xdg_variables_count_if_they_are_absolute(tmp_path: Path) -> None:
    (tmp_path / "xdg" / "REAPER").mkdir(parents=True)
    assert planned(tmp_path, "jsfx", XDG_CONFIG_HOME=f"{tmp_path}/xdg") == ["xdg/REAPER/Effects/semeq/warm.jsfx"]
    with pytest.raises(OutputError, match="there is no"):
        planned(tmp_path, "jsfx", XDG_CONFIG_HOME="xdg")


def test_the_flatpak_of_easyeffects_is_found(tmp_path: Path) -> None:
    (tmp_path / ".var/app/com.github.wwmm.easyeffects/config/easyeffects").mkdir(parents=True)
    (path,) = planned(tmp_path, "easyeffects")
    assert path.startswith(".var/app/com.github.wwmm.easyeffects/config/easyeffects/output/semeq-warm")


def test_formats_without_a_place_say_how_to_import_the_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"aunbandeq has no folder on Linux .*; write it with -o and import it: "):
        planned(tmp_path, "aunbandeq")
    with pytest.raises(OutputError, match=r"csv has no folder on Windows .*spreadsheet"):
        planned(tmp_path, "csv", "win32")
    with pytest.raises(OutputError, match="freebsd13"):
        planned(tmp_path, "csv", "freebsd13")


def test_words_get_distinct_safe_names(tmp_path: Path) -> None:
    paths = planned(tmp_path, "lsp-x16-lv2", words=("../x", "cálido", "calido"))  # fault E6
    assert len(set(paths)) == 3
    assert all(Path(path).parent.as_posix() == ".lv2" for path in paths)


def test_dots_in_lv2_path_count_where_they_lead_to(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert planned(home, "lsp-x16-lv2", LV2_PATH=f"{home}/a/../b") == ["b/semeq-warm.lsp-x16.lv2"]
    for path in ("~/../x", f"{home}/../x", "~/a/../../x:/usr/lib/lv2"):
        assert planned(home, "lsp-x16-lv2", LV2_PATH=path) == [".lv2/semeq-warm.lsp-x16.lv2"]
        (note,) = place_notes([get("lsp-x16-lv2").info], platform="linux", environment={"LV2_PATH": path}, home=home)
        assert note == f"LV2_PATH ({path}) names no folder in {home}: goes to {home}/.lv2, where hosts with this LV2_PATH do not look"
    for format_id, environment in (("lsp-x16-lv2", {"LV2_PATH": "~/x"}), ("lsp-x16-lv2", {}), ("jsfx", {"LV2_PATH": "/x"})):
        assert place_notes([get(format_id).info], platform="linux", environment=environment, home=home) == []


def test_the_record_lies_in_the_persons_own_data_folder() -> None:
    def place(platform: str, **environment: str) -> str:
        return record_place(platform=platform, environment=environment, home=Path("/h")).as_posix()

    assert place("linux") == place("freebsd13") == "/h/.local/share/semeq/installed.json"
    assert place("linux", XDG_DATA_HOME="/xdg") == "/xdg/semeq/installed.json"
    assert place("linux", XDG_DATA_HOME="xdg") == "/h/.local/share/semeq/installed.json"
    assert place("darwin") == "/h/Library/Application Support/semeq/installed.json"
    assert place("win32", APPDATA="/roaming") == "/roaming/semeq/installed.json"


@pytest.mark.parametrize("platform", SYSTEMS)
def test_no_two_presets_share_a_place(platform: str, tmp_path: Path) -> None:  # fault E24
    """For all formats that the platform has a place for, and words that look alike; not even where capitals do not count."""
    words = ["warm", "Warm!", "wärm", "warm lsp x16", "warm.lsp-x16", "warm-calf", "lsp", "x16", "semeq warm", "con", "x" * 80, "🔥", "."]
    infos = [info for info in formats() if platform in info.places]
    for info in infos:
        for root in info.places[platform].roots:
            Path(root.format_map(_variables(platform, {"ProgramFiles": str(tmp_path)}, tmp_path))).mkdir(parents=True, exist_ok=True)
    plan = plan_install(words, infos, platform=platform, environment={"ProgramFiles": str(tmp_path)}, home=tmp_path)
    assert len({str(one.path).casefold() for one in plan}) == len(plan) == len(words) * len(infos)


def installed(path: Path, format_id: str, word: str) -> Record:
    return Record({path: InstalledPreset(format_id, word, word, path, True, {})})


def test_a_word_goes_where_it_is_and_another_beside_it(tmp_path: Path) -> None:
    def place(word: str, record: Record, format_id: str = "lsp-x16-lv2") -> str:
        infos = [get(format_id).info]
        (one,) = plan_install([word], infos, platform="linux", environment={}, home=tmp_path, record=record)
        return one.path.name

    before = installed(tmp_path / ".lv2" / "semeq-calido.lsp-x16.lv2", "lsp-x16-lv2", "cálido")
    assert place("cálido", before) == place("Cálido ", before) == "semeq-calido.lsp-x16.lv2"
    assert place("calido", before) == "semeq-calido-26b3fa75.lsp-x16.lv2"
    assert place("cálido", before, "calf-lv2") == "semeq-calido.calf.lv2"
    hashed = installed(tmp_path / ".lv2" / "semeq-warm-0123abcd.lsp-x16.lv2", "lsp-x16-lv2", "warm")
    assert place("warm", hashed) == "semeq-warm-0123abcd.lsp-x16.lv2"
    moved = installed(tmp_path / "elsewhere" / "semeq-warm.lsp-x16.lv2", "lsp-x16-lv2", "warm")
    assert place("warm", moved) == "semeq-warm.lsp-x16.lv2"


def test_formats_of_other_packages_that_share_a_place_are_told_apart(tmp_path: Path) -> None:
    infos = [get("pipewire").info, *(replace(get("pipewire").info, id=name) for name in ("twin", "triplet"))]
    (tmp_path / ".config" / "pipewire").mkdir(parents=True)
    plan = plan_install(["warm"], infos[:2], platform="linux", environment={}, home=tmp_path)
    assert len({one.path for one in plan}) == 2
    with pytest.raises(OutputError, match=r"would be of triplet and of twin; install one of them$"):
        plan_install(["warm"], infos, platform="linux", environment={}, home=tmp_path)


def test_every_place_can_be_filled_in(tmp_path: Path) -> None:
    known = [(info, system) for info in formats() for system in info.places]
    assert len(known) >= 40
    assert {system for _, system in known} == set(SYSTEMS)
    for info, system in known:
        for root in info.places[system].roots:
            Path(root.format_map(_variables(system, {"ProgramFiles": str(tmp_path)}, tmp_path))).mkdir(parents=True, exist_ok=True)
        (path,) = planned(tmp_path, info.id, system, ProgramFiles=str(tmp_path))
        assert path.startswith(("semeq-warm", info.places[system].below)) or f"/{info.places[system].below}" in path
