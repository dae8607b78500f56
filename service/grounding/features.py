"""What speaks for and against a span as support of a claim, in numbers a logistic can weigh."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from service.grounding.analysis import Clause, Source, is_generic, is_rare
from service.grounding.binding import Group, better_elsewhere, bound_elsewhere, scattered, scattered_lines
from service.grounding.claims import Claim
from service.grounding.enumeration import Run, listed_apart
from service.grounding.glossary import Glossary, Mention
from service.grounding.names import holds, latin_tokens
from service.grounding.polarity import near_relations
from service.grounding.quantities import Quantity, stands_in
from service.grounding.relations import bound_opposite, joined, negation_differs, opposite
from service.grounding.rivals import contradictions, of_rival
from service.grounding.sequence import Ordering, flips
from service.grounding.words import COMMON_HAN, HAN

FEATURES = (
    *("cosine_same", "cosine_cross", "behind_best", "words_same", "concepts_same", "concepts_cross"),
    *("back_cross", "no_concepts", "names_held", "numbers_held", "names_in_context", "unknown", "foreign", "uncovered"),
    *("same_language", "conflict", "conflict_context", "role_missing", "opposite", "negation", "flipped"),
    *("bound_elsewhere", "spans", "scattered", "scattered_lines", "listed_apart", "bound_opposite"),
    *("count_in_context", "aliens", "best_denies", "better_elsewhere", "title_missing"),
    "least_aligned",
)
BETWEEN = 0.35
"""`least_aligned` lies on either side of this for true and false sentences; 0 is for where nobody can tell."""


_OPENS = re.compile(r"[\s\-*|>#]*(?:[\u3400-\u9fff]{1,8}[:：]\s*)?([a-z][a-z0-9.+#-]*)")
"""The Latin name that opens a unit, behind its bullet or a label: what it speaks of."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One or more units taken as support: what they say, and what title, headings and lead-in add."""

    source: Source
    context: Source
    clauses: tuple[Clause, ...]
    lines: tuple[frozenset[str], ...]
    groups: tuple[Group, ...]
    units: tuple[Source, ...]
    runs: tuple[Run, ...]
    order: tuple[Ordering, ...]
    cosine: float
    spans: int = 1


@dataclass(frozen=True, slots=True)
class Missing:
    """What the claim names and the evidence does not hold."""

    names: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    mentions: tuple[Mention, ...]

    @property
    def hard(self) -> bool:
        return bool(self.names or self.quantities)


def missing(claim: Claim, evidence: Evidence, glossary: Glossary) -> Missing:
    source, context = evidence.source, evidence.context
    concepts = source.concepts | context.concepts
    tokens = source.tokens | context.tokens
    amounts = (*source.quantities, *context.quantities)
    return Missing(
        tuple(n for n in claim.names if n not in claim.asked and not _holds_name(claim, n, tokens, concepts, glossary)),
        tuple(q for q in claim.quantities if not stands_in(q, amounts)),
        tuple(
            m
            for m in claim.mentions
            if not m.concepts & (concepts | claim.given_roles) and not glossary.is_light(m.surface)
        ),
    )


def _holds_name(claim: Claim, name: str, tokens: frozenset[str], concepts: frozenset[str], glossary: Glossary) -> bool:
    """A name stands there itself, or as what the glossary translates it to (RAG as 检索增强生成)."""
    if holds(tokens, name, glossary, _joined(claim, name)):
        return True
    low = name.lower()
    return any(m.concepts & concepts and low in m.surface for m in claim.mentions)


def _joined(claim: Claim, name: str) -> list[str]:
    """The name joined with the word before or after it, as the source may write them in one."""
    words = [part.strip(".,;:()[]'\"，。、（）").lower() for part in claim.text.split()]
    low = name.lower()
    return [
        "".join(pair)
        for at, word in enumerate(words)
        if word == low
        for pair in (words[max(at - 1, 0) : at + 1], words[at : at + 2])
        if len(pair) == 2
    ]


