"""POST /api/ask: one Answer as JSON, or its events as they happen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from service.access import Right
from service.asks import Ask
from service.problems import Json, Problem, body
from service.routes.responses import ASKING, responses
from service.schemas import AnswerOut, AskBody
from service.serialise import answer_json, citation_json, hit_json, sentence_json
from service.sse import PING, Stream, Tick, disconnected, event
from service.types import AnswerEvent, DraftToken, Evidence, Finished, Policy, SentenceChecked, Waiting
from service.web import RuntimeDep, Web, WebDep

log = logging.getLogger("career.http")
router = APIRouter(tags=["native"])
_EVENTS = ("evidence", "queued", "token", "sentence", "answer", "error")
_STREAM: dict[str, Any] = {
    "schema": {
        "type": "object",
        "description": "One event: its name, and its value as JSON text.",
        "properties": {"event": {"enum": list(_EVENTS)}, "data": {"type": "string"}},
        "required": ["event", "data"],
    },
    "example": 'event: token\ndata: {"text":"Start"}\n\n',
}


@router.post(
    "/api/ask",
    response_model=AnswerOut,
    responses=responses(*ASKING) | {200: {"content": {"text/event-stream": _STREAM}}},
)
async def ask(body: AskBody, request: Request, runtime: RuntimeDep, web: WebDep) -> Response:
    """Answer from the documents; with `Accept: text/event-stream`, as `evidence`, `token`*, `sentence`*, `answer`."""
    check_size(web, body.question, len(body.history))
    log_question(web, request, body.question)
    streams = accepts_stream(request)
    check_policy(request.state.caller.right, body.policy, web.settings.policy)
    question = body.value(web.settings.policy, web.settings.deadline_s)
    asking = web.asks.open(runtime, question, request.state.caller.account)
    if not streams:
        return await unless_left(whole(asking), request)
    first = await asking.first()
    chunks = _events(asking, first, web, request)
    timeout_s, slow = web.settings.write_timeout_s, web.metrics.slow_readers.inc
    return Stream(chunks, asking.close, timeout_s, farewell=_farewell(request), on_slow=slow)


def check_policy(right: Right, asked: Policy | None, own: Policy) -> None:
    """A site key is public: who has no more than that may ask for a stricter policy than the service's, not a laxer."""
    if right <= Right.SITE and asked is not None and asked.laxity > own.laxity:
        detail = f"With a site key the policy is `{own.value}` or a stricter one."
        raise Problem(403, detail, "policy_refused", "policy")


def check_size(web: Web, question: str, history: int) -> None:
    most = web.settings.max_question_chars
    if len(question) > most:
        raise Problem(413, f"The question is longer than {most} characters.", "question_too_long", "question")
    if history > web.settings.max_history:
        raise Problem(413, f"More than {web.settings.max_history} earlier messages.", "history_too_long", "history")


def log_question(web: Web, request: Request, text: str) -> None:
    """Questions are private: they are logged only where the settings ask for it."""
    if web.settings.log_questions:
        log.info("asked: %s", text, extra={"request_id": request.state.request_id})


def accepts_stream(request: Request) -> bool:
    """Whether events are asked for; raises Problem 406 for what we cannot send."""
    accepted = request.headers.get("accept", "*/*").lower()
    if "text/event-stream" in accepted:
        return True
    if any(kind in accepted for kind in ("*/*", "application/*", "application/json")):
        return False
    raise Problem(406, "The answer comes as application/json or text/event-stream.")


async def whole(asking: Ask) -> Json:
    try:
        return answer_json(await asking.answer())
    finally:
        await asking.close()


async def unless_left(work: Coroutine[Any, Any, Json], request: Request) -> Response:
    """The result of `work` as JSON; cancels it at once when the asker goes away."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(disconnected(request.receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone = not working.done()
        working.cancel()
        leaving.cancel()
        await asyncio.wait({working, leaving})
    # 499 is nginx's: nobody is left to read it, but metrics and logs tell it from an answer.
    return Response(status_code=499) if gone else JSONResponse(working.result())


async def _events(asking: Ask, first: AnswerEvent | Tick, web: Web, request: Request) -> AsyncIterator[bytes]:
    try:
        step = first
        while step is not Tick.END:
            yield PING if isinstance(step, Tick) else encode(step)
            step = await asking.step(web.settings.ping_s)
    except Problem as problem:
        yield event("error", {"problem": body(problem, request.url.path, request.state.request_id)})


def _farewell(request: Request) -> bytes:
    problem = Problem(503, "The service is shutting down: ask again.", "draining")
    return event("error", {"problem": body(problem, request.url.path, request.state.request_id)})


def encode(step: AnswerEvent) -> bytes:
    match step:
        case Evidence(retrieval):
            return event("evidence", {"hits": [hit_json(hit) for hit in retrieval.hits], "ms": retrieval.ms})
        case Waiting(position, eta_ms):
            return event("queued", {"position": position, "eta_ms": eta_ms})
        case DraftToken(text):
            return event("token", {"text": text})
        case SentenceChecked(sentence):
            sources: list[Json] = [citation_json(citation) for citation in sentence.citations]
            return event("sentence", sentence_json(sentence) | {"sources": sources})
        case Finished(answer):
            return event("answer", answer_json(answer))
