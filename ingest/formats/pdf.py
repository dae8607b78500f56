"""A PDF becomes Markdown: PDFium gives the characters with their places, what is drawn around them makes the tables."""

import ctypes
from collections.abc import Iterator
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as api

from indexes.errors import DamagedError
from ingest.formats.pdf_layout import PageLines, markdown_of
from ingest.formats.pdf_page import Box, Glyph, Line, lines_of, without_hidden
from ingest.formats.pdf_tables import Edge, Table, tables_of
from ingest.limits import MAX_PAGES, MAX_TEXT_CHARS
from ingest.raw import RawDocument

_MAX_SEGMENTS = 5000
"""Of lines on a page; a drawing has more, a table less."""
_JUNK_TITLE = ("microsoft word", "microsoft powerpoint", "untitled", "(anonymous)", "(unspecified)")
_LOCKED = "is locked with a password. Save it without one."
_INVISIBLE_MODE = 3
_SCAN_SHARE = 0.5


def read_pdf(raw: bytes) -> RawDocument:
    """Raises: DamagedError: it is broken or locked, has too many pages, or is a scan without text."""
    try:
        document = pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        locked = "password" in str(error).lower() or "security" in str(error).lower()
        raise DamagedError(_LOCKED if locked else f"is no sound PDF ({error}). Save it anew.") from None
    count = len(document)
    if count > MAX_PAGES:
        raise DamagedError(f"has {count:,} pages; more than {MAX_PAGES:,} are not read. Split it.")
    pages: list[PageLines] = []
    hidden: list[tuple[str, str]] = []
    chars = 0
    for number in range(count):
        page = _page(document, number, hidden)
        pages.append(page)
        chars += sum(len(line.text) for line in page.lines)
        if chars > MAX_TEXT_CHARS:
            raise DamagedError(f"holds more than {MAX_TEXT_CHARS:,} characters of text. Split it.")
    text, dropped = markdown_of(pages)
    if not text.strip() and not hidden:
        raise DamagedError("holds no text: it may be a scan. Make it searchable with OCR first.")
    return RawDocument(text, _title(document), hidden=tuple(hidden), dropped=dropped)


def _title(document: pdfium.PdfDocument) -> str | None:
    """What the file calls itself, unless a program named it."""
    title = " ".join(str(document.get_metadata_dict().get("Title", "")).split())
    junk = title.lower().startswith(_JUNK_TITLE) or "." in title[-6:] or len(title) < 2
    return None if junk else title


def _page(document: pdfium.PdfDocument, number: int, hidden: list[tuple[str, str]]) -> PageLines:
    """Adds what is hidden on the page to `hidden`. A page that cannot be read has no lines."""
    try:
        page = document[number]
        text_page = page.get_textpage()
    except pdfium.PdfiumError:
        return PageLines((), (), 0.0)
    left, bottom, right, top = page.get_bbox()
    edges, grounds, scanned = _drawn(page, (right - left) * (top - bottom))
    glyphs, away = without_hidden(_glyphs(text_page, scanned), (left, bottom, right, top), grounds)
    hidden += away
    tables: list[Table] = tables_of(edges, glyphs) if edges else []
    rest = [glyph for glyph in glyphs if not any(table.holds(glyph) for table in tables)]
    lines: tuple[Line, ...] = tuple(lines_of(rest))
    text_page.close()
    page.close()
    return PageLines(lines, tuple(tables), right - left)


def _glyphs(page: Any, scanned: bool) -> Iterator[Glyph]:
    """Every character in reading order; line feeds are those that PDFium puts where a line ends."""
    box = api.FS_RECTF()
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    for index in range(page.count_chars()):
        code = api.FPDFText_GetUnicode(page, index)
        if code in {0, 13} or 0xD800 <= code < 0xE000:
            continue
        char = "\n" if code == 10 else "\u00ad" if code in {2, 0xFFFE} else chr(code)
        if not api.FPDFText_GetLooseCharBox(page, index, box):
            box.left = box.right = box.top = box.bottom = 0.0
        ink = ""
        if api.FPDFText_GetFillColor(page, index, red, green, blue, alpha):
            white = min(red.value, green.value, blue.value) >= 250
            ink = "transparent text" if alpha.value < 13 else "white text" if white else ""
        if not scanned and not ink and char.strip() and _mode(page, index) == _INVISIBLE_MODE:
            ink = "invisible text"
        heavy = api.FPDFText_GetFontWeight(page, index) >= 600
        yield Glyph(char, box.left, box.bottom, box.right, box.top, ink, heavy)


def _mode(page: Any, index: int) -> int:
    text_object = api.FPDFText_GetTextObject(page, index)
    return int(api.FPDFTextObj_GetTextRenderMode(text_object)) if text_object else 0


def _drawn(page: pdfium.PdfPage, area: float) -> tuple[list[Edge], list[Box], bool]:
    """Straight lines, grounds that are not white (fills and pictures), and whether a picture is most of the page."""
    edges: list[Edge] = []
    grounds: list[Box] = []
    scanned = False
    for item in page.get_objects(filter=[api.FPDF_PAGEOBJ_PATH, api.FPDF_PAGEOBJ_IMAGE], max_depth=2):
        try:
            left, bottom, right, top = item.get_bounds()
        except pdfium.PdfiumError:
            continue
        if item.type == api.FPDF_PAGEOBJ_IMAGE:
            grounds.append((left, bottom, right, top))
            scanned = scanned or (right - left) * (top - bottom) > _SCAN_SHARE * area
            continue
        if _filled(item):
            grounds.append((left, bottom, right, top))
        if len(edges) <= _MAX_SEGMENTS:
            edges += _edges(item)
    return (edges if len(edges) <= _MAX_SEGMENTS else []), grounds, scanned


def _filled(item: pdfium.PdfObject) -> bool:
    mode, stroke = ctypes.c_int(), ctypes.c_int()
    api.FPDFPath_GetDrawMode(item, mode, stroke)
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    api.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
    return mode.value != 0 and min(red.value, green.value, blue.value) < 250


def _edges(item: pdfium.PdfObject) -> Iterator[Edge]:
    matrix = item.get_matrix()
    x, y = ctypes.c_float(), ctypes.c_float()
    start = here = (0.0, 0.0)
    for number in range(min(api.FPDFPath_CountSegments(item), _MAX_SEGMENTS)):
        segment = api.FPDFPath_GetPathSegment(item, number)
        api.FPDFPathSegment_GetPoint(segment, x, y)
        point = matrix.on_point(x.value, y.value)
        kind = api.FPDFPathSegment_GetType(segment)
        if kind == api.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == api.FPDF_SEGMENT_LINETO and (edge := Edge.between(here, point)):
            yield edge
        here = point
        if api.FPDFPathSegment_GetClose(segment):
            if edge := Edge.between(here, start):
                yield edge
            here = start
