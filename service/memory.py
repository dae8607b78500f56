"""Gives memory that is no longer used back to the system, where the C library can.

A generation is loaded in one thread and forgotten in another while questions are answered between the two. What it
leaves are holes in glibc's arenas, which glibc gives back only from an arena's end, so that a service whose documents
keep changing grows for as long as it lives: about 15 KB with each change.
"""

import ctypes
import sys


def trim() -> bool:
    """Whether anything was given back; always False where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        release = ctypes.CDLL(None).malloc_trim
    except AttributeError:  # musl
        return False
    return bool(release(ctypes.c_size_t(0)))
