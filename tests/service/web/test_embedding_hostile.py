"""Two hundred payloads each as questions, in documents and in what the model says stay text; no policy helps."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from indexes.types import Document, Hit, Leg, LegScore
from service.settings import Settings
from service.types import (
    Answer,
    AnswerSentence,
    Citation,
    DraftToken,
    Dropped,
    Evidence,
    Finished,
    Question,
    Refusal,
    RefusalReason,
    Retrieval,
    SentenceChecked,
    Status,
    Timing,
    Usage,
    Verdict,
)
from tests.conftest import chunk_of, document_of
from tests.service.http_fakes import Step, fake_runtime
from tests.service.web.conftest import watched
from tests.service.web.payloads import ATTACKS, FOREIGN

pytestmark = pytest.mark.browser
BATCH = 20
ELEMENTS = (
    "article, b, blockquote, button, code, details, div, h2, h3, li, mark, p, path, pre, section, span, "
    "strong, summary, svg, table, tbody, td, textarea, th, tr, ul"
)
BUILT = """(known) => {
  const chats = [...document.querySelectorAll('career-chat')].map((chat) => chat.shadowRoot);
  const roots = [...chats, ...document.querySelectorAll('#reader-title, #reader-source, #reader-text')];
  const nodes = roots.flatMap((root) => [...root.querySelectorAll('*')]).filter((node) => !node.matches('a.more'));
  const names = nodes.flatMap((node) => node.getAttributeNames());
  return {
    strange: nodes.filter((node) => !node.matches(known)).map((node) => node.localName),
    risky: names.filter((name) => /^(on|src|href|style|action|data$)/.test(name)),
  };
}"""
"""What stands in the chats and in the reader beside known elements, and attributes that could do something."""
DRAFTS = """() => {
  window.drafts = [];
  const log = document.querySelector('#chat').shadowRoot.querySelector('.log');
  const note = ({ target, addedNodes }) =>
    target.matches('.draft') && addedNodes.forEach((one) => drafts.push(one.data));
  new MutationObserver((all) => all.forEach(note)).observe(log, { childList: true, subtree: true });
}"""
FIVE_CHATS = """async (questions) => {
  const first = document.querySelector('#chat');
  const chats = [first];
  while (chats.length < 5) {
    const chat = first.cloneNode();
    chat.id = `chat-${chats.length}`;
    chats.push(document.body.appendChild(chat));
  }
  const each = questions.length / chats.length;
  await Promise.all(chats.map(async (chat, n) => {
    for (const question of questions.slice(n * each, (n + 1) * each)) await chat.ask(question);
  }));
  return chats.flatMap((chat) => [...chat.shadowRoot.querySelectorAll('.question')].map((node) => node.textContent));
}"""
"""Asks the questions in five chats side by side; what they show as asked."""
PRELOAD = """async (ids) => {
  const paths = ids.map((id) => `/api/documents/${id}`);
  const replies = await Promise.all(paths.map(async (path) => (await fetch(path)).text()));
  const known = new Map(paths.map((path, n) => [path, replies[n]]));
  const original = window.fetch;
  window.fetch = (url, ...options) => {
    const reply = known.get(new URL(url, location.href).pathname);
    return reply ? Promise.resolve(new Response(reply)) : original(url, ...options);
  };
}"""
"""Fetches the documents side by side, so that opening each waits for nothing."""
SOURCES = """async () => {
  const root = document.querySelector('#chat').shadowRoot;
  const sources = [];
  for (const chip of root.querySelectorAll('button.chip')) {
    chip.click();
    const place = root.querySelector('.place');
    const end = performance.now() + 5000;
    while (!place.textContent.includes('last') && performance.now() < end) await new Promise((f) => setTimeout(f));
    sources.push([root.querySelector('.sheet h3').textContent, place.textContent]);
  }
  return sources;
}"""
READ = """async (ids) => {
  const [title, text] = ['#reader-title', '#reader-text'].map((one) => document.querySelector(one));
  const read = [];
  for (const id of ids) {
    const before = title.firstChild;
    location.hash = `doc=${id}&char=0,5`;
    const end = performance.now() + 5000;
    while (title.firstChild === before && performance.now() < end) await new Promise((f) => setTimeout(f));
    read.push([title.textContent, text.querySelector('mark').textContent, text.textContent]);
  }
  return read;
}"""


@pytest.fixture
def bare_page(browser: Browser) -> Iterator[Page]:
    """A page whose policy is switched off, so that it cannot hide a mistake of the widget's."""
    with watched(browser, bypass_csp=True) as page:
        yield page


