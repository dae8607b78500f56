"""What stands in brackets belongs to the words before them: `log analysis (Loki) and monitoring (Prometheus)`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.grounding.glossary import GENERIC, Glossary
from service.grounding.names import latin_tokens
from service.grounding.words import COMMON, STOP, fold

_PAIR = re.compile(r"([^（()）、，,；;。：:|\n]+)[（(]([^（()）]+)[）)]")
_CELL = re.compile(r"[|\n]")
_PIECE = re.compile(r"[|\n；;（()）]")
_HEAD = re.compile(r"和|与|及|\band\b")
_CLAUSE = re.compile(r"[,，；;。]|\s(?:and|while|whereas|but)\s|和|而|与")


@dataclass(frozen=True, slots=True)
class Pair:
    """Names and concepts before a bracket, and in it."""

    head: frozenset[str]
    inside: frozenset[str]


def mispaired(sentence: str, sources: Iterable[str], glossary: Glossary) -> bool:
    """Whether a clause joins the words before one bracket with what a sibling of it holds, and no other piece does so:
    of `Kafka (data streams), Spark (processing)` nothing is said that `Spark cleans click streams` could contradict,
    where that stands beside it. A clause without such words goes on about the only ones before it: `Django: complex
    logic and enterprise systems`."""
    sources = list(sources)
    clauses = [_keys(clause, glossary) for clause in _CLAUSE.split(sentence)]
    pieces = [_keys(piece, glossary) for source in sources for piece in _PIECE.split(source)]
    cells = (cell for source in sources for cell in _CELL.split(source))
    return any(
        _crosses(clause, pairs, pieces)
        for cell in cells
        if (pairs := _pairs(cell, glossary))
        for clause in _going_on(clauses, pairs)
    )


def _going_on(clauses: Sequence[frozenset[str]], pairs: Sequence[Pair]) -> list[frozenset[str]]:
    """Clauses, each that has no name of its own with the head of which the sentence has said what is its own so far."""
    found, said = [], frozenset[str]()
    for clause in clauses:
        said |= clause
        heads = [pair for pair in pairs if said & pair.head]
        alone = len(heads) == 1 and heads[0].head <= said and bool(heads[0].inside & said)
        found.append(clause | heads[0].head if alone and not _is_named(clause) else clause)
    return found


def _is_named(clause: frozenset[str]) -> bool:
    """Whether a clause has a Latin word that is none of its concepts' own: `HBase`, but not `API`."""
    concepts = [key for key in clause if ":" in key]
    known = {surface.lower() for key in concepts for surface in key.partition(":")[2].split("|")}
    return any(key not in known for key in clause.difference(concepts))


def _pairs(cell: str, glossary: Glossary) -> list[Pair]:
    """The bracketed pairs of a cell, without what more than one has; none unless there are two to tell apart."""
    found = [
        Pair(_keys(_HEAD.split(head)[-1], glossary), _keys(inside, glossary)) for head, inside in _PAIR.findall(cell)
    ]
    told = [Pair(pair.head - _others(pair, found), pair.inside - _others(pair, found) - pair.head) for pair in found]
    told = [pair for pair in told if pair.head and pair.inside]
    return told if len(told) > 1 else []


def _others(pair: Pair, pairs: Sequence[Pair]) -> frozenset[str]:
    return frozenset().union(*(other.head | other.inside for other in pairs if other is not pair))


def _crosses(clause: frozenset[str], pairs: Sequence[Pair], pieces: Sequence[frozenset[str]]) -> bool:
    heads = [pair for pair in pairs if clause & pair.head]
    held = [pair for pair in pairs if clause & pair.inside]
    if len(heads) != 1 or not held or heads[0] in held:
        return False
    named, said = clause & heads[0].head, clause & frozenset().union(*(pair.inside for pair in held))
    return not any(named & piece and said <= piece for piece in pieces)


def _keys(text: str, glossary: Glossary) -> frozenset[str]:
    concepts = (c for mention in glossary.mentions(fold(text)) for c in mention.concepts if not c.startswith(GENERIC))
    return (latin_tokens(text) - STOP - COMMON) | frozenset(concepts)
