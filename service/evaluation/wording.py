"""One wording of a text for comparison: plurals, compounds, articles and British spelling fold; words keep their edges.

Works on text folded by `matching.fold`. "vector databases" and "vector database", "front end" and "frontend", "GPT-4"
and "GPT 4", "280 MB" and "280MB" compare equal; "Git" is not in "GitHub", nor "structured" in "unstructured".
"""

import re
from dataclasses import dataclass
from functools import lru_cache

LATIN = "a-z\u00e0-\u024f"
_HAN = "\u3400-\u9fff"
_WORD = re.compile(rf"[{LATIN}]+|\d+|[^{LATIN}\d]+")
_ARTICLE = re.compile(rf"(?<![{LATIN}\d/])(?:the|an?) (?=[{LATIN}])")
_OF_HAN = re.compile(rf"(?<=[{_HAN}])的(?=[{_HAN}])")
_BRITISH = (
    (re.compile(r"(?<=[a-z]{3})is(?=(?:e|es|ed|er|ers|ing|ation|ations|able)$)"), "iz"),
    (re.compile(r"(?<=[a-z]{3})our(?=(?:s|al|ed|ing)?$)"), "or"),
    (re.compile(r"(?<=[a-z]{3})ll(?=(?:ing|ed|er|ers)$)"), "l"),
)
_KEEP_S = ("ss", "us", "is")
_HISSING = ("sses", "xes", "zes", "shes", "ches")
_SILENT_E = frozenset({"caches", "niches", "aches"})


@dataclass(frozen=True, slots=True)
class Joined:
    """Words without the spaces and hyphens between them; `edges` are the offsets where a word begins or ends."""

    text: str
    edges: frozenset[int]

    def holds(self, needle: str, whole: bool) -> bool:
        """Whether needle stands in the text from an edge on and, when `whole`, up to one (a plural s may follow)."""
        at = self.text.find(needle)
        while at >= 0:
            if self._begins(needle, at) and (not whole or self._ends(at + len(needle))) and not self._cuts(needle, at):
                return True
            at = self.text.find(needle, at + 1)
        return False

    def _begins(self, needle: str, at: int) -> bool:
        """Chinese has no edges between words; what 非, un or non stands before is another thing."""
        if not re.match(f"[{LATIN}]", needle):
            return not self.text.startswith("非", at - 1) if at else True
        return at in self.edges and not any(
            at - len(word) in self.edges and self.text.startswith(word, at - len(word)) for word in ("non", "un")
        )

    def _ends(self, end: int) -> bool:
        return end in self.edges or any(
            self.text.startswith(plural, end) and end + len(plural) in self.edges for plural in ("s", "es")
        )

    def _cuts(self, needle: str, at: int) -> bool:
        """Half a number is no number: 4 is not in 4.5, nor 280MB in 1.280MB."""
        end = at + len(needle)
        before = needle[0].isdecimal() and re.search(r"\d[.,]?$", self.text[max(0, at - 2) : at])
        after = needle[-1].isdecimal() and re.match(r"[.,]?\d", self.text[end : end + 2])
        return bool(before or after)


@lru_cache(maxsize=16384)
def joined(plain: str, exact: bool) -> Joined:
    """`exact` keeps each word as it is spelt, as names need; otherwise plurals and British spelling fold."""
    parts: list[str] = []
    edges = {0}
    length = 0
    for match in _WORD.finditer(_OF_HAN.sub("", _ARTICLE.sub("", plain))):
        piece = match[0]
        if not exact and re.match(f"[{LATIN}]", piece):
            piece = _common(piece)
        elif piece in {" ", "-"} and _between_words(match):
            piece = ""
        parts.append(piece)
        length += len(piece)
        edges.add(length)
    return Joined("".join(parts), frozenset(edges))


def _between_words(match: re.Match[str]) -> bool:
    """A space or hyphen with a letter on one side and a letter or digit on the other; between digits it is a range."""
    text, start, end = match.string, match.start(), match.end()
    if start == 0 or end == len(text):
        return False
    before, after = text[start - 1], text[end]
    return not (before.isdecimal() and after.isdecimal())


def _common(word: str) -> str:
    for pattern, spelling in _BRITISH:
        word = pattern.sub(spelling, word)
    return _singular(word)


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(_KEEP_S):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(_HISSING) and word not in _SILENT_E:
        return word[:-2]
    return word[:-1]


def is_name(text: str) -> bool:
    """A Latin capital makes a name, which must stand whole: Java is not in JavaScript."""
    return any("A" <= char <= "Z" for char in text)
