"""Guesses for words that nobody taught: read strictly, labelled everywhere, asked for where doubtful, and never used by what listens."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sounds
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from semeq_export.audio.samples import Audio
from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import Bundle, load_bundle, write_bundle
from semeq_export.bundle.store import GUESSES, MANIFEST
from semeq_export.bundle.validate import validate
from semeq_export.cli import _shared, cli
from semeq_export.engine import FIT_RATE_HZ, Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import correlation, level_free, log_grid
from semeq_export.errors import BundleFormatError, DoubtfulTermError, InvalidTargetError, UnknownTermError
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.guesses import MAX_BYTES, NO_GUESSES, ChartBand, Guess, Guesses, Source
from semeq_export.words.target import SemanticTarget

RUN_TABLE = ROOT / "training" / "recipes" / "default" / GUESSES


def curve(tilt_db: float) -> np.ndarray:
    return np.round(np.linspace(-tilt_db, tilt_db, N_POINTS), 1)


def table() -> Guesses:
    """One word of each level."""
    near = (("bright", 0.61), ("light", 0.6))
    guesses = [
        Guess("glimmer", ("en",), curve(3.0), 0.5, 0, near, (ChartBand(6_000.0, 15_000.0, 1.0),), ("chart",)),
        Guess("plummy", ("en",), curve(-3.0), 0.3, 2, near),
        Guess("comfy", ("en",), curve(-2.0), 0.15, 0, (("warm", 0.7),)),
        Guess("greyish", ("en", "es"), curve(1.0), 0.01, 0, (("dark", 0.4),)),
        Guess("muy raro", ("es",), curve(2.0), 0.6, 1),
        Guess("unheard", ("en",), curve(2.0), 0.9),
    ]
    return Guesses({guess.word: guess for guess in guesses}, 0.1, 0.2, 0.4, "none 1.0", {"chart": Source("A chart", "https://example.org")})


def bundle(data: bytes | None = None) -> Bundle:
    factory = load_bundle(None)
    return replace(factory, files={**factory.files, GUESSES: table().to_json() if data is None else data})


@pytest.fixture(scope="module")
def bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("guesses") / "guessing.semeq"
    whole = bundle()
    write_bundle(path, whole.manifest, {name: data for name, data in whole.files.items() if name != MANIFEST})
    return path


def test_a_table_is_read_as_it_was_written() -> None:
    data = table().to_json()
    again = Guesses.from_json(data)
    assert again.to_json() == data
    assert again["glimmer"].bands == table()["glimmer"].bands
    assert again["glimmer"].near == table()["glimmer"].near
    np.testing.assert_array_equal(again["plummy"].curve_db, curve(-3.0))


WRONG: dict[str, tuple[tuple[str, ...], Any]] = {  # Any: JSON
    "31 points": (("words", "glimmer", "curve_db"), [0.0] * 31),
    "a level": (("words", "glimmer", "curve_db"), [1.0] * 32),
    "too loud": (("words", "glimmer", "curve_db"), [31.0, -31.0] * 16),
    "a text for a number": (("words", "glimmer", "confidence"), "0.5"),
    "confidence over 1": (("words", "glimmer", "confidence"), 1.5),
    "rows below 0": (("words", "glimmer", "rows"), -1),
    "a third language": (("words", "glimmer", "languages"), ["fr"]),
    "a language twice": (("words", "glimmer", "languages"), ["en", "en"]),
    "no language": (("words", "glimmer", "languages"), []),
    "a band the wrong way round": (("words", "glimmer", "chart"), [[9_000.0, 500.0, 1.0]]),
    "a band of nothing": (("words", "glimmer", "chart"), [[500.0, 9_000.0, 0.0]]),
    "no such source": (("words", "glimmer", "sources"), ["other"]),
    "a chart without a source": (("words", "glimmer", "sources"), []),
    "near no word": (("words", "glimmer", "near"), [["Bright", 0.5]]),
    "levels that fall": (("levels", "medium"), 0.05),
    "a level of 0": (("levels", "doubtful"), 0.0),
    "capitals": (("words", "Glimmer"), {"languages": ["en"], "curve_db": [0.0] * 32, "confidence": 0.5}),
    "a path": (("words", "../glimmer"), {"languages": ["en"], "curve_db": [0.0] * 32, "confidence": 0.5}),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_wrong_table_is_refused_on_one_line(why: str) -> None:
    place, value = WRONG[why]
    document = json.loads(table().to_json())
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(BundleFormatError, match=r"^guesses\.json: [^\n]+$"):
        Guesses.from_json(json.dumps(document).encode())


def test_a_table_that_is_too_large_is_neither_written_nor_read() -> None:
    many = {f"w{number}": Guess(f"w{number}", ("en",), curve(3.3), 0.5) for number in range(3_000)}
    with pytest.raises(BundleFormatError, match="more than 400000"):
        replace(table(), guesses=many).to_json()
    with pytest.raises(BundleFormatError, match="over the limit"):
        Guesses.from_json(b" " * (MAX_BYTES + 1))


@given(st.binary(max_size=200))
def test_noise_is_no_table(data: bytes) -> None:
    with pytest.raises(BundleFormatError):
        Guesses.from_json(data)


def test_validate_finds_a_bad_table(bundle_path: Path, tmp_path: Path) -> None:
    assert not [finding for finding in validate(bundle_path) if finding.where == GUESSES]
    whole = bundle(b"{}")
    write_bundle(tmp_path / "bad.semeq", whole.manifest, {name: data for name, data in whole.files.items() if name != MANIFEST})
    assert [finding.where for finding in validate(tmp_path / "bad.semeq") if finding.severity == "error"] == [GUESSES]


def test_a_guess_says_where_it_comes_from() -> None:
    line = "nobody taught it; nearest by use: bright .61, light .60; charts: 6-15 kHz; confidence high"
    assert table().line("glimmer") == f"glimmer: {line}"
    assert table().line("plummy").startswith("plummy: 2 people used it, too few to teach it; ")
    assert Engine(bundle()).doubts("glimmer") == [f"glimmer: {line}"]
    texts = [ChartBand(20, 150, -1).text, ChartBand(9_000, 20_000, 1).text, ChartBand(800, 2_000, 1).text]
    assert texts == ["less below 150 Hz", "above 9 kHz", "800 Hz-2 kHz"]


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("glimmer", {"glimmer": 1.0}),
        ("make it a bit more glimmering", {"glimmer": 0.5}),
        ("plummier", {"plummy": 1.0}),
        ("less glimmer", {"glimmer": -0.6}),
        ("glimmer:0.7,warm:0.3", {"glimmer": 0.7, "warm": 0.3}),
        ("un poco muy raro", {"muy raro": 0.5}),
    ],
)
def test_a_sure_guess_is_understood_and_named_as_one(text: str, weights: dict[str, float]) -> None:
    phrase = Engine(bundle()).understand(text)
    assert dict(phrase.weights) == weights
    guessed = tuple(word for word in weights if word != "warm")
    assert phrase.guesses == guessed
    assert phrase.to_dict()["estimated"] is True
    assert f"only guessed: {', '.join(guessed)}" in phrase.line


def test_without_a_table_nothing_is_guessed() -> None:
    engine = Engine(replace(load_bundle(None), files={k: v for k, v in load_bundle(None).files.items() if k != GUESSES}))
    assert engine.bundle.guesses is NO_GUESSES
    with pytest.raises(UnknownTermError):
        engine.eq_for("glimmer")
    assert "estimated" not in engine.understand("a bit warm").to_dict()


@pytest.mark.parametrize("text", ["comfy", "comfier", "warm and comfy", "comfy:0.5,warm:0.5"])
def test_a_doubtful_guess_has_to_be_asked_for(text: str) -> None:
    with pytest.raises(DoubtfulTermError, match="`guess`.*'warm'"):
        Engine(bundle()).understand(text)
    assert "comfy" in Engine(bundle(), guess=True).understand(text).weights


def test_what_neither_a_person_nor_a_chart_speaks_for_has_to_be_asked_for() -> None:
    assert table().level_of(table()["unheard"]) == "doubtful"
    with pytest.raises(DoubtfulTermError):
        Engine(bundle()).understand("unheard")
    assert "unheard" in Engine(bundle(), guess=True).understand("unheard").weights


def test_nobody_knows_how_far_people_turn_a_guess() -> None:
    with pytest.raises(InvalidTargetError, match="nobody taught 'glimmer', so nobody knows"):
        Engine(bundle()).typical_gesture("warm,glimmer")


@pytest.mark.parametrize("guess", [False, True])
def test_what_is_too_unsure_is_refused_with_what_is_near(guess: bool) -> None:
    engine = Engine(bundle(), guess=guess)
    with pytest.raises(UnknownTermError, match="nearest in meaning: 'dark'") as caught:
        engine.eq_for("greyish")
    assert not isinstance(caught.value, DoubtfulTermError)
    for target in (SemanticTarget({"greyish": 1.0}), "banana", "invoice", "xqvwz", "qwrt and warm"):
        with pytest.raises(UnknownTermError):
            engine.eq_for(target)
    with pytest.raises(DoubtfulTermError):
        Engine(bundle()).eq_for(SemanticTarget({"comfy": 1.0}))


def test_a_taught_word_is_no_guess() -> None:
    """Also where a table of another bundle has it."""
    of_warm = replace(table(), guesses={"warm": replace(table()["glimmer"], word="warm")})
    engine, plain = Engine(bundle(of_warm.to_json())), Engine(load_bundle(None))
    assert engine.eq_for("warm") == plain.eq_for("warm")
    assert engine.guessed_words("warm,bright") == []


def test_the_settings_of_a_guess_follow_its_curve() -> None:
    engine, grid = Engine(bundle(), exact=True), log_grid(N_POINTS)
    own = level_free(response_db(engine.eq_for("glimmer"), grid, FIT_RATE_HZ))
    assert correlation(own, curve(3.0)) > 0.97
    warm = level_free(response_db(engine.eq_for("warm"), grid, FIT_RATE_HZ))
    both = level_free(response_db(engine.eq_for("glimmer:0.5,warm:0.5"), grid, FIT_RATE_HZ))
    np.testing.assert_allclose(both, 0.5 * curve(3.0) + 0.5 * warm, atol=1.0)
    twice = level_free(response_db(engine.eq_for("glimmer:2"), grid, FIT_RATE_HZ))
    np.testing.assert_allclose(twice, 2.0 * curve(3.0), atol=1.0)


def test_what_listens_never_uses_guesses() -> None:
    engine = Engine(bundle(), guess=True)
    noise = Audio(np.random.default_rng(1).standard_normal((1, 48_000)).astype(np.float32) * 0.1, 48_000.0)
    for call in (
        lambda: engine.adapt("warm,glimmer", noise),
        lambda: engine.suggest_intensity("glimmer", noise),
        lambda: engine.typical_intensity("glimmer"),
        lambda: engine.term_bands_db("glimmer"),
    ):
        with pytest.raises(InvalidTargetError, match="nobody taught 'glimmer'"):
            call()
    shown = engine.terms_of(engine.eq_for("glimmer"), top=100, language=None)
    assert not {word for word, _, _ in shown} & set(table().guesses)
    assert not {word for word, _ in engine.nearest_terms(engine.eq_for("glimmer"), top=100)} & set(table().guesses)
    described = engine.profile(noise, top=100)
    assert not set(table().guesses) & {entry.word for entry in described.entries}


def test_presets_say_that_they_are_estimated(bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["-f", "semeq-json", "--bundle", str(bundle_path), "--json"]
    assert _shared.run(cli, ["preset", "-t", "glimmer", *arguments]) == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["estimated"] is True
    assert document["understood"]["glimmer"]["estimated"] is True
    assert document["name"] == "Glimmer (guess)"
    assert json.loads(document["content"])["preset"]["estimated"] is True
    assert "nobody taught it" in shown.err
    assert _shared.run(cli, ["preset", "-t", "warm", *arguments]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert "estimated" not in plain
    assert "estimated" not in json.loads(plain["content"])["preset"]


def test_a_doubtful_guess_needs_its_option(bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["preset", "-t", "comfy", "-f", "semeq-json", "--bundle", str(bundle_path)]
    assert _shared.run(cli, arguments) == 2
    assert capsys.readouterr().err == (
        "semeq-export: nobody taught 'comfy', and what it means is doubtful: use --guess to take it all the same; "
        "nearest in meaning: 'warm'\n"
    )
    assert _shared.run(cli, [*arguments, "--guess"]) == 0
    assert _shared.run(cli, ["terms", "show", "glimmer", "--bundle", str(bundle_path)]) == 2
    assert "glimmer: nobody taught it; " in capsys.readouterr().err


@pytest.mark.parametrize("place", ["of the run", "of the factory"])
def test_the_table_that_ships(place: str) -> None:
    files = load_bundle(None).files
    if place == "of the factory" and GUESSES not in files:
        pytest.skip("the factory bundle is not sealed with guesses yet")
    data = RUN_TABLE.read_bytes() if place == "of the run" else files[GUESSES]
    guesses = Guesses.from_json(data)
    assert len(data) < MAX_BYTES
    assert guesses.to_json() == data
    for language in ("en", "es"):
        usable = [g for g in guesses.guesses.values() if language in g.languages and guesses.level_of(g) != "refused"]
        assert len(usable) >= 200
    bank = load_bundle(None).centroids
    assert not [word for word in guesses.guesses if word in bank]
    for guess in guesses.guesses.values():
        assert {word for word, _ in guess.near} <= set(bank)
    for word in ("sparkle", "nasal", "sibilant"):
        assert guesses.level_of(guesses[word]) in ("medium", "high")


def test_stems_take_doubtful_guesses_where_they_are_asked_for(
    tmp_path: Path, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_audio(tmp_path / "a.wav", sounds.noise(0.1))
    arguments = ["process", str(tmp_path / "a.wav"), "-t", "comfy", "-o", str(tmp_path / "b.wav"), "--bundle", str(bundle_path)]
    assert _shared.run(cli, arguments) == 2
    assert "use --guess to take it all the same" in capsys.readouterr().err
    for workers in ("0", "1"):
        assert _shared.run(cli, [*arguments, "--guess", "--workers", workers, "--force"]) == 0
        assert "only guessed: comfy" in capsys.readouterr().err


def test_sessions_and_presets_of_stems_say_that_they_are_estimated(
    tmp_path: Path, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_audio(tmp_path / "a.wav", sounds.noise(0.1))
    shared = ["-t", "glimmer", "--bundle", str(bundle_path), "--json"]
    assert _shared.run(cli, ["session", str(tmp_path / "a.wav"), "-o", str(tmp_path / "s.dawproject"), *shared]) == 0
    assert json.loads(capsys.readouterr().out)["tracks"][0]["estimated"] is True
    folder = tmp_path / "out"
    assert _shared.run(cli, ["process", str(tmp_path / "a.wav"), "-o", f"{folder}/", "--export-preset", "semeq-json", *shared]) == 0
    (preset,) = folder.glob("*.json")
    assert json.loads(preset.read_bytes())["preset"]["words"]["estimated"] is True
