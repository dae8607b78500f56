"""`career ingest --watch`: builds when files have come to rest, outlives failed builds, ends cleanly on a signal."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from indexes.settings import IndexSettings
from ingest.watching import State, look, rests

ROOT = Path(__file__).resolve().parents[2]


def states(marks: str) -> Iterator[State]:
    return (frozenset({(mark, 0, 0, 0)}) for mark in marks)


def builds(marks: str, outcomes: Sequence[bool] = (), retry_s: float = 30.0) -> list[int]:
    """How many looks there had been at each build, when what is seen changes as `marks` do."""
    seen: list[State] = []
    script = states(marks)

    def see() -> State:
        seen.append(next(script))
        return seen[-1]

    found: list[int] = []
    results = iter(outcomes)
    with suppress(RuntimeError):  # the script has come to its end
        for done in rests(see, lambda _seconds: None, retry_s=retry_s):
            found.append(len(seen))
            done(next(results, True))
    return found


def test_a_build_at_once_and_one_for_each_change_that_has_settled() -> None:
    assert builds("aaaa") == [1]
    assert builds("aabb") == [1, 4]
    assert builds("abcdd") == [1, 5], "files are still being copied until two looks agree"
    assert builds("aabba") == [1, 4]
    assert builds("aabbaa") == [1, 4, 6]
    assert builds("abaa") == [1], "gone again before it came to rest"


def test_a_failed_build_is_tried_again_later_or_at_the_next_change() -> None:
    assert builds("aaaaaaa", [False, True], retry_s=3.0) == [1, 4]
    assert builds("aaaaaaa", [False, False, True], retry_s=3.0) == [1, 4, 7]
    assert builds("abbb", [False, True]) == [1, 3]


def test_what_is_looked_at(tmp_path: Path) -> None:
    settings = IndexSettings()
    (tmp_path / "a.md").write_text("a", "utf-8")
    first = look([tmp_path], settings)
    assert {uri for uri, *_ in first} == {f"{tmp_path.name}/a.md"}
    (tmp_path / "picture.png").write_bytes(b"x")
    (tmp_path / ".hidden.md").write_text("x", "utf-8")
    assert look([tmp_path], settings) == first, "what is not read does not matter"
    os.utime(tmp_path / "a.md", ns=(1, 1))
    assert look([tmp_path], settings) != first
    assert look([tmp_path / "gone"], settings) == frozenset()


CAREER = """
import sys
import indexes.embedding
import service.commands.ingest as command
from tests.doubles import FakeEmbedder
indexes.embedding.load_embedder = lambda settings: FakeEmbedder()
wait = command.build_and_watch
command.build_and_watch = lambda *arguments: wait(*arguments, poll_s=0.1)
from service.cli import run
sys.exit(run(["ingest", *sys.argv[1:], "--watch", "--json"]))
"""


@contextmanager
def watching(home: Path, *paths: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAREER_")}
    process = subprocess.Popen(
        [sys.executable, "-c", CAREER, *map(str, paths)],
        cwd=ROOT,
        env={**environment, "CAREER_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def report(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    value: dict[str, Any] = json.loads(process.stdout.readline())
    return value


def said(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    return next(line for line in process.stderr if words in line)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_changes_are_built_failures_are_told_and_a_signal_ends_it(number: signal.Signals, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# 甲\n\n先学编程。\n", "utf-8")
    with watching(tmp_path / "home", corpus) as process:
        assert report(process)["added"] == ["corpus/a.md"]
        said(process, "Watching")
        (corpus / "b.csv").write_text("工具,用途\nRay,训练\n", "utf-8")
        second = report(process)
        assert (second["generation"], second["added"], second["reused"]) == (2, ["corpus/b.csv"], ["corpus/a.md"])
        for path in corpus.iterdir():
            path.unlink()
        assert "Nothing to read" in said(process, "Not built")
        (corpus / "a.md").write_text("# 甲\n\n先学编程，再学网络。\n", "utf-8")
        third = report(process)
        assert (third["generation"], third["changed"], third["removed"]) == (3, ["corpus/a.md"], ["corpus/b.csv"])
        process.send_signal(number)
        assert process.wait(20) == 0
        assert "Stopped watching." in said(process, "Stopped")


def test_wrong_usage_is_told_at_once(tmp_path: Path) -> None:
    with watching(tmp_path / "home", tmp_path / "nowhere") as process:
        assert process.wait(60) == 2
        assert "nowhere does not exist" in said(process, "career:")
