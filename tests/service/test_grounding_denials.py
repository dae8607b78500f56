"""A no of the sentence is looked for where the passage speaks of what it denies, not only where it says most."""

import pytest

from service.grounding.glossary import load_glossary
from service.grounding.relations import relations
from service.types import Verdict
from tests.service.grounding_doubles import passage, verifier

DEGREE = "后端程序员不必做到算法专家的程度，但要能让模型与业务系统无缝对接，并做好性能优化、保证稳定运行。"
CLOUD = "云部署平台承担了基础设施管理，工程师就能把精力放在模型开发和业务逻辑上，不必操心服务器的配置与扩展。"
PASSAGES = [passage(1, DEGREE), passage(2, CLOUD), passage(3, "BPE的优势是可以处理未见过的词。")]
VERIFIER = verifier(PASSAGES)
OPPOSITE = "the passage says the opposite"


@pytest.mark.parametrize(
    "sentence",
    [
        "Backend programmers need not be algorithm experts, but they must connect models and optimize performance.",
        "Engineers focus on model development and business logic without worrying about server configuration.",
        "The advantage of BPE is that it handles words that have not been seen before.",
    ],
)
def test_what_a_clause_denies_is_denied_in_the_clause_of_the_passage(sentence: str) -> None:
    assert VERIFIER.check(sentence, PASSAGES).reason != OPPOSITE


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("Backend programmers must be algorithm experts, and need not connect models with business systems.", OPPOSITE),
        ("Backend programmers must be algorithm experts.", "the passage is not about backend programmers"),
        ("Engineers do not focus on model development and business logic.", OPPOSITE),
        ("BPE cannot handle unseen words.", OPPOSITE),
    ],
)
def test_a_no_that_the_passage_has_elsewhere_does_not_count(sentence: str, reason: str) -> None:
    checked = VERIFIER.check(sentence, PASSAGES)
    assert (checked.verdict, checked.reason) == (Verdict.UNSUPPORTED, reason)


@pytest.mark.parametrize(
    ("text", "negations", "soft"),
    [
        ("将来的维护离不开清晰解释", 0, 0),
        ("其他开发人员未必一眼就能看懂", 0, 1),
        ("其他开发人员不能一眼看懂", 1, 0),
        ("words that have never been seen", 0, 0),
        ("words that have never been used", 1, 0),
    ],
)
def test_negations_by_form_and_by_meaning(text: str, negations: int, soft: int) -> None:
    read = relations(text, load_glossary())
    assert (read.negations, read.soft) == (negations, soft)
