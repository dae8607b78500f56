"""A sentence that begins with a pronoun never seems to speak of something else than it did in the draft."""

from collections.abc import Sequence

import pytest

from service.drafting import LEFT_ALONE
from service.grounding import Checked
from service.grounding.glossary import load_glossary
from service.referring import said_by_name, speaks_of_another
from service.types import Passage, Question
from tests.service.answering import ScriptedLLM, WordChecker, answerer_of
from tests.service.test_answerer import hits


@pytest.mark.parametrize(
    ("sentence", "before", "said"),
    [
        ("It is common in production.", "TensorFlow is also a framework.", "TensorFlow is common in production."),
        ("It's fast.", "Hugging Face provides models.", "Hugging Face is fast."),
        ("Its API is stable.", "Spring Boot suits enterprises.", "Spring Boot's API is stable."),
        ("它将流程自动化。", "MLOps 是流程。", "MLOps将流程自动化。"),
        ("It's fast.", "PyTorch and Redis are tools.", None),  # Which of them?
        ("It's fast.", "PyTorch, Redis are tools.", None),
        ("They are fast.", "TensorFlow is a framework.", None),
        ("This helps.", "TensorFlow is a framework.", None),  # What it is, or that it is one.
        ("It is good.", "The framework is new.", None),
        ("It is good.", "Using Redis is new.", None),
        ("它将流程自动化。", "MLOps和LLMOps是流程。", None),
        ("它们很快。", "PyTorch是框架。", None),
    ],
)
def test_a_pronoun_gives_way_to_the_name_the_sentence_before_begins_with(
    sentence: str, before: str, said: str | None
) -> None:
    assert said_by_name(sentence, before, load_glossary()) == said


@pytest.mark.parametrize(
    ("sentence", "speaks"),
    [
        ("This will help you.", True),
        ("This skill helps you.", True),
        ("它很快。", True),
        ("这很快。", True),
        ("This guide names four stages.", False),
        ("这份清单有五个维度。", False),
        ("该指南有四个阶段。", False),
        ("Redis is fast.", False),
    ],
)
def test_a_document_is_at_hand_and_needs_no_sentence_before(sentence: str, speaks: bool) -> None:
    assert speaks_of_another(sentence) is speaks


@pytest.mark.parametrize(
    ("draft", "said", "left_alone"),
    [
        (
            "Redis caches hot data. A sea of zeppelins drifts by. It reads streams.",
            ["Redis caches hot data."],
            ["It reads streams."],
        ),
        (
            "Redis caches hot data. Flink is a fleet of zeppelins. It reads streams.",
            ["Redis caches hot data.", "Flink reads streams."],
            [],
        ),
        ("Redis caches hot data. It reads streams.", ["Redis caches hot data.", "It reads streams."], []),
        ("A sea of zeppelins drifts by. It reads streams.", ["It reads streams."], []),
    ],
)
def test_where_the_sentence_before_falls_no_pronoun_is_left_alone(
    draft: str, said: list[str], left_alone: list[str]
) -> None:
    class NoZeppelins(WordChecker):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            return super().check("zeppelins" if "zeppelins" in sentence else "Redis caches hot data.", passages)

    answer = answerer_of(hits(), ScriptedLLM([draft]), checker=NoZeppelins()).answer(Question("Which tools?"))
    assert [s.text for s in answer.sentences if not s.text.startswith(("The documents", "The closest"))] == said
    assert [dropped.text for dropped in answer.dropped if dropped.reason == LEFT_ALONE] == left_alone
