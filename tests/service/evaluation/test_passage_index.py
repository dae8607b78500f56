"""Passages become an index that the service's own retriever searches; pools of languages are scored apart and mixed."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from indexes.errors import UsageError
from service.evaluation.dataset import Case, Dataset, ItemPassage
from service.evaluation.passage_index import pool_digest, pool_of, read_passages, write_pool
from service.evaluation.pools import evaluate_pools, load_pools, pool_scores_json, score_pool
from tests.doubles import FakeEmbedder

EN = [("p1", "Milvus is a vector database."), ("p2", "Tokyo is the capital of Japan.")]
ZH = [("p1", "Milvus 是向量数据库。"), ("p2", "东京是日本的首都。")]


def write(path: Path, passages: Sequence[tuple[str, str]]) -> Path:
    rows = [json.dumps({"id": id, "title": "", "text": text}, ensure_ascii=False) for id, text in passages]
    path.write_text("\n".join(rows), "utf-8")
    return path


def questions() -> Dataset:
    cases = (
        Case("en-1", "What is Milvus?", lang="en", gold_doc_ids=("p1",)),
        Case("en-2", "Which capital has Japan, Tokyo?", lang="en", gold_doc_ids=("p2",)),
        Case("zh-1", "向量数据库是什么？", lang="zh", gold_doc_ids=("p1",)),
        Case("zh-3", "?", lang="zh", gold_doc_ids=("absent",)),
    )
    return Dataset("set", "0", cases, ())


def test_chunks_are_whole_passages_with_sentences_as_units() -> None:
    pool = pool_of([ItemPassage("p", "A_title", "One. Two."), ItemPassage("empty", "", "  ")])
    chunk = pool.chunks[0]
    assert [(unit.text, unit.context) for unit in chunk.units] == [("One.", "A title"), ("Two.", "A title")]
    assert pool.documents[0].text[chunk.start : chunk.end] == chunk.text
    assert len(pool.chunks) == 1


def test_digest_follows_ids_and_texts() -> None:
    one = pool_of([ItemPassage("p", "", "One.")])
    assert pool_digest(one.chunks) == pool_digest(pool_of([ItemPassage("p", "other title", "One.")]).chunks)
    assert pool_digest(one.chunks) != pool_digest(pool_of([ItemPassage("p", "", "Two.")]).chunks)


def test_a_later_pool_replaces_the_earlier(tmp_path: Path) -> None:
    from indexes.generation import Generation

    for text in ("One.", "Two."):
        write_pool(tmp_path, pool_of([ItemPassage("p", "", text)]), FakeEmbedder())
    with Generation.current(tmp_path) as generation:
        assert [chunk.text for chunk in generation.chunks] == ["Two."]


def test_broken_passages_are_named(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"id": "a", "text": "x"}\n{"id": "b"}\n', "utf-8")
    with pytest.raises(UsageError, match=r"p\.jsonl, line 2: field 'text' must be a non-empty string"):
        read_passages(path)
    with pytest.raises(UsageError, match="Name an existing JSONL file"):
        read_passages(tmp_path / "none.jsonl")


def test_each_language_against_each_pool_and_the_mixed_one(tmp_path: Path) -> None:
    pools = load_pools([write(tmp_path / "a.jsonl", EN), write(tmp_path / "b.jsonl", ZH)])
    assert list(pools) == ["en", "zh", "mixed"]
    embedder, seen = FakeEmbedder(), []
    scores = evaluate_pools(questions(), pools, embedder, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)
    assert len(embedder.texts) == 4  # the mixed pool embeds nothing again
    found = {(score["questions"], score["pool"]): score for score in pool_scores_json(scores)}
    assert set(found) == {("en", "en"), ("zh", "en"), ("en", "zh"), ("zh", "zh"), ("en", "mixed"), ("zh", "mixed")}
    assert found["en", "en"]["n"] == 2
    assert found["en", "en"]["metrics"]["hit@1"]["value"] == 1.0
    assert found["zh", "zh"]["metrics"]["hit@1"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert found["zh", "mixed"]["n"] == 1  # the gold passage of zh-3 is in no pool


def test_in_the_mixed_pool_either_language_is_right(tmp_path: Path) -> None:
    pools = load_pools([write(tmp_path / "a.jsonl", EN), write(tmp_path / "b.jsonl", ZH)])
    rankings = {"en-1": ["zh/p1", "en/p2"], "en-2": ["en/p1", "zh/p2", "en/p2"], "zh-1": ["zh/p1"], "zh-3": []}
    english = score_pool(questions(), "mixed", pools["mixed"], rankings)[0]
    assert english.metrics["hit@1"]["value"] == 0.5
    assert english.metrics["mrr@10"]["value"] == 0.75  # 1/1 and 1/2
    assert english.metrics["recall@10"]["value"] == 0.75  # one of two, two of two
    assert english.metrics["twin@2"]["value"] == 1.0  # zh/p1 is first, zh/p2 second
    assert "twin@2" not in score_pool(questions(), "en", pools["en"], rankings)[0].metrics
    rankings["en-2"] = ["en/p1", "en/p2", "zh/p2"]
    assert score_pool(questions(), "mixed", pools["mixed"], rankings)[0].metrics["twin@2"]["value"] == 0.5


def test_two_files_of_one_language_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="second file in en"):
        load_pools([write(tmp_path / "a.jsonl", EN), write(tmp_path / "b.jsonl", EN)])
