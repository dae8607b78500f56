"""What verification costs: time a sentence, cold and warm, with and without the embedding of it.

    python -m tests.benchmarks.verification [--sentences 60] [--json FILE]

The held-out sentences are checked against four passages of the index of the settings (`career ingest seeds`), as the
answer path does. Cold units are read for the first time; warm is every later answer over the same passages.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexes.embedding import load_embedder
from indexes.generation import Generation
from indexes.settings import IndexSettings
from indexes.types import Embedder, TokenEmbedder, TokenVectors, Vectors
from service.evaluation.fit_grounding import Case, Remembering, cases_of, read_rows
from service.grounding import GroundingParams, Verifier

SENTENCES = Path(__file__).resolve().parents[1] / "evaluation" / "grounding_test.jsonl"


class Clocked:
    """An embedder that adds up the time spent in it."""

    def __init__(self, inner: Embedder) -> None:
        self.inner, self.name, self.dimension, self.spent = inner, inner.name, inner.dimension, 0.0

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        started = time.perf_counter()
        try:
            return self.inner.embed_queries(texts)
        finally:
            self.spent += time.perf_counter() - started

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        return self.inner.embed_passages(texts)

    def embed_tokens(self, text: str, /, *, passage: bool) -> TokenVectors | None:
        started = time.perf_counter()
        try:
            return self.inner.embed_tokens(text, passage=passage) if isinstance(self.inner, TokenEmbedder) else None
        finally:
            self.spent += time.perf_counter() - started


def timed(verifier: Verifier, clock: Clocked, cases: Sequence[Case]) -> dict[str, float]:
    """Milliseconds a sentence: median and 95th percentile of the whole, medians of its two parts."""
    whole, embedding = [], []
    for case in cases:
        clock.spent, started = 0.0, time.perf_counter()
        verifier.check(case.sentence, case.passages)
        whole.append((time.perf_counter() - started) * 1000.0)
        embedding.append(clock.spent * 1000.0)
    reading = np.array(whole) - np.array(embedding)
    return {
        "p50_ms": round(float(np.median(whole)), 1),
        "p95_ms": round(float(np.percentile(whole, 95)), 1),
        "embedding_p50_ms": round(float(np.median(embedding)), 1),
        "rules_p50_ms": round(float(np.median(reading)), 1),
    }


def measure(sentences: int) -> dict[str, Any]:
    settings = IndexSettings.load()
    embedder = load_embedder(settings)
    rows = read_rows(SENTENCES)[:: max(1, 512 // sentences)][:sentences]
    with Generation.current(settings.home) as generation:
        remembering = Remembering(embedder, (row["sentence"] for row in rows))
        cases = cases_of(rows, generation, remembering)
        clock = Clocked(embedder)
        verifier = Verifier(clock, GroundingParams.load(), generation.unit_vectors)
        return {"sentences": len(cases), "cold": timed(verifier, clock, cases), "warm": timed(verifier, clock, cases)}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.verification", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(argv)
    text = json.dumps(measure(options.sentences), indent=1)
    if options.json:
        options.json.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
