"""What reusing computed state costs in quality: the same questions with full prefill and each way of reuse, paired.

    python -m tests.benchmarks.engine_reuse [--modes off,on,rows,boundary,best] [--split dev] [--each 40]
        [--minutes 9] [--out FOLDER]

Asks a sample of one half of the questions in each language through the answerer that serves users. Stops by itself
after `--minutes` for each mode and goes on where it stopped when run again; then compares, in each language by itself,
every mode with `off` on the questions both have answered.

`on` is what ships: passages and restated rows reused, the question computed. `rows` computes the restated rows,
`best` the best of them, `boundary` the first tokens of each passage in place.
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from indexes.embedding import load_embedder
from indexes.generation import Generation
from indexes.modelstore import ModelStore
from service.evaluation.compare import changes
from service.evaluation.dataset import Dataset, load_dataset, select
from service.evaluation.records import load_run
from service.evaluation.run import Progress, RunOptions, RuntimeTarget, run
from service.evaluation.scoring import Scored, score_run
from service.llm.core import Reuse
from service.llm.desk import Stream
from service.llm.factory import llama_config, open_worker
from service.llm.types import LLM, GenerateOptions, Prompt
from service.prompt import LEAD_INS, ROW_TITLES
from service.runtime import view_of
from service.settings import Settings

DATA = Path(__file__).resolve().parents[1] / "evaluation" / "career.jsonl"
MODES = {"off": Reuse.OFF, "on": Reuse.ALL, "rows": Reuse.ALL, "boundary": Reuse.BOUNDARY, "best": Reuse.LAST_FRESH}
SHOWN = (
    "nugget_recall",
    "false_answer",
    "false_refusal",
    "balanced_accuracy",
    "support_precision",
    "verdict_supported",
)


class TimeUp(Exception):
    """The minutes are over; what was answered is on the disk."""


@dataclass(frozen=True, slots=True)
class ComputedFrom:
    """An engine to which blocks from the first of `texts` on belong to the request: the same text, computed with the
    question."""

    llm: LLM
    name: str
    context_tokens: int
    texts: tuple[str, ...]

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return self.llm.count_tokens(texts)

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Stream:
        texts = prompt.passages
        first = next((number for number, text in enumerate(texts) if text in self.texts), len(texts))
        request = "".join(texts[first:]) + prompt.request
        stream = self.llm.generate(replace(prompt, passages=texts[:first], request=request), options)
        assert isinstance(stream, Stream)
        return stream

    def close(self) -> None:
        self.llm.close()


def sample(data: Dataset, lang: str, each: int) -> Dataset:
    """Evenly spread over the questions of a language."""
    numbers = [number for number, case in enumerate(data.cases) if case.lang == lang]
    kept = [numbers[i * len(numbers) // each] for i in range(min(each, len(numbers)))]
    return replace(data, cases=tuple(data.cases[n] for n in kept), rows=tuple(data.rows[n] for n in kept))


@contextmanager
def engine(settings: Settings, mode: str) -> Iterator[LLM]:
    config = llama_config(settings, ModelStore.from_settings(settings).resolve(settings.llm))
    llm = open_worker(replace(config, reuse=MODES[mode]), settings.queue)
    try:
        computed = {"rows": (*ROW_TITLES, *LEAD_INS), "best": LEAD_INS}.get(mode)
        yield ComputedFrom(llm, llm.name, llm.context_tokens, computed) if computed else llm
    finally:
        llm.close()


def answer_all(data: Dataset, mode: str, folder: Path, settings: Settings, minutes: float) -> None:
    embedder = load_embedder(settings)
    generation = Generation.current(settings.home)
    end = time.monotonic() + minutes * 60

    def on_progress(progress: Progress) -> None:
        if time.monotonic() > end:
            raise TimeUp

    with engine(settings, mode) as llm:
        view = view_of(generation, settings.model_copy(update={"answer_cache": 0}), embedder, llm)
        options = RunOptions({"mode": mode, "questions": [case.id for case in data.cases]}, on_progress=on_progress)
        try:
            run(data, RuntimeTarget(view.retriever, view.answerer), generation.chunks, folder, options)
        except TimeUp:
            print(f"{mode}: time is up; run again to go on")


def pairs(a: Path, b: Path, lang: str) -> tuple[list[Scored], list[Scored]]:
    before, after = (
        {row.case.id: row for row in score_run(load_run(folder)) if row.case.lang == lang} for folder in (a, b)
    )
    shared = [name for name in before if name in after]
    return [before[name] for name in shared], [after[name] for name in shared]


def first_ms(rows: Sequence[Scored]) -> str:
    """Median time to the first token of those that had one."""
    times = [row.timings["first_token_ms"] for row in rows if "first_token_ms" in row.timings]
    return f"{statistics.median(times):.0f}" if times else "-"


def show(out: Path, modes: Sequence[str], langs: Sequence[str]) -> None:
    for lang in langs:
        for mode in modes:
            if mode == "off" or not (out / mode).is_dir():
                continue
            a, b = pairs(out / "off", out / mode, lang)
            if not a:
                continue
            print(f"\n{lang}: {mode} against off, {len(a)} questions, first token {first_ms(b)} / {first_ms(a)} ms")
            for change in changes(a, b, 2000, 2000):
                if change.metric in SHOWN:
                    print(
                        f"  {change.metric:20} {change.a:.3f} -> {change.b:.3f}  {change.delta:+.3f} "
                        f"[{change.low:+.3f}, {change.high:+.3f}]  better {change.wins}, worse {change.losses}"
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", default="off,on")
    parser.add_argument("--langs", default="en,zh")
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=9.0, help="for each mode")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    settings = Settings.load()
    modes, langs = options.modes.split(","), options.langs.split(",")
    out = options.out or settings.home / "runs" / f"reuse-{options.split}"
    data = select(load_dataset(DATA), options.split)
    samples = [sample(data, lang, options.each) for lang in langs]
    # One question of each language in turn, so that whatever is answered in time is of both.
    order = [(s.cases[i], s.rows[i]) for i in range(options.each) for s in samples if i < len(s.cases)]
    asked = replace(data, cases=tuple(case for case, _ in order), rows=tuple(row for _, row in order))
    for mode in modes:
        answer_all(asked, mode, out / mode, settings, options.minutes)
    show(out, modes, langs)


if __name__ == "__main__":
    main()
