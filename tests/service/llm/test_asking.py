"""Benchmarks that ask with several threads hide nothing of what goes wrong in one."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from indexes.errors import EngineCrashed
from service.llm.types import EngineEvent, GenerateOptions, Prompt
from tests.benchmarks.engine_asking import Askers, ask_together, prompts
from tests.service.answering import ScriptedLLM


class Echo(ScriptedLLM):
    """Says the request; dies of one."""

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        fail = EngineCrashed("gone") if prompt.request == "die" else None
        return ScriptedLLM([prompt.request], fail=fail).generate(prompt, options)


def asked(*requests: str) -> list[Prompt]:
    return [replace(prompts(1)[0], request=request) for request in requests]


@pytest.mark.parametrize("askers", [1, 2, 3])
def test_answers_come_in_the_order_of_the_questions(askers: int) -> None:
    answers, _ = ask_together(Echo([]), asked("a", "b", "c", "d"), askers)
    assert [answer.text for answer in answers] == ["a", "b", "c", "d"]


def test_who_has_an_answer_puts_the_next_question() -> None:
    last = threading.Event()

    class Slow(Echo):
        def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
            if prompt.request == "d":
                last.set()
            elif prompt.request == "a":
                assert last.wait(5.0), "the other asker does not go on"
            return super().generate(prompt, options)

    answers, _ = ask_together(Slow([]), asked("a", "b", "c", "d"), 2)
    slow = answers[0].asker
    assert [answer.asker for answer in answers] == [slow, 1 - slow, 1 - slow, 1 - slow]


def test_an_error_in_a_thread_is_raised() -> None:
    with pytest.raises(EngineCrashed, match="gone"):
        ask_together(Echo([]), asked("a", "die", "c", "d"), 2)


def test_an_asker_that_fails_is_counted_and_asks_on() -> None:
    tries = threading.Semaphore(0)

    def ask(_: threading.Event) -> None:
        tries.release()
        raise ConnectionError("refused")

    with Askers(1, ask, 5.0) as askers:
        for _ in range(3):
            assert tries.acquire(timeout=5.0)
    assert askers.hung == 0
    assert askers.errors[:2] == ["ConnectionError('refused')"] * 2


def test_an_asker_that_hangs_is_counted() -> None:
    go_on = threading.Event()
    with Askers(2, lambda _: go_on.wait(5.0), 0.1) as askers:
        pass
    assert (askers.hung, askers.errors) == (2, [])
    go_on.set()
