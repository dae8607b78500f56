"""A server that speaks OpenAI's protocol is an engine like any other; its troubles become errors with a cure."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from indexes.errors import EngineBusy, EngineError
from service.llm import connection
from service.llm.remote import Address, RemoteLLM
from service.llm.types import LLM, Done, GenerateOptions, Prompt, Queued, Text
from service.settings import Settings
from service.types import Message, Role, Usage

PROMPT = Prompt("S", ("p1\n", "p2\n"), "q?", (Message(Role.USER, "早"), Message(Role.ASSISTANT, "hi")))
Script = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as its server's script says, and keeps what it was sent."""

    server: "Server"

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.json(self.server.models, {"data": [{"id": "first-model"}, {"id": "other"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append(json.loads(body))
        self.server.keys.append(self.headers.get("authorization"))
        self.server.scripts.pop(0)(self) if len(self.server.scripts) > 1 else self.server.scripts[0](self)

    def json(self, status: int, value: object, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(data)

    def stream(self, *lines: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for line in lines:
            self.wfile.write(line.encode() + b"\n\n")
            self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *scripts: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts = list(scripts)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.models = 200
        self.connections = 0
        self.left: float | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


@contextmanager
def serving(*scripts: Script, **options: Any) -> Iterator[tuple[RemoteLLM, Server]]:
    with Server(*scripts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        llm = RemoteLLM(Address.parse(server.address), context_tokens=2000, **options)
        try:
            yield llm, server
        finally:
            llm.close()
            server.shutdown()
            thread.join()


def chunk(text: str | None = None, finish: str | None = None, usage: dict[str, object] | None = None) -> str:
    choices = [] if usage else [{"delta": {"content": text} if text else {}, "finish_reason": finish}]
    return "data: " + json.dumps({"choices": choices, "usage": usage})


def whole(handler: Handler) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    handler.stream(": ping", chunk("向"), chunk("量。"), chunk(finish="stop"), chunk(usage=usage), "data: [DONE]")


def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < timeout_s
        time.sleep(0.005)


def events(llm: RemoteLLM, **options: Any) -> list[object]:
    return list(llm.generate(PROMPT, GenerateOptions(**options)))


def test_a_prompt_goes_out_as_chat_and_comes_back_as_events() -> None:
    with serving(whole, api_key="secret") as (llm, server):
        assert isinstance(llm, LLM)
        assert (llm.name, llm.context_tokens) == ("first-model", 2000)
        *texts, done = events(llm, max_tokens=7, stop=("\n",), seed=3)
    assert texts == [Text("向"), Text("量。")]
    assert isinstance(done, Done)
    assert (done.finish, done.usage.prompt_tokens, done.usage.cached_tokens) == ("stop", 9, 4)
    body = server.bodies[0]
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "S"),
        ("user", "早"),
        ("assistant", "hi"),
        ("user", "p1\np2\nq?"),
    ]
    assert (body["max_tokens"], body["temperature"], body["seed"], body["stop"]) == (7, 0.0, 3, ["\n"])
    assert server.keys == ["Bearer secret"]


def test_the_model_may_stand_behind_the_address() -> None:
    assert Address.parse("http://h:1/v1/#a/b") == Address("http://h:1/v1", "a/b")
    assert Address.parse("https://h") == Address("https://h", None)


def test_a_length_limit_is_told_apart_from_an_end() -> None:
    with serving(lambda h: h.stream(chunk("a"), chunk(finish="length"), "data: [DONE]")) as (llm, _):
        assert events(llm)[-1] == Done("length", Usage())


def test_busy_servers_are_asked_again_after_the_time_they_name() -> None:
    busy: Script = lambda h: h.json(503, {"error": {"message": "loading"}}, retry_after="0.2")  # noqa: E731
    with serving(busy, busy, whole) as (llm, server):
        start = time.monotonic()
        assert events(llm)[0] == Text("向")
        assert time.monotonic() - start >= 0.4
    assert len(server.bodies) == 3


def test_a_server_that_stays_busy_is_busy() -> None:
    with (
        serving(lambda h: h.json(429, {"error": {"message": "slow down."}}, retry_after="0.01")) as (llm, server),
        pytest.raises(EngineBusy, match=r"busy: slow down\. Try again") as caught,
    ):
        events(llm)
    assert caught.value.retry_after_s == 0.01
    assert len(server.bodies) == 3


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda h: h.json(401, {"error": {"message": "no key"}}), "CAREER_LLM_API_KEY"),
        (lambda h: h.json(404, {"detail": "nothing here"}), "Is the address right"),
        (lambda h: h.json(400, {"error": {"message": "context length is 10"}}), "context length is 10"),
        (lambda h: h.stream(chunk("a")), "before it was complete"),
        (lambda h: h.stream(chunk("a"), "data: <html>"), "sent no JSON"),
        (lambda h: h.stream('data: {"error": {"message": "out of memory"}}'), "out of memory"),
    ],
)
def test_troubles_are_named_and_not_tried_again(script: Script, words: str) -> None:
    with serving(script) as (llm, server):
        with pytest.raises(EngineError, match=words):
            events(llm)
        assert len(server.bodies) == 1


def test_an_address_where_nobody_is_is_named_at_once() -> None:
    with pytest.raises(EngineError, match="Is the address right"):
        RemoteLLM(Address("http://127.0.0.1:9", None), context_tokens=1)
    llm = RemoteLLM(Address("http://127.0.0.1:9", "m"), context_tokens=1)
    with pytest.raises(EngineError, match="Is it running"):
        list(llm.generate(PROMPT, GenerateOptions()))
    llm.close()


def test_a_deadline_ends_a_silent_answer() -> None:
    def silent(handler: Handler) -> None:
        handler.stream(chunk("a"))
        time.sleep(0.6)

    with serving(silent) as (llm, _):
        start = time.monotonic()
        *texts, done = events(llm, deadline_s=0.2)
        assert time.monotonic() - start < 0.5
    assert texts == [Text("a")]
    assert isinstance(done, Done)
    assert done.finish == "deadline"


def test_places_are_bounded_and_given_back() -> None:
    go_on = threading.Event()

    def late(handler: Handler) -> None:
        go_on.wait(5.0)
        whole(handler)

    with serving(late, at_once=1, queue_bound=1) as (llm, server):
        first = llm.generate(PROMPT, GenerateOptions())
        until(lambda: len(server.bodies) == 1)
        second = llm.generate(PROMPT, GenerateOptions())
        with pytest.raises(EngineBusy, match="1 askers wait"):
            llm.generate(PROMPT, GenerateOptions())
        assert next(second) == Queued(0, pytest.approx(10_000, abs=500))
        go_on.set()
        assert next(first) == Text("向")
        first.close()
        assert next(event for event in second if not isinstance(event, Queued)) == Text("向")
        del second
        assert isinstance(events(llm)[-1], Done)


def test_the_settings_say_how_many_answers_are_written_at_once() -> None:
    with Server(lambda h: h.rfile.read(1)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        llm = RemoteLLM.from_settings(Settings(llm=server.address, answers_at_once=2, queue=1))
        streams = [llm.generate(PROMPT, GenerateOptions()) for _ in range(3)]
        until(lambda: len(server.bodies) == 2)
        with pytest.raises(EngineBusy, match="2 answers are being written and 1 askers wait"):
            llm.generate(PROMPT, GenerateOptions())
        llm.close()
        for stream in streams:
            with pytest.raises(EngineError, match="closed"):
                list(stream)
        assert len(server.bodies) == 2
        server.shutdown()
        thread.join()


def test_a_connection_that_was_kept_open_and_is_dropped_is_tried_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handler, "protocol_version", "HTTP/1.1")

    def kept(handler: Handler) -> None:
        data = "".join(f"{line}\n\n" for line in (chunk("a"), chunk(finish="stop"), "data: [DONE]")).encode()
        handler.send_response(200)
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def dropped(handler: Handler) -> None:
        handler.close_connection = True

    with serving(kept, dropped, kept) as (llm, server):
        assert [events(llm)[0] for _ in range(2)] == [Text("a")] * 2
        assert len(server.bodies) == 3
        assert server.connections == 3  # The list of models, what was kept and then dropped, another.
    with serving(dropped, whole) as (llm, server):
        with pytest.raises(EngineError, match=r"The connection to .* broke"):
            events(llm)
        assert len(server.bodies) == 1


def test_an_address_that_swallows_connections_is_named_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        llm = RemoteLLM(Address(f"http://127.0.0.1:{port}", "m"), context_tokens=1)
        begun = time.monotonic()
        with pytest.raises(EngineError, match=r"Nobody answers .* \(not within 0\.3 s\)\. Is it running"):
            list(llm.generate(PROMPT, GenerateOptions()))
        assert time.monotonic() - begun < 2.0
        llm.close()
        for filler in fillers:
            filler.close()


def test_tokens_are_estimated_on_the_safe_side() -> None:
    with serving(whole) as (llm, _):
        english, chinese = llm.count_tokens(["word " * 100, "向量数据库" * 20])
    assert 100 <= english <= 300
    assert 100 <= chinese <= 200
