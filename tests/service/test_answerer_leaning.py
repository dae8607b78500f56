"""What the engine's first token tells opens or closes the gate before anything is delivered."""

import math
from dataclasses import replace
from typing import Any

import pytest

from service.abstention import Abstention, Model, Situation
from service.grounding import Checked
from service.judging import UNDOUBTED
from service.types import Policy, RefusalReason, Status
from tests.service.answering import ALWAYS, ScriptedLLM, WordChecker, answerer_of
from tests.service.test_answerer import ASK, check_invariants, hits

LEANING = Abstention(
    dict.fromkeys(Situation, Model(0.0, {}, threshold=0.6, quoting=0.6, asking=0.4)),
    dict.fromkeys(Situation, Model(-3.0, {"leaning": -6.0}, threshold=0.5, quoting=0.8)),
)
"""In doubt (0.5) until an engine tells that it is far from denying."""


def test_a_gate_in_doubt_answers_where_the_engine_is_far_from_denying() -> None:
    llm = ScriptedLLM(["Redis caches hot data."], leaning=-9.0)
    answer = answerer_of(hits(), llm, gate=LEANING).answer(ASK)
    assert answer.text == "Redis caches hot data. [1]"
    assert answer.confidence == pytest.approx(1.0 / (1.0 + math.exp(3.0 - 5.4)))
    assert llm.options[0].watch in llm.prompts[0].system


HOPEFUL = -4.0
"""Leaves the gate of LEANING at 0.35: not enough, and not without hope."""


def test_what_is_proved_beyond_doubt_answers_though_the_gate_would_refuse() -> None:
    llm = ScriptedLLM(["Redis caches hot data. ", "It is fast."], leaning=HOPEFUL)
    answer = answerer_of(hits(), llm, gate=LEANING).answer(ASK)
    assert answer.text == "Redis caches hot data. [1]"
    assert answer.confidence == pytest.approx(1.0 / (1.0 + math.exp(3.0 - 2.4)))
    check_invariants(answer)


def test_less_than_that_does_not() -> None:
    class Doubting(WordChecker):
        def check(self, *args: Any, **more: Any) -> Checked:
            return replace(super().check(*args, **more), score=UNDOUBTED - 0.01)

    llm = ScriptedLLM(["Redis caches hot data."], leaning=HOPEFUL)
    answer = answerer_of(hits(), llm, gate=LEANING, checker=Doubting()).answer(ASK)
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.NOT_IN_CORPUS
    assert [dropped.text for dropped in answer.dropped] == ["Redis caches hot data."]
    check_invariants(answer)


@pytest.mark.parametrize("policy", [Policy.FLAG, Policy.OFF])
def test_no_policy_says_what_is_not_proved_where_the_gate_would_refuse(policy: Policy) -> None:
    llm = ScriptedLLM(["Redis was made on Mars."], leaning=HOPEFUL)
    answer = answerer_of(hits(), llm, gate=LEANING).answer(replace(ASK, policy=policy))
    assert (answer.status, answer.sentences) == (Status.REFUSED, ())
    assert [dropped.text for dropped in answer.dropped] == ["Redis was made on Mars."]


@pytest.mark.parametrize("leaning", [-0.5, None], ids=["near a denial", "an engine that does not tell"])
def test_else_it_refuses_at_the_first_token(leaning: float | None) -> None:
    llm = ScriptedLLM(["Redis ", "caches ", "hot data."], leaning=leaning)
    answer = answerer_of(hits(), llm, gate=LEANING).answer(ASK)
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.NOT_IN_CORPUS
    assert (llm.said, llm.closed, answer.cut) == (1, True, False)
    check_invariants(answer)


def test_a_gate_that_would_answer_refuses_where_the_engine_is_about_to_deny() -> None:
    llm = ScriptedLLM(["Redis caches hot data."], leaning=-0.5)
    gate = replace(LEANING, models=ALWAYS.models)
    assert answerer_of(hits(), llm, gate=gate).answer(ASK).status is Status.REFUSED
