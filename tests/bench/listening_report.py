"""How well the EQ that listens knows what it hears: dose recovery, and which of five words was applied, each against its baselines.

Run: PYTHONPATH=tests python tests/bench/listening_report.py DATA [--record FILE]   (DATA: the folder that holds audio/)
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import sounds
from check_bars import machine

from semeq_export.audio.samples import Audio
from semeq_export.bundle.loading import factory_path, load_bundle
from semeq_export.engine import Engine
from semeq_export.eq.biquad import for_rate
from semeq_export.eq.curve import level_free
from semeq_export.eq.filter import apply as apply_eq
from semeq_export.listening.dose import difference, doses_between
from semeq_export.listening.kind import expected, recognise
from semeq_export.listening.prior import source_of
from semeq_export.listening.profile import Vocabulary, profile_of
from semeq_export.listening.reference import Reference
from semeq_export.listening.spectrum import Spectrum, mean_spectrum, measure

DOSES = (-1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
APPLIED = 2.0  # doses of the word that is to be named
Split = Callable[[Audio], tuple[Audio, Audio]]


def rendered(engine: Engine, audio: Audio, word: str, doses: float) -> Spectrum:
    eq = for_rate(engine.eq_for(word).scaled(doses), audio.sample_rate_hz).eq
    return measure(apply_eq(eq, audio.samples, audio.sample_rate_hz), audio.sample_rate_hz)


def recovery(engine: Engine, files: dict[str, Audio], split: Split, *, by_mean_only: bool) -> dict[str, object]:
    """Slope and R2 of the dose found against the dose applied, pooled and for each word; error of the doses measured before and after."""
    found: dict[str, list[tuple[float, float]]] = {word: [] for word in sounds.LAW_WORDS}
    missed = []
    for audio in files.values():
        heard, other = split(audio)
        reference, dry = (measure(part.samples, part.sample_rate_hz) for part in (other, heard))
        if by_mean_only:
            reference = replace(reference, windows=None)
        for word in sounds.LAW_WORDS:
            term_db = engine.term_bands_db(word, audio.sample_rate_hz)
            for doses in DOSES:
                after = rendered(engine, heard, word, doses)
                compared, added = difference(after, reference), doses_between(dry, after, term_db)
                assert compared is not None
                assert added is not None
                found[word].append((doses, compared.dose(term_db)))
                missed.append(abs(added - doses))
    slope, r2 = fitted([pair for pairs in found.values() for pair in pairs])
    return {
        "slope": slope,
        "r2": r2,
        "r2_by_word": {word: fitted(pairs)[1] for word, pairs in found.items()},
        "achieved_error_median": round(float(np.median(missed)), 4),
        "achieved_error_p95": round(float(np.percentile(missed, 95)), 4),
    }


def fitted(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """Slope and R2 of the straight line through (asked, found)."""
    asked, found = np.array(pairs).T
    slope, offset = np.polyfit(asked, found, 1)
    r2 = 1.0 - np.sum((found - slope * asked - offset) ** 2) / np.sum((found - found.mean()) ** 2)
    return round(float(slope), 4), round(float(r2), 4)


def spread_of_sources(engine: Engine, files: dict[str, Audio], word: str) -> dict[str, float]:
    """Standard deviation of the doses of a word that untreated files have more than the mean of the others, by two measures."""
    spectra = {name: measure(audio.samples, audio.sample_rate_hz) for name, audio in files.items()}
    by: dict[str, list[float]] = {"source_covariance": [], "equal_weights": []}
    for name, heard in spectra.items():
        others = replace(mean_spectrum([spectra[other] for other in spectra if other != name]), windows=None)
        compared, term_db = difference(heard, others), engine.term_bands_db(word, files[name].sample_rate_hz)
        assert compared is not None
        by["source_covariance"].append(compared.dose(term_db))
        term_free, apart_free = (level_free(x, compared.usable.astype(np.float64))[compared.usable] for x in (term_db, compared.delta_db))
        by["equal_weights"].append(float(term_free @ apart_free / (term_free @ term_free)))
    return {name: round(float(np.std(doses)), 2) for name, doses in by.items()}


def naming(engine: Engine, files: dict[str, Audio]) -> dict[str, float]:
    """Share of sounds whose word was named, leave-one-source-out: nothing of the source but itself is known."""
    words = sounds.LAW_WORDS
    asked = engine.vocabulary(words)
    wet = {(name, word): rendered(engine, audio, word, APPLIED) for name, audio in files.items() for word in words}
    hits = dict.fromkeys(("plain_spectrum_centroid", "spectral_nearest_neighbour", "profile", "profile_with_reference"), 0)
    for (name, word), heard in wet.items():
        known = [key for key in wet if key[0] != name]
        distance = {key: _apart(heard, wet[key]) for key in known}
        hits["spectral_nearest_neighbour"] += min(known, key=distance.__getitem__)[1] == word
        centroids = {other: mean_spectrum([wet[key] for key in known if key[1] == other]) for other in words}
        hits["plain_spectrum_centroid"] += min(words, key=lambda other: _apart(heard, centroids[other])) == word
        without = frozenset({source_of(name)})
        likely = Reference("likely", expected(recognise(heard, without), without), is_stored=True)
        hits["profile"] += told(heard, likely, asked) == word
    for audio in files.values():
        part, other = sounds.alternate_seconds(audio)
        reference = Reference("same source", measure(other.samples, other.sample_rate_hz), is_stored=False)
        for word in words:
            hits["profile_with_reference"] += told(rendered(engine, part, word, APPLIED), reference, asked) == word
    shares = {name: round(count / len(wet), 4) for name, count in hits.items()}
    return {"chance": 1.0 / len(words), "constant": 1.0 / len(words), **shares}


def told(heard: Spectrum, reference: Reference, asked: Vocabulary) -> str:
    """The word that leads."""
    return profile_of(heard, reference, asked, 1).entries[0].word


def _apart(a: Spectrum, b: Spectrum) -> float:
    usable = a.usable & b.usable
    return float(np.std((a.band_db - b.band_db)[usable]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--record", type=Path)
    arguments = parser.parse_args()
    engine = Engine(load_bundle())
    files = {name: sounds.real(arguments.data, name) for name in sounds.real_names(arguments.data)}
    splits: dict[str, Split] = {"alternate_seconds": sounds.alternate_seconds, "contiguous_halves": sounds.halves}
    document = {
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "weights_sha256": json.loads((factory_path() / "manifest.json").read_text())["training"]["weights_sha256"],
        "machine": machine(),
        "words": list(sounds.LAW_WORDS),
        "files": len(files),
        "dose_recovery": {
            name: {
                "windows": recovery(engine, files, split, by_mean_only=False),
                "mean_only": recovery(engine, files, split, by_mean_only=True),
            }
            for name, split in splits.items()
        },
        "spread_of_warm": spread_of_sources(engine, files, "warm"),
        "headlines": {name: engine.profile(audio).headline for name, audio in files.items()},
        "word_named_of_five": {"doses_applied": APPLIED, **naming(engine, files)},
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)
    if arguments.record is not None:
        arguments.record.write_text(text)


if __name__ == "__main__":
    main()
