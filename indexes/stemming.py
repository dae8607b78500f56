"""A light English stemmer: plurals, -ed, -ing, -ment and a final e or y, so that 'databases' meets 'database'."""

import re
from functools import lru_cache

_PLAIN = re.compile(r"[a-z]{4,}")
_BASE = re.compile(r"(?=.{4}).*[aeiouy]|.[aeiouy][^aeiouy]$")
"""What may stay when a suffix goes: 'train' of training and 'mov' of moving, not 'emb' of embed or 'str' of string."""

_DOUBLED = re.compile(r"([bdfgmnprt])\1$")


def stem(word: str) -> str:
    """Words of four or more plain lower-case letters only: names with digits or punctuation stay as they are."""
    return _stem(word) if _PLAIN.fullmatch(word) else word


@lru_cache(maxsize=16384)  # words, which are few; numbers and addresses, of which there is no end, never come here
def _stem(word: str) -> str:
    return _final(_verb(_singular(word)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word


def _verb(word: str) -> str:
    for suffix in ("ing", "ed", "ment"):
        base = word[: -len(suffix)]
        if word.endswith(suffix) and _BASE.match(base) and not word.endswith("eed"):
            return _DOUBLED.sub(r"\1", base)
    return word


def _final(word: str) -> str:
    if len(word) > 3 and word.endswith("e"):
        return word[:-1]
    if len(word) > 3 and word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "i"
    return word
