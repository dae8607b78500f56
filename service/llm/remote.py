"""An engine at the other end of HTTP: any server that speaks OpenAI's chat completions (vLLM, llama.cpp, hosted ones).

The address is the API's root, with the model after a `#` where the server has several: `http://host:8000/v1#name`.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx

from indexes.errors import CareerError, EngineError
from service.llm.connection import Connection, in_words
from service.llm.core import Cancelled, EngineInfo, Failed, Progress, Sink, Started, Stats
from service.llm.desk import QueuedLLM, Stream
from service.llm.health import EngineHealth, EngineState
from service.llm.openai_wire import body, chunks, refusal, usage
from service.llm.types import Done, GenerateOptions, Prompt, Text
from service.settings import Settings
from service.types import Usage

SEEN_S = 10.0
"""How long what was last seen of a server is taken for how it is."""

_FINISHES: dict[str, Literal["stop", "length"]] = {"stop": "stop", "length": "length"}
# Rough upper bounds of what the usual vocabularies make of a text, in tokens for each UTF-8 byte.
_TOKENS_PER_ASCII_BYTE = 0.4
_TOKENS_PER_OTHER_BYTE = 0.5


@dataclass(frozen=True, slots=True)
class Address:
    """Where and what: `base` without a slash at its end, `model` None is the server's first."""

    base: str
    model: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        base, _, model = text.partition("#")
        return cls(base.rstrip("/"), model or None)


class RemoteCore:
    """A `Core` whose work is done by a server: `at_once` requests run there, each on a connection of its own.

    Raises:
        EngineError: the address names no model, and nobody there does.
    """

    def __init__(self, address: Address, *, context_tokens: int, api_key: str, at_once: int) -> None:
        self._base = address.base
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._verify = httpx.create_ssl_context()
        self._lock = threading.Lock()
        self._closed = False
        self._waiting: dict[int, tuple[Future[None], Sink]] = {}
        self._running: dict[int, Connection] = {}
        self._leaving: set[int] = set()
        self._idle: list[Connection] = []
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="remote")
        self.pulse = Pulse(self._look)
        self.info = EngineInfo(address.model or self._first_model(), context_tokens, at_once)

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """An estimate on the safe side: the protocol has no way to ask."""
        return [_estimate(text) for text in texts]

    def submit(self, number: int, prompt: Prompt, options: GenerateOptions, sink: Sink) -> None:
        """Raises: EngineError: it is closed."""
        deadline = time.monotonic() + (options.deadline_s if options.deadline_s is not None else float("inf"))
        content = body(self.info.name, prompt, options)
        with self._lock:
            if self._closed:
                raise _closed()
            self._waiting[number] = self._threads.submit(self._run, number, content, deadline, sink), sink

    def warm(self, number: int, prompts: Sequence[Prompt], sink: Sink) -> None:
        """What a server keeps is its own affair."""
        sink(Done("stop", Usage()))

    def cancel(self, number: int) -> None:
        with self._lock:
            if number in self._running:
                self._running[number].end()
            if number not in self._waiting:
                return
            future, sink = self._waiting[number]
            if not future.cancel():
                self._leaving.add(number)  # It is just about to run.
                return
            del self._waiting[number]
        sink(Cancelled())

    def stats(self) -> Stats:
        return {"running": len(self._running), "waiting": len(self._waiting)}

    def step_s(self) -> float:
        return 0.0

    def close(self) -> None:
        """End what runs or waits with an error, at once."""
        with self._lock:
            self._closed = True
            for connection in self._running.values():
                connection.end()
            given_up = [sink for future, sink in self._waiting.values() if future.cancel()]
            idle, self._idle = self._idle, []
        self._threads.shutdown(wait=False, cancel_futures=True)
        for sink in given_up:
            sink(Failed(_closed()))
        for connection in idle:
            connection.close()
        self.pulse.close()

    def _run(self, number: int, content: dict[str, Any], deadline: float, sink: Sink) -> None:
        with self._lock:
            del self._waiting[number]
            connection = self._idle.pop() if self._idle else Connection(self._base, self._headers, self._verify)
            self._running[number] = connection
            if self._closed or number in self._leaving:
                connection.end()
            self._leaving.discard(number)
        sink(Started())
        last: Progress = self._last(connection, content, deadline, sink)
        with self._lock:
            del self._running[number]
            kept = not connection.ended
            if kept:
                self._idle.append(connection)
            elif isinstance(last, Failed):
                last = Failed(_closed()) if self._closed else Cancelled()
        if not kept:
            connection.close()
        sink(last)

    def _last(self, connection: Connection, content: dict[str, Any], deadline: float, sink: Sink) -> Done | Failed:
        """Send a request and tell the text of its answer; how that ended."""
        try:
            done = self._answer(connection, content, deadline, sink)
            self.pulse.saw(None)
            return done
        except httpx.HTTPError as error:
            if isinstance(error, httpx.TimeoutException) and time.monotonic() >= deadline:
                return Done("deadline", Usage())
            trouble = in_words(self._base, error)
            if not connection.ended:
                self.pulse.saw(str(trouble))
            return Failed(trouble)
        except CareerError as error:
            return Failed(error)
        except Exception as error:  # A server may send anything.
            return Failed(EngineError(f"{self._base} sent what is no answer ({error!r}). Does it speak the protocol?"))

    def _answer(self, connection: Connection, content: dict[str, Any], deadline: float, sink: Sink) -> Done:
        with connection.post("/chat/completions", content, deadline) as response:
            finish: Literal["stop", "length"] = "stop"
            told, ended = Usage(), False
            for chunk in chunks(response, self._base):
                told = usage(chunk) or told
                for choice in chunk.get("choices") or ():
                    if text := (choice.get("delta") or {}).get("content"):
                        sink(Text(text))
                    if reason := choice.get("finish_reason"):
                        finish, ended = _FINISHES.get(reason, "stop"), True
                if time.monotonic() >= deadline:
                    return Done("deadline", told)
            if not ended:
                raise EngineError(f"{self._base} ended its answer before it was complete. Ask again.")
            return Done(finish, told)

    def _first_model(self) -> str:
        response = self._models()
        try:
            response.raise_for_status()
            name = str(response.json()["data"][0]["id"])
        except httpx.HTTPError as error:
            raise EngineError(f"No models at {self._base} ({error}). Is the address right?") from error
        except (ValueError, LookupError, TypeError) as error:
            raise EngineError(f"{self._base} names no model. Put one behind the address: {self._base}#name.") from error
        self.pulse.saw(None)
        return name

    def _look(self) -> None:
        """Raises: EngineError: the server cannot be used."""
        response = self._models()
        # Who names no models may answer all the same; who lets nobody in, or is broken, does not.
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN} or response.is_server_error:
            raise refusal(response, self._base)

    def _models(self) -> httpx.Response:
        connection = Connection(self._base, self._headers, self._verify)
        try:
            return connection.get("/models")
        except httpx.HTTPError as error:
            raise EngineError(f"No models at {self._base} ({_words(error)}). Is the address right?") from error
        finally:
            connection.close()


