"""From a question to an Answer, as a stream of events: the one path that HTTP, command line and evaluation share."""

import unicodedata
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from indexes.errors import EngineBusy, EngineError
from indexes.text import detect_lang
from indexes.types import Filters, Hit
from service.abstention import Abstention
from service.asking import Asked, Intent, Wanted, holds, understand
from service.cancelling import AnswerStream, Cancel
from service.completion import missing_items
from service.drafting import Checker, Draft
from service.followup import Standing, resolve
from service.grounding.glossary import load_glossary
from service.llm.extractive import NAME as EXTRACTIVE
from service.llm.extractive import quote_answer
from service.llm.types import LLM, Done, EngineEvent, GenerateOptions, Queued
from service.prompt import Budget, BuiltPrompt, build_prompt
from service.settings import Settings
from service.signals import Vocabulary
from service.topics import nearest_topics
from service.turn import Turn
from service.types import (
    Answer,
    AnswerEvent,
    DraftToken,
    Evidence,
    Finished,
    Policy,
    Question,
    RefusalReason,
    Retrieval,
    SentenceChecked,
    Verdict,
    Waiting,
)

SEARCHED = 8
"""Hits asked of the retriever: the passages shown, and as many more for the margin and for the reader."""


TEMPLATE_TOKENS = 64
"""Room for the chat template around system, passages and request."""


