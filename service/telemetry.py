"""Spans by OpenTelemetry's GenAI conventions, when its SDK (extra `otel`) is here and an exporter is named.

Which exporter, where to and under what name are OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_SERVICE_NAME`, …). Texts of questions are in spans only with `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`.
Attributes: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from indexes.errors import ExtraMissing
from indexes.types import Hit
from service.types import Answer, Question, Retrieval

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CURE = "An OTEL_EXPORTER_OTLP endpoint is set, but the SDK is not installed: run `pip install 'career-rag[otel]'`."


class AskTrace(Protocol):
    """The spans of one answer, told as it goes on; the last call is `finished` or `failed`."""

    def searched(self, retrieval: Retrieval) -> None: ...
    def wrote(self) -> None: ...
    def finished(self, answer: Answer) -> None: ...
    def failed(self, kind: str) -> None: ...


class Telemetry(Protocol):
    """`carrier` is the request's headers, for who continues somebody's trace."""

    @contextmanager
    def request(self, method: str, carrier: Mapping[str, str]) -> Iterator[dict[str, Any]]: ...
    @contextmanager
    def retrieval(self, query: str, k: int, generation: int) -> Iterator[list[Hit]]: ...
    @contextmanager
    def embeddings(self, model: str, count: int) -> Iterator[None]: ...
    def ask(self, question: Question, model: str, generation: int) -> AskTrace: ...


class NoAskTrace:
    def searched(self, retrieval: Retrieval) -> None: ...
    def wrote(self) -> None: ...
    def finished(self, answer: Answer) -> None: ...
    def failed(self, kind: str) -> None: ...


class NoTelemetry:
    """Where nobody listens, nothing is done."""

    @contextmanager
    def request(self, method: str, carrier: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        yield {}

    @contextmanager
    def retrieval(self, query: str, k: int, generation: int) -> Iterator[list[Hit]]:
        yield []

    @contextmanager
    def embeddings(self, model: str, count: int) -> Iterator[None]:
        yield

    def ask(self, question: Question, model: str, generation: int) -> AskTrace:
        return NoAskTrace()


class Traced:
    """Telemetry by a tracer provider; `content` puts questions and documents into the spans."""

    def __init__(self, provider: "TracerProvider", content: bool = False) -> None:
        self._tracer = provider.get_tracer("career-rag")
        self._content = content

    @contextmanager
    def request(self, method: str, carrier: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """A server span; what is put into the dictionary (`route`, `status`) becomes its name and attributes."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, StatusCode

        told: dict[str, Any] = {}
        attributes = {"http.request.method": method}
        context = extract(dict(carrier))
        with self._tracer.start_as_current_span(
            method, context, SpanKind.SERVER, attributes, record_exception=False
        ) as span:
            yield told
            route, status = told.get("route", "unmatched"), int(told.get("status", 0))
            span.update_name(f"{method} {route}")
            span.set_attributes({"http.route": route, "http.response.status_code": status})
            if status >= 500:
                span.set_attribute("error.type", str(status))
                span.set_status(StatusCode.ERROR)

    @contextmanager
    def retrieval(self, query: str, k: int, generation: int) -> Iterator[list[Hit]]:
        """The hits found are put into the list."""
        hits: list[Hit] = []
        source = _source(generation)
        with self._tracer.start_as_current_span(
            f"retrieval {source}", attributes=_retrieval(source, k), record_exception=False
        ) as span:
            yield hits
            span.set_attributes(self._contents(query, hits))

    @contextmanager
    def embeddings(self, model: str, count: int) -> Iterator[None]:
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": "career-rag",
            "gen_ai.request.model": model,
            "career.inputs": count,
        }
        with self._tracer.start_as_current_span(f"embeddings {model}", attributes=attributes, record_exception=False):
            yield

    def ask(self, question: Question, model: str, generation: int) -> AskTrace:
        return _TracedAsk(self._tracer, question, model, generation, self._contents)

    def _contents(self, query: str, hits: "list[Hit] | tuple[Hit, ...]") -> dict[str, Any]:
        if not self._content:
            return {}
        found = [{"id": hit.chunk.id, "score": hit.score} for hit in hits]
        return {"gen_ai.retrieval.query.text": query, "gen_ai.retrieval.documents": json.dumps(found)}


