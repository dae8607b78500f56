"""Whatever the engine does, an asker is answered with what there is, and told what was missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from indexes.errors import EngineBusy, EngineCrashed, EngineError
from service.answer_cache import caching
from service.llm.types import GenerateOptions, Prompt
from service.rendering import Renderer, Translator
from service.settings import Settings
from service.translations import RenderingStore
from service.types import Question, RefusalReason, Status
from tests.conftest import chunk_of
from tests.service.answering import ALWAYS, UNSURE, ScriptedLLM, answerer_of, hit_of
from tests.service.test_rendering import ENGLISH, Translated
from tests.service.test_rendering import TEXT as CHINESE

ASK = Question("What does Redis do?")
GONE = EngineCrashed("The engine's process died (SIGKILL).")


@dataclass
class Uncounting(ScriptedLLM):
    """Dies, or is dead, when it is to count."""

    error: EngineError = GONE

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        raise self.error


def redis() -> list:  # type: ignore[type-arg]
    return [hit_of(chunk_of("Redis caches hot data. Kafka moves events between services."))]


def test_an_engine_that_cannot_even_count_ends_in_quotes(caplog: pytest.LogCaptureFixture) -> None:
    answer = answerer_of(redis(), Uncounting(["Redis caches hot data."])).answer(ASK)
    assert (answer.status, answer.cut) == (Status.EXTRACTIVE, True)
    assert answer.text.startswith("The documents say: “Redis caches hot data.” [1]")
    assert "process died (SIGKILL)" in caplog.text
    assert ASK.text not in caplog.text


def test_a_full_queue_is_the_callers_to_handle_even_while_counting() -> None:
    with pytest.raises(EngineBusy):
        answerer_of(redis(), Uncounting([], error=EngineBusy("full"))).answer(ASK)


@pytest.mark.parametrize("llm", [Uncounting([]), ScriptedLLM([], fail=GONE)])
def test_where_quotes_are_no_answer_the_reason_is_the_engine(llm: ScriptedLLM) -> None:
    answer = answerer_of(redis(), llm, gate=UNSURE).answer(ASK)
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.NO_MODEL
    assert answer.text.startswith("No answering model is available")


def test_a_draft_that_denied_before_the_crash_is_a_refusal_of_its_own() -> None:
    llm = ScriptedLLM(["The passages do not say.\n"], fail=GONE)
    answer = answerer_of(redis(), llm, gate=UNSURE).answer(ASK)
    assert answer.refusal is not None
    assert answer.refusal.reason is RefusalReason.BELOW_CONFIDENCE


def test_the_sentence_that_was_cut_says_what_cut_it() -> None:
    llm = ScriptedLLM(["Redis caches hot data. ", "Kafka mo"], fail=GONE)
    answer = answerer_of(redis(), llm).answer(ASK)
    assert (answer.status, answer.text) == (Status.PARTIAL, "Redis caches hot data. [1]")
    reasons = {dropped.text: dropped.reason for dropped in answer.dropped}
    assert reasons == {"Kafka mo": "was not finished: The engine's process died (SIGKILL)."}


class Troubled(ScriptedLLM):
    """Answers as it is told; translates once its trouble is over."""

    trouble: EngineError | None = None

    def generate(self, prompt: Prompt, options: GenerateOptions):  # type: ignore[no-untyped-def]
        if prompt.request.startswith("Line: "):
            if self.trouble is not None:
                raise self.trouble
            return ScriptedLLM([ENGLISH], self.finish).generate(prompt, options)
        return ScriptedLLM(self.pieces).generate(prompt, options)


@pytest.mark.parametrize("trouble", [GONE, EngineBusy("full"), "deadline"])
def test_a_row_that_could_not_be_translated_marks_the_answer_which_is_not_kept(
    trouble: EngineError | str, tmp_path: Path
) -> None:
    llm = Troubled(["It costs 7 euros."])
    llm.trouble = trouble if isinstance(trouble, EngineError) else None
    llm.finish = "stop" if isinstance(trouble, EngineError) else trouble
    renderer = Renderer(Translator(llm, RenderingStore(tmp_path / "r.sqlite")), Translated())
    hits = [hit_of(chunk_of(CHINESE))]
    answerer = caching(
        replace(answerer_of(hits, llm, gate=ALWAYS, checker=Translated()), renderer=renderer), Settings(), 7, "m"
    )
    assert answerer is not None
    asked = Question("What are vector stores for?")
    degraded = answerer.answer(asked)
    assert (degraded.status, degraded.cut) == (Status.EXTRACTIVE, True)
    llm.trouble, llm.finish = None, "stop"
    whole = answerer.answer(asked)
    assert (whole.cached, whole.cut) == (False, False)
    assert whole.text.startswith("The closest passage says: Vector stores are for semantic search. [1]")
    assert answerer.answer(asked).cached
