"""What turns a claim round without changing its words: negation and opposite poles."""

import re
from dataclasses import dataclass

from service.grounding.glossary import Glossary, english_words
from service.grounding.words import stem

NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nothing|nobody|n't|nowhere|lacks?)\b|\w+n't\b"
    r"|(?<!不[断仅只但])(?:不(?!断|仅|只|但|同|过|锈|管|确定性|可或缺|可缺|可篡改|足)|没有|没(?!落)|无需|无须|无法|无(?!论|缝|人|监督|停机)|未(?!来|必)|并非|绝非|从未|毫无|别(?=[把用做学])|勿|而非)"
)
# Wordings that say no without a negation, or negate only in form: they satisfy a negation and never demand one.
SOFT = re.compile(
    r"\b(?:avoid\w*|prevent\w*|unable|instead of|rather than|non-?\w+|un\w{4,}|in\w{5,}|zero|fail\w*|unlike|beyond"
    r"|only|just|regardless|different\w*|lack\w*|little|few|hardly|rarely|missing|out of|stop\w*|protect\w*|tamper-proof|but)\b"
    r"|避免|防止?|免|难以|零|不同|不断|不仅|不只|不过|不可|不确定|不足|不出|无停机|无缝|无监督|未必|未见|只|仅|除了|非|缺|误|短板|差|空白"
)


@dataclass(frozen=True, slots=True)
class Relations:
    """Polarity of a folded text: hard and soft negations counted, and the poles it takes on each axis."""

    negations: int
    soft: int
    poles: frozenset[tuple[int, int]]


def relations(text: str, glossary: Glossary) -> Relations:
    hard = len(NEGATION.findall(text))
    return Relations(hard, len(SOFT.findall(text)), frozenset(_poles(text, glossary)))


def _poles(text: str, glossary: Glossary) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    roots = [stem(text[a:b]) for a, b in english_words(text)]
    for first in range(len(roots)):
        for size in (1, 2, 3):
            found |= glossary.poles.get(" ".join(roots[first : first + size]), frozenset())
    taken = 0
    for start in range(len(text)):
        for size in range(min(6, len(text) - start), 0, -1):
            if (
                start >= taken
                and (poles := glossary.poles.get(text[start : start + size]))
                and not text[start].isascii()
            ):
                found |= poles
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


def negation_differs(claim: Relations, source: Relations) -> bool:
    """Whether one says no and the other does not; soft wordings satisfy either side."""
    if claim.negations and not source.negations:
        return not source.soft
    if source.negations and not claim.negations:
        return not claim.soft
    return False
