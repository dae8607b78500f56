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
_ADDRESS = re.compile(r"[a-z0-9-]{2,}(?:\.[a-z0-9-]{2,})+")
"""`heron.example`: what has a dot inside is a host, a module or a file."""
_HEADING = re.compile(
    r"(?:[A-Z][\w'’-]*|and|or|of|for|the|in|with|to|&|/)(?: (?:[A-Z][\w'’-]*|and|or|of|for|the|in|with|to|&|/))*[:：]"
)
_CAPITAL_RUN = re.compile(r"\b[A-Z][\w-]*(?: (?:(?:of|the|for|in|on|with|to|a|an) )*[A-Z][\w-]*){2,}")
_UNIT_TOKENS = frozenset(("k", "m", "b", "bn", "kb", "mb", "gb", "tb", "pb", "ms", "usd", "rmb", "cny"))
_SIZES = frozenset(("KB", "MB", "GB", "TB", "PB"))
_NUMBER_BEFORE = re.compile(r"\d\s*$")


def names(sentence: str, glossary: Glossary, vocabulary: Iterable[str] = (), *, chinese: bool) -> list[str]:
    """The names of a sentence as written. In Chinese every Latin word is one, save English words of the glossary.

    `vocabulary` holds bare Latin tokens of Chinese passages: a lower-case word that is one of them is a name too.
    """
    known = frozenset(vocabulary)
    shouting = sentence.upper() == sentence
    found: list[str] = []
    spans = [(match.start(), match.end(), match.group()) for match in LATIN.finditer(sentence)]
    titled = _in_titles(sentence, spans, glossary, known)
    heading = _heading_end(sentence)
    for at, (start, _, whole) in enumerate(spans):
        first = start < heading or bool(_ENDS_SENTENCE.search(sentence[:start]))
        for token in _parts(whole):
            named = (at in titled and token.lower() not in STOP) or _is_size(token, sentence[:start])
            if named or _is_name(token, glossary, known, chinese=chinese, first=first, shouting=shouting):
                found.append(token)
    return list(dict.fromkeys(found))


def _is_size(token: str, before: str) -> bool:
    """Without a number before it a unit says how much by itself: TB-scale data."""
    return token in _SIZES and not _NUMBER_BEFORE.search(before)


def capital_runs(sentence: str) -> list[str]:
    """Three or more words side by side that begin with capitals, as titles do: Designing Machine Learning Systems."""
    return [match.group() for match in _CAPITAL_RUN.finditer(sentence)]


def _in_titles(sentence: str, spans: list[tuple[int, int, str]], glossary: Glossary, known: frozenset[str]) -> set[int]:
    """Places of the words of names like Stable Diffusion: capitals side by side, one of them no common word.

    Before a colon (`Fault Exclusion: …`) capitals make a heading; there a name is what does not look English either.
    """
    heading = _heading_end(sentence)
    titled: set[int] = set()
    run: list[int] = []
    for at, (start, _, token) in enumerate(spans):
        joins = run and sentence[spans[run[-1]][1] : start] == " "
        if not token[0].isupper() or not joins:
            run = []
        opens = _ENDS_SENTENCE.search(sentence[:start]) and _common(token, glossary)
        if token[0].isupper() and not opens:
            run.append(at)
        strange = [spans[place][2] for place in run if not _common(spans[place][2], glossary)]
        if start < heading:
            strange = [word for word in strange if bare(word) in known or not _looks_english(word.lower())]
        if len(run) > 1 and strange:
            titled.update(run)
    return titled if 2 * len(titled) <= len(spans) or len(spans) < 6 else set()


def _heading_end(sentence: str) -> int:
    """Where the capitals end that open a sentence and stand before a colon; 0 where there are none."""
    head = _HEADING.match(sentence)
    return head.end() if head else 0


def _common(token: str, glossary: Glossary) -> bool:
    lower = token.lower()
    return lower in STOP or stem(lower) in _COMMON_ROOTS or glossary.knows(lower)


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
    """`zero-shot` and `Docker-based` part at the dash; `GPT-4V` and `all-mpnet-base-v2` do not."""
    token = re.sub(r"['’](?:s|t|re|ve|ll|d)?$", "", token)
    pieces = token.split("-")
    if len(pieces) > 2 and any(char.isdigit() for piece in pieces[1:] for char in piece):
        return [token]
    if len(pieces) > 1 and any(len(piece) > 2 and piece.isalpha() and piece.islower() for piece in pieces):
        return pieces
    return [token]


def _is_name(
    token: str, glossary: Glossary, known: frozenset[str], *, chinese: bool, first: bool, shouting: bool
) -> bool:
    lower = token.lower()
    if (token == "Go" and not first) or _ADDRESS.fullmatch(lower):
        return True  # Go is the language here, and not the verb
    if lower in STOP or lower in _UNIT_TOKENS or len(token) == 1:
        return False
    if not shouting and (any(c.isdigit() for c in token) or any(c.isupper() for c in token[1:])):
        return not _NUMBER_TOKEN.fullmatch(lower)
    if _common(token, glossary):
        return chinese and token[0].isupper() and glossary.knows(lower)
    if chinese or "+" in token or "#" in token or (token[0].isupper() and not first):
        return True
    return bare(token) in known or (token[0].isupper() and not _looks_english(lower))


def _looks_english(word: str) -> bool:
    """Whether the ending of a word outside the lists tells an English word rather than a name."""
    return len(word) > 5 and word.endswith(
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
            "atic",
            "istic",
            "onal",
            "sis",
            "ency",
        )
    )
