"""Time to first token, tokens a second, fairness and memory of the engine, beside plain llama_cpp.Llama.

    python -m tests.benchmarks.engine [--model NAME|PATH] [--askers 1,2,4,8] [--questions 4] [--plain] [--json FILE]

Prompts are four sections of the seeds and a question, about 1,000 tokens. Every figure is of this run on this machine;
run it on an otherwise idle one. Temperature 0 throughout.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

from indexes.modelstore import ModelStore
from service.llm.core import Reuse
from service.llm.factory import open_worker
from service.llm.llama_config import LlamaConfig
from service.llm.template import ChatTemplate
from service.llm.types import Done, GenerateOptions, Prompt, Text
from service.llm.worker import WorkerLLM
from service.settings import Settings

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
SYSTEM = "Answer only from the numbered passages, in the language of the question. If they do not say, say so."
QUESTIONS = (
    "What should a backend developer learn first?",
    "后端程序员应该先学什么?",
    "How does one get hands-on practice?",
    "需要掌握哪些数据库和工具?",
    "Which projects show that I can do the work?",
    "怎样准备面试?",
    "What does an AI engineer do all day?",
    "哪些岗位适合转型?",
)
PASSAGES, PASSAGE_CHARS = 4, 450
OPTIONS = GenerateOptions(max_tokens=64)


@dataclass(frozen=True, slots=True)
class Answer:
    """Seconds from the asking; `silence_s` is the longest wait between two pieces of text once begun."""

    first_s: float
    total_s: float
    tokens: int
    cached_share: float
    silence_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the questions, `tokens_per_s` over the whole run."""

    what: str
    first_s: float
    last_first_s: float
    decode_tokens_per_s: float
    tokens_per_s: float
    longest_silence_s: float
    cached_share: float


