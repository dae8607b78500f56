"""One connection to a server that speaks OpenAI's protocol; whatever is waited for on it, another thread can end."""

import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpx

from indexes.errors import EngineError
from service.llm.openai_wire import refusal, retry_after

CONNECT_S = 5.0
SILENCE_S = 60.0
TRIES = 3
FIRST_PAUSE_S = 0.3
LONGEST_PAUSE_S = 5.0
_RETRIED = {429, 502, 503, 504}
_CONNECTED = ("connect_tcp.complete", "start_tls.complete")


class Connection:
    """Used by one thread at a time, except `end`; kept open between requests as far as the server likes that."""

    def __init__(self, base: str, headers: Mapping[str, str], verify: ssl.SSLContext) -> None:
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        # A client of one connection: so its socket is known, which `end` shuts.
        limits = httpx.Limits(max_connections=1)
        self._client = httpx.Client(headers=headers, timeout=timeout, limits=limits, verify=verify)
        self._base = base
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_new = False
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def end(self) -> None:
        """From any thread: let the request under way fail at once, and every later one."""
        with self._lock:
            self._ended.set()
            self._shut()

    def get(self, path: str, timeout_s: float = CONNECT_S) -> httpx.Response:
        return self._client.get(f"{self._base}{path}", timeout=timeout_s, extensions={"trace": self._trace})

    @contextmanager
    def post(self, path: str, content: dict[str, Any], deadline: float) -> Iterator[httpx.Response]:
        """The response to a request that was taken; before its first byte, trouble that may pass is tried again.

        Raises:
            EngineError: the server refuses.
            httpx.HTTPError: see `in_words`.
        """
        for attempt in itertools.count(1):
            if self.ended:
                raise EngineError("The request was cancelled.")
            pause = min(FIRST_PAUSE_S * 2 ** (attempt - 1), LONGEST_PAUSE_S)
            try:
                response = self._client.send(self._request(path, content, deadline), stream=True)
            except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
                if attempt == TRIES or not self._may_pass(error):
                    raise
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
            self._ended.wait(min(pause, left(deadline)))

    def close(self) -> None:
        self._client.close()

    def _request(self, path: str, content: dict[str, Any], deadline: float) -> httpx.Request:
        self._is_new = False
        silence = min(SILENCE_S, left(deadline))
        return self._client.build_request(
            "POST",
            f"{self._base}{path}",
            json=content,
            timeout=httpx.Timeout(silence, connect=min(CONNECT_S, silence)),
            extensions={"trace": self._trace},
        )

    def _may_pass(self, error: httpx.HTTPError) -> bool:
        """A server may close a connection that was kept open just when the next request is on its way."""
        return isinstance(error, httpx.ConnectError) or not self._is_new

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_CONNECTED):
            with self._lock:
                self._is_new = True
                self._socket = info["return_value"].get_extra_info("socket")
                if self._ended.is_set():
                    self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            # Closing it would not wake the thread that reads. Not the method of a TLS socket, which forgets its state.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def in_words(base: str, error: httpx.HTTPError) -> EngineError:
    """What went wrong between here and the server, and the cure."""
    words = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout):
        return EngineError(f"Nobody answers at {base} (not within {CONNECT_S:g} s). Is it running?")
    if isinstance(error, httpx.ConnectError):
        return EngineError(f"Nobody answers at {base} ({words}). Is it running?")
    if isinstance(error, httpx.TimeoutException):
        return EngineError(f"{base} kept silent for {SILENCE_S:g} s. Is it overloaded?")
    return EngineError(f"The connection to {base} broke ({words}). Ask again.")


def left(deadline: float) -> float:
    """Seconds; sockets and events take no infinite timeouts, a year will do."""
    return min(max(deadline - time.monotonic(), 0.001), 3.15e7)
