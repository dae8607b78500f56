"""What a sentence of a draft that begins with a pronoun speaks of, where the sentence before it is not delivered.

"It is more common in production" behind a dropped sentence on TensorFlow reads as said of whatever was said last.
"""

import re

from service.grounding.claims import speaks_back
from service.grounding.glossary import Glossary
from service.grounding.names import names

_NAME = r"[A-Za-z][A-Za-z0-9_.+#-]*[A-Za-z0-9+#]"
_BEHIND = r" (?=[a-z]{2,}\b)|\s?(?=[是用提可能适主支也将被以])"
_SUBJECT = re.compile(rf"(?P<name>{_NAME}(?: [A-Z][A-Za-z0-9_.+#-]*[A-Za-z0-9+#])*)(?:{_BEHIND})")
_ENGLISH = re.compile(r"it(?P<is>['’]s)?(?= )|its(?= )", re.IGNORECASE)
_CHINESE = re.compile(r"它(?!们)|该(?:工具|框架|平台|模型|库|技术)")
_OF_A_DOCUMENT = re.compile(
    r"(?:this|these|its|their)\s+(?:guide|checklist|article|document|passage|text|list|path|route)s?\b"
    r"|[这该](?:[份篇条张]|两[份篇])?(?:清单|指南|文档|文章|文|路线|路径|资料|材料)|这[份篇]",
    re.IGNORECASE,
)
_JOINS = frozenset(("and", "or", "as", "with", "vs"))


def said_by_name(sentence: str, before: str, glossary: Glossary) -> str | None:
    """The sentence with the name that `before` begins with in place of its own first pronoun, if both are so."""
    subject = _SUBJECT.match(before)
    if subject is None:
        return None
    name, verb = subject["name"], before[subject.end() :].split(" ", 1)[0]
    chinese = bool(_CHINESE.match(sentence))
    if verb in _JOINS or name.split(" ", 1)[0] not in names(name, glossary, chinese=chinese):
        return None
    if chinese:
        return _CHINESE.sub(name, sentence, count=1)
    pronoun = _ENGLISH.match(sentence)
    if pronoun is None:
        return None
    behind = " is" if pronoun["is"] else "'s" if pronoun.group().lower() == "its" else ""
    return f"{name}{behind}{sentence[pronoun.end() :]}"


def speaks_of_another(sentence: str) -> bool:
    """Whether a sentence begins with a pronoun for something that was said, not for the document at hand."""
    return speaks_back(sentence) and _OF_A_DOCUMENT.match(sentence) is None
