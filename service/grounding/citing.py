"""Citations of a supported sentence: exact quotes, each no longer than what it holds of the claim."""

from collections.abc import Sequence

from service.grounding.analysis import read_source
from service.grounding.claims import Claim
from service.grounding.glossary import Glossary
from service.grounding.names import holds
from service.grounding.quantities import stands_in
from service.grounding.quotes import Quote, Spot, quote_spans, text_of, tighten
from service.types import Citation


def cite(claim: Claim, spots: Sequence[Spot], score: float, glossary: Glossary) -> tuple[Citation, ...]:
    """One citation a quote, each cut down to what holds the claim."""
    quotes = [tighten(quote, lambda text: _held(claim, text, glossary)) for quote in quote_spans(spots)]
    return tuple(_citation(quote, score) for quote in quotes)


def _citation(quote: Quote, score: float) -> Citation:
    return Citation(quote.passage.marker, quote.passage.hit.chunk, quote.start, quote.end, text_of(quote), score)


def _held(claim: Claim, text: str, glossary: Glossary) -> frozenset[object]:
    """Names, numbers, concepts and words of the claim that a stretch of text holds."""
    source = read_source(text, glossary)
    return frozenset(
        [
            *(name for name in claim.names if holds(source.tokens, name, glossary)),
            *(amount for amount in claim.quantities if stands_in(amount, source.quantities)),
            *(mention.concepts for mention in claim.mentions if mention.concepts & source.concepts),
            *(claim.words & source.words if claim.lang == source.lang else ()),
        ]
    )
