"""A role that the question names may go unsaid in a passage; what is said there of another role is still not of it."""

import pytest

from service.grounding import FEATURES
from service.grounding.claims import Claim, read_claim, without_given
from service.grounding.glossary import load_glossary
from service.types import Passage
from tests.service.grounding_doubles import passage, verifier

SENTENCE = "As a backend developer, you could work in healthcare or finance."
QUESTION = "Which industries could I work in as a backend developer?"
UNSAID = "从医疗、金融到娱乐，各行业都需要人才。"
OF_ANOTHER = "MLOps工程师：医疗、金融行业都需要人才。"


def claims() -> tuple[Claim, Claim]:
    """As it is, and with the question's words given."""
    claim = read_claim(SENTENCE, load_glossary(), question=QUESTION)
    return claim, without_given(claim, QUESTION, load_glossary())


def told(claim: Claim, item: Passage) -> dict[str, float]:
    checker = verifier([item])
    best = checker.best(claim, checker.spots(claim.text, [item]))
    assert best is not None
    return dict(zip(FEATURES, best.values.tolist(), strict=True))


def test_a_role_of_the_question_may_go_unsaid() -> None:
    whole, given = claims()
    item = passage(1, UNSAID)
    assert told(whole, item)["role_missing"] == 1.0
    assert told(given, item)["role_missing"] == 0.0
    assert told(given, item)["uncovered"] < told(whole, item)["uncovered"]


@pytest.mark.parametrize(
    ("text", "context", "feature"), [(OF_ANOTHER, "", "conflict"), (UNSAID, "MLOps工程师", "conflict_context")]
)
def test_another_role_may_not_be_said(text: str, context: str, feature: str) -> None:
    whole, given = claims()
    item = passage(1, text, context=context)
    assert told(whole, item)[feature] == told(given, item)[feature] == 1.0


def test_a_role_that_the_question_does_not_name_is_missed() -> None:
    claim = without_given(
        read_claim(SENTENCE, load_glossary(), question="Where could I work?"), "Where?", load_glossary()
    )
    assert told(claim, passage(1, UNSAID))["role_missing"] == 1.0
