"""Asks every question of a data set and keeps what came back; a run resumes where it was cut off, even by a kill."""

import hashlib
import json
import platform
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from indexes.errors import CareerError, UsageError
from indexes.types import Chunk, Filters, Hit
from service.evaluation.dataset import Case, Dataset
from service.evaluation.ranking import judgements
from service.evaluation.records import (
    ANSWERS,
    CONFIG,
    ERRORS,
    PASSAGES,
    QRELS,
    QUESTIONS,
    AppendOnly,
    Record,
    ids_of,
    locked,
    read_json,
    read_rows,
    stored_passage,
    write_atomically,
    write_json,
    write_qrels,
)
from service.serialise import answer_json
from service.settling import given
from service.types import Answer, Question

SEARCH_DEPTH = 20
MAX_FAILURES_IN_A_ROW = 5

Asked: TypeAlias = tuple[Record, list[Chunk]]
"""The record of one question, and every chunk it mentions."""


class Answers(Protocol):
    """What is used of `service.answerer.Answerer`."""

    def answer(self, question: Question) -> Answer: ...


class Searches(Protocol):
    """What is used of `indexes.retriever.Retriever`."""

    def search(self, query: str, k: int, filters: Filters) -> list[Hit]: ...


class Target(Protocol):
    """What is measured: for each case, the retriever and the answerer to ask (None: retrieval alone).

    `passages` is how many of its hits an answer is made of; None is all of them.
    """

    @property
    def passages(self) -> int | None: ...

    def retriever_for(self, case: Case) -> Searches: ...

    def answerer_for(self, case: Case) -> Answers | None: ...


@dataclass(frozen=True, slots=True)
class RuntimeTarget:
    """One retriever and one answerer for all cases: those that serve users."""

    retriever: Searches
    answerer: Answers | None
    passages: int | None = None

    def retriever_for(self, case: Case) -> Searches:
        return self.retriever

    def answerer_for(self, case: Case) -> Answers | None:
        return self.answerer


@dataclass(frozen=True, slots=True)
class Progress:
    """Told after each question; `left_s` is an estimate from the questions asked so far, None before the first."""

    done: int
    total: int
    left_s: float | None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`identity` is what must be equal for two halves of a run to belong together; `repeat` asks that many twice.

    `at_once` questions are asked side by side: sooner done, but times are then those of a busy service.
    """

    identity: Mapping[str, Any]
    repeat: int = 0
    at_once: int = 1
    notes: Mapping[str, Any] = field(default_factory=dict)
    on_progress: Callable[[Progress], None] = lambda progress: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Questions with an answer, of those how many were there before, and messages of those that failed."""

    total: int
    done: int
    resumed: int
    failures: tuple[str, ...]


