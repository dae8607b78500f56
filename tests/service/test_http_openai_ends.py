"""Where `stop` or `max_tokens` ends a completion: what was sent keeps its references, and counts as an answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.sse import frames
from service.types import Policy
from tests.service.http_fakes import FakeLlm, fake_runtime
from tests.service.test_http_telemetry import sample

FIRST = "Then learn model deployment and vector databases. [1]"
SECOND = "Start with programming, networking and databases. [2]"
ROOM_FOR_ONE = FakeLlm().count_tokens([FIRST])[0]
PIECES = 17
"""Of three characters, that the scripted draft makes of either sentence."""


@dataclass(frozen=True)
class End:
    """What is expected of a completion that `asked` for an end; `cited` are (start, end, where in the document)."""

    asked: dict[str, Any]
    text: str
    finish: str
    cited: list[tuple[int, int, str]]
    pieces: int


ENDS = {
    "stop": End({"stop": " deployment"}, "Then learn model", "stop", [(0, 16, "char=50,99")], PIECES),
    "length": End({"max_tokens": ROOM_FOR_ONE}, FIRST, "length", [(0, 53, "char=50,99")], 2 * PIECES),
    "nothing": End({"max_tokens": 1}, "", "length", [], PIECES),
    "second": End(
        {"stop": ["networking"]},
        f"{FIRST} Start with programming, ",
        "stop",
        [(0, 53, "char=50,99"), (54, 78, "char=0,49")],
        2 * PIECES,
    ),
}


def completed(client: TestClient, stream: bool, **extra: Any) -> dict[str, Any]:
    """The text, finish reason, annotations, usage and native answer of a completion, streamed or not."""
    messages = [{"role": "user", "content": "vector databases and model deployment"}]
    body = {"model": "career", "messages": messages, "stream": stream, **extra}
    if not stream:
        reply = client.post("/v1/chat/completions", json=body).json()
        [choice] = reply["choices"]
        text, annotations = choice["message"]["content"], choice["message"]["annotations"]
        return dict(text=text, finish=choice["finish_reason"], annotations=annotations, **fields(reply, reply))
    body["stream_options"] = {"include_usage": True}
    *chunks, last, usage = [
        data for _, data in frames([client.post("/v1/chat/completions", json=body).content]) if data != "[DONE]"
    ]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    [choice] = last["choices"]
    annotations = choice["delta"]["annotations"]
    return dict(text=text, finish=choice["finish_reason"], annotations=annotations, **fields(usage, last))


def fields(with_usage: Any, with_native: Any) -> dict[str, Any]:
    return {"usage": with_usage["usage"], "native": with_native["career"]}


def spans(end: dict[str, Any]) -> list[tuple[int, int, str]]:
    notes = [note["url_citation"] for note in end["annotations"]]
    return [(note["start_index"], note["end_index"], note["url"].split("#")[1]) for note in notes]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_an_early_end_keeps_what_belongs_to_the_text(tmp_path: Path, end: End, stream: bool) -> None:
    runtime = fake_runtime(Settings(home=tmp_path))
    with TestClient(create_app(runtime)) as client:
        reply = completed(client, stream, **end.asked)
        metrics = client.get("/metrics").text
        known = client.post("/api/feedback", json={"answer_id": reply["native"]["id"], "rating": "up"})
    assert (reply["text"], reply["finish"]) == (end.text, end.finish)
    assert spans(reply) == end.cited
    assert reply["usage"] == {
        "prompt_tokens": 100,
        "completion_tokens": end.pieces,
        "total_tokens": 100 + end.pieces,
        "prompt_tokens_details": {"cached_tokens": 60},
    }
    native = reply["native"]
    assert (native["text"], native["status"], native["cut"]) == (end.text, "partial", True)
    assert [sentence["end"] for sentence in native["sentences"]] == [at for _, at, _ in end.cited]
    quoted = [f"char={citation['start']},{citation['end']}" for citation in native["citations"]]
    assert quoted == [where for *_, where in end.cited]
    assert runtime.answerer.closed == 1
    assert sample(metrics, "rag_cancelled_total") == 0
    assert sample(metrics, 'rag_answers_total{status="partial"}') == 1
    assert sample(metrics, "rag_prompt_tokens_total") == 100
    assert known.status_code == 204


def test_sentences_cut_short_are_what_stands_in_the_text(tmp_path: Path) -> None:
    with TestClient(create_app(fake_runtime(Settings(home=tmp_path)))) as client:
        native = completed(client, False, stop="networking")["native"]
        within = completed(client, False, stop="1]")["native"]
    assert [sentence["text"] for sentence in native["sentences"]] == [FIRST[:-4], "Start with programming, "]
    assert (within["text"], within["sentences"][0]["text"]) == (FIRST[:-2], FIRST[:-4])


def test_an_early_end_is_charged_with_its_prompt(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, tokens_per_minute=50)
    with TestClient(create_app(fake_runtime(settings))) as client:
        body = {"model": "career", "messages": [{"role": "user", "content": "vector databases"}], "max_tokens": 1}
        statuses = [client.post("/v1/chat/completions", json=body).status_code for _ in range(2)]
    assert statuses == [200, 429]


@pytest.mark.parametrize("policy", [Policy.FLAG, Policy.OFF])
def test_completions_are_strict_whatever_the_policy(tmp_path: Path, policy: Policy) -> None:
    runtime = fake_runtime(Settings(home=tmp_path, policy=policy))
    with TestClient(create_app(runtime)) as client:
        assert completed(client, False)["text"].startswith(FIRST)
        client.post("/api/ask", json={"question": "vector databases"})
    assert [question.policy for question in runtime.answerer.asked] == [Policy.STRICT, policy]
