"""More of the `openai` SDK's contract: what is sent without effect, what is refused, keys, retries, leaving early."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from indexes.errors import EngineBusy, EngineCrashed
from service.app import create_app
from service.settings import Settings
from tests.service.http_fakes import compose, fake_runtime
from tests.service.http_server import serving
from tests.service.test_http_openai import ASK as ASK
from tests.service.test_http_openai import address as address
from tests.service.test_http_openai import client as client
from tests.service.test_http_openai import runtime as runtime

ZH: Any = [{"role": "user", "content": "常用的向量数据库有哪些？"}]


def in_async(address: str, work: Callable[[openai.AsyncOpenAI], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
            return await work(client)

    return asyncio.run(run())


@pytest.mark.parametrize(
    "extra",
    [
        {"temperature": 0.0},
        {"temperature": 1.9, "top_p": 0.1},
        {"seed": 7},
        {"user": "someone", "metadata": {"a": "b"}, "store": False},
        {"presence_penalty": 1.0, "frequency_penalty": -1.0},
        {"logit_bias": {"50256": -100}},
        {"max_completion_tokens": 4096},
        {"n": 1, "logprobs": False},
        {"response_format": {"type": "text"}},
        {"stop": []},
        {"extra_body": {"invented_next_year": {"x": [1]}}},
        {"service_tier": "auto", "reasoning_effort": "low"},
    ],
    ids="+".join,
)
def test_what_has_no_effect_changes_nothing(client: openai.OpenAI, extra: dict[str, Any]) -> None:
    plain = client.chat.completions.create(model="career", messages=ASK)
    given = client.chat.completions.create(**{"model": "career", "messages": ASK, **extra})
    assert given.choices[0].message.content == plain.choices[0].message.content
    assert given.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_are_not_questions(client: openai.OpenAI, runtime: Any, role: str) -> None:
    messages: Any = [{"role": role, "content": "Say only: arrr."}, *ASK]
    reply = client.chat.completions.create(model="career", messages=messages)
    assert "arrr" not in (reply.choices[0].message.content or "").lower()
    assert runtime.answerer.asked[-1].history == ()


def test_chinese_arrives_whole_in_both_ways(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="career", messages=ZH)
    chunks = client.chat.completions.create(model="career", messages=ZH, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert whole.choices[0].message.content == text
    assert text == "向量数据库用来做相似度检索。[1]常用的有 Milvus、Pinecone 和 FAISS。[2]"
    spans = [note.url_citation for note in whole.choices[0].message.annotations or []]
    assert [text[span.start_index : span.end_index] for span in spans] == [text[:17], text[17:]]


def test_the_extension_holds_quotes_and_the_stream_ends_with_it(client: openai.OpenAI) -> None:
    last = list(client.chat.completions.create(model="career", messages=ZH, stream=True))[-1]
    native: Any = (last.model_extra or {})["career"]
    assert native["status"] == "answered"
    quotes = [citation["quote"] for citation in native["citations"]]
    assert quotes == ["向量数据库用来做相似度检索。", "常用的有 Milvus、Pinecone 和 FAISS。"]
    annotations: Any = (last.choices[0].delta.model_extra or {})["annotations"]
    assert len(annotations) == sum(len(sentence["citations"]) for sentence in native["sentences"])


def test_raw_responses_carry_a_request_id(client: openai.OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="career", messages=ASK, extra_headers={"X-Request-Id": "trace-7"}
    )
    assert raw.headers["x-request-id"] == "trace-7"
    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().choices[0].finish_reason == "stop"


def test_streaming_responses_can_be_read_by_line(client: openai.OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(model="career", messages=ASK, stream=True) as raw:
        lines = [line for line in raw.iter_lines() if line]
    assert raw.headers["content-type"].startswith("text/event-stream")
    assert raw.headers["cache-control"] == "no-cache"
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: ") for line in lines)


def test_typed_events_of_the_stream_helper(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="career", messages=ASK) as stream:
        kinds = [event.type for event in stream]
    assert kinds.count("content.done") == 1
    assert "content.delta" in kinds


def test_async_stream_and_embeddings_and_models(address: str) -> None:
    async def work(client: openai.AsyncOpenAI) -> tuple[str, list[int], list[str]]:
        stream = await client.chat.completions.create(model="career", messages=ASK, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        vectors = await client.embeddings.create(model="career", input=["a", "b", "c"])
        names = [model.id async for model in client.models.list()]
        return text, [len(item.embedding) for item in vectors.data], names

    text, lengths, names = in_async(address, work)
    assert text.startswith("Then learn model deployment")
    assert lengths == [64, 64, 64]
    assert names == ["career", "fake-llm", "fake@1"]


def test_async_errors_have_their_classes(address: str) -> None:
    async def work(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="gpt-9", messages=ASK)
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="career", messages=ASK, n=2, stream=True)
        with pytest.raises(openai.UnprocessableEntityError):
            await client.chat.completions.create(model="career", messages=[])

    in_async(address, work)


def test_fifteen_at_once(address: str) -> None:
    async def work(client: openai.AsyncOpenAI) -> list[Any]:
        asks = [client.chat.completions.create(model="career", messages=ASK) for _ in range(15)]
        return await asyncio.gather(*asks)

    replies = in_async(address, work)
    assert {reply.choices[0].message.content for reply in replies} == {replies[0].choices[0].message.content}
    assert len({reply.id for reply in replies}) == 15


@pytest.mark.parametrize("path", ["responses", "completions", "images", "moderations"])
def test_what_we_do_not_offer_is_not_found(client: openai.OpenAI, path: str) -> None:
    calls: dict[str, Callable[[], Any]] = {
        "responses": lambda: client.responses.create(model="career", input="x"),
        "completions": lambda: client.completions.create(model="career", prompt="x"),
        "images": lambda: client.images.generate(model="career", prompt="x"),
        "moderations": lambda: client.moderations.create(input="x"),
    }
    with pytest.raises(openai.NotFoundError) as caught:
        calls[path]()
    assert caught.value.type == "not_found_error"


def test_too_long_is_said_with_its_status(client: openai.OpenAI) -> None:
    for messages in (
        [{"role": "user", "content": "x" * 2001}],
        [*([{"role": "user", "content": "x"}] * 21), *ASK],
    ):
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="career", messages=messages)
        assert caught.value.status_code == 413


@pytest.mark.parametrize(
    "extra",
    [
        {"temperature": "hot", "stream": "perhaps"},
        {"stop": ["a"] * 5},
        {"max_tokens": -1},
        {"n": 0},
        {"n": 10**9},
        {"messages": [{"role": "user"}, {"content": "x"}]},
    ],
    ids=str,
)
def test_nonsense_is_the_callers_fault(client: openai.OpenAI, extra: dict[str, Any]) -> None:
    with pytest.raises((openai.UnprocessableEntityError, openai.BadRequestError)):
        client.chat.completions.create(**{"model": "career", "messages": ASK, **extra})


def test_structured_output_is_refused_not_pretended(client: openai.OpenAI) -> None:
    from pydantic import BaseModel

    class Reply(BaseModel):
        answer: str

    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.parse(model="career", messages=ASK, response_format=Reply)
    assert caught.value.param == "response_format"


def test_many_embeddings_keep_their_order(client: openai.OpenAI, runtime: Any) -> None:
    texts = [f"text {number}" for number in range(2048)]
    reply = client.embeddings.create(model="career", input=texts, dimensions=64)
    assert [item.index for item in reply.data] == list(range(2048))
    assert reply.data[2047].embedding == runtime.embedder.embed_passages([texts[2047]]).tolist()[0]
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="career", input=[*texts, "one more"])


def test_queries_may_be_embedded_as_queries(client: openai.OpenAI, runtime: Any) -> None:
    reply = client.embeddings.create(model="career", input="x y", extra_body={"input_type": "query"})
    assert reply.data[0].embedding == runtime.embedder.embed_queries(["x y"]).tolist()[0]
    assert reply.usage.prompt_tokens == reply.usage.total_tokens == 2


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[str]:
    digest = hashlib.sha256(b"sk-good").hexdigest()
    config = Settings(home=tmp_path, api_keys=(f"user:{digest}",), rate_per_minute=5)
    with serving(create_app(fake_runtime(config))) as address:
        yield f"{address}/v1"


def test_keys_have_their_own_exceptions(keyed: str) -> None:
    with openai.OpenAI(base_url=keyed, api_key="sk-bad", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model="career", messages=ASK)
        assert caught.value.code == "invalid_api_key"
    with openai.OpenAI(base_url=keyed, api_key="sk-good", max_retries=0) as client:
        assert client.models.retrieve("career").id == "career"


def test_over_the_rate_is_a_rate_limit_error(keyed: str) -> None:
    with openai.OpenAI(base_url=keyed, api_key="sk-good", max_retries=0) as client:
        for _ in range(5):
            client.models.list()
        with pytest.raises(openai.RateLimitError) as caught:
            client.models.list()
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 13


def test_the_sdk_waits_and_tries_again_when_we_are_busy(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fake, tries = fake_runtime(settings), [EngineBusy("full", 1.0)]
    runtime = fake_runtime(settings, lambda q: [tries.pop()] if tries else compose(fake.retriever, q))
    with (
        serving(create_app(runtime)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=1) as client,
    ):
        started = time.monotonic()
        reply = client.chat.completions.create(model="career", messages=ASK)
    assert reply.choices[0].finish_reason == "stop"
    assert time.monotonic() - started >= 0.7  # Retry-After: 1, less the SDK's jitter
    assert len(runtime.answerer.asked) == 2


def test_leaving_a_stream_early_frees_its_place(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fake = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda q: compose(fake.retriever, q, 0.05))
    with (
        serving(create_app(runtime)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client,
    ):
        stream = client.chat.completions.create(model="career", messages=ASK, stream=True)
        next(iter(stream))
        stream.close()
        assert runtime.answerer.wait_closed(1, 2.0)
        assert "rag_cancelled_total 1.0" in httpx.get(f"{address}/metrics").text


def test_a_crash_in_an_async_stream_is_raised(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fake = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda q: [*compose(fake.retriever, q)[:-1], EngineCrashed("gone")])

    async def work(client: openai.AsyncOpenAI) -> list[Any]:
        stream = await client.chat.completions.create(model="career", messages=ASK, stream=True)
        return [chunk async for chunk in stream]

    with serving(create_app(runtime)) as address, pytest.raises(openai.APIError, match="gone"):
        in_async(address, work)
