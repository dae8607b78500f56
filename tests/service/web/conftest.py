"""A real Chromium against a real server with a scripted answerer; hosts pages of our own around the widget."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from service.app import create_app
from service.settings import Settings
from tests.service.http_fakes import fake_runtime
from tests.service.http_server import serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page of a fresh profile; a script error or a request to a foreign host fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US", **options)
    page = context.new_page()
    page.set_default_timeout(10_000)
    errors: list[str] = []
    foreign: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(("http://127.0.0.1", "data:")) else foreign.append(r.url))
    yield page
    context.close()
    assert errors == []
    assert foreign == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with watched(browser) as page:
        yield page


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """serve(script=None, documents=None, **settings) → address of a service that answers from the script."""
    with ExitStack() as stack:

        def start(script: Any = None, runtime: Any = None, documents: Any = None, **changes: Any) -> str:
            if runtime is None:
                runtime = fake_runtime(Settings(home=tmp_path, **changes), script, documents=documents)
            return stack.enter_context(serving(create_app(runtime)))

        yield start


@pytest.fixture
def host_page() -> Iterator[Callable[..., str]]:
    """host_page({"html", "csp"}) → address of somebody else's page; what the dictionary holds is read on each visit."""
    with ExitStack() as stack:

        def start(content: dict[str, str]) -> str:
            def page(_: Request) -> Response:
                headers = {"Content-Security-Policy": content["csp"]} if content["csp"] else {}
                return HTMLResponse(content["html"], headers=headers)

            app = Starlette(routes=[Route("/", page), Route("/favicon.ico", lambda _: Response(status_code=204))])
            return stack.enter_context(serving(app))

        yield start
