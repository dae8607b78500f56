"""Doubles for answering: a scripted engine, a searcher over fixed hits, a checker that knows what it supports."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from indexes.errors import EngineError
from indexes.types import Chunk, Filters, Hit, Leg, LegScore
from service.abstention import Abstention, Model, Situation
from service.answerer import Answerer
from service.grounding import Checked
from service.llm.types import Done, EngineEvent, GenerateOptions, Leaning, Prompt, Text
from service.settings import Settings
from service.types import Citation, Passage, Usage, Verdict


def gate_of(bias: float) -> Abstention:
    """A gate that has the same confidence in everything."""
    return Abstention(dict.fromkeys(Situation, Model(bias, {}, threshold=0.5, quoting=0.75)))


ALWAYS, SURE, NEVER, UNSURE = gate_of(40.0), gate_of(1.3), gate_of(-40.0), gate_of(0.5)
"""SURE has doubts left: 0.79 is enough for quotations, and too little to overrule the model."""


@dataclass
class ScriptedLLM:
    """Says its pieces, one event each; `fail` is raised after them. `leaning` is told before them, with `logits` and
    `values`."""

    pieces: Sequence[str]
    finish: str = "stop"
    fail: EngineError | None = None
    leaning: float | None = None
    logits: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    name: str = "scripted"
    context_tokens: int = 4096
    prompts: list[Prompt] = field(default_factory=list)
    options: list[GenerateOptions] = field(default_factory=list)
    said: int = 0
    closed: bool = False

    def count_tokens(self, texts: Sequence[str], /) -> list[int]:
        return [len(text) for text in texts]

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        self.prompts.append(prompt)
        self.options.append(options)
        try:
            if self.leaning is not None:
                yield Leaning(self.leaning, self.logits, self.values)
            for piece in self.pieces:
                self.said += 1
                yield Text(piece)
            if self.fail is not None:
                raise self.fail
            yield Done(self.finish, Usage(10, 4, self.said))  # type: ignore[arg-type]
        finally:
            self.closed = True

    def close(self) -> None:
        self.closed = True


@dataclass
class FixedSearcher:
    hits: Sequence[Hit]
    queries: list[str] = field(default_factory=list)

    def search(self, query: str, k: int, filters: Filters) -> list[Hit]:
        self.queries.append(query)
        return list(self.hits[:k])


@dataclass
class WordChecker:
    """Supports a sentence that stands word for word in a passage and cites it there; `bent` alters each citation."""

    bent: Callable[[Citation], Citation] = lambda citation: citation

    def check(
        self,
        sentence: str,
        passages: Sequence[Passage],
        *,
        hints: Sequence[int] = (),
        question: str = "",
        lead_in: str = "",
        restating: bool = False,
    ) -> Checked:
        for passage in passages:
            chunk = passage.hit.chunk
            at = chunk.text.find(sentence)
            if at >= 0:
                start = chunk.start + at
                citation = Citation(passage.marker, chunk, start, start + len(sentence), sentence, 0.9)
                return Checked(Verdict.SUPPORTED, 0.9, (self.bent(citation),), "")
        return Checked(Verdict.UNSUPPORTED, 0.1, (), "no passage supports it")


@dataclass
class Rejecting(WordChecker):
    """Finds support for nothing, for one reason."""

    reason: str = "no passage says this"

    def check(self, *args: object, **more: object) -> Checked:
        return Checked(Verdict.UNSUPPORTED, 0.0, (), self.reason)


def hit_of(chunk: Chunk, rank: int = 1, *, cosine: float = 0.7, lexical: bool = True) -> Hit:
    legs = [LegScore(Leg.DENSE, cosine, rank)] + ([LegScore(Leg.LEXICAL, 3.0, rank)] if lexical else [])
    return Hit(chunk, 1.0 / rank, rank, tuple(legs), chunk.units[:2])


def answerer_of(
    hits: Sequence[Hit], llm: ScriptedLLM | None, *, gate: Abstention = ALWAYS, checker: WordChecker | None = None
) -> Answerer:
    words = frozenset(token for hit in hits for token in _tokens(hit.chunk.text))
    return Answerer(
        searcher=FixedSearcher(hits),
        checker=checker or WordChecker(),
        gate=gate,
        vocabulary=words,
        llm=llm,
        settings=Settings(),
        generation=7,
        corpus_size=len(hits),
    )


def _tokens(text: str) -> list[str]:
    from indexes.text import tokens

    return tokens(text)
