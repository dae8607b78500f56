"""Answers given before, kept in memory: the very same question is answered again without searching or generating.

Kept is only what would come out the same: a finished answer at temperature 0 that neither a deadline, nor its length,
nor trouble of the engine cut short. One cache belongs to one open generation and one engine and ends with them.
"""

import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol, TypeAlias
from uuid import uuid4

from indexes.text import detect_lang
from service import __version__
from service.cancelling import AnswerStream, Cancel
from service.prompt import SYSTEM
from service.settings import Settings
from service.types import (
    Answer,
    AnswerEvent,
    DraftToken,
    Evidence,
    Finished,
    Question,
    SentenceChecked,
    Timing,
    Usage,
    Waiting,
)

Key: TypeAlias = str
Told: TypeAlias = tuple[AnswerEvent, ...]

SHAPING = ("llm", "context_tokens", "max_tokens", "temperature", "seed", "passages", "kv_reuse", "embedder")
"""Settings that can change the words of an answer."""


class Answering(Protocol):
    """What every door uses of `service.answerer.Answerer`."""

    def answer(self, question: Question) -> Answer: ...

    def stream(self, question: Question) -> AnswerStream: ...


def identity(settings: Settings, generation: int, model: str) -> str:
    """What an answer depends on besides its question: the version of code and prompt, settings, corpus, model."""
    prompt = sha256(SYSTEM.encode()).hexdigest()
    return repr((__version__, prompt, settings.model_dump(mode="json", include=set(SHAPING)), generation, model))


def key_of(question: Question, identity: str) -> Key:
    """Equal for questions that differ in nothing but white space and the forms of their characters."""
    text = plain(question.text)
    lang = question.lang or detect_lang(text)
    history = tuple((message.role.value, message.content) for message in question.history)
    ids = question.filters.document_ids
    filters = (None if ids is None else sorted(ids), question.filters.lang)
    return sha256(repr((text, lang, history, filters, question.policy.value, identity)).encode()).hexdigest()


def plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


class AnswerCache:
    """The events of at most `entries` answers, the least recently asked forgotten first; for any number of threads."""

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._told: OrderedDict[Key, Told] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._told)

    def get(self, key: Key) -> Told | None:
        with self._lock:
            if key in self._told:
                self._told.move_to_end(key)
            return self._told.get(key)

    def put(self, key: Key, told: Told) -> None:
        with self._lock:
            self._told[key] = told
            self._told.move_to_end(key)
            while len(self._told) > self._entries:
                self._told.popitem(last=False)


@dataclass(frozen=True, slots=True)
class CachedAnswerer:
    """An answerer that remembers: the same events again, with times and an id of their own, `cached` set."""

    answerer: Answering
    cache: AnswerCache
    identity: str

    def answer(self, question: Question) -> Answer:
        """The last event of `stream`."""
        for event in self.stream(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("a stream ends with Finished")

    def stream(self, question: Question) -> AnswerStream:
        """See `Answerer.stream`; a stream that is closed early leaves nothing behind."""
        started = time.monotonic()
        key = key_of(question, self.identity)
        told = self.cache.get(key)
        if told is not None:
            return AnswerStream(_again(told, question, started), Cancel(), lambda: _known(told, question, started))
        stream = self.answerer.stream(question)
        return AnswerStream(self._hear(key, stream), stream.cancel, stream.so_far)

    def _hear(self, key: Key, stream: AnswerStream) -> Generator[AnswerEvent, None, None]:
        heard: list[AnswerEvent] = []
        with closing(stream):
            for event in stream:
                if not isinstance(event, Waiting):
                    heard.append(event)
                if isinstance(event, Finished) and not event.answer.cut:
                    self.cache.put(key, tuple(heard))
                yield event


def caching(answerer: Answering, settings: Settings, generation: int, model: str) -> CachedAnswerer | None:
    """An answerer that remembers, or None where the settings ask for none, or answers are sampled."""
    if settings.answer_cache == 0 or settings.temperature > 0:
        return None
    return CachedAnswerer(answerer, AnswerCache(settings.answer_cache), identity(settings, generation, model))


def _again(told: Told, question: Question, started: float) -> Generator[AnswerEvent, None, None]:
    token_ms: float | None = None
    sentence_ms: float | None = None
    for event in told:
        now = (time.monotonic() - started) * 1000.0
        if isinstance(event, DraftToken):
            token_ms = now if token_ms is None else token_ms
        elif isinstance(event, SentenceChecked):
            sentence_ms = now if sentence_ms is None else sentence_ms
        if isinstance(event, Evidence):
            yield Evidence(replace(event.retrieval, ms=now))
        elif isinstance(event, Finished):
            yield Finished(_renewed(event.answer, question, Timing(token_ms, sentence_ms, now)))
        else:
            yield event


def _known(told: Told, question: Question, started: float) -> Answer:
    """All of an answer given before: of that one, no step has to be waited for."""
    whole = next(event.answer for event in told if isinstance(event, Finished))
    return _renewed(whole, question, Timing(total_ms=(time.monotonic() - started) * 1000.0))


def _renewed(answer: Answer, question: Question, timing: Timing) -> Answer:
    """Nothing of its prompt was computed again, and that is what its usage says."""
    usage = Usage(answer.usage.prompt_tokens, answer.usage.prompt_tokens, answer.usage.completion_tokens)
    retrieval = replace(answer.retrieval, ms=0.0)
    return replace(
        answer, id=uuid4().hex, question=question.text, timing=timing, usage=usage, retrieval=retrieval, cached=True
    )
