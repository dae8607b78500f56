"""The readers' process: takes files on standard input, answers with their Markdown, ends with its parent.

Run as `python -m ingest.child MEMORY_MB RETIRE_MB`. Sandbox is the other end.
"""

import contextlib
import gc
import json
import math
import os
import queue
import re
import resource
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from indexes.errors import CareerError, ExtraMissing
from ingest.limits import MAX_TEXT_CHARS, RETIRE
from ingest.readers import READERS

_TOO_MUCH = "needs more memory to read than one file may have. Save its text as Markdown, or split it."


def main() -> None:
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what native code prints is no reply
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the parent decides
    limit_memory(int(sys.argv[1]))
    gc.disable()  # a parser makes millions of objects and no garbage; what is left over goes between two files
    requests: queue.Queue[tuple[dict[str, Any], bytes]] = queue.Queue()
    threading.Thread(target=listen, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        head, raw = requests.get()
        limit_seconds(head["seconds"])
        reply = json.dumps(answer(head["suffix"], raw)).encode()
        replies.write((RETIRE if has_grown(int(sys.argv[2])) else b" ") + reply + b"\n")
        replies.flush()
        del raw, reply
        gc.collect()


def listen(source: BinaryIO, requests: "queue.Queue[tuple[dict[str, Any], bytes]]") -> None:
    """The end of the input is the end of the parent, in whatever state the main thread is."""
    with contextlib.suppress(OSError, ValueError):
        while line := source.readline():
            head = json.loads(line)
            requests.put((head, source.read(head["size"])))
    os._exit(0)


def answer(suffix: str, raw: bytes) -> dict[str, Any]:
    """Never fails: what a library makes of a broken file is an answer, too."""
    try:
        document = READERS[suffix](raw)
        if len(document.text) > MAX_TEXT_CHARS:
            return _error("damaged", f"holds more than {MAX_TEXT_CHARS:,} characters of text. Split it.")
        return asdict(document)
    except CareerError as error:
        return _error("extra" if isinstance(error, ExtraMissing) else "damaged", str(error))
    except MemoryError:
        return _error("damaged", _TOO_MUCH)
    except RecursionError:
        return _error("damaged", "is nested too deeply to be a document. Save its text as Markdown.")
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        name = type(error).__name__
        return _error("damaged", f"is broken ({name}{': ' + words if words else ''}). Save it anew, or as Markdown.")


def limit_memory(megabytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_seconds(seconds: float) -> None:
    """Processor time from now on; the parent looks at the clock."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds), resource.RLIM_INFINITY))


def has_grown(megabytes: int) -> bool:
    return _peak_kib() > megabytes << 10


def _peak_kib() -> int:
    """The most memory that this program held: what `getrusage` says begins with that of the process it was forked
    from, and a service is large."""
    with contextlib.suppress(OSError):
        if found := re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("ascii"), re.MULTILINE):
            return int(found[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"error": kind, "message": message}


if __name__ == "__main__":
    main()
