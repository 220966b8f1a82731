"""A format is complete: a module, a row in the README, a folder of goldens with their provenance, and words for people; and it says each
fact about itself once."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from semeq_export.cli import cli
from semeq_export.errors import AmbiguousFormatError, MissingHostError
from semeq_host.lab import hosts
from semeq_presets import FormatInfo, formats, get
from semeq_presets.shelf import registry
from semeq_presets.shelf.install import SYSTEMS

ROOT = Path(__file__).resolve().parent.parent.parent
INFOS = {info.id: info for info in formats()}
BUILT_IN = dict(registry._BUILTIN)


@pytest.fixture(params=BUILT_IN)
def info(request: pytest.FixtureRequest) -> FormatInfo:
    return INFOS[request.param]


def tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("semeq_tables", ROOT / "presets" / "tools" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the string literals of a module with their lines; docstrings and parts of f-strings are not looked at."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | bare:
            yield node.lineno, node.value


def test_each_format_has_a_module_that_starts_with_its_layout_and_source(info: FormatInfo) -> None:
    module = BUILT_IN[info.id].partition(":")[0]
    path = ROOT / "presets" / Path(*module.split(".")).with_suffix(".py")
    head = path.read_text(encoding="utf-8").split('"""')[1]
    assert len(head.splitlines()) >= 5


def test_the_tables_of_the_readme_are_what_the_formats_say() -> None:
    text = (ROOT / "presets" / "README.md").read_text(encoding="utf-8")
    assert tables().with_tables(text, formats()) == text, "run: python presets/tools/tables.py"


def test_each_format_has_a_row_that_tells_what_is_verified(info: FormatInfo) -> None:
    text = (ROOT / "presets" / "README.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{info.id}` \|.*", text.partition("end of formats")[0], re.MULTILINE)
    assert f"| {info.verified or 'nominal'} |" in row


def test_the_list_of_modules_has_each_format_under_its_own_id() -> None:
    assert len(BUILT_IN) == len(registry._BUILTIN)
    for format_id in BUILT_IN:
        assert get(format_id).info.id == format_id


PROGRAMS = frozenset({"hosts.py", "ffmpeg.py", "sox.py", "faust.py", "audacity.py", "fir_wav.py", "_sound_server.py", "easyeffects.py"})
WORDS = {
    "frequency": frozenset({"easyeffects_json.py", "easyeffects.py", "ffmpeg_filter.py", "sox_effects.py"}),  # a field of theirs
    **dict.fromkeys(("ffmpeg", "sox", "faust", "audacity", "pipewire", "easyeffects"), PROGRAMS),  # the hosts of these names
}
"""Ids that mean something else too, with the modules that say that."""


def test_no_other_module_says_the_id_of_a_format() -> None:
    folders = (ROOT / "presets" / "semeq_presets", ROOT / "plugin_host" / "semeq_host")
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert len(paths) > 50
    own = {format_id: f"{reference.partition(':')[0].rpartition('.')[2]}.py" for format_id, reference in BUILT_IN.items()}
    twice = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path in paths
        for line, text in literals(path)
        if text in BUILT_IN and path.name not in {"registry.py", own[text], *WORDS.get(text, ())}
    ]
    assert twice == []


def test_an_id_or_alias_names_one_format_or_lists_those_that_share_it() -> None:
    aliases: dict[str, list[str]] = {}
    for info in INFOS.values():
        assert len(set(info.aliases)) == len(info.aliases)
        for alias in info.aliases:
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", alias)
            aliases.setdefault(alias, []).append(info.id)
    assert not set(aliases) & set(INFOS)
    assert {"ableton", "logic", "fabfilter"} <= set(aliases)
    for alias, ids in aliases.items():
        if len(ids) == 1:
            assert get(alias).info.id == ids[0]
            assert get(alias.upper()).info.id == ids[0]
        else:
            listed = " or ".join(f"{format_id} ({INFOS[format_id].title})" for format_id in sorted(ids))
            with pytest.raises(AmbiguousFormatError, match=f"^{re.escape(f'{alias!r} may be {listed}')}; name the format$"):
                get(alias)
    assert len(aliases["lsp"]) == len(aliases["reaper"]) == 2


def test_the_lab_measures_just_what_formats_say_that_it_measures() -> None:
    asked = {(host.name, host.loads) for info in INFOS.values() for host in info.measured_in}
    assert asked == set(hosts.RENDERERS)
    (option,) = [parameter for parameter in cli.get_command(None, "verify").params if parameter.name == "host"]  # type: ignore[arg-type, union-attr]
    assert set(option.type.choices) == {"maths", *(name for name, _ in asked)}  # type: ignore[attr-defined]


def test_a_host_that_does_not_load_a_format_is_refused_with_those_that_do() -> None:
    with pytest.raises(MissingHostError, match="^sox does not load presets of format lsp-x16-lv2; liblilv or ardour does$"):
        INFOS["lsp-x16-lv2"].measuring_host("sox")
    with pytest.raises(MissingHostError, match="^sox does not load presets of format csv; no host here does$"):
        INFOS["csv"].measuring_host("sox")
    assert INFOS["csv"].default_host is None
    assert INFOS["audacity"].default_host is None
    assert INFOS["audacity"].measuring_host("audacity").loads == "macro"
    with pytest.raises(MissingHostError, match="sox does not load presets of kind 'source'"):
        hosts.measure("sox", "source", [], 48_000.0)


def test_formats_have_places_on_systems_that_exist() -> None:
    assert {system for info in INFOS.values() for system in info.places} == set(SYSTEMS)


def test_each_format_has_goldens_with_their_provenance(info: FormatInfo) -> None:
    folder = ROOT / "tests" / "golden" / info.id
    assert (folder / "PROVENANCE.md").is_file()
    assert [path for path in folder.iterdir() if path.name != "PROVENANCE.md"]


def test_each_format_is_described_for_people(info: FormatInfo) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", info.id)
    assert all(suffix.startswith(".") for suffix in info.suffixes)
    assert info.suffixes
    for text in (info.title, info.host, info.how_to_import):
        assert text.strip() == text
        assert "\n" not in text
        assert len(text) > 4
    assert 0.0 < info.precision_db <= 0.3 or info.carries == "curve"
