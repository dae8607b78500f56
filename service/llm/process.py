"""One run of the engine's process, seen from the service: messages both ways, and what it died of."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator

from indexes.errors import EngineError
from service.llm.protocol import FromChild, Load, ToChild, decode_from_child, encode

_LINES_KEPT = 20
_LINES_SHOWN = 3
_ENVIRONMENT = {
    # llama.cpp would start a debugger on itself to print a trace, which takes seconds.
    "GGML_NO_BACKTRACE": "1",
    # How long threads spin at a barrier before they sleep. Those that only spin starve as soon as anything else runs on
    # their cores, such as the embedder of this service; those that sleep at once lose a third at the thousand barriers
    # of a token. Milliseconds a token on two cores, alone / beside something that takes one of the two: 40 / 130 to 400
    # spinning, 61 / 70 sleeping, 42 / 77 with 600 turns, which are some 20 microseconds. Of answers written together
    # the threads meet less evenly: with AVX-512, 600 / 2000 / 6000 turns, eight had 52 / 62 / 58 tokens a second
    # together; one alone took 29 / 28 / 31 ms a token, beside a busy loop 70 / 99 / 172.
    "GOMP_SPINCOUNT": "2000",
    # For another OpenMP than GCC's.
    "OMP_WAIT_POLICY": "passive",
}
_HINTS = {
    "SIGKILL": "it was killed, perhaps because memory ran out; a smaller model or CAREER_CONTEXT_TOKENS needs less",
    "SIGILL": "the library was built for another CPU; `make install` builds one for this machine",
    "SIGSEGV": "a fault in native code; `career doctor` tests the library",
    "SIGABRT": "native code gave up; `career doctor` tests the library",
}


class EngineProcess:
    """Started at once; `messages` is read by one thread, everything else may be called by any.

    Raises:
        OSError: there is no memory, no file handle or no place for another process.
    """

    def __init__(self, load: Load) -> None:
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service.llm.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_ENVIRONMENT, **os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._outbox: queue.SimpleQueue[ToChild | None] = queue.SimpleQueue()
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._killed_for: str | None = None
        self._threads = [
            threading.Thread(target=work, name=f"engine-{name}", daemon=True)
            for name, work in (("stdin", self._write), ("stderr", self._listen))
        ]
        for thread in self._threads:
            thread.start()
        self.send(load)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: ToChild) -> None:
        """Returns at once, even when the process reads nothing. Of one that has died, does nothing: `messages` ends,
        and who reads it knows."""
        self._outbox.put(message)

    def messages(self) -> Iterator[FromChild]:
        """Until the process ends, or sends what is no message, upon which it is killed."""
        pipe = self._process.stdout
        if pipe is None:
            raise AssertionError("stdout is a pipe")
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                try:
                    yield decode_from_child(line)
                except EngineError as error:
                    self._last_lines.append(str(error))
                    self.kill()
                    return

    def hang_up(self) -> None:
        """Ask it to end, once it has read what was sent; it does so by itself when it sees the end of its input."""
        self._outbox.put(None)

    def kill(self, reason: str | None = None) -> None:
        """`reason` is what `cause_of_death` will say, for people."""
        if self._process.poll() is None:
            self._killed_for = reason
            self._process.kill()

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, kill it if that takes longer, and give back every handle."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self.hang_up()
        for thread in self._threads:
            thread.join(1.0)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def cause_of_death(self) -> str:
        """For people; after `wait`."""
        if self._killed_for is not None:
            return self._killed_for
        code = self._process.returncode or 0
        if code >= 0:
            words = " ".join(list(self._last_lines)[-_LINES_SHOWN:])
            return f"it ended with code {code}" + (f": {words}" if words else "")
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        words = next((line for line in reversed(self._last_lines) if "ASSERT" in line), "")
        return "; ".join(part for part in (name, _HINTS.get(name, ""), words) if part)

    def _write(self) -> None:
        """A thread of its own: a process that hangs reads nothing, and nobody else may wait for that."""
        pipe = self._process.stdin
        if pipe is None:
            raise AssertionError("stdin is a pipe")
        with contextlib.suppress(OSError, ValueError):
            while (message := self._outbox.get()) is not None:
                pipe.write(encode(message))
                pipe.flush()
        with contextlib.suppress(OSError):
            pipe.close()

    def _listen(self) -> None:
        pipe = self._process.stderr
        if pipe is None:
            raise AssertionError("stderr is a pipe")
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                self._last_lines.append(line.decode("utf-8", "replace").strip()[:300])
