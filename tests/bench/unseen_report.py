"""How good guesses for words that nobody taught are: every word that people used, left out in turn.

    PYTHONPATH=.:training:tests python tests/bench/unseen_report.py --data DIR [--cache DIR] [--record FILE]

Correlation of a guess with the mean curve of the people who used the word (32 points, 20 Hz-20 kHz, level-free), by how many did.
Loose: everything but the word's own rows is known. Strict: words and charts of its language that do not look like it, and its own chart.
Wrong sign: correlation below 0. Nonsense: nouns that say nothing of sound. Charts in Spanish are our translations.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semeq_export.arrays import Float64Array
from semeq_export.eq.curve import correlation
from semeq_training.data.datasets import load_examples
from semeq_training.guesses import build
from semeq_training.guesses.charts import Chart, read_charts
from semeq_training.guesses.meaning import embed, encoder_version
from semeq_training.guesses.process import Nodes, Prediction, Process, chosen, joined

_NOUNS = """
banana invoice spoon quantum purple giraffe carrot bicycle umbrella pencil keyboard window chair table sofa carpet curtain ladder hammer
screwdriver nail bolt wrench bucket mop broom sponge towel soap toothbrush mirror comb razor shampoo pillow blanket mattress wardrobe drawer
closet attic basement garage driveway fence gate mailbox stamp envelope postcard newspaper magazine novel chapter paragraph sentence comma
calendar clock watch wallet purse backpack suitcase passport ticket airport runway pilot airplane helicopter submarine ferry canoe anchor
harbor lighthouse island peninsula desert mountain valley river canyon glacier volcano earthquake hurricane tornado drought harvest tractor
plough barn stable cow pig sheep goat chicken duck turkey rabbit squirrel hedgehog badger otter beaver moose elephant rhinoceros kangaroo
koala penguin ostrich pelican spider beetle ant butterfly caterpillar snail worm lobster crab shrimp salmon tuna shark whale dolphin potato
tomato cucumber lettuce cabbage onion garlic spinach broccoli mushroom apple pear peach plum cherry grape melon lemon orange strawberry
bread butter cheese yogurt milk sausage bacon omelette pancake sandwich pizza noodle rice soup salad mustard ketchup vinegar sugar salt
pepper cinnamon teapot kettle saucer plate fork knife napkin tablecloth recipe dentist surgeon plumber lawyer accountant mayor senator
election parliament treaty mortgage pension taxes budget receipt coupon discount warehouse
"""
NOUNS = tuple(_NOUNS.split())

SURE_ROWS = 3
"""Words with fewer have a mean curve that is one or two people's: too little to say whether a guess is wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """All that is known, as nodes, and how the nodes of charts belong to words."""

    people: build.People
    charts: list[Chart]
    process: Process
    of_people: Nodes
    of_charts: Nodes


def setting_of(data: Path, cache: Path | None) -> tuple[Setting, Float64Array]:
    """Return what is known, and the vectors (200, 512) of the nouns."""
    people, charts = build.people_of(load_examples(data, cache=cache)), read_charts()
    texts = list(dict.fromkeys([*(word for word, _ in people.keys), *(chart.word for chart in charts), *NOUNS]))
    vector_of = dict(zip(texts, embed(texts), strict=True))
    process = Process.of_people(people.rows)
    of_people = build.people_nodes(people, np.array([vector_of[word] for word, _ in people.keys]))
    of_charts = build.chart_nodes(charts, np.array([vector_of[chart.word] for chart in charts]), process, people.strength_db)
    return Setting(people, charts, process, of_people, of_charts), np.array([vector_of[noun] for noun in NOUNS])


def loose(known: Setting, *, with_charts: bool) -> Prediction:
    """Return what is said of each word of people without its own rows."""
    nodes = joined(known.of_people, known.of_charts) if with_charts else known.of_people
    found, n = known.process.without_own(nodes), len(known.people.keys)
    return Prediction(found.curves_db[:n], found.explained[:n], found.unexplained[:n])


def strict(known: Setting, *, with_charts: bool) -> Prediction:
    """Return what words and charts of its language that do not look like it say of each word, and its own chart."""
    parts = []
    for number, (word, language) in enumerate(known.people.keys):
        nodes = chosen(known.of_people, _others(known.people.keys, word, language))
        if with_charts:
            keys = [(chart.word, chart.language) for chart in known.charts]
            own = np.array([key == (word, language) for key in keys])
            nodes = joined(nodes, chosen(known.of_charts, own | _others(keys, word, language)))
        parts.append(known.process.predict(nodes, known.of_people.vectors[number : number + 1]))
    return Prediction(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("curves_db", "explained", "unexplained")))


def _others(keys: list[tuple[str, str]] | tuple[tuple[str, str], ...], word: str, language: str) -> NDArray[np.bool_]:
    return np.array([of == language and not looks_alike(other, word) for other, of in keys])


def looks_alike(one: str, other: str) -> bool:
    """Whether two words share their beginning, or most of their letters."""
    a, b = _folded(one), _folded(other)
    if a[:4] == b[:4]:
        return True
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return matcher.real_quick_ratio() >= 0.75 and matcher.quick_ratio() >= 0.75 and matcher.ratio() >= 0.75


