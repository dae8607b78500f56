"""Citations shuffled on purpose: nothing is lost, texts stay, and the comparison finds it."""

import json
from collections import Counter
from pathlib import Path

import pytest

from service.evaluation.compare import compare, worse
from service.evaluation.finish import finish
from service.evaluation.gate import gate
from tests.benchmarks.degrade import degrade, shuffle_citations
from tests.benchmarks.evaluation import main as benchmark
from tests.service.evaluation.synthetic import write_run


def row(*spots: tuple[int, str]) -> dict[str, object]:
    citations = [{"marker": m, "chunk_id": c, "quote": f"quote of {c}", "start": 0, "end": 1} for m, c in spots]
    return {"text": "x", "citations": citations}


def test_spans_change_places_and_markers_stay() -> None:
    rows = shuffle_citations([row((1, "a"), (2, "b")), row((1, "c")), {"text": "refused"}, row((1, "d"))])
    found = [[(c["marker"], c["chunk_id"], c["quote"]) for c in item.get("citations", ())] for item in rows]
    assert [[spot[0] for spot in item] for item in found] == [[1, 2], [1], [], [1]]
    flat = [spot for item in found for spot in item]
    assert Counter(chunk for _, chunk, _ in flat) == Counter("abcd")
    assert all(quote == f"quote of {chunk}" for _, chunk, quote in flat)
    assert sum(chunk == own for (_, chunk, _), own in zip(flat, "abcd", strict=True)) <= 1


def test_the_comparison_finds_it_and_the_gate_fails_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", 150, 1.0)
    finish(run, resamples=100)
    shuffled = degrade(run, tmp_path / "shuffled")
    finish(shuffled, resamples=100)
    fallen = {change.metric: change for change in worse(compare(run, shuffled))}
    assert fallen["support_proxy"].p_holm < 0.05
    assert "nugget_recall" not in fallen
    assert any(verdict.trouble for verdict in gate(shuffled, [], run))
    assert not any(verdict.trouble for verdict in gate(run, [], run))


def test_the_benchmark_tells_what_it_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark(["--records", "60", "--questions", "30"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["large"]["records"], told["report"]["records"]) == (60, 30)
    assert 20 < told["large"]["peak_mib"] < 1024
    assert told["large"]["cpu_seconds"] > 0
    assert 0 < told["report"]["report_mb"] < 3
