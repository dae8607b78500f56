"""What a question is and what it wants: its intent, the kind of answer that would satisfy it, its content words.

Rules alone, from `service/data/asking.toml`: no model, microseconds, and a person can read why.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from indexes.text import latin_names, normalise, tokens


class Intent(StrEnum):
    """Only `QUESTION` goes on to retrieval."""

    QUESTION = "question"
    SMALL_TALK = "small_talk"
    ATTACK = "attack"
    VAGUE = "vague"


class Wanted(StrEnum):
    """The kind of thing an answer must hold; ANY makes no demand."""

    ANY = "any"
    MONEY = "money"
    PERCENT = "percent"
    VERSION = "version"
    DURATION = "duration"
    DATE = "date"
    PERSON = "person"
    COUNT = "count"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was understood; `words` are its tokens, `names` those written in Latin letters."""

    text: str
    lang: str
    intent: Intent
    wanted: Wanted
    words: frozenset[str]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Patterns:
    """The compiled rules; `small_talk` is matched against one phrase at a time."""

    attack: re.Pattern[str]
    small_talk: re.Pattern[str]
    topicless: re.Pattern[str]
    several: re.Pattern[str]
    comparison: re.Pattern[str]
    across: re.Pattern[str]
    sequel: re.Pattern[str]
    polar: re.Pattern[str]
    asks: Mapping[Wanted, re.Pattern[str]]
    holds: Mapping[Wanted, re.Pattern[str]]
    denial: re.Pattern[str]
    places: tuple[re.Pattern[str], ...]


@cache
def patterns() -> Patterns:
    """The shipped rules, compiled once."""
    raw = tomllib.loads((files("service") / "data" / "asking.toml").read_text("utf-8"))
    kinds = {Wanted(entry["kind"]): entry for entry in raw["wanted"]}
    return Patterns(
        attack=_any_of(raw["intent"]["attack"]),
        small_talk=_any_of(raw["intent"]["small_talk"]),
        topicless=_any_of(raw["intent"]["topicless"]),
        several=_any_of(raw["intent"]["several"]),
        comparison=_any_of(raw["intent"]["comparison"]),
        across=_any_of(raw["intent"]["across"]),
        sequel=_any_of(raw["intent"]["sequel"]),
        polar=_any_of(raw["intent"]["polar"]),
        asks={kind: _any_of(entry["asks"]) for kind, entry in kinds.items()},
        holds={kind: _any_of(entry["holds"]) for kind, entry in kinds.items()},
        denial=_any_of(raw["draft"]["denial"]),
        places=tuple(_any_of([names]) for names in raw["places"]["names"]),
    )


def understand(text: str, lang: str) -> Asked:
    plain = normalise(text)
    return Asked(
        text=text,
        lang=lang,
        intent=intent_of(plain),
        wanted=wanted_of(plain),
        words=frozenset(tokens(patterns().topicless.sub(" ", plain))),
        names=latin_names(text),
    )


def intent_of(plain: str) -> Intent:
    """Of a normalised text: attack before small talk before vagueness, the first that holds."""
    if patterns().attack.search(plain):
        return Intent.ATTACK
    phrases = [phrase for phrase in re.split(r"[,.!?;，。！？；~、\s]*(?:[,.!?;，。！？；~、]|$)\s*", plain) if phrase]
    if phrases and all(patterns().small_talk.fullmatch(phrase) for phrase in phrases):
        return Intent.SMALL_TALK
    topic = re.sub(r"[\W_]+", "", patterns().topicless.sub(" ", plain))
    return Intent.QUESTION if len(topic) > 1 else Intent.VAGUE


def wanted_of(plain: str) -> Wanted:
    """Of a normalised question: the first kind whose words it uses."""
    return next((kind for kind, pattern in patterns().asks.items() if pattern.search(plain)), Wanted.ANY)


def holds(wanted: Wanted, text: str) -> bool:
    """Whether a text contains something of the wanted kind; anything satisfies ANY."""
    pattern = patterns().holds.get(wanted)
    return pattern is None or bool(pattern.search(unicodedata.normalize("NFKC", text)))


def wants_several(text: str) -> bool:
    """Whether a question asks for more than one thing."""
    return bool(patterns().several.search(normalise(text)))


def compares(text: str) -> bool:
    """Whether a question sets things side by side."""
    return bool(patterns().comparison.search(normalise(text)))


def looks_across(text: str) -> bool:
    """Whether a question asks what several documents say."""
    return bool(patterns().across.search(normalise(text)))


def asks_next(text: str) -> bool:
    """Whether a question asks for what follows something."""
    return bool(patterns().sequel.search(normalise(text)))


def asks_whether(text: str) -> bool:
    """Whether a question states something and asks if it is so."""
    return bool(patterns().polar.search(normalise(text)))


def absent_place(question: str, text: str) -> bool:
    """Whether a question is limited to a country or city that a text never mentions, in either language."""
    plain, read = normalise(question), normalise(text)
    return any(place.search(plain) and not place.search(read) for place in patterns().places)


def denies(text: str) -> bool:
    """Whether a drafted sentence says that the passages do not answer."""
    return bool(patterns().denial.search(normalise(text)))


def _any_of(alternatives: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{alternative})" for alternative in alternatives), re.IGNORECASE | re.DOTALL)
