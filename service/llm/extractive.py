"""An answer without a model: the rows that matched best, quoted as they are and introduced in the asker's language."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from indexes.types import Chunk, Hit, Unit, UnitKind
from service.gloss import gloss, has_han
from service.grounding.glossary import load_glossary
from service.messages import messages
from service.prompt import plain_row
from service.types import AnswerSentence, Citation, Verdict

NAME = "extractive"
QUOTED_UNITS = 2
GLOSSED_SHARE = 0.5
"""Share of a Chinese unit that the glossary must know for its terms to stand in for it."""
TOLD_SHARE, WHOLLY_TOLD_SHARE = 0.3, 0.8
"""Shares of a unit that citations must cover for it to have been told: where all of the draft stood, or only some."""

CLOSE = 0.05
"""How far below the best hit's score another may lie to have been passed by."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """A sentence made of one quotation, with the citation that proves it; a translation is no more than PARTIAL: its
    words are the model's, though the row was found to support them."""

    text: str
    citation: Citation
    verdict: Verdict = Verdict.SUPPORTED


Render: TypeAlias = Callable[[Chunk, Unit], str]
"""A unit in English, or nothing."""


def no_rendering(chunk: Chunk, unit: Unit) -> str:
    """Where there is no model to translate."""
    return ""


def quote_answer(
    hits: Sequence[Hit], lang: str, *, units: int = QUOTED_UNITS, render: Render = no_rendering
) -> list[Quoted]:
    """The best matching units of the best hits: quoted, or in an English answer translated, by `render` or else term by
    term where the glossary knows enough.

    Empty only where nothing was found.
    """
    texts = messages(lang)
    quoted: list[Quoted] = []
    for hit, unit in _best_units(hits):
        if len(quoted) == units:
            break
        citation = cite(hit, unit)
        if english := "" if _is_readable(unit, lang) else render(hit.chunk, unit):
            text = english if quoted else texts.first_rendered.format(text=english)
            quoted.append(Quoted(text, citation, Verdict.PARTIAL))
            continue
        frames = (texts.next_terms, texts.next_quote) if quoted else (texts.first_terms, texts.first_quote)
        quoted.append(Quoted(_worded(unit, lang, *frames), citation))
    return quoted


def passed_by(
    hits: Sequence[Hit],
    sentences: Sequence[AnswerSentence],
    lang: str,
    *,
    most: int = 1,
    enough: float = TOLD_SHARE,
    render: Render = no_rendering,
) -> Iterator[Quoted]:
    """Of the `most` best units those of which less than `enough` is in a citation yet, each as one more sentence, if
    the asker can read it or `render` makes it readable."""
    texts = messages(lang)
    for hit, unit in islice(_best_units([hit for hit in hits if hit.score >= hits[0].score - CLOSE]), most):
        if unit.kind is UnitKind.CODE or _is_told(hit, unit, sentences, enough) or _is_shown(unit, sentences):
            continue
        if _is_readable(unit, lang):
            yield Quoted(texts.more_quote.format(quote=plain_row(unit.text)), cite(hit, unit))
        elif english := render(hit.chunk, unit):
            yield Quoted(texts.more_rendered.format(text=english), cite(hit, unit), Verdict.PARTIAL)


def _is_shown(unit: Unit, sentences: Sequence[AnswerSentence]) -> bool:
    """Whether a sentence has the whole unit in it, as a bare name with its clause may."""
    row = "".join(plain_row(unit.text).split()).rstrip("。.；;")
    return any(row in "".join(sentence.text.split()) for sentence in sentences)


def _is_told(hit: Hit, unit: Unit, sentences: Sequence[AnswerSentence], enough: float) -> bool:
    """Whether what is fully supported cites enough of a unit; of a sentence half supported the row may say more."""
    whole = [sentence for sentence in sentences if sentence.verdict is Verdict.SUPPORTED]
    cited = {citation for sentence in whole for citation in sentence.citations}
    spans = [(c.start, c.end) for c in cited if c.chunk.id == hit.chunk.id]
    told = sum(any(start <= at < end for start, end in spans) for at in range(unit.start, unit.end))
    return told >= enough * (unit.end - unit.start)


def _is_readable(unit: Unit, lang: str) -> bool:
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


def _best_units(hits: Sequence[Hit]) -> Iterator[tuple[Hit, Unit]]:
    """The best unit of each hit in turn, then the second ones; code last; a hit without matches gives its own units."""
    of_each = [hit.units or hit.chunk.units for hit in hits]
    rounds = max(map(len, of_each), default=0)
    pairs = [(hit, units[i]) for i in range(rounds) for hit, units in zip(hits, of_each, strict=True) if i < len(units)]
    yield from (pair for pair in pairs if pair[1].kind is not UnitKind.CODE)
    yield from (pair for pair in pairs if pair[1].kind is UnitKind.CODE)
