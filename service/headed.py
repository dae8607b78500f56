"""A row that is quoted, and what it leaves to its heading: how long a stage takes, which it is, of what it is so."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from service.asking import Asked, Wanted, asks_whether, holds
from service.gloss import has_han
from service.grounding.glossary import Glossary
from service.llm.extractive import Quoted
from service.messages import messages
from service.topics import heading_in_lang

_TIMES = frozenset({Wanted.DURATION, Wanted.DATE})
_ASKS_WHICH_STAGE = re.compile(
    r"\b(?:which|what) (?:\w+ )?(?:stage|phase|layer|level|step|priority)\b"
    r"|(?:哪一?|第几)个?(?:阶段|层|步|级|优先级)|什么阶段",
    re.IGNORECASE,
)
_IS_STAGE = re.compile(r"阶段|[层级步]|\b(?:stage|phase|layer|level|step|priority)\b", re.IGNORECASE)
_ASKS_WHICH = re.compile(r"哪|属于|归[在到入于]|\b(?:which|belongs?|part of)\b", re.IGNORECASE)


def under_heading(quoted: Quoted, asked: Asked, lang: str, glossary: Glossary, *, alone: bool = False) -> Quoted:
    """A quotation behind the innermost heading of its passage, where the question asks for what only that holds.

    `alone`: nothing of a draft stands beside it. Of what is asked to be told apart or confirmed, the heading may then
    say more than the row.
    """
    heading = quoted.citation.chunk.heading[-1:]
    if not heading or not _is_asked_for(asked, heading[0], quoted.citation.quote, alone):
        return quoted
    name = heading_in_lang(heading[0], lang, glossary)
    if has_han(name) and not lang.startswith("zh"):
        return quoted
    return replace(quoted, text=messages(lang).under_heading.format(heading=name, text=quoted.text))


def alone_under_headings(quotes: Iterable[Quoted], asked: Asked, lang: str, glossary: Glossary) -> Iterator[Quoted]:
    """Quotations that are all of an answer, as `under_heading` tells each; a heading is told once for rows in turn."""
    before: tuple[str, ...] = ()
    for quoted in quotes:
        heading = quoted.citation.chunk.heading
        yield quoted if heading == before else under_heading(quoted, asked, lang, glossary, alone=True)
        before = heading


def _is_asked_for(asked: Asked, heading: str, row: str, alone: bool) -> bool:
    if asked.wanted in _TIMES and holds(asked.wanted, heading) and not holds(asked.wanted, row):
        return True
    if _ASKS_WHICH_STAGE.search(asked.text) and _IS_STAGE.search(heading) and not _IS_STAGE.search(row):
        return True
    return alone and bool(_ASKS_WHICH.search(asked.text) or asks_whether(asked.text))
