"""The widget in a real browser: evidence, draft, checked sentences, sources, refusals, votes, history, keyboard."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from service.settings import Settings
from tests.service.http_fakes import FakeRetriever, chunks, compose, documents, fake_runtime

pytestmark = pytest.mark.browser
RETRIEVER = FakeRetriever(chunks(documents()))


def slowly(pause_s: float) -> Callable[[Any], Any]:
    return lambda question: compose(RETRIEVER, question, pause_s)


def ask(page: Page, text: str) -> None:
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def test_evidence_then_draft_then_checked_sentences(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve(slowly(0.08)))
    ask(page, "vector databases and model deployment")
    expect(page.locator("career-chat summary")).to_contain_text("Found in The backend path")
    draft = page.locator("career-chat .draft")
    expect(draft).to_contain_text("Then learn")
    assert page.locator("career-chat .sentence").count() == 0
    assert draft.get_attribute("aria-hidden") == "true"
    sentence = page.locator("career-chat .sentence").first
    expect(sentence).to_have_text("Then learn model deployment and vector databases.1")
    expect(page.locator("career-chat .tools")).to_be_visible()
    expect(draft).to_have_count(0)


def test_a_citation_opens_the_quote_in_its_surroundings(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    ask(page, "vector databases and model deployment")
    page.get_by_role("button", name="Source 1: The backend path").click()
    sheet = page.get_by_role("dialog", name="Source 1: The backend path")
    expect(sheet.locator("mark")).to_have_text("Then learn model deployment and vector databases.")
    expect(sheet.locator("blockquote")).to_contain_text("Start with programming, networking and databases.")
    expect(sheet.locator(".path")).to_have_text("First steps")
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.textContent") == "1"


def test_offsets_count_code_points(page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    from tests.conftest import document_of

    document = document_of("🙂🙂 Emoji come first.\n𝒳 marks vector databases.", id="emoji", title="Emoji")
    runtime = fake_runtime(Settings(home=tmp_path), documents=[document])
    page.goto(serve(runtime=runtime))
    ask(page, "vector databases")
    page.get_by_role("button", name="Source 1: Emoji").click()
    expect(page.locator("career-chat blockquote mark")).to_have_text("𝒳 marks vector databases.")
    expect(page.locator("career-chat blockquote")).to_contain_text("🙂🙂 Emoji come first.")
    page.goto(page.locator("career-chat .sheet a").get_attribute("href") or "")
    page.reload()
    expect(page.locator("#reader-text mark")).to_have_text("𝒳 marks vector databases.")


def test_a_refusal_looks_different_and_offers_topics(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    ask(page, "zzz")
    refusal = page.locator("career-chat .refusal")
    expect(refusal).to_contain_text("Not in the documents")
    expect(refusal).to_be_in_viewport()
    expect(page.locator("career-chat summary")).to_have_count(0)  # nothing was near
    assert page.locator("career-chat .sentence").count() == 0
    refusal.get_by_role("button", name="Model deployment").click()
    expect(page.locator("career-chat .question").last).to_contain_text("Model deployment")
    expect(page.locator("career-chat .sentence").first).to_contain_text("model deployment")


def test_votes_reach_the_service(page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    from service.feedback import FeedbackStore

    page.goto(serve())
    ask(page, "vector databases")
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("Incorrect").check()
    page.get_by_label("More, if you like").fill("第二句不对")
    page.locator("career-chat .why button").click()
    expect(page.locator("career-chat .said")).to_have_text("Thank you.")
    [vote] = FeedbackStore(tmp_path / "feedback.sqlite").votes()
    assert (vote.rating, vote.tags, vote.note) == ("down", ["incorrect"], "第二句不对")
    assert vote.answer["question"] == "vector databases"
    page.get_by_role("button", name="Helpful", exact=True).click()
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")
    assert [vote.rating for vote in FeedbackStore(tmp_path / "feedback.sqlite").votes()] == ["up"]


def test_the_conversation_survives_a_reload_and_is_sent_as_history(
    page: Page, serve: Callable[..., str], tmp_path: Path
) -> None:
    runtime = fake_runtime(Settings(home=tmp_path))
    page.goto(serve(runtime=runtime))
    ask(page, "vector databases")
    expect(page.locator("career-chat .tools").last).to_be_visible()
    page.reload()
    expect(page.locator("career-chat .sentence").first).to_contain_text("vector databases")
    ask(page, "model deployment")
    expect(page.locator("career-chat .turn")).to_have_count(2)
    expect(page.get_by_role("button", name="Helpful", exact=True)).to_have_count(2)
    assert [turn.content for turn in runtime.answerer.asked[-1].history][:1] == ["vector databases"]
    page.get_by_role("button", name="Start over").click()
    expect(page.locator("career-chat .welcome")).to_be_visible()
    assert json.loads(page.evaluate("Object.values(sessionStorage)[0]")) == []


def test_enter_while_an_input_method_composes_does_not_send(
    page: Page, serve: Callable[..., str], tmp_path: Path
) -> None:
    runtime = fake_runtime(Settings(home=tmp_path))
    page.goto(serve(runtime=runtime))
    box = page.get_by_role("textbox")
    box.click()
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "xiang liang", "selectionStart": 11, "selectionEnd": 11})
    for kind in ("keyDown", "keyUp"):
        key = {"type": kind, "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
        session.send("Input.dispatchKeyEvent", key)
    box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True})
    box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "bubbles": True, "cancelable": True})
    session.send("Input.insertText", {"text": "向量数据库"})
    page.wait_for_timeout(200)
    assert runtime.answerer.asked == []
    expect(box).to_have_value("向量数据库")
    page.keyboard.press("Enter")
    expect(page.locator("career-chat .sentence").first).to_contain_text("向量数据库")
    assert [question.text for question in runtime.answerer.asked] == ["向量数据库"]


def test_shift_enter_is_a_new_line(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    box = page.get_by_role("textbox")
    box.fill("one")
    box.press("Shift+Enter")
    box.type("two")
    expect(box).to_have_value("one\ntwo")


def test_stop_frees_the_engine_and_keeps_what_was_checked(
    page: Page, serve: Callable[..., str], tmp_path: Path
) -> None:
    runtime = fake_runtime(Settings(home=tmp_path), slowly(0.1))
    page.goto(serve(runtime=runtime))
    ask(page, "vector databases and model deployment and programming")
    expect(page.locator("career-chat .sentence").first).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("career-chat .ended")).to_contain_text("Stopped.")
    expect(page.locator("career-chat .sentence").first).to_be_visible()
    assert runtime.answerer.wait_closed(1, 2.0)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("career-chat .draft")).not_to_be_empty()
    expect(page.locator("career-chat .turn")).to_have_count(1)


def test_it_speaks_chinese(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("textbox", name="输入问题…")).to_be_visible()
    ask(page, "向量数据库")
    expect(page.locator("career-chat summary")).to_contain_text("见于《向量数据库入门》")
    page.get_by_role("button", name="来源 1：向量数据库入门").click()
    expect(page.locator("career-chat .sheet a")).to_have_text("阅读全文")


def test_the_page_lists_documents_and_reads_them(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve())
    page.get_by_role("button", name="向量数据库入门").click()
    reader = page.get_by_role("dialog", name="向量数据库入门")
    expect(reader).to_contain_text("Milvus、Pinecone 和 FAISS")
    assert page.url.endswith("#doc=zh-doc")
    reader.get_by_role("button").click()
    expect(reader).to_be_hidden()
    expect(page).to_have_url(re.compile(r"^[^#]*$"))


def test_the_api_page_sends_every_kind_of_request(page: Page, serve: Callable[..., str]) -> None:
    page.goto(serve() + "/docs")
    for path in ("/api/search", "/api/documents/{document_id:path}", "/api/ask", "/v1/chat/completions"):
        operation = page.locator("details", has=page.get_by_text(path.replace(":path", ""), exact=True)).first
        operation.locator("summary").click()
        if "{" in path:
            operation.get_by_label("document_id").fill("en-doc")
        operation.get_by_role("button", name="Send").click()
        expect(operation.get_by_role("status")).to_contain_text(re.compile(r"^200  \d+ ms"))


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_overflows(page: Page, serve: Callable[..., str], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(serve())
    ask(page, "vector databases " + "x" * 200)
    expect(page.locator("career-chat .tools").last).to_be_visible()
    page.locator("career-chat button.chip").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelector('#chat').shadowRoot.querySelector('.log').scrollWidth") <= width
