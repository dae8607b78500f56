"""A sum that is paid to some is not told as if it were paid to all."""

from collections.abc import Sequence

from service.grounding.analysis import concepts_of, group_of
from service.grounding.glossary import Concepts, load_glossary
from service.grounding.quantities import quantities
from service.grounding.words import fold
from service.types import Citation

_CURRENCIES = frozenset(("usd", "cny"))
_LEVELS = frozenset(("exclusive.stage", "exclusive.seniority"))
LABEL = 12
"""Characters at the start of a quotation within which stands whom its sum is for: `入门级职位：年薪约为…`."""


def is_unconditioned(text: str, asked: str, citations: Sequence[Citation]) -> bool:
    """Whether a sentence tells a sum, and all that is cited for it is of a level that neither it nor `asked` names."""
    if not _tells_sum(text):
        return False
    said = _levels(fold(f"{text} {asked}"))
    levels = [_levels(fold(citation.quote)[:LABEL]) for citation in citations if _tells_sum(citation.quote)]
    return bool(levels) and all(level and not level & said for level in levels)


def _tells_sum(text: str) -> bool:
    return any(amount.dimension in _CURRENCIES for amount in quantities(fold(text)))


def _levels(folded: str) -> Concepts:
    found = concepts_of(load_glossary().mentions(folded, longest=False))
    return frozenset(concept for concept in found if group_of(concept) in _LEVELS)
