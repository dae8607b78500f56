"""Why a claim has no support, in words a person can act on."""

import re

from service.grounding.analysis import concepts_of, is_exclusive
from service.grounding.binding import better_elsewhere, bound_elsewhere
from service.grounding.claims import Claim
from service.grounding.enumeration import listed_apart
from service.grounding.features import Evidence, Missing
from service.grounding.glossary import Glossary
from service.grounding.polarity import near_relations
from service.grounding.relations import bound_opposite, negation_differs, opposite
from service.grounding.rivals import of_rival
from service.grounding.sequence import flips
from service.grounding.words import fold

OF_ANOTHER = "the passage says this of something else"
OPPOSITE = "the passage says the opposite"
UNSAID = "no passage says this"
SHOWN = "code shows this, and no passage says it"
_NOT_ABOUT = "the passage is not about {}"
_UNSAID = re.compile(_NOT_ABOUT.format("(.+)"))


def why_not(claim: Claim, evidence: Evidence, lacking: Missing) -> str:
    """What speaks most against the best evidence for a claim."""
    source = evidence.source
    near = near_relations(claim, evidence.clauses)
    if lacking.quantities:
        return f"number {lacking.quantities[0].text} is in no passage"
    if lacking.names:
        return f"name {lacking.names[0]} is in no passage"
    strangers = [m.surface for m in claim.exclusive if not m.concepts & (source.concepts | claim.given_roles)]
    if of_rival(claim, evidence.units, evidence.clauses, evidence.context):
        strangers += [mention.surface for mention in claim.exclusive]
    apart = listed_apart(claim.runs, evidence.runs, source.folded)
    elsewhere = bound_elsewhere(claim.groups, evidence.groups) or better_elsewhere(claim.groups, evidence.groups)
    verdicts = (
        (any(flips(claim.order, order) for order in evidence.order), "the passage has it in the opposite order"),
        (negation_differs(claim.relations, near), OPPOSITE),
        (bool(opposite(claim.relations, near)), OPPOSITE),
        (bool(bound_opposite(claim.relations, source.relations)), OPPOSITE),
        (bool(strangers), _NOT_ABOUT.format(next(iter(strangers), None))),
        (bool(elsewhere or apart), OF_ANOTHER),
    )
    return next((reason for holds_true, reason in verdicts if holds_true), UNSAID)


def misses_only_asked(reason: str, question: str, glossary: Glossary) -> bool:
    """Whether what a passage is not about, by this reason, is a role, stage or the like that the question names."""
    unsaid = _UNSAID.fullmatch(reason)
    mentions = glossary.mentions(unsaid[1]) if unsaid else []
    asked = concepts_of(glossary.mentions(fold(question), longest=False))
    return any(is_exclusive(mention) and mention.concepts & asked for mention in mentions)
