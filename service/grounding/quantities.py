"""Numbers, durations, money, sizes and ordinals of both languages, brought to one form and compared."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from service.grounding.numerals import MAGNITUDES, MONTH, ORDINALS, UNITS, WORDS, integer

CLASSIFIERS = "个种类项层步大方块组条篇门点位家套款档件部章步阶倍维核句段"
STAGES = r"priority|stage|phase|step|tier|level|layer|place|part|chapter|category|group|section"

STAGE = re.compile(r"(?<!个)阶段|\b(?:stage|phase)\b")
_OPENING = 12
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
VAGUE_TIME = re.compile(
    r"\b(?:several|(?:a )?few|many|multiple|numerous|a couple of)\s+(?:more\s+)?"
    r"(?P<en>years|months|weeks|days|hours|minutes)\b"
    r"|(?<![\d一二两三四五六七八九十百千万参指代分])(?:好几|几|数|若干|许多|多)(?P<zh>年|个?月|个?星期|周|天|个?小时|分钟)(?![代级均度轮])"
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

    Kinds: "number"; "count", a small number of things; "ordinal"; "vague", as in millions, or, with a dimension, as in
    several months: the unit is then its value.
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
    text = _take(VAGUE_TIME, text, found, _vague_time)
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
    return [_ordinal_of(integer(match["n"]), match.group().strip())] if match else []


def section_number(title: str) -> Quantity | None:
    """The ordinal that a folded heading opens with: `2. 进阶阶段`, 第2阶段, 阶段二."""
    opening = (quantity for quantity in quantities(title[:_OPENING]) if quantity.kind == "ordinal")
    return next(iter(counters(title)), None) or next(opening, None)


def stage_number(title: str) -> Quantity | None:
    """The ordinal of a stage by the folded heading that names it."""
    return section_number(title) if STAGE.search(title) else None


def stands_in(quantity: Quantity, others: Iterable[Quantity]) -> bool:
    return any(same(quantity, other) for other in others)


def same(one: Quantity, other: Quantity) -> bool:
    """Whether `other` gives `one`: equal after conversion. What is claimed without a unit agrees with any unit."""
    if "ordinal" in (one.kind, other.kind):
        return one.kind == other.kind and one.value == other.value
    if "vague" in (one.kind, other.kind):
        return _vaguely_same(one, other)
    if one.dimension and other.dimension:
        return one.dimension == other.dimension and abs(one.value - other.value) <= 1e-6 * max(1.0, abs(one.value))
    if one.dimension == other.dimension:
        return abs(one.value - other.value) <= 1e-6 * max(1.0, abs(one.value))
    if one.dimension and other.kind == "count":
        return False  # "three stages" is no source for "3 years"
    return one.written == other.written


def _vaguely_same(one: Quantity, other: Quantity) -> bool:
    """Several months are any number of them from two on, thousands any up to ten thousand; but who wrote several did
    not write how many: `1000` is not what 数千 says."""
    round_number = not one.dimension and one.text[0] in MAGNITUDES and one.value == other.value  # 千亿参数
    if one.kind != "vague" or one.dimension != other.dimension:
        return round_number
    if other.kind == "vague":
        return one.value == other.value
    if not one.dimension:  # A magnitude.
        return one.value <= other.value < 10 * one.value
    return other.value >= 2 * one.value


def _take(pattern: re.Pattern[str], text: str, into: list[Quantity], read: Reader) -> str:
    for match in pattern.finditer(text):
        into.append(read(match))
    return pattern.sub(lambda match: " " * len(match.group()), text)


def _ordinal(match: re.Match[str]) -> Quantity:
    raw = match["zh"] or match["after"] or match["en"]
    value = ORDINALS.get(raw) or WORDS.get(raw) or (1 if raw == "one" else integer(raw))
    return _ordinal_of(value, match.group().strip())


def _ordinal_of(value: int, text: str) -> Quantity:
    return Quantity(float(value), "", "ordinal", text, float(value))


def _vague(match: re.Match[str]) -> Quantity:
    factor = {"tens": 10.0, "hundreds": 100.0, "thousands": 1e3}.get(match["multi"] or "", 1.0)
    value = MAGNITUDES[match["zh"]] if match["zh"] else factor * MAGNITUDES[match["en"].rstrip("s")]
    # "billions" and 数十亿 are one order of magnitude.
    return Quantity(float(value), "", "vague", match.group().strip(), float(value))


def _vague_time(match: re.Match[str]) -> Quantity:
    dimension, factor = UNITS[match["en"] or match["zh"]]
    return Quantity(factor, dimension, "vague", match.group().strip(), factor)


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
    return float(integer(match["han"]))


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
