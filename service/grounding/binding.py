"""What belongs to what: names, numbers, roles and stages keep the company that the source gives them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import combinations, groupby
from typing import TypeAlias

from service.grounding.analysis import Clause
from service.grounding.glossary import EXCLUSIVE, Concepts
from service.grounding.quantities import Quantity
from service.grounding.words import bare, stem

_Finding: TypeAlias = Callable[[str, "Group", Sequence["Group"]], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """Clauses that share what is said: an enumeration with its predicate. Values are names, numbers, roles, stages."""

    values: frozenset[str]
    said: Concepts


MEASURES = frozenset(("qps", "tps", "rps", "fps", "p50", "p90", "p95", "p99", "auc", "ctr", "cvr", "iou", "roi", "kpi"))
"""What is measured of something else, in bare form."""
LISTED = 3
"""Items of a row from which a claim that names them is about the list."""
_ORDINAL = " ordinal"
LONGEST_HEAD = 4
"""Words of a clause that only says what the next one is about: 课程方面，…"""


def bound_elsewhere(claim: Sequence[Group], source: Sequence[Group]) -> int:
    """How many values have lost their company: nothing said of them is the source's, or two have changed places."""
    strangers = sum(len(_alike(_stranger, group, source)) for group in claim)
    strangers += sum(_misplaced(group.values, source) for group in claim)
    return strangers + sum(_exchanged(one, other, source) for one, other in combinations(claim, 2))


def better_elsewhere(claim: Sequence[Group], source: Sequence[Group]) -> int:
    """How many values of the claim are said something that the source says, as a whole, rather of another value."""
    return sum(len(_alike(_says_rather, group, source)) for group in claim)


def _alike(found: _Finding, group: Group, source: Sequence[Group]) -> list[str]:
    """The values of a group of which something was found, and of all words that stand in the same places, too:
    Isolation and Forest are one name."""
    places = {value: [at for at, part in enumerate(source) if value in part.values] for value in group.values}
    words = {value: at for value, at in places.items() if at and value.isascii() and not value.startswith(EXCLUSIVE)}
    marked = {value for value in group.values if found(value, group, source)}
    return [v for v in marked if v not in words or all(w in marked for w, at in words.items() if at == words[v])]


def _rivals(value: str, group: Group, source: Sequence[Group]) -> list[Group]:
    """What the source says of values that a group leaves out, and not of this one; the number of a step is none."""
    others = (part for part in source if value not in part.values)
    return [part for part in others if any(not other.endswith(_ORDINAL) for other in part.values - group.values)]


def _says_rather(value: str, group: Group, source: Sequence[Group]) -> bool:
    said = reduce(_without, group.values, group.said)
    own = [len(said & part.said) for part in source if value in part.values]
    others = [len(said & part.said) for part in _rivals(value, group, source)]
    if not (said and own and others) or _is_topic(value, source):
        return False
    return max(others) >= max(own) + 2 or max(others) == len(said) > max(own)


def scattered(claim: Sequence[Group], source: Sequence[Group]) -> int:
    """How many values that the claim names together stand in other groups of the source than most of them."""
    return sum(_outside_best(group.values, [part.values for part in source]) for group in claim)


def scattered_lines(claim: Sequence[Group], lines: Sequence[frozenset[str]]) -> int:
    """The same for names by lines, each given as its Latin tokens, rather than by what is said."""
    return sum(_outside_best(frozenset(filter(str.isascii, group.values)), lines) for group in claim)


def _outside_best(values: frozenset[str], parts: Sequence[frozenset[str]]) -> int:
    known = values & frozenset().union(*parts) if parts else frozenset()
    return len(known) - max((len(known & part) for part in parts), default=0)


def groups_of(clauses: Sequence[Clause]) -> tuple[Group, ...]:
    """A clause of values alone joins the one before it in its sentence or cell, or the next when it comes first."""
    return tuple(
        group for _, part in groupby(clauses, key=lambda clause: clause.part) for group in _groups_of_part(tuple(part))
    )


def _groups_of_part(clauses: Sequence[Clause]) -> list[Group]:
    groups: list[Group] = []
    waiting: frozenset[str] = frozenset()
    head: Concepts = frozenset()
    for clause in clauses:
        values, said = _values(clause), frozenset(c for c in clause.concepts if not c.startswith(EXCLUSIVE))
        if clause is clauses[0] and len(clauses) > 1 and said and not values and len(clause.words) <= LONGEST_HEAD:
            head = said
            continue
        if head:
            said, head = said | head, frozenset()
        if groups and _measures(clause):
            groups[-1] = Group(groups[-1].values | values, groups[-1].said | said)
            continue
        if values and _lists(clause, values, said):
            if groups and not _contend(values, groups[-1].values):
                groups[-1] = Group(groups[-1].values | values, groups[-1].said | said)
            elif groups:
                groups.append(Group(values, said))
            else:
                waiting |= values
        elif said or values:
            groups.append(Group(values | waiting, said))
            waiting = frozenset()
    return groups


