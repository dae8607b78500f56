"""The way from paths to a generation: walk, read what changed, embed what is new, write. Incremental, one writer."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from indexes.errors import EmptyCorpus
from indexes.generation import BuildMeta, write_generation, writer_lock
from indexes.settings import IndexSettings
from indexes.types import Embedder, Vectors
from indexes.vectorkinds import IndexLimits
from ingest.corpus import Before, Corpus, Progress, read_corpus
from ingest.documents import pipeline_version
from ingest.embedding import CountedEmbedder
from ingest.readers import READERS
from ingest.sources import walk


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; documents are named by uri.

    `generation` is the one that serves now, None where a dry run found none. `embedded` counts texts that the model was
    given (in a dry run: would be given). Of the documents that were read anew: `dropped_lines` counts boilerplate by
    rule, `hidden` has (uri, rule, text) of what nobody sees and is left out, `flagged` (uri, line) of what speaks to a
    model instead of a reader.
    """

    generation: int | None
    written: bool
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    reused: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    dropped_lines: dict[str, int]
    hidden: tuple[tuple[str, str, str], ...]
    flagged: tuple[tuple[str, str], ...]
    chunks: int
    units: int
    embedded: int
    seconds: float


def build(
    paths: Sequence[Path],
    settings: IndexSettings,
    embedder: Embedder,
    progress: Progress | None = None,
    dry_run: bool = False,
) -> BuildReport:
    """Make what `paths` hold the corpus. Nothing changed: no new generation. Killed at any point: the old one serves.

    Raises:
        UsageError: a path does not exist; EmptyCorpus: nothing readable under `paths`; LockHeld: another writer.
    """
    started = time.perf_counter()
    tell = progress or _silent
    with nullcontext() if dry_run else writer_lock(settings.home):
        before = Before.load(settings)
        corpus = read_corpus(walk(paths, settings), before, settings, tell)
        if not corpus.documents:
            raise EmptyCorpus(_nothing_in(paths, corpus))
        number, embedded = before.generation, 0
        changed = not _is_same(corpus, before, embedder, settings)
        if changed:
            counted = CountedEmbedder(embedder, settings.home, corpus.texts, tell)
            embedded = counted.missing
            if not dry_run:
                number = _write(corpus, counted.embed(), _meta(paths, before, embedder, settings), settings)
    return _report(corpus, before, number, embedded, time.perf_counter() - started)


def _write(corpus: Corpus, vectors: Vectors, meta: BuildMeta, settings: IndexSettings) -> int:
    documents = [prepared.document for prepared in corpus.documents]
    limits = IndexLimits(memory_mb=settings.index_memory_mb)
    return write_generation(settings.home, documents, corpus.chunks, vectors, meta, limits=limits).number


def _is_same(corpus: Corpus, before: Before, embedder: Embedder, settings: IndexSettings) -> bool:
    """Whether the generation that serves holds just these documents, in this order, by this embedder and pipeline."""
    return (
        not (corpus.added or corpus.changed)
        and list(before.documents) == corpus.reused
        and before.embedder == embedder.name
        and before.pipeline == pipeline_version(settings)
    )


def _meta(paths: Sequence[Path], before: Before, embedder: Embedder, settings: IndexSettings) -> BuildMeta:
    corpus_paths = json.dumps([str(path.resolve()) for path in paths], ensure_ascii=False)
    return BuildMeta(embedder.name, pipeline_version(settings), before.generation, {"paths": corpus_paths})


def _nothing_in(paths: Sequence[Path], corpus: Corpus) -> str:
    """Where nothing was read, and the first reason why."""
    names = ", ".join(map(str, paths))
    reasons = [f"{uri}: {reason}" for uri, reason in corpus.skipped[:3]]
    why = f" Skipped: {'; '.join(reasons)}." if reasons else ""
    return f"Nothing to read in {names or 'no paths at all'}.{why} Name a folder of {', '.join(sorted(READERS))} files."


def _report(corpus: Corpus, before: Before, number: int | None, embedded: int, seconds: float) -> BuildReport:
    uris = {prepared.document.info.uri for prepared in corpus.documents}
    fresh = set(corpus.added) | set(corpus.changed)
    anew = [(prepared.document.info.uri, prepared) for prepared in corpus.documents]
    anew = [(uri, prepared) for uri, prepared in anew if uri in fresh]
    return BuildReport(
        generation=number,
        written=number != before.generation,
        added=tuple(corpus.added),
        changed=tuple(corpus.changed),
        removed=tuple(uri for uri in before.documents if uri not in uris),
        reused=tuple(corpus.reused),
        skipped=tuple(corpus.skipped),
        dropped_lines=dict(Counter(rule for _, prepared in anew for _, rule in prepared.dropped)),
        hidden=tuple((uri, rule, text) for uri, prepared in anew for text, rule in prepared.hidden),
        flagged=tuple((uri, line) for uri, prepared in anew for line in prepared.flagged),
        chunks=len(corpus.chunks),
        units=sum(len(chunk.units) for chunk in corpus.chunks),
        embedded=embedded,
        seconds=seconds,
    )


def _silent(stage: str, done: int, total: int) -> None:
    return None
