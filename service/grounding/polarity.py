"""What a span says yes and no to where it speaks of what a claim says: a no elsewhere in it is about something else."""

from collections import Counter
from collections.abc import Sequence

from service.grounding.analysis import Clause
from service.grounding.claims import Claim
from service.grounding.glossary import Concepts
from service.grounding.relations import Relations, joined
from service.grounding.words import bare


def near_relations(claim: Claim, there: Sequence[Clause]) -> Relations:
    """Negations of the clauses that say most of what the claim says, and of those that say most of what it denies;
    poles of the whole sentences they are of."""
    concepts = frozenset(concept for mention in claim.mentions for concept in mention.concepts)
    tokens = frozenset(bare(name) for name in claim.names)
    overlaps = [_shared(clause, concepts, claim.words, tokens) for clause in there]
    parts: Counter[int] = Counter()
    for clause, overlap in zip(there, overlaps, strict=True):
        parts[clause.part] += overlap
    enough, most = max(1.0, 0.5 * max(parts.values(), default=0)), max(overlaps, default=0)
    about = [clause.relations for clause in there if parts[clause.part] >= enough]
    core = [
        clause.relations for clause, overlap in zip(there, overlaps, strict=True) if overlap > 0.5 * most or not most
    ]
    denied = [clause.relations for clause in _denied(claim, there)]
    said = joined([*core, *denied])
    # 不必 is a no, and the pole of need besides: it says nothing against a `must` beside the claim's own no.
    answered = joined(relations for relations in denied if relations.negations).poles
    return Relations(said.negations, said.soft, joined(about).poles - answered)


def _denied(claim: Claim, there: Sequence[Clause]) -> list[Clause]:
    """The clauses of a text that have most in common with each clause in which the claim says no."""
    found = []
    for denial in claim.denials:
        shared = [_shared(clause, denial.concepts, denial.words, denial.tokens) for clause in there]
        most = max(shared, default=0)
        found += [clause for clause, share in zip(there, shared, strict=True) if most and share == most]
    return found


def _shared(clause: Clause, concepts: Concepts, words: frozenset[str], tokens: frozenset[str]) -> int:
    return len(clause.concepts & concepts) + len(clause.words & words) + len(clause.tokens & tokens)
