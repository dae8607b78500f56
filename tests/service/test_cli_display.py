"""An answer on a terminal: checked text stays, drafts do not, sources follow."""

from io import StringIO

import pytest
from rich.console import Console

from service.commands.display import by_marker, one_line, show_stream
from service.commands.output import progress_bar
from service.composing import Composer
from service.types import (
    Citation,
    DraftToken,
    Evidence,
    Finished,
    Question,
    Retrieval,
    SentenceChecked,
    Verdict,
    Waiting,
)
from tests.service import http_fakes
from tests.service.http_fakes import FakeRetriever, answer_of, compose


def terminal() -> Console:
    return Console(file=StringIO(), force_terminal=True, width=100, color_system=None, highlight=False)


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_screen_ends_with_the_answer_and_its_sources() -> None:
    retriever = FakeRetriever(http_fakes.chunks(http_fakes.documents()))
    console = terminal()
    events = [event for event in compose(retriever, Question("programming networking")) if not isinstance(event, float)]
    answer = show_stream(events, "en", console)  # type: ignore[arg-type]
    assert answer.text == "Start with programming, networking and databases. [1]"
    text = written(console)
    assert text.startswith("1 passages found in 2 ms\n")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    assert lines[-2:] == [
        "[1] The backend path › First steps",
        "    Start with programming, networking and databases.",
    ]


def test_a_draft_is_shown_until_it_is_checked_and_partial_support_is_told() -> None:
    chunk = http_fakes.chunks(http_fakes.documents())[0]
    composer = Composer("zh")
    citation = Citation(0, chunk, chunk.start, chunk.end, chunk.text, 0.5)
    sentence = composer.add("向量数据库用来检索。", Verdict.PARTIAL, 0.5, [citation])
    assert sentence is not None
    retrieval = Retrieval((), 1.0)
    events = [
        Evidence(retrieval),
        Waiting(2, 4000.0),
        DraftToken("向量数据库是草稿"),
        SentenceChecked(sentence),
        Finished(answer_of("问", "zh", composer, retrieval)),
    ]
    console = terminal()
    show_stream(events, "zh", console)
    text = written(console)
    assert "排队中：前面还有 2 个问题，大约 4 秒" in text
    assert "向量数据库是草稿" in text
    last = text.rpartition("向量数据库是草稿")[2]
    assert "向量数据库用来检索。[1]" in last
    assert text.rstrip().endswith("黄色：引文仅部分支持该句。")


def test_citations_of_one_marker_stand_together() -> None:
    chunk = http_fakes.chunks(http_fakes.documents())[0]
    made = [Citation(marker, chunk, start, start + 1, "q", 1.0) for marker, start in ((2, 5), (1, 9), (2, 1))]
    assert {marker: [c.start for c in found] for marker, found in by_marker(made).items()} == {1: [9], 2: [1, 5]}


def test_a_quote_of_several_lines_is_shown_as_one() -> None:
    assert one_line("| a | b |\n| c |  d |") == "| a | b | | c | d |"


@pytest.mark.parametrize(
    ("things", "line"), [("rows", "translating: 3 of 6 rows"), ("", "translating: 3 of 6 MB")], ids=["rows", "bytes"]
)
def test_progress_counts_what_is_being_done(things: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    unit = 1 if things else 1_000_000
    with progress_bar("translating", things) as progress:
        progress(3 * unit, 6 * unit)
        progress(3 * unit, 6 * unit)
    assert capsys.readouterr().err.splitlines() == [line]
