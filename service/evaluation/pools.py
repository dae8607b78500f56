"""Retrieval over passage files of several languages: every question language against every pool and the mixed one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexes.errors import UsageError
from indexes.types import Embedder, Filters, Vectors
from service.evaluation.dataset import Case, Dataset
from service.evaluation.passage_index import Pool, join, pool_of, read_passages, write_pool
from service.evaluation.ranking import hit_at, ndcg_at, recall_at, reciprocal_rank
from service.evaluation.run import Searches
from service.evaluation.stats import Mean, interval

DEPTH = 20
MIXED = "mixed"
Vector: TypeAlias = NDArray[np.float32]


@dataclass(slots=True)
class RememberingEmbedder:
    """Embeds each text once, although several pools hold it or are searched for it."""

    embedder: Embedder
    queries: dict[str, Vector] = field(default_factory=dict)
    passages: dict[str, Vector] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.embedder.name

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        return _remembered(texts, self.queries, self.embedder.embed_queries)

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        return _remembered(texts, self.passages, self.embedder.embed_passages)


def _remembered(texts: Sequence[str], known: dict[str, Vector], embed: Callable[[Sequence[str]], Vectors]) -> Vectors:
    if new := [text for text in dict.fromkeys(texts) if text not in known]:
        known.update(zip(new, embed(new), strict=True))
    return np.stack([known[text] for text in texts])


@dataclass(frozen=True, slots=True)
class PoolScore:
    """One question language against one pool; `metrics` as in summary.json."""

    question_lang: str
    pool: str
    n: int
    metrics: Mapping[str, Any]


def load_pools(paths: Sequence[Path]) -> dict[str, Pool]:
    """Language of each file → its pool, and, of several, the mixed one; documents are named language/id."""
    pools: dict[str, Pool] = {}
    for path in paths:
        passages = read_passages(path)
        lang = _main_language(pool_of(passages))
        if lang in pools:
            raise UsageError(f"{path.name} is a second file in {lang}. Join the two, or name files of two languages.")
        pools[lang] = pool_of(passages, prefix=f"{lang}/")
    return pools | ({MIXED: join(list(pools.values()))} if len(pools) > 1 else {})


def _main_language(pool: Pool) -> str:
    langs = [chunk.lang for chunk in pool.chunks]
    return max(sorted(set(langs)), key=langs.count)


def evaluate_pools(
    data: Dataset, pools: Mapping[str, Pool], embedder: Embedder, on_progress: Callable[[int, int], None]
) -> list[PoolScore]:
    """Search every question in every pool through the retriever that serves users."""
    remembering = RememberingEmbedder(embedder)
    _embed_all(data, remembering)
    scores: list[PoolScore] = []
    total, done = len(data.cases) * len(pools), 0
    for name, pool in pools.items():
        with TemporaryDirectory(prefix="career-eval-") as folder:
            retriever, close = _open(Path(folder), pool, remembering)
            rankings: dict[str, list[str]] = {}
            for case in data.cases:
                rankings[case.id] = search(retriever, case)
                done += 1
                on_progress(done, total)
            close()
        scores += score_pool(data, name, pool, rankings)
    return scores


def _embed_all(data: Dataset, embedder: RememberingEmbedder) -> None:
    embedder.embed_queries([case.question for case in data.cases])


def _open(home: Path, pool: Pool, embedder: Embedder) -> tuple[Searches, Callable[[], None]]:
    from indexes.generation import Generation
    from indexes.retriever import Retriever
    from service.bridging import other_language
    from service.stages import suiting

    write_pool(home, pool, embedder)
    generation = Generation.current(home)
    return Retriever(generation, embedder, terms=other_language, suiting=suiting), generation.close


def search(retriever: Searches, case: Case) -> list[str]:
    hits = retriever.search(case.question, DEPTH, Filters())
    return list(dict.fromkeys(hit.chunk.document.id for hit in hits))


def score_pool(data: Dataset, name: str, pool: Pool, rankings: Mapping[str, Sequence[str]]) -> list[PoolScore]:
    """Metrics for each question language; in a mixed pool the gold passage counts in any of its languages.

    `twin@2`, of a mixed pool: the gold passage in another language than the question's is among the first two.
    """
    present = {document.info.id for document in pool.documents}
    prefixes = sorted({document.rpartition("/")[0] for document in present})
    found = []
    for lang in sorted({case.lang or "?" for case in data.cases}):
        rows: list[dict[str, float]] = []
        for case in data.cases:
            gold = [f"{p}/{g}" for p in prefixes for g in case.gold_doc_ids]
            gains = dict.fromkeys((item for item in gold if item in present), 1)
            if (case.lang or "?") == lang and gains:
                twins = {item: 1 for item in gains if len(prefixes) > 1 and not item.startswith(f"{case.lang}/")}
                rows.append(_measures(rankings[case.id], gains, twins))
        if rows:
            found.append(PoolScore(lang, name, len(rows), _means(rows)))
    return found


def _measures(ranking: Sequence[str], gains: Mapping[str, int], twins: Mapping[str, int]) -> dict[str, float]:
    of_twin = {"twin@2": hit_at(ranking, twins, 2)} if twins else {}
    return of_twin | {
        "hit@1": hit_at(ranking, gains, 1),
        "hit@5": hit_at(ranking, gains, 5),
        "recall@10": recall_at(ranking, gains, 10),
        "mrr@10": reciprocal_rank(ranking, gains, 10),
        "ndcg@10": ndcg_at(ranking, gains, 10),
    }


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    means = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        found = interval(Mean(np.array([row.get(name, np.nan) for row in rows])), len(rows), resamples=1000)
        means[name] = {"value": round(found.value, 6), "low": round(found.low, 6), "high": round(found.high, 6)}
    return means


def pool_scores_json(scores: Sequence[PoolScore]) -> list[dict[str, Any]]:
    return [{"questions": s.question_lang, "pool": s.pool, "n": s.n, "metrics": dict(s.metrics)} for s in scores]
