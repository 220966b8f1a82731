"""Installed presets: the record lists what we put where hosts look, and nothing else is ever replaced or removed (fault E24)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import cases
from hypothesis import given, settings
from hypothesis import strategies as st

from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import EnvironmentFailure, OutputError
from semeq_presets import Planned, Preset, get, plan_install, write_file
from semeq_presets.shelf import installed
from semeq_presets.shelf.installed import InstalledPreset, Record, locked, read_record, write_record
from semeq_presets.shelf.placing import Ready, Removed, make_ready, put, take_away, there

FORMATS = ("lsp-x16-lv2", "calf-lv2", "aeq-lv2", "pipewire")
WORDS = ("warm", "bright", "cálido")


def preset(gain_db: float, name: str = "Warm") -> Preset:
    return Preset(EqSettings((Band(BandKind.PEAK, 1_000.0, gain_db, 1.0),)), name=name)


class Home:
    """A home folder in which presets are installed as the application layer does it."""

    def __init__(self, place: Path) -> None:
        self.place, self.record = place, place / ".local" / "share" / "semeq" / "installed.json"
        (place / ".config" / "pipewire").mkdir(parents=True)

    def ready(self, words: tuple[str, ...], formats: tuple[str, ...] = FORMATS, gain_db: float = 3.0) -> list[Ready]:
        infos = [get(name).info for name in formats]
        plan = plan_install(words, infos, platform="linux", environment={}, home=self.place, record=read_record(self.record))
        return [make_ready(one, one.word, preset(gain_db, one.word.title())) for one in plan]

    def files(self) -> dict[str, bytes]:
        return {path.relative_to(self.place).as_posix(): path.read_bytes() for path in self.place.rglob("*") if path.is_file()}

    def presets(self) -> dict[str, bytes]:
        """Return the files other than record and lock."""
        return {name: content for name, content in self.files().items() if not name.startswith(".local/")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def everything(_one: InstalledPreset) -> bool:
    return True


def states(removed: list[Removed]) -> list[str]:
    return [one.state for one in removed]


def test_what_is_installed_goes_and_takes_its_folders_along(home: Home) -> None:
    before = sorted(home.place.rglob("*"))
    assert put(home.ready(WORDS), home.record) == [""] * 12
    assert len(list((home.place / ".lv2").iterdir())) == 9
    assert set(read_record(home.record).folders) >= {home.place / ".lv2", home.place / ".config/pipewire/pipewire.conf.d"}
    assert states(take_away(home.record, everything, dry_run=True)) == ["removed"] * 12
    assert len(home.presets()) == 9 * 2 + 3
    assert states(take_away(home.record, everything)) == ["removed"] * 12
    assert sorted(home.place.rglob("*")) == before
    assert take_away(home.record, everything) == []
    assert sorted(home.place.rglob("*")) == before


def test_replacing_is_for_the_same_preset_only(home: Home) -> None:
    put(home.ready(("warm",)), home.record)
    first = home.presets()
    assert put(home.ready(("warm",), gain_db=6.0), home.record, skip=True) == ["same"] * 4
    assert home.presets() == first
    with pytest.raises(OutputError, match="exists already; use `overwrite`"):
        put(home.ready(("warm",), ("calf-lv2",)), home.record)
    assert put(home.ready(("warm",), ("calf-lv2",), gain_db=6.0), home.record, overwrite=True) == [""]
    changed = {name for name, content in home.presets().items() if content != first[name]}
    assert changed == {".lv2/semeq-warm.calf.lv2/preset.ttl"}
    assert states(take_away(home.record, everything)) == ["removed"] * 4


def lsp_of_another_plug_in(place: Path) -> None:
    write_file(place, preset(1.0), format="calf-lv2")


def lsp_of_another_name(place: Path) -> None:
    write_file(place, preset(1.0, "My vocals"), format="lsp-x16-lv2")


def folder_of_letters(place: Path) -> None:
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")


def file_in_its_place(place: Path) -> None:
    place.write_text("not a folder")


def link_elsewhere(place: Path) -> None:
    elsewhere = place.parent / "elsewhere.lv2"
    write_file(elsewhere, preset(1.0), format="lsp-x16-lv2")
    place.symlink_to(elsewhere)


STRANGERS = [lsp_of_another_plug_in, lsp_of_another_name, folder_of_letters, file_in_its_place, link_elsewhere]


@pytest.mark.parametrize("make", STRANGERS)
@pytest.mark.parametrize("was_ours", [False, True])
def test_what_we_did_not_install_is_never_replaced_nor_removed(make, was_ours: bool, home: Home) -> None:  # type: ignore[no-untyped-def]
    """Not even where a preset of ours was before, which the person has removed."""
    place = home.place / ".lv2" / "semeq-warm.lsp-x16.lv2"
    if was_ours:
        put(home.ready(("warm",), ("lsp-x16-lv2",)), home.record)
        shutil.rmtree(place)
    place.parent.mkdir(exist_ok=True)
    make(place)
    before = home.presets()
    ready = home.ready(("warm",), ("calf-lv2", "lsp-x16-lv2"))
    with pytest.raises(OutputError, match=r"semeq-warm\.lsp-x16\.lv2: holds something that semeq did not install, .*; move it away$"):
        put(ready, home.record, overwrite=True)
    assert home.presets() == before
    assert put(ready, home.record, skip=True)[0] == ""
    take_away(home.record, everything)
    assert home.presets() == before


def test_a_preset_that_was_changed_since_is_kept_and_may_be_replaced(home: Home) -> None:
    put(home.ready(("warm", "bright"), ("lsp-x16-lv2",)), home.record)
    place = home.place / ".lv2" / "semeq-warm.lsp-x16.lv2"
    write_file(place, preset(5.0), format="lsp-x16-lv2", overwrite=True)
    removed = take_away(home.record, everything)
    assert {one.preset.word: one.state for one in removed} == {"warm": "changed", "bright": "removed"}
    assert {name.split("/")[1] for name in home.presets()} == {place.name}
    assert states(take_away(home.record, everything)) == ["changed"]
    assert put(home.ready(("warm",), ("lsp-x16-lv2",)), home.record, overwrite=True) == [""]
    assert states(take_away(home.record, everything)) == ["removed"]
    assert home.files() == {}


def test_what_lies_beside_our_files_stays(home: Home) -> None:
    put(home.ready(("warm",), ("lsp-x16-lv2",)), home.record)
    bundle = home.place / ".lv2" / "semeq-warm.lsp-x16.lv2"
    (bundle / "notes.txt").write_text("mine")
    (bundle.parent / "mine.lv2").mkdir()
    (removed,) = take_away(home.record, everything)
    assert (removed.state, removed.left) == ("removed", True)
    assert home.files() == {".lv2/semeq-warm.lsp-x16.lv2/notes.txt": b"mine"}
    assert (bundle.parent / "mine.lv2").is_dir()


@pytest.mark.parametrize("gain_db", [None, 5.0])
def test_replacing_a_preset_would_take_what_lies_beside_it(gain_db: float | None, home: Home) -> None:
    """A folder is replaced as a whole; gain_db: of the person's own changes."""
    put(home.ready(("warm",), ("lsp-x16-lv2",)), home.record)
    bundle = home.place / ".lv2" / "semeq-warm.lsp-x16.lv2"
    if gain_db is not None:
        write_file(bundle, preset(gain_db), format="lsp-x16-lv2", overwrite=True)
    (bundle / "notes.txt").write_text("mine")
    before = home.presets()
    with pytest.raises(OutputError, match="which is never replaced"):
        put(home.ready(("warm",), ("lsp-x16-lv2",)), home.record, overwrite=True)
    assert home.presets() == before


