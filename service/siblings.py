"""Lists and rows that stand side by side: an item of one is none of what another is asked for."""

import re
from collections.abc import Iterable, Sequence

from indexes.text import latin_names, tokens
from indexes.types import Chunk, Hit, Unit, UnitKind
from service.grounding.analysis import concepts_of, telling_concepts
from service.grounding.glossary import Concepts, load_glossary
from service.grounding.words import fold
from service.placing import units_of
from service.types import Citation

_HEADED = re.compile(r"\s*\d{1,2}[.)、]\s*([^\n]+)(?:\n\s+[-*•] [^\n]+){2}")
"""`2. 计算机视觉`, with at least two items under it."""
_LABEL = re.compile(r"\s*[-*•|]?\s*[A-Za-z][A-Za-z0-9.+# -]*(?:\s[（(][^）)]*[）)])?\s*[:：|]")
"""`TensorFlow：…`, `- Redis：…`, `Ray | …`."""
COMPANY = "exclusive.company:"
_APART = re.compile(
    r"\b(?:besides|other than|apart from|aside from|except|instead|beyond)\b|除了|除开|除去|以外|之外|另外",
    re.IGNORECASE,
)
"""Words of a question for something else than what it names."""


def of_another_list(asked: str, citations: Sequence[Citation]) -> bool:
    """Whether all that is cited stands in lists under heads that `asked` does not name, beside one that it does."""
    return bool(citations) and not _APART.search(asked) and all(_is_another(asked, citation) for citation in citations)


def of_another_row(asked: str, citations: Sequence[Citation]) -> bool:
    """Whether all that is cited is a row of a table in which another row has a name that is asked about, and no cited
    one, with its headings, has any: who wrote the book beside is not asked."""
    names = {token for name in latin_names(asked) for token in tokens(name)}
    cited = [(citation.chunk, unit) for citation in citations for unit in units_of(citation)]
    if not names or not cited or any(unit.kind is not UnitKind.ROW for _, unit in cited):
        return False
    if any(names & set(tokens(unit.embedding_text)) for _, unit in cited):
        return False
    beside = (unit for chunk, _ in cited for unit in chunk.units if unit.kind is UnitKind.ROW)
    return any(names & set(tokens(unit.text)) for unit in beside)


def of_a_stranger(asked: str, citations: Sequence[Citation]) -> bool:
    """Whether something that is cited bears the label of a name that `asked` has not, beside an item of its passage
    with a label or a company that it has: what `AWS SageMaker：…` says is not said of Microsoft."""
    companies, names = _companies(asked), {token for name in latin_names(asked) for token in tokens(name)}

    def is_meant(unit: Unit) -> bool:
        label = _LABEL.match(unit.text)
        return label is not None and bool(names & set(tokens(label[0])) or companies & _companies(unit.text))

    def is_strange(citation: Citation) -> bool:
        cited = units_of(citation)
        labelled = bool(cited) and all(_LABEL.match(unit.text) for unit in cited)
        return labelled and not any(map(is_meant, cited)) and any(map(is_meant, citation.chunk.units))

    return any(map(is_strange, citations))


def has_names_elsewhere(text: str, citations: Sequence[Citation], hits: Sequence[Hit]) -> bool:
    """Whether nothing that is cited has a name of a text, while another row found has all of them: what it says of
    them there may be something else."""
    names = {token for name in latin_names(text) for token in tokens(name)}
    cited = " ".join(unit.embedding_text for citation in citations for unit in units_of(citation))
    rows = (unit.text for hit in hits for unit in hit.chunk.units)
    return bool(names) and not names & set(tokens(cited)) and any(names <= set(tokens(row)) for row in rows)


def _companies(text: str) -> Concepts:
    concepts = concepts_of(load_glossary().mentions(fold(text), longest=False))
    return frozenset(concept for concept in concepts if concept.startswith(COMPANY))


def _is_another(asked: str, citation: Citation) -> bool:
    heads = dict(_heads(citation.chunk))
    cited = {heads[unit] for unit in units_of(citation) if unit in heads}
    named = _named(asked, list(heads.values())) if cited else set()
    return bool(named) and not cited & named


def _heads(chunk: Chunk) -> Iterable[tuple[Unit, str]]:
    """The lists of a chunk that have heads, and these."""
    found = ((unit, _HEADED.match(unit.text)) for unit in chunk.units)
    return ((unit, match[1]) for unit, match in found if match)


def _named(asked: str, heads: Sequence[str]) -> set[str]:
    """The heads of which a text has something that no other one of them has."""
    concepts, there = [_concepts(head) for head in heads], _concepts(asked)
    return {
        head for at, head in enumerate(heads) if (concepts[at] & there).difference(*concepts[:at], *concepts[at + 1 :])
    }


def _concepts(text: str) -> Concepts:
    return telling_concepts(load_glossary().mentions(fold(text), longest=False))
