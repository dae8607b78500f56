"""What every request meets first: its id, headers for safety, access, limits on the body, no traceback ever."""

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import LOCAL, Access, Buckets, Caller
from service.hosts import Hosts
from service.metrics import Metrics
from service.problems import Problem, response
from service.quotas import quota_headers
from service.telemetry import Telemetry

log = logging.getLogger("career.http")
UPLOAD = "/api/documents"
BODY_S = 20.0
SLOWEST_BODY = 4096
"""A body must be here after BODY_S and a second more for so many bytes: a trickle holds no place for ever."""
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CSP_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_CSP_DATA = "default-src 'none'; frame-ancestors 'none'"


class Edge:
    """Outermost: names the request, secures the response, counts and logs it, turns a bug into a problem."""

    def __init__(self, app: ASGIApp, metrics: Metrics, telemetry: Telemetry) -> None:
        self._app = app
        self._metrics = metrics
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._telemetry.request(scope["method"], Headers(scope=scope)) as told:
            told["status"] = await self._named(scope, receive, send)
            told["route"] = _route(scope)

    async def _named(self, scope: Scope, receive: Receive, send: Send) -> int:
        started = time.perf_counter()
        request_id = _request_id(Headers(scope=scope).get("x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _secure(MutableHeaders(scope=message), scope["path"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, secured)
        except Exception:
            log.exception("bug in %s %s", scope["method"], _route(scope), extra={"request_id": request_id})
            if status:
                raise  # the response is half sent: only a broken connection tells the caller
            bug = Problem(500, "A bug on our side; the log has it under this request id.", "bug")
            await response(bug, scope["path"], request_id)(scope, receive, secured)
        finally:
            self._record(scope, status, time.perf_counter() - started, request_id)
        return status

    def _record(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = _route(scope)
        self._metrics.request(route, scope["method"], status, seconds)
        if status == 413:
            self._metrics.rejected.labels("too_large").inc()
        ms = round(seconds * 1000, 1)
        caller = getattr(scope["state"].get("caller"), "name", "")
        known = {"method": scope["method"], "route": route, "status": status, "ms": ms, "caller": caller}
        log.info("%s %s %d %.1f ms", scope["method"], route, status, ms, extra={"request_id": request_id, **known})


class Gate:
    """Lets in who may come in, with a body no larger than allowed, of a type we read."""

    def __init__(
        self, app: ASGIApp, *, hosts: Hosts, access: Access, tokens: Buckets, max_body: int, max_upload: int
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._access = access
        self._tokens = tokens
        self._max_body = max_body
        self._max_upload = max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            caller = self._caller(scope)
            send = self._telling(caller, send)
            self._access.count(caller)
            receive = self._limited(scope, receive)
        except Problem as problem:
            refusal = response(problem, scope["path"], scope["state"]["request_id"])
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        self._hosts.check(headers.get("host", ""), scope["server"][0] if scope.get("server") else "")
        address = scope["client"][0] if scope.get("client") else LOCAL
        caller = self._access.caller(scope["method"], scope["path"], headers, address)
        scope["state"]["caller"] = caller
        return caller

    def _telling(self, caller: Caller, send: Send) -> Send:
        """Tells the caller what is left of its minute: as it is when the response begins."""

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start" and caller.account:
                quotas = {"requests": self._access.quota(caller), "tokens": self._tokens.quota(caller.account)}
                known = {name: quota for name, quota in quotas.items() if quota is not None}
                MutableHeaders(scope=message).update(quota_headers(known))
            await send(message)

        return telling

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        upload = scope["path"] == UPLOAD
        most = self._max_upload if upload else self._max_body
        _check_type(headers, upload)
        _check_length(headers, most)
        return _counted(_timely(receive), most, binary=upload)


def _check_type(headers: Headers, upload: bool) -> None:
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if has_body and not upload and media_type != "application/json":
        raise Problem(415, "Send the body as `Content-Type: application/json`.")


def _check_length(headers: Headers, most: int) -> None:
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        raise Problem(400, "Content-Length is not a number.")
    if int(length) > most:
        raise _too_large(most)


def _counted(receive: Receive, most: int, binary: bool) -> Receive:
    """Refuses while reading; with an HTTPException, the only one that FastAPI lets through from there."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        body = message.get("body", b"")
        read += len(body)
        if read > most:
            raise HTTPException(413, _too_large(most).detail)
        if not binary and b"\0" in body:
            raise HTTPException(400, "The body is not UTF-8: it holds zero bytes.")
        return message

    return counted


def _timely(receive: Receive) -> Receive:
    """Refuses a body that comes too slowly; once it is here, waits for as long as it takes until somebody leaves."""
    started, read, more = time.monotonic(), 0, True

    async def timely() -> Message:
        nonlocal read, more
        left_s = started + BODY_S + read / SLOWEST_BODY - time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, left_s) if more else None):
                message = await receive()
        except TimeoutError:
            # What is still to come of the body is in nobody's interest: the connection ends with the answer.
            raise HTTPException(408, "The body came too slowly.", {"Connection": "close"}) from None
        read += len(message.get("body", b""))
        more = message.get("more_body", False)
        return message

    return timely


def _too_large(most: int) -> Problem:
    return Problem(413, f"The body is larger than {most // 1024} KiB.", "body_too_large")


def _request_id(given: str | None) -> str:
    return given if given and _SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _route(scope: Scope) -> str:
    """The pattern of the route, never the path: paths are endless, and may hold what is private."""
    return getattr(scope.get("route"), "path", "unmatched")


def _secure(headers: MutableHeaders, path: str, request_id: str) -> None:
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    widget = path.startswith("/widget/")
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if widget else "same-site"
    if "content-type" in headers:
        # A 304 has no type and must not replace the policy of the page it confirms.
        headers.setdefault("Content-Security-Policy", _policy(headers.get("content-type", "")))
    if not widget:
        headers.setdefault("Cache-Control", "no-store")


def _policy(content_type: str) -> str:
    return _CSP_PAGE if content_type.startswith("text/html") else _CSP_DATA
