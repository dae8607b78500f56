"""Names that an English question writes small, known by the Chinese passages found: `seata, whats that for?` has one.

In English only its letters show that a word is a name; among Chinese characters every Latin word is one.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from indexes.text import normalise
from indexes.types import Hit
from service.asking import Asked
from service.grounding.glossary import load_glossary
from service.grounding.words import COMMON, STOP

_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9]+(?:[.+#-][A-Za-z0-9]+)*")


def with_names(asked: Asked, hits: Sequence[Hit]) -> Asked:
    """A question with those of its words among its names that Chinese passages write with a capital."""
    if asked.lang.startswith("zh"):
        return asked
    chinese = (hit.chunk.text for hit in hits if hit.chunk.lang.startswith("zh"))
    written = {word.lower() for text in chinese for word in _LATIN.findall(text) if word != word.lower()}
    found = {word for word in _LATIN.findall(normalise(asked.text)) if word in written and not _is_common(word)}
    return replace(asked, names=asked.names | found) if found else asked


def _is_common(word: str) -> bool:
    """Whether a word is one of English, or a term that a passage may say in Chinese."""
    return word in COMMON or word in STOP or bool(load_glossary().mentions(word))
