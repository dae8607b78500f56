"""What the engine's first token tells opens or closes the gate before anything is delivered."""

import math
from dataclasses import replace

import pytest

from service.abstention import Abstention, Model, Situation
from service.types import RefusalReason, Status
from tests.service.answering import ALWAYS, ScriptedLLM, answerer_of
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
