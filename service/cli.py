"""The command line: puts the commands together and turns errors into a message on stderr and an exit code."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from indexes.errors import CareerError
from service import __version__
from service.commands import ask, doctor, evaluate, index, ingest, mcp, models, search, serve

QUIET_END = 130
"""Ended by the user: 128 + SIGINT."""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"career-rag {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Answers career questions from a corpus of documents, every sentence checked against the text it cites."""


def create_cli() -> typer.Typer:
    """The whole `career` command."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    app.command("up")(serve.up)
    app.command("ingest")(ingest.ingest)
    app.command("search")(search.search)
    app.command("ask")(ask.ask)
    app.command("chat")(ask.chat)
    app.command("serve")(serve.serve)
    app.command("mcp")(mcp.mcp)
    app.add_typer(models.create_group(), name="models")
    app.add_typer(index.create_group(), name="index")
    app.command("eval", context_settings=evaluate.PASS_THROUGH, add_help_option=False)(evaluate.evaluate)
    app.command("doctor")(doctor.doctor)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code: see `indexes.errors` and the README's table."""
    try:
        create_cli()(args=list(arguments), prog_name="career")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except CareerError as error:
        typer.echo(f"career: {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        return QUIET_END
    except BrokenPipeError:
        # Whoever read has left: what is still buffered must not fail again when Python flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        typer.echo(f"career: {_explain(error)}", err=True)
        return CareerError.exit_code
    return 0


def _explain(error: OSError) -> str:
    where = f" {error.filename}:" if error.filename else ""
    cure = (
        "Set CAREER_HOME to a folder that can be written to, or mend its rights; `career doctor` shows where it lies."
    )
    return f"{where} {error.strerror or error}. {cure}".strip()


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        # A question may hold what the terminal's encoding has not: show a substitute instead of failing.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
