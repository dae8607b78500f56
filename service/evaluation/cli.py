"""`career eval`: run, score, compare, gate, report, export, retrieval, judge, calibrate."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.evaluation.tables import ProgressLine, print_comparison, print_gate, print_pools, print_summary, stderr

if TYPE_CHECKING:
    from service.evaluation.run import Outcome


app = typer.Typer(
    help="Batch evaluation: is it right, cited and honest, and better than before?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
INCOMPLETE = 3
FAILED = 1
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print one Markdown table: splits and languages.")]
RunFolder = Annotated[Path, typer.Argument(help="A folder that `career eval run` has written.", show_default=False)]


def show(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def show_markdown(folder: Path) -> None:
    from service.evaluation.markdown import markdown
    from service.evaluation.records import load_run
    from service.evaluation.scoring import score_run

    typer.echo(markdown(score_run(load_run(folder))))


def tell(note: str) -> None:
    stderr().print(note, markup=False, highlight=False)


@app.command()
def run(
    dataset: Annotated[Path, typer.Argument(help="Questions, one JSON object a line.", show_default=False)],
    *,
    out: Annotated[Path | None, typer.Option(help="Run folder; by default one of its own under CAREER_HOME.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions.")] = None,
    shard: Annotated[str | None, typer.Option(help="Only the i-th of n parts, as i/n.")] = None,
    split: Annotated[str | None, typer.Option(help="Only the questions of this split: dev or test.")] = None,
    retrieval_only: Annotated[bool, typer.Option("--retrieval-only", help="Search, do not answer.")] = False,
    with_passages: Annotated[bool, typer.Option("--with-passages", help="Answer each from its own passages.")] = False,
    repeat: Annotated[int, typer.Option(min=0, help="Ask the first N questions twice and compare.")] = 0,
    at_once: Annotated[int, typer.Option(min=1, help="Ask N side by side; times are then of a busy service.")] = 1,
    as_json: AsJson = False,
    as_markdown: AsMarkdown = False,
) -> None:
    """Ask every question; the same command again resumes where it was cut off."""
    from service.evaluation.wiring import Plan, evaluate
    from service.settings import Settings

    plan = Plan(dataset, out, limit, shard, split, retrieval_only, with_passages, repeat, at_once)
    done = evaluate(plan, Settings.load(), ProgressLine(stderr()), tell)
    if as_json:
        show({"folder": str(done.folder), **done.summary})
    elif as_markdown:
        show_markdown(done.folder)
    else:
        print_summary(done.summary)
        typer.echo(f"Report: {done.folder / 'report.html'}")
    _tell_failures(done.outcome)


def _tell_failures(outcome: "Outcome") -> None:
    for failure in outcome.failures[:5]:
        tell(failure)
    if outcome.failures:
        stderr().print(f"{len(outcome.failures)} questions have no answer. The same command asks them again.")
        raise typer.Exit(INCOMPLETE)


@app.command("report")
def report_command(folder: RunFolder, as_json: AsJson = False, as_markdown: AsMarkdown = False) -> None:
    """Score a run folder again and rewrite its summary and report."""
    from service.evaluation.finish import finish

    summary = finish(folder)
    if as_json:
        show(summary)
    elif as_markdown:
        show_markdown(folder)
    else:
        print_summary(summary)
        typer.echo(f"Report: {folder / 'report.html'}")


@app.command("merge")
def merge_command(
    out: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.", show_default=False)],
    folders: Annotated[list[Path], typer.Argument(help="Runs of the shards.", show_default=False)],
) -> None:
    """Join the runs of several shards into one."""
    from service.evaluation.finish import finish
    from service.evaluation.merge import merge

    merge(out, folders)
    print_summary(finish(out))
    typer.echo(f"Report: {out / 'report.html'}")


@app.command("compare")
def compare_command(
    a: Annotated[Path, typer.Argument(help="The run before.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="The run after.", show_default=False)],
    html: Annotated[Path | None, typer.Option(help="Also write the comparison as one HTML file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Which metrics moved from run A to run B, by how much, and could it be chance?"""
    from service.evaluation.compare import compare, comparison_json
    from service.evaluation.compare_page import write_comparison

    comparison = compare(a, b)
    if html is not None:
        write_comparison(html, comparison)
    if as_json:
        show(comparison_json(comparison))
    else:
        print_comparison(comparison)


