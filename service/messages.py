"""Every text a user may be shown that no document wrote, in English and Chinese."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.types import RefusalReason


@dataclass(frozen=True, slots=True)
class Messages:
    """The texts of one language; what stands in braces is filled in."""

    not_in_corpus: str
    below_confidence: str
    unsafe: str
    no_model: str
    small_talk: str
    too_vague: str
    nearest: str
    first_quote: str
    next_quote: str
    first_terms: str
    next_terms: str
    first_rendered: str
    more_quote: str
    more_rendered: str
    under_heading: str
    heading_before: str
    with_clause: str
    also: str
    topic_separator: str
    item_separator: str
    colon: str
    full_stop: str
    sentence_separator: str
    marker_separator: str


ENGLISH = Messages(
    not_in_corpus="The documents do not answer this question.",
    below_confidence="I did not find enough in the documents to answer this question reliably.",
    unsafe="I cannot follow that request. I answer questions about the documents, with their evidence.",
    no_model="No answering model is available, only the passages found. `career doctor` says how to mend it.",
    small_talk="Hello! Ask me anything about the documents, and I will answer with quotations that you can check.",
    too_vague="Which topic do you mean? Please name it in the question, so that I can look it up in the documents.",
    nearest="The nearest topics they cover: {topics}.",
    first_quote="The documents say: “{quote}”",
    next_quote="“{quote}”",
    first_terms="The closest passage, translated term by term: {terms}.",
    next_terms="And another: {terms}.",
    first_rendered="The closest passage says: {text}",
    more_quote="The documents also say: “{quote}”",
    more_rendered="The documents also say: {text}",
    under_heading="Under “{heading}”: {text}",
    heading_before="Under “{heading}”, {text}",
    with_clause="{text} (“{clause}”)",
    also="Also named: {items}.",
    topic_separator="; ",
    item_separator=", ",
    colon=": ",
    full_stop=".",
    sentence_separator=" ",
    marker_separator=" ",
)

CHINESE = Messages(
    not_in_corpus="文档没有回答这个问题。",
    below_confidence="在文档里没有找到足够的依据，无法可靠地回答这个问题。",
    unsafe="这个要求我不能照办。我只依据文档回答问题，并给出依据。",
    no_model="没有可用的回答模型，下面只列出检索到的段落。运行 `career doctor` 可以查看解决办法。",
    small_talk="你好！关于这些文档的问题都可以问我，我会附上可以核对的原文。",
    too_vague="您问的是哪一个主题？请在问题里写出它的名称，我才能到文档中查找。",
    nearest="文档中最接近的主题有：{topics}。",
    first_quote="文档中写道：“{quote}”",
    next_quote="“{quote}”",
    first_terms="最接近的段落：{terms}。",
    next_terms="另一处：{terms}。",
    first_rendered="最接近的段落：{text}",
    more_quote="文档中还写道：“{quote}”",
    more_rendered="文档中还写道：{text}",
    under_heading="在“{heading}”之下，{text}",
    heading_before="在“{heading}”之下，{text}",
    with_clause="{text}（原文：“{clause}”）",
    also="此外还有：{items}。",
    topic_separator="；",
    item_separator="、",
    colon="：",
    full_stop="。",
    sentence_separator="",
    marker_separator="",
)


def messages(lang: str) -> Messages:
    """The texts for an asker's language; every language but Chinese reads English."""
    return CHINESE if lang.startswith("zh") else ENGLISH


def refusal_text(reason: RefusalReason, nearest: Sequence[str], lang: str) -> str:
    """A refusal as a person reads it, with the nearest topics where there are any."""
    texts = messages(lang)
    first = {
        RefusalReason.NOT_IN_CORPUS: texts.not_in_corpus,
        RefusalReason.BELOW_CONFIDENCE: texts.below_confidence,
        RefusalReason.UNSAFE: texts.unsafe,
        RefusalReason.NO_MODEL: texts.no_model,
    }[reason]
    if not nearest:
        return first
    return first + texts.sentence_separator + texts.nearest.format(topics=texts.topic_separator.join(nearest))
