"""The topics nearest to a question, as a refusal names them: headings of the best passages, in the asker's language."""

import re
from collections.abc import Sequence

from indexes.types import Hit
from service.gloss import gloss
from service.grounding.glossary import Glossary

TOPICS = 3
KNOWN_SHARE = 0.6
"""Share of a Chinese heading that the glossary must know for its terms to stand in for it."""

_NUMBERING = re.compile(
    r"^\s*(?:[（(]?(?:[一二三四五六七八九十]+|\d+(?:\.\d+)*)[)）]?[、.．\s]|第[一二三四五六七八九十\d]+[章节部分]+[：:\s]?)\s*"
)


def nearest_topics(hits: Sequence[Hit], lang: str, glossary: Glossary) -> tuple[str, ...]:
    """Each topic once, best first, without its number in the document."""
    names = (hit.chunk.heading[-1] if hit.chunk.heading else hit.chunk.document.title for hit in hits)
    return tuple(dict.fromkeys(_spoken(_NUMBERING.sub("", name), lang, glossary) for name in names))[:TOPICS]


def _spoken(name: str, lang: str, glossary: Glossary) -> str:
    if lang.startswith("zh"):
        return name
    terms, share = gloss(name, glossary)
    return terms if share >= KNOWN_SHARE else name
