"""The shipped verdict is measured, never fitted; the fresh sentences stand on the seeds, half of them false."""

from collections import Counter

import pytest

from service.evaluation.fit_grounding import read_rows
from service.evaluation.measure_grounding import measured
from tests.service.evaluation.test_fit_grounding import LABELLED, Seeds
from tests.service.grounding_doubles import CountingEmbedder

ROWS = read_rows(LABELLED / "grounding_fresh.jsonl")


def test_each_kind_of_sentence_is_counted_once() -> None:
    embedder = CountingEmbedder()
    figures = measured(ROWS, Seeds(embedder), embedder)
    wanted = Counter(f"{row['lang']}: {row['corruption'] or 'true'}" for row in ROWS)
    judged = figures["judged_rightly"]
    assert {key: total for key, (_, total) in judged.items()} == wanted
    right = sum(judged[f"{lang}: true"][0] for lang in ("en", "zh"))
    assert figures["recall"] == pytest.approx(right / sum(row["label"] == "supported" for row in ROWS), abs=1e-4)


def test_the_fresh_sentences_are_even() -> None:
    assert len(ROWS) == len({row["sentence"] for row in ROWS}) == 775
    assert Counter(row["label"] for row in ROWS) == {"supported": 387, "unsupported": 388}
    assert Counter(row["split"] for row in ROWS) == {"dev": 344, "test": 431}
    splits = {(row["fact"], row["split"]) for row in ROWS}
    assert len(splits) == len({fact for fact, _ in splits})
