"""Nearest topics are headings once, without numbering, in the asker's language where the glossary knows them."""

import re
from pathlib import Path

import pytest

from service.gloss import has_han
from service.grounding.glossary import load_glossary
from service.topics import nearest_topics
from tests.conftest import chunk_of
from tests.service.answering import hit_of

SEEDS = Path(__file__).resolve().parents[2] / "seeds"


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
    assert topics("en", heading) == ("vector databases",)


def test_what_the_glossary_does_not_know_stays() -> None:
    assert topics("en", "唐朝诗人") == ("唐朝诗人",)


def test_a_number_that_names_something_stays() -> None:
    assert topics("en", "2024年的薪资")[0].startswith("2024")


@pytest.mark.parametrize(
    ("heading", "english"),
    [
        ("薪资和市场趋势", "salaries and market trends"),
        ("入门阶段（0-6个月）", "beginner stage (0-6 months)"),
        ("第2阶段（3-6个月）：核心层", "stage 2 (3-6 months): core layer"),
        ("Tokenization（分词）", "Tokenization"),
        ("AI 工程师的核心职责", "AI engineer core responsibilities"),
        ("能力优先级：后端程序员先学什么", "priority of skills"),
        ("构建可扩展且可维护的系统", "building scalable and maintainable systems"),
        ("AI工程师与相关角色有什么区别", "how AI engineers differ from related roles"),
        ("AI工程师与诗人有什么区别", "AI工程师与诗人有什么区别 (AI engineer difference)"),
    ],
)
def test_headings_read_as_english(heading: str, english: str) -> None:
    assert topics("en", heading) == (english,)
    assert topics("zh", heading) == (heading,)


def test_every_heading_of_the_seeds_has_its_english() -> None:
    lines = [line for path in sorted(SEEDS.glob("*.md")) for line in path.read_text("utf-8").splitlines()]
    headings = [line.lstrip("#").strip() for line in lines if re.match(r"#{1,6} [^\"]", line)]
    named = [topics("en", heading)[0] for heading in headings if has_han(heading)]
    assert len(named) > 80
    assert [name for name in named if has_han(name)] == []
