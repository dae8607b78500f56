"""What HTTP adds to a search, and how a rival's service does with the same vectors on the same machine in the same run.

    python -m tests.benchmarks.http [--queries 400] [--clients 1,8,32] [--seconds 10] [--json FILE]

Vectors are hashed words (64 dimensions), so that time goes into serving, not into a model. Each service runs in a
process of its own under uvicorn; clients are threads of this process on kept connections. "Direct" calls the retriever
in this process, in blocks that take turns with the same queries over HTTP, so that both meet the same disturbances.

txtai is measured where it can be imported (`pip install 'txtai[api]'`): an index of the same units with their texts,
asked for as many results. It compares vectors only, where ours also counts words and reads sections. Its API imports
`fastapi_mcp`, which it uses only when MCP is switched on; here a placeholder stands in.
"""

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from indexes.types import Vectors
from ingest.build import build
from service.runtime import Runtime, open_runtime
from service.settings import Settings
from tests.doubles import FakeEmbedder

ROOT = Path(__file__).resolve().parents[2]
K = 8
BLOCK = 25
# txtai looks for an external embedder only where it is told that the code is trusted.
TRUSTED = "ALLOW_RESOLVE_TRANSFORM"


@dataclass(frozen=True, slots=True)
class Load:
    """`clients` at once; requests a second, and milliseconds at the median and the 99th percentile."""

    service: str
    clients: int
    per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class Overhead:
    direct_ms: float
    http_ms: float

    @property
    def ms(self) -> float:
        return self.http_ms - self.direct_ms


class Forgetful(FakeEmbedder):
    """Keeps no list of what it embedded, which would grow for as long as a service runs."""

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        return self._embed(texts)


@contextlib.contextmanager
def opened(home: Path, **changes: Any) -> Iterator[Runtime]:
    settings = Settings(home=home, llm="extractive", rate_per_minute=0, tokens_per_minute=0, **changes)
    with patch("service.runtime.load_embedder", lambda _: Forgetful()), open_runtime(settings) as runtime:
        yield runtime


def transform(texts: Sequence[str]) -> Vectors:
    """The same vectors for txtai."""
    return FakeEmbedder().embed_passages(list(texts))


def search_ours(connection: http.client.HTTPConnection, query: str) -> bytes:
    body = json.dumps({"query": query, "k": K})
    connection.request("POST", "/api/search", body, {"Content-Type": "application/json"})
    return _read(connection)


def search_txtai(connection: http.client.HTTPConnection, query: str) -> bytes:
    connection.request("GET", f"/search?query={quote(query)}&limit={K}")
    return _read(connection)


def _read(connection: http.client.HTTPConnection) -> bytes:
    reply = connection.getresponse()
    content = reply.read()
    if reply.status != 200:
        raise AssertionError(f"{reply.status} {content[:200]!r}")
    return content


