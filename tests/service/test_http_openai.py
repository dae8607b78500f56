"""The `openai` SDK, unmodified, against a real server: chat, streams, embeddings, models, errors."""

import asyncio
import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import EngineBusy, EngineCrashed
from service.app import create_app
from service.composing import Composer
from service.routes.openai_chat import Completion
from service.settings import Settings
from service.types import Citation, Finished, Retrieval, SentenceChecked, Verdict
from tests.conftest import chunk_of
from tests.service.http_fakes import answer_of, compose, fake_runtime
from tests.service.http_server import serving

ASK: Any = [{"role": "user", "content": "vector databases and model deployment"}]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fake_runtime(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def address(runtime: Any) -> Iterator[str]:
    with serving(create_app(runtime)) as address:
        yield address


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_a_completion_holds_checked_text_and_its_citations(client: openai.OpenAI, address: str) -> None:
    reply = client.chat.completions.create(model="career", messages=ASK)
    [choice] = reply.choices
    text = choice.message.content
    assert text is not None
    assert text.startswith("Then learn model deployment and vector databases. [1]")
    assert choice.finish_reason == "stop"
    annotation = choice.message.annotations[0].url_citation  # type: ignore[index]
    assert (
        text[annotation.start_index : annotation.end_index] == "Then learn model deployment and vector databases. [1]"
    )
    assert annotation.url == f"{address}/api/documents/en-doc#char=50,99"
    assert annotation.title == "The backend path"
    native = reply.model_extra["career"]  # type: ignore[index]
    assert native["text"] == text
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (100, 20, 120)


def test_a_stream_says_the_same_as_the_whole(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="career", messages=ASK)
    chunks = list(client.chat.completions.create(model="career", messages=ASK, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[0].model_extra["career"]["hits"]  # type: ignore[index]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert chunks[-1].model_extra["career"]["text"] == text  # type: ignore[index]
    assert all(chunk.usage is None for chunk in chunks)


def test_usage_comes_last_when_asked_for(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="career", messages=ASK, stream=True, stream_options=options))
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 120


def test_the_stream_helper_reads_it(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="career", messages=ASK) as stream:
        final = stream.get_final_completion()
    assert "vector databases" in (final.choices[0].message.content or "")


def test_async(address: str) -> None:
    async def ask() -> tuple[str | None, str]:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="unused") as client:
            reply = await client.chat.completions.create(model="career", messages=ASK)
            stream = await client.chat.completions.create(model="career", messages=ASK, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        return reply.choices[0].message.content, text

    whole, streamed = asyncio.run(ask())
    assert whole == streamed


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("stop", "expected"), [("deployment", "Then learn model "), (["zz", "learn"], "Then ")])
def test_stop(client: openai.OpenAI, stop: Any, expected: str, stream: bool) -> None:
    reply: Any = client.chat.completions.create(model="career", messages=ASK, stop=stop, stream=stream)
    if stream:
        chunks = list(reply)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == expected
        assert chunks[-1].choices[0].finish_reason == "stop"
    else:
        assert reply.choices[0].message.content == expected
        assert reply.choices[0].finish_reason == "stop"


def test_max_tokens_leaves_whole_sentences(client: openai.OpenAI) -> None:
    long = client.chat.completions.create(model="career", messages=ASK, max_tokens=10**9)
    none = client.chat.completions.create(model="career", messages=ASK, max_tokens=1)
    assert long.choices[0].finish_reason == "stop"
    assert none.choices[0].message.content == ""
    assert none.choices[0].finish_reason == "length"


def test_history_and_parts(client: openai.OpenAI, runtime: Any) -> None:
    messages: Any = [
        {"role": "system", "content": "You are a pirate."},
        {"role": "user", "content": "向量数据库"},
        {"role": "assistant", "content": "有几种。"},
        {"role": "user", "content": [{"type": "text", "text": "哪些？"}]},
    ]
    client.chat.completions.create(model="career", messages=messages)
    asked = runtime.answerer.asked[-1]
    assert asked.text == "哪些？"
    assert [turn.content for turn in asked.history] == ["向量数据库", "有几种。"]


def test_a_refusal_is_a_completion(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "zzz"}]
    reply = client.chat.completions.create(model="career", messages=messages)
    assert reply.choices[0].message.content == "The documents do not answer this question."
    assert reply.choices[0].message.annotations == []
    stream = client.chat.completions.create(model="career", messages=messages, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert text == "The documents do not answer this question."


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "  "}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "messages"),
    ],
)
def test_what_is_not_supported_is_a_bad_request(client: openai.OpenAI, extra: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**({"model": "career", "messages": ASK} | extra))
    assert caught.value.param == param


