"""What a text claims, read once: quantities, names, concepts, words, polarity, clauses."""

import re
from dataclasses import dataclass

from indexes.text import detect_lang
from service.grounding.glossary import EXCLUSIVE, FIELD, GENERIC, Concepts, Glossary, Mention
from service.grounding.names import latin_tokens
from service.grounding.quantities import Quantity, counters, quantities
from service.grounding.relations import Relations, relations
from service.grounding.words import HAN, STOP, fold, stems

CLAUSE = re.compile(
    r"[，,；;。：:！？!?\n|、（）()《》“”\"]|(?<=\s)(?:and|while|but|whereas|or|then|than)(?=\s)|而(?!且)|并且|以及|\. "
)
_STOP_HAN = frozenset("的了和与及或是在有把被对为以于也就都而并之其此这那哪个种些要可能会该由从到等用让使做")


@dataclass(frozen=True, slots=True)
class Source:
    """What a span offers: sets to be looked up in. `mentions` are the longest ones, for contradictions."""

    folded: str
    lang: str
    tokens: frozenset[str]
    quantities: tuple[Quantity, ...]
    concepts: Concepts
    mentions: tuple[Mention, ...]
    words: frozenset[str]
    relations: Relations


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch between marks, for what belongs to what."""

    tokens: frozenset[str]
    quantities: tuple[Quantity, ...]
    concepts: Concepts
    words: frozenset[str]
    relations: Relations


def read_source(text: str, glossary: Glossary) -> Source:
    folded = fold(text)
    return Source(
        folded=folded,
        lang=detect_lang(text),
        tokens=latin_tokens(text),
        quantities=(*quantities(folded), *counters(folded)),
        concepts=concepts_of(glossary.mentions(folded, longest=False)),
        mentions=tuple(glossary.mentions(folded)),
        words=content_words(folded),
        relations=relations(folded, glossary),
    )


def read_clauses(text: str, glossary: Glossary) -> tuple[Clause, ...]:
    return tuple(
        Clause(
            latin_tokens(part),
            tuple(quantities(folded)),
            _fields(glossary.mentions(folded)),
            content_words(folded),
            relations(folded, glossary),
        )
        for part in CLAUSE.split(text)
        if part and part.strip() and (folded := fold(part))
    )


def concepts_of(mentions: list[Mention]) -> Concepts:
    return frozenset(concept for mention in mentions for concept in mention.concepts)


def _fields(mentions: list[Mention]) -> Concepts:
    return frozenset(concept for concept in concepts_of(mentions) if not concept.startswith(GENERIC))


def content_words(folded: str) -> frozenset[str]:
    """Comparable words of one language: English stems without function words, and pairs of Han characters."""
    words = {word for word in stems(folded) if word not in STOP and len(word) > 1}
    for run in re.findall(r"[\u3400-\u9fff]+", folded):
        words |= {run[i : i + 2] for i in range(len(run) - 1) if not (run[i] in _STOP_HAN or run[i + 1] in _STOP_HAN)}
    return frozenset(words)


def is_generic(mention: Mention) -> bool:
    return any(concept.startswith(GENERIC) for concept in mention.concepts)


def is_exclusive(mention: Mention) -> bool:
    return all(concept.startswith(EXCLUSIVE) for concept in mention.concepts)


def group_of(concept: str) -> str:
    return concept.partition(":")[0]


__all__ = [
    "FIELD",
    "HAN",
    "Clause",
    "Source",
    "concepts_of",
    "content_words",
    "group_of",
    "is_exclusive",
    "is_generic",
    "read_clauses",
    "read_source",
]
