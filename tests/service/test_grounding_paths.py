"""Which path and which stage a row is of stands in titles and headings alone, and a claim must agree with them."""

import pytest

from service.grounding import FEATURES
from service.grounding.claims import read_claim, without_given
from service.grounding.glossary import load_glossary
from tests.service.grounding_doubles import passage, verifier

ROW = "构建RAG系统。"
GROWTH = "AI工程师成长路线 › 学习路径：四个阶段 › 3. 专业阶段（18-36个月）"
SWITCH = "从传统开发转型AI工程师的路线 › 六、学习路径 › 第3阶段（6-12个月）：应用层"


def told(text: str, context: str, *, question: str = "") -> dict[str, float]:
    item = passage(1, ROW, context=context)
    checker = verifier([item])
    claim = without_given(read_claim(text, load_glossary(), question=question), question, load_glossary())
    best = checker.best(claim, checker.spots(claim.text, [item]))
    assert best is not None
    return dict(zip(FEATURES, best.values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "context", "conflict"),
    [
        ("In the growth path you build a RAG system.", SWITCH, 1.0),
        ("In the growth path you build a RAG system.", GROWTH, 0.0),
        ("In the transition roadmap you build a RAG system.", SWITCH, 0.0),
        ("In the transition roadmap you build a RAG system.", GROWTH, 1.0),
        ("成长路线里要构建RAG系统。", SWITCH, 1.0),
        ("You build a RAG system.", SWITCH, 0.0),
        ("In the growth path you build a RAG system.", "学习路径", 0.0),
    ],
)
def test_what_is_said_of_one_path_is_not_another_ones(text: str, context: str, conflict: float) -> None:
    assert told(text, context)["conflict"] == conflict
    assert told(text, context, question="What is in the growth path?")["conflict"] == conflict


@pytest.mark.parametrize(
    ("text", "context", "holds"),
    [
        ("In the third stage you build a RAG system.", GROWTH, True),
        ("In the third stage you build a RAG system.", SWITCH, True),
        ("第三阶段构建RAG系统。", GROWTH, True),
        ("In the second stage you build a RAG system.", GROWTH, False),
        ("In the third stage you build a RAG system.", "AI工程师成长路线 › 3. 数据处理", False),
        ("In the third stage you build a RAG system.", "AI工程师成长路线\n3. 专业阶段", True),
    ],
)
def test_the_counter_of_a_stage_is_its_number(text: str, context: str, holds: bool) -> None:
    assert (told(text, context)["numbers_held"] > 0) is holds
