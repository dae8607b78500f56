"""Computed state of prompts' parts, in memory and on disk under a byte budget each; losing any of it is harmless.

A state is a pure function of its key (weights, library, number format, token ids before it, its own token ids), so an
entry is never changed. A file holds a SHA-256 and the state; one that does not match is deleted and computed again.
"""

import contextlib
import hashlib
import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MAGIC = b"CAREERKV1\n"
_DIGEST = 32
_SUFFIX, _UNFINISHED = ".kv", ".tmp"
_LONGEST_WRITE_S = 3600.0
_WRITES_WAITING = 8


@dataclass(frozen=True, slots=True)
class KvStats:
    memory_bytes: int
    disk_bytes: int
    entries: int
    hits: int
    misses: int
    damaged: int


def state_key(fingerprint: str, before: Sequence[int], tokens: Sequence[int]) -> str:
    """Name of the state of `tokens` computed right after `before`, hexadecimal."""
    digest = hashlib.sha256(fingerprint.encode())
    for part in (before, tokens):
        digest.update(len(part).to_bytes(8, "little"))
        for token in part:
            digest.update(token.to_bytes(4, "little", signed=True))
    return digest.hexdigest()


class KvStore:
    """States by key, the least recently used forgotten first.

    `folder` None keeps all in memory. Files are written by a thread of its own, so that nobody waits for the disk; when
    it cannot keep up, or the disk is full or read-only, states stay in memory only.
    """

    def __init__(self, folder: Path | None, *, memory_bytes: int, disk_bytes: int) -> None:
        self._folder = folder
        self._memory_budget = memory_bytes
        self._disk_budget = disk_bytes
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._memory_bytes = 0
        self._hits = self._misses = self._damaged = 0
        self._lock = threading.Lock()
        self._writes: queue.Queue[tuple[str, bytes] | None] = queue.Queue(_WRITES_WAITING)
        self._writer: threading.Thread | None = None
        if folder is not None and disk_bytes > 0:
            self._writer = threading.Thread(target=self._write_all, name="kv-writer", daemon=True)
            self._writer.start()

    def get(self, key: str) -> bytes | None:
        """A state, or None when it has to be computed."""
        with self._lock:
            if key in self._memory:
                self._memory.move_to_end(key)
                self._hits += 1
                return self._memory[key]
        state = self._read(key)
        with self._lock:
            self._hits, self._misses = self._hits + (state is not None), self._misses + (state is None)
        if state is not None:
            self._remember(key, state)
        return state

    def has(self, key: str) -> bool:
        """Whether `get` would find it, without reading it."""
        with self._lock:
            if key in self._memory:
                return True
        path = self._path(key)
        return path is not None and path.is_file()

    def put(self, key: str, state: bytes) -> None:
        self._remember(key, state)
        if self._writer is not None:
            with contextlib.suppress(queue.Full):
                self._writes.put_nowait((key, state))

    def stats(self) -> KvStats:
        files = self._files()
        with self._lock:
            return KvStats(
                memory_bytes=self._memory_bytes,
                disk_bytes=sum(size for _, size, _ in files),
                entries=len({*self._memory, *(path.stem for path, _, _ in files)}),
                hits=self._hits,
                misses=self._misses,
                damaged=self._damaged,
            )

    def close(self) -> None:
        """Wait until what was put is on disk."""
        if self._writer is not None:
            self._writes.put(None)
            self._writer.join()
            self._writer = None

    def _remember(self, key: str, state: bytes) -> None:
        if len(state) > self._memory_budget:
            return
        with self._lock:
            self._memory_bytes += len(state) - len(self._memory.pop(key, b""))
            self._memory[key] = state
            while self._memory_bytes > self._memory_budget:
                _, forgotten = self._memory.popitem(last=False)
                self._memory_bytes -= len(forgotten)

    def _path(self, key: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{key}{_SUFFIX}"

    def _read(self, key: str) -> bytes | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            with path.open("rb", buffering=0) as file:
                head = file.read(len(_MAGIC) + _DIGEST)
                state = file.read()
        except OSError:
            return None
        if head != _MAGIC + hashlib.sha256(state).digest():
            self._damaged += 1
            _remove(path)
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # The time of change is the time of last use.
        return state

    def _write_all(self) -> None:
        self._sweep()
        while (item := self._writes.get()) is not None:
            # The disk may be full or the folder gone: the state is in memory, and can be computed again.
            with contextlib.suppress(OSError):
                self._write(*item)
                self._prune()

    def _write(self, key: str, state: bytes) -> None:
        path = self._path(key)
        if path is None or path.exists() or len(state) > self._disk_budget:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}{_UNFINISHED}")
        try:
            unfinished.write_bytes(_MAGIC + hashlib.sha256(state).digest() + state)
            unfinished.replace(path)
        finally:
            _remove(unfinished)

    def _sweep(self) -> None:
        """Remove what killed processes left unfinished."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                for path in self._folder.glob(f"*{_UNFINISHED}"):
                    if _is_left_behind(path):
                        _remove(path)

    def _prune(self) -> None:
        files = sorted(self._files(), key=lambda file: file[2])
        excess = sum(size for _, size, _ in files) - self._disk_budget
        for path, size, _ in files:
            if excess <= 0:
                return
            _remove(path)
            excess -= size

    def _files(self) -> list[tuple[Path, int, float]]:
        """Path, bytes and time of last use of every file, unsorted."""
        if self._folder is None:
            return []
        found = []
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                with contextlib.suppress(OSError):  # Another process may have pruned it.
                    status = path.stat()
                    found.append((path, status.st_size, status.st_mtime))
        return [file for file in found if file[0].suffix == _SUFFIX]


def _is_left_behind(path: Path) -> bool:
    """Whether nobody is writing it: its process is gone, or a later one with the same number, or far too slow."""
    number = path.stem.rpartition(".")[2]
    try:
        old = time.time() - path.stat().st_mtime > _LONGEST_WRITE_S
        if old or not number.isdecimal() or int(number) == os.getpid():
            return True
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # It is somebody else's, or has just been renamed.
        return False
    return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