def assert_inert(page: Page) -> None:
    page.wait_for_timeout(300)
    assert page.evaluate("window.hacked") is None
    assert len(page.frames) == 1
    assert page.evaluate(BUILT, ELEMENTS) == {"strange": [], "risky": []}


def ask_all(page: Page, questions: Sequence[str]) -> None:
    page.evaluate(
        "async (questions) => { for (const one of questions) await document.querySelector('#chat').ask(one) }",
        list(questions),
    )


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.evaluate(
        "(selector) => [...document.querySelector('#chat').shadowRoot.querySelectorAll(selector)]"
        ".map((node) => node.textContent)",
        selector,
    )
    return found


def shown(text: str) -> str:
    """The text without the signs of Markdown that the widget turns into elements."""
    return text.replace("*", "").replace("`", "")


def unlimited(home: Path) -> Settings:
    return Settings(home=home, rate_per_minute=0, tokens_per_minute=0)


def test_the_payloads_bite_where_text_becomes_markup(browser: Browser) -> None:
    """The check of the check: written as markup, these payloads run and call home."""
    context = browser.new_context()
    called: list[str] = []

    def refuse(route: Any) -> None:
        called.append(route.request.url)
        route.abort()

    context.route(f"{FOREIGN}/**", refuse)
    page = context.new_page()
    page.set_content("<body></body>")
    page.evaluate(
        "(attacks) => { for (const attack of attacks) {"
        "const frame = document.createElement('iframe'); frame.srcdoc = attack; document.body.append(frame) } }",
        list(ATTACKS),
    )
    page.wait_for_function(
        "Array.from(frames).filter((one) => { try { return one.hacked } catch { return 0 } }).length >= 120"
    )
    end = time.monotonic() + 20
    while len(called) < 30 and time.monotonic() < end:
        page.wait_for_timeout(100)
    context.close()
    assert len(set(ATTACKS)) == 200
    assert len(called) >= 30


