"""What a draft sentence claims, and what of it was not already in the question."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from indexes.text import detect_lang
from service.grounding.analysis import (
    Clause,
    concepts_of,
    content_words,
    is_exclusive,
    is_generic,
    is_rare,
    read_clauses,
)
from service.grounding.binding import Group, groups_of
from service.grounding.enumeration import Run, runs_of
from service.grounding.glossary import EXCLUSIVE, Concepts, Glossary, Mention
from service.grounding.names import holds, latin_tokens, names
from service.grounding.quantities import Quantity, quantities, stands_in
from service.grounding.relations import Relations, relations
from service.grounding.sequence import Ordering, sequence
from service.grounding.words import COMMON, STOP, english_content, fold, stem

_FILLER = frozenset(
    "的了和与及或是在有把被对为以于也就都而并之其此这那哪个种些要可能会该由从到等用让使做基很好更最比较以下上述如总体来说您你我他们们一二三四五六七八九十第通过根据"
)
_TITLE = re.compile(
    r"《([^》]{2,})》"
    r"|[\"“]((?:[A-Z][\w'-]+:?)(?: [A-Z][\w'-]+:?| (?:of|to|is|the|for|and|in|on|at|from|an?|with|by))+)[\"”]"
)
_BOUND = re.compile(r"\bat (?:least|most)\b|\bno (?:more|less|fewer) than\b|至少|至多|最多|最少|不少于|不超过")
"""A bound says something of its own, where the number beside it is too small to count: at least one."""
_SPEAKS_BACK = re.compile(r"(?:it|its|they|their|this|these)\b|它|该|此(?!外)|其(?![他它中余实次])|这", re.IGNORECASE)
_COMMON_ROOTS = frozenset(stem(word) for word in COMMON | STOP)


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence read. `asked` are names the question carries: free to repeat, worth nothing as support."""

    text: str
    folded: str
    lang: str
    names: tuple[str, ...]
    asked: frozenset[str]
    quantities: tuple[Quantity, ...]
    mentions: tuple[Mention, ...]
    exclusive: tuple[Mention, ...]
    generic: tuple[Mention, ...]
    words: frozenset[str]
    unknown: frozenset[str]
    relations: Relations
    groups: tuple[Group, ...]
    runs: tuple[Run, ...]
    titles: tuple[str, ...]
    order: Ordering
    says_nothing: bool
    denials: tuple[Clause, ...] = ()
    """Its clauses that say no."""
    given: frozenset[str] = frozenset()
    """Stems that the sentence may repeat; see `without_given`."""
    given_roles: Concepts = frozenset()
    """Roles, stages and the like that a passage may leave unsaid, as long as it does not speak of another."""
    asked_titles: tuple[str, ...] = ()
    """Titles that the question names, of which the sentence speaks unless it names one itself."""
    subject: frozenset[str] = frozenset()
    """Bare Latin words of the line before that a pronoun at its beginning speaks of, if names are among them."""


@dataclass(frozen=True, slots=True)
class _Reading:
    folded: str
    lang: str
    found: list[str]
    amounts: list[Quantity]
    mentions: list[Mention]


def read_claim(
    sentence: str, glossary: Glossary, *, question: str = "", lead_in: str = "", vocabulary: Iterable[str] = ()
) -> Claim:
    """Reads a sentence; a list item takes roles and stages from the line that led in to it."""
    folded = fold(sentence)
    lang = detect_lang(sentence)
    found = names(sentence, glossary, vocabulary, chinese=lang == "zh")
    mentions = glossary.mentions(folded)
    led = [m for m in glossary.mentions(fold(lead_in)) if is_exclusive(m)] if lead_in else []
    amounts = quantities(folded)
    asked = latin_tokens(question) if question else frozenset()
    called = {name.lower() for name in found}
    covered = [m for m in mentions if not is_generic(m) and not (is_rare(m) and m.surface in called)]
    exclusive = [m for m in (*led, *mentions) if is_exclusive(m)]
    clauses = read_clauses(sentence, glossary)
    return Claim(
        text=sentence,
        folded=folded,
        lang=lang,
        names=tuple(found),
        asked=frozenset(name for name in found if asked and holds(asked, name, glossary)),
        quantities=tuple(amounts),
        mentions=tuple(covered),
        exclusive=tuple(exclusive),
        generic=tuple(m for m in mentions if is_generic(m)),
        words=content_words(folded),
        unknown=_unknown(folded, mentions, found, lang),
        relations=relations(folded, glossary),
        groups=groups_of(clauses),
        runs=runs_of(sentence, glossary, chinese=lang == "zh"),
        titles=tuple(titles_of(sentence)),
        asked_titles=tuple(titles_of(question)),
        order=sequence(folded, glossary),
        says_nothing=_says_nothing(_Reading(folded, lang, found, amounts, mentions), question, glossary),
        denials=tuple(clause for clause in clauses if clause.relations.negations),
        subject=latin_tokens(lead_in) if speaks_back(sentence) and names_any(lead_in, glossary) else frozenset(),
    )


