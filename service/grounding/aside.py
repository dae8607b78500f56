"""Things listed side by side are not told of each other: `权重存储；样本存储` keeps no weights in samples."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from service.grounding.analysis import telling_concepts
from service.grounding.glossary import Concepts, Glossary
from service.grounding.words import fold

_CELL = re.compile(r"[|\n]")
_ITEMS = re.compile(r"[；;]")
_CLAUSE = re.compile(r"[,;:，；：]")
_JOINT = re.compile(r"\b(?:in|into|inside|within|as)\b")
ITEM_CHARS = 20
"""Longer items are statements, which may speak of each other."""
_ENUMERATES = re.compile(r"\bsuch as\b|\bas well as\b|\bas (?:long|far|soon) as\b")


def joins_apart(claim: str, units: Iterable[str], glossary: Glossary) -> bool:
    """Whether an English claim, folded, says that one item of a list is in another one of it, or is that one."""
    clauses = (_JOINT.split(clause) for clause in _CLAUSE.split(_ENUMERATES.sub(",", claim)))
    sides = [[_concepts(side, glossary) for side in clause] for clause in clauses]
    lists = [_own(cell, glossary) for unit in units for cell in _CELL.split(fold(unit))]
    return any(_joins(clause, items) for clause in sides for items in lists)


def _own(cell: str, glossary: Glossary) -> list[Concepts]:
    """What each item of a cell has that no other one of it has; nothing of items that are sentences."""
    texts = [item.strip(" 。.") for item in _ITEMS.split(cell)]
    if any(len(text) > ITEM_CHARS or "," in text for text in texts):
        return []
    items = [_concepts(text, glossary) for text in texts]
    return [item.difference(*items[:at], *items[at + 1 :]) for at, item in enumerate(items)]


def _joins(sides: Sequence[Concepts], items: Sequence[Concepts]) -> bool:
    places = [{at for at, item in enumerate(items) if item & side} for side in sides]
    return any(len(one) == 1 and len(next_) == 1 and one != next_ for one, next_ in pairwise(places))


def _concepts(text: str, glossary: Glossary) -> Concepts:
    return telling_concepts(glossary.mentions(text, longest=False))
