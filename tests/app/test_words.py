"""Words, what audio sounds like in words, kits and times as values."""

from __future__ import annotations

import math
from pathlib import Path

import bundles
import numpy as np
import pytest
import sounds
from strategies import T5

from semeq_export.app.analysis import AnalysisOptions, AnalyzedFile, analyze_files, learn_reference
from semeq_export.app.benchmarks import BenchOptions, measure_latency
from semeq_export.app.kit import KitOptions, export_kit
from semeq_export.app.terms import (
    AddTermOptions,
    MorphOptions,
    PresetTermsOptions,
    TermOptions,
    TermsOptions,
    add_term,
    find_terms_of_preset,
    list_terms,
    morph_terms,
    show_term,
)
from semeq_export.audio.writer import write_audio
from semeq_export.bundle.loading import load_bundle
from semeq_export.errors import AudioError, IntentError, InvalidTargetError, OutputError, UnknownTermError
from semeq_presets import write_file


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "tiny.semeq"
    bundles.write(path)
    return path


def test_words_come_in_the_order_and_language_asked_for(bundle: Path) -> None:
    result = list_terms(TermsOptions(bundle=bundle, sort="name", language="en"))
    assert [term.name for term in result.terms] == ["airy", "bright", "harsh", "warm"]


def test_lists_hold_what_people_agree_on_in_one_language() -> None:
    bank = load_bundle().centroids
    english = list_terms(TermsOptions(sort="name"))
    assert [term.name for term in english.terms] == bank.usual_words("en")
    assert {term.language for term in english.terms} == {"en"}
    assert not any(term.is_weak or term.is_variant for term in english.terms)
    spanish, both = (list_terms(TermsOptions(sort="name", language=language)) for language in ("es", None))
    assert {term.name for term in english.terms} | {term.name for term in spanish.terms} == {term.name for term in both.terms}
    weak, foreign = english.notes
    hidden = sum(term.language == "en" for term in bank.values()) - len(english.terms)
    assert weak == f"{hidden} words left out: weak, or of some people only; ask for them by name"
    assert foreign == f"{len(spanish.terms)} words left out: of other languages; `language` says of which"
    assert len(both.notes) == 1
    everything = list_terms(TermsOptions(sort="name", language=None, with_weak=True))
    assert ([term.name for term in everything.terms], everything.notes) == (list(bank), ())
    assert {"cold", "warm@metal"} <= {term.name for term in list_terms(TermsOptions(with_weak=True)).terms}


@pytest.mark.parametrize(("language", "expected"), [("", {"en"}), ("es", {"es"}), (None, {"en", "es"})])
def test_words_like_a_word_are_of_its_language_unless_others_are_asked_for(language: str | None, expected: set[str]) -> None:
    bank = load_bundle().centroids
    found = [show_term(TermOptions(word=word, language=language)) for word in ("warm", "cold", "bright")]
    near = [name for result in found for name, _ in result.nearest]
    alike = [name for result in found if result.people is not None for name, _ in (*result.people.synonyms, *result.people.opposites)]
    assert {bank[name].language for name in near} == expected
    assert {bank[name].language for name in alike} <= expected
    assert not any(bank[name].is_weak or bank[name].is_variant for name in (*near, *alike))
    assert {bank[name].language for name, _ in show_term(TermOptions(word="suave")).nearest} == {"es"}


def test_a_word_has_an_eq_and_neighbours(bundle: Path) -> None:
    result = show_term(TermOptions(word="warm", bundle=bundle))
    assert result.term.name == "warm"
    assert result.eq.bands
    assert "warm" not in dict(result.nearest)
    assert result.people is None
    with pytest.raises(UnknownTermError):
        show_term(TermOptions(word="wram", bundle=bundle))


def test_a_word_may_be_named_in_any_form_but_one_at_a_time() -> None:
    result = show_term(TermOptions(word="brightness"))
    assert (result.term.name, result.to_dict()["understood"]) == ("bright", {"brightness": {"weights": {"bright": 1.0}, "left_out": []}})
    with pytest.raises(InvalidTargetError, match="is of several words; show them one by one: warm, bright"):
        show_term(TermOptions(word="warm and bright"))


def test_people_are_counted_where_the_bundle_has_evidence() -> None:
    people = show_term(TermOptions(word="warm")).people
    assert people is not None
    assert people.mean_db is not None
    assert people.mean_db.shape == people.freqs_hz.shape
    assert set(people.to_dict()) == {
        *("synonyms", "opposites", "boosted", "cut", "freqs_hz", "mean_db", "spread_db"),
        *("span_db", "borrowed", "interval_db"),
    }


def test_a_preset_is_like_words(tmp_path: Path) -> None:
    write_file(tmp_path / "t5.json", T5, format="semeq-json")
    result = find_terms_of_preset(PresetTermsOptions(preset=tmp_path / "t5.json", top=3))
    assert (len(result.terms), result.format) == (3, "semeq-json")
    assert result.terms[0].probability >= result.terms[1].probability


