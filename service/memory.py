"""Keeps memory that is no longer used from adding up, where the C library can.

A generation is loaded in one thread and forgotten in another while questions are answered between the two. What it
leaves are holes in glibc's arenas, which glibc gives back only from an arena's end, so that a service whose documents
keep changing grows for as long as it lives: about 15 KB with each change.
"""

import ctypes
import sys

_M_ARENA_MAX = -8
_ARENAS = 2


def keep_to_few_arenas() -> bool:
    """Let threads share two arenas from now on; False where the C library is not glibc.

    By default glibc gives nearly every thread one of its own, with holes of its own: with documents replaced all the
    time the process was 10 MB larger, and its size wandered by 13 MB instead of 11.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)) if sys.platform.startswith("linux") else False
    except AttributeError:  # musl
        return False


def trim() -> bool:
    """Whether anything was given back; always False where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        release = ctypes.CDLL(None).malloc_trim
    except AttributeError:  # musl
        return False
    return bool(release(ctypes.c_size_t(0)))
