"""The official SDK's own client against the tools, over streamable HTTP and over stdio."""

import asyncio
import hashlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from typer.testing import CliRunner

from indexes.errors import EngineBusy
from service import mcp_server
from service.app import create_app
from service.cli import create_cli, run
from service.settings import Settings
from service.types import Policy
from tests.service.http_fakes import EN, compose, fake_runtime
from tests.service.http_server import serving

KEY = "sk-good"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return fake_runtime(
        Settings(home=tmp_path_factory.mktemp("home"), rate_per_minute=0, tokens_per_minute=0, policy=Policy.OFF)
    )


@pytest.fixture(scope="module")
def address(runtime: Any) -> Iterator[str]:
    with serving(create_app(runtime)) as address:
        yield address


def talk(server: Any, work: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> Any:
    async def main() -> Any:
        async with Client(server, mode=mode, read_timeout_seconds=20) as client:
            return await work(client)

    return asyncio.run(main())


def call(server: Any, name: str, arguments: dict[str, Any], mode: str = "auto") -> Any:
    return talk(server, lambda client: client.call_tool(name, arguments), mode)


def value(result: Any) -> Any:
    """What came back, once it is known to be the same as value and as text."""
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_three_tools_that_only_read(address: str, mode: str) -> None:
    tools = talk(f"{address}/mcp", lambda client: client.list_tools(), mode).tools
    assert [tool.name for tool in tools] == ["search", "fetch", "ask"]
    for tool in tools:
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.destructive_hint is False
        assert tool.output_schema["type"] == "object"
        assert tool.input_schema["additionalProperties"] is False
    assert tools[0].input_schema["required"] == ["query"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_what_search_finds_fetch_reads(address: str, mode: str) -> None:
    found = value(call(f"{address}/mcp", "search", {"query": "vector databases", "k": 2}, mode))
    [first, *_] = found["results"]
    assert found["generation"] == 7
    assert first["id"] == "en-doc#char=50,99"
    assert first["text"] == "Then learn model deployment and vector databases."
    assert first["url"] == f"{address}/api/documents/en-doc#char=50,99"
    read = value(call(f"{address}/mcp", "fetch", {"id": first["id"]}, mode))
    assert (read["title"], read["text"]) == ("The backend path", EN)
    assert read["metadata"]["passage"] == {"start": 50, "end": 99, "text": first["text"]}
    whole = value(call(f"{address}/mcp", "fetch", {"id": "en-doc"}, mode))
    assert whole["metadata"]["passage"] is None


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_ask_is_the_native_answer_and_always_checked(address: str, runtime: Any, mode: str) -> None:
    answer = value(call(f"{address}/mcp", "ask", {"question": "常用的向量数据库有哪些？", "lang": "zh-CN"}, mode))
    assert answer["status"] == "answered"
    assert [citation["quote"] for citation in answer["citations"]][1] == "常用的有 Milvus、Pinecone 和 FAISS。"
    asked = runtime.answerer.asked[-1]
    assert (asked.lang, asked.policy) == ("zh", Policy.STRICT)  # the service's own policy is off
    refused = value(call(f"{address}/mcp", "ask", {"question": "zzz"}, mode))
    assert (refused["status"], refused["refusal"]["reason"]) == ("refused", "not_in_corpus")


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("search", {}, "query: Field required"),
        ("search", {"query": " "}, "must hold text"),
        ("search", {"query": "x", "k": 0}, "k: Input should be greater"),
        ("search", {"query": "x", "surprise": 1}, "surprise: Extra inputs"),
        ("search", {"query": "x" * 2001}, "longer than 2000 characters"),
        ("fetch", {"id": "../../etc/passwd"}, "No document has this id"),
        ("fetch", {"id": "en-doc#char=9"}, "No document has this id"),
        ("ask", {"question": "\x00"}, "must hold text"),
        ("ask", {"question": "x", "lang": "../"}, "lang: String should match"),
    ],
)
def test_failures_are_results_that_say_why(address: str, name: str, arguments: Any, says: str) -> None:
    result = call(f"{address}/mcp", name, arguments)
    assert result.is_error
    assert says in result.content[0].text
    assert result.structured_content is None


def test_an_unknown_tool_is_an_error_of_the_protocol(address: str) -> None:
    async def work(client: Client) -> None:
        with pytest.raises(MCPError, match="there are: search, fetch, ask"):
            await client.call_tool("delete", {})

    talk(f"{address}/mcp", work)


