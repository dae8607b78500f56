"""A sentence that begins with a pronoun is said of what the one before it names, and of nothing else."""

from collections.abc import Sequence

import pytest

from service.grounding import Checked
from service.types import Passage, Question, Verdict
from tests.service.answering import ScriptedLLM, WordChecker, answerer_of
from tests.service.grounding_doubles import passage, verifier
from tests.service.test_answerer import hits


@pytest.mark.parametrize(
    ("sentence", "before", "verdict"),
    [
        ("它提供大规模部署机器学习模型的工具。", "TensorFlow出现在两份文档里。", Verdict.SUPPORTED),
        ("它提供大规模部署机器学习模型的工具。", "PyTorch出现在两份文档里。", Verdict.UNSUPPORTED),
        ("它提供大规模部署机器学习模型的工具。", "这个框架出现在两份文档里。", Verdict.SUPPORTED),
        ("TensorFlow提供大规模部署机器学习模型的工具。", "PyTorch出现在两份文档里。", Verdict.SUPPORTED),
        ("It provides tools to deploy machine learning models.", "PyTorch is in both guides.", Verdict.UNSUPPORTED),
    ],
)
def test_a_pronoun_speaks_of_what_was_named_before(sentence: str, before: str, verdict: Verdict) -> None:
    rows = [passage(1, "- TensorFlow：提供大规模部署机器学习模型的工具。", "- PyTorch：灵活，研究人员喜欢。")]
    assert verifier(rows).check(sentence, rows, lead_in=before).verdict is verdict


@pytest.mark.parametrize(
    ("draft", "led"),
    [
        ("PyTorch is in both. It is fast. It is flexible.", ["", "PyTorch is in both.", "PyTorch is in both."]),
        ("PyTorch is in both. Redis caches hot data. It is fast.", ["", "", "Redis caches hot data."]),
        ("This is so. It is fast.", ["", ""]),  # Nothing was named.
        ("PyTorch出现在两处。它很灵活。", ["", "PyTorch出现在两处。"]),
        ("Redis has two uses:\n- It caches hot data.", ["Redis has two uses:"]),
    ],
)
def test_a_sentence_that_begins_with_a_pronoun_is_checked_with_the_one_it_speaks_of(draft: str, led: list[str]) -> None:
    class Listening(WordChecker):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            if not more.get("restating"):
                heard.setdefault(sentence, str(more["lead_in"]))
            return super().check("Redis caches hot data.", passages)  # What it speaks of stands.

    heard: dict[str, str] = {}
    question = Question("Which tools?", lang="zh" if "它" in draft else "en")
    answerer_of(hits(), ScriptedLLM([draft]), checker=Listening()).answer(question)
    assert [lead_in if lead_in != question.text else "" for lead_in in heard.values()][: len(led)] == led
