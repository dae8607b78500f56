"""A sum that is paid to some is not told as if it were paid to all."""

import re
from collections.abc import Sequence

from indexes.types import Hit
from service.grounding.analysis import concepts_of, group_of
from service.grounding.glossary import Concepts, load_glossary
from service.grounding.quantities import quantities
from service.grounding.words import fold
from service.types import Citation

_CURRENCIES = frozenset(("usd", "cny"))
_LEVELS = frozenset(("exclusive.stage", "exclusive.seniority"))
_ROLE = "exclusive.role"
_FIGURE = re.compile(
    r"\b(?:how much|figures?|ranges?|amounts?|exact(?:ly)?|how many)\b|多少|[几幾][万萬千百]|区间|區間|范围|範圍",
    re.IGNORECASE,
)
LABEL = 12
"""Characters at the start of a quotation within which stands whom its sum is for: `入门级职位：年薪约为…`."""


def is_unconditioned(text: str, asked: str, citations: Sequence[Citation]) -> bool:
    """Whether a sentence tells a sum, and all that is cited for it is of a level that neither it nor `asked` names."""
    if not _tells_sum(text):
        return False
    said = _levels(fold(f"{text} {asked}"))
    levels = [_levels(fold(citation.quote)[:LABEL]) for citation in citations if _tells_sum(citation.quote)]
    return bool(levels) and all(level and not level & said for level in levels)


def are_of_others(asked: str, hits: Sequence[Hit]) -> bool:
    """Whether a question wants a figure, and rows of hits tell sums, but none of the role asked about, of which another
    row tells something else: what others earn is no answer. Roles that a document is about need no naming."""
    if not _FIGURE.search(asked):
        return False
    titles = _roles(" ".join(hit.chunk.document.title for hit in hits))
    roles = _roles(asked) - titles
    rows = [unit.text for hit in hits for unit in hit.units or hit.chunk.units]
    named = [row for row in rows if roles & _roles(row)]
    return bool(named) and any(map(_tells_sum, rows)) and not any(map(_tells_sum, named))


def _roles(text: str) -> Concepts:
    found = concepts_of(load_glossary().mentions(fold(text), longest=False))
    return frozenset(concept for concept in found if group_of(concept) == _ROLE)


def _tells_sum(text: str) -> bool:
    return any(amount.dimension in _CURRENCIES for amount in quantities(fold(text)))


def _levels(folded: str) -> Concepts:
    found = concepts_of(load_glossary().mentions(folded, longest=False))
    return frozenset(concept for concept in found if group_of(concept) in _LEVELS)
