"""The fit is deterministic and learns what its features mean; the shipped verdict holds its figures."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from indexes.settings import IndexSettings
from indexes.types import Chunk, Embedder, Unit, Vectors
from ingest.documents import Prepared, prepare
from service.evaluation.fit_grounding import Remembering, cases_of, fit, measure, read_rows, run, start_params
from service.grounding import FEATURES, GroundingParams, Verifier
from tests.service.grounding_doubles import CountingEmbedder

ROOT = Path(__file__).resolve().parents[3]
LABELLED = ROOT / "tests" / "evaluation"


def prepared_seeds() -> list[Prepared]:
    paths = [path for path in sorted((ROOT / "seeds").glob("*.md")) if path.name != "README.md"]
    return [prepare(path.read_bytes(), path.stem, path.name, IndexSettings()) for path in paths]


class Seeds:
    """Chunks of the seed documents with their vectors: what the fit uses of a generation."""

    def __init__(self, embedder: Embedder) -> None:
        self.chunks: Sequence[Chunk] = [chunk for one in prepared_seeds() for chunk in one.chunks]
        self.units: Sequence[tuple[Unit, Chunk]] = [(unit, chunk) for chunk in self.chunks for unit in chunk.units]
        vectors = embedder.embed_passages([unit.embedding_text for unit, _ in self.units])
        self._vectors = {unit.id: vector for (unit, _), vector in zip(self.units, vectors, strict=True)}

    def unit_vectors(self, unit_ids: Sequence[str]) -> Vectors:
        return np.stack([self._vectors[unit_id] for unit_id in unit_ids])


def even_precision(figures: dict[str, object]) -> float:
    """Precision as if half of the sentences were true: recall over recall and false alarms."""
    judged: dict[str, list[int]] = figures["judged_rightly"]  # type: ignore[assignment]
    false = [counts for key, counts in judged.items() if not key.endswith("true")]
    passed = sum(total - right for right, total in false) / sum(total for _, total in false)
    recall = float(figures["recall"])  # type: ignore[arg-type]
    return recall / (recall + passed)


def test_a_small_fit_learns_what_the_features_say(tmp_path: Path) -> None:
    lines = (LABELLED / "grounding_fit.jsonl").read_text("utf-8").splitlines()[:160]
    part, out = tmp_path / "part.jsonl", tmp_path / "grounding.json"
    part.write_text("\n".join(lines), "utf-8")
    embedder = CountingEmbedder()
    figures = run(part, part, out, Seeds(embedder), embedder)
    params = GroundingParams.load(out)
    assert figures["fitted_on"]["sentences"] == 160
    assert even_precision(figures["fitted_on"]) > 0.9
    assert figures["fitted_on"]["recall"] > 0.85
    assert params.weights["conflict"] < 0 < params.weights["words_same"]
    assert params.provenance["embedder"] == "counting"
    assert json.loads(out.read_text("utf-8"))["provenance"] == figures


def test_the_fit_is_deterministic() -> None:
    rows = read_rows(LABELLED / "grounding_fit.jsonl")[:60]
    corpus = Seeds(CountingEmbedder())
    embedder = Remembering(CountingEmbedder(), (row["sentence"] for row in rows))
    cases = cases_of(rows, corpus, embedder)
    one, two = (
        fit(cases, start_params(), lambda params: Verifier(embedder, params, corpus.unit_vectors)) for _ in range(2)
    )
    assert one == two


def test_the_labelled_sentences_are_what_they_claim_to_be() -> None:
    fitted, held_out = (read_rows(LABELLED / f"grounding_{part}.jsonl") for part in ("fit", "test"))
    assert len(fitted) >= 700
    assert len(held_out) >= 400
    assert not {row["fact"] for row in fitted} & {row["fact"] for row in held_out}
    assert 2 * sum(row["label"] == "unsupported" for row in held_out) >= len(held_out)
    assert sum(row["lang"] == "en" for row in held_out) >= 0.4 * len(held_out)
    texts = {one.document.info.id: one.document.text for one in prepared_seeds()}
    assert all(row["evidence"] in texts[row["document"]] for row in (*fitted, *held_out))
    assert all((row["corruption"] == "") == (row["label"] == "supported") for row in (*fitted, *held_out))


@pytest.mark.models
@pytest.mark.slow
def test_held_out_sentences_are_judged_as_shipped(embedder: Embedder) -> None:
    rows = read_rows(LABELLED / "grounding_test.jsonl")
    corpus = Seeds(embedder)
    remembering = Remembering(embedder, (row["sentence"] for row in rows))
    params = GroundingParams.load()
    figures = measure(cases_of(rows, corpus, remembering), Verifier(remembering, params, corpus.unit_vectors))
    shipped = params.provenance["held_out"]
    assert set(params.weights) == set(FEATURES)
    assert even_precision(figures) >= even_precision(shipped) - 0.02
    assert figures["recall"] >= shipped["recall"] - 0.02
    judged = figures["judged_rightly"]
    assert judged["en: number"][0] >= judged["en: number"][1] - 1
    assert judged["zh: number"][0] >= judged["zh: number"][1] - 1
