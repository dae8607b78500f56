"""What a search result says of whether it answers a question: numbers, each about 0 to 1, that a person can read.

Similarity alone cannot tell a question whose topic is here from one whose answer is here. So beside the cosines stand
coverage of the question's words, names and (across languages) glossary concepts, by the passages and by one row of
them, words that the whole corpus lacks, and whether the kind of thing asked for – an amount, a duration, a person – is
in sight.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexes.lexical import LexicalIndex
from indexes.text import ENGLISH_FUNCTION, tokens
from indexes.types import Embedder, Hit, Leg, Unit
from service.asking import Asked, Wanted, absent_place, holds, patterns
from service.grounding.glossary import GENERIC, Glossary, Mention
from service.grounding.words import fold
from service.wordwise import row_alignment

READ = 4
"""Passages that a reader of the results would look at; signals look no further, but for the margin."""

_LATIN = re.compile(r"[a-z][a-z0-9.+#-]*")


class Vocabulary(Protocol):
    """Which tokens (of `indexes.text.tokens`) the whole corpus knows."""

    def __contains__(self, token: object, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class IndexedWords:
    """The words of a generation's lexical index."""

    index: LexicalIndex

    def __contains__(self, token: object, /) -> bool:
        return isinstance(token, str) and bool(self.index.search([token], 1))


def signals(
    asked: Asked,
    hits: Sequence[Hit],
    vocabulary: Vocabulary,
    glossary: Glossary,
    embedder: Embedder | None = None,
) -> dict[str, float]:
    """All signals by name; `hits` are best first and not empty. `embedder` may tell vectors of tokens."""
    read = [evidence_text(hit) for hit in hits[:READ]]
    return {
        **similarity(hits),
        **word_coverage(asked, read, vocabulary),
        **name_coverage(asked, read, vocabulary, glossary),
        **concept_coverage(asked, read, vocabulary, glossary),
        **row_coverage(asked, hits, glossary),
        **row_alignment(asked, hits, embedder),
        **kind_in_sight(asked, hits),
        "absent_place": float(absent_place(asked.text, " ".join(read))),
    }


def similarity(hits: Sequence[Hit]) -> dict[str, float]:
    dense = sorted((leg_score(hit, Leg.DENSE) for hit in hits), reverse=True)
    both = sum(
        {Leg.DENSE, Leg.LEXICAL} <= {found.leg for found in hit.found_by if found.rank <= 2 * READ}
        for hit in hits[:READ]
    )
    return {
        "top": dense[0],
        "mean": sum(dense[:READ]) / len(dense[:READ]),
        "margin": dense[0] - dense[min(len(dense) - 1, 2 * READ - 1)],
        "agreement": both / len(hits[:READ]),
    }


def word_coverage(asked: Asked, read: Sequence[str], vocabulary: Vocabulary) -> dict[str, float]:
    """Share of the question's tokens that the passages hold, and that nothing in the corpus holds."""
    seen = set(tokens(" ".join(read)))
    total = max(1, len(asked.words))
    return {
        "coverage": sum(word in seen for word in asked.words) / total,
        "unknown_words": sum(word not in vocabulary for word in asked.words) / total,
    }


def name_coverage(asked: Asked, read: Sequence[str], vocabulary: Vocabulary, glossary: Glossary) -> dict[str, float]:
    """Names that the corpus, or only the passages, lack; at most 2 are counted.

    A word of the glossary is no name here: its concept may stand in the passages in another language.
    """
    seen = set(tokens(" ".join(read)))
    unread = [name for name in telling_names(asked, glossary) if not seen.issuperset(tokens(name)[:1])]
    unknown = [name for name in unread if not any(token in vocabulary for token in tokens(name)[:1])]
    return {"unknown_names": float(min(2, len(unknown))), "unread_names": float(min(2, len(unread)))}


def telling_names(asked: Asked, glossary: Glossary) -> list[str]:
    """The names of a question that are no words of the glossary, each with its whole form as its first token."""
    question = fold(asked.text)
    known = " ".join(mention.surface for mention in glossary.mentions(question))
    names = {re.sub(r"['’]s$", "", name) for name in asked.names}
    return sorted(name for name in names if name not in known)


