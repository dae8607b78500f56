"""Who comes before whom: the two sides of an order in time and of a comparison, whichever way it is worded."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from service.grounding.analysis import telling_concepts
from service.grounding.glossary import GENERIC, Glossary
from service.grounding.words import LATIN, STOP, bare, fold

_STRAIGHT = re.compile(
    r"\band (?:only )?(?:after that|afterwards|later|then)\b|\bthen\b|\bafter that\b|\bafterwards\b|\bfollowed by\b"
    r"|(?<!^)\bbefore\b|\bprior to\b|[，,；;]?(?:之后|然后|接着|随后|最后|再|才)|→"
    r"|\binto\b|转成|转为|转化[为成]|变成|转(?=[文语])"
)
_TURNED = re.compile(r"(?<!^)\bafter\b(?! that)")
_FROM_TO = re.compile(r"(?P<from>\bfrom\b).*?(?P<to>\b(?:in)?to\b)|(?P<cong>从).+?(?P<dao>到|至|变成|转为)")
_TO_FROM = re.compile(r"\bto\b.*?(?P<cue>\bfrom\b)")
_OPENING = re.compile(r"^(?:only )?(?P<cue>after|before|prior to) [^,]+(?P<comma>,)")
_THAN = re.compile(r"\bthan\b|高于|大于|多于|优于|胜过|低于|少于|不及|重于|比(?!较|例|如|方)|不如")
_LESS = re.compile(
    r"\b(?:less|lower|fewer|narrower|smaller|worse|weaker)\b|低于|少于|不及|不如|更低|更少|更窄|更小|更差|更弱"
)

_STEP = re.compile(r"^\s*\d{1,2}[.、)）]\s*\S")
_INTO = re.compile(
    r"\b(?:turn|convert|transform|translat|transcrib)\w*\s+(?P<one>[^,;:.]+?)\s+(?:in)?to\s+(?P<other>[^,;:.]+)"
    r"|把(?P<zh_one>[^，；。、（）()|]+?)(?:转|翻译|变)(?:换|化|成|为)*(?P<zh_other>[^，；。、（）()|]+)"
)
"""What is turned into what."""
_COMPARED = re.compile(r"相比[:：,，](?P<greater>[^,，;；。]*更[^,，;；。]*)")

Sides: TypeAlias = tuple[frozenset[str], frozenset[str]]
_NONE: Sides = (frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Ordering:
    """What comes earlier and later, and what is greater and lesser; both empty where the text has no cue for it."""

    time: Sides
    degree: Sides

    @property
    def stated(self) -> bool:
        return any((*self.time, *self.degree))


def sequence(folded: str, glossary: Glossary) -> Ordering:
    items = _items(folded, glossary)
    return Ordering(_time(folded, items), _degree(folded, items))


def turned_round(claim: str, sources: Iterable[str], glossary: Glossary) -> bool:
    """Whether a claim turns into one another what a source turns the other way: speech into text."""
    return any(
        ours[0] & theirs[1] and ours[1] & theirs[0] and not (ours[0] & theirs[0] or ours[1] & theirs[1])
        for ours in _turned(claim, glossary)
        for source in sources
        for theirs in _turned(source, glossary)
    )


def _turned(text: str, glossary: Glossary) -> list[Sides]:
    """Concepts of what is turned into something, and of what it is turned into."""
    found = (tuple(filter(None, match.groups())) for match in _INTO.finditer(fold(text)))
    return [
        (telling_concepts(glossary.mentions(one)), telling_concepts(glossary.mentions(other))) for one, other in found
    ]


def steps_of(text: str, glossary: Glossary) -> tuple[frozenset[str], ...]:
    """What each line of a numbered list is about, in its order."""
    lines = [fold(line) for line in text.splitlines() if _STEP.match(line)]
    return tuple(frozenset(key for _, keys in _items(line, glossary) for key in keys) for line in lines)


def listed(steps: Iterable[frozenset[str]]) -> list[Ordering]:
    """The order in time that the steps of a numbered list have, cut after each of them."""
    steps = list(steps)
    cuts = [(frozenset().union(*steps[:at]), frozenset().union(*steps[at:])) for at in range(1, len(steps))]
    return [Ordering((before - after, after - before), _NONE) for before, after in cuts]


def flips(claim: Ordering, source: Ordering) -> bool:
    """Whether the claim puts in opposite order what the source puts in one."""
    return _crossed(claim.time, source.time) or _crossed(claim.degree, source.degree)


def _items(folded: str, glossary: Glossary) -> list[tuple[int, frozenset[str]]]:
    """Positions of names, numbers and field concepts."""
    found = [
        (mention.start, frozenset(c for c in mention.concepts if not c.startswith(GENERIC)))
        for mention in glossary.mentions(folded)
    ]
    found = [(start, concepts) for start, concepts in found if concepts]
    taken = {start for start, _ in found}
    for match in LATIN.finditer(folded):
        if match.start() not in taken and match.group() not in STOP and not glossary.knows(match.group()):
            found.append((match.start(), frozenset((f"name:{bare(match.group())}",))))
    found += [(m.start(), frozenset((f"number:{m.group()}",))) for m in re.finditer(r"\d[\d,.]*", folded)]
    return found


def _time(folded: str, items: list[tuple[int, frozenset[str]]]) -> Sides:
    """Earlier and later: "A then B", "B after A", "before B, A", "from A to B", 先A再B."""
    if match := _OPENING.search(folded):
        sides = _split(items, match.start("comma"))
        return sides if match["cue"] == "after" else sides[::-1]
    if match := _FROM_TO.search(folded):
        return _split(items, match.start("to") if match["to"] else match.start("dao"))
    if match := _TO_FROM.search(folded):
        return _split(items, match.start("cue"))[::-1]
    if match := _STRAIGHT.search(folded):
        return _split(items, match.start())
    if match := _TURNED.search(folded):
        return _split(items, match.start())[::-1]
    return _NONE


def _degree(folded: str, items: list[tuple[int, frozenset[str]]]) -> Sides:
    if match := _COMPARED.search(folded):
        greater = frozenset(key for at, keys in items if match.start("greater") <= at < match.end() for key in keys)
        return greater, frozenset(key for at, keys in items if at < match.start() for key in keys) - greater
    match = _THAN.search(folded)
    if not match:
        return _NONE
    sides = _split(items, match.start())
    return sides[::-1] if _LESS.search(folded) else sides


def _split(items: list[tuple[int, frozenset[str]]], at: int) -> Sides:
    left = frozenset(key for start, keys in items if start < at for key in keys)
    right = frozenset(key for start, keys in items if start >= at for key in keys)
    return left - right, right - left


def _crossed(claim: Sides, source: Sides) -> bool:
    """Whether both sides changed places; what the two texts agree on before the cue is mostly their subject."""
    crossed = min(len(claim[0] & source[1]), len(claim[1] & source[0]))
    return crossed > len(claim[1] & source[1])
