"""Cancels, kills and overload, on the service over HTTP and on the engine alone: what is promised, measured.

    python -m tests.benchmarks.engine_faults [--model NAME|PATH] [--cancels 200] [--kills 50] [--overload 10]
                                             [--seconds 30] [--json FILE]

Half of the cancels close the engine's stream, half leave an HTTP connection; in each half, every other one during the
prompt. Kills end the engine's process while three askers load it.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexes.modelstore import ModelStore
from service.llm.factory import open_worker
from service.llm.llama_config import LlamaConfig
from service.llm.types import GenerateOptions, Text
from service.llm.worker import WorkerLLM
from service.settings import Settings
from tests.benchmarks.crowd import Crowd, request
from tests.benchmarks.engine import resident_mib
from tests.benchmarks.engine_asking import Askers, ask, prompts
from tests.benchmarks.engine_served import Served, serving

SMALL = "qwen2.5-coder-0.5b-instruct-q4_k_m"
QUESTION = "What should a backend developer learn first?"
LONG = GenerateOptions(max_tokens=400)
CONTEXT = 8192  # a model whose tokens are bytes needs so many
GIVE_UP_S = 150.0  # longer than an answer's deadline


@dataclass(slots=True)
class Times:
    """Milliseconds of one kind of event."""

    ms: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        self.ms.append(seconds * 1000)

    def summary(self) -> dict[str, float]:
        ordered = sorted(self.ms)
        if not ordered:
            return {"count": 0}
        p99 = ordered[min(round(0.99 * len(ordered)), len(ordered) - 1)]
        return {
            "count": len(ordered),
            "median_ms": round(statistics.median(ordered), 1),
            "p99_ms": round(p99, 1),
            "max_ms": round(ordered[-1], 1),
        }


def until(condition: Callable[[], bool], timeout_s: float = GIVE_UP_S) -> float:
    """Seconds until it holds; the timeout when it does not."""
    begun = time.monotonic()
    while not condition() and time.monotonic() - begun < timeout_s:
        time.sleep(0.002)
    return time.monotonic() - begun


def unseen(number: int) -> str:
    """A question whose text alone takes the small model about two seconds to read."""
    shuffled = random.Random(number)
    return " ".join(shuffled.choice(["Milvus", "练习", "salary", "第一阶段", "GPU", "面试"]) for _ in range(160))


def cancel_in_engine(llm: WorkerLLM, count: int, rng: random.Random) -> dict[str, Any]:
    """Streams closed at random moments: milliseconds until no slot is taken."""
    asked = prompts(4)
    times = {"prompt": Times(), "answer": Times()}
    for number in range(count):
        in_prompt = number % 2 == 0
        request = unseen(number) if in_prompt else "Write down all you know about this, in full."
        chosen = asked[number % len(asked)]
        stream = llm.generate(type(chosen)(chosen.system, chosen.passages, request), LONG)
        if in_prompt:
            time.sleep(rng.uniform(0.02, 1.0))
        else:
            wanted = rng.randint(1, 8)
            while wanted and isinstance(next(stream), Text):
                wanted -= 1
        begun = time.monotonic()
        stream.cancel()
        until(lambda: llm.stats()["running"] == 0)
        times["prompt" if in_prompt else "answer"].add(time.monotonic() - begun)
    return {name: found.summary() for name, found in times.items()}


@contextmanager
def asking(served: Served, question: str, *, stream: bool) -> Iterator[http.client.HTTPConnection]:
    headers = {"Content-Type": "application/json"} | ({"Accept": "text/event-stream"} if stream else {})
    with closing(http.client.HTTPConnection(served.host, served.port, timeout=GIVE_UP_S)) as connection:
        connection.request("POST", "/api/ask", json.dumps({"question": question, "policy": "off"}), headers)
        yield connection


def answer(served: Served, question: str = QUESTION) -> tuple[int, dict[str, Any], float]:
    """Status, body, seconds."""
    begun = time.monotonic()
    with asking(served, question, stream=False) as connection:
        reply = connection.getresponse()
        body = json.loads(reply.read())
    return reply.status, body, time.monotonic() - begun


def leave_over_http(served: Served, count: int, rng: random.Random) -> dict[str, Any]:
    """Connections left at random moments: milliseconds until the engine has no slot taken."""
    times = {"prompt": Times(), "answer": Times()}
    for number in range(count):
        in_prompt = number % 2 == 0
        with asking(served, unseen(number) if in_prompt else QUESTION, stream=True) as connection:
            reply = connection.getresponse()
            if in_prompt:
                time.sleep(rng.uniform(0.02, 1.0))
            else:
                wanted = rng.randint(1, 4)
                while wanted and (line := reply.readline()):
                    wanted -= line.startswith(b"event: token")
        begun = time.monotonic()
        until(lambda: served.bench()["running"] == 0)
        times["prompt" if in_prompt else "answer"].add(time.monotonic() - begun)
    return {name: found.summary() for name, found in times.items()}


def cancels(model: Path, count: int) -> dict[str, Any]:
    rng = random.Random(0)
    llm = open_worker(LlamaConfig(model, context_tokens=CONTEXT), 8)
    try:
        first = prompts(1)[0]
        before = ask(llm, first).text
        cancel_in_engine(llm, min(count // 4, 16), rng)
        memory = resident_mib(llm.health().pid)
        engine = cancel_in_engine(llm, count // 2, rng)
        grown = resident_mib(llm.health().pid) / memory - 1 if memory else 0.0
        same = ask(llm, first).text == before
    finally:
        llm.close()
    with tempfile.TemporaryDirectory() as home, serving(model, Path(home)) as served:
        said = answer(served)[1]["text"]
        leave_over_http(served, min(count // 4, 16), rng)
        told = served.bench()
        http = leave_over_http(served, count - count // 2, rng)
        after = served.bench()
        same_over_http = answer(served)[1]["text"] == said
    return {
        "engine": engine,
        "http": http,
        "answers_right": same and same_over_http,
        "engine_memory": grown,
        "engine_memory_http": after["engine_mib"] / told["engine_mib"] - 1,
        "http_memory": after["http_mib"] / told["http_mib"] - 1,
        "slots_left_taken": after["running"] + after["waiting"],
    }


def first_word(served: Served) -> tuple[float | None, bool]:
    """Seconds until the model says something, if it does, and whether it has ended the answer too."""
    begun, first = time.monotonic(), None
    with asking(served, QUESTION, stream=True) as connection:
        reply = connection.getresponse()
        while line := reply.readline():
            if first is None and line.startswith(b"event: token"):
                first = time.monotonic() - begun
            elif line.startswith(b"event: answer"):
                return first, bool(json.loads(reply.readline().partition(b":")[2])["usage"]["completion_tokens"])
    return first, False


def kills(model: Path, count: int) -> dict[str, Any]:
    """Kill after kill under load: milliseconds until a question asked right after one sees the model's first word, and
    until it has its whole answer, which is written beside three others."""
    speaks, back = Times(), Times()
    statuses: list[int] = []
    with tempfile.TemporaryDirectory() as home, serving(model, Path(home)) as served:
        answer(served)
        with Askers(3, lambda _: statuses.append(answer(served)[0]), GIVE_UP_S) as askers:
            for _ in range(count):
                time.sleep(random.uniform(0.2, 1.0))
                pid = served.bench()["pid"]
                if pid is None:
                    continue
                os.kill(pid, signal.SIGKILL)
                begun = time.monotonic()
                while (asked := time.monotonic()) - begun < GIVE_UP_S:
                    first, ended = first_word(served)
                    if first is not None and ended:
                        speaks.add(asked - begun + first)
                        break
                back.add(time.monotonic() - begun)
        alive = served.process.poll() is None
        restarts = served.bench()["restarts"]
    return {
        "speaks": speaks.summary(),
        "back": back.summary(),
        "restarts": restarts,
        "hung": askers.hung,
        "errors": askers.errors,
        "http_alive": alive,
        "answered_under_load": len(statuses),
        "not_200": sum(status != 200 for status in statuses),
    }


def overload(model: Path, times: int, seconds: float) -> dict[str, Any]:
    """`times` as many askers as the service admits, each coming back a second after it was turned away.

    `rejected` are those of askers who come independently of each other, `rejected_at_once` those of a crowd that
    comes in the same moment, to a service without anything to do.
    """
    queue = 8
    rejected, at_once, accepted = Times(), Times(), Times()
    with tempfile.TemporaryDirectory() as home, serving(model, Path(home), queue=queue) as served:
        asked = request(served, QUESTION)

        def crowd(turned_away: Times, askers: int, for_s: float, within_s: float) -> Crowd:
            def told(status: int, took: float) -> None:
                (accepted if status == 200 else turned_away).add(took)

            return Crowd(served, asked, told, askers, for_s, within_s, back_after_s=1.0, give_up_s=GIVE_UP_S).ask()

        few = crowd(rejected, queue + 1, seconds / 2, 1.0)
        before, alone = served.bench(), len(accepted.ms) / (seconds / 2)
        accepted.ms.clear()
        many = crowd(rejected, times * (queue + 1), seconds, 1.0)
        goodput = len(accepted.ms) / seconds / alone if alone else 0.0
        wave = crowd(at_once, times * (queue + 1), 0.5, 0.0)
        after = served.bench()
    crowds = (few, many, wave)
    return {
        "rejected": rejected.summary(),
        "rejected_at_once": at_once.summary(),
        "accepted": accepted.summary(),
        "goodput": goodput,
        "other_statuses": sorted({status for crowd in crowds for status in crowd.statuses} - {200, 429}),
        "hung": sum(crowd.hung for crowd in crowds),
        "errors": [error for crowd in crowds for error in crowd.errors],
        "engine_memory": after["engine_mib"] / before["engine_mib"] - 1,
        "http_memory": after["http_mib"] / before["http_mib"] - 1,
    }


def show(found: dict[str, Any], indent: str = "") -> None:
    for name, value in found.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            show(value, indent + "  ")
        else:
            print(f"{indent}{name}: {value:.3f}" if isinstance(value, float) else f"{indent}{name}: {value}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=SMALL)
    parser.add_argument("--cancels", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--overload", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    store = ModelStore.from_settings(Settings.load())
    model = Path(options.model) if Path(options.model).is_file() else store.resolve(options.model)
    found: dict[str, Any] = {}
    if options.cancels:
        found["cancels"] = cancels(model, options.cancels)
    if options.kills:
        found["kills"] = kills(model, options.kills)
    if options.overload:
        found["overload"] = overload(model, options.overload, options.seconds)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), "utf-8")


if __name__ == "__main__":
    main()
