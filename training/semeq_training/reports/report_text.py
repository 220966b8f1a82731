"""The report as plain tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semeq_training.reports.cells import RANDOM, SAFE_ROWS
from semeq_training.reports.summary import GROUP_METRICS, MORPH_METRICS, SETTING_METRICS


def text(report: Mapping[str, Any]) -> str:
    """Return the report as plain tables."""
    names, lines = report["recipes"], []
    rows = ", ".join(f"{dataset} {count}" for dataset, count in report["rows"].items())
    lines += [
        f"held-out rows only; {report['seeds']} seeds, mean +- spread; rows: {rows}; left out: {', '.join(report['splits'][:-1])}",
        "",
    ]
    lines += [
        f"curve error, dB, over the {len(report['safe_words'])} SAFE words with {SAFE_ROWS}+ rows ({', '.join(report['safe_words'])})"
    ]
    lines += [f"  {'method':30}  {'left-out folds':>18}  {'random rows':>18}  {'SocialEQ, left out':>18}"]
    for method, figure in sorted(report["curve_mae_db"]["safe_words"].items(), key=lambda item: item[1]["left_out"]["mean"]):
        social = report["curve_mae_db"]["socialeq"][method]
        mark = "*" if method in names else " "
        lines.append(f"{mark} {method:30}  {_both(figure, 'left_out')}  {_both(figure, RANDOM)}  {_both(social, 'left_out')}")
    lines += ["", f"  {'settings, left-out folds':24}" + "".join(f"  {name:>18}" for name in names)]
    for metric in SETTING_METRICS:
        lines.append(f"  {metric:24}" + "".join(f"  {_both(report['settings'][name][metric], 'left_out')}" for name in names))
    for size, group in report["grouping"].items():
        for place, title in (("left_out", "left-out folds"), (RANDOM, "random rows")):
            if not any(place in group[name]["accuracy"] for name in group):
                continue
            lines += ["", f"  {f'{size} words, {title}':24}" + "".join(f"  {name:>18}" for name in group)]
            for metric in GROUP_METRICS:
                lines.append(f"  {metric:24}" + "".join(f"  {_both(group[name][metric], place)}" for name in group))
    name = names[0]
    lines += ["", f"words of {name}, left-out folds: the decoded word, and the word's mean curve, against held-out people"]
    lines += [f"  {'word':20}  {'rows':>5}  {'RMSE dB':>8}  {'of mean':>8}  {'ratio':>6}  {'corr.':>6}  {'of mean':>8}"]
    for word, entry in report["words"][name].items():
        lines.append(
            f"  {word:20}  {entry['rows']:5d}  {entry['rmse_db']:8.2f}  {entry['rmse_of_mean_db']:8.2f}  {entry['rmse_ratio']:6.3f}"
            f"  {entry['correlation']:6.2f}  {entry['correlation_of_mean']:8.2f}"
        )
    lines += ["", f"  {'morphs, 11 steps':30}" + "".join(f"  {name:>14}" for name in report["morphs"])]
    for metric in MORPH_METRICS:
        lines.append(f"  {metric:30}" + "".join(f"  {morphs[metric]:14.3f}" for morphs in report["morphs"].values()))
    return "\n".join(lines) + "\n"


def _both(figure: Mapping[str, Any], place: str) -> str:
    if place not in figure:
        return f"{'-':>18}"
    shown = f"{figure[place]['mean']:.3f} +- {figure[place]['spread']:.3f}"
    return f"{shown:>18}"
