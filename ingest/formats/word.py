"""A Word document becomes Markdown: mammoth makes it a page, once hidden runs are out of it."""

import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import mammoth

from ingest.formats.archive import checked
from ingest.formats.html import page_of
from ingest.raw import RawDocument

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PARTS = re.compile(r"word/(?:document|footnotes|endnotes)\d*\.xml")
_STYLES = "\n".join(
    [f"p[style-name='{name} {level}'] => h{level}:fresh" for name in ("标题", "heading") for level in range(1, 7)]
    + ["p[style-name='Title'] => h1:fresh", "p[style-name='标题'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"]
)
_TINY_HALF_POINTS = 3
_NOTE_ARROW = re.compile(r'<a href="#(?:foot|end)note-ref[^"]*">↑</a>')


def read_docx(raw: bytes) -> RawDocument:
    """Raises: DamagedError: it is no sound Word document, or is made to do harm."""
    archive = checked(raw, ".docx")
    clean, hidden = _without_hidden(archive)
    result = mammoth.convert_to_html(clean, style_map=_STYLES, convert_image=lambda _image: [], id_prefix="")
    page = page_of(f"<html><body>{_NOTE_ARROW.sub('', result.value)}</body></html>")
    return RawDocument(page.text, hidden=tuple(hidden))


def _without_hidden(archive: zipfile.ZipFile) -> tuple[io.BytesIO, list[tuple[str, str]]]:
    """The archive again without its hidden runs, and (text, rule) of them."""
    styles = _hidden_styles(archive)
    hidden: list[tuple[str, str]] = []
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as copy:
        for member in archive.infolist():
            data = b"" if member.filename.startswith("word/media/") else archive.read(member)
            if _PARTS.fullmatch(member.filename):
                root = ElementTree.fromstring(data)
                hidden += _strip(root, styles)
                data = ElementTree.tostring(root, "utf-8")
            copy.writestr(member.filename, data)
    out.seek(0)
    return out, hidden


def _hidden_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """Styles that make their text vanish."""
    if "word/styles.xml" not in archive.namelist():
        return frozenset()
    styles = ElementTree.fromstring(archive.read("word/styles.xml")).iter(f"{_W}style")
    return frozenset(style.get(f"{_W}styleId", "") for style in styles if _is_on(style.find(f"{_W}rPr/{_W}vanish")))


def _strip(root: Element, styles: frozenset[str]) -> list[tuple[str, str]]:
    grounded = frozenset(run for ground in _grounds(root) for run in ground.iter(f"{_W}r"))
    runs: list[tuple[str, str]] = []
    for paragraph in root.iter(f"{_W}p"):
        style = paragraph.find(f"{_W}pPr/{_W}pStyle")
        whole = style is not None and style.get(f"{_W}val") in styles
        last = ""
        for parent in list(paragraph.iter()):
            for run in parent.findall(f"{_W}r"):
                rule = "hidden text" if whole else _rule(run, styles, run in grounded)
                if rule:
                    text = "".join(node.text or "" for node in run.iter(f"{_W}t"))
                    if rule == last and runs:
                        runs[-1] = (runs[-1][0] + text, rule)
                    else:
                        runs.append((text, rule))
                    parent.remove(run)
                last = rule
    return [(" ".join(text.split()), rule) for text, rule in runs if text.strip()]


def _grounds(root: Element) -> Iterator[Element]:
    """What has a ground of its own: shaded paragraphs and cells, tables whose style may shade them, drawn boxes."""
    for table in root.iter(f"{_W}tbl"):
        if table.find(f"{_W}tblPr/{_W}tblStyle") is not None:
            yield table
    for name, where in (("p", "pPr"), ("tc", "tcPr")):
        for element in root.iter(f"{_W}{name}"):
            if _is_dark(element.find(f"{_W}{where}/{_W}shd")):
                yield element
    yield from root.iter(f"{_W}txbxContent")


def _is_dark(shading: Element | None) -> bool:
    return shading is not None and shading.get(f"{_W}fill", "auto").lower() not in {"auto", "ffffff", "white"}


def _rule(run: Element, styles: frozenset[str], grounded: bool) -> str:
    properties = run.find(f"{_W}rPr")
    if properties is None:
        return ""
    style = properties.find(f"{_W}rStyle")
    if _is_on(properties.find(f"{_W}vanish")) or (style is not None and style.get(f"{_W}val") in styles):
        return "hidden text"
    size = properties.find(f"{_W}sz")
    if size is not None and size.get(f"{_W}val", "").isdigit() and int(size.get(f"{_W}val", "")) < _TINY_HALF_POINTS:
        return "tiny text"
    colour = properties.find(f"{_W}color")
    white = colour is not None and colour.get(f"{_W}val", "").lower() in {"ffffff", "white"}
    own = _is_dark(properties.find(f"{_W}shd")) or properties.find(f"{_W}highlight") is not None
    return "white text" if white and not (own or grounded) else ""


def _is_on(flag: Element | None) -> bool:
    return flag is not None and flag.get(f"{_W}val", "true").lower() not in {"0", "false", "off", "none"}
