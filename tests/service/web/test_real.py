"""The whole of it: real documents, real models, a real server, a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from indexes.types import Embedder
from ingest.build import build
from service.app import create_app
from service.runtime import open_runtime
from service.settings import Settings
from tests.service.http_server import serving

pytestmark = [pytest.mark.browser, pytest.mark.models, pytest.mark.slow]
SEEDS = Path(__file__).resolve().parents[3] / "seeds"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Iterator[tuple[str, Any]]:
    mine = Settings()
    settings = Settings(
        home=tmp_path_factory.mktemp("home"), models_dir=mine.models_dir, rate_per_minute=0, tokens_per_minute=0
    )
    if (mine.home / "embeddings.sqlite").is_file():
        # Vectors that this machine has computed before are the same ones.
        shutil.copy(mine.home / "embeddings.sqlite", settings.home)
    build([SEEDS], settings, embedder)
    with open_runtime(settings) as runtime, serving(create_app(runtime)) as address:
        yield address, runtime


@pytest.mark.parametrize(
    ("lang", "question", "source"),
    [("en", "Which vector databases should I know?", "Source"), ("zh", "向量数据库有哪些？", "来源")],
)
def test_a_question_is_answered_with_evidence(
    page: Page, service: tuple[str, Any], lang: str, question: str, source: str
) -> None:
    address, runtime = service
    page.goto(address)
    if lang == "zh":
        page.get_by_role("button", name="中文").click()
    page.get_by_role("textbox").fill(question)
    page.get_by_role("textbox").press("Enter")
    expect(page.locator("career-chat summary")).to_be_visible(timeout=20_000)
    expect(page.locator("career-chat .tools")).to_be_visible(timeout=120_000)
    expect(page.locator("career-chat .body")).to_contain_text("Milvus")
    chip = page.locator("career-chat button.chip").first
    assert (chip.get_attribute("aria-label") or "").startswith(source)
    chip.click()
    mark = page.locator("career-chat .sheet mark")
    expect(mark).to_be_visible()
    answer = page.evaluate("JSON.parse(Object.values(sessionStorage)[0]).at(-1).answer")
    for citation in answer["citations"]:
        document = runtime.generation.document(citation["document_id"])
        assert document.text[citation["start"] : citation["end"]] == citation["quote"]


def test_what_the_documents_do_not_say_is_refused(page: Page, service: tuple[str, Any]) -> None:
    page.goto(service[0])
    page.get_by_role("textbox").fill("How high is Mount Everest?")
    page.get_by_role("textbox").press("Enter")
    expect(page.locator("career-chat .refusal")).to_be_visible(timeout=60_000)
    assert page.locator("career-chat .sentence").count() == 0
