"""An answer that waits for its engine is ended from another thread, at once, and nothing of it is taken as whole."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.answer_cache import CachedAnswerer, caching
from service.answerer import Answerer
from service.cancelling import Cancel
from service.llm.desk import QueuedLLM
from service.llm.types import GenerateOptions, Prompt
from service.settings import Settings
from service.sse import Stepper
from service.types import AnswerEvent, Evidence, Finished, Question
from tests.conftest import chunk_of
from tests.service.answering import ScriptedLLM, answerer_of, hit_of
from tests.service.llm.scripted import ScriptedCore

ASKED = Question("What does Redis cache?")


class Silent(ScriptedLLM):
    """An engine that is still busy with the prompt: its stream gives nothing."""

    def __init__(self) -> None:
        super().__init__([])
        self.engine = QueuedLLM(ScriptedCore(), 0)

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[object]:  # type: ignore[override]
        return self.engine.generate(Prompt("", (), "silence"), options)


def answerers() -> list[Callable[[], Answerer | CachedAnswerer]]:
    def plain() -> Answerer:
        return answerer_of([hit_of(chunk_of("Redis caches hot data."))], Silent())

    def cached() -> CachedAnswerer:
        made = caching(plain(), Settings(answer_cache=4), 7, "scripted")
        assert made is not None
        return made

    return [plain, cached]


@pytest.mark.parametrize("make", answerers())
def test_a_wait_is_ended_from_another_thread(make: Callable[[], Answerer | CachedAnswerer]) -> None:
    answerer = make()
    stream = answerer.stream(ASKED)
    assert isinstance(next(stream), Evidence)
    rest: list[AnswerEvent] = []
    reader = threading.Thread(target=lambda: rest.extend(stream))
    reader.start()
    time.sleep(0.05)
    assert reader.is_alive()
    begun = time.monotonic()
    stream.cancel()
    reader.join(1.0)
    assert time.monotonic() - begun < 0.3
    assert isinstance(rest[-1], Finished)
    assert rest[-1].answer.cut
    if isinstance(answerer, CachedAnswerer):
        assert len(answerer.cache) == 0


def test_a_reader_over_http_who_leaves_does_not_wait_for_the_first_token() -> None:
    answerer = answerer_of([hit_of(chunk_of("Redis caches hot data."))], Silent())

    async def leave() -> float:
        with ThreadPoolExecutor(2) as threads:
            stepper = Stepper(answerer.stream(ASKED), threads)
            assert isinstance(await stepper.step(), Evidence)
            await stepper.step(0.05)
            begun = time.monotonic()
            await stepper.close()
            return time.monotonic() - begun

    assert asyncio.run(leave()) < 0.3


def test_what_is_watched_after_the_cancel_is_ended_too() -> None:
    ended: list[str] = []

    class Waited:
        def cancel(self) -> None:
            ended.append("ended")

    cancel = Cancel()
    cancel.watch(object())
    cancel()
    cancel.watch(Waited())
    assert ended == ["ended"]
