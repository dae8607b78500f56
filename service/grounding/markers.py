"""Citation markers: found, removed, and read as hints; only bracketed numbers count as markers."""

import re

MARKER = re.compile(
    r"[\[［【](?:[\[［【])?\s*(?:(?:ID|Passage|Source|资料|来源|段落)\s*[:：#]?\s*)?"
    r"(\d{1,3}(?:\s*[,，、;]\s*\d{1,3})*)\s*[\]］】](?:[\]］】])?",
    re.IGNORECASE,
)
OPEN_MARKER = re.compile(
    r"[\[［【][\[［【]?\s*(?:[A-Za-z]{0,8}|资料?|来源?|段落?)\s*[:：#]?[\s\d,，、;]{0,16}[\]］】]?$"
)


def strip_markers(text: str) -> tuple[str, tuple[int, ...]]:
    """The text without its markers, and the numbers they named, in order, each once.

    Read are `[1]`, `[1, 2]`, `[[3]]`, `【1】`, `［1］` and `[ID:1]`; `(1)` is text.
    """
    numbers: list[int] = []
    for match in MARKER.finditer(text):
        numbers += [int(number) for number in re.findall(r"\d+", match.group(1))]
    bare = re.sub(r"[ \t]+([.,;:!?。，；：！？])", r"\1", MARKER.sub("", text))
    return re.sub(r"[ \t]{2,}", " ", bare).strip(), tuple(dict.fromkeys(numbers))
