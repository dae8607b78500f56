"""Numbered items of a draft, some of which are dropped."""

import pytest

from tests.service.answering import ScriptedLLM, answerer_of
from tests.service.test_answerer import ASK, hits


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        (
            "Redis does:\n1. Zebras fly south.\n2. Redis caches hot data.\n5. Kafka moves events between services.",
            ["1. Redis caches hot data.", "2. Kafka moves events between services."],
        ),
        (
            "Redis does: 1. Redis caches hot data.\n2. Zebras fly south.\n3. Kafka moves events between services.",
            ["Redis caches hot data.", "2. Kafka moves events between services."],
        ),
        (
            "4、Redis caches hot data.\n- Kafka moves events between services.",
            ["1、 Redis caches hot data.", "- Kafka moves events between services."],
        ),
    ],
)
def test_items_are_counted_as_they_are_shown(draft: str, shown: list[str]) -> None:
    answer = answerer_of(hits(), ScriptedLLM([draft])).answer(ASK)
    assert [sentence.text.removeprefix("Redis does: ") for sentence in answer.sentences[:2]] == shown
