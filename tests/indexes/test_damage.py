"""1,000 damages of a generation, seeded: each is refused by name, none crashes; and a restored copy is the same index.

TEST_DAMAGES=20000 tries more. Random bit flips, truncations, growth and swapped files, in each of the files.
"""

import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from indexes.errors import IndexDamaged
from indexes.generation import BuildMeta, Generation, list_generations, use, verify, writer_lock
from indexes.parts import embedded_texts
from indexes.retriever import Retriever
from indexes.vectorkinds import IndexLimits
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder

DAMAGES = int(os.environ.get("TEST_DAMAGES", "1000"))
CODES = IndexLimits(exact_rows=10)
NAMES = ("manifest.json", "chunks.sqlite", "vectors.faiss", "vectors.f32")
WORDS = ("数据库", "部署", "索引", "事务", "监控", "模型", "薪资", "面试", "网络", "编程")


def build(home: Path, salt: str) -> Path:
    """A generation of codes with their vectors beside them: every file there is."""
    picker = random.Random(salt)
    sentences = [f"{picker.choice(WORDS)}{picker.choice(WORDS)}第{n}条{salt}。" for n in range(5200)]
    documents = [document_of("".join(sentences[at : at + 400]), id=f"d{at}") for at in range(0, 5200, 400)]
    chunks = [chunk_of(document.text, document=document, context="") for document in documents]
    vectors = FakeEmbedder(dimension=16).embed_passages(embedded_texts(chunks))
    with (
        writer_lock(home),
        write_and_open(home, documents, chunks, vectors, BuildMeta("fake@1", "1"), limits=CODES, keep=5) as made,
    ):
        return made.path


@pytest.fixture(scope="module")
def generations(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    home = tmp_path_factory.mktemp("damage")
    return build(home, "甲"), build(home, "乙")


def test_the_generation_has_every_kind_of_file(generations: tuple[Path, Path]) -> None:
    for path in generations:
        assert {file.name for file in path.iterdir()} == set(NAMES)
        assert verify(path) == []
        with Generation.open(path) as generation:
            assert generation.vectors.choice.kind.endswith("SQ8")


def damaged(sound: bytes, other: bytes, picker: random.Random) -> bytes:
    """A bit flipped, cut short, grown, a stretch of zeros, or the same file of another generation."""
    at = picker.randrange(len(sound))
    match picker.choice(["flip", "flip", "cut", "grow", "zero", "swap"]):
        case "cut":
            return sound[:at]
        case "grow":
            return sound + picker.randbytes(1 + picker.randrange(64))
        case "zero" if any(sound[at : at + 512]):
            return sound[:at] + bytes(len(sound[at : at + 512])) + sound[at + 512 :]
        case "swap":
            return other
    return sound[:at] + bytes([sound[at] ^ (1 << picker.randrange(8))]) + sound[at + 1 :]


def test_every_damage_is_refused_by_name(generations: tuple[Path, Path]) -> None:
    first, second = generations
    picker = random.Random(2024)
    sound = {name: (second / name).read_bytes() for name in NAMES}
    other = {name: (first / name).read_bytes() for name in NAMES}
    refused = 0
    for _ in range(DAMAGES):
        name = picker.choice(NAMES)
        (second / name).write_bytes(damaged(sound[name], other[name], picker))
        with pytest.raises(IndexDamaged, match=rf"{name}.*career i"):
            Generation.open(second)
        refused += 1
        (second / name).write_bytes(sound[name])
    assert refused == DAMAGES
    assert verify(second) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_absent_file_and_a_folder_in_its_place_are_refused(name: str, generations: tuple[Path, Path]) -> None:
    path = generations[1] / name
    kept = path.read_bytes()
    path.unlink()
    for make in (lambda: None, path.mkdir):
        make()
        with pytest.raises(IndexDamaged, match=name):
            Generation.open(path.parent)
    path.rmdir()
    path.write_bytes(kept)
    assert verify(path.parent) == []


def test_all_files_of_another_generation_are_refused(generations: tuple[Path, Path]) -> None:
    first, second = generations
    kept = {name: (second / name).read_bytes() for name in NAMES}
    for name in NAMES:
        shutil.copy(first / name, second / name)
    with pytest.raises(IndexDamaged, match=r"belongs to generation 000001"):
        Generation.open(second)
    for name, data in kept.items():
        (second / name).write_bytes(data)


def test_a_restored_snapshot_is_the_same_index(generations: tuple[Path, Path], tmp_path: Path) -> None:
    """A copy of the home, damaged original or not, answers with the same hits, scores and vectors."""
    home = tmp_path / "restored"
    shutil.copytree(generations[0].parent.parent, home)
    use(home, 1)
    assert [(info.number, info.current) for info in list_generations(home)] == [(1, True), (2, False)]
    with Generation.current(home) as restored, Generation.open(generations[0]) as original:
        assert restored.chunks == original.chunks
        assert restored.manifest == original.manifest
        rows = range(len(original.vectors))
        assert np.array_equal(restored.vectors.vectors(rows), original.vectors.vectors(rows))
        embedder = FakeEmbedder(dimension=16)
        for query in WORDS:
            assert Retriever(restored, embedder).search(query) == Retriever(original, embedder).search(query)
