"""What was saved with words plays what it played, whatever the words mean later; other wishes are other wishes in a journal."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest
import soundfile

from semeq_export.app.conversion import ConvertOptions, convert_preset
from semeq_export.app.presets import PresetOptions, Words, write_presets
from semeq_export.app.processing import StemsOptions, StemsResult, process_stems
from semeq_export.app.sessions import SessionOptions, write_session
from semeq_export.bundle.loading import load_bundle, read_identity
from semeq_export.bundle.store import CENTROIDS, README
from semeq_export.cli import _shared, cli
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid, rms_db
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.readable import rounded
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.errors import OutputError, PresetReadError, UnknownTermError
from semeq_export.words.saved import SavedWords
from semeq_export.words.target import SemanticTarget
from semeq_host.stems.journal import JOURNAL
from semeq_host.stems.session_file import StemRule
from semeq_host.streams.process_options import ProcessOptions
from semeq_presets import read_file, write_file
from semeq_presets.file_formats._dawproject_words import WORDS, unpack_words


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A bundle; one in which bright means something else; one that does not know bright; one with another card."""
    folder, bank = tmp_path_factory.mktemp("recall"), bundles.bank()
    moved = replace(bank["bright"], z=(0.5, 0.1, -0.4, 0.0))
    banks = {
        "one": list(bank.values()),
        "moved": [moved if term.name == "bright" else term for term in bank.values()],
        "poorer": [term for term in bank.values() if term.name != "bright"],
    }
    for name, terms in banks.items():
        bundles.write(folder / name, **{CENTROIDS.replace(".", "__"): type(bank)(terms).to_json()})
    bundles.write(folder / "card", **{README.replace(".", "__"): b"another card\n"})
    return {name: folder / name for name in (*banks, "card")}


def meaning(bundle: Path, text: str, intensity: float = 1.0) -> EqSettings:
    return rounded(Engine(load_bundle(bundle)).eq_for(SemanticTarget.parse(text, intensity)))


def saved(folder: Path, bundle: Path, words: Words) -> Path:
    path = folder / "saved.semeq.json"
    write_presets(PresetOptions(target=words, output=path, bundle=bundle))
    return path


def test_an_identity_says_what_words_mean_and_nothing_else(places: dict[str, Path], tmp_path: Path) -> None:
    identities = {name: load_bundle(path).identity for name, path in places.items()}
    assert len({identities[name] for name in ("one", "moved", "poorer")}) == 3
    assert identities["card"] == identities["one"]
    assert {name: read_identity(path) for name, path in places.items()} == identities
    bundles.write(tmp_path / "zipped.semeq.zip", zipped=True)
    assert read_identity(tmp_path / "zipped.semeq.zip") == identities["one"]
    assert read_identity() == load_bundle().identity


@pytest.mark.parametrize(
    "words", [Words("bright"), Words("warm:0.7,bright:0.3", 1.7), Words("warm:1,less bright:0.2"), Words("bright", -0.3)]
)
def test_a_saved_preset_keeps_its_words_and_what_they_meant_to_the_bit(places: dict[str, Path], tmp_path: Path, words: Words) -> None:
    path = saved(tmp_path, places["one"], words)
    target = SemanticTarget.parse(words.text, words.intensity)
    preset = read_file(path)
    assert preset.words == SavedWords(target, meaning(places["one"], words.text, words.intensity), load_bundle(places["one"]).identity)
    assert preset.eq == preset.words.eq
    write_file(tmp_path / "again.semeq.json", preset)
    assert (tmp_path / "again.semeq.json").read_bytes() == path.read_bytes()
    stored = json.loads(path.read_bytes())
    assert (stored["version"], stored["preset"]["words"]["weights"]) == ("1.1", list(map(list, target.weights.items())))
    assert str(preset.words.target) == str(target)  # in the order of the text, as hosts show it


