"""Probes: alive, ready, metrics, version."""

import hashlib
from typing import Any, Protocol, runtime_checkable

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from service import __version__
from service.metrics import Metrics
from service.problems import Problem, retry_after
from service.routes.responses import responses
from service.runtime import Runtime
from service.web import WebDep


@runtime_checkable
class Watched(Protocol):
    """An engine in a process of its own; `health` has `state` and `reason`."""

    def health(self) -> Any: ...


router = APIRouter(tags=["operations"])
_ALIVE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": {"status": "ok"}}}}}


@router.get("/livez", responses=responses(421) | _ALIVE)
async def livez() -> dict[str, str]:
    """The process answers; touches neither model nor index."""
    return {"status": "ok"}


@router.get("/readyz", responses=responses(421, 503))
@router.get("/healthz", responses=responses(421, 503))
async def readyz(web: WebDep) -> dict[str, str | int | None]:
    """Ready for questions: models loaded, index verified, the engine's process alive, not shutting down."""
    runtime = web.slot.get()
    engine = _engine(runtime.llm)
    model = runtime.llm.name if runtime.llm else None
    return {
        "status": "ok",
        "generation": runtime.generation.number,
        "model": model,
        "no_model": runtime.no_model,
        "engine": engine,
    }


def _engine(llm: object) -> str | None:
    """The state of an engine that knows its own; raises Problem 503 while it cannot answer: search still can."""
    if not isinstance(llm, Watched):
        return None
    health = llm.health()
    state = str(health.state)
    if state == "ready":
        return state
    reason = f": {health.reason}" if health.reason else "."
    wait_s = 30 if state in {"down", "closed"} else 2
    raise Problem(503, f"The engine is {state}{reason}", f"engine_{state}", headers=retry_after(wait_s))


_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/metrics", response_class=PlainTextResponse, responses=responses(401, 403, 421, 429) | _TEXT)
async def metrics(web: WebDep) -> Response:
    """Prometheus text format."""
    if web.slot.runtime is not None:
        _gauge(web.metrics, web.slot.runtime)
    return Response(web.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _gauge(metrics: Metrics, runtime: Runtime) -> None:
    """What is so now, told when somebody looks."""
    generation = runtime.generation
    digest = hashlib.sha256("".join(entry.sha256 for entry in generation.manifest.files).encode()).hexdigest()
    metrics.index_generation.clear()
    metrics.index_generation.labels(str(generation.number), digest[:12]).set(1)
    metrics.index_vectors.set(len(generation.vectors))
    llm: object = runtime.llm
    if isinstance(llm, Watched):
        health = llm.health()
        metrics.engine_ready.set(health.state == "ready")
        metrics.engine_restarts.set(health.restarts)


@router.get("/version", responses=responses(401, 403, 421, 429))
async def version(web: WebDep) -> JSONResponse:
    runtime = web.slot.runtime
    return JSONResponse(
        {
            "version": __version__,
            "generation": runtime.generation.number if runtime else None,
            "model": runtime.llm.name if runtime and runtime.llm else None,
            "embedder": runtime.embedder.name if runtime else None,
        }
    )
