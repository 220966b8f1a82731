"""What analysis says, blind, of sounds whose EQ is known; and how adaptive doses spread with an EQ that was there before.

Nothing of a source is in the priors that it is judged by. Run: PYTHONPATH=tests python tests/bench/blind_report.py DATA [--record FILE]
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
import sounds
from check_bars import machine
from numpy.typing import NDArray

from semeq_export.audio.samples import Audio, resample
from semeq_export.bundle.loading import factory_path, load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.biquad import for_rate
from semeq_export.eq.curve import correlation
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.eq.settings import Band, EqSettings
from semeq_export.listening.kind import expected, recognise
from semeq_export.listening.prior import kinds_of_sources, prior_of, source_of
from semeq_export.listening.profile import Profile, Vocabulary, profile_of, speech_rules
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import BANDS_HZ, Spectrum, measure

DRAWS, SINGLE_ROWS, SIMULATED = 30, 10, 1_500
SIZES = (1.0, 3.0)  # doses, either way
ALIKE = 0.85  # correlation of the curves from which on two words are for one thing
ALL_WORDS = 100


@dataclass(frozen=True)
class Said:
    """One answer. change_db: (28,) what was done, 0 for nothing. source: what is one and the same. profile: what was said.

    scored: of each word that there is more of, the odds and its rank, whatever was said.
    """

    source: str
    word: str
    sign: int
    change_db: NDArray[np.float64]
    profile: Profile
    scored: Mapping[str, tuple[float, float]]

    def leading(self, least_odds: float) -> str | None:
        """The word that would be said first at these odds."""
        likely = {word: rank for word, (odds, rank) in self.scored.items() if odds >= least_odds}
        return max(likely, key=likely.__getitem__, default=None)

    @property
    def odds(self) -> float:
        """The highest of any word."""
        return max((odds for odds, _rank in self.scored.values()), default=0.0)


def answer(spectrum: Spectrum, name: str, words: Vocabulary, kind: str | None, source: str, word: str = "", sign: int = 0) -> Said:
    """What is said, and would be. word, sign: what was done to the sound."""
    everything = judge(spectrum, name, replace(words, is_asked=True), kind)
    scored = {entry.word: (entry.odds, words.surety[entry.word] * entry.similarity) for entry in everything.entries if entry.dose > 0.0}
    change_db = sign * words.curves_db[word] if word else np.zeros(len(BANDS_HZ))
    return Said(source, word, sign, change_db, judge(spectrum, name, words, kind), scored)


def judge(spectrum: Spectrum, name: str, words: Vocabulary, kind: str | None = None) -> Profile:
    """What is said of a sound whose source nobody knows; kind: where it is given."""
    without = frozenset({source_of(name)})
    found = recognise(spectrum, without)
    known = expected(found, without) if kind is None else prior_of(kind, without).spectrum
    return profile_of(spectrum, Reference(kind or found.kind, known, is_stored=True), words, ALL_WORDS, kind=found)


def with_eq(audio: Audio, eq: EqSettings) -> Spectrum:
    fitting = for_rate(eq, audio.sample_rate_hz).eq
    return measure(apply_eq(fitting, audio.samples, audio.sample_rate_hz), audio.sample_rate_hz)


def fits(words: Vocabulary, said: str, change_db: NDArray[np.float64]) -> bool:
    return correlation(words.curves_db[said], change_db) >= ALIKE


def clustered(values: Mapping[str, Sequence[float]]) -> list[float]:
    """Mean over all, and the 95 % interval by drawing sources."""
    rng, parts = np.random.default_rng(0), [np.asarray(part, dtype=float) for part in values.values() if len(part)]
    draws = [np.concatenate([parts[i] for i in rng.integers(len(parts), size=len(parts))]).mean() for _ in range(2_000)]
    return [round(float(x), 3) for x in (np.concatenate(parts).mean(), *np.percentile(draws, (2.5, 97.5)))]


def by_source(answers: Sequence[Said], value: Callable[[Said], float]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for answer in answers:
        found.setdefault(answer.source, []).append(value(answer))
    return found


def table(answers: Sequence[Said], untouched: Sequence[Said], words: Vocabulary) -> dict[str, object]:
    """Shares right at the shipped odds, and at the odds at which a quarter of the untouched sounds raise a false alarm."""
    least = speech_rules().least_odds
    quarter = float(np.quantile([one.odds for one in untouched], 0.75)) + 1e-9

    def right(one: Said, least_odds: float) -> float:
        first = one.leading(least_odds)
        return float(first is not None and fits(words, first, one.change_db))

    added = [one for one in answers if one.sign > 0 and one.word in words.curves_db]
    chance = [np.mean([fits(words, word, one.change_db) for word in words.curves_db]) for one in answers]
    said = [one for one in answers if one.profile.entries]
    return {
        "sounds": len(answers),
        "chance": round(float(np.mean(chance)), 3),
        "right_whatever_the_odds": clustered(by_source(answers, lambda one: right(one, 0.0))),
        "right_at_shipped_odds": clustered(by_source(answers, lambda one: right(one, least))),
        "right_at_a_quarter_of_false_alarms": clustered(by_source(answers, lambda one: right(one, quarter))),
        "right_where_something_is_said": clustered(by_source(said, lambda one: right(one, least))),
        "very_word_where_it_was_added": clustered(by_source(added, lambda one: float(one.leading(0.0) == one.word))),
        "very_word_chance": round(1.0 / len(words.curves_db), 3),
        "something_said": clustered(by_source(answers, lambda one: float(bool(one.profile.entries)))),
        "false_alarms": clustered(by_source(untouched, lambda one: float(bool(one.profile.entries)))),
        "false_headlines": clustered(by_source(untouched, lambda one: float(one.profile.stands_out is not None))),
        "odds_at_a_quarter_of_false_alarms": round(quarter, 2),
        "contradictions": sum(
            words.are_opposite(a.word, b.word) for one in (*answers, *untouched) for a in one.profile.entries for b in one.profile.entries
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    engine = Engine(load_bundle())
    words = engine.vocabulary()
    files = {name: sounds.real(arguments.data, name) for name in sounds.real_names(arguments.data)}
    document = {
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "weights_sha256": json.loads((factory_path() / "manifest.json").read_text())["training"]["weights_sha256"],
        "machine": machine(),
        "words": list(words.curves_db),
        "blind": blind(engine, files, words, rows_of(arguments.data, words)),
        "ceiling": ceiling(words),
        "kinds": kinds(files),
        "robust": robust(files, words),
        "adaptive_slope": slopes(engine, files, words),
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)
    if arguments.record is not None:
        arguments.record.write_text(text)


def rows_of(data: Path, words: Vocabulary) -> list[tuple[str, EqSettings]]:
    """Single people's settings for words that are spoken, each with its word."""
    found = []
    with (data / "safe_eq.csv").open(encoding="utf-8", newline="") as table_file:
        for row in csv.DictReader(table_file):
            if row["label_flag"] != "ok" or row["duplicate_of_id"] or row["descriptor_norm"] not in words.curves_db:
                continue
            number = {key: float(value) for key, value in row.items() if key.endswith(("_db", "_hz", "_q")) and value}
            bands = [Band("low_shelf", number["low_shelf_freq_hz"], number["low_shelf_gain_db"], 0.71)]
            bands += [Band("peak", number[f"band{i}_freq_hz"], number[f"band{i}_gain_db"], number[f"band{i}_q"]) for i in (1, 2, 3)]
            bands.append(Band("high_shelf", number["high_shelf_freq_hz"], number["high_shelf_gain_db"], 0.71))
            if any(band.gain_db for band in bands):
                found.append((row["descriptor_norm"], EqSettings(tuple(bands))))
    return found


