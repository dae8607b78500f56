"""The kind follows size and memory and says why; what it measures is true; damage is refused; GPUs are used."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexes.errors import IndexDamaged
from indexes.vectorkinds import IndexChoice, IndexLimits, choose_index
from indexes.vectors import FaissStore, gpu_code_runs
from tests.indexes.stores import NumpyStore, clustered

VECTORS = clustered(6000)
CODES = IndexLimits(exact_rows=100)


@pytest.mark.parametrize(
    ("rows", "limits", "kind", "reason"),
    [
        (10, IndexLimits(), "Flat", "10 rows"),
        (50_000, IndexLimits(), "Flat", "compared up to 50000"),
        (50_001, IndexLimits(), "IVF1024,SQ8", "8-bit codes take 37 MiB"),
        (1_000_000, IndexLimits(), "IVF4096,SQ8", "8-bit codes take 740 MiB"),
        (10_000_000, IndexLimits(), "IVF16384,RaBitQ", "8-bit codes would take 7401 MiB, allowed are 1536: one-bit"),
        (40_000, IndexLimits(memory_mb=100), "IVF1024,SQ8", "117 MiB uncompressed, allowed are 100"),
        (40_000, IndexLimits(memory_mb=20), "IVF1024,RaBitQ", "8-bit codes would take 30 MiB, allowed are 20"),
        (4_999, IndexLimits(exact_rows=1, memory_mb=1), "Flat", "4999 rows"),
    ],
)
def test_kind_follows_size_and_memory(rows: int, limits: IndexLimits, kind: str, reason: str) -> None:
    choice = choose_index(rows, 768, limits)
    assert choice.kind == kind
    assert reason in choice.reason


def test_a_choice_is_what_its_description_says() -> None:
    for choice in (
        IndexChoice("Flat", "few"),
        IndexChoice("IVF64,SQ8", "many", probes=8, candidates=4, recall=0.9785),
        IndexChoice("IVF64,RaBitQ", "many", probes=8, candidates=20),
    ):
        assert IndexChoice.of(choice.describe()) == choice
    with pytest.raises(KeyError):
        IndexChoice.of({"kind": "Flat"})


@pytest.mark.parametrize("limits", [CODES, IndexLimits(exact_rows=100, memory_mb=0)])
def test_the_recall_it_states_is_that_of_other_queries_too(limits: IndexLimits) -> None:
    store = FaissStore.build(VECTORS, limits)
    assert store.choice.recall is not None
    assert 0.97 <= store.choice.recall <= 1
    exact = NumpyStore(VECTORS)
    shared = [
        len({row for row, _ in store.search(query[None], 10)} & {row for row, _ in exact.search(query[None], 10)})
        for query in clustered(200, seed=11)
    ]
    assert np.mean(shared) / 10 >= store.choice.recall - 0.03


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    path.write_bytes(b"not an index at all")
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss.*career ingest"):
        FaissStore.load(path, IndexChoice("Flat", ""))
    with pytest.raises(IndexDamaged, match=r"absent\.faiss.*career ingest"):
        FaissStore.load(tmp_path / "absent.faiss", IndexChoice("Flat", ""))


def test_codes_without_their_vectors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.faiss"
    built = FaissStore.build(VECTORS, CODES)
    assert [file.name for file in built.save(path)] == ["vectors.faiss", "vectors.f32"]
    beside = tmp_path / "vectors.f32"
    assert np.array_equal(np.fromfile(beside, "<f4").reshape(6000, 64), VECTORS)
    beside.write_bytes(beside.read_bytes()[:-4])
    with pytest.raises(IndexDamaged, match=r"vectors\.f32 has 1535996 bytes, not 6000 vectors of 64.*career ingest"):
        FaissStore.load(path, built.choice)
    beside.unlink()
    with pytest.raises(IndexDamaged, match=r"vectors\.f32 cannot be read.*career ingest"):
        FaissStore.load(path, built.choice)


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"):
        FaissStore.build(VECTORS).save(Path("/dev/full"))
    (tmp_path / "vectors.f32").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        FaissStore.build(VECTORS, CODES).save(tmp_path / "vectors.faiss")


class Gpus:
    """FAISS as built for GPUs, as far as a machine without one can tell: the clone is the index, and counts."""

    def __init__(self, faiss: Any, gpus: int = 1, refuses: bool = False) -> None:
        self._faiss = faiss
        self._gpus = gpus
        self._refuses = refuses
        self.searches = 0
        self.probes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._faiss, name)

    def get_num_gpus(self) -> int:
        return self._gpus

    def index_cpu_to_all_gpus(self, index: Any) -> Any:
        if self._refuses:
            raise RuntimeError("this index type is not implemented on GPU")
        self._index = index
        lists = self._faiss.try_extract_index_ivf(index)
        self.probes = lists.nprobe if lists else 0
        return self

    def search(self, query: Any, k: int) -> Any:
        self.searches += 1
        return self._index.search(query, k)


@pytest.mark.parametrize("limits", [IndexLimits(), CODES])
def test_a_gpu_answers_what_is_unfiltered(limits: IndexLimits, monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    plain = FaissStore.build(VECTORS, limits)
    gpus = Gpus(faiss)
    monkeypatch.setattr("indexes.vectors._faiss", lambda: gpus)
    monkeypatch.setattr("indexes.vectors.gpu_code_runs", lambda: True)
    store = FaissStore.build(VECTORS, limits, device="auto")
    assert gpus.probes == store.choice.probes
    assert store.search(VECTORS[:1], 10) == plain.search(VECTORS[:1], 10)
    assert gpus.searches == 1
    assert store.search(VECTORS[:1], 10, [4, 5]) == plain.search(VECTORS[:1], 10, [4, 5])
    assert len(store.search(VECTORS[:1], 3000)) == 3000
    assert gpus.searches == 1


@pytest.mark.parametrize(("device", "gpus", "refuses"), [("cpu", 1, False), ("cuda", 0, False), ("cuda", 1, True)])
def test_without_a_usable_gpu_the_cpu_answers(
    device: Any, gpus: int, refuses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faiss

    double = Gpus(faiss, gpus, refuses)
    monkeypatch.setattr("indexes.vectors._faiss", lambda: double)
    monkeypatch.setattr("indexes.vectors.gpu_code_runs", lambda: True)
    store = FaissStore.build(VECTORS, CODES, device=device)
    assert store.search(VECTORS[3:4], 1)[0][0] == 3
    assert double.searches == 0


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (
            "import os, sys; print('CUDA error 209 no kernel image', file=sys.stderr, flush=True); os.abort()",
            "error 209",
        ),
        ("import os; os.abort()", "it ended with -6"),
        ("import time; time.sleep(9)", "timed out"),
    ],
)
def test_gpu_code_for_other_cards_ends_a_process_of_its_own_and_the_cpu_answers(
    probe: str, reason: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import faiss

    double = Gpus(faiss)
    monkeypatch.setattr("indexes.vectors._faiss", lambda: double)
    monkeypatch.setattr("indexes.vectors._PROBE", probe)
    monkeypatch.setattr("indexes.vectors._PROBE_S", 1.0)
    gpu_code_runs.cache_clear()
    try:
        for _ in range(2):
            store = FaissStore.build(VECTORS, device="auto")
            assert store.search(VECTORS[3:4], 1)[0][0] == 3
    finally:
        gpu_code_runs.cache_clear()
    assert double.searches == 0
    assert [reason in record.getMessage() for record in caplog.records] == [True]
    assert "CAREER_DEVICE=cpu" in caplog.text
