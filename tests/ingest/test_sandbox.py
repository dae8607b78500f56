"""The readers' process: one for a run, replaced when a file kills it, never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from indexes.errors import DamagedError, ExtraMissing
from indexes.settings import IndexSettings
from ingest.build import build
from ingest.limits import Limits
from ingest.raw import RawDocument
from ingest.readers import IN_PROCESS, READERS, read_markdown
from ingest.sandbox import Sandbox
from tests.doubles import FakeEmbedder
from tests.ingest import files

ROOT = Path(__file__).resolve().parents[2]
CSV = b"a,b\n1,2\n"
TABLE = RawDocument("| a | b |\n|---|---|\n| 1 | 2 |\n")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid: int, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_markdown_needs_no_process_and_all_else_shares_one() -> None:
    assert frozenset(READERS) - IN_PROCESS >= {".html", ".pdf", ".docx", ".pptx", ".xlsx", ".csv", ".json", ".jsonl"}
    with Sandbox() as sandbox:
        assert sandbox.read(".md", "# 甲\n".encode()) == read_markdown("# 甲\n".encode())
        assert sandbox.pid is None
        assert sandbox.read(".csv", CSV) == TABLE
        pid = sandbox.pid
        assert sandbox.read(".html", "<title>题</title><p hidden>x</p><p>正文</p>".encode()) == RawDocument(
            "正文\n", "题", hidden=(("x", "hidden attribute"),)
        )
        assert sandbox.read(".docx", files.word(files.career_word)).text == files.CAREER_WORD
        assert sandbox.pid == pid
    assert pid is not None
    assert wait_until_gone(pid)


def test_a_large_parent_does_not_make_its_readers_look_large() -> None:
    ballast = bytearray(b"x") * (400 << 20)
    with Sandbox() as sandbox:
        assert sandbox.read(".csv", CSV) == TABLE
        first = sandbox.pid
        assert sandbox.read(".csv", CSV) == TABLE
        assert sandbox.pid == first is not None
    assert len(ballast) == 400 << 20


def test_a_hundred_files_take_one_start(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(100):
        (corpus / f"{number}.csv").write_text(f"工具,用途\n工具{number},用途{number}\n", "utf-8")
    started = time.monotonic()
    report = build([corpus], IndexSettings(home=tmp_path / "home"), FakeEmbedder())
    assert len(report.added) == 100
    assert time.monotonic() - started < 20, "a process a file would take 100 starts of 0.3 s and more"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_process_that_dies_costs_its_file_and_the_next_is_read(number: signal.Signals) -> None:
    with Sandbox() as sandbox:
        sandbox.read(".csv", CSV)
        pid = sandbox.pid
        assert pid is not None
        os.kill(pid, number)
        with pytest.raises(DamagedError, match=r"Save its text as Markdown, or split it\."):
            sandbox.read(".csv", CSV)
        assert sandbox.read(".csv", CSV) == TABLE
        assert sandbox.pid != pid


def test_time_is_up_and_says_how_much_there_was() -> None:
    with Sandbox(Limits(seconds=1.0, seconds_per_mb=0.0, patience=60.0)) as sandbox:
        with pytest.raises(DamagedError, match=r"takes more than 1 s of processor time to read"):
            sandbox.read(".json", b"[" + b"1.5," * 2_000_000 + b"1]")
        assert sandbox.read(".csv", CSV) == TABLE
    with Sandbox(Limits(seconds=0.001, patience=1.0)) as sandbox, pytest.raises(DamagedError, match="longer than 0 s"):
        sandbox.read(".csv", CSV)


def test_memory_is_bounded_and_a_process_that_grew_is_replaced() -> None:
    wide = b"[" + b"[]," * 2_000_000 + b"[]]"
    with Sandbox(Limits(memory_mb=320)) as sandbox:
        with pytest.raises(DamagedError, match="needs more memory to read than one file may have"):
            sandbox.read(".json", wide)
        assert sandbox.read(".csv", CSV) == TABLE
    with Sandbox(Limits(retire_mb=1)) as sandbox:
        assert sandbox.read(".csv", CSV) == TABLE
        assert sandbox.pid is None, "it is larger than what the next file should start with"


def test_a_format_without_its_library_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['pypdfium2'] = None\nsys.modules['mammoth'] = None\n", "utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with Sandbox() as sandbox:
        with pytest.raises(ExtraMissing, match=r"needs pypdfium2 to be read: pip install 'career-rag\[documents\]'"):
            sandbox.read(".pdf", b"%PDF")
        with pytest.raises(ExtraMissing, match=r"needs mammoth to be read"):
            sandbox.read(".docx", b"PK")
        assert sandbox.read(".csv", CSV) == TABLE


PARENT = """
import sys, time
from ingest.sandbox import Sandbox
sandbox = Sandbox()
sandbox.read(".csv", b"a,b")
print(sandbox.pid, flush=True)
sandbox.read(".json", b"[" + b"1.5," * 4_000_000 + b"1]") if sys.argv[1] == "busy" else time.sleep(60)
time.sleep(60)
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_parent(state: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, state], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.3)
        assert alive(child)
        parent.send_signal(number)
        parent.wait(10)
        assert wait_until_gone(child)
