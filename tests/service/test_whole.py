"""A small table that a question names by its headings is one piece of evidence; its rows are asked for one by one."""

from dataclasses import replace

import pytest

from indexes.types import Hit, Unit, UnitKind
from service.asking import understand
from service.composing import is_exact
from service.llm.extractive import NOT_RENDERED, Rendered, cite, quote_answer
from service.prompt import plain_row
from service.types import Question, Verdict
from service.whole import in_one, is_whole, rows_in, with_whole_tables
from tests.conftest import chunk_of, document_of
from tests.service.answering import SURE, answerer_of, hit_of

BOOKS = "《动手学深度学习》 | 李沈来等 |\n| 《深度学习》 | Ian Goodfellow 等 |\n| 《Designing Systems》 | Chip Huyen"
CONTEXT = "题 › 推荐书籍\n书名 | 作者"


def table(text: str = BOOKS, *, kind: UnitKind = UnitKind.ROW, best: int = 1) -> Hit:
    """A hit on row `best` of a table that is all of its chunk."""
    chunk = chunk_of(text, heading=("推荐书籍",))
    units, at = [], 0
    for number, row in enumerate(text.split(" |\n| ")):
        at = text.index(row, at)
        units.append(Unit(f"r{number}", kind, at, at + len(row), row, CONTEXT))
    return replace(hit_of(replace(chunk, units=tuple(units))), units=(units[best], units[0]))


def evidence(question: str, hit: Hit) -> list[str]:
    lang = "en" if question.isascii() else "zh"
    return [unit.text for unit in with_whole_tables(understand(question, lang), [hit])[0].units]


@pytest.mark.parametrize("question", ["推荐哪些书籍？", "Which books are recommended?", "推荐了哪几本书？"])
def test_who_asks_by_the_heading_gets_all_rows(question: str) -> None:
    assert evidence(question, table()) == [BOOKS]


@pytest.mark.parametrize(
    "question",
    [
        "Which book is by Chip Huyen?",  # a row's own name
        "哪本书讲深度学习？",  # a row's own words
        "Who wrote the recommended books?",  # a person
        "哪些工具用来监控？",  # nothing of the heading
    ],
)
def test_who_asks_for_a_row_gets_rows(question: str) -> None:
    assert evidence(question, table()) == ["《深度学习》 | Ian Goodfellow 等", "《动手学深度学习》 | 李沈来等"]


def test_long_tables_single_rows_and_sentences_stay_as_they_are() -> None:
    long = " |\n| ".join(f"《书{number}》 | {'很长' * 20}" for number in range(6))
    assert len(evidence("推荐哪些书籍？", table(long))) == 2
    assert evidence("推荐哪些书籍？", table("《书》 | 某人", best=0))[0] == "《书》 | 某人"
    assert len(evidence("推荐哪些书籍？", table(kind=UnitKind.SENTENCE))) == 2


def test_all_rows_are_quoted_exactly_and_shown_without_their_marks() -> None:
    (hit,) = with_whole_tables(understand("推荐哪些书籍？", "zh"), [table()])
    (quoted,) = quote_answer([hit], "zh")
    assert is_exact(quoted.citation)
    assert quoted.citation.quote == BOOKS
    assert quoted.text == (
        "文档中写道：“《动手学深度学习》 | 李沈来等；《深度学习》 | Ian Goodfellow 等；"
        "《Designing Systems》 | Chip Huyen”"
    )
    assert plain_row("| a | b |") == "a | b"


def test_beside_a_whole_table_only_what_is_as_near_is_told() -> None:
    asked = "Which books are recommended across the guides?"
    texts = ("深度学习的资源。", "云平台的用法。")
    near, far = (hit_of(chunk_of(text, document=document_of(text, id=text))) for text in texts)
    hits = [replace(table(), score=0.5), replace(near, score=0.46), replace(far, score=0.4)]
    answer = answerer_of(hits, None, gate=SURE).answer(Question(asked, lang="zh"))
    assert [citation.quote for citation in answer.citations] == [BOOKS, "深度学习的资源。"]
    assert is_whole(with_whole_tables(understand(asked, "en"), hits)[0])
    assert not is_whole(table())


def test_rows_are_rendered_one_by_one() -> None:
    (hit,) = with_whole_tables(understand("推荐哪些书籍？", "zh"), [table()])
    rows = rows_in(hit.chunk, hit.units[0])
    assert [row.id for row in rows] == ["r0", "r1", "r2"]
    rendered = {
        "r1": Rendered("Deep Learning by Ian Goodfellow.", Verdict.PARTIAL, 0.9),
        "r2": Rendered("Designing Systems by Chip Huyen.", Verdict.SUPPORTED, 0.8),
    }
    said = in_one(rows, lambda row: rendered.get(row.id, NOT_RENDERED))
    assert said == Rendered(
        "“《动手学深度学习》 | 李沈来等”; Deep Learning by Ian Goodfellow; Designing Systems by Chip Huyen.",
        Verdict.PARTIAL,
        0.9,
    )
    assert in_one(rows, lambda row: NOT_RENDERED) == NOT_RENDERED
    assert in_one(rows[1:2], lambda row: rendered["r2"]) == rendered["r2"]
    single = table()
    assert rows_in(single.chunk, single.units[0]) == [single.units[0]]
    assert cite(single, single.units[0]).quote == "《深度学习》 | Ian Goodfellow 等"
