"""What is said of a document that is named is looked for in that one."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from indexes.types import Chunk, DocumentInfo
from service.attribution import documents_named, of_document
from service.settings import Settings
from service.types import Question
from tests.conftest import chunk_of, document_of
from tests.service.answering import SURE, ScriptedLLM, answerer_of, hit_of

TITLES = {
    "backend": "AI 大场景下后端程序员的必备能力",
    "growth": "AI 工程师成长路线",
    "transition": "从传统开发转型AI工程师的路线",
    "fullstack": "AI 全栈工程师要会什么：能力、工具与应用场景对照清单",
}
LONG = ("fullstack", "growth", "transition")
DOCUMENTS = [DocumentInfo(id, f"{id}.md", title, "zh") for id, title in TITLES.items()]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("In the full-stack checklist, the tools are Docker and Helm.", ["fullstack"]),
        ("The fullstack checklist lists Helm.", ["fullstack"]),
        ("The first stage of the growth path and the transition path is short.", ["growth", "transition"]),
        ("The growth path begins here, and the growth path ends there.", ["growth"]),
        ("The first stage of the full-stack checklist, growth path, and transition guide is long.", [*LONG]),
        ("后端文章要求会 Kafka。", ["backend"]),
        ("後端文章要求會 Kafka。", ["backend"]),
        ("全栈清单和成长路线都提到了它。", ["fullstack", "growth"]),
        ("The guide says so.", []),
        ("The AI engineer checklist says so.", []),
        ("Full-stack developers use Docker.", []),
        ("A back-end path is found by Kafka.", []),
        ("The file path is wrong.", []),
        ("全栈工程师用Docker。", []),
    ],
)
def test_a_document_is_named_by_words_of_its_title_before_what_it_is(text: str, named: list[str]) -> None:
    assert [document.id for document in documents_named(text, DOCUMENTS)] == named
    assert documents_named(text, []) == []


def passage(id: str, text: str) -> Chunk:
    return chunk_of(text, document=document_of(text, id=id, title=TITLES[id], lang="zh"), context=TITLES[id])


@pytest.mark.parametrize(
    ("question", "order", "kept"),
    [
        ("全栈清单里用什么部署？", ["fullstack", "backend"], ["fullstack"]),
        ("全栈清单里用什么部署？", ["backend", "fullstack"], ["backend", "fullstack"]),
        ("用什么部署？", ["fullstack", "backend"], ["fullstack", "backend"]),
        ("全栈清单和后端文章里分别用什么部署？", ["fullstack", "backend"], ["fullstack", "backend"]),
    ],
)
def test_rows_are_of_the_one_document_asked_about(question: str, order: Sequence[str], kept: list[str]) -> None:
    hits = [hit_of(passage(id, "用 Docker 部署。")) for id in order]
    assert [hit.chunk.document.id for hit in of_document(question, hits)] == kept


@pytest.mark.parametrize(
    ("draft", "answered"),
    [
        ("Use TorchServe in the full-stack checklist.", False),
        ("Use TorchServe in the backend article.", True),
        ("Use TorchServe.", True),
    ],
)
def test_a_sentence_of_a_document_is_proved_by_that_document_only(draft: str, answered: bool) -> None:
    hits = [
        hit_of(
            passage(
                "backend",
                "Use TorchServe. Use TorchServe in the backend article. Use TorchServe in the full-stack checklist.",
            )
        ),
        hit_of(passage("fullstack", "Use Docker.")),
    ]
    answer = answerer_of(hits, ScriptedLLM([draft]), gate=SURE).answer(Question("Which server is used?", lang="en"))
    assert (draft in [sentence.text for sentence in answer.sentences]) is answered
    assert [lost.text for lost in answer.dropped] == ([] if answered else [draft])


@pytest.mark.parametrize(("second", "answered"), [("It lasts a year.", False), ("", True)])
def test_what_is_said_of_two_documents_is_proved_by_both(second: str, answered: bool) -> None:
    said = "The growth path and the transition path last a year."
    hits = [hit_of(passage("growth", said)), hit_of(passage("transition", second or f"Really. {said}"))]
    answer = answerer_of(hits, ScriptedLLM([said]), gate=SURE).answer(Question("How long are the paths?", lang="en"))
    found = [sentence for sentence in answer.sentences if sentence.text == said]
    cited = {citation.chunk.document.id for sentence in found for citation in sentence.citations}
    assert cited == ({"growth", "transition"} if answered else set())


def test_rows_of_the_document_asked_about_are_of_the_passages_shown() -> None:
    texts = ["全栈用 Docker 部署。", "后端用 Helm 部署。", "后端用 Argo 部署。", "全栈用 Ray 部署。"]
    ids = ["fullstack", "backend", "backend", "fullstack"]
    hits = [hit_of(passage(id, text), rank) for rank, (id, text) in enumerate(zip(ids, texts, strict=True), 1)]
    answerer = replace(answerer_of(hits, None, gate=SURE), settings=Settings(passages=3, llm="extractive"))
    answer = answerer.answer(Question("全栈清单里用什么部署？"))
    assert [citation.quote for citation in answer.citations] == texts[:1]


@pytest.mark.parametrize(("label", "answered"), [("全栈清单", False), ("转型路线", True)])
def test_a_list_behind_the_name_of_a_document_is_of_that_document(label: str, answered: bool) -> None:
    draft = f"{label}：PyTorch、Ray、Milvus"
    hits = [hit_of(passage("transition", "PyTorch。Ray。Milvus。")), hit_of(passage("fullstack", "用 Docker 部署。"))]
    answer = answerer_of(hits, ScriptedLLM([draft]), gate=SURE).answer(Question("转型路线和全栈清单各自列了哪些工具？"))
    assert (draft in [sentence.text for sentence in answer.sentences]) is answered