@app.command("gate")
def gate_command(
    folder: RunFolder,
    *,
    minimum: Annotated[list[str] | None, typer.Option("--min", help="metric=value or metric[group]=value.")] = None,
    maximum: Annotated[list[str] | None, typer.Option("--max", help="The same, as an upper bound.")] = None,
    no_regression: Annotated[Path | None, typer.Option(help="No metric significantly worse than this run.")] = None,
    alpha: Annotated[float, typer.Option(min=0.0, max=1.0, help="Significance of a regression, after Holm.")] = 0.05,
    as_json: AsJson = False,
) -> None:
    """Exit 1, with the reasons, when a run is not good enough; writes junit.xml."""
    from service.evaluation.gate import gate, parse_condition

    conditions = [parse_condition("min", text) for text in minimum or ()]
    conditions += [parse_condition("max", text) for text in maximum or ()]
    verdicts = gate(folder, conditions, no_regression, alpha)
    failed = [verdict for verdict in verdicts if verdict.trouble]
    if as_json:
        show({"passed": not failed, "verdicts": [{"condition": v.condition, "trouble": v.trouble} for v in verdicts]})
    else:
        for verdict in verdicts:
            typer.echo(
                f"FAILED {verdict.condition}: {verdict.trouble}" if verdict.trouble else f"passed {verdict.condition}"
            )
    if failed:
        raise typer.Exit(FAILED)


@app.command("export")
def export_command(
    folder: RunFolder,
    shape: Annotated[str, typer.Option("--format", help="ragas, ragchecker, trec-run or trec-qrels.")],
    out: Annotated[Path | None, typer.Option(help="File to write; by default one in the run folder.")] = None,
) -> None:
    """Write a run in the shape of another evaluator."""
    from service.evaluation.export import export

    typer.echo(export(folder, shape, out))


@app.command("retrieval")
def retrieval_command(
    passages: Annotated[list[Path], typer.Option(help="Passages (id, title, text), a file a language.")],
    questions: Annotated[Path, typer.Option(help="Questions with gold_doc_ids.")],
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N questions of each language.")] = None,
    as_json: AsJson = False,
) -> None:
    """Each question language against each pool of passages and, of several, against all together."""
    from indexes.embedding import load_embedder
    from service.evaluation.dataset import load_dataset, per_language
    from service.evaluation.pools import evaluate_pools, load_pools, pool_scores_json
    from service.evaluation.run import Progress
    from service.settings import Settings

    data, pools = per_language(load_dataset(questions), limit), load_pools(passages)
    for note in data.notes:
        tell(note)
    line = ProgressLine(stderr(), what="searches")
    scores = evaluate_pools(
        data, pools, load_embedder(Settings.load()), lambda done, total: line(Progress(done, total, None))
    )
    if as_json:
        show(pool_scores_json(scores))
    else:
        print_pools(scores)


@app.command("judge")
def judge_command(
    folder: RunFolder,
    url: Annotated[str | None, typer.Option(help="OpenAI-compatible address, such as http://host/v1.")] = None,
    model: Annotated[str, typer.Option(help="Model to ask for at that address.")] = "default",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N answers.")] = None,
    as_json: AsJson = False,
) -> None:
    """A model's second opinion on faithfulness and nuggets, kept apart and with its agreement to the metrics.

    Without --url the answering model of the settings judges itself: take that with salt. A key is read from
    OPENAI_API_KEY.
    """
    from service.evaluation.finish import finish
    from service.evaluation.judge import judge_run, open_judge
    from service.settings import Settings

    with open_judge(url, model, Settings.load()) as judge:
        verdict = judge_run(folder, judge, limit, ProgressLine(stderr(), what="answers"))
    finish(folder)
    show(verdict) if as_json else typer.echo(json.dumps(verdict, ensure_ascii=False, indent=1))


@app.command("calibrate")
def calibrate_command(
    dataset: Annotated[
        list[Path] | None, typer.Argument(help="Questions with `answerable`.", show_default=False)
    ] = None,
    *,
    with_passages: Annotated[list[Path] | None, typer.Option(help="Sets whose questions bring passages.")] = None,
    coverage: Annotated[
        float | None, typer.Option(min=0.5, max=1.0, help="Share of the answerable questions to let through.")
    ] = None,
    risk: Annotated[
        float | None, typer.Option(min=0.0, max=0.5, help="Largest share of unanswerable among those let through.")
    ] = None,
    engine: Annotated[bool, typer.Option(help="Ask the model of each question for a first token or three.")] = True,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("gate.json"),
    as_json: AsJson = False,
) -> None:
    """Fit to your corpus the gate that refuses what it does not answer; CAREER_GATE=FILE then uses it."""
    from service.evaluation.calibrate import Request, calibration, save, target_of
    from service.settings import Settings

    table = calibration(Request(dataset or (), with_passages or (), target_of(coverage, risk), engine), Settings.load())
    save(table, out)
    if as_json:
        show(table)
    else:
        print_gate(table["report"])
        typer.echo(f"Use it with CAREER_GATE={out.resolve()}")
