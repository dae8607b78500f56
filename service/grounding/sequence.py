"""Who comes before whom: the order of things in time, and the two sides of a comparison."""

import re
from dataclasses import dataclass

from service.grounding.glossary import GENERIC, Glossary
from service.grounding.words import LATIN, bare

_CUE = re.compile(
    r"\b(?:before|after|then|afterwards|followed by|prior to|first|from|starts? with)\b"
    r"|先|再|之后|然后|接着|最后|之前|从|→|依次"
)
_AFTER = re.compile(r"\b(?:only )?after\b|\bfollowing\b")
_FROM = re.compile(r"\bto\b.*(?P<cue>\bfrom\b)")
_THAN = re.compile(
    r"\bthan\b|\bover\b|\bmore than\b|高于|大于|多于|优于|胜过|低于|少于|不及|重于|比(?!较|例|如|方)|不如"
)
_LESS = re.compile(
    r"\b(?:less|lower|fewer|narrower|smaller|worse|weaker)\b|低于|少于|不及|不如|更低|更少|更窄|更小|更差|更弱"
)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Items in temporal order, and greater and lesser of a comparison; each empty where the text has no cue for it."""

    items: tuple[frozenset[str], ...]
    sides: tuple[frozenset[str], frozenset[str]]


def sequence(folded: str, glossary: Glossary) -> Ordering:
    items = _items(folded, glossary)
    ordered = tuple(item for _, item in _in_time(folded, items)) if _CUE.search(folded) else ()
    return Ordering(ordered, _sides(folded, items))


def flips(claim: Ordering, source: Ordering) -> bool:
    """Whether the claim puts in opposite order what the source puts in one."""
    return _order_flips(claim.items, source.items) or _sides_flip(claim.sides, source.sides)


def _items(folded: str, glossary: Glossary) -> list[tuple[int, frozenset[str]]]:
    """Positions of names, numbers and field concepts."""
    found = [
        (mention.start, frozenset(c for c in mention.concepts if not c.startswith(GENERIC)))
        for mention in glossary.mentions(folded)
    ]
    found = [(start, concepts) for start, concepts in found if concepts]
    taken = {start for start, _ in found}
    for match in LATIN.finditer(folded):
        if match.start() not in taken and not glossary.knows(match.group()):
            found.append((match.start(), frozenset((f"name:{bare(match.group())}",))))
    found += [(m.start(), frozenset((f"number:{m.group()}",))) for m in re.finditer(r"\d[\d,.]*", folded)]
    return sorted(found, key=lambda item: item[0])


def _in_time(folded: str, items: list[tuple[int, frozenset[str]]]) -> list[tuple[int, frozenset[str]]]:
    """Textual order, turned where the cue says so: "B after A", "before B, A", "to B from A"."""
    if match := _FROM.search(folded):
        return _turned(items, match.start("cue"))
    if (match := _AFTER.search(folded)) and match.start() > 2:
        return _turned(items, match.start())
    if folded.startswith(("before ", "prior to ")) and "," in folded:
        return _turned(items, folded.index(","))
    return items


def _turned(items: list[tuple[int, frozenset[str]]], at: int) -> list[tuple[int, frozenset[str]]]:
    return [item for item in items if item[0] >= at] + [item for item in items if item[0] < at]


def _sides(folded: str, items: list[tuple[int, frozenset[str]]]) -> tuple[frozenset[str], frozenset[str]]:
    match = _THAN.search(folded)
    if not match:
        return frozenset(), frozenset()
    left = frozenset(key for start, keys in items if start < match.start() for key in keys)
    right = frozenset(key for start, keys in items if start >= match.end() for key in keys)
    left, right = left - right, right - left
    return (right, left) if _LESS.search(folded) else (left, right)


def _order_flips(claim: tuple[frozenset[str], ...], source: tuple[frozenset[str], ...]) -> bool:
    ranks: list[int] = []
    for item in claim:
        places = [rank for rank, other in enumerate(source) if item & other]
        if len(places) == 1 and places[0] not in ranks:
            ranks.append(places[0])
    pairs = [(a, b) for i, a in enumerate(ranks) for b in ranks[i + 1 :]]
    return len(ranks) >= 2 and sum(a > b for a, b in pairs) > len(pairs) / 2


def _sides_flip(claim: tuple[frozenset[str], frozenset[str]], source: tuple[frozenset[str], frozenset[str]]) -> bool:
    straight = len(claim[0] & source[0]) + len(claim[1] & source[1])
    crossed = len(claim[0] & source[1]) + len(claim[1] & source[0])
    return crossed > straight
