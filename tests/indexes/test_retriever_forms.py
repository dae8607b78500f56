"""Questions as people type them: typos, traditional characters, full-width forms, two languages in one sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from indexes.generation import BuildMeta, Generation, writer_lock
from indexes.parts import embedded_texts
from indexes.retriever import Retriever
from indexes.types import Embedder
from tests.conftest import chunk_of, document_of, write_and_open
from tests.doubles import FakeEmbedder

TEXTS = {
    "llmops": "LLMOps 负责大模型的上线、监控和回滚，让提示词和模型版本都可追溯。",
    "vectors": "向量数据库保存文本的向量，常用的有 Milvus 和 Weaviate，用来做语义检索。",
    "serving": "TorchServe 把训练好的模型部署成接口，上线前要压测。",
    "salary": "应届生的薪资随城市而不同，三年经验以后涨得最快。",
    "interview": "面试前准备两个完整的项目，讲清楚自己负责的部分。",
    "english": "Kubernetes schedules containers, restarts them when they fail and scales them with the load.",
}
ASKED = [
    ("LLMOps 是做什么的?", "llmops"),
    ("ＬＬＭＯｐｓ　是做什麼的？", "llmops"),
    ("What does LLMOps 负责 exactly?", "llmops"),
    ("what is LLMOpps resposible for", "llmops"),
    ("向量資料庫有哪些選擇", "vectors"),
    ("向量数剧库用哪个", "vectors"),
    ("哪些 vector database 常用?", "vectors"),
    ("wich vecter databses are common", "vectors"),
    ("TorchServ 用来做什么", "serving"),
    ("ＴＯＲＣＨＳＥＲＶＥ", "serving"),
    ("應屆生薪資怎麼樣", "salary"),
    ("how much do new gradautes earn", "salary"),
    ("面式前要准备什么", "interview"),
    ("how shoud I prepair for an intervew", "interview"),
    ("kubernets 能做什么", "english"),
    ("容器掛了誰來重啟", "english"),
]


def built(home: Path, embedder: Embedder, texts: dict[str, str], heading: tuple[str, ...] = ("Heading",)) -> Generation:
    documents = [document_of(text, id=name, title="", heading=heading) for name, text in texts.items()]
    chunks = [chunk_of(document.text, document=document, context="") for document in documents]
    vectors = embedder.embed_passages(embedded_texts(chunks))
    with writer_lock(home):
        return write_and_open(home, documents, chunks, vectors, BuildMeta(embedder.name, "1"))


@pytest.fixture(scope="module")
def retriever(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Retriever]:
    with built(tmp_path_factory.mktemp("forms"), embedder, TEXTS) as generation:
        yield Retriever(generation, embedder)


@pytest.mark.models
@pytest.mark.parametrize(("query", "best"), ASKED)
def test_the_best_hit_of_a_question_as_typed(retriever: Retriever, query: str, best: str) -> None:
    assert retriever.search(query, k=1)[0].chunk.document.id == best


def test_no_two_near_duplicates_among_the_hits(tmp_path: Path) -> None:
    text = "模型部署前要压测，上线以后要监控，出错要回滚。"
    copies = {"first": text, "marks": text.replace("，", ", "), "within": text[:-7] + "。", "other": "部署要写文档。"}
    with built(tmp_path, FakeEmbedder(), copies) as generation:
        found = [hit.chunk.document.id for hit in Retriever(generation, FakeEmbedder()).search("模型部署压测监控回滚")]
    assert len(found) == 2
    assert found[1] == "other"


def test_two_passages_of_a_section_unless_nothing_else_is_left(tmp_path: Path) -> None:
    embedder = FakeEmbedder()
    sentences = [f"部署第{n}步：{chr(0x4E00 + 211 * n) * 8}要做好。" for n in range(5)]
    long = document_of("".join(sentences), id="long", title="")
    other = document_of("薪资与部署无关。", id="other", title="")
    starts = [sum(map(len, sentences[:n])) for n in range(5)]
    chunks = [
        *(chunk_of(s, document=long, start=at, context="") for s, at in zip(sentences, starts, strict=True)),
        chunk_of(other.text, document=other, context=""),
    ]
    vectors = embedder.embed_passages(embedded_texts(chunks))
    with (
        writer_lock(tmp_path),
        write_and_open(tmp_path, [long, other], chunks, vectors, BuildMeta("fake@1", "1")) as generation,
    ):
        retriever = Retriever(generation, embedder)
        three = [hit.chunk.document.id for hit in retriever.search("部署要做好", k=3)]
        six = [hit.chunk.document.id for hit in retriever.search("部署要做好", k=6)]
    assert sorted(three) == ["long", "long", "other"]
    assert sorted(six) == ["long"] * 5 + ["other"]
