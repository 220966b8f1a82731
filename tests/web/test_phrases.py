"""The phrase grammar of the page, built and run in Node, against Python's: the same mixes, the same lines, the same refusals."""

from __future__ import annotations

import functools
import json
import random
import shutil
import subprocess
import sys
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, skip_or_fail

from semeq_export.app.phrases import page_phrases, read_phrase
from semeq_export.bundle.loading import load_bundle
from semeq_export.engine import Engine
from semeq_export.errors import SemeqError, UnknownTermError
from semeq_export.words.lexicon import grammar, rows_of

WEB = ROOT / "semeq_export" / "web"
N_RANDOM = 3_000
LONG_WORDS = ("Pneumonoultramicroscopicsilicovolcanoconiosis", "ß" * 70, "𝔴𝔞𝔯𝔪" * 30)
ENDINGS = (
    "er",
    "est",
    "ier",
    "ness",
    "iness",
    "ish",
    "ly",
    "ing",
    "ed",
    "s",
    "ísimo",
    "isimas",
    "as",
    "os",
    "mente",
    "ando",
    "arlo",
    "idad",
)
JOINS = (" ", " ", " ", ", ", " and ", " y ", " but ", "; ", " / ", "-", " or ", "\u00a0", "\t", "...", " pero ", "’", "'", ",")
NUMBERS = (
    "1", "0", "-0.5", "+2", ".5", "5.", "1e-3", "1E1", "1_0", "1__0", "inf", "-nan", "0x10", "٠٫٥", "٣", "𝟙.𝟓", "12", "1e-7", "0.1234567",
    "100000.5", "", " 0.7 ", "0.7 %", "\u20030.5\u2003", "5:3", "²",
)  # fmt: skip


@functools.cache
def engine(guess: bool = False) -> Engine:
    return Engine(load_bundle(None), guess=guess)


def read_by_python(text: str, guess: bool) -> dict[str, Any]:  # Any: JSON
    try:
        read = read_phrase(engine(guess), text)
    except SemeqError as error:
        suggestions = list(error.suggestions) if isinstance(error, UnknownTermError) else []
        return {"refused": str(error), "code": error.code, "suggestions": suggestions}
    return {"mix": dict(read.mix), "says": list(read.says), "estimated": read.estimated}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:  # Any: JSON
    """Return what asks the built module: of the data, (text, guess) pairs and (prefix, limit) pairs."""
    node = shutil.which("node")
    if node is None:
        skip_or_fail("node is not installed (apt-get install nodejs npm)")
    esbuild = WEB / "node_modules" / "esbuild" / "bin" / "esbuild"
    if not esbuild.is_file():
        skip_or_fail("the page's tools are not installed (npm ci in semeq_export/web)")
    folder = tmp_path_factory.mktemp("phrases")
    module = folder / "phrases.mjs"
    command = [esbuild, WEB / "src/phrases/index.ts", "--bundle", "--format=esm", f"--outfile={module}", "--log-level=warning"]
    subprocess.run(command, check=True, timeout=60)

    def asked(texts: Sequence[tuple[str, bool]], prefixes: Sequence[tuple[str, int]] = (), data: object = None) -> dict[str, Any]:
        given = {"data": data or page_phrases(engine()), "texts": texts, "prefixes": prefixes}
        (folder / "asked.json").write_text(json.dumps(given), encoding="utf-8")
        done = subprocess.run(
            [node, Path(__file__).with_name("phrases.mjs"), module, folder / "asked.json"],
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-2_000:]
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    return asked


def assert_same(texts: Sequence[tuple[str, bool]], found: Sequence[dict[str, Any]]) -> None:
    wrong = []
    for (text, guess), page in zip(texts, found, strict=True):
        python = read_by_python(text, guess)
        if "mix" in python and "mix" in page:
            assert python["mix"] == pytest.approx(page["mix"], rel=0, abs=1e-12), text
            page = {**page, "mix": python["mix"]}
        if page != python:
            wrong.append((text, guess, page, python))
    assert not wrong, f"{len(wrong)} of {len(texts)}, such as {wrong[:5]}"


