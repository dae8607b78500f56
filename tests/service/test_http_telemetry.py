"""What is seen from outside: spans by the GenAI conventions, metrics by name, logs as lines; no contents by default."""

import io
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from indexes.errors import EngineCrashed, ExtraMissing
from service.app import create_app
from service.logs import JsonLines, configure_logging, handler_for
from service.settings import Settings
from service.telemetry import CURE, NoTelemetry, Traced, telemetry_from
from tests.service.http_fakes import compose, fake_runtime
from tests.service.http_llms import Parrot
from tests.service.http_model_free import KEY, model_free

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
QUESTION = "vector databases and model deployment"


class Spans:
    def __init__(self, content: bool = False) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.telemetry = Traced(provider, content)

    def all(self) -> dict[str, Any]:
        return {span.name: span for span in self._exporter.get_finished_spans()}


def test_an_answer_is_a_retrieval_and_a_chat_within_its_request(tmp_path: Path) -> None:
    spans = Spans()
    with TestClient(create_app(fake_runtime(Settings(home=tmp_path)), spans.telemetry)) as client:
        answer = client.post("/api/ask", json={"question": QUESTION}, headers=PARENT).json()
    found = spans.all()
    assert list(found) == ["retrieval generation-000007", "chat fake-llm", "POST /api/ask"]
    retrieval, chat, request = found.values()
    assert {format(span.context.trace_id, "032x") for span in found.values()} == {TRACE}
    assert retrieval.parent.span_id == chat.parent.span_id == request.context.span_id
    assert dict(retrieval.attributes) == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "career-rag",
        "gen_ai.data_source.id": "generation-000007",
        "gen_ai.request.top_k": answer["retrieval"]["hits"],
    }
    told = dict(chat.attributes)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.request.model"] == told["gen_ai.response.model"] == "fake-llm"
    assert told["gen_ai.response.id"] == answer["id"]
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (100, 20)
    assert told["gen_ai.response.time_to_first_chunk"] >= 0
    assert told["career.answer.status"] == "answered"
    assert retrieval.end_time <= chat.start_time <= chat.end_time <= request.end_time
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/api/ask",
        "http.response.status_code": 200,
    }


@pytest.mark.parametrize("content", [False, True])
def test_texts_are_told_only_when_asked_for(tmp_path: Path, content: bool) -> None:
    spans = Spans(content)
    with TestClient(create_app(fake_runtime(Settings(home=tmp_path)), spans.telemetry)) as client:
        client.post("/api/ask", json={"question": QUESTION})
        client.post("/api/search", json={"query": QUESTION, "k": 2})
        client.post("/v1/embeddings", json={"model": "career", "input": [QUESTION, "x"]})
    found = spans.all()
    written = json.dumps([dict(span.attributes) for span in found.values()])
    assert (QUESTION in written) is content
    assert ("en-doc-50-99" in written) is content
    assert dict(found["embeddings fake@1"].attributes) == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "career-rag",
        "gen_ai.request.model": "fake@1",
        "career.inputs": 2,
    }
    assert found["POST /v1/embeddings"].attributes["http.route"] == "/v1/embeddings"


def test_refusals_failures_and_cuts_are_told_apart(tmp_path: Path) -> None:
    settings, spans = Settings(home=tmp_path), Spans()
    with TestClient(create_app(fake_runtime(settings), spans.telemetry)) as client:
        client.post("/api/ask", json={"question": "zzz"})
    refused = spans.all()["chat fake-llm"].attributes
    assert refused["gen_ai.response.finish_reasons"] == ("content_filter",)
    assert refused["career.answer.refusal"] == "not_in_corpus"
    spans, fake = Spans(), fake_runtime(settings)
    crashing = fake_runtime(settings, lambda q: [*compose(fake.retriever, q)[:3], EngineCrashed("gone")])
    with TestClient(create_app(crashing, spans.telemetry)) as client:
        client.post("/api/ask", json={"question": QUESTION})
    failed = spans.all()
    assert failed["chat fake-llm"].attributes["error.type"] == "EngineCrashed"
    assert failed["chat fake-llm"].status.status_code.name == "ERROR"
    assert failed["POST /api/ask"].attributes["http.response.status_code"] == 503


