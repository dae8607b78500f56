"""One run of the engine's process, seen from the service: messages both ways, and what it died of."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator

from indexes.errors import EngineError
from service.llm.protocol import FromChild, Load, ToChild, decode_from_child, encode

_LINES_KEPT = 20
_LINES_SHOWN = 3
_ENVIRONMENT = {
    # llama.cpp would start a debugger on itself to print a trace, which takes seconds.
    "GGML_NO_BACKTRACE": "1",
    # Threads that spin while they wait for one another starve as soon as anything else runs on their cores, such as the
    # embedder of this service: measured 4 to 26 tokens a second where sleeping threads reach 27 to 43.
    "OMP_WAIT_POLICY": "passive",
}
_HINTS = {
    "SIGKILL": "it was killed, perhaps because memory ran out; a smaller model or CAREER_CONTEXT_TOKENS needs less",
    "SIGILL": "the library was built for another CPU; `make install` builds one for this machine",
    "SIGSEGV": "a fault in native code; `career doctor` tests the library",
    "SIGABRT": "native code gave up; `career doctor` tests the library",
}


class EngineProcess:
    """Started at once; `messages` is read by one thread, `send` may be called by any."""

    def __init__(self, load: Load) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service.llm.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_ENVIRONMENT, **os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._lock = threading.Lock()
        self._last_lines: deque[str] = deque(maxlen=_LINES_KEPT)
        self._listener = threading.Thread(target=self._listen, name="engine-stderr", daemon=True)
        self._listener.start()
        self.send(load)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: ToChild) -> None:
        """Of a process that has died, does nothing: `messages` ends, and who reads it knows."""
        pipe = self._process.stdin
        if pipe is None:
            raise AssertionError("stdin is a pipe")
        with self._lock, contextlib.suppress(OSError, ValueError):
            pipe.write(encode(message))
            pipe.flush()

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
        """Ask it to end; it does so by itself once it sees the end of its input."""
        with self._lock, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, kill it if that takes longer, and give back every handle."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._listener.join(1.0)
        self.hang_up()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def cause_of_death(self) -> str:
        """For people; after `wait`."""
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

    def _listen(self) -> None:
        pipe = self._process.stderr
        if pipe is None:
            raise AssertionError("stderr is a pipe")
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                self._last_lines.append(line.decode("utf-8", "replace").strip()[:300])
