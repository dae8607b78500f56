"""One spelling for each quantity, so that 10 万, 100,000 and 100k, or 一小时 and 1 hour, compare equal.

Works on text that is already normalised (NFKC, simplified, case-folded). Folding is applied to both sides of a
comparison, so a harmless over-reach (统一 → 统1) cancels out.
"""

import re
from collections.abc import Callable
from decimal import Decimal

_HAN_DIGITS = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000}
_EN_SCALES = {
    "k": 10**3, "m": 10**6, "b": 10**9, "bn": 10**9,
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_EN_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_EN_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_WORDS = {word: value for value, word in enumerate(_EN_UNITS)} | {
    word: 20 + 10 * index for index, word in enumerate(_EN_TENS)
}

NUMBER = r"\d+(?:\.\d+)?"
_SCALE = r"[十百千万亿]+|\s?(?:k|m|bn?|hundred|thousand|million|billion|trillion)(?![a-z0-9])"
_DASH = r"\s*(?:-|~|至|到|to)\s*"
_SEPARATED = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,]*\d)")
_HAN_RUN = re.compile(f"[{''.join(_HAN_DIGITS)}{''.join(_HAN_SCALES)}]+")
_EN_RUN = re.compile(
    rf"(?<![a-z0-9])(?:(?:{'|'.join(_EN_TENS)})[- ](?:{'|'.join(_EN_UNITS[1:10])})|{'|'.join(_EN_WORDS)})(?![a-z0-9])"
)
_RANGE = re.compile(rf"(?<![\d.])({NUMBER})({_DASH})(?=\$?({NUMBER})\s?({_SCALE}))")
_SCALED = re.compile(rf"(?<![\d.])({NUMBER})\s?({_SCALE})")
_UNITS = {
    "second": r"秒钟?|seconds?|secs?",
    "minute": r"分钟|minutes?|mins?",
    "hour": r"小时|钟头|hours?|hrs?",
    "day": r"天|日|days?",
    "week": r"周|星期|礼拜|weeks?",
    "month": r"月|months?",
    "year": r"年|years?|yrs?",
}
_WITH_UNIT = {name: re.compile(rf"(\d)[ -]?个?(?:{words})(?![a-z])") for name, words in _UNITS.items()}
_CALENDAR_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)年(?!内|间|以)")
_PERCENT = re.compile(rf"百分之({NUMBER})|({NUMBER})\s?(?:percent|per cent|个百分点)")
_DOLLARS = re.compile(rf"\$?({NUMBER})\s?(?:美元|美金|us dollars?|dollars?|usd)(?![a-z])")
_JOIN = re.compile(rf"(\d%?){_DASH}(?=\$?\d)")


def fold_numbers(text: str) -> str:
    """Every quantity of a normalised text in one spelling; the rest of the text is untouched."""
    text = _SEPARATED.sub(lambda m: m[0].replace(",", ""), text)
    text = _HAN_RUN.sub(_fold_han(text), text)
    text = _EN_RUN.sub(lambda m: str(sum(_EN_WORDS[word] for word in re.split("[- ]", m[0]))), text)
    text = _RANGE.sub(_scale_lower_bound, text)
    for _ in range(2):  # two hundred million
        text = _SCALED.sub(lambda m: _times(m[1], m[2]), text)
    text = _PERCENT.sub(lambda m: f"{m[1] or m[2]}%", text)
    text = _DOLLARS.sub(r"$\1", text)
    text = _JOIN.sub(r"\1-", text)
    text = _CALENDAR_YEAR.sub(r"\1", text)
    for name, pattern in _WITH_UNIT.items():
        text = pattern.sub(rf"\1{name}", text)
    return text


def _fold_han(text: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        run = match[0]
        after_digit = match.start() > 0 and text[match.start() - 1 : match.start()].strip()[-1:].isdecimal()
        # 10万 and 1.5 亿 are scales of the digits before them; a lone 百, 千, 万 or 亿 is a word (百分之, 万一).
        if after_digit or run in _HAN_SCALES.keys() - {"十"}:
            return run
        if len(run) == 2 and run[0] in _HAN_DIGITS and _HAN_DIGITS.get(run[1]) == _HAN_DIGITS[run[0]] + 1 > 1:
            return f"{_HAN_DIGITS[run[0]]}-{_HAN_DIGITS[run[1]]}"  # 三四个 is three to four
        return str(parse_han(run))

    return replace


def parse_han(run: str) -> int:
    """二十 → 20, 三千五百 → 3500, 两亿 → 200000000, 二〇二三 → 2023."""
    if not any(char in _HAN_SCALES for char in run):
        return int("".join(str(_HAN_DIGITS[char]) for char in run))
    total = section = digit = 0
    for char in run:
        if char in _HAN_DIGITS:
            digit = _HAN_DIGITS[char]
        elif (scale := _HAN_SCALES[char]) < 10_000:
            section += (digit or 1) * scale
            digit = 0
        else:
            total = (total + section + digit or 1) * scale
            section = digit = 0
    return total + section + digit


def _scale_of(word: str) -> int:
    word = word.strip()
    if word in _EN_SCALES:
        return _EN_SCALES[word]
    product = 1
    for char in word:
        product *= _HAN_SCALES[char]
    return product


def _times(number: str, scale: str) -> str:
    value = Decimal(number) * _scale_of(scale)
    return f"{value.normalize():f}"


def _scale_lower_bound(match: re.Match[str]) -> str:
    """10-20万 is 100000-200000: a smaller first bound shares the scale of the second."""
    low, dash, high, scale = match.groups()
    return (_times(low, scale) if Decimal(low) < Decimal(high) else low) + dash
