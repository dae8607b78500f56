"""Ordinary files of foreign formats, made by the libraries that people make them with."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import docx
import openpyxl
from docx.shared import Pt, RGBColor
from openpyxl.styles import Font, PatternFill
from pptx import Presentation
from pptx.dml.color import RGBColor as SlideColour
from pptx.util import Inches
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import ListFlowable, ListItem, PageBreak, Paragraph, SimpleDocTemplate, Table

ROWS = (("工具", "用途", "阶段"), ("Ray", "分布式|训练", "3"), ("vLLM", "推理服务", "4"))
TABLE = "| 工具 | 用途 | 阶段 |\n|---|---|---|\n| Ray | 分布式\\|训练 | 3 |\n| vLLM | 推理服务 | 4 |"
FONT = "STSong-Light"


def word(fill: Callable[[Any], None]) -> bytes:
    document = docx.Document()
    fill(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def career_word(document: Any) -> None:
    document.add_heading("职业指南", 0)
    document.add_heading("后端能力", 1)
    paragraph = document.add_paragraph("后端程序员先学")
    paragraph.add_run("编程").bold = True
    paragraph.add_run("、网络和数据库。")
    for text in ("Docker ships models.", "Kubernetes runs them."):
        document.add_paragraph(text, style="List Bullet")
    for text in ("train", "serve"):
        document.add_paragraph(text, style="List Number")
    document.add_heading("Tools", 2)
    table = document.add_table(len(ROWS), len(ROWS[0]), style="Table Grid")
    for row, values in enumerate(ROWS):
        for column, value in enumerate(values):
            table.cell(row, column).text = value


CAREER_WORD = f"""# 职业指南

# 后端能力

后端程序员先学编程、网络和数据库。

- Docker ships models.
- Kubernetes runs them.

1. train
2. serve

## Tools

{TABLE}
"""


def run(document: Any, text: str, *, hidden: bool = False, colour: str = "", points: float = 0) -> Any:
    """A run of its own between two that can be seen."""
    paragraph = document.add_paragraph("Before. ")
    piece = paragraph.add_run(text)
    paragraph.add_run(" After.")
    piece.font.hidden = hidden or None
    if colour:
        piece.font.color.rgb = RGBColor.from_string(colour)
    if points:
        piece.font.size = Pt(points)
    return piece


def slides(*fill: Callable[[Any], None]) -> bytes:
    """A slide with a title and a body for each filler."""
    show = Presentation()
    for put in fill:
        put(show.slides.add_slide(show.slide_layouts[1]))
    out = io.BytesIO()
    show.save(out)
    return out.getvalue()


def route_slide(slide: Any) -> None:
    slide.shapes.title.text = "学习路线"
    frame = slide.placeholders[1].text_frame
    frame.text = "编程"
    for text, level in (("Python", 1), ("网络", 0)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    slide.notes_slide.notes_text_frame.text = "先讲编程。"


def table_slide(slide: Any) -> None:
    slide.shapes.title.text = "Tools"
    table = slide.shapes.add_table(len(ROWS), 3, Inches(1), Inches(3), Inches(4), Inches(1)).table
    for row, values in enumerate(ROWS):
        for column, value in enumerate(values):
            table.cell(row, column).text = value


def box(slide: Any, text: str, *, left: float = 1, colour: str = "") -> Any:
    frame = slide.shapes.add_textbox(Inches(left), Inches(5), Inches(4), Inches(1)).text_frame
    piece = frame.paragraphs[0].add_run()
    piece.text = text
    if colour:
        piece.font.color.rgb = SlideColour.from_string(colour)
    return frame


def workbook(*fill: Callable[[Any], None]) -> bytes:
    """A sheet for each filler, which may name it."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for put in fill:
        put(book.create_sheet())
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def white(sheet: Any, place: str, ground: str = "") -> None:
    sheet[place].font = Font(color="FFFFFFFF")
    if ground:
        sheet[place].fill = PatternFill("solid", fgColor=ground)


def pdf(*flow: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    SimpleDocTemplate(out, **options).build(list(flow))
    return out.getvalue()


def text(words: str, size: float = 10.5) -> Paragraph:
    """A paragraph in a font with Chinese characters."""
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    return Paragraph(words, ParagraphStyle("zh", fontName=FONT, fontSize=size, leading=size * 1.5, wordWrap="CJK"))


def latin(words: str, style: str = "Normal") -> Paragraph:
    return Paragraph(words, getSampleStyleSheet()[style])


def bullets(*items: str) -> ListFlowable:
    return ListFlowable([ListItem(latin(item)) for item in items], bulletType="bullet")


def grid(rows: Sequence[Sequence[str]]) -> Table:
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    style = [("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("FONT", (0, 0), (-1, -1), FONT)]
    return Table(rows, style=style)


def page_break() -> PageBreak:
    return PageBreak()
