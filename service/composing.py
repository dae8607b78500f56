"""Sentences become the text of an answer: markers by first use, spans exact, quotes checked, nothing said twice.

By construction, whatever is fed in: every `[n]` in the text has its citation and the other way round, every quote
stands in its chunk at its offsets, `text[s.start:s.end]` is sentence s with its markers, and only supported or partial
sentences carry citations.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from indexes.text import normalise
from service.messages import messages
from service.types import Answer, AnswerSentence, Citation, Status, Verdict

_TYPED_MARKER = re.compile(r"\[(\d+(?:\s*[,，、-]\s*\d+)*)\]")
_LIST_ITEM = re.compile(r"^\s*([-*•·]|\d{1,2}[.)、])\s*")


class Composer:
    """Grows one answer; not for use by two threads."""

    def __init__(self, lang: str) -> None:
        self._texts = messages(lang)
        self._markers: dict[tuple[str, int, int], int] = {}
        self._keys: list[str] = []
        self.text = ""
        self.sentences: list[AnswerSentence] = []
        self.citations: list[Citation] = []

    def repeats(self, text: str) -> bool:
        """Whether the answer already says this, word for word."""
        key = _key(text)
        return not key or any(key in known for known in self._keys)

    def add(self, text: str, verdict: Verdict, score: float, citations: Sequence[Citation]) -> AnswerSentence | None:
        """Append a sentence; None, and no change, when it is empty or a repetition."""
        text = plain(text)
        if self.repeats(text):
            return None
        exact = [citation for citation in citations if is_exact(citation)] if verdict is not Verdict.UNSUPPORTED else []
        if not exact:
            verdict = Verdict.UNSUPPORTED
        cited = tuple(dict.fromkeys(self._numbered(citation) for citation in exact))
        start = self._open(text)
        self.text += text + self._marks(cited)
        sentence = AnswerSentence(text, verdict, score, cited, start, len(self.text))
        self.sentences.append(sentence)
        self._keys.append(_key(text))
        return sentence

    def _numbered(self, citation: Citation) -> Citation:
        key = (citation.chunk.id, citation.start, citation.end)
        known = self._markers.get(key)
        if known is not None:
            return self.citations[known - 1]
        numbered = replace(citation, marker=len(self.citations) + 1)
        self._markers[key] = numbered.marker
        self.citations.append(numbered)
        return numbered

    def _open(self, text: str) -> int:
        """Separate the next sentence from the last; return where it begins."""
        if self.text:
            apart = on_own_line(self.sentences[-1].text, text)
            self.text += "\n" if apart else self._texts.sentence_separator
        return len(self.text)

    def _marks(self, citations: Sequence[Citation]) -> str:
        marks = "".join(f"[{number}]" for number in sorted({citation.marker for citation in citations}))
        return self._texts.marker_separator + marks if marks else ""


def shortened(answer: Answer, text: str) -> Answer:
    """An answer of which only its beginning, `text`, was delivered: what belongs to the rest is gone."""
    sentences = tuple(_within(sentence, text) for sentence in answer.sentences if sentence.start < len(text))
    cited = {citation.marker for sentence in sentences for citation in sentence.citations}
    citations = tuple(citation for citation in answer.citations if citation.marker in cited)
    return replace(
        answer, status=Status.PARTIAL, text=text, sentences=sentences, citations=citations, refusal=None, cut=True
    )


def _within(sentence: AnswerSentence, text: str) -> AnswerSentence:
    end = min(sentence.end, len(text))
    return replace(sentence, text=text[sentence.start : end][: len(sentence.text)], end=end)


def on_own_line(before: str, text: str) -> bool:
    """Whether a sentence begins a line: items of a list do, and what follows one."""
    return bool(_LIST_ITEM.match(before) or _LIST_ITEM.match(text))


def plain(text: str) -> str:
    """One line of text in which nothing looks like a marker: `[3]` typed by a model or quoted from code gets full-width
    brackets."""
    return _TYPED_MARKER.sub(r"［\1］", " ".join(text.split()))


def is_exact(citation: Citation) -> bool:
    """Whether the quote stands in its chunk at its offsets."""
    chunk = citation.chunk
    inside = chunk.start <= citation.start < citation.end <= chunk.end
    return inside and chunk.text[citation.start - chunk.start : citation.end - chunk.start] == citation.quote


def _key(text: str) -> str:
    return re.sub(r"[\W_]+", "", normalise(_LIST_ITEM.sub("", text)))
