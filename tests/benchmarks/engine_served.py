"""The whole service over HTTP with a real engine, an embedder that hashes words, and a gate that lets all through.

    python -m tests.benchmarks.engine_served MODEL.gguf HOME [--queue N] [--slots N]

Prints its port. GET /bench tells what the engine says of itself, and how much memory each of the two processes has.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from ingest.build import build
from service.answerer import Answerer
from service.bridging import other_language
from service.grounding import GroundingParams, Verifier
from service.llm.factory import open_worker
from service.llm.llama_config import LlamaConfig
from service.llm.types import LLM
from service.llm.worker import WorkerLLM
from service.runtime import Holder, Runtime, View
from service.settings import Settings
from service.signals import IndexedWords
from service.stages import suiting
from tests.benchmarks.engine import resident_mib
from tests.benchmarks.engine_asking import SEEDS
from tests.doubles import FakeEmbedder
from tests.service.answering import ALWAYS


@dataclass(frozen=True, slots=True)
class Served:
    host: str
    port: int
    process: subprocess.Popen[str]

    def bench(self) -> dict[str, Any]:
        with urlopen(f"http://{self.host}:{self.port}/bench", timeout=30) as reply:
            told: dict[str, Any] = json.load(reply)
        return told


@contextmanager
def serving(model: Path, home: Path, *, queue: int = 16, slots: int = 4) -> Iterator[Served]:
    """The service in a process of its own, ready to answer."""
    command = [sys.executable, "-m", __name__, str(model), str(home), "--queue", str(queue), "--slots", str(slots)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise AssertionError("stdout is a pipe")
        try:
            yield Served("127.0.0.1", int(process.stdout.readline()), process)
        finally:
            process.terminate()
            process.wait(30)


def make_llm(model: Path, settings: Settings) -> WorkerLLM:
    config = LlamaConfig(
        model, context_tokens=settings.context_tokens, slots=settings.answers_at_once, kv_folder=settings.home / "kv"
    )
    return open_worker(config, settings.queue)


def make_runtime(llm: LLM | None, settings: Settings, seeds: Path = SEEDS) -> Runtime:
    from indexes.generation import Generation
    from indexes.retriever import Retriever

    embedder = FakeEmbedder()
    build([seeds], settings, embedder)
    generation = Generation.current(settings.home)
    retriever = Retriever(generation, embedder, terms=other_language, suiting=suiting)
    answerer = Answerer(
        searcher=retriever,
        checker=Verifier(embedder, GroundingParams.load(), generation.unit_vectors),
        gate=ALWAYS,
        vocabulary=IndexedWords(generation.lexical),
        llm=llm,
        settings=settings,
        generation=generation.number,
        corpus_size=len(generation.chunks),
    )
    return Runtime(settings, embedder, llm, None, Holder(View(generation, retriever, answerer)))


def told_of(llm: WorkerLLM) -> dict[str, Any]:
    health = asdict(llm.health())
    memory = {"http_mib": resident_mib(os.getpid()), "engine_mib": resident_mib(health["pid"])}
    return {**llm.stats(), **health, **memory}


def main() -> None:
    import uvicorn

    from service.app import create_app

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("home", type=Path)
    parser.add_argument("--queue", type=int, default=16)
    parser.add_argument("--slots", type=int, default=4)
    options = parser.parse_args()
    settings = Settings(
        home=options.home,
        context_tokens=8192,
        queue=options.queue,
        answers_at_once=options.slots,
        rate_per_minute=0,
        tokens_per_minute=0,
        warm=False,
    )
    llm = make_llm(options.model, settings)
    runtime = make_runtime(llm, settings)
    app = create_app(runtime)

    @app.get("/bench", include_in_schema=False)
    def bench() -> dict[str, Any]:
        return told_of(llm)

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    try:
        uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False)).run(sockets=[listener])
    finally:
        llm.close()


if __name__ == "__main__":
    main()
