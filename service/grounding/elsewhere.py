"""What a sentence says of a title or a name that stands in another row than the cited one."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexes.types import Unit, UnitKind
from service.grounding.analysis import Source, concepts_of, is_generic
from service.grounding.claims import Claim, titles_of
from service.grounding.glossary import Concepts, Glossary
from service.grounding.names import capital_runs, holds
from service.grounding.relations import relations
from service.grounding.words import fold


@dataclass(frozen=True, slots=True)
class Row:
    """A unit as it was read, with its kind and the chunk it is of."""

    kind: UnitKind
    chunk: str
    source: Source
    context: Source


def stands_elsewhere(claim: Claim, cited: Sequence[Row], around: Sequence[Row], glossary: Glossary) -> str:
    """The title or name of a claim that `around` holds, but not where the claim was found; empty if all is in place."""
    return (
        _title(claim, cited, around, glossary)
        or _whole_title(claim, cited, around)
        or _translated_title(claim, cited, around, glossary)
        or _asked_name(claim, cited, around, glossary)
        or _all_names(claim, cited, around, glossary)
    )


def is_unsaid_by_code(claim: Claim, cited: Sequence[Unit], glossary: Glossary) -> bool:
    """Whether a sentence that says more, less, higher or the like cites nothing but code, which does not:
    `scores = cosine_similarity(a, b)` tells nothing of what a higher score means."""
    said = [relations(fold(unit.text), glossary).poles for unit in cited if unit.kind is UnitKind.CODE]
    return len(said) == len(cited) and bool(claim.relations.poles - frozenset().union(*said))


def _title(claim: Claim, cited: Sequence[Row], around: Sequence[Row], glossary: Glossary) -> str:
    """A title of common words: no single word of it is a name, so the row of another book would support the claim."""
    runs = capital_runs(claim.text)
    for title in runs:
        # The first word of a sentence may stand before a title: Read Designing Machine Learning Systems.
        keys = (fold(title), fold(title.partition(" ")[2]))
        key = next((k for k in keys if any(k in row.source.folded for row in around)), None)
        if key is None:
            continue
        rows = [row.source for row in cited if key in row.source.folded or key in row.context.folded]
        known = frozenset().union(*(row.tokens for row in rows))
        others = [name for name in claim.names if name not in title]
        apart = len(runs) == 1 and any(not holds(known, name, glossary) for name in others)
        if not rows or (len(rows) < len(cited) and apart):
            return title
    return ""


def _whole_title(claim: Claim, cited: Sequence[Row], around: Sequence[Row]) -> str:
    """A title in Chinese brackets, of the sentence or else of its question, that is another one's where it was found:
    《深度学习》 is part of 《动手学深度学习》, which has other authors."""
    for title in claim.titles or claim.asked_titles:
        holds_it = {id(row) for row in (*cited, *around) if title in titles_of(row.source.folded)}
        others = [row for row in cited if id(row) not in holds_it and titles_of(row.source.folded)]
        if holds_it and others and len(others) == len(cited):
            return title
    return ""


def _translated_title(claim: Claim, cited: Sequence[Row], around: Sequence[Row], glossary: Glossary) -> str:
    """A title, of the sentence or else of its question, in another language than the rows: where the title of a row
    beside has more of what it means than those of all that is cited: "Hands-on Deep Learning" is not 《深度学习》."""
    held = [titles_of(row.source.folded) for row in cited]
    if not all(held) or any(title in titles for titles in held for title in claim.titles):
        return ""
    for said in claim.titles or claim.asked_titles or (claim.folded,):
        meant = _concepts(said, glossary)
        best = max(len(meant & _concepts(title, glossary)) for titles in held for title in titles)
        beside = {title for row in around for title in titles_of(row.source.folded)}.difference(*held)
        if any(len(meant & _concepts(title, glossary)) > best for title in beside):
            return said
    return ""


def _concepts(title: str, glossary: Glossary) -> Concepts:
    return concepts_of(m for m in glossary.mentions(title, longest=False) if not is_generic(m))


def _asked_name(claim: Claim, cited: Sequence[Row], around: Sequence[Row], glossary: Glossary) -> str:
    """A name of the question, which a sentence may repeat: rows of one table are said of different things, so the row
    of another name answers nothing."""
    if any(row.kind is not UnitKind.ROW for row in cited):
        return ""
    tables = {row.chunk for row in cited}
    beside = [row for row in around if row.kind is UnitKind.ROW and row.chunk in tables]
    absent = [
        name
        for name in claim.names
        if name in claim.asked
        and not any(holds(row.source.tokens | row.context.tokens, name, glossary) for row in cited)
    ]
    return next((name for name in absent if any(holds(row.source.tokens, name, glossary) for row in beside)), "")


def _all_names(claim: Claim, cited: Sequence[Row], around: Sequence[Row], glossary: Glossary) -> str:
    """A name that stands around, where a sentence has names, all of them the question's, and nothing cited has any, or
    what is cited lacks one and a row has them all: that Redis holds data is not what `数据是AI的核心` says."""
    if not claim.names or not claim.asked.issuperset(claim.names):
        return ""
    known = frozenset().union(*(row.source.tokens | row.context.tokens for row in cited))
    concepts = frozenset().union(*(row.source.concepts for row in cited))
    meant = [m.surface for m in (*claim.mentions, *claim.exclusive) if m.concepts & concepts]
    absent = [
        name
        for name in claim.names
        if not holds(known, name, glossary) and not any(name.lower() in said for said in meant)
    ]
    if len(absent) == len(claim.names):
        return next((n for n in absent if any(holds(row.source.tokens, n, glossary) for row in around)), "")
    whole = any(all(holds(row.source.tokens, name, glossary) for name in claim.names) for row in around)
    return absent[0] if absent and whole else ""
