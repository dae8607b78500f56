"""Hits become the Prompt of one question: passages as blocks that never change, and a request that holds the question.

A block is the same text for the same chunk whatever the question, so that an engine can keep its computed state: it has
no number inside (who said what is found by verification, not by what the model types). The best passage stands last,
and after it the best rows are restated, next to the question: a model that read its passages one by one then sees the
decisive rows together. A row's text is the same whatever the question, too. Passages clearly worse than the best are
left out: a small model answers from them instead.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexes.types import Chunk, Hit, Unit, UnitKind
from service.llm.types import LLM, Prompt
from service.types import Message, Passage

_ROWS = re.compile(r"\|\s*\n\s*\|")

DENIAL = "Not in the passages."
"""What SYSTEM asks a model to say where there is no answer; how near it was to that is a signal of the gate.

No answer in either language begins with its first word, as answers do with the "The" of "The passages do not say": of
33 fresh English questions an answerable one was further from it than an unanswerable one for 0.82 of the pairs (0.73).
"""

SYSTEM = """\
You answer questions from passages.
- Use only the passages. Copy names of tools, models, companies and papers as they are written.
- Answer in the language of the question. An English question gets an English answer: translate what is Chinese.
- Begin with the answer. Give every item, name and number that belongs to it; leave nothing out of a list.
- If the question assumes something that the passages contradict, say what they say instead.
- If the passages do not hold what is asked, say only: Not in the passages.
- No introduction, no advice of your own, nothing twice.

Example
- 浇水：喷壶（小苗）、滴灌（Netafim，省水 50%），早晚各一次
Question: Which watering tools are listed, and what are they for?
Watering cans are for seedlings, and drip irrigation (Netafim) saves 50% of the water; water every morning and evening.

Example
- 果树的三项工作：修剪、施肥、防虫
Question: Is watering one of the three tasks for fruit trees?
No. The three tasks for fruit trees are pruning, fertilising and pest control.

Example
- 苹果树：每年修剪一次，三年结果
Question: How much does an apple tree cost?
Not in the passages.

Example
- 土壤 | 黏土（保水）、沙土（排水）、壤土（通用） | 菜园；花坛
问题：有哪几种土壤，各有什么特点？
有三种土壤：黏土保水，沙土排水，壤土通用。
"""
_LAST_WORD_ZH = "请用中文简短回答：列全要点，不要解释。"
_TOLD_ZH = tuple(re.split("[：，。]", _LAST_WORD_ZH)[1:-1])
"""What is asked of the answer's form; no passage says it."""
_HOW_EN = "\nAnswer in English, briefly.\n"
_QUESTION_ZH, _QUESTION_EN = "问题：", "Question: "
_LEAD_IN_ZH, _LEAD_IN_EN = LEAD_INS = ("\n" + _QUESTION_ZH, _HOW_EN + _QUESTION_EN)
_ROWS_ZH, _ROWS_EN = ROW_TITLES = ("最相关的原文：\n", "Most relevant lines:\n")
ROW_KINDS = frozenset({UnitKind.ROW, UnitKind.ITEM, UnitKind.SENTENCE})
ROW_CHARS = 700
"""The most characters of restated rows: about 350 tokens of Chinese."""
REACH = 0.08
"""How far below the best hit's cosine a passage may lie and still be shown: what is clearly worse only distracts."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What the context can hold: passages at most, tokens for passages and request together."""

    passages: int
    tokens: int
    rows: int = 3


@dataclass(frozen=True, slots=True)
class BuiltPrompt:
    """A prompt and the passages it shows, best first (the prompt shows the best last)."""

    prompt: Prompt
    passages: tuple[Passage, ...]


def build_prompt(
    question: str,
    hits: Sequence[Hit],
    llm: LLM,
    budget: Budget,
    *,
    lang: str,
    earlier: str | None = None,
    history: tuple[Message, ...] = (),
) -> BuiltPrompt:
    """The smallest sufficient evidence for a question: the best hits that fit, restated rows of the best of them.

    Args:
        hits: best first.
        budget: tokens are counted with the engine's own tokeniser; system and request are paid first.
        earlier: the question this one follows up, if it cannot be read alone.
    """
    hits = within_reach(hits)
    request = request_text(question, lang, earlier)
    rows = (*row_blocks(best_rows(hits, budget.rows), lang), *lead_in(lang, earlier))
    blocks = [passage_block(hit.chunk) for hit in hits[: budget.passages]]
    counts = llm.count_tokens([SYSTEM, request, "".join(rows), *blocks])
    kept = fitting(counts[3:], budget.tokens - sum(counts[:3]))
    passages = tuple(Passage(marker, hits[i], blocks[i]) for marker, i in enumerate(kept, start=1))
    shown = tuple(passage.text for passage in reversed(passages))
    return BuiltPrompt(Prompt(SYSTEM, (*shown, *rows), request, history), passages)


