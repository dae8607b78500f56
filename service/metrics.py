"""Prometheus metrics of one app: its own registry, names after vLLM, never a question's text in a label."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.types import Answer, Verdict

_LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160)


@dataclass(frozen=True, slots=True)
class Metrics:
    registry: CollectorRegistry
    requests: Histogram
    running: Gauge
    waiting: Gauge
    first_token: Histogram
    first_sentence: Histogram
    inter_token: Histogram
    retrieval: Histogram
    prompt_tokens: Counter
    cached_tokens: Counter
    completion_tokens: Counter
    answers: Counter
    questions: Counter
    sentences: Counter
    abstained: Counter
    dropped: Counter
    rejected: Counter
    cancelled: Counter
    slow_readers: Counter
    index_vectors: Gauge
    index_generation: Gauge
    engine_ready: Gauge
    engine_restarts: Gauge
    ingested: Counter
    feedback: Counter

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        known = method if method in {"GET", "POST", "DELETE", "HEAD", "OPTIONS"} else "other"
        self.requests.labels(route, known, str(status)).observe(seconds)

    def answered(self, answer: Answer) -> None:
        self.answers.labels(answer.status.value).inc()
        self.questions.labels(answer.lang if answer.lang in {"en", "zh"} else "other").inc()
        self.retrieval.labels("all").observe(answer.retrieval.ms / 1000)
        self.prompt_tokens.inc(answer.usage.prompt_tokens)
        self.cached_tokens.inc(answer.usage.cached_tokens)
        self.completion_tokens.inc(answer.usage.completion_tokens)
        if answer.timing.first_token_ms is not None:
            self.first_token.observe(answer.timing.first_token_ms / 1000)
        if answer.timing.first_sentence_ms is not None:
            self.first_sentence.observe(answer.timing.first_sentence_ms / 1000)
        if answer.refusal is not None:
            self.abstained.labels(answer.refusal.reason.value).inc()
        for sentence in answer.sentences:
            self.sentences.labels(sentence.verdict.value).inc()
        self.sentences.labels(Verdict.UNSUPPORTED.value).inc(len(answer.dropped))
        self.dropped.inc(len(answer.dropped))

    def text(self) -> bytes:
        return generate_latest(self.registry)


def create_metrics() -> Metrics:
    registry = CollectorRegistry()

    def histogram(name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=registry, buckets=_LATENCY_S)

    def counter(name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=registry)

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=registry)

    return Metrics(
        registry=registry,
        requests=histogram(
            "http_server_request_duration_seconds", "Requests by route pattern.", "route", "method", "status"
        ),
        running=gauge("rag_requests_running", "Questions being answered."),
        waiting=gauge("rag_requests_waiting", "Questions that wait for the engine."),
        first_token=histogram("rag_time_to_first_token_seconds", "From the question to the first draft token."),
        first_sentence=histogram(
            "rag_time_to_first_sentence_seconds", "From the question to the first checked sentence."
        ),
        inter_token=histogram("rag_inter_token_seconds", "Between two pieces of a draft."),
        retrieval=histogram("rag_retrieval_seconds", "Time of the search behind an answer.", "stage"),
        prompt_tokens=counter("rag_prompt_tokens_total", "Tokens of prompts."),
        cached_tokens=counter("rag_cached_tokens_total", "Tokens of prompts that were not computed again."),
        completion_tokens=counter("rag_completion_tokens_total", "Tokens written."),
        answers=counter("rag_answers_total", "Answers by status.", "status"),
        questions=counter("rag_questions_total", "Questions answered or refused, by language.", "lang"),
        sentences=counter("rag_sentences_total", "Sentences written by verdict, dropped ones included.", "verdict"),
        abstained=counter("rag_abstained_total", "Refusals by reason.", "reason"),
        dropped=counter("rag_citations_dropped_total", "Sentences dropped because no passage supports them."),
        rejected=counter("rag_rejected_total", "Questions turned away.", "reason"),
        cancelled=counter("rag_cancelled_total", "Answers whose reader went away."),
        slow_readers=counter("rag_slow_readers_total", "Streams cut because their reader took nothing for too long."),
        index_vectors=gauge("rag_index_vectors", "Vectors in the generation being served."),
        index_generation=gauge(
            "rag_index_generation_info", "The generation being served, as labels.", "generation", "sha"
        ),
        engine_ready=gauge("rag_engine_ready", "1 while the engine's process can answer."),
        engine_restarts=gauge("rag_engine_restarts", "Times that the engine's process had to be started again."),
        ingested=counter("rag_ingest_documents_total", "Documents of build jobs by outcome.", "outcome"),
        feedback=counter("rag_feedback_total", "Votes on answers.", "rating"),
    )
