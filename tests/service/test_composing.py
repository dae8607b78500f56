"""The composer: markers by first use, no repetition, nothing that looks like a marker and is none."""

from dataclasses import replace

from service.composing import Composer, is_exact, plain
from service.llm.extractive import best_units, cite, quote_answer
from service.types import Verdict
from tests.conftest import chunk_of
from tests.service.answering import hit_of

HIT = hit_of(chunk_of("Redis caches hot data. Kafka moves events. 向量库用于搜索。"))
ONE, TWO, THREE = (cite(HIT, unit) for unit in HIT.chunk.units)


def test_markers_are_numbered_by_first_use() -> None:
    composer = Composer("en")
    composer.add("B.", Verdict.SUPPORTED, 1.0, (TWO,))
    composer.add("A and B.", Verdict.SUPPORTED, 1.0, (ONE, TWO))
    assert composer.text == "B. [1] A and B. [1][2]"
    assert [citation.quote for citation in composer.citations] == ["Kafka moves events.", "Redis caches hot data."]


def test_chinese_needs_no_spaces_and_items_stand_on_lines() -> None:
    composer = Composer("zh")
    composer.add("甲。", Verdict.SUPPORTED, 1.0, (ONE,))
    composer.add("乙。", Verdict.SUPPORTED, 1.0, (ONE,))
    composer.add("- 丙", Verdict.SUPPORTED, 1.0, (THREE,))
    assert composer.text == "甲。[1]乙。[1]\n- 丙[2]"


def test_a_repetition_and_an_empty_sentence_change_nothing() -> None:
    composer = Composer("en")
    assert composer.add("Redis caches data.", Verdict.SUPPORTED, 1.0, (ONE,)) is not None
    assert composer.add("1. redis CACHES data", Verdict.SUPPORTED, 1.0, (TWO,)) is None
    assert composer.add(" ** ", Verdict.SUPPORTED, 1.0, (TWO,)) is None
    assert composer.text == "Redis caches data. [1]"
    assert len(composer.citations) == 1


def test_a_quote_that_is_not_there_is_no_citation() -> None:
    bent = replace(ONE, start=ONE.start + 1)
    assert is_exact(ONE)
    assert not is_exact(bent)
    sentence = Composer("en").add("A.", Verdict.SUPPORTED, 1.0, (bent,))
    assert sentence is not None
    assert (sentence.verdict, sentence.citations) == (Verdict.UNSUPPORTED, ())


def test_typed_markers_become_something_else() -> None:
    assert plain("a[1] b [2, 3]\nscores[0]") == "a［1］ b ［2, 3］ scores［0］"


def test_quotes_come_best_first_with_exact_citations() -> None:
    quoted = quote_answer([HIT], "en", units=2)
    assert [q.text for q in quoted] == ["The documents say: “Redis caches hot data.”", "“Kafka moves events.”"]
    assert all(is_exact(q.citation) for q in quoted)
    assert quote_answer([], "en") == []


def test_what_only_announces_code_is_not_told() -> None:
    hit = hit_of(chunk_of("下面的代码沿用前面的模型。向量用FAISS检索。"))
    assert [unit.text for _, unit in best_units([hit])] == ["向量用FAISS检索。"]
    code = hit_of(chunk_of("以下代码是示例。"))
    assert [unit.text for _, unit in best_units([code])] == ["以下代码是示例。"]  # Rather than nothing.
