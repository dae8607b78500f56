"""The engine's process: reads messages from standard input, answers on what was standard output, ends with its parent.

Run as `python -m service.llm.child`; the first message must be a Load.
"""

import contextlib
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from indexes.errors import CareerError, EngineError
from service.llm.core import Core, Failed, Sink
from service.llm.protocol import (
    AskStats,
    Cancel,
    Count,
    Counted,
    FromChild,
    Generate,
    Load,
    Loaded,
    NotLoaded,
    Ping,
    Pong,
    Reported,
    StatsTold,
    ToChild,
    Warm,
    decode_to_child,
    encode,
)

NICE = 5
_PARENT_CHECK_S = 1.0


class Outlet:
    """Sends messages whole, from any thread; ends the process when nobody is there to read them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def send(self, message: FromChild) -> None:
        with self._lock:
            try:
                self._file.write(encode(message))
                self._file.flush()
            except OSError:
                os._exit(0)

    def sink(self, number: int) -> Sink:
        return lambda progress: self.send(Reported(number, progress))


def claim_stdout() -> BinaryIO:
    """Standard output for messages alone: what native code prints goes to standard error from now on."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return messages


def make_core(load: Load) -> Core:
    """Raises: CareerError: the engine cannot be made."""
    module, _, function = load.maker.partition(":")
    maker: Callable[[dict[str, object]], Core] = getattr(importlib.import_module(module), function)
    return maker(load.config)


def handle(core: Core, outlet: Outlet, message: ToChild) -> None:
    if isinstance(message, Generate | Warm):
        begin(core, outlet.sink(message.number), message)
    elif isinstance(message, Cancel):
        core.cancel(message.number)
    elif isinstance(message, Count):
        outlet.send(Counted(message.number, tuple(core.count_tokens(message.texts))))
    elif isinstance(message, AskStats):
        outlet.send(StatsTold(message.number, core.stats()))
    elif isinstance(message, Ping):
        outlet.send(Pong(message.number, core.step_s()))


def begin(core: Core, sink: Sink, message: Generate | Warm) -> None:
    try:
        if isinstance(message, Warm):
            core.warm(message.number, message.prompts, sink)
        else:
            core.submit(message.number, message.prompt, message.options, sink)
    except CareerError as error:
        sink(Failed(error))


def prefer_as_victim() -> None:
    """When memory runs out, let the kernel end this process: it can be started again, and search goes on meanwhile."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


def give_way() -> None:
    """Threads that compute for seconds let those go first that answer in milliseconds: who searches, who is turned
    away, the check of a sentence that is ready."""
    with contextlib.suppress(OSError):
        os.nice(NICE)


def end_with_parent(parent: int) -> None:
    """A pipe that another process inherited stays open when the parent is killed: so look for the parent too."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_S)
    os._exit(0)


def main() -> None:
    outlet = Outlet(claim_stdout())
    # These reach the whole group or control group: the parent decides when this process ends, by hanging up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    prefer_as_victim()
    give_way()
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    lines = sys.stdin.buffer
    first = decode_to_child(lines.readline())
    if not isinstance(first, Load):
        raise SystemExit("the first message must be a Load")
    try:
        core = make_core(first)
    except CareerError as error:
        outlet.send(NotLoaded(error))
        return
    except (ImportError, OSError) as error:
        cure = "`career doctor` says what is missing."
        outlet.send(NotLoaded(EngineError(f"The engine cannot be loaded ({error}). {cure}")))
        return
    outlet.send(Loaded(core.info))
    for line in lines:
        handle(core, outlet, decode_to_child(line))
    # The parent has hung up: what was computed is still written, then nothing is left to do.
    with contextlib.suppress(Exception):
        core.close()
    os._exit(0)


if __name__ == "__main__":
    main()
