"""A follow-up inherits the topic of the last question that stands alone."""

import pytest

from service.followup import resolve
from service.types import Message, Role

HISTORY = (
    Message(Role.USER, "What does stage two of the transition involve?"),
    Message(Role.ASSISTANT, "Reading papers and fine-tuning."),
)


@pytest.mark.parametrize("text", ["How long does it take?", "And the third?", "what about tools?", "Why?"])
def test_english_follow_ups_lean(text: str) -> None:
    standing = resolve(text, HISTORY, "en")
    assert standing.earlier == "What does stage two of the transition involve?"
    assert standing.query == f"What does stage two of the transition involve? {text}"


@pytest.mark.parametrize("text", ["那第三阶段呢？", "它要多久？", "还有哪些？", "为什么"])
def test_chinese_follow_ups_lean(text: str) -> None:
    assert resolve(text, (Message(Role.USER, "转型的第二阶段做什么？"),), "zh").earlier == "转型的第二阶段做什么？"


@pytest.mark.parametrize(
    "text", ["Which vector databases should a backend engineer know about in this field of work today?", "What is RAG?"]
)
def test_a_question_that_stands_alone_stays_as_it_is(text: str) -> None:
    standing = resolve(text, HISTORY, "en")
    assert (standing.query, standing.earlier) == (text, None)


def test_a_chain_of_follow_ups_goes_back_to_the_topic() -> None:
    history = (*HISTORY, Message(Role.USER, "And why?"), Message(Role.ASSISTANT, "Because."))
    assert resolve("How long does it take?", history, "en").earlier == HISTORY[0].content


def test_without_history_nothing_is_added() -> None:
    assert resolve("How long does it take?", (), "en").query == "How long does it take?"
