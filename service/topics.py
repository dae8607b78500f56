"""The topics nearest to a question, as a refusal names them: headings of the best passages, in the asker's language.

A Chinese heading is put into English by a reviewed table of what headings are made of, then by the glossary. Of one
that is not understood as a whole the part before its colon will do; else it stays, what is understood in brackets.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from indexes.types import Hit
from service.gloss import english, gloss, has_han, is_generic
from service.grounding.glossary import Glossary
from service.grounding.words import fold

TOPICS = 3
_NUMBERING = re.compile(
    r"^\s*(?:[（(]?(?:[一二三四五六七八九十]+|\d+(?:\.\d+)*)[)）]?[、.．\s]|第[一二三四五六七八九十\d]+[章节部分]+[：:\s]?)\s*"
)


def nearest_topics(hits: Sequence[Hit], lang: str, glossary: Glossary) -> tuple[str, ...]:
    """Each topic once, best first, without its number in the document."""
    names = (hit.chunk.heading[-1] if hit.chunk.heading else hit.chunk.document.title for hit in hits)
    return tuple(dict.fromkeys(heading_in_lang(name, lang, glossary) for name in names))[:TOPICS]


def heading_in_lang(name: str, lang: str, glossary: Glossary) -> str:
    """A heading without its number in the document, in a language as far as it is understood."""
    return _spoken(_NUMBERING.sub("", name), lang, glossary)


def _spoken(name: str, lang: str, glossary: Glossary) -> str:
    if lang.startswith("zh") or not has_han(name):
        return name
    for part in (name, name.partition("：")[0]):
        if translated := heading_in_english(part, glossary):
            return translated
    terms, _ = gloss(name, glossary)
    return f"{name} ({terms})" if terms and not terms.isdigit() else name


def heading_in_english(name: str, glossary: Glossary) -> str | None:
    """A heading of which every Chinese character is understood; None for any other."""
    name = re.sub(r"第\s*(\d+)\s*阶段", r"stage \1", re.sub(r"((?:19|20)\d\d)年的?", r"\1 ", name))
    words, at, parts = _table(), 0, []
    longest = max(map(len, words))
    known = {m.start: m for m in glossary.mentions(fold(name))} if fold(name) == name.lower() else {}
    while at < len(name):
        size = next((n for n in range(min(longest, len(name) - at), 0, -1) if name[at : at + n] in words), 0)
        if size:
            parts.append(words[name[at : at + size]])
        elif (mention := known.get(at)) and has_han(mention.surface) and not is_generic(mention):
            size = mention.end - at
            parts.append(english(mention))
        elif has_han(name[at]):
            return None
        else:
            size = 1
            parts.append(name[at])
        at += size
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    """Words apart by a blank, and a bracket that says the name before it once more left out."""
    text = ""
    for part in parts:
        apart = text and part[0].isalnum() and text[-1].isalnum() and (len(part) > 1 or text[-1:].isspace())
        text += f" {part}" if apart else part
    text = re.sub(r"(?<=[a-z])(?=[A-Z0-9])", " ", text) if " " not in text else text
    text = re.sub(r"\s+([,:)])", r"\1", re.sub(r"\s+", " ", text)).strip()
    return re.sub(r"(?i)\b([\w-]+) \(\1s?\)", r"\1", text)


@cache
def _table() -> Mapping[str, str]:
    table: dict[str, str] = tomllib.loads((files("service") / "data" / "headings.toml").read_text("utf-8"))["words"]
    return table
