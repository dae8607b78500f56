"""Whom a sum is for belongs to it."""

import pytest

from service.conditions import are_of_others, is_unconditioned
from service.types import Citation, Question, Status
from tests.conftest import chunk_of, document_of
from tests.service.answering import SURE, ScriptedLLM, answerer_of, hit_of

ENTRY = "入门级职位：年薪约为 120,000 美元到 150,000 美元。"
SENIOR = "Senior engineers earn $200,000 a year."
PLAIN = "AI engineers earn $180,000 a year."


@pytest.mark.parametrize(
    ("text", "asked", "quotes", "unconditioned"),
    [
        ("The role pays $120,000 to $150,000.", "How is an MLOps engineer paid?", [ENTRY], True),
        ("年薪为12万美元到15万美元。", "MLOps工程师的年薪是多少？", [ENTRY], True),
        ("年薪为12萬美元到15萬美元。", "入門級職位的年薪是多少？", [ENTRY], False),
        ("Entry-level engineers earn $120,000 to $150,000.", "How is it paid?", [ENTRY], False),
        ("It pays $120,000 to $150,000.", "What does an entry-level job pay?", [ENTRY], False),
        ("工程师年薪为20万美元。", "年薪是多少？", [SENIOR], True),
        ("Engineers earn $180,000.", "What do they earn?", [PLAIN], False),
        ("Engineers earn $180,000 to $200,000.", "What do they earn?", [PLAIN, SENIOR], False),
        ("The pay is good.", "How is it paid?", [ENTRY], False),
        ("It pays $120,000.", "How is it paid?", [], False),
    ],
)
def test_a_sum_for_one_level_is_not_told_of_all(text: str, asked: str, quotes: list[str], unconditioned: bool) -> None:
    found = [Citation(1, chunk_of(quote), 0, len(quote), quote, 0.9) for quote in quotes]
    assert is_unconditioned(text, asked, found) is unconditioned


HIGHEST = "薪资通常最高的是 MLOps 工程师和 LLMOps 专家。"
OPERATORS = "MLOps 工程师：年薪约为 160,000 美元。"


@pytest.mark.parametrize(
    ("asked", "rows", "others"),
    [
        ("How much do MLOps engineers earn?", [ENTRY, HIGHEST], True),
        ("MLOps工程師的年薪是多少？", [ENTRY, HIGHEST], True),
        ("How much do MLOps engineers earn?", [ENTRY, HIGHEST, OPERATORS], False),
        ("How much do MLOps engineers earn?", [ENTRY], False),  # Whom that level is of, it does not say.
        ("How much do MLOps engineers earn?", [HIGHEST], False),
        ("How is an MLOps engineer paid?", [ENTRY, HIGHEST], False),  # Best of all.
        ("How much do they earn?", [ENTRY, HIGHEST], False),
        ("How much do AI engineers earn?", [ENTRY, "AI 工程师的薪资很高。"], False),  # Of whom the document is.
    ],
)
def test_what_others_earn_is_no_answer(asked: str, rows: list[str], others: bool) -> None:
    hits = [hit_of(chunk_of(row, document=document_of(row, title="成为 AI 工程师"))) for row in rows]
    assert are_of_others(asked, hits) is others
    answer = answerer_of(hits, ScriptedLLM(["No."]), gate=SURE).answer(Question(asked))
    assert (answer.status is Status.REFUSED) is others
