"""The shipped questions are what their README says: balanced, answerable where they say so, and truly evidenced."""

from collections import Counter
from pathlib import Path

import pytest

from service.evaluation.dataset import Case, load_dataset
from service.evaluation.matching import fold, holds_any

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return load_dataset(ROOT / "tests" / "evaluation" / "career.jsonl").cases


def test_counts(cases: tuple[Case, ...]) -> None:
    assert len(cases) == 504
    assert Counter(case.lang for case in cases) == {"en": 252, "zh": 252}
    assert Counter(case.answerable for case in cases) == {True: 384, False: 120}
    split = Counter((case.split, case.lang, case.answerable) for case in cases)
    assert all(abs(split["dev", lang, a] - split["test", lang, a]) <= 2 for lang in ("en", "zh") for a in (True, False))
    assert len({case.question for case in cases}) == 504


def test_the_readme_counts_the_categories(cases: tuple[Case, ...]) -> None:
    readme = (ROOT / "tests" / "evaluation" / "README.md").read_text("utf-8")
    counts = Counter(case.category for case in cases)
    told = {}
    for line in readme.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[1] in counts:
            told[cells[1]] = sum(int(number) for number in cells[2].split("+"))
    assert told == counts


def test_answerable_questions_have_nuggets_and_the_others_none(cases: tuple[Case, ...]) -> None:
    assert all(bool(case.nuggets) is bool(case.answerable) for case in cases)


def test_every_piece_of_evidence_stands_in_a_document_it_names(cases: tuple[Case, ...]) -> None:
    documents = {path.stem: fold(path.read_text("utf-8")) for path in (ROOT / "seeds").glob("*.md")}
    missing = [
        (case.id, group)
        for case in cases
        for group in case.evidence
        if not any(holds_any(documents[name], group) for name in case.docs)
    ]
    assert missing == []


def test_gold_answers_hold_their_nuggets_and_nothing_forbidden(cases: tuple[Case, ...]) -> None:
    for case in cases:
        gold = fold(case.gold_answer or "")
        assert all(holds_any(gold, group) for group in case.nuggets), case.id
        assert not any(holds_any(gold, (text,)) for text in case.must_not_contain), case.id
