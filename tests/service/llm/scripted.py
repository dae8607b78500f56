"""A Core for tests: says what the request tells it to say, a word at a time, and can die on command."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

from indexes.errors import EngineError, ModelDamaged
from service.llm.core import Cancelled, EngineInfo, Failed, Sink, Started, Stats
from service.llm.types import Done, GenerateOptions, Prompt, Text
from service.types import Usage

INFO = EngineInfo("scripted", 1000, 2)


class ScriptedCore:
    """Requests: `say WORDS`, `slow WORDS` (0.02 s each), `endless`, `silence`, `fail`, `refuse`, `die`, `abort`, `hang`
    (of which only `step_s` tells).

    Up to `slots` run at once, in the order they came.
    """

    def __init__(self, info: EngineInfo = INFO) -> None:
        self.info = info
        self._free = threading.Semaphore(info.slots)
        self._order = threading.Lock()
        self._cancelled: set[int] = set()
        self._hangs_since: float | None = None
        self.warmed = 0

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(text.split()) for text in texts]

    def submit(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> None:
        if prompt.request == "refuse":
            raise EngineError("too long by 7 tokens")
        threading.Thread(target=self._run, args=(number, prompt, options, sink), daemon=True).start()

    def warm(self, number: int, prompts: Sequence[Prompt], sink: Sink) -> None:
        self.warmed += len(prompts)
        sink(Done("stop", Usage()))

    def cancel(self, number: int) -> None:
        self._cancelled.add(number)

    def step_s(self) -> float:
        return 0.0 if self._hangs_since is None else time.monotonic() - self._hangs_since

    def stats(self) -> Stats:
        return {"cancelled": len(self._cancelled), "warmed": self.warmed}

    def close(self) -> None:
        pass

    def _run(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> None:
        with self._order:  # Whoever waits for a place waits in order.
            while not self._free.acquire(timeout=0.005):
                if number in self._cancelled:
                    sink(Cancelled())
                    return
        try:
            sink(Started())
            sink(self._say(number, prompt, options, sink))
        finally:
            self._free.release()

    def _say(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> Done | Cancelled | Failed:
        command, _, rest = prompt.request.partition(" ")
        if command in {"die", "abort"}:
            os.kill(os.getpid(), signal.SIGKILL if command == "die" else signal.SIGABRT)
            time.sleep(10)
        if command == "hang":
            self._hangs_since = time.monotonic()
            time.sleep(60)
        if command == "fail":
            return Failed(EngineError("could not compute"))
        while command == "silence" and number not in self._cancelled:
            time.sleep(0.005)
        words = rest.split() if command != "endless" else ["again"] * 100_000
        for said, word in enumerate(words):
            if number in self._cancelled:
                return Cancelled()
            if said == options.max_tokens:
                return Done("length", Usage(len(prompt.passages), 0, said))
            sink(Text(word + " "))
            time.sleep(0.0 if command == "say" else 0.02)
        return Done("stop", Usage(len(prompt.passages), 0, len(words)))


def make_core(config: dict[str, Any]) -> ScriptedCore:
    """`config`: `slots`; `damaged` or `crash` make loading go wrong, `load_s` makes it slow; `count_file` counts how
    often it was tried."""
    if path := config.get("count_file"):
        with open(path, "a", encoding="ascii") as file:
            file.write("x")
    time.sleep(config.get("load_s", 0.0))
    if config.get("damaged"):
        raise ModelDamaged("the file is cut off")
    if config.get("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if config.get("print"):
        os.write(1, b"native code prints to standard output\n")
    return ScriptedCore(EngineInfo("scripted", 1000, int(config.get("slots", 2))))
