"""A list the draft left unfinished is finished from the evidence it cites: names as they are, terms by glossary."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from indexes.text import normalise
from indexes.types import Chunk
from service.asking import Asked, wants_several
from service.enumerations import Enumeration, Item, enumerations
from service.gloss import english, is_generic
from service.grounding.glossary import Glossary
from service.grounding.words import fold
from service.messages import messages
from service.types import AnswerSentence, Citation

_HAN = re.compile(r"[\u3400-\u9fff]")
MAX_ITEMS = 8
_JOINED = re.compile(r"\band\b|[和与跟及、]|分别|各")
_JOINTS = " 的和与等"
_KINDS = frozenset(("策略", "机制", "方法", "技术", "能力", "功能", "工具", "服务"))
"""What a thing may be said without being another: caching is a caching strategy."""
MOST_TERMS = 2
"""Of an item at the edge of a list that nothing parts from its sentence: more are no longer an item."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Items of a cited list that no sentence names, in the asker's language, with the list as their evidence.

    `quoted`: the items cannot be told from the words around them, so that the list is quoted instead.
    """

    items: tuple[str, ...]
    citation: Citation
    quoted: bool = False

    def sentence(self, lang: str) -> str:
        texts = messages(lang)
        if self.quoted:
            return texts.more_quote.format(quote=" ".join(self.citation.quote.split()))
        return texts.also.format(items=texts.item_separator.join(self.items))


@dataclass(frozen=True, slots=True)
class _Told:
    """What question and answer have named so far."""

    text: str
    concepts: frozenset[str]

    @classmethod
    def of(cls, text: str, glossary: Glossary) -> "_Told":
        return cls(normalise(text), _concepts(text, glossary))

    def names(self, item: Item, glossary: Glossary) -> bool:
        """Whether an item was named, word for word or by all of its concepts."""
        plain = normalise(item.text)
        telling = [m for m in glossary.mentions(fold(item.text)) if not is_generic(m)]
        concepts = [m.concepts for m in telling if m.surface not in _KINDS] or [m.concepts for m in telling]
        return plain in self.text or (bool(concepts) and all(found & self.concepts for found in concepts))


def missing_items(asked: Asked, sentences: Sequence[AnswerSentence], glossary: Glossary) -> list[Missing]:
    """For a question that wants several things: what the cited lists hold beyond what was said.

    A list counts when the answer names something of it that the question did not name: then the rest of it belongs to
    the answer, too. An item that cannot be said in the asker's language is left out.
    """
    if not wants_several(asked.text):
        return []
    question = _Told.of(asked.text, glossary)
    said = " ".join(sentence.text for sentence in sentences)
    found: list[Missing] = []
    for chunk, enumeration in _cited_lists(sentences):
        answer = _Told.of(said, glossary)
        named = [item for item in enumeration.items if answer.names(item, glossary)]
        if all(question.names(item, glossary) for item in named):
            continue
        rest = [item for item in enumeration.items if item not in named and not question.names(item, glossary)]
        absent = [item for item in rest if _serves(item, named, question, glossary)]
        spoken = [text for item in absent if (text := spoken_in(asked.lang, item, enumeration, glossary))]
        if spoken and len(absent) <= MAX_ITEMS:
            quoted = asked.lang.startswith("zh") and any(_is_entangled(enumeration, item) for item in absent)
            found.append(Missing(tuple(spoken), _citation(chunk, enumeration), quoted))
            said = f"{said} {' '.join(item.text for item in absent)}"
    return found


def _serves(item: Item, named: Sequence[Item], question: _Told, glossary: Glossary) -> bool:
    """Whether what stands in brackets behind an item is as much of the question as what stands behind those named: who
    wants a quick prototype is not told of what serves for other ends. A question that joins ends may share little of
    one of them."""

    def shared(one: Item) -> int:
        return len(_concepts(one.behind, glossary) & question.concepts)

    most = max(map(shared, named), default=0)
    return shared(item) >= (min(most, 1) if _JOINED.search(question.text) else most)


def _is_entangled(listed: Enumeration, item: Item) -> bool:
    """Whether an item of a list may have other words around it: `此外还有：对GPU`."""
    return listed.loose and item in (listed.items[0], listed.items[-1]) and bool(_HAN.search(item.text))


def spoken_in(lang: str, item: Item, listed: Enumeration, glossary: Glossary) -> str | None:
    """An item in the asker's language: as it is where it may stay, else by the glossary, else None.

    The first item of a list may have words before it and the last words after it: `系统的公平性、透明度和安全性受关注`.
    """
    if lang.startswith("zh") or not _HAN.search(item.text):
        return item.text
    text = fold(item.text)
    mentions = glossary.mentions(text)
    most = MOST_TERMS if _is_entangled(listed, item) else len(text)
    if not 0 < len(mentions) <= most or any(len(mention.concepts) != 1 for mention in mentions):
        return None
    between = [text[a.end : b.start] for a, b in pairwise(mentions)]
    before, after = text[: mentions[0].start], text[mentions[-1].end :]
    if not any(part.strip(_JOINTS) for part in (before, *between, after)):
        return " ".join(english(mention) for mention in mentions)
    if item is listed.items[0] and mentions[-1].end == len(text) and text[mentions[-1].start - 1] == "的":
        return english(mentions[-1])
    if item is listed.items[-1] and mentions[0].start == 0 and len(text) - mentions[0].end > 2:
        return english(mentions[0])
    return None


def _cited_lists(sentences: Sequence[AnswerSentence]) -> Iterator[tuple[Chunk, Enumeration]]:
    """Lists that overlap a cited quote, in the units the quotes are from, by first use; offsets are the chunk's."""
    for citation in dict.fromkeys(citation for sentence in sentences for citation in sentence.citations):
        for unit in citation.chunk.units:
            if unit.start < citation.end and citation.start < unit.end:
                shift = unit.start - citation.chunk.start
                for found in enumerations(unit.text):
                    start, end = unit.start + found.start, unit.start + found.end
                    if start < citation.end and citation.start < end:
                        yield citation.chunk, replace(found, start=found.start + shift, end=found.end + shift)


def _citation(chunk: Chunk, enumeration: Enumeration) -> Citation:
    quote = chunk.text[enumeration.start : enumeration.end].strip()
    start = chunk.start + chunk.text.index(quote, enumeration.start)
    return Citation(0, chunk, start, start + len(quote), quote, 1.0)


def _concepts(text: str, glossary: Glossary) -> frozenset[str]:
    return frozenset(c for m in glossary.mentions(fold(text), longest=False) for c in m.concepts)
