"""Boilerplate out, inline markup to plain text: what remains is what is stored, quoted and counted in offsets."""

import re
import unicodedata
from dataclasses import dataclass

from ingest.boilerplate import RULES
from ingest.lines import code_lines
from ingest.markup import inline

CLEANER_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`dropped` holds each line left out with the name of the rule that dropped it, in the order of the text."""

    text: str
    dropped: tuple[tuple[str, str], ...]


def clean(text: str) -> Cleaned:
    """Drop boilerplate by named rules, then reduce inline markup; code is never touched.

    Conservative: a line goes only when it matches a rule in the place where that boilerplate occurs.
    """
    lines = _tidy(text).split("\n")
    code = code_lines(lines)
    dropped: dict[int, str] = {}
    for name, rule in RULES:
        for index in rule(lines, code):
            if lines[index].strip():
                dropped.setdefault(index, name)
    kept = ["" if index in dropped else line for index, line in enumerate(lines)]
    return Cleaned(_finish(kept, code), tuple((lines[index].strip(), dropped[index]) for index in sorted(dropped)))


def plain(text: str) -> str:
    """`clean` without the rules: nothing is dropped, inline markup is still reduced."""
    lines = _tidy(text).split("\n")
    return _finish(lines, code_lines(lines))


def _tidy(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = _without_comments(text)
    text = text.replace("\xa0", " ").replace("\t", "    ")
    return "".join(char for char in text if char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co"})


def _without_comments(text: str) -> str:
    """A comment that is never closed is text. By hand: a pattern would look for each opening mark to the end."""
    kept: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[position:start])
        position = end + 3
    return "".join([*kept, text[position:]])


def _finish(lines: list[str], code: frozenset[int]) -> str:
    plain_lines = [line if index in code else inline(line) for index, line in enumerate(lines)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in plain_lines)).strip("\n") + "\n"
