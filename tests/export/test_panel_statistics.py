"""The statistics of panels against closed forms, published rules and simulated listeners whose preferences are known."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest
from conftest import ROOT, cases
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from simulated_panels import QUESTION, abx_finds, abx_panel, mushra_finds, mushra_panel, pairs_find, pairs_panel, share

from semeq_export.panel.abx import analyse_abx
from semeq_export.panel.gathered import Abx, Choice, PanelData, Rating
from semeq_export.panel.intervals import (
    binomial_power,
    detectable_difference,
    holm,
    listeners_for,
    median_interval,
    needed_correct,
    sign_flip_p,
    sign_power,
    signed_rank_p,
    smallest_panel,
)
from semeq_export.panel.pairs import analyse_pairs, fit
from semeq_export.panel.ratings import analyse_ratings, screened
from semeq_export.panel.report import COLUMNS, lines, rows

PANELS = cases(40, 100)
RECORD = json.loads((ROOT / "tests" / "records" / "panel.json").read_text(encoding="utf-8"))


def test_a_median_of_six_lies_between_the_extremes_and_of_five_nowhere() -> None:
    assert median_interval(np.array([5.0, 1.0, 2.0, 3.0, 4.0])) is None
    assert median_interval(np.array([5.0, 1.0, 2.0, 3.0, 4.0, 9.0])) == (1.0, 9.0)  # 1 - 2 / 2^6 = 0.969


@pytest.mark.parametrize("n", [6, 9, 20, 51])
def test_the_median_interval_is_the_narrowest_of_95_percent(n: int) -> None:
    found = median_interval(np.arange(1.0, n + 1.0))
    assert found is not None
    below = int(found[0])
    assert found == (below, n + 1 - below)
    assert 1.0 - 2.0 * stats.binom.cdf(below - 1, n, 0.5) >= 0.95
    assert 1.0 - 2.0 * stats.binom.cdf(below, n, 0.5) < 0.95


def test_holm_as_in_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    assert all(adjusted[i] <= adjusted[j] for i, j in itertools.permutations(range(len(p_values)), 2) if p_values[i] < p_values[j])


@given(n=st.integers(1, 40), k=st.integers(0, 40))
def test_sign_flips_of_single_answers_are_the_binomial_test(n: int, k: int) -> None:
    k = min(k, n)
    assert sign_flip_p([1] * k + [-1] * (n - k)) == pytest.approx(stats.binomtest(k, n).pvalue)


def test_sign_flips_by_counting_all_of_them() -> None:
    totals = [3, -1, 2, 2, 0, -1]
    sums = [abs(sum(s * t for s, t in zip(signs, totals, strict=True))) for signs in itertools.product((1, -1), repeat=6)]
    assert sign_flip_p(totals) == pytest.approx(np.mean([value >= sum(totals) for value in sums]))
    assert sign_flip_p([]) == sign_flip_p([0, 0]) == 1.0


@pytest.mark.parametrize("n", [4, 9, 30])
def test_signed_ranks_are_scipys_where_nothing_is_tied(n: int) -> None:
    rng = np.random.default_rng(n)
    differences = rng.normal(0.4, 1.0, n)
    assert signed_rank_p(differences) == pytest.approx(float(stats.wilcoxon(differences, method="exact").pvalue))
    assert signed_rank_p(np.append(differences, 0.0)) == signed_rank_p(differences)


def test_signed_ranks_with_ties_by_counting_all_signs() -> None:
    differences = np.array([3.0, 3.0, -1.0, 5.0, 5.0, -5.0, 2.0])
    ranks = stats.rankdata(np.abs(differences))
    sums = np.array([abs(np.dot(signs, ranks)) for signs in itertools.product((1.0, -1.0), repeat=len(ranks))])
    assert signed_rank_p(differences) == pytest.approx(np.mean(sums >= abs(np.dot(np.sign(differences), ranks))))
    assert signed_rank_p(np.zeros(5)) == 1.0


def test_sizes_of_panels() -> None:
    assert needed_correct(16) == 12  # the usual ABX: 12 of 16
    assert needed_correct(4) is None
    assert binomial_power(16, 0.5) == pytest.approx(float(stats.binom.sf(11, 16, 0.5)))
    assert binomial_power(4, 0.99) == 0.0
    assert smallest_panel(1) == 6
    assert smallest_panel(3) == 7
    assert sign_power(listeners_for(0.75), 0.75) >= 0.8 > sign_power(listeners_for(0.75) - 1, 0.75)
    assert detectable_difference(20, 10.0, 1) == pytest.approx(2.802 * 10.0 / np.sqrt(20 * 3 / np.pi), rel=1e-3)


def choices(*answers: tuple[str, str, str | None]) -> PanelData:
    """Return answers, one listener each: (one, other, chosen)."""
    names = dict.fromkeys(name for one, other, _ in answers for name in (one, other))
    roles = {name: "unprocessed" if name == "unprocessed" else "tested" for name in names}
    return PanelData(
        "pairs", "", roles, choices=tuple(Choice(f"p{n}", "?", "s", (a, b), chosen) for n, (a, b, chosen) in enumerate(answers))
    )


def test_two_conditions_in_closed_form() -> None:
    """The strength of one over another is the log of (wins + 1/2) / (losses + 1/2)."""
    result = analyse_pairs(choices(*[("unprocessed", "warm", "warm")] * 7, *[("warm", "unprocessed", "unprocessed")] * 2))
    (strength,), (row,) = result.strengths, result.pairs
    assert strength.log_odds == pytest.approx(np.log(7.5 / 2.5))
    assert (row.first, row.second, row.answers, row.share) == ("warm", "unprocessed", 9, pytest.approx(7 / 9))
    assert row.p == pytest.approx(stats.binomtest(7, 9).pvalue)
    expected = stats.binomtest(7, 9).proportion_ci(0.95, method="exact")
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_everybody_agreeing_gives_a_finite_strength_with_a_wide_interval() -> None:
    (strength,) = analyse_pairs(choices(*[("unprocessed", "warm", "warm")] * 10)).strengths
    assert strength.log_odds == pytest.approx(np.log(10.5 / 0.5))
    assert 0.0 < strength.low < strength.high < 10.0


def test_strengths_are_found_again_from_many_answers() -> None:
    truth = {"unprocessed": 0.0, "warm": 1.0, "bright": -0.5, "airy": 0.3}
    data = pairs_panel(np.random.default_rng(4), truth, listeners=400)
    for strength in analyse_pairs(data).strengths:
        assert strength.log_odds == pytest.approx(truth[strength.condition], abs=0.25)
        assert strength.high - strength.low < 0.4


def test_the_fit_has_no_slope_left_and_sums_to_nothing() -> None:
    wins = np.random.default_rng(2).integers(0, 9, (5, 4, 4)).astype(float)
    wins[:, range(4), range(4)] = 0.0
    log_odds, covariances = fit(wins)
    assert log_odds.sum() == pytest.approx(0.0, abs=1e-9)
    total = wins.sum(axis=0) + 0.5
    np.fill_diagonal(total, 0.0)
    expected = (total + total.T) / (1.0 + np.exp(log_odds[np.newaxis] - log_odds[:, np.newaxis]))
    np.testing.assert_allclose(total.sum(axis=1), expected.sum(axis=1), atol=1e-8)
    assert len(covariances) == 2


def test_groups_that_were_never_compared_have_no_common_scale() -> None:
    data = choices(("a", "b", "a"), ("c", "d", "c"), ("a", "b", None))
    result = analyse_pairs(data)
    assert result.strengths == ()
    assert result.notes[0] == "? no common scale: these groups were never compared with each other: a, b | c, d"
    assert [(row.first, row.second) for row in result.pairs] == [("b", "a"), ("d", "c")]
    unasked = analyse_pairs(dataclasses.replace(data, choices=tuple(dataclasses.replace(one, question="") for one in data.choices)))
    assert unasked.notes[0].startswith("no common scale")


def test_listeners_who_do_not_differ_leave_the_interval_of_the_model() -> None:
    """Two listeners, one undecided each way: the sandwich's variance is 0 but for rounding, of either sign."""
    for strength in analyse_pairs(choices(("a", "unprocessed", "a"), ("b", "unprocessed", None))).strengths:
        assert np.isfinite([strength.low, strength.high]).all()
        assert strength.low < strength.log_odds < strength.high


