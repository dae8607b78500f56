"""Structure: headings, lists, tables and code of Markdown and of loose plain text, with exact offsets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from indexes.types import ChunkKind
from ingest.headings import find_headings
from ingest.lines import code_lines
from ingest.structure import Part, parse


def outline(text: str, title: str = "") -> list[tuple[tuple[str, ...], list[str]]]:
    return [(part.section.heading, [block.kind.value for block in part.blocks]) for part in parse(text, title)]


def only_part(text: str) -> Part:
    (part,) = parse(text)
    return part


def test_sections_have_the_path_of_their_headings_and_no_title() -> None:
    text = "# T\n\n开场。\n\n## 甲\n\n一。\n\n### 甲一\n\n二。\n\n## 乙 ##\n\n三。\n"
    parts = parse(text, "T")
    assert [(part.section.heading, text[part.section.start : part.section.end].strip()) for part in parts] == [
        ((), "开场。"),
        (("甲",), "一。"),
        (("甲", "甲一"), "二。"),
        (("乙",), "三。"),
    ]


def test_a_top_heading_that_is_not_the_title_stays_in_the_path() -> None:
    assert outline("# 第一部分\n\n甲。\n", "书名") == [(("第一部分",), ["prose"])]


def test_underlined_headings() -> None:
    assert outline("大标题\n===\n\n甲。\n\n小标题\n---\n乙。\n\n---\n\n丙。\n") == [
        (("大标题",), ["prose"]),
        (("大标题", "小标题"), ["prose", "prose"]),
    ]


def test_a_hash_in_code_is_no_heading() -> None:
    text = "## 甲\n\n```python\n# 注释\nx = 1\n```\n\n说明：\n# 初始化\nimport a\na.b()\n"
    assert outline(text) == [(("甲",), ["code", "prose", "code"])]


def test_code_without_a_fence_is_kept_whole() -> None:
    code = 'import pinecone\n# 插入向量\nindex.upsert([\n("doc1", v[0]),\n("doc2", v[1])\n])\nprint(r) # 结果'
    text = f"向量数据库实战:\n{code}\n四、核心层\n正文。\n"
    part = parse(text)[0]
    assert [text[block.start : block.end] for block in part.blocks] == ["向量数据库实战:", code]


@pytest.mark.parametrize(
    "line",
    [
        "学习 import 语句。",
        "调用 f(x) 即可。",
        "a = b 是赋值。",
        "for 循环与 while 循环：",
        "from 北京 to 上海",
        "if 你想转型：",
        "with love",
    ],
)
def test_a_sentence_that_mentions_code_is_no_code(line: str) -> None:
    assert code_lines([line, line]) == frozenset()


def test_a_fence_that_is_never_closed_runs_to_the_end() -> None:
    part = only_part("```\na\n\nb\n")
    assert [(block.kind, block.inner) for block in part.blocks] == [(ChunkKind.CODE, (4, 8))]


def test_a_table_has_its_header_and_its_rows_without_outer_bars() -> None:
    text = "| 工具 | 用途 |\n|:--|--:|\n| Ray | 训练 |\n|  |  |\n| vLLM | 推理 |\n后文。\n"
    table, after = only_part(text).blocks
    assert table.header is not None
    assert text[slice(*table.header)] == "工具 | 用途"
    assert [text[slice(*row)] for row in table.rows] == ["Ray | 训练", "vLLM | 推理"]
    assert text[after.start : after.end] == "后文。"


def test_a_table_without_outer_bars() -> None:
    text = "a | b\n--|--\n1 | 2\n"
    (table,) = only_part(text).blocks
    assert [text[slice(*row)] for row in table.rows] == ["1 | 2"]


def test_lists_of_every_kind_of_marker() -> None:
    text = "- 甲\n* 乙\n+ 丙\n• 丁\n– 戊\n1. 己\n2) 庚\n3、辛\n（4）壬\n⑤ 癸\n"
    (block,) = only_part(text).blocks
    assert [text[item.body : item.end] for item in block.items] == [
        *"甲乙丙丁戊",
        "1. 己",
        "2) 庚",
        "3、辛",
        "（4）壬",
        "⑤ 癸",
    ]


def test_nested_items_and_continued_lines() -> None:
    text = "1. 甲\n   - 甲一\n     接着\n\n   - 甲二\n2. 乙\n"
    (block,) = only_part(text).blocks
    assert [(item.depth, text[item.body : item.end]) for item in block.items] == [
        (0, "1. 甲"),
        (1, "甲一\n     接着"),
        (1, "甲二"),
        (0, "2. 乙"),
    ]


def test_items_under_an_empty_marker_hang_below_the_item_above() -> None:
    text = "- 入门阶段\n-\n掌握基础。\n-\n学习部署。\n- 进阶阶段\n-\n深入。\n"
    (block,) = only_part(text).blocks
    assert [(item.depth, text[item.body : item.end]) for item in block.items] == [
        (0, "入门阶段"),
        (1, "掌握基础。"),
        (1, "学习部署。"),
        (0, "进阶阶段"),
        (1, "深入。"),
    ]


def test_chapters_stages_and_decimals_of_loose_text() -> None:
    text = (
        "一、基础层\n3.1 Tokenization(分词)\n技术本质:切分。\n3.2 向量化\n转成向量。\n"
        "六、学习路径\n第1阶段(1-2个月):基础层\n– 学习分词\n– 搭建数据库\n"
    )
    assert outline(text) == [
        (("一、基础层",), []),
        (("一、基础层", "3.1 Tokenization(分词)"), ["prose"]),
        (("一、基础层", "3.2 向量化"), ["prose"]),
        (("六、学习路径",), []),
        (("六、学习路径", "第1阶段(1-2个月):基础层"), ["list"]),
    ]


def test_a_numbered_line_above_a_table_heads_it_and_in_a_list_it_is_an_item() -> None:
    text = "一、能力\n1. 模型开发\n| a | b |\n|---|---|\n| 1 | 2 |\n2. 全栈开发\n文字。\n1. 甲\n2. 乙\n"
    assert outline(text) == [
        (("一、能力",), []),
        (("一、能力", "1. 模型开发"), ["table"]),
        (("一、能力", "2. 全栈开发"), ["prose", "list"]),
    ]


def test_bare_headings_between_blank_lines() -> None:
    text = "AI之路\n\n开场白在这里。\n\n行业方向\n\n企业AI\n\n  • 客服\n  • 文档\n\n医疗\n\n  • 影像\n"
    assert outline(text, "AI之路") == [
        ((), ["prose"]),
        (("行业方向",), []),
        (("行业方向", "企业AI"), ["list"]),
        (("医疗",), ["list"]),
    ]


def test_lines_of_a_copied_page_are_statements_of_their_own() -> None:
    text = "优势:DeepSeek-V3有671B参数,每次只激活37B\n关键论文:Switch Transformers\n"
    assert len(only_part(text).blocks) == 2


def test_wrapped_english_is_one_paragraph() -> None:
    text = "An engineer who builds systems of this kind needs to know networks,\ndatabases and the tools.\n"
    assert len(only_part(text).blocks) == 1


def test_text_that_is_empty_or_blank_has_no_sections() -> None:
    assert parse("\n") == ()
    assert parse(" \n\n") == ()


WORD = st.sampled_from(["能力", "AI 工程师", "部署", "model", "FastAPI"])
HEADING = st.builds(lambda level, word: f"{'#' * level} {word}", st.integers(1, 4), WORD)
PARAGRAPH = st.builds(lambda words: "，".join(words) + "。", st.lists(WORD, min_size=1, max_size=6))
FENCE = st.builds(lambda word: f"```\n# {word}\n\n- x\n```", WORD)
LIST = st.builds(lambda words: "\n".join(f"- {word}" for word in words), st.lists(WORD, min_size=1, max_size=4))
TABLE = st.builds(
    lambda rows: "| a | b |\n|---|---|\n" + "\n".join(f"| {left} | {right} |" for left, right in rows),
    st.lists(st.tuples(WORD, WORD), min_size=1, max_size=3),
)
MARKDOWN = st.builds(
    lambda blocks: "# 开头\n\n" + "\n\n".join(blocks) + "\n",
    st.lists(st.one_of(HEADING, PARAGRAPH, FENCE, LIST, TABLE), min_size=1, max_size=12),
)


@given(MARKDOWN)
def test_markdown_reads_as_a_markdown_parser_reads_it(text: str) -> None:
    """markdown-it-py is the reference for headings, fences, tables and list items."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    lines = text.split("\n")
    headings = [(t.map[0], int(t.tag[1])) for t in tokens if t.type == "heading_open" and t.map]
    assert [(h.first, h.level) for h in find_headings(lines, code_lines(lines))] == headings
    blocks = [block for part in parse(text) for block in part.blocks]
    counts = {kind: sum(block.kind is kind for block in blocks) for kind in ChunkKind}
    assert counts[ChunkKind.CODE] == sum(token.type == "fence" for token in tokens)
    assert counts[ChunkKind.TABLE] == sum(token.type == "table_open" for token in tokens)
    items = sum(len(block.items) for block in blocks)
    assert items == sum(token.type == "list_item_open" for token in tokens)


@given(st.text(alphabet="#-*|`~ \n1.、一甲aA:：。>=_(", max_size=200))
def test_any_text_parses_into_blocks_in_order_within_their_sections(text: str) -> None:
    end = 0
    for part in parse(text):
        assert end <= part.section.start <= part.section.end <= len(text)
        end = part.section.start
        for block in part.blocks:
            assert end <= block.start < block.end <= part.section.end
            end = block.end
            for item in block.items:
                assert block.start <= item.start <= item.body <= item.end <= block.end
            for row in (*block.rows, *([block.inner] if block.inner else [])):
                assert block.start <= row[0] < row[1] <= block.end
