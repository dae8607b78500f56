"""Numerals, magnitudes, ordinals and units of both languages, and what they are worth."""

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


def integer(text: str) -> int:
    """What a whole number in digits or Chinese numerals is worth; 0 where it is none."""
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