def test_many_answers_of_one_listener_are_not_many_listeners() -> None:
    """Ten answers each of two people who always say warm: two of two, which proves nothing."""
    roles = {"unprocessed": "unprocessed", "warm": "tested"}
    said = tuple(Choice(who, "?", f"s{n}", ("unprocessed", "warm"), "warm") for who in "ab" for n in range(10))
    (row,) = analyse_pairs(PanelData("pairs", "", roles, choices=said)).pairs
    assert (row.listeners, row.answers, row.share, row.p) == (2, 20, 1.0, 0.5)
    assert row.low < 0.2
    alone = analyse_pairs(PanelData("pairs", "", roles, choices=said[:10]))
    assert alone.notes == ("answers of one listener: they say nothing about other people",)
    assert alone.pairs[0].p == pytest.approx(2.0 / 2**10)


def scores(*rows_: tuple[str, str, str, float]) -> PanelData:
    roles = {"reference": "unprocessed", "a": "tested", "b": "tested", "c": "tested", "anchor35": "anchor", "anchor70": "anchor"}
    return PanelData("mushra", "", roles, ratings=tuple(Rating(who, source, source, name, score) for who, source, name, score in rows_))


@pytest.mark.parametrize(("low", "out"), [(1, False), (2, True)])
def test_a_hidden_reference_below_90_in_more_than_15_percent_leaves_out(low: int, out: bool) -> None:
    data = scores(*(("ann", f"s{n}", "reference", 89.0 if n < low else 90.0) for n in range(10)))
    assert [one.listener for one in screened(data)] == ["ann"] * out


