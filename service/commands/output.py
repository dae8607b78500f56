"""What all commands share in talking to people and programs: values to stdout, progress and remarks to stderr."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from service.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]


def load_settings() -> "Settings":
    """Read once for each command, here: pydantic takes longer to import than `--help` may."""
    from service.settings import Settings

    return Settings.load()


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def stdout() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def stderr() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A remark to a person."""
    typer.echo(text, err=True)


def table(*columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)


def print_table(rows: "Table") -> None:
    """Fitted to a terminal; never cut where the output goes to a file or a pipe."""
    console = stdout()
    if not console.is_terminal:
        console.width = 400
    console.print(rows)


@contextmanager
def progress_bar(label: str, things: str = "") -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, a line every tenth elsewhere; call what it yields with (done, total): bytes, or `things`."""
    console = stderr()
    if not console.is_terminal:
        yield _lines(label, things)
        return
    from rich import progress as rich

    counted = (rich.MofNCompleteColumn(), rich.TextColumn(things))
    columns = counted if things else (rich.DownloadColumn(), rich.TransferSpeedColumn())
    shown = (rich.TextColumn(label), rich.BarColumn(), *columns, rich.TimeRemainingColumn())
    with rich.Progress(*shown, console=console) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _lines(label: str, things: str) -> Callable[[int, int], None]:
    told = -1

    def tell(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth > told:
            told = tenth
            say(
                f"{label}: {done} of {total} {things}"
                if things
                else f"{label}: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
            )

    return tell


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Says what is going on while it goes on; keeps silent where nobody watches."""
    console = stderr()
    if not console.is_terminal:
        yield
        return
    with console.status(text):
        yield


def clean(text: str) -> str:
    """An argument as it can be stored and sent: bytes that are no text become the substitute character."""
    return text.encode("utf-8", "replace").decode("utf-8")
