"""How an answer ends: what the draft passed by is added from the evidence; where nothing survived, quotations or a
refusal."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from indexes.errors import EngineError
from indexes.types import Chunk, Hit, Unit
from service.abstention import PROBE, Assessment, Situation
from service.asking import Asked, Wanted, looks_across
from service.attribution import of_document
from service.completion import missing_items
from service.conditions import are_of_others
from service.grounding.claims import titles_of
from service.grounding.glossary import load_glossary
from service.grounding.words import fold
from service.headed import alone_under_headings, tells, under_heading
from service.judging import STRAY_NUMBER
from service.llm.extractive import NAME as EXTRACTIVE
from service.llm.extractive import (
    NOT_RENDERED,
    QUOTED_UNITS,
    Quoted,
    Render,
    Rendered,
    no_rendering,
    quote_answer,
)
from service.passagewise import was_read
from service.placing import COPIED_SCORE
from service.rendering import Renderer
from service.sequel import stepped
from service.settings import Settings
from service.stages import in_stage, without_others
from service.telling import CLOSE, CLOSE_ACROSS, Said, across_documents, answered_from, of_the_same, passed_by
from service.topics import nearest_topics
from service.turn import Turn
from service.types import AnswerEvent, Finished, RefusalReason, SentenceChecked
from service.whole import in_one, is_whole, rows_in, with_whole_tables

_UNFOUND = re.compile(r"no passage says this|name .* is in no passage")

BEYOND_DOUBT = {Situation.SAME: 0.65, Situation.CROSS: 0.8, Situation.FEW: 0.8}
"""Confidence of the gate from which the best rows answer, whatever a small model made of them.

Of 780 questions, judged by models that had not seen them, 0.65 was reached by some 87 % of the answerable Chinese ones
and 5 of the 105 others, 0.8 by 63 % of the English ones and 1 of 113.
"""
BEYOND_DOUBT_PROBED = {Situation.SAME: 0.6, Situation.CROSS: 0.6, Situation.FEW: 0.7}
"""The same for a gate that heard a probe: reached by 94 % of the Chinese ones and 4 of the others, and by as many of
the English ones and 5 of the others. Among few passages that were read alone, ten-fold, 0.7 was reached by 57 % of 125
answerable questions and 6 % of 124 others."""

CERTAIN, CERTAIN_PROBED = 0.9, 0.96
"""Confidence from which one row is told beside a draft, and two where there is none; below it one more. Of 24
answered questions in plain words that had less, answers would hold 0.68 of what they must say without that row and 0.88
with it; of 55 that had more, 0.87 and 0.91. A gate that hears a
probe is surer of all: as large a share of them has less than 0.96."""


def complete(turn: Turn, asked: Asked, settings: Settings, renderer: Renderer | None) -> Iterator[AnswerEvent]:
    """Lists that the draft left short, and the best rows of a sure search that it passed by; only where it said
    something."""
    sentences = tuple(turn.composer.sentences)
    if not sentences:
        return
    turn.drafted = len(sentences)
    for missing in missing_items(asked, sentences, load_glossary()):
        yield from _added(turn, Quoted(missing.sentence(turn.lang), missing.citation))
    if turn.assessment.sure and turn.trouble is None:
        said = Said(asked, turn.lang, turn.composer.sentences, bool(turn.dropped), is_doubtful(turn.assessment))
        for quoted in passed_by(_read(turn, asked, settings), said, _render(turn, renderer)):
            yield from _added(turn, under_heading(quoted, asked, turn.lang, load_glossary()), COPIED_SCORE)


def settle(turn: Turn, asked: Asked, settings: Settings, renderer: Renderer | None) -> Iterator[AnswerEvent]:
    """The answer if anything survived; else quotations, or a refusal where the model or the gate had doubts."""
    if turn.composer.sentences:
        yield Finished(turn.answered())
        return
    hits = turn.retrieval.hits
    reason = reason_to_refuse(turn, asked, settings, engine=turn.model != EXTRACTIVE)
    if asked.wanted is Wanted.MONEY and are_of_others(asked.text, hits):
        reason = reason or RefusalReason.BELOW_CONFIDENCE
    if reason is not None:
        yield Finished(turn.refused(reason, nearest_topics(hits, turn.lang, load_glossary())))
        return
    read, units = _read(turn, asked, settings), QUOTED_UNITS
    if is_doubtful(turn.assessment):
        units += 1
    if looks_across(asked.text):
        read = across_documents([hit for hit in read if hit.score >= read[0].score - CLOSE_ACROSS])
        units = max(units, len(read))
    read = of_the_same(asked.text, _to_the_point(asked.wanted, read))
    quotes = quote_answer(read, turn.lang, units=units, render=_render(turn, renderer))
    for quoted in alone_under_headings(quotes, asked, turn.lang, load_glossary()):
        yield from _added(turn, quoted)
    yield Finished(turn.extractive())


def reason_to_refuse(turn: Turn, asked: Asked, settings: Settings, *, engine: bool) -> RefusalReason | None:
    """Why quotations would be no answer where there is no sentence, if they would not."""
    unsure = not turn.assessment.sure
    if not engine:
        wanted = settings.llm != EXTRACTIVE
        return RefusalReason.NO_MODEL if unsure and wanted else None
    if not turn.cut and found_nowhere(turn) and not is_beyond_doubt(turn.assessment):
        return RefusalReason.BELOW_CONFIDENCE
    in_sight = is_probed(turn.assessment) and in_best_row(asked.wanted, turn.retrieval.hits)
    if is_beyond_doubt(turn.assessment) and (asked.wanted is Wanted.ANY or in_sight):
        return None
    invented = any(_invents(dropped.reason, asked) for dropped in turn.dropped)
    counted = asked.wanted is Wanted.COUNT  # Too common to trust a bare row with where there is doubt.
    missed = not turn.cut and (counted or not in_best_row(asked.wanted, turn.retrieval.hits))
    if turn.trouble and unsure and not (turn.denied or invented):
        return RefusalReason.NO_MODEL
    return RefusalReason.BELOW_CONFIDENCE if turn.denied or invented or missed or unsure else None


def _invents(reason: str, asked: Asked) -> bool:
    """Whether a sentence was dropped for a number that is not the question's own: `two qualities` only repeats it."""
    number = STRAY_NUMBER.fullmatch(reason)
    return number is not None and number[1].lower() not in fold(asked.text)


