"""What a text claims, read once: quantities, names, concepts, words, polarity, clauses."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from indexes.text import detect_lang
from service.grounding.glossary import EXCLUSIVE, FIELD, GENERIC, RARE, Concepts, Glossary, Mention
from service.grounding.names import latin_tokens, names
from service.grounding.quantities import Quantity, counters, quantities
from service.grounding.relations import Relations, relations
from service.grounding.words import HAN, STOP, bare, fold, stems

CLAUSE = re.compile(
    r"(?<!\d),|,(?!\d)|[，；;。：:！？!?\n|、（）()《》“”\"]"
    r"|(?<=\s)(?:and|while|but|whereas|or|then|than)(?=\s)|而(?!且)|并且|以及|\. "
)
_HEAD = re.compile(r"^\s*([\u3400-\u9fff]{2,8})（")
"""What a bracket explains, where that is no name: 区块链（医疗数据存证）."""
_EXPLAINED = re.compile(r"(?<=[A-Za-z0-9+#])\s?\([^()]{2,60}\)(?=\s*(?:[,;.、，]|and\b|$))")
"""A bracket behind a name in a list: `Redis (cache), MongoDB (documents)`."""
SEGMENT_MARKS = "；;。！？!?\n|"
CLAUSE_MARKS = "，、,"
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
    """A stretch between marks, for what belongs to what; `part` numbers the sentences, cells and items it is of."""

    part: int
    tokens: frozenset[str]
    names: tuple[str, ...]
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
        quantities=(*quantities(folded), *(one for line in text.splitlines() for one in counters(fold(line)))),
        concepts=concepts_of(glossary.mentions(folded, longest=False)),
        mentions=tuple(glossary.mentions(folded)),
        words=content_words(folded),
        relations=relations(folded, glossary),
    )


def read_clauses(text: str, glossary: Glossary, *, source: bool = False) -> tuple[Clause, ...]:
    """Clauses in order; a source keeps what stands in brackets with what stands before them: `Redis（缓存）`."""
    found: list[Clause] = []
    segments = [(at == 0, segment) for line in text.split("\n") for at, segment in enumerate(_segments(line))]
    for part, (opens, segment) in enumerate(segments):
        numbers = counters(fold(segment)) if source and opens else []
        pieces = _outside_brackets(segment, CLAUSE_MARKS) if source else _claimed(segment)
        for piece in filter(str.strip, filter(None, pieces)):
            clause = _clause(piece, part, glossary, chinese=source or detect_lang(piece) == "zh")
            heads = tuple(f"head:{head}" for head in _HEAD.findall(piece)) if source else ()
            found.append(replace(clause, quantities=(*numbers, *clause.quantities), names=(*heads, *clause.names)))
            numbers = []
    return tuple(found)


def _claimed(segment: str) -> list[str]:
    """The clauses of a claim; of a list of names, what a bracket says stays with the name before it, as in a source."""
    kept = [match.span() for match in _EXPLAINED.finditer(segment)]
    edges = [0]
    for mark in CLAUSE.finditer(segment):
        if not any(start <= mark.start() < end for start, end in kept):
            edges += [mark.start(), mark.end()]
    edges.append(len(segment))
    return [segment[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _clause(text: str, part: int, glossary: Glossary, *, chinese: bool) -> Clause:
    folded = fold(text)
    mentions = glossary.mentions(folded)
    taken = " ".join(m.surface for m in mentions if is_exclusive(m) or is_generic(m))
    found = [bare(name) for name in names(text, glossary, chinese=chinese) if name.lower() not in taken]
    return Clause(
        part,
        latin_tokens(text),
        tuple(found),
        tuple(quantities(folded)),
        telling_concepts(mentions),
        content_words(folded),
        relations(folded, glossary),
    )


def _segments(line: str) -> list[str]:
    return _outside_brackets(line, SEGMENT_MARKS)


def _outside_brackets(text: str, marks: str) -> list[str]:
    """The text parted at marks that no bracket encloses; a comma inside a number parts nothing."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth = max(0, depth + (char in "（(") - (char in "）)"))
        if char in "\n|":
            depth = 0
        if char in marks and depth == 0 and not (char == "," and text[at + 1 : at + 2].isdigit()):
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def concepts_of(mentions: Iterable[Mention]) -> Concepts:
    return frozenset(concept for mention in mentions for concept in mention.concepts)


def telling_concepts(mentions: Iterable[Mention]) -> Concepts:
    """The concepts of mentions but for generic ones, which every text has."""
    return frozenset(concept for concept in concepts_of(mentions) if not concept.startswith(GENERIC))


def content_words(folded: str) -> frozenset[str]:
    """Comparable words of one language: English stems without function words, and pairs of Han characters."""
    words = {word for word in stems(folded) if word not in STOP and len(word) > 1}
    for run in re.findall(r"[\u3400-\u9fff]+", folded):
        words |= {run[i : i + 2] for i in range(len(run) - 1) if not (run[i] in _STOP_HAN or run[i + 1] in _STOP_HAN)}
    return frozenset(words)


def is_generic(mention: Mention) -> bool:
    return any(concept.startswith(GENERIC) for concept in mention.concepts)


def is_rare(mention: Mention) -> bool:
    return all(concept.startswith(RARE) for concept in mention.concepts)


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
    "is_rare",
    "read_clauses",
    "read_source",
    "telling_concepts",
]
