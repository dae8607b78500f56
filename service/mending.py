"""Slips of a draft that can be mended without guessing: a myriad misread, a `No.` in front of the statement, an
abbreviation spelled out from memory."""

import re
from collections.abc import Iterator, Sequence

from indexes.text import normalise
from service.grounding.glossary import Glossary
from service.grounding.names import latin_tokens
from service.grounding.quantities import Quantity, quantities, stands_in

_PARTICLE = re.compile(
    r"^(?:No|Yes)(?:[.,;:!]|\s+[-–—])\s+(?=[A-Z0-9“\"'])|^(?:不是?的?|是的?|没有|对的?|否)[，。；！]\s*"
)
_MYRIAD = re.compile(r"[万亿千百]")
_NUMBER_AND_SIZE = re.compile(
    r"(?:\d[\d.,]*\d|\d)(?:\s*(?:thousand|million|billion|trillion|k|m|b)\b)?"
    r"|\ba\s+(?:thousand|million|billion|trillion)\b",
    re.IGNORECASE,
)
_SPELLED_OUT = re.compile(r"\b([A-Z]{2,6})\s*\(([A-Za-z]\w*(?:[ -][A-Za-z]\w*)+)\)")
_MADE_BY = re.compile(r"(?<=[\"”])\s+by\s+([A-Z][\w'-]*(?:\.?\s[A-Z][\w'-]*)*(?:\s+et al\.?)?)(?=\s*(?:[,;.]|and\b|$))")
_VAGUELY = {
    1e3: "thousands",
    1e4: "tens of thousands",
    1e5: "hundreds of thousands",
    1e6: "millions",
    1e7: "tens of millions",
    1e8: "hundreds of millions",
    1e9: "billions",
    1e10: "tens of billions",
    1e11: "hundreds of billions",
}
"""How English says 数千 to 数千亿."""
_REPEATED = re.compile(r"\b([A-Za-z][\w-]*)\s*\(\1\)", re.IGNORECASE)
_POWERS = (10.0, 100.0, 1000.0, 10_000.0)


def without_particle(text: str) -> str | None:
    """The statement behind an answer's `No.` or `是的，`, which no passage can say; None where there is none."""
    rest = _PARTICLE.sub("", text, count=1)
    return rest if rest and rest != text else None


def without_expansions(text: str, rows: Sequence[str], glossary: Glossary) -> str:
    """A text without what its abbreviations stand for, in brackets, where neither a row nor the glossary says so, nor a
    row has a bracket there, too: small models spell out from memory, and wrongly: `RAG (Relevant Answer Generation)`.
    """

    def kept(match: re.Match[str]) -> str:
        short, spelled = match[1], match[2]
        initials = "".join(word[0] for word in re.split(r"[ -]", spelled) if word not in ("and", "of", "for", "the"))
        if initials.upper() != short:
            return match.group()
        folded = normalise(spelled)
        in_rows = any(_joined(folded) in _joined(normalise(row)) or _explains(row, short) for row in rows)
        whole = any((m.start, m.end) == (0, len(folded)) for m in glossary.mentions(folded))
        return match.group() if in_rows or whole else short

    return _SPELLED_OUT.sub(kept, text)


def _explains(row: str, short: str) -> bool:
    """Whether a row has a bracket with Chinese in it behind an abbreviation: `DVC（数据版本控制）`."""
    return bool(re.search(rf"\b{short}\s*[（(][^（）()]*[\u3400-\u9fff]", row))


def without_authors(text: str, rows: Sequence[str]) -> str:
    """A text without the makers that a small model knows of what it names in quotes, where no row names them:
    `"BERT" by Google`."""
    known = latin_tokens(" ".join(rows))

    def kept(match: re.Match[str]) -> str:
        makers = latin_tokens(match[1]) - {"et", "al"}
        return match.group() if makers & known else ""

    return _MADE_BY.sub(kept, text)


def without_repeats(text: str) -> str:
    """A text without brackets that say the word before them again, as where both were one in English:
    `Tokenization (tokenization)`."""
    return _REPEATED.sub(r"\1", text)


def _joined(text: str) -> str:
    return re.sub(r"[\s-]+", "", text)


def rescaled(text: str, rows: Sequence[str]) -> Iterator[str]:
    """An English sentence with a number brought to the power of ten that a Chinese row writes with 万 or 亿.

    Small models read 10 万 as 10,000 and 2 亿 as 2 billion. Each reading is to be checked as any other sentence.
    """
    read = [quantity for row in rows for quantity in quantities(row)]
    myriads = [quantity for quantity in read if _MYRIAD.search(quantity.text)]
    for said in quantities(text):
        for theirs in () if stands_in(said, read) else myriads:
            if _same_but_for_a_power(said, theirs) and said.text in text:
                yield text.replace(said.text, _written(said, theirs), 1)


def _same_but_for_a_power(said: Quantity, theirs: Quantity) -> bool:
    known = {said.dimension, theirs.dimension} - {""}
    alike = said.kind == theirs.kind and said.kind in ("number", "vague")
    if len(known) > 1 or not alike or min(said.value, theirs.value) <= 0:
        return False
    larger, smaller = max(said.value, theirs.value), min(said.value, theirs.value)
    return any(abs(larger / smaller / power - 1.0) < 1e-9 for power in _POWERS)


def _written(said: Quantity, theirs: Quantity) -> str:
    """The right number in the place of the wrong one, with what stands around it: `$2 million` → `$200,000`."""
    value = theirs.value
    if said.kind == "vague":
        return _VAGUELY.get(value, said.text)
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return _NUMBER_AND_SIZE.sub(f"{value / size:g} {name}", said.text, count=1)
    return _NUMBER_AND_SIZE.sub(f"{value:,.0f}", said.text, count=1)
