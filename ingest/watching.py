"""Watches paths by looking at them again and again, and says when what changed has come to rest.

Looking works on every file system, shared and mounted ones too, and costs a `stat` a file and second.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from indexes.errors import UsageError
from indexes.settings import IndexSettings
from ingest.sources import walk

State: TypeAlias = frozenset[tuple[str, int, int, int]]
"""(uri, inode, size, time of change) of every file that would be read."""


def look(paths: Sequence[Path], settings: IndexSettings) -> State:
    """What is there now; a path that is gone holds nothing."""
    found: set[tuple[str, int, int, int]] = set()
    try:
        for file in walk(paths, settings):
            if file.skip is None and (state := _stat(file.path)):
                found.add((file.uri, *state))
    except (UsageError, OSError):
        pass
    return frozenset(found)


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def rests(
    see: Callable[[], State],
    pause: Callable[[float], object] = time.sleep,
    poll_s: float = 1.0,
    retry_s: float = 30.0,
) -> Iterator[Callable[[bool], None]]:
    """Yields at once, and then whenever something has changed and stayed the same for one more look.

    What it yields must be called with whether the build went well: after one that failed it yields again in `retry_s`,
    or as soon as something else has changed. Changes made during a build are seen after it.
    """
    succeeded = True

    def done(went_well: bool) -> None:
        nonlocal succeeded
        succeeded = went_well

    before = see()
    yield done
    last, waited = before, 0.0
    while True:
        pause(poll_s)
        waited += poll_s
        now = see()
        settled, last = now == last, now
        if settled and (now != before or (not succeeded and waited >= retry_s)):
            before, waited = now, 0.0
            yield done
