"""Exports hold what other evaluators read, and ir-measures computes our figures from them."""

import json
from pathlib import Path

import pytest

from indexes.errors import UsageError
from service.evaluation.export import export
from service.evaluation.finish import finish
from service.evaluation.records import read_qrels, write_qrels
from tests.service.evaluation.synthetic import write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_run(tmp_path_factory.mktemp("export") / "run", 30, 1.0)
    finish(made, resamples=50)
    return made


def test_ragas(folder: Path) -> None:
    samples = [json.loads(line) for line in export(folder, "ragas").read_text("utf-8").splitlines()]
    assert len(samples) == 30
    answered = next(sample for sample in samples if "Milvus" in sample["user_input"])
    assert answered["response"] == "Milvus 是向量数据库。"
    assert answered["reference"] == "Milvus"
    assert answered["retrieved_context_ids"][0] in answered["reference_context_ids"]
    assert "Milvus" in answered["retrieved_contexts"][0]
    assert answered["reference_contexts"] == answered["retrieved_contexts"][:1]


def test_ragchecker(folder: Path) -> None:
    results = json.loads(export(folder, "ragchecker").read_text("utf-8"))["results"]
    assert len(results) == 30
    assert set(results[0]) == {"query_id", "query", "gt_answer", "response", "retrieved_context"}
    assert set(results[0]["retrieved_context"][0]) == {"doc_id", "text"}


def test_trec_files_give_ir_measures_our_figures(folder: Path, tmp_path: Path) -> None:
    ir_measures = pytest.importorskip("ir_measures")
    run = ir_measures.read_trec_run(str(export(folder, "trec-run", tmp_path / "run.txt")))
    qrels = ir_measures.read_trec_qrels(str(export(folder, "trec-qrels", tmp_path / "qrels.txt")))
    names = {"nDCG@10": "ndcg@10", "RR@10": "mrr@10", "R@5": "recall@5"}
    theirs = ir_measures.calc_aggregate([ir_measures.parse_measure(name) for name in names], qrels, run)
    ours = json.loads((folder / "summary.json").read_text("utf-8"))["metrics"]
    assert {str(m): v for m, v in theirs.items()} == {
        theirs_name: pytest.approx(ours[name]["value"], abs=1e-5) for theirs_name, name in names.items()
    }


def test_an_unknown_format_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="Use one of: ragas, ragchecker, trec-run, trec-qrels"):
        export(folder, "csv")


def test_ids_with_spaces_survive_the_trec_format(tmp_path: Path) -> None:
    relevant = {"q 1": {"d\u3000x%20": 1}, "问": {"b": 2}}
    write_qrels(tmp_path / "qrels", relevant)
    assert all(len(line.split()) == 4 for line in (tmp_path / "qrels").read_text("utf-8").splitlines())
    assert read_qrels(tmp_path / "qrels") == relevant
