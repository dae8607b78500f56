"""CSV, TSV, JSON and JSONL: tables and records, any usual separator and encoding, and the line that is broken."""

import json

import pytest

from indexes.errors import DamagedError
from ingest.formats.delimited import read_csv, read_tsv
from ingest.formats.structured import read_json, read_jsonl
from ingest.raw import RawDocument

TABLE = "| 岗位 | 城市 | 月薪 |\n|---|---|---|\n| 后端 | 北京 | 25,000 |\n| 算法\\|研究 | 上海 | 40,000 |\n"
LONG = "后端程序员先学编程、网络和数据库。" * 12


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_with_any_usual_separator_and_encoding(separator: str, encoding: str) -> None:
    rows = [("岗位", "城市", "月薪"), ("后端", "北京", "25,000"), ("算法|研究", "上海", "40,000")]
    raw = "".join(separator.join(f'"{cell}"' for cell in row) + "\r\n" for row in rows).encode(encoding)
    assert read_csv(raw) == RawDocument(TABLE)


def test_traditional_chinese_in_big5() -> None:
    raw = "職位,城市\r\n後端工程師,台北\r\n資料科學家,高雄\r\n".encode("big5")
    assert read_csv(raw).text == "| 職位 | 城市 |\n|---|---|\n| 後端工程師 | 台北 |\n| 資料科學家 | 高雄 |\n"


def test_quotes_line_feeds_in_cells_ragged_rows_and_empty_columns() -> None:
    raw = b'a,b,,c\n"x ""y""","two\nlines",,\n1\n'
    assert read_csv(raw).text == '| a | b | c |\n|---|---|---|\n| x "y" | two lines |  |\n| 1 |  |  |\n'


def test_one_column_is_paragraphs_and_tabs_are_tabs() -> None:
    assert (
        read_csv("技能\n编程, 网络\n数据库\n".encode()).text
        == "| 技能 |  |\n|---|---|\n| 编程 | 网络 |\n| 数据库 |  |\n"
    )
    assert read_csv("技能\n编程\n数据库\n".encode()).text == "技能\n\n编程\n\n数据库\n"
    assert read_tsv(b"a,x\tb\n1\t2\n").text == "| a,x | b |\n|---|---|\n| 1 | 2 |\n"


def test_a_table_wider_than_tables_are_is_refused() -> None:
    with pytest.raises(DamagedError, match="more than 500 columns"):
        read_csv(b"," * 600)


def test_records_of_one_shape_are_a_table() -> None:
    jobs = [{"name": "后端", "skills": ["Go", "SQL"], "years": 3}, {"name": "Frontend", "skills": [], "years": None}]
    expected = "| name | skills | years |\n|---|---|---|\n| 后端 | Go, SQL | 3 |\n| Frontend |  |  |\n"
    assert read_json(json.dumps(jobs).encode()) == RawDocument(expected)
    assert read_jsonl("\n".join(map(json.dumps, jobs)).encode()) == RawDocument(expected)


def test_records_with_texts_are_sections() -> None:
    raw = json.dumps(
        {"title": "职业", "about": LONG, "deep": {"a": {"b": 1, "ok": True}}, "tags": ["x", 2]}, ensure_ascii=False
    )
    expected = f"- title: 职业\n\n## about\n\n{LONG}\n\n## deep\n\n### a\n\n- b: 1\n- ok: true\n\n## tags\n\n- x\n- 2\n"
    assert read_json(raw.encode("gb18030")) == RawDocument(expected, "职业")
    lines = f'{{"question": "先学什么?", "answer": "{LONG}"}}\n\n{{"question": "Then?", "answer": "Serve."}}\n'
    assert read_jsonl(lines.encode()).text == (
        f"## 先学什么?\n\n- question: 先学什么?\n\n{LONG}\n\n## Then?\n\n- question: Then?\n- answer: Serve.\n"
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"a": 1,\n "b": }', r"no sound JSON \(line 2: Expecting value\)\. Mend that line"),
        (b"[" * 100_000, "nested more than 100 levels deep. Flatten it"),
        (b"[" * 200 + b"]" * 200, "nested more than 100 levels deep. Flatten it"),
        (b'{"a":' * 150 + b"1" + b"}" * 150, "nested more than 100 levels deep. Flatten it"),
    ],
)
def test_broken_and_bottomless_json_says_where(raw: bytes, message: str) -> None:
    with pytest.raises(DamagedError, match=message):
        read_json(raw)


def test_a_broken_line_of_jsonl_is_named() -> None:
    with pytest.raises(DamagedError, match=r"no sound JSONL \(line 3: "):
        read_jsonl(b'{"a": 1}\n\n{"a": \n')
    with pytest.raises(DamagedError, match="levels deep"):
        read_jsonl(b"1\n" + b"[" * 100_000)
