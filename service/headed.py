"""A row that is quoted, and what it leaves to its heading: how long a stage takes, which it is, of what it is so."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from indexes.types import Chunk, Unit
from service.asking import Asked, Wanted, asks_whether, holds
from service.gloss import has_han
from service.grounding.glossary import Glossary
from service.llm.extractive import Quoted
from service.messages import Messages, messages
from service.topics import heading_in_lang

_TIMES = frozenset({Wanted.DURATION, Wanted.DATE})
_PARTS = tuple(
    (
        re.compile(rf"\b(?:which|what) (?:\w+ )?(?:{english})\b|(?:哪一?|第几|什么)个?(?:{chinese})", re.IGNORECASE),
        re.compile(rf"\b(?:{english})\b|(?<!个)(?:{chinese})(?!面|次)", re.IGNORECASE),
    )
    for english, chinese in (("priority", "优先级"), ("stage|phase|step", "阶段|步"), ("layer|level", "层|级"))
)
"""What parts of a path are called: asked for, and named; how many of them there are names none."""
_ASKS_WHICH = re.compile(r"哪|属于|归[在到入于]|\b(?:which|belongs?|part of)\b", re.IGNORECASE)


def tells(wanted: Wanted, unit: Unit, chunk: Chunk) -> bool:
    """Whether a row that is quoted tells the kind of thing asked for, itself or, of a time, by its heading."""
    if holds(wanted, unit.text):
        return True
    return wanted in _TIMES and any(holds(wanted, heading) for heading in chunk.heading[-1:])


def under_heading(quoted: Quoted, asked: Asked, lang: str, glossary: Glossary, *, alone: bool = False) -> Quoted:
    """A quotation behind the heading of its passage that holds what the question asks for, where only that does.

    `alone`: nothing of a draft stands beside it. Of what is asked to be told apart or confirmed, the innermost heading
    may then say more than the row.
    """
    heading = _telling(asked, quoted.citation.chunk.heading, quoted.citation.quote, alone)
    name = heading_in_lang(heading, lang, glossary) if heading else ""
    if not name or (has_han(name) and not lang.startswith("zh")):
        return quoted
    return replace(quoted, text=_behind(name, quoted.text, messages(lang)))


def _behind(heading: str, text: str, texts: Messages) -> str:
    """A quotation behind its heading, which goes before the words that announce it, if any do."""
    announced = text.startswith(tuple(frame.partition("{")[0] for frame in _announcing(texts)))
    if announced:
        return texts.heading_before.format(heading=heading, text=text[0].lower() + text[1:])
    return texts.under_heading.format(heading=heading, text=text)


def _announcing(texts: Messages) -> tuple[str, ...]:
    return texts.first_quote, texts.first_terms, texts.first_rendered, texts.more_quote, texts.more_rendered


def alone_under_headings(quotes: Iterable[Quoted], asked: Asked, lang: str, glossary: Glossary) -> Iterator[Quoted]:
    """Quotations that are all of an answer, as `under_heading` tells each; a heading is told once for rows in turn."""
    before: tuple[str, ...] = ()
    for quoted in quotes:
        heading = quoted.citation.chunk.heading
        yield quoted if heading == before else under_heading(quoted, asked, lang, glossary, alone=True)
        before = heading


def _telling(asked: Asked, headings: Sequence[str], row: str, alone: bool) -> str | None:
    """The heading that tells what is asked for and the row does not."""
    innermost = next(iter(headings[-1:]), "")
    if asked.wanted in _TIMES and holds(asked.wanted, innermost) and not holds(asked.wanted, row):
        return innermost
    names = next((names for asks, names in _PARTS if asks.search(asked.text)), None)
    if names is not None and not names.search(row):
        naming = (heading for heading in reversed(headings) if names.search(heading))
        return next(naming, innermost if alone else None)
    return innermost if alone and (_ASKS_WHICH.search(asked.text) or asks_whether(asked.text)) else None
