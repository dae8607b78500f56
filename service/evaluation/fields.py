"""Fields of a data set that no metric reads: kept, but told, with the line and the name that may have been meant."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

MAX_TOLD = 10


def unknown_fields(
    name: str, numbered: Sequence[tuple[int, Mapping[str, Any]]], known: frozenset[str]
) -> tuple[str, ...]:
    """One note a field, on the first line that has it; `numbered` are rows with their line numbers."""
    lines: dict[str, list[int]] = {}
    for number, row in numbered:
        for field in row.keys() - known:
            lines.setdefault(field, []).append(number)
    notes = [
        _note(name, field, found, known)
        for field, found in sorted(lines.items(), key=lambda item: (item[1][0], item[0]))
    ]
    more = len(notes) - MAX_TOLD
    return (*notes[:MAX_TOLD], *([f"… and {more} more unknown fields."] if more > 0 else []))


def _note(name: str, field: str, lines: Sequence[int], known: frozenset[str]) -> str:
    others = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    meant = get_close_matches(field, sorted(known), n=1, cutoff=0.7)
    cure = f"Did you mean {meant[0]!r}?" if meant else "Nothing to do if it is a note of yours."
    return f"{name}, line {lines[0]}{others}: field {field!r} is unknown; it is kept and no metric reads it. {cure}"
