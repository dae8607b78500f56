"""A row that is quoted by itself, and what it leaves to its heading: how long a stage takes, or which stage it is."""

import re
from dataclasses import replace

from service.asking import Asked, Wanted, holds
from service.grounding.glossary import Glossary
from service.llm.extractive import Quoted
from service.messages import messages
from service.topics import heading_in_lang

_TIMES = frozenset({Wanted.DURATION, Wanted.DATE})
_ASKS_WHICH = re.compile(
    r"\b(?:which|what) (?:\w+ )?(?:stage|phase|layer|level|step|priority)\b"
    r"|哪[个一]?(?:个)?(?:阶段|层|步|级|优先级)|第几(?:个)?(?:阶段|层|步|级|优先级)|什么阶段",
    re.IGNORECASE,
)
_IS_ONE = re.compile(r"阶段|[层级步]|\b(?:stage|phase|layer|level|step|priority)\b", re.IGNORECASE)


def under_heading(quoted: Quoted, asked: Asked, lang: str, glossary: Glossary) -> Quoted:
    """A quotation behind the innermost heading of its passage, where the question asks for what only that holds."""
    heading = quoted.citation.chunk.heading[-1:]
    row = quoted.citation.quote
    if not heading or not (
        _holds_the_time(asked.wanted, heading[0], row) or _is_the_stage(asked.text, heading[0], row)
    ):
        return quoted
    name = heading_in_lang(heading[0], lang, glossary)
    return replace(quoted, text=messages(lang).under_heading.format(heading=name, text=quoted.text))


def _holds_the_time(wanted: Wanted, heading: str, row: str) -> bool:
    return wanted in _TIMES and holds(wanted, heading) and not holds(wanted, row)


def _is_the_stage(question: str, heading: str, row: str) -> bool:
    return bool(_ASKS_WHICH.search(question) and _IS_ONE.search(heading) and not _IS_ONE.search(row))
