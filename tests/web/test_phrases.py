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
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, skip_or_fail

from semeq_export.app.phrases import page_phrases, read_phrase
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import GUESSES
from semeq_export.engine import Engine
from semeq_export.eq.biquad import response_db
from semeq_export.eq.curve import log_grid, rms_db
from semeq_export.eq.settings import Band, BandKind, EqSettings
from semeq_export.errors import SemeqError, UnknownTermError
from semeq_export.words.evidence import N_POINTS
from semeq_export.words.lexicon import grammar, rows_of
from semeq_export.words.terms import OWN, CentroidBank

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
ODD_WORDS = {"808": "", "7": "a number", "constructor": "", "__proto__": "", "tostring": "", "ÿoung": "old", "grösser": "", "i̇x": ""}

Read = Callable[[str, bool], dict[str, Any]]  # Any: JSON


@functools.cache
def engine(guess: bool = False) -> Engine:
    return Engine(load_bundle(None), guess=guess)


@functools.cache
def page_of_factory() -> dict[str, object]:
    return page_phrases(engine())


def read_by_python(text: str, guess: bool) -> dict[str, Any]:  # Any: JSON
    return read_by(engine(guess), text)


def read_by(reader: Engine, text: str) -> dict[str, Any]:  # Any: JSON
    try:
        read = read_phrase(reader, text)
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

    def asked(
        texts: Sequence[tuple[str, bool]], prefixes: Sequence[tuple[str, int]] = (), data: object = None, mixes: Sequence[Any] = ()
    ) -> dict[str, Any]:
        given = {"data": data or page_of_factory(), "texts": texts, "prefixes": prefixes, "mixes": mixes}
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


def assert_same(texts: Sequence[tuple[str, bool]], found: Sequence[dict[str, Any]], read: Read = read_by_python) -> None:
    wrong = []
    for (text, guess), page in zip(texts, found, strict=True):
        python = read(text, guess)
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


def odd_engine() -> Engine:
    """An engine whose users taught words that JavaScript's objects have of themselves, or sort otherwise, and that holds no guesses."""
    factory = load_bundle(None)
    model = factory.centroids["warm"]
    odd = [replace(model, name=name, sources={OWN: 3}, note=note) for name, note in ODD_WORDS.items()]
    files = {name: data for name, data in factory.files.items() if name != GUESSES}
    return Engine(replace(factory, centroids=CentroidBank([*factory.centroids.values(), *odd]), files=files))


def test_a_bundle_of_odd_words_without_guesses_is_read_the_same(ask: Callable[..., dict[str, Any]]) -> None:
    odd = odd_engine()
    texts = [
        f"{more}{word}{end}"
        for word in ODD_WORDS
        for more in ("", "less ", "a bit ", "warm and ")
        for end in ("", "er", ":0.5", ", less 808")
    ]
    texts += [*texts, "sparkle", "constructor:constructor", "warm:__proto__", "𝟙", "less muddy, 808 and tostring"]
    page = ask([(text, False) for text in texts], data=page_phrases(odd))["read"]
    assert_same([(text, False) for text in texts], page, lambda text, _: read_by(odd, text))
    assert sum("mix" in read for read in page) > 20


def test_suggestions_are_understood_and_agreed_words_come_first(ask: Callable[..., dict[str, Any]]) -> None:
    bundle = load_bundle(None)
    prefixes = [
        "",
        "w",
        "WAR",
        "cal",
        "cál",
        "a bit war",
        "less ",
        "closed i",
        "spark",
        "warm, less mu",
        "make it ",
        "zzz",
        "smooth out",
        "ß",
    ]
    found = dict(zip(prefixes, ask([], [(prefix, 400) for prefix in prefixes])["suggested"], strict=True))
    table = bundle.guesses
    sure = {word for word, guess in table.guesses.items() if table.level_of(guess) in ("medium", "high")}
    usual, everything = bundle.usual_words(), found[""]
    assert everything[: len(usual)] == usual
    assert set(everything[len(usual) : len(usual) + len(sure)]) == sure
    assert everything[len(usual) + len(sure) :][0] in written_phrases()
    assert found["WAR"][0] == found["w"][0] == "warm"
    assert found["a bit war"][0] == "a bit warm"
    assert found["closed i"][0] == "closed in"
    assert found["warm, less mu"][:2] == ["warm, less muddy", "warm, less muffled"]
    assert found["cal"] == found["cál"]
    assert {"calm", "cálido sin barro"} <= set(found["cal"])
    assert found["smooth out"] == ["smooth out the harshness"]
    assert found["zzz"] == []
    for prefix, texts in found.items():
        for text in texts:
            assert "mix" in read_by(engine(), text), (prefix, text)
    assert [len(texts) for texts in ask([], [("", 3), ("", 0), ("", -1), ("w" * 20_000, 3)])["suggested"]] == [3, 0, 0, 0]


def test_no_text_takes_long(ask: Callable[..., dict[str, Any]]) -> None:
    """Each would take minutes where time grew with the square of its length, or worse."""
    runs = (" ", "a-", "'a", "1_", "%", "warm, ", "w" * 3 + "ish", "é")
    texts = [f"{start}{run * 100_000}{end}" for run in runs for start in ("", "warm:1", "x") for end in ("x", ":", "!")]
    assert all("refused" in read for read in ask([(text, False) for text in texts])["read"])


def test_the_bands_of_guesses_follow_their_curves(ask: Callable[..., dict[str, Any]]) -> None:
    """Each by itself, and several beside a taught one."""
    guesses, freqs_hz = load_bundle(None).guesses, log_grid(96, 30.0, 16_000.0)
    known = [word for word in guesses.guesses if guesses.level_of(guesses[word]) != "refused"]
    rng = random.Random(3)
    mixes = [{word: 1.0} for word in known]
    mixes += [{"warm": 1.0, **{word: rng.uniform(-1.5, 1.5) for word in rng.sample(known, 3)}} for _ in range(50)]
    missed = []
    for mix, bands in zip(mixes, ask([], mixes=mixes)["bands"], strict=True):
        eq = EqSettings(tuple(Band(BandKind(band["kind"]), band["freq_hz"], band["gain_db"], band["q"]) for band in bands))
        parts = [amount * guesses[word].curve_db for word, amount in mix.items() if word in guesses]
        wanted_db = np.interp(np.log(freqs_hz), np.log(log_grid(N_POINTS)), np.sum(parts, axis=0))
        missed.append(rms_db(response_db(eq, freqs_hz, 48_000.0) - wanted_db))
    assert max(missed[: len(known)]) < 0.4
    assert max(missed) < 0.8
    assert np.median(missed) < 0.12
    assert ask([], mixes=[{"warm": 1.0, "MUDDY": -1.0}, {}])["bands"] == [[], []]
