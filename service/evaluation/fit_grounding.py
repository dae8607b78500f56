"""Fits the verdict of sentence verification on labelled sentences and measures it on held-out ones.

    python -m service.evaluation.fit_grounding FIT.jsonl TEST.jsonl --out service/data/grounding.json

Both files hold, a line: sentence, lang, document, evidence (a quote of that document), label (supported or not),
corruption. The index must hold the documents named (`career ingest seeds`). The verifier sees the passages with the
evidence and those that retrieval would add to them. Method: the logistic is refitted on the features of the candidate
that the last fit preferred, until that settles; weights keep the sign that their feature's meaning gives them.
"""

import argparse
import json
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from indexes.types import Chunk, Embedder, Hit, TokenEmbedder, TokenVectors, Unit, Vectors
from service.grounding import FEATURES, GroundingParams, Verifier
from service.grounding.parts import parts_of
from service.types import Passage, Verdict

PASSAGES = 4
ROUNDS = 2
RIDGE = 1.0
TARGET_PRECISION, TARGET_RECALL = 0.98, 0.945
AGAINST = frozenset(
    (
        *("behind_best", "names_in_context", "unknown", "foreign", "uncovered", "conflict", "conflict_context"),
        *("role_missing", "opposite", "negation", "flipped", "bound_elsewhere", "spans"),
        *("scattered", "scattered_lines", "listed_apart", "bound_opposite", "count_in_context", "aliens"),
        *("best_denies", "better_elsewhere", "title_missing"),
    )
)
FLOORS = {"uncovered": -4.0, "foreign": -5.0}
"""The glossary has been written with the sentences of the fit in sight: what it does not know weighs less elsewhere."""
EXPECTED = {
    "bound_opposite": -5.0,
    "listed_apart": -4.0,
    "aliens": -4.0,
    "best_denies": -3.0,
    "better_elsewhere": -3.0,
    "title_missing": -5.0,
}
"""Where the ridge pulls the weights of features that few sentences of the fit have; all others to zero."""
EVEN = 0.5
"""Score below which a sentence is likelier false than true."""
FREE = frozenset(("no_concepts", "same_language"))


class Corpus(Protocol):
    """What is used of an open generation."""

    @property
    def chunks(self) -> Sequence[Chunk]: ...

    @property
    def units(self) -> Sequence[tuple[Unit, Chunk]]: ...

    def unit_vectors(self, unit_ids: Sequence[str], /) -> Vectors: ...


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled sentence with the passages it is checked against."""

    sentence: str
    lang: str
    document_lang: str
    corruption: str
    supported: bool
    passages: tuple[Passage, ...]


class Remembering:
    """An embedder that embeds each sentence once, all of a file in one go, and their parts when they are asked for."""

    def __init__(self, embedder: Embedder, sentences: Iterable[str]) -> None:
        wanted = list(dict.fromkeys(sentences))
        self.name, self.dimension, self._embedder = embedder.name, embedder.dimension, embedder
        self._known = dict(zip(wanted, embedder.embed_queries(wanted), strict=True))

    def embed_queries(self, texts: Sequence[str], /) -> Vectors:
        for text in texts:
            if text not in self._known:
                self._known[text] = self._embedder.embed_queries([text])[0]
        return np.stack([self._known[text] for text in texts])

    def embed_passages(self, texts: Sequence[str], /) -> Vectors:
        raise NotImplementedError("sentences are embedded as queries")

    def embed_tokens(self, text: str, /, *, passage: bool) -> TokenVectors | None:
        embedder = self._embedder
        return embedder.embed_tokens(text, passage=passage) if isinstance(embedder, TokenEmbedder) else None


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def cases_of(rows: Sequence[dict[str, Any]], corpus: Corpus, embedder: Embedder) -> list[Case]:
    everything = corpus.unit_vectors([unit.id for unit, _ in corpus.units])
    return [_case(row, corpus, everything @ embedder.embed_queries([row["sentence"]])[0]) for row in rows]


def _case(row: dict[str, Any], corpus: Corpus, cosines: NDArray[np.float32]) -> Case:
    """Passages that hold the evidence first; an exchanged one comes with its neighbours, never with the true one."""
    own = [chunk for chunk in corpus.chunks if chunk.document.id == row["document"]]
    chunks = [chunk for chunk in own if _holds(chunk, row["evidence"])] or _overlapping(own, row["evidence"])
    if row["corruption"] == "passage":
        at = own.index(chunks[-1])
        more: Iterable[Chunk] = own[at + 1 : at + 3]
    else:
        more = (corpus.units[int(unit)][1] for unit in np.argsort(-cosines))
    for chunk in more:
        if len(chunks) >= PASSAGES:
            break
        if chunk not in chunks:
            chunks.append(chunk)
    passages = tuple(Passage(at + 1, Hit(chunk, 1.0, at + 1, ()), chunk.text) for at, chunk in enumerate(chunks))
    return Case(row["sentence"], row["lang"], chunks[0].lang, row["corruption"], row["label"] == "supported", passages)


def _holds(chunk: Chunk, evidence: str) -> bool:
    return evidence in chunk.text


def _overlapping(chunks: Sequence[Chunk], evidence: str) -> list[Chunk]:
    """A quote cut by a chunk's border: the chunks with its first and its last line."""
    lines = [line for line in evidence.splitlines() if line.strip()]
    found = [chunk for chunk in chunks if lines[0] in chunk.text or lines[-1] in chunk.text]
    if not found:
        raise ValueError(f"No passage holds the evidence {evidence!r}: ingest the documents that it is from.")
    return found


