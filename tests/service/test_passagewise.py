"""An engine is asked of single passages, and what it says opens or closes the gate before anything is drafted."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from indexes.errors import EngineBusy, EngineError
from service.abstention import Abstention, Assessment, Model, Situation
from service.cancelling import Cancel
from service.llm.types import EngineEvent, GenerateOptions, Leaning, Prompt
from service.passagewise import BEST, MEAN, READ_ALONE, READER, YES, Reading, log_odds, prompt_of, read_alone, was_read
from service.probe import Probe
from service.settling import is_probed
from service.types import RefusalReason, Status
from tests.conftest import chunk_of, document_of
from tests.service.answering import ScriptedLLM, answerer_of, hit_of
from tests.service.test_answerer import ASK, check_invariants, hits

SURELY, HARDLY = math.log(0.98), math.log(0.02)

READING = Abstention(
    dict.fromkeys(Situation, Model(0.0, {}, threshold=0.6, quoting=0.6, asking=0.4)),
    reading={Situation.FEW: Model(0.0, {BEST: 8.0}, threshold=0.5, quoting=0.5)},
)
"""In doubt (0.5) until an engine has read the passages; then as sure as the surest yes."""


@pytest.mark.parametrize(("probability", "odds"), [(0.5, 0.0), (0.9, math.log(9.0)), (0.02, math.log(0.02 / 0.98))])
def test_odds_of_a_probability(probability: float, odds: float) -> None:
    assert log_odds(math.log(probability)) == pytest.approx(odds)


def test_certainty_has_finite_odds() -> None:
    assert log_odds(0.0) == pytest.approx(math.log(1e9))
    assert log_odds(-100.0) == pytest.approx(-100.0)


def test_signals_are_the_surest_yes_and_the_mean_within_bounds() -> None:
    assert Reading((20.0, -4.0)).signals == {BEST: 1.0, MEAN: 0.25}
    assert Reading((-20.0,)).signals == {BEST: -1.0, MEAN: -1.0}
    assert Reading().signals == {}
    assert was_read(Reading((0.0,)).signals)
    assert not was_read({})


def test_each_of_the_nearest_passages_is_read_by_itself() -> None:
    texts = {1: 0.4, 2: 0.7, 3: 0.6, 4: 0.3}
    many = [
        hit_of(chunk_of(f"Passage {n}.", document=document_of(f"Passage {n}.", id=str(n))), n, cosine=cosine)
        for n, cosine in texts.items()
    ]
    llm = ScriptedLLM([], leaning=math.log(0.9), logits=(1.0, 3.0))
    told = read_alone("Which one?", many, llm)
    assert told.odds == (pytest.approx(math.log(9.0)),) * READ_ALONE
    assert told.logits == (1.0, 3.0)
    assert llm.prompts == [prompt_of("Which one?", many[at].chunk) for at in (1, 2)]
    assert {(options.max_tokens, options.watch) for options in llm.options} == {(1, YES)}
    assert llm.closed
    assert "Passage 2." in llm.prompts[0].passages[0]
    assert "Which one?" in llm.prompts[0].request
    assert "Which one?" not in llm.prompts[0].passages[0]  # Its state is for every question.


def test_logits_are_those_of_the_passages_on_average() -> None:
    @dataclass
    class Varying(ScriptedLLM):
        def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
            self.logits = (2.0 * len(self.prompts), 1.0)
            yield from super().generate(prompt, options)

    assert read_alone("Which one?", hits(), Varying([], leaning=-1.0)).logits == (1.0, 1.0)


def test_an_engine_that_does_not_tell_says_nothing() -> None:
    assert read_alone("Which one?", hits(), ScriptedLLM(["Yes"])) == Reading()


def test_who_cancels_ends_the_reading() -> None:
    ended: list[str] = []

    @dataclass
    class Slow(ScriptedLLM):
        def cancel(self) -> None:
            ended.append("cancelled")

        def generate(self, *args: object) -> "Slow":  # type: ignore[override]
            return self

        def __iter__(self) -> "Slow":
            return self

        def __next__(self) -> Leaning:
            cancel()
            raise StopIteration

    cancel = Cancel()
    assert read_alone("Which one?", hits(), Slow([]), cancel=cancel) == Reading()
    assert ended[0] == "cancelled"


def test_a_yes_answers_what_the_cosines_left_in_doubt() -> None:
    llm = ScriptedLLM(["Redis caches hot data."], leaning=SURELY)
    answer = answerer_of(hits(), llm, gate=READING).answer(ASK)
    assert answer.text == "Redis caches hot data. [1]"
    assert answer.confidence == pytest.approx(0.98)
    assert [len(prompt.passages) for prompt in llm.prompts[:2]] == [1, 1]
    assert len(llm.prompts) == 3  # Two passages, and the draft, whose leaning changes nothing any more.
    check_invariants(answer)


def test_a_no_refuses_before_a_draft_even_what_the_cosines_would_answer() -> None:
    llm = ScriptedLLM(["Redis caches hot data."], leaning=HARDLY)
    gate = replace(READING, models=dict.fromkeys(Situation, Model(3.0, {}, asking=0.4)))
    answer = answerer_of(hits(), llm, gate=gate).answer(ASK)
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.NOT_IN_CORPUS
    assert answer.confidence == pytest.approx(0.02)
    assert len(llm.prompts) == 2
    check_invariants(answer)


def test_what_is_hopeless_is_not_read() -> None:
    llm = ScriptedLLM(["Redis caches hot data."], leaning=SURELY)
    hopeless = replace(READING, models=dict.fromkeys(Situation, Model(-3.0, {}, asking=0.4)))
    assert answerer_of(hits(), llm, gate=hopeless).answer(ASK).status is Status.REFUSED
    assert llm.prompts == []


def test_an_engine_that_fails_leaves_the_gate_as_it_was() -> None:
    llm = ScriptedLLM([], fail=EngineError("The engine died."))
    gate = replace(READING, models=dict.fromkeys(Situation, Model(3.0, {}, quoting=0.5, asking=0.4)))
    answer = answerer_of(hits(), llm, gate=gate).answer(ASK)
    assert (answer.status, answer.cut) == (Status.EXTRACTIVE, True)
    assert answer.confidence == pytest.approx(1.0 / (1.0 + math.exp(-3.0)))


def test_a_full_queue_is_told_to_the_asker() -> None:
    llm = ScriptedLLM([], fail=EngineBusy("Too many ask."))
    with pytest.raises(EngineBusy):
        answerer_of(hits(), llm, gate=READING).answer(ASK)


def test_what_was_read_counts_as_knowing_what_the_engine_knows() -> None:
    unread = Assessment(0.7, enough=True, sure=True)
    assert not is_probed(unread)
    assert is_probed(replace(unread, signals=Reading((2.0,)).signals))


def test_other_engines_and_larger_corpora_are_not_asked() -> None:
    fitted = replace(READING, engine="one")
    assert fitted.hearing("one", {}).reading == READING.reading
    assert fitted.hearing("another", {}).reading == {}
    llm = ScriptedLLM(["Redis caches hot data."], leaning=SURELY)
    answerer = replace(answerer_of(hits(), llm, gate=READING), corpus_size=1000)
    assert answerer.answer(ASK).status is Status.REFUSED
    assert llm.prompts == []


def test_a_probe_of_what_it_said_is_heard_with_it() -> None:
    probed = replace(
        READING, reader=Probe(0.0, (0.0, 8.0)), reading={Situation.FEW: Model(0.0, {BEST: 8.0, READER: 2.0})}
    )
    known = {"absent_place": 0.0}
    unread = Assessment(0.5, enough=False, sure=False, situation=Situation.FEW, signals=known)
    heard = probed.reread(unread, Reading((1.0,), (5.0, -0.5)))
    assert heard.signals[READER] == pytest.approx(-0.5)
    assert heard.confidence == pytest.approx(0.5)
    assert probed.reread(unread, Reading((1.0,), (5.0,))) is unread  # Of an engine with other logits.
    assert probed.reread(unread, Reading()) is unread
    assert probed.hearing("another", {}).reader is None


def test_the_shipped_gate_listens_to_its_engine_over_few_passages() -> None:
    shipped = Abstention.load()
    heard = shipped.hearing(shipped.engine, {})
    assert set(heard.reading) == {Situation.FEW}
    assert heard.reader is not None
    model = heard.reading[Situation.FEW]
    assert min(model.weights[name] for name in (BEST, READER, "top")) > 0.0
    near = {"absent_place": 0.0, "top": 0.6, "mean": 0.5}
    unread = Assessment(0.5, enough=True, sure=True, situation=Situation.FEW, signals=near)
    sure, unsure = ([toward * weight for weight in heard.reader.weights] for toward in (1e6, -1e6))
    yes, no = heard.reread(unread, Reading((5.0,), tuple(sure))), heard.reread(unread, Reading((-5.0,), tuple(unsure)))
    assert (yes.enough, no.enough) == (True, False)
    assert heard.models[Situation.FEW].asking < heard.models[Situation.FEW].threshold