def test_a_word_of_ones_own_needs_three_presets(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.json" for index in range(3)]
    for index, path in enumerate(paths):
        write_file(path, T5.scaled(1.0 + 0.2 * index), format="semeq-json")
    result = add_term(AddTermOptions(word="velvet", presets=paths, output=tmp_path / "mine.semeq"))
    assert (result.term.name, result.term.examples) == ("velvet", 3)
    assert result.error_db >= 0.0
    assert "velvet" in load_bundle(tmp_path / "mine.semeq").centroids
    with pytest.raises(InvalidTargetError):
        add_term(AddTermOptions(word="velvet", presets=paths[:2], output=tmp_path / "other.semeq"))


def test_a_morph_is_even_and_says_its_doubts(bundle: Path) -> None:
    result = morph_terms(MorphOptions(start="warm", end="airy", steps=4, bundle=bundle))
    assert len(result.path.eqs) == 4
    assert max(result.path.steps_db) < 1.3 * np.mean(result.path.steps_db)
    assert set(result.to_dict()) == {"doubts", "understood", "steps_db", "departures_db", "eqs"}


def test_a_morph_takes_words_in_any_form_and_nothing_else() -> None:
    named = morph_terms(MorphOptions(start="warm", end="bright", steps=3))
    formed = morph_terms(MorphOptions(start="warmth", end="brighter", steps=3))
    assert (formed.path, named.understood) == (named.path, {})
    assert [phrase.line for phrase in formed.understood.values()] == ["understood: warm 1", "understood: bright 1"]
    for text, understood in (("slightly warm", "warm 0.5"), ("warm and bright", "warm 0.5, bright 0.5"), ("less muddy", "muddy -0.6")):
        with pytest.raises(InvalidTargetError, match=f"understood as {understood}; a morph goes from a word to a word"):
            morph_terms(MorphOptions(start=text, end="airy"))


def test_a_file_that_cannot_be_heard_does_not_stop_the_others(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", sounds.performance(3.0))
    (tmp_path / "b.wav").write_bytes(b"no audio")
    seen: list[tuple[AnalyzedFile, int]] = []
    options = AnalysisOptions(audio=[tmp_path], top=2, words=["warm", "bright"])
    result = analyze_files(options, on_file=lambda file, count: seen.append((file, count)))
    heard, failed = result.files
    assert heard.profile is not None
    assert len(heard.profile.entries) == 2
    assert isinstance(failed.error, AudioError)
    assert failed.to_dict()["code"] == "audio"
    assert seen == [(heard, 2), (failed, 2)]


def test_a_reference_is_learned_from_what_can_be_heard(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", sounds.performance(3.0))
    (tmp_path / "b.wav").write_bytes(b"no audio")
    learned = learn_reference(tmp_path, tmp_path / "mine.json")
    assert ([path.name for path in learned.new], learned.known, len(learned.errors)) == (["a.wav"], 0, 1)
    again = learn_reference(tmp_path, tmp_path / "mine.json")
    assert (again.new, again.known) == ((), 1)
    assert learn_reference(tmp_path, tmp_path / "mine.json", overwrite=True).known == 0


def test_a_picture_is_of_one_file_and_a_target_needs_one(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name, sounds.performance(1.0))
    with pytest.raises(IntentError, match="`picture` draws one file, found 2"):
        analyze_files(AnalysisOptions(audio=[tmp_path], picture=tmp_path / "p.svg"))
    with pytest.raises(IntentError):
        AnalysisOptions(audio=[tmp_path], target="warm")
    result = analyze_files(AnalysisOptions(audio=[tmp_path / "a.wav"], target="warm", picture=tmp_path / "p.svg"))
    assert result.files[0].error is None
    assert (tmp_path / "p.svg").is_file()


def test_a_sealed_bundle_says_what_was_checked(bundle: Path, tmp_path: Path) -> None:
    options = KitOptions(source=bundle, output=tmp_path / "small.semeq", with_kit=False, terms=["warm", "bright"])
    result = export_kit(options)
    assert set(load_bundle(tmp_path / "small.semeq").centroids) == {"warm", "bright"}
    assert result.checked[-1] == "semeq.hpp not checked: only a kit has its vectors"
    assert result.size_bytes == sum(entry.size for entry in result.manifest.files.values())
    with pytest.raises(OutputError, match="use `overwrite`"):
        export_kit(options)


def test_times_are_held_against_a_limit(bundle: Path, tmp_path: Path) -> None:
    result = measure_latency(BenchOptions(bundle=bundle, seconds=0.05, block_sizes=[256], max_p99_ms=1e-6, figure=tmp_path / "f.svg"))
    assert not result.is_within
    assert math.isfinite(result.worst_p99_ms)
    assert result.native is None
    assert result.to_dict()["is_within_limit"] is False
    assert (tmp_path / "f.svg").is_file()
