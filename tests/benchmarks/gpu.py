"""FAISS and an embedder on a GPU beside the CPU: the same rows and cosines, and how much sooner.

    python -m tests.benchmarks.gpu [--rows 10000,100000,1000000] [--queries 200] [--embedder small|settings|none]

Vectors are those of `tests.benchmarks.vectors`. `same` is the share of queries with the same ten rows in the same
order, where a row may change places with one whose cosine differs by less than 1e-5. The small embedder has random
weights, so that nothing need be fetched; `settings` takes the configured model. Needs faiss-gpu, torch and a GPU.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from indexes.embedding import SentenceTransformerEmbedder, load_embedder
from indexes.settings import IndexSettings
from indexes.types import Vectors
from indexes.vectorkinds import IndexLimits
from indexes.vectors import Device, FaissStore, gpu_code_runs
from tests.benchmarks.vectors import DIMENSION, write_vectors

K = 10
CLOSE = 1e-5
Found = list[list[tuple[int, float]]]


def answers(store: FaissStore, queries: Vectors) -> tuple[Found, float]:
    """What is found for each query, and the median milliseconds of a search."""
    store.search(queries[:1], K)
    found, ms = [], []
    for query in queries:
        began = time.perf_counter()
        found.append(store.search(query[None], K))
        ms.append((time.perf_counter() - began) * 1000)
    return found, statistics.median(ms)


def same(one: Found, other: Found) -> float:
    """Share of the queries that are answered alike."""
    pairs = zip(one, other, strict=True)
    return float(np.mean([all(abs(a[1] - b[1]) < CLOSE for a, b in zip(x, y, strict=True)) for x, y in pairs]))


def stores(rows: int, queries: int, limits: IndexLimits) -> None:
    with tempfile.TemporaryDirectory() as name:
        write_vectors(Path(name), rows, queries)
        vectors = np.memmap(Path(name) / "vectors.f32", "<f4", mode="r", shape=(rows, DIMENSION))
        asked = np.fromfile(Path(name) / "queries.f32", "<f4").reshape(queries, DIMENSION)
        devices: tuple[Device, ...] = ("cpu", "cuda")
        built = {}
        for device in devices:
            began = time.perf_counter()
            store = FaissStore.build(vectors, limits, device)
            built[device] = (store, time.perf_counter() - began, *answers(store, asked))
        (store, _, found, ms), (_, seconds, found_gpu, ms_gpu) = built["cpu"], built["cuda"]
        print(
            f"{rows:>9,} rows, {store.choice.kind}: {ms:.2f} ms on the CPU, {ms_gpu:.2f} ms on the GPU, "
            f"same {same(found, found_gpu):.3f}; built and copied in {seconds:.1f} s",
            flush=True,
        )


def small(device: str) -> SentenceTransformerEmbedder:
    """A Bert of four layers and random weights, the same on every device."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(7)
    with tempfile.TemporaryDirectory() as name:
        words = [
            "[PAD]",
            "[UNK]",
            "[CLS]",
            "[SEP]",
            "[MASK]",
            *map(chr, range(33, 127)),
            *map(chr, range(0x4E00, 0x5800)),
        ]
        (Path(name) / "vocab.txt").write_text("\n".join(words), "utf-8")
        BertTokenizerFast(str(Path(name) / "vocab.txt")).save_pretrained(name)
        BertModel(
            BertConfig(
                vocab_size=len(words),
                hidden_size=384,
                num_hidden_layers=4,
                num_attention_heads=6,
                intermediate_size=1536,
            )
        ).save_pretrained(name)
        body = Transformer(name, max_seq_length=256)
        model = SentenceTransformer(modules=[body, Pooling(384)], device=device)
    return SentenceTransformerEmbedder(model, "small")


def texts(count: int) -> list[str]:
    rng = np.random.default_rng(3)
    return [
        "".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 2000, int(rng.integers(20, 200)))) for _ in range(count)
    ]


def embedders(which: str) -> None:
    settings = IndexSettings.load()
    passages = texts(512)
    found: dict[str, tuple[Vectors, float]] = {}
    for device in ("cpu", "cuda"):
        made: Any = small(device) if which == "small" else load_embedder(settings.model_copy(update={"device": device}))
        made.embed_passages(passages[:8])
        began = time.perf_counter()
        found[device] = (made.embed_passages(passages), time.perf_counter() - began)
    cosines = (found["cpu"][0] * found["cuda"][0]).sum(axis=1)
    print(
        f"{len(passages)} passages: {found['cpu'][1]:.2f} s on the CPU, {found['cuda'][1]:.2f} s on the GPU, "
        f"cosine between the two at least {cosines.min():.6f}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--embedder", choices=("small", "settings", "none"), default="small")
    given = parser.parse_args(arguments)
    import faiss

    gpus = getattr(faiss, "get_num_gpus", int)()
    if gpus < 1:
        raise SystemExit("FAISS sees no GPU here: install faiss-gpu in the place of faiss-cpu, on a machine with one.")
    if not gpu_code_runs():
        given.rows = ""
    if given.embedder != "none":
        embedders(given.embedder)
    for rows in map(int, filter(None, given.rows.split(","))):
        stores(rows, given.queries, IndexLimits())


if __name__ == "__main__":
    main()