def test_under_another_bundle_what_was_saved_is_played_and_the_new_meaning_offered(places: dict[str, Path], tmp_path: Path) -> None:
    path = saved(tmp_path, places["one"], Words("bright"))
    for name in ("one", "card"):
        assert convert_preset(ConvertOptions(source=path, to_format="csv", bundle=places[name])).warnings == ()
    kept = convert_preset(ConvertOptions(source=path, destination=tmp_path / "kept.semeq.json", bundle=places["moved"]))
    old, new = meaning(places["one"], "bright"), meaning(places["moved"], "bright")
    (line,) = kept.warnings
    curves_db = [response_db(eq, log_grid(), 48_000.0) for eq in (old, new)]
    apart = rms_db(curves_db[1] - curves_db[0])
    assert apart > 0.5
    offer = "what was saved is played, `renew` takes the new meaning"
    assert line == f"{path}: bright means something else in this bundle, {apart:.2f} dB rms off; {offer}"
    again = read_file(tmp_path / "kept.semeq.json")
    assert (again.eq, again.words) == (old, read_file(path).words)
    options = ConvertOptions(source=path, destination=tmp_path / "new.semeq.json", bundle=places["moved"], renew=True)
    (line,) = convert_preset(options).warnings
    assert line == f"{path}: bright means what this bundle says, {apart:.2f} dB rms from what was saved"
    renewed = read_file(tmp_path / "new.semeq.json")
    assert (renewed.eq, renewed.words) == (new, SavedWords(SemanticTarget({"bright": 1.0}), new, load_bundle(places["moved"]).identity))


@pytest.mark.parametrize("exact", [False, True])
def test_words_that_still_mean_the_same_are_not_worth_a_line(places: dict[str, Path], tmp_path: Path, exact: bool) -> None:
    path = tmp_path / "saved.semeq.json"
    write_presets(PresetOptions(target=Words("warm"), output=path, bundle=places["one"], exact=exact))
    for name in ("moved", "poorer"):
        assert convert_preset(ConvertOptions(source=path, to_format="csv", bundle=places[name])).warnings == ()


def test_a_bundle_that_does_not_know_the_word_plays_it_all_the_same(places: dict[str, Path], tmp_path: Path) -> None:
    path = saved(tmp_path, places["one"], Words("bright"))
    result = convert_preset(ConvertOptions(source=path, to_format="csv", bundle=places["poorer"]))
    assert result.warnings == (f"{path}: this bundle does not know 'bright'; what was saved is played",)
    assert result.preset.eq == meaning(places["one"], "bright")
    with pytest.raises(UnknownTermError):
        convert_preset(ConvertOptions(source=path, to_format="csv", bundle=places["poorer"], renew=True))


