"""A runtime of small real classes: two documents, a retriever that counts shared words, a scripted answerer."""

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, TypeAlias

from indexes.text import detect_lang, tokens
from indexes.types import Chunk, Document, DocumentInfo, Filters, Hit, Leg, LegScore
from service.cancelling import AnswerStream, Cancel
from service.composing import Composer
from service.settings import Settings
from service.types import (
    Answer,
    AnswerEvent,
    Citation,
    DraftToken,
    Evidence,
    Finished,
    Question,
    Refusal,
    RefusalReason,
    Retrieval,
    SentenceChecked,
    Status,
    Timing,
    Usage,
    Verdict,
)
from tests.conftest import chunk_of, document_of
from tests.doubles import FakeEmbedder

ZH = "向量数据库用来做相似度检索。\n常用的有 Milvus、Pinecone 和 FAISS。\n后端程序员应先学会部署模型。"
EN = "Start with programming, networking and databases.\nThen learn model deployment and vector databases."
Step: TypeAlias = AnswerEvent | float | Exception | Callable[[], None]
"""An event is yielded, a float slept, an exception raised, a function called."""


def documents() -> list[Document]:
    zh = document_of(ZH, id="zh-doc", title="向量数据库入门", heading=("基础", "检索"))
    en = document_of(EN, id="en-doc", title="The backend path", heading=("First steps",))
    return [zh, en]


def chunks(all_documents: Sequence[Document]) -> list[Chunk]:
    found = []
    for document in all_documents:
        start = 0
        for line in document.text.split("\n"):
            heading = document.sections[0].heading
            found.append(chunk_of(line, document=document, heading=heading, start=start))
            start += len(line) + 1
    return found


@dataclass(frozen=True)
class FakeGeneration:
    all_documents: Sequence[Document]
    number: int = 7
    manifest: Any = field(default_factory=lambda: SimpleNamespace(files=()))
    vectors: Sequence[float] = ()

    def documents(self) -> tuple[DocumentInfo, ...]:
        return tuple(document.info for document in self.all_documents)

    def document(self, document_id: str) -> Document | None:
        return next((d for d in self.all_documents if d.info.id == document_id), None)


@dataclass(frozen=True)
class FakeRetriever:
    chunks: Sequence[Chunk]

    def search(self, query: str, k: int = 8, filters: Filters = Filters()) -> list[Hit]:  # noqa: B008
        words = set(tokens(query))
        ids = filters.document_ids
        scored = [(len(words & set(tokens(c.text))), c) for c in self.chunks if ids is None or c.document.id in ids]
        scored.sort(key=lambda pair: -pair[0])
        return [
            Hit(chunk, float(score), rank, (LegScore(Leg.LEXICAL, float(score), rank),), chunk.units)
            for rank, (score, chunk) in enumerate(scored[:k], 1)
            if score
        ]


@dataclass
class FakeAnswerer:
    """Plays `script`, or what `compose` makes of the question; counts what is open, and remembers what was asked."""

    retriever: FakeRetriever
    script: Callable[[Question], Sequence[Step]] | None = None
    asked: list[Question] = field(default_factory=list)
    closed: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def stream(self, question: Question) -> AnswerStream:
        told: list[AnswerEvent] = []
        return AnswerStream(self._events(question, told), Cancel(), lambda: so_far(question, told))

    def _events(self, question: Question, told: list[AnswerEvent]) -> Generator[AnswerEvent, None, None]:
        self.asked.append(question)
        try:
            for step in self.script(question) if self.script else compose(self.retriever, question):
                if isinstance(step, float):
                    time.sleep(step)
                elif isinstance(step, Exception):
                    raise step
                elif callable(step):
                    step()
                else:
                    if isinstance(step, Evidence | SentenceChecked):
                        told.append(step)
                    yield step
        finally:
            with self.changed:
                self.closed += 1
                self.changed.notify_all()

    def wait_closed(self, count: int = 1, timeout_s: float = 5.0) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.closed >= count, timeout_s)


class FakeLlm:
    name = "fake-llm"
    context_tokens = 4096

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(tokens(text)) for text in texts]


def compose(retriever: FakeRetriever, question: Question, pause_s: float = 0.0) -> list[Step]:
    """Every hit's first unit becomes a supported sentence that quotes itself; no hit is a refusal."""
    hits = retriever.search(question.text, 3, question.filters)
    lang = question.lang or detect_lang(question.text)
    retrieval = Retrieval(tuple(hits), 1.5)
    composer = Composer(lang)
    steps: list[Step] = [Evidence(retrieval)]
    for hit in hits:
        unit = hit.units[0]
        citation = Citation(0, hit.chunk, unit.start, unit.end, unit.text, 0.9)
        steps += [step for piece in _pieces(unit.text) for step in (DraftToken(piece), pause_s)]
        sentence = composer.add(unit.text, Verdict.SUPPORTED, 0.9, [citation])
        if sentence is not None:
            steps += [SentenceChecked(sentence), pause_s]
    steps.append(Finished(answer_of(question.text, lang, composer, retrieval)))
    return steps


def so_far(question: Question, told: Sequence[AnswerEvent]) -> Answer:
    """The answer as it stands; its prompt is known once there is evidence."""
    lang = question.lang or detect_lang(question.text)
    composer, retrieval = Composer(lang), Retrieval((), 0.0)
    for event in told:
        if isinstance(event, Evidence):
            retrieval = event.retrieval
        elif isinstance(event, SentenceChecked):
            one = event.sentence
            composer.add(one.text, one.verdict, one.score, one.citations)
    usage = Usage(100, 60) if told else Usage()
    answer = answer_of(question.text, lang, composer, retrieval)
    return replace(answer, status=Status.PARTIAL, text=composer.text, refusal=None, usage=usage)


def _pieces(text: str) -> list[str]:
    return [text[start : start + 3] for start in range(0, len(text), 3)]


def answer_of(question: str, lang: str, composer: Composer, retrieval: Retrieval) -> Answer:
    refused = not composer.sentences
    return Answer(
        id=f"answer-{abs(hash(question)) % 10**8}",
        question=question,
        lang=lang,
        status=Status.REFUSED if refused else Status.ANSWERED,
        text="The documents do not answer this question." if refused else composer.text,
        sentences=tuple(composer.sentences),
        citations=tuple(composer.citations),
        dropped=(),
        refusal=Refusal(RefusalReason.NOT_IN_CORPUS, 0.07, ("向量数据库", "Model deployment")) if refused else None,
        retrieval=retrieval,
        usage=Usage(100, 60, 20),
        timing=Timing(12.0, 30.0, 50.0),
        generation=7,
        model="fake-llm",
    )


def fake_runtime(settings: Settings, script: Callable[[Question], Sequence[Step]] | None = None, **changes: Any) -> Any:
    """What `service.runtime.Runtime` offers to the routes."""
    all_documents = changes.pop("documents", None) or documents()
    retriever = FakeRetriever(chunks(all_documents))
    answerer = FakeAnswerer(retriever, script)
    generation = FakeGeneration(all_documents)
    view = SimpleNamespace(generation=generation, retriever=retriever, answerer=answerer)
    parts: Mapping[str, Any] = {
        "settings": settings,
        "embedder": FakeEmbedder(),
        "llm": FakeLlm(),
        "no_model": None,
        "holder": SimpleNamespace(view=view),
        "generation": generation,
        "retriever": retriever,
        "answerer": answerer,
    }
    return SimpleNamespace(**{**parts, **changes})
