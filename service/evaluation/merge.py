"""Several runs of one build over parts of one data set become one run."""

import json
from collections.abc import Sequence
from pathlib import Path

from indexes.errors import UsageError
from service.evaluation.records import (
    ANSWERS,
    CONFIG,
    ERRORS,
    PASSAGES,
    QRELS,
    QUESTIONS,
    Json,
    read_json,
    read_qrels,
    read_rows,
    write_atomically,
    write_json,
    write_qrels,
)

IDS = {QUESTIONS: "id", PASSAGES: "chunk_id", ERRORS: "question_id"}


def merge(out: Path, folders: Sequence[Path]) -> int:
    """Write the union of run folders into a new one; returns the number of questions.

    Raises:
        UsageError: the folders hold runs of different builds or data sets, or `out` exists.
    """
    if out.exists():
        raise UsageError(f"{out} exists. Name a folder that does not.")
    configs = [read_json(folder / CONFIG) for folder in folders]
    for folder, config in zip(folders, configs, strict=True):
        if config.get("identity") != configs[0].get("identity"):
            raise UsageError(
                f"{folder} and {folders[0]} are runs of different builds or data sets. Compare them instead."
            )
    out.mkdir(parents=True)
    for name, key in IDS.items():
        _write(out / name, {row[key]: row for folder in folders for row in read_rows(folder / name)})
    answers = (row for folder in folders for row in read_rows(folder / ANSWERS))
    _write(out / ANSWERS, {row["evaluation"]["question_id"]: row for row in answers})
    write_qrels(out / QRELS, {q: gains for folder in folders for q, gains in read_qrels(folder / QRELS).items()})
    total = sum(1 for _ in read_rows(out / QUESTIONS))
    # Last, as it makes the folder a run.
    write_json(out / CONFIG, {**configs[0], "questions": total, "merged": [folder.name for folder in folders]})
    return total


def _write(path: Path, rows: dict[str, Json]) -> None:
    write_atomically(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows.values()))
