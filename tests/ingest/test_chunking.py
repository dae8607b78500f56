"""Chunks and units: whole, exact, in their section, with stable ids, and worth citing."""

import unicodedata
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.settings import IndexSettings
from indexes.types import Chunk, ChunkKind, UnitKind
from ingest.documents import Prepared, prepare
from ingest.headings import find_headings
from ingest.lines import code_lines
from ingest.units import MAX_UNIT_CHARS
from tests.ingest.test_structure import MARKDOWN

ROOT = Path(__file__).resolve().parents[2]
SEEDS = sorted(path for path in (ROOT / "seeds").glob("*.md") if path.name != "README.md")
ORIGINALS = sorted((ROOT.parent / "shared" / "seeds").glob("*.txt"))
DOCUMENTS = [*SEEDS, *ORIGINALS]


def prepared(text: str | bytes, name: str = "a.md", chunk_chars: int = 450) -> Prepared:
    raw = text.encode() if isinstance(text, str) else text
    return prepare(raw, "doc", f"corpus/{name}", IndexSettings(chunk_chars=chunk_chars))


def units(document: Prepared) -> list[tuple[UnitKind, str, list[str]]]:
    """Kind, text and the lines of the context below the path of each unit."""
    return [(unit.kind, unit.text, unit.context.split("\n")[1:]) for chunk in document.chunks for unit in chunk.units]


def assert_sound(document: Prepared) -> None:
    text = document.document.text
    for chunk in document.chunks:
        assert text[chunk.start : chunk.end] == chunk.text == chunk.text.strip("\n")
        assert any(s.start <= chunk.start < chunk.end <= s.end for s in document.document.sections)
        assert has_words(chunk.text)
        assert chunk.units
        for unit in chunk.units:
            assert text[unit.start : unit.end] == unit.text == unit.text.strip("\n")
            assert chunk.start <= unit.start < unit.end <= chunk.end
            assert has_words(unit.text)
        for one, other in pairwise(chunk.units):
            assert one.end <= other.start
    for before, after in pairwise(document.chunks):
        assert before.end <= after.start
    ids = [chunk.id for chunk in document.chunks] + [unit.id for chunk in document.chunks for unit in chunk.units]
    assert len(ids) == len(set(ids))


def uncovered(document: Prepared) -> str:
    """What no chunk holds and is no heading."""
    text = document.document.text
    rest = list(text)
    for chunk in document.chunks:
        rest[chunk.start : chunk.end] = ["\n" if char == "\n" else " " for char in chunk.text]
    lines = "".join(rest).split("\n")
    whole = text.split("\n")
    headings = find_headings(whole, code_lines(whole), document.document.info.title)
    taken = {index for heading in headings for index in range(heading.first, heading.last)}
    return "\n".join(line for index, line in enumerate(lines) if index not in taken)


