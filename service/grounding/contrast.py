"""`X does this; Y, however, does that`: what is said of one side of a contrast is not said of the other."""

import re
from collections.abc import Iterable

from service.grounding.analysis import content_words, is_generic
from service.grounding.glossary import Glossary
from service.grounding.relations import NEGATION, SOFT
from service.grounding.words import HAN, fold

_CONTRAST = re.compile(
    r"[；;，,]\s*(?=[^；;，,。]{0,12}?(?:则|却)|而(?!且)|相反|by contrast)|[;,]?\s+(?:whereas|while|but)\s+"
)
OPENING_HAN, OPENING_LATIN = 8, 20
"""Characters at the start of a side within which stands what it speaks of."""


def crosses(claim: str, units: Iterable[str], glossary: Glossary) -> bool:
    """Whether a claim, folded, says of what one side of a contrast speaks of something that only the other side says.

    A denial is left alone: `its systems are not predictable` may well be what the other side means.
    """
    if any(pattern.search(claim) for pattern in (_CONTRAST, NEGATION, SOFT)):
        return False
    said = _words(claim, glossary)
    for unit in units:
        sides = _CONTRAST.split(fold(unit), maxsplit=1)
        if len(sides) == 2 and any(_crosses(said, own, other, glossary) for own, other in (sides, sides[::-1])):
            return True
    return False


def _crosses(said: frozenset[str], own: str, other: str, glossary: Glossary) -> bool:
    """Whether what is said opens as `own` does, and goes on with what only `other` says of its own subject."""
    mine, theirs = _words(own, glossary), _words(other, glossary)
    opened, not_opened = _words(_opening(own), glossary), _words(_opening(other), glossary)
    return bool(said & opened - theirs) and not said & (not_opened - mine) and bool(said & theirs - mine - not_opened)


def _opening(side: str) -> str:
    return side[: OPENING_HAN if HAN.search(side) else OPENING_LATIN]


def _words(text: str, glossary: Glossary) -> frozenset[str]:
    """Content words of a language, and concepts of both."""
    mentions = (mention for mention in glossary.mentions(text, longest=False) if not is_generic(mention))
    return content_words(text) | frozenset(concept for mention in mentions for concept in mention.concepts)
