"""Results of a panel as lines for people and as rows for tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from semeq_export.panel.abx import AbxResult, Detection
from semeq_export.panel.intervals import ALPHA, counted
from semeq_export.panel.pairs import PairResult
from semeq_export.panel.ratings import RatingResult

Result = RatingResult | PairResult | AbxResult

COLUMNS = ("table", "question", "source", "condition", "other", "listener", "n", "value", "low", "high", "p", "p_holm")


def rows(result: Result) -> Iterator[dict[str, object]]:
    """Yield one row for each figure of a result; columns that say nothing are empty."""
    for row in _rows(result):
        yield {column: "" if row.get(column) is None else row[column] for column in COLUMNS}


def _rows(result: Result) -> Iterator[dict[str, object]]:
    if isinstance(result, RatingResult):
        for m in result.medians:
            yield {
                "table": "median",
                "source": m.source,
                "condition": m.condition,
                "n": m.n,
                "value": m.median,
                "low": m.low,
                "high": m.high,
            }
        if result.friedman is not None:
            f = result.friedman
            yield {"table": "friedman", "condition": " ".join(f.conditions), "n": f.n, "value": f.statistic, "p": f.p}
        for d in result.differences:
            pair = {"condition": d.first, "other": d.second}
            yield {"table": "difference", **pair, "n": d.n, "value": d.median, "p": d.p, "p_holm": d.p_holm}
        for one in result.excluded:
            yield {"table": "excluded", "listener": one.listener, "value": one.why}
    elif isinstance(result, PairResult):
        for row in result.pairs:
            asked = {"question": row.question, "condition": row.first, "other": row.second}
            figures = {"n": row.listeners, "value": row.share, "low": row.low, "high": row.high, "p": row.p, "p_holm": row.p_holm}
            yield {"table": "share", **asked, **figures}
        for s in result.strengths:
            asked = {"question": s.question, "condition": s.condition, "other": result.over}
            yield {"table": "strength", **asked, "value": s.log_odds, "low": s.low, "high": s.high}
    else:
        for found in (*result.conditions, *result.listeners):
            who = {"condition": found.condition, "listener": found.listener, "n": found.n}
            yield {
                "table": "correct",
                **who,
                "value": found.share,
                "low": found.low,
                "high": found.high,
                "p": found.p,
                "p_holm": found.p_holm,
            }


def lines(result: Result) -> list[str]:
    """Return a result as text: tables, and below them what they were made with and what a panel of this size can find."""
    if isinstance(result, RatingResult):
        body = _rating_lines(result)
    elif isinstance(result, PairResult):
        body = _pair_lines(result)
    else:
        body = _abx_lines(result)
    return [*body, *result.notes]


def _rating_lines(result: RatingResult) -> list[str]:
    overall = [m for m in result.medians if not m.source]
    out = [counted(result.n, "listener") + (f", {len(result.excluded)} left out after BS.1534-3" if result.excluded else "")]
    out += [f"left out: {one.listener}: {one.why}" for one in result.excluded]
    out += _table(
        ("condition", "n", "median", "95 % interval"),
        [(m.condition, str(m.n), f"{m.median:.1f}", _interval(m.low, m.high, "{:.1f}")) for m in overall],
    )
    if result.friedman is not None:
        f = result.friedman
        out.append(f"Friedman, {len(f.conditions)} tested conditions: chi2 {f.statistic:.2f}, {_p(f.p)}, Kendall's W {f.agreement:.2f}")
    if result.differences:
        out += _table(
            ("difference (median)", "n", "points", "p", "p, Holm"),
            [
                (f"{d.first} - {d.second}", str(d.n), f"{d.median:+.1f}", f"{d.p:.4f}", f"{d.p_holm:.4f}{_star(d.p_holm)}")
                for d in result.differences
            ],
        )
    return out


def _pair_lines(result: PairResult) -> list[str]:
    out = [counted(result.n, "listener")]
    for question in dict.fromkeys(row.question for row in result.pairs):
        out.append(question or "chosen")
        of_question = [row for row in result.pairs if row.question == question]
        out += _table(
            ("chosen over", "listeners", "answers", "share", "95 % interval", "p", "p, Holm"),
            [
                (
                    f"{row.first} over {row.second}",
                    str(row.listeners),
                    str(row.answers),
                    f"{row.share:.0%}",
                    _interval(row.low, row.high, "{:.0%}"),
                    f"{row.p:.4f}",
                    f"{row.p_holm:.4f}{_star(row.p_holm)}",
                )
                for row in of_question
            ],
        )
        strengths = [s for s in result.strengths if s.question == question]
        out += _table(
            (f"strength over {result.over}", "log odds", "95 % interval", "chosen"),
            [(s.condition, f"{s.log_odds:+.2f}", _interval(s.low, s.high, "{:+.2f}"), f"{s.share:.0%}") for s in strengths],
        )
    return [*out, "strengths: Bradley-Terry, half a choice added for each side of each pair"] if result.strengths else out


def _abx_lines(result: AbxResult) -> list[str]:
    out = [counted(result.n, "listener")]
    head = ("answers", "right", "needed", "share", "95 % interval", "p", "p, Holm")
    out += _table(("condition", *head), [(row.condition, *_cells(row)) for row in result.conditions])
    if len(result.listeners) > 1:
        out += _table(("listener", *head), [(row.listener, *_cells(row)) for row in result.listeners])
    return out


def _cells(row: Detection) -> tuple[str, ...]:
    needed = "-" if row.needed is None else str(row.needed)
    interval = _interval(row.low, row.high, "{:.0%}")
    return str(row.n), str(row.correct), needed, f"{row.share:.0%}", interval, f"{row.p:.4f}", f"{row.p_holm:.4f}{_star(row.p_holm)}"


def _interval(low: float | None, high: float | None, shape: str) -> str:
    return "-" if low is None or high is None else f"{shape.format(low)} to {shape.format(high)}"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p {p:.4f}"


def _star(p: float) -> str:
    return " *" if p < ALPHA else ""


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of columns, the first to the left and the others to the right; none without a body."""
    if not body:
        return []
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]
    lined_up = []
    for row in (head, *body):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lined_up.append("  ".join(cells).rstrip())
    return lined_up
