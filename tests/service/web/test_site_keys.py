"""Behind keys: a page with a site key asks, reads its sources in the widget, and a page without is told the cure."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from service.app import create_app
from service.settings import Settings
from tests.conftest import document_of
from tests.service.http_fakes import fake_runtime
from tests.service.http_server import serving
from tests.service.web.test_embedding import open_and_ask

pytestmark = pytest.mark.browser
KEYS = (f"user:{hashlib.sha256(b'a secret').hexdigest()}",)
LINE = '<!doctype html><body><script async src="{api}/widget/v1/embed.js" data-api-base="{api}"{more}></script>'
LONG = (
    "\n".join(f"Line {n} of the path." for n in range(60))
    + "\nVector databases come next.\n"
    + "\n".join(f"Line {n} of the path." for n in range(60, 120))
)


def test_a_page_with_a_site_key_asks_and_reads_where_the_answer_stands(
    page: Page, host_page: Callable[..., str], serve: Callable[..., str]
) -> None:
    """Where keys are set, the service's own page opens for no link: the document is read in the widget."""
    content = {"html": "", "csp": ""}
    host = host_page(content)
    long = document_of(LONG, id="long", title="The long path")
    api = serve(documents=[long], api_keys=KEYS, site_keys=(f"pk_shop@{host}",))
    content["html"] = LINE.replace("{more}", ' data-site-key="pk_shop"').replace("{api}", api)
    page.goto(host)
    open_and_ask(page, "vector databases")
    expect(page.locator("career-chat .sentence").first).to_have_text("Vector databases come next.1")
    page.get_by_role("button", name="Source 1: The long path").click()
    sheet = page.get_by_role("dialog", name="Source 1: The long path")
    place = sheet.locator("blockquote")
    expect(place).to_contain_text("Line 59 of the path.")
    assert "Line 0 of the path." not in place.inner_text()
    expect(sheet.locator("a")).to_have_count(0)
    sheet.get_by_role("button", name="Read the document").click()
    expect(place).to_have_text(LONG)
    expect(place).to_be_focused()
    expect(sheet.locator("mark")).to_have_text("Vector databases come next.")
    expect(sheet.locator("mark")).to_be_in_viewport(ratio=1)
    expect(sheet.get_by_role("button", name="Read the document")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    refused = page.request.get(api + "/")
    assert refused.status == 401  # what a link would have opened


def test_nothing_more_is_offered_of_a_document_that_is_all_there(
    page: Page, host_page: Callable[..., str], serve: Callable[..., str]
) -> None:
    content = {"html": "", "csp": ""}
    host = host_page(content)
    content["html"] = LINE.replace("{more}", "").replace("{api}", serve(cors_origins=(host,)))
    page.goto(host)
    open_and_ask(page)
    page.get_by_role("button", name="Source 1: The backend path").click()
    sheet = page.get_by_role("dialog", name="Source 1: The backend path")
    expect(sheet.locator("blockquote")).to_contain_text("Start with programming")
    expect(sheet.get_by_role("button", name="Read the document")).to_have_count(0)


@pytest.mark.parametrize(
    "case",
    [
        (
            {},
            "en",
            "This page may not ask here. The service must name {host} in CAREER_SITE_KEYS, and this page the key",
        ),
        ({"site_keys": ("pk_shop@https://shop.example",)}, "zh", "服务需在 CAREER_SITE_KEYS 中登记 {host}，"),
        ({"api_keys": KEYS, "site_keys": ("pk_shop@https://shop.example",)}, "en", "The service must name {host} in"),
        ({"site_keys": ("pk_shop@https://shop.example", "pk_mine@{host}")}, "en", "The service must name {host} in"),
        ({"api_keys": KEYS, "cors_origins": ("{host}",)}, "zh", "CAREER_CORS_ORIGINS"),
    ],
    ids=["origin unknown", "key of another origin", "both", "key and origin of two sites", "key missing"],
)
def test_a_page_that_may_not_ask_is_told_the_cure(
    page: Page, host_page: Callable[..., str], serve: Callable[..., str], case: tuple[dict[str, Any], str, str]
) -> None:
    keyed, lang, said = case
    content = {"html": "", "csp": ""}
    host = host_page(content)
    api = serve(**{name: tuple(one.replace("{host}", host) for one in value) for name, value in keyed.items()})
    key = ' data-site-key="pk_shop"' if "site_keys" in keyed else ""
    content["html"] = LINE.replace("{more}", f'{key} data-lang="{lang}"').replace("{api}", api)
    page.goto(host)
    open_and_ask(page)
    expect(page.get_by_role("alert")).to_contain_text(said.replace("{host}", host))


def test_a_service_that_has_gone_is_not_taken_for_one_that_refuses(
    page: Page, host_page: Callable[..., str], tmp_path: Path
) -> None:
    content = {"html": "", "csp": ""}
    host = host_page(content)
    with serving(create_app(fake_runtime(Settings(home=tmp_path, cors_origins=(host,))))) as api:
        content["html"] = LINE.replace("{more}", "").replace("{api}", api)
        page.goto(host)
        expect(page.locator("career-chat .launcher")).to_be_visible()
    open_and_ask(page)
    expect(page.get_by_role("alert")).to_contain_text("The connection was lost.")
    assert "CAREER_SITE_KEYS" not in page.get_by_role("alert").inner_text()
