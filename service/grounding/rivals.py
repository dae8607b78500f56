"""Whether what a claim says of one role, stage or the like is said of another one in its span."""

import re
from collections.abc import Iterable, Sequence

from service.grounding.analysis import Clause, Source, group_of
from service.grounding.claims import Claim
from service.grounding.glossary import EXCLUSIVE, GENERIC, RARE, Concepts, Mention

PATH = "exclusive.path"
"""The group of what titles and headings alone tell of a row: another there is as if it stood in the row."""
LEAD = 8
"""Characters at the start of a unit within which a role or stage is what the unit is about."""
_LIST_HEAD = re.compile(r"\d{1,2}[.)、]\s*[^-*•]{2,40}?(?=\s?[-*•])")
"""`4. AI技术专家/架构师`, before the first item under it."""
TELLING = 2
"""What a part must at least share with a claim, beside its role, to be what the claim is from."""


def of_rival(claim: Claim, units: Sequence[Source], clauses: Sequence[Clause], context: Source) -> bool:
    """Whether part of a claim stands only where a span speaks of another role than the claim: in other units of it, or
    in another item of a list."""
    return _in_units(claim, units, context) if len(units) > 1 else _in_parts(claim, clauses)


def _in_units(claim: Claim, units: Sequence[Source], context: Source) -> bool:
    claimed = _claimed(claim)
    groups = {group_of(concept) for concept in claimed}
    if not groups:
        return False
    rivals = [unit for unit in units if not unit.concepts & claimed and _rivals(groups, unit.mentions)]
    if not rivals:
        return False
    others = frozenset(c for unit in units if unit not in rivals for c in unit.concepts) | context.concepts
    theirs = frozenset(concept for unit in rivals for concept in unit.concepts)
    return any(m.concepts & theirs and not m.concepts & others for m in claim.mentions if not m.concepts & claimed)


def _in_parts(claim: Claim, clauses: Sequence[Clause]) -> bool:
    """Of `与产品经理明确边界；与运维解决监控问题` the second item is nothing that product managers do."""
    claimed = _claimed(claim)
    groups = {group_of(concept) for concept in claimed}
    if len(groups) != 1:
        return False
    said = frozenset(c for m in claim.mentions for c in m.concepts if not c.startswith((EXCLUSIVE, GENERIC)))
    parts: dict[int, Concepts] = {}
    for clause in clauses:
        parts[clause.part] = parts.get(clause.part, frozenset()) | clause.concepts
    shared = {part: len(concepts & said) for part, concepts in parts.items()}
    most = max(shared.values(), default=0)
    best = [parts[part] for part, share in shared.items() if share == most]
    if most < TELLING or len(best) > 1 or claimed & (best[0] | parts[min(parts)]):
        return False
    has_rival = any(group_of(concept) in groups for concept in best[0])
    return has_rival and any(concepts & claimed for concepts in parts.values())


def _claimed(claim: Claim) -> Concepts:
    return frozenset(concept for mention in claim.exclusive for concept in mention.concepts)


def names_path(concepts: Iterable[str]) -> bool:
    """Whether a path is among concepts."""
    return any(group_of(concept) == PATH for concept in concepts)


def contradictions(claim: Claim, source: Source, context: Source) -> tuple[int, int, int]:
    """Roles, stages and the like that the claim names and the span does not: rivals in it, in its context, or none."""
    counts = [0, 0, 0]
    for mention in claim.exclusive:
        groups = {group_of(concept) for concept in mention.concepts}
        if mention.concepts & source.concepts:
            counts[0] += _about_another(claim, groups, source)
            continue
        leads = _rivals(groups, _leading(source))
        if leads or (_rivals(groups, source.mentions) and not mention.concepts & context.concepts):
            counts[0] += 1
        elif mention.concepts & context.concepts:
            continue
        elif _rivals(groups, context.mentions):
            counts[0 if PATH in groups else 1] += 1
        elif not mention.concepts & claim.given_roles:
            counts[2] += 1
    return counts[0], counts[1], counts[2]


def _about_another(claim: Claim, groups: set[str], source: Source) -> bool:
    """Whether the span is about a role or stage that the claim does not name, and speaks of the claim's in passing:
    what "junior engineers: guided by senior engineers" lists is no work of seniors."""
    named = frozenset(concept for mention in claim.exclusive for concept in mention.concepts)
    leads = [other for other in _leading(source) if _rivals(groups, [other])]
    return bool(leads) and not any(other.concepts & named for other in leads)


def _leading(source: Source) -> list[Mention]:
    """What a span opens with; what all of a numbered list's head names, even where a title above names others."""
    head = _LIST_HEAD.match(source.folded)
    return [mention for mention in source.mentions if mention.start < max(LEAD, head.end() if head else 0)]


def _rivals(groups: set[str], mentions: Iterable[Mention]) -> bool:
    of_each = ({group_of(c) for c in mention.concepts if not c.startswith(RARE)} for mention in mentions)
    return any(found and found <= groups for found in of_each)
