"""POST /api/feedback: a vote on an answer."""

from fastapi import APIRouter
from starlette.responses import Response

from service.feedback import Vote
from service.problems import Problem
from service.routes.responses import READING, responses
from service.schemas import FeedbackBody
from service.web import WebDep

router = APIRouter(tags=["native"])


@router.post("/api/feedback", status_code=204, responses=responses(*READING, 408, 413, 415))
def vote(body: FeedbackBody, web: WebDep) -> Response:
    """Store a vote with the answer it judges; a later vote on the same answer replaces it."""
    answer = web.asks.recall(body.answer_id)
    if answer is None:
        raise Problem(404, "This answer is no longer known: ask again to vote.", "answer_not_found", "answer_id")
    web.feedback.save(Vote(body.answer_id, body.rating, sorted(set(body.tags)), body.note, answer))
    web.metrics.feedback.labels(body.rating).inc()
    return Response(status_code=204)
