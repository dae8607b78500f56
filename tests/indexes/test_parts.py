"""Parts of rows and items are embedded beside them: they find their unit and chunk, and are never a hit themselves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexes.generation import BuildMeta, Generation, writer_lock
from indexes.parts import embedded_texts, owners_of, parts_of
from indexes.retriever import Retriever
from indexes.types import Filters, Unit, UnitKind
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder


def unit(text: str, kind: UnitKind = UnitKind.ROW) -> Unit:
    return Unit("u", kind, 0, len(text), text, "Table")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "| 部署 | TorchServe、Triton；压测先行 | Deploy models. Then watch |",
            ["TorchServe、Triton", "压测先行", "Deploy models", "Then watch"],
        ),
        ("实时链路：Kafka→Flink→特征库，延迟 50 ms", ["实时链路", "Kafka", "Flink", "延迟 50 ms"]),
        ("只有一件事要说。", ["只有一件事要说"]),
        ("只有一件事要说", []),
        ("甲；乙；丙", []),
        ("v1.5 of e.g.the tool", []),
    ],
)
def test_cells_and_clauses(text: str, parts: list[str]) -> None:
    assert parts_of(unit(text)) == parts
    assert parts_of(unit(text, UnitKind.ITEM)) == parts
    assert parts_of(unit(text, UnitKind.SENTENCE)) == []
    assert parts_of(unit(text, UnitKind.CODE)) == []


TEXT = "BentoML packs models; Grafana draws dashboards; Evidently watches drift. Nothing else here."
OTHER = "Grafana is named here. Drift of other things, watches and clocks and time and wrists."


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[Generation]:
    documents = [document_of(TEXT, id="row", title="Tools"), document_of(OTHER, id="other", title="Else")]
    chunks = [chunk_of(document.text, document=document, context="Title") for document in documents]
    rows = tuple(Unit(u.id, UnitKind.ROW, u.start, u.end, u.text, u.context) for u in chunks[0].units)
    chunks[0] = replace(chunks[0], units=rows)
    vectors = FakeEmbedder().embed_passages(embedded_texts(chunks))
    with writer_lock(tmp_path):
        built = write_and_open(tmp_path, documents, chunks, vectors, BuildMeta("fake@1", "1"))
    with built:
        yield built


def test_vectors_are_of_units_then_of_their_parts(generation: Generation) -> None:
    units = [unit for unit, _ in generation.units]
    parts = [part for unit in units for part in parts_of(unit)]
    assert parts[:3] == ["BentoML packs models", "Grafana draws dashboards", "Evidently watches drift."]
    assert generation.owners == tuple(owners_of(units))
    assert generation.owners[:3] == (0, 0, 0)
    assert len(generation.vectors) == len(units) + len(parts)
    assert generation.manifest.counts["units"] == len(units)
    expected = FakeEmbedder().embed_passages(["Grafana draws dashboards"])[0]
    assert generation.vectors.vectors([len(units) + 1])[0] == pytest.approx(expected, abs=1e-6)


def test_a_part_finds_its_unit_and_the_score_stays_that_of_the_unit(generation: Generation) -> None:
    embedder = FakeEmbedder()
    query = "Grafana draws dashboards"
    hits = Retriever(generation, embedder).search(query)
    assert [hit.chunk.document.id for hit in hits] == ["row", "other"]
    assert hits[0].units[0].text.startswith("BentoML")
    assert {unit.id for hit in hits for unit in hit.units} <= {unit.id for unit, _ in generation.units}
    best = max(embedder.embed_queries([query])[0] @ generation.vectors.vectors([row])[0] for row in (0, 1))
    assert hits[0].found_by[0].score == pytest.approx(float(best), abs=1e-5)


def test_filters_hold_for_parts(generation: Generation) -> None:
    retriever = Retriever(generation, FakeEmbedder())
    for name in ("row", "other"):
        filters = Filters(document_ids=frozenset({name}))
        assert [hit.chunk.document.id for hit in retriever.search("Grafana draws dashboards", 8, filters)] == [name]


def test_units_alone_are_an_index_too(generation: Generation, tmp_path: Path) -> None:
    documents = [generation.document(info.id) for info in generation.documents()]
    vectors = generation.vectors.vectors(range(len(generation.units)))
    known = [document for document in documents if document]
    with writer_lock(tmp_path):
        with write_and_open(tmp_path, known, generation.chunks, vectors, BuildMeta("fake@1", "1")) as plain:
            assert plain.owners == ()
            found = Retriever(plain, FakeEmbedder()).search("Grafana draws dashboards")
            assert {hit.chunk.document.id for hit in found} == {"row", "other"}
        with pytest.raises(ValueError, match="units need as many vectors"):
            write_and_open(
                tmp_path, known, generation.chunks, np.vstack([vectors, vectors[:1]]), BuildMeta("fake@1", "1")
            )