def blind(
    engine: Engine, files: Mapping[str, Audio], words: Vocabulary, rows: Sequence[tuple[str, EqSettings]]
) -> dict[str, dict[str, object]]:
    """The tables: the kind recognised, and given; and with single people's rows instead of words."""
    rng, chosen = np.random.default_rng(0), list(words.curves_db)
    of_word = [[index for index, (word, _eq) in enumerate(rows) if word == one] for one in {word for word, _eq in rows}]
    answers: dict[str, list[Said]] = {}
    for name, audio in files.items():
        dry = measure(audio.samples, audio.sample_rate_hz)
        kind_of = {"kind_recognised": None, "kind_given": sounds.KINDS.get(name, "any")}
        for mode, kind in kind_of.items():
            answers.setdefault(f"{mode}, untouched", []).append(answer(dry, name, words, kind, source_of(name)))
        for _ in range(DRAWS):
            word, sign, size = chosen[rng.integers(len(chosen))], int(rng.choice((-1, 1))), rng.uniform(*SIZES)
            wet = with_eq(audio, engine.eq_for(word).scaled(sign * size))
            for mode, kind in kind_of.items():
                answers.setdefault(mode, []).append(answer(wet, name, words, kind, source_of(name), word, sign))
        for _ in range(SINGLE_ROWS):
            members = of_word[rng.integers(len(of_word))]
            word, eq = rows[members[rng.integers(len(members))]]
            said = answer(with_eq(audio, eq), name, words, None, source_of(name), word, 1)
            answers.setdefault("rows of single people", []).append(said)
    untouched = {mode: answers.pop(f"{mode}, untouched") for mode in ("kind_recognised", "kind_given")}
    return {mode: table(said, untouched.get(mode, untouched["kind_recognised"]), words) for mode, said in answers.items()}


