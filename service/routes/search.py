"""POST /api/search: the passages nearest to a query."""

import time

from anyio import to_thread
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from indexes.text import detect_lang
from service.problems import Problem
from service.routes.responses import SEARCHING, responses
from service.runtime import Runtime
from service.schemas import SearchBody, SearchOut
from service.serialise import hit_json
from service.web import RuntimeDep, Web, WebDep

router = APIRouter(tags=["native"])


@router.post("/api/search", response_model=SearchOut, responses=responses(*SEARCHING))
async def search(body: SearchBody, runtime: RuntimeDep, web: WebDep) -> Response:
    """Search the documents; `explain` adds what each leg gave and which units matched."""
    most = web.settings.max_question_chars
    if len(body.query) > most:
        raise Problem(413, f"The query is longer than {most} characters.", "query_too_long", "query")
    return await to_thread.run_sync(_search, body, runtime, web, limiter=web.searching)


def _search(body: SearchBody, runtime: Runtime, web: Web) -> Response:
    started = time.perf_counter()
    view = runtime.holder.view  # one generation, even when another comes meanwhile
    with web.telemetry.retrieval(body.query, body.k, view.generation.number) as found:
        hits = view.retriever.search(body.query, body.k, body.filters.value())
        found += hits
    ms = round((time.perf_counter() - started) * 1000, 3)
    web.metrics.retrieval.labels("search").observe(ms / 1000)
    return JSONResponse(
        {
            "query": body.query,
            "lang": detect_lang(body.query),
            "generation": view.generation.number,
            "ms": ms,
            "hits": [hit_json(hit, body.explain) for hit in hits],
        }
    )
