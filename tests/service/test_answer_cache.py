"""The very same question is answered from memory, with the same events; whatever could come out otherwise is not."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import EngineError
from indexes.types import Filters
from service.answer_cache import AnswerCache, CachedAnswerer, caching, identity, key_of
from service.answerer import Answerer
from service.cancelling import AnswerStream
from service.evaluation import wiring
from service.evaluation.wiring import Plan
from service.settings import Settings
from service.types import (
    Answer,
    AnswerEvent,
    DraftToken,
    Evidence,
    Finished,
    Message,
    Policy,
    Question,
    Role,
    SentenceChecked,
    Status,
    Waiting,
)
from tests.conftest import chunk_of
from tests.service.answering import ScriptedLLM, answerer_of, hit_of

TEXT = "Redis caches hot data."
ASKED = Question("What does Redis cache?")


@dataclass
class Counting:
    """An answerer that counts how often it is asked, and waits in line once each time."""

    answerer: Answerer
    asked: int = 0

    def stream(self, question: Question) -> AnswerStream:
        self.asked += 1
        inner = self.answerer.stream(question)
        return AnswerStream(self._events(inner), inner.cancel, inner.so_far)

    def _events(self, inner: AnswerStream) -> Generator[AnswerEvent, None, None]:
        yield Waiting(1, 500.0)
        with closing(inner):
            yield from inner

    def answer(self, question: Question) -> Answer:
        return self.answerer.answer(question)


@dataclass
class Bench:
    llm: ScriptedLLM = field(default_factory=lambda: ScriptedLLM(["Redis ", "caches ", "hot data."]))
    settings: Settings = field(default_factory=lambda: Settings(answer_cache=2))

    def __post_init__(self) -> None:
        self.inner = Counting(answerer_of([hit_of(chunk_of(TEXT))], self.llm))
        cached = caching(self.inner, self.settings, 7, "scripted")
        assert cached is not None
        self.cached: CachedAnswerer = cached

    def ask(self, question: Question = ASKED) -> list[AnswerEvent]:
        return list(self.cached.stream(question))


def test_an_answer_told_again_knows_what_its_prompt_cost() -> None:
    bench = Bench()
    whole = finished(bench.ask())
    stream = bench.cached.stream(ASKED)
    next(stream)
    known = stream.so_far()
    assert (known.usage.prompt_tokens, known.usage.cached_tokens) == (10, 10)
    assert (known.text, known.cached) == (whole.text, True)


def finished(events: Sequence[AnswerEvent]) -> Answer:
    assert isinstance(events[-1], Finished)
    return events[-1].answer


def content(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.text, answer.sentences, answer.citations, answer.dropped, answer.generation


def test_a_second_asking_has_the_same_events_and_says_that_nothing_was_computed() -> None:
    bench = Bench()
    first, second = bench.ask(), bench.ask(replace(ASKED, text="  What does\tRedis  cache?"))
    assert bench.inner.asked == 1
    assert [type(event) for event in first] == [
        Waiting, Evidence, DraftToken, DraftToken, DraftToken, SentenceChecked, Finished
    ]  # fmt: skip
    assert [type(event) for event in second] == [type(event) for event in first[1:]]
    assert second[1:-1] == first[2:-1]
    one, two = finished(first), finished(second)
    assert content(one) == content(two)
    assert (one.cached, two.cached) == (False, True)
    assert two.usage.cached_tokens == two.usage.prompt_tokens == one.usage.prompt_tokens == 10
    assert two.question == "  What does\tRedis  cache?"
    assert one.id != two.id
    assert two.timing.first_token_ms is not None
    assert 0.0 <= two.timing.first_token_ms <= two.timing.total_ms < 100.0
    assert bench.cached.answer(ASKED).cached


@pytest.mark.parametrize(
    "other",
    [
        Question("What does redis cache?"),
        replace(ASKED, lang="zh"),
        replace(ASKED, history=(Message(Role.USER, "Hello"),)),
        replace(ASKED, filters=Filters(lang="en")),
        replace(ASKED, filters=Filters(document_ids=frozenset({"doc"}))),
        replace(ASKED, policy=Policy.FLAG),
    ],
)
def test_another_question_is_another(other: Question) -> None:
    bench = Bench()
    bench.ask()
    assert not finished(bench.ask(other)).cached
    assert bench.inner.asked == 2


def test_the_language_of_the_text_and_the_deadline_change_nothing() -> None:
    bench = Bench()
    bench.ask()
    assert finished(bench.ask(replace(ASKED, lang="en", deadline_s=3.0))).cached


@pytest.mark.parametrize("llm", [ScriptedLLM([TEXT], "length"), ScriptedLLM([TEXT], "deadline")])
def test_an_answer_that_was_cut_is_not_kept(llm: ScriptedLLM) -> None:
    bench = Bench(llm)
    assert finished(bench.ask()).cut
    assert not finished(bench.ask()).cached


def test_an_answer_the_engine_failed_at_is_not_kept() -> None:
    bench = Bench(ScriptedLLM([TEXT], fail=EngineError("broken")))
    assert finished(bench.ask()).status is Status.EXTRACTIVE
    bench.llm.fail = None
    assert not finished(bench.ask()).cached
    assert finished(bench.ask()).cached


def test_a_stream_that_is_left_closes_the_answerer_and_is_not_kept() -> None:
    bench = Bench()
    stream = bench.cached.stream(ASKED)
    assert isinstance(next(stream), Waiting)
    assert isinstance(next(stream), Evidence)
    assert next(stream) == DraftToken("Redis ")
    stream.close()
    assert bench.llm.closed
    assert bench.llm.said == 1
    assert not finished(bench.ask()).cached


def test_the_least_recently_asked_is_forgotten_first() -> None:
    bench = Bench()
    a, b, c = (Question(f"What does Redis cache, {name}?") for name in "abc")
    for question in (a, b, a, c):
        bench.ask(question)
    assert [finished(bench.ask(question)).cached for question in (a, c, b)] == [True, True, False]
    assert len(bench.cached.cache) == 2


@pytest.mark.parametrize("settings", [Settings(answer_cache=0), Settings(temperature=0.1)])
def test_it_is_off_where_the_settings_say_so_and_where_answers_are_sampled(settings: Settings) -> None:
    assert caching(Bench().inner, settings, 7, "m") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda s: identity(s, 8, "m"),
        lambda s: identity(s, 7, "other"),
        lambda s: identity(s.model_copy(update={"max_tokens": 99}), 7, "m"),
        lambda s: identity(s.model_copy(update={"kv_reuse": "off"}), 7, "m"),
    ],
)
def test_generation_model_and_settings_are_part_of_the_key(change: Callable[[Settings], str]) -> None:
    settings = Settings()
    assert key_of(ASKED, change(settings)) != key_of(ASKED, identity(settings, 7, "m"))
    moved = settings.model_copy(update={"port": 1})
    assert key_of(ASKED, identity(moved, 7, "m")) == key_of(ASKED, identity(settings, 7, "m"))


def test_an_evaluation_asks_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def opened(plan: Plan, settings: Settings, data: object) -> NoReturn:
        raise RuntimeError(f"kept: {settings.answer_cache}")

    monkeypatch.setattr(wiring, "_open_target", opened)
    dataset = tmp_path / "one.jsonl"
    dataset.write_text('{"id": "1", "lang": "en", "question": "What?", "answerable": false}\n', "utf-8")
    with pytest.raises(RuntimeError, match="kept: 0"):
        wiring.execute(Plan(dataset), Settings(answer_cache=9), lambda _: None, lambda _: None)


@given(st.integers(1, 5), st.lists(st.integers(0, 8), max_size=60))
def test_it_never_holds_more_than_it_may(entries: int, asked: list[int]) -> None:
    cache, model = AnswerCache(entries), list[int]()
    for number in asked:
        found = cache.get(str(number))
        assert (found is not None) == (number in model)
        if found is None:
            cache.put(str(number), (DraftToken(str(number)),))
        model = [*(n for n in model if n != number), number][-entries:]
        assert len(cache) == len(model)
