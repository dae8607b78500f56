"""PDF: headings by size, paragraphs across lines and pages, lists, ruled tables, running heads; clear refusals."""

import re
from typing import Any

import pytest
from reportlab.lib import pdfencrypt

from indexes.errors import DamagedError
from ingest.formats.pdf import read_pdf
from tests.ingest import bombs, files
from tests.ingest.files import bullets, grid, latin, page_break, pdf, text

ZH = "人工智能工程师需要掌握编程、数据库和网络，还要会部署模型。"
EN = "A backend developer learns programming, networking and databases first. "


def test_structure_becomes_markdown() -> None:
    made = pdf(
        text("职业指南", 22), text(ZH * 4), latin("Skills", "Heading2"), latin(EN * 4),
        bullets("Docker ships models.", "Kubernetes runs them."), grid(files.ROWS), text("表格之后的一段。"),
    )  # fmt: skip
    expected = (
        f"# 职业指南\n\n{ZH * 4}\n\n## Skills\n\n{(EN * 4).strip()}\n\n"
        f"- Docker ships models.\n- Kubernetes runs them.\n\n{files.TABLE}\n\n表格之后的一段。\n"
    )
    assert read_pdf(made).text == expected


def test_a_paragraph_goes_on_over_the_page() -> None:
    assert read_pdf(pdf(latin(EN * 120))).text == (EN * 120).strip() + "\n"


def test_running_heads_and_page_numbers_are_dropped_by_name() -> None:
    def furniture(canvas: Any, _document: Any) -> None:
        canvas.drawString(72, 800, "Acme handbook, confidential")
        canvas.drawString(290, 30, f"Page {canvas.getPageNumber()} of 4")

    out = files.io.BytesIO()
    flow = [part for n in range(4) for part in (latin(f"Chapter {n}", "Heading1"), latin(f"{EN}{n}."), page_break())]
    files.SimpleDocTemplate(out).build(flow, onFirstPage=furniture, onLaterPages=furniture)
    read = read_pdf(out.getvalue())
    assert read.text == "\n\n".join(f"# Chapter {n}\n\n{EN}{n}." for n in range(4)) + "\n"
    assert read.dropped == tuple(
        item
        for n in range(1, 5)
        for item in (("Acme handbook, confidential", "running head"), (f"Page {n} of 4", "page number"))
    )


def test_white_words_on_a_dark_ground_are_read() -> None:
    style = [("BACKGROUND", (0, 0), (-1, 0), "navy"), ("TEXTCOLOR", (0, 0), (-1, 0), "white")]
    made = pdf(
        files.Table([["Tool", "Use"], ["Ray", "training"]], style=[*style, ("GRID", (0, 0), (-1, -1), 1, "black")])
    )
    assert read_pdf(made).text == "| Tool | Use |\n|---|---|\n| Ray | training |\n"
    assert read_pdf(made).hidden == ()


def test_a_title_that_a_person_gave_is_the_title() -> None:
    assert read_pdf(pdf(latin(EN), title="职业指南")).title == "职业指南"
    assert read_pdf(pdf(latin(EN), title="Microsoft Word - final.docx")).title is None


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"%PDF-1.7\n nothing", r"is no sound PDF .*Save it anew"),
        (
            pdf(latin(EN), encrypt=pdfencrypt.StandardEncryption("secret")),
            r"locked with a password\. Save it without one",
        ),
        (bombs.one_page_pdf(b"0 0 m 9 9 l S"), r"holds no text: it may be a scan\. Make it searchable with OCR"),
        (bombs.many_pages(6000), r"has 6,000 pages; more than 5,000 are not read\. Split it"),
    ],
    ids=["garbage", "encrypted", "scan", "pages"],
)
def test_what_cannot_be_read_says_why(raw: bytes, message: str) -> None:
    with pytest.raises(DamagedError, match=message):
        read_pdf(raw)


def outcome(raw: bytes) -> str:
    try:
        return read_pdf(raw).text
    except DamagedError as error:
        return str(error)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_read_as_far_as_it_goes_or_refused(share: float) -> None:
    whole = pdf(latin(EN), page_break(), latin("Second page."))
    found = outcome(whole[: int(len(whole) * share)])
    assert found in {f"{EN.strip()}\n\nSecond page.\n", f"{EN.strip()}\n"} or re.search(
        "no sound PDF|holds no text", found
    )