def features(claim: Claim, evidence: Evidence, best_cosine: float, lacking: Missing) -> NDArray[np.float64]:
    """Values in the order of FEATURES."""
    source, context = evidence.source, evidence.context
    same = claim.lang == source.lang
    held = [name for name in claim.names if name not in lacking.names and name not in claim.asked]
    coverage = 1.0 - len(lacking.mentions) / len(claim.mentions) if claim.mentions else float(bool(held))
    words = len(claim.words & (source.words | context.words)) / max(len(claim.words), 1)
    unit_conflict, context_conflict, absent = contradictions(claim, source, context)
    near = near_relations(claim, evidence.clauses)
    values = {
        "cosine_same": evidence.cosine if same else 0.0,
        "cosine_cross": 0.0 if same else evidence.cosine,
        "behind_best": best_cosine - evidence.cosine,
        "words_same": words if same else 0.0,
        "concepts_same": coverage if same else 0.0,
        "concepts_cross": 0.0 if same else coverage,
        "back_cross": 0.0 if same else _back(claim, source),
        "no_concepts": float(not claim.mentions),
        "names_held": float(np.log1p(len(held))),
        "numbers_held": float(np.log1p(len(claim.quantities) - len(lacking.quantities))),
        "names_in_context": float(bool(held) and not any(_plain_in(name, source) for name in held)),
        "unknown": 0.0
        if same
        else len(claim.unknown) / (len(claim.unknown) + len(claim.mentions) + len(claim.names) + 1.0),
        "foreign": _foreign(claim, source, context) if same else 0.0,
        "uncovered": float(np.log1p(len(lacking.mentions))),
        "same_language": float(same),
        "conflict": float(unit_conflict + of_rival(claim, evidence.units, evidence.clauses, context)),
        "conflict_context": float(context_conflict),
        "role_missing": float(absent),
        "opposite": float(opposite(claim.relations, near)),
        "negation": float(negation_differs(claim.relations, near)),
        "flipped": float(any(flips(claim.order, order) for order in evidence.order)),
        "bound_elsewhere": float(bound_elsewhere(claim.groups, evidence.groups)),
        "spans": float(evidence.spans - 1),
        "scattered": float(np.log1p(scattered(claim.groups, evidence.groups))),
        "scattered_lines": float(np.log1p(scattered_lines(claim.groups, evidence.lines))),
        "better_elsewhere": float(np.log1p(better_elsewhere(claim.groups, evidence.groups))),
        "listed_apart": float(np.log1p(listed_apart(claim.runs, evidence.runs, source.folded))),
        "bound_opposite": float(bound_opposite(claim.relations, source.relations)),
        "count_in_context": float(_count_in_context(claim, source)),
        "aliens": float(np.log1p(_aliens(claim, lacking, same))),
        "best_denies": 0.0,
        "least_aligned": 0.0,
        "title_missing": float(any(title not in source.folded for title in claim.titles)),
    }
    return np.array([values[name] for name in FEATURES])


_LABEL = re.compile(r"[\s\-*|>#]*([a-z][a-z0-9.+# -]*?)\s*[:：|（(]")
"""A Latin name as the label of a unit: `TensorFlow：…`, `| Redis | …`."""


def of_another_subject(claim: Claim, evidence: Evidence) -> bool:
    """Whether a sentence that says `It …` of a name before it stands only in units that bear the label of another."""
    known = claim.subject | latin_tokens(claim.text)
    labels = [_LABEL.match(unit.folded) for unit in evidence.units]
    return bool(claim.subject) and all(label and not latin_tokens(label[1]) & known for label in labels)


def of_another_name(claim: Claim, evidence: Evidence, glossary: Glossary) -> bool:
    """Whether a sentence says of a name in the question what each unit of the evidence says of another name.

    Names of the question are free to repeat; but `Claude takes an hour` is not what `Gemini 能处理1小时视频` says.
    """
    tokens = evidence.source.tokens | evidence.context.tokens
    strangers = [name for name in claim.asked if not holds(tokens, name, glossary)]
    said = latin_tokens(claim.text)
    openings = [_OPENS.match(unit.folded) for unit in evidence.units]
    return bool(strangers) and all(opening and not latin_tokens(opening[1]) & said for opening in openings)


def _aliens(claim: Claim, lacking: Missing, same: bool) -> int:
    """Words of the claim that the span lacks and that cannot be another wording of what it has."""
    rare = sum(map(is_rare, lacking.mentions))
    return rare + (0 if same else len(claim.unknown))


def _count_in_context(claim: Claim, source: Source) -> bool:
    """Whether a small count of the claim stands in a title or heading only."""
    return any(q.kind == "count" and not stands_in(q, source.quantities) for q in claim.quantities)


def _foreign(claim: Claim, source: Source, context: Source) -> float:
    """Stretches of the claim of which a source of the same language has nothing."""
    words = source.words | context.words
    if claim.lang == "en":
        return float(np.log1p(len(claim.unknown - words)))
    text, known = claim.folded, source.folded + context.folded
    covered = [not HAN.match(char) for char in text]
    for at in range(len(text) - 1):
        if text[at : at + 2] in known:
            covered[at] = covered[at + 1] = True
    for mention in (*claim.mentions, *claim.generic):
        if is_generic(mention) or mention.concepts & (source.concepts | context.concepts):
            covered[mention.start : mention.end] = [True] * (mention.end - mention.start)
    for size in (4, 3, 2):
        for at in range(len(text) - size + 1):
            if text[at : at + size] in COMMON_HAN:
                covered[at : at + size] = [True] * size
    rest = "".join(" " if done else char for char, done in zip(text, covered, strict=True))
    return float(np.log1p(len(set(re.findall(r"[^\s的了和与及在是把被等地得]{2,}", rest)))))


def _plain_in(name: str, source: Source) -> bool:
    return name.lower().replace("-", "").replace(".", "") in source.tokens


def _back(claim: Claim, source: Source) -> float:
    """The share of the span's own concepts that the claim takes up."""
    own = {
        mention.concepts for mention in source.mentions if not all(c.startswith("generic") for c in mention.concepts)
    }
    if not own:
        return 0.0
    taken = frozenset(concept for mention in claim.mentions for concept in mention.concepts)
    return sum(1 for concepts in own if concepts & taken) / len(own)


def merge(parts: Sequence[Source]) -> Source:
    return reduce(_merge, parts)


def _merge(one: Source, other: Source) -> Source:
    return Source(
        f"{one.folded}\n{other.folded}",
        one.lang,
        one.tokens | other.tokens,
        (*one.quantities, *other.quantities),
        one.concepts | other.concepts,
        (*one.mentions, *other.mentions),
        one.words | other.words,
        joined((one.relations, other.relations)),
    )
