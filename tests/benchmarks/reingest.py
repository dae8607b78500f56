"""How long `career ingest` takes when nothing, or one file, has changed in a large corpus.

    python -m tests.benchmarks.reingest [--chunks 10000] [--dimension 768] [--runs 3]

The corpus is made from words of both languages; the embedder is a double that draws a vector from the text's digest, so
that a build's own time is seen and a model's is not. Times are of `build` as the command calls it, in one process.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from indexes.settings import IndexSettings
from indexes.types import Vectors
from ingest.build import BuildReport, build

TOPICS = (
    "编程",
    "网络",
    "数据库",
    "部署",
    "监控",
    "训练",
    "推理",
    "向量",
    "Python",
    "Kubernetes",
    "Docker",
    "vLLM",
    "Ray",
    "SQL",
)
TEMPLATES = (
    "工程师用{}来改进{}，并在第{}周检查{}的结果。",
    "A backend developer learns {} before {}, and by week {} measures {} in production.",
)
PARAGRAPHS = 20
"""Of a file; each becomes about one passage."""


Timed: TypeAlias = tuple[BuildReport, float, float]
"""What a build did, its seconds by the clock and of the processor: a busy machine makes the first larger."""


class DigestEmbedder:
    """A unit vector drawn from the text's checksum: deterministic, and as fast as drawing is."""

    name = "digest@1"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        rows = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            rows[row] = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension, np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=768)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measure(Path(scratch), arguments.chunks, arguments.dimension, arguments.runs), indent=2))


def measure(folder: Path, chunks: int, dimension: int, runs: int) -> dict[str, object]:
    corpus, settings = folder / "corpus", IndexSettings(home=folder / "home")
    files = make_corpus(corpus, chunks)
    embedder = DigestEmbedder(dimension)
    first, first_s, _ = timed(corpus, settings, embedder)
    unchanged = [timed(corpus, settings, embedder) for _ in range(runs)]
    changed: list[Timed] = []
    for run in range(runs):
        path = corpus / f"{files // 2:05d}.md"
        path.write_text(path.read_text("utf-8") + f"\n\n这一段是第{run}次改写时加上的，讲的是评估。\n", "utf-8")
        changed.append(timed(corpus, settings, embedder))
    return {
        "files": files,
        "chunks": first.chunks,
        "units": first.units,
        "first build s": round(first_s, 2),
        "unchanged s": median(seconds for _, seconds, _ in unchanged),
        "unchanged processor s": median(seconds for _, _, seconds in unchanged),
        "unchanged writes": sum(report.written for report, _, _ in unchanged),
        "one changed s": median(seconds for _, seconds, _ in changed),
        "one changed processor s": median(seconds for _, _, seconds in changed),
        "one changed embeds": [report.embedded for report, _, _ in changed],
    }


def median(seconds: Iterable[float]) -> float:
    return round(statistics.median(seconds), 2)


def timed(corpus: Path, settings: IndexSettings, embedder: DigestEmbedder) -> Timed:
    started, spent = time.perf_counter(), time.process_time()
    report = build([corpus], settings, embedder)
    return report, time.perf_counter() - started, time.process_time() - spent


def make_corpus(corpus: Path, chunks: int) -> int:
    """Files of twenty paragraphs, every other one in English; returns how many."""
    chance = random.Random(7)
    corpus.mkdir()
    files = max(1, chunks // PARAGRAPHS)
    for number in range(files):
        template = TEMPLATES[number % len(TEMPLATES)]
        blocks = [f"# Guide {number}"]
        for part in range(PARAGRAPHS):
            length = 450 if number % 2 else 200
            text = ""
            while len(text) < 0.8 * length:
                words = chance.sample(TOPICS, 3)
                text += template.format(words[0], words[1], chance.randrange(10_000), words[2]) + " "
            blocks += [f"## Part {part} of {number}", text.strip()]
        (corpus / f"{number:05d}.md").write_text("\n\n".join(blocks) + "\n", "utf-8")
    return files


if __name__ == "__main__":
    main()
