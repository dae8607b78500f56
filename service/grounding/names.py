"""Names in Latin letters: which tokens of a sentence are names, and whether a source holds them."""

import re
from collections.abc import Iterable
from itertools import pairwise

from service.grounding.glossary import Glossary
from service.grounding.words import COMMON, LATIN, STOP, bare, stem

_COMMON_ROOTS = frozenset(map(stem, COMMON))
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,}s$")
_ENDS_SENTENCE = re.compile(r"(?:^|[.!?:;。！？：；\n\"“(（*•-])\s*$")
_NUMBER_TOKEN = re.compile(r"\d+(?:st|nd|rd|th|k|m|b|bn|gb|mb|tb|kb|x|h)")
_UNIT_TOKENS = frozenset(("k", "m", "b", "bn", "kb", "mb", "gb", "tb", "pb", "ms", "usd", "rmb", "cny"))


def names(sentence: str, glossary: Glossary, vocabulary: Iterable[str] = (), *, chinese: bool) -> list[str]:
    """The names of a sentence as written. In Chinese every Latin word is one, save English words of the glossary.

    `vocabulary` holds bare Latin tokens of Chinese passages: a lower-case word that is one of them is a name too.
    """
    known = frozenset(vocabulary)
    shouting = sentence.upper() == sentence
    found: list[str] = []
    for match in LATIN.finditer(sentence):
        for token in _parts(match.group()):
            first = bool(_ENDS_SENTENCE.search(sentence[: match.start()]))
            if _is_name(token, glossary, known, chinese=chinese, first=first, shouting=shouting):
                found.append(token)
    return list(dict.fromkeys(found))


def latin_tokens(text: str) -> frozenset[str]:
    """Every Latin token of a text in bare form, its parts, and neighbours joined (`Lang Chain` is LangChain)."""
    tokens: set[str] = set()
    spans = [(match.start(), match.end(), match.group()) for match in LATIN.finditer(text)]
    for _, _, token in spans:
        tokens |= {bare(token), *(bare(part) for part in re.split(r"[.\-_&]", token))}
        if _PLURAL_ACRONYM.search(token):
            tokens.add(bare(token)[:-1])
    for (_, end, left), (start, _, right) in pairwise(spans):
        if start - end <= 1:
            tokens.add(bare(left) + bare(right))
    for match in re.finditer(r"([A-Za-z]+)[ -](\d+(?:\.\d+)?[A-Za-z]*)", text):
        tokens.add(bare(match.group(1) + match.group(2)))
    return frozenset(tokens - {""})


def holds(tokens: frozenset[str], name: str, glossary: Glossary, neighbours: Iterable[str] = ()) -> bool:
    """Whether a name, one of its aliases, or the name joined with a neighbour stands among bare tokens."""
    plain = bare(name)
    forms = {*glossary.same_names(plain)}
    if _PLURAL_ACRONYM.search(name):
        forms |= glossary.same_names(plain[:-1])
    if forms & tokens or any(near in tokens for near in neighbours):
        return True
    parts = [bare(part) for part in re.split(r"[.\-_&]", name) if part]
    return len(parts) > 1 and all(part in tokens or stem(part) in _COMMON_ROOTS for part in parts)


def _parts(token: str) -> list[str]:
    """`zero-shot` and `Docker-based` part at the dash; `GPT-4V` does not."""
    token = re.sub(r"['’](?:s|t|re|ve|ll|d)?$", "", token)
    pieces = token.split("-")
    if len(pieces) > 1 and all(len(piece) > 2 and not any(c.isdigit() for c in piece) for piece in pieces):
        return pieces
    return [token]


def _is_name(
    token: str, glossary: Glossary, known: frozenset[str], *, chinese: bool, first: bool, shouting: bool
) -> bool:
    lower = token.lower()
    if lower in STOP or lower in _UNIT_TOKENS or len(token) == 1:
        return False
    if not shouting and (any(c.isdigit() for c in token) or any(c.isupper() for c in token[1:])):
        return not _NUMBER_TOKEN.fullmatch(lower)
    if stem(lower) in _COMMON_ROOTS or glossary.knows(lower):
        return False
    if chinese or "+" in token or "#" in token or (token[0].isupper() and not first):
        return True
    return bare(token) in known or (token[0].isupper() and not _looks_english(lower))


def _looks_english(word: str) -> bool:
    """Whether the ending of a word outside the lists tells an English word rather than a name."""
    return word.endswith(
        (
            "ing",
            "ed",
            "ly",
            "tion",
            "sion",
            "ment",
            "ness",
            "able",
            "ible",
            "ive",
            "ous",
            "ful",
            "ical",
            "ists",
            "ers",
            "ors",
            "ance",
            "ence",
            "ity",
            "ies",
            "ship",
            "ward",
            "wise",
            "less",
            "ology",
        )
    )
