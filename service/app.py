"""`create_app`: the HTTP service around one runtime, with nothing at module level but functions."""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from indexes.embedding import usable_cores
from indexes.errors import CareerError
from service import __version__, problems
from service.access import Access, Buckets, origins
from service.asks import GRACE_S, Asks
from service.feedback import FeedbackStore
from service.following import follow_in_background
from service.hosts import Hosts
from service.jobs import Jobs
from service.mcp_server import http_manager
from service.mcp_tools import Desk
from service.memory import keep_to_few_arenas
from service.metrics import create_metrics
from service.middleware import Edge, Gate
from service.quotas import EXPOSED
from service.routes import ask, documents, feedback, health, mcp, openai, pages, search
from service.routes.responses import error_schemas
from service.runtime import Runtime, open_runtime
from service.settings import Settings
from service.telemetry import Telemetry, telemetry_from
from service.warming import warm_in_background
from service.web import Slot, Web

log = logging.getLogger("career.http")
ROUTERS = (ask, search, documents, feedback, openai, mcp, health, pages)
_DESCRIPTION = "Answers career questions from a corpus of documents, every sentence checked against the text it cites."


def create_app(source: Runtime | Settings | None = None, telemetry: Telemetry | None = None) -> FastAPI:
    """The application around a runtime, or around one that it opens itself.

    Given a Runtime, requests are served at once and the runtime stays the caller's to close. Given Settings (None reads
    the environment), the models load while the app already answers /livez, and /readyz says when they are there.
    Spans go to `telemetry`, by default to where OpenTelemetry's variables say.
    """
    keep_to_few_arenas()  # Before there are threads.
    if source is None:
        source = Settings.load()
    settings, runtime = (source, None) if isinstance(source, Settings) else (source.settings, source)
    metrics = create_metrics()
    telemetry = telemetry or telemetry_from(os.environ)
    access, tokens = Access(settings), Buckets(settings.tokens_per_minute, time.monotonic)
    asks = Asks(settings.queue + 1, metrics, telemetry, tokens, access.share)
    web = Web(
        settings=settings,
        slot=Slot(runtime),
        asks=asks,
        metrics=metrics,
        feedback=FeedbackStore(settings.home / "feedback.sqlite"),
        jobs=Jobs(metrics, asks.running_before, settings.deadline_s + GRACE_S),
        telemetry=telemetry,
        searching=CapacityLimiter(usable_cores()),
    )
    app = FastAPI(
        title="career-rag",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=_lifespan(web),
        docs_url=None,
        redoc_url=None,
    )
    app.state.web = web
    for module in ROUTERS:
        app.include_router(module.router)
    _document_errors(app)
    _handle_errors(app)
    _add_middleware(app, web, access, tokens)
    return app


def _lifespan(web: Web) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as outer:
            stack = outer.enter_context(ExitStack())
            mcp = await outer.enter_async_context(http_manager(lambda request: _desk(web, request)))
            loading = None
            if web.slot.runtime is None:
                loading = asyncio.ensure_future(_load(web, stack))
            try:
                yield {"runtime": web.slot.runtime, "web": web, "mcp": mcp}
            finally:
                web.slot.draining.set()
                if loading is not None:
                    await loading
                await asyncio.to_thread(web.jobs.close)
                web.asks.close()

    return lifespan


def _desk(web: Web, request: Request | None) -> Desk:
    async def runtime() -> Runtime:
        return web.slot.get()

    if request is None:
        return Desk(web.settings, web.asks, runtime)
    return Desk(web.settings, web.asks, runtime, str(request.base_url).rstrip("/"), request.state.caller.account)


async def _load(web: Web, stack: ExitStack) -> None:
    try:
        runtime = await asyncio.to_thread(stack.enter_context, open_runtime(web.settings))
    except CareerError as error:
        web.slot.error = error
        log.error("Not ready: %s", error)
    except Exception as error:  # Whatever it is: to wait for what is not being loaded any more helps nobody.
        web.slot.error = CareerError(f"The service could not be loaded ({error!r}); the log says where.")
        log.exception("Not ready")
    else:
        web.slot.runtime = runtime
        follow_in_background(runtime)
        if web.settings.warm:
            warm_in_background(runtime)


def _document_errors(app: FastAPI) -> None:
    """Add the schemas that only error responses name; FastAPI's own error schemas are never sent."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            known = schema.setdefault("components", {}).setdefault("schemas", {})
            known.update(error_schemas())
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _handle_errors(app: FastAPI) -> None:
    def answer(request: Request, problem: problems.Problem) -> Response:
        return problems.response(problem, request.url.path, request.state.request_id)

    @app.exception_handler(problems.Problem)
    async def _(request: Request, error: problems.Problem) -> Response:
        return answer(request, error)

    @app.exception_handler(CareerError)
    async def _(request: Request, error: CareerError) -> Response:
        return answer(request, problems.of_error(error))

    @app.exception_handler(HTTPException)
    async def _(request: Request, error: HTTPException) -> Response:
        return answer(request, problems.of_http(error))

    @app.exception_handler(RequestValidationError)
    async def _(request: Request, error: RequestValidationError) -> Response:
        return answer(request, problems.of_validation(error))


def _add_middleware(app: FastAPI, web: Web, access: Access, tokens: Buckets) -> None:
    """Innermost first."""
    settings = web.settings
    app.add_middleware(
        Gate,
        hosts=Hosts(settings),
        access=access,
        tokens=tokens,
        max_body=settings.max_body_kb * 1024,
        max_upload=settings.max_file_mb * 1024 * 1024,
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins(settings),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Request-Id", "X-Site-Key"],
        expose_headers=["Retry-After", "X-Request-Id", *EXPOSED],
        max_age=600,
    )
    app.add_middleware(Edge, metrics=web.metrics, telemetry=web.telemetry)
