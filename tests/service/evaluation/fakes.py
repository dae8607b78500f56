"""A small corpus and a deterministic answerer over it, to run evaluations without models.

FakeAnswerer quotes the sentence of the best hit that shares most tokens with the question; below two it refuses.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from indexes.text import detect_lang, tokens
from indexes.types import Chunk, Filters, Hit, Leg, LegScore
from service.evaluation.records import Record
from service.types import (
    Answer,
    AnswerSentence,
    Citation,
    Question,
    Refusal,
    RefusalReason,
    Retrieval,
    Status,
    Timing,
    Usage,
    Verdict,
)
from tests.conftest import chunk_of, document_of

TEXTS = {
    "pay": "An entry-level AI engineer earns $120,000 a year. A senior one earns $200,000 a year.",
    "path": "学习路径分为三个阶段。第一阶段学习 Python 和线性代数，需要六个月。",
    "tools": "LangChain 用于编排大模型应用。Milvus 是向量数据库。",
}


def corpus() -> list[Chunk]:
    return [chunk_of(text, document=document_of(text, id=name, title=name.title())) for name, text in TEXTS.items()]


@dataclass(frozen=True, slots=True)
class FakeSearcher:
    """Chunks by the number of tokens they share with the query; those sharing none are not found."""

    chunks: Sequence[Chunk] = field(default_factory=corpus)

    def search(self, query: str, k: int = 8, filters: Filters = Filters()) -> list[Hit]:  # noqa: B008
        wanted = set(tokens(query))
        shared = [(len(wanted & set(tokens(chunk.text))), chunk) for chunk in self.chunks]
        found = sorted((pair for pair in shared if pair[0]), key=lambda pair: -pair[0])[:k]
        return [
            Hit(chunk, float(score), rank, (LegScore(Leg.LEXICAL, float(score), rank),))
            for rank, (score, chunk) in enumerate(found, start=1)
        ]


@dataclass(frozen=True, slots=True)
class FakeAnswerer:
    searcher: FakeSearcher = field(default_factory=FakeSearcher)

    def answer(self, question: Question) -> Answer:
        hits = self.searcher.search(question.text)
        wanted = set(tokens(question.text))
        confidence = min(1.0, hits[0].score / 4) if hits else 0.0
        if confidence < 0.5:
            return answer_of(question.text, hits, None, confidence)
        chunk = hits[0].chunk
        unit = max(chunk.units, key=lambda unit: len(wanted & set(tokens(unit.text))))
        citation = Citation(1, chunk, unit.start, unit.end, unit.text, 0.9)
        return answer_of(question.text, hits, citation, confidence)


def answer_of(question: str, hits: Sequence[Hit], citation: Citation | None, confidence: float) -> Answer:
    text = f"{citation.quote} [1]" if citation else "The documents do not say."
    sentences = (AnswerSentence(citation.quote, Verdict.SUPPORTED, 0.9, (citation,), 0, len(text)),) if citation else ()
    return Answer(
        id=f"answer-{len(question)}",
        question=question,
        lang=detect_lang(question),
        status=Status.ANSWERED if citation else Status.REFUSED,
        text=text,
        sentences=sentences,
        citations=(citation,) if citation else (),
        dropped=(),
        refusal=None if citation else Refusal(RefusalReason.NOT_IN_CORPUS, confidence, ()),
        retrieval=Retrieval(tuple(hits), 1.0),
        usage=Usage(100, 50, 20),
        timing=Timing(5.0, 10.0, 20.0),
        generation=1,
        model="fake",
        confidence=confidence,
    )


ROWS: list[dict[str, Any]] = [
    {
        "id": "q1",
        "lang": "en",
        "question": "How much does an entry-level AI engineer earn?",
        "answerable": True,
        "nuggets": [["120k"]],
        "evidence": [["120,000"]],
        "doc": "pay",
        "split": "dev",
    },
    {
        "id": "q2",
        "lang": "zh",
        "question": "第一阶段学习 Python 需要多久？",
        "answerable": True,
        "nuggets": [["6个月"], ["线性代数"]],
        "evidence": [["六个月"]],
        "doc": "path",
        "split": "test",
    },
    {
        "id": "q3",
        "lang": "zh",
        "question": "Milvus 是什么数据库？",
        "answerable": True,
        "nuggets": [["向量数据库"]],
        "gold_doc_ids": ["tools"],
        "split": "dev",
    },
    {"id": "q4", "lang": "en", "question": "Who won the 1998 cup?", "answerable": False, "split": "dev"},
]


def record_of(question_id: str, answer: dict[str, Any] | None = None, ranking: Sequence[str] = ()) -> Record:
    return Record(
        question_id, answer, tuple(ranking), tuple(1.0 / (i + 1) for i in range(len(ranking))), tuple(ranking)
    )
