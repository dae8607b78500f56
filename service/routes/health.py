"""Probes: alive, ready, metrics, version."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from service import __version__
from service.problems import Problem, retry_after
from service.routes.responses import responses
from service.web import WebDep

router = APIRouter(tags=["operations"])


@router.get("/livez", responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}})
async def livez() -> dict[str, str]:
    """The process answers; touches neither model nor index."""
    return {"status": "ok"}


@router.get("/readyz", responses=responses(503))
@router.get("/healthz", responses=responses(503))
async def readyz(web: WebDep) -> dict[str, str | int | None]:
    """Ready for questions: models loaded, index verified, not shutting down."""
    if web.slot.draining.is_set():
        raise Problem(503, "Shutting down.", "draining", headers=retry_after(5))
    runtime = web.slot.get()
    model = runtime.llm.name if runtime.llm else None
    return {"status": "ok", "generation": runtime.generation.number, "model": model, "no_model": runtime.no_model}


_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/metrics", response_class=PlainTextResponse, responses=responses(401, 403, 429) | _TEXT)
async def metrics(web: WebDep) -> Response:
    """Prometheus text format."""
    runtime = web.slot.runtime
    if runtime is not None:
        generation = runtime.generation
        web.metrics.index_generation.clear()
        web.metrics.index_generation.labels(str(generation.number)).set(1)
    return Response(web.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/version", responses=responses(401, 403, 429))
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
