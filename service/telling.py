"""What of the best rows an answer has not told: judged by its words, for one cell of a cited row may be all it says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from indexes.text import tokens
from indexes.types import Hit, Unit, UnitKind
from service.asking import Asked, Wanted, asks_next, compares, looks_across, wants_several
from service.grounding.analysis import group_of, is_exclusive, is_generic
from service.grounding.glossary import Mention, load_glossary
from service.grounding.words import STOP, fold
from service.headed import tells
from service.llm.extractive import Quoted, Render, Rendered, best_units, cite, is_readable, no_rendering
from service.messages import messages
from service.placing import units_of
from service.prompt import plain_row
from service.types import AnswerSentence, Verdict

CLOSE, CLOSE_ACROSS = 0.05, 0.15
"""How far below the best hit's score another may lie to have been passed by: in general, and where several documents
are asked about or the best may not be the right one."""
ROWS_ACROSS = 5
"""The most rows told where several documents are asked about: of each document the best, then the next best ones. Of
17 English and 14 Chinese tuning questions they hold 0.85 and 0.88 of what must be said, a row each of three documents
0.73 and 0.83."""

TOLD, TOLD_OF_SEVERAL, TOLD_FOREIGN = 0.5, 0.65, 0.35
"""Shares of a row's words from which it has been told: in general; where several things are asked for; and, lower than
both by a step, where all that was said stands and cites the row, but in a language that the asker cannot read.

Tried on the saved answers to 384 tuning questions, this told some 40 rows more than the share of a row that citations
cover: English nugget recall 0.786 → 0.804, Chinese 0.863 → 0.885; with 0.65 for all 0.826 and 0.890, for 100 rows more.
"""

WHOLLY_TOLD, CITED, CITED_OF_LOST = 0.9, 0.3, 0.8
"""Shares of a row's words from which it needs no citation, and of a row that citations must cover otherwise: where all
of the draft stood, or only some."""


FEWEST_REPEATED = 6
"""Telling words from which a sentence that has no other ones says the same again: fewer may say another thing."""
FEWEST_LISTED = 3
"""Things that make a list. Of some 290 answered English questions that had been read, 16 were told a row more because
a list was left short, and their answers held 2.8 more of what they must say."""
_LIST_ENDS = re.compile(r"[.!?](?=\s|$)|[。:：()（）|\n]")
_LIST_ITEMS = re.compile(r"[;,；，、]\s*(?:(?:and|or)\s)?|\s(?:and|or)\s")


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered so far, to which `sentences` may be added; `lost`: something of the draft was dropped;
    `doubtful`: the gate let the question through, but is not certain."""

    asked: Asked
    lang: str
    sentences: Sequence[AnswerSentence]
    lost: bool = False
    doubtful: bool = False

    def passes_by(self, hit: Hit, unit: Unit) -> bool:
        """Whether a unit may have been passed by, as far as that can be seen without reading it."""
        if unit.kind is UnitKind.CODE or self._is_beside(unit):
            return False
        if self.asked.wanted is not Wanted.ANY:
            return tells(self.asked.wanted, unit, hit.chunk) and not self._cites(hit, unit)
        return not (is_readable(unit, self.lang) and self._is_whole(hit, unit))

    def _is_beside(self, unit: Unit) -> bool:
        """Whether a unit speaks of another role, stage or the like than the question; or has neither a name nor a role
        that the question has, where what was cited does have a name."""
        if asks_next(self.asked.text):
            return False  # The next step names what the question does not.
        if _is_of_another(unit, self.asked.text):
            return True
        names = {found[0] for name in self.asked.names if (found := tokens(name))}
        cited = (unit for sentence in self.sentences for citation in sentence.citations for unit in units_of(citation))
        if not names or not any(names.intersection(tokens(other.embedding_text)) for other in cited):
            return False
        roles = {concept for mention in _roles(self.asked.text) for concept in mention.concepts}
        there = {concept for mention in _roles(unit.embedding_text) for concept in mention.concepts}
        return not (names.intersection(tokens(unit.embedding_text)) or roles & there)

    def has_told(self, hit: Hit, unit: Unit, text: str) -> bool:
        """Whether enough was said of a unit, which reads as `text` in the asker's language: in its words, and, unless
        nearly all of them were said, with citations of it, for the words may be another row's. A list that was begun is
        not told before its end; in the row's own language it has been completed already."""
        answer = " ".join(sentence.text for sentence in self.sentences)
        if not is_readable(unit, self.lang) and left_short(text, self.asked.text, answer):
            return False
        said = told_share(text, self.asked.text, answer)
        cited = CITED_OF_LOST if self.lost else CITED
        return said >= self._enough(hit, unit) and (said >= WHOLLY_TOLD or self._covered(hit, unit) >= cited)

    def _enough(self, hit: Hit, unit: Unit) -> float:
        several = wants_several(self.asked.text) and self.asked.wanted is Wanted.ANY
        if self._is_whole(hit, unit):
            return TOLD if several else TOLD_FOREIGN
        return TOLD_OF_SEVERAL if several else TOLD

    def _is_whole(self, hit: Hit, unit: Unit) -> bool:
        """Whether all of the draft stands, and the unit is among its evidence."""
        supported = all(sentence.verdict is Verdict.SUPPORTED for sentence in self.sentences)
        return supported and not self.lost and self._cites(hit, unit)

    def _covered(self, hit: Hit, unit: Unit) -> float:
        """The share of a unit that stands in citations of what is fully supported."""
        whole = (sentence for sentence in self.sentences if sentence.verdict is Verdict.SUPPORTED)
        spans = [(c.start, c.end) for sentence in whole for c in sentence.citations if c.chunk.id == hit.chunk.id]
        covered = sum(any(start <= at < end for start, end in spans) for at in range(unit.start, unit.end))
        return covered / (unit.end - unit.start)

    def _cites(self, hit: Hit, unit: Unit) -> bool:
        cited = (citation for sentence in self.sentences for citation in sentence.citations)
        return any(c.chunk.id == hit.chunk.id and c.start < unit.end and unit.start < c.end for c in cited)


