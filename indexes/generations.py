"""The folder of generations: which there are, which one serves, who may write, what may go."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from indexes.errors import IndexDamaged, IndexMissing, LockHeld, MissingError
from indexes.files import FileSystem, replace_file
from indexes.manifest import Manifest, damage

CURRENT = "CURRENT"
LOCK = "LOCK"
_NAME = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """A generation on disk; `manifest` is None when it cannot be read (see `verify`)."""

    number: int
    path: Path
    current: bool
    manifest: Manifest | None


def folder_of(home: Path, number: int) -> Path:
    return home / "generations" / f"{number:06d}"


def list_generations(home: Path) -> list[GenerationInfo]:
    """Every generation on disk, oldest first; reads manifests only."""
    try:
        serving = current_number(home)
    except (IndexMissing, IndexDamaged):
        serving = -1
    return [
        GenerationInfo(number, folder_of(home, number), number == serving, _manifest(folder_of(home, number)))
        for number in _numbers(home)
    ]


def current_number(home: Path) -> int:
    """The number in CURRENT.

    Raises:
        IndexMissing: nothing has been built; IndexDamaged: CURRENT does not hold a number of ours.
    """
    path = home / "generations" / CURRENT
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        raise IndexMissing(f"Nothing has been built in {home} yet. Run `career ingest`.") from None
    except (OSError, UnicodeDecodeError):
        text = ""
    if not _NAME.fullmatch(text):
        raise IndexDamaged(f"{path} does not name a generation. Run `career index use N` or `career ingest`.")
    return int(text)


def next_number(home: Path) -> int:
    """One more than any number seen: a generation that was written but never served keeps its number."""
    try:
        serving = current_number(home)
    except (IndexMissing, IndexDamaged):
        serving = 0
    return max([serving, *_numbers(home)]) + 1


def verify(path: Path) -> list[str]:
    """Every problem of a generation's files, in words; nothing but the manifest is parsed."""
    try:
        return damage(path, Manifest.read(path))
    except IndexDamaged as error:
        return [str(error)]


def use(home: Path, number: int, files: FileSystem | None = None) -> None:
    """Make a sound generation the one that serves.

    Raises:
        IndexMissing: there is no such generation; IndexDamaged: it is not sound; LockHeld: a build is running.
    """
    folder = folder_of(home, number)
    if not folder.is_dir():
        there = ", ".join(map(str, _numbers(home))) or "none"
        raise IndexMissing(f"There is no generation {number}; there is: {there}. `career index list` shows them.")
    if problems := verify(folder):
        raise IndexDamaged(problems[0])
    with writer_lock(home):
        replace_file(files or FileSystem(), folder.parent / CURRENT, f"{number:06d}\n".encode())


def prune(home: Path, keep: int = 2, files: FileSystem | None = None) -> list[int]:
    """Remove all but the generation that serves and the newest others, `keep` in all; returns what is gone.

    Raises:
        LockHeld: a build is running.
    """
    with writer_lock(home):
        return prune_locked(home, keep, files or FileSystem())


def prune_locked(home: Path, keep: int, files: FileSystem) -> list[int]:
    """`prune` for a caller that holds the lock."""
    serving = current_number(home)
    others = [number for number in reversed(_numbers(home)) if number != serving]
    gone = sorted(others[max(keep, 1) - 1 :])
    for number in gone:
        folder = folder_of(home, number)
        doomed = folder.with_name(folder.name + ".tmp")
        files.rename(folder, doomed)  # half a removal must not look like a generation
        files.remove(doomed)
    return gone


def remove_leftovers(home: Path, files: FileSystem) -> None:
    """Drafts of writers that were killed; the caller holds the lock."""
    for path in (home / "generations").glob("*.tmp"):
        if path.is_dir():
            files.remove(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def writer_lock(home: Path) -> Iterator[None]:
    """One writer at a time, among processes and threads; the lock goes with its process, however that ends.

    Raises:
        LockHeld: another writer is at work; names its pid. MissingError: the folder cannot be written.
    """
    path = home / "generations" / LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise MissingError(f"Cannot write {path}: {error.strerror}. Name a writable folder as CAREER_HOME.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise LockHeld(
                f"Another writer is at work in {home}, locked by pid {holder}. Wait for it to end."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _numbers(home: Path) -> list[int]:
    folder = home / "generations"
    return sorted(int(path.name) for path in folder.glob("*") if _NAME.fullmatch(path.name) and path.is_dir())


def _manifest(folder: Path) -> Manifest | None:
    try:
        return Manifest.read(folder)
    except IndexDamaged:
        return None
