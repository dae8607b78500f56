"""Word, PowerPoint and Excel: headings, lists, tables and values as they are shown, in both languages."""

import datetime
from typing import Any

import pytest

from indexes.errors import DamagedError
from ingest.formats.slides import read_pptx
from ingest.formats.word import read_docx
from ingest.formats.workbook import read_xlsx
from ingest.raw import RawDocument
from tests.ingest import bombs, files


def test_a_word_document_keeps_headings_lists_and_tables() -> None:
    assert read_docx(files.word(files.career_word)) == RawDocument(files.CAREER_WORD)


def test_what_a_reviewer_put_in_is_read_and_what_he_took_out_is_not() -> None:
    def fill(document: Any) -> None:
        paragraph = document.add_paragraph("薪资")._p
        for tag, words in (("ins", "三万"), ("del", "两万")):
            run = document.add_paragraph().add_run(words)._r
            change = paragraph.makeelement(f"{paragraph.tag[:-1]}{tag}", {})
            change.append(run)
            paragraph.append(change)
            if tag == "del":
                run.find(f"{paragraph.tag[:-1]}t").tag = f"{paragraph.tag[:-1]}delText"

    assert read_docx(files.word(fill)).text == "薪资三万\n"


def test_slides_are_sections_with_lists_tables_and_notes() -> None:
    made = files.slides(files.route_slide, files.table_slide)
    expected = f"## 学习路线\n\n- 编程\n  - Python\n- 网络\n\n先讲编程。\n\n## Tools\n\n{files.TABLE}\n"
    assert read_pptx(made) == RawDocument(expected)


def test_a_slide_without_a_title_is_named_by_its_number() -> None:
    assert read_pptx(files.slides(lambda slide: files.box(slide, "只有正文"))).text == "## Slide 1\n\n只有正文\n"


def salaries(sheet: Any) -> None:
    sheet.title = "薪资"
    for row in (["岗位", "城市", "月薪", "涨幅", "日期"], ["后端", "北京", 25000.0, 0.35, datetime.date(2026, 3, 1)]):
        sheet.append(row)
    sheet.append([])
    sheet.append(["算法", "上海", 40000.5, 0.125, datetime.datetime(2026, 3, 2, 9, 30)])
    sheet["D2"].number_format, sheet["D4"].number_format = "0%", "0.0%"


def test_a_workbook_is_a_table_for_each_sheet_with_values_as_shown() -> None:
    expected = (
        "## 薪资\n\n| 岗位 | 城市 | 月薪 | 涨幅 | 日期 |\n|---|---|---|---|---|\n"
        "| 后端 | 北京 | 25000 | 35% | 2026-03-01 |\n| 算法 | 上海 | 40000.5 | 12.5% | 2026-03-02 09:30 |\n"
        "\n## English\n\n| Tool | Use |\n|---|---|\n| Ray | training |\n"
    )

    def english(sheet: Any) -> None:
        sheet.title = "English"
        sheet.append(["Tool", "Use"])
        sheet.append(["Ray", "training"])

    assert read_xlsx(files.workbook(salaries, english)) == RawDocument(expected)


@pytest.mark.parametrize(("read", "kind"), [(read_docx, ".docx"), (read_pptx, ".pptx"), (read_xlsx, ".xlsx")])
def test_what_is_no_such_file_is_named_with_its_cure(read: Any, kind: str) -> None:
    with pytest.raises(DamagedError, match=rf"is no sound {kind} file .*Save it anew"):
        read(b"PK\x03\x04 and nothing else")
    with pytest.raises(DamagedError, match=rf"locked with a password, or in an older format\. Save it as {kind}"):
        read(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600))
    with pytest.raises(DamagedError, match=rf"is an archive but no {kind} file\. Unpack it"):
        read(bombs.office({"a.txt": b"x"}).replace(b"[Content_Types].xml", b"[Content_Types].xmx"))
    whole = files.word(files.career_word)
    with pytest.raises(DamagedError, match="Save it anew"):
        read(whole[: len(whole) // 2])