@pytest.mark.parametrize(("high", "out"), [(1, False), (2, True)])
def test_a_mid_anchor_over_90_in_more_than_15_percent_leaves_out(high: int, out: bool) -> None:
    others = [(who, f"s{n}", "anchor70", 40.0) for who in "bcdefgh" for n in range(10)]
    data = scores(*(("ann", f"s{n}", "anchor70", 91.0 if n < high else 90.0) for n in range(10)), *others)
    assert [one.listener for one in screened(data)] == ["ann"] * out


def test_a_source_whose_mid_anchor_a_quarter_scores_high_does_not_count_for_that() -> None:
    ratings = [(who, "dull", "anchor70", 95.0 if who in "ab" else 40.0) for who in "abcdefg"]
    assert screened(scores(*ratings)) == ()
    assert [one.listener for one in screened(scores(*ratings, *((who, "dull", "anchor70", 40.0) for who in "hi")))] == ["a", "b"]


def test_scores_are_averaged_over_sources_before_they_are_compared() -> None:
    """Six listeners, each with the same scores for ten sources: still six."""
    many = [(f"p{who}", f"s{n}", name, 50.0 + who + (5.0 if name == "a" else 0.0)) for who in range(6) for n in range(10) for name in "abc"]
    result = analyse_ratings(scores(*many))
    by_pair = {(d.first, d.second): d for d in result.differences}
    assert by_pair["a", "b"].n == 6
    assert by_pair["a", "b"].p == pytest.approx(2.0 / 2**6)
    assert by_pair["b", "c"].p == 1.0
    assert by_pair["a", "b"].p_holm == pytest.approx(6.0 / 2**6)
    assert result.friedman is not None
    assert result.friedman.n == 6
    assert (result.medians[0].condition, result.medians[0].median, result.medians[0].low, result.medians[0].high) == ("a", 57.5, 55.0, 60.0)


def test_listeners_who_missed_a_condition_count_where_they_can() -> None:
    rng = np.random.default_rng(3)
    rows_ = [(f"p{who}", "s", name, float(rng.uniform(20, 80))) for who in range(9) for name in "abc" if not (who == 0 and name == "c")]
    result = analyse_ratings(scores(*rows_))
    assert result.friedman is not None
    assert result.friedman.n == 8
    assert {(d.first, d.second): d.n for d in result.differences} == {("a", "b"): 9, ("a", "c"): 8, ("b", "c"): 8}


def test_listeners_who_share_no_condition_compare_nothing() -> None:
    result = analyse_ratings(scores(*((f"p{who}", "s", "abc"[who % 3], 50.0 + who) for who in range(12))))
    assert result.friedman is None
    assert {(d.n, d.p) for d in result.differences} == {(0, 1.0)}
    assert all("nan" not in line for line in lines(result))


def test_abx_is_the_binomial_test() -> None:
    answers = [Abx("ann", "s", "warm", n < 12) for n in range(16)] + [Abx("bob", "s", "warm", None)]
    result = analyse_abx(PanelData("abx", "", {}, abx=tuple(answers)))
    (row,) = result.conditions
    assert (row.n, row.correct, row.needed, row.p) == (16, 12, 12, pytest.approx(stats.binomtest(12, 16, alternative="greater").pvalue))
    assert result.notes[0] == "left out: 1 undecided answer"


