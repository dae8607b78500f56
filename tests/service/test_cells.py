"""Of a row said in English, what its row supports outlives what it does not."""

import pytest

from service.cells import faithful, split_outside

ROW = "Databases: Redis (cache, fast), MongoDB (documents); caching with Redis; storing in MySQL."


def said(sentence: str, *wrong: str) -> str:
    """`wrong` has no support, nor has anything that holds it."""
    return faithful(sentence, lambda text: not any(part in text for part in wrong))


@pytest.mark.parametrize(
    ("wrong", "left"),
    [
        ((), ROW),
        (("MySQL",), "Databases: Redis (cache, fast), MongoDB (documents); caching with Redis."),
        (("documents", "MySQL"), "Databases: Redis (cache, fast); caching with Redis."),
        (("Databases", "MySQL"), "Redis (cache, fast), MongoDB (documents); caching with Redis."),
        (("Redis", "MySQL", "documents"), ""),
    ],
)
def test_cells_and_items_stand_by_themselves(wrong: tuple[str, ...], left: str) -> None:
    assert said(ROW, *wrong) == left


def test_a_head_may_have_a_bracket() -> None:
    assert said("Privacy (medical): a; wrong.", "wrong") == "Privacy (medical): a."


def test_prose_is_not_taken_apart() -> None:
    assert said("When you use it, you import the Tool, and it runs.", "Tool") == ""


def test_a_clause_that_only_adds_may_go() -> None:
    assert said('The guide is by Vinod, which is called "Path".', "Path") == "The guide is by Vinod."
    assert said('The guide is by Vinod, which is called "Path".', "Vinod") == ""


def test_of_a_bracket_what_is_wrong_may_go() -> None:
    assert (
        said("Law: knows rules (GDPR/ISO 9, data rules); keys.", "ISO") == "Law: knows rules (GDPR, data rules); keys."
    )
    assert said("Law: knows rules (ISO 9, ISO 8); keys.", "ISO") == "Law: keys."
    assert said("Law: wrong rules (GDPR, others); keys.", "wrong") == "Law: keys."


def test_a_number_is_no_list() -> None:
    assert list(split_outside("a;2 b; $1,200", ";")) == ["a", "2 b", "$1,200"]
    assert said("Junior: wrong between $120,000 and $150,000; nothing.", "wrong") == "Junior: nothing."


def test_a_cell_of_long_clauses_is_no_list() -> None:
    long = "a clause that goes on and on until it is far longer than an item of any list would be"
    assert said(f"Head: {long}, and wrong; right.", "wrong") == "Head: right."


def test_of_a_counted_list_all_must_stand() -> None:
    assert said("They do four things: write; read; plan; pay.", "pay") == ""
    assert said("They do things: write; read; plan; pay.", "pay") == "They do things: write; read; plan."


def test_a_sentence_without_a_head_begins_with_a_capital() -> None:
    assert said("wrong one; right one.", "wrong") == "Right one."


def test_marks_in_brackets_part_nothing() -> None:
    assert list(split_outside("a (b; c); and d; [e; f]", ";")) == ["a (b; c)", "d", "[e; f]"]
    assert list(split_outside("", ";")) == []
