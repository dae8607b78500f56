"""Run folders of any size with answers of a chosen quality, for statistics, reports and their speed."""

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.evaluation.dataset import to_case
from service.evaluation.ranking import judgements
from service.evaluation.records import (
    ANSWERS,
    CONFIG,
    PASSAGES,
    QRELS,
    QUESTIONS,
    stored_passage,
    write_json,
    write_qrels,
)
from service.serialise import answer_json
from service.types import Citation
from tests.service.evaluation.fakes import FakeSearcher, answer_of, corpus, record_of

FACTS = [("pay", "$120,000", "What does an entry-level engineer earn?"), ("tools", "Milvus", "Milvus 是什么？")]


def question(number: int) -> dict[str, Any]:
    """Two answerable questions, one on each fact, then one the corpus does not answer."""
    if number % 3 == 2:
        fields: dict[str, Any] = {"lang": "en", "question": f"Who won cup {number}?", "answerable": False}
    else:
        doc, fact, text = FACTS[number % 3]
        fields = {"lang": "zh" if doc == "tools" else "en", "question": text, "answerable": True, "doc": doc}
        fields |= {"nuggets": [[fact]], "evidence": [[fact]]}
    return {"id": f"q{number:05}", "category": "lookup", "split": "dev", **fields}


def write_run(folder: Path, size: int, quality: float, seed: int = 0, shuffled: bool = False) -> Path:
    """`quality` is how often an answer is the right sentence; `shuffled` citations point at other passages."""
    folder.mkdir(parents=True)
    rows = [question(number) for number in range(size)]
    chosen = random.Random(seed)
    records = [_record(row, chosen, quality, shuffled) for row in rows]
    _write(folder / QUESTIONS, rows)
    _write(folder / ANSWERS, records)
    _write(folder / PASSAGES, [asdict(stored_passage(chunk)) for chunk in corpus()])
    write_qrels(folder / QRELS, judgements([to_case(row) for row in rows], corpus()))
    write_json(folder / CONFIG, {"dataset": "synthetic", "identity": {"model": f"quality {quality}"}})
    return folder


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def _record(row: dict[str, Any], chosen: random.Random, quality: float, shuffled: bool) -> dict[str, Any]:
    chunks = {chunk.document.id: chunk for chunk in corpus()}
    right = chosen.random() < quality
    confidence = chosen.uniform(0.5, 1.0) if row["answerable"] else chosen.uniform(0.0, 0.6)
    hits = FakeSearcher().search(row["question"])
    refused = confidence < 0.55 if row["answerable"] else right
    citation = None
    if not refused:
        chunk = chunks[row.get("doc", "path")]
        fact = row["nuggets"][0][0] if "nuggets" in row else "Python"
        unit = next(unit for unit in chunk.units if (fact in unit.text) is right or not row["answerable"])
        start = unit.start + 1 if shuffled else unit.start
        citation = Citation(1, chunks["path"] if shuffled else chunk, start, unit.end, unit.text, 0.9)
    answer = answer_json(answer_of(row["question"], hits, citation, confidence))
    ranking = [hit.chunk.id for hit in hits]
    return record_of(row["id"], answer, ranking).to_json()