class _TracedAsk:
    """Spans are written when they end, with the times at which they began: one thread may begin and another end."""

    def __init__(self, tracer: Any, question: Question, model: str, generation: int, contents: Any) -> None:
        from opentelemetry import context

        self._tracer = tracer
        self._question = question
        self._model = model
        self._source = _source(generation)
        self._contents = contents
        self._parent = context.get_current()
        self._began = self._searched = time.time_ns()
        self._first: int | None = None

    def searched(self, retrieval: Retrieval) -> None:
        self._searched = time.time_ns()
        attributes = _retrieval(self._source, len(retrieval.hits))
        attributes |= self._contents(self._question.text, retrieval.hits)
        span = self._tracer.start_span(
            f"retrieval {self._source}", self._parent, attributes=attributes, start_time=self._began
        )
        span.end(self._searched)

    def wrote(self) -> None:
        self._first = self._first or time.time_ns()

    def finished(self, answer: Answer) -> None:
        finish = "content_filter" if answer.refusal else "length" if answer.cut else "stop"
        attributes: dict[str, Any] = {
            "gen_ai.response.id": answer.id,
            "gen_ai.response.model": answer.model,
            "gen_ai.response.finish_reasons": [finish],
            "gen_ai.usage.input_tokens": answer.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": answer.usage.completion_tokens,
            "career.answer.status": answer.status.value,
            "career.answer.sentences": len(answer.sentences),
            "career.answer.dropped": len(answer.dropped),
        }
        if self._first is not None:
            attributes["gen_ai.response.time_to_first_chunk"] = (self._first - self._began) / 1e9
        if answer.refusal:
            attributes["career.answer.refusal"] = answer.refusal.reason.value
        self._end(attributes)

    def failed(self, kind: str) -> None:
        """`kind` is the error's name, or `cancelled`."""
        self._end({"error.type": kind}, error=kind != "cancelled")

    def _end(self, more: dict[str, Any], error: bool = False) -> None:
        from opentelemetry.trace import SpanKind, StatusCode

        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "career-rag",
            "gen_ai.request.model": self._model,
            "gen_ai.request.stream": True,
            "gen_ai.data_source.id": self._source,
            "gen_ai.conversation.turns": len(self._question.history),
        } | more
        if contents := self._contents(self._question.text, ()):
            message = [
                {"role": "user", "parts": [{"type": "text", "content": contents["gen_ai.retrieval.query.text"]}]}
            ]
            attributes["gen_ai.input.messages"] = json.dumps(message, ensure_ascii=False)
        span = self._tracer.start_span(
            f"chat {self._model}", self._parent, SpanKind.INTERNAL, attributes, start_time=self._searched
        )
        if error:
            span.set_status(StatusCode.ERROR)
        span.end()


def _source(generation: int) -> str:
    return f"generation-{generation:06d}"


def _retrieval(source: str, k: int) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.provider.name": "career-rag",
        "gen_ai.data_source.id": source,
        "gen_ai.request.top_k": k,
    }


def telemetry_from(environment: Mapping[str, str]) -> Telemetry:
    """What the variables ask for: spans to an OTLP endpoint, or nothing.

    Raises:
        ExtraMissing: an endpoint is set, but the SDK is not installed.
    """
    if not any(environment.get(name) for name in ENDPOINTS) or environment.get("OTEL_SDK_DISABLED") == "true":
        return NoTelemetry()
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ExtraMissing(CURE) from error
    name = environment.get("OTEL_SERVICE_NAME", "career-rag")
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traced(provider, environment.get(CONTENT, "").lower() == "true")
