"""Passage states computed ahead, whenever nobody waits: a first question then answers as fast as a later one."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from indexes.errors import CareerError, EngineError
from indexes.types import Chunk, TokenEmbedder, Unit
from service.abstention import FEW_PASSAGES
from service.llm.types import Prompt
from service.passagewise import SYSTEM as READER
from service.prompt import LEAD_INS, ROW_TITLES, SYSTEM, passage_block, restated
from service.rendering import Renderer, is_translated
from service.runtime import Runtime

log = logging.getLogger("career.warming")

MOST_STATES, MOST_TRANSLATED = 500, 2000
"""Rows of a larger corpus are computed, and translated, when they are asked for: ahead, their states would take the
disk from those of passages, and translating would keep a small machine busy for hours."""

MOST_FAILURES = 5
HANDED_OVER = 32
"""Prompts the engine is given at a time: it takes their text apart at once, and questions wait for that."""


@runtime_checkable
class Warmable(Protocol):
    """An engine that keeps what it has computed of a passage."""

    def warm(self, prompts: Sequence[Prompt], timeout_s: float | None = None) -> None: ...


def prompts_of(chunks: Sequence[Chunk]) -> list[Prompt]:
    """One prompt for each passage, exactly as questions will show it; of a small corpus also for each row, of a very
    small one for each passage as it is read alone, too."""
    blocks = [passage_block(chunk) for chunk in chunks]
    rows = list(dict.fromkeys(row for chunk in chunks for row in restated(chunk)))
    if len(rows) <= MOST_STATES:
        blocks += [*ROW_TITLES, *rows]
    blocks += LEAD_INS
    alone = [passage_block(chunk) for chunk in chunks if len(chunks) <= FEW_PASSAGES]
    return [Prompt(system, (block,), "") for system, shown in ((SYSTEM, blocks), (READER, alone)) for block in shown]


def warm(runtime: Runtime) -> int:
    """Compute the missing states of all passages of the current generation; how many passages there are.

    Ends early when questions see another generation meanwhile.

    Raises:
        EngineError: the engine ended or was closed meanwhile.
    """
    engine: object = runtime.llm
    if not isinstance(engine, Warmable) or runtime.settings.kv_reuse == "off":
        return 0
    generation = runtime.generation
    prompts = prompts_of(generation.chunks)
    for start in range(0, len(prompts), HANDED_OVER):
        if runtime.generation is generation:
            engine.warm(prompts[start : start + HANDED_OVER])
    return len(generation.chunks)


def translate(
    runtime: Runtime, progress: Callable[[int, int], None] = lambda done, total: None, *, rest: float = 0.0
) -> int:
    """Translate the rows of all Chinese passages of the current generation that have no translation yet, one after
    another, so that an English answer never waits for one. Ends early when questions see another generation meanwhile.

    Args:
        rest: pause after each row, as a share of the time that it took.

    Returns:
        How many rows there are; fewer where the engine failed several times in a row.
    """
    view = runtime.holder.view
    if view.renderer is None:
        return 0
    rows = rows_to_translate(view.generation.chunks)
    failed = 0
    for done, (chunk, unit) in enumerate(rows, start=1):
        began = time.monotonic()
        failed = 0 if _is_translated_now(view.renderer, chunk, unit) else failed + 1
        if failed == MOST_FAILURES or runtime.generation is not view.generation:
            return done - failed
        progress(done, len(rows))
        time.sleep(rest * (time.monotonic() - began))
    return len(rows)


def translations(runtime: Runtime) -> dict[str, str]:
    """All translations of the rows of the current generation that were made or came with the package, by key."""
    view = runtime.holder.view
    if view.renderer is None:
        return {}
    translator, found = view.renderer.translator, {}
    for _, unit in rows_to_translate(view.generation.chunks):
        for told_terms in (False, True):
            if text := translator.kept(unit, told_terms=told_terms):
                found[translator.key(unit, told_terms=told_terms)] = text
    return found


def read_words(runtime: Runtime, *, rest: float = 0.0) -> int:
    """Read the rows of a small corpus and their headings token by token, as gate and verification will; how many rows.

    Args:
        rest: as of `translate`.
    """
    embedder: object = runtime.embedder
    units = [unit for chunk in runtime.generation.chunks for unit in chunk.units]
    if not isinstance(embedder, TokenEmbedder) or len(units) > MOST_STATES:
        return 0
    for text in dict.fromkeys(text for unit in units for text in (unit.text, unit.context)):
        began = time.monotonic()
        embedder.embed_tokens(text, passage=True)
        time.sleep(rest * (time.monotonic() - began))
    return len(units)


def _is_translated_now(renderer: Renderer, chunk: Chunk, unit: Unit) -> bool:
    try:
        said = renderer.translator.translation(unit, None)
        if said:
            renderer.rendered(chunk, unit, None, patient=True)
        return bool(said)
    except EngineError:
        return False


def rows_to_translate(chunks: Sequence[Chunk]) -> list[tuple[Chunk, Unit]]:
    """What an English answer may have to say of Chinese passages."""
    return [(chunk, unit) for chunk in chunks if chunk.lang == "zh" for unit in chunk.units if is_translated(unit)]


def warm_in_background(runtime: Runtime) -> threading.Thread:
    """`warm`, and again whenever the documents have changed, in a thread that gives way to every question and never
    outlives the runtime."""

    def work() -> None:
        while True:
            view = runtime.holder.view
            if not _warm_all(runtime) or not runtime.holder.wait_for_another(view):
                return

    thread = threading.Thread(target=work, name="warming", daemon=True)
    thread.start()
    return thread


def _warm_all(runtime: Runtime) -> bool:
    """Whether there is an engine that can be warmed again."""
    try:
        read_words(runtime, rest=1.0)
        count = warm(runtime)
        few = len(rows_to_translate(runtime.generation.chunks)) <= MOST_TRANSLATED
        rows = translate(runtime, rest=1.0) if count and few else 0
    except CareerError as error:
        log.info("Warming ended early: %s", error)
        return True
    log.info("The states of %d passages are computed, %d rows are translated", count, rows)
    return count > 0
