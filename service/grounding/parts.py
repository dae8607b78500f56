"""A sentence that says two things is two claims: where it may be parted, and what each part must carry along."""

import re

_ENGLISH = re.compile(
    r";\s+|,?\s+(?:while|whereas)\s+|,\s+(?:and|but)\s+"
    r"|,\s+(?=[A-Z][\w.+-]*\s+(?!and\b|or\b)[a-z]+)"  # not before the last but one name of a list
    r"|(?<=[a-z])\s+and\s+(?=[A-Z][\w.+-]*\s+[a-z]+)"
)
_CHINESE = re.compile(r"[；;，]\s*(?:而|且|并且|同时|但)?")
_HAN = re.compile(r"[\u3400-\u9fff]")
SHORTEST_WORDS, SHORTEST_CHARS = 3, 6
MOST_PARTS = 4


def parts_of(sentence: str) -> list[str]:
    """The claims of a sentence in order; one alone where it cannot be parted safely."""
    chinese = len(_HAN.findall(sentence)) * 4 > len(sentence)
    pieces = (_CHINESE if chinese else _ENGLISH).split(sentence)
    if not 1 < len(pieces) <= MOST_PARTS or any(not _stands_alone(piece, chinese) for piece in pieces):
        return [sentence]
    return [piece.strip() for piece in pieces]


def _stands_alone(piece: str, chinese: bool) -> bool:
    return len(piece.strip()) >= SHORTEST_CHARS if chinese else len(piece.split()) >= SHORTEST_WORDS