@pytest.mark.parametrize(
    "extra", [{"messages": []}, {"max_tokens": 0}, {"messages": [{"role": "ghost", "content": "x"}]}]
)
def test_what_is_malformed_is_unprocessable(client: openai.OpenAI, extra: Any) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(**({"model": "career", "messages": ASK} | extra))
    assert caught.value.type == "invalid_request_error"


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-9", messages=ASK)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["career", "fake-llm", "fake@1"]
    assert client.models.retrieve("fake-llm").owned_by == "career-rag"


def test_embeddings_in_both_encodings(client: openai.OpenAI, runtime: Any) -> None:
    expected = runtime.embedder.embed_passages(["向量", "two"]).tolist()
    default = client.embeddings.create(model="career", input=["向量", "two"])  # the SDK asks for base64 and decodes it
    floats = client.embeddings.create(model="fake@1", input=["向量", "two"], encoding_format="float")
    raw = client.embeddings.create(model="career", input="向量", encoding_format="base64")
    assert [item.embedding for item in default.data] == expected
    assert [item.embedding for item in floats.data] == expected
    assert [item.index for item in floats.data] == [0, 1]
    coded: Any = raw.data[0].embedding
    assert list(struct.unpack("<64f", base64.b64decode(coded))) == expected[0]


@pytest.mark.parametrize(
    "extra", [{"input": [[1, 2, 3]]}, {"input": [1, 2]}, {"input": []}, {"input": ""}, {"dimensions": 3}]
)
def test_embeddings_that_cannot_be(client: openai.OpenAI, extra: Any) -> None:
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(**({"model": "career", "input": "x"} | extra))


def test_trouble_has_the_sdks_own_exceptions(tmp_path: Path) -> None:
    errors: list[Exception] = [EngineBusy("full", 1.0), EngineCrashed("gone")]
    runtime = fake_runtime(Settings(home=tmp_path), lambda _: [errors[0]])
    with (
        serving(create_app(runtime)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client,
    ):
        with pytest.raises(openai.RateLimitError) as busy:
            client.chat.completions.create(model="career", messages=ASK)
        errors.pop(0)
        with pytest.raises(openai.InternalServerError) as crashed:
            client.chat.completions.create(model="career", messages=ASK)
    assert busy.value.response.headers["retry-after"] == "1"
    assert crashed.value.status_code == 503
    assert crashed.value.request_id


def test_trouble_in_a_stream_is_raised(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fake = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda q: [*compose(fake.retriever, q)[:-1], EngineCrashed("gone")])
    with (
        serving(create_app(runtime)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="unused", max_retries=0) as client,
        pytest.raises(openai.APIError, match="gone"),
    ):
        list(client.chat.completions.create(model="career", messages=ASK, stream=True))


@given(
    st.lists(st.tuples(st.text(max_size=30), st.booleans()), max_size=6),
    st.sampled_from(["en", "zh"]),
)
def test_streamed_text_is_the_answers_text(sentences: list[tuple[str, bool]], lang: str) -> None:
    chunk = chunk_of("abc. def.")
    composer = Composer(lang)
    completion = Completion("m", "http://x")
    for number, (text, cited) in enumerate(sentences):
        citation = Citation(0, chunk, number % 4, number % 4 + 3, "abc. def."[number % 4 : number % 4 + 3], 1.0)
        verdict = Verdict.SUPPORTED if cited else Verdict.UNSUPPORTED
        sentence = composer.add(text, verdict, 1.0, [citation] if cited else [])
        if sentence is not None:
            completion.add(SentenceChecked(sentence))
    assert completion.text == composer.text
    if composer.sentences:
        assert completion.add(Finished(answer_of("q", lang, composer, Retrieval((), 1.0)))) == ""
    assert completion.text == composer.text
