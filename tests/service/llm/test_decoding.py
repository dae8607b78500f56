"""Text leaves the engine in whole characters and never holds a stop string; sampling is repeatable."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.decoding import Sampler, TextStream

TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60)


@given(text=TEXT, cuts=st.lists(st.integers(0, 240), max_size=8))
def test_any_cutting_of_the_bytes_gives_the_text_and_never_half_a_character(text: str, cuts: list[int]) -> None:
    data = text.encode()
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    stream = TextStream()
    pieces = [stream.feed(data[a:b]) for a, b in pairwise(edges)]
    assert "".join(pieces) + stream.finish() == text


@given(
    text=st.text(alphabet="ab停。", max_size=30),
    stop=st.text(alphabet="ab停。", min_size=1, max_size=4),
    size=st.integers(1, 5),
)
def test_output_ends_before_the_first_stop_string(text: str, stop: str, size: int) -> None:
    stream = TextStream([stop])
    data = text.encode()
    shown = "".join(stream.feed(data[i : i + size]) for i in range(0, len(data), size))
    shown += stream.finish()
    assert shown == text.partition(stop)[0]
    assert stream.stopped == (stop in text)


def test_text_is_held_back_only_while_it_may_become_a_stop_string() -> None:
    stream = TextStream(["\n\nQuestion"])
    assert stream.feed(b"Answer.\n") == "Answer."
    assert stream.feed(b"More") == "\nMore"


def test_half_a_character_at_the_end_is_dropped() -> None:
    stream = TextStream()
    assert stream.feed("向量".encode()[:5]) == "向"
    assert stream.finish() == ""


def test_greedy_takes_the_highest() -> None:
    assert Sampler(0.0, 7).choose(np.array([0.1, 3.0, 2.9], np.float32)) == 1


def test_the_same_seed_chooses_the_same() -> None:
    logits = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    draws = [[sampler.choose(logits) for _ in range(50)] for sampler in (Sampler(1.0, 3), Sampler(1.0, 3))]
    assert draws[0] == draws[1]
    assert len(set(draws[0])) > 5
    assert draws[0] != [Sampler(1.0, 4).choose(logits) for _ in range(50)]


@pytest.mark.parametrize("size", [2, 40, 41, 5000])
def test_only_likely_tokens_are_drawn(size: int) -> None:
    logits = np.full(size, -20.0, np.float32)
    logits[1] = 5.0
    sampler = Sampler(0.8, 0)
    assert {sampler.choose(logits) for _ in range(20)} == {1}
