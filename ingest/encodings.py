"""Bytes to text without guesswork that goes unnoticed: a byte-order mark, UTF-8, or an encoding that fits well."""

import codecs
import unicodedata
from collections.abc import Iterator
from contextlib import suppress

from charset_normalizer import from_bytes

from indexes.errors import DamagedError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose little-endian mark it starts with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Lead bytes of the characters in daily use: GB 2312 level 1 and Big5 level 1, each with its punctuation.
_COMMON_LEADS = {"gb18030": (0xB0, 0xD7, 0xA1, 0xA3), "big5": (0xA4, 0xC6, 0xA1, 0xA3)}
_MIN_COMMON = 0.85
_MAX_CHAOS = 0.1
_MARGIN = 0.01


def decode(raw: bytes) -> str:
    """The text of a file.

    Raises:
        DamagedError: the bytes are no text, or in no encoding that can be told with certainty.
    """
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return _strictly(raw, name)
    if wide := _utf16_without_mark(raw):
        return _strictly(raw, wide)
    if b"\0" in raw:
        raise DamagedError("is binary, not text. Convert it to Markdown or UTF-8 text.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(raw)


def _strictly(raw: bytes, name: str) -> str:
    try:
        return raw.decode(name)
    except UnicodeDecodeError as error:
        raise DamagedError(f"is marked as {name} but byte {error.start} is not. Save it as UTF-8.") from None


def _utf16_without_mark(raw: bytes) -> str | None:
    """ASCII characters (line feeds at the least) have a zero byte on one side."""
    if len(raw) % 2 or b"\0" not in raw:
        return None
    for name, low in (("utf-16-le", 0), ("utf-16-be", 1)):
        pairs = list(zip(raw[low::2], raw[1 - low :: 2], strict=True))
        if sum(high == 0 and byte in b"\n\r\t " for byte, high in pairs) and not any(
            byte == 0 and high == 0 for byte, high in pairs
        ):
            try:
                text = raw.decode(name)
            except UnicodeDecodeError:
                continue
            known = all(unicodedata.category(char) not in {"Cn", "Co", "Cs"} for char in text)
            if known and "\0" not in text and _is_usual(text):
                return name
    return None


def _legacy(raw: bytes) -> str:
    scores = {name: _common_share(raw, name) for name in _COMMON_LEADS}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _MIN_COMMON:
        return raw.decode(best)
    matches = list(from_bytes(raw))
    rivals = [match for match in matches if match.chaos <= matches[0].chaos + _MARGIN]
    if len(rivals) != 1 or rivals[0].chaos > _MAX_CHAOS:  # rivals read as different texts: any choice is a guess
        raise DamagedError("is in no encoding that can be told with certainty. Save it as UTF-8.")
    return str(rivals[0])


def _common_share(raw: bytes, name: str) -> float:
    """Share of two-byte characters that are in daily use when `raw` is read as `name`; 0 when it cannot be."""
    try:
        text = raw.decode(name)
    except UnicodeDecodeError:
        return 0.0
    low, high, mark_low, mark_high = _COMMON_LEADS[name]
    wide = [char.encode(name) for char in text if char > "\x7f"]
    common = [
        len(code) == 2 and (low <= code[0] <= high or mark_low <= code[0] <= mark_high) and _usual(code, name)
        for code in wide
    ]
    return sum(common) / len(common) if common else 0.0


def _is_usual(text: str) -> bool:
    """Whether its Chinese characters are those in daily use: two letters of ASCII read as one are seldom that."""
    wide = [char for char in text if "\u4e00" <= char <= "\u9fff"]
    common = sum(any(low <= lead <= high for lead, (low, high) in _leads(char)) for char in wide)
    return common >= _MIN_COMMON * len(wide)


def _leads(char: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """The lead byte of a character with the range of lead bytes in daily use, for each encoding that has it."""
    for name, encoding in (("gb18030", "gb2312"), ("big5", "big5")):
        with suppress(UnicodeEncodeError):
            yield char.encode(encoding)[0], _COMMON_LEADS[name][:2]


def _usual(code: bytes, name: str) -> bool:
    """GB 2312 has no second byte below 0xA1; Big5 read as GB 18030 has many."""
    return name == "big5" or code[1] >= 0xA1
