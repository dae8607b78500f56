"""A real runtime over a real generation without any model: hashed words as vectors, quotations as answers."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ingest.build import build
from service.abstention import Abstention
from service.runtime import Runtime, open_runtime
from service.settings import Settings
from tests.doubles import FakeEmbedder

ADMIN = "admin"
ADMIN_KEYS = (f"admin:{hashlib.sha256(ADMIN.encode()).hexdigest()}",)
KEY = {"Authorization": f"Bearer {ADMIN}"}
CORPUS = {
    "a.md": "# Databases\n\nMilvus is a vector database.\n\nRedis caches hot data.\n",
    "b.md": "# 部署\n\n模型部署常用 Triton。\n\n后端程序员应先学会部署模型。\n",
}


@contextmanager
def model_free(
    folder: Path, corpus: Mapping[str, str] = CORPUS, llm: Any = None, gate: Any = None, **changes: Any
) -> Iterator[Runtime]:
    """The corpus is written to `folder`/corpus and built into `folder`/home; admin key `ADMIN`, no rate limit.

    `llm` is a double of the engine, None quotes; `gate` replaces the calibrated one.
    """
    given: dict[str, Any] = {"llm": "extractive", "api_keys": ADMIN_KEYS, "rate_per_minute": 0}
    settings = Settings(home=folder / "home", **{**given, **changes})
    sources = folder / "corpus"
    sources.mkdir(parents=True)
    for name, text in corpus.items():
        (sources / name).write_text(text, "utf-8")
    embedder, chosen = FakeEmbedder(), gate or Abstention.load()
    build([sources], settings, embedder)
    with (
        patch("service.runtime.load_embedder", lambda _: embedder),
        patch("service.runtime._try_llm", lambda _: (llm, None)),
        patch("service.runtime.Abstention.load", lambda *_: chosen),
        open_runtime(settings) as runtime,
    ):
        yield runtime
