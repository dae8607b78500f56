"""One definition of words, folding and language for all: normalise, fold with offsets, tokens, language of a text.

Sentence splitting is in `indexes.sentences` and re-exported here.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from indexes.sentences import split_sentences
from indexes.stemming import stem

__all__ = ["Folded", "detect_lang", "fold", "latin_names", "normalise", "simplify", "split_sentences", "tokens"]

Language = Literal["zh", "en"]

HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
UNSPACED = HAN + "\u3040-\u30ff\u31f0-\u31ff\uac00-\ud7a3\u0e00-\u0e7f"
"""Scripts written without spaces between words (and Hangul, whose particles cling): indexed by bigrams."""

_WORD = re.compile(
    rf"(?P<unspaced>[{UNSPACED}]+)"
    r"|(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?(?![0-9]))"
    rf"|(?P<word>[^\W_{UNSPACED}]+(?:[.\-_'’+#][^\W_{UNSPACED}]+)*(?:\+\+|\#)?)"
)
_INNER = re.compile(r"[.\-_'’+#]")
_HAN_CHAR = re.compile(f"[{HAN}]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+(?:['’][A-Za-z]+)?")
_ENGLISH_WORDS = """
a about after all am an and any are as at be been before between but by can could describe did do does every explain
for from give had has have how i if in into is it its list long many may me mean means more most much must my name no
not of on one or our say says should so some tell than that the their them then there these they this to too use used
want was we were what what's when where which who whose why will with without would you your
"""
ENGLISH_FUNCTION = frozenset(_ENGLISH_WORDS.split())
_CHINESE_FUNCTION = re.compile(
    "[的是什么麼怎如何吗嗎呢有哪和与與了在为為我你他们們这這那要能会會可以需应應该該请請给給多少几幾谁誰从從到对對]"
)


@dataclass(frozen=True, slots=True)
class Folded:
    """A normalised text that knows where each of its characters came from.

    Character i of `text` came from `original[offsets[i]:ends[i]]`; both run upwards, `len(text)` entries each.
    """

    text: str
    offsets: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The smallest span of the original that folds to `text[start:end]`; an empty span stays empty.

        Raises:
            ValueError: the span does not lie within `text`.
        """
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"span {start}:{end} is outside a folded text of {len(self.text)} characters")
        if start == end:
            at = self.offsets[start] if start < len(self.text) else (self.ends[-1] if self.ends else 0)
            return at, at
        return self.offsets[start], self.ends[end - 1]

    def index(self, original: int) -> int:
        """The index in `text` of the character that holds or follows the original offset."""
        return bisect_right(self.ends, original)


def normalise(text: str) -> str:
    """NFKC, simplified characters, case folded, invisible characters dropped, white space folded and stripped."""
    if text.isascii():
        return " ".join(text.lower().split())
    if any(map(_extends, text)):
        return fold(text).text
    return " ".join("".join(map(_fold_cluster, text)).split())  # every character is a cluster: ten times as fast


