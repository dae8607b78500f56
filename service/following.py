"""A service follows the index of its home: what `career ingest` or `career index use` made current answers at once."""

import logging
import threading

from indexes.errors import CareerError
from indexes.generations import current_number
from service.memory import trim
from service.runtime import Runtime

log = logging.getLogger("career.following")

EVERY_S = 1.0
"""One small file is read so often."""


def follow_in_background(runtime: Runtime, every_s: float = EVERY_S) -> threading.Thread:
    """Let questions see whatever generation CURRENT names, in a thread that ends with the runtime.

    One that cannot be opened is told of once in the log; the generation before it goes on serving.
    """

    def work() -> None:
        refused: int | None = None
        while not runtime.holder.closed_within(every_s):
            refused = look(runtime, refused)

    thread = threading.Thread(target=work, name="following", daemon=True)
    thread.start()
    return thread


def look(runtime: Runtime, refused: int | None = None) -> int | None:
    """One look at CURRENT. Returns the number of a generation that cannot be served; given back as `refused`, it is
    left alone until CURRENT names another: to verify it again each second would keep a small machine busy."""
    number: int | None = None
    try:
        number = current_number(runtime.settings.home)
        if number == refused:
            return refused
        if number == runtime.generation.number:
            return None
        if runtime.refresh():
            log.info("Questions see generation %d now", runtime.generation.number)
            trim()
    except (CareerError, OSError) as error:
        if number is not None:
            log.warning("Generation %d goes on serving: %s", runtime.generation.number, error)
        return number
    return None
