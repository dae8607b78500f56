"""Nearest topics are headings once, without numbering, in the asker's language where the glossary knows them."""

import pytest

from service.grounding.glossary import load_glossary
from service.topics import nearest_topics
from tests.conftest import chunk_of
from tests.service.answering import hit_of


def topics(lang: str, *headings: str) -> tuple[str, ...]:
    hits = [hit_of(chunk_of("Text.", heading=(heading,) if heading else ())) for heading in headings]
    return nearest_topics(hits, lang, load_glossary())


def test_each_once_and_the_title_where_there_is_no_heading() -> None:
    assert topics("en", "Storage", "", "Storage", "Queues", "More") == ("Storage", "Title", "Queues")


@pytest.mark.parametrize(
    "heading",
    ["二、向量数据库", "3. 向量数据库", "3.2 向量数据库", "（一）、向量数据库", "第二章 向量数据库", "向量数据库"],
)
def test_numbering_is_left_out_and_terms_are_translated(heading: str) -> None:
    assert topics("zh", heading) == ("向量数据库",)
    assert topics("en", heading) == ("vector database",)


def test_what_the_glossary_does_not_know_stays() -> None:
    assert topics("en", "唐朝诗人") == ("唐朝诗人",)


def test_a_number_that_names_something_stays() -> None:
    assert topics("en", "2024年的薪资")[0].startswith("2024")