def identity_hash(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def run(data: Dataset, target: Target, corpus: Sequence[Chunk], folder: Path, options: RunOptions) -> Outcome:
    """Ask what has no answer yet.

    Raises:
        UsageError: the folder holds another run. LockHeld: another process writes to it.
        CareerError: what the answerer raised, when it failed several times in a row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        _prepare(data, corpus, folder, options)
        answers, passages = AppendOnly(folder / ANSWERS), AppendOnly(folder / PASSAGES)
        errors = AppendOnly(folder / ERRORS)
        try:
            return _Loop(target, folder, answers, passages, errors, options).ask_all(data)
        finally:
            for file in (answers, passages, errors):
                file.close()


def _prepare(data: Dataset, corpus: Sequence[Chunk], folder: Path, options: RunOptions) -> None:
    """Write what never changes during a run, and refuse to mix two runs in one folder."""
    identity = {**options.identity, "dataset_sha256": data.sha256}
    if (folder / CONFIG).exists():
        found = read_json(folder / CONFIG).get("identity", {})
        different = sorted(name for name in identity.keys() | found.keys() if identity.get(name) != found.get(name))
        if different:
            raise UsageError(f"{folder} holds a run with another {', '.join(different)}. Name a new folder with --out.")
    elif (folder / ANSWERS).exists():
        raise UsageError(f"{folder} holds answers but no {CONFIG}. Name a new folder with --out.")
    rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in data.rows)
    write_atomically(folder / QUESTIONS, rows)
    write_qrels(folder / QRELS, judgements(data.cases, corpus))
    machine = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    config = {"dataset": data.name, "questions": len(data.cases), "identity": identity, "machine": machine}
    write_json(folder / CONFIG, {**config, **options.notes})


@dataclass(slots=True)
class _Loop:
    target: Target
    folder: Path
    answers: AppendOnly
    passages: AppendOnly
    errors: AppendOnly
    options: RunOptions
    stored: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    failed_in_a_row: int = 0

    def ask_all(self, data: Dataset) -> Outcome:
        self.stored = {row["chunk_id"] for row in read_rows(self.folder / PASSAGES)}
        answered = {row["evaluation"]["question_id"] for row in read_rows(self.folder / ANSWERS)}
        todo = [(number, case) for number, case in enumerate(data.cases) if case.id not in answered]
        resumed = len(data.cases) - len(todo)
        started = time.monotonic()
        self.options.on_progress(Progress(resumed, len(data.cases), None))
        with closing(self._asked(todo)) as outcomes:
            for position, (case, asked) in enumerate(outcomes, start=1):
                self._keep(case, asked)
                left = (time.monotonic() - started) / position * (len(todo) - position)
                if position < len(todo):
                    self.options.on_progress(Progress(resumed + position, len(data.cases), left))
        done = len(data.cases) - len(self.failures)
        self.options.on_progress(Progress(done, len(data.cases), 0.0))
        return Outcome(len(data.cases), done, resumed, tuple(self.failures))

    def _asked(self, todo: Sequence[tuple[int, Case]]) -> Generator[tuple[Case, Future[Asked]], None, None]:
        """Each question with its outcome, in the order of the data set: that is the order on the disk, however many
        are asked at once. A few are asked ahead, so that a slow one does not leave the others idle."""
        ahead = 2 * self.options.at_once - 1
        pending: deque[tuple[Case, Future[Asked]]] = deque()
        pool = ThreadPoolExecutor(self.options.at_once, thread_name_prefix="career-eval")
        try:
            for number, case in todo:
                pending.append((case, pool.submit(ask, case, self.target, number < self.options.repeat)))
                if len(pending) == ahead:
                    yield pending.popleft()
            while pending:
                yield pending.popleft()
        finally:
            pool.shutdown(cancel_futures=True)

    def _keep(self, case: Case, asked: Future[Asked]) -> None:
        try:
            record, chunks = asked.result()
        except CareerError as error:
            self.failures.append(f"{case.id}: {error}")
            self.errors.append([{"question_id": case.id, "error": str(error)}])
            self.failed_in_a_row += 1
            if self.failed_in_a_row >= MAX_FAILURES_IN_A_ROW:
                raise
            return
        self.failed_in_a_row = 0
        new = {chunk.id: chunk for chunk in chunks if chunk.id not in self.stored}
        # Passages first: an answer on the disk never points at a passage that is not.
        self.passages.append([_passage_row(chunk) for chunk in new.values()])
        self.stored |= new.keys()
        self.answers.append([record.to_json()])


def _passage_row(chunk: Chunk) -> dict[str, Any]:
    passage = stored_passage(chunk)
    return {name: getattr(passage, name) for name in passage.__slots__}


def ask(case: Case, target: Target, again: bool = False) -> Asked:
    """Search, and answer where there is an answerer; `again` asks a second time and compares."""
    # No language is passed: finding it out is part of what is measured.
    question = Question(case.question)
    retriever = target.retriever_for(case)
    started = time.perf_counter()
    ranking = retriever.search(case.question, SEARCH_DEPTH, Filters())
    search_ms = (time.perf_counter() - started) * 1000
    record = Record(case.id, None, ids_of(ranking), tuple(hit.score for hit in ranking), (), round(search_ms, 3))
    chunks = [hit.chunk for hit in ranking]
    answerer = target.answerer_for(case)
    if answerer is None:
        return record, chunks
    answer = answerer.answer(question)
    chunks += [hit.chunk for hit in answer.retrieval.hits] + [citation.chunk for citation in answer.citations]
    same = _content(answer) == _content(answerer.answer(question)) if again else None
    context = ids_of(given(case.question, answer.retrieval.hits, target.passages))
    return replace(record, answer=answer_json(answer), context=context, same_again=same), chunks


def _content(answer: Answer) -> tuple[object, ...]:
    """What must not change when a question is asked again."""
    return answer.status, answer.text, [(c.marker, c.chunk.id, c.start, c.end) for c in answer.citations]
