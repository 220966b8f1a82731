"""semeq-export terms"""

from __future__ import annotations

import json
from pathlib import Path

import bundles
import numpy as np
import pytest
from matplotlib.figure import Figure

from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import factory_path, load_bundle
from semeq_export.cli import _shared, cli


@pytest.fixture(scope="module", autouse=True)
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terms") / "tiny.semeq"
    bundles.write(path)
    return path


@pytest.fixture(autouse=True)
def use_bundle(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMEQ_BUNDLE", str(bundle))


def first_column(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("name", ["airy", "bright", "harsh", "warm"]),
        ("examples", ["harsh", "airy", "bright", "warm"]),
        ("agreement", ["harsh", "airy", "bright", "warm"]),
    ],
)
def test_words_are_listed_in_the_order_asked_for(capsys: pytest.CaptureFixture[str], sort: str, order: list[str]) -> None:
    assert _shared.run(cli, ["terms", "--sort", sort]) == 0
    out, err = capsys.readouterr()
    assert first_column(out) == order
    assert err == "1 word left out: of other languages; --language says of which\n"
    assert _shared.run(cli, ["terms", "--sort", sort, "--language", "all"]) == 0
    out, err = capsys.readouterr()
    assert (set(first_column(out)), err) == ({*order, "cálido"}, "")


def test_json_holds_the_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "--json"]) == 0
    terms = json.loads(capsys.readouterr().out)["terms"]
    assert [term["term"] for term in terms] == ["harsh", "airy", "bright", "warm"]
    assert terms[1] == {
        "term": "airy",
        "language": "en",
        "examples": 30,
        "sources": {"tiny": 5},
        "agreement": pytest.approx(0.2),
        "typical_intensity": 1.5,
        "is_weak": False,
        "note": "",
    }


def test_show_gives_the_eq_and_the_nearest_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "Warm"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("warm (en): 10 examples (5 from tiny)")
    assert "nearest: harsh " in out
    assert "weak: people do not agree on it" in out
    assert len([line for line in out.splitlines() if line.startswith(("low_shelf", "peak", "high_shelf"))]) in range(1, 5)
    assert _shared.run(cli, ["terms", "show", "Warm", "--language", "all"]) == 0
    assert "nearest: cálido 0." in capsys.readouterr().out


def test_show_json_has_stable_keys(capsys: pytest.CaptureFixture[str], bundle: Path) -> None:
    for arguments in (["terms", "show", "warm", "--json"], ["terms", "--bundle", str(bundle), "show", "warm", "--json"]):
        assert _shared.run(cli, arguments) == 0
        document = json.loads(capsys.readouterr().out)
        evidence = {"term", "language", "examples", "sources", "agreement", "typical_intensity", "is_weak", "note"}
        assert set(document) == evidence | {"eq", "nearest_terms", "understood", "span_db", "typical_gesture"}
        assert document["eq"]["bands"][0]["gain_db"] > 3.0
        assert document["nearest_terms"][0]["term"] == "harsh"


def test_unknown_word_ends_with_2_and_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "wram"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "semeq-export: unknown term 'wram'; did you mean 'warm'?\n"


def test_bad_bundle_ends_with_2_and_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert _shared.run(cli, ["terms", "--bundle", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "manifest.json is missing" in err


FACTORY = str(factory_path())


def test_show_says_what_people_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "show", "warm", "--json", "--bundle", FACTORY]) == 0
    people = json.loads(capsys.readouterr().out)["people"]
    assert people["boosted"]["low-mid"] > 0.6 > people["cut"]["low-mid"]
    assert people["opposites"][0]["correlation"] < -0.5
    assert len(people["mean_db"]) == len(people["spread_db"]) == len(people["freqs_hz"]) == 32
    assert _shared.run(cli, ["terms", "show", "harsh", "--bundle", FACTORY]) == 0
    assert "note: the data sets disagree" in capsys.readouterr().out


