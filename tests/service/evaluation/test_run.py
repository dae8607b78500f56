"""A run resumes where it was killed, with the same result, and never mixes two builds."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from indexes.errors import EngineError, LockHeld, UsageError
from service.evaluation.dataset import Case, Dataset, load_dataset
from service.evaluation.finish import finish
from service.evaluation.records import ANSWERS, ERRORS, PASSAGES, AppendOnly, load_run, locked, read_rows, repair
from service.evaluation.run import Outcome, Progress, RunOptions, RuntimeTarget, run
from service.types import Answer, Question
from tests.service.evaluation.fakes import ROWS, FakeAnswerer, FakeSearcher, corpus

FILES = (
    "answers.jsonl",
    "passages.jsonl",
    "per_question.jsonl",
    "summary.json",
    "run.trec",
    "qrels.txt",
    "report.html",
)
TIMING = "search_ms"


def dataset(folder: Path, copies: int = 1) -> Dataset:
    folder.mkdir(exist_ok=True)
    path = folder / "set.jsonl"
    rows = [row | {"id": f"{row['id']}-{number}"} for number in range(copies) for row in ROWS]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return load_dataset(path)


def ask(data: Dataset, folder: Path, answerer: object = None, **options: object) -> Outcome:
    target = RuntimeTarget(FakeSearcher(), answerer or FakeAnswerer())  # type: ignore[arg-type]
    return run(data, target, corpus(), folder, RunOptions({"build": 1}, **options))  # type: ignore[arg-type]


def without_timing(folder: Path) -> list[dict[str, object]]:
    rows = list(read_rows(folder / ANSWERS))
    for row in rows:
        row["evaluation"].pop(TIMING)
    return rows


def test_a_run_writes_everything(tmp_path: Path) -> None:
    seen: list[Progress] = []
    outcome = ask(dataset(tmp_path), tmp_path / "run", repeat=2, on_progress=seen.append)
    assert (outcome.total, outcome.done, outcome.resumed, outcome.failures) == (4, 4, 0, ())
    assert [(p.done, p.total) for p in seen] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    summary = finish(tmp_path / "run")
    values = {name: metric["value"] for name, metric in summary["metrics"].items()}
    # q1, q2 and q3 quote a sentence; q2's holds both nuggets' words only in part: 六个月 and 线性代数 are one sentence.
    assert values["nugget_recall"] == 1.0
    assert values["balanced_accuracy"] == 1.0
    assert (values["citation_validity"], values["quote_exactness"], values["stability"]) == (1.0, 1.0, 1.0)
    assert summary["metrics"]["stability"]["n"] == 2
    assert summary["latency"]["total_ms"]["p50"] == 20.0
    assert summary["statuses"] == {"answered": 3, "refused": 1}
    assert summary["groups"]["lang"]["zh"]["n"] == 2
    for name in (*FILES, "config.json", "junit.xml"):
        assert (tmp_path / "run" / name).stat().st_size > 0


class Meeting:
    """Answers only when as many as `together` ask at the same time."""

    def __init__(self, together: int) -> None:
        self.barrier = threading.Barrier(together, timeout=10)

    def answer(self, question: Question) -> Answer:
        self.barrier.wait()
        return FakeAnswerer().answer(question)


def test_questions_asked_at_once_are_kept_in_the_order_of_the_data_set(tmp_path: Path) -> None:
    data = dataset(tmp_path, copies=4)
    ask(data, tmp_path / "one")
    outcome = ask(data, tmp_path / "four", Meeting(4), at_once=4)
    assert (outcome.done, outcome.failures) == (16, ())
    assert without_timing(tmp_path / "four") == without_timing(tmp_path / "one")


def test_a_run_of_many_at_once_stops_where_the_engine_always_fails(tmp_path: Path) -> None:
    data = dataset(tmp_path, copies=10)
    with pytest.raises(EngineError, match="died"):
        ask(data, tmp_path / "run", Failing({row["question"] for row in ROWS}), at_once=4)
    assert len(list(read_rows(tmp_path / "run" / ERRORS))) == 5


def test_the_same_command_again_asks_nothing(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    ask(data, tmp_path / "run")
    before = (tmp_path / "run" / ANSWERS).read_bytes()
    assert ask(data, tmp_path / "run").resumed == 4
    assert (tmp_path / "run" / ANSWERS).read_bytes() == before


def test_another_build_is_refused(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    ask(data, tmp_path / "run")
    with pytest.raises(UsageError, match=r"another build\. Name a new folder with --out"):
        run(data, RuntimeTarget(FakeSearcher(), None), corpus(), tmp_path / "run", RunOptions({"build": 2}))
    with pytest.raises(UsageError, match="another dataset_sha256"):
        ask(dataset(tmp_path / "other", copies=2), tmp_path / "run")


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with locked(tmp_path / "run"), pytest.raises(LockHeld):
        ask(dataset(tmp_path), tmp_path / "run")


@pytest.mark.parametrize("cut", [1, 5, 200])
def test_a_torn_last_line_is_cut_and_asked_again(tmp_path: Path, cut: int) -> None:
    data = dataset(tmp_path)
    ask(data, tmp_path / "whole")
    ask(data, tmp_path / "torn")
    path = tmp_path / "torn" / ANSWERS
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(load_run(tmp_path / "torn").records) == 3
    assert ask(data, tmp_path / "torn").resumed == 3
    assert without_timing(tmp_path / "torn") == without_timing(tmp_path / "whole")


def test_repair_finds_the_last_newline_beyond_one_block(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"{}\n" + b"x" * 200_000)
    assert repair(path) == 200_000
    assert path.read_bytes() == b"{}\n"
    path.write_bytes(b"torn")
    assert repair(path) == 4
    assert path.read_bytes() == b""


class Failing:
    """Fails on some questions, as an engine that crashes on them does."""

    def __init__(self, bad: set[str]) -> None:
        self.bad = bad

    def answer(self, question: Question) -> Answer:
        if question.text in self.bad:
            raise EngineError("The engine's process died.")
        return FakeAnswerer().answer(question)


def test_failed_questions_are_told_counted_and_asked_again(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    outcome = ask(data, tmp_path / "run", Failing({ROWS[1]["question"]}))
    assert outcome.done == 3
    assert outcome.failures == ("q2-0: The engine's process died.",)
    assert finish(tmp_path / "run")["errors"] == 1
    assert ask(data, tmp_path / "run").failures == ()
    assert finish(tmp_path / "run")["errors"] == 0
    assert len(list(read_rows(tmp_path / "run" / ERRORS))) == 1


def test_an_engine_that_always_fails_stops_the_run(tmp_path: Path) -> None:
    data = dataset(tmp_path, copies=3)
    with pytest.raises(EngineError, match="died"):
        ask(data, tmp_path / "run", Failing({row["question"] for row in ROWS}))
    assert len(list(read_rows(tmp_path / "run" / ERRORS))) == 5


def test_retrieval_alone_has_no_scores_of_answers(tmp_path: Path) -> None:
    target = RuntimeTarget(FakeSearcher(), None)
    run(dataset(tmp_path), target, corpus(), tmp_path / "run", RunOptions({}))
    summary = finish(tmp_path / "run")
    assert summary["metrics"]["hit@1"]["value"] == 1.0
    assert "nugget_recall" not in summary["metrics"]
    assert "abstention" not in summary["metrics"]
    assert "risk_coverage" not in summary


def test_a_question_is_asked_without_telling_its_language(tmp_path: Path) -> None:
    asked: list[Question] = []

    class Listening:
        def answer(self, question: Question) -> Answer:
            asked.append(question)
            return FakeAnswerer().answer(question)

    case = Case("q", "Milvus 是什么？", lang="en")
    data = Dataset("set", "0", (case,), ({"id": "q", "question": case.question},))
    ask(data, tmp_path / "run", Listening())
    assert asked == [Question(case.question)]


def test_passages_are_stored_once(tmp_path: Path) -> None:
    ask(dataset(tmp_path, copies=3), tmp_path / "run")
    ids = [row["chunk_id"] for row in read_rows(tmp_path / "run" / PASSAGES)]
    assert len(ids) == len(set(ids)) == 3


def test_append_only_keeps_unicode(tmp_path: Path) -> None:
    file = AppendOnly(tmp_path / "file")
    file.append([{"text": "二\u2028\n"}])
    file.close()
    assert list(read_rows(tmp_path / "file")) == [{"text": "二\u2028\n"}]


CHILD = """
import sys, time
from pathlib import Path
from tests.service.evaluation.fakes import FakeAnswerer, FakeSearcher, corpus
from service.evaluation.dataset import load_dataset
from service.evaluation.finish import finish
from service.evaluation.run import RunOptions, RuntimeTarget, run