def test_row_27_two_hundred_questions_stay_text(bare_page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    page = bare_page
    page.goto(serve(runtime=fake_runtime(unlimited(tmp_path))))
    assert page.evaluate(FIVE_CHATS, list(ATTACKS)) == [f"You asked: {attack}" for attack in ATTACKS]
    assert_inert(page)
    page.reload()  # what the session kept is shown again
    expect(page.locator("career-chat .question").first).to_be_visible()
    assert texts(page, ".question") == [f"You asked: {attack}" for attack in ATTACKS[10:40]]
    assert_inert(page)


def test_row_27_two_hundred_documents_stay_text(bare_page: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    """As title, heading and text of a document: among the evidence, in an answer, in its source, in the reader."""
    page = bare_page
    made = [
        document_of(f"first {n}\n{attack}\nlast {n}", id=f"d{n}", title=attack, lang="en", heading=(attack, attack))
        for n, attack in enumerate(ATTACKS)
    ]
    page.goto(serve(runtime=fake_runtime(unlimited(tmp_path), lambda q: quoting(q, made), documents=made)))
    ask_all(page, [f"batch {n}" for n in range(len(made) // BATCH)])
    assert texts(page, ".words") == [shown(attack) for attack in ATTACKS]
    page.evaluate(PRELOAD, [document.info.id for document in made])
    sources = page.evaluate(SOURCES)
    assert [title for title, _ in sources] == list(ATTACKS)
    assert all(text.startswith(f"first {n}\n") for n, (_, text) in enumerate(sources))
    assert all(text.endswith(f"\nlast {n}") for n, (_, text) in enumerate(sources))
    read = page.evaluate(READ, [document.info.id for document in made])
    assert [(title, mark) for title, mark, _ in read] == [(attack, "first") for attack in ATTACKS]
    assert all(text.endswith(f"last {n}") for n, (*_, text) in enumerate(read))
    assert_inert(page)


def test_row_27_two_hundred_sentences_of_the_model_stay_text(
    bare_page: Page, serve: Callable[..., str], tmp_path: Path
) -> None:
    """As draft, as sentence of each verdict, as what was dropped; then as refusals and the topics they offer."""
    page = bare_page
    page.goto(serve(runtime=fake_runtime(unlimited(tmp_path), saying)))
    page.evaluate(DRAFTS)
    batches = len(ATTACKS) // BATCH
    ask_all(page, [f"batch {n}" for n in range(batches)])
    assert page.evaluate("drafts") == list(ATTACKS)
    assert texts(page, ".words") == [shown(attack) for attack in ATTACKS]
    ask_all(page, [f"refuse {n}" for n in range(batches)])
    assert texts(page, ".refusal .topic") == list(ATTACKS)
    assert texts(page, ".refusal > p:first-child") == [ATTACKS[n * BATCH] for n in range(batches)]
    assert_inert(page)
    page.locator("career-chat .refusal .topic").first.evaluate("node => node.click()")
    expect(page.locator("career-chat .question").last).to_have_text(f"You asked: {ATTACKS[0]}")
    assert_inert(page)


def quoting(question: Question, made: Sequence[Document]) -> list[Step]:
    """Batch n of the documents, each cited by a sentence that repeats it."""
    citations = []
    for marker, document in enumerate(batch_of(question.text, made), 1):
        start = document.text.index("\n") + 1
        quote = document.text.split("\n")[1]
        chunk = chunk_of(quote, document=document, heading=document.sections[0].heading, start=start)
        citations.append(Citation(marker, chunk, start, start + len(quote), quote, 0.9))
    hits = tuple(
        Hit(one.chunk, 1.0, one.marker, (LegScore(Leg.DENSE, 1.0, one.marker),), one.chunk.units) for one in citations
    )
    sentences = tuple(AnswerSentence(one.quote, Verdict.SUPPORTED, 0.9, (one,), 0, 1) for one in citations)
    retrieval = Retrieval(hits, 1.0)
    answer = answer_with(question.text, sentences, citations=tuple(citations), retrieval=retrieval)
    return [Evidence(retrieval), *map(SentenceChecked, sentences), Finished(answer)]


def saying(question: Question) -> list[Step]:
    """Batch n of the attacks, as an answer or as a refusal."""
    said = batch_of(question.text, ATTACKS)
    if not question.text.startswith("batch"):
        refusal = Refusal(RefusalReason.UNSAFE, 0.1, tuple(said))
        return [Evidence(Retrieval((), 1.0)), Finished(answer_with(question.text, (), text=said[0], refusal=refusal))]
    verdicts = list(Verdict)
    sentences = tuple(
        AnswerSentence(attack, verdicts[n % len(verdicts)], 0.5, (), 0, 1) for n, attack in enumerate(said)
    )
    steps: list[Step] = [Evidence(Retrieval((), 1.0))]
    for sentence in sentences:
        steps += [DraftToken(sentence.text), SentenceChecked(sentence)]
    return [*steps, Finished(answer_with(question.text, sentences))]


def batch_of(question: str, items: Sequence[Any]) -> Sequence[Any]:
    number = question.rsplit(" ", 1)[-1]
    start = int(number) * BATCH if number.isdigit() else 0
    return items[start : start + BATCH]


def answer_with(
    question: str,
    sentences: tuple[AnswerSentence, ...],
    *,
    text: str = "",
    refusal: Refusal | None = None,
    citations: tuple[Citation, ...] = (),
    retrieval: Retrieval = Retrieval((), 1.0),  # noqa: B008
) -> Answer:
    return Answer(
        id=f"answer {question}",
        question=question,
        lang="en",
        status=Status.REFUSED if refusal else Status.PARTIAL,
        text=text or "\n".join(sentence.text for sentence in sentences),
        sentences=sentences,
        citations=citations,
        dropped=tuple(Dropped(sentence.text, sentence.text) for sentence in sentences[:3]),
        refusal=refusal,
        retrieval=retrieval,
        usage=Usage(1, 1, 1),
        timing=Timing(1.0, 1.0, 1.0),
        generation=7,
        model="fake-llm",
    )
