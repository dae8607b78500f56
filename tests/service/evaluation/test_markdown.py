"""The README's table: values, intervals and cases by hand, a column for each split and language."""

from dataclasses import replace

from service.evaluation.markdown import markdown
from service.evaluation.scoring import Scored
from tests.service.evaluation.test_scoring import ROWS


def cells(rows: list[Scored]) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown(rows).splitlines()]
    assert {len(line) for line in lines} == {len(lines[0])}
    return {line[0]: line[1:] for line in lines}


def test_a_column_for_all_and_one_for_each_language() -> None:
    table = cells(ROWS)
    assert table["metric"] == ["all (5)", "all en (3)", "all zh (2)"]
    # q3 of q1, q2, q3 was refused; q5 of q4, q5 answered. English: q1, q3, q5; Chinese: q2, q4.
    assert table["answerable questions that were refused"] == ["0.33 (1 of 3)", "0.50", "0.00"]
    assert table["unanswerable questions that were answered"] == ["0.50 (1 of 2)", "1.00", "0.00"]
    assert table["nugget recall over all answerable questions, refused ones as zero"][0].startswith("0.50 (0.")
    assert table["nugget recall over all answerable questions, refused ones as zero"][1:] == ["0.50", "0.50"]
    assert table["median time to the whole answer"] == ["0.03 s", "0.03 s", "0.03 s"]


def test_what_was_not_measured_has_no_line() -> None:
    table = cells(ROWS)
    assert "answer in the question's language" not in table
    assert "citations valid / quotations exact / factual sentences cited" not in table


def test_splits_stand_side_by_side() -> None:
    rows = [replace(row, case=replace(row.case, split="test" if i % 2 else "dev")) for i, row in enumerate(ROWS)]
    assert cells(rows)["metric"] == ["dev (3)", "test (2)"]
