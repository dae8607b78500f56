"""A run in the shapes of other evaluators, so that anybody can recheck it: ragas, RAGChecker, TREC."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from indexes.errors import UsageError
from service.evaluation.dataset import Case
from service.evaluation.finish import trec_run
from service.evaluation.matching import without_markers
from service.evaluation.records import QRELS, Record, RunData, load_run, write_atomically


def contexts(run: RunData, record: Record) -> list[tuple[str, str]]:
    """(chunk id, text) of what the answerer was given, best first."""
    return [(item, run.passages[item].text) for item in record.context or record.ranking if item in run.passages]


def reference(case: Case) -> str | None:
    """The gold answer, else the first way to say each nugget."""
    return case.gold_answer or ("; ".join(group[0] for group in case.nuggets) or None)


def ragas(run: RunData) -> str:
    """JSONL of ragas' `SingleTurnSample`; load with `EvaluationDataset.from_jsonl`."""
    lines = []
    for case, record in _answered(run):
        found = contexts(run, record)
        sample: dict[str, Any] = {
            "user_input": case.question,
            "retrieved_contexts": [text for _, text in found],
            "retrieved_context_ids": [chunk_id for chunk_id, _ in found],
            "response": _response(record),
        }
        if gold := reference(case):
            sample["reference"] = gold
        if relevant := run.relevant.get(case.id):
            sample["reference_context_ids"] = list(relevant)
            texts = [run.passages[item].text for item in relevant if item in run.passages]
            sample |= {"reference_contexts": texts} if texts else {}
        lines.append(json.dumps(sample, ensure_ascii=False) + "\n")
    return "".join(lines)


def ragchecker(run: RunData) -> str:
    """RAGChecker's input: {"results": [{"query_id", "query", "gt_answer", "response", "retrieved_context"}]}."""
    results = [
        {
            "query_id": case.id,
            "query": case.question,
            "gt_answer": reference(case) or "",
            "response": _response(record),
            "retrieved_context": [{"doc_id": chunk_id, "text": text} for chunk_id, text in contexts(run, record)],
        }
        for case, record in _answered(run)
    ]
    return json.dumps({"results": results}, ensure_ascii=False, indent=1) + "\n"


def qrels(run: RunData) -> str:
    path = run.folder / QRELS
    return path.read_text("utf-8") if path.exists() else ""


FORMATS: Mapping[str, tuple[str, Callable[[RunData], str]]] = {
    "ragas": ("ragas.jsonl", ragas),
    "ragchecker": ("ragchecker.json", ragchecker),
    "trec-run": ("run.trec", trec_run),
    "trec-qrels": ("qrels.txt", qrels),
}


def export(folder: Path, shape: str, out: Path | None = None) -> Path:
    """Write one format, by default into the run folder.

    Raises:
        UsageError: the format is not one of FORMATS.
    """
    if shape not in FORMATS:
        raise UsageError(f"Format {shape} is unknown. Use one of: {', '.join(FORMATS)}.")
    name, render = FORMATS[shape]
    path = out or folder / name
    write_atomically(path, render(load_run(folder)))
    return path


def _answered(run: RunData) -> list[tuple[Case, Record]]:
    pairs = [(case, run.records[case.id]) for case in run.cases if case.id in run.records]
    return [(case, record) for case, record in pairs if record.answer is not None]


def _response(record: Record) -> str:
    return without_markers(str(record.answer["text"])) if record.answer else ""
