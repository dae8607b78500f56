"""`career eval`: hands its arguments to the evaluation, which is imported only then."""

import typer

PASS_THROUGH = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def evaluate(context: typer.Context) -> None:
    """Batch evaluation: run, compare, gate; see its own --help."""
    from service.evaluation.cli import app

    app(args=context.args or ["--help"], prog_name="career eval")