def fit(cases: Sequence[Case], start: GroundingParams, make: Callable[[GroundingParams], Verifier]) -> GroundingParams:
    """Parameters fitted on the cases, with thresholds for the target precision on them."""
    params = start
    for _ in range(ROUNDS):
        rows = _rows_of(cases, make(params))
        values = np.array([values for values, hard, _ in rows if not hard])
        labels = np.array([label for _, hard, label in rows if not hard], dtype=np.float64)
        params = _logistic(values, labels, params)
    return _with_thresholds(params, _rows_of(cases, make(params)))


def _rows_of(cases: Sequence[Case], verifier: Verifier) -> list[tuple[NDArray[np.float64], bool, bool]]:
    """Features of the preferred candidate, whether a name or number is missing, and the label."""
    rows = []
    for case in cases:
        candidate = verifier.candidate(case.sentence, case.passages)
        if candidate is not None:
            judged_by_parts = case.supported and candidate.evidence.spans > 1 and len(parts_of(case.sentence)) > 1
            if not judged_by_parts:
                rows.append((candidate.values, candidate.lacking.hard, case.supported))
    return rows


def _logistic(values: NDArray[np.float64], labels: NDArray[np.float64], start: GroundingParams) -> GroundingParams:
    """Balanced ridge logistic by projected gradient on standardised features."""
    scale = np.maximum(values.std(axis=0), 1e-3)
    matrix = np.hstack([values / scale, np.ones((len(values), 1))])
    balance = np.where(labels > 0, 0.5 / labels.mean(), 0.5 / (1 - labels.mean()))
    low = np.array([-np.inf if name in AGAINST | FREE else 0.0 for name in FEATURES] + [-np.inf])
    low[:-1] = np.maximum(
        low[:-1], [FLOORS.get(name, -np.inf) * size for name, size in zip(FEATURES, scale, strict=True)]
    )
    high = np.array([0.0 if name in AGAINST else np.inf for name in FEATURES] + [np.inf])
    centre = np.array([EXPECTED.get(name, 0.0) for name in FEATURES] + [0.0]) * np.append(scale, 1.0)
    weights = centre.copy()
    penalty = np.append(np.full(len(FEATURES), RIDGE), 0.0)
    step = 4.0 / (np.linalg.norm(matrix * np.sqrt(balance)[:, None], 2) ** 2 + RIDGE)
    for _ in range(6000):
        error = 1 / (1 + np.exp(-np.clip(matrix @ weights, -30, 30))) - labels
        weights = np.clip(weights - step * (matrix.T @ (error * balance) + penalty * (weights - centre)), low, high)
    fitted = dict(zip(FEATURES, (float(w) for w in weights[:-1] / scale), strict=True))
    return GroundingParams(fitted, float(weights[-1]), start.supported, start.partial, {})


