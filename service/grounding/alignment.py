"""Word by word: how near each word of a sentence comes to anything its span says, by the tokens' vectors in context.

No list of words is needed for it, and it sees what a sentence's own vector does not: that all but one word is right.
The measure is the greedy matching of BERTScore (Zhang et al. 2020, https://arxiv.org/abs/1904.09675), of which the
worst word counts; and what comes near enough is said, though no list of words knows it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexes.types import TokenEmbedder, TokenVectors, Vectors
from service.grounding.words import HAN, STOP

_WORD = re.compile(r"[A-Za-z](?:[A-Za-z'\-+#.&/]*[A-Za-z+#])?|\d[\d,.]*")

Spans: TypeAlias = Sequence[tuple[str, TokenVectors]]
"""Texts with their tokens."""


SAID = 0.5
"""From this cosine on a span says the word. Of 344 fresh tuning sentences it brought to light 6 more of the 172 true
ones, for 2 more of the false ones; 0.35 to 0.7 did alike."""


def alignment(sentence: str, spans: Sequence[str], embedder: TokenEmbedder) -> list[tuple[str, float]]:
    """The English words of a sentence, each with the cosine of the token of the spans that it comes nearest to, 1 where
    it stands there itself; words like `the` do not count.

    A word of several tokens has their mean. Empty where the embedder does not tell tokens, or nothing is left.
    """
    said = embedder.embed_tokens(sentence, passage=False)
    read = [(text, embedder.embed_tokens(text, passage=True)) for text in spans]
    known = [(text, tokens) for text, tokens in read if tokens is not None]
    return word_alignment(sentence, said, known) if said is not None else []


def word_alignment(sentence: str, tokens: TokenVectors, spans: Spans) -> list[tuple[str, float]]:
    """`alignment` of what has been read."""
    nearest = _nearest(tokens, spans)
    if nearest is None:
        return []
    words = [(word.lower(), inside) for word, inside in english_words(sentence, tokens) if word.lower() not in STOP]
    return [(word, float(nearest[inside].mean())) for word, inside in words]


def mean_aligned(words: Sequence[Sequence[int]], tokens: TokenVectors, spans: Spans) -> float | None:
    """The mean over words, given by their tokens, of the cosine of what comes nearest in the spans; None as above."""
    nearest = _nearest(tokens, spans)
    if nearest is None or not words:
        return None
    return float(np.mean([nearest[list(inside)].mean() for inside in words]))


def english_words(text: str, tokens: TokenVectors) -> Iterator[tuple[str, list[int]]]:
    """Words and numbers in Latin letters, each with the tokens that overlap it."""
    for word in _WORD.finditer(text):
        inside = [at for at, (start, end) in enumerate(tokens.spans) if start < word.end() and end > word.start()]
        if inside:
            yield word.group(), inside


def _nearest(tokens: TokenVectors, spans: Spans) -> NDArray[np.float32] | None:
    """(tokens,) cosine of each token to the nearest of the spans; None where there is nothing to compare."""
    theirs = [_telling(text, read) for text, read in spans]
    if not any(map(len, theirs)) or not len(tokens.vectors):
        return None
    return np.asarray((tokens.vectors.astype(np.float32) @ np.concatenate(theirs).T).max(axis=1), np.float32)


def _telling(text: str, read: TokenVectors) -> Vectors:
    """Vectors of the tokens that are more than punctuation."""
    kept = [at for at, (start, end) in enumerate(read.spans) if any(_is_word(char) for char in text[start:end])]
    return read.vectors[kept].astype(np.float32)


def _is_word(char: str) -> bool:
    return bool(HAN.match(char)) or (char.isascii() and char.isalnum())
