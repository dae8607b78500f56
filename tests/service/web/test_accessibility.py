"""axe-core over every state of the widget and the page, in both languages and themes: nothing serious or critical."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from indexes.errors import EngineCrashed
from tests.conftest import document_of
from tests.service.http_fakes import FakeRetriever, chunks, compose, documents
from tests.service.web.conftest import watched
from tests.service.web.test_embedding import (
    embed as embed,
)

pytestmark = pytest.mark.browser
RETRIEVER = FakeRetriever(chunks(documents()))
SHOP = (
    '<!doctype html><html lang="{lang}"><head><title>Shop</title><meta name="color-scheme" content="light dark"></head>'
    '<body><main><h1>Shop</h1></main><script async src="{api}/widget/v1/embed.js"></script>'
)


def violations(page: Page) -> list[str]:
    # axe runs in the page: our own policy would keep it out, so the context bypasses it.
    found = Axe().run(page).response["violations"]
    return [
        f"{item['id']} ({item['impact']}): {node['target']} {node['failureSummary']}"
        for item in found
        if item["impact"] in {"serious", "critical", "moderate"}
        for node in item["nodes"]
    ]


@pytest.fixture
def open_page(browser: Any, serve: Callable[..., str]) -> Any:
    contexts = []

    def start(scheme: str, locale: str, width: int, script: Any = None) -> Page:
        context = browser.new_context(
            color_scheme=scheme, locale=locale, viewport={"width": width, "height": 800}, bypass_csp=True
        )
        contexts.append(context)
        page: Page = context.new_page()
        page.goto(serve(script))
        expect(page.locator("#documents button").first).to_be_visible()
        return page

    yield start
    for context in contexts:
        context.close()


def ask(page: Page, text: str) -> None:
    page.locator("career-chat [part=input]").fill(text)
    page.locator("career-chat [part=input]").press("Enter")


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1280), ("zh-CN", 360)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state(open_page: Any, scheme: str, locale: str, width: int) -> None:
    page = open_page(scheme, locale, width)
    assert violations(page) == []
    ask(page, "vector databases")
    expect(page.locator("career-chat .tools")).to_be_visible()
    page.locator("career-chat .tools button").nth(2).click()
    assert violations(page) == []
    page.locator("career-chat summary").click()
    check_source_and_refusal(page)
    page.evaluate("location.hash = 'doc=en-doc&char=0,9'")
    expect(page.locator("#reader-text mark")).to_be_visible()
    assert violations(page) == []


def check_source_and_refusal(page: Page) -> None:
    """Open the first source of an answer whose evidence is unfolded, close it, then ask what nothing answers."""
    page.locator("career-chat button.chip").first.click()
    expect(page.locator("career-chat .sheet blockquote")).to_contain_text("Start with programming")
    page.wait_for_timeout(300)
    assert violations(page) == []
    page.keyboard.press("Escape")
    ask(page, "zzz")
    expect(page.locator("career-chat .refusal")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_on_somebody_elses_page(
    browser: Browser, embed: Callable[..., str], scheme: Any, lang: str
) -> None:
    with watched(browser, color_scheme=scheme, bypass_csp=True) as page:
        page.goto(embed(SHOP.replace("{lang}", lang)))
        launcher = page.locator("career-chat .launcher")
        expect(launcher).to_have_attribute("aria-expanded", "false")
        assert violations(page) == []
        launcher.click()
        expect(page.locator("career-chat [part=panel]")).to_be_visible()
        background = page.locator("career-chat [part=panel]").evaluate("node => getComputedStyle(node).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 25, 27)"}[scheme]
        assert violations(page) == []
        ask(page, "vector databases")
        expect(page.locator("career-chat .tools")).to_be_visible()
        page.locator("career-chat summary").click()
        assert violations(page) == []
        check_source_and_refusal(page)
        page.keyboard.press("Escape")
        expect(launcher).to_have_attribute("aria-expanded", "false")
        assert violations(page) == []


def test_a_whole_document_in_the_widget(browser: Browser, embed: Callable[..., str]) -> None:
    long = document_of("Vector databases come next.\n" + "A line of the path.\n" * 60, id="long", title="The long path")
    script = lambda question: compose(FakeRetriever(chunks([long])), question)  # noqa: E731
    with watched(browser, bypass_csp=True) as page:
        page.goto(embed(SHOP.replace("{lang}", "en"), script=script, documents=[long]))
        page.locator("career-chat .launcher").click()
        ask(page, "vector databases")
        page.locator("career-chat button.chip").first.click()
        page.get_by_role("button", name="Read the document").click()
        page.wait_for_timeout(300)
        assert violations(page) == []


def test_a_page_that_waits_for_its_documents(open_page: Any) -> None:
    page = open_page("light", "en-US", 1280)
    page.route("**/api/documents", lambda route: route.fulfill(status=503, json={"type": "x:loading"}))
    page.reload()
    expect(page.locator("#documents")).to_contain_text("The service is starting")
    assert violations(page) == []


def test_while_writing_and_after_trouble(open_page: Any) -> None:
    troubles = [EngineCrashed("gone")]
    script = lambda q: [troubles.pop()] if troubles else compose(RETRIEVER, q, 0.2)  # noqa: E731
    page = open_page("light", "en-US", 1280, script)
    ask(page, "vector databases")
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Start over").click()
    ask(page, "vector databases")
    expect(page.locator("career-chat .draft")).not_to_be_empty()
    assert violations(page) == []