def test_what_somebody_else_removed_is_forgotten(home: Home) -> None:
    put(home.ready(("warm",), ("lsp-x16-lv2", "calf-lv2")), home.record)
    shutil.rmtree(home.place / ".lv2")
    assert states(take_away(home.record, lambda one: one.format == "calf-lv2")) == ["gone"]
    assert states(take_away(home.record, everything)) == ["gone"]
    assert home.files() == {}
    put(home.ready(("warm",), ("calf-lv2",)), home.record)
    assert len(home.presets()) == 2


def test_all_is_put_or_nothing(home: Home) -> None:
    put(home.ready(("warm",), ("lsp-x16-lv2",)), home.record)
    before = home.files()
    ready = home.ready(("bright",))
    (home.place / ".config" / "pipewire" / "pipewire.conf.d").write_text("a file in the way")
    with pytest.raises(OutputError, match=r"pipewire\.conf\.d"):
        put(ready, home.record)
    (home.place / ".config" / "pipewire" / "pipewire.conf.d").unlink()
    assert home.files() == before
    take_away(home.record, everything)
    (home.place / ".config" / "pipewire" / "pipewire.conf.d").write_text("a file in the way")
    with pytest.raises(OutputError, match=r"pipewire\.conf\.d"):
        put(ready, home.record)
    assert set(home.files()) == {".config/pipewire/pipewire.conf.d"}
    assert sorted(path.name for path in home.place.iterdir()) == [".config"]


