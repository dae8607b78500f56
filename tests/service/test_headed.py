"""A quotation says of its heading what the question asks for, and nothing more."""

from dataclasses import replace

import pytest

from service.asking import Wanted, understand
from service.grounding.glossary import load_glossary
from service.headed import alone_under_headings, tells, under_heading
from service.llm.extractive import Quoted, cite
from tests.conftest import chunk_of
from tests.service.answering import hit_of

ROW = "掌握Tokenization与向量化。"
FIRST = "第1阶段（1-2个月）：基础层"


def said(
    question: str, lang: str, *, row: str = ROW, heading: tuple[str, ...] = ("路线", FIRST), alone: bool = False
) -> str:
    hit = hit_of(chunk_of(row, heading=heading))
    quoted = Quoted("Q.", cite(hit, hit.chunk.units[0]))
    return under_heading(quoted, understand(question, lang), lang, load_glossary(), alone=alone).text


@pytest.mark.parametrize(
    ("question", "lang", "text"),
    [
        ("头一个阶段是多长时间？", "zh", "在“第1阶段（1-2个月）：基础层”之下，Q."),
        ("向量化在哪个阶段学？", "zh", "在“第1阶段（1-2个月）：基础层”之下，Q."),
        ("第几阶段学Tokenization？", "zh", "在“第1阶段（1-2个月）：基础层”之下，Q."),
        ("How long is the first stage?", "en", "Under “stage 1 (1-2 months): foundation layer”: Q."),
        ("In which stage do I learn vectorization?", "en", "Under “stage 1 (1-2 months): foundation layer”: Q."),
        ("第1阶段学什么？", "zh", "Q."),
        ("What do I learn in stage 1?", "en", "Q."),
        ("薪资是多少？", "zh", "Q."),
    ],
)
def test_the_heading_is_told_where_it_is_asked_for(question: str, lang: str, text: str) -> None:
    assert said(question, lang) == text


@pytest.mark.parametrize(
    ("question", "lang", "text"),
    [
        ("向量化属于基础吗？", "zh", "在“第1阶段（1-2个月）：基础层”之下，Q."),
        ("哪些要先学？", "zh", "在“第1阶段（1-2个月）：基础层”之下，Q."),
        ("Does vectorization belong to the basics?", "en", "Under “stage 1 (1-2 months): foundation layer”: Q."),
        ("怎样学向量化？", "zh", "Q."),
    ],
)
def test_a_row_alone_is_told_apart_by_its_heading(question: str, lang: str, text: str) -> None:
    assert said(question, lang, alone=True) == text
    assert said(question, lang) == "Q."


def test_rows_of_one_heading_tell_it_once() -> None:
    first = hit_of(chunk_of("甲属于基础。乙也要学。", heading=(FIRST,)))
    other = hit_of(chunk_of("丙是应用。", heading=("第2阶段（3-6个月）：应用层",)))
    quotes = [Quoted("Q.", cite(hit, unit)) for hit in (first, other) for unit in hit.chunk.units]
    asked = understand("哪些属于基础？", "zh")
    assert [quoted.text for quoted in alone_under_headings(quotes, asked, "zh", load_glossary())] == [
        "在“第1阶段（1-2个月）：基础层”之下，Q.",
        "Q.",
        "在“第2阶段（3-6个月）：应用层”之下，Q.",
    ]


LAYER = ("路线：三个阶段", "四、核心层：深度技术", "4.3 MoE（混合专家模型）")


@pytest.mark.parametrize(
    ("question", "lang", "text"),
    [
        ("MoE属于哪一层？", "zh", "在“核心层：深度技术”之下，Q."),
        ("Which layer is MoE part of?", "en", "Under “core layer: advanced technology”: Q."),
        ("MoE在哪个阶段学？", "zh", "Q."),
        ("MoE有什么优势？", "zh", "Q."),
    ],
)
def test_the_heading_that_names_the_part_asked_for_may_stand_further_out(question: str, lang: str, text: str) -> None:
    assert said(question, lang, heading=LAYER) == text


def test_a_row_of_a_part_that_no_heading_names_stands_under_the_innermost_where_it_is_alone() -> None:
    assert said("MoE在哪个阶段学？", "zh", heading=LAYER, alone=True) == "在“MoE（混合专家模型）”之下，Q."


@pytest.mark.parametrize(
    ("lang", "text", "told"),
    [
        (
            "en",
            "The closest passage says: Q.",
            "Under “stage 1 (1-2 months): foundation layer”, the closest passage says: Q.",
        ),
        ("en", "Thematic Q.", "Under “stage 1 (1-2 months): foundation layer”: Thematic Q."),
        ("zh", "文档中写道：“Q”", "在“第1阶段（1-2个月）：基础层”之下，文档中写道：“Q”"),
    ],
)
def test_a_heading_goes_before_the_words_that_announce_a_quotation(lang: str, text: str, told: str) -> None:
    hit = hit_of(chunk_of(ROW, heading=(FIRST,)))
    asked = understand("Which stage is it?" if lang == "en" else "是哪个阶段？", lang)
    assert under_heading(Quoted(text, cite(hit, hit.chunk.units[0])), asked, lang, load_glossary()).text == told


def test_of_a_time_the_heading_tells_what_the_row_leaves_out() -> None:
    chunk = chunk_of(ROW, heading=(FIRST,))
    assert tells(Wanted.DURATION, chunk.units[0], chunk)
    assert not tells(Wanted.MONEY, chunk.units[0], chunk)
    assert not tells(Wanted.DURATION, chunk.units[0], replace(chunk, heading=(FIRST, "学习内容")))


def test_an_english_answer_has_no_chinese_heading() -> None:
    strange = ("路线", "鲲鹏展翅之阶段")
    assert said("Which stage is it?", "en", heading=strange) == "Q."
    assert said("是哪个阶段？", "zh", heading=strange) == "在“鲲鹏展翅之阶段”之下，Q."


def test_what_the_row_holds_itself_needs_no_heading() -> None:
    assert said("这个阶段要多长时间？", "zh", row="用两个月掌握Tokenization。") == "Q."
    assert said("在哪个阶段学？", "zh", row="第1阶段学Tokenization。") == "Q."


def test_a_heading_without_it_is_not_told() -> None:
    assert said("这个阶段要多长时间？", "zh", heading=("路线", "一、基础")) == "Q."
    assert said("在哪个阶段学？", "zh", heading=("二、工具",)) == "Q."
    assert said("在哪个阶段学？", "zh", heading=()) == "Q."
