"""One suite for every kind of store: each answers as exact search in NumPy does, in values, not shapes."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from indexes.types import VectorStore
from indexes.vectorkinds import IndexLimits
from indexes.vectors import FaissStore
from tests.indexes.stores import NumpyStore, clustered

ROWS = 6000
VECTORS = clustered(ROWS)
EXACT = NumpyStore(VECTORS)
LIMITS = {"Flat": IndexLimits(), "SQ8": IndexLimits(exact_rows=100), "RaBitQ": IndexLimits(exact_rows=100, memory_mb=0)}
KINDS = ("numpy", *LIMITS, *(f"{kind} loaded" for kind in LIMITS))


@cache
def built(kind: str) -> FaissStore:
    return FaissStore.build(VECTORS, LIMITS[kind])


@cache
def made(name: str) -> VectorStore:
    if name == "numpy":
        return EXACT
    kind, _, loaded = name.partition(" ")
    store = built(kind)
    if not loaded:
        return store
    with TemporaryDirectory() as folder:  # an open store outlives its files
        store.save(Path(folder) / "vectors.faiss")
        return FaissStore.load(Path(folder) / "vectors.faiss", store.choice)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest) -> VectorStore:
    return made(request.param)


def test_each_kind_is_what_its_name_says() -> None:
    for kind in LIMITS:
        assert built(kind).choice.kind.endswith(kind)
        assert len(built(kind)) == ROWS


def test_a_row_is_nearest_to_itself(store: VectorStore) -> None:
    for row in range(0, ROWS, 97):
        [(found, score)] = store.search(VECTORS[row : row + 1], 1)
        assert found == row
        assert score == pytest.approx(1, abs=1e-5)


def test_recall_against_exact_search(store: VectorStore) -> None:
    shared = [
        len({row for row, _ in store.search(query[None], 10)} & {row for row, _ in EXACT.search(query[None], 10)})
        for query in clustered(100, seed=5)
    ]
    assert np.mean(shared) / 10 >= 0.95


def test_scores_are_cosines_in_order_whatever_the_codes(store: VectorStore) -> None:
    for query in clustered(10, seed=9):
        found = store.search(query[None], 20)
        assert len({row for row, _ in found}) == 20
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert [score for _, score in found] == pytest.approx(
            [float(VECTORS[row] @ query) for row, _ in found], abs=1e-5
        )


@pytest.mark.parametrize("rows", [[5], [5999, 0, 17, 17], list(range(0, ROWS, 7)), []])
def test_a_filter_of_few_rows_is_exact(store: VectorStore, rows: list[int]) -> None:
    for query in clustered(10, seed=3):
        expected = [row for row, _ in EXACT.search(query[None], 5, rows)]
        assert [row for row, _ in store.search(query[None], 5, rows)] == expected


@pytest.mark.parametrize("step", [2, 50])
def test_a_filter_of_many_rows_returns_only_them(
    store: VectorStore, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("indexes.vectors._FILTER_EXACT_ROWS", 10)
    rows = list(range(0, ROWS, step))
    shared = []
    for query in clustered(30, seed=8):
        expected = dict(EXACT.search(query[None], 10, rows))
        found = dict(store.search(query[None], 10, rows))
        assert len(found) == 10
        assert all(row % step == 0 for row in found)
        assert [found[row] for row in found] == pytest.approx([float(VECTORS[row] @ query) for row in found], abs=1e-5)
        shared.append(len(found.keys() & expected.keys()))
    assert np.mean(shared) / 10 >= 0.95


def test_no_padding(store: VectorStore) -> None:
    assert len(store) == ROWS
    assert {row for row, _ in store.search(VECTORS[:1], 3, [1, 2, 3])} == {1, 2, 3}
    assert store.search(VECTORS[:1], 0) == []
    everything = store.search(VECTORS[:1], ROWS + 7)
    assert sorted(row for row, _ in everything) == list(range(ROWS))


def test_a_query_unlike_anything_finds_as_many_rows(store: VectorStore) -> None:
    far = np.zeros((1, 64), np.float32)
    far[0, 0] = -1
    assert len(store.search(far, 50)) == 50
    assert len({row for row, _ in store.search(np.zeros((1, 64), np.float32), 50)} & set(range(ROWS))) == 50


@pytest.mark.parametrize("kind", LIMITS)
def test_loaded_it_answers_the_same(kind: str) -> None:
    loaded = made(f"{kind} loaded")
    for query in clustered(20, seed=4):
        assert loaded.search(query[None], 10) == built(kind).search(query[None], 10)


@pytest.mark.parametrize("name", KINDS[1:])
def test_vectors_come_back_as_they_were_added(name: str) -> None:
    store = made(name)
    assert isinstance(store, FaissStore)
    assert np.array_equal(store.vectors([7, 2, 7]), VECTORS[[7, 2, 7]])
    assert store.vectors([]).shape == (0, 64)


@pytest.mark.parametrize("name", KINDS[1:])
@pytest.mark.parametrize("rows", [[-1], [ROWS]])
def test_rows_outside_are_refused(name: str, rows: list[int]) -> None:
    store = made(name)
    assert isinstance(store, FaissStore)
    with pytest.raises(ValueError, match=r"0\.\.5999"):
        store.vectors(rows)
    with pytest.raises(ValueError, match=r"0\.\.5999"):
        store.search(VECTORS[:1], 1, rows)


@pytest.mark.parametrize("name", KINDS[1:])
def test_a_query_of_another_dimension_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="vectors of 64"):
        made(name).search(VECTORS[:1, :16], 1)
