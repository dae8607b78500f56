"""Rows 1, 2, 7 and 8 around a whole build: no room, no permission, a broken disk, a second writer; deletions proven."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from indexes.errors import MissingError
from indexes.files import FileSystem
from indexes.generation import Generation, list_generations, prune, verify, writer_lock
from indexes.settings import IndexSettings
from ingest.build import build
from tests.doubles import FakeEmbedder

ROOT = Path(__file__).resolve().parents[2]
SECRET = "绝密的薪资是九万"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.md").write_text("# 甲\n\n先学编程。\n", "utf-8")
    (folder / "b.csv").write_text("工具,用途\nRay,训练\n", "utf-8")
    return folder


@pytest.fixture
def settings(tmp_path: Path, corpus: Path) -> IndexSettings:
    """A home with generation 1, and a file that has changed since."""
    settings = IndexSettings(home=tmp_path / "home")
    build([corpus], settings, FakeEmbedder())
    (corpus / "a.md").write_text("# 甲\n\n先学编程，再学网络。\n", "utf-8")
    return settings


def assert_generation_one_serves(home: Path) -> None:
    with Generation.current(home) as generation:
        assert (generation.number, generation.chunks[0].text.strip()) == (1, "先学编程。")
    assert not list((home / "generations").glob("*.tmp"))
    assert [verify(info.path) for info in list_generations(home)] == [[]]


@pytest.mark.parametrize("step", ["make_folder", "write", "sync", "rename"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=["full", "broken", "read-only"])
def test_row_7_a_disk_that_fails_leaves_the_old_index_and_names_the_path(
    step: str, code: int, corpus: Path, settings: IndexSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., object] = getattr(FileSystem, step)

    def fails(files: FileSystem, path: Path, *rest: object) -> object:
        if "000002" in str(path):
            raise OSError(code, os.strerror(code), str(path))
        return real(files, path, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(FileSystem, step, fails)
        with pytest.raises(MissingError, match=rf"Cannot write .*000002.*: {os.strerror(code)}\. Free some space"):
            build([corpus], settings, FakeEmbedder())
    assert_generation_one_serves(settings.home)
    assert build([corpus], settings, FakeEmbedder()).generation == 2


def test_row_7_a_file_that_cannot_be_read_is_a_line_and_the_others_go_on(
    corpus: Path, settings: IndexSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def fails(path: Path) -> bytes:
        if path.name == "b.csv":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", fails)
    report = build([corpus], settings, FakeEmbedder())
    assert (report.changed, report.skipped) == (("corpus/a.md",), (("corpus/b.csv", "Input/output error"),))


AS_NOBODY = """
import os, sys
from pathlib import Path
from indexes.errors import MissingError
from indexes.settings import IndexSettings
from ingest.build import build
from tests.doubles import FakeEmbedder
os.setuid(65534) if os.getuid() == 0 else None
try:
    build([Path(sys.argv[1])], IndexSettings(home=Path(sys.argv[2])), FakeEmbedder())
except MissingError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def test_row_7_a_folder_that_may_not_be_written(corpus: Path, settings: IndexSettings, tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if os.access(folder, os.W_OK) and folder.is_relative_to(tmp_path.parent.parent):
            folder.chmod(folder.stat().st_mode | 0o055)
    for path in (settings.home, settings.home / "generations"):
        path.chmod(0o555)
    command = [sys.executable, "-c", AS_NOBODY, str(corpus), str(settings.home)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.startswith(f"Cannot write {settings.home}")
    assert "Permission denied. Name a writable folder as CAREER_HOME." in done.stdout
    for path in (settings.home, settings.home / "generations"):
        path.chmod(0o755)
    assert_generation_one_serves(settings.home)


def test_row_8_a_second_ingest_ends_with_code_75_and_names_the_first(corpus: Path, settings: IndexSettings) -> None:
    script = (
        "import sys, indexes.embedding\nfrom tests.doubles import FakeEmbedder\n"
        "indexes.embedding.load_embedder = lambda settings: FakeEmbedder()\n"
        "from service.cli import run\nsys.exit(run(['ingest', sys.argv[1]]))\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAREER_")}
    with writer_lock(settings.home):
        done = subprocess.run(
            [sys.executable, "-c", script, str(corpus)],
            cwd=ROOT, env={**environment, "CAREER_HOME": str(settings.home)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 75
    assert f"locked by pid {os.getpid()}. Wait for it to end." in done.stderr
    assert_generation_one_serves(settings.home)


def test_what_is_deleted_is_in_no_byte_of_the_next_generation(corpus: Path, settings: IndexSettings) -> None:
    (corpus / "secret.md").write_text(f"# 密\n\n{SECRET}。\n", "utf-8")
    build([corpus], settings, FakeEmbedder())
    folder = settings.home / "generations"

    def holding() -> set[str]:
        return {
            path.parent.name for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
        }

    assert holding() == {"000002"}
    (corpus / "secret.md").unlink()
    assert build([corpus], settings, FakeEmbedder()).removed == ("corpus/secret.md",)
    assert holding() == {"000002"}, "the generation before is kept, to go back to"
    with Generation.current(settings.home) as generation:
        assert generation.document("secret") is None
        assert generation.passages.search([SECRET[:2], "绝密", "薪资"], 10) == []
    prune(settings.home, keep=1)
    assert holding() == set()
    everywhere = [path for path in settings.home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert everywhere == [], "embeddings are kept by checksum, never by text"


def test_ids_stay_when_something_else_is_edited(corpus: Path, settings: IndexSettings) -> None:
    sections = [f"## 节{number}\n\n第{number}节讲工具{number}的用法。\n" for number in range(20)]
    path = corpus / "long.md"
    path.write_text("# 长\n\n" + "\n".join(sections), "utf-8")
    build([corpus], settings, FakeEmbedder())
    before = ids(settings)
    sections[7] = "## 节7\n\n这一节整个改写了。\n"
    path.write_text("# 长\n\n" + "\n".join(["## 新\n\n插在最前面。\n", *sections]), "utf-8")
    embedder = FakeEmbedder()
    build([corpus], settings, embedder)
    after = ids(settings)
    assert len(before - after) == 1
    assert len(after - before) == 2
    assert len(embedder.texts) < 8, "only what is new is embedded"


def ids(settings: IndexSettings) -> set[str]:
    with Generation.current(settings.home) as generation:
        return {chunk.id for chunk in generation.chunks}