@pytest.mark.parametrize(
    "data",
    [
        mushra_panel(np.random.default_rng(1), {"a": 60.0, "b": 70.0, "c": 65.0}, listeners=9, careless=2),
        pairs_panel(np.random.default_rng(1), {"unprocessed": 0.0, "warm": 1.0, "bright": 0.0}, listeners=9, undecided=0.1),
        abx_panel(np.random.default_rng(1), {"warm": 0.6, "bright": 0.0}, listeners=3, trials=16),
    ],
    ids=lambda data: data.kind,
)
def test_results_are_told_as_text_and_as_rows(data: PanelData) -> None:
    result = {"mushra": analyse_ratings, "pairs": analyse_pairs, "abx": analyse_abx}[data.kind](data)
    told = lines(result)
    assert all(line == line.rstrip() and "nan" not in line for line in told)
    assert all(tuple(row) == COLUMNS for row in rows(result))
    assert len(list(rows(result))) >= 5
    assert any("power" in line or "no difference can be significant" in line for line in told)


def test_simulated_panels_without_a_difference_seldom_find_one() -> None:
    """Quick: of so many panels, at 5 % each, more than this many would come once in a thousand runs. The record holds 1,000 a design."""
    most = int(stats.binom.isf(0.001, PANELS, 0.05)) / PANELS
    rng = np.random.default_rng(11)
    mushra = [mushra_finds(mushra_panel(rng, dict.fromkeys("abc", 65.0), listeners=12, sources=2)) for _ in range(PANELS)]
    assert share([found for found, *_ in mushra]) <= most
    assert share([bool(pairs) for _, pairs, _ in mushra]) <= most
    equal = dict.fromkeys(("unprocessed", "warm", "bright"), 0.0)
    assert share([bool(pairs_find(pairs_panel(rng, equal, listeners=20))[0]) for _ in range(PANELS)]) <= most
    deaf = dict.fromkeys(("warm", "bright"), 0.0)
    heard = [abx_finds(abx_panel(rng, deaf, listeners=4, trials=8)) for _ in range(PANELS)]
    assert share([bool(conditions) for conditions, *_ in heard]) <= most
    assert share([bool(people) for _, people, _ in heard]) <= most


def test_simulated_panels_with_a_clear_difference_find_it() -> None:
    rng = np.random.default_rng(12)
    for _ in range(5):
        data = mushra_panel(rng, {"a": 80.0, "b": 55.0, "c": 55.0}, listeners=20, sources=2, careless=2)
        found, pairs, result = mushra_finds(data)
        assert found
        assert {frozenset("ab"), frozenset("ac")} <= pairs
        assert {"p18", "p19"} <= {one.listener for one in result.excluded}
        known, preferences = pairs_find(pairs_panel(rng, {"unprocessed": 0.0, "warm": 2.5}, listeners=30))
        assert known == {frozenset(("unprocessed", "warm"))}
        assert [(row.question, row.first) for row in preferences.pairs] == [(QUESTION, "warm")]
        assert abx_finds(abx_panel(rng, {"warm": 0.9, "bright": 0.0}, listeners=4, trials=16))[0] == {"warm"}


def test_the_record_of_a_thousand_panels_a_design() -> None:
    assert RECORD["panels"] >= 1_000
    designs = RECORD["designs"]
    assert {name.partition(",")[0] for name in designs} == {"mushra", "pairs", "abx"}
    for name, table in designs.items():
        for figure, value in table.items():
            if figure.startswith("false_alarm"):  # not over 5 % by more than so many panels leave open
                panels = RECORD["panels"]
                over = stats.binomtest(round(value * panels), panels, 0.05, alternative="greater")
                assert over.pvalue > 0.05, f"{name}: {figure}"
            if figure.startswith("exact_false_alarm"):
                assert value <= 0.05
            if figure.startswith("coverage"):
                assert value >= 0.95, f"{name}: {figure}"
        assert any(figure.startswith("power") for figure in table)
    rates = [value for table in designs.values() for figure, value in table.items() if figure.startswith("false_alarm")]
    assert np.mean(rates) <= 0.05
    assert sum(rate <= 0.05 for rate in rates) >= len(rates) - 1
    assert designs["pairs, 40 listeners, one source"]["power_sign_holm"] >= 0.7
    assert designs["mushra, 20 listeners"]["power_wilcoxon_holm_any"] >= 0.8
    assert designs["abx, 8 listeners, 8 trials"]["power_condition"] >= 0.9
