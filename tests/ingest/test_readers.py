"""Readers: what a file says of itself, and its text as Markdown."""

import pytest

from indexes.errors import DamagedError
from ingest.formats.html import read_html
from ingest.raw import RawDocument
from ingest.readers import READERS, read_markdown


def test_the_table_holds_the_suffixes_that_are_read() -> None:
    assert set(READERS) >= {".md", ".markdown", ".txt", ".html", ".htm"}


def test_front_matter_describes_the_document_and_is_not_part_of_it() -> None:
    raw = "---\ntitle: 职业指南\nlang: zh\nurl: https://example.org/a\nauthor: X\n---\n\n# 职业指南\n\n正文。\n"
    assert read_markdown(raw.encode()) == RawDocument(
        "\n# 职业指南\n\n正文。\n", "职业指南", "zh", "https://example.org/a"
    )


def test_front_matter_that_is_not_yaml_is_read_line_by_line() -> None:
    raw = "---\ntitle: A: B [draft\ntags: {x\n---\nText.\n"
    assert read_markdown(raw.encode()) == RawDocument("Text.\n", "A: B [draft", None, None)


@pytest.mark.parametrize(
    "raw",
    ["---\n\nNot front matter.\n\n---\n\nText.\n", "---\n- a\n- b\n---\nText.\n", "Text.\n---\ntitle: x\n---\n"],
    ids=["rules", "a list", "not at the top"],
)
def test_rules_and_lists_at_the_top_are_not_front_matter(raw: str) -> None:
    assert read_markdown(raw.encode()) == RawDocument(raw)


def test_an_opening_comment_describes_the_document() -> None:
    raw = "<!--\ntitle: AI工程师成长指南：开发者进阶之路\ncover: https://example.org/c.jpg\n-->\n\n正文。\n"
    assert read_markdown(raw.encode()) == RawDocument("\n\n正文。\n", "AI工程师成长指南：开发者进阶之路")


def test_line_ends_of_all_systems_become_one() -> None:
    assert read_markdown(b"a\r\nb\rc\n").text == "a\nb\nc\n"


PAGE = """<!DOCTYPE html><html lang="zh-CN"><head><title> 职业 指南 </title>
<link rel="canonical" href="https://example.org/guide"><style>p{}</style></head>
<body><nav><a href="/">首页</a></nav><div class="x"><header>站名</header>
<h1>职业指南</h1><p>第一段 <b>很</b>
重要。<br>第二行。</p><!-- secret --><p style="display: none">hidden one</p><p hidden>hidden two</p>
<div aria-hidden="true">hidden three</div>
<ul><li>甲</li><li>乙<ol><li>乙一</li><li>乙二</li></ol></li></ul>
<table><thead><tr><th>工具</th><th>用途</th></tr></thead><tbody><tr><td>Ray</td><td>分布式|训练</td></tr>
<tr><td>只有一格</td></tr></tbody></table>
<pre><code class="language-python">import x

print(`1`)  # &lt;a&gt;</code></pre>
<h2>结论 <code>k8s</code></h2>散文本。<script>alert(1)</script></div>
<aside>广告</aside><footer>版权</footer></body></html>"""

MARKDOWN = """站名

# 职业指南

第一段 很 重要。
第二行。

- 甲
- 乙
  1. 乙一
  2. 乙二

| 工具 | 用途 |
|---|---|
| Ray | 分布式\\|训练 |
| 只有一格 |  |

```python
import x

print(`1`)  # <a>
```

## 结论 `k8s`

散文本。
"""


def test_a_page_becomes_markdown_without_furniture_and_hidden_text() -> None:
    hidden = (("hidden one", "display none"), ("hidden two", "hidden attribute"), ("hidden three", "aria-hidden"))
    assert read_html(PAGE.encode()) == RawDocument(MARKDOWN, "职业 指南", "zh", "https://example.org/guide", hidden)


def test_main_content_is_preferred_where_it_is_marked() -> None:
    page = "<html><body><div>菜单</div><main><h1>T</h1><p>正文。</p></main><div>推荐</div></body></html>"
    assert read_html(page.encode()).text == "# T\n\n正文。\n"


@pytest.mark.parametrize("name", ["gbk", "big5", "utf-16"])
def test_a_page_in_another_encoding(name: str) -> None:
    page = f'<meta charset="{name}"><title>工程</title><p>工程人才需要多方面能力。</p>'
    assert read_html(page.encode(name)) == RawDocument("工程人才需要多方面能力。\n", "工程")


def test_a_charset_that_the_bytes_contradict_is_not_believed() -> None:
    page = '<html><head><meta charset="ascii"></head><body><p>能力。</p></body></html>'
    assert read_html(page.encode()).text == "能力。\n"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "\n"),
        (b"<", "<\n"),
        (b"</div></p>", "\n"),
        (b"plain text", "plain text\n"),
        (b"<table></table>", "\n"),
        (b"<ul><li></ul>x", "-\n\nx\n"),
        (b"<h1></h1><p>a<p>b", "a\n\nb\n"),
    ],
)
def test_broken_pages_do_not_break_the_reader(raw: bytes, text: str) -> None:
    assert read_html(raw).text == text


@pytest.mark.parametrize("tag", [b"<div>", b"<span>", b"<ul><li>", b"<b>"])
def test_a_page_nested_beyond_reason_is_refused(tag: bytes) -> None:
    with pytest.raises(DamagedError, match="nested too deeply"):
        read_html(tag * 20_000 + b"x")
