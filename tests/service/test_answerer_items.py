"""Numbered items of a draft, some of which are dropped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from service.grounding import Checked
from service.types import Passage, Verdict
from tests.service.answering import ScriptedLLM, WordChecker, answerer_of
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


def test_of_an_item_with_an_unsupported_explanation_the_head_stays() -> None:
    llm = ScriptedLLM(["The tools are:\n- Redis caches hot data: it was invented in 1950.\n"])
    answer = answerer_of(hits(), llm).answer(ASK)
    assert answer.text == "The tools are: - Redis caches hot data [1]"
    assert [dropped.text for dropped in answer.dropped] == ["Redis caches hot data: it was invented in 1950."]


@pytest.mark.parametrize(("verdict", "kept"), [(Verdict.SUPPORTED, True), (Verdict.PARTIAL, False)])
def test_but_only_where_it_is_wholly_supported(verdict: Verdict, kept: bool) -> None:
    @dataclass
    class Judging(WordChecker):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            return replace(found, verdict=verdict) if (found := super().check(sentence, passages)).citations else found

    llm = ScriptedLLM(["The tools are:\n- Redis caches hot data: it was invented in 1950.\n"])
    answer = answerer_of(hits(), llm, checker=Judging()).answer(ASK)
    assert ("- Redis caches hot data" in answer.text) is kept


def test_how_the_model_was_told_to_answer_is_no_answer() -> None:
    answer = answerer_of(hits(), ScriptedLLM(["Redis 是列全要点，不要解释。", "\nRedis caches hot data."])).answer(ASK)
    assert answer.sentences[0].text == "Redis caches hot data."
    assert [dropped.reason for dropped in answer.dropped] == ["repeats how it was told to answer"]
