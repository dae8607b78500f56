"""Signals have these values on these results, in both languages."""

import pytest

from service.asking import understand
from service.grounding.glossary import Glossary, load_glossary
from service.signals import (
    concept_coverage,
    kind_in_sight,
    name_coverage,
    row_coverage,
    signals,
    similarity,
    word_coverage,
)
from tests.conftest import chunk_of
from tests.service.answering import hit_of

ENGLISH = hit_of(chunk_of("Redis caches hot data for 6 months. It costs little."), 1, cosine=0.8)
CHINESE = hit_of(chunk_of("向量数据库用于语义搜索。"), 2, cosine=0.5, lexical=False)
WORDS = frozenset({"redi", "redis", "hot", "data", "cach"})


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return load_glossary()


def test_similarity_reads_the_dense_leg_and_the_agreement_of_both() -> None:
    found = similarity([ENGLISH, CHINESE])
    assert found == {"top": 0.8, "mean": 0.65, "margin": pytest.approx(0.3), "agreement": 0.5}
    assert similarity([hit_of(ENGLISH.chunk, 50)])["agreement"] == 0.0


def test_words_are_covered_by_the_passages_or_unknown_to_all() -> None:
    asked = understand("Redis hot bananas", "en")
    found = word_coverage(asked, [ENGLISH.chunk.text], WORDS)
    assert found == {"coverage": pytest.approx(2 / 3), "unknown_words": pytest.approx(1 / 3)}


def test_a_name_nobody_knows_counts(glossary: Glossary) -> None:
    asked = understand("Does Redis replace OracleXE?", "en")
    assert name_coverage(asked, [ENGLISH.chunk.text], WORDS, glossary) == {"unknown_names": 1.0, "unread_names": 1.0}
    elsewhere = WORDS | {"oraclex"}
    assert name_coverage(asked, [ENGLISH.chunk.text], elsewhere, glossary)["unread_names"] == 1.0


def test_concepts_are_covered_across_languages(glossary: Glossary) -> None:
    asked = understand("What is a vector database for?", "en")
    assert concept_coverage(asked, [CHINESE.chunk.text], WORDS, glossary)["concepts"] == 1.0
    assert concept_coverage(asked, ["监控系统。"], WORDS, glossary)["concepts"] == 0.0
    assert concept_coverage(asked, [CHINESE.chunk.text], WORDS, glossary)["foreign_words"] == 0.0


def test_one_row_must_hold_what_is_asked(glossary: Glossary) -> None:
    """Both passages together hold all of it, each row but a part: the name, or `vector` and `database`."""
    asked = understand("Is Redis a vector database?", "en")
    assert row_coverage(asked, [ENGLISH, CHINESE], glossary)["row"] == pytest.approx(2 / 3)
    together = hit_of(chunk_of("监控系统。向量数据库：Redis、Milvus。"), 1)
    assert row_coverage(asked, [ENGLISH, together], glossary)["row"] == 1.0
    # A heading belongs to its rows.
    headed = hit_of(chunk_of("Redis caches hot data.", heading=("Vector databases",)), 1)
    assert row_coverage(asked, [headed], glossary)["row"] == 1.0
    assert row_coverage(understand("什么?", "zh"), [ENGLISH], glossary)["row"] == 0.5
    assert row_coverage(understand("Does OracleXE matter?", "en"), [ENGLISH], glossary)["row"] == 0.0


def test_words_no_glossary_and_no_corpus_knows_are_foreign(glossary: Glossary) -> None:
    found = concept_coverage(understand("banana bread recipe", "en"), [CHINESE.chunk.text], WORDS, glossary)
    assert found["foreign_words"] == 3.0
    assert found["no_concept"] == 1.0


def test_the_kind_asked_for_is_near_far_or_nowhere() -> None:
    duration = understand("How long does Redis keep data?", "en")
    assert kind_in_sight(duration, [ENGLISH])["kind_far"] == 0.0
    salary = kind_in_sight(understand("What is the salary of a Redis expert?", "en"), [ENGLISH])
    assert salary == {"kind_far": 1.0, "kind_unmet": 1.0, "asks_figure": 1.0, "asks_person": 0.0}
    assert set(kind_in_sight(understand("What is Redis?", "en"), [ENGLISH]).values()) == {0.0}


def test_all_signals_are_numbers_whatever_is_asked(glossary: Glossary) -> None:
    for text in ("", "?", "什么", "🤖", "How much?"):
        found = signals(understand(text, "en"), [ENGLISH], WORDS, glossary)
        assert all(-1.0 <= value <= 3.0 for value in found.values()), text
