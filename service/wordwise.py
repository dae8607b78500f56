"""How near a question's words come to those of a row that may answer it, by the embedder's vectors of tokens.

A cosine of whole texts hardly sees that all but one word of a question stand in a row; word by word it shows, across
languages, too, and without a list of words.
"""

from collections.abc import Iterator, Sequence

from indexes.text import simplify
from indexes.types import Hit, TokenEmbedder, TokenVectors, Unit
from service.asking import Asked, patterns
from service.grounding.alignment import english_words, mean_aligned
from service.grounding.words import HAN, STOP

ROWS = 2
"""Best hits whose best row is read; with four, or two rows of each, questions were told apart no better."""
BETWEEN = 0.65
"""What questions have at the mean: the signal is what is above it, so that 0 tells nothing."""

_FILLING = frozenset("的了和与及或在把被对为以于也就都而并之其此")


def row_alignment(asked: Asked, hits: Sequence[Hit], embedder: object) -> dict[str, float]:
    """`row_alignment`: the mean, over the question's telling words, of the cosine of what comes nearest in a row and
    its headings, of the row for which it is highest, above BETWEEN.

    0 where the embedder does not tell tokens, or nothing tells. Headings are read apart from the rows, for many rows
    have the same. Of 780 questions (ten-fold, beside the other signals and the engine's leaning) it raised the area
    under the curve from 0.976 to 0.981 for Chinese and from 0.957 to 0.959 for English ones; by itself it has 0.87
    and 0.84, the highest cosine 0.80 and 0.74.
    """
    if not isinstance(embedder, TokenEmbedder):
        return {"row_alignment": 0.0}
    question = simplify(asked.text)
    tokens = embedder.embed_tokens(question, passage=False)
    words = list(_telling(question, tokens)) if tokens is not None else []
    if tokens is None or not words:
        return {"row_alignment": 0.0}
    rows = (unit for hit in hits[:ROWS] for unit in (hit.units or hit.chunk.units)[:1])
    found = (mean_aligned(words, tokens, _read(unit, embedder)) for unit in rows)
    best = max((value for value in found if value is not None), default=BETWEEN)
    return {"row_alignment": best - BETWEEN}


def _telling(question: str, tokens: TokenVectors) -> Iterator[list[int]]:
    """Tokens of each word that is neither grammar nor part of asking."""
    asking = patterns().topicless
    for word, inside in english_words(question, tokens):
        if word.lower() not in STOP and not asking.fullmatch(word.lower()):
            yield inside
    asks = {at for match in asking.finditer(question) for at in range(match.start(), match.end())}
    for at, (start, end) in enumerate(tokens.spans):
        if any(HAN.match(question[i]) and i not in asks and question[i] not in _FILLING for i in range(start, end)):
            yield [at]


def _read(unit: Unit, embedder: TokenEmbedder) -> list[tuple[str, TokenVectors]]:
    read = ((text, embedder.embed_tokens(text, passage=True)) for text in (unit.text, unit.context) if text)
    return [(text, tokens) for text, tokens in read if tokens is not None]
