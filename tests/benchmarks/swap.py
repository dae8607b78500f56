"""Documents come and go under many askers: no error, each reply from one generation, what is deleted is never shown.

    python -m tests.benchmarks.swap [--searches 10000] [--askers 20] [--json FILE]

A writer adds and deletes a document over HTTP without pause while the askers search and ask. After each job says done,
the next replies are watched: none that was asked after a deletion's done may show that document.
"""

import argparse
import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from service.app import create_app
from tests.service.http_model_free import KEY, model_free
from tests.service.http_server import serving

NOTES = "# 向量库笔记\n\n向量数据库 Qdrant 用 Rust 写成。\n\nThe vector database Qdrant is written in Rust.\n"
QUERY = {"query": "vector database Qdrant 部署 Milvus", "k": 20}
QUESTION = {"question": "Which vector database is written in Rust, Qdrant?"}
EVERY = 10
"""One reply of so many is an answer, the others are searches."""


@dataclass
class Outcome:
    """`mixed` shows documents that its generation does not hold; `ghosts` show one after its deletion was done.

    `watched` replies were asked for and came while the notes were gone: only these could be ghosts.
    """

    searches: int = 0
    answers: int = 0
    watched: int = 0
    swaps: int = 0
    generations: int = 0
    seconds: float = 0.0
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)


@dataclass
class Corpus:
    """What the writer knows: each generation's documents, and since when the notes are gone for good."""

    holds: dict[int, frozenset[str]] = field(default_factory=lambda: {1: frozenset({"a", "b"})})
    gone_since: float | None = None
    epoch: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def gone(self) -> tuple[int, bool]:
        """(epoch, whether the notes are deleted): equal before and after a request, they were gone all the while."""
        with self.lock:
            return self.epoch, self.gone_since is not None


def swap_under_load(folder: Path, searches: int, askers: int) -> Outcome:
    outcome, corpus = Outcome(), Corpus()
    replies: list[tuple[int, frozenset[str]]] = []
    with model_free(folder, queue=64) as runtime, serving(create_app(runtime)) as address:
        left = iter(range(searches))
        stop = threading.Event()
        started = time.perf_counter()
        with ThreadPoolExecutor(askers + 1) as pool:
            writing = pool.submit(_write, address, corpus, outcome, stop)
            asking = [pool.submit(_ask, address, left, corpus, outcome, replies) for _ in range(askers)]
            for asker in asking:
                asker.result()
            stop.set()
            writing.result()
        outcome.seconds = time.perf_counter() - started
    outcome.generations = len({number for number, _ in replies})
    outcome.mixed = [
        f"generation {number} shows {sorted(shown)}"
        for number, shown in replies
        if number in corpus.holds and not shown <= corpus.holds[number]
    ]
    return outcome


def _write(address: str, corpus: Corpus, outcome: Outcome, stop: threading.Event) -> None:
    with httpx.Client(base_url=address, headers=KEY, timeout=60) as client:
        while not stop.is_set():
            with corpus.lock:
                corpus.epoch, corpus.gone_since = corpus.epoch + 1, None
            added = client.post("/api/documents", params={"name": "notes.md"}, content=NOTES.encode())
            corpus.holds[_done(client, added)["generation"]] = frozenset({"a", "b", "notes"})
            job = _done(client, client.delete("/api/documents/notes"))
            corpus.holds[job["generation"]] = frozenset({"a", "b"})
            with corpus.lock:
                corpus.epoch, corpus.gone_since = corpus.epoch + 1, time.monotonic()
            outcome.swaps += 2
            watched = outcome.watched + 20
            while outcome.watched < watched and not stop.wait(0.005):
                pass


def _done(client: httpx.Client, reply: httpx.Response) -> Any:
    while (job := client.get(reply.headers["location"]).json())["state"] in {"queued", "running"}:
        time.sleep(0.005)
    if job["state"] != "done":
        raise AssertionError(job)
    return job


def _ask(address: str, left: Any, corpus: Corpus, outcome: Outcome, replies: list[Any]) -> None:
    with httpx.Client(base_url=address, headers=KEY, timeout=60) as client:
        for number in left:
            before = corpus.gone()
            asks = number % EVERY == 0
            reply = client.post("/api/ask", json=QUESTION) if asks else client.post("/api/search", json=QUERY)
            if reply.status_code != 200:
                outcome.errors.append(f"{reply.status_code} {reply.text[:200]}")
                continue
            body = reply.json()
            shown = frozenset(item["document_id"] for item in body["citations" if asks else "hits"])
            replies.append((body["generation"], shown))
            gone = before[1] and before == corpus.gone()
            if gone and "notes" in shown:
                outcome.ghosts.append(f"generation {body['generation']} shows the notes after their deletion was done")
            with corpus.lock:
                outcome.watched += gone
                outcome.answers += asks
                outcome.searches += not asks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=10_000)
    parser.add_argument("--askers", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = swap_under_load(Path(folder), given.searches * EVERY // (EVERY - 1), given.askers)
    shown = {name: value if not isinstance(value, list) else len(value) for name, value in asdict(outcome).items()}
    print(json.dumps(shown))
    for line in (outcome.errors + outcome.mixed + outcome.ghosts)[:5]:
        print(line)
    if given.json:
        given.json.write_text(json.dumps(asdict(outcome), indent=1), "utf-8")
    raise SystemExit(bool(outcome.errors or outcome.mixed or outcome.ghosts))


if __name__ == "__main__":
    main()
