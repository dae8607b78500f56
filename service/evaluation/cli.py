"""`career eval`: run, score, compare, gate, report, export, retrieval, judge."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from service.evaluation.run import Outcome, Progress, RunOptions
from service.evaluation.wiring import Plan, execute
from service.settings import Settings

app = typer.Typer(help="Batch evaluation: is it right, cited and honest, and better than before?", no_args_is_help=True)
INCOMPLETE = 3
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
RunFolder = Annotated[Path, typer.Argument(help="A folder that `career eval run` has written.", show_default=False)]

HEADLINE = (
    "nugget_recall", "balanced_accuracy", "false_answer", "false_refusal", "aurc",
    "citation_validity", "citation_coverage", "quote_exactness", "support_proxy", "language", "must_not_contain",
    "stability", "hit@1", "hit@5", "recall@10", "mrr@10", "ndcg@10", "evidence_recall@5", "evidence_in_context",
)  # fmt: skip


def stderr() -> Console:
    return Console(stderr=True)


def show(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


class ProgressLine:
    """Tells how far a run is: a line rewritten on a terminal, a line every half minute elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0.0

    def __call__(self, progress: Progress) -> None:
        over = progress.done == progress.total
        pause = 0.5 if self._console.is_terminal else 30.0
        if time.monotonic() - self._told < pause and not over:
            return
        self._told = time.monotonic()
        left = "" if progress.left_s is None or over else f", {_duration(progress.left_s)} left"
        end = "\r" if self._console.is_terminal and not over else "\n"
        self._console.print(f"{progress.done}/{progress.total} questions{left}".ljust(60), end=end, highlight=False)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@app.command()
def run(
    dataset: Annotated[Path, typer.Argument(help="Questions, one JSON object a line.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="Run folder; by default one of its own under CAREER_HOME.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions.")] = None,
    shard: Annotated[str | None, typer.Option(help="Only the i-th of n parts, as i/n.")] = None,
    split: Annotated[str | None, typer.Option(help="Only the questions of this split: dev or test.")] = None,
    retrieval_only: Annotated[bool, typer.Option("--retrieval-only", help="Search, do not answer.")] = False,
    with_passages: Annotated[bool, typer.Option("--with-passages", help="Answer each from its own passages.")] = False,
    repeat: Annotated[int, typer.Option(min=0, help="Ask the first N questions twice and compare.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Ask every question; the same command again resumes where it was cut off."""
    from service.evaluation.finish import finish

    plan = Plan(dataset, out, limit, shard, split, retrieval_only, with_passages, repeat)
    settings = Settings.load()
    folder, outcome = execute(plan, settings, RunOptions({}, on_progress=ProgressLine(stderr())))
    summary = finish(folder)
    if as_json:
        show({"folder": str(folder), **summary})
    else:
        print_summary(summary)
        typer.echo(f"Report: {folder / 'report.html'}")
    _tell_failures(outcome)


def _tell_failures(outcome: Outcome) -> None:
    for failure in outcome.failures[:5]:
        stderr().print(failure, markup=False, highlight=False)
    if outcome.failures:
        stderr().print(f"{len(outcome.failures)} questions have no answer. The same command asks them again.")
        raise typer.Exit(INCOMPLETE)


def print_summary(summary: dict[str, Any]) -> None:
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
    Console().print(table)
