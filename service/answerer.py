"""From a question to an Answer, as a stream of events: the one path that HTTP, command line and evaluation share."""

import unicodedata
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from indexes.errors import EngineBusy, EngineError
from indexes.text import detect_lang
from indexes.types import Embedder, Filters, Hit
from service.abstention import Abstention
from service.asking import Asked, Intent, understand
from service.cancelling import AnswerStream, closing_iterator
from service.checking import Checker
from service.drafting import Draft
from service.followup import Standing, resolve
from service.grounding.glossary import load_glossary
from service.grounding.orders import screened
from service.llm.extractive import NAME as EXTRACTIVE
from service.llm.types import LLM, Done, GenerateOptions, Leaning, Prompt, Queued
from service.naming import with_names
from service.passagewise import read_alone
from service.prompt import DENIAL, Budget, BuiltPrompt, build_prompt
from service.rendering import Renderer
from service.settings import Settings
from service.settling import complete, settle
from service.signals import Vocabulary
from service.stages import without_others
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
    Usage,
    Waiting,
)
from service.wordwise import ordered_by_words

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
    renderer: Renderer | None = None
    """Says rows in English where a draft does not; without it they are quoted."""
    embedder: Embedder | None = None
    """Of the searcher, for the gate: it may tell vectors of tokens."""

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
        text = unicodedata.normalize("NFKC", question.text)
        turn = self._turn(question, question.lang or detect_lang(text))
        return AnswerStream(self._events(turn, text), turn.cancel, turn.so_far)

    def _events(self, turn: Turn, text: str) -> Generator[AnswerEvent, None, None]:
        lang = turn.lang
        asked = understand(text, lang)
        standing = resolve(text, turn.question.history, lang)
        if asked.intent is Intent.ATTACK or (asked.intent is not Intent.QUESTION and standing.earlier is None):
            yield Evidence(turn.retrieval)
            yield Finished(turn.turned_away(asked.intent))
            return
        asked = understand(standing.query, lang) if standing.earlier else asked
        hits = self._search(turn, asked, standing)
        asked = with_names(asked, hits)
        yield Evidence(turn.retrieval)
        turn.assessment = self.gate.assess(asked, hits, self.vocabulary, self.corpus_size, self.embedder)
        self._read_alone(turn, standing, hits)
        if turn.assessment.enough or (turn.assessment.open and self.llm is not None):
            yield from self._draft(turn, asked, standing)
        if not turn.assessment.enough and not turn.composer.sentences:
            yield Finished(turn.refused(RefusalReason.NOT_IN_CORPUS, nearest_topics(hits, turn.lang, load_glossary())))
            return
        yield from settle(turn, asked, self.settings, self.renderer)

    def _turn(self, question: Question, lang: str) -> Turn:
        model = self.llm.name if self.llm else EXTRACTIVE
        deadline_s = min(question.deadline_s or self.settings.deadline_s, self.settings.deadline_s)
        return Turn(question, lang, self.generation, model, deadline_s)

    def _search(self, turn: Turn, asked: Asked, standing: Standing) -> Sequence[Hit]:
        found = screened(self.searcher.search(standing.query, SEARCHED, turn.question.filters))
        hits = ordered_by_words(asked, found, self.embedder)
        turn.retrieval = Retrieval(tuple(hits), turn.elapsed_ms())
        return hits

    def _read_alone(self, turn: Turn, standing: Standing, hits: Sequence[Hit]) -> None:
        """Where the gate listens to it, let the engine say of the best passages whether they answer; what it failed to
        say is not heard."""
        if self.llm is None or not turn.assessment.readable:
            return
        try:
            told = read_alone(standing.query, hits, self.llm, turn.left_s(), turn.cancel)
        except EngineBusy:
            raise
        except EngineError as error:
            turn.failed(error)
        else:
            turn.assessment = self.gate.reread(turn.assessment, told)

    def _draft(self, turn: Turn, asked: Asked, standing: Standing) -> Iterator[AnswerEvent]:
        """Generate and check; what was checked stands when the engine fails or the time is up."""
        if self.llm is None:
            return
        draft: Draft | None = None
        try:
            built = self._prompt(turn, standing, self.llm)
            draft = Draft(turn, asked, built.passages, self.checker, turn.question.policy)
            yield from self._generate(turn, self.llm, built, draft)
        except EngineBusy:
            raise
        except EngineError as error:
            turn.failed(error)
        if draft is None:
            return
        for sentence in draft.finish(cut=turn.cut):
            yield SentenceChecked(sentence)
        turn.denied = draft.denied > 0
        if turn.question.policy is not Policy.OFF:
            yield from complete(turn, asked, self.settings, self.renderer)

    def _generate(self, turn: Turn, llm: LLM, built: BuiltPrompt, draft: Draft) -> Iterator[AnswerEvent]:
        options = GenerateOptions(
            max_tokens=self.settings.max_tokens,
            temperature=self.settings.temperature,
            seed=self.settings.seed,
            deadline_s=turn.left_s(),
            watch=DENIAL,
            tell_values=True,
        )
        turn.cut = True  # Until the engine says that it is done.
        with closing_iterator(llm.generate(built.prompt, options)) as events:
            turn.cancel.watch(events)
            turn.usage = Usage(prompt_tokens=tokens_of(built.prompt, llm))  # While the engine reads it.
            for event in events:
                if isinstance(event, Queued):
                    yield Waiting(event.position, event.eta_ms)
                elif isinstance(event, Leaning):
                    turn.assessment = self.gate.reassess(turn.assessment, event)
                elif not (turn.assessment.enough or turn.assessment.hopeful):
                    turn.cut = False
                    return
                elif isinstance(event, Done):
                    if event.usage.prompt_tokens:
                        turn.usage = event.usage
                    turn.cut = event.finish != "stop"
                else:
                    turn.saw_token()
                    yield DraftToken(event.text)
                    for sentence in draft.feed(event.text):
                        yield SentenceChecked(sentence)
                    if draft.loops:
                        return

    def _prompt(self, turn: Turn, standing: Standing, llm: LLM) -> BuiltPrompt:
        tokens = llm.context_tokens - self.settings.max_tokens - TEMPLATE_TOKENS
        return build_prompt(
            unicodedata.normalize("NFKC", turn.question.text),
            without_others(standing.query, turn.retrieval.hits),
            llm,
            Budget(self.settings.passages, tokens),
            lang=turn.lang,
            earlier=standing.earlier,
        )


def tokens_of(prompt: Prompt, llm: LLM) -> int:
    """What a prompt costs, but for the chat template: until the engine says so itself, and where it never does."""
    history = (message.content for message in prompt.history)
    return sum(llm.count_tokens([prompt.system, *prompt.passages, prompt.request, *history]))
