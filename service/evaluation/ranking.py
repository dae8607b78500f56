"""Retrieval metrics: hit@k, recall@k, reciprocal rank and nDCG of a ranking against graded judgements.

Definitions are those of trec_eval (linear gain, log2 discount); a test compares with ir-measures.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log2

from indexes.types import Chunk
from service.evaluation.dataset import Case
from service.evaluation.matching import fold, holds_any, is_relevant
from service.evaluation.records import Record, StoredPassage

CUTOFFS = (1, 3, 5, 10)
DEPTH = 10


def hit_at(ranking: Sequence[str], gains: Mapping[str, int], k: int) -> float:
    """1 when any of the first k is relevant, else 0."""
    return float(any(gains.get(item, 0) > 0 for item in ranking[:k]))


def recall_at(ranking: Sequence[str], gains: Mapping[str, int], k: int) -> float:
    """Relevant among the first k, over all relevant; gains must hold a positive one."""
    relevant = {item for item, gain in gains.items() if gain > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant)


def reciprocal_rank(ranking: Sequence[str], gains: Mapping[str, int], k: int) -> float:
    """1 over the 1-based rank of the first relevant item, 0 when none is among the first k."""
    return next((1 / rank for rank, item in enumerate(ranking[:k], start=1) if gains.get(item, 0) > 0), 0.0)


def ndcg_at(ranking: Sequence[str], gains: Mapping[str, int], k: int) -> float:
    """Discounted gain over that of the ideal ranking; gains must hold a positive one."""
    ideal = _dcg(sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:k])
    return _dcg([max(gains.get(item, 0), 0) for item in ranking[:k]]) / ideal


def _dcg(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def ranked_ids(record: Record, gains: Mapping[str, int], passages: Mapping[str, StoredPassage]) -> list[str]:
    """The ranking in the ids that were judged: chunks where chunks were, else documents, each at its best rank."""
    chosen = []
    for chunk_id in record.ranking:
        passage = passages.get(chunk_id)
        chosen.append(chunk_id if chunk_id in gains or passage is None else passage.document_id)
    return list(dict.fromkeys(chosen))


def judged_chunks(case: Case, corpus: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Gains by chunk id: of (chunk id, text) pairs, those that hold all evidence."""
    return {chunk_id: 1 for chunk_id, text in corpus if is_relevant(fold(text), case.evidence)}


def judgements(cases: Iterable[Case], corpus: Sequence[Chunk]) -> dict[str, dict[str, int]]:
    """Question id → judged id → gain: its qrels, else its gold documents, else the chunks that hold its evidence.

    A question without any of these, or whose evidence no single chunk holds, is left out: ranking metrics do not apply.
    """
    texts = [(chunk.id, chunk.text) for chunk in corpus]
    relevant: dict[str, dict[str, int]] = {}
    for case in cases:
        if case.qrels:
            gains = dict(case.qrels)
        elif case.gold_doc_ids:
            gains = dict.fromkeys(case.gold_doc_ids, 1)
        else:
            gains = judged_chunks(case, texts) if case.evidence else {}
        if any(gain > 0 for gain in gains.values()):
            relevant[case.id] = gains
    return relevant


def evidence_recall(case: Case, chunk_ids: Sequence[str], passages: Mapping[str, StoredPassage]) -> float:
    """Share of the evidence groups that any of these passages holds, for facts spread over several passages."""
    texts = [fold(passages[chunk_id].text) for chunk_id in chunk_ids if chunk_id in passages]
    return sum(any(holds_any(text, group) for text in texts) for group in case.evidence) / len(case.evidence)


def score_ranking(
    case: Case, record: Record, gains: Mapping[str, int], passages: Mapping[str, StoredPassage]
) -> dict[str, float]:
    """Every ranking metric that applies to this question."""
    scores: dict[str, float] = {}
    if case.evidence:
        scores["evidence_recall@5"] = evidence_recall(case, record.ranking[:5], passages)
        scores["evidence_recall@10"] = evidence_recall(case, record.ranking[:10], passages)
        if record.answer is not None:
            scores["evidence_in_context"] = evidence_recall(case, record.context, passages)
    if any(gain > 0 for gain in gains.values()):
        ranking = ranked_ids(record, gains, passages)
        for k in CUTOFFS:
            scores[f"hit@{k}"] = hit_at(ranking, gains, k)
        scores["recall@5"] = recall_at(ranking, gains, 5)
        scores["recall@10"] = recall_at(ranking, gains, 10)
        scores["mrr@10"] = reciprocal_rank(ranking, gains, DEPTH)
        scores["ndcg@10"] = ndcg_at(ranking, gains, DEPTH)
    return scores
