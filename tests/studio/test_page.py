"""The studio's page as a file: what is in it, that it is the same bytes each time, and what is refused."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from semeq_export.app.vocabulary import VocabularyOptions, VocabularyResult, describe_vocabulary
from semeq_export.cli import cli
from semeq_export.engine import HEARD_HZ, N_HEARD, Engine
from semeq_export.eq.curve import correlation, level_free, log_grid, rms_db
from semeq_export.errors import BundleFormatError, EnvironmentFailure, OutputError
from semeq_export.studio import page
from semeq_export.words.places import word_map

TEMPLATE = "<!doctype html><title>t</title><body><!--semeq-data--><script>/* page */</script></body>"
PARTS = page.PageParts(TEMPLATE, b"\0asm\1\0\0\0")


@pytest.fixture(scope="module")
def vocabulary() -> VocabularyResult:
    return describe_vocabulary(VocabularyOptions())


class _Scripts(HTMLParser):
    """The texts of all scripts by their id, as a browser finds their ends."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str | None, str] = {}
        self._open: str | None = None
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self._open, self._inside = dict(attrs).get("id"), True
            self.texts[self._open] = ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._open] += data


def data_of(html: bytes) -> dict[str, Any]:  # Any: JSON
    return json.loads(_Scripts(html.decode("utf-8")).texts["semeq-data"])


def test_the_page_holds_what_plays_and_what_is_known_of_each_word(vocabulary: VocabularyResult) -> None:
    html, bundle = page.make_page(vocabulary, PARTS), vocabulary.bundle
    data = data_of(html)
    assert (data["schema"], data["name"], data["identity"], data["server"]) == (1, bundle.manifest.name, bundle.identity, None)
    assert gzip.decompress(base64.b64decode(data["wasm"])) == PARTS.wasm
    assert gzip.decompress(base64.b64decode(data["decoder"])) == bundle.files["decoder.semeq"]
    assert {"centroids.json": data["centroids"].encode(), "manifest.json": data["manifest"].encode()}.items() <= bundle.files.items()
    by_word = {word["word"]: word for word in data["words"]}
    assert by_word.keys() == bundle.centroids.keys() == data["map"]["points"].keys()
    assert {name for name, word in by_word.items() if word["agreed"]} == set(bundle.usual_words())
    assert [word["rows"] for word in data["words"]] == sorted((word["rows"] for word in data["words"]), reverse=True)
    assert data["references"].keys() == {"any", "bass", "drums", "guitar", "keys", "mix", "strings", "voice"}
    assert data["phrases"] == json.loads(json.dumps(vocabulary.phrases))


def test_an_opposite_is_a_usual_word_of_the_language_that_people_do_the_other_way(vocabulary: VocabularyResult) -> None:
    evidence, bank = vocabulary.bundle.evidence, vocabulary.bundle.centroids
    opposites = {word.term.name: word.opposite for word in vocabulary.words if word.opposite is not None}
    assert opposites
    for word, opposite in opposites.items():
        assert bank.is_usual(opposite, bank[word].language)
        assert correlation(evidence.words[word].mean_db, evidence.words[opposite].mean_db) < -0.5


def test_equal_input_gives_equal_bytes(vocabulary: VocabularyResult) -> None:
    assert page.make_page(vocabulary, PARTS) == page.make_page(describe_vocabulary(VocabularyOptions()), PARTS)


def test_no_text_of_a_bundle_ends_the_script(vocabulary: VocabularyResult) -> None:
    note = "</script><script>alert(1)</script><!--<script>"
    first = dataclasses.replace(vocabulary.words[0], doubts=note)
    html = page.make_page(dataclasses.replace(vocabulary, words=(first,)), PARTS)
    assert data_of(html)["words"][0]["doubts"] == note
    assert _Scripts(html.decode()).texts.keys() == {"semeq-data", None}
    assert b"alert(1)</script>" not in html


def test_distances_on_the_map_are_those_of_the_curves_as_far_as_two_axes_show_them(vocabulary: VocabularyResult) -> None:
    engine, places = Engine(vocabulary.bundle, exact=True), vocabulary.places
    freqs_hz = log_grid(N_HEARD, *HEARD_HZ)
    curves = {word: level_free(engine.curve_for(word, freqs_hz)) for word in places.points}
    words = list(curves)
    drawn = [float(np.hypot(*np.subtract(places.points[a], places.points[b]))) for a in words for b in words if a < b]
    heard = [rms_db(curves[a] - curves[b]) for a in words for b in words if a < b]
    assert np.all(np.array(drawn) <= np.array(heard) + 0.002)
    assert float(np.corrcoef(drawn, heard)[0, 1]) > 0.98
    assert sum(axis.share for axis in places.axes) > 0.9


