"""A sentence in parts, so that what is supported of it need not fall with what is not; pure text, both languages."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from indexes.text import ENGLISH_FUNCTION, normalise, tokens
from service.grounding.words import HAN

MAX_PARTS = 5
SENTENCE_ENDS = (".", "!", ";", ":", "。", "！", "；", "：")
_CLAUSE = re.compile(
    r"[;；]\s*|，(?!\s*$)|,\s+(?=(?:while|whereas|and|but|which|with|including|as well as)\b)|\s+(?=while\b|whereas\b)",
    re.IGNORECASE,
)
_FREE = re.compile(r"^(?:while|whereas|and|but|而|并且|并|但是|但|同时)[\s，,]*", re.IGNORECASE)
_DEPENDENT = re.compile(r"^(?:which|with|including|as well as|and\s+\w+ing|以及|其中|包括)", re.IGNORECASE)
_ITEM = re.compile(r"、|,\s+(?:and\s+|or\s+)?|\s+and\s+|和|以及")
_APART = re.compile(r",\s+$|、")
"""What a single mark between two items must be for one to stand without the other: `GDPR, the EU regulation`."""
_BRACKETS = re.compile(r"\s*(?:\([^()]*\)|（[^（）]*）)")
_VERB = re.compile(r"\s(?:is|are|include|includes|by using|using|by)\s|[:：]|是|有|包括|包含|为")
_BY_WHOM = (
    re.compile(r",\s+(?:which|that) (?:is|was|were) (?:\w+ed|made|built|written) (?:by|at|from) [^,.;:]+,"),
    re.compile(
        r",?\s+(?:(?:which|that) (?:is|was|were) )?(?:\w+ed|made|built|written) (?:by|at|from) [^,.;:]+?(?=[,.;:]|$)"
    ),
    re.compile(r"由[^，。；：]{1,20}?(?:开发|推出|提出|发布|创建|提供|研发)的?"),
)
MAX_ITEM_CHARS = 32
FEWEST_WORDS, FEWEST_HAN = 4, 6
"""What the end of a sentence must have to stand without its beginning: English words, or Chinese characters."""
_ENDS = "。.！!？?；;"


@dataclass(frozen=True, slots=True)
class Part:
    """A clause with the mark before it; `depends` when it cannot stand without the clause before it."""

    text: str
    joint: str
    depends: bool


def clauses(sentence: str) -> tuple[Part, ...]:
    """The clauses in order; empty where there is one, or too many for each to be checked."""
    marks = [match for match in _CLAUSE.finditer(sentence) if match.start() > 0 and match.end() < len(sentence)]
    edges = [(0, 0), *((mark.start(), mark.end()) for mark in marks), (len(sentence), len(sentence))]
    parts = tuple(
        Part(sentence[before[1] : after[0]], sentence[before[0] : before[1]], _depends(sentence[before[1] : after[0]]))
        for before, after in pairwise(edges)
    )
    return parts if 1 < len(parts) <= MAX_PARTS else ()


def standing_alone(part: Part) -> str:
    """A clause as it is checked: without the word that joined it."""
    return _FREE.sub("", part.text.strip()).rstrip(_ENDS + ",，")


def rejoined(parts: Sequence[Part], kept: Sequence[int], end: str) -> str:
    """The sentence with only the parts that are kept; a part whose predecessor is gone loses its joining word."""
    text = ""
    for index in kept:
        part = parts[index]
        if not text:
            opening = part.text.strip() if index == 0 else _opened(standing_alone(part))
            text = opening.rstrip(_ENDS + ",，")
        else:
            follows = index - 1 in kept
            text += part.joint + part.text.rstrip(_ENDS) if follows else part.joint + standing_alone(part)
    return text + end


def end_of(sentence: str) -> str:
    """The full stop of a sentence, if it has one."""
    return sentence[-1] if sentence and sentence[-1] in _ENDS else ""


def is_fragment(text: str) -> bool:
    """Whether the rest of a sentence is too short to say anything without its beginning: `Production environments.`"""
    return len(text.split()) < FEWEST_WORDS and len(HAN.findall(text)) < FEWEST_HAN


def items(sentence: str) -> list[str]:
    """The names of a bare list, `A、B和C`; empty where a sentence is more than that."""
    parts = [part.strip(" " + _ENDS) for part in _ITEM.split(sentence)]
    bare = all(0 < len(part) <= MAX_ITEM_CHARS for part in parts)
    return parts if bare and len(parts) > 1 else []


def beyond(sentence: str, asked: Collection[str]) -> str | None:
    """What follows the verb of a sentence whose subject is made of the question's words; None where it is not."""
    for verb in _VERB.finditer(sentence):
        subject = [token for token in tokens(sentence[: verb.start()]) if token not in ENGLISH_FUNCTION]
        if subject and all(token in asked for token in subject):
            said = sentence[verb.end() :].strip(" " + _ENDS)
            if len(said) > 1:
                return said
    return None


def without_echo(sentence: str, question: str) -> str:
    """The sentence without the question that it repeats before a colon, as small models begin answers."""
    head, colon, rest = sentence.partition(next((mark for mark in sentence if mark in ":："), "") or "\0")
    same = _letters(head) == _letters(question)
    return rest.strip() if colon and same and rest.strip() else sentence


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", normalise(text))


def without_phrase(sentence: str, stray: str) -> str | None:
    """The sentence without the one phrase that says by or from whom, where that holds `stray`: developed by OpenAI."""
    for pattern in _BY_WHOM:
        for phrase in pattern.finditer(sentence):
            if stray.casefold() in phrase.group().casefold():
                return sentence[: phrase.start()] + sentence[phrase.end() :]
    return None


def without_item(sentence: str, stray: str) -> str | None:
    """The sentence without the bracket, or the one item of its list, that holds `stray`; None where there is none."""
    for bracket in _BRACKETS.finditer(sentence):
        if stray.casefold() in bracket.group().casefold():
            return sentence[: bracket.start()] + sentence[bracket.end() :]
    marks = list(_ITEM.finditer(sentence))
    at = sentence.casefold().find(stray.casefold())
    if at < 0 or not marks or (len(marks) < 2 and not _APART.match(marks[0].group())):
        return None
    before = [mark for mark in marks if mark.end() <= at]
    after = [mark for mark in marks if mark.start() >= at + len(stray)]
    if not before:
        return None  # the first item stands together with what the list is about
    if after:
        return sentence[: before[-1].start()] + sentence[after[0].start() :]
    shorter = sentence[: before[-1].start()] + end_of(sentence)
    return _with_last_joint(shorter, before[:-1], before[-1].group())


def without_items(sentence: str, strays: Sequence[str]) -> str | None:
    """The sentence without several items of its list; None where one of them cannot be taken out."""
    left: str | None = sentence
    for stray in strays:
        left = without_item(left, stray) if left is not None else None
    return left


def _with_last_joint(sentence: str, marks: Sequence[re.Match[str]], joint: str) -> str:
    """`A, B` as `A and B`, where the list ended in `and`."""
    if not marks or "and" not in joint or "and" in marks[-1].group():
        return sentence
    last = marks[-1]
    return sentence[: last.start()] + " and " + sentence[last.end() :]


def _depends(text: str) -> bool:
    return bool(_DEPENDENT.match(text.strip()))


def _opened(text: str) -> str:
    return text[:1].upper() + text[1:]