def test_variables_decide_and_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(telemetry_from({}), NoTelemetry)
    there = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert isinstance(telemetry_from({**there, "OTEL_SDK_DISABLED": "true"}), NoTelemetry)
    assert isinstance(telemetry_from(there), Traced)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ExtraMissing) as caught:
        telemetry_from(there)
    assert str(caught.value) == CURE


def sample(text: str, name: str) -> float:
    [line] = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.rsplit(" ", 1)[1])


def test_metrics_of_grounding_are_those_of_the_answers(tmp_path: Path) -> None:
    """The worst model recites its prompt: what it could not support is counted, as are refusals and languages."""
    llm = Parrot("Milvus was bought by NASA in 1969.")
    with model_free(tmp_path, llm=llm) as runtime, TestClient(create_app(runtime), headers=KEY) as client:
        answers = [
            client.post("/api/ask", json={"question": question}).json()
            for question in ("Is Milvus a vector database?", "模型部署常用什么?", "Who won the cup in 1974?")
        ]
        client.post("/api/search", json={"query": "Milvus"})
        client.post("/api/ask", content=b"x" * 300_000, headers={"Content-Type": "application/json"})
        text = client.get("/metrics").text
        units = len(runtime.generation.vectors)
    kept = sum(sentence["verdict"] == "supported" for answer in answers for sentence in answer["sentences"])
    dropped = sum(len(answer["dropped"]) for answer in answers)
    assert sample(text, 'rag_sentences_total{verdict="supported"}') == kept
    assert sample(text, 'rag_sentences_total{verdict="unsupported"}') == dropped > 0
    assert sample(text, "rag_citations_dropped_total") == dropped
    reasons = [answer["refusal"]["reason"] for answer in answers if answer["refusal"]]
    assert reasons
    for reason in set(reasons):
        assert sample(text, f'rag_abstained_total{{reason="{reason}"}}') == reasons.count(reason)
    assert sample(text, 'rag_questions_total{lang="zh"}') == 1
    assert sample(text, 'rag_questions_total{lang="en"}') == 2
    assert sample(text, 'rag_rejected_total{reason="too_large"}') == 1
    assert sample(text, "rag_index_vectors") == units > 0
    drafted = sum(answer["timing"]["first_token_ms"] is not None for answer in answers)
    assert sample(text, "rag_time_to_first_token_seconds_count") == drafted > 0
    assert sample(text, "rag_inter_token_seconds_count") > 0
    assert sample(text, 'rag_retrieval_seconds_count{stage="search"}') == 1
    assert 'rag_index_generation_info{generation="1",sha="' in text


@pytest.mark.parametrize(
    ("message", "shown"), [("ASGI callable returned without completing response.", False), ("Something else.", True)]
)
def test_a_stream_that_is_cut_is_told_by_us_alone(monkeypatch: pytest.MonkeyPatch, message: str, shown: bool) -> None:
    """uvicorn's own word on it looks like a bug."""
    server = logging.getLogger("uvicorn.error")
    monkeypatch.setattr(server, "filters", [])
    monkeypatch.setattr(logging.getLogger("career"), "level", logging.INFO)
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.NullHandler()])
    configure_logging()
    record = server.makeRecord(server.name, logging.ERROR, "x", 1, message, (), None)
    assert bool(server.filter(record)) is shown


def test_logs_are_one_object_a_line_for_programs(tmp_path: Path) -> None:
    stream = io.StringIO()
    handler = handler_for(stream)
    assert isinstance(handler.formatter, JsonLines)
    logger = logging.getLogger("career")
    logger.addHandler(handler)
    level, _ = logger.level, logger.setLevel(logging.INFO)
    try:
        with TestClient(create_app(fake_runtime(Settings(home=tmp_path)))) as client:
            client.post("/api/ask", json={"question": "am I underpaid?"}, headers={"X-Request-Id": "r-1"})
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    [line] = [json.loads(line) for line in stream.getvalue().splitlines() if "/api/ask" in line]
    assert line["request_id"] == "r-1"
    assert (line["method"], line["route"], line["status"], line["caller"]) == ("POST", "/api/ask", 200, "anyone")
    assert (line["level"], line["logger"]) == ("info", "career.http")
    assert line["ms"] > 0
    assert "underpaid" not in stream.getvalue()
