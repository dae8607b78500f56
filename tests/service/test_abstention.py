"""The gate: one model for each pair of languages, parameters that must be whole."""

import json
from pathlib import Path

import pytest

from indexes.errors import DamagedError
from service.abstention import Abstention, Assessment, Model, Situation
from service.asking import understand
from tests.conftest import chunk_of
from tests.service.answering import ALWAYS, hit_of

ENGLISH = hit_of(chunk_of("Redis caches hot data for 6 months. It costs little."), 1, cosine=0.8)
CHINESE = hit_of(chunk_of("向量库用于语义搜索。"), 2, cosine=0.5, lexical=False)
WORDS = frozenset({"redi", "redis", "hot", "data", "cach"})


def test_the_situation_chooses_the_model() -> None:
    asked = understand("What does Redis do?", "en")
    models = {
        Situation.FEW: Model(40.0, {}),
        Situation.SAME: Model(0.0, {"top": 0.0}),
        Situation.CROSS: Model(-40.0, {}),
    }
    gate = Abstention(models)
    assert gate.assess(asked, [ENGLISH], WORDS, 100) == Assessment(0.5, enough=True, sure=True)
    assert gate.assess(asked, [CHINESE], WORDS, 100).confidence < 1e-9
    assert gate.assess(asked, [CHINESE], WORDS, 10).confidence > 0.99


def test_enough_and_sure_are_two_thresholds() -> None:
    gate = Abstention(dict.fromkeys(Situation, Model(0.0, {}, threshold=0.4, quoting=0.6)))
    assert gate.assess(understand("Redis?", "en"), [ENGLISH], WORDS, 100) == Assessment(0.5, enough=True, sure=False)


def test_nothing_found_means_no_confidence() -> None:
    assert ALWAYS.assess(understand("What does Redis do?", "en"), [], WORDS, 100) == Assessment(0.0, False, False)


@pytest.mark.parametrize("size", [5, 1000])
def test_the_shipped_parameters_order_sure_before_unsure(size: int) -> None:
    gate = Abstention.load()
    assert all(0.0 < model.threshold <= model.quoting < 1.0 for model in gate.models.values())
    asked = understand("What does Redis do with hot data?", "en")
    far = hit_of(chunk_of("Bananas are yellow."), 1, cosine=0.1, lexical=False)
    near, off = gate.assess(asked, [ENGLISH], WORDS, size), gate.assess(asked, [far], frozenset({"banana"}), size)
    assert near.enough
    assert not off.enough
    assert near.confidence > off.confidence


@pytest.mark.parametrize("text", ["", "{}", '{"models": {"same": {}}}', json.dumps({"models": 3})])
def test_damaged_parameters_are_named_with_their_cure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "abstention.json"
    path.write_text(text, "utf-8")
    with pytest.raises(DamagedError, match="career eval calibrate"):
        Abstention.load(path)
