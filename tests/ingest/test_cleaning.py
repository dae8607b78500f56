"""Cleaning: each rule on a small page, real content untouched, inline markup to plain text."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cleaning import Cleaned, clean, plain
from ingest.markup import inline
from ingest.readers import read_markdown
from ingest.structure import parse

ROOT = Path(__file__).resolve().parents[2]
SEEDS = sorted(path for path in (ROOT / "seeds").glob("*.md") if path.name != "README.md")
ARTICLE = "\n".join(f"第{number}段讲的是人工智能工程师需要掌握的能力，例如编程、网络和数据库。" for number in range(12))


def dropped(text: str) -> dict[str, str]:
    return dict(clean(text).dropped)


def test_navigation_at_the_edges() -> None:
    text = f"Skip to content\n首页 > 博客 > 正文\n{ARTICLE}\n上一篇：甲\n下一篇：乙\n返回顶部\n"
    assert clean(text) == Cleaned(
        ARTICLE + "\n",
        tuple(
            (line, "navigation")
            for line in ("Skip to content", "首页 > 博客 > 正文", "上一篇：甲", "下一篇：乙", "返回顶部")
        ),
    )


def test_a_table_of_contents_goes_with_its_bare_title_but_only_entries_that_recur() -> None:
    text = "文章目录\n- 引言\n- 一、能力\n目录\n引言\n开场。\n一、能力\n- 编程\n"
    assert clean(text) == Cleaned(
        "引言\n开场。\n一、能力\n- 编程\n",
        tuple((line, "table of contents") for line in ("文章目录", "- 引言", "- 一、能力", "目录")),
    )


def test_a_linked_table_of_contents_in_markdown() -> None:
    text = "# T\n\n## 目录\n\n- [引言](#a)\n- [结论](#b)\n\n## 引言\n\n甲。\n\n## 结论\n\n乙。\n"
    assert clean(text).text == "# T\n\n## 引言\n\n甲。\n\n## 结论\n\n乙。\n"


def test_a_list_under_contents_that_is_no_table_of_contents_stays() -> None:
    text = "目录\n- 甲公司\n- 乙公司\n\n两家公司。\n"
    assert clean(text) == Cleaned(text, ())


def test_begging_and_contact_lines() -> None:
    lines = (
        "若对您有帮助的话,请点赞收藏加关注哦,您的关注是我持续创作的动力!有问题请私信或联系邮箱:a.b@example.com",
        "Please like and subscribe!",
    )
    assert dropped(f"{lines[0]}\n{ARTICLE}\n{lines[1]}\n") == dict.fromkeys(lines, "promotion")


def test_a_platform_that_promotes_itself_at_the_end() -> None:
    line = "某社区是某公司打造的生态平台，新用户可领50万Tokens权益，助力构建智能应用。"
    assert dropped(f"{ARTICLE}\n{line}\n更多推荐\n别的文章\n所有评论(0)") == {
        line: "promotion",
        "更多推荐": "related links",
        "别的文章": "related links",
        "所有评论(0)": "comments",
    }


def test_comments_and_the_course_list_before_them() -> None:
    text = f"{ARTICLE}\n\n\n\n程序员数学课\nAI周刊:动态\n最新评论\n写得好。\n请问有没有部署文档?\n"
    assert clean(text) == Cleaned(
        ARTICLE + "\n",
        (
            ("程序员数学课", "course list"),
            ("AI周刊:动态", "course list"),
            ("最新评论", "comments"),
            ("写得好。", "comments"),
            ("请问有没有部署文档?", "comments"),
        ),
    )


def test_a_tail_ends_at_the_next_heading() -> None:
    assert clean(f"{ARTICLE}\n\n相关文章\n别的\n\n## 附录\n\n正文。\n").text == f"{ARTICLE}\n\n## 附录\n\n正文。\n"


@pytest.mark.parametrize(
    "line",
    ["最后更新：2025-01-02", "基于 MIT 许可发布", "© 2025 Example", "Last updated on Jan 3, 2025", "京ICP备12345号"],
)
def test_footers(line: str) -> None:
    assert dropped(f"{ARTICLE}\n{line}\n") == {line: "footer"}


def test_a_title_said_twice_is_said_once() -> None:
    assert clean(f"AI 清单能力\nAI 清单能力\n{ARTICLE}\n") == Cleaned(
        f"AI 清单能力\n\n{ARTICLE}\n", (("AI 清单能力", "repeated title"),)
    )


@pytest.mark.parametrize(
    "line",
    [
        "收藏夹可以按项目整理，团队成员也能看到。",
        "推荐系统会根据用户的点赞和收藏行为来训练。",
        "目录结构如下：",
        "Comments explain why, not what.",
        "请联系业务方确认指标。",
        "关注 AI 工程化前沿（如向量数据库新特性）。",
        "| 更多推荐 | 推荐系统 |",
        "最新评论数据用于情感分析。",
        "版权问题需要法务确认。",
        "下一步是部署。",
        "next 语句跳到下一次循环。",
    ],
)
def test_content_that_looks_a_little_like_boilerplate_stays(line: str) -> None:
    assert dropped(f"{line}\n{ARTICLE}\n{line}重复\n") == {}


def test_comments_at_the_top_of_a_text_are_not_a_tail() -> None:
    text = "评论区\n大家怎么看？\n正文在此。\n"
    assert clean(text) == Cleaned(text, ())


def test_code_is_never_touched() -> None:
    code = "```\n<b>x</b> [a](http://b) **c**\n> q\n最新评论\n&lt;\n```\n"
    assert clean(f"{ARTICLE}\n{code}") == Cleaned(f"{ARTICLE}\n{code}", ())


def test_without_the_rules_nothing_is_dropped() -> None:
    assert plain("Skip to content\n[a](http://b)\n") == "Skip to content\na\n"


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_nothing_of_our_documents_is_dropped(path: Path) -> None:
    text = read_markdown(path.read_bytes()).text
    cleaned = clean(text)
    assert cleaned.dropped == ()
    assert cleaned.text.split() == text.replace("**", "").split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('见 [文档](https://a.org/x_(y)) 和 [数据](/d "t")。', "见 文档 和 数据。"),
        ("![图](a.png) 说明", "图 说明"),
        ("[![徽章](b.svg)](https://c.org)", "徽章"),
        ("<https://arxiv.org/abs/1>", "https://arxiv.org/abs/1"),
        ("**LLMOps**（LLM 运营）", "LLMOps（LLM 运营）"),
        ("2 ** 3 ** 4", "2 ** 3 ** 4"),
        ("`a**b**c` 与 **d**", "`a**b**c` 与 d"),
        ("> > 引文", "引文"),
        ('甲<br/>乙 <span class="x">丙</span>', "甲 乙 丙"),
        ("List<String> a < b > c", "List<String> a < b > c"),
        ("A&nbsp;&amp;&#39;B", "A\xa0&'B"),
        ("embeddings[0](x) 与 f[i](j)", "embeddings[0](x) 与 f[i](j)"),
        ("[1] 与 [x]", "[1] 与 [x]"),
        ("__init__.py 与 snake_case_name", "__init__.py 与 snake_case_name"),
    ],
)
def test_inline_markup(line: str, expected: str) -> None:
    assert inline(line) == expected


@given(st.text(max_size=300))
def test_cleaning_is_stable_and_never_adds(text: str) -> None:
    once = plain(text)
    assert once.endswith("\n")
    assert "\n\n\n" not in once
    assert len(once) <= len(text) + 1 + 4 * text.count("\t") + 4 * text.count("&")


@pytest.mark.parametrize(
    "text",
    [
        *(" " * 100_000 + "x", "<!--" * 50_000, "[" * 50_000, "[[]" * 3_000, "[a](" * 20_000, "<a " * 30_000),
        *("**a " * 20_000, "# " + " " * 100_000 + "x", "|" * 50_000 + "\n" + "|-" * 50_000, "更新时间" + "1" * 100_000),
        *("- " * 50_000, "```\n" * 30_000, "f(" + "(#" * 50_000, "> " * 50_000, "`" * 50_000, "&" * 50_000),
    ],
    ids=lambda text: text[:8].strip() or "blank",
)
def test_hostile_text_takes_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    parse(clean(text).text)
    assert time.process_time() - started < 3.0