class Searcher(Protocol):
    """What is used of `indexes.retriever.Retriever`."""

    def search(self, query: str, k: int, filters: Filters) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers from exactly one generation; safe to use from many threads at once.

    `llm` None answers with quotations; `no_model` then says why, unless that is what the settings ask for.
    """

    searcher: Searcher
    checker: Checker
    gate: Abstention
    vocabulary: Vocabulary
    llm: LLM | None
    settings: Settings
    generation: int
    corpus_size: int
    """Passages in the generation."""

    def answer(self, question: Question) -> Answer:
        """The last event of `stream`."""
        for event in self.stream(question):
            if isinstance(event, Finished):
                return event.answer
        raise AssertionError("a stream ends with Finished")

    def stream(self, question: Question) -> AnswerStream:
        """Answer step by step; closing the iterator cancels the engine at once.

        Raises (while iterating):
            EngineBusy: the engine's queue is full; every other trouble of the engine ends in an extractive answer.
        """
        cancel = Cancel()
        return AnswerStream(self._events(question, cancel), cancel)

    def _events(self, question: Question, cancel: Cancel) -> Generator[AnswerEvent, None, None]:
        text = unicodedata.normalize("NFKC", question.text)
        lang = question.lang or detect_lang(text)
        turn = self._turn(question, lang, cancel)
        asked = understand(text, lang)
        standing = resolve(text, question.history, lang)
        if asked.intent is Intent.ATTACK or (asked.intent is not Intent.QUESTION and standing.earlier is None):
            yield Evidence(turn.retrieval)
            yield Finished(turn.turned_away(asked.intent))
            return
        asked = understand(standing.query, lang) if standing.earlier else asked
        hits = self._search(turn, standing)
        yield Evidence(turn.retrieval)
        turn.assessment = self.gate.assess(asked, hits, self.vocabulary, self.corpus_size)
        if not turn.assessment.enough:
            yield Finished(turn.refused(RefusalReason.NOT_IN_CORPUS, nearest_topics(hits, turn.lang, load_glossary())))
            return
        yield from self._draft(turn, asked, standing)
        yield from self._settle(turn, asked)

    def _turn(self, question: Question, lang: str, cancel: Cancel) -> Turn:
        model = self.llm.name if self.llm else EXTRACTIVE
        deadline_s = min(question.deadline_s or self.settings.deadline_s, self.settings.deadline_s)
        return Turn(question, lang, self.generation, model, deadline_s, cancel)

    def _search(self, turn: Turn, standing: Standing) -> Sequence[Hit]:
        hits = self.searcher.search(standing.query, SEARCHED, turn.question.filters)
        turn.retrieval = Retrieval(tuple(hits), turn.elapsed_ms())
        return hits

    def _draft(self, turn: Turn, asked: Asked, standing: Standing) -> Iterator[AnswerEvent]:
        """Generate and check; what was checked stands when the engine fails or the time is up."""
        if self.llm is None:
            return
        built = self._prompt(turn, standing, self.llm)
        draft = Draft(turn, asked, built.passages, self.checker, turn.question.policy)
        try:
            yield from self._generate(turn, self.llm, built, draft)
        except EngineBusy:
            raise
        except EngineError:
            turn.cut = True
        for sentence in draft.finish(cut=turn.cut):
            yield SentenceChecked(sentence)
        turn.denied = draft.denied > 0
        if turn.question.policy is not Policy.OFF:
            yield from _complete(turn, asked)

    def _generate(self, turn: Turn, llm: LLM, built: BuiltPrompt, draft: Draft) -> Iterator[AnswerEvent]:
        options = GenerateOptions(
            max_tokens=self.settings.max_tokens,
            temperature=self.settings.temperature,
            seed=self.settings.seed,
            deadline_s=turn.left_s(),
        )
        turn.cut = True  # Until the engine says that it is done.
        with closing_iterator(llm.generate(built.prompt, options)) as events:
            turn.cancel.watch(events)
            for event in events:
                if isinstance(event, Queued):
                    yield Waiting(event.position, event.eta_ms)
                elif isinstance(event, Done):
                    turn.usage = event.usage
                    turn.cut = event.finish != "stop"
                else:
                    turn.saw_token()
                    yield DraftToken(event.text)
                    for sentence in draft.feed(event.text):
                        yield SentenceChecked(sentence)

    def _prompt(self, turn: Turn, standing: Standing, llm: LLM) -> BuiltPrompt:
        tokens = llm.context_tokens - self.settings.max_tokens - TEMPLATE_TOKENS
        return build_prompt(
            unicodedata.normalize("NFKC", turn.question.text),
            turn.retrieval.hits,
            llm,
            Budget(self.settings.passages, tokens),
            lang=turn.lang,
            earlier=standing.earlier,
        )

    def _settle(self, turn: Turn, asked: Asked) -> Iterator[AnswerEvent]:
        """The answer if anything survived; else quotations, or a refusal where the model or the gate had doubts."""
        if turn.composer.sentences:
            yield Finished(turn.answered())
            return
        hits = turn.retrieval.hits
        if (reason := self._reason_to_refuse(turn, asked)) is not None:
            yield Finished(turn.refused(reason, nearest_topics(hits, turn.lang, load_glossary())))
            return
        for quoted in quote_answer(hits, turn.lang):
            sentence = turn.composer.add(quoted.text, Verdict.SUPPORTED, 1.0, (quoted.citation,))
            if sentence is not None:
                turn.saw_sentence()
                yield SentenceChecked(sentence)
        yield Finished(turn.extractive())

    def _reason_to_refuse(self, turn: Turn, asked: Asked) -> RefusalReason | None:
        """Why quotations would be no answer where there is no sentence, if they would not."""
        unsure = not turn.assessment.sure
        if self.llm is None:
            wanted = self.settings.llm != EXTRACTIVE
            return RefusalReason.NO_MODEL if unsure and wanted else None
        invented = any(dropped.reason.startswith("number ") for dropped in turn.dropped)
        missed = not turn.cut and not best_row_holds(asked.wanted, turn.retrieval.hits)
        return RefusalReason.BELOW_CONFIDENCE if turn.denied or invented or missed or unsure else None


def best_row_holds(wanted: Wanted, hits: Sequence[Hit]) -> bool:
    """Whether quoting could give the kind of thing asked for; a count is too common to trust a bare row with."""
    if wanted is Wanted.ANY:
        return True
    best = [unit.text for hit in hits[:1] for unit in hit.units[:1]]
    return wanted is not Wanted.COUNT and any(holds(wanted, text) for text in best)


def _complete(turn: Turn, asked: Asked) -> Iterator[AnswerEvent]:
    for missing in missing_items(asked, turn.composer.sentences, load_glossary()):
        text = missing.sentence(turn.lang)
        sentence = turn.composer.add(text, Verdict.SUPPORTED, missing.citation.score, (missing.citation,))
        if sentence is not None:
            yield SentenceChecked(sentence)


@contextmanager
def closing_iterator(events: Iterator[EngineEvent]) -> Iterator[Iterator[EngineEvent]]:
    """Close a generator on the way out, whichever way that is; a plain iterator has nothing to close."""
    try:
        yield events
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()
