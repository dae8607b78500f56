"""Which document a text names, so that what is said of one is looked for in that one alone."""

import re
from collections.abc import Iterable, Sequence

from indexes.types import DocumentInfo, Hit
from service.asking import compares, looks_across
from service.grounding.analysis import concepts_of, is_generic
from service.grounding.glossary import load_glossary
from service.grounding.words import fold

_NAMED = (
    re.compile(
        r"(?:\b(?:the|this|that|and)|,)\s+(?:[\w'’-]+\s+){0,3}?(?:guide|checklist|article|handbook|roadmap|path)\b",
        re.IGNORECASE,
    ),
    re.compile(r"[^，。；：？！、（）“”\s]{1,10}?(?:清单|清單|指南|文章|手册|手冊|之路|路径|路徑|路线|路線)"),
)
"""`the full-stack checklist`, `后端文章`: what kind of text it is, behind words that tell which."""


def documents_named(text: str, documents: Iterable[DocumentInfo]) -> list[DocumentInfo]:
    """The documents that a text speaks of by words of their titles, in order; one whose words are of two titles alike
    is none of them."""
    known = {document.id: document for document in documents}
    glossary = load_glossary()
    titles = {id: concepts_of(glossary.mentions(fold(document.title), longest=False)) for id, document in known.items()}
    found: dict[str, DocumentInfo] = {}
    for phrase in (match.group() for pattern in _NAMED for match in pattern.finditer(text)):
        words = [mention for mention in glossary.mentions(fold(phrase)) if not is_generic(mention)]
        shared = {id: sum(bool(word.concepts & title) for word in words) for id, title in titles.items()}
        most = max(shared.values(), default=0)
        best = [id for id, count in shared.items() if count == most]
        if most > 0 and len(best) == 1:
            found[best[0]] = known[best[0]]
    return list(found.values())


def of_named(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits of the documents that a text names; where it names none, all."""
    named = documents_named(text, (hit.chunk.document for hit in hits))
    return [hit for hit in hits if not named or hit.chunk.document in named]


def of_document(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """Only the hits of the one document that a question names, where the best one is of it."""
    named = documents_named(question, (hit.chunk.document for hit in hits))
    if len(named) != 1 or looks_across(question) or compares(question):
        return list(hits)
    of_it = [hit for hit in hits if hit.chunk.document.id == named[0].id]
    return of_it if of_it[:1] == list(hits[:1]) else list(hits)
