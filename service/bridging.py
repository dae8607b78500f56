"""What a question names, in the other language's words: the glossary lets the lexical leg see across languages.

BM25 of an English question sees nothing of a Chinese text. Its terms, translated by the glossary, do: "backend
developer" finds 后端程序员, 后端开发者 and 后端工程师, each as a phrase.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from service.grounding.glossary import Mention, load_glossary
from service.grounding.rivals import names_path
from service.grounding.words import HAN, fold


def other_language(query: str) -> list[str]:
    """Chinese surfaces of what a query names in English, and the other way round; none for what no glossary knows."""
    english, chinese = _surfaces()
    found: dict[str, None] = {}
    for mention in _mentions(fold(query)):
        surfaces = english if HAN.search(mention.surface) else chinese
        for concept in sorted(mention.concepts):
            found.update(dict.fromkeys(surfaces.get(concept, ())))
    return list(found)


def _mentions(folded: str) -> Iterator[Mention]:
    """What a query names; of the name of a path its words, for only titles have the whole of it."""
    for mention in load_glossary().mentions(folded):
        if not names_path(mention.concepts):
            yield mention
            continue
        parts = load_glossary().mentions(mention.surface, longest=False)
        yield from (part for part in parts if not names_path(part.concepts))


@lru_cache(maxsize=1)
def _surfaces() -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]:
    """Concept → its English surfaces, which its name lists, and its Chinese ones."""
    glossary = load_glossary()
    chinese: dict[str, tuple[str, ...]] = {}
    for surface, concepts in glossary.chinese.items():
        for concept in concepts:
            chinese[concept] = (*chinese.get(concept, ()), surface)
    return {concept: tuple(concept.partition(":")[2].split("|")) for concept in chinese}, chinese
