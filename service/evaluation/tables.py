"""What `career eval` prints for people: progress on stderr, tables on stdout."""

import math
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from service.evaluation.compare import Comparison
    from service.evaluation.pools import PoolScore
    from service.evaluation.run import Progress
    from service.evaluation.scoring import Summary

HEADLINE = (
    "nugget_recall", "balanced_accuracy", "false_answer", "false_refusal", "aurc",
    "citation_validity", "citation_coverage", "quote_exactness", "support_proxy", "language", "must_not_contain",
    "stability", "hit@1", "hit@5", "recall@10", "mrr@10", "ndcg@10", "evidence_recall@5", "evidence_in_context",
)  # fmt: skip


def stdout() -> Console:
    return Console()


def stderr() -> Console:
    return Console(stderr=True)


class ProgressLine:
    """Tells how far a run is: a line rewritten on a terminal, a line every half minute elsewhere."""

    def __init__(self, console: Console, what: str = "questions") -> None:
        self._console = console
        self._what = what
        self._told = 0.0

    def __call__(self, progress: "Progress") -> None:
        over = progress.done == progress.total
        pause = 0.5 if self._console.is_terminal else 30.0
        if time.monotonic() - self._told < pause and not over:
            return
        self._told = time.monotonic()
        left = "" if progress.left_s is None or over else f", {_duration(progress.left_s)} left"
        end = "\r" if self._console.is_terminal and not over else "\n"
        self._console.print(f"{progress.done}/{progress.total} {self._what}{left}".ljust(60), end=end, highlight=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def print_summary(summary: "Summary") -> None:
    table = Table(
        "metric", "value", "95 % interval", "questions", title=f"{summary['dataset']}, {summary['n']} questions"
    )
    for name in HEADLINE:
        if metric := summary["metrics"].get(name):
            arrow = " ↓" if metric["better"] == "lower" else ""
            bounds = f"{metric['low']:.3f}–{metric['high']:.3f}"
            table.add_row(name + arrow, f"{metric['value']:.3f}", bounds, str(metric["n"]))
    for name in ("first_token_ms", "total_ms", "search_ms"):
        if spread := summary["latency"].get(name):
            table.add_row(name + " ↓", f"{spread['p50']:.0f} median", f"{spread['p95']:.0f} at 95 %", str(spread["n"]))
    stdout().print(table)


def print_comparison(comparison: "Comparison") -> None:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("metric", "A", "B", "B − A", "95 % interval", "p", "Holm", "win/tie/lose"):
        table.add_column(name, no_wrap=True)
    for change in comparison.changes:
        judged = f"{change.wins}/{change.ties}/{change.losses}" if change.wins + change.ties + change.losses else "–"
        table.add_row(
            change.metric,
            f"{change.a:.3f}",
            f"{change.b:.3f}",
            f"{change.delta:+.3f}",
            f"{change.low:+.3f}…{change.high:+.3f}",
            _p(change.p),
            _p(change.p_holm),
            judged,
        )
    console = stdout()
    console.print(
        f"{comparison.n} questions in both runs; intervals from 2,000 paired bootstrap draws,", highlight=False
    )
    console.print("p from 10,000 random swaps of A and B, Holm: adjusted for testing many metrics.", highlight=False)
    console.print(table, highlight=False)
    if comparison.regressions:
        console.print(_regressions(comparison))


def _regressions(comparison: "Comparison") -> Table:
    from service.evaluation.compare import answer_text

    table = Table("question", "A", "B", title="Answered worse, worst first", show_lines=True)
    for pair in comparison.regressions:
        cells = (
            f"{pair.before.case.id}: {pair.before.case.question}",
            answer_text(pair.before),
            answer_text(pair.after),
        )
        table.add_row(*(Text(_short(cell or "–")) for cell in cells))
    return table


def _short(text: str, longest: int = 240) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _p(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"


def print_pools(scores: "Sequence[PoolScore]") -> None:
    names = sorted({name for score in scores for name in score.metrics})
    table = Table("questions → pool", "n", *names)
    for score in scores:
        cells = [f"{score.metrics[name]['value']:.3f}" if name in score.metrics else "–" for name in names]
        table.add_row(f"{score.question_lang} → {score.pool}", str(score.n), *cells)
    stdout().print(table)


def print_gate(report: Mapping[str, Mapping[str, float]]) -> None:
    """How well a fitted gate does: a line for each situation, language and split."""
    names = list(dict.fromkeys(name for row in report.values() for name in row))
    table = Table("situation, language, split", *names)
    for key, row in report.items():
        table.add_row(key, *(f"{row[name]:g}" for name in names))
    stdout().print(table)