def test_pictures_are_written_once_unless_forced(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["terms", "--bundle", FACTORY, "--plot", str(tmp_path / "words"), "-q"]
    assert _shared.run(cli, arguments) == 0
    names = {file.name for file in (tmp_path / "words").iterdir()}
    assert names == {"curves.png", "regions.png", "correlation.png", "map-pca.png", "map-tsne.png"}
    monkeypatch.setattr("semeq_export.plot.terms.figures", lambda *_: {"curves": Figure()})
    assert _shared.run(cli, arguments) == 2
    assert "--force" in capsys.readouterr().err


def test_words_of_a_preset(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    preset = str(tmp_path / "bright.txt")
    assert _shared.run(cli, ["preset", "--bundle", FACTORY, "-t", "bright", "-f", "eqapo", "-o", preset, "-q"]) == 0
    assert _shared.run(cli, ["terms", "of", preset, "--bundle", FACTORY, "--json"]) == 0
    terms = json.loads(capsys.readouterr().out)["terms"]
    assert terms[0]["term"] == "bright"
    assert terms[0]["probability"] > 0.5
    assert terms[0]["distance_db"] < 0.5
    assert _shared.run(cli, ["terms", "of", preset, "--language", "es", "--bundle", FACTORY]) == 0
    assert "brillante" in capsys.readouterr().out
    assert _shared.run(cli, ["terms", "of", preset]) == 2  # the tiny bundle holds no evidence
    assert "has no evidence.json" in capsys.readouterr().err


def test_a_word_of_ones_own_works_everywhere_a_word_works(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    presets = []
    for index, target in enumerate(("airy", "airy:0.7,thin:0.3", "airy:0.6,crisp:0.4")):
        presets.append(str(tmp_path / f"{index}.txt"))
        assert _shared.run(cli, ["preset", "--bundle", FACTORY, "-t", target, "-f", "eqapo", "-o", presets[-1], "-q"]) == 0
    mine = str(tmp_path / "mine.semeq")
    assert _shared.run(cli, ["terms", "add", "Silk", *presets, "-o", mine, "--bundle", FACTORY, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["term"], document["sources"], document["examples"]) == ("silk", {"own presets": 3}, 3)
    assert document["error_db"] < 0.5
    assert _shared.run(cli, ["validate", mine, "--level", "3"]) == 0
    for arguments in (
        ["preset", "-t", "silk:0.5,warm:0.5", "-f", "eqapo"],
        ["plot", "-t", "silk", "-o", str(tmp_path / "silk.svg")],
        ["terms", "show", "silk"],
        ["terms", "morph", "silk", "warm"],
    ):
        assert _shared.run(cli, [*arguments, "--bundle", mine]) == 0, arguments
    capsys.readouterr()
    assert _shared.run(cli, ["terms", "of", presets[0], "--bundle", mine, "--json"]) == 0
    assert "silk" in [term["term"] for term in json.loads(capsys.readouterr().out)["terms"]][:2]
    assert _shared.run(cli, ["terms", "add", "silk", *presets[:2], "-o", mine, "--bundle", FACTORY, "--force"]) == 2
    assert "needs 3 or more presets, found 2" in capsys.readouterr().err
    assert _shared.run(cli, ["terms", "add", "warm", *presets, "-o", str(tmp_path / "no.semeq"), "--bundle", FACTORY]) == 2
    assert "is a word of the bundle already" in capsys.readouterr().err
    assert not (tmp_path / "no.semeq").exists()


def test_a_morph_is_even_and_says_how_far_it_leaves_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["terms", "morph", "warm", "bright", "--bundle", FACTORY, "--json"]) == 0
    path = json.loads(capsys.readouterr().out)
    assert len(path["eqs"]) == len(path["departures_db"]) == 11
    assert max(path["steps_db"]) <= 2.0 * sum(path["steps_db"]) / 10
    assert max(path["departures_db"]) <= 0.5
    assert path["departures_db"][0] == pytest.approx(0.0, abs=1e-9)
    assert path["departures_db"][-1] == pytest.approx(0.0, abs=1e-9)
    assert _shared.run(cli, ["terms", "morph", "warm", "nothing", "--bundle", FACTORY]) == 2


COLD = "cold is a weak word: people do not agree on it (agreement 0.06)"


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    (tmp_path / "stems").mkdir()
    noise = np.random.default_rng(1).standard_normal((1, 48_000)).astype(np.float32) * 0.1
    for name in ("a", "b"):
        write_audio(tmp_path / "stems" / f"{name}.wav", Audio(noise, 48_000))
    (tmp_path / "chain.toml").write_text('[[plugin]]\ntype = "SemanticEq"\ntarget = "cold"\n')
    (tmp_path / "warm.txt").write_text("Filter 1: ON LSC Fc 150 Hz Gain 3 dB\n")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["preset", "-t", "cold:0.5,warm:0.5", "-f", "eqapo"],
        ["preset", "-t", "warm,cold:-0.2", "-f", "eqapo", "--adapt-to", "stems/a.wav"],
        ["plot", "-t", "cold", "-t", "warm,Cold", "-o", "cold.svg"],
        ["process", "stems", "-t", "cold", "-o", "out", "--workers", "0"],
        ["process", "stems", "--stem", "a*=cold", "--stem", "b*=cold:2,warm", "-o", "out", "--dry-run"],
        ["process", "stems", "-t", "warm", "--chain", "chain.toml", "-o", "out", "--workers", "0"],
        ["session", "stems", "-t", "warm", "--stem", "b*=cold", "-o", "s.dawproject"],
        ["analyze", "stems", "--words", "warm,cold"],
        ["analyze", "stems/a.wav", "-t", "cold", "--plot", "a.svg"],
        ["terms", "morph", "warm", "cold"],
    ],
    ids=lambda arguments: " ".join(arguments[:4]),
)
def test_a_word_without_agreement_is_used_with_a_note_in_every_verb(
    stems: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.chdir(stems)
    assert _shared.run(cli, [*arguments, "--bundle", FACTORY, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["doubts"] == [COLD]
    assert err.splitlines().count(COLD) == 1


def test_verify_says_it_too(stems: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(stems)
    assert _shared.run(cli, ["verify", "warm.txt", "-t", "cold", "--bundle", FACTORY]) == 3  # something else than cold
    assert COLD in capsys.readouterr().err.splitlines()


def test_a_word_that_the_data_sets_disagree_about_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert _shared.run(cli, ["preset", "--bundle", FACTORY, "-f", "eqapo", "-t", "harsh", "-q"]) == 0
    assert capsys.readouterr().err == ""
    assert _shared.run(cli, ["preset", "--bundle", FACTORY, "-f", "eqapo", "-t", "harsh"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("harsh")]
    assert _shared.run(cli, ["preset", "--bundle", FACTORY, "-f", "eqapo", "-t", "warm"]) == 0
    assert "agree" not in capsys.readouterr().err
    assert line.startswith("harsh is a weak word: people do not agree on it (agreement 0.00); the data sets disagree (correlation 0.29)")


def test_a_library_holds_the_words_that_people_agree_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert _shared.run(cli, ["preset", "--all-terms", "-f", "eqapo", "-o", out, "--dry-run", "--bundle", FACTORY, "--json"]) == 0
    captured = capsys.readouterr()
    words = [entry["target"] for entry in json.loads(captured.out)["presets"] if entry["target"] is not None]
    bank = load_bundle().centroids
    english = [term for term in bank.values() if term.language == "en"]
    assert words == [term.name for term in english if not (term.is_weak or term.is_variant)]
    assert f"{len(english) - len(words)} words left out: weak, or of some people only; ask for them by name\n" in captured.err
    assert "words left out: of other languages; --language says of which\n" in captured.err


def test_the_command_line_beats_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a group's options too: `terms --bundle X show` was the environment's bundle."""
    tiny = str(tmp_path / "tiny.semeq")
    bundles.write(tiny)
    for environment, arguments, has_agreement in (
        (tiny, ["terms", "--bundle", FACTORY, "show", "warm"], True),
        (tiny, ["terms", "show", "warm", "--bundle", FACTORY], True),
        (FACTORY, ["terms", "--bundle", tiny, "show", "warm"], False),
        (FACTORY, ["terms", "--bundle", FACTORY, "show", "warm", "--bundle", tiny], False),
        (tiny, ["terms", "show", "warm"], False),
        (FACTORY, ["terms", "--bundle", tiny, "morph", "warm", "cálido"], False),
    ):
        monkeypatch.setenv("SEMEQ_BUNDLE", environment)
        assert _shared.run(cli, arguments) == 0, arguments
        assert ("region     boost  cut" in capsys.readouterr().out) is has_agreement, arguments