def concept_coverage(asked: Asked, read: Sequence[str], vocabulary: Vocabulary, glossary: Glossary) -> dict[str, float]:
    """Share of the question's glossary concepts in the passages, and Latin words (at most 3) that nobody knows."""
    question = fold(asked.text)
    mentions = glossary.mentions(question)
    telling = [mention for mention in mentions if not _is_generic(mention)]
    there = {concept for m in glossary.mentions(fold(" ".join(read)), longest=False) for concept in m.concepts}
    covered = sum(bool(mention.concepts & there) for mention in telling)
    foreign = sum(1 for _ in _foreign_words(question, mentions, vocabulary))
    return {
        "concepts": covered / len(telling) if telling else 0.5,
        "no_concept": float(not telling),
        "foreign_words": float(min(3, foreign)),
    }


def row_coverage(asked: Asked, hits: Sequence[Hit], glossary: Glossary) -> dict[str, float]:
    """The largest share of the question's concepts and names that one unit holds, with its headings.

    Four passages together hold the words of many a question that none of them answers.
    """
    concepts = [mention.concepts for mention in glossary.mentions(fold(asked.text)) if not _is_generic(mention)]
    names = [tokens(name)[:1] for name in telling_names(asked, glossary)]
    if not concepts and not names:
        return {"row": 0.5}
    best, total = 0, len(concepts) + len(names)
    for unit in (unit for hit in hits[:READ] for unit in hit.chunk.units):
        text = unit.embedding_text
        there = {c for mention in glossary.mentions(fold(text), longest=False) for c in mention.concepts}
        words = set(tokens(text)) if names else set()
        held = sum(bool(found & there) for found in concepts) + sum(bool(n) and words.issuperset(n) for n in names)
        best = max(best, held)
        if best == total:
            break
    return {"row": best / total}


def kind_in_sight(asked: Asked, hits: Sequence[Hit]) -> dict[str, float]:
    """How far one must look for the kind asked for: 0 in the best units, 1 nowhere; and what kind it is."""
    first, further = sighted(asked, hits)
    wants = asked.wanted is not Wanted.ANY
    return {
        "kind_far": float(wants and not first),
        "kind_unmet": float(wants and not first and not further),
        "asks_figure": float(wants and asked.wanted is not Wanted.PERSON),
        "asks_person": float(asked.wanted is Wanted.PERSON),
    }


def sighted(asked: Asked, hits: Sequence[Hit]) -> tuple[bool, bool]:
    """Whether the best unit of one of the two best hits, or else any unit read, holds the wanted kind.

    Where units have a name of the question, only those count.
    """
    near = [unit for hit in hits[:2] for unit in hit.units[:1]]
    read = [unit for hit in hits[:READ] for unit in (hit.units[:READ] or hit.chunk.units)]
    named = [unit for unit in read if _names_any(unit, asked)]
    if named:
        near, read = [unit for unit in near if unit in named], named
    return any(_holds(asked.wanted, unit) for unit in near), any(_holds(asked.wanted, unit) for unit in read)


def leg_score(hit: Hit, leg: Leg) -> float:
    return next((found.score for found in hit.found_by if found.leg is leg), 0.0)


def evidence_text(hit: Hit) -> str:
    """A chunk with its title and headings, which belong to what it says."""
    return " ".join([hit.chunk.document.title, *hit.chunk.heading, hit.chunk.text])


def _names_any(unit: Unit, asked: Asked) -> bool:
    there = set(tokens(unit.embedding_text))
    return any(there.issuperset(tokens(name)[:1]) for name in asked.names)


def _holds(wanted: Wanted, unit: Unit) -> bool:
    """A heading may hold the duration of a stage; but its own number, or a name in it, answers nothing."""
    return holds(wanted, unit.text if wanted in {Wanted.COUNT, Wanted.PERSON} else unit.embedding_text)


def _is_generic(mention: Mention) -> bool:
    return all(concept.startswith(GENERIC) for concept in mention.concepts)


def _foreign_words(question: str, mentions: Sequence[Mention], vocabulary: Vocabulary) -> Iterator[str]:
    """Latin words of a folded question that neither English grammar, nor the glossary, nor the corpus knows."""
    for match in _LATIN.finditer(question):
        word = match.group()
        inside = any(mention.start <= match.start() and match.end() <= mention.end for mention in mentions)
        common = word in ENGLISH_FUNCTION or len(word) < 2 or patterns().topicless.fullmatch(word)
        if not (inside or common or any(token in vocabulary for token in tokens(word)[:1])):
            yield word
