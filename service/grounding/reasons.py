"""Why a claim has no support, in words a person can act on."""

from service.grounding.binding import better_elsewhere, bound_elsewhere
from service.grounding.claims import Claim
from service.grounding.enumeration import listed_apart
from service.grounding.features import Evidence, Missing, near_relations, said_of_rival
from service.grounding.relations import bound_opposite, negation_differs, opposite
from service.grounding.sequence import flips

OF_ANOTHER = "the passage says this of something else"


def why_not(claim: Claim, evidence: Evidence, lacking: Missing) -> str:
    """What speaks most against the best evidence for a claim."""
    source = evidence.source
    near = near_relations(claim, evidence)
    if lacking.quantities:
        return f"number {lacking.quantities[0].text} is in no passage"
    if lacking.names:
        return f"name {lacking.names[0]} is in no passage"
    strangers = [m.surface for m in claim.exclusive if not m.concepts & (source.concepts | claim.given_roles)]
    if said_of_rival(claim, evidence):
        strangers += [mention.surface for mention in claim.exclusive]
    apart = listed_apart(claim.runs, evidence.runs, source.folded)
    elsewhere = bound_elsewhere(claim.groups, evidence.groups) or better_elsewhere(claim.groups, evidence.groups)
    verdicts = (
        (any(flips(claim.order, order) for order in evidence.order), "the passage has it in the opposite order"),
        (negation_differs(claim.relations, near), "the passage says the opposite"),
        (bool(opposite(claim.relations, near)), "the passage says the opposite"),
        (bool(bound_opposite(claim.relations, source.relations)), "the passage says the opposite"),
        (bool(strangers), f"the passage is not about {next(iter(strangers), None)}"),
        (bool(elsewhere or apart), OF_ANOTHER),
    )
    return next((reason for holds_true, reason in verdicts if holds_true), "no passage says this")
