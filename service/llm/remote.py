"""An engine at the other end of HTTP: any server that speaks OpenAI's chat completions (vLLM, llama.cpp, hosted ones).

The address is the API's root, with the model after a `#` where the server has several: `http://host:8000/v1#name`.
"""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx

from indexes.errors import EngineBusy, EngineError
from service.llm.openai_wire import body, chunks, refusal, retry_after, usage
from service.llm.types import Done, EngineEvent, GenerateOptions, Prompt, Queued, Text
from service.settings import Settings
from service.types import Usage

CONNECT_S = 5.0
SILENCE_S = 60.0
TRIES = 3
FIRST_PAUSE_S = 0.3
LONGEST_PAUSE_S = 5.0
_RETRIED = {429, 502, 503, 504}
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


class RemoteLLM:
    """An LLM (see `service.llm.types`) over HTTP; at most `at_once` requests run, `queue_bound` more may wait."""

    def __init__(
        self, address: Address, *, context_tokens: int, api_key: str = "", at_once: int = 8, queue_bound: int = 16
    ) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        self._client = httpx.Client(base_url=address.base, headers=headers, timeout=timeout)
        self._base = address.base
        self._context_tokens = context_tokens
        self._at_once = at_once
        self._places = at_once + queue_bound
        self._entered = 0
        self._lock = threading.Lock()
        self._running = threading.Semaphore(at_once)
        self._model = address.model or self._first_model()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Raises: EngineError: nobody answers at the address."""
        return cls(
            Address.parse(settings.llm),
            context_tokens=settings.context_tokens,
            api_key=settings.llm_api_key.get_secret_value(),
            queue_bound=settings.queue,
        )

    @property
    def name(self) -> str:
        return self._model

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        """An estimate on the safe side: the protocol has no way to ask."""
        return [_estimate(text) for text in texts]

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        """Raises: EngineBusy at once when too many wait; EngineError (while iterating) when the server fails."""
        with self._lock:
            if self._entered >= self._places:
                raise EngineBusy(f"{self._entered} askers are with {self._base} already. Try again later.", 2.0)
            self._entered += 1
        return _Released(self._events(prompt, options), self._leave)

    def close(self) -> None:
        self._client.close()

    def _leave(self) -> None:
        with self._lock:
            self._entered -= 1

    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        deadline = time.monotonic() + (options.deadline_s if options.deadline_s is not None else float("inf"))
        if not self._running.acquire(blocking=False):
            yield Queued(max(self._entered - self._at_once - 1, 0), 0.0)
            if not self._running.acquire(timeout=_left(deadline)):
                yield Done("deadline", Usage())
                return
        try:
            yield from self._answer(prompt, options, deadline)
        except httpx.TimeoutException as error:
            if time.monotonic() < deadline:
                raise EngineError(f"{self._base} kept silent for {SILENCE_S:.0f} s. Is it overloaded?") from error
            yield Done("deadline", Usage())
        except httpx.HTTPError as error:
            raise EngineError(f"The connection to {self._base} broke ({_words(error)}). Ask again.") from error
        finally:
            self._running.release()

    def _answer(self, prompt: Prompt, options: GenerateOptions, deadline: float) -> Iterator[EngineEvent]:
        with self._open(body(self._model, prompt, options), deadline) as response:
            finish: Literal["stop", "length"] = "stop"
            told, ended = Usage(), False
            for chunk in chunks(response, self._base):
                told = usage(chunk) or told
                for choice in chunk.get("choices") or ():
                    if text := (choice.get("delta") or {}).get("content"):
                        yield Text(text)
                    if reason := choice.get("finish_reason"):
                        finish, ended = _FINISHES.get(reason, "stop"), True
                if time.monotonic() >= deadline:
                    yield Done("deadline", told)
                    return
            if not ended:
                raise EngineError(f"{self._base} ended its answer before it was complete. Ask again.")
            yield Done(finish, told)

    @contextmanager
    def _open(self, content: dict[str, Any], deadline: float) -> Iterator[httpx.Response]:
        """The response to a request that was taken; before its first byte, trouble that may pass is tried again."""
        for attempt in itertools.count(1):
            silence = min(SILENCE_S, _left(deadline))
            timeout = httpx.Timeout(silence, connect=min(CONNECT_S, silence))
            request = self._client.build_request(
                "POST", f"{self._base}/chat/completions", json=content, timeout=timeout
            )
            pause = min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S)
            try:
                response = self._client.send(request, stream=True)
            except httpx.ConnectError as error:
                if attempt == TRIES:
                    raise EngineError(f"Nobody answers at {self._base} ({_words(error)}). Is it running?") from error
            else:
                try:
                    if response.is_success:
                        yield response
                        return
                    response.read()
                    if response.status_code not in _RETRIED or attempt == TRIES:
                        raise refusal(response, self._base)
                    pause = min(retry_after(response) or pause, LONGEST_PAUSE_S)
                finally:
                    response.close()
            time.sleep(min(pause, _left(deadline)))

    def _first_model(self) -> str:
        try:
            response = self._client.get(f"{self._base}/models")
            response.raise_for_status()
            return str(response.json()["data"][0]["id"])
        except httpx.HTTPError as error:
            self._client.close()
            raise EngineError(f"No models at {self._base} ({_words(error)}). Is the address right?") from error
        except (ValueError, LookupError, TypeError) as error:
            self._client.close()
            raise EngineError(f"{self._base} names no model. Put one behind the address: {self._base}#name.") from error


class _Released(Iterator[EngineEvent]):
    """A generator whose place is given back even when nobody ever takes its first event."""

    def __init__(self, events: Iterator[EngineEvent], release: Any) -> None:
        self._events = events
        self._release = release
        self._lock = threading.Lock()
        self._released = False

    def __next__(self) -> EngineEvent:
        try:
            return next(self._events)
        except BaseException:
            self._give_back()
            raise

    def close(self) -> None:
        close = getattr(self._events, "close", None)
        if close is not None:
            close()
        self._give_back()

    def __del__(self) -> None:
        self._give_back()

    def _give_back(self) -> None:
        with self._lock:
            first, self._released = not self._released, True
        if first:
            self._release()


def _left(deadline: float) -> float:
    # Semaphores and sockets take no infinite timeouts; a year will do.
    return min(max(deadline - time.monotonic(), 0.001), 3.15e7)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _estimate(text: str) -> int:
    size = len(text.encode("utf-8", "replace"))
    ascii_bytes = sum(char.isascii() for char in text)
    return round(ascii_bytes * _TOKENS_PER_ASCII_BYTE + (size - ascii_bytes) * _TOKENS_PER_OTHER_BYTE) + 1
