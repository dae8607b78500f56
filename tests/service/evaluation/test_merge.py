"""Shards join to what the whole run would have been."""

from pathlib import Path

import pytest

from indexes.errors import UsageError
from service.evaluation.dataset import select
from service.evaluation.finish import finish
from service.evaluation.merge import merge
from service.evaluation.records import load_run
from service.evaluation.run import RunOptions, RuntimeTarget, run
from tests.service.evaluation.fakes import FakeAnswerer, FakeSearcher, corpus
from tests.service.evaluation.test_run import ask, dataset


def test_shards_join_to_the_whole(tmp_path: Path) -> None:
    data = dataset(tmp_path, copies=3)
    ask(data, tmp_path / "whole")
    parts = [tmp_path / f"part{i}" for i in (1, 2, 3)]
    for number, part in enumerate(parts, start=1):
        ask(select(data, shard=f"{number}/3"), part)
    assert merge(tmp_path / "all", parts) == 12
    whole, joined = finish(tmp_path / "whole"), finish(tmp_path / "all")
    assert joined["metrics"].keys() == whole["metrics"].keys()
    assert {n: m["value"] for n, m in joined["metrics"].items()} == {n: m["value"] for n, m in whole["metrics"].items()}
    assert load_run(tmp_path / "all").relevant == load_run(tmp_path / "whole").relevant


def test_runs_of_different_builds_do_not_join(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    ask(data, tmp_path / "one")
    other = RuntimeTarget(FakeSearcher(), FakeAnswerer())
    run(data, other, corpus(), tmp_path / "two", RunOptions({"build": 2}))
    with pytest.raises(UsageError, match="different builds"):
        merge(tmp_path / "all", [tmp_path / "one", tmp_path / "two"])
    assert not (tmp_path / "all").exists()
    with pytest.raises(UsageError, match="exists"):
        merge(tmp_path / "one", [tmp_path / "one"])
