"""Passage states computed ahead, whenever nobody waits: a first question then answers as fast as a later one."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from indexes.errors import CareerError
from indexes.types import Chunk
from service.llm.types import Prompt
from service.prompt import SYSTEM, passage_block
from service.runtime import Runtime, translator_of

log = logging.getLogger("career.warming")


@runtime_checkable
class Warmable(Protocol):
    """An engine that keeps what it has computed of a passage."""

    def warm(self, prompts: Sequence[Prompt], timeout_s: float | None = None) -> None: ...


def prompts_of(chunks: Sequence[Chunk]) -> list[Prompt]:
    """One prompt for each passage, exactly as questions will show it."""
    return [Prompt(SYSTEM, (passage_block(chunk),), "") for chunk in chunks]


def warm(runtime: Runtime) -> int:
    """Compute the missing states of all passages of the current generation; how many passages there are.

    Raises:
        EngineError: the engine ended or was closed meanwhile.
    """
    engine: object = runtime.llm
    if not isinstance(engine, Warmable) or runtime.settings.kv_reuse == "off":
        return 0
    chunks = runtime.generation.chunks
    engine.warm(prompts_of(chunks))
    return len(chunks)


def translate(runtime: Runtime, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Translate the rows of all Chinese passages of the current generation that have no translation yet, one after
    another, so that an English answer never waits for one; how many rows there are."""
    if runtime.llm is None:
        return 0
    translator = translator_of(runtime.llm, runtime.settings)
    units = [unit for chunk in runtime.generation.chunks if chunk.lang == "zh" for unit in chunk.units]
    for done, unit in enumerate(units, start=1):
        translator.translation(unit, None)
        progress(done, len(units))
    return len(units)


def warm_in_background(runtime: Runtime) -> threading.Thread:
    """`warm` in a thread that gives way to every question and never outlives the process."""

    def work() -> None:
        try:
            count = warm(runtime)
        except CareerError as error:
            log.info("Warming ended early: %s", error)
        else:
            log.info("The states of %d passages are computed", count)

    thread = threading.Thread(target=work, name="warming", daemon=True)
    thread.start()
    return thread
