"""OpenAI's API over the same answers: unmodified clients work, and never see a sentence that was not checked."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service.llm.extractive import NAME as EXTRACTIVE
from service.problems import Json, Problem
from service.problems import body as problem_body
from service.routes.ask import check_size, log_question, unless_left
from service.routes.openai_bodies import ChatBody, EmbeddingsBody, check_model, embedding_items, refused
from service.routes.openai_chat import Completion, collect, stream_chunks
from service.runtime import Runtime
from service.sse import Stream, data_line
from service.web import RuntimeDep, WebDep

MOST_INPUTS, LONGEST_INPUT = 2048, 32_768
_ERROR: dict[str, Any] = {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}}
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": "Error", "content": _ERROR}
    for status in (400, 401, 403, 404, 408, 413, 415, 421, 422, 429, 503, 504)
}

router = APIRouter(tags=["openai"], prefix="/v1", responses=_ERRORS)


@router.post("/chat/completions")
async def chat(body: ChatBody, request: Request, runtime: RuntimeDep, web: WebDep) -> Response:
    """Answer the last message from the documents; streamed sentence by sentence, as each is verified.

    Strict whatever the service's policy: clients of this API know nothing of verdicts.
    """
    name = _model(runtime)
    check_model(body.model, frozenset({name}))
    body.refuse_unsupported()
    question = body.question(web.settings.deadline_s)
    check_size(web, question.text, len(question.history))
    log_question(web, request, question.text)
    base_url = str(request.base_url).rstrip("/")
    completion = Completion(name, base_url, body.stops(), body.most_tokens(), runtime.llm)
    asking = web.asks.open(runtime, question, request.state.caller.account)
    if not body.stream:
        return await unless_left(collect(asking, completion), request)
    first = await asking.first()
    completion.include_usage = body.stream_options is not None and body.stream_options.include_usage
    chunks = stream_chunks(asking, first, completion, web.settings.ping_s, request.state.request_id)
    cut = Problem(503, "The service is shutting down: ask again.", "draining")
    farewell = data_line(problem_body(cut, "/v1/", request.state.request_id))
    timeout_s, slow = web.settings.write_timeout_s, web.metrics.slow_readers.inc
    return Stream(chunks, asking.close, timeout_s, farewell=farewell, on_slow=slow)


@router.post("/embeddings")
def embeddings(body: EmbeddingsBody, request: Request, runtime: RuntimeDep, web: WebDep) -> Response:
    """Vectors of the index's own embedder; their texts count as tokens of whoever asks."""
    embedder = runtime.embedder
    check_model(body.model, frozenset({embedder.name, embedder.name.split("@")[0]}))
    texts = body.texts(MOST_INPUTS, LONGEST_INPUT)
    if body.dimensions not in {None, embedder.dimension}:
        raise refused(f"Only {embedder.dimension} dimensions are to be had.", "dimensions")
    account = request.state.caller.account
    web.asks.admit(account)
    tokens = sum(runtime.llm.count_tokens(texts)) if runtime.llm else sum(map(len, texts))
    web.asks.spend(account, tokens)
    with web.telemetry.embeddings(embedder.name, len(texts)):
        vectors = (embedder.embed_queries if body.input_type == "query" else embedder.embed_passages)(texts)
    return JSONResponse(
        {
            "object": "list",
            "data": embedding_items(vectors, body.encoding_format == "base64"),
            "model": embedder.name,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


@router.get("/models")
async def models(runtime: RuntimeDep) -> Json:
    return {"object": "list", "data": [_card(name) for name in _names(runtime)]}


@router.get("/models/{name:path}")
async def model(name: str, runtime: RuntimeDep) -> Json:
    check_model(name, frozenset(_names(runtime)))
    return _card(name)


def _model(runtime: Runtime) -> str:
    return runtime.llm.name if runtime.llm else EXTRACTIVE


def _names(runtime: Runtime) -> list[str]:
    return ["career", _model(runtime), runtime.embedder.name]


def _card(name: str) -> Json:
    return {"id": name, "object": "model", "created": 0, "owned_by": "career-rag"}
