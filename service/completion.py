"""A list that the draft left unfinished is finished from the evidence it cites, in the document's own words."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexes.text import latin_names, normalise
from service.asking import Asked
from service.messages import messages
from service.types import AnswerSentence, Citation

_CLAUSE = re.compile(r"[^；;。|\n]+")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.+#&’'-]*(?: (?!and\b|or\b)[A-Za-z0-9][A-Za-z0-9.+#&-]*)*")


@dataclass(frozen=True, slots=True)
class Missing:
    """Items of a cited list that no sentence names, as they are written there."""

    items: tuple[str, ...]
    citation: Citation

    def sentence(self, lang: str) -> str:
        texts = messages(lang)
        return texts.also.format(items=texts.item_separator.join(self.items))


def missing_items(asked: Asked, sentences: Sequence[AnswerSentence]) -> list[Missing]:
    """Names of the cited clauses that the sentences and the question leave out, clause by clause.

    A clause counts only when the answer already names something in it: then the rest of its list belongs to the answer.
    """
    said = normalise(" ".join(sentence.text for sentence in sentences))
    told = said + " " + normalise(asked.text)
    found: list[Missing] = []
    for citation in dict.fromkeys(citation for sentence in sentences for citation in sentence.citations):
        for clause in _clauses(citation.quote):
            names = list(dict.fromkeys(_NAME.findall(clause)))
            absent = tuple(name for name in names if normalise(name) not in told)
            present = [name for name in names if normalise(name) in said]
            if present and absent and latin_names(clause):
                found.append(Missing(absent, citation))
                told += " " + normalise(" ".join(absent))
    return found


def _clauses(quote: str) -> Iterator[str]:
    yield from (match.group() for match in _CLAUSE.finditer(quote))
