"""A row said in English falls apart into its head, cells and items, so that what is faithful of it can be kept."""

import re
from collections.abc import Callable, Iterator

from service.grounding.quantities import quantities

_HEAD = re.compile(r"^((?:[^:;()]|\([^()]*\)){2,60}): (?=\S)")
LONGEST_ITEM = 60
"""Characters; longer ones are clauses, and depend on each other."""

_OPEN, _CLOSE = "([（“", ")]）”"
Stands = Callable[[str], bool]
"""Whether a text has the support of its row."""


def faithful(sentence: str, stands: Stands) -> str:
    """All of a sentence if it stands, else `Head: cell; item, item.` with what stands by itself; empty if nothing does.

    A long row fails as a whole for one wrong word; its other cells are as true as before. Prose is not taken apart, and
    of `four things: …` all four must stand.
    """
    if stands(sentence):
        return sentence
    head, cells = _parts(sentence)
    if not head and len(cells) < 2:
        return ""
    kept = [text for cell in cells if (text := _cell(cell, stands))]
    if not kept or (kept != cells and quantities(head.lower())):
        return ""
    text = "; ".join(kept)
    named = f"{head}: {text}" if head and stands(head) else text[:1].upper() + text[1:]
    return named.rstrip(".") + "."


def _cell(cell: str, stands: Stands) -> str:
    """A cell, or of a list of short items those that stand."""
    if stands(cell):
        return cell
    found = list(split_outside(cell, ","))
    is_list = len(found) > 1 and all(len(item) <= LONGEST_ITEM for item in found)
    return ", ".join(item for item in found if stands(item)) if is_list else ""


def _parts(sentence: str) -> tuple[str, list[str]]:
    """The head before a first colon, if there is one, and the cells after it."""
    text = sentence.rstrip(".")
    match = _HEAD.match(text)
    head = match.group(1) if match else ""
    return head, list(split_outside(text[match.end() :] if match else text, ";"))


def split_outside(text: str, mark: str) -> Iterator[str]:
    """The pieces between marks that stand in no bracket, without the `and` that may open the last."""
    depth, start = 0, 0
    for at, char in enumerate(text):
        depth += (char in _OPEN) - (char in _CLOSE)
        if char == mark and depth <= 0:
            yield from _bare(text[start:at])
            start = at + 1
    yield from _bare(text[start:])


def _bare(piece: str) -> Iterator[str]:
    if bare := re.sub(r"^and\s+", "", piece.strip()):
        yield bare
