"""Chinese terms in English by the glossary alone: what it knows is named, what it does not know is left out."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from service.grounding.analysis import is_exclusive
from service.grounding.glossary import GENERIC, Glossary, Mention
from service.grounding.names import latin_tokens
from service.grounding.words import COMMON, fold

_KEPT = re.compile(r"[A-Za-z][A-Za-z0-9.+#&/-]*(?: [A-Za-z][A-Za-z0-9.+#&/-]*)*|\d[\d.,]*(?:\s?[%+A-Za-z万亿]+)?")
_HAN = re.compile(r"[\u3400-\u9fff]")
_TITLE = re.compile(r"《[^》]*》")
_HAN_RUN = re.compile(r"[\u3400-\u9fff]+")
WHOLLY_KNOWN = 0.99
"""More than this share of a Chinese run must be in the glossary for it to be said in English."""
_CLAUSE_END = re.compile(r"[；;。，,、|：:\n（()）]")
_NOUN_ENDINGS = ("ment", "tion", "sion", "ing", "ity", "ency", "ancy", "ance", "ence", "ness", "ship", "ture", "acy")


def gloss(text: str, glossary: Glossary) -> tuple[str, float]:
    """The terms of a Chinese text in English, in its order, and the share of its Chinese characters they stand for.

    Words of one clause stand together, clauses are parted by commas; names and numbers stay as they are written. The
    words of a title are no terms: 流浪 has nothing to do with streaming.
    """
    folded = fold(text)
    titles = [range(*match.span()) for match in _TITLE.finditer(folded)]
    said = (mention for mention in glossary.mentions(folded) if _HAN.search(mention.surface))
    mentions = [mention for mention in said if not any(mention.start in title for title in titles)]
    terms = [(m.start, m.end, english(m)) for m in mentions if not is_generic(m)]
    taken = {index for mention in mentions for index in range(mention.start, mention.end)}
    pieces = sorted(terms + [piece for piece in _kept(text, folded) if piece[0] not in taken])
    covered = sum(1 for index in taken if _HAN.match(folded[index]))
    return _joined(pieces, folded), covered / max(1, len(_HAN.findall(folded)))


def in_english(text: str, glossary: Glossary) -> str:
    """An English text with the Chinese words inside it in English, where the glossary knows all of such a run, apart
    from the words beside it: `AI产品经理` is an AI product manager; and with what has another name by that name."""

    def english_run(match: re.Match[str]) -> str:
        terms, share = gloss(match.group(), glossary)
        if share <= WHOLLY_KNOWN:
            return match.group()
        before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
        return f"{' ' * before.isalnum()}{terms}{' ' * after.isalnum()}"

    return _well_named(_HAN_RUN.sub(english_run, text), glossary)


def _well_named(text: str, glossary: Glossary) -> str:
    """`smart body` is an agent, and `agent (smart body)` is one, too."""
    for wrong, right in glossary.misnomers.items():
        text = re.sub(rf"\b{re.escape(wrong)}\b", right, text, flags=re.IGNORECASE)
        text = re.sub(rf"\b([Aa]) (?={re.escape(right)}\b)", r"\1n ", text) if right[0] in "aeiou" else text
    rights = "|".join(map(re.escape, dict.fromkeys(glossary.misnomers.values())))
    return re.sub(rf"\b({rights}) \(\1\)", r"\1", text, flags=re.IGNORECASE) if rights else text


def terms_of(text: str, glossary: Glossary) -> dict[str, str]:
    """The terms of a Chinese text that mean one thing, and what each is called in English.

    Only those that no other word of the glossary means as well: where several share a line, its first translation need
    not be that of each. Roles and levels are none (高级 is senior of people and advanced of things), nor is what
    everybody would translate alike.
    """
    words = Counter(concept for concepts in glossary.chinese.values() for concept in concepts)
    found = (m for m in glossary.mentions(fold(text)) if not (is_generic(m) or is_exclusive(m)))
    alone = (m for m in found if len(_HAN.findall(m.surface)) > 1 and sum(words[c] for c in m.concepts) == 1)
    named = {mention.surface: _surfaces(mention)[0] for mention in alone}
    return {chinese: said for chinese, said in named.items() if said not in COMMON}


def conveyed(text: str, translation: str, glossary: Glossary) -> float:
    """The share of the terms and names of a Chinese text that a translation says; 1 where it has none."""
    there = {c for mention in glossary.mentions(fold(translation), longest=False) for c in mention.concepts}
    terms = [bool(m.concepts & there) for m in glossary.mentions(fold(text)) if not is_generic(m)]
    said = latin_tokens(translation)
    names = [name <= said for word in _KEPT.findall(text) if (name := latin_tokens(word))]
    return sum((*terms, *names)) / max(1, len(terms) + len(names)) if terms or names else 1.0


def has_han(text: str) -> bool:
    return bool(_HAN.search(text))


def english(mention: Mention) -> str:
    """The first English surface of what a mention may mean, as a noun if that form is there, too.

    A concept's name ends with its surfaces: `deploy|deployment|rollout` is said as `deployment`.
    """
    surfaces = _surfaces(mention)
    forms = (surface for surface in surfaces if surface.startswith(surfaces[0][:4]) and surface.endswith(_NOUN_ENDINGS))
    return next(forms, surfaces[0])


def _surfaces(mention: Mention) -> list[str]:
    return sorted(mention.concepts)[0].partition(":")[2].split("|")


def is_generic(mention: Mention) -> bool:
    """Whether a mention says nothing by itself: `system`, `stage`, `important`."""
    return all(concept.startswith(GENERIC) for concept in mention.concepts)


def _kept(text: str, folded: str) -> Iterator[tuple[int, int, str]]:
    """Names and numbers as they are written, with their place in the folded text."""
    place = 0
    for match in _KEPT.finditer(text):
        name = match.group().strip()
        start = folded.find(fold(name), place)
        if start >= 0:
            place = start + len(fold(name))
            yield start, place, name


def _joined(pieces: list[tuple[int, int, str]], text: str) -> str:
    clauses = [[pieces[0][2]]] if pieces else []
    for before, piece in pairwise(pieces):
        if _CLAUSE_END.search(text[before[1] : piece[0]]):
            clauses.append([])
        if clauses[-1][-1:] != [piece[2]]:
            clauses[-1].append(piece[2])
    return ", ".join(dict.fromkeys(" ".join(clause) for clause in clauses))
