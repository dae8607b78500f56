"""The shipped questions are what their README says: balanced, answerable where they say so, and truly evidenced."""

import json
from collections import Counter
from pathlib import Path

import pytest

from indexes.text import normalise
from service.evaluation.dataset import Case, load_dataset
from service.evaluation.matching import fold, holds_any

ROOT = Path(__file__).resolve().parents[3]


SETS = ("career", "career_fresh", "career_plain", "career_unseen")


def questions(name: str) -> tuple[Case, ...]:
    return load_dataset(ROOT / "tests" / "evaluation" / f"{name}.jsonl").cases


@pytest.fixture(scope="module")
def every() -> tuple[Case, ...]:
    return tuple(case for name in SETS for case in questions(name))


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    return questions("career")


@pytest.fixture(scope="module")
def fresh() -> tuple[Case, ...]:
    return questions("career_fresh")


@pytest.fixture(scope="module")
def plain() -> tuple[Case, ...]:
    return questions("career_plain")


@pytest.fixture(scope="module")
def unseen() -> tuple[Case, ...]:
    return questions("career_unseen")


def test_the_unseen_questions_are_new_and_never_tuned_on(
    cases: tuple[Case, ...], fresh: tuple[Case, ...], plain: tuple[Case, ...], unseen: tuple[Case, ...]
) -> None:
    assert Counter((case.lang, case.answerable, case.split) for case in unseen) == {
        ("en", True, "test"): 52, ("zh", True, "test"): 32, ("en", False, "test"): 18, ("zh", False, "test"): 18,
    }  # fmt: skip
    seen = {normalise(case.question) for case in (*cases, *fresh, *plain)}
    assert len({normalise(case.question) for case in unseen} - seen) == 120


def test_the_gate_that_ships_has_not_seen_the_unseen(unseen: tuple[Case, ...]) -> None:
    gate = json.loads((ROOT / "service" / "data" / "abstention.json").read_text("utf-8"))
    assert set(gate["provenance"]["on"]) >= {"abstention_fit.jsonl", *(f"{name}.jsonl" for name in SETS[:3])}
    assert "career_unseen.jsonl" not in gate["provenance"]["on"]
    fitted = {normalise(case.question) for case in questions("abstention_fit")}
    assert [case.question for case in unseen if normalise(case.question) in fitted] == []


def test_the_gates_own_questions_are_balanced_in_either_language() -> None:
    fitted = questions("abstention_fit")
    assert Counter((case.lang, case.answerable) for case in fitted) == {
        ("en", True): 97, ("zh", True): 98, ("en", False): 93, ("zh", False): 94,
    }  # fmt: skip
    assert len({normalise(case.question) for case in fitted}) == 382


def test_the_plain_questions_are_new(cases: tuple[Case, ...], fresh: tuple[Case, ...], plain: tuple[Case, ...]) -> None:
    assert Counter((case.lang, case.answerable, case.split) for case in plain) == {
        ("en", True, "dev"): 65, ("zh", True, "dev"): 30, ("en", False, "dev"): 10, ("zh", False, "dev"): 5,
    }  # fmt: skip
    seen = {normalise(case.question) for case in (*cases, *fresh)}
    assert len({normalise(case.question) for case in plain} - seen) == 110


def test_the_fresh_questions_are_new(cases: tuple[Case, ...], fresh: tuple[Case, ...]) -> None:
    assert Counter((case.lang, case.answerable) for case in fresh) == {
        ("en", True): 60, ("zh", True): 40, ("en", False): 35, ("zh", False): 25,
    }  # fmt: skip
    seen = {normalise(case.question) for case in cases}
    assert len({normalise(case.question) for case in fresh} - seen) == 160


def test_counts(cases: tuple[Case, ...]) -> None:
    assert len(cases) == 768
    assert Counter((case.split, case.lang, case.answerable) for case in cases) == {
        ("dev", "en", True): 192, ("dev", "zh", True): 192, ("dev", "en", False): 60, ("dev", "zh", False): 60,
        ("test", "en", True): 98, ("test", "zh", True): 98, ("test", "en", False): 34, ("test", "zh", False): 34,
    }  # fmt: skip
    assert len({case.question for case in cases}) == 768


def test_both_halves_have_every_category(cases: tuple[Case, ...]) -> None:
    dev, test = ({case.category for case in cases if case.split == split} for split in ("dev", "test"))
    assert dev == test
    assert len(dev) == 11


def test_no_question_of_the_test_half_was_fitted_on(cases: tuple[Case, ...]) -> None:
    fitted = questions("abstention_fit")
    seen = {normalise(case.question) for case in (*fitted, *(case for case in cases if case.split == "dev"))}
    assert [case.question for case in cases if case.split == "test" and normalise(case.question) in seen] == []


def test_the_readme_counts_the_categories(cases: tuple[Case, ...]) -> None:
    readme = (ROOT / "tests" / "evaluation" / "README.md").read_text("utf-8")
    counts = Counter(case.category for case in cases)
    told = {}
    for line in readme.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 5 and cells[1] in counts:
            told[cells[1]] = sum(int(number) for number in cells[2].split("+"))
    assert told == counts


def test_answerable_questions_have_nuggets_and_the_others_none(every: tuple[Case, ...]) -> None:
    assert all(bool(case.nuggets) is bool(case.answerable) for case in every)


def test_every_piece_of_evidence_stands_in_a_document_it_names(every: tuple[Case, ...]) -> None:
    documents = {path.stem: fold(path.read_text("utf-8")) for path in (ROOT / "seeds").glob("*.md")}
    missing = [
        (case.id, group)
        for case in every
        for group in case.evidence
        if not any(holds_any(documents[name], group) for name in case.docs)
    ]
    assert missing == []


def test_gold_answers_hold_their_nuggets_and_nothing_forbidden(every: tuple[Case, ...]) -> None:
    for case in every:
        gold = fold(case.gold_answer or "")
        assert all(holds_any(gold, group) for group in case.nuggets), case.id
        assert not any(holds_any(gold, (text,)) for text in case.must_not_contain), case.id