def ceiling(words: Vocabulary) -> dict[str, object]:
    """The same table where sources are what their kind's prior says, exactly, and the kind is given: nobody can do better on average."""
    rng, chosen = np.random.default_rng(1), list(words.curves_db)
    answers, untouched = [], []
    for number in range(SIMULATED):
        kind = kinds_of_sources()[number % len(kinds_of_sources())]
        prior = prior_of(kind).spectrum
        assert prior.covariance_db2 is not None
        dry = Spectrum(rng.multivariate_normal(prior.band_db, prior.covariance_db2), prior.usable, None, 10.0)
        word, sign, size = chosen[rng.integers(len(chosen))], int(rng.choice((-1, 1))), rng.uniform(*SIZES)
        wet = replace(dry, band_db=dry.band_db + sign * size * words.curves_db[word])
        untouched.append(answer(dry, "", words, kind, str(number)))
        answers.append(answer(wet, "", words, kind, str(number), word, sign))
    return table(answers, untouched, words)


def kinds(files: Mapping[str, Audio]) -> dict[str, str]:
    """What each file is taken for, and what it is."""
    heard = {name: measure(audio.samples, audio.sample_rate_hz) for name, audio in files.items()}
    found = {name: recognise(spectrum, frozenset({source_of(name)})) for name, spectrum in heard.items()}
    return {name: f"{sounds.KINDS.get(name, 'other')}: {one.kind} ({one.line})" for name, one in found.items()}


def robust(files: Mapping[str, Audio], words: Vocabulary) -> dict[str, dict[str, float]]:
    """By how many doses the words of versions of a sound differ at most, and how many headlines and words are not the same."""
    found: dict[str, dict[str, float]] = {}
    asked = replace(words, is_asked=True)
    for name, audio in files.items():
        plain = measure(audio.samples, audio.sample_rate_hz)
        reference, doses = judge(plain, name, words), _doses(judge(plain, name, asked))
        for version, other in _versions(audio).items():
            heard = measure(other.samples, other.sample_rate_hz)
            profile, other_doses = judge(heard, name, words), _doses(judge(heard, name, asked))
            entry = found.setdefault(version, {"files": 0, "largest_dose_difference": 0.0, "other_place": 0, "other_words": 0})
            entry["files"] += 1
            largest = max(abs(doses[word] - other_doses[word]) for word in doses)
            entry["largest_dose_difference"] = round(max(entry["largest_dose_difference"], largest), 3)
            entry["other_place"] += _place(profile) != _place(reference)
            entry["other_words"] += [e.word for e in profile.entries] != [e.word for e in reference.entries]
    return found


