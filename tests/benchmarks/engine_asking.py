"""Prompts out of the seeds, one asker or several, and what was measured of them as a row of a table."""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Self

from service.llm.types import LLM, Done, GenerateOptions, Prompt, Text

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

    asker: int
    first_s: float
    total_s: float
    tokens: int
    cached_share: float
    silence_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the questions, `tokens_per_s` over the whole run.

    `fairness` is Jain's index over the askers' tokens a second: 1 when all are served alike, 1/n when one has all.
    """

    what: str
    first_s: float
    last_first_s: float
    decode_tokens_per_s: float
    tokens_per_s: float
    longest_silence_s: float
    cached_share: float
    fairness: float
    texts: tuple[str, ...]


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


def ask(llm: LLM, prompt: Prompt, asker: int = 0) -> Answer:
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
    cached = usage.cached_tokens / usage.prompt_tokens if usage.prompt_tokens else 0.0
    # A server that does not count sends about one piece for each token.
    tokens = usage.completion_tokens or len(times)
    return Answer(asker, times[0], total, tokens, cached, max(silences, default=0.0), text)


def ask_together(llm: LLM, asked: Sequence[Prompt], askers: int) -> tuple[list[Answer], float]:
    """The answers in the order of the prompts, and the seconds for all; who has an answer puts the next question, so
    that as many are asking until none is left.

    What goes wrong for one asker is raised: figures of those that were answered would be of another load.
    """
    left, lock = iter(range(len(asked))), threading.Lock()

    def asker(mine: int) -> dict[int, Answer]:
        answers = {}
        while (number := following()) is not None:
            answers[number] = ask(llm, asked[number], mine)
        return answers

    def following() -> int | None:
        with lock:
            return next(left, None)

    start = time.perf_counter()
    with ThreadPoolExecutor(askers) as threads:
        answers = {number: answer for mine in threads.map(asker, range(askers)) for number, answer in mine.items()}
    return [answers[number] for number in range(len(asked))], time.perf_counter() - start


class Askers:
    """Threads that ask until the end of the `with` block; what goes wrong is counted, and its asker goes on."""

    def __init__(self, count: int, ask: Callable[[threading.Event], object], give_up_s: float) -> None:
        """`ask` is told to stop by the event that it is given, where it waits."""
        self.errors: list[str] = []
        self.hung = 0
        self._ask = ask
        self._give_up_s = give_up_s
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        latest = time.monotonic() + self._give_up_s
        for thread in self._threads:
            thread.join(max(latest - time.monotonic(), 0.0))
        self.hung = sum(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self._ask(self._stop)
            except Exception as error:
                self.errors.append(repr(error))
                self._stop.wait(0.1)


def fairness(answers: Sequence[Answer]) -> float:
    of_each: dict[int, list[Answer]] = {}
    for answer in answers:
        of_each.setdefault(answer.asker, []).append(answer)
    rates = [sum(a.tokens for a in mine) / sum(a.total_s for a in mine) for mine in of_each.values()]
    return sum(rates) ** 2 / (len(rates) * sum(rate * rate for rate in rates))


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
        fairness=fairness(answers),
        texts=tuple(answer.text for answer in answers),
    )


def show(rows: Sequence[Row], facts: Mapping[str, float]) -> None:
    print(
        f"{'':30}{'first':>8}{'slowest':>9}{'decode/s':>10}{'tokens/s':>10}{'silence':>9}{'cached':>8}{'fairness':>10}"
    )
    for r in rows:
        print(
            f"{r.what:30}{r.first_s:7.2f}s{r.last_first_s:8.2f}s{r.decode_tokens_per_s:10.1f}{r.tokens_per_s:10.1f}"
            f"{r.longest_silence_s:8.2f}s{r.cached_share:8.0%}{r.fairness:10.2f}"
        )
    print(", ".join(f"{name} {value:.2f}" for name, value in facts.items()))
