"""What a screen reader is told while an answer comes: each checked sentence once, at once; never the draft."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from service.types import Finished, Question, SentenceChecked
from tests.service.http_fakes import FakeRetriever, Step, chunks, compose, documents
from tests.service.web.test_widget import ask, slowly

pytestmark = pytest.mark.browser
RETRIEVER = FakeRetriever(chunks(documents()))
QUESTION = "vector databases and model deployment"
FIRST = "Then learn model deployment and vector databases. Source 1: The backend path"
SECOND = "Start with programming, networking and databases. Source 2: The backend path"
LISTEN = """() => {
  const SILENT = '[aria-hidden=true], [aria-live=off], [hidden]';
  const log = document.querySelector('career-chat').shadowRoot.querySelector('[role=log]');
  const spoken = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.matches(SILENT)) return '';
    if (node.hasAttribute('aria-label')) return ` ${node.getAttribute('aria-label')} `;
    const parts = node.matches('details:not([open])') ? [node.querySelector('summary')] : [...node.childNodes];
    return parts.map(spoken).join('');
  };
  window.announced = [];
  window.busy = [];
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (log.ariaBusy === 'true' || log.querySelector('[aria-busy=true]')) busy.push(type);
      const inside = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
      if (type === 'attributes' || inside.closest(SILENT)) continue;
      const text = [...addedNodes].map(spoken).join('').replace(/\\s+/g, ' ').trim();
      if (text) announced.push(text);
    }
  }).observe(log, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
"""Notes what a polite live region of additions would say, and whether it was ever told to hold that back."""


def listen(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("log")).to_have_attribute("aria-live", "polite")
    page.evaluate(LISTEN)


def test_each_sentence_is_announced_once_and_the_draft_never(page: Page, serve: Callable[..., str]) -> None:
    listen(page, serve(slowly(0.05)))
    ask(page, QUESTION)
    expect(page.locator("career-chat .sentence")).to_have_count(1)
    # The first is out while the second is still being drafted.
    heard: list[str] = page.evaluate("announced")
    assert heard == [f"You asked: {QUESTION}", "Found in The backend path", FIRST]
    expect(page.locator("career-chat .tools")).to_be_visible()
    assert page.evaluate("announced") == [*heard, SECOND]
    assert page.evaluate("busy") == []


def first_sentence_comes_late(question: Question) -> list[Step]:
    """Only the whole answer holds it; the second was streamed."""
    steps = compose(RETRIEVER, question)
    first = next(step for step in steps if isinstance(step, SentenceChecked))
    return [step for step in steps if step is not first]


def second_sentence_is_withdrawn(question: Question) -> list[Step]:
    *steps, last = compose(RETRIEVER, question)
    assert isinstance(last, Finished)
    return [*steps, Finished(replace(last.answer, sentences=last.answer.sentences[:1]))]


@pytest.mark.parametrize(
    ("script", "announced", "left"),
    [(first_sentence_comes_late, [SECOND, FIRST], 2), (second_sentence_is_withdrawn, [FIRST, SECOND], 1)],
)
def test_what_the_whole_answer_changes_repeats_nothing(
    page: Page, serve: Callable[..., str], script: Any, announced: list[str], left: int
) -> None:
    listen(page, serve(script))
    ask(page, QUESTION)
    expect(page.locator("career-chat .tools")).to_be_visible()
    assert page.evaluate("announced")[2:] == announced
    sentences = page.locator("career-chat .sentence")
    expect(sentences).to_have_count(left)
    expect(sentences.first).to_contain_text("Then learn model deployment")  # in the answer's order


def test_a_refusal_is_announced(page: Page, serve: Callable[..., str]) -> None:
    listen(page, serve())
    ask(page, "zzz")
    expect(page.locator("career-chat .refusal")).to_be_visible()
    assert page.evaluate("announced") == [
        "You asked: zzz",
        "Not in the documentsThey do cover:向量数据库Model deployment",
    ]
