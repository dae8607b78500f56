"""Streams as networks deliver them: slow, in small pieces, cut inside a character, broken off."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route

from service.app import create_app
from service.settings import Settings
from service.sse import frames
from service.types import DraftToken, Question
from tests.service.http_fakes import FakeRetriever, Step, chunks, compose, documents, fake_runtime
from tests.service.http_server import serving

pytestmark = pytest.mark.browser
RETRIEVER = FakeRetriever(chunks(documents()))
READS = """
  window.reads = [];
  const read = ReadableStreamDefaultReader.prototype.read;
  ReadableStreamDefaultReader.prototype.read = async function () {
    const got = await read.call(this);
    if (got.value) reads.push(Array.from(got.value));
    return got;
  };
"""
"""Records every piece of a stream as the widget gets it."""
GROWTH = """
  window.grown = [];
  const log = document.querySelector('#chat').shadowRoot.querySelector('.log');
  const note = ({ target }) => target.matches('.draft') && target.textContent
    && grown.push([target.textContent, performance.now()]);
  new MutationObserver((all) => all.forEach(note)).observe(log, { childList: true, subtree: true });
"""
"""Records the draft each time it grows, and when."""


def cut_after(content: bytes, size: int, pause_s: float) -> Callable[[Request], StreamingResponse]:
    """The stream in pieces of `size` bytes: inside characters, lines and events."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), size):
            time.sleep(pause_s)
            yield content[start : start + size]

    return lambda _: StreamingResponse(pieces(), media_type="text/event-stream")


@pytest.mark.parametrize("size", [1, 7])
def test_a_stream_cut_anywhere_reads_the_same(page: Page, tmp_path: Path, size: int) -> None:
    content = whole_stream(tmp_path, "向量数据库")
    with serving(in_front(tmp_path, cut_after(content, size, 0.0))) as address:
        page.goto(address)
        ask_inline(page, "向量数据库")
        expect(page.locator("career-chat .sentence").first).to_contain_text("向量数据库用来做相似度检索。")
        expect(page.locator("career-chat .tools").last).to_be_visible()


def test_pieces_of_ten_bytes_that_cut_characters_read_the_same(page: Page, tmp_path: Path) -> None:
    content = whole_stream(tmp_path, "向量数据库")
    page.add_init_script(READS)
    with serving(in_front(tmp_path, cut_after(content, 10, 0.002))) as address:
        page.goto(address)
        ask_inline(page, "向量数据库")
        expect(page.locator("career-chat .tools").last).to_be_visible()
        assert page.locator("career-chat .sentence").all_inner_texts() == sentences_of(content)
    reads = [bytes(read) for read in page.evaluate("reads")]
    assert b"".join(reads) == content
    assert sum(len(read) == 10 for read in reads) > len(reads) / 2
    assert any(ends_inside_a_character(read) for read in reads)


def test_a_token_a_second_is_shown_a_token_a_second(page: Page, serve: Callable[..., str]) -> None:
    """With signs of life in between, which are no text."""
    page.goto(serve(a_token_a_second, ping_s=0.3))
    page.evaluate(GROWTH)
    ask_inline(page, "vector databases")
    draft = page.locator("career-chat .draft")
    expect(draft).to_have_text("The")
    assert page.locator("career-chat .sentence").count() == 0
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("career-chat .sentence").first).to_contain_text("Then learn model deployment")
    expect(page.locator("career-chat .tools")).to_be_visible()
    grown = page.evaluate("grown")[:4]
    assert [text for text, _ in grown] == ["The", "Then l", "Then lear", "Then learn m"]
    waits = [after - before for (_, before), (_, after) in pairwise(grown)]
    assert all(800 <= wait <= 3000 for wait in waits), waits


def a_token_a_second(question: Question) -> list[Step]:
    steps: list[Step] = []
    tokens = 0
    for step in compose(RETRIEVER, question):
        steps.append(step)
        if isinstance(step, DraftToken) and tokens < 4:
            tokens += 1
            steps.append(1.0)
    return steps


def ends_inside_a_character(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return False


def sentences_of(content: bytes) -> list[str]:
    answer = frames([content])[-1][1]
    return [sentence["text"] + "".join(map(str, sentence["citations"])) for sentence in answer["sentences"]]


def test_a_stream_that_breaks_off_keeps_what_was_checked(page: Page, tmp_path: Path) -> None:
    content = whole_stream(tmp_path, "向量数据库")
    upto = content.index(b"event: sentence")
    upto = content.index(b"\n\n", upto) + 20
    with serving(in_front(tmp_path, cut_after(content[:upto], 100, 0.0))) as address:
        page.goto(address)
        ask_inline(page, "向量数据库")
        expect(page.get_by_role("alert")).to_contain_text("The connection was lost.")
        expect(page.locator("career-chat .sentence").first).to_contain_text("向量数据库用来做相似度检索。")


def whole_stream(tmp_path: Path, question: str) -> bytes:
    with TestClient(create_app(fake_runtime(Settings(home=tmp_path)))) as client:
        return client.post("/api/ask", json={"question": question}, headers={"Accept": "text/event-stream"}).content


def in_front(tmp_path: Path, ask: Callable[[Request], StreamingResponse]) -> Starlette:
    """The service with another answer to /api/ask."""
    service = create_app(fake_runtime(Settings(home=tmp_path)))
    return Starlette(
        routes=[Route("/api/ask", ask, methods=["POST"]), Mount("/", service)],
        lifespan=service.router.lifespan_context,
    )


def ask_inline(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")
