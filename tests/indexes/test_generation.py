"""A generation is what was written, or is refused by name; a crash at any step leaves the old one serving."""

import errno
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from indexes.errors import IndexDamaged, IndexMissing, LockHeld, MissingError
from indexes.files import FileSystem
from indexes.generation import (
    BuildMeta,
    Generation,
    list_generations,
    prune,
    use,
    verify,
    writer_lock,
)
from indexes.text import tokens
from indexes.types import Chunk, Document
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder

META = BuildMeta(embedder="fake@1", chunker="1", extra={"chunk_chars": "450"})
TEXTS = {
    "zh": "后端工程师先学数据库。然后学向量检索。TorchServe 用来部署模型。",
    "en": "Backend engineers learn databases first. Then they deploy models with TorchServe.",
}


def corpus(extra: str = "") -> tuple[list[Document], list[Chunk]]:
    documents = [document_of(text + extra, id=name, title=name) for name, text in TEXTS.items()]
    return documents, [chunk_of(document.text, document=document) for document in documents]


def build(home: Path, extra: str = "", files: FileSystem | None = None) -> Generation:
    documents, chunks = corpus(extra)
    texts = [unit.embedding_text for chunk in chunks for unit in chunk.units]
    with writer_lock(home):
        return write_and_open(home, documents, chunks, FakeEmbedder().embed_passages(texts), META, files=files)


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Generation]:
    with build(tmp_path) as generation:
        yield generation


def test_holds_what_was_written(built: Generation) -> None:
    documents, chunks = corpus()
    assert built.number == 1
    assert built.chunks == tuple(chunks)
    assert built.documents() == tuple(document.info for document in documents)
    assert built.document("zh") == documents[0]
    assert built.document("fr") is None
    assert [unit for unit, _ in built.units] == [unit for chunk in chunks for unit in chunk.units]
    assert built.manifest.meta == META
    assert built.manifest.counts == {"documents": 2, "chunks": 2, "units": 5}
    assert built.manifest.vectors["kind"] == "Flat"


def test_rows_mean_the_same_unit_everywhere(built: Generation) -> None:
    embedder = FakeEmbedder()
    for row, (unit, _) in enumerate(built.units):
        vector = embedder.embed_queries([unit.embedding_text])
        [(found, score)] = built.vectors.search(vector, 1)
        assert found == row
        assert score == pytest.approx(1, abs=1e-5)
        assert built.unit_vectors([unit.id]) == pytest.approx(vector, abs=1e-6)
        assert built.row(unit.id) == row
        assert built.lexical.search(tokens(unit.text), 1)[0][0] == row
    for number, chunk in enumerate(built.chunks):
        assert built.passages.search(tokens(chunk.text), 1)[0][0] == number


def test_many_threads_read_one_generation(built: Generation) -> None:
    queries = ["数据库", "TorchServe", "databases", "部署"] * 50
    expected = [built.lexical.search(tokens(query), 5) for query in queries]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda query: built.lexical.search(tokens(query), 5), queries)) == expected


def test_an_open_generation_survives_its_removal(tmp_path: Path) -> None:
    with build(tmp_path) as old:
        for extra in ("。一", "。二", "。三"):
            build(tmp_path, extra).close()
        assert not old.path.exists()
        assert old.lexical.search(tokens("TorchServe"), 5)
        assert len(old.vectors.search(FakeEmbedder().embed_queries(["x"]), 9)) == 5


def test_two_are_kept_and_numbers_go_on(tmp_path: Path) -> None:
    for extra in ("", "。一", "。二"):
        build(tmp_path, extra).close()
    assert [(info.number, info.current) for info in list_generations(tmp_path)] == [(2, False), (3, True)]
    use(tmp_path, 2)
    with Generation.current(tmp_path) as generation:
        assert generation.number == 2
    assert prune(tmp_path, keep=1) == [3]
    build(tmp_path).close()
    assert [info.number for info in list_generations(tmp_path)] == [2, 3]


def test_nothing_built_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="career ingest"):
        Generation.current(tmp_path)
    with pytest.raises(IndexMissing, match="no generation 7"):
        use(tmp_path, 7)


def test_rows_must_match_units(tmp_path: Path) -> None:
    documents, chunks = corpus()
    with pytest.raises(ValueError, match="5 units"):
        write_and_open(tmp_path, documents, chunks, np.zeros((4, 8), np.float32), META)


def test_a_chunk_that_is_not_in_its_document_is_refused(tmp_path: Path) -> None:
    documents, chunks = corpus()
    changed = [document_of(document.text[1:], id=document.info.id) for document in documents]
    with pytest.raises(ValueError, match="not what document"):
        write_and_open(tmp_path, changed, chunks, np.eye(5, 8, dtype=np.float32), META)