def _roles(text: str) -> Iterator[Mention]:
    """What one of excludes the others: roles, stages, companies."""
    return filter(is_exclusive, load_glossary().mentions(fold(text)))


def of_the_same(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """The hits without rows, but the best one, that speak of another role, stage or the like than the question."""
    best = hits[0].units[:1] if hits else ()
    rows = ((hit, hit.units or hit.chunk.units) for hit in hits)
    kept = (
        (hit, tuple(row for row in units if row in best or not _is_of_another(row, question))) for hit, units in rows
    )
    return [replace(hit, units=units) for hit, units in kept if units]


def _is_of_another(unit: Unit, question: str) -> bool:
    """Whether a unit has a seniority, a stage or the like, and a question about one thing has another."""
    if compares(question) or looks_across(question):
        return False
    asked, there = _by_group(question), _by_group(unit.embedding_text)
    return any(group in there and not concepts & there[group] for group, concepts in asked.items())


def _by_group(text: str) -> dict[str, set[str]]:
    """What stands in a text of each kind that excludes others of its kind."""
    found: dict[str, set[str]] = {}
    for concept in (concept for mention in _roles(text) for concept in mention.concepts):
        found.setdefault(group_of(concept), set()).add(concept)
    return found


def told_share(row: str, question: str, said: str) -> float:
    """Share of the telling words of a row, the question's own left out, that were said; 1 where it has no others."""
    words = _telling(row) - _telling(question)
    return len(words & _telling(said)) / len(words) if words else 1.0


def says_again(text: str, before: Sequence[str]) -> bool:
    """Whether one sentence before this one has all of its telling words but generic ones: another subject, as in
    `the checklist` and `it`, makes no other sentence."""
    words = _telling(text)
    missing = (words - _telling(sentence) for sentence in before) if len(words) >= FEWEST_REPEATED else ()
    return any(all(map(_is_generic, lacking)) for lacking in missing)


def left_short(row: str, question: str, said: str) -> bool:
    """Whether of one of the lists in a row two things were said and another was not."""
    for part in _LIST_ENDS.split(row):
        items = [item for item in _LIST_ITEMS.split(part) if _telling(item)]
        told = [told_share(item, question, said) >= TOLD for item in items]
        if len(items) >= FEWEST_LISTED and sum(told) > 1 and not all(told):
            return True
    return False


def _is_generic(word: str) -> bool:
    """Whether a word names nothing by itself: a document, a tool."""
    return any(map(is_generic, load_glossary().mentions(word)))


def _telling(text: str) -> set[str]:
    return {word for word in tokens(text) if len(word) > 1 and word not in STOP}


def answered_from(hits: Sequence[Hit], question: str, passages: int | None) -> Sequence[Hit]:
    """The hits an answer is made of, `passages` that a model reads (None: all): those after them are for the gate's
    margin and for the reader, and for questions about several documents. Of 31 tuning ones the rows then held 0.79
    instead of 0.73 of what an answer must say."""
    return hits if looks_across(question) else hits[:passages]


def across_documents(hits: Sequence[Hit]) -> list[Hit]:
    """The best hits of different documents, and the next best after them."""
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.chunk.document.id, hit)
    rest = (hit for hit in hits if first[hit.chunk.document.id] is not hit)
    return [*first.values(), *rest][:ROWS_ACROSS]


def _to_be_told(hits: Sequence[Hit], said: Said) -> Iterator[tuple[Hit, Unit]]:
    best, across = next((hit.score for hit in hits), 0.0), looks_across(said.asked.text)
    near = [hit for hit in hits if hit.score >= best - (CLOSE_ACROSS if across or said.doubtful else CLOSE)]
    if across:
        near = across_documents(near)
        return islice(best_units(near), len(near))
    if asks_next(said.asked.text):
        return islice(best_units(near[:1]), 2)
    return islice(best_units(near), 2 if compares(said.asked.text) or said.doubtful else 1)


def passed_by(hits: Sequence[Hit], said: Said, render: Render = no_rendering) -> Iterator[Quoted]:
    """The best units that the answer did not tell, each one more sentence, if the asker can read it or `render` makes
    it so: one, of a comparison or where there is doubt two, of a question for the next step that and the one before
    it, of a question about several documents those of each."""
    texts = messages(said.lang)
    for hit, unit in _to_be_told(hits, said):
        if not said.passes_by(hit, unit):
            continue
        readable = is_readable(unit, said.lang)
        told = Rendered(plain_row(unit.text), Verdict.SUPPORTED, 1.0) if readable else render(hit.chunk, unit)
        if told.text and not said.has_told(hit, unit, told.text):
            frame = texts.more_quote.format(quote=told.text) if readable else texts.more_rendered.format(text=told.text)
            yield Quoted(frame, cite(hit, unit, told.score), told.verdict)