def echoes_task(text: str) -> bool:
    """Whether a sentence repeats what the model was told of the form of its answer."""
    return any(part in text for part in _TOLD_ZH)


def within_reach(hits: Sequence[Hit]) -> list[Hit]:
    """The hits that compete with the best one."""
    best = max((hit.score for hit in hits), default=0.0)
    return [hit for hit in hits if hit.score >= best - REACH]


def fitting(costs: Sequence[int], tokens: int) -> list[int]:
    """Indexes of the longest best-first choice that costs at most `tokens`; one too large is passed over."""
    kept = []
    for index, cost in enumerate(costs):
        if cost <= tokens:
            kept.append(index)
            tokens -= cost
    return kept


def passage_block(chunk: Chunk) -> str:
    """A chunk as the model reads it, under its title and heading path."""
    return f"【{heading_line(chunk)}】\n{chunk.text.strip()}\n\n"


def heading_line(chunk: Chunk) -> str:
    """`title › heading › subheading`, the title once."""
    parts = [chunk.document.title, *chunk.heading]
    return " › ".join(dict.fromkeys(part for part in parts if part))


def best_rows(hits: Sequence[Hit], limit: int) -> list[tuple[Hit, Unit]]:
    """The units that matched best, first of each hit in turn, within ROW_CHARS."""
    rounds = max((len(hit.units) for hit in hits), default=0)
    rows = [(hit, hit.units[depth]) for depth in range(rounds) for hit in hits if depth < len(hit.units)]
    kept: list[tuple[Hit, Unit]] = []
    left = ROW_CHARS
    for hit, unit in rows:
        if len(kept) < limit and unit.kind in ROW_KINDS and len(unit.text) <= left:
            kept.append((hit, unit))
            left -= len(unit.text)
    return kept


def row_blocks(rows: Sequence[tuple[Hit, Unit]], lang: str) -> tuple[str, ...]:
    """Restated rows under their title, a block each; none where there are no rows."""
    if not rows:
        return ()
    title = _ROWS_ZH if lang.startswith("zh") else _ROWS_EN
    return (title, *(row_block(hit.chunk, unit) for hit, unit in in_reading_order(rows)))


def row_block(chunk: Chunk, unit: Unit) -> str:
    """A unit on one line, after the heading right above it, in brackets: rows of different tables look alike."""
    heading = f"[{chunk.heading[-1]}] " if chunk.heading else ""
    return f"- {heading}{plain_row(unit.text)}\n"


def restated(chunk: Chunk) -> list[str]:
    """All blocks that restate a unit of a chunk."""
    return [row_block(chunk, unit) for unit in chunk.units if unit.kind in ROW_KINDS and len(unit.text) <= ROW_CHARS]


def lead_in(lang: str, earlier: str | None = None) -> tuple[str, ...]:
    """What a question has in front of it, the same for all: a block whose state is kept like any other's.

    A Chinese question has the instruction behind it, computed anew each time: in front of it, its nugget recall fell
    from 0.92 to 0.88 (125 questions), where the English one stayed (0.82).
    """
    if lang.startswith("zh"):
        return () if earlier else (_LEAD_IN_ZH,)
    return (_HOW_EN if earlier else _LEAD_IN_EN,)


def request_text(question: str, lang: str, earlier: str | None = None) -> str:
    """The end of the user's turn, after `lead_in`: what is computed while somebody waits."""
    if lang.startswith("zh"):
        before = f"\n上一个问题：{earlier}\n{_QUESTION_ZH}" if earlier else ""
        return f"{before}{question}\n{_LAST_WORD_ZH}"
    return f"Earlier question: {earlier}\n{_QUESTION_EN}{question}" if earlier else question


def in_reading_order(rows: Sequence[tuple[Hit, Unit]]) -> list[tuple[Hit, Unit]]:
    """The best hit's rows last, those of one hit as its document has them: first, second, third must stay so."""
    return sorted(rows, key=lambda row: (-row[0].rank, row[1].start))


def plain_row(text: str) -> str:
    """A unit without the marks of its table or list: cells are separated by ` | `, rows of a table by `；`."""
    if len(rows := _ROWS.split(text)) > 1:
        return "；".join(plain_row(row) for row in rows)
    text = " ".join(text.split())
    if text.startswith("|"):
        return " | ".join(cell.strip() for cell in text.strip("|").split("|"))
    return text.removeprefix("- ").removeprefix("* ")
