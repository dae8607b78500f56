"""Searching, asking and the doctor on the command line."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexes.errors import CareerError, DeadlineExceeded
from service.settings import Settings
from tests.service.test_cli import (
    Answerer as Answerer,
)
from tests.service.test_cli import (
    Career as Career,
)
from tests.service.test_cli import (
    answerer as answerer,
)
from tests.service.test_cli import (
    career as career,
)
from tests.service.test_cli import (
    home as home,
)
from tests.service.test_cli import (
    index as index,
)


def test_search_prints_one_json_value(career: Career, answerer: Answerer) -> None:
    assert career("search", "vector databases", "--k", "2", "--explain", "--json") == 0
    found = json.loads(career.out)
    assert (found["query"], found["lang"], found["generation"], len(found["hits"])) == ("vector databases", "en", 7, 2)
    assert found["hits"][0]["document_id"] == "en-doc"
    assert found["hits"][0]["legs"][0]["leg"] == "lexical"


def test_search_shows_title_heading_and_text(career: Career, answerer: Answerer) -> None:
    assert career("search", "数据库 检索", "--k", "1", "--explain") == 0
    assert career.out == (
        "1. 向量数据库入门 › 基础 › 检索  3.000\n   lexical 3.000 (rank 1)\n   向量数据库用来做相似度检索。\n\n"
    )


def test_ask_prints_the_native_answer_as_json(career: Career, answerer: Answerer) -> None:
    assert career("ask", "programming networking", "--json") == 0
    answer = json.loads(career.out)
    assert answer["text"] == "Start with programming, networking and databases. [1]"
    assert answer["citations"][0]["quote"] == "Start with programming, networking and databases."
    assert answer["refusal"] is None


def test_ask_in_a_pipe_prints_answer_and_sources(career: Career, answerer: Answerer) -> None:
    assert career("ask", "programming networking", "--deadline", "5") == 0
    assert career.out == (
        "Start with programming, networking and databases. [1]\n\n[1] The backend path › First steps\n"
        "    Start with programming, networking and databases.\n"
    )
    assert "1 passages found in 2 ms" in career.err
    assert [question.deadline_s for question in answerer.asked] == [5]
    assert answerer.closed == 1


def test_ask_speaks_the_askers_language(career: Career, answerer: Answerer) -> None:
    assert career("ask", "相似度检索") == 0
    assert "找到 1 个段落" in career.err
    assert career.out.startswith("向量数据库用来做相似度检索。[1]\n")


@pytest.mark.parametrize("command", ["ask", "search"])
def test_an_empty_question_is_wrong_usage(career: Career, answerer: Answerer, command: str) -> None:
    assert career(command, "  ") == 2
    assert "is empty: say what" in career.err


def test_bytes_that_are_no_text_do_no_harm(career: Career, answerer: Answerer) -> None:
    assert career("ask", "programming \udcff", "--json") == 0
    assert json.loads(career.out)["question"] == "programming ?"


def test_an_error_of_the_engine_is_a_message(career: Career, answerer: Answerer) -> None:
    answerer.script = lambda question: [DeadlineExceeded("The answer took longer than 1 s: give more with --deadline.")]
    assert career("ask", "x") == 3
    assert career.err == "career: The answer took longer than 1 s: give more with --deadline.\n"


def interrupt() -> None:
    raise KeyboardInterrupt


def test_ctrl_c_is_quiet_and_frees_the_engine(career: Career, answerer: Answerer) -> None:
    answerer.script = lambda question: [interrupt]
    assert career("ask", "x") == 130
    assert "Traceback" not in career.err
    assert answerer.closed == 1


def test_chat_remembers(career: Career, answerer: Answerer, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = iter(["programming networking", "model deployment", ""])
    monkeypatch.setattr("builtins.input", lambda prompt="": next(lines))
    assert career("chat") == 0
    first, second = answerer.asked
    assert first.history == ()
    assert [message.content for message in second.history] == [
        "programming networking",
        "Start with programming, networking and databases. [1]",
    ]


def test_a_reader_who_leaves_causes_no_noise() -> None:
    command = f"{sys.executable} -m service.cli models list --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("0", "1")
    assert done.stderr == ""


def test_every_error_class_has_an_exit_code_of_the_contract() -> None:
    def tree(kind: type[CareerError]) -> list[type[CareerError]]:
        return [kind, *(found for child in kind.__subclasses__() for found in tree(child))]

    assert {kind.exit_code for kind in tree(CareerError)} == {2, 3, 75}


def test_doctor_finds_what_is_missing(career: Career, home: Path) -> None:
    assert career("doctor", "--json") == 3
    report = json.loads(career.out)
    checks = {check["name"]: check for check in report["checks"]}
    assert checks["python"]["state"] == checks["torch"]["state"] == checks["faiss"]["state"] == "ok"
    assert checks["model"]["state"] == "broken"
    assert checks["index"] == {
        "name": "index",
        "state": "broken",
        "finding": f"Nothing has been built in {home} yet. Run `career ingest`.",
        "cure": "career ingest",
    }
    rows = {row["name"]: row for row in report["settings"]}
    assert set(rows) == {f"CAREER_{name.upper()}" for name in Settings.model_fields}
    assert rows["CAREER_PORT"]["value"] == rows["CAREER_PORT"]["default"] == 8000
    assert rows["CAREER_HOME"]["value"] == str(home)


def test_doctor_hides_keys_and_names_an_unknown_setting(career: Career, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.commands.doctor.EXAMINATIONS", ())
    key = "user:" + "a" * 64
    monkeypatch.setenv("CAREER_API_KEYS", key)
    assert career("doctor") == 0
    assert "a" * 64 not in career.out
    assert re.search(r"CAREER_API_KEYS +1 set", career.out)
    monkeypatch.setenv("CAREER_CHUNK_SIZ", "1")
    assert career("doctor") == 2
    assert career.err.endswith("career: Unknown setting CAREER_CHUNK_SIZ. Did you mean CAREER_CHUNK_CHARS?\n")


def test_doctor_survives_a_library_that_crashes() -> None:
    from service.commands.doctor import library

    check = library("torch", f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    assert (check.state, check.finding) == ("broken", "loading it failed: exit code -11")
    assert "make install" in check.cure
