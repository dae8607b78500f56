"""Who leaves frees reader, connection and server at once; how the server is can be asked without waiting for it."""

import threading
import time

import pytest

from indexes.errors import EngineBusy, EngineError
from service.llm import remote
from service.llm.remote import Address, RemoteLLM
from service.llm.types import Done, GenerateOptions, Text
from service.routes.health import Watched
from tests.service.llm.test_remote import PROMPT, Handler, Script, Server, chunk, events, serving, until, whole


def gone(handler: Handler) -> None:
    """Notes when its client has left."""
    handler.connection.settimeout(5.0)
    assert handler.connection.recv(1) == b""
    handler.server.left = time.monotonic()


def started(handler: Handler) -> None:
    handler.stream(chunk("a"))
    gone(handler)


@pytest.mark.parametrize(
    ("script", "told"), [(gone, []), (started, [Text("a")])], ids=["in the prompt", "in the answer"]
)
def test_who_leaves_frees_the_reader_and_the_server_at_once(script: Script, told: list[object]) -> None:
    with serving(script, at_once=1, queue_bound=0) as (llm, server):
        stream = llm.generate(PROMPT, GenerateOptions())
        read: list[object] = []
        reader = threading.Thread(target=lambda: read.extend(stream))
        reader.start()
        until(lambda: bool(server.bodies) and read == told)
        begun = time.monotonic()
        stream.cancel()
        reader.join(0.3)
        assert not reader.is_alive()
        until(lambda: server.left is not None, 0.3)
        assert time.monotonic() - begun < 0.3
        server.scripts = [whole]
        until(lambda: can_ask(llm))
    assert read == told


def can_ask(llm: RemoteLLM) -> bool:
    try:
        return isinstance(events(llm)[-1], Done)
    except EngineBusy:
        return False


def test_who_leaves_the_line_is_never_sent_to_the_server() -> None:
    with serving(gone, at_once=1, queue_bound=1) as (llm, server):
        running, waiting = (llm.generate(PROMPT, GenerateOptions()) for _ in range(2))
        until(lambda: len(server.bodies) == 1)
        waiting.cancel()
        running.cancel()
        server.scripts = [whole]
        until(lambda: can_ask(llm))
        assert len(server.bodies) == 2


def test_its_health_is_that_of_the_server_and_asking_for_it_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SEEN_S", 0.02)

    def state() -> str:
        begun = time.monotonic()
        health = llm.health()
        assert time.monotonic() - begun < 0.05
        assert isinstance(llm, Watched)
        return f"{health.state} {health.reason}"

    with Server(whole) as server:
        port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        llm = RemoteLLM(Address(server.address, "m"), context_tokens=1)
        assert state() == "starting None"
        until(lambda: state() == "ready None")
        server.models = 503
        until(lambda: state().startswith("down") and "refused (503)" in state())
        server.models = 404  # Who names no models answers all the same.
        until(lambda: state() == "ready None")
        server.shutdown()
        thread.join()
    until(lambda: state().startswith(f"down No models at http://127.0.0.1:{port}/v1"))
    with pytest.raises(EngineError, match="Nobody answers"):
        events(llm)
    llm.close()
    assert state().startswith("closed")
