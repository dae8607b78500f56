"""Word by word, a question is near a row that holds all its words, in either language, and far from another."""

from dataclasses import replace

import pytest

from indexes.types import Hit
from service.asking import understand
from service.grounding.glossary import load_glossary
from service.signals import signals
from service.wordwise import BETWEEN, row_alignment
from tests.conftest import chunk_of
from tests.doubles import FakeEmbedder
from tests.service.answering import hit_of
from tests.service.test_alignment import TokenDouble

AUDIO = hit_of(chunk_of("Whisper转音。", heading=("字",)), 1)
OTHER = hit_of(chunk_of("Redis。", heading=("缓",)), 2)


def aligned(question: str, *hits: Hit) -> float:
    lang = "en" if question.isascii() else "zh"
    return row_alignment(understand(question, lang), hits, TokenDouble())["row_alignment"] + BETWEEN


def test_words_find_their_like_in_the_row_or_its_headings() -> None:
    assert aligned("What converts audio?", AUDIO) == pytest.approx(1.0)
    assert aligned("Which converts audio to text?", AUDIO) == pytest.approx(1.0)
    assert aligned("What converts audio?", OTHER) == pytest.approx(0.0)
    assert aligned("What converts text to zebra?", AUDIO) == pytest.approx(2 / 3)


def test_the_best_of_two_rows_counts_and_no_third() -> None:
    assert aligned("What converts audio?", OTHER, AUDIO) == pytest.approx(1.0)
    assert aligned("What converts audio?", OTHER, OTHER, AUDIO) == pytest.approx(0.0)


def test_chinese_is_compared_token_by_token_without_what_only_asks() -> None:
    assert aligned("把音转字的是什么?", AUDIO) == pytest.approx(1.0)
    assert aligned("音转马?", AUDIO) == pytest.approx(2 / 3)


def test_a_traditional_question_is_read_as_a_simplified_one() -> None:
    assert aligned("音轉字?", AUDIO) == pytest.approx(1.0)


@pytest.mark.parametrize("question", ["What is it?", "是什么?"])
def test_where_nothing_tells_the_signal_is_silent(question: str) -> None:
    assert aligned(question, AUDIO) == BETWEEN


def test_an_embedder_without_tokens_is_no_signal() -> None:
    asked = understand("What converts audio?", "en")
    assert row_alignment(asked, [AUDIO], FakeEmbedder()) == {"row_alignment": 0.0}
    assert signals(asked, [AUDIO], frozenset(), load_glossary())["row_alignment"] == 0.0


def test_it_is_one_of_the_signals() -> None:
    asked = understand("What converts audio?", "en")
    found = signals(asked, [replace(AUDIO, units=())], frozenset(), load_glossary(), TokenDouble())
    assert found["row_alignment"] == pytest.approx(1.0 - BETWEEN)
