"""Kills ingests with SIGKILL and prints as JSON what was found afterwards; test_crash.py runs it in its own process.

Every build and every look at its result runs in a forked child, so that this process stays free of threads.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss  # noqa: F401 - imported before the forks, so that no child spends its time on it

from indexes.generation import Generation, list_generations, verify
from indexes.settings import IndexSettings
from ingest.build import build
from tests.doubles import FakeEmbedder

WATCHED = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.truncate", "shutil.rmtree", "sqlite3.connect"}
BEFORE = {"a.md": "# 甲\n\n第一段讲编程能力。\n\n第二段讲部署。\n", "b.md": "# 乙\n\n- 学习网络。\n- 学习数据库。\n"}
AFTER = {
    **BEFORE,
    "b.md": "# 乙\n\n这一段改写了，讲的是向量数据库。\n",
    "c.md": "# 丙\n\n新的一段，讲监控。\n",
    "d.csv": "工具,用途\nRay,训练\nvLLM,推理\n",  # read in a process of its own
}


def write(corpus: Path, files: dict[str, str]) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (corpus / name).write_text(text, "utf-8")


def ingest(home: Path, corpus: Path) -> int | None:
    return build([corpus], IndexSettings(home=home), FakeEmbedder()).generation


def ids(home: Path) -> list[str]:
    with Generation.current(home) as generation:
        return [name for chunk in generation.chunks for name in (chunk.id, *(unit.id for unit in chunk.units))]


def readers_of(work: Path) -> list[int]:
    """Readers' processes of builds under `work`, by the mark they have in their environment."""
    mark = f"CRASH_MARK={work}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"ingest.child" in (entry / "cmdline").read_bytes() and mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


def orphans(work: Path, seconds: float = 5.0) -> int:
    """Readers' processes that are still there when they have had time to end."""
    deadline = time.monotonic() + seconds
    while (left := readers_of(work)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(left)


def in_child(work: Callable[[], Any], kill_after_s: float | None = None) -> tuple[int, Any]:
    """The child's exit code (negative: the signal that ended it) and what `work` returned."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    return os.waitstatus_to_exitcode(status), json.loads(data) if data else None


def dying_ingest(home: Path, corpus: Path, at: int) -> int:
    """Counts operations on files under `home` and kills itself before operation `at`; returns how many there were."""
    count = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal count
        if event in WATCHED and str(home) in os.fsdecode(str(arguments[0])):
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

    sys.addaudithook(watch)
    ingest(home, corpus)
    return count


def look(home: Path, corpus: Path) -> dict[str, Any]:
    """What serves after the kill, and what the next run makes of it."""
    served = ids(home)
    rerun = ingest(home, corpus)
    return {
        "served": served,
        "rerun": ids(home),
        "number": rerun,
        "leftovers": [path.name for path in (home / "generations").glob("*.tmp")],
        "damage": [problem for info in list_generations(home) for problem in verify(info.path)],
    }


def prepare(folder: Path) -> tuple[Path, Path, dict[str, list[str]], float]:
    """A home with the first corpus built and a folder with the second one; the ids of clean runs of both."""
    corpus, pristine = folder / "corpus", folder / "pristine"
    write(corpus, BEFORE)
    in_child(lambda: ingest(pristine, corpus))
    before = in_child(lambda: ids(pristine))[1]
    write(corpus, AFTER)
    started = time.monotonic()
    in_child(lambda: ingest(folder / "clean", corpus))
    seconds = time.monotonic() - started
    return corpus, pristine, {"before": before, "after": in_child(lambda: ids(folder / "clean"))[1]}, seconds


def main(folder: Path, mode: str, moments: int) -> dict[str, Any]:
    os.environ["CRASH_MARK"] = str(folder)
    corpus, pristine, clean, seconds = prepare(folder)
    results = []
    steps = in_child(lambda: dying_ingest(_copy(pristine, folder / "count"), corpus, -1))[1]
    chance = random.Random(20)
    for at in range(steps if mode == "steps" else moments):
        home = _copy(pristine, folder / str(at))
        if mode == "steps":
            code, _ = in_child(lambda home=home, at=at: dying_ingest(home, corpus, at))
        else:
            code, _ = in_child(lambda home=home: ingest(home, corpus), chance.uniform(0, seconds))
        left = orphans(folder)
        results.append({"code": code, "orphans": left, **in_child(lambda home=home: look(home, corpus))[1]})
        shutil.rmtree(home)
    return {"clean": clean, "results": results}


def _copy(pristine: Path, home: Path) -> Path:
    shutil.copytree(pristine, home)
    return home


if __name__ == "__main__":
    json.dump(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])), sys.stdout)
