"""Inline Markdown and HTML of one line become the text a reader sees."""

import re
from html import unescape

_TARGET = r"\(\s*<?(?=\)|[^()\s]*[/.#:?])((?:[^()\s<>]|\([^()\s]*\))*)>?(?:\s+[\"'(][^)]*)?\)"
"""Where a link leads: balanced brackets, something of an address in it (`f[0](x)` is a call)."""
_IMAGE = re.compile(r"!\[([^\[\]]*)\]" + _TARGET)
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]" + _TARGET)
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")
_TAG = re.compile(
    r"</?(?:a|b|i|u|s|em|strong|span|div|p|font|center|img|details|summary|sub|sup|kbd|mark|small|big|section|article)"
    r"(?:\s[^<>]*)?/?>",
    re.I,
)
_BREAK = re.compile(r"<br\s*/?>\s*", re.I)
_STRONG = re.compile(r"\*\*(?=[^\s*])(.{1,300}?)(?<=[^\s*])\*\*")
_QUOTE = re.compile(r"^\s{0,3}(?:>\s?)+")


def inline(line: str) -> str:
    """Links to their text, emphasis, tags and quote marks away; what stands in back-ticks stays."""
    parts = re.split(r"(`+[^`]*`+)", _QUOTE.sub("", line))
    return "".join(part if index % 2 else _inline(part) for index, part in enumerate(parts))


def _inline(text: str) -> str:
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _AUTOLINK.sub(r"\1", text)
    text = _TAG.sub("", _BREAK.sub(" ", text))
    text = _STRONG.sub(r"\1", text)
    return unescape(text) if re.search(r"&(#\d+|#x[0-9a-f]+|[a-z]+\d*);", text, re.I) else text
