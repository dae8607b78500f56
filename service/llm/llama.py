"""The engine in this process: a GGUF model, one thread that computes, and an LLM over it.

A crash in native code takes the process along; `service.llm.worker` runs the same in a process of its own.
"""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field

from indexes.errors import EngineError
from service.llm.batch_sizes import GUESSES, LAST_PIECE_ALONE, PIECE_IN_COMPANY
from service.llm.binding import Context, Model, default_threads, library_version
from service.llm.core import Cancelled, EngineInfo, Failed, Progress, Reuse, Sink, Stats, told
from service.llm.desk import QueuedLLM
from service.llm.kvstore import KvStore
from service.llm.layout import check_fits, lay_out
from service.llm.llama_config import LlamaConfig
from service.llm.plan import RESIDENT_BASES, Planner
from service.llm.rotation import find_rotation
from service.llm.scheduler import Scheduler
from service.llm.slots import Request
from service.llm.template import ChatTemplate
from service.llm.types import Done, GenerateOptions, Prompt
from service.types import Usage

_PASSAGES_AT_ONCE = 64
_MIB = 1024 * 1024
_USUAL_TOKENS = 1536


@dataclass(frozen=True, slots=True)
class _Cancel:
    number: int


@dataclass(frozen=True, slots=True)
class _Close:
    pass


@dataclass(slots=True)
class _Warming:
    """Counts what is left of a `warm`, one request for each prompt."""

    left: int
    sink: Sink
    lock: threading.Lock = field(default_factory=threading.Lock)


