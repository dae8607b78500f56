"""POST /mcp: the tools over streamable HTTP, behind the same keys and limits as every other route."""

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.access import origins
from service.mcp_server import CURE
from service.problems import Problem
from service.settings import Settings
from service.sse import disconnected
from service.web import WebDep

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

router = APIRouter(include_in_schema=False)
LOCAL = ("127.0.0.1", "localhost", "::1")


@router.post("/mcp")
async def mcp(request: Request, web: WebDep) -> Response:
    check_origin(request.headers.get("origin"), web.settings)
    manager: StreamableHTTPSessionManager | None = request.state.mcp
    if manager is None:
        raise Problem(501, CURE, "mcp_not_installed")
    return Handed(manager, await request.body())


def check_origin(origin: str | None, settings: Settings) -> None:
    """A page may call only from here or from an origin of the settings, or any site could reach a service at home."""
    if origin and origin not in origins(settings) and urlsplit(origin).hostname not in LOCAL:
        raise Problem(403, "This origin may not call: see CAREER_CORS_ORIGINS.", "origin_refused")


class Handed(Response):
    """A response that the SDK writes; it is cancelled, and frees what it holds, when the caller goes away."""

    def __init__(self, manager: Any, body: bytes) -> None:
        super().__init__()
        self._manager = manager
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        working = asyncio.ensure_future(self._manager.handle_request(scope, self._replay(), send))
        leaving = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = working.done()
            working.cancel()
            leaving.cancel()
            await asyncio.wait({working, leaving})
        if finished:
            working.result()

    def _replay(self) -> Receive:
        """The body once; then silence, for who leaves is noticed here."""
        messages = iter([{"type": "http.request", "body": self._body, "more_body": False}])

        async def receive() -> Message:
            message = next(messages, None)
            return message if message is not None else await asyncio.Event().wait()  # type: ignore[return-value]

        return receive
