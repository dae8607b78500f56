"""Runs readers in a child process with limits, so that a bomb or a broken file costs a line of the report, no more.

The child is started for the first file that needs it, serves until the run ends, and is replaced when a file has killed
it or has left it large. It ends by itself when its parent is gone, however that ended.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, Self

from indexes.errors import CareerError, DamagedError, ExtraMissing
from ingest.limits import MAX_TEXT_CHARS, RETIRE, Limits
from ingest.raw import RawDocument
from ingest.readers import IN_PROCESS, READERS

_MAX_REPLY = 6 * MAX_TEXT_CHARS
"""Bytes: JSON writes a character in six at most."""
_ERRORS: dict[str, type[CareerError]] = {"damaged": DamagedError, "extra": ExtraMissing}
CURE = "Save its text as Markdown, or split it."


class ReadFile(Protocol):
    """The way from a file's bytes to a RawDocument; `suffix` is one of READERS."""

    def __call__(self, suffix: str, raw: bytes, /) -> RawDocument: ...


class Sandbox:
    """Reads files one after another; not for use by two threads at once. Close it, or use it with `with`."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._child: _Child | None = None

    def read(self, suffix: str, raw: bytes, /) -> RawDocument:
        """Markdown and plain text are read here, all else in the child.

        Raises:
            DamagedError: the file is broken, locked, or more than the limits allow; ExtraMissing: its format needs one.
        """
        if suffix in IN_PROCESS:
            return READERS[suffix](raw)
        if self._child is None:
            self._child = _Child(self._limits)
        try:
            reply, retires = self._child.ask(suffix, raw)
        except BaseException:
            self.close()
            raise
        if retires:
            self.close()
        if error := reply.get("error"):
            raise _ERRORS[error](reply["message"])
        return _document(reply)

    @property
    def pid(self) -> int | None:
        """Of the child; None while there is none."""
        return self._child.pid if self._child else None

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Child:
    """One run of the readers' process: a request is a line of JSON and the file's bytes, a reply is a line of JSON."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ingest.child", str(limits.memory_mb), str(limits.retire_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": _import_path()},
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, suffix: str, raw: bytes) -> tuple[dict[str, Any], bool]:
        """The reply, and whether it is this child's last.

        Raises:
            DamagedError: the child did not live to answer, or not in time.
        """
        seconds = self._limits.seconds_for(len(raw))
        head = json.dumps({"suffix": suffix, "size": len(raw), "seconds": seconds}).encode()
        with contextlib.suppress(BrokenPipeError):
            pipe = _pipe(self._process.stdin)
            pipe.write(head + b"\n" + raw)
            pipe.flush()
        try:
            line = self._line(time.monotonic() + seconds * self._limits.patience)
            reply: dict[str, Any] = json.loads(line[1:])
        except TimeoutError:
            raise DamagedError(f"takes longer than {seconds * self._limits.patience:.0f} s to read. {CURE}") from None
        except ValueError:
            raise DamagedError(self._cause_of_death(seconds)) from None
        return reply, line.startswith(RETIRE)

    def _line(self, deadline: float) -> bytes:
        """What the child says up to a line feed; cut short when it ends before."""
        source = _pipe(self._process.stdout).fileno()
        parts: list[bytes] = []
        size = 0
        while not (parts and parts[-1].endswith(b"\n")) and size <= _MAX_REPLY:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([source], [], [], left)[0]:
                raise TimeoutError
            part = os.read(source, 1 << 20)
            if not part:
                break
            size += len(part)
            parts.append(part)
        return b"".join(parts)

    def _cause_of_death(self, seconds: float) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode or 0
        if code in {-signal.SIGXCPU, -signal.SIGKILL}:
            return f"takes more than {seconds:.0f} s of processor time to read. {CURE}"
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        return f"makes its reader fail ({name}): it is broken, or needs too much memory. {CURE}"

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                _pipe(pipe).close()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("both are pipes")
    return pipe


def _import_path() -> str:
    return os.pathsep.join([str(Path(__file__).resolve().parent.parent), *(path for path in sys.path if path)])


def _document(reply: dict[str, Any]) -> RawDocument:
    hidden, dropped = (tuple((text, rule) for text, rule in reply[name]) for name in ("hidden", "dropped"))
    return RawDocument(reply["text"], reply["title"], reply["lang"], reply["url"], hidden, dropped)
