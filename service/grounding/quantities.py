"""Numbers, durations, money, sizes and ordinals of both languages, brought to one form and compared."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

DIGITS = dict(zip("零一二两三四五六七八九", (0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
TENS = {"十": 10, "百": 100, "千": 1000}
MYRIADS = {"万": 10**4, "亿": 10**8}
MAGNITUDES = {
    "十": 10,
    "百": 100,
    "千": 1e3,
    "万": 1e4,
    "十万": 1e5,
    "百万": 1e6,
    "千万": 1e7,
    "亿": 1e8,
    "十亿": 1e9,
    "百亿": 1e10,
    "千亿": 1e11,
    "万亿": 1e12,
    "k": 1e3,
    "m": 1e6,
    "b": 1e9,
    "bn": 1e9,
    "t": 1e12,
    "hundred": 100,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
}
WORDS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "dozen": 12,
}
ORDINALS = {
    "first": 1,
    "second": 2,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "seventh": 7,
    "eighth": 8,
    "ninth": 9,
    "tenth": 10,
    "primary": 1,
    "1st": 1,
    "2nd": 2,
    "3rd": 3,
    "4th": 4,
    "5th": 5,
    "6th": 6,
}
MONTH, HOUR = "month", "hour"
UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "年"), (MONTH, 12.0)),
    **dict.fromkeys(("month", "months", "个月", "月"), (MONTH, 1.0)),
    **dict.fromkeys(("week", "weeks", "周", "星期", "个星期"), (HOUR, 168.0)),
    **dict.fromkeys(("day", "days", "天", "日"), (HOUR, 24.0)),
    **dict.fromkeys(("hour", "hours", "hr", "hrs", "h", "小时", "个小时"), (HOUR, 1.0)),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "分钟"), (HOUR, 1 / 60)),
    **dict.fromkeys(("second", "seconds", "秒"), (HOUR, 1 / 3600)),
    **dict.fromkeys(("ms", "millisecond", "milliseconds", "毫秒"), (HOUR, 1 / 3.6e6)),
    **dict.fromkeys(("%", "percent", "per cent"), ("percent", 1.0)),
    **dict.fromkeys(("usd", "dollar", "dollars", "us dollars", "u.s. dollars", "美元", "美金"), ("usd", 1.0)),
    **dict.fromkeys(("yuan", "rmb", "cny", "元", "人民币"), ("cny", 1.0)),
    "kb": ("byte", 1e3),
    "mb": ("byte", 1e6),
    "gb": ("byte", 1e9),
    "tb": ("byte", 1e12),
    "pb": ("byte", 1e15),
}
CLASSIFIERS = "个种类项层步大方块组条篇门点位家套款档件部章步阶倍维核句段"
STAGES = r"priority|stage|phase|step|tier|level|layer|place|part|chapter|category|group|section"

_RATE = re.compile(r"\d[\d,.]*[kmb]?\s*(?:\w+\s+){0,2}$")
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_HAN = r"[零一二两三四五六七八九十百千万亿]+"
_ALT = "|".join
_UNIT = _ALT(sorted((re.escape(unit) for unit in UNITS), key=len, reverse=True))
_MAGNITUDE = _ALT(sorted(MAGNITUDES, key=len, reverse=True))
_WORD = _ALT(sorted(WORDS, key=len, reverse=True))
ORDINAL = re.compile(
    rf"第\s*(?P<zh>\d+|{_HAN})|(?:阶段|步骤|stage|phase|step|level|tier|priority|part|层级)\s*#?\s*"
    rf"(?P<after>\d{{1,2}}|[一二三四五六七八九十]{{1,2}}|{_WORD}|one(?=\s*(?:[,.:;)]|is\b|of\b|$)))(?![\w.]|[个种类])"
    rf"|\b(?P<en>{_ALT(ORDINALS)})[\s-]+(?:\w+[\s-]+)?(?:{STAGES})s?\b"
)
COUNTER = re.compile(r"^\s*(?:[-*]\s*)?(?P<n>\d{1,2}|[一二三四五六七八九十]{1,2})\s*[.、)）](?!\d)")
INLINE_COUNTER = re.compile(r"(?<=[|；;])\s*\d{1,2}[.、)）](?!\d)")
VAGUE = re.compile(
    r"(?:数|几|上)(?P<zh>十亿|百亿|千亿|百万|千万|十万|万|亿|千|百|十)"
    r"|(?:\b(?P<multi>tens|hundreds|thousands)\s+of\s+)?\b(?P<en>hundreds|thousands|millions|billions|trillions)\b"
)
AMOUNT = re.compile(
    rf"(?P<pre>(?:us)?\$|usd\s*|¥|rmb\s*|百分之)?"
    rf"(?:(?<![a-z0-9.])(?<![a-z]-)(?P<num>{_NUMBER})"
    rf"|(?<![a-z\-])(?P<word>(?:{_WORD})(?:-(?:{_WORD}|one))?)(?![a-z])|(?P<han>{_HAN})"
    rf"|(?P<a>半个?(?=年|小时|天)|\b(?:an?|one|half an?)"
    rf"(?=[\s-]+(?:hour|year|month|week|day|minute|million|billion|hundred|thousand)\b)))"
    rf"(?:[\s-]?(?P<mag>(?:{_MAGNITUDE})(?![a-z])))?(?:\s(?P<mag2>million|billion|thousand)\b)?\s*[+多余]?"
    rf"(?:[\s-]*(?P<unit>(?:{_UNIT})(?![a-z])))?"
    rf"(?P<range>\s*(?:[-–—~至到]|\b(?:to|and|or)\b)\s*(?=[$\d]|(?:{_WORD})\b|{_HAN}))?"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in the base unit of its dimension ("" when it has none); `written` is the number before conversion.

    Kinds: "number"; "count", a small number of things; "ordinal"; "vague", as in millions.
    """

    value: float
    dimension: str
    kind: str
    text: str
    written: float