def test_what_knows_no_words_is_played_and_says_so_where_they_are_asked_for(places: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "old.semeq.json"
    write_file(path, meaning(places["one"], "warm"))
    assert json.loads(path.read_bytes())["version"] == "1.0"
    assert convert_preset(ConvertOptions(source=path, to_format="csv")).warnings == ()
    result = convert_preset(ConvertOptions(source=path, to_format="csv", renew=True))
    assert result.warnings == (f"{path}: holds no words to renew; what was saved is played",)
    assert result.preset.eq == meaning(places["one"], "warm")


def test_words_are_lost_with_a_note_once_somebody_changes_the_bands(places: dict[str, Path], tmp_path: Path) -> None:
    path = saved(tmp_path, places["one"], Words("bright"))
    preset = read_file(path)
    assert preset.eq is not None
    changed = replace(preset, eq=preset.eq.scaled(1.01))
    (note,) = write_file(tmp_path / "changed.semeq.json", changed).notes
    assert str(note) == "words bright: the bands were changed since (dropped)"
    assert read_file(tmp_path / "changed.semeq.json").words is None
    document = json.loads(path.read_bytes())
    document["preset"]["eq"]["bands"][0]["gain_db"] += 0.5  # by hand, or by a version that knows no words
    path.write_text(json.dumps(document))
    edited = read_file(path)
    assert (edited.words, [str(note) for note in edited.notes]) == (None, [str(note)])
    assert edited.eq is not None
    assert edited.eq.bands[0].gain_db == preset.eq.bands[0].gain_db + 0.5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bundle_sha256": "abc"}, "words: bundle_sha256 is not 64 hexadecimal digits"),
        ({"intensity": 7.0}, "words: intensity 7 is outside -3..3"),
        ({"weights": []}, "words: a target needs at least one word"),
        ({"weights": [["warm", "much"]]}, "words: Expected `float`, got `str`"),
        ({"weights": [["warm", 1.0], ["warm", 2.0]]}, "words: a word occurs twice"),
        ({"eq": {"bands": 3}}, "words: bands 3 is not a list"),
        ({"more": 1}, "words: Object contains unknown field `more`"),
    ],
)
def test_damaged_words_are_refused(places: dict[str, Path], tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = saved(tmp_path, places["one"], Words("bright"))
    document = json.loads(path.read_bytes())
    document["preset"]["words"] |= change
    path.write_text(json.dumps(document))
    with pytest.raises(PresetReadError, match=re.escape(why)):
        read_file(path)
    document["version"] = "1.0"  # which knew no words: somebody's own key
    path.write_text(json.dumps(document))
    write_file(tmp_path / "again.semeq.json", read_file(path))
    assert json.loads((tmp_path / "again.semeq.json").read_bytes()) == document


def stems(folder: Path, count: int = 2) -> Path:
    (folder / "in").mkdir()
    for index in range(count):
        samples = np.random.default_rng(index).uniform(-0.1, 0.1, (4_800, 1))
        soundfile.write(folder / "in" / f"{index}.wav", samples, 48_000, subtype="DOUBLE")
    return folder / "in"


def process(folder: Path, **wishes: object) -> StemsResult:
    return process_stems(StemsOptions(audio=[folder], output=f"{folder.parent / 'out'}/", workers=0, **wishes))  # type: ignore[arg-type]


def heard(folder: Path, eq: EqSettings) -> bool:
    """Whether the outputs are the inputs through an EQ."""
    return all(
        np.allclose(soundfile.read(folder.parent / "out" / path.name)[0], apply_eq(eq, soundfile.read(path)[0][None], 48_000)[0], atol=1e-9)
        for path in folder.iterdir()
    )


def test_stems_play_a_saved_preset_as_it_was_unless_it_is_renewed(places: dict[str, Path], tmp_path: Path) -> None:
    path, folder = saved(tmp_path, places["one"], Words("bright")), stems(tmp_path)
    result = process(folder, preset=str(path), bundle=places["moved"])
    assert ["something else in this bundle" in line for line in result.warnings] == [True]
    assert heard(folder, meaning(places["one"], "bright"))
    (line,) = process(folder, preset=str(path), bundle=places["moved"], renew=True, how=ProcessOptions(overwrite=True)).warnings
    assert "bright means what this bundle says" in line
    assert heard(folder, meaning(places["moved"], "bright"))


def resumed(result: StemsResult) -> list[bool]:
    return [bool(stem.to_dict().get("resumed")) for stem in result.stems]


def swap(place: Path, bundle: Path) -> None:
    """Put another bundle in the place of one, as an update of the factory's does."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(bundle, place)


def test_another_bundle_is_another_intent_for_a_journal(places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factory's, which no key of a journal names, and one with a name of its own."""
    folder, place = stems(tmp_path), tmp_path / "factory"
    monkeypatch.setattr("semeq_export.bundle.loading.factory_path", lambda: place)
    swap(place, places["one"])
    process(folder, target="bright")
    lines = [json.loads(line) for line in (tmp_path / "out" / JOURNAL).read_text().splitlines()]
    assert {line["bundle_sha256"] for line in lines} == {read_identity(places["one"])}
    done = [line["entry"] for line in lines if "done" in line]
    assert [(entry["target"], rounded(EqSettings.from_dict(entry["eq"]))) for entry in done] == [
        ("bright", meaning(places["one"], "bright"))
    ] * 2
    again = process(folder, target="bright", resume=True)
    assert (resumed(again), again.warnings) == ([True, True], ())
    swap(place, places["moved"])
    other = process(folder, target="bright", resume=True)
    assert resumed(other) == [False, False]
    assert other.warnings == ("2 of 2 outputs were made with another bundle; they are made again",)
    assert heard(folder, Engine(load_bundle(places["moved"])).eq_for("bright"))
    assert resumed(process(folder, target="bright", resume=True)) == [True, True]
    assert resumed(process(folder, target="bright", resume=True, bundle=places["one"])) == [False, False]


def test_a_bundle_decides_nothing_where_no_words_are(places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, place = stems(tmp_path), tmp_path / "factory"
    monkeypatch.setattr("semeq_export.bundle.loading.factory_path", lambda: place)
    (tmp_path / "c.toml").write_text("[[plugin]]\ntype = 'Gain'\ngain_db = -3\n")
    (tmp_path / "w.toml").write_text("[[plugin]]\ntype = 'SemanticEq'\ntarget = 'bright'\n")
    write_file(tmp_path / "eq.semeq.json", meaning(places["one"], "bright"))
    cases = (("preset", "eq.semeq.json", True), ("chain", "c.toml", True), ("chain", "w.toml", False))
    for kind, name, is_resumed in cases:
        wishes = {kind: str(tmp_path / name)}
        swap(place, places["one"])
        process(folder, **wishes, how=ProcessOptions(overwrite=True))
        swap(place, places["moved"])
        assert resumed(process(folder, **wishes, resume=True)) == [is_resumed] * 2


def test_a_journal_without_bundles_is_resumed_as_before(places: dict[str, Path], tmp_path: Path) -> None:
    folder = stems(tmp_path)
    process(folder, target="bright", bundle=places["one"])
    journal = tmp_path / "out" / JOURNAL
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.write_text("".join(json.dumps({key: value for key, value in line.items() if key != "bundle_sha256"}) + "\n" for line in lines))
    assert resumed(process(folder, target="bright", bundle=places["one"], resume=True)) == [True, True]


def test_in_place_another_bundle_is_refused_as_other_wishes_are(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, place = stems(tmp_path), tmp_path / "factory"
    monkeypatch.setattr("semeq_export.bundle.loading.factory_path", lambda: place)
    swap(place, places["one"])
    how = ProcessOptions(in_place=True)
    process(folder, target="bright", how=how)
    swap(place, places["moved"])
    with pytest.raises(OutputError, match="was processed in place before"):
        process(folder, target="bright", how=how, resume=True)


@pytest.mark.parametrize("format_id", ["semeq-json", "dawproject"])
def test_presets_beside_stems_keep_the_words(places: dict[str, Path], tmp_path: Path, format_id: str) -> None:
    folder = stems(tmp_path)
    result = process(folder, target="a bit of bright", intensity=0.8, export_preset=format_id, bundle=places["one"])
    for stem in result.stems:
        assert stem.preset is not None
        preset = read_file(stem.preset.path)
        assert preset.words is not None
        assert preset.words.is_played_by(preset.eq)
        assert preset.words.eq == Engine(load_bundle(places["one"])).eq_for(preset.words.target)
        assert preset.words.bundle_sha256 == read_identity(places["one"])


def test_a_daw_session_keeps_the_words_of_each_track_beside_the_bands(places: dict[str, Path], tmp_path: Path) -> None:
    folder, path = stems(tmp_path, 3), tmp_path / "song.dawproject"
    rules = (StemRule("1*", {"target": "bright"}), StemRule("2*", {"target": "warm:0.7,bright:0.3"}))
    write_session(SessionOptions(audio=[folder], output=path, rules=rules, intensity=1.3, bundle=places["one"]))
    with zipfile.ZipFile(path) as archive:
        words = unpack_words(archive.read(WORDS))
    assert [None if one is None else (str(one.target), one.eq) for one in words] == [
        None,
        ("bright", meaning(places["one"], "bright", 1.3)),
        ("warm:0.7,bright:0.3", meaning(places["one"], "warm:0.7,bright:0.3", 1.3)),
    ]
    preset = read_file(path)
    assert (preset.words, preset.format) == (words[1], "dawproject")
    result = convert_preset(ConvertOptions(source=path, destination=tmp_path / "new.dawproject", bundle=places["moved"], renew=True))
    assert "bright means what this bundle says" in result.warnings[0]
    renewed = read_file(tmp_path / "new.dawproject")
    assert renewed.words == SavedWords(
        SemanticTarget({"bright": 1.0}, 1.3), meaning(places["moved"], "bright", 1.3), read_identity(places["moved"])
    )
    with zipfile.ZipFile(tmp_path / "new.dawproject") as archive:
        assert unpack_words(archive.read(WORDS))[2] == words[2]
    (line,) = convert_preset(ConvertOptions(source=path, to_format="csv", bundle=places["moved"])).warnings
    assert "bright means something else in this bundle" in line


def test_a_daw_session_without_words_has_no_entry_for_them(tmp_path: Path) -> None:
    write_file(tmp_path / "eq.dawproject", EqSettings((Band("peak", 1_000.0, 3.0),)))
    with zipfile.ZipFile(tmp_path / "eq.dawproject") as archive:
        assert archive.namelist() == ["metadata.xml", "project.xml"]
    assert read_file(tmp_path / "eq.dawproject").words is None


def test_the_command_line_says_it_in_its_own_words(places: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(saved(tmp_path, places["one"], Words("bright")))
    moved = ["--bundle", str(places["moved"])]
    assert _shared.run(cli, ["convert", path, "-", "--to", "semeq-json", *moved, "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[0].endswith("what was saved is played, --renew takes the new meaning")
    assert json.loads(captured.out)["warnings"] == captured.err.splitlines()[:1]
    assert _shared.run(cli, ["convert", path, "-", "--to", "semeq-json", *moved, "--renew", "-q"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["preset"]["words"]["bundle_sha256"] == read_identity(places["moved"])
    folder, out = str(stems(tmp_path)), str(tmp_path / "out") + "/"
    assert _shared.run(cli, ["process", folder, "--preset", path, "-o", out, "--workers", "0", *moved]) == 0
    assert "--renew takes the new meaning" in capsys.readouterr().err
    assert _shared.run(cli, ["process", folder, "--preset", path, "-o", out, "--workers", "0", "--force", "--renew", *moved]) == 0
    assert "bright means what this bundle says" in capsys.readouterr().err
