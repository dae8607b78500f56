"""A row said in English falls apart into its head, cells and items, so that what is faithful of it can be kept."""

import re
from collections.abc import Callable, Iterator

from service.grounding.quantities import quantities

_HEAD = re.compile(r"^((?:[^:;()]|\([^()]*\)){2,60}): (?=\S)")
LONGEST_ITEM = 60
"""Characters; longer ones are clauses, and depend on each other."""

_ASIDE = re.compile(r"([^()]+?) \(([^()]*[,、/][^()]*)\)([^()]*)")
_ASIDE_AT_END = re.compile(r", (?:which|who|where) [^,]*$")
_OPEN, _CLOSE = "([（“", ")]）”"
Stands = Callable[[str], bool]
"""Whether a text has the support of its row."""


def faithful(sentence: str, stands: Stands) -> str:
    """All of a sentence if it stands, else `Head: cell; item, item.` with what stands by itself; empty if nothing does.

    A long row fails as a whole for one wrong word; its other cells are as true as before. Prose is not taken apart, but
    for a clause at its end that may be left out, and of `four things: …` all four must stand.
    """
    if stands(sentence):
        return sentence
    head, cells = _parts(sentence)
    if not head and len(cells) < 2:
        shorter = _ASIDE_AT_END.sub(".", sentence)
        return shorter if shorter != sentence and stands(shorter) else ""
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
    if len(found) == 1:
        return _without_wrong_asides(cell, stands)
    is_list = all(len(item) <= LONGEST_ITEM for item in found)
    return ", ".join(item for item in found if stands(item)) if is_list else ""


def _without_wrong_asides(cell: str, stands: Stands) -> str:
    """A cell with what of the list in its bracket stands; empty where nothing does, or there is no list."""
    match = _ASIDE.fullmatch(cell)
    if match is None:
        return ""
    head, aside, rest = match.groups()
    items = [item for item in re.split(r"(?<=[^/])/|,\s*|、", aside) if stands(f"{head} ({item}){rest}")]
    text = f"{head} ({', '.join(items)}){rest}"
    return text if items and stands(text) else ""


def _parts(sentence: str) -> tuple[str, list[str]]:
    """The head before a first colon, if there is one, and the cells after it."""
    text = sentence.rstrip(".")
    match = _HEAD.match(text)
    head = match.group(1) if match else ""
    return head, list(split_outside(text[match.end() :] if match else text, ";"))


def split_outside(text: str, mark: str) -> Iterator[str]:
    """The pieces between marks that stand in no bracket, without the `and` that may open the last; a number is whole
    (`120,000`)."""
    depth, start = 0, 0
    for at, char in enumerate(text):
        depth += (char in _OPEN) - (char in _CLOSE)
        if char == mark and depth <= 0 and not (char == "," and text[at + 1 : at + 2].isdigit()):
            yield from _bare(text[start:at])
            start = at + 1
    yield from _bare(text[start:])


def _bare(piece: str) -> Iterator[str]:
    if bare := re.sub(r"^and\s+", "", piece.strip()):
        yield bare