def _measures(clause: Clause) -> bool:
    """Whether a clause only gives a figure for what the clause before it names: 实时推荐API，QPS支撑10万+."""
    roles = any(concept.startswith(EXCLUSIVE) for concept in clause.concepts)
    return bool(clause.quantities) and not roles and bool(clause.names) and MEASURES.issuperset(clause.names)


def _contend(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each names a role, stage or the like that the other does not: 基础层（…），核心层（…）."""
    ours, theirs = (_kinds(one - other), _kinds(other - one))
    return bool(ours & theirs)


def _kinds(values: frozenset[str]) -> set[str]:
    return {value.partition(":")[0] for value in values if value.startswith(EXCLUSIVE)}


def _stranger(value: str, group: Group, source: Sequence[Group]) -> bool:
    """Whether the source says nothing of `value` that the claim says, and says it of something the claim leaves out;
    of a list of three and more, the label of its row may say it."""
    if _is_topic(value, source):
        return False
    said = _without(group.said, value)
    own = [part for part in source if value in part.values]
    if not said or not own or said & _label(group, source) or any(said & part.said for part in own):
        return False
    return any(said & part.said for part in _rivals(value, group, source))


def _label(group: Group, source: Sequence[Group]) -> Concepts:
    """What a row says before it lists, for a claim that names at least three of its items."""
    named = [part for part in source if group.values & part.values]
    return source[0].said if len(named) >= LISTED and not source[0].values else frozenset()


def _misplaced(values: frozenset[str], source: Sequence[Group]) -> int:
    """Roles, stages and layers whose names are another's in the source: 基础层 with what 核心层（…） has."""
    named = frozenset(value for value in values if not value.startswith(EXCLUSIVE))
    count = 0
    for value in values - named:
        own = [part.values for part in source if value in part.values]
        rivals = [part.values for part in source if value not in part.values and _contend(values, part.values)]
        theirs = any(named & part for part in rivals)
        count += bool(own) and theirs and not any(named & part for part in own)
    return count


def _is_topic(value: str, source: Sequence[Group]) -> bool:
    """Whether a text opens with this role or stage and names no other: then all of it is about it."""
    kind = value.partition(":")[0]
    if not value.startswith(EXCLUSIVE) or not source or value not in source[0].values:
        return False
    return all(other == value or other.partition(":")[0] != kind for part in source for other in part.values)


def _exchanged(one: Group, other: Group, source: Sequence[Group]) -> bool:
    """Whether the source fits better with the values of two groups exchanged."""
    left, right = one.values - other.values, other.values - one.values
    if not all(any(values & part.values for part in source) for values in (left, right)):
        return False
    straight = _fit(one.said, left, source) + _fit(other.said, right, source)
    return _fit(one.said, right, source) + _fit(other.said, left, source) > straight


def _fit(said: Concepts, values: frozenset[str], source: Sequence[Group]) -> int:
    return max((len(said & part.said) for part in source if values & part.values), default=0)


def _lists(clause: Clause, values: frozenset[str], said: Concepts) -> bool:
    """Whether a clause only names values: it says nothing, or each value and nothing else (`Kafka和Flink`, `RAG`)."""
    if not said:
        return len(clause.words) <= len(values) + 2
    return all(any(_names(concept, value) for value in values) for concept in said) and all(
        any(_names(concept, value) for concept in said) for value in values
    )


def _values(clause: Clause) -> frozenset[str]:
    roles = frozenset(concept for concept in clause.concepts if concept.startswith(EXCLUSIVE))
    return frozenset(clause.names) | roles | {_number(quantity) for quantity in clause.quantities}


def _number(quantity: Quantity) -> str:
    return f"{quantity.value:g}{_ORDINAL if quantity.kind == 'ordinal' else ''}"


def _without(said: Concepts, value: str) -> Concepts:
    return frozenset(concept for concept in said if not _names(concept, value))


@lru_cache(maxsize=65536)
def _names(concept: str, value: str) -> bool:
    """Whether a concept is only the value's own translation: RAG says nothing of RAG."""
    return any(stem(bare(surface)) == stem(value) for surface in concept.partition(":")[2].split("|"))