def _with_thresholds(
    params: GroundingParams, rows: Sequence[tuple[NDArray[np.float64], bool, bool]]
) -> GroundingParams:
    """`supported` comes closest to both targets, as if half were true; what is `partial` is no more likely false."""
    scored = [(0.0 if hard else params.probability(values), label) for values, hard, label in rows]
    true = np.array([score for score, label in scored if label])
    false = np.array([score for score, label in scored if not label])

    def worst(threshold: float) -> float:
        recall, passed = float((true >= threshold).mean()), float((false >= threshold).mean())
        return min(recall / TARGET_RECALL, recall / max(recall + passed, 1e-9) / TARGET_PRECISION)

    best = max(np.arange(0.2, 0.95, 0.005), key=worst)
    threshold = float(np.clip(best, 0.2, 0.95))
    return GroundingParams(params.weights, params.bias, threshold, min(threshold, EVEN), params.provenance)


def measure(cases: Sequence[Case], verifier: Verifier) -> dict[str, Any]:
    """Precision and recall of `supported`, and by language and corruption the share that was judged rightly."""
    caught: dict[str, list[bool]] = defaultdict(list)
    delivered: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        checked = verifier.check(case.sentence, case.passages)
        supported = checked.verdict is Verdict.SUPPORTED
        key = f"{case.lang}: {case.corruption or 'true'}"
        caught[key].append(supported == case.supported)
        delivered["supported" if case.supported else "not"].append(supported)
    right, wrong = sum(delivered["supported"]), sum(delivered["not"])
    return {
        "sentences": len(cases),
        "across_languages": round(float(np.mean([case.lang != case.document_lang for case in cases])), 3),
        "precision": round(right / max(right + wrong, 1), 4),
        "recall": round(right / max(len(delivered["supported"]), 1), 4),
        "judged_rightly": {key: [sum(found), len(found)] for key, found in sorted(caught.items())},
    }


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def save(params: GroundingParams, provenance: dict[str, Any], path: Path) -> None:
    table = {
        "weights": {name: round(weight, 4) for name, weight in params.weights.items()},
        "bias": round(params.bias, 4),
        "supported": round(params.supported, 4),
        "partial": round(params.partial, 4),
        "provenance": provenance,
    }
    path.write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", "utf-8")


def run(fit_path: Path, test_path: Path, out: Path, corpus: Corpus, embedder: Embedder) -> dict[str, Any]:
    """Fits, measures on the held-out file, and writes parameters with their provenance."""
    rows, held_out = read_rows(fit_path), read_rows(test_path)
    remembering = Remembering(embedder, (row["sentence"] for row in (*rows, *held_out)))

    def make(params: GroundingParams) -> Verifier:
        return Verifier(remembering, params, corpus.unit_vectors)

    cases, tests = cases_of(rows, corpus, remembering), cases_of(held_out, corpus, remembering)
    params = fit(cases, start_params(), make)
    provenance = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "embedder": embedder.name,
        "fitted_on": measure(cases, make(params)),
        "held_out": measure(tests, make(params)),
    }
    save(params, provenance, out)
    return provenance


def start_params() -> GroundingParams:
    """Where the fit sets out from: closeness and coverage for, every contradiction against."""
    weights = {name: -3.0 if name in AGAINST - {"unknown", "scattered"} else 0.0 for name in FEATURES}
    weights |= {"cosine_same": 3.0, "cosine_cross": 2.0, "words_same": 2.5, "concepts_same": 2.0, "concepts_cross": 3.0}
    weights |= {"conflict": -6.0, "opposite": -7.0, "negation": -5.0, "flipped": -8.0, "spans": -7.0}
    weights |= {"listed_apart": -8.0, "count_in_context": -6.0, "bound_elsewhere": -5.0, "bound_opposite": -5.0}
    weights |= {"back_cross": 1.5, "no_concepts": 1.5}
    return GroundingParams(weights, -1.8, 0.6, 0.4, {})


def main() -> None:
    from indexes.embedding import load_embedder
    from indexes.generation import Generation
    from indexes.settings import IndexSettings

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("fit", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    settings = IndexSettings.load()
    with Generation.current(settings.home) as generation:
        figures = run(arguments.fit, arguments.test, arguments.out, generation, load_embedder(settings))
    print(json.dumps(figures, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