Reader: TypeAlias = Callable[[re.Match[str]], Quantity]


def quantities(text: str) -> list[Quantity]:
    """All quantities of a folded text (lower case, half-width); list counters and a bare "one" are none."""
    text = INLINE_COUNTER.sub(" ", COUNTER.sub(" ", text))
    found: list[Quantity] = []
    text = _take(ORDINAL, text, found, _ordinal)
    text = _take(VAGUE, text, found, _vague)
    pending: list[Quantity] = []
    for match in AMOUNT.finditer(text):
        quantity = _amount(match, text)
        if quantity is None:
            continue
        if pending:
            quantity_low = _inherit(pending.pop(), quantity)
            found.append(quantity_low)
        if match["range"]:
            pending.append(quantity)
        else:
            found.append(quantity)
    return found + pending


def counters(text: str) -> list[Quantity]:
    """The ordinal a heading or list item carries as its counter: `2. …`, `三、…`."""
    match = COUNTER.match(text)
    return [_ordinal_of(_integer(match["n"]), match.group().strip())] if match else []


def stands_in(quantity: Quantity, others: Iterable[Quantity]) -> bool:
    return any(same(quantity, other) for other in others)


def same(one: Quantity, other: Quantity) -> bool:
    """Whether `other` gives `one`: equal after conversion. What is claimed without a unit agrees with any unit."""
    if "ordinal" in (one.kind, other.kind):
        return one.kind == other.kind and one.value == other.value
    if "vague" in (one.kind, other.kind):
        return one.value == other.value
    if one.dimension and other.dimension:
        return one.dimension == other.dimension and abs(one.value - other.value) <= 1e-6 * max(1.0, abs(one.value))
    if one.dimension == other.dimension:
        return abs(one.value - other.value) <= 1e-6 * max(1.0, abs(one.value))
    if one.dimension and other.kind == "count":
        return False  # "three stages" is no source for "3 years"
    return one.written == other.written


def _take(pattern: re.Pattern[str], text: str, into: list[Quantity], read: Reader) -> str:
    for match in pattern.finditer(text):
        into.append(read(match))
    return pattern.sub(lambda match: " " * len(match.group()), text)