@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
def test_who_leaves_frees_the_engine(tmp_path: Path, version: str) -> None:
    settings = Settings(home=tmp_path)
    fake = fake_runtime(settings)
    runtime = fake_runtime(settings, lambda question: compose(fake.retriever, question, 0.2))
    told = {"protocolVersion": version, "clientCapabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    meta = {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}
    asks = {"name": "ask", "arguments": {"question": "vector databases and model deployment"}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asks}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": version}
    headers |= {"Mcp-Method": "tools/call", "Mcp-Name": "ask"}
    with serving(create_app(runtime)) as address:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{address}/mcp", json=body, headers=headers, timeout=0.5)
        left = time.monotonic()
        assert runtime.answerer.wait_closed(1, 20)
        assert time.monotonic() - left < 1.0


def test_busy_is_a_result_with_the_time_to_wait(tmp_path: Path) -> None:
    runtime = fake_runtime(Settings(home=tmp_path), lambda _: [EngineBusy("The queue is full.", 3.0)])
    with serving(create_app(runtime)) as address:
        result = call(f"{address}/mcp", "ask", {"question": "x"})
    assert result.is_error
    assert result.content[0].text == "The queue is full. Try again in 3 s."


def test_a_bug_is_a_result_without_its_text(tmp_path: Path) -> None:
    runtime = fake_runtime(Settings(home=tmp_path), lambda _: [RuntimeError("secret")])
    with serving(create_app(runtime)) as address:
        result = call(f"{address}/mcp", "ask", {"question": "x"})
        assert "rag_requests_running 0.0" in httpx.get(f"{address}/metrics").text
    assert result.is_error
    assert "secret" not in result.content[0].text


def test_behind_the_same_keys_and_limits(tmp_path: Path) -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    config = Settings(home=tmp_path, api_keys=(f"user:{digest}",), rate_per_minute=12)
    first = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    bearer = headers | {"Authorization": f"Bearer {KEY}"}
    with serving(create_app(fake_runtime(config))) as address:
        assert httpx.post(f"{address}/mcp", json=first, headers=headers).status_code == 401

        async def listed() -> list[str]:
            async with (
                httpx2.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http,
                Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
            ):
                return [tool.name for tool in (await client.list_tools()).tools]

        assert asyncio.run(listed()) == ["search", "fetch", "ask"]
        large = httpx.post(
            f"{address}/mcp", content=b" " * 300_000, headers=bearer | {"Content-Type": "application/json"}
        )
        assert large.status_code == 413
        statuses = [httpx.post(f"{address}/mcp", json=first, headers=bearer).status_code for _ in range(14)]
    assert statuses[0] == 200
    assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("origin", "status"),
    [("https://evil.example", 403), ("null", 403), ("https://team.example", 200), ("http://localhost:3000", 200)],
)
def test_foreign_pages_may_not_call(tmp_path: Path, origin: str, status: int) -> None:
    config = Settings(home=tmp_path, cors_origins=("https://team.example",))
    headers = {"Accept": "application/json, text/event-stream", "Origin": origin}
    with serving(create_app(fake_runtime(config))) as address:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert httpx.post(f"{address}/mcp", json=body, headers=headers).status_code == status
        assert httpx.get(f"{address}/mcp").status_code == 405


def test_without_the_sdk_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.lowlevel", None)
    with serving(create_app(fake_runtime(Settings(home=tmp_path)))) as address:
        reply = httpx.post(f"{address}/mcp", json={})
    assert reply.status_code == 501
    assert reply.json()["detail"] == mcp_server.CURE
    assert run(["mcp"]) == 3
    assert "pip install 'career-rag[mcp]'" in capsys.readouterr().err


STDIO = """
import asyncio, sys
from pathlib import Path
from service.asks import Asks
from service.mcp_server import serve_stdio
from service.mcp_tools import Desk
from service.metrics import create_metrics
from service.settings import Settings
from service.telemetry import NoTelemetry
from tests.service.http_fakes import fake_runtime

settings = Settings(home=Path(sys.argv[1]))
fake = fake_runtime(settings)
async def runtime():
    print("a library that talks on stdout must not break the line")
    return fake
asyncio.run(serve_stdio(Desk(settings, Asks(4, create_metrics(), NoTelemetry()), runtime)))
"""


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_same_tools_over_stdio(tmp_path: Path, mode: str) -> None:
    server = StdioServerParameters(command=sys.executable, args=["-c", STDIO, str(tmp_path)], cwd=ROOT)

    async def work(client: Client) -> tuple[list[str], Any, Any, Any]:
        names = [tool.name for tool in (await client.list_tools()).tools]
        found = await client.call_tool("search", {"query": "vector databases"})
        answer = await client.call_tool("ask", {"question": "model deployment"})
        return names, found, answer, await client.call_tool("fetch", {"id": "nothing"})

    names, found, answer, missing = talk(server, work, mode)
    assert names == ["search", "fetch", "ask"]
    assert value(found)["results"][0]["url"] == "/api/documents/en-doc#char=50,99"
    assert value(answer)["status"] == "answered"
    assert missing.is_error


def test_the_command_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CAREER_MODELS_DIR", str(tmp_path / "models"))
    assert run(["mcp"]) == 3
    assert "by MCP" in CliRunner().invoke(create_cli(), ["mcp", "--help"]).output