def test_axes_are_named_by_opposites_that_most_people_stand_behind() -> None:
    freqs_hz = log_grid(48)
    tilt, middle = np.linspace(-1.0, 1.0, 48), np.cos(np.linspace(-np.pi, np.pi, 48))
    middle -= tilt * float(middle @ tilt) / float(tilt @ tilt)
    curves = {"dull": -tilt, "sharp": tilt, "dark": -4 * tilt, "airy": 4 * tilt, "thin": -middle, "big": middle}
    opposites = [("dark", "airy"), ("sharp", "dull"), ("big", "thin"), ("dull", "thin")]
    few = word_map(curves, freqs_hz, opposites, {**dict.fromkeys(curves, 9), "dark": 2})
    assert (few.axes[0].low, few.axes[0].high) == ("duller", "sharper")
    many = word_map(curves, freqs_hz, opposites, {**dict.fromkeys(curves, 9), "dark": 20, "airy": 20})
    assert (many.axes[0].low, many.axes[0].high) == ("darker", "airier")
    assert {many.axes[1].low, many.axes[1].high} == {"bigger", "thinner"}
    assert many.points["airy"][0] > 0.0 > many.points["dark"][0]
    assert sum(axis.share for axis in many.axes) == pytest.approx(1.0)


def test_axes_without_opposites_say_what_they_raise() -> None:
    freqs_hz = log_grid(48)
    tilt = np.linspace(-1.0, 1.0, 48)
    places = word_map({"a": 3 * tilt, "b": -2 * tilt}, freqs_hz, [], {})
    assert (places.axes[0].low, places.axes[0].high, places.axes[0].share) == ("more bass", "more treble", 1.0)
    assert places.axes[1].share == 0.0
    assert places.flat == pytest.approx((-0.5 * rms_db(tilt), 0.0), abs=1e-3)


@pytest.mark.parametrize(
    ("word", "more"),
    [("hot", "hotter"), ("nice", "nicer"), ("muddy", "muddier"), ("clear", "clearer"), ("low", "lower"), ("energetic", "more energetic"),
     ("quiet", "quieter"), ("grey", "greyer"), ("less known", "more less known"), ("frío", "more frío")],
)  # fmt: skip
def test_comparatives(word: str, more: str) -> None:
    freqs_hz, tilt = log_grid(48), np.linspace(-1.0, 1.0, 48)
    places = word_map({word: tilt, "zz": -tilt}, freqs_hz, [(word, "zz")], {word: 1, "zz": 1})
    assert places.axes[0].high == more


def test_the_command_writes_the_file_and_replaces_none_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "built_parts", lambda: PARTS)
    target = tmp_path / "studio.html"
    done = CliRunner().invoke(cli, ["studio", "--page", str(target)])
    assert (done.exit_code, done.stdout, done.stderr) == (0, f"{target}\n", "")
    first = target.read_bytes()
    assert data_of(first)["server"] is None
    with pytest.raises(OutputError, match="exists already"):
        page.write_page(page.PageOptions(output=target))
    page.write_page(page.PageOptions(output=target, overwrite=True))
    assert target.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["studio.html"]


@pytest.mark.parametrize("name", ["page.txt", "page", "semeq.html.bak"])
def test_a_page_under_a_name_that_no_browser_opens_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="end it in .html"):
        page.write_page(page.PageOptions(output=tmp_path / name), PARTS)
    assert list(tmp_path.iterdir()) == []


def test_a_page_over_two_megabytes_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    large = dataclasses.replace(PARTS, wasm=random.Random(1).randbytes(1_000_000))  # what no packing makes smaller
    with pytest.raises(OutputError, match=r"x\.html: the page would be 2\d{6} bytes, over the limit of 2000000"):
        page.write_page(page.PageOptions(output=tmp_path / "x.html"), large)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(vocabulary: VocabularyResult) -> None:
    files = {name: data for name, data in vocabulary.bundle.files.items() if name != "decoder.semeq"}
    old = dataclasses.replace(vocabulary, bundle=dataclasses.replace(vocabulary.bundle, files=files))
    with pytest.raises(BundleFormatError, match=re.escape("has no decoder.semeq")):
        page.make_page(old, PARTS)
    for template in ("<p>no mark</p>", TEMPLATE + page.MARK):
        with pytest.raises(EnvironmentFailure, match="not there once"):
            page.make_page(vocabulary, dataclasses.replace(PARTS, template=template))


@pytest.mark.parametrize("options", [["--port", "1"], ["--no-browser"]])
def test_a_page_starts_no_server(options: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["studio", "--page", str(tmp_path / "x.html"), *options])
    assert done.exit_code == 2
    assert "--page starts no server" in done.stderr
