"""Embedding speed against sentence-transformers in its default settings: same texts, same machine, same run.

    python -m tests.benchmarks.embedding PASSAGES.jsonl [--limit 60]

PASSAGES: one JSON object a line with a `text`. Prints passages a second for whole texts and for their sentences, the
median time of one query, and how far the vectors are from the default's (cosine).
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from indexes.embedding import load_embedder
from indexes.modelstore import ModelStore
from indexes.settings import IndexSettings
from indexes.text import split_sentences
from indexes.types import Vectors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("passages", type=Path)
    parser.add_argument("--limit", type=int, default=60)
    arguments = parser.parse_args()
    lines = arguments.passages.read_text("utf-8").splitlines()[: arguments.limit]
    texts = [json.loads(line)["text"] for line in lines]
    sentences = [text[start:end] for text in texts for start, end in split_sentences(text)]
    settings = IndexSettings.load()
    path = ModelStore.from_settings(settings).resolve(settings.embedder)
    ours = load_embedder(settings, path)
    theirs = _default(path)
    for name, batch in (("whole texts", texts), ("sentences", sentences)):
        default, default_s = _timed(partial(theirs.encode, batch, prompt_name="document"))
        found, ours_s = _timed(partial(ours.embed_passages, batch))
        nearness = float(np.mean(np.sum(found * default, axis=1)))
        print(
            f"{name}: {len(batch)}, default {len(batch) / default_s:.1f}/s, ours {len(batch) / ours_s:.1f}/s, "
            f"{default_s / ours_s:.2f} times as fast, mean cosine {nearness:.4f}"
        )
    queries = [sentence[:40] for sentence in sentences[:30]]
    default_ms = _median_ms(lambda query: theirs.encode([query], prompt_name="query"), queries)
    ours_ms = _median_ms(lambda query: ours.embed_queries([query]), queries)
    print(f"one query: default {default_ms:.1f} ms, ours {ours_ms:.1f} ms, {ours_ms / default_ms:.0%} of the time")


def _default(path: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), device="cpu", local_files_only=True)


def _timed(call: Callable[[], Vectors]) -> tuple[Vectors, float]:
    started = time.perf_counter()
    found = call()
    return found, time.perf_counter() - started


def _median_ms(call: Callable[[str], Vectors], queries: Sequence[str]) -> float:
    call(queries[0])
    return statistics.median(_timed(partial(call, query))[1] * 1000 for query in queries)


if __name__ == "__main__":
    main()
