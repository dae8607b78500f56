"""Every kind of FAISS index answers as exact search in NumPy does: values, not shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.errors import IndexDamaged
from indexes.types import Vectors, VectorStore
from indexes.vectors import FaissStore, choose_index


def clustered(rows: int, dimension: int = 32, seed: int = 0) -> Vectors:
    centres = np.random.default_rng(99).standard_normal((40, dimension))
    picker = np.random.default_rng(seed)
    found = centres[picker.integers(0, 40, rows)] + 0.4 * picker.standard_normal((rows, dimension))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


class NumpyStore:
    """Exact search, as plain as it gets."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, query: Vectors, k: int, rows: Any = None) -> list[tuple[int, float]]:
        allowed = range(len(self)) if rows is None else sorted(set(rows))
        scores = self._vectors @ query[0]
        return [(row, float(scores[row])) for row in sorted(allowed, key=lambda row: -scores[row])[:k]]


VECTORS = clustered(3000)
STORES: dict[str, VectorStore] = {
    "numpy": NumpyStore(VECTORS),
    "flat": FaissStore.build(VECTORS),
    "ivf": FaissStore.build(VECTORS, exact_rows=100),
}


@pytest.fixture(params=STORES, ids=str)
def store(request: pytest.FixtureRequest) -> VectorStore:
    return STORES[request.param]


def test_a_row_is_nearest_to_itself(store: VectorStore) -> None:
    for row in range(0, 3000, 97):
        [(found, score)] = store.search(VECTORS[row : row + 1], 1)
        assert found == row
        assert score == pytest.approx(1, abs=0.01)


def test_recall_against_exact_search(store: VectorStore) -> None:
    queries = clustered(50, seed=5)
    exact = NumpyStore(VECTORS)
    shared = [
        len({row for row, _ in store.search(query[None], 10)} & {row for row, _ in exact.search(query[None], 10)})
        for query in queries
    ]
    assert np.mean(shared) / 10 >= 0.95


def test_scores_are_cosines_in_order(store: VectorStore) -> None:
    query = clustered(1, seed=9)
    found = store.search(query, 20)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    for row, score in found:
        assert score == pytest.approx(float(VECTORS[row] @ query[0]), abs=0.02)


@pytest.mark.parametrize("rows", [[5], [2999, 0, 17, 17], list(range(0, 3000, 7)), []])
def test_a_filter_is_exact(store: VectorStore, rows: list[int]) -> None:
    query = clustered(1, seed=3)
    expected = [row for row, _ in NumpyStore(VECTORS).search(query, 5, rows)]
    assert {row for row, _ in store.search(query, 5, rows)} == set(expected)


def test_no_padding(store: VectorStore) -> None:
    assert len(store) == 3000
    assert len(store.search(VECTORS[:1], 2, [1, 2, 3])) == 2
    found = store.search(VECTORS[:1], 5000)
    assert len(found) <= 3000
    assert min(row for row, _ in found) >= 0
    assert store.search(VECTORS[:1], 0) == []


@pytest.mark.parametrize("exact_rows", [100_000, 100])
def test_saved_and_loaded_it_answers_the_same(exact_rows: int, tmp_path: Path) -> None:
    built = FaissStore.build(VECTORS, exact_rows=exact_rows)
    built.save(tmp_path / "vectors.faiss")
    loaded = FaissStore.load(tmp_path / "vectors.faiss", built.choice)
    for query in clustered(10, seed=4):
        assert loaded.search(query[None], 10) == built.search(query[None], 10)
    assert np.array_equal(loaded.vectors([3, 1, 3]), built.vectors([3, 1, 3]))


def test_a_filter_too_wide_to_compare_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexes.vectors._FILTER_EXACT_ROWS", 10)
    rows = list(range(0, 3000, 2))
    for query in clustered(20, seed=8):
        expected = {row for row, _ in NumpyStore(VECTORS).search(query[None], 10, rows)}
        for kind in ("flat", "ivf"):
            found = {row for row, _ in STORES[kind].search(query[None], 10, rows)}
            assert all(row % 2 == 0 for row in found)
            assert len(found & expected) >= (10 if kind == "flat" else 8)


def test_vectors_come_back_normalised() -> None:
    flat, ivf = FaissStore.build(VECTORS), FaissStore.build(VECTORS, exact_rows=100)
    assert np.array_equal(flat.vectors([7, 2]), VECTORS[[7, 2]])
    assert np.linalg.norm(ivf.vectors([7, 2]), axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert ivf.vectors([7, 2]) == pytest.approx(VECTORS[[7, 2]], abs=0.02)
    assert flat.vectors([]).shape == (0, 32)


@pytest.mark.parametrize("rows", [[-1], [3000]])
def test_rows_outside_are_refused(rows: list[int]) -> None:
    store = FaissStore.build(VECTORS)
    with pytest.raises(ValueError, match=r"0\.\.2999"):
        store.vectors(rows)
    with pytest.raises(ValueError, match=r"0\.\.2999"):
        store.search(VECTORS[:1], 1, rows)


def test_a_query_of_another_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="vectors of 32"):
        FaissStore.build(VECTORS).search(VECTORS[:1, :16], 1)


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    path.write_bytes(b"not an index at all")
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss.*career ingest"):
        FaissStore.load(path, choose_index(1))


def test_a_full_disk_is_an_os_error() -> None:
    with pytest.raises(OSError, match="full"):
        FaissStore.build(VECTORS).save(Path("/dev/full"))


@pytest.mark.parametrize(
    ("rows", "kind"), [(10, "Flat"), (100_000, "Flat"), (100_001, "IVF1024,SQ8"), (1_000_000, "IVF4096,SQ8")]
)
def test_kind_follows_size(rows: int, kind: str) -> None:
    choice = choose_index(rows)
    assert choice.kind == kind
    assert str(rows) in choice.reason
