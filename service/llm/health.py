"""How an engine is, for /readyz: told at once and from memory, whatever the engine is doing."""

from dataclasses import dataclass
from enum import StrEnum


class EngineState(StrEnum):
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    DOWN = "down"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """`reason` says why it is not ready; `restarts` since the beginning; `pid` of an engine with a process here."""

    state: EngineState
    reason: str | None = None
    restarts: int = 0
    pid: int | None = None
