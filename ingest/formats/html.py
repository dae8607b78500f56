"""An HTML page becomes Markdown: headings, paragraphs, lists, tables, code; furniture and hidden text stay out."""

import re
from collections.abc import Iterator
from typing import Any

from bs4 import BeautifulSoup, Comment, Tag
from bs4.element import NavigableString

from indexes.errors import DamagedError
from ingest.encodings import decode
from ingest.formats.concealed import take_out_hidden
from ingest.formats.tables import pipe_table
from ingest.limits import MAX_TAGS_DEEP
from ingest.raw import RawDocument

_FURNITURE = [
    *("script", "style", "noscript", "template", "nav", "aside", "footer", "form", "button", "select", "input"),
    *("iframe", "svg", "canvas", "video", "audio", "object", "dialog", "head", "title"),
]
_BLOCK_NAMES = """
address article blockquote body center dd details div dl dt fieldset figcaption figure header hr html li main
ol p pre section summary table ul h1 h2 h3 h4 h5 h6 tbody thead tfoot tr td th caption
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_TOO_DEEP = "is nested too deeply to be a page. Save its text as Markdown."
_IMPLIED_END = {
    "p": ("p",),
    "li": ("li", "p"),
    "dt": ("dt", "dd", "p"),
    "dd": ("dt", "dd", "p"),
    "option": ("option",),
} | dict.fromkeys(("ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "div", "pre", "hr", "blockquote"), ("p",))
"""Tag → those that it ends when they are the innermost open one; HTML lets pages leave them open."""
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]+)", re.IGNORECASE)


def read_html(raw: bytes) -> RawDocument:
    """The page's own text as Markdown.

    Raises:
        DamagedError: the bytes are in no encoding that can be told with certainty, or nested beyond reason.
    """
    try:
        return page_of(_text(raw))
    except RecursionError:
        raise DamagedError(_TOO_DEEP) from None


class _Soup(BeautifulSoup):
    """Ends what a page leaves open, as browsers do, and refuses one that nests without end before it is all built."""

    def pushTag(self, tag: Tag) -> None:  # noqa: N802 - the library's name
        super().pushTag(tag)
        if len(self.tagStack) > MAX_TAGS_DEEP:
            raise DamagedError(_TOO_DEEP)

    def handle_starttag(self, name: str, *arguments: Any, **named: Any) -> Tag | None:
        ended = _IMPLIED_END.get(name, ())
        while self.currentTag is not None and self.currentTag.name in ended:
            self.handle_endtag(self.currentTag.name)
        return super().handle_starttag(name, *arguments, **named)


def page_of(markup: str) -> RawDocument:
    soup = _Soup(markup, "html.parser")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    lang = soup.html.get("lang") if soup.html else None
    canonical = soup.find("link", rel="canonical", href=True)
    url = canonical.get("href") if isinstance(canonical, Tag) else None
    for comment in soup.find_all(string=lambda node: isinstance(node, Comment)):
        comment.extract()
    hidden = take_out_hidden(soup)
    for tag in soup.find_all(_FURNITURE):
        tag.decompose()
    root = soup.find("main") or soup.find("article") or soup.body or soup
    text = re.sub(r"\n{3,}", "\n\n", _blocks(root) if isinstance(root, Tag) else "").strip() + "\n"
    return RawDocument(text, title or None, str(lang)[:2].lower() if lang else None, str(url) if url else None, hidden)


def _text(raw: bytes) -> str:
    """The declared character set where the bytes agree with it, else what the bytes show."""
    if declared := _CHARSET.search(raw[:4096]):
        name = declared[1].decode("ascii").lower()
        try:
            return raw.decode("gb18030" if name in {"gb2312", "gbk"} else name)
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(raw)


def _blocks(tag: Tag) -> str:
    """Children of a container: runs of inline content become paragraphs, block elements render themselves."""
    parts: list[str] = []
    run: list[str] = []
    for child in tag.children:
        if isinstance(child, Tag) and (child.name in _BLOCKS or child.find(list(_BLOCKS))):
            parts += [_paragraph("".join(run)), _block(child)]
            run = []
        else:
            run.append(_inline(child))
    parts.append(_paragraph("".join(run)))
    return "\n\n".join(part for part in parts if part.strip())


def _paragraph(text: str) -> str:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _block(tag: Tag) -> str:
    name = tag.name
    if name in {"h1", "h2", "h3", "h4", "h5", "h6"}:
        text = _flat(tag)
        return f"{'#' * int(name[1])} {text}" if text else ""
    if name == "pre":
        return _fence(tag)
    if name in {"ul", "ol"}:
        return _list(tag, 0)
    if name == "table":
        return _table(tag)
    if name == "hr":
        return "---"
    return _blocks(tag)


def _inline(node: object) -> str:
    """Text of inline content: white space folds, a line break is a line break, code keeps its back-ticks."""
    if isinstance(node, NavigableString):
        return re.sub(r"\s+", " ", str(node))
    if not isinstance(node, Tag):
        return ""
    if node.name == "br":
        return "\n"
    if node.name == "img":
        return ""
    text = "".join(_inline(child) for child in node.children)
    return f"`{text.strip()}`" if node.name == "code" and text.strip() else text


def _flat(tag: Tag) -> str:
    return " ".join(_inline(tag).split())


def _fence(tag: Tag) -> str:
    code = tag.get_text().strip("\n")
    ticks = max([2, *(len(run) for run in re.findall(r"`+", code))]) + 1
    names = [name for node in (tag, *tag.find_all("code")) for name in node.get_attribute_list("class")]
    language = re.search(r"lang(?:uage)?-(\w+)", " ".join(str(name) for name in names))
    fence = "`" * ticks
    return f"{fence}{language[1] if language else ''}\n{code}\n{fence}" if code.strip() else ""


def _list(tag: Tag, depth: int) -> str:
    lines: list[str] = []
    for number, item in enumerate(tag.find_all("li", recursive=False), 1):
        marker = f"{number}." if tag.name == "ol" else "-"
        inner = [_list(child.extract(), depth + len(marker) + 1) for child in list(_nested_lists(item))]
        text = " ".join(_blocks(item).split())
        lines.append(" " * depth + f"{marker} {text}".rstrip())
        lines += [part for part in inner if part]
    return "\n".join(lines)


def _nested_lists(tag: Tag) -> Iterator[Tag]:
    """The outermost lists inside a list item."""
    for child in tag.children:
        if isinstance(child, Tag) and child.name in {"ul", "ol"}:
            yield child
        elif isinstance(child, Tag):
            yield from _nested_lists(child)


def _table(tag: Tag) -> str:
    """A pipe table; a nested table is part of its cell's text."""
    rows = [[_cell(cell) for cell in row.find_all(["td", "th"], recursive=False)] for row in _rows(tag)]
    return pipe_table(rows)


def _rows(table: Tag) -> list[Tag]:
    return [row for row in table.find_all("tr") if row.find_parent("table") is table]


def _cell(cell: Tag) -> str:
    return _blocks(cell)
