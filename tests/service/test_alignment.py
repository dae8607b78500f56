"""The word that a span knows least of is found by tokens' vectors, and weighs in the verdict across languages only."""

import re
from collections.abc import Sequence
from typing import ClassVar
from zlib import crc32

import numpy as np
import pytest

from indexes.types import TokenVectors, Vectors
from service.grounding import FEATURES, GroundingParams, Verifier
from service.grounding.alignment import alignment, word_alignment
from service.grounding.features import BETWEEN
from service.types import Passage, Verdict
from tests.service.grounding_doubles import CountingEmbedder, passage

AT = FEATURES.index("least_aligned")


class TokenDouble(CountingEmbedder):
    """Words and single Chinese characters are tokens; a token's vector is its meaning, a word of its own a new one."""

    MEANINGS: ClassVar[dict[str, int]] = {"audio": 0, "音": 0, "text": 1, "字": 1, "Whisper": 2, "converts": 3, "转": 3}

    def __init__(self) -> None:
        self.read: list[tuple[str, bool]] = []

    def embed_tokens(self, text: str, /, *, passage: bool) -> TokenVectors | None:
        self.read.append((text, passage))
        found = list(re.finditer(r"[A-Za-z]+|\S", text))
        vectors = np.zeros((len(found), 40), np.float32)
        for row, match in enumerate(found):
            vectors[row, self.MEANINGS.get(match.group(), 10 + crc32(match.group().encode()) % 30)] = 1.0
        return TokenVectors(tuple(match.span() for match in found), vectors)


def tokens(spans: Sequence[tuple[int, int]], vectors: Sequence[Sequence[float]]) -> TokenVectors:
    return TokenVectors(tuple(spans), np.array(vectors, np.float32))


def test_a_word_has_the_mean_of_its_tokens() -> None:
    said = tokens([(0, 3), (4, 7), (7, 10), (11, 14)], [[0, 1, 0], [1, 0, 0], [0, 0.8, 0.6], [0, 0.6, 0.8]])
    span = tokens([(0, 1), (1, 2), (2, 3)], [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    # `the` does not count; `tokens` has tokens of 1.0 and 0.6, as the last of the span is a full stop; `red` has 0.8.
    (first, near), (second, further) = word_alignment("the Tokens red", said, [("字词。", span)])
    assert (first, second) == ("tokens", "red")
    assert (near, further) == (pytest.approx((1.0 + 0.6) / 2), pytest.approx(0.8))


def test_nothing_to_compare_is_told() -> None:
    word = tokens([(0, 3)], [[1.0, 0.0]])
    assert word_alignment("the", word, [("字", tokens([(0, 1)], [[1.0, 0.0]]))]) == []
    assert word_alignment("red", word, [("。", tokens([(0, 1)], [[1.0, 0.0]]))]) == []
    assert word_alignment("red", word, []) == []
    assert word_alignment("", tokens([], np.zeros((0, 2)).tolist()), [("字", tokens([(0, 1)], [[1.0, 0.0]]))]) == []


def test_a_model_that_does_not_tell_tokens_is_no_evidence() -> None:
    class Silent(TokenDouble):
        def embed_tokens(self, text: str, /, *, passage: bool) -> TokenVectors | None:
            return None

    assert alignment("Whisper converts audio.", ["Whisper 转音。"], Silent()) == []


def verifier_of(
    embedder: CountingEmbedder, items: Sequence[Passage], weight: float, weights: dict[str, float] | None = None
) -> Verifier:
    weights = weights or dict.fromkeys(FEATURES, 0.0) | {"least_aligned": weight}
    vectors = {unit.id: embedder.embed_passages([unit.text])[0] for item in items for unit in item.hit.chunk.units}

    def unit_vectors(ids: Sequence[str]) -> Vectors:
        return np.stack([vectors[unit_id] for unit_id in ids])

    return Verifier(embedder, GroundingParams(weights, 0.0, 0.6, 0.4, {}), unit_vectors)


def test_a_word_without_its_like_speaks_against_an_english_sentence_on_chinese_text() -> None:
    embedder, items = TokenDouble(), [passage(1, "Whisper 转音字。")]
    checker = verifier_of(embedder, items, 4.0)
    true = checker.candidate("Whisper converts audio text.", items)
    false = checker.candidate("Whisper converts video text.", items)
    assert true is not None
    assert false is not None
    assert true.values[AT] == pytest.approx(1 - BETWEEN)
    assert false.values[AT] == pytest.approx(0 - BETWEEN)
    assert checker.check("Whisper converts audio text.", items).verdict is Verdict.SUPPORTED
    assert checker.check("Whisper converts video text.", items).verdict is Verdict.UNSUPPORTED
    assert ("Whisper 转音字。", True) in embedder.read


def test_a_word_that_no_list_knows_is_no_stranger_where_the_span_says_it() -> None:
    """`zorbing` is in no glossary, and stands in the span as far as vectors of tokens can tell."""

    class Zorbing(TokenDouble):
        MEANINGS: ClassVar[dict[str, int]] = {**TokenDouble.MEANINGS, "zorbing": 0, "clarion": 9}

    embedder, items = Zorbing(), [passage(1, "Whisper 转音字。")]
    checker = verifier_of(embedder, items, 0.0)
    known = checker.candidate("Whisper converts zorbing.", items)
    unknown = checker.candidate("Whisper converts clarion.", items)
    assert known is not None
    assert unknown is not None
    assert known.values[FEATURES.index("aliens")] == pytest.approx(0.0)
    assert unknown.values[FEATURES.index("aliens")] == pytest.approx(np.log1p(1))


def test_what_repeats_the_question_needs_no_support() -> None:
    embedder, items = TokenDouble(), [passage(1, "Whisper 转音字。")]
    weights = dict.fromkeys(FEATURES, 0.0) | {"least_aligned": 4.0, "aliens": -3.0}
    checker = verifier_of(embedder, items, 4.0, weights)
    sentence, question = "For a clarion, Whisper converts audio.", "What converts audio for a clarion?"
    assert checker.check(sentence, items, question=question).verdict is Verdict.UNSUPPORTED
    assert checker.check(sentence, items, question=question, restating=True).verdict is Verdict.SUPPORTED
    assert checker.check(
        "For a trumpet, Whisper converts audio.", items, question=question, restating=True
    ).verdict is (Verdict.UNSUPPORTED)


@pytest.mark.parametrize(
    ("sentence", "text", "lang"),
    [
        ("Whisper 把音转成字。", "Whisper 转音字。", "zh"),
        ("Whisper converts audio to text.", "Whisper converts audio to text.", "en"),
        ("Siri converts audio.", "Whisper 转音字。", "zh"),  # a name that is not there is out already
    ],
)
def test_where_it_is_not_asked_for_nothing_is_read(sentence: str, text: str, lang: str) -> None:
    embedder, items = TokenDouble(), [passage(1, text, lang=lang)]
    found = verifier_of(embedder, items, 4.0).candidate(sentence, items)
    assert found is not None
    assert (found.values[AT], embedder.read) == (0.0, [])


def test_other_embedders_judge_without_it() -> None:
    items = [passage(1, "Whisper 转音字。")]
    found = verifier_of(CountingEmbedder(), items, 4.0).candidate("Whisper converts video text.", items)
    assert found is not None
    assert found.values[AT] == 0.0
