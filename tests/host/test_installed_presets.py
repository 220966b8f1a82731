"""Installed presets as liblilv lists them (fault E24; marker: daw)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import bundles
import pytest
from conftest import skip_or_fail

from semeq_export.app.presets import PresetOptions, Words, write_presets
from semeq_export.app.uninstalling import UninstallOptions, uninstall_presets
from semeq_presets import formats

LV2 = [info.id for info in formats() if info.suffixes == (".lv2",)]
PLUGINS = (
    "http://lsp-plug.in/plugins/lv2/para_equalizer_x16_stereo",
    "http://lsp-plug.in/plugins/lv2/para_equalizer_x32_stereo",
    *(f"http://calf.sourceforge.net/plugins/Equalizer{bands}Band" for bands in (5, 8, 12)),
    "http://gareus.org/oss/lv2/fil4#stereo",
    "urn:ardour:a-eq",
)
WORDS = ("warm", "bright", "warm:0.7,bright:0.3")
NAMES = ["Bright", "Warm", "Warm 70 / Bright 30"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    for name in ("XDG_DATA_HOME", "LV2_PATH"):
        monkeypatch.delenv(name, raising=False)
    return place


def own_presets(plugin: str) -> list[str]:
    """Return the names of a plug-in's presets that a host of this home sees, without the rate that some carry."""
    done = subprocess.run(["lv2info", plugin], capture_output=True, text=True, check=True, env={**os.environ, "LANG": "C"})
    block = re.search(r"^\tPresets: \n((?:\t {9}.*\n)*)", done.stdout, re.MULTILINE)
    return sorted(line.strip().removesuffix(" (48 kHz)") for line in block[1].splitlines()) if block else []


def listed(before: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the presets of each plug-in that are there beside those of the plug-in itself."""
    found = {}
    for plugin in PLUGINS:
        names = own_presets(plugin)
        for name in before.get(plugin, []):
            names.remove(name)
        found[plugin] = names
    return found


@pytest.mark.daw
def test_every_lv2_format_of_three_words_is_listed_and_goes(home: Path, tmp_path: Path) -> None:
    """In an empty home, twice, with and without force, each has its name and nothing is replaced; uninstalled, nothing is left."""
    if shutil.which("lv2info") is None:
        skip_or_fail("lv2info is missing; install lilv-utils")
    bundles.write(tmp_path / "tiny.semeq")
    try:
        before = {plugin: own_presets(plugin) for plugin in PLUGINS}
    except subprocess.CalledProcessError as error:
        skip_or_fail(f"{error.cmd[1]} is not installed")

    def install(overwrite: bool) -> dict[Path, str]:
        options = [
            PresetOptions(target=Words(word), formats=LV2, install=True, overwrite=overwrite, bundle=tmp_path / "tiny.semeq")
            for word in WORDS
        ]
        return {file.path: file.there for one in options for file in write_presets(one).files if file.path is not None}

    first = install(overwrite=False)
    assert len(first) == 15 == len(LV2) * len(WORDS)
    assert set(first.values()) == {""}
    for overwrite in (False, True, False):
        assert install(overwrite) == dict.fromkeys(first, "" if overwrite else "same")
        found = listed(before)
        calf = sorted(name for plugin, names in found.items() if "calf" in plugin for name in names)
        assert calf == NAMES
        assert all(names == NAMES for plugin, names in found.items() if "calf" not in plugin)
    assert len(uninstall_presets(UninstallOptions()).presets) == 15
    assert listed(before) == {plugin: [] for plugin in PLUGINS}
    assert list(home.iterdir()) == []
