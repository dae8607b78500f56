"""`career ingest`: builds the next generation from paths and says what came of it."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.output import AsJson, load_settings, print_json, say, stderr, stdout, waiting

if TYPE_CHECKING:
    from indexes.types import Embedder
    from ingest.build import BuildReport
    from service.settings import Settings

Paths = Annotated[
    list[Path] | None,
    typer.Argument(help="Files and folders; by default the career corpus.", show_default=False, metavar="[PATH]…"),
]


def ingest(
    paths: Paths = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Build again whenever a file changes, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make PATHs the corpus. Only what has changed is embedded; nothing changed, nothing is written."""
    from indexes.errors import UsageError

    settings, places = load_settings(), paths or [default_seeds()]
    if watch and dry_run:
        raise UsageError("--watch builds and --dry-run does not: name one of them.")
    if watch:
        build_and_watch(settings, places, as_json)
    else:
        tell(build_index(settings, places, dry_run), dry_run, as_json)


def tell(report: "BuildReport", dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(report_json(report))
        return
    for line in summary(report, dry_run):
        stdout().print(line, soft_wrap=True, markup=False)


def build_and_watch(settings: "Settings", paths: list[Path], as_json: bool, poll_s: float = 1.0) -> None:
    """Until SIGINT or SIGTERM, which may also come in the middle of a build: the old generation serves on then.

    Raises:
        UsageError: a path does not exist at the start. Later on, all that goes wrong is told and tried again.
    """
    from indexes.errors import CareerError, UsageError
    from ingest.watching import look, rests

    if missing := next((path for path in paths if not path.exists()), None):
        raise UsageError(f"{missing} does not exist. Name a file or a folder of documents.")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        embedder = load_embedder(settings)
        told = ""
        for went_well in rests(lambda: look(paths, settings), poll_s=poll_s):
            try:
                tell(build_index(settings, paths, embedder=embedder), False, as_json)
                told = ""
                went_well(True)
                say(f"Watching {', '.join(map(str, paths))}; Ctrl-C stops.")
            except (CareerError, OSError) as error:
                went_well(False)
                if str(error) != told:
                    told = str(error)
                    say(f"Not built: {error} Watching on.")
    except KeyboardInterrupt:
        say("Stopped watching.")


def default_seeds() -> Path:
    """The career corpus: `seeds/` of the checkout, or its copy inside the installed package."""
    from indexes.settings import checkout_root

    root = checkout_root()
    return root / "seeds" if root else Path(__file__).resolve().parent.parent / "seeds"


def build_index(
    settings: "Settings", paths: list[Path], dry_run: bool = False, embedder: "Embedder | None" = None
) -> "BuildReport":
    from ingest.build import build

    embedder = embedder or load_embedder(settings)
    with _progress() as progress:
        return build(paths, settings, embedder, progress, dry_run)


def load_embedder(settings: "Settings") -> "Embedder":
    from indexes import embedding

    with waiting("Loading the embedder"):
        return embedding.load_embedder(settings)


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