class Slow:
    def answer(self, question):
        time.sleep(float(sys.argv[3]))
        return FakeAnswerer().answer(question)

folder = Path(sys.argv[2])
run(load_dataset(Path(sys.argv[1])), RuntimeTarget(FakeSearcher(), Slow()), corpus(), folder, RunOptions({"build": 1}))
finish(folder)
"""


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    data = dataset(tmp_path, copies=10)
    ask(data, tmp_path / "whole")
    whole = finish(tmp_path / "whole")
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", CHILD, str(tmp_path / "set.jsonl"), str(folder)]
    root = str(Path(__file__).resolve().parents[3])
    kills = 0
    for wanted in (3, 11, 25):
        child = subprocess.Popen([*command, "0.01"], env=os.environ | {"PYTHONPATH": root}, cwd=tmp_path)
        _wait_for_lines(folder / ANSWERS, wanted, child)
        child.send_signal(signal.SIGKILL)
        kills += child.wait() == -signal.SIGKILL
    assert kills == 3
    subprocess.run([*command, "0"], env=os.environ | {"PYTHONPATH": root}, cwd=tmp_path, check=True)
    assert without_timing(folder) == without_timing(tmp_path / "whole")
    killed = json.loads((folder / "summary.json").read_text("utf-8"))
    for summary in (whole, killed):
        summary["latency"].pop(TIMING)
    assert killed == json.loads(json.dumps(whole))
    for name in ("per_question.jsonl", "run.trec", "qrels.txt", "questions.jsonl", "passages.jsonl", "junit.xml"):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def _wait_for_lines(path: Path, wanted: int, child: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and child.poll() is None:
        if path.exists() and path.read_bytes().count(b"\n") >= wanted:
            return
        time.sleep(0.005)
    raise AssertionError(f"the child never wrote {wanted} answers")
