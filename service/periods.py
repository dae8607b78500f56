"""Which stage of a path a question asks about: the months it names, against those that headings of passages name.

To a cosine "month 4" is as near to 1-2个月 as to 3-6个月: so spans of time are compared as such.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from service.asking import Wanted, asks_whether, wanted_of
from service.grounding.numerals import MONTH, ORDINALS, WORDS
from service.grounding.quantities import Quantity, quantities
from service.grounding.words import fold

MOSTLY = 0.5
"""Share of the asked time from which a stage takes in some of it; all of it is better."""
_JUST_AFTER = 0.5
"""Months from the end of a time to what is "after" it."""

_WORD = "|".join(WORDS)
_ORDINAL = "|".join(ORDINALS)
_STAGE = re.compile(
    r"(?P<low>\d+)\s*(?:[-–—~至到]\s*(?P<high>\d+)|\+)?\s*"
    r"(?P<unit>个月|年|months?|years?)\s*(?P<open>以上|\+|and (?:more|up)|or more)?"
)
_NUMBERED = re.compile(
    rf"\b(?P<unit>month|year)s?\s+(?:no\.?\s*|#)?(?P<low>\d{{1,2}}|one|{_WORD})\b"
    rf"(?:\s*(?:-|–|to|and|or|through)\s*(?P<high>\d{{1,2}}|{_WORD})\b)?"
    rf"|\b(?P<nth>{_ORDINAL}|\d{{1,2}}(?:st|nd|rd|th))\s+(?P<of>month|year)\b"
    r"|第\s*(?P<zh>\d{1,2}|[一二三四五六七八九十]{1,3})\s*个?(?P<zh_unit>月|年)"
)
_HALVES = (
    (re.compile(r"\bhalf[ -](?:a )?year\b"), "6 months"),
    (re.compile(r"\ba year and a half\b|\bone and a half years?\b|一年半|1年半"), "18 months "),
    (re.compile(r"\btwo and a half years?\b|[两二2]年半"), "30 months "),
    (re.compile(r"头半年|前半年"), "前6个月"),
    (re.compile(r"\bcouple of (?=months|years)"), "2 "),
)
_FROM_THE_START = re.compile(r"\bfirst\s*$|[头前]\s*$|\b(?:under|within|less than)\s*(?:the first\s*)?$")
_UP_TO = re.compile(r"^\s*(?:以内|之内|不到)")
_AFTER = re.compile(
    r"\b(?:after|past|over|beyond|more than|above)\s+(?:the\s+|about\s+|only\s+)*$|(?:过了|超过|满|干满|学满)\s*$"
)
_LATER = re.compile(r"^\s*(?:\+|(?:or|and) more\b|以上|之后|以后|多|后(?![端台]))")
_RATE = re.compile(r"\b(?:per|each|every)\s*$|每\s*$")
_ELSEWHERE = re.compile(
    r"^s?\s*(?:(?:of|as|in|with|doing|working)\s+)*(?:an?\s+)?(?:experience\s+)?(?:(?:of|as|in|with)\s+)?(?:an?\s+)?"
    r"(?:java|back|front|full|soft|devops|data|web|c\+\+|php|coding|programming|it\b)"
    r"|^\s*的?(?:后端|前端|全栈|java|php|c\+\+|开发|程序|测试|运维|产品|传统|软件|工作|算法|数据)"
)
"""Years in another trade are no stage of a path into this one."""
_ASKS = re.compile(
    r"\b(?:what|which|where|how|who|any|ideas?|suggest|recommend|advi[cs]e|tips?|list|name|tell|show|give)\b"
    r"|什么|啥|哪|怎|如何|推荐|建议|列出|说说|讲讲"
)
_NAMES_ALONE = re.compile(r"(?!.*\b(?:is|are|was|were|do|does|has|have|should|can|belongs?|gets?)\b)[\x00-\x7f]*\?\s*$")
_ASKS_WHEN_OR_WHY = re.compile(
    r"\b(?:why|how come|when|(?:which|what) (?:stage|phase|year|month|level|step))\b"
    r"|为什么|为何|为啥|怎么会|干嘛|哪[个一]?(?:阶段|步|年|月)|什么时候|何时|第几"
)
_RUN_UP = 24
_NO_STAGE = frozenset({Wanted.MONEY, Wanted.DURATION, Wanted.DATE, Wanted.COUNT, Wanted.PERCENT, Wanted.VERSION})


@dataclass(frozen=True, slots=True)
class Period:
    """Months from `low` to `high`, which may be the same or infinite."""

    low: float
    high: float

    def holds(self, other: "Period") -> float:
        """The share of the other that lies within this one, ends included."""
        if other.low == other.high:
            return float(self.low <= other.low <= self.high)
        common = min(self.high, other.high) - max(self.low, other.low)
        if math.isinf(other.high):
            return float(math.isinf(self.high) and self.low <= other.low)
        return max(0.0, common) / (other.high - other.low)


def timely(asked: Period, stage: Period | None) -> float:
    """How well a stage suits an asked time: 1 all of it lies in it, 0.5 most, -1 little of it or none; 0 for no
    stage."""
    if stage is None:
        return 0.0
    share = stage.holds(asked)
    return 1.0 if share > 0.99 else 0.5 if share >= MOSTLY else -1.0


@lru_cache(maxsize=4096)
def stage_of(heading: Sequence[str]) -> Period | None:
    """The months that the innermost heading with a span of time names: 第2阶段（3-6个月）, 36+个月, 3 年以上."""
    found = (period for title in reversed(heading) for period in _stages(fold(title)))
    return next(found, None)


def _stages(title: str) -> Iterator[Period]:
    for match in _STAGE.finditer(title):
        factor = 12.0 if match["unit"].startswith(("年", "year")) else 1.0
        low = float(match["low"]) * factor
        if match["high"]:
            yield Period(low, float(match["high"]) * factor)
        elif match["open"] or "+" in match.group():
            yield Period(low, math.inf)


def asked_period(question: str) -> Period | None:
    """The time on a path that a question speaks from; None where it names none, or a rate, a term or a wage. Nor where
    it states that something is of that time, or asks whether, why or when it is: it may stand elsewhere."""
    text = fold(question)
    asks = _ASKS.search(text) or _NAMES_ALONE.match(text)
    states = asks_whether(question) or not asks or _ASKS_WHEN_OR_WHY.search(text)
    if states or wanted_of(text) in _NO_STAGE:
        return None
    for pattern, plain in _HALVES:
        text = pattern.sub(plain, text)
    if match := _NUMBERED.search(text):
        return _numbered(match)
    return _measured(text)


def _numbered(match: re.Match[str]) -> Period:
    """Year two is the time from 12 to 24 months; month 3 is in 3-6 months as in 0-6 months."""
    low = _integer(match["low"] or match["nth"] or match["zh"])
    high = _integer(match["high"]) if match["high"] else low
    if (match["unit"] or match["of"] or match["zh_unit"]) in ("year", "年"):
        return Period(12.0 * (low - 1), 12.0 * high)
    return Period(low, high)


def _integer(word: str) -> int:
    digits = re.match(r"\d+", word)
    if digits:
        return int(digits.group())
    if word in ORDINALS or word in WORDS or word == "one":
        return ORDINALS.get(word) or WORDS.get(word) or 1
    found = quantities(f"第{word}阶段")
    return int(found[0].value) if found else 1


def _measured(text: str) -> Period | None:
    """`after two years`, `6-18 months`, 三年以上, 头6个月."""
    times = [quantity for quantity in quantities(text) if quantity.dimension == MONTH and quantity.kind == "number"]
    if not times:
        return None
    first, last = times[0], times[-1]
    before, after = _around(text, first, last)
    if _RATE.search(before) or _ELSEWHERE.search(after):
        return None
    if len(times) > 1 and first.value < last.value:
        return Period(first.value, last.value)
    if _FROM_THE_START.search(before) or _UP_TO.search(after):
        return Period(0.0, last.value)
    if _AFTER.search(before) or _LATER.search(after):
        return Period(last.value + _JUST_AFTER, last.value + _JUST_AFTER)
    return Period(last.value, last.value)


def _around(text: str, first: Quantity, last: Quantity) -> tuple[str, str]:
    """What stands before the first and behind the last of two times."""
    start, end = text.find(first.text), text.rfind(last.text) + len(last.text)
    return text[max(0, start - _RUN_UP) : start], text[end:]
