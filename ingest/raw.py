"""What every reader makes of a file: Markdown, what the file says of itself, and what it hid."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class RawDocument:
    """Markdown as it came, with the title, language and address the file gives; None where it gives none.

    `hidden` holds text that a person looking at the file would not see, `dropped` running heads and the like: both are
    left out of the text, each piece with the name of its rule.
    """

    text: str
    title: str | None = None
    lang: str | None = None
    url: str | None = None
    hidden: tuple[tuple[str, str], ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()


Reader: TypeAlias = Callable[[bytes], RawDocument]