@pytest.mark.parametrize("name", ["manifest.json", "chunks.sqlite", "vectors.faiss"])
def test_absent_and_swapped_files_are_found(name: str, tmp_path: Path) -> None:
    with build(tmp_path) as first, build(tmp_path, "。又一句。") as second:
        shutil.copy(first.path / name, second.path / name)
        assert verify(second.path)
        (second.path / name).unlink()
        with pytest.raises(IndexDamaged, match=name):
            Generation.current(tmp_path)


def test_a_whole_generation_under_another_number_is_refused(tmp_path: Path) -> None:
    with build(tmp_path) as first:
        shutil.copytree(first.path, first.path.with_name("000009"))
    with pytest.raises(IndexDamaged, match="belongs to generation 000001"):
        Generation.open(tmp_path / "generations" / "000009")


def test_falls_back_to_the_last_sound_one(tmp_path: Path) -> None:
    build(tmp_path).close()
    build(tmp_path, "。二").close()
    (tmp_path / "generations/000002/vectors.faiss").write_bytes(b"junk")
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss has 4 bytes.*career index use"):
        Generation.current(tmp_path)
    with Generation.current(tmp_path, fallback=True) as generation:
        assert generation.number == 1
    with pytest.raises(IndexDamaged):
        use(tmp_path, 2)


@pytest.mark.parametrize("content", ["", "42", "../../etc", "000001\x00", "ÿ"])
def test_a_damaged_current_is_refused(content: str, tmp_path: Path) -> None:
    build(tmp_path).close()
    (tmp_path / "generations/CURRENT").write_text(content, "utf-8")
    with pytest.raises(IndexDamaged, match="CURRENT"):
        Generation.current(tmp_path)
    build(tmp_path).close()
    with Generation.current(tmp_path) as generation:
        assert generation.number == 2


class Killed(BaseException):
    """Stands for kill -9: no handler of ours may see it as an Exception."""


class DyingFiles(FileSystem):
    """Dies before step `at`; counts the steps."""

    def __init__(self, at: int, error: BaseException | None = None) -> None:
        self.at = at
        self.steps = 0
        self.error = error or Killed()

    def _step(self) -> None:
        if self.steps == self.at:
            self.steps += 1
            raise self.error
        self.steps += 1

    def make_folder(self, path: Path) -> None:
        self._step()
        super().make_folder(path)

    def write(self, path: Path, data: bytes) -> None:
        self._step()
        super().write(path, data)

    def sync(self, path: Path) -> None:
        self._step()
        super().sync(path)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)

    def remove(self, folder: Path) -> None:
        self._step()
        super().remove(folder)


def _steps(home: Path) -> int:
    counting = DyingFiles(at=-1)
    for extra in ("", "。一", "。二"):
        counting.steps = 0
        build(home, extra, counting).close()
    return counting.steps


def test_killed_at_every_step_the_old_one_serves_and_the_next_run_finishes(tmp_path: Path) -> None:
    steps = _steps(tmp_path / "count")
    assert steps >= 13
    for at in range(steps):
        home = tmp_path / str(at)
        build(home).close()
        build(home, "。一").close()
        with pytest.raises(Killed):
            build(home, "。二", DyingFiles(at))
        with Generation.current(home) as after:
            assert after.chunks in {tuple(corpus("。一")[1]), tuple(corpus("。二")[1])}
        with build(home, "。三") as finished:
            assert finished.chunks == tuple(corpus("。三")[1])
        folder = home / "generations"
        assert not list(folder.glob("*.tmp"))
        assert len(list_generations(home)) == 2
        assert all(verify(info.path) == [] for info in list_generations(home))


def test_no_room_names_the_path_and_leaves_nothing(tmp_path: Path) -> None:
    for at in range(9):
        home = tmp_path / str(at)
        build(home).close()
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(home / "generations" / "somewhere"))
        with pytest.raises(MissingError, match=r"somewhere: No space left on device.*CAREER_HOME"):
            build(home, "。二", DyingFiles(at, full))
        assert not [path for path in (home / "generations").glob("*.tmp") if path.is_dir()]
        with Generation.current(home) as generation:
            assert generation.number == 1


def _hold(home: Path, ready: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event") -> None:
    with writer_lock(home):
        ready.set()
        done.wait(30)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, ready, done))
    other.start()
    assert ready.wait(30)
    with pytest.raises(LockHeld, match=f"locked by pid {other.pid}"), writer_lock(tmp_path):
        pass
    other.kill()
    other.join()
    with writer_lock(tmp_path), pytest.raises(LockHeld, match=f"locked by pid {os.getpid()}"), writer_lock(tmp_path):
        pass


def test_the_manifest_is_plain_json(built: Generation) -> None:
    raw = json.loads((built.path / "manifest.json").read_text("utf-8"))
    assert raw["meta"]["embedder"] == "fake@1"
    assert {entry["name"] for entry in raw["files"]} == {"chunks.sqlite", "vectors.faiss"}
    assert all(len(entry["sha256"]) == 64 for entry in raw["files"])