def fold(text: str) -> Folded:
    """`normalise` with offsets: converted cluster by cluster, so that no length change can shift what follows."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        for char in _fold_cluster(text[start:end]):
            if char == " " and (not chars or chars[-1] == " "):
                continue
            chars.append(char)
            starts.append(start)
            ends.append(end)
    if chars and chars[-1] == " ":
        chars.pop(), starts.pop(), ends.pop()
    return Folded("".join(chars), tuple(starts), tuple(ends))


def simplify(text: str) -> str:
    """Traditional to simplified by phrases, Taiwanese terms included (軟體 → 软件): for queries, not for offsets."""
    if not _HAN_CHAR.search(text):
        return text
    return str(_phrase_converter().convert(without_surrogates(text)))


def mainland(text: str) -> str:
    """`simplify` for text that has traditional characters; other text stays, for 文件 is another thing there."""
    return simplify(text) if any(_simplify_char(char) != char for char in text) else text


def without_surrogates(text: str) -> str:
    """Lone surrogates, which native libraries cannot take, become '?'."""
    return text.encode("utf-8", "replace").decode()


TOKENS_VERSION = 1
"""Changes whenever `tokens` gives other words for a text: those kept by an older index are then not taken over."""


def tokens(text: str) -> list[str]:
    """Words for BM25, normalised: Latin words stemmed and kept whole *and* split at inner punctuation; Han bigrams."""
    found: list[str] = []
    for match in _WORD.finditer(normalise(text)):
        word = match.group()
        if match.lastgroup == "unspaced":
            found += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
        elif match.lastgroup == "number":
            found.append(word.replace(",", ""))
        else:
            found += _latin_tokens(word) if word.isalpha() else _split(word)
    return found


def latin_names(text: str) -> frozenset[str]:
    """Latin-letter names and versions in a text of any language, normalised: TorchServe, gpt-4v, c++, int8.

    In Chinese every Latin word is a name unless it is an English function word; in English a word is one when its
    letters say so: a capital inside a word or a sentence, a digit among letters, inner punctuation.
    """
    chinese = detect_lang(text) == "zh"
    flat = unicodedata.normalize("NFKC", text)
    return frozenset(
        normalise(match.group())
        for match in _WORD.finditer(flat)
        if match.lastgroup == "word" and _is_name(match.group(), chinese, _begins_sentence(flat, match.start()))
    )


def detect_lang(text: str) -> Language:
    """Chinese or English, by the share of Han among letters; names in the other script do not decide.

    'LLMOps 是做什么的?' is Chinese, 'What does 向量数据库 mean?' English: where neither script has half of the letters,
    the function words of each language are counted.
    """
    han = len(_HAN_CHAR.findall(text))
    if not han:
        return "en"
    words = _LATIN_WORD.findall(text)
    if han >= sum(map(len, words)):
        return "zh"
    english = sum(word.lower() in ENGLISH_FUNCTION and not word.isupper() for word in words)
    return "en" if english > len(_CHINESE_FUNCTION.findall(text)) else "zh"


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    """Spans of a base character with the marks that may compose with it: what NFKC never looks beyond."""
    start = 0
    for index in range(1, len(text)):
        if not _extends(text[index]):
            yield start, index
            start = index
    if text:
        yield start, len(text)


@lru_cache(maxsize=65536)
def _extends(char: str) -> bool:
    if char < "\u0300":
        return char == "\u00ad"
    first = unicodedata.normalize("NFKD", char)[0]
    hangul_tail = "\u1160" <= first <= "\u11ff"
    return hangul_tail or unicodedata.category(first) in {"Mn", "Mc", "Me", "Cf"}


@lru_cache(maxsize=65536)
def _fold_cluster(cluster: str) -> str:
    folded = cluster
    for _ in range(4):  # a fixed point: case folding may undo composition, and a few characters simplify in two steps
        previous = folded
        folded = unicodedata.normalize("NFKC", folded)
        if not folded.isascii():
            folded = "".join(char for char in folded if unicodedata.category(char) != "Cf")
            folded = "".join(_simplify_char(char) for char in folded)
        folded = unicodedata.normalize("NFKC", folded.casefold())
        if folded == previous:
            break
    return "".join(" " if char.isspace() else char for char in folded)


@lru_cache(maxsize=65536)
def _simplify_char(char: str) -> str:
    """One character at a time: a quotation must fold as it does within its document."""
    return str(_char_converter().convert(char)) if _HAN_CHAR.match(char) else char


@cache
def _char_converter() -> "_Converter":
    from opencc import OpenCC

    return OpenCC("t2s")  # type: ignore[no-any-return]


@cache
def _phrase_converter() -> "_Converter":
    from opencc import OpenCC

    return OpenCC("tw2sp")  # type: ignore[no-any-return]


class _Converter:
    """What is used of `opencc.OpenCC`, which has no types."""

    def convert(self, text: str) -> str:
        raise NotImplementedError


@lru_cache(maxsize=16384)
def _latin_tokens(word: str) -> tuple[str, ...]:
    return _split(word)


def _split(word: str) -> tuple[str, ...]:
    word = _without_accents(word)
    whole = stem(word)
    parts = [part for part in _INNER.split(word) if part]
    if len(parts) < 2:
        return (whole,)
    return (whole, *(stem(part) for part in parts if len(part) > 1 or part.isdigit()))


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    decomposed = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


def _is_name(word: str, chinese: bool, begins_sentence: bool) -> bool:
    if not any(char.isalpha() for char in word):
        return False
    if word.lower() in ENGLISH_FUNCTION and not (len(word) > 1 and word.isupper()):
        return False
    if chinese:
        return True
    inner = word[1:]
    if any(c.isupper() for c in inner) or any(c.isdigit() for c in word) or word.endswith(("+", "#")):
        return True
    return (word[0].isupper() and not begins_sentence) or any(c in "._+#" for c in inner)


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t\"'“‘([*_#->")
    return not before or before[-1] in ".!?:;。！？：；\n"
