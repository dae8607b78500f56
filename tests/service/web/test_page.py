"""The page at /: what one types into is in sight, citations open beside their sentence, documents open in place."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.settings import Settings
from service.types import Question
from tests.service.http_fakes import compose, fake_runtime
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
        expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
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
