"""What the routes share besides the runtime, and how they get at both."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from indexes.errors import CareerError
from service.asks import Asks
from service.feedback import FeedbackStore
from service.jobs import Jobs
from service.metrics import Metrics
from service.problems import Problem, of_error, retry_after
from service.runtime import Runtime
from service.settings import Settings
from service.telemetry import Telemetry


class Slot:
    """Holds the runtime once it is open; before, and when the service is ending, `get` says why not."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.runtime = runtime
        self.error: CareerError | None = None
        self.draining = asyncio.Event()

    def get(self) -> Runtime:
        if self.draining.is_set():
            raise Problem(503, "The service is shutting down: ask again.", "draining", headers=retry_after(5))
        if self.error is not None:
            raise of_error(self.error)
        if self.runtime is None:
            raise Problem(503, "The models are being loaded: try again in a moment.", "loading", headers=retry_after(2))
        return self.runtime


@dataclass(frozen=True, slots=True)
class Web:
    settings: Settings
    slot: Slot
    asks: Asks
    metrics: Metrics
    feedback: FeedbackStore
    jobs: Jobs
    telemetry: Telemetry
    searching: CapacityLimiter
    """Searches at once, first come first served: more threads than cores only keep all of them waiting longer."""


# `async`, because FastAPI sends what is not through a thread: three hops a request.
async def _web(request: Request) -> Web:
    web: Web = request.state.web
    return web


async def _runtime(web: Annotated[Web, Depends(_web)]) -> Runtime:
    return web.slot.get()


WebDep = Annotated[Web, Depends(_web)]
RuntimeDep = Annotated[Runtime, Depends(_runtime)]
