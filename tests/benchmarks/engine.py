"""Time to first token, tokens a second, fairness and memory of the engine, beside llama_cpp.Llama and llama_cpp.server.

    python -m tests.benchmarks.engine [--model NAME|PATH] [--askers 1,2,4,8] [--questions 4] [--rounds 2] [--plain]
                                      [--server] [--service] [--json FILE]

Prompts are four sections of the seeds and a question, about 1,000 tokens. Every figure is of this run on this machine;
run it on an otherwise idle one. Temperature 0 throughout. `same` is the share of the answers given to several at once
that are word for word those given alone. `--service` also starts `career serve` on the index that is there.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import httpx

from indexes.modelstore import ModelStore
from service.llm.core import Reuse
from service.llm.factory import open_worker
from service.llm.llama_config import LlamaConfig
from service.llm.types import Prompt
from service.settings import Settings
from tests.benchmarks.engine_asking import Row, ask_together, prompts, row, show

START_S = 120.0


def resident_mib(pid: int | None) -> float:
    """Memory of a process, weights included; 0 where /proc is not there."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return 0.0
    line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text("ascii").rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(path.parent.name))
    return found


def measure(
    config: LlamaConfig, asked: Sequence[Prompt], askers: Sequence[int], rounds: int
) -> tuple[list[Row], dict[str, float]]:
    llm = open_worker(config, queue_bound=64)
    try:
        tokens = sum(llm.count_tokens(["".join(prompt.passages) + prompt.request for prompt in asked])) / len(asked)
        rows = [row(f"{config.reuse}, cold", *ask_together(llm, asked, 1))]
        alone = row(f"{config.reuse}, warm", *ask_together(llm, asked, 1))
        rows.append(alone)
        same = []
        for count in askers:
            many = [asked[i % len(asked)] for i in range(rounds * count)]
            together = row(f"{config.reuse}, warm, {count} at once", *ask_together(llm, many, count))
            same += [text == alone.texts[i % len(asked)] for i, text in enumerate(together.texts)]
            rows.append(together)
        facts = {"prompt_tokens": tokens, "engine_mib": resident_mib(llm.health().pid)}
        return rows, facts | ({"same": sum(same) / len(same)} if same else {})
    finally:
        llm.close()


@contextmanager
def started_service() -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "service.cli", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        if process.stdout is None:
            raise AssertionError("stdout is a pipe")
        try:
            yield process, process.stdout.readline().rsplit(" ", 1)[-1].strip()
        finally:
            process.terminate()


def service(question: str) -> dict[str, float]:
    """Seconds until /readyz says so, and what both processes hold after some answers, in MiB."""
    begun, told = time.perf_counter(), ""
    with started_service() as (process, address):
        while time.perf_counter() - begun < START_S and process.poll() is None:
            try:
                reply = httpx.get(f"{address}readyz", timeout=5)
            except httpx.HTTPError as error:
                told = repr(error)
            else:
                if reply.status_code == httpx.codes.OK:
                    break
                told = reply.text
            time.sleep(0.05)
        else:
            raise SystemExit(f"the service was not ready within {START_S:.0f} s, or ended: {told}")
        ready = time.perf_counter() - begun
        for number in range(4):
            asked = {"question": f"{question}{'?' * number}"}
            httpx.post(f"{address}api/ask", json=asked, timeout=120).raise_for_status()
        memory = resident_mib(process.pid) + sum(map(resident_mib, children(process.pid)))
    return {"service_ready_s": ready, "service_mib": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="name in the model store or path of a GGUF (default: the setting)")
    parser.add_argument("--askers", default="1,2,4,8")
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2, help="answers for each asker, on average")
    parser.add_argument("--reuse", type=Reuse, default=Reuse.ALL, choices=list(Reuse))
    parser.add_argument("--plain", action="store_true", help="measure llama_cpp.Llama too")
    parser.add_argument("--server", default="", help="measure llama_cpp.server too, with so many askers: 1,4")
    parser.add_argument("--service", action="store_true", help="start the whole service too")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    settings = Settings.load()
    name = options.model or settings.llm
    path = Path(name) if Path(name).is_file() else ModelStore.from_settings(settings).resolve(name)
    config = LlamaConfig(path, threads=settings.threads, reuse=options.reuse, slots=options.slots)
    asked = prompts(options.questions)
    with tempfile.TemporaryDirectory() as folder:
        askers = [int(count) for count in options.askers.split(",") if count]
        rows, facts = measure(replace(config, kv_folder=Path(folder)), asked, askers, options.rounds)
    if options.service:
        facts |= service("What should a backend developer learn first")
    if options.plain or options.server:
        from tests.benchmarks.engine_rivals import plain, server

        rows += [plain(config, asked)] if options.plain else []
        rows += server(config, asked, [int(count) for count in options.server.split(",") if count])
    show(rows, facts)
    if options.json:
        report = {"model": path.stem, "rows": [asdict(r) for r in rows], **facts}
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
