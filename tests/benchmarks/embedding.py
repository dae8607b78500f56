"""Embedding against sentence-transformers in its default settings: same texts, same machine, same run.

    python -m tests.benchmarks.embedding PASSAGES.jsonl [--questions QUESTIONS.jsonl] [--limit 60] [--asked 100]

PASSAGES: one JSON object a line with `text` (and `id`); QUESTIONS: `lang`, `question`, `gold_doc_ids`. The two take
turns, 32 texts each (the default's batch), so that whatever else the machine does hits both alike. Prints passages a
second by the clock and by processor time, for whole texts and for their sentences; the median time of one query; how
far the vectors are from the default's (cosine); and, with questions on those passages, R@1 of either.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from indexes.embedding import load_embedder
from indexes.modelstore import ModelStore
from indexes.settings import IndexSettings
from indexes.text import split_sentences
from indexes.types import Vectors

_TURN = 32
_QUERIES_A_TURN = 10
Embed = Callable[[Sequence[str]], Vectors]


@dataclass(slots=True)
class Clock:
    """Seconds by the clock and of the processor, one entry for each call."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def time(self, embed: Embed, texts: Sequence[str]) -> Vectors:
        wall, cpu = time.perf_counter(), time.process_time()
        found = embed(texts)
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)
        return found


@dataclass(frozen=True, slots=True)
class Contenders:
    """How each embeds passages and queries."""

    default: tuple[Embed, Embed]
    ours: tuple[Embed, Embed]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("passages", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--limit", type=int, default=60, help="passages")
    parser.add_argument("--asked", type=int, default=100, help="questions")
    arguments = parser.parse_args()
    rows = _read(arguments.passages)[: arguments.limit]
    texts = [row["text"] for row in rows]
    sentences = [text[start:end] for text in texts for start, end in split_sentences(text)]
    contenders = _load()
    passages = _throughput("whole texts", texts, contenders)
    _throughput("sentences", sentences[: 2 * arguments.limit], contenders)
    _one_query([sentence[:40] for sentence in sentences[:30]], contenders)
    if arguments.questions:
        numbers = {row["id"]: number for number, row in enumerate(rows)}
        lang = rows[0].get("lang") or ("zh" if any("\u4e00" <= char <= "\u9fff" for char in texts[0]) else "en")
        known = [q for q in _read(arguments.questions) if q["lang"] == lang and q["gold_doc_ids"][0] in numbers]
        asked = known[:: max(1, len(known) // arguments.asked)]
        _first_places(
            [q["question"] for q in asked], [numbers[q["gold_doc_ids"][0]] for q in asked], passages, contenders
        )


def _load() -> Contenders:
    settings = IndexSettings.load()
    path = ModelStore.from_settings(settings).resolve(settings.embedder)
    ours = load_embedder(settings, path)
    theirs = _default(path)
    return Contenders(
        (
            lambda texts: theirs.encode(list(texts), prompt_name="document"),
            lambda texts: theirs.encode(list(texts), prompt_name="query"),
        ),
        (ours.embed_passages, ours.embed_queries),
    )


def _default(path: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(path), device="cpu", local_files_only=True)


def _throughput(name: str, texts: Sequence[str], contenders: Contenders) -> tuple[Vectors, Vectors]:
    clocks = Clock(), Clock()
    found: tuple[list[Vectors], list[Vectors]] = [], []
    for start in range(0, len(texts), _TURN):
        for clock, rows, (embed, _) in zip(clocks, found, (contenders.default, contenders.ours), strict=True):
            rows.append(clock.time(embed, texts[start : start + _TURN]))
    default, ours = map(np.concatenate, found)
    wall, cpu = ([sum(getattr(clock, kind)) for clock in clocks] for kind in ("wall", "cpu"))
    print(
        f"{name}: {len(texts)}, default {len(texts) / wall[0]:.1f}/s, ours {len(texts) / wall[1]:.1f}/s, "
        f"{wall[0] / wall[1]:.2f} times as fast ({cpu[0] / cpu[1]:.2f} by processor time), "
        f"mean cosine {float(np.mean(np.sum(ours * default, axis=1))):.4f}",
        flush=True,
    )
    return default, ours


def _one_query(queries: Sequence[str], contenders: Contenders) -> None:
    clocks = Clock(), Clock()
    for _, embed in (contenders.default, contenders.ours):
        embed(queries[:1])
    for start in range(0, len(queries), _QUERIES_A_TURN):  # in turns, and enough of them to find the cache warm
        for clock, (_, embed) in zip(clocks, (contenders.default, contenders.ours), strict=True):
            for query in queries[start : start + _QUERIES_A_TURN]:
                clock.time(embed, [query])
    wall, cpu = ([statistics.median(getattr(clock, kind)) * 1000 for clock in clocks] for kind in ("wall", "cpu"))
    print(
        f"one query: default {wall[0]:.1f} ms, ours {wall[1]:.1f} ms, {wall[1] / wall[0]:.0%} of the time "
        f"({cpu[1] / cpu[0]:.0%} of the processor time)",
        flush=True,
    )


def _first_places(
    questions: Sequence[str], gold: Sequence[int], passages: tuple[Vectors, Vectors], contenders: Contenders
) -> None:
    for name, rows, (_, embed) in zip(
        ("default", "ours"), passages, (contenders.default, contenders.ours), strict=True
    ):
        first = np.argmax(np.concatenate([embed([question]) for question in questions]) @ rows.T, axis=1)
        right = float(np.mean(first == np.asarray(gold)))
        print(f"R@1, {name}: {right:.4f} of {len(questions)} questions on {len(rows)} passages", flush=True)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
