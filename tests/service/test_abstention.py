"""The gate: one model for each pair of languages, parameters that must be whole."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.errors import DamagedError
from service.abstention import Abstention, Assessment, Model, Situation
from service.asking import understand
from service.llm.types import Leaning
from service.probe import FURTHEST, Probe
from service.settings import Settings
from tests.conftest import chunk_of
from tests.service.answering import ALWAYS, hit_of

ENGLISH = hit_of(chunk_of("Redis caches hot data for 6 months. It costs little."), 1, cosine=0.8)
CHINESE = hit_of(chunk_of("向量库用于语义搜索。"), 2, cosine=0.5, lexical=False)
SEEDS = Path(__file__).resolve().parents[2] / "seeds"
CORPUS = {"a": 4}
WORDS = frozenset({"redi", "redis", "hot", "data", "cach"})


def test_the_situation_chooses_the_model() -> None:
    asked = understand("What does Redis do?", "en")
    models = {
        Situation.FEW: Model(40.0, {}),
        Situation.SAME: Model(0.0, {"top": 0.0}),
        Situation.CROSS: Model(-40.0, {}),
    }
    gate = Abstention(models)
    assert gate.assess(asked, [ENGLISH], WORDS, 100) == Assessment(0.5, enough=True, sure=True, fair=True)
    assert gate.assess(asked, [CHINESE], WORDS, 100).confidence < 1e-9
    assert gate.assess(asked, [CHINESE], WORDS, 10).confidence > 0.99


@pytest.mark.parametrize(("quoting", "sure", "fair"), [(0.5, True, True), (0.6, False, True), (0.61, False, False)])
def test_enough_and_sure_are_two_thresholds_and_fair_is_half_way(quoting: float, sure: bool, fair: bool) -> None:
    gate = Abstention(dict.fromkeys(Situation, Model(0.0, {}, threshold=0.4, quoting=quoting)))
    found = gate.assess(understand("Redis?", "en"), [ENGLISH], WORDS, 100)
    assert found == Assessment(0.5, enough=True, sure=sure, fair=fair)


LEANS = Model(2.0, {"leaning": -8.0}, threshold=0.5, quoting=0.8)


def test_what_the_engine_told_can_change_the_gates_mind_both_ways() -> None:
    models = dict.fromkeys(Situation, Model(0.0, {}, threshold=0.6, quoting=0.7, asking=0.3))
    gate = Abstention(models, {Situation.SAME: LEANS})
    before = gate.assess(understand("What does Redis do?", "en"), [ENGLISH], WORDS, 100)
    assert (before.enough, before.open) == (False, True)
    near, far = gate.reassess(before, Leaning(-0.1)), gate.reassess(before, Leaning(-12.0))
    assert near.confidence == pytest.approx(1.0 / (1.0 + math.exp(-2.0 - 0.08)))
    assert far.confidence == pytest.approx(1.0 / (1.0 + math.exp(-10.0)))
    assert (near.enough, near.sure, far.sure) == (True, True, True)
    doubtful = Abstention(models, {Situation.SAME: replace(LEANS, bias=-3.0, weights={"leaning": -4.0})})
    assert not doubtful.reassess(before, Leaning(-0.5)).enough
    assert doubtful.reassess(before, Leaning(-10.0)).enough


def test_without_a_model_for_it_the_engine_changes_nothing() -> None:
    gate = Abstention(dict.fromkeys(Situation, Model(0.0, {}, threshold=0.6, asking=0.3)), {Situation.SAME: LEANS})
    before = gate.assess(understand("What does Redis do?", "en"), [CHINESE], WORDS, 100)
    assert not before.open
    assert gate.reassess(before, Leaning(-12.0)) is before


def test_what_was_fitted_to_one_engine_holds_for_no_other() -> None:
    models = dict.fromkeys(Situation, Model(0.0, {}, threshold=0.6, asking=0.3))
    gate = Abstention(models, {Situation.SAME: LEANS}, engine="small")
    assert gate.hearing("small", CORPUS).leaning == {Situation.SAME: LEANS}
    for other in ("large", None):
        assert gate.hearing(other, CORPUS) == Abstention(models, {}, engine="small")
    shipped = Abstention.load()
    assert shipped.engine == Settings().llm
    assert set(shipped.leaning) == {Situation.SAME, Situation.CROSS}
    assert all(0.0 < model.asking <= model.threshold <= model.quoting < 1.0 for model in shipped.leaning.values())


def probing() -> Abstention:
    models = dict.fromkeys(Situation, Model(0.0, {}, threshold=0.6, asking=0.3))
    probed = Model(-1.0, {"leaning": -1.0, "probe": 8.0}, threshold=0.5, quoting=0.8)
    probe = Probe(0.5, (1.0, -1.0), frozenset({"a", "b"}))
    return Abstention(models, {Situation.SAME: LEANS}, "small", {Situation.SAME: probed}, probe)


def test_what_a_probe_reads_off_the_values_is_heard_before_the_leaning() -> None:
    gate = probing()
    before = gate.assess(understand("What does Redis do?", "en"), [ENGLISH], WORDS, 100)
    for values, odds in (((1.0, -1.0), 2.5), ((-1.0, 1.0), -1.5)):
        found = gate.reassess(before, Leaning(-5.0, values=values))
        assert found.confidence == pytest.approx(1.0 / (1.0 + math.exp(-(-1.0 + 0.5 + 8.0 * odds / FURTHEST))))
        assert found.enough is (odds > 0.0)


def test_without_its_values_the_leaning_alone_is_heard() -> None:
    gate = probing()
    before = gate.assess(understand("What does Redis do?", "en"), [ENGLISH], WORDS, 100)
    for told in (Leaning(-5.0), Leaning(-5.0, values=(1.0, 2.0, 3.0)), Leaning(-5.0, (1.0, -1.0))):
        assert gate.reassess(before, told) == replace(gate, probed={}, probe=None).reassess(before, told)


def test_a_probe_holds_for_its_own_documents() -> None:
    gate = probing()
    assert gate.hearing("small", {"a": 4, "other": 3}) is gate
    elsewhere = gate.hearing("small", {"a": 3, "other": 4})
    assert (elsewhere.probed, elsewhere.probe, elsewhere.leaning) == ({}, None, {Situation.SAME: LEANS})
    assert gate.hearing("large", {"a": 4}) == Abstention(gate.models, {}, "small")


def test_the_shipped_probe_is_of_the_documents_that_ship() -> None:
    shipped = Abstention.load()
    texts = [path for path in SEEDS.glob("*.md") if path.name != "README.md"]
    corpus = {hashlib.sha256(path.read_bytes()).hexdigest(): 20 for path in texts}
    assert len(corpus) == 5
    assert shipped.hearing(shipped.engine, corpus) is shipped
    assert set(shipped.probed) == {Situation.SAME, Situation.CROSS}
    assert all(model.weights["probe"] > 0.0 for model in shipped.probed.values())
    assert shipped.probe is not None
    assert len(shipped.probe.weights) == 2048  # Eight layers, two heads of 128 values.


def test_what_is_far_below_the_threshold_is_not_worth_asking() -> None:
    models = dict.fromkeys(Situation, Model(-1.0, {}, threshold=0.6, asking=0.3))
    gate = Abstention(models, {Situation.SAME: LEANS})
    assert not gate.assess(understand("What does Redis do?", "en"), [ENGLISH], WORDS, 100).open


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
