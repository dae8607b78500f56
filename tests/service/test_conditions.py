"""Whom a sum is for belongs to it."""

import pytest

from service.conditions import is_unconditioned
from service.types import Citation
from tests.conftest import chunk_of

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
