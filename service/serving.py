"""uvicorn around the app, with an end that nobody is cut by: not ready at once, open streams finish, then it stops."""

import asyncio
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.settings import Settings
from service.web import Web

SWITCH_S = 0.0005
"""How long a thread keeps the interpreter while others wait. A request takes it some ten times, and sentences are
checked in Python beside it: with the usual 5 ms the slowest hundredth of rejections took 183 ms under overload, with
this 99."""
FAREWELL_S = 1
"""Time to write the last event of a stream that is cut."""


class GracefulServer(uvicorn.Server):
    """Told to end, it listens on, so that /readyz can say 503, until every answer is written or `drain_s` is over."""

    def __init__(self, config: uvicorn.Config, web: Web) -> None:
        super().__init__(config)
        self._web = web

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._web.slot.draining.set()
        deadline = time.monotonic() + self._web.settings.drain_s
        while self._web.asks.running and time.monotonic() < deadline and not self.force_exit:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def serve(app: FastAPI, settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; both are an ordinary end.

    Raises:
        KeyboardInterrupt, SystemExit(0): after everything is closed.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=FAREWELL_S,
    )
    # uvicorn raises the signal again when it has ended; by default that would be the death of the process.
    signal.signal(signal.SIGTERM, _end)
    sys.setswitchinterval(SWITCH_S)
    GracefulServer(config, app.state.web).run(sockets=[listener])


def _end(_: int, __: FrameType | None) -> Any:
    raise SystemExit(0)
