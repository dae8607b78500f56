"""A cross-encoder reorders the best chunks, scores stay comparable; without one nothing changes; a bad one is named."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from indexes.errors import EngineError
from indexes.generation import BuildMeta, Generation, writer_lock
from indexes.reranking import RERANKED, CrossEncoderReranker, load_reranker, reorder, text_of
from indexes.retriever import Retriever
from indexes.settings import IndexSettings
from service.serialise import hit_json
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder

TEXTS = [f"数据库课程第{n}讲，内容互不相同：{chr(0x4E00 + 97 * n) * 9}。" for n in range(RERANKED + 5)]


class LongerIsBetter:
    """What is used of a CrossEncoder; remembers the pairs it was given."""

    def __init__(self, answers: Sequence[float] | None = None) -> None:
        self.answers = answers
        self.pairs: list[tuple[str, str]] = []

    def predict(self, pairs: list[tuple[str, str]], show_progress_bar: bool) -> Any:
        self.pairs += pairs
        return self.answers if self.answers is not None else [ord(text.rstrip("。")[-1]) / 1000 for _, text in pairs]


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[Generation]:
    documents = [document_of(text, id=f"d{n}", title="课程") for n, text in enumerate(TEXTS)]
    chunks = [chunk_of(document.text, document=document, context="") for document in documents]
    texts = [unit.embedding_text for chunk in chunks for unit in chunk.units]
    with writer_lock(tmp_path):
        built = write_and_open(
            tmp_path, documents, chunks, FakeEmbedder().embed_passages(texts), BuildMeta("fake@1", "1")
        )
    with built:
        yield built


def test_the_best_are_read_and_reordered(generation: Generation) -> None:
    plain = Retriever(generation, FakeEmbedder()).search("数据库课程", k=40)
    model = LongerIsBetter()
    found = Retriever(generation, FakeEmbedder(), reranker=CrossEncoderReranker(model, "double")).search(
        "数据库课程", k=40
    )
    assert [query for query, _ in model.pairs] == ["数据库课程"] * RERANKED
    assert model.pairs[0][1] == text_of(plain[0].chunk)
    read, rest = found[:RERANKED], found[RERANKED:]
    expected = sorted(plain[:RERANKED], key=lambda hit: -ord(hit.chunk.text.rstrip("。")[-1]))
    assert [hit.chunk.id for hit in read] == [hit.chunk.id for hit in expected]
    assert [hit.reranked for hit in read] == [ord(hit.chunk.text.rstrip("。")[-1]) / 1000 for hit in read]
    assert [hit.chunk.id for hit in rest] == [hit.chunk.id for hit in plain[RERANKED:]]
    assert {hit.reranked for hit in rest} == {None}
    assert [hit.score for hit in found] == [hit.score for hit in plain]
    assert [hit.rank for hit in found] == list(range(1, len(TEXTS) + 1))


def test_explained_its_score_is_shown(generation: Generation) -> None:
    reranker = CrossEncoderReranker(LongerIsBetter(), "double")
    hit = Retriever(generation, FakeEmbedder(), reranker=reranker).search("数据库课程", k=1)[0]
    assert hit_json(hit, explain=True)["reranked"] == hit.reranked
    assert "reranked" not in hit_json(hit)
    assert "reranked" not in hit_json(Retriever(generation, FakeEmbedder()).search("数据库", k=1)[0], explain=True)


def test_reorder_keeps_scores_in_place_and_ties_in_order() -> None:
    ranked = [(7, 0.9), (3, 0.8), (5, 0.7), (1, 0.6)]
    assert reorder(ranked, [0.1, 0.4, 0.4]) == [(3, 0.9), (5, 0.8), (7, 0.7), (1, 0.6)]
    assert reorder(ranked, []) == ranked


@pytest.mark.parametrize("answers", [[0.5], [float("nan"), 0.1], [float("inf"), 0.1], [[0.1, 0.9], [0.5, 0.5]]])
def test_scores_that_cannot_be_used_are_named(answers: list[Any]) -> None:
    with pytest.raises(EngineError, match=r"double gives no usable scores.*CAREER_RERANKER"):
        CrossEncoderReranker(LongerIsBetter(answers), "double").score("q", ["a", "b"])


def test_nothing_to_read_asks_nothing() -> None:
    model = LongerIsBetter()
    assert CrossEncoderReranker(model, "double").score("q", []) == []
    assert model.pairs == []


def test_none_by_default_and_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    settings = IndexSettings.load({})
    assert settings.reranker == ""
    assert load_reranker(settings) is None
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(EngineError, match=r"not a usable cross-encoder.*CAREER_RERANKER"):
        load_reranker(settings.model_copy(update={"reranker": str(tmp_path)}))


def test_a_real_cross_encoder_of_random_weights_is_read(tmp_path: Path) -> None:
    """Saved as sentence-transformers saves one: a BERT of two tiny layers and a vocabulary of characters."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh数据库"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), "utf-8")
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(words), num_labels=1, initializer_range=1.0, **sizes)
    BertForSequenceClassification(config).save_pretrained(tmp_path)
    reranker = load_reranker(IndexSettings.load({}).model_copy(update={"reranker": str(tmp_path), "device": "cpu"}))
    assert reranker is not None
    scores = reranker.score("a b", ["c d", "数 据", "c d"])
    assert scores[0] == pytest.approx(scores[2], abs=1e-6)
    assert scores[0] != pytest.approx(scores[1], abs=1e-6)
