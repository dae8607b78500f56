"""One suite for every engine: in this process, in a process of its own, llama.cpp's OpenAI server, and none at all."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.modelstore import ModelStore
from indexes.settings import IndexSettings
from service.llm.factory import open_worker
from service.llm.llama import LlamaEngine
from service.llm.llama_config import LlamaConfig
from service.llm.remote import Address, RemoteLLM
from service.llm.types import LLM, Done, EngineEvent, GenerateOptions, Prompt, Text
from service.runtime import Runtime
from service.settings import Settings
from service.types import (
    Answer,
    AnswerEvent,
    DraftToken,
    Evidence,
    Finished,
    Message,
    Policy,
    Question,
    Role,
    SentenceChecked,
    Status,
    Usage,
    Waiting,
)
from tests.benchmarks.engine_served import make_runtime
from tests.service.llm.openai_server import openai_server

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(180)]

MODEL = "qwen2.5-coder-0.5b-instruct-q4_k_m"
CONTEXT = 2048
LANTERN = "# The capstone\n\nThe capstone project is called Lantern.\n\nIt takes three months.\n"
"""Worded as an answer would be: of two ways to say it, a server that keeps the prompt before may choose
another one each time."""
VECTORS = "# 向量数据库\n\n向量数据库要掌握 Milvus 与 FAISS。\n\n第一阶段学习 Python 与数据结构。\n"
ENGINES = ["in this process", "in a process of its own", "an OpenAI server"]
NAMED = Question("What is the capstone project called?")
CHINESE = Question("向量数据库要掌握什么?")
PROMPT = Prompt("Answer in one short sentence.", ("The project is called Lantern.\n",), "What is the project called?")


@pytest.fixture(scope="module", params=[*ENGINES, "none"])
def engine(request: pytest.FixtureRequest, settings: IndexSettings) -> Iterator[LLM | None]:
    path = ModelStore.from_settings(settings).resolve(MODEL)
    config = LlamaConfig(path, context_tokens=CONTEXT, slots=2)
    if request.param == "none":
        yield None
        return
    if request.param == "an OpenAI server":
        with openai_server(path, CONTEXT) as base:
            llm: LLM = RemoteLLM(Address.parse(base), context_tokens=CONTEXT)
            yield llm
            llm.close()
        return
    llm = LlamaEngine(config, 8) if request.param == ENGINES[0] else open_worker(config, 8)
    yield llm
    llm.close()


generating = pytest.mark.parametrize("engine", ENGINES, indirect=True)
"""Quotations come from no engine."""


@pytest.fixture(scope="module")
def runtime(engine: LLM | None, tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    folder = tmp_path_factory.mktemp("seams")
    (folder / "seeds").mkdir()
    (folder / "seeds" / "capstone.md").write_text(LANTERN, "utf-8")
    (folder / "seeds" / "vectors.md").write_text(VECTORS, "utf-8")
    llm = "extractive" if engine is None else MODEL
    ready = Settings(home=folder / "home", llm=llm, context_tokens=CONTEXT, max_tokens=48, answer_cache=0)
    return make_runtime(engine, ready, folder / "seeds")


def events(runtime: Runtime, question: Question) -> list[AnswerEvent]:
    return list(runtime.answerer.stream(question))


def told(answer: Answer) -> tuple[object, ...]:
    return answer.status, answer.text, answer.sentences, answer.citations


def generated(llm: LLM, prompt: Prompt, options: GenerateOptions) -> tuple[str, Done]:
    found: list[EngineEvent] = list(llm.generate(prompt, options))
    assert isinstance(found[-1], Done)
    return "".join(event.text for event in found if isinstance(event, Text)), found[-1]


@pytest.mark.parametrize(("question", "nugget"), [(NAMED, "Lantern"), (CHINESE, "Milvus")])
def test_an_answer_holds_what_the_corpus_says_and_cites_it_exactly(
    runtime: Runtime, question: Question, nugget: str
) -> None:
    answer = runtime.answerer.answer(question)
    assert nugget in answer.text
    assert answer.status is not Status.REFUSED
    assert answer.model == (runtime.llm.name if runtime.llm else "extractive")
    assert answer.citations
    for citation in answer.citations:
        document = runtime.generation.document(citation.chunk.document.id)
        assert document is not None
        assert document.text[citation.start : citation.end] == citation.quote
        assert f"[{citation.marker}]" in answer.text


def test_events_come_in_the_order_of_the_contract(runtime: Runtime) -> None:
    first, *middle, last = events(runtime, NAMED)
    assert isinstance(first, Evidence)
    assert isinstance(last, Finished)
    assert all(isinstance(event, Waiting | DraftToken | SentenceChecked) for event in middle)
    assert any(isinstance(event, DraftToken) for event in middle) == (runtime.llm is not None)
    sentences = [event.sentence for event in middle if isinstance(event, SentenceChecked)]
    assert tuple(sentences) == last.answer.sentences


def test_the_same_question_has_the_same_answer(runtime: Runtime) -> None:
    one, two = (runtime.answerer.answer(CHINESE) for _ in range(2))
    assert told(one) == told(two)


def test_several_at_once_are_each_answered_as_alone(runtime: Runtime) -> None:
    questions = [NAMED, CHINESE, replace(NAMED, policy=Policy.OFF)]
    alone = [told(runtime.answerer.answer(question)) for question in questions]
    together: dict[int, tuple[object, ...]] = {}

    def one(number: int) -> None:
        together[number] = told(runtime.answerer.answer(questions[number]))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [together[number] for number in range(3)] == alone


def test_who_leaves_frees_the_engine_for_the_next(runtime: Runtime) -> None:
    for taken in (1, 2, 3):
        stream = runtime.answerer.stream(replace(NAMED, policy=Policy.OFF))
        for _ in range(taken):
            next(stream)
        stream.close()
    assert "Lantern" in runtime.answerer.answer(NAMED).text


def test_a_deadline_ends_with_an_answer_all_the_same(runtime: Runtime) -> None:
    begun = time.monotonic()
    answer = runtime.answerer.answer(replace(NAMED, deadline_s=0.02))
    assert time.monotonic() - begun < 3.0
    assert answer.status in {Status.EXTRACTIVE, Status.PARTIAL}
    assert answer.cut == (runtime.llm is not None)


@generating
def test_an_engine_generates_within_its_options(engine: LLM) -> None:
    assert isinstance(engine, LLM)
    assert engine.context_tokens == CONTEXT
    assert min(engine.count_tokens(["one two three", "向量数据库"])) >= 2
    text, done = generated(engine, PROMPT, GenerateOptions(max_tokens=24))
    assert "Lantern" in text
    assert done.finish == "stop"
    # llama.cpp's server does not count while it streams.
    assert done.usage == Usage() or (done.usage.prompt_tokens > 20 and done.usage.completion_tokens > 2)
    assert generated(engine, PROMPT, GenerateOptions(max_tokens=2))[1].finish == "length"
    assert "Lantern" not in generated(engine, PROMPT, GenerateOptions(max_tokens=24, stop=("Lantern",)))[0]


@generating
def test_an_engine_reads_the_history(engine: LLM) -> None:
    history = (Message(Role.USER, "My name is Ada."), Message(Role.ASSISTANT, "Hello, Ada!"))
    prompt = Prompt("Answer in one short sentence.", (), "What is my name?", history)
    assert "Ada" in generated(engine, prompt, GenerateOptions(max_tokens=24))[0]


@generating
def test_a_closed_stream_leaves_room_for_others(engine: LLM) -> None:
    for _ in range(4):
        stream = engine.generate(replace(PROMPT, request="Tell a long story."), GenerateOptions(max_tokens=200))
        next(iter(stream))
        stream.close()  # type: ignore[attr-defined]
    assert "Lantern" in generated(engine, PROMPT, GenerateOptions(max_tokens=24))[0]


def test_an_engine_that_is_not_there_says_the_cure(tmp_path: Path) -> None:
    from indexes.errors import EngineError

    with pytest.raises(EngineError, match="address right"):
        RemoteLLM(Address.parse("http://127.0.0.1:9/v1"), context_tokens=CONTEXT)
