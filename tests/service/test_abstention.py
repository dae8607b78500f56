"""The gate: one model for each pair of languages, parameters that must be whole."""

import json
from pathlib import Path

import pytest

from indexes.errors import DamagedError
from service.abstention import Abstention, Weights, crosses, nearest_topics
from service.asking import understand
from tests.conftest import chunk_of, document_of
from tests.service.answering import hit_of

ENGLISH = hit_of(chunk_of("Redis caches hot data for 6 months. It costs little."), 1, cosine=0.8)
CHINESE = hit_of(chunk_of("向量库用于语义搜索。"), 2, cosine=0.5, lexical=False)
WORDS = frozenset({"redi", "redis", "hot", "data", "cach"})


def test_the_language_pair_chooses_the_model() -> None:
    asked = understand("What does Redis do?", "en")
    assert not crosses(asked, [ENGLISH])
    assert crosses(asked, [CHINESE])
    gate = Abstention(Weights(0.0, {"top": 0.0}), Weights(-40.0, {}), threshold=0.5, quoting=0.8)
    assert gate.confidence(asked, [ENGLISH], WORDS) == 0.5
    assert gate.confidence(asked, [CHINESE], WORDS) < 1e-9


def test_nothing_found_means_no_confidence() -> None:
    gate = Abstention(Weights(40.0, {}), Weights(40.0, {}), threshold=0.5, quoting=0.8)
    assert gate.confidence(understand("What does Redis do?", "en"), [], WORDS) == 0.0


def test_nearest_topics_are_headings_once() -> None:
    other = document_of("Text.", id="o", title="Other")
    assert nearest_topics([ENGLISH, CHINESE, hit_of(chunk_of("Text.", document=other, heading=()), 3)]) == (
        "Heading",
        "Other",
    )


def test_the_shipped_parameters_load_and_order_sure_before_unsure() -> None:
    gate = Abstention.load()
    assert 0.0 < gate.threshold <= gate.quoting < 1.0
    asked = understand("What does Redis do with hot data?", "en")
    far = hit_of(chunk_of("Bananas are yellow."), 1, cosine=0.1, lexical=False)
    assert gate.confidence(asked, [ENGLISH], WORDS) > gate.confidence(asked, [far], frozenset({"banana"}))


@pytest.mark.parametrize("text", ["", "{}", '{"models": {"same": {}}}', json.dumps({"models": 3})])
def test_damaged_parameters_are_named_with_their_cure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "abstention.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DamagedError, match="career eval calibrate"):
        Abstention.load(path)
