"""evidence.json: read as written, refused when wrong, and the words that a curve is most like."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bundles
import numpy as np
import pytest

from semeq_export.bundle import kit, store
from semeq_export.bundle.loading import load_bundle
from semeq_export.bundle.store import EVIDENCE
from semeq_export.bundle.validate import validate
from semeq_export.eq.curve import log_grid
from semeq_export.errors import BundleFormatError
from semeq_export.words.evidence import N_POINTS, REGIONS, Evidence, word_evidence

TILT_DB = np.linspace(6.0, -6.0, N_POINTS)


def evidence(**rows: int) -> Evidence:
    """warm tilts down, bright up; people vary by 2 dB."""
    rng = np.random.default_rng(1)
    sign = {"warm": 1.0, "bright": -1.0}
    words = {
        name: word_evidence(sign[name] * TILT_DB + 2.0 * rng.standard_normal((rows.get(name, 10), 1)) * np.hanning(N_POINTS))
        for name in ("warm", "bright")
    }
    return Evidence(words, 4.0 * np.eye(N_POINTS))


def test_the_closest_word_comes_first_and_probabilities_sum_to_one() -> None:
    found = evidence().closest(TILT_DB + 5.0, ["warm", "bright", "unknown"])  # level does not count
    assert [name for name, _, _ in found] == ["warm", "bright"]
    assert sum(share for _, share, _ in found) == pytest.approx(1.0)
    assert found[0][2] < 2.0 < found[1][2]
    assert evidence().closest(TILT_DB, ["unknown"]) == []


def test_between_two_words_the_commoner_is_likelier() -> None:
    flat = np.zeros(N_POINTS)
    assert evidence(warm=200, bright=5).closest(flat, ["warm", "bright"])[0][0] == "warm"
    assert evidence(warm=5, bright=200).closest(flat, ["warm", "bright"])[0][0] == "bright"


def test_regions_count_people() -> None:
    entry = word_evidence(np.array([TILT_DB, TILT_DB, -TILT_DB, 0.0 * TILT_DB]))
    assert entry.boosted["bass"] == entry.cut["treble"] == 0.5
    assert entry.boosted["treble"] == entry.cut["bass"] == 0.25
    assert set(entry.boosted) == set(REGIONS)
    freqs_hz = log_grid(N_POINTS)
    assert all(np.any((freqs_hz >= low) & (freqs_hz <= high)) for low, high in REGIONS.values())


def test_opposites_correlate_at_minus_one() -> None:
    assert evidence(warm=1, bright=1).related("warm", ["warm", "bright"])[0][1] < -0.9


def test_a_single_persons_word_has_no_spread() -> None:  # fault E11
    one = Evidence({"warm": word_evidence(TILT_DB)}, np.zeros((N_POINTS, N_POINTS)))
    assert Evidence.from_json(one.to_json()).closest(TILT_DB, ["warm"]) == [("warm", 1.0, pytest.approx(0.0, abs=1e-3))]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["words"]["warm"]["mean_db"].pop(), "32"),
        (lambda d: d["words"]["warm"].update(rows=-1), "rows"),
        (lambda d: d["words"]["warm"]["boosted"].update(bass=1.5), "boosted"),
        (lambda d: d["words"]["warm"]["cut"].pop("mid"), "regions are not bass"),
        (lambda d: d["words"]["warm"]["spread_db"].__setitem__(0, -1.0), "a curve is not finite"),
        (lambda d: d["words"]["warm"]["mean_db"].__setitem__(0, 1e300), "a curve is not finite"),
        (lambda d: d["words"]["warm"].update(borrowed=1.5), "borrowed"),
        (lambda d: d["words"]["warm"].update(span_db=-1.0), "span_db"),
        (lambda d: d["words"]["warm"].update(error_db=[-1.0] * 32), "a curve is not finite"),
        (lambda d: d["words"]["warm"].update(error_db=[1.0]), "32"),
        (lambda d: d["covariance"].pop(), "32"),
        (lambda d: d["covariance"][0].__setitem__(0, -100.0), "covariance is none"),
        (lambda d: d.update(points=[["warm", 0.0]]), "points"),
    ],
)
def test_wrong_evidence_is_refused_by_place(change: object, said: str) -> None:
    document = json.loads(evidence().to_json())
    change(document)  # type: ignore[operator]
    with pytest.raises(BundleFormatError, match=rf"evidence\.json: .*{said}"):
        Evidence.from_json(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"{", b'{"words": NaN}', b"[]", b'{"words": {}, "words": {}}'])
def test_broken_json_is_refused(data: bytes) -> None:
    with pytest.raises(BundleFormatError, match=r"evidence\.json: "):
        Evidence.from_json(data)


def test_validate_finds_bad_evidence_and_words_that_are_not_there(tmp_path: Path) -> None:
    content = bundles.files()
    for name, data in (("bad", b"{}"), ("strange", Evidence({"nobody": word_evidence(TILT_DB)}, np.eye(N_POINTS)).to_json())):
        store.write_files(tmp_path / f"{name}.semeq", bundles.sealed({**content, EVIDENCE: data}))
        (finding,) = [found for found in validate(tmp_path / f"{name}.semeq") if found.where == EVIDENCE]
        assert finding.severity == "error"
    store.write_files(tmp_path / "good.semeq", bundles.sealed({**content, EVIDENCE: evidence().to_json()}))
    assert [found for found in validate(tmp_path / "good.semeq") if found.severity == "error"] == []


def test_a_selection_of_words_keeps_their_evidence_only() -> None:
    kept = Evidence.from_json(kit.select(load_bundle(), terms=["warm", "airy"])[EVIDENCE])
    assert kept.words.keys() == {"warm", "airy"}
    assert {point.word for point in kept.points} == {"warm", "airy"}


def test_what_was_borrowed_and_how_far_people_go_survives_the_file() -> None:
    known = replace(evidence().words["warm"], borrowed=0.25, error_db=np.full(N_POINTS, 0.4))
    assert known.span_db is not None
    assert known.span_db > 10.0
    again = Evidence.from_json(Evidence({"warm": known}, np.eye(N_POINTS)).to_json()).words["warm"]
    assert (again.borrowed, again.span_db) == (0.25, pytest.approx(known.span_db, abs=1e-3))
    assert again.interval_db == pytest.approx(1.645 * 0.4)


def test_evidence_of_before_is_read_and_says_nothing_of_it() -> None:  # readers of 1.0 bundles keep working
    document = json.loads(evidence().to_json())
    for word in document["words"].values():
        del word["span_db"]
    old = Evidence.from_json(json.dumps(document).encode()).words["warm"]
    assert (old.borrowed, old.interval_db, old.span_db) == (0.0, None, None)
    assert load_bundle().evidence.words["warm"].borrowed == 0.0