def written_phrases() -> list[str]:
    """Every example of the grammar, and what producers wrote in public."""
    examples = [text for rule in grammar()["example"].values() for table in rule.values() for text in table]
    return examples + [
        phrase["text"] for phrase in tomllib.loads((ROOT / "tests/export/producer_phrases.toml").read_text("utf-8"))["phrase"]
    ]


def random_phrases(rng: random.Random) -> Iterator[str]:
    """Phrases of the grammar's own words, bent, misspelt and numbered; the exact syntax; and noise."""
    bundle, table = load_bundle(None), load_bundle(None).guesses
    by_kind: dict[str, list[str]] = {}
    for row in rows_of(bundle.centroids):
        by_kind.setdefault(row.entry.kind, []).append(row.key)
    kinds = [*by_kind, *["word"] * 6, *["direction", "amount", "excess", "join"] * 2]
    guesses, names = sorted(table.guesses), list(bundle.centroids)
    sure = [word for word in guesses if table.level_of(table[word]) in ("medium", "high")]
    letters = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]

    def word() -> str:
        chance = rng.random()
        if chance < 0.1:
            return rng.choice(guesses)
        found = rng.choice(by_kind[rng.choice(kinds)]) if chance < 0.8 else rng.choice(names)
        if rng.random() < 0.15:
            found = found[: rng.randint(2, max(2, len(found)))] + rng.choice(ENDINGS)
        if rng.random() < 0.06:
            at = rng.randrange(len(found))
            found = found[:at] + rng.choice(["", found[at] * 2, rng.choice("aeiourstnl"), rng.choice(letters)]) + found[at + 1 :]
        return f"{found} {rng.choice(NUMBERS)}" if rng.random() < 0.05 else found.upper() if rng.random() < 0.05 else found

    def phrase(most: int) -> str:
        return "".join(word() + rng.choice(JOINS) for _ in range(rng.randint(1, most)))

    def well_formed() -> str:
        """Words that are understood, each with what is said of it."""
        parts = []
        for _ in range(rng.randint(1, 4)):
            before = [rng.choice(by_kind[kind]) for kind in ("amount", "direction", "excess") if rng.random() < 0.35]
            parts.append(" ".join([*before, rng.choice(names) if rng.random() < 0.7 else rng.choice(sure)]))
        return "".join(part + rng.choice([", ", ", ", " but ", " and ", "; "]) for part in parts).strip(",; ")

    def exact() -> str:
        return ",".join(f"{rng.choice(['', 'less ', 'MENOS  '])}{word()}:{rng.choice(NUMBERS)}" for _ in range(rng.randint(1, 3)))

    def noise() -> str:
        return "".join(rng.choice(letters if rng.random() < 0.6 else "warm,:'-@_ \t5%.") for _ in range(rng.randint(0, 30)))

    makers = [
        well_formed,
        well_formed,
        well_formed,
        lambda: phrase(2),
        lambda: phrase(3),
        lambda: phrase(4),
        lambda: phrase(8),
        exact,
        noise,
        lambda: noise() + phrase(2),
    ]
    yield from ("", " ", "\ufeff", ":", ",", "%", "5%", "less", "a" * 5_000, "warm " * 59, "warm " * 61, *LONG_WORDS, "warm, " * 20_000)
    yield from (f"{text}{mark}" for text in LONG_WORDS for mark in (":1", "er", ", less warm"))
    while True:
        yield rng.choice(makers)()


def test_every_written_phrase_is_read_as_python_reads_it(ask: Callable[..., dict[str, Any]]) -> None:
    texts = [(text, guess) for text in written_phrases() for guess in (False, True)]
    assert len(texts) > 400
    assert_same(texts, ask(texts)["read"])


def test_random_phrases_are_read_as_python_reads_them(ask: Callable[..., dict[str, Any]]) -> None:
    rng = random.Random(15)
    phrases = random_phrases(rng)
    texts = [(next(phrases), rng.random() < 0.3) for _ in range(N_RANDOM)]
    found = ask(texts)["read"]
    assert_same(texts, found)
    understood = [read["mix"] for read in found if "mix" in read]
    assert len(understood) > 1_000
    assert sum(min(mix.values()) < 0 < max(mix.values()) for mix in understood) > 300