def _place(profile: Profile) -> str:
    return "" if profile.stands_out is None else profile.stands_out.name


def _doses(profile: Profile) -> dict[str, float]:
    return {entry.word: entry.dose for entry in profile.entries}


def _versions(audio: Audio) -> dict[str, Audio]:
    quiet = Audio(audio.samples * 10.0 ** (-24.0 / 20.0), audio.sample_rate_hz)
    found = {"24 dB less": quiet, "96 kHz": resample(audio, 96_000.0)}
    if audio.channels == 2 and np.corrcoef(audio.samples)[0, 1] >= 0.95:
        found["mono"] = Audio(audio.samples.mean(axis=0, keepdims=True), audio.sample_rate_hz)
    with tempfile.TemporaryDirectory() as folder:
        wav, mp3 = Path(folder) / "x.wav", Path(folder) / "x.mp3"
        soundfile.write(wav, audio.samples.T, int(audio.sample_rate_hz), subtype="FLOAT")
        done = subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-b:a", "192k", mp3], check=False, capture_output=True)
        if done.returncode == 0:
            samples, rate_hz = soundfile.read(mp3, always_2d=True)
            found["MP3 at 192 kbit/s"] = Audio(samples.T, float(rate_hz))
    return found


def slopes(engine: Engine, files: Mapping[str, Audio], words: Vocabulary) -> dict[str, object]:
    """By how many doses less is given for each dose that was there before: against the kind, against what each sound is taken for, and
    against other seconds of the source.
    """
    against_kind: dict[str, list[float]] = {}
    as_recognised: dict[str, list[float]] = {}
    against_source: dict[str, list[float]] = {}
    by_word: dict[str, list[float]] = {}
    for name, audio in files.items():
        if name not in sounds.KINDS:
            continue
        source = source_of(name)
        kind = Reference(sounds.KINDS[name], prior_of(sounds.KINDS[name], frozenset({source})).spectrum, is_stored=True)

        def taken_for(heard: Spectrum, without: frozenset[str] = frozenset({source})) -> Reference:
            found = recognise(heard, without)
            return Reference(found.kind, expected(found, without), is_stored=True)

        part, rest = sounds.alternate_seconds(audio)
        same = Reference("same source", measure(rest.samples, rest.sample_rate_hz), is_stored=False)
        for word in words.curves_db:
            for sound, reference_of, doses, found in (
                (audio, lambda _, kind=kind: kind, (-1.0, -0.5, 0.0, 0.5, 1.0), against_kind),
                (audio, taken_for, (-1.0, -0.5, 0.0, 0.5, 1.0), as_recognised),
                (part, lambda _, same=same: same, (-0.5, 0.0, 0.5), against_source),
            ):
                heard = [with_eq(sound, engine.eq_for(word).scaled(dose)) for dose in doses]
                gains = [engine.adapt(word, one, reference_of(one), sample_rate_hz=sound.sample_rate_hz).gain for one in heard]
                found.setdefault(source, []).append(-float(np.polyfit(doses, gains, 1)[0]))
            by_word.setdefault(word, []).append(against_kind[source][-1])
    return {
        "against_kind": clustered(against_kind),
        "against_kind_by_word": {word: round(float(np.mean(values)), 2) for word, values in by_word.items()},
        "against_same_source": clustered(against_source),
        "as_recognised": clustered(as_recognised),
    }


if __name__ == "__main__":
    main()
