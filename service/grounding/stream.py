"""Pieces of draft text become whole sentences as they close, in both languages, with markers read as hints."""

import re
from dataclasses import dataclass

from service.grounding.markers import MARKER, OPEN_MARKER, strip_markers

BULLET = re.compile(r"^\s*(?:[-*+•·–]|\d{1,2}[.)、](?!\d)|[（(]\d{1,2}[)）])\s*")
HEADING = re.compile(r"^\s*#{1,6}\s+")
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|Prof|Inc|Ltd|No|approx|Fig)|\b[A-Z])\.$")
ZH_END = "。！？；"
QUOTED_ON = re.compile(r" ?[\"”’] [a-z]")
"""What follows the mark of a quotation in the middle of a sentence: “Who won?” asks somebody."""
CLOSERS = "\"'”’」』）)》"


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """A closed sentence without markers; `raw` is what the model wrote.

    `bullet` is the list marker it stood behind ("" when none); `lead_in` the line that announced the list.
    """

    text: str
    hints: tuple[int, ...]
    raw: str
    bullet: str = ""
    lead_in: str = ""


class SentenceStream:
    """Feeds on pieces of any size; a sentence is yielded once, as soon as nothing can be added to it."""

    def __init__(self) -> None:
        self._buffer = ""
        self._bullet = ""
        self._lead_in = ""
        self._new_line = True

    def feed(self, piece: str) -> list[DraftSentence]:
        self._buffer += piece
        return self._drain(final=False)

    def finish(self) -> list[DraftSentence]:
        return self._drain(final=True)

    def _drain(self, final: bool) -> list[DraftSentence]:
        done: list[DraftSentence] = []
        while (end := sentence_end(self._buffer, final)) is not None:
            raw, self._buffer = self._buffer[:end], self._buffer[end:]
            sentence = self._close(raw)
            if sentence is not None:
                done.append(sentence)
        return done

    def _close(self, raw: str) -> DraftSentence | None:
        """The sentence of a closed stretch; None for blanks and bare marks. An unmarked line ends the list."""
        line = HEADING.sub("", raw) if self._new_line else raw
        bullet = BULLET.match(line) if self._new_line else None
        if bullet:
            line = line[bullet.end() :]
        text, hints = strip_markers(re.sub(r"\*\*|__|`", "", line))
        spoken = any(char.isalnum() for char in text)
        if self._new_line and (spoken or bullet):
            self._bullet = bullet.group().strip() if bullet else ""
            self._lead_in = self._lead_in if bullet else ""
        self._new_line = raw.endswith("\n")
        if not spoken:
            return None
        lead_in = self._lead_in
        if not self._bullet and (text.endswith((":", "：")) or HEADING.match(raw)):
            self._lead_in = text
        return DraftSentence(text, hints, raw.strip(), self._bullet, lead_in)


def sentence_end(text: str, final: bool) -> int | None:
    """Where the first sentence of `text` ends, markers that follow it included; None while more may belong to it."""
    for index, char in enumerate(text):
        if char == "\n":
            return index + 1
        if char in ZH_END or (char in ".!?" and _closes(text, index, final)):
            end = _with_trailers(text, index + 1)
            if end < len(text) or final:
                return end
            return None
    return len(text) if final and text else None


def _closes(text: str, index: int, final: bool) -> bool:
    """Whether the Latin mark at `index` ends a sentence: not in 3.2, e.g., U.S., `1.` of a list, or file.py."""
    rest = text[index + 1 :].lstrip(CLOSERS)
    if QUOTED_ON.match(text, index + 1):
        return False
    if rest and not (rest[0].isspace() or rest[0] in "[［【" or "\u3400" <= rest[0] <= "\u9fff"):
        return False
    before = text[: index + 1]
    if text[index] == "." and (ABBREVIATION.search(before) or re.fullmatch(r"\s*\d{1,2}\.", before)):
        return final and not rest.strip()
    return True


def _with_trailers(text: str, end: int) -> int:
    """Takes in closing quotes, spaces and markers after the full stop; a marker cut in half waits for its rest."""
    while end < len(text):
        if text[end] in CLOSERS or text[end] in " \t":
            end += 1
        elif match := MARKER.match(text, end):
            end = match.end()
        elif OPEN_MARKER.match(text[end:]):
            return len(text)
        else:
            break
    return end
