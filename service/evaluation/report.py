"""One self-contained HTML file: figures, plots and every question of a run."""

from collections.abc import Sequence
from pathlib import Path

from service.evaluation.records import RunData
from service.evaluation.scoring import Scored, Summary


def write_report(path: Path, run: RunData, rows: Sequence[Scored], summary: Summary) -> None:
    path.write_text("TODO")
