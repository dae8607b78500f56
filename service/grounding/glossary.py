"""The bilingual glossary of the field: which concepts a text mentions, whichever language it is written in."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, TypeAlias

from service.grounding.words import HAN, bare, fold, stem

Concepts: TypeAlias = frozenset[str]
_BRACKET = re.compile(r"[()（）\[\]]")
EXCLUSIVE = "exclusive"
COMPANY = "exclusive.company"
GENERIC = "generic"
FIELD = "field"
RARE = "rare"
"""Of which texts of the field seldom speak, so that a sentence that does and its source that does not differ."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A surface found at [start, end) of a folded text, with the concepts it may mean."""

    start: int
    end: int
    surface: str
    concepts: Concepts


@dataclass(frozen=True, slots=True)
class Glossary:
    """Surfaces of both languages → concepts. A concept's name is its section, a colon, and its English surfaces."""

    chinese: Mapping[str, Concepts]
    english: Mapping[tuple[str, ...], Concepts]
    poles: Mapping[str, frozenset[tuple[int, int]]]
    aliases: Mapping[str, frozenset[str]]
    light: frozenset[str]
    longest_chinese: int
    longest_english: int
    misnomers: Mapping[str, str] = field(default_factory=dict)
    """English that small models make of a Chinese word, and what it is called."""

    def mentions(self, text: str, *, longest: bool = True) -> list[Mention]:
        """Concept mentions of a folded text in order; `longest` keeps no mention inside a longer one."""
        found = sorted([*self._chinese(text), *self._english(text)], key=lambda item: (item.start, -item.end))
        if not longest:
            return found
        kept: list[Mention] = []
        for mention in found:
            if not kept or mention.start >= kept[-1].end:
                kept.append(mention)
            elif mention.start == kept[-1].start and mention.end == kept[-1].end:
                kept[-1] = Mention(mention.start, mention.end, mention.surface, kept[-1].concepts | mention.concepts)
        return kept

    def _chinese(self, text: str) -> Iterator[Mention]:
        for start, char in enumerate(text):
            if not (HAN.match(char) or char.isascii()):
                continue
            for size in range(1, min(self.longest_chinese, len(text) - start) + 1):
                surface = text[start : start + size]
                if concepts := self.chinese.get(surface):
                    yield Mention(start, start + size, surface, concepts)

    def _english(self, text: str) -> Iterator[Mention]:
        words = list(english_words(text))
        roots = [stem(text[start:end]) for start, end in words]
        for first in range(len(words)):
            for size in range(1, self.longest_english + 1):
                if first + size > len(words) or (size > 1 and _parted(text, words[first + size - 2 : first + size])):
                    break
                if concepts := self.english.get(tuple(roots[first : first + size])):
                    start, end = words[first][0], words[first + size - 1][1]
                    yield Mention(start, end, text[start:end], concepts)

    def knows(self, word: str) -> bool:
        """Whether an English word is in the glossary, so that a capital does not make it a name."""
        concepts = self.english.get((stem(word.lower()),), frozenset())
        return any(not concept.startswith(COMPANY) for concept in concepts)

    def is_light(self, surface: str) -> bool:
        """Whether a sentence may use this surface without the source having it."""
        return (surface if HAN.search(surface) else " ".join(_roots(surface))) in self.light

    def same_names(self, name: str) -> frozenset[str]:
        return self.aliases.get(name, frozenset((name,)))


def _parted(text: str, words: Sequence[tuple[int, int]]) -> bool:
    """Whether a bracket stands between two words: `models (operations) engineers` names no operations engineers."""
    return bool(_BRACKET.search(text[words[0][1] : words[1][0]]))


def english_words(text: str) -> Iterator[tuple[int, int]]:
    """Spans of the English words of a folded text; a hyphen or a slash parts words."""
    start = None
    for index, char in enumerate(text + " "):
        inside = (char.isascii() and (char.isalnum() or char in "+#")) or (char == "." and index + 1 < len(text))
        if char == ".":
            inside = inside and start is not None and text[index + 1].isalnum() and text[index + 1].isascii()
        if inside and start is None:
            start = index
        elif not inside and start is not None:
            yield start, index
            start = None


@lru_cache(maxsize=4)
def load_glossary(path: str | None = None) -> Glossary:
    """The shipped glossary, or the one at `path`, in the same TOML form."""
    if path is None:
        text = files("service").joinpath("data", "glossary.toml").read_text("utf-8")
    else:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    return parse_glossary(tomllib.loads(text))


def parse_glossary(table: Mapping[str, Any]) -> Glossary:
    chinese: dict[str, set[str]] = {}
    english: dict[tuple[str, ...], set[str]] = {}
    for concept, surfaces in _concepts(table):
        for surface in surfaces:
            if HAN.search(surface):
                chinese.setdefault(fold(surface), set()).add(concept)
            else:
                roots = tuple(stem(fold(surface)[a:b]) for a, b in english_words(fold(surface)))
                english.setdefault(roots, set()).add(concept)
    return Glossary(
        {key: frozenset(value) for key, value in chinese.items()},
        {key: frozenset(value) for key, value in english.items()},
        _poles(table.get("axes", {})),
        _aliases(table.get("aliases", {})),
        _light(table.get("light", {})),
        max(map(len, chinese), default=0),
        max(map(len, english), default=0),
        dict(table.get("misnomers", {})),
    )


def _concepts(table: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for group, lines in table.get("exclusive", {}).items():
        yield from _lines(f"{EXCLUSIVE}.{group}", lines)
    for section in (GENERIC, FIELD, RARE):
        yield from _lines(section, table.get(section, {}))


def _lines(section: str, lines: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    for left, right in lines.items():
        yield f"{section}:{right}", [*left.split("|"), *right.split("|")]


def _poles(axes: Mapping[str, str]) -> dict[str, frozenset[tuple[int, int]]]:
    """Surface (Chinese folded, English as joined stems) → (axis, pole) it stands for; pole is 1 or -1."""
    poles: dict[str, set[tuple[int, int]]] = {}
    for axis, (left, right) in enumerate(axes.items()):
        for pole, side in ((1, left), (-1, right)):
            for surface in side.split("|"):
                key = fold(surface) if HAN.search(surface) else " ".join(_roots(surface))
                poles.setdefault(key, set()).add((axis, pole))
    return {key: frozenset(value) for key, value in poles.items()}


def _roots(surface: str) -> Iterable[str]:
    folded = fold(surface)
    return [stem(folded[a:b]) for a, b in english_words(folded)]


def _light(table: Mapping[str, str]) -> frozenset[str]:
    english = {" ".join(_roots(surface)) for surface in table.get("english", "").split("|") if surface}
    return frozenset(english | {fold(surface) for surface in table.get("chinese", "").split("|") if surface})


def _aliases(table: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    groups = [frozenset(map(bare, (name, *others))) for name, others in table.items()]
    return {name: group for group in groups for name in group}
