"""Retrieval quality: is the evidence of a question among the first passages? One command, real embedder.

    python -m tests.benchmarks.retrieval own CORPUS QUESTIONS.jsonl [--home DIR]
    python -m tests.benchmarks.retrieval xquad FOLDER [--home DIR]

`own`: a passage is relevant when it holds one alternative of every group of `evidence`, after normalising and without
white space; questions whose evidence no passage of the corpus holds are counted apart. `xquad`: one document for each
paragraph, R@1 of the gold paragraph within each pair of languages, and in the pool of both languages the share of
questions whose twin in the other language is among the first two.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexes.embedding import load_embedder
from indexes.embedding_cache import FILE, CachedEmbedder, EmbeddingCache
from indexes.generation import Generation
from indexes.retriever import Retriever
from indexes.settings import IndexSettings
from indexes.text import normalise
from indexes.types import Chunk, Embedder, Filters
from ingest.build import build
from service.bridging import other_language
from service.stages import suiting

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the first relevant passage stood (0: nowhere among the hits) and how long the search took."""

    question: Row
    rank: int
    ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    own = kinds.add_parser("own")
    own.add_argument("corpus", type=Path)
    own.add_argument("questions", type=Path, nargs="+")
    own.add_argument(
        "--misses", action="store_true", help="print the questions whose evidence is not in the first four"
    )
    xquad = kinds.add_parser("xquad")
    xquad.add_argument("folder", type=Path)
    for kind in (own, xquad):
        kind.add_argument("--home", type=Path, help="keeps embeddings between runs; default: a folder that is removed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        settings = IndexSettings.load().model_copy(update={"home": arguments.home or Path(scratch)})
        embedder = CachedEmbedder(load_embedder(settings), EmbeddingCache(settings.home / FILE), queries=4096)
        if arguments.kind == "own":
            _own(arguments.corpus, arguments.questions, settings, embedder, arguments.misses)
        else:
            _xquad(arguments.folder, settings, embedder)


def _own(corpus: Path, questions: Sequence[Path], settings: IndexSettings, embedder: Embedder, misses: bool) -> None:
    build([corpus], settings, embedder)
    with Generation.current(settings.home) as generation:
        retriever = Retriever(generation, embedder, terms=other_language, suiting=suiting)
        packed = [_packed(chunk.text) for chunk in generation.chunks]
        rows = [row for row in _read(questions) if row.get("evidence")]
        known = [row for row in rows if any(holds(text, row["evidence"]) for text in packed)]
        print(f"{len(known)} of {len(rows)} questions have their evidence in one passage of {corpus}")
        outcomes = [_ask(retriever, row) for row in known]
    for split in ("dev", "test"):
        for lang in ("en", "zh"):
            _report(
                f"{split} {lang}", [o for o in outcomes if (o.question["split"], o.question["lang"]) == (split, lang)]
            )
    if misses:
        for outcome in outcomes:
            if not 1 <= outcome.rank <= 4 and outcome.question["split"] == "dev":
                print(outcome.rank, outcome.question["question"], outcome.question["evidence"])


def _ask(retriever: Retriever, row: Row) -> Outcome:
    started = time.perf_counter()
    hits = retriever.search(row["question"], 8)
    ms = (time.perf_counter() - started) * 1000
    return Outcome(row, next((hit.rank for hit in hits if holds(_packed(hit.chunk.text), row["evidence"])), 0), ms)


def holds(packed: str, evidence: Iterable[Iterable[str]]) -> bool:
    """Whether a packed text holds one alternative of every group."""
    return all(any(_packed(alternative) in packed for alternative in group) for group in evidence)


def _packed(text: str) -> str:
    return normalise(text).replace(" ", "")


def _report(name: str, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    first, fourth = (sum(1 <= o.rank <= bound for o in outcomes) / len(outcomes) for bound in (1, 4))
    middle = statistics.median(o.ms for o in outcomes)
    print(f"{name}: {len(outcomes)} questions, hit@1 {first:.3f}, hit@4 {fourth:.3f}, median {middle:.1f} ms")


def _xquad(folder: Path, settings: IndexSettings, embedder: Embedder) -> None:
    rows = _read([folder / "xquad_questions.jsonl"])
    with tempfile.TemporaryDirectory() as corpus:
        for lang in ("zh", "en"):
            _write_paragraphs(folder / f"xquad_passages_{lang}.jsonl", Path(corpus) / lang)
        build([Path(corpus)], settings, embedder)
    with Generation.current(settings.home) as generation:
        retriever = Retriever(generation, embedder, terms=other_language, suiting=suiting)
        pools = _pools(generation.chunks)
        for asked in ("zh", "en"):
            questions = [row for row in rows if row["lang"] == asked]
            for pool in ("zh", "en"):
                filters = Filters(document_ids=frozenset(pools[pool]))
                first = [_paragraphs(retriever, row["question"], filters)[:1] for row in questions]
                right = sum(
                    f"{pool}/{row['gold_doc_ids'][0]}" in found for row, found in zip(questions, first, strict=True)
                )
                print(f"{asked}→{pool}: R@1 {right / len(questions):.3f}")
            other = "en" if asked == "zh" else "zh"
            mixed = [_paragraphs(retriever, row["question"], Filters())[:2] for row in questions]
            twin = sum(
                f"{other}/{row['gold_doc_ids'][0]}" in found for row, found in zip(questions, mixed, strict=True)
            )
            print(f"{asked} in both: twin in the first two {twin / len(questions):.3f}")


def _write_paragraphs(source: Path, target: Path) -> None:
    target.mkdir()
    for row in _read([source]):
        (target / f"{row['id']}.md").write_text(f"# {row['title'].replace('_', ' ')}\n\n{row['text']}\n", "utf-8")


def _pools(chunks: Iterable[Chunk]) -> Mapping[str, set[str]]:
    pools: dict[str, set[str]] = defaultdict(set)
    for chunk in chunks:
        pools[Path(chunk.document.uri).parent.name].add(chunk.document.id)
    return pools


def _paragraphs(retriever: Retriever, question: str, filters: Filters) -> list[str]:
    """Paragraphs by their best chunk, as lang/id."""
    uris = [Path(hit.chunk.document.uri) for hit in retriever.search(question, 8, filters)]
    return list(dict.fromkeys(f"{uri.parent.name}/{uri.stem}" for uri in uris))


def _read(paths: Iterable[Path]) -> list[Row]:
    return [json.loads(line) for path in paths for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
