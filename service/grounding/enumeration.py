"""Names that a text lists side by side, and whether a claim puts another name into such a list."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from service.grounding.glossary import Glossary
from service.grounding.names import latin_tokens, names
from service.grounding.words import bare

Run: TypeAlias = frozenset[str]
"""Bare names of one enumeration."""

_SENTENCE = re.compile(r"[；;。！？!?：:\n|]|\. ")
_BRACKETS = re.compile(r"[（(]([^（()）]*)[)）]")
_WORDS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.+#&'_-]*[A-Za-z0-9+#])?|[\u3400-\u9fff]+")
_MARKS = re.compile(r"[、，,/+]|和|与|及|或|\b(?:and|or)\b")


@dataclass(frozen=True, slots=True)
class _Item:
    """What stands between two marks: the names it begins and ends with, and whether it is nothing but names."""

    leading: frozenset[str]
    trailing: frozenset[str]
    whole: bool


def runs_of(text: str, glossary: Glossary, *, chinese: bool) -> tuple[Run, ...]:
    """Every enumeration of names; what stands in brackets is a list apart, and a name alone a list of one."""
    inside = _BRACKETS.findall(text)
    found = [
        run
        for piece in (_BRACKETS.sub(" ", text), *inside)
        for sentence in _SENTENCE.split(piece)
        for run in _runs([_item(item, glossary, chinese) for item in _MARKS.split(sentence)])
    ]
    return tuple(dict.fromkeys(found))


def _runs(items: Sequence[_Item]) -> list[Run]:
    runs, current = [], items[0].trailing
    for item in items[1:]:
        if item.leading and current:
            current |= item.leading
        if not (item.leading and item.whole):
            runs.append(current)
            current = item.trailing
    return [run for run in (*runs, current) if run]


def _item(text: str, glossary: Glossary, chinese: bool) -> _Item:
    """The names at either end of an item, before any other word."""
    found = {name.lower() for name in names(text, glossary, chinese=chinese)}
    words = _WORDS.findall(text)
    flags = [word.lower() in found or any(part in found for part in word.lower().split("-")) for word in words]
    if not any(flags):
        return _Item(frozenset(), frozenset(), whole=False)
    plain = [bare(word) for word in words]
    first = flags.index(False) if not all(flags) else len(flags)
    last = len(flags) - flags[::-1].index(False) if not all(flags) else 0
    return _Item(frozenset(plain[:first]), frozenset(plain[last:]), whole=all(flags))


def listed_apart(claim: Sequence[Run], source: Sequence[Run], text: str) -> int:
    """Names of the claim's lists that the source has, but outside the list of which the claim leaves something out."""
    there = latin_tokens(text)
    return sum(_apart(run, source, there) for run in claim if len(run) > 1)


def _apart(run: Run, source: Sequence[Run], there: frozenset[str]) -> int:
    known = run & there
    best = max(source, key=lambda other: (len(known & other), -len(other)), default=frozenset())
    outside = known - best
    return len(outside) if known & best and outside and best - run else 0
