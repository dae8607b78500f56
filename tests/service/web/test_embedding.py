"""The widget on somebody else's page: strict CSP, hostile style, two at once, put back, trouble, attacks."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from indexes.errors import EngineBusy, EngineCrashed
from tests.service.http_fakes import FakeRetriever, chunks, compose, documents

pytestmark = pytest.mark.browser
RETRIEVER = FakeRetriever(chunks(documents()))
TAG = (
    '<script type="module" src="{api}/widget/v1/career-chat.js"></script>'
    '<career-chat api-base="{api}"{more}></career-chat>'
)


@pytest.fixture
def embed(serve: Callable[..., str], host_page: Callable[..., str]) -> Callable[..., str]:
    """embed(html, csp, script) → address of a host page; `{api}` in both stands for the service's address."""

    def start(html: str, csp: str = "", script: Any = None, **changes: Any) -> str:
        # The host's port is known only once it runs, the service's too: the page is written last.
        content: dict[str, str] = {"html": "", "csp": ""}
        host = host_page(content)
        api = serve(script, cors_origins=(host,), **changes)
        content["html"] = html.replace("{api}", api)
        content["csp"] = csp.replace("{api}", api)
        return host

    return start


def open_and_ask(page: Page, text: str = "vector databases") -> None:
    page.locator("career-chat .launcher").click()
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def test_a_strict_policy_is_kept(page: Page, embed: Callable[..., str]) -> None:
    policy = (
        "default-src 'none'; script-src {api}; connect-src {api}; style-src 'self'; img-src data:; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page.add_init_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective))"
    )
    page.goto(embed("<!doctype html><body>" + TAG.replace("{more}", ""), policy))
    open_and_ask(page)
    page.get_by_role("button", name="Source 1: The backend path").click()
    expect(page.locator("career-chat mark")).to_be_visible()
    assert page.evaluate("violations") == []


def test_one_line_embeds_it(page: Page, embed: Callable[..., str]) -> None:
    script = '<script async src="{api}/widget/v1/embed.js" data-api-base="{api}" data-heading="问我"></script>'
    html = f'<!doctype html><html lang="zh"><body>{script}'
    page.goto(embed(html))
    open_and_ask(page, "向量数据库")
    expect(page.get_by_role("dialog", name="问我")).to_contain_text("向量数据库用来做相似度检索。")


def test_hostile_style_does_not_reach_it(page: Page, embed: Callable[..., str]) -> None:
    style = (
        "<style>* { all: unset !important; font-size: 40px !important; color: red !important;"
        "display: inline !important }</style>"
    )
    page.goto(embed("<!doctype html>" + style + "<body>" + TAG.replace("{more}", "")))
    open_and_ask(page)
    sentence = page.locator("career-chat .sentence").first
    expect(sentence).to_be_visible()
    assert sentence.evaluate("node => getComputedStyle(node).fontSize") == "15px"
    assert sentence.evaluate("node => getComputedStyle(node).color") != "rgb(255, 0, 0)"
    panel = page.get_by_role("dialog").first.bounding_box()
    assert panel is not None
    assert panel["width"] == 400


def test_launcher_opens_closes_and_returns_the_focus(page: Page, embed: Callable[..., str]) -> None:
    page.goto(embed("<!doctype html><body>" + TAG.replace("{more}", "")))
    launcher = page.locator("career-chat .launcher")
    expect(launcher).to_have_attribute("aria-expanded", "false")
    launcher.press("Enter")
    expect(page.get_by_role("textbox")).to_be_focused()
    expect(launcher).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("textbox")).to_be_hidden()
    assert page.evaluate("document.querySelector('career-chat').shadowRoot.activeElement.className") == "launcher"


def test_two_on_one_page_do_not_mix(page: Page, embed: Callable[..., str]) -> None:
    two = (
        TAG.replace("{more}", ' id="a" mode="inline"')
        + '<career-chat id="b" mode="inline" lang="zh" api-base="{api}"></career-chat>'
    )
    page.goto(embed("<!doctype html><body>" + two))
    page.locator("#a").get_by_role("textbox").fill("vector databases")
    page.locator("#a").get_by_role("textbox").press("Enter")
    expect(page.locator("#a .tools")).to_be_visible()
    assert page.locator("#b .turn").count() == 0
    page.reload()
    expect(page.locator("#a .sentence").first).to_be_visible()
    assert page.locator("#b .turn").count() == 0


def test_removed_and_put_back(page: Page, embed: Callable[..., str]) -> None:
    page.goto(embed("<!doctype html><body>" + TAG.replace("{more}", ' mode="inline"')))
    page.evaluate("window.asked = 0; addEventListener('career-chat:ask', () => asked++)")
    page.evaluate(
        "const chat = document.querySelector('career-chat');"
        "for (let i = 0; i < 5; i++) { chat.remove(); document.body.append(chat) }"
    )
    page.get_by_role("textbox").fill("vector databases")
    page.get_by_role("textbox").press("Enter")
    expect(page.locator("career-chat .sentence").first).to_be_visible()
    assert page.evaluate("asked") == 1
    assert page.locator("career-chat .turn").count() == 1


def test_methods_and_events(page: Page, embed: Callable[..., str]) -> None:
    page.add_init_script(
        "window.seen = []; for (const n of ['ready','open','close','ask','answer','citation','feedback','error'])"
        "addEventListener('career-chat:' + n, (e) => seen.push([n, e.detail]))"
    )
    page.goto(embed("<!doctype html><body>" + TAG.replace("{more}", " suggestions='not json'")))
    page.wait_for_function("seen.length > 0")
    answer = page.evaluate("document.querySelector('career-chat').ask('vector databases')")
    assert answer["status"] == "answered"
    page.locator("career-chat .chip").first.click()
    page.evaluate("document.querySelector('career-chat').close()")
    seen = page.evaluate("seen")
    assert [name for name, _ in seen] == ["ready", "open", "ask", "answer", "citation", "close"]
    assert seen[3][1]["text"] == answer["text"]
    assert seen[4][1]["document_id"] == answer["citations"][0]["document_id"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (EngineBusy("full", 2.0), "Many people are asking right now."),
        (EngineCrashed("gone"), "The service is not available at the moment."),
    ],
)
def test_trouble_is_told_and_can_be_retried(
    page: Page, embed: Callable[..., str], error: Exception, message: str
) -> None:
    troubles = [error]
    script = lambda question: [troubles.pop()] if troubles else compose(RETRIEVER, question)  # noqa: E731
    page.goto(embed("<!doctype html><body>" + TAG.replace("{more}", ""), script=script))
    open_and_ask(page)
    expect(page.get_by_role("alert")).to_contain_text(message)
    expect(page.get_by_role("button", name=re.compile(r"Try again in \d s"))).to_be_disabled()
    page.get_by_role("button", name="Try again", exact=True).click()
    expect(page.locator("career-chat .sentence").first).to_be_visible()
