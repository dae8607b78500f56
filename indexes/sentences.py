"""Splits a text in Chinese or English into sentences as exact spans that hold every visible character once."""

import re
from collections.abc import Iterator

_STOP = re.compile(r"[。｡！？；!?…‼⁇⁈⁉．]+|\.+")
_LINE = re.compile(r"[^\n\r\u2028\u2029\u0085]+")
_CLOSING = "”’」』）)]】》〉›»〕｝}"
_PAIRED = "\"'*_`"
"""Marks that open and close alike: one closes when the sentence holds an odd number of them."""

_LIST_MARKER = re.compile(r"[\s#>*+\-•·]*[(（]?(?:[0-9]{1,3}|[A-Za-z]|[ivxIVX]{1,4})")
_LAST_WORD = re.compile(r"[A-Za-z][A-Za-z.]*$")
_TITLES = """
mr mrs ms dr prof st mt vs e.g i.e eg ie cf al approx dept est resp viz gen sen rep rev hon gov capt lt col
"""
_ALWAYS = frozenset(_TITLES.split())
_NUMBERED = "no nos fig figs sec eq eqs p pp vol ch chap tab ver v art"
_BEFORE_NUMBER = frozenset(_NUMBERED.split())
_ENDINGS = "etc inc ltd co corp jr sr ph.d m.d b.sc m.sc a.m p.m u.s u.k e.u u.n"
_OFTEN_LAST = frozenset(_ENDINGS.split())
_FIRST_WORDS = """
the a an it its this that these those in on at for from with he she we they you i there here but and or so if when
while what which who how why as to after before however then also our their his her my your one some most all
"""
_STARTERS = frozenset(_FIRST_WORDS.split())


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Spans [start, end) in order, disjoint, without outer white space; a line break always ends a sentence."""
    spans: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        start = line.start()
        for end in _ends(text, line.start(), line.end()):
            _append_trimmed(spans, text, start, end)
            start = end
    return spans


def _ends(text: str, start: int, stop: int) -> Iterator[int]:
    """Every place within one line where a sentence ends, the end of the line last."""
    sentence = start
    position = start
    while match := _STOP.search(text, position, stop):
        end = _past_closing(text, sentence, match.end(), stop)
        position = match.end()
        if end < stop and _is_end(text, sentence, match, end, stop):
            yield end
            sentence = position = end
    yield stop


def _past_closing(text: str, sentence: int, end: int, stop: int) -> int:
    while end < stop:
        if text[end] in _CLOSING or (text[end] in _PAIRED and _closes(text, sentence, end)):
            end += 1
        else:
            break
    return end


def _closes(text: str, sentence: int, at: int) -> bool:
    """`**` counts as one mark, so that '**Note.** Next' and '完成。**下一步**' both split in the right place."""
    mark = text[at] * (2 if text[at] in "*_" and text[at : at + 2] == text[at] * 2 else 1)
    if text[at - 1] == text[at]:  # the second half of a mark that closed
        return True
    return text.count(mark, sentence, at) % 2 == 1


def _is_end(text: str, sentence: int, match: re.Match[str], end: int, stop: int) -> bool:
    mark = match.group()
    if _inside_brackets(text, sentence, match.start(), end, stop):
        return False
    following = text[end]
    if set(mark) & set("。｡！？；‼⁇⁈⁉"):
        return following not in "，、,"  # “真的吗？”，他问: the sentence goes on
    if set(mark) & set("!?"):
        return following.isspace() or _is_han(following)
    if mark in {".", "．"}:
        return _full_stop_ends(text, sentence, match.start(), end, stop)
    rest = text[end:stop].lstrip()
    return bool(rest) and not rest[0].islower() and rest[0] not in ",，、:："


def _full_stop_ends(text: str, sentence: int, dot: int, end: int, stop: int) -> bool:
    following = text[end]
    if not (following.isspace() or _is_han(following)) or _LIST_MARKER.fullmatch(text, sentence, dot):
        return False
    word = _LAST_WORD.search(text, sentence, dot)
    return word is None or not _abbreviates(word.group(), text[end:stop].lstrip())


def _abbreviates(word: str, rest: str) -> bool:
    """Whether the full stop after `word` belongs to the word rather than to the sentence."""
    lower = word.lower()
    if lower in _ALWAYS:
        return True
    if lower in _BEFORE_NUMBER:
        return rest[:1].isdigit()
    initial = len(word) == 1 and word.isupper()
    acronym = "." in word and len(word.replace(".", "")) <= 3
    if initial or acronym or lower in _OFTEN_LAST:
        return not _is_han(rest[:1]) and _first_word(rest) not in _STARTERS
    return False


def _first_word(text: str) -> str:
    match = re.match(r"[\"'“‘(]*([A-Za-z]+)", text)
    return match.group(1).lower() if match and match.group(1)[0].isupper() else ""


def _inside_brackets(text: str, sentence: int, at: int, end: int, stop: int) -> bool:
    """Whether a round bracket opened in this sentence is still open here and closes later in the line."""
    if at - sentence >= 400:
        return False
    depth = sum((char in "(（") - (char in ")）") for char in text[sentence:end])
    return depth > 0 and any(char in ")）" for char in text[end : min(stop, end + 300)])


def _is_han(char: str) -> bool:
    return "\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef" or char >= "\U00020000"


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))