def sections() -> list[str]:
    """The seeds, cut at paragraphs into pieces of about PASSAGE_CHARS."""
    pieces = [""]
    for path in sorted(SEEDS.glob("*.md")):
        for paragraph in path.read_text("utf-8").split("\n\n"):
            if pieces[-1] and len(pieces[-1]) + len(paragraph) > PASSAGE_CHARS:
                pieces.append("")
            pieces[-1] += paragraph.strip()[:PASSAGE_CHARS] + "\n"
    return [piece for piece in pieces if len(piece) > PASSAGE_CHARS // 2]


def prompts(count: int) -> list[Prompt]:
    """Each question over passages of its own."""
    texts = sections()
    step = max(len(texts) // (count * PASSAGES), 1)
    chosen = [texts[i * step % len(texts)] for i in range(count * PASSAGES)]
    return [
        Prompt(
            SYSTEM,
            tuple(f"Passage [{k + 1}]:\n{text}\n" for k, text in enumerate(chosen[i * PASSAGES : (i + 1) * PASSAGES])),
            f"Question: {QUESTIONS[i % len(QUESTIONS)]}",
        )
        for i in range(count)
    ]


def ask(llm: WorkerLLM, prompt: Prompt) -> Answer:
    start = time.perf_counter()
    times, text = [], ""
    done = None
    for event in llm.generate(prompt, OPTIONS):
        if isinstance(event, Text):
            times.append(time.perf_counter() - start)
            text += event.text
        elif isinstance(event, Done):
            done = event
    if done is None or not times:
        raise SystemExit("the engine gave no answer")
    silences = [after - before for before, after in pairwise(times)]
    total = time.perf_counter() - start
    usage = done.usage
    cached = usage.cached_tokens / usage.prompt_tokens
    return Answer(times[0], total, usage.completion_tokens, cached, max(silences, default=0.0), text)


def ask_together(llm: WorkerLLM, asked: Sequence[Prompt], askers: int) -> tuple[list[Answer], float]:
    """The answers and the seconds for all; every asker puts its questions one after another."""
    answers: list[Answer] = []

    def asker(mine: Sequence[Prompt]) -> None:
        for prompt in mine:
            answers.append(ask(llm, prompt))

    start = time.perf_counter()
    threads = [threading.Thread(target=asker, args=(asked[i::askers],)) for i in range(askers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, time.perf_counter() - start


def row(what: str, answers: Sequence[Answer], seconds: float) -> Row:
    rates = [(a.tokens - 1) / (a.total_s - a.first_s) for a in answers if a.tokens > 1]
    return Row(
        what=what,
        first_s=statistics.median(a.first_s for a in answers),
        last_first_s=max(a.first_s for a in answers),
        decode_tokens_per_s=statistics.median(rates) if rates else 0.0,
        tokens_per_s=sum(a.tokens for a in answers) / seconds,
        longest_silence_s=max(a.silence_s for a in answers),
        cached_share=statistics.mean(a.cached_share for a in answers),
    )


def plain(config: LlamaConfig, asked: Sequence[Prompt]) -> tuple[list[Answer], float]:
    """llama_cpp.Llama as its documentation shows it, with the same template and the same threads."""
    import llama_cpp

    from service.llm.binding import default_threads
    from service.llm.gguf import read_gguf

    llama = llama_cpp.Llama(
        str(config.path), n_ctx=config.context_tokens, n_threads=config.threads or default_threads(), verbose=False
    )
    template = ChatTemplate(read_gguf(config.path).chat_template)
    answers, begun = [], time.perf_counter()
    for prompt in asked:
        rendered = template.render(prompt)
        head, tail = ("".join(piece.text for piece in pieces) for pieces in (rendered.head, rendered.tail))
        text = head + "".join(prompt.passages) + prompt.request + tail
        start = time.perf_counter()
        pieces = [
            (time.perf_counter() - start, chunk["choices"][0]["text"])
            for chunk in llama.create_completion(text, max_tokens=OPTIONS.max_tokens, temperature=0.0, stream=True)
        ]
        shown = [(at, piece) for at, piece in pieces if piece]
        total = time.perf_counter() - start
        answers.append(Answer(shown[0][0], total, len(shown), 0.0, 0.0, "".join(piece for _, piece in shown)))
    seconds = time.perf_counter() - begun
    llama.close()
    return answers, seconds


def resident_mib(pid: int | None) -> float:
    """Memory of the engine's process, weights included; 0 where /proc is not there."""
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return 0.0
    line = next(line for line in status.read_text("ascii").splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def measure(config: LlamaConfig, asked: Sequence[Prompt], askers: Sequence[int]) -> tuple[list[Row], dict[str, float]]:
    llm = open_worker(config, queue_bound=64)
    try:
        tokens = sum(llm.count_tokens(["".join(prompt.passages) + prompt.request for prompt in asked])) / len(asked)
        rows = [row(f"{config.reuse}, cold", *ask_together(llm, asked, 1))]
        rows.append(row(f"{config.reuse}, warm", *ask_together(llm, asked, 1)))
        for count in askers:
            many = [asked[i % len(asked)] for i in range(2 * count)]
            rows.append(row(f"{config.reuse}, warm, {count} at once", *ask_together(llm, many, count)))
        return rows, {"prompt_tokens": tokens, "resident_mib": resident_mib(llm.health().pid)}
    finally:
        llm.close()


def show(rows: Sequence[Row], facts: dict[str, float]) -> None:
    print(f"{'':28}{'first':>8}{'slowest':>9}{'decode/s':>10}{'tokens/s':>10}{'silence':>9}{'cached':>8}")
    for r in rows:
        print(
            f"{r.what:28}{r.first_s:7.2f}s{r.last_first_s:8.2f}s{r.decode_tokens_per_s:10.1f}{r.tokens_per_s:10.1f}"
            f"{r.longest_silence_s:8.2f}s{r.cached_share:8.0%}"
        )
    print(", ".join(f"{name} {value:.0f}" for name, value in facts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="name in the model store or path of a GGUF (default: the setting)")
    parser.add_argument("--askers", default="1,2,4,8")
    parser.add_argument("--questions", type=int, default=4)
    parser.add_argument("--reuse", type=Reuse, default=Reuse.ALL, choices=list(Reuse))
    parser.add_argument("--plain", action="store_true", help="measure llama_cpp.Llama too")
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    settings = Settings.load()
    name = options.model or settings.llm
    path = Path(name) if Path(name).is_file() else ModelStore.from_settings(settings).resolve(name)
    config = LlamaConfig(path, threads=settings.threads, reuse=options.reuse, slots=options.slots)
    asked = prompts(options.questions)
    with tempfile.TemporaryDirectory() as folder:
        rows: list[Row] = []
        if options.plain:
            rows.append(row("llama_cpp.Llama", *plain(config, asked)))
        askers = [int(count) for count in options.askers.split(",") if count]
        measured, facts = measure(replace(config, kv_folder=Path(folder)), asked, askers)
        rows += measured
    show(rows, facts)
    if options.json:
        report = {"model": path.stem, "rows": [asdict(r) for r in rows], **facts}
        options.json.write_text(json.dumps(report, indent=1), "utf-8")


if __name__ == "__main__":
    main()
