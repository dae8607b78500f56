"""Which passages are of the stage that a question asks about: by its time, its number and the path it is a stage of.

Of several paths with stages in a corpus the one that is named comes first: "month 4 of the switch" lies in three of
them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

from indexes.types import Chunk, Hit
from service.asking import Wanted, asks_whether, compares, looks_across, wanted_of
from service.grounding.analysis import group_of, telling_concepts
from service.grounding.glossary import Concepts, Mention, load_glossary
from service.grounding.numerals import integer
from service.grounding.quantities import STAGE, quantities, stage_number
from service.grounding.rivals import names_path
from service.grounding.words import fold
from service.periods import Period, asked_period, stage_of, timely

NUMBERED = 0.5
"""What the asked number of a stage counts beside all of an asked time."""
NAMED, MOST_NAMED = 0.5, 2
"""What each word counts that the question and the titles above a stage name, and how many of them count."""

_ASKED_FIRST = re.compile(r"[头首]一?个?阶段")
_ASKED_BEHIND = re.compile(r"阶段\s*(\d{1,2}|[一二三四五六七八九十])(?![\d个种类])")
_OF_STAGE = re.compile(r"\s*个?阶段")
_STAGES = "exclusive.stage"

Suits: TypeAlias = Callable[[Chunk], float]
"""How well a passage suits a question: above 0 in the stage it asks about, up to 2 where its path is named, too; below
0, to -1, in another stage; 0 where either is of no stage."""


def suiting(question: str) -> Suits:
    """What the passages are worth for the stage that a question asks about."""
    period, number = asked_period(question), asked_number(question)
    if period is None and number is None:
        return lambda chunk: 0.0
    named, lasts = _named(question), wanted_of(question) is Wanted.DURATION
    one_path = names_path(named) and not looks_across(question)

    def suits(chunk: Chunk) -> float:
        path = _path(chunk)
        if one_path and names_path(path) and not names_path(named & path):
            return -1.0
        worth = max(-1.0, min(1.0, _in_time(period, chunk) + _numbered(number, chunk, lasts)))
        return worth + NAMED * min(MOST_NAMED, len(named & path)) if worth > 0 else worth

    return suits


def in_stage(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """Only the hits in the stage that a question asks about; all, where it asks about none or the best one, all things
    considered, is in no such stage."""
    suits = suiting(question)
    in_it = [hit for hit in hits if suits(hit.chunk) > 0]
    return in_it if in_it[:1] == list(hits[:1]) else list(hits)


def asked_number(question: str) -> int | None:
    """The number of the one stage that a question asks about: `the second phase`, 第二阶段, 头一个阶段."""
    if compares(question) or asks_whether(question):
        return None  # What is said of two, or doubted, may stand in another.
    text = fold(question)
    found = {1} if _ASKED_FIRST.search(text) else {integer(match[1]) for match in _ASKED_BEHIND.finditer(text)}
    for ordinal in (quantity for quantity in quantities(text) if quantity.kind == "ordinal"):
        end = text.find(ordinal.text) + len(ordinal.text)
        if STAGE.search(ordinal.text) or _OF_STAGE.match(text, end):
            found.add(int(ordinal.value))
    return found.pop() if len(found) == 1 else None


def without_others(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits but for those of another stage or path than the one that a question asks about and the best hit is of;
    all, where it asks about none, or about several documents."""
    suits = suiting(question)
    if not hits or looks_across(question) or suits(hits[0].chunk) <= 0:
        return list(hits)
    return [hit for hit in hits if suits(hit.chunk) >= 0]


def _in_time(period: Period | None, chunk: Chunk) -> float:
    return 0.0 if period is None else timely(period, stage_of(chunk.heading))


def _numbered(number: int | None, chunk: Chunk, lasts: bool) -> float:
    """`lasts`: how long the stage takes is asked; the one of which that is told counts for twice as much, and others of
    that number for nothing."""
    own = _stage_number(chunk.heading) if number is not None else None
    if own is None:
        return 0.0
    if own != number or not lasts:
        return NUMBERED if own == number else -NUMBERED
    return 2 * NUMBERED if stage_of(chunk.heading) else 0.0


@lru_cache(maxsize=4096)
def _stage_number(heading: Sequence[str]) -> int | None:
    numbers = (number for title in reversed(heading) if (number := stage_number(fold(title))) is not None)
    return next((int(number.value) for number in numbers), None)


def _named(question: str) -> Concepts:
    """What a question names, as concepts of the glossary, but for words that every path has."""
    return _telling(load_glossary().mentions(fold(question)))


@lru_cache(maxsize=4096)
def _titled(titles: str) -> Concepts:
    return _telling(load_glossary().mentions(fold(titles), longest=False))


def _telling(mentions: Iterable[Mention]) -> Concepts:
    return frozenset(concept for concept in telling_concepts(mentions) if group_of(concept) != _STAGES)


def _path(chunk: Chunk) -> Concepts:
    """What the titles above a stage name."""
    return _titled("\n".join((chunk.document.title, *chunk.heading[:-1])))
