"""Payloads stay text in the widget."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from service.settings import Settings
from tests.conftest import document_of
from tests.service.http_fakes import fake_runtime
from tests.service.web.test_embedding import (
    ask_inline as ask_inline,
)

pytestmark = pytest.mark.browser

PAYLOADS = [
    "<script>window.hacked = 1</script>",
    '<img src=x onerror="window.hacked=1">',
    '<svg onload="window.hacked=1">',
    '"><img src=http://evil.example/x onerror=window.hacked=1>',
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "javascript:window.hacked=1",
    "[click](javascript:window.hacked=1)",
    "![x](http://evil.example/leak.png)",
    "<a href='javascript:window.hacked=1'>x</a>",
    "</style><script>window.hacked=1</script>",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "**<img src=x onerror=window.hacked=1>**",
    "`<img src=x onerror=window.hacked=1>`",
    "</textarea><script>window.hacked=1</script>",
    "<details open ontoggle=window.hacked=1>",
    "<body onload=window.hacked=1>",
    "<input autofocus onfocus=window.hacked=1>",
    "<object data='data:text/html,<script>parent.hacked=1</script>'></object>",
    "\u202e<script>window.hacked=1</script>",
]


def test_row_27_attacks_stay_text(page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    """Each payload as question, as title, heading and text of a document, and so in the answer and its sources."""
    wrappers = [
        "{}",
        "vector {} databases",
        "| {} | b |",
        "# {}\nvector",
        "- {}",
        "1. {}",
        "`{}`",
        "**{}**",
        "{}\n{}",
        "  {}  ",
    ]
    made = [
        document_of(
            wrapper.replace("{}", payload),
            id=f"d{i}-{j}",
            title=payload,
            lang="en",
            heading=(payload, wrapper.replace("{}", payload)),
        )
        for i, payload in enumerate(PAYLOADS)
        for j, wrapper in enumerate(wrappers)
    ]
    assert len(made) == 200
    runtime = fake_runtime(Settings(home=tmp_path, rate_per_minute=0, tokens_per_minute=0), documents=made)
    page.goto(serve(runtime=runtime))
    for payload in PAYLOADS:
        ask_inline(page, payload)
        expect(page.get_by_role("log")).to_have_attribute("aria-busy", "false")
    chips = page.locator("career-chat button.chip")
    assert chips.count() >= len(PAYLOADS)
    for index in range(0, chips.count(), 3):
        chips.nth(index).evaluate("node => node.click()")
    for document in made:
        page.evaluate("id => { location.hash = 'doc=' + id + '&char=0,9' }", document.info.id)
        expect(page.locator("#reader-title")).to_have_text(re.sub(r"\s+", " ", document.info.title))
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    shown = page.locator("career-chat .question").first.text_content() or ""
    assert shown.endswith(PAYLOADS[0])
    assert (
        page.evaluate(
            "[...document.querySelector('#chat').shadowRoot.querySelectorAll('img,iframe,script,object')].length"
        )
        == 0
    )
