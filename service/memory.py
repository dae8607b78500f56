"""Keeps memory that is no longer used from adding up, where the C library can.

A generation is loaded in one thread and forgotten in another while questions are answered between the two. What it
leaves are holes in glibc's arenas, which glibc gives back only from an arena's end. With documents of the size of the
seeds replaced a thousand times it is 3 MB of 134; a larger index leaves larger ones.
"""

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache

_M_ARENA_MAX = -8
_ARENAS = 2


def keep_to_few_arenas() -> bool:
    """Let threads share two arenas from now on; False where the C library is not glibc.

    By default glibc gives nearly every thread one of its own, with holes of its own: with documents replaced all the
    time the process was 10 MB larger, and its size wandered by 13 MB instead of 11.
    """
    return bool(_of_glibc("mallopt")(_M_ARENA_MAX, _ARENAS))


def trim() -> bool:
    """Whether anything was given back; always False where the C library is not glibc."""
    return bool(_of_glibc("malloc_trim")(ctypes.c_size_t(0)))


@cache
def _of_glibc(name: str) -> Callable[..., int]:
    """A function of the C library, looked up once, as each `CDLL` is a class that refers to itself; elsewhere one that
    does nothing and returns 0."""
    if sys.platform.startswith("linux"):
        with suppress(AttributeError):  # musl
            found: Callable[..., int] = getattr(ctypes.CDLL(None), name)
            return found
    return lambda *_: 0
