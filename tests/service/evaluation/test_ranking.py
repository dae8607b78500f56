"""Ranking metrics agree with hand counts and with ir-measures."""

import random
from math import log2

import pytest

from service.evaluation.dataset import Case
from service.evaluation.ranking import (
    hit_at,
    judgements,
    ndcg_at,
    ranked_ids,
    recall_at,
    reciprocal_rank,
    score_ranking,
)
from service.evaluation.records import Record, stored_passage
from tests.service.evaluation.fakes import corpus, record_of

RANKING = ["a", "b", "c", "d", "e"]
GAINS = {"b": 1, "d": 2, "x": 1, "a": 0}


def test_hand_counts() -> None:
    assert hit_at(RANKING, GAINS, 1) == 0.0  # a has gain 0
    assert hit_at(RANKING, GAINS, 2) == 1.0  # b
    assert recall_at(RANKING, GAINS, 3) == pytest.approx(1 / 3)  # b of b, d, x
    assert recall_at(RANKING, GAINS, 5) == pytest.approx(2 / 3)  # b and d
    assert reciprocal_rank(RANKING, GAINS, 10) == 0.5  # b at rank 2
    assert reciprocal_rank(RANKING, GAINS, 1) == 0.0
    # DCG = 1/log2(3) + 2/log2(5); ideal order is 2, 1, 1: 2/log2(2) + 1/log2(3) + 1/log2(4)
    expected = (1 / log2(3) + 2 / log2(5)) / (2 + 1 / log2(3) + 1 / 2)
    assert ndcg_at(RANKING, GAINS, 10) == pytest.approx(expected)


def test_agreement_with_ir_measures() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    measures = {
        "nDCG@10": lambda ranking, gains: ndcg_at(ranking, gains, 10),
        "R@5": lambda ranking, gains: recall_at(ranking, gains, 5),
        "RR@10": lambda ranking, gains: reciprocal_rank(ranking, gains, 10),
        "Success@3": lambda ranking, gains: hit_at(ranking, gains, 3),
    }
    random_ = random.Random(7)
    for number in range(40):
        items = [f"d{i}" for i in range(30)]
        ranking = random_.sample(items, 15)
        gains = {item: random_.choice([0, 1, 1, 3]) for item in random_.sample(items, 8)} | {"d0": 1}
        run = {"q": {item: 1 / rank for rank, item in enumerate(ranking, start=1)}}
        for name, ours in measures.items():
            theirs = ir_measures.calc_aggregate([ir_measures.parse_measure(name)], {"q": gains}, run)
            assert ours(ranking, gains) == pytest.approx(next(iter(theirs.values()))), (number, name)


def test_judgements_come_from_qrels_then_gold_documents_then_evidence() -> None:
    cases = [
        Case("evidence", "?", evidence=(("六个月",), ("Python",))),
        Case("gold", "?", gold_doc_ids=("pay",), evidence=(("Milvus",),)),
        Case("qrels", "?", qrels={"pay": 2}, gold_doc_ids=("tools",)),
        Case("scattered", "?", evidence=(("Milvus",), ("Python",))),  # in two chunks: no single one is relevant
        Case("nothing", "?"),
    ]
    path_chunk = next(chunk.id for chunk in corpus() if chunk.document.id == "path")
    assert judgements(cases, corpus()) == {"evidence": {path_chunk: 1}, "gold": {"pay": 1}, "qrels": {"pay": 2}}


def test_documents_rank_by_their_best_chunk() -> None:
    passages = {c.id: stored_passage(c) for c in corpus()}
    by_doc = {c.document.id: c.id for c in corpus()}
    record = record_of("q", ranking=[by_doc["tools"], by_doc["pay"]])
    assert ranked_ids(record, {"pay": 1}, passages) == ["tools", "pay"]
    assert ranked_ids(record, {by_doc["pay"]: 1}, passages) == ["tools", by_doc["pay"]]


def test_evidence_spread_over_passages_counts_by_pieces_and_other_metrics_do_not_apply() -> None:
    passages = {c.id: stored_passage(c) for c in corpus()}
    by_doc = {c.document.id: c.id for c in corpus()}
    case = Case("q", "?", evidence=(("Milvus",), ("Python",), ("Rust",)))
    record = Record("q", None, (by_doc["tools"], by_doc["path"]), (2.0, 1.0), ())
    scores = score_ranking(case, record, {}, passages)
    # Milvus in the first, Python in the second, Rust nowhere: 2 of 3.
    assert scores == {"evidence_recall@5": pytest.approx(2 / 3), "evidence_recall@10": pytest.approx(2 / 3)}