def _folded(word: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char))


def groups(people: build.People) -> dict[str, NDArray[np.bool_]]:
    rows, language = people.counts, np.array([key[1] for key in people.keys])
    sizes = {"1 row": rows == 1, "2-4 rows": (rows > 1) & (rows < 5), "5+ rows": rows >= 5}
    return {
        **sizes,
        **{f"{size}, {name}": mask & (language == name) for size, mask in sizes.items() for name in ("en", "es")},
    }


def scores(curves_db: Float64Array, people: build.People) -> Float64Array:
    return np.array([correlation(guess, mean) for guess, mean in zip(curves_db, people.means_db, strict=True)])


def by_group(found: dict[str, Float64Array], people: build.People, charted: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """Return the mean score of each method in each group, and of those words that have a chart, with how many there are."""
    table: dict[str, dict[str, float]] = {}
    for name, mask in groups(people).items():
        table[name] = {"words": int(mask.sum()), **{method: _mean(score[mask]) for method, score in found.items()}}
        both = mask & charted
        table[f"{name}, charted"] = {"words": int(both.sum()), **{method: _mean(score[both]) for method, score in found.items()}}
    return table


def calibration(score: Float64Array, confidence: Float64Array, people: build.People) -> dict[str, dict[str, float]]:
    """Return, by how sure guesses are, the mean score and the share of wrong signs."""
    edges = {
        "refused": (0.0, build.DOUBTFUL_FROM),
        "doubtful": (build.DOUBTFUL_FROM, build.MEDIUM_FROM),
        "medium": (build.MEDIUM_FROM, build.HIGH_FROM),
        "high": (build.HIGH_FROM, 1.01),
    }
    table = {}
    for level, (low, high) in edges.items():
        mask = (people.counts >= SURE_ROWS) & (confidence >= low) & (confidence < high)
        table[level] = {"words": int(mask.sum()), "correlation": _mean(score[mask]), "wrong_sign": _mean(score[mask] < 0)}
    return table


def difference(one: Float64Array, other: Float64Array) -> list[float]:
    """Return the mean difference of scores and its 95 % interval, bootstrapped over words."""
    apart, rng = one - other, np.random.default_rng(1)
    draws = rng.choice(apart, (4_000, len(apart))).mean(axis=1)
    return [round(float(value), 3) for value in (apart.mean(), *np.quantile(draws, (0.025, 0.975)))]


def _mean(values: NDArray[np.generic]) -> float:
    return round(float(np.mean(values)), 3) if len(values) else 0.0


def measure(data: Path, cache: Path | None, say: Callable[[str], None]) -> dict[str, object]:
    known, nouns = setting_of(data, cache)
    people = known.people
    own = {(chart.word, chart.language): chart for chart in known.charts}
    charted = np.array([key in own for key in people.keys])
    charts_db = np.array([own[key].curve_db(1.0) if key in own else np.zeros(32) for key in people.keys])
    fixed = {"global mean": scores(np.tile(known.process.mean_db, (len(charted), 1)), people), "charts": scores(charts_db, people)}
    many = people.counts >= 5
    document: dict[str, object] = {"encoder": encoder_version(), "charts": len(known.charts)}
    for name, method in (("loose", loose), ("strict", strict)):
        gp, fused = method(known, with_charts=False), method(known, with_charts=True)
        found = {**fixed, "gp": scores(gp.curves_db, people), "fused": scores(fused.curves_db, people)}
        document[name] = {
            "correlation": by_group(found, people, charted),
            "calibration": calibration(found["fused"], fused.confidence, people),
            "fused minus gp, 5+ rows": difference(found["fused"][many], found["gp"][many]),
            "fused minus gp, 5+ rows, charted": difference(found["fused"][many & charted], found["gp"][many & charted]),
        }
        _print(name, document[name], say)
    confidence = known.process.predict(joined(known.of_people, known.of_charts), nouns).confidence
    levels = {"refused": confidence < build.DOUBTFUL_FROM, "understood without asking": confidence >= build.MEDIUM_FROM}
    document["nonsense"] = {"nouns": len(NOUNS), **{level: int(mask.sum()) for level, mask in levels.items()}}
    say(f"nonsense, if the table held it: {document['nonsense']}")
    return document


def _print(name: str, found: dict[str, dict[str, dict[str, float]]], say: Callable[[str], None]) -> None:
    for group, row in found["correlation"].items():
        say(f"{name:6}  {group:22}  " + "  ".join(f"{key} {value:g}" for key, value in row.items()))
    for level, row in found["calibration"].items():
        say(f"{name:6}  {level:22}  " + "  ".join(f"{key} {value:g}" for key, value in row.items()))
    for key in ("fused minus gp, 5+ rows", "fused minus gp, 5+ rows, charted"):
        say(f"{name:6}  {key}: {found[key]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SEMEQ_DATA", "data")), help="folder of tables")
    parser.add_argument("--cache", type=Path, help="folder of fitted shapes")
    parser.add_argument("--record", type=Path, help="JSON file to write")
    options = parser.parse_args()
    document = measure(options.data, options.cache, print)
    if options.record is not None:
        options.record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
