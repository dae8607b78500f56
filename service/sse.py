"""A sync iterator becomes an HTTP response: stepped in a thread, watched for disconnects, closed whatever happens."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from enum import Enum
from typing import Any, Final, Generic, TypeVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

log = logging.getLogger("career.http")
T = TypeVar("T")
PING: Final = b": ping\n\n"
HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class Tick(Enum):
    """What `Stepper.step` gives instead of a value."""

    SILENCE = "silence"
    END = "end"


class Stepper(Generic[T]):
    """Steps one sync iterator in the threads of `executor`; `close` waits for the step under way, then closes it."""

    def __init__(self, iterator: Iterator[T], executor: Executor) -> None:
        self._iterator = iterator
        self._executor = executor
        self._pending: asyncio.Future[T | Tick] | None = None

    async def step(self, silence_s: float | None = None) -> T | Tick:
        """The next value, END after the last, or SILENCE when none came in `silence_s` (the step goes on)."""
        if self._pending is None:
            self._pending = asyncio.get_running_loop().run_in_executor(self._executor, self._next)
        done, _ = await asyncio.wait({self._pending}, timeout=silence_s)
        if not done:
            return Tick.SILENCE
        pending, self._pending = self._pending, None
        return pending.result()

    def _next(self) -> T | Tick:
        return next(self._iterator, Tick.END)

    async def close(self) -> None:
        """Frees what the iterator holds, even when the caller is being cancelled."""
        closing = asyncio.ensure_future(self._close())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing
            raise

    async def _close(self) -> None:
        if self._pending is not None:
            # A generator cannot be closed while it runs: end what it waits for, if it knows how.
            if (cancel := getattr(self._iterator, "cancel", None)) is not None:
                cancel()
            with suppress(Exception):
                await self._pending
        close = getattr(self._iterator, "close", None)
        if close is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, close)


class SlowReader(Exception):
    """Nobody takes what is sent; the connection cannot be told so either."""


class Stream(Response):
    """Writes `chunks` until they end, the reader goes away or stalls for `write_timeout_s`; then runs `on_close`.

    A reader who stalls is an ordinary end: it is logged, and `on_slow` counts it. A server that shuts down cancels what
    takes too long: then `farewell` is the last chunk.

    An async generator handed to Starlette would be left to the garbage collector when the reader leaves while a chunk
    is being written; here `chunks` is closed at once.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        on_close: Callable[[], Awaitable[None]],
        write_timeout_s: float,
        farewell: bytes = b"",
        on_slow: Callable[[], None] = lambda: None,
    ) -> None:
        self.status_code = 200
        self.media_type = "text/event-stream"
        self.background = None
        self._chunks = chunks
        self._on_close = on_close
        self._write_timeout_s = write_timeout_s
        self._farewell = farewell
        self._on_slow = on_slow
        self.init_headers(HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._race(receive, send)
        except SlowReader:
            self._on_slow()
            state = scope.get("state", {})
            log.info("slow reader: a stream was cut", extra={"request_id": state.get("request_id", "")})
        finally:
            await self._on_close()

    async def _race(self, receive: Receive, send: Send) -> None:
        """Write, or see the reader leave: whichever comes first."""
        writing = asyncio.ensure_future(self._write(send))
        leaving = asyncio.ensure_future(disconnected(receive))
        cancelled = False
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            cancelled = True
            raise
        finally:
            written, gone = writing.done(), leaving.done()
            writing.cancel()
            leaving.cancel()
            await asyncio.wait({writing, leaving})
            if cancelled and not written and not gone:
                with suppress(SlowReader):
                    await self._send(send, self._farewell, more=False)
        if written:
            writing.result()

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._chunks) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                await self._send(send, chunk, more=True)
        await self._send(send, b"", more=False)

    async def _send(self, send: Send, chunk: bytes, more: bool) -> None:
        """Raises: SlowReader: the connection takes nothing for `write_timeout_s`."""
        try:
            async with asyncio.timeout(self._write_timeout_s):
                await send({"type": "http.response.body", "body": chunk, "more_body": more})
        except TimeoutError:
            raise SlowReader from None


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\n".encode() + data_line(data)


def data_line(data: Mapping[str, Any]) -> bytes:
    return b"data: " + dumps(data) + b"\n\n"


def dumps(value: object) -> bytes:
    """Compact UTF-8 JSON; half a surrogate pair becomes its escape, which JSON allows."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def frames(chunks: Iterable[bytes]) -> list[tuple[str, Any]]:
    """The events of a whole stream, for clients and tests; comments are skipped, `[DONE]` is kept as text."""
    events = []
    for block in b"".join(chunks).decode("utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            raw = fields["data"]
            events.append((fields.get("event", "message"), raw if raw == "[DONE]" else json.loads(raw)))
    return events
