"""The widget's files as they travel: small, packed for who takes it, kept but asked for anew, never of two versions."""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Page, Response, expect

from service.app import create_app
from service.routes import pages
from service.routes.pages import PAGE_FILES, STATIC, WIDGET_FILES, accepts_gzip
from service.settings import Settings
from tests.service.http_fakes import fake_runtime

ENTRY = "/widget/v1/career-chat.js"
ADDRESSES = [
    *(f"/widget/v1/{name}" for name in sorted(WIDGET_FILES)),
    *(f"/static/{name}" for name in sorted(PAGE_FILES)),
]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(fake_runtime(Settings(home=tmp_path)))) as client:
        yield client


@pytest.fixture
def replace_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """replace_files(old, new) puts a version in place whose files say `new` where they said `old`."""

    def replace(old: str, new: str) -> None:
        for path in STATIC.iterdir():
            (tmp_path / path.name).write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        monkeypatch.setattr(pages, "STATIC", tmp_path)

    yield replace
    monkeypatch.undo()
    pages.load.cache_clear()


@pytest.mark.parametrize("address", ["/", "/docs", *ADDRESSES])
def test_each_file_comes_packed_or_plain_as_asked(client: TestClient, address: str) -> None:
    name = {"/": "index.html", "/docs": "docs.html"}.get(address, address.rsplit("/", 1)[-1])
    content = (STATIC / name).read_bytes()
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    packed = client.get(address, headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert (plain.content, packed.content) == (content, content)  # the client unpacks
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) == len(gzip.compress(content, 9))
    assert [reply.headers["vary"] for reply in (plain, packed)] == ["Accept-Encoding, Origin"] * 2
    assert plain.headers["etag"] != packed.headers["etag"]


def test_an_unchanged_file_is_not_sent_again(client: TestClient) -> None:
    for accept in ("gzip", "identity"):
        tag = client.get(ENTRY, headers={"Accept-Encoding": accept}).headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(ENTRY, headers={"Accept-Encoding": accept, "If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert (again.headers["etag"], again.headers["vary"]) == (tag, "Accept-Encoding, Origin")
            assert again.headers["access-control-allow-origin"] == "*"
    # What one client has packed is not what another has plain.
    assert client.get(ENTRY, headers={"Accept-Encoding": "identity", "If-None-Match": '"x-gzip"'}).status_code == 200


@pytest.mark.parametrize("address", ["/", *ADDRESSES])
def test_no_file_is_used_without_asking(client: TestClient, address: str) -> None:
    """Eight modules that were kept for some minutes each could be of two versions after an update."""
    assert client.get(address).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("*;q=0", False),
        ("br", False),
        ("identity", False),
        ("", False),
        (";;=,,q", False),
    ],
)
def test_who_takes_gzip(accept: str, taken: bool) -> None:
    assert accepts_gzip(accept) is taken


def test_files_replaced_under_a_running_service_do_not_mix(
    client: TestClient, replace_files: Callable[[str, str], None]
) -> None:
    before = {address: client.get(address).text for address in ADDRESSES}
    replace_files("const", "let")
    assert {address: client.get(address).text for address in ADDRESSES} == before


@pytest.mark.browser
def test_what_an_update_changed_is_fetched_at_the_next_visit(
    page: Page, serve: Callable[..., str], replace_files: Callable[[str, str], None]
) -> None:
    address = serve()
    page.goto(address)
    expect(page.get_by_role("textbox", name="Ask a question…")).to_be_visible()
    replace_files("Ask a question…", "Ask it anew…")
    pages.load.cache_clear()
    fetched: list[tuple[str, int]] = []
    page.on("response", lambda reply: fetched.append((reply.url.removeprefix(address), reply.status)))
    page.goto(address)
    expect(page.get_by_role("textbox", name="Ask it anew…")).to_be_visible()
    changed = {url for url, status in fetched if status == 200 and "/widget/" in url}
    kept = {url for url, status in fetched if status == 304 and "/widget/" in url}
    assert changed == {"/widget/v1/chat-texts.js"}
    assert kept == {f"/widget/v1/{name}" for name in WIDGET_FILES - {"embed.js", "chat-texts.js"}}


@pytest.mark.browser
def test_the_whole_widget_travels_in_25_kb(
    page: Page, serve: Callable[..., str], host_page: Callable[..., str]
) -> None:
    """Headers and all, on a page of another origin that embeds it with one line."""
    replies: list[Response] = []
    page.on("response", lambda reply: replies.append(reply) if "/widget/" in reply.url else None)
    html = f'<!doctype html><body><script async src="{serve()}/widget/v1/embed.js"></script>'
    page.goto(host_page({"html": html, "csp": ""}))
    expect(page.locator("career-chat .launcher")).to_be_visible()
    sizes: list[Any] = [reply.request.sizes() for reply in replies]
    assert sorted(reply.url.rsplit("/", 1)[-1] for reply in replies) == sorted(WIDGET_FILES)
    assert {reply.header_value("content-encoding") for reply in replies} == {"gzip"}
    bodies = sum(size["responseBodySize"] for size in sizes)
    assert bodies == sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in WIDGET_FILES)
    assert bodies + sum(size["responseHeadersSize"] for size in sizes) <= 25_000


def test_it_depends_on_nothing() -> None:
    """Every import is a file of the widget's own; no text becomes markup or code."""
    for name in sorted(WIDGET_FILES):
        content = (STATIC / name).read_text("utf-8")
        imported = re.findall(r'^import .* from "(.*)";$', content, re.MULTILINE)
        assert {one.removeprefix("./") for one in imported} <= WIDGET_FILES
        assert "innerHTML" not in content
        assert "eval(" not in content