def overhead(runtime: Runtime, port: int, queries: Sequence[str]) -> Overhead:
    """By blocks, because the native libraries' threads go on spinning for a moment after a search in this process."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    direct, over_http = [], []
    for start in range(-BLOCK, len(queries), BLOCK):
        block = queries[max(0, start) : max(0, start) + BLOCK]
        expected = []
        for query in block:
            started = time.perf_counter()
            expected.append([hit.chunk.id for hit in runtime.retriever.search(query, K)])
            direct.append(time.perf_counter() - started)
        time.sleep(0.3)
        for query, ids in zip(block, expected, strict=True):
            started = time.perf_counter()
            reply = json.loads(search_ours(connection, query))
            over_http.append(time.perf_counter() - started)
            if [hit["chunk_id"] for hit in reply["hits"]] != ids:
                raise AssertionError(f"other hits over HTTP for {query!r}")
        if start < 0:  # warm now
            direct.clear()
            over_http.clear()
    return Overhead(statistics.median(direct) * 1000, statistics.median(over_http) * 1000)


def load(service: str, port: int, queries: Sequence[str], clients: int, seconds: float) -> Load:
    ask = search_ours if service == "ours" else search_txtai
    took: list[float] = []
    failed: list[str] = []
    end = time.perf_counter() + seconds

    def client(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        number = first
        while (started := time.perf_counter()) < end:
            try:
                ask(connection, queries[number % len(queries)])
            except (AssertionError, OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
                connection.close()
            took.append(time.perf_counter() - started)
            number += 1

    threads = [threading.Thread(target=client, args=(first * 7,)) for first in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - started
    ordered = sorted(took)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Load(service, clients, len(took) / spent, statistics.median(took) * 1000, p99 * 1000, len(failed))


@contextlib.contextmanager
def served(role: str, home: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.benchmarks.http", "--serve", role, str(home), str(port)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            _wait(process, port)
            yield port
        finally:
            process.kill()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


def serve(role: str, home: Path, port: int) -> None:
    import uvicorn

    if role == "ours":
        from service.app import create_app

        with opened(home) as runtime:
            uvicorn.run(create_app(runtime), port=port, log_level="error", access_log=False)
        return
    sys.modules["fastapi_mcp"] = types.SimpleNamespace(FastApiMCP=None)  # type: ignore[assignment]
    os.environ["CONFIG"] = str(home / "txtai.yml")
    from txtai.api import application  # type: ignore[import-not-found]

    uvicorn.run(application.create(), port=port, log_level="error", access_log=False)


def build_txtai(runtime: Runtime, folder: Path) -> bool:
    """False where txtai is not installed."""
    if importlib.util.find_spec("txtai") is None:
        return False
    from txtai import Embeddings  # type: ignore[import-not-found]

    config: dict[str, Any] = {"method": "external", "transform": "tests.benchmarks.http.transform", "content": True}
    index = Embeddings(config)
    index.index((unit.id, unit.embedding_text) for chunk in runtime.generation.chunks for unit in chunk.units)
    index.save(str(folder / "txtai"))
    served = {"path": str(folder / "txtai"), "writable": False, "embeddings": config}
    (folder / "txtai.yml").write_text(json.dumps(served), "utf-8")  # JSON is YAML
    return True


def questions(count: int) -> list[str]:
    lines = (ROOT / "tests" / "evaluation" / "career.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines][:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--clients", default="1,8,32")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", nargs=3, metavar=("ROLE", "HOME", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ[TRUSTED] = "True"
    if given.serve:
        serve(given.serve[0], Path(given.serve[1]), int(given.serve[2]))
        return
    queries, clients = questions(given.queries), [int(count) for count in given.clients.split(",")]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        build([ROOT / "seeds"], Settings(home=home), FakeEmbedder())
        cost, loads = measure(home, queries, clients, given.seconds)
    print(f"direct {cost.direct_ms:.2f} ms, over HTTP {cost.http_ms:.2f} ms: {cost.ms:.2f} ms more at the median")
    for row in loads:
        print(
            f"{row.service:6} {row.clients:3} clients {row.per_s:8.1f} /s  p50 {row.p50_ms:7.1f} ms"
            f"  p99 {row.p99_ms:7.1f} ms  {row.failed} failed"
        )
    if given.json:
        shown = {"overhead": asdict(cost), "loads": [asdict(row) for row in loads]}
        given.json.write_text(json.dumps(shown, indent=1), "utf-8")


def measure(home: Path, queries: Sequence[str], clients: Sequence[int], seconds: float) -> tuple[Overhead, list[Load]]:
    with opened(home) as runtime:
        rival = build_txtai(runtime, home)
        with served("ours", home) as port:
            cost = overhead(runtime, port, queries)
    loads = []
    for service in ("ours", "txtai") if rival else ("ours",):
        with served(service, home) as port:
            load(service, port, queries, 4, min(2.0, seconds))  # warm
            loads += [load(service, port, queries, count, seconds) for count in clients]
    return cost, loads


if __name__ == "__main__":
    main()
