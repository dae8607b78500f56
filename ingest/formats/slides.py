"""Slides become Markdown: a section each with its title, lists by level, tables, and the speaker's notes."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from pptx import Presentation
from pptx.util import Pt

from ingest.formats.archive import checked
from ingest.formats.tables import pipe_table
from ingest.raw import RawDocument

_MAX_ENTRIES = 4000
"""A slide is about four entries of the archive."""
_TINY = Pt(1.5)
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"


def read_pptx(raw: bytes) -> RawDocument:
    """Raises: DamagedError: it is no sound presentation, or is made to do harm."""
    checked(raw, ".pptx", _MAX_ENTRIES)
    show = Presentation(io.BytesIO(raw))
    frame = (show.slide_width or 0, show.slide_height or 0)
    hidden: list[tuple[str, str]] = []
    slides = [_slide(slide, number, frame, hidden) for number, slide in enumerate(show.slides, 1)]
    return RawDocument("\n\n".join(text for text in slides if text) + "\n", hidden=tuple(hidden))


def _slide(slide: Any, number: int, frame: tuple[int, int], hidden: list[tuple[str, str]]) -> str:
    if slide._element.get("show") in {"0", "false"}:
        hidden += [(text, "hidden slide") for shape in _shapes(slide.shapes) if (text := _plain(shape))]
        return ""
    title = slide.shapes.title
    white = _white_ground(slide)
    parts: list[str] = []
    for shape in _shapes(slide.shapes):
        if rule := _rule(shape, frame):
            hidden += [(text, rule)] if (text := _plain(shape)) else []
        elif shape.has_text_frame and not (title is not None and shape.shape_id == title.shape_id):
            parts.append(_text(shape, white, hidden))
        elif getattr(shape, "has_table", False):
            parts.append(pipe_table([[cell.text for cell in row.cells] for row in shape.table.rows]))
    if slide.has_notes_slide and (notes := _notes(slide)):
        parts.append(notes)
    heading = " ".join(title.text_frame.text.split()) if title is not None and not _rule(title, frame) else ""
    return "\n\n".join([f"## {heading or f'Slide {number}'}", *(part for part in parts if part)])


def _shapes(shapes: Iterable[Any]) -> Iterator[Any]:
    """All shapes from the top to the bottom of the slide; of a group, those in it."""
    for shape in sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0)):
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _rule(shape: Any, frame: tuple[int, int]) -> str:
    """Why nobody sees the shape; empty when somebody does."""
    if any(node.get("hidden") in {"1", "true"} for node in shape._element.iter(f"{_P}cNvPr")):
        return "hidden shape"
    if None in {shape.left, shape.top, shape.width, shape.height} or shape._parent.__class__.__name__ == "GroupShapes":
        return ""
    right, bottom = shape.left + shape.width, shape.top + shape.height
    return "off the slide" if right <= 0 or bottom <= 0 or shape.left >= frame[0] or shape.top >= frame[1] else ""


def _text(shape: Any, white_slide: bool, hidden: list[tuple[str, str]]) -> str:
    """Paragraphs; a frame of several becomes a list by their levels."""
    white = white_slide and not _filled(shape)
    lines: list[tuple[int, str]] = []
    for paragraph in shape.text_frame.paragraphs:
        seen = ""
        for run in paragraph._p.iter(f"{_A}r", f"{_A}br", f"{_A}fld"):
            text = "".join(node.text or "" for node in run.iter(f"{_A}t")) or (" " if run.tag == f"{_A}br" else "")
            if (rule := _run_rule(run, white)) and text.strip():
                hidden.append((" ".join(text.split()), rule))
            else:
                seen += text
        if line := " ".join(seen.split()):
            lines.append((paragraph.level, line))
    if len(lines) < 2:
        return "\n".join(line for _, line in lines)
    return "\n".join(f"{'  ' * level}- {line}" for level, line in lines)


def _run_rule(run: Any, white_ground: bool) -> str:
    properties = run.find(f"{_A}rPr")
    if properties is None:
        return ""
    if (properties.get("sz") or "").isdigit() and int(properties.get("sz")) * 127 < _TINY:
        return "tiny text"
    colour = properties.find(f"{_A}solidFill/{_A}srgbClr")
    scheme = properties.find(f"{_A}solidFill/{_A}schemeClr")
    is_white = (colour is not None and colour.get("val", "").upper() == "FFFFFF") or (
        scheme is not None and scheme.get("val") in {"bg1", "lt1"} and len(scheme) == 0
    )
    return "white text" if is_white and white_ground else ""


def _filled(shape: Any) -> bool:
    properties = shape._element.find(f"{_P}spPr")
    fills = ("solidFill", "gradFill", "blipFill", "pattFill")
    own = properties is not None and any(properties.find(f"{_A}{name}") is not None for name in fills)
    return own or shape._element.find(f"{_P}style") is not None


def _white_ground(slide: Any) -> bool:
    """Whether the slide is white as far as it and its masters say, without a picture or filled shape on it."""
    if any(shape.shape_type is not None and (_filled(shape) or hasattr(shape, "image")) for shape in slide.shapes):
        return False
    for part in (slide, slide.slide_layout, slide.slide_layout.slide_master):
        ground = part._element.find(f"{_P}cSld/{_P}bg")
        if ground is not None:
            colours = [node.get("val") for node in ground.iter(f"{_A}srgbClr", f"{_A}schemeClr")]
            return colours in (["FFFFFF"], ["bg1"], ["lt1"])
    return True


def _notes(slide: Any) -> str:
    frame = slide.notes_slide.notes_text_frame
    lines = [" ".join(line.split()) for line in frame.text.split("\n")] if frame is not None else []
    return "\n\n".join(line for line in lines if line)


def _plain(shape: Any) -> str:
    return " ".join(shape.text_frame.text.split()) if shape.has_text_frame else ""
