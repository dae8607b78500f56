"""What is guessed of an answer brings it sooner, and changes nothing of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.batch_sizes import by_fours_only, guesses_each
from service.llm.guessing import Guesser
from service.llm.llama import LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.types import Done, GenerateOptions, Prompt, Text
from service.types import Usage

PROMPTS = [
    Prompt("Be brief.", ("一、向量数据库。二、向量检索。\n", "abcabcabc\n"), request)
    for request in ("What?", "向量?", "aaaaaaaa", "And then, and then?")
]
OPTIONS = [
    GenerateOptions(max_tokens=60),
    GenerateOptions(max_tokens=60, temperature=0.6, seed=3),
    GenerateOptions(max_tokens=7),
    GenerateOptions(max_tokens=60, stop=("e",)),
]


@pytest.fixture(scope="module")
def plain(config: LlamaConfig) -> Iterator[LlamaEngine]:
    llm = LlamaEngine(replace(config, guesses=0), 16)
    yield llm
    llm.close()


@pytest.fixture(scope="module")
def guessing(config: LlamaConfig) -> Iterator[LlamaEngine]:
    llm = LlamaEngine(replace(config, guesses=3), 16)
    yield llm
    llm.close()


def said(llm: LlamaEngine, prompt: Prompt, options: GenerateOptions) -> tuple[str, str, int]:
    events = list(llm.generate(prompt, options))
    done = events[-1]
    assert isinstance(done, Done)
    assert isinstance(done.usage, Usage)
    return "".join(e.text for e in events if isinstance(e, Text)), done.finish, done.usage.completion_tokens


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(-1, 5), st.booleans())
def test_a_guess_is_what_followed_the_last_two_when_they_were_last_said(said: list[int], most: int, sure: bool) -> None:
    before = (at for at in range(len(said) - 3, -1, -1) if said[at : at + 2] == said[-2:])
    at = next(before, None)
    if at is not None and sure and (at == 0 or said[at - 1] != said[-3]):
        at = None
    expected = said[at + 2 : at + 2 + max(most, 0)] if at is not None else []
    assert list(Guesser(said).guess(most, sure=sure)) == expected


@pytest.mark.parametrize(("answers", "each"), [(0, 3), (1, 3), (2, 1), (12, 1), (13, 0), (40, 0)])
def test_who_writes_alone_guesses_most(answers: int, each: int) -> None:
    assert guesses_each(3, answers) == each
    assert guesses_each(0, answers) == 0


@pytest.mark.parametrize(
    ("answers", "guesses", "kept"),
    [(8, 3, 0), (8, 4, 4), (8, 7, 4), (8, 8, 8), (7, 1, 1), (6, 1, 1), (2, 2, 2), (3, 3, 1)],
)
def test_guesses_in_company_fill_fours(answers: int, guesses: int, kept: int) -> None:
    assert by_fours_only(answers, guesses) == kept


@pytest.mark.parametrize("options", OPTIONS, ids=["greedy", "sampled", "short", "stopped"])
def test_the_answer_is_the_one_without_guesses(
    plain: LlamaEngine, guessing: LlamaEngine, options: GenerateOptions
) -> None:
    for prompt in PROMPTS:
        assert said(guessing, prompt, options) == said(plain, prompt, options)


def test_right_and_wrong_guesses_are_told_apart(plain: LlamaEngine, guessing: LlamaEngine) -> None:
    for prompt in PROMPTS:
        said(guessing, prompt, OPTIONS[0])
    stats = guessing.stats()
    guessed, right = int(stats["guessed_tokens"]), int(stats["rightly_guessed_tokens"])
    assert 0 < right < guessed
    assert plain.stats()["guessed_tokens"] == 0


def test_answers_written_together_are_those_without_guesses(plain: LlamaEngine, guessing: LlamaEngine) -> None:
    few = GenerateOptions(max_tokens=16)  # who else is in a batch changes last bits, and random weights are near a tie
    alone = [said(plain, prompt, few) for prompt in PROMPTS]
    with ThreadPoolExecutor(len(PROMPTS)) as threads:
        assert list(threads.map(lambda prompt: said(guessing, prompt, few), PROMPTS)) == alone
