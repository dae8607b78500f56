"""A request to the engine's process, as it is kept until it has ended."""

import time
from dataclasses import dataclass, replace

from service.llm.core import Sink
from service.llm.protocol import Generate, Warm

_TRIES = 2


@dataclass(slots=True)
class Pending:
    """A request until it has ended. One that has started dies with the process; any other is sent once more."""

    message: Generate | Warm
    sink: Sink
    deadline: float | None = None
    started: bool = False
    sent: int = 0

    @property
    def may_be_sent_again(self) -> bool:
        return not self.started and self.sent < _TRIES

    def next_message(self) -> Generate | Warm:
        self.sent += 1
        if isinstance(self.message, Warm) or self.deadline is None:
            return self.message
        left = max(self.deadline - time.monotonic(), 0.0)
        return replace(self.message, options=replace(self.message.options, deadline_s=left))
