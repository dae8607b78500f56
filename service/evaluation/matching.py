"""Whether a text holds a fact: case, width, script, spacing, plurals and the spelling of numbers do not count."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from indexes.text import normalise
from service.evaluation.dataset import Alternatives
from service.evaluation.numbers import fold_numbers
from service.evaluation.wording import LATIN, is_name, joined

_HAN = r"[\u3400-\u9fff]"
_SPACE_AT_HAN = re.compile(rf"(?<={_HAN})\s+|\s+(?={_HAN})")
_DASHES = re.compile(r"[\u2010-\u2015\u2212~〜]")
_HYPHEN = re.compile(r"(?<=[a-z])-(?=[a-z])")
_NUMBER_BEFORE = re.compile(r"\d\.?$")
_NUMBER_AFTER = re.compile(r"\d|\.\d|,\d{3}(?!\d)")
_MARKER = re.compile(r"\s?\[\d+\]")
_LETTER = re.compile(f"[{LATIN}]")
_LETTER_BEFORE = re.compile(rf"[{LATIN}]$|(?<![{LATIN}])(?:non|un) $")
_HAS_LETTER_OR_HAN = re.compile(rf"[{LATIN}]|{_HAN}")
_NOT_BEFORE_HAN = re.compile("非$")
_REST_OF_NAME = re.compile(rf"(?!(?:'?s|es)(?![{LATIN}]))[{LATIN}]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made comparable: `plain` as it stands, `counted` with every quantity in one spelling."""

    plain: str
    counted: str


@lru_cache(maxsize=16384)
def fold(text: str) -> Folded:
    plain = _DASHES.sub("-", normalise(text))
    plain = _HYPHEN.sub(" ", _SPACE_AT_HAN.sub("", plain))
    return Folded(plain, fold_numbers(plain))


def without_markers(text: str) -> str:
    """The text without its citation markers, which are digits too."""
    return _MARKER.sub("", text)


def occurs(needle: str, text: str, whole: bool = False) -> bool:
    """Whether needle stands in text, from the beginning of a word on and without cutting a number in two.

    5 is not in 15, 2 not in 2.5, structured not in unstructured or 非结构化; a word may go on (`accelerat`), unless
    `whole`.
    """
    at = text.find(needle)
    while at >= 0:
        if not _cuts_number(needle, text, at) and not _cuts_word(needle, text, at, whole):
            return True
        at = text.find(needle, at + 1)
    return False


def _cuts_word(needle: str, text: str, at: int, whole: bool) -> bool:
    before, after = text[max(0, at - 5) : at], text[at + len(needle) : at + len(needle) + 3]
    begun = _LETTER_BEFORE if _LETTER.match(needle) else _NOT_BEFORE_HAN
    return bool(begun.search(before)) or (whole and bool(_LETTER.match(needle[-1]) and _REST_OF_NAME.match(after)))


def _cuts_number(needle: str, text: str, at: int) -> bool:
    end = at + len(needle)
    before, after = text[max(0, at - 2) : at], text[end : end + 5]
    if needle[0].isdecimal() and (_NUMBER_BEFORE.search(before) or _thousands(before, needle)):
        return True
    return needle[-1].isdecimal() and bool(_NUMBER_AFTER.match(after))


def _thousands(before: str, needle: str) -> bool:
    """234 in 1,234; but 2025 in 2024,2025 is a number of its own."""
    return bool(re.search(r"\d,$", before) and re.match(r"\d{3}(?!\d)", needle))


def holds_any(text: Folded, alternatives: Alternatives) -> bool:
    """Whether one of the alternatives stands in the text; one with a capital is a name and must stand whole."""
    return any(_holds(text, fold(alternative), is_name(alternative)) for alternative in alternatives)


def _holds(text: Folded, needle: Folded, name: bool) -> bool:
    if not needle.plain:
        return False
    if occurs(needle.plain, text.plain, name) or occurs(needle.counted, text.counted, name):
        return True
    return bool(_HAS_LETTER_OR_HAN.search(needle.plain)) and _joined_holds(text.plain, needle.plain, name)


def _joined_holds(text: str, needle: str, name: bool) -> bool:
    return joined(text, name).holds(joined(needle, name).text, name)


def share_held(text: Folded, groups: Sequence[Alternatives]) -> float:
    """Share of the groups of which the text holds an alternative, in [0, 1]; the groups must not be empty."""
    return sum(holds_any(text, group) for group in groups) / len(groups)


def is_relevant(text: Folded, evidence: Iterable[Alternatives]) -> bool:
    return all(holds_any(text, group) for group in evidence)
