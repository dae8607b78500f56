"""An answer without a model: the rows that matched best, quoted as they are and introduced in the asker's language."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from indexes.types import Chunk, Hit, Unit, UnitKind
from service.gloss import gloss, has_han
from service.grounding.glossary import load_glossary
from service.messages import messages
from service.prompt import plain_row
from service.types import Citation, Verdict

NAME = "extractive"
QUOTED_UNITS = 2
GLOSSED_SHARE = 0.5
"""Share of a Chinese unit that the glossary must know for its terms to stand in for it."""
_ANNOUNCES = re.compile(
    r"(?:下面|以下)(?:的|这段|是)?(?:示例)?代码|(?:the )?(?:code below|following code)\b", re.IGNORECASE
)
"""A sentence that says no more than that code follows."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A sentence made of one quotation or its translation, with the citation that proves it."""

    text: str
    citation: Citation
    verdict: Verdict = Verdict.SUPPORTED


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a unit says in English; empty where there is nothing. Its words are the model's: `verdict` and `score` are
    the checker's of the least of its sentences."""

    text: str
    verdict: Verdict
    score: float


NOT_RENDERED = Rendered("", Verdict.UNSUPPORTED, 0.0)
Render: TypeAlias = Callable[[Chunk, Unit], Rendered]
"""A unit in English."""


def no_rendering(chunk: Chunk, unit: Unit) -> Rendered:
    """Where there is no model to translate."""
    return NOT_RENDERED


def quote_answer(
    hits: Sequence[Hit], lang: str, *, units: int = QUOTED_UNITS, render: Render = no_rendering
) -> list[Quoted]:
    """The best matching units of the best hits: quoted, or in an English answer translated, by `render` or else term by
    term where the glossary knows enough.

    Empty only where nothing was found.
    """
    texts = messages(lang)
    quoted: list[Quoted] = []
    for hit, unit in best_units(hits):
        if len(quoted) == units:
            break
        english = NOT_RENDERED if is_readable(unit, lang) else render(hit.chunk, unit)
        if english.text:
            text = english.text if quoted else texts.first_rendered.format(text=english.text)
            quoted.append(Quoted(text, cite(hit, unit, english.score), english.verdict))
            continue
        frames = (texts.next_terms, texts.next_quote) if quoted else (texts.first_terms, texts.first_quote)
        quoted.append(Quoted(_worded(unit, lang, *frames), cite(hit, unit)))
    return quoted


def is_readable(unit: Unit, lang: str) -> bool:
    """Whether the asker can read a unit as it stands."""
    return lang.startswith("zh") or not has_han(unit.text)


def _worded(unit: Unit, lang: str, terms_frame: str, quote_frame: str) -> str:
    """A unit in a frame: its terms in English where the glossary knows enough of them, else its own words."""
    quote = plain_row(unit.text)
    terms, share = ("", 0.0) if lang.startswith("zh") else gloss(quote, load_glossary())
    return terms_frame.format(terms=terms) if share >= GLOSSED_SHARE else quote_frame.format(quote=quote)


def cite(hit: Hit, unit: Unit, score: float = 1.0) -> Citation:
    """A citation of a whole unit; its marker is given when it is used."""
    return Citation(0, hit.chunk, unit.start, unit.end, unit.text, score)


def best_units(hits: Sequence[Hit]) -> Iterator[tuple[Hit, Unit]]:
    """The best unit of each hit in turn, then the second ones; code last, and what only announces code not at all
    where there is anything else; a hit without matches gives its own units."""
    matched = [hit.units or hit.chunk.units for hit in hits]
    telling = [[unit for unit in units if not _ANNOUNCES.match(unit.text)] for units in matched]
    of_each = telling if any(telling) else matched
    rounds = max(map(len, of_each), default=0)
    pairs = [(hit, units[i]) for i in range(rounds) for hit, units in zip(hits, of_each, strict=True) if i < len(units)]
    yield from (pair for pair in pairs if pair[1].kind is not UnitKind.CODE)
    yield from (pair for pair in pairs if pair[1].kind is UnitKind.CODE)
