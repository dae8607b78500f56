"""Word by word, a question is near a row that holds all its words, in either language, and far from another."""

from dataclasses import replace

import pytest

from indexes.types import Hit
from service.asking import understand
from service.grounding.glossary import load_glossary
from service.signals import signals
from service.wordwise import BETWEEN, LATER, WEIGHT, ordered_by_words, row_alignment
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


def in_order(question: str, *hits: Hit) -> list[Hit]:
    return ordered_by_words(understand(question, "en"), hits, TokenDouble())


def test_a_row_with_the_words_of_the_question_comes_before_one_a_little_nearer() -> None:
    near, worded = replace(OTHER, score=0.5, rank=1), replace(AUDIO, score=0.5 - 0.9 * WEIGHT, rank=2)
    found = in_order("What converts audio?", near, worded)
    assert [(hit.chunk.id, hit.rank, hit.score) for hit in found] == [
        (AUDIO.chunk.id, 1, 0.5 - 0.9 * WEIGHT),
        (OTHER.chunk.id, 2, 0.5),
    ]
    far = replace(worded, score=0.5 - 1.1 * WEIGHT)
    assert [hit.chunk.id for hit in in_order("What converts audio?", near, far)] == [OTHER.chunk.id, AUDIO.chunk.id]


def test_the_stage_of_the_time_asked_about_comes_before_other_stages() -> None:
    early = replace(hit_of(chunk_of("Redis。", heading=("第1阶段（1-2个月）",))), score=0.5, rank=1)
    later = replace(hit_of(chunk_of("Redis。", heading=("第2阶段（3-6个月）",))), score=0.41, rank=2)
    assert [hit.score for hit in in_order("What converts audio in month 4?", early, later)] == [0.41, 0.5]
    assert [hit.score for hit in in_order("What converts audio in month 2?", early, later)] == [0.5, 0.41]
    assert [hit.score for hit in in_order("What converts audio?", early, later)] == [0.5, 0.41]


def test_so_do_the_first_two_rows_of_a_passage() -> None:
    many = chunk_of("Redis。\nWhisper转音。\nWhisper转音。")
    hit = replace(hit_of(many), units=many.units)
    (found,) = in_order("What converts audio?", hit)
    assert [unit.start for unit in found.units] == [many.units[at].start for at in (1, 0, 2)]
    assert LATER < WEIGHT


def test_hits_further_down_stay_behind_and_a_cross_encoder_has_the_last_word() -> None:
    others = [replace(OTHER, score=0.5, rank=rank) for rank in range(1, 5)]
    fifth = replace(AUDIO, score=0.5, rank=5)
    assert [hit.chunk.id for hit in in_order("What converts audio?", *others, fifth)][-1] == AUDIO.chunk.id
    read = [replace(OTHER, score=0.5, reranked=1.0), replace(AUDIO, score=0.5, reranked=0.5)]
    assert in_order("What converts audio?", *read) == read


def test_an_embedder_without_tokens_changes_no_order() -> None:
    asked = understand("What converts audio?", "en")
    assert ordered_by_words(asked, [OTHER, AUDIO], FakeEmbedder()) == [OTHER, AUDIO]


def test_who_asks_first_does_not_wait_for_all_rows_to_be_read() -> None:
    asked, embedder = understand("What converts audio?", "en"), TokenDouble()
    hits = [replace(OTHER, score=0.5), replace(AUDIO, score=0.5, rank=2)]
    assert ordered_by_words(asked, hits, embedder, patience_s=-1.0) == hits
    assert (AUDIO.chunk.units[0].text, True) not in embedder.read
    assert (OTHER.chunk.units[0].text, True) in embedder.read
    assert [hit.chunk.id for hit in ordered_by_words(asked, hits, embedder)] == [AUDIO.chunk.id, OTHER.chunk.id]
