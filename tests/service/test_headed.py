"""A quotation says of its heading what the question asks for, and nothing more."""

import pytest

from service.asking import understand
from service.grounding.glossary import load_glossary
from service.headed import under_heading
from service.llm.extractive import Quoted, cite
from tests.conftest import chunk_of
from tests.service.answering import hit_of

ROW = "掌握Tokenization与向量化。"
FIRST = "第1阶段（1-2个月）：基础层"


def said(question: str, lang: str, *, row: str = ROW, heading: tuple[str, ...] = ("路线", FIRST)) -> str:
    hit = hit_of(chunk_of(row, heading=heading))
    quoted = Quoted("Q.", cite(hit, hit.chunk.units[0]))
    return under_heading(quoted, understand(question, lang), lang, load_glossary()).text


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


def test_what_the_row_holds_itself_needs_no_heading() -> None:
    assert said("这个阶段要多长时间？", "zh", row="用两个月掌握Tokenization。") == "Q."
    assert said("在哪个阶段学？", "zh", row="第1阶段学Tokenization。") == "Q."


def test_a_heading_without_it_is_not_told() -> None:
    assert said("这个阶段要多长时间？", "zh", heading=("路线", "一、基础")) == "Q."
    assert said("在哪个阶段学？", "zh", heading=("二、工具",)) == "Q."
    assert said("在哪个阶段学？", "zh", heading=()) == "Q."
