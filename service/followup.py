"""A follow-up question is completed from the history without a model: it inherits the topic words it leaves out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexes.text import normalise
from service.types import Message, Role

_POINTING = re.compile(
    r"\b(it|its|they|them|their|those|these|that|this|he|she|there|ones?|former|latter|same|else|another|others?)\b"
    r"|[它他她](们)?|那(个|些|么|种|里)?|这(个|些|种|里)?|其中|上述|上面|前者|后者|刚才|还有(呢|吗|哪些)|另外",
    re.IGNORECASE,
)
_ELLIPTIC = re.compile(
    r"^\s*(and|but|or|so|then|also|what about|how about|why|how so|for example|more|which one)\b"
    r"|^\s*(那|那么|而|还有|然后|再|换成|如果是|为什么|怎么做|具体|举个例子|第[一二三四五六七八九十\d]+)"
    r"|呢[？?]?\s*$",
    re.IGNORECASE,
)
_SHORT = {"en": 60, "zh": 18}
"""Only a question this short (characters) is taken to lean on the one before; a longer one names its own topic."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A question that can be searched on its own: `query` for retrieval, `earlier` the question it leans on, if any."""

    query: str
    earlier: str | None = None


def resolve(text: str, history: Sequence[Message], lang: str) -> Standing:
    """Complete `text` with the last question that stands alone, if `text` points at something or is elliptic."""
    if not leans(text, lang):
        return Standing(text)
    for message in reversed(history):
        if message.role is Role.USER and not leans(message.content, lang) and message.content.strip():
            earlier = " ".join(message.content.split())[:400]
            return Standing(f"{earlier} {text}", earlier)
    return Standing(text)


def leans(text: str, lang: str) -> bool:
    """Whether a question cannot be read without the one before it."""
    plain = normalise(text)
    if len(plain) > _SHORT["zh" if lang.startswith("zh") else "en"]:
        return False
    return bool(_ELLIPTIC.search(plain) or _POINTING.search(plain))
