"""The command line as a person or a program meets it: exit codes, exact messages, one JSON value on stdout."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from indexes.generation import BuildMeta, writer_lock
from service import __version__
from service.cli import run
from service.settings import Settings
from service.types import Answer, Finished, Question
from tests.conftest import write_and_open
from tests.doubles import FakeEmbedder
from tests.service import http_fakes
from tests.service.http_fakes import FakeAnswerer, FakeRetriever, fake_runtime

HELP_BOUND_S = 1.0  # on a loaded machine; an idle one takes 0.1 s
EMBEDDER = "embeddinggemma-300m"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of their own for every test: an empty home with an empty model store."""
    for name in [name for name in os.environ if name.startswith("CAREER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CAREER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def index(home: Path) -> Path:
    """Generation 1 of two small documents."""
    documents = http_fakes.documents()
    chunks = http_fakes.chunks(documents)
    vectors = FakeEmbedder().embed_passages([unit.embedding_text for chunk in chunks for unit in chunk.units])
    with writer_lock(home):
        write_and_open(home, documents, chunks, vectors, BuildMeta("fake@1", "chunker@1")).close()
    return home / "generations" / "000001"


class Answerer(FakeAnswerer):
    def answer(self, question: Question) -> Answer:
        return next(event.answer for event in self.stream(question) if isinstance(event, Finished))


@pytest.fixture
def answerer(monkeypatch: pytest.MonkeyPatch) -> Answerer:
    """Every command gets a runtime of doubles."""
    double = Answerer(FakeRetriever(http_fakes.chunks(http_fakes.documents())))

    @contextmanager
    def open_runtime(settings: Settings, *, need_llm: bool = True) -> Iterator[Any]:
        yield fake_runtime(settings, answerer=double)

    monkeypatch.setattr("service.runtime.open_runtime", open_runtime)
    return double


class Career:
    """Runs command lines and keeps what they wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        code = run(arguments)
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def career(capsys: pytest.CaptureFixture[str]) -> Career:
    return Career(capsys)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_version(career: Career) -> None:
    assert career("--version") == 0
    assert career.out == f"career-rag {__version__}\n"


def test_help_lists_every_command(career: Career) -> None:
    assert career("--help") == 0
    listed = re.findall(r"^  (\w+)  +\S", career.out.partition("Commands:")[2], re.M)
    assert listed == ["up", "ingest", "search", "ask", "chat", "serve", "mcp", "eval", "doctor", "models", "index"]
    assert "..." not in career.out.partition("Commands:")[2]


@pytest.mark.parametrize("command", ["models", "index", "eval"])
def test_groups_explain_themselves(career: Career, command: str) -> None:
    assert career(command, "--help") == 0
    assert f"Usage: career {command}" in career.out


def test_help_is_quick() -> None:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "service.cli", "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - began)
    assert min(times) < HELP_BOUND_S


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, service.cli; service.cli.run(['--help']);"
        "print(sorted({'numpy', 'pydantic', 'faiss', 'torch', 'fastapi', 'llama_cpp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "arguments", [(), ("nope",), ("search",), ("search", "x", "--k", "0"), ("models", "pull", "-q")]
)
def test_wrong_usage_is_exit_code_2(career: Career, arguments: Sequence[str]) -> None:
    assert career(*arguments) == 2
    assert "Usage: career" in career.out + career.err


@pytest.mark.parametrize("arguments", [("models", "list"), ("index", "list"), ("serve",), ("ingest",), ("ask", "x")])
def test_an_unknown_setting_is_refused_by_name(
    career: Career, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str]
) -> None:
    monkeypatch.setenv("CAREER_CHUNK_SIZ", "1")
    assert career(*arguments) == 2
    assert career.out == ""
    assert career.err == "career: Unknown setting CAREER_CHUNK_SIZ. Did you mean CAREER_CHUNK_CHARS?\n"


def test_a_setting_out_of_bounds_is_named(career: Career, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREER_PORT", "99999")
    assert career("serve") == 2
    assert career.err == "career: CAREER_PORT=99999: input should be less than or equal to 65535.\n"


def test_a_missing_model_names_the_command_that_fetches_it(career: Career) -> None:
    assert career("serve", "--port", "0") == 3
    assert career.err == f"career: The model {EMBEDDER} is not in the store: run `career models pull {EMBEDDER}`.\n"


def test_an_unknown_model_is_wrong_usage(career: Career) -> None:
    assert career("models", "pull", "qwen2.5-coder-1.5b") == 2
    assert career.err.startswith(
        "career: Unknown model qwen2.5-coder-1.5b. Did you mean qwen2.5-coder-1.5b-instruct-q4_k_m?"
    )


def test_models_list(career: Career) -> None:
    assert career("models", "list", "--json") == 0
    listed = json.loads(career.out)
    assert [(model["name"], model["state"], model["path"]) for model in listed] == [
        ("embeddinggemma-300m", "missing", None),
        ("qwen2.5-coder-1.5b-instruct-q4_k_m", "missing", None),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m", "missing", None),
    ]
    assert career("models", "list") == 0
    assert re.search(r"embeddinggemma-300m +embedder +1\.15 GB +missing +Gemma Terms of Use", career.out)


def test_models_verify_says_no_with_exit_code_1(career: Career) -> None:
    assert career("models", "verify", EMBEDDER, "--json") == 1
    assert json.loads(career.out) == [{"name": EMBEDDER, "sound": False, "trouble": ["it is not in the store"]}]
    assert career("models", "verify") == 0
    assert career.err == "The store is empty: `career models pull` fetches the default models.\n"


def test_without_an_index_the_cure_is_ingest(career: Career, home: Path) -> None:
    expected = f"Nothing has been built in {home} yet. Run `career ingest`."
    assert career("index", "verify") == 3
    assert career.err == f"career: {expected}\n"
    assert career("index", "list", "--json") == 0
    assert career.out == "[]\n"


def test_index_list_and_verify(career: Career, index: Path) -> None:
    assert career("index", "list", "--json") == 0
    (shown,) = json.loads(career.out)
    assert (shown["number"], shown["current"], shown["path"]) == (1, True, str(index))
    assert shown["manifest"]["counts"]["documents"] == 2
    assert career("index", "verify", "--json") == 0
    assert json.loads(career.out) == [{"generation": 1, "sound": True, "trouble": []}]
    assert career("index", "use", "1") == 0
    assert career.err == "Generation 1 serves now.\n"
    assert career("index", "use", "7") == 3
    assert career.err == "career: There is no generation 7; there is: 1. `career index list` shows them.\n"


def test_a_damaged_index_is_told_with_its_cure(
    career: Career, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(index / "vectors.faiss")
    trouble = f"{index / 'vectors.faiss'} has other bytes than its manifest says"
    assert career("index", "verify") == 1
    assert career.out == f"generation 1: {trouble}\n"
    monkeypatch.setenv("CAREER_EMBEDDER", str(tmp_path))
    assert career("serve", "--port", "0") == 3
    assert career.err == (
        f"career: {trouble}. Run `career ingest` to build it again, or `career index use` to go back to an older one.\n"
    )


def test_a_second_writer_waits_with_exit_code_75(career: Career, index: Path, home: Path) -> None:
    with writer_lock(home):
        assert career("index", "prune") == 75
    assert career.err.startswith(f"career: Another writer is at work in {home}, locked by pid {os.getpid()}.")


def test_an_empty_corpus_is_told(career: Career, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.embedding.load_embedder", lambda settings: FakeEmbedder())
    (tmp_path / "empty").mkdir()
    assert career("ingest", str(tmp_path / "empty")) == 3
    assert str(tmp_path / "empty") in career.err
    assert career("ingest", str(tmp_path / "nowhere")) == 2
    assert career.err == (f"career: {tmp_path / 'nowhere'} does not exist. Name a file or a folder of documents.\n")
    assert not list((home / "generations").glob("0*"))


def test_ingest_reports_what_it_did(career: Career, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.embedding.load_embedder", lambda settings: FakeEmbedder())
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "a.md").write_text("# 入门\n\n先学编程，再学数据库。\n", "utf-8")
    assert career("ingest", str(corpus), "--dry-run", "--json") == 0
    planned = json.loads(career.out)
    assert (planned["written"], planned["generation"], planned["added"]) == (False, None, ["corpus/a.md"])
    assert career("ingest", str(corpus), "--json") == 0
    done = json.loads(career.out)
    assert (done["written"], done["generation"], done["added"]) == (True, 1, ["corpus/a.md"])
    assert career("ingest", str(corpus)) == 0
    assert "Nothing has changed: generation 1 still serves" in career.out


def test_a_port_in_use_is_told_before_anything_else(career: Career) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for command in ("serve", "up"):
            assert career(command, "--port", str(port)) == 3
            assert career.err == (
                f"career: Port {port} of 127.0.0.1 is in use: name another with `--port N` or `make up PORT=N`; "
                "`--port 0` takes a free one.\n"
            )


def test_an_address_of_another_machine_is_wrong_usage(career: Career) -> None:
    assert career("serve", "--host", "192.0.2.1", "--port", "0") == 2
    assert career.err.startswith("career: Port 0 of 192.0.2.1 cannot be had (")


def test_a_home_that_cannot_be_written_is_told(career: Career, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CAREER_HOME", str(tmp_path / "file"))
    assert career("models", "pull", EMBEDDER) == 3
    assert career.err.startswith(f"career: The model store {tmp_path / 'file' / 'models'} cannot be written to")