def speaks_back(sentence: str) -> bool:
    """Whether a sentence begins with a pronoun, so that the one before tells what it is about."""
    return bool(_SPEAKS_BACK.match(sentence))


def names_any(text: str, glossary: Glossary) -> bool:
    """Whether a text has a Latin name."""
    return bool(names(text, glossary, chinese=detect_lang(text) == "zh"))


def without_given(claim: Claim, question: str, glossary: Glossary) -> Claim:
    """A claim in which the question's own words are free to repeat, as its names are: they need no support.

    Roles, stages and the like may go unsaid, but another one may not be said: what is true of one is not of another.
    """
    asked = fold(question)
    concepts = concepts_of(glossary.mentions(asked, longest=False))
    roles = frozenset(concept for concept in concepts if concept.startswith(EXCLUSIVE))
    known = concepts - roles
    stems = frozenset(english_content(asked))
    return replace(
        claim,
        mentions=tuple(m for m in claim.mentions if is_exclusive(m) or not m.concepts & known),
        unknown=claim.unknown - stems,
        given=stems,
        given_roles=roles,
    )


def without_said(claim: Claim, lacking: Iterable[Mention], said: Iterable[str]) -> Claim:
    """A claim without the words that no list finds in a span, where the vectors of its tokens do: `said`."""
    stems = frozenset(map(stem, said))
    found = [m for m in lacking if not is_exclusive(m) and (own := _stems_of(m)) and own <= stems]
    return replace(claim, mentions=tuple(m for m in claim.mentions if m not in found), unknown=claim.unknown - stems)


def _stems_of(mention: Mention) -> frozenset[str]:
    return frozenset(stem(word) for word in mention.surface.split() if word not in STOP)


def titles_of(sentence: str) -> list[str]:
    """Folded titles of books and papers: in Chinese brackets, or several capital words in quotes."""
    return [fold(next(filter(None, groups))) for groups in _TITLE.findall(sentence)]


def adds_to(sentence: str, known: str, glossary: Glossary, *, beside_roles: bool = False) -> bool:
    """Whether a sentence tells what a text does not name: a name, a number, a word that is no common one; of its roles,
    stages and the like only where `beside_roles` is not asked for."""
    claim, said = read_claim(sentence, glossary, question=known), fold(known)
    concepts, amounts = concepts_of(glossary.mentions(said, longest=False)), quantities(said)
    roles = [m for m in claim.mentions if beside_roles and any(c.startswith(EXCLUSIVE) for c in m.concepts)]
    told = [m for m in claim.mentions if m not in roles]
    called = {m.surface for m in roles}
    return (
        any(name not in claim.asked and name.lower() not in called for name in claim.names)
        or any(not stands_in(amount, amounts) for amount in claim.quantities)
        or any(not m.concepts & concepts and not glossary.is_light(m.surface) for m in told)
        or bool(claim.unknown - content_words(said))
    )


def _says_nothing(read: _Reading, question: str, glossary: Glossary) -> bool:
    """Whether nothing but generic words, and what the question named already, is left of a sentence."""
    asked = fold(question)
    known: Concepts = concepts_of(glossary.mentions(asked, longest=False)) if asked else frozenset()
    tokens = latin_tokens(question)
    if any(not holds(tokens, name, glossary) for name in read.found):
        return False
    if _BOUND.search(read.folded) and not _BOUND.search(asked):
        return False
    asked_amounts = quantities(asked)
    if any(not stands_in(amount, asked_amounts) and amount.kind != "ordinal" for amount in read.amounts):
        return False
    if any(not is_generic(mention) and not mention.concepts & known for mention in read.mentions):
        return False
    left = _unknown(read.folded, read.mentions, read.found, read.lang)
    return not (left - frozenset(content_words(asked)))


def _unknown(folded: str, mentions: Iterable[Mention], found: Iterable[str], lang: str) -> frozenset[str]:
    """Content words that no list knows: stems in English, runs of at least two characters in Chinese."""
    rest = list(folded)
    for mention in mentions:
        rest[mention.start : mention.end] = " " * (mention.end - mention.start)
    text = "".join(rest)
    if lang == "en":
        taken = {stem(part) for name in found for part in (name.lower(), *re.split(r"[.\-_&+#]", name.lower()))}
        return frozenset(word for word in english_content(text) if word not in _COMMON_ROOTS and word not in taken)
    runs = re.findall(r"[\u3400-\u9fff]+", "".join(" " if char in _FILLER else char for char in text))
    return frozenset(run for run in runs if len(run) > 1)
