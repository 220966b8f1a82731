"""Laws of listening tests as they are made: orders are balanced, sounds are equally loud, and what listeners get tells them nothing."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
import sounds
from conftest import cases
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from scipy.signal import freqz

from semeq_export.audio.loudness import Loudness
from semeq_export.errors import AudioError, DataError, IntentError, OutputError
from semeq_export.panel import beaqlejs, page, stimuli, webmushra
from semeq_export.panel.design import (
    ANCHORS_HZ,
    REFERENCE,
    UNPROCESSED,
    Kind,
    abx_trials,
    comparative,
    forms,
    mushra_trials,
    pair_trials,
)
from semeq_export.panel.manifest import Condition, Manifest, Source, Stimulus, coded, codes, read_manifest

SOURCES = ["drums", "voice"]
NAMES = [UNPROCESSED, "warm", "bright", "airy"]


@given(count=st.integers(2, 5), n_sources=st.integers(1, 4), repeats=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_pairs_are_balanced(count: int, n_sources: int, repeats: int, seed: int) -> None:
    names = [UNPROCESSED, *(f"w{n}" for n in range(count - 1))]
    trials = pair_trials([f"s{n}" for n in range(n_sources)], names, ["?"], "all", repeats)
    made = forms("pairs", trials, seed)
    assert made == forms("pairs", trials, seed)
    for one, other in zip(made[::2], made[1::2], strict=True):
        assert [showing.order for showing in other] == [showing.order[::-1] for showing in one]
    for form in made:
        assert sorted(showing.trial for showing in form) == list(range(len(trials)))
        for pair in itertools.combinations(names, 2):
            ways = Counter(showing.order[0] for showing in form if set(showing.order) == set(pair))
            assert abs(ways[pair[0]] - ways[pair[1]]) <= 1
        for name in names:
            stands = [showing.order.index(name) for showing in form if name in showing.order]
            assert abs(sum(stands) - (len(stands) - sum(stands))) <= count


@given(n_sources=st.integers(1, 3), repeats=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_x_is_either_sound_and_on_either_side_equally_often(n_sources: int, repeats: int, seed: int) -> None:
    for form in forms("abx", abx_trials([f"s{n}" for n in range(n_sources)], NAMES[:3], "?", repeats), seed):
        for other in NAMES[1:3]:
            showings = [showing for showing in form if other in showing.order]
            assert abs(sum(showing.hidden == other for showing in showings) * 2 - len(showings)) <= 2
            assert abs(sum(showing.hidden == showing.order[0] for showing in showings) * 2 - len(showings)) <= 2


def test_the_order_of_abx_cannot_be_foretold() -> None:
    trials = abx_trials(["s"], NAMES[:2], "?", 16)
    patterns = {tuple(showing.hidden == showing.order[0] for showing in form) for seed in range(20) for form in forms("abx", trials, seed)}
    assert len(patterns) > 100


def test_mushra_shows_reference_and_anchors_in_every_trial_and_at_most_twelve() -> None:
    trials = mushra_trials(SOURCES, NAMES[1:], "?", 1)
    for form in forms("mushra", trials, 3):
        assert all(sorted(showing.order) == sorted((REFERENCE, *NAMES[1:], *ANCHORS_HZ)) for showing in form)
    assert len({showing.order for form in forms("mushra", trials, 3) for showing in form}) > 20
    with pytest.raises(IntentError, match="13 sounds in a trial"):
        mushra_trials(SOURCES, [f"w{n}" for n in range(10)], "?", 1)


def test_against_the_unprocessed_sound_each_word_has_its_question() -> None:
    trials = pair_trials(SOURCES, NAMES, ["warmer?", "brighter?", "airier?"], "unprocessed", 1)
    assert {(trial.conditions, trial.question) for trial in trials} == {
        ((UNPROCESSED, "warm"), "warmer?"),
        ((UNPROCESSED, "bright"), "brighter?"),
        ((UNPROCESSED, "airy"), "airier?"),
    }
    with pytest.raises(IntentError, match="one question"):
        pair_trials(SOURCES, NAMES, ["warmer?", "brighter?"], "all", 1)


@pytest.mark.parametrize(
    ("word", "more"),
    [
        ("warm", "warmer"),
        ("bright", "brighter"),
        ("muddy", "muddier"),
        ("airy", "airier"),
        ("thin", "thinner"),
        ("clear", "clearer"),
        ("harsh", "harsher"),
        ("wide", "wider"),
        ("hollow", "more hollow"),
        ("aggressive", "more aggressive"),
        ("warm:0.7,bright:0.3", "more warm:0.7,bright:0.3"),
        ("cálido", "more cálido"),
    ],
)
def test_comparatives(word: str, more: str) -> None:
    assert comparative(word) == more


def _loudness(samples: np.ndarray) -> float:
    meter = Loudness(stimuli.RATE_HZ, samples.shape[0])
    meter.feed(samples)
    assert meter.lufs is not None
    return meter.lufs


@settings(max_examples=cases(5, 20))
@given(gains_db=st.lists(st.floats(-30.0, 10.0), min_size=2, max_size=4), lufs=st.floats(-40.0, -12.0), ceiling_dbtp=st.floats(-12.0, 0.0))
def test_sounds_end_up_equally_loud_under_the_ceiling(gains_db: list[float], lufs: float, ceiling_dbtp: float) -> None:
    versions = {
        str(n): stimuli.faded(sounds.noise(1.5, slope=n / 4.0, seed=n, channels=2).samples * 10.0 ** (gain_db / 20.0))
        for n, gain_db in enumerate(gains_db)
    }
    made, level = stimuli.match(versions, lufs, ceiling_dbtp)
    assert level <= lufs
    peaks = [sound.true_peak_dbtp for sound in made.values()]
    assert max(peaks) <= ceiling_dbtp + 0.01
    assert level == lufs or max(peaks) == pytest.approx(ceiling_dbtp, abs=0.01)
    for name, sound in made.items():
        played = sound.steps / 2.0 ** (stimuli.BITS - 1)
        assert _loudness(played) == pytest.approx(level, abs=0.01)
        np.testing.assert_allclose(played, versions[name] * 10.0 ** (sound.gain_db / 20.0), atol=2.0**-23)


def test_the_check_can_fail() -> None:
    (sound,) = stimuli.match({"a": sounds.noise(1.5).samples}, -23.0, -1.0)[0].values()
    with pytest.raises(AudioError, match=r"a: -23\.00 LUFS after matching, expected -22\.80"):
        stimuli.check([("a", sound)], -22.8, -1.0)
    with pytest.raises(AudioError, match="over -20"):
        stimuli.check([("a", sound)], sound.lufs, -20.0)


def test_silence_and_nearly_silence_are_refused() -> None:
    with pytest.raises(AudioError, match="the excerpt is silent: choose another part"):
        stimuli.match({"a": np.zeros((1, 48_000))}, -23.0, -1.0)
    with pytest.raises(AudioError, match="too quiet for a listening test"):
        stimuli.match({"a": sounds.noise(1.5, rms=0.0005).samples}, -23.0, -1.0)


@pytest.mark.parametrize("cutoff_hz", ANCHORS_HZ.values())
def test_anchors_are_as_steep_as_the_recommendation_asks_and_not_late(cutoff_hz: float) -> None:
    """BS.1534-3, 5: within 0.1 dB up to the cut-off, 25 dB down at 8/7 and 50 dB at 9/7 of it."""
    impulse = np.zeros((1, 4_001))
    impulse[0, 2_000] = 1.0
    out = stimuli.low_passed(impulse, cutoff_hz)[0]
    assert int(np.argmax(np.abs(out))) == 2_000
    np.testing.assert_allclose(out, out[::-1], atol=1e-12)
    freqs_hz, response = freqz(out, worN=16_384, fs=stimuli.RATE_HZ)
    gain_db = 20.0 * np.log10(np.maximum(np.abs(response), 1e-9))
    assert np.abs(gain_db[freqs_hz <= cutoff_hz]).max() < 0.1
    assert gain_db[freqs_hz >= cutoff_hz * 8.0 / 7.0].max() < -25.0
    assert gain_db[freqs_hz >= cutoff_hz * 9.0 / 7.0].max() < -50.0


@cache
def quiet() -> np.ndarray:
    return sounds.noise(9.0, seed=2, rms=0.01).samples


@settings(max_examples=cases(5, 20))
@given(at_s=st.integers(0, 6), block=st.integers(1_000, 50_000))
def test_the_loudest_part_is_found_whatever_the_blocks(at_s: int, block: int) -> None:
    samples = quiet().copy()
    samples[:, at_s * 48_000 : (at_s + 2) * 48_000] *= 8.0
    finder = stimuli.LoudestPart(48_000, 1)
    for start in range(0, samples.shape[1], block):
        finder.feed(samples[:, start : start + block])
    assert finder.start_s(2.0) == pytest.approx(at_s, abs=0.11)
    assert finder.start_s(20.0) == 0.0


def manifest(kind: Kind = "pairs", title: str = "Test") -> Manifest:
    """Return the key of a small test."""
    first = REFERENCE if kind == "mushra" else UNPROCESSED
    names = [first, "warm", *(ANCHORS_HZ if kind == "mushra" else ())]
    pairs = [(source, name) for source in SOURCES for name in names]
    code_of = codes(pairs, 1)
    trials = {
        "pairs": lambda: pair_trials(SOURCES, names, ["Which is warmer?"], "all", 1),
        "mushra": lambda: mushra_trials(SOURCES, ["warm"], "How good?", 1),
        "abx": lambda: abx_trials(SOURCES, names, "Which is X?", 2),
    }[kind]()
    roles = {first: "unprocessed", **dict.fromkeys(ANCHORS_HZ, "anchor")}
    return Manifest(
        schema=1,
        test_id=f"{kind}-1",
        kind=kind,
        title=title,
        seed=1,
        made_for="page",
        wanted_lufs=-23.0,
        lufs=-23.0,
        ceiling_dbtp=-1.0,
        sample_rate_hz=48_000,
        sources={source: Source(f"{source}.wav", 0.0, 2.0, 2) for source in SOURCES},
        conditions={name: Condition(roles.get(name, "tested"), words=name) for name in names},
        stimuli={code: Stimulus(*pair, 0.0, -23.0, -3.0) for pair, code in code_of.items()},
        **coded(trials, forms(kind, trials, 1), code_of),
    )


@pytest.mark.parametrize("kind", ["pairs", "mushra", "abx"])
def test_a_key_is_read_back_as_it_was(kind: Kind) -> None:
    assert read_manifest(manifest(kind).to_bytes(), "manifest.json") == manifest(kind)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda document: document | {"schema": 2}, "manifest of schema 2, expected 1"),
        (lambda document: document | {"stimuli": {}}, "trials of unknown sounds: s"),
        (lambda document: document | {"conditions": {}}, "sounds of unknown conditions: "),
        (lambda document: document | {"kind": "taste"}, "not the manifest of a listening test: Invalid enum value 'taste'"),
        (lambda document: [], "not the manifest of a listening test: Expected `object`, got `array`"),
    ],
)
def test_what_is_no_key_is_refused(change, said: str) -> None:
    data = json.dumps(change(json.loads(manifest().to_bytes()))).encode()
    with pytest.raises(DataError, match=re.escape(said).replace("`", ".")):
        read_manifest(data, "manifest.json")


def test_the_page_tells_nothing_about_conditions_and_cannot_be_broken_out_of() -> None:
    test = manifest(title="</script><script>alert(1)</script><!--")
    html = page.render(f"<html>{page.PLACE}</html>", test, dict.fromkeys(test.stimuli, b"sound")).decode()
    assert html.count("</script>") == 1
    document = json.loads(re.search(r'id="semeq-listen-data">(.*)</script>', html, re.S)[1])  # type: ignore[index]
    assert document["title"] == test.title
    assert document["sounds"].keys() == test.stimuli.keys()
    for word in ("unprocessed", "drums", '"warm"', "lufs", "gain"):
        assert word not in html


def test_a_page_that_no_browser_would_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_BYTES", 10_000)
    test = manifest()
    with pytest.raises(OutputError, match="take fewer or shorter sounds"):
        page.render(page.PLACE, test, dict.fromkeys(test.stimuli, bytes(3_000)))


@pytest.mark.parametrize("kind", ["mushra", "abx", "pairs"])
def test_webmushra_gets_a_page_for_each_trial(kind: Kind) -> None:
    test = manifest(kind)
    document = YAML(typ="safe").load(webmushra.config(test))
    assert document.keys() >= {"testname", "testId", "bufferSize", "stopOnErrors", "showButtonPreviousPage", "remoteService", "pages"}
    assert [one["type"] for one in document["pages"] if isinstance(one, dict)] == ["generic", "volume", "finish"]
    shuffled, *pages = document["pages"][2]
    assert shuffled == "random"
    assert {one["id"]: one["type"] for one in pages} == dict.fromkeys(
        test.trials, {"mushra": "mushra", "abx": "paired_comparison", "pairs": "likert_multi_stimulus"}[kind]
    )
    for one in pages:
        heard = set(one["stimuli"]) | ({one["reference"].split("/")[-1].removesuffix(".wav")} if "reference" in one else set())
        assert heard == set(test.trials[one["id"]].stimuli)
        assert all(path == f"configs/resources/{test.test_id}/{code}.wav" for code, path in one["stimuli"].items())
    if kind == "mushra":
        assert not any(one["createAnchor35"] or one["createAnchor70"] or one["showConditionNames"] for one in pages)


@pytest.mark.parametrize("kind", ["mushra", "abx", "pairs"])
def test_beaqlejs_gets_a_testset_for_each_trial(kind: Kind) -> None:
    test = manifest(kind)
    text = beaqlejs.config(test).decode()
    document = json.loads(text.removeprefix("var TestConfig = ").rstrip().removesuffix(";"))
    assert [one["TestID"] for one in document["Testsets"]] == list(test.trials)
    for one in document["Testsets"]:
        codes_here = test.trials[one["TestID"]].stimuli
        expected = {"Reference", *codes_here[1:]} if kind == "mushra" else {"A", "B"}
        assert one["Files"].keys() == expected
        assert {path.rpartition("/")[2].removesuffix(".wav") for path in one["Files"].values()} == set(codes_here)
