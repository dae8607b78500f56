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


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds after which a process counts as hung: to a question it replies at once, and it says how long it has been
    at one step of computing, which takes a large model on a small machine some seconds; loading takes as long as the
    disk needs. While there is work it is asked every `look_s`."""

    reply_s: float = 30.0
    step_s: float = 120.0
    load_s: float = 600.0
    look_s: float = 5.0


PATIENCE = Patience()