class Pulse:
    """Whether a server answers, as it was last seen. Who asks never waits: what was seen long ago is looked at again by
    a thread, for who asks next."""

    def __init__(self, look: Callable[[], None]) -> None:
        """`look` raises an EngineError when the server does not answer."""
        self._look = look
        self._lock = threading.Lock()
        self._health = EngineHealth(EngineState.STARTING)
        self._seen = float("-inf")
        self._looking = False

    def saw(self, trouble: str | None) -> None:
        with self._lock:
            if self._health.state is not EngineState.CLOSED:
                state = EngineState.READY if trouble is None else EngineState.DOWN
                self._health, self._seen = EngineHealth(state, trouble), time.monotonic()

    def health(self) -> EngineHealth:
        with self._lock:
            old = time.monotonic() - self._seen > SEEN_S and self._health.state is not EngineState.CLOSED
            if old and not self._looking:
                self._looking = True
                threading.Thread(target=self._look_now, name="remote-pulse", daemon=True).start()
            return self._health

    def close(self) -> None:
        with self._lock:
            self._health = EngineHealth(EngineState.CLOSED)

    def _look_now(self) -> None:
        trouble = None
        try:
            self._look()
        except CareerError as error:
            trouble = str(error)
        finally:
            with self._lock:
                self._looking = False
        self.saw(trouble)


class RemoteLLM:
    """An LLM (see `service.llm.types`) over HTTP; at most `at_once` requests run, `queue_bound` more may wait."""

    def __init__(
        self, address: Address, *, context_tokens: int, api_key: str = "", at_once: int = 8, queue_bound: int = 16
    ) -> None:
        self._core = RemoteCore(address, context_tokens=context_tokens, api_key=api_key, at_once=at_once)
        # Not a QueuedLLM itself: that could be warmed, and nobody wants rows translated ahead at somebody's expense.
        self._desk = QueuedLLM(self._core, queue_bound)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Raises: EngineError: nobody answers at the address."""
        return cls(
            Address.parse(settings.llm),
            context_tokens=settings.context_tokens,
            api_key=settings.llm_api_key.get_secret_value(),
            at_once=settings.answers_at_once,
            queue_bound=settings.queue,
        )

    @property
    def name(self) -> str:
        return self._desk.name

    @property
    def context_tokens(self) -> int:
        return self._desk.context_tokens

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return self._desk.count_tokens(texts)

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Stream:
        """Raises: EngineBusy at once when too many wait; EngineError (while iterating) when the server fails."""
        return self._desk.generate(prompt, options)

    def health(self) -> EngineHealth:
        return self._core.pulse.health()

    def close(self) -> None:
        self._desk.close()


def _closed() -> EngineError:
    return EngineError("The engine is closed: the service is ending.")


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _estimate(text: str) -> int:
    size = len(text.encode("utf-8", "replace"))
    ascii_bytes = sum(char.isascii() for char in text)
    return round(ascii_bytes * _TOKENS_PER_ASCII_BYTE + (size - ascii_bytes) * _TOKENS_PER_OTHER_BYTE) + 1
