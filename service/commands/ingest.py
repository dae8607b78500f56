"""`career ingest`: builds the next generation from paths and says what came of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.output import AsJson, load_settings, print_json, say, stderr, stdout, waiting

if TYPE_CHECKING:
    from ingest.build import BuildReport
    from service.settings import Settings

Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Files and folders; by default the career corpus.", show_default=False, metavar="[PATH]…"),
]


def ingest(
    paths: Paths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make PATHs the corpus. Only what has changed is embedded; nothing changed, nothing is written."""
    report = build_index(load_settings(), paths or [default_seeds()], dry_run)
    if as_json:
        print_json(report_json(report))
    else:
        for line in summary(report, dry_run):
            stdout().print(line, soft_wrap=True, markup=False)


def default_seeds() -> Path:
    """The career corpus: `seeds/` of the checkout, or its copy inside the installed package."""
    from indexes.settings import checkout_root

    root = checkout_root()
    return root / "seeds" if root else Path(__file__).resolve().parent.parent / "seeds"


def build_index(settings: "Settings", paths: list[Path], dry_run: bool = False) -> "BuildReport":
    from indexes.embedding import load_embedder
    from ingest.build import build

    with ExitStack() as stack:
        with waiting("Loading the embedder"):
            embedder = load_embedder(settings)
        progress = stack.enter_context(_progress())
        return build(paths, settings, embedder, progress, dry_run)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage on a terminal, now and then a line elsewhere."""
    console = stderr()
    if not console.is_terminal:
        yield _lines()
        return
    stages: dict[str, Any] = {}
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:

        def show(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage)
            bars.update(stages[stage], completed=done, total=total)

        yield show


def _lines(pause_s: float = 5.0) -> Callable[[str, int, int], None]:
    told = time.monotonic()

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal told
        if done == total or time.monotonic() - told > pause_s:
            told = time.monotonic()
            say(f"{stage}: {done} of {total}")

    return tell


def report_json(report: "BuildReport") -> dict[str, Any]:
    """The report as it is, its pairs with their names."""
    return asdict(report) | {
        "skipped": [{"uri": uri, "reason": reason} for uri, reason in report.skipped],
        "hidden": [{"uri": uri, "rule": rule, "text": text} for uri, rule, text in report.hidden],
        "flagged": [{"uri": uri, "line": line} for uri, line in report.flagged],
    }


def summary(report: "BuildReport", dry_run: bool) -> list[str]:
    """A report in a few lines: what happened to the documents, to the index, and why files were left out."""
    lines = [f"{name} {uri}" for name in ("added", "changed", "removed") for uri in getattr(report, name)]
    lines += [f"skipped {uri}: {reason}" for uri, reason in report.skipped]
    lines += [f"hidden text left out of {uri} ({rule}): {_short(text)}" for uri, rule, text in report.hidden]
    lines += [f"speaks to a model, not a reader, in {uri}: {_short(line)}" for uri, line in report.flagged]
    if report.reused:
        lines.append(f"{len(report.reused)} unchanged")
    if report.dropped_lines:
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(report.dropped_lines.items()))
        lines.append(f"boilerplate lines dropped: {rules}")
    counts = f"{report.chunks} chunks, {report.units} units, {report.embedded} embedded, {report.seconds:.1f} s"
    return [*lines, f"{_outcome(report, dry_run)} ({counts})"]


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:99]}…"


def _outcome(report: "BuildReport", dry_run: bool) -> str:
    if dry_run:
        return "Dry run: nothing was written"
    if report.written:
        return f"Generation {report.generation} serves now"
    return f"Nothing has changed: generation {report.generation} still serves"