def _ordinal(match: re.Match[str]) -> Quantity:
    raw = match["zh"] or match["after"] or match["en"]
    value = ORDINALS.get(raw) or WORDS.get(raw) or (1 if raw == "one" else _integer(raw))
    return _ordinal_of(value, match.group().strip())


def _ordinal_of(value: int, text: str) -> Quantity:
    return Quantity(float(value), "", "ordinal", text, float(value))


def _vague(match: re.Match[str]) -> Quantity:
    factor = {"tens": 10.0, "hundreds": 100.0, "thousands": 1e3}.get(match["multi"] or "", 1.0)
    value = MAGNITUDES[match["zh"]] if match["zh"] else factor * MAGNITUDES[match["en"].rstrip("s")]
    # "billions" and 数十亿 are one order of magnitude.
    return Quantity(float(value), "", "vague", match.group().strip(), float(value))


def _amount(match: re.Match[str], text: str) -> Quantity | None:
    value = _value(match)
    if value is None or (match["a"] in ("a", "an") and _RATE.search(text[: match.start()])):
        return None
    magnitude = MAGNITUDES.get(match["mag"] or "", 1.0) * MAGNITUDES.get(match["mag2"] or "", 1.0)
    unit = match["unit"] or ""
    after = text[match.end("unit") if match["unit"] else match.end() :]
    if match["han"] and not unit and not _counts(match["han"], after):
        return None
    if match["num"] and not unit and not match["mag"] and re.match(r"[a-z]", text[match.end("num") :]):
        return None  # 3d, 5why: names
    dimension, factor = UNITS.get(unit, ("", 1.0))
    if dimension == MONTH and unit == "年" and value >= 1900:
        dimension, factor = "", 1.0
    pre = (match["pre"] or "").strip()
    dimension = {"$": "usd", "us$": "usd", "usd": "usd", "¥": "cny", "rmb": "cny", "百分之": "percent"}.get(
        pre, dimension
    )
    written = value * magnitude
    value = written * factor
    small = not dimension and not pre and not match["mag"] and value <= 12 and value == int(value)
    return Quantity(value, dimension, "count" if small else "number", match.group().strip(" -–~至到"), written)


def _value(match: re.Match[str]) -> float | None:
    if match["num"]:
        return float(match["num"].replace(",", ""))
    if match["word"]:
        return float(sum(WORDS.get(part, 1) for part in match["word"].split("-")))
    if match["a"]:
        return 0.5 if match["a"].startswith(("half", "半")) else 1.0
    return float(_integer(match["han"]))


def _counts(han: str, after: str) -> bool:
    """Whether a Chinese numeral is one: 三种 is, 一种 means "a kind of", 十分 means "very"."""
    if han in ("一", "零", "千", "百", "万", "亿", "十", "万一", "百万"):
        return False
    if after.startswith(("不", "别", "要")):
        return False
    return len(han) > 1 or after[:1] in CLASSIFIERS or after[:2] in ("阶段", "维度", "步骤", "方面", "角色")


def _inherit(low: Quantity, high: Quantity) -> Quantity:
    """The first number of a range takes unit and magnitude from the second: 1-2 months, 100-150k."""
    if low.dimension or not high.dimension:
        return low if low.dimension or high.value < 1e3 or low.value >= 1e3 else _scaled(low, high, "")
    return _scaled(low, high, high.dimension)


def _scaled(low: Quantity, high: Quantity, dimension: str) -> Quantity:
    magnitude = next((size for size in (1e9, 1e6, 1e4, 1e3) if high.written >= size > low.written), 1.0)
    written = low.written * (magnitude if low.written * magnitude <= high.written else 1.0)
    factor = high.value / high.written if high.written else 1.0
    return Quantity(written * factor, dimension, "number", low.text, written)


def _integer(text: str) -> int:
    if text.isdigit():
        return int(text)
    total, section, digit = 0, 0, 0
    for char in text:
        if char in DIGITS:
            digit = DIGITS[char]
        elif char in TENS:
            section += (digit or 1) * TENS[char]
            digit = 0
        else:
            total = (total + section + digit or 1) * MYRIADS[char]
            section = digit = 0
    return total + section + digit
