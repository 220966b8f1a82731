"""A thousand simulated panels for each design: how often the analysis finds what is not there, and what is.

    PYTHONPATH=tests python tests/bench/panel_report.py [--panels 1000] [--record tests/records/panel.json]

`false_alarm`: the share of panels without any difference in which a test finds one; for families of tests, any one of them, which Holm's
correction keeps at 5 % or below; of 1,000 panels a true 4.9 % may come out as 5.1. `exact_false_alarm`: the same computed, where the
answers to pairs are independent. `power`: the share of panels with a known difference that find it. `coverage`: how often a 95 % interval
holds the truth.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import expit
from simulated_panels import abx_finds, abx_panel, mushra_finds, mushra_panel, pairs_find, pairs_panel, share

from semeq_export.panel.intervals import needed_correct

SEED = 20_261_128


def mushra(panels: int, listeners: int) -> dict[str, float]:
    """MUSHRA of four conditions and three sources: none different; one 8 points better; two careless listeners in the panel."""
    rng = np.random.default_rng((SEED, 1, listeners))
    level = dict.fromkeys("abcd", 65.0)
    null = [mushra_finds(mushra_panel(rng, level, listeners=listeners)) for _ in range(panels)]
    real = [mushra_finds(mushra_panel(rng, level | {"a": 73.0}, listeners=listeners)) for _ in range(panels)]
    mixed = [mushra_finds(mushra_panel(rng, level, listeners=listeners + 2, careless=2)) for _ in range(panels)]
    medians = [m for *_, result in null for m in result.medians if not m.source and m.condition in level and m.low is not None]
    of_a = {frozenset(("a", other)) for other in "bcd"}
    careless = {f"p{listeners}", f"p{listeners + 1}"}
    left_out = [{one.listener for one in result.excluded} for *_, result in mixed]
    return {
        "false_alarm_friedman": share([found for found, *_ in null]),
        "false_alarm_wilcoxon_holm": share([bool(pairs) for _, pairs, _ in null]),
        "false_alarm_wilcoxon_holm_careless": share([bool(pairs) for _, pairs, _ in mixed]),
        "power_friedman": share([found for found, *_ in real]),
        "power_wilcoxon_holm_any": share([bool(pairs & of_a) for _, pairs, _ in real]),
        "power_wilcoxon_holm_each": float(np.mean([len(pairs & of_a) / 3.0 for _, pairs, _ in real])),
        "coverage_median": share([bool(m.low <= 65.0 <= m.high) for m in medians if m.low is not None and m.high is not None]),
        "careless_left_out": float(np.mean([len(out & careless) / 2.0 for out in left_out])),
        "careful_left_out": float(np.mean([len(out - careless) / listeners for out in left_out])),
    }


def pairs(panels: int, listeners: int, *, sources: int, taste_sd: float) -> dict[str, float]:
    """All pairs of three conditions: no preference in the population; one that is chosen by 3 of 4 over the unprocessed sound."""
    rng = np.random.default_rng((SEED, 2, listeners, sources))
    equal = {"unprocessed": 0.0, "warm": 0.0, "bright": 0.0}
    known = equal | {"warm": float(np.log(3.0))}
    null = [pairs_find(pairs_panel(rng, equal, listeners=listeners, sources=sources, taste_sd=taste_sd)) for _ in range(panels)]
    real = [pairs_find(pairs_panel(rng, known, listeners=listeners, sources=sources, taste_sd=taste_sd)) for _ in range(panels)]
    wanted = frozenset(("warm", "unprocessed"))
    truth = {name: known[name] for name in ("warm", "bright")}
    covered = [s.low <= truth[s.condition] <= s.high for _, result in real for s in result.strengths]
    strengths = [s for _, result in null for s in result.strengths]
    needed = needed_correct(listeners, 0.05 / 3.0 / 2.0)  # of three independent sign tests at Holm's first step
    level = 0.0 if needed is None else 2.0 * float(stats.binom.sf(needed - 1, listeners, 0.5))
    return {
        "exact_false_alarm_sign_holm": 1.0 - (1.0 - level) ** 3 if sources == 1 else float("nan"),
        "false_alarm_sign_holm": share([bool(found) for found, _ in null]),
        "false_alarm_bradley_terry_each": share([not s.low <= 0.0 <= s.high for s in strengths]),
        "power_sign_holm": share([wanted in found for found, _ in real]),
        "power_bradley_terry": share([s.low > 0.0 for _, result in real for s in result.strengths if s.condition == "warm"]),
        "coverage_bradley_terry": share(covered) if taste_sd == 0.0 else float("nan"),
        "share_true": float(expit(known["warm"])),
    }


def abx(panels: int, listeners: int, trials: int) -> dict[str, float]:
    """ABX of two conditions: nobody hears either; everybody hears one in half of the trials and so is right in three of four."""
    rng = np.random.default_rng((SEED, 3, listeners, trials))
    deaf = {"warm": 0.0, "bright": 0.0}
    null = [abx_finds(abx_panel(rng, deaf, listeners=listeners, trials=trials)) for _ in range(panels)]
    real = [abx_finds(abx_panel(rng, deaf | {"warm": 0.5}, listeners=listeners, trials=trials)) for _ in range(panels)]
    return {
        "false_alarm_conditions_holm": share([bool(conditions) for conditions, *_ in null]),
        "false_alarm_listeners_holm": share([bool(people) for _, people, _ in null]),
        "power_condition": share(["warm" in conditions for conditions, *_ in real]),
        "false_alarm_other_condition": share(["bright" in conditions for conditions, *_ in real]),
    }


def designs(panels: int) -> dict[str, dict[str, float]]:
    """All designs."""
    tables = {f"mushra, {n} listeners": mushra(panels, n) for n in (8, 20)}
    for n in (12, 20, 40):
        tables[f"pairs, {n} listeners, one source"] = pairs(panels, n, sources=1, taste_sd=0.0)
    tables["pairs, 20 listeners, four sources, own tastes"] = pairs(panels, 20, sources=4, taste_sd=1.0)
    tables |= {f"abx, {n} listeners, {trials} trials": abx(panels, n, trials) for n, trials in ((1, 16), (8, 8))}
    return {name: {key: round(value, 4) for key, value in table.items() if not np.isnan(value)} for name, table in tables.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=1_000)
    parser.add_argument("--record", type=Path)
    asked = parser.parse_args()
    tables = designs(asked.panels)
    for name, table in tables.items():
        sys.stdout.write(f"{name}\n")
        for key, value in table.items():
            sys.stdout.write(f"    {key:36} {value:.3f}\n")
    if asked.record is not None:
        document = {"panels": asked.panels, "seed": SEED, "designs": tables}
        asked.record.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
