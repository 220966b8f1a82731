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

from semeq_export.adapt import difference, doses_between
from semeq_export.audio import Audio
from semeq_export.biquad import apply as apply_eq
from semeq_export.biquad import for_rate
from semeq_export.bundle import factory_path, load_bundle
from semeq_export.engine import Engine
from semeq_export.profile import profile_of
from semeq_export.reference import Reference
from semeq_export.spectrum import Spectrum, mean_spectrum, measure

DOSES = (-1.0, -0.5, 0.5, 1.0, 1.5, 2.0)
APPLIED = 2.0  # doses of the word that is to be named
Split = Callable[[Audio], tuple[Audio, Audio]]


def halves(audio: Audio) -> tuple[Audio, Audio]:
    middle = audio.frames // 2
    first, second = audio.samples[:, :middle], audio.samples[:, middle:]
    return Audio(first, audio.sample_rate_hz), Audio(second, audio.sample_rate_hz)


def rendered(engine: Engine, audio: Audio, word: str, doses: float) -> Spectrum:
    eq = for_rate(engine.eq_for(word).scaled(doses), audio.sample_rate_hz).eq
    return measure(apply_eq(eq, audio.samples, audio.sample_rate_hz), audio.sample_rate_hz)


def recovery(engine: Engine, files: dict[str, Audio], split: Split, *, matched: bool) -> dict[str, float]:
    """Slope and R2 of the dose found against the dose applied, pooled; error of the doses measured before and after."""
    asked, found, missed = [], [], []
    for audio in files.values():
        heard, other = split(audio)
        reference, dry = (measure(part.samples, part.sample_rate_hz) for part in (other, heard))
        if not matched:
            reference = replace(reference, windows=None)
        for word in sounds.LAW_WORDS:
            term_db = engine.term_bands_db(word, audio.sample_rate_hz)
            for doses in DOSES:
                after = rendered(engine, heard, word, doses)
                compared, added = difference(after, reference), doses_between(dry, after, term_db)
                assert compared is not None
                assert added is not None
                asked.append(doses)
                found.append(compared.dose(term_db))
                missed.append(abs(added - doses))
    slope, offset = np.polyfit(asked, found, 1)
    left = np.array(found) - slope * np.array(asked) - offset
    r2 = 1.0 - np.sum(left**2) / np.sum((np.array(found) - np.mean(found)) ** 2)
    figures = {"slope": slope, "r2": r2, "achieved_error_median": np.median(missed), "achieved_error_p95": np.percentile(missed, 95)}
    return {name: round(float(value), 4) for name, value in figures.items()}


def naming(engine: Engine, files: dict[str, Audio]) -> dict[str, float]:
    """Share of sounds whose word was named, leave-one-source-out: nothing of the source but itself is known."""
    words = sounds.LAW_WORDS
    terms_db = {word: engine.term_bands_db(word) for word in words}
    dry = {name: measure(audio.samples, audio.sample_rate_hz) for name, audio in files.items()}
    wet = {(name, word): rendered(engine, audio, word, APPLIED) for name, audio in files.items() for word in words}
    hits = dict.fromkeys(("plain_spectrum_centroid", "spectral_nearest_neighbour", "profile", "profile_with_reference"), 0)
    for (name, word), heard in wet.items():
        known = [key for key in wet if key[0] != name]
        distance = {key: _apart(heard, wet[key]) for key in known}
        hits["spectral_nearest_neighbour"] += min(known, key=distance.__getitem__)[1] == word
        centroids = {other: mean_spectrum([wet[key] for key in known if key[1] == other]) for other in words}
        hits["plain_spectrum_centroid"] += min(words, key=lambda other: _apart(heard, centroids[other])) == word
        others = Reference("others", replace(mean_spectrum([dry[key] for key in dry if key != name]), windows=None), is_stored=True)
        hits["profile"] += profile_of(heard, others, terms_db, 1, advise=()).entries[0].word == word
    for audio in files.values():
        part, other = sounds.alternate_seconds(audio)
        reference = Reference("same source", measure(other.samples, other.sample_rate_hz), is_stored=False)
        for word in words:
            profile = profile_of(rendered(engine, part, word, APPLIED), reference, terms_db, 1, advise=())
            hits["profile_with_reference"] += profile.entries[0].word == word
    shares = {name: round(count / len(wet), 4) for name, count in hits.items()}
    return {"chance": 1.0 / len(words), "constant": 1.0 / len(words), **shares}


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
    splits: dict[str, Split] = {"alternate_seconds": sounds.alternate_seconds, "contiguous_halves": halves}
    document = {
        "commit": subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "weights_sha256": json.loads((factory_path() / "manifest.json").read_text())["training"]["weights_sha256"],
        "machine": machine(),
        "words": list(sounds.LAW_WORDS),
        "files": len(files),
        "dose_recovery": {
            name: {"matched": recovery(engine, files, split, matched=True), "mean_only": recovery(engine, files, split, matched=False)}
            for name, split in splits.items()
        },
        "word_named_of_five": {"doses_applied": APPLIED, **naming(engine, files)},
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)
    if arguments.record is not None:
        arguments.record.write_text(text)


if __name__ == "__main__":
    main()
