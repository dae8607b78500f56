"""What `tests.benchmarks.engine_faults` measures, in small numbers, on a model of random weights and real llama.cpp."""

from pathlib import Path

import pytest

from tests.benchmarks import engine_faults
from tests.service.llm.tiny import write_tiny

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


def test_who_leaves_leaves_nothing_behind(model: Path) -> None:
    found = engine_faults.cancels(model, 16)
    for way in ("engine", "http"):
        for phase in ("prompt", "answer"):
            assert found[way][phase]["count"] == 4
            assert found[way][phase]["max_ms"] < 1000
    assert found["answers_right"]
    assert found["slots_left_taken"] == 0
    assert found["engine_memory"] < 0.05
    assert found["engine_memory_http"] < 0.05


def test_kills_of_the_engine_are_survived(model: Path) -> None:
    found = engine_faults.kills(model, 2)
    assert found["restarts"] == 2
    assert found["back"]["max_ms"] < 60_000
    assert found["hung"] == found["not_200"] == 0
    assert found["errors"] == []
    assert found["http_alive"]


def test_too_many_are_told_at_once_and_the_others_answered(model: Path) -> None:
    found = engine_faults.overload(model, 4, 6.0)
    assert found["other_statuses"] == found["errors"] == []
    assert found["hung"] == 0
    assert found["rejected"]["count"] > 10
    assert found["rejected"]["median_ms"] < 1000
    assert found["accepted"]["count"] > 0