class LlamaCore:
    """A `Core` over llama.cpp.

    Raises:
        ModelMissing, ModelDamaged, EngineError: the file cannot be run; the message says why and what to do.
    """

    def __init__(self, config: LlamaConfig) -> None:
        self._config = config
        self._model = Model(config.path, config.gpu_layers)
        trained = self._model.info.context_tokens
        context_tokens = min(config.context_tokens, trained)
        self.info = EngineInfo(self._model.info.name, context_tokens, config.slots)
        self._template = ChatTemplate(
            self._model.info.chat_template, self._model.token_text("bos"), self._model.token_text("eos")
        )
        sequences = RESIDENT_BASES + 2 * (config.slots + 1) + _PASSAGES_AT_ONCE
        self._context = Context(
            self._model,
            cells=config.cells or _cells(config.slots, context_tokens),
            sequences=sequences,
            batch=max(LAST_PIECE_ALONE, PIECE_IN_COMPANY + config.slots),
            threads=config.threads or default_threads(),
            kv_type=config.kv_type,
        )
        self._store = KvStore(
            config.kv_folder, memory_bytes=config.kv_memory_mib * _MIB, disk_bytes=config.kv_disk_mib * _MIB
        )
        self._inbox: queue.SimpleQueue[Request | _Cancel | _Close] = queue.SimpleQueue()
        self._step_began: float | None = None
        made: Future[Scheduler] = Future()
        self._thread = threading.Thread(target=self._work, args=(sequences, made), name="llama", daemon=True)
        self._thread.start()
        self._scheduler = made.result()

    def _make_scheduler(self, sequences: int) -> Scheduler:
        config, model = self._config, self._model
        # llama.cpp 0.3.36 crashes when it shifts quantised keys.
        reusable = model.keeps_positions_apart and self._context.can_shift and config.kv_type == "f16"
        planner = Planner(
            self._context,
            self._store,
            fingerprint=f"{model.info.fingerprint} {library_version()} {config.kv_type} {config.gpu_layers}",
            sequences=sequences,
            reuse=config.reuse if reusable else Reuse.OFF,
            boundary_tokens=config.boundary_tokens,
            rotation=find_rotation(self._context, model.info, halves=model.turns_halves) if reusable else None,
            head=model.info.head_size if model.keeps_positions_apart else 0,
        )
        return Scheduler(
            model,
            self._context,
            planner,
            slots=config.slots,
            context_tokens=self.info.context_tokens,
            guesses=(GUESSES if self._context.by_fours else 0) if config.guesses is None else config.guesses,
        )

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(self._model.tokenize(text)) for text in texts]

    def submit(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> None:
        """Raises: EngineError: the prompt does not fit."""
        deadline = None if options.deadline_s is None else time.monotonic() + options.deadline_s
        layout = lay_out(self._model, self._template, prompt)
        check_fits(layout, self.info.context_tokens, self._model.info.context_tokens)
        self._scheduler.flight.ask()
        watched = next(iter(self._model.tokenize(options.watch)), None) if options.watch else None
        self._inbox.put(Request(number, layout, options, deadline, sink, watched))

    def warm(self, number: int, prompts: Sequence[Prompt], sink: Sink) -> None:
        if not prompts:
            sink(Done("stop", Usage()))
            return
        warming = _Warming(len(prompts), sink)
        for prompt in prompts:
            layout = lay_out(self._model, self._template, Prompt(prompt.system, prompt.passages, ""))
            self._inbox.put(Request(number, layout, None, None, lambda progress: _count_down(warming, progress)))

    def cancel(self, number: int) -> None:
        self._scheduler.flight.cancel(number)
        self._inbox.put(_Cancel(number))

    def stats(self) -> Stats:
        return {
            "running": self._scheduler.running,
            "waiting": self._scheduler.waiting,
            "computed_tokens": self._scheduler.computed_tokens,
            "generated_tokens": self._scheduler.generated_tokens,
            "guessed_tokens": self._scheduler.guessed_tokens,
            "rightly_guessed_tokens": self._scheduler.rightly_guessed_tokens,
            **{f"kv_{name}": value for name, value in asdict(self._store.stats()).items()},
        }

    def step_s(self) -> float:
        began = self._step_began
        return 0.0 if began is None else time.monotonic() - began

    def close(self) -> None:
        """End what runs with an error, within a second, and give the memory back."""
        if not self._thread.is_alive():
            return
        self._inbox.put(_Close())
        self._scheduler.flight.stop()
        self._thread.join()
        self._store.close()
        self._context.close()
        self._model.close()

    def _work(self, sequences: int, made: "Future[Scheduler]") -> None:
        """All that llama.cpp computes, from the first token on, is computed in this one thread.

        OpenMP keeps workers for each thread that ever asked it to compute. With those of two on as many processors as
        one needs, its threads no longer spin but sleep at each of the thousand barriers of a token: a third slower.
        """
        try:
            self._scheduler = self._make_scheduler(sequences)
        except BaseException as error:
            made.set_exception(error)
            return
        made.set_result(self._scheduler)
        while True:
            for item in self._arrived():
                if isinstance(item, _Close):
                    self._scheduler.fail_all(EngineError("The engine was closed."))
                    return
                if isinstance(item, _Cancel):
                    self._scheduler.cancel(item.number)
                else:
                    self._scheduler.submit(item)
            self._step_began = time.monotonic()
            try:
                self._scheduler.step()
            except Exception as error:  # Whatever it is, nobody may be left waiting for this thread.
                self._scheduler.fail_all(told(error))
            self._step_began = None

    def _arrived(self) -> list[Request | _Cancel | _Close]:
        """All that is there; waits for the first when there is nothing else to do."""
        items = [] if self._scheduler.busy else [self._inbox.get()]
        while not self._inbox.empty():
            items.append(self._inbox.get())
        return items


def _cells(slots: int, context_tokens: int) -> int:
    """Room for two full contexts, or for a usual prompt and answer in every slot: all cells are turned when one moves,
    so that more of them cost time as well as memory."""
    return max(min(slots, 2) * context_tokens, slots * _USUAL_TOKENS)


def _count_down(warming: _Warming, progress: Progress) -> None:
    """The last prompt that is done ends the whole, and so does the first that failed or was cancelled."""
    with warming.lock:
        if warming.left == 0 or not isinstance(progress, Done | Cancelled | Failed):
            return
        warming.left = warming.left - 1 if isinstance(progress, Done) else 0
        ended = warming.left == 0
    if ended:
        warming.sink(progress)


class LlamaEngine(QueuedLLM):
    """An LLM over a GGUF file, in this process."""

    def __init__(self, config: LlamaConfig, queue_bound: int = 16) -> None:
        super().__init__(LlamaCore(config), queue_bound)