DAMAGED = {
    "": "is damaged",
    "[]": "its format is not semeq-installed",
    "{": "is damaged",
    '{"presets": []}': "its format is not semeq-installed",
    '{"format": "semeq-installed", "version": 2}': "its version is 2, this semeq knows 1",
    '{"format": "semeq-installed"}': "lacks 'version'",
    '{"format": "semeq-installed", "version": 1, "presets": 3, "folders": []}': "is damaged",
    '{"format": "semeq-installed", "version": 1, "presets": [{}], "folders": []}': "lacks 'format'",
    '{"format": "semeq-installed", "version": 1, "presets": [], "folders": ["a"]}': "'a' is no full path",
    '{"format": "semeq-installed", "version": 1, "presets": [], "folders": ["/a/../b"]}': "is no full path",
    '{"format": "semeq-installed", "version": 1, "presets": [], "folders": [1]}': "is damaged",
}
ENTRY = {"format": "csv", "word": "a", "target": "a", "path": "/a", "is_folder": True, "files": {"a": "0" * 64}}
ENTRIES = [
    ({"files": {"../a": "0" * 64}}, "leads out of its preset"),
    ({"files": {"/a": "0" * 64}}, "leads out of its preset"),
    ({"files": {"": "0" * 64}}, "leads out of its preset"),
    ({"files": {"a": "0"}}, "is no SHA-256"),
    ({"files": {"a": 1}}, "is damaged"),
    ({"files": []}, "is damaged"),
    ({"path": "a"}, "is no full path"),
    ({"path": None}, "is damaged"),
    ({"word": 1}, "of the wrong type"),
    ({"is_folder": 1}, "of the wrong type"),
]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        *DAMAGED.items(),
        *[
            (json.dumps({"format": "semeq-installed", "version": 1, "folders": [], "presets": [ENTRY | change]}), says)
            for change, says in ENTRIES
        ],
    ],
)
def test_a_damaged_record_is_one_line_and_stays(text: str, says: str, home: Home) -> None:
    home.record.parent.mkdir(parents=True)
    home.record.write_text(text)
    ready = [make_ready(Planned("a", "lsp-x16-lv2", home.place / "a.lv2"), "a", preset(3.0))]
    for act in (lambda: read_record(home.record), lambda: put(ready, home.record), lambda: take_away(home.record, everything)):
        with pytest.raises(OutputError) as caught:
            act()
        assert str(caught.value).startswith(f"{home.record}: is damaged, or no record of installed presets (")
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
        assert home.record.read_text() == text
    assert home.presets() == {}


def test_a_record_comes_back_whatever_names_are_in_it(tmp_path: Path) -> None:
    odd = os.fsdecode(b"/h/\xff\n `x")
    one = InstalledPreset("calf-lv2", "wärm\n", "a\x00b", Path(odd), True, {"a.ttl": "0" * 64})
    record = Record({one.path: one}, frozenset([Path(odd).parent]))
    write_record(tmp_path / "r.json", record)
    assert read_record(tmp_path / "r.json") == record


