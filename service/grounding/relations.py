"""What turns a claim round without changing its words: negation and opposite poles."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from service.grounding.glossary import GENERIC, Glossary, english_words
from service.grounding.words import stem

# Words that are negative in form only, and have a positive meaning of their own: read before negations are counted.
_LEXICAL = re.compile(
    r"\bun(?!able\b)\w{3,}|\bnon-?\w{3,}|\bin(?:complete|secure|visible|accurate|consistent)\w*"
    r"|\bwithout (?:(?:interrupt|disrupt|tak|shar|hand|expos|reveal|mov|pool)ing|interruption|downtime)\b"
    r"|\bno(?:t only| later than|t just)\b|\btamper-proof\b|\bzero-downtime\b"
    r"|\b(?:not|never)(?: been)? (?:seen|encountered)\b|n't(?: been)? (?:seen|encountered)\b"
    r"|有没有|有无|是否|未见过?|没见过|不确定|不完整|不可预测|不可或缺|不可缺少|缺一不可"
    r"|不可篡改|离不开|少不了|不得不|无监督|无停机|无缝|无论|无人|非结构化|非技术|非常|不断|不仅|不只|不但|不同|不过|不管|不论|不中断|未来|未必|不错|不良"
)
NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nothing|nobody|nowhere|unable"
    r"|exclud\w+|omit\w*|barely)\b|\b(?:leav\w+|left) out\b"
    r"|n't\b|\bneed not\b"
    r"|不|没有|没(?!落)|无需|无须|无法|毫无|无(?=关|意义|用)|未|并非|绝非|勿|而非|别(?=[把用做学去])"
)
# Wordings that may carry a negation without being one: they satisfy the other side's.
SOFT = re.compile(
    r"\b(?:avoid\w*|prevent\w*|instead of|rather than|fail\w*|unlike|lack\w*|hardly|rarely"
    r"|seldom|missing|free from|anti-\w+|less|optional|unnecessary"
    r"|unimportant|incomplete|incorrect)\b"
    r"|避免|防止|以免|难以|除了|缺乏|缺少|很少|无关|未必"
)


# Where in a text something stands is no pole of what it says.
_PLACE = re.compile(
    r"\bat the very (?:end|start|beginning)\b"
    r"|\bat the (?:end|start|beginning) of the (?:guide|document|article|text|checklist|page)\b"
)
_BETWEEN = re.compile(r"[\s-]*(?:(?:the|its|their|of|in|a|an)\s+)*|[的了]?")

Place: TypeAlias = tuple[int, int, frozenset[tuple[int, int]]]
"""[start, end) of a text and the poles that stand there."""


@dataclass(frozen=True, slots=True)
class Relations:
    """Polarity of a folded text: hard and soft negations counted, and the poles it takes on each axis.

    `bound` has the poles that stand right before a concept, as in low latency or 降低误诊率.
    """

    negations: int
    soft: int
    poles: frozenset[tuple[int, int]]
    bound: frozenset[tuple[int, int, str]] = frozenset()


def relations(text: str, glossary: Glossary) -> Relations:
    plain = _LEXICAL.sub(" ", text)
    found = _poles(_PLACE.sub(lambda place: " " * len(place.group()), text), glossary)
    return Relations(
        len(NEGATION.findall(plain)),
        len(SOFT.findall(text)),
        frozenset(pole for _, _, poles in found for pole in poles),
        frozenset(_bound(found, text, glossary)),
    )


def joined(parts: Iterable[Relations]) -> Relations:
    parts = list(parts)
    return Relations(
        sum(part.negations for part in parts),
        sum(part.soft for part in parts),
        frozenset().union(*(part.poles for part in parts)),
        frozenset().union(*(part.bound for part in parts)),
    )


def _bound(places: Iterable[Place], text: str, glossary: Glossary) -> Iterator[tuple[int, int, str]]:
    """Each pole with what follows it at once, save particles."""
    mentions = [m for m in glossary.mentions(text) if any(not c.startswith(GENERIC) for c in m.concepts)]
    for start, end, poles in places:
        near = next((m for m in mentions if m.start >= end), None)
        if near is not None and _BETWEEN.fullmatch(text[end : near.start]):
            said = text[start:end]
            yield from ((axis, pole, c) for axis, pole in poles for c in near.concepts if said not in c)


def _poles(text: str, glossary: Glossary) -> list[Place]:
    found: list[Place] = []
    words = list(english_words(text))
    roots = [stem(text[a:b]) for a, b in words]
    for first in range(len(roots)):
        for size in (1, 2, 3):
            poles = glossary.poles.get(" ".join(roots[first : first + size]))
            if poles and first + size <= len(roots):
                found.append((words[first][0], words[first + size - 1][1], poles))
    taken = 0
    for start in range(len(text)):
        for size in range(min(6, len(text) - start), 0, -1):
            if (
                start >= taken
                and (poles := glossary.poles.get(text[start : start + size]))
                and not text[start].isascii()
            ):
                found.append((start, start + size, poles))
                taken = start + size
                break
    return found


def opposite(claim: Relations, source: Relations) -> int:
    """Axes on which the claim takes a pole whose opposite, and not itself, stands in the source."""
    return sum(
        1
        for axis, pole in claim.poles
        if (axis, pole) not in source.poles and (axis, -pole) in source.poles and (axis, -pole) not in claim.poles
    )


def bound_opposite(claim: Relations, source: Relations) -> int:
    """Concepts to which the claim gives the opposite of what the source gives them: low latency, high latency."""
    return sum(
        1
        for axis, pole, concept in claim.bound
        if (axis, -pole, concept) in source.bound
        and (axis, pole, concept) not in source.bound
        and (axis, -pole, concept) not in claim.bound
    )


def negation_differs(claim: Relations, source: Relations) -> bool:
    """Whether one says no and the other does not; soft wordings satisfy either side."""
    if claim.negations and not source.negations:
        return not source.soft
    if source.negations and not claim.negations:
        return not claim.soft
    return False