def is_beyond_doubt(assessment: Assessment) -> bool:
    """Whether the gate is surer of an answer than any draft could make it."""
    table = BEYOND_DOUBT_PROBED if is_probed(assessment) else BEYOND_DOUBT
    return assessment.confidence >= table[assessment.situation or Situation.CROSS]


def is_doubtful(assessment: Assessment) -> bool:
    """Whether the gate is not certain, so that one more row belongs to the answer."""
    return assessment.confidence < (CERTAIN_PROBED if PROBE in assessment.signals else CERTAIN)


def is_probed(assessment: Assessment) -> bool:
    """Whether the gate has heard what the engine knows: far fewer questions then pass it that have no answer."""
    return PROBE in assessment.signals or was_read(assessment.signals)


def found_nowhere(turn: Turn) -> bool:
    """Whether the model had only things to say that passages of its own language do not hold: it read them well, and
    found nothing. Across languages a true sentence is missed too often for that to mean anything."""
    read = {hit.chunk.lang for hit in turn.retrieval.hits[:1]}
    reasons = [dropped.reason for dropped in turn.dropped]
    return read == {turn.lang[:2]} and bool(reasons) and all(map(_UNFOUND.match, reasons))


def in_best_row(wanted: Wanted, hits: Sequence[Hit]) -> bool:
    """Whether quoting could give the kind of thing asked for."""
    best = [(unit, hit.chunk) for hit in hits[:1] for unit in hit.units[:1]]
    return wanted is Wanted.ANY or any(tells(wanted, unit, chunk) for unit, chunk in best)


def _to_the_point(wanted: Wanted, hits: Sequence[Hit]) -> Sequence[Hit]:
    """The hits with rows of the kind asked for, where the best one is."""
    if wanted is Wanted.ANY or not in_best_row(wanted, hits):
        return hits
    rows = ((hit, hit.units or hit.chunk.units) for hit in hits)
    told = ((hit, tuple(unit for unit in units if tells(wanted, unit, hit.chunk))) for hit, units in rows)
    return [replace(hit, units=telling) for hit, telling in told if telling]


def _read(turn: Turn, asked: Asked, settings: Settings) -> Sequence[Hit]:
    hits: Sequence[Hit] = without_others(asked.text, turn.retrieval.hits)
    if is_doubtful(turn.assessment):  # Who is certainly answered may name a thing of another stage.
        hits = in_stage(asked.text, hits)
    hits = with_whole_tables(asked, stepped(asked.text, hits))
    if hits and is_whole(hits[0]):  # What was asked for: beside it only what is as near.
        hits = [hit for hit in hits if hit.score >= hits[0].score - CLOSE]
    return _of_title(asked.text, of_document(asked.text, answered_from(hits, asked.text, settings.passages)))


def given(question: str, hits: Sequence[Hit], passages: int | None) -> list[Hit]:
    """All hits that an answer may be made of: the first ones, and those that move up where a passage of another stage
    than the one asked about is left out."""
    without = without_others(question, hits)
    ways = (hits, without, in_stage(question, without))
    found = {hit.chunk.id: hit for way in ways for hit in answered_from(way, question, passages)}
    return list(found.values())


def _of_title(question: str, hits: Sequence[Hit]) -> Sequence[Hit]:
    """The hits with their rows of the book that a question names, where there are any: one whose title is inside
    another's is not that one."""
    asked = set(titles_of(question))
    rows = ((hit, [unit for unit in hit.units or hit.chunk.units if asked & set(titles_of(unit.text))]) for hit in hits)
    told = [replace(hit, units=tuple(units)) for hit, units in rows if units] if asked else []
    return told or hits


def _added(turn: Turn, quoted: Quoted, most: float = 1.0) -> Iterator[AnswerEvent]:
    score = min(quoted.citation.score, most)
    sentence = turn.composer.add(quoted.text, quoted.verdict, score, (quoted.citation,))
    if sentence is not None:
        turn.saw_sentence()
        yield SentenceChecked(sentence)


def _render(turn: Turn, renderer: Renderer | None) -> Render:
    """Rows in English as long as there is time; a cancelled answer waits for no row. What the engine failed at is said
    otherwise, and the answer is marked as cut: another time it would be better."""
    if renderer is None:
        return no_rendering

    def render(chunk: Chunk, unit: Unit) -> Rendered:
        try:
            rows = rows_in(chunk, unit)
            return in_one(rows, lambda row: renderer.rendered(chunk, row, turn.left_s(), turn.cancel))
        except EngineError as error:
            turn.failed(error)
            return NOT_RENDERED

    return render