def test_a_lock_that_cannot_be_had_is_one_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_try_lock", lambda _file: False)
    monkeypatch.setattr(installed, "_LOCK_WAIT_S", 0.0)
    with pytest.raises(EnvironmentFailure, match=r"installed\.lock: another run installs presets; try again"), locked(home.record):
        raise AssertionError
    monkeypatch.setattr(installed, "_LOCK_WAIT_S", 60.0)
    (home.place / "file").write_text("")
    (home.place / "dangling").symlink_to(home.place / "nowhere")
    for name in ("file", "dangling"):
        with pytest.raises(EnvironmentFailure, match=rf"{name}/installed\.lock: no"), locked(home.place / name / "installed.json"):
            raise AssertionError


def test_a_lock_that_the_run_before_took_away_is_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, taken = home.record.with_suffix(".lock"), []

    def take(_file: object) -> bool:
        taken.append(lock)
        if len(taken) < 3:
            lock.unlink()
        return True

    monkeypatch.setattr(installed, "_try_lock", take)
    with locked(home.record):
        assert lock.exists()
    assert len(taken) == 3
    assert not lock.exists()


RUN = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from presets.test_installed import Home, everything, put, take_away
home = Home.__new__(Home)
home.place, home.record = Path({place!r}), Path({record!r})
for step in range(2):
    put(home.ready(({word!r}, {word!r} + "-more")), home.record, overwrite=step % 2 == 1)
    if step % 2 == 1 or {mine!r} == "away":
        take_away(home.record, lambda one: one.word.startswith({word!r}))
put(home.ready(({word!r},)), home.record)
"""


def test_runs_at_the_same_time_lose_nothing_of_each_other(home: Home) -> None:
    words = [f"word{number}" for number in range(3)]
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN.format(path=sys.path, place=str(home.place), record=str(home.record), word=word, mine=mine)]
        )
        for word, mine in zip(words, ("", "away", ""), strict=True)
    ]
    assert [run.wait(120) for run in runs] == [0] * 3
    found = read_record(home.record)
    assert sorted(one.key for one in found.presets.values()) == sorted((name, word) for word in words for name in FORMATS)
    assert states(take_away(home.record, everything)) == ["removed"] * 12
    assert home.files() == {}
    left = {path.relative_to(home.place).as_posix() for path in home.place.rglob("*")} - {".config", ".config/pipewire"}
    assert left <= {".local", ".local/share"}  # which a run may have found there just before another removed and made them again


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(WORDS), st.sampled_from(FORMATS), st.sampled_from([3.0, 6.0]), st.booleans()),
        st.tuples(st.just("away"), st.sampled_from(WORDS), st.sampled_from(FORMATS)),
        st.tuples(st.just("mine"), st.sampled_from(WORDS), st.sampled_from(FORMATS), st.sampled_from(["new", "changed", "gone"])),
    ),
    max_size=12,
)


@settings(max_examples=cases(25, 200))
@given(steps=STEPS)
def test_whatever_happens_the_persons_own_files_stay_and_ours_go(
    steps: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Random installing, removing, and files of the person's own in the same places: at the end those are left, byte for byte."""
    home = Home(tmp_path_factory.mktemp("law") / "home")
    own: dict[Path, bytes] = {}
    for step in steps:
        kind, word, format_id = step[:3]
        assert isinstance(word, str)
        assert isinstance(format_id, str)
        if kind == "put":
            ready = home.ready((word,), (format_id,), gain_db=float(str(step[3])))
            try:
                put(ready, home.record, overwrite=bool(step[4]))
            except OutputError:
                assert there(ready[0].plan, read_record(home.record)) != ""
        elif kind == "away":
            take_away(home.record, lambda one, key=(format_id, word): (one.format, one.word) == key)  # type: ignore[misc]
        else:
            place = home.ready((word,), (format_id,))[0].plan.path
            file = place / "preset.ttl" if get(format_id).info.is_folder else place
            if step[3] == "gone":
                shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
                own.pop(file, None)
            elif (step[3] == "changed") == file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"the person's own")
                own[file] = b"the person's own"
        assert {file: file.read_bytes() for file in own} == own
    take_away(home.record, everything)
    left = {home.place / name: content for name, content in home.presets().items()}
    assert {file: left.pop(file) for file in own} == own
    assert all(path.parent in {file.parent for file in own} for path in left)  # the manifest of a bundle that was changed