def has_words(text: str) -> bool:
    return any(unicodedata.category(char)[0] in "LN" for char in text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("chunk_chars", [100, 450, 2000])
def test_every_document_is_cut_soundly_and_nothing_is_lost(path: Path, chunk_chars: int) -> None:
    document = prepared(path.read_bytes(), path.name, chunk_chars)
    assert_sound(document)
    assert not has_words(uncovered(document))


@pytest.mark.skipif(not ORIGINALS, reason="no ../shared/seeds beside this checkout")
def test_all_five_originals_are_there() -> None:
    assert [path.name[:3] for path in ORIGINALS] == ["000", "001", "002", "003", "004"]


OFFENDING = (
    """
点赞|funian.gm|更多推荐|所有评论|Skip to content|最新评论|Claude Code 全体系指南|50万Tokens|备货策略|文章目录
火山引擎|程序员数学扫盲课|AI周刊|Karpathy|敬请关注|最后更新|MIT 许可|thenewstack.io|utm_content|datacamp.pxf
cover:|元胞自动机|有没有部署文档|搜狗|B树|折叠屏|<!--|](
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("path", ORIGINALS, ids=lambda path: path.stem)
def test_no_boilerplate_of_the_originals_is_in_a_chunk(path: Path) -> None:
    chunks = prepared(path.read_bytes(), path.name).chunks
    assert [text for text in OFFENDING for chunk in chunks if text in chunk.text] == []


def test_the_offending_strings_are_really_in_the_originals() -> None:
    if not ORIGINALS:
        pytest.skip("no ../shared/seeds beside this checkout")
    everything = "".join(path.read_text("utf-8") for path in ORIGINALS)
    assert [text for text in OFFENDING if text not in everything] == []


@given(MARKDOWN, st.sampled_from([100, 450]))
def test_generated_markdown_is_cut_soundly(text: str, chunk_chars: int) -> None:
    document = prepared(text, chunk_chars=chunk_chars)
    assert_sound(document)
    assert not has_words(uncovered(document))


@given(st.text(alphabet="#-*|`~ \n1.、一甲aA:：。>=_(“”；", max_size=300))
def test_any_text_is_cut_soundly(text: str) -> None:
    assert_sound(prepared(text))


def test_a_table_row_is_a_unit_with_the_names_of_its_columns() -> None:
    text = "# 工具\n\n## 表\n\n必备工具栈：\n\n| 工具 | 用途 |\n|---|---|\n| Ray | 分布式训练 |\n| vLLM | 推理加速 |\n"
    document = prepared(text)
    assert units(document) == [
        (UnitKind.ROW, "Ray | 分布式训练", ["必备工具栈：", "工具 | 用途"]),
        (UnitKind.ROW, "vLLM | 推理加速", ["必备工具栈：", "工具 | 用途"]),
    ]
    (chunk,) = document.chunks
    assert (chunk.kind, chunk.heading) == (ChunkKind.TABLE, ("表",))
    assert chunk.units[0].context.split("\n")[0] == "工具 › 表"
    assert chunk.text.startswith("必备工具栈：\n\n| 工具 | 用途 |\n|---|---|\n| Ray")


def test_a_long_table_is_cut_between_rows_and_its_header_is_in_the_first_chunk() -> None:
    rows = [f"| 名称{number} | {'很长的说明' * 12} |" for number in range(20)]
    document = prepared("\n".join(["| 名称 | 说明 |", "|---|---|", *rows]) + "\n")
    assert len(document.chunks) > 2
    assert "| 名称 | 说明 |" in document.chunks[0].text
    lines = [line for chunk in document.chunks for line in chunk.text.split("\n")]
    assert lines == ["| 名称 | 说明 |", "|---|---|", *rows]
    assert {unit.context for chunk in document.chunks for unit in chunk.units} == {"a\n名称 | 说明"}


def test_a_short_list_is_one_unit_with_its_lead_in() -> None:
    document = prepared("实践项目：\n\n- 回归分析\n- 神经网络\n")
    assert units(document) == [(UnitKind.ITEM, "实践项目：\n\n- 回归分析\n- 神经网络", [])]


def test_items_that_state_something_are_units_with_their_lead_in() -> None:
    items = ["传统后端转型AI工程师：先学RAG，之后再学微调。", "前端开发转型AI工程师：先学Agent，之后再学原理。"]
    document = prepared(f"不同背景的人转型，学习顺序不同：\n\n- {items[0]}\n- {items[1]}\n")
    assert units(document) == [
        (UnitKind.SENTENCE, "不同背景的人转型，学习顺序不同：", []),
        *((UnitKind.ITEM, item, ["不同背景的人转型，学习顺序不同："]) for item in items),
    ]


def test_nested_labels_are_one_unit_with_their_parent() -> None:
    document = prepared("- 甲：" + "说明" * 40 + "\n\n1. 数学基础\n   - 线性代数\n   - 概率\n2. 编程能力\n   - Git\n")
    assert [text for _, text, _ in units(document)][1:] == [
        "1. 数学基础\n   - 线性代数\n   - 概率",
        "2. 编程能力\n   - Git",
    ]


def test_nested_statements_have_their_parent_as_context() -> None:
    items = ["掌握 PyTorch 基础，完成图像分类、情感分析等项目。", "学习 FastAPI 构建接口，用 Docker 部署模型。"]
    document = prepared(f"- 入门阶段（0-1 年）\n  - {items[0]}\n  - {items[1]}\n")
    assert units(document) == [(UnitKind.ITEM, item, ["入门阶段（0-1 年）"]) for item in items]


def test_code_is_one_unit_with_its_caption_and_without_its_fence() -> None:
    document = prepared("先载入分词器。\n\n```python\nimport x\n\nx.run()\n```\n")
    assert units(document) == [
        (UnitKind.SENTENCE, "先载入分词器。", []),
        (UnitKind.CODE, "import x\n\nx.run()", ["先载入分词器。"]),
    ]


def test_long_code_is_cut_at_blank_lines() -> None:
    blocks = ["\n".join(f"call_{block}_{line}(argument)" for line in range(12)) for block in range(6)]
    document = prepared("```\n" + "\n\n".join(blocks) + "\n```\n")
    assert [text for _, text, _ in units(document)] == blocks


def test_a_clause_after_a_semicolon_or_a_closing_quotation_stays_with_its_sentence() -> None:
    text = "传统软件遵循可预测逻辑；AI 系统会学习。向它提问“冠军是谁？”，它会去查询。\n"
    assert [unit for _, unit, _ in units(prepared(text))] == [
        "传统软件遵循可预测逻辑；AI 系统会学习。",
        "向它提问“冠军是谁？”，它会去查询。",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "这是一个很长的句子，" * 120,
        "word " * 400,
        "无" * 1500,
        "| 名 | 值 |\n|---|---|\n| 甲 | " + "很长，" * 300 + "|",
    ],
    ids=["clauses", "words", "one word", "row"],
)
def test_a_unit_that_is_too_long_is_split_and_nothing_of_it_is_lost(text: str) -> None:
    document = prepared(text)
    spoken = "".join(unit for _, unit, _ in units(document))
    assert all(len(unit) <= MAX_UNIT_CHARS for _, unit, _ in units(document))
    assert spoken.replace(" ", "").replace("|", "") in text.replace(" ", "").replace("|", "").replace("\n", "")
    assert len(spoken.replace(" ", "").replace("|", "")) >= len(text.replace(" ", "").replace("|", "")) - 12


def test_scraps_join_their_neighbour() -> None:
    assert [unit for _, unit, _ in units(prepared("## 框架\n\nPyTorch\n\n它是深度学习框架。\n"))] == [
        "PyTorch\n\n它是深度学习框架。"
    ]
    assert [chunk.text for chunk in prepared("## 框架\n\nPyTorch\n\n## 其他\n\n……\n").chunks] == ["PyTorch"]


def chunk_ids(document: Prepared) -> dict[str, str]:
    return {chunk.text: chunk.id for chunk in document.chunks}


def test_ids_survive_edits_elsewhere_and_change_with_text_or_heading() -> None:
    sections = {name: f"## {name}\n\n{name}讲的是工程师需要的能力，共有三项。\n" for name in ("甲", "乙", "丙")}
    before = chunk_ids(prepared("# T\n\n" + "\n".join(sections.values())))
    edited = {**sections, "甲": "## 甲\n\n这一节改写了，而且更长，后面的内容都移动了位置。\n"}
    after = chunk_ids(prepared("# T\n\n" + "\n".join(edited.values())))
    assert len(before) == len(after) == 3
    assert {text: after[text] for text in list(before)[1:]} == {text: before[text] for text in list(before)[1:]}
    renamed = chunk_ids(prepared("# T\n\n" + "\n".join(sections.values()).replace("## 乙", "## 戊")))
    assert [renamed[text] == chunk_id for text, chunk_id in before.items()] == [True, False, True]


def test_equal_texts_under_one_heading_have_ids_of_their_own() -> None:
    text = "\n\n".join(["同样的一段话，说的是同样的事情，没有任何区别。" * 20] * 2)
    chunks: tuple[Chunk, ...] = prepared(text).chunks
    assert chunks[0].text == chunks[-1].text or len(chunks) > 2
    assert_sound(prepared(text))
