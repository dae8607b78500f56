"""The page at /: what one types into is in sight, citations open beside their sentence, documents open in place."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.types import ASGIApp, Receive, Scope, Send

from service.app import create_app
from service.problems import Problem, response, retry_after
from service.settings import Settings
from service.types import Question
from tests.service.http_fakes import compose, fake_runtime
from tests.service.http_server import serving
from tests.service.web.test_widget import ask

pytestmark = pytest.mark.browser
QUESTION = "vector databases and model deployment"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1280, 720), (768, 1024), (360, 740), (320, 568)])
def test_the_question_can_be_typed_without_scrolling(
    page: Page, serve: Callable[..., str], width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(serve())
    expect(page.locator("career-chat [part=input]")).to_be_in_viewport(ratio=1)


def test_the_sentence_stays_in_sight_above_what_it_cites(page: Page, serve: Callable[..., str]) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(serve())
    for _ in range(3):
        ask(page, QUESTION)
        expect(page.get_by_role("button", name="Send")).to_be_visible()
    chip = page.locator("career-chat button.chip").last
    chip.click()
    sheet = page.locator("career-chat .sheet")
    expect(chip).to_have_class("chip open")
    sentence = page.locator("career-chat .sentence").filter(has=page.locator(".open"))
    top, over = sentence.bounding_box(), sheet.bounding_box()
    assert top is not None
    assert over is not None
    assert top["y"] + 24 <= over["y"]  # its first line at least
    page.keyboard.press("Escape")
    expect(chip).to_have_class("chip")
    expect(chip).to_be_focused()


def test_a_citations_document_opens_in_place(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    ask(page, QUESTION)
    page.locator("career-chat button.chip").first.click()
    page.locator("career-chat .sheet a").click()
    reader = page.locator("#reader")
    expect(reader.locator("mark")).to_have_text("Then learn model deployment and vector databases.")
    assert len(page.context.pages) == 1
    with page.context.expect_page():  # who wants a tab still gets one
        page.locator("#reader-close").click()
        page.locator("career-chat .sheet a").click(modifiers=["ControlOrMeta"])


def test_a_refusal_does_not_say_that_it_found_something(page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    """What was near is shown as what was looked at."""
    settings = Settings(home=tmp_path)
    fake = fake_runtime(settings)
    near = compose(fake.retriever, Question(QUESTION))[0]
    refused = compose(fake.retriever, Question("zzz"))[-1]
    page.goto(serve(lambda _: [near, refused]))
    ask(page, QUESTION)
    expect(page.locator("career-chat .refusal")).to_be_in_viewport(ratio=1)
    expect(page.locator("career-chat summary")).to_have_text("Looked in The backend path")


def test_what_cannot_be_copied_is_selected(page: Page, serve: Callable[..., str]) -> None:
    """A page that plain http brought from another machine has no clipboard."""
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined })")
    page.goto(serve())
    page.get_by_role("button", name="Copy", exact=True).click()
    snippet = page.locator("#snippet").inner_text()
    assert page.evaluate("getSelection().toString()") == snippet
    assert snippet.startswith("<script async src=")
    expect(page.locator("#copy")).to_have_text("Copy")


def test_the_line_is_copied(page: Page, serve: Callable[..., str]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(serve())
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#copy")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#snippet").inner_text()


LOADING = Problem(503, "The models are being loaded: try again in a moment.", "loading", headers=retry_after(1))
BUSY = Problem(429, "Too many requests: wait and try again.", "rate_limited", headers=retry_after(1))
NO_INDEX = Problem(503, "There is no index: run `career ingest`.", "generation_missing", headers=retry_after(1))


def failing_first(home: Path, path: str, problem: Problem, times: int, asked: list[float]) -> ASGIApp:
    """The service, whose first answers to `path` are a problem; `asked` hears when they were given."""
    service = create_app(fake_runtime(Settings(home=home)))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == path and len(asked) < times:
            asked.append(time.monotonic())
            await response(problem, path, "1")(scope, receive, send)
        else:
            await service(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("problem", "said", "in_chinese"),
    [
        (LOADING, "The service is starting: its documents will appear here.", "服务正在启动，文档稍后会出现在这里。"),
        (
            BUSY,
            "Many people are asking right now: the documents will appear here in a moment.",
            "现在提问的人较多，文档稍后会出现在这里。",
        ),
        (NO_INDEX, f"The documents cannot be listed: {NO_INDEX.detail}", f"无法列出文档： {NO_INDEX.detail}"),
    ],
    ids=["loading", "busy", "no index"],
)
def test_why_there_is_no_list_yet_is_told_and_it_is_asked_for_again(
    page: Page, tmp_path: Path, problem: Problem, said: str, in_chinese: str
) -> None:
    asked: list[float] = []
    with serving(failing_first(tmp_path, "/api/documents", problem, 2, asked)) as address:
        page.goto(address)
        expect(page.locator("#documents")).to_have_text(said)
        page.locator("#language").click()
        expect(page.locator("#documents")).to_have_text(in_chinese)
        expect(page.locator("#documents button")).to_have_text(["向量数据库入门", "The backend path"])
    assert 1.0 <= asked[1] - asked[0] < 3.0


def test_what_waiting_does_not_cure_is_told_once(page: Page, tmp_path: Path) -> None:
    asked: list[float] = []
    problem = Problem(403, "This key may not do that.", "forbidden")
    with serving(failing_first(tmp_path, "/api/documents", problem, 9, asked)) as address:
        page.goto(address)
        expect(page.locator("#documents")).to_have_text("The documents cannot be listed: This key may not do that.")
        page.wait_for_timeout(1500)
    assert len(asked) == 1


def test_a_lost_connection_is_told_and_found_again(page: Page, serve: Callable[..., str]) -> None:
    page.route("**/api/documents", lambda route: route.abort())
    page.goto(serve())
    expect(page.locator("#documents")).to_have_text("The service cannot be reached. Trying again…")
    page.unroute("**/api/documents")
    expect(page.get_by_role("button", name="The backend path")).to_be_visible()


def test_an_address_with_a_document_waits_for_it(page: Page, tmp_path: Path) -> None:
    asked: list[float] = []
    with serving(failing_first(tmp_path, "/api/documents/en-doc", LOADING, 1, asked)) as address:
        page.goto(f"{address}/#doc=en-doc&char=0,5")
        expect(page.locator("#reader mark")).to_have_text("Start")
    assert len(asked) == 1


def test_an_empty_corpus_is_called_so(page: Page, serve: Callable[..., str]) -> None:
    page.route("**/api/documents", lambda route: route.fulfill(json={"generation": 1, "documents": []}))
    page.goto(serve())
    expect(page.locator("#documents")).to_have_text("There are no documents yet.")


def test_what_another_origin_needs_is_said_beside_the_line(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    for word in ("CAREER_CORS_ORIGINS", "CAREER_SITE_KEYS", 'data-site-key="pk_…"'):
        expect(page.locator(".hint")).to_contain_text(word)
