"""Takes out of a page what its reader cannot see, each piece with its rule: a place where instructions are planted."""

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag

_SIZE = r"(?:0*\.?0+|0*\.\d+|1)\s*(?:px|pt)?|0(?:\.0\d*)?\s*(?:r?em|%|ex|ch)"
_RULES = (
    ("display none", re.compile(r"(?:^|;)\s*display\s*:\s*none\b", re.I)),
    ("visibility hidden", re.compile(r"(?:^|;)\s*visibility\s*:\s*(?:hidden|collapse)\b", re.I)),
    ("tiny text", re.compile(rf"(?:^|;)\s*font-size\s*:\s*(?:{_SIZE})\s*(?:!important\s*)?(?:;|$)", re.I)),
    (
        "transparent text",
        re.compile(r"(?:^|;)\s*opacity\s*:\s*(?:0*\.?0+|0*\.0\d*|0%)\s*(?:!important\s*)?(?:;|$)", re.I),
    ),
    ("transparent text", re.compile(r"(?:^|;)\s*color\s*:\s*(?:transparent|rgba\([^)]*,\s*0(?:\.0*)?\s*\))", re.I)),
    ("off the page", re.compile(r"(?:^|;)\s*(?:left|top|right|text-indent|margin-left)\s*:\s*-\d{3,}", re.I)),
)
_WHITE_VALUE = r"(?:white|#fff(?:fff)?\b|rgba?\(\s*255\s*,\s*255\s*,\s*255\s*(?:,\s*1(?:\.0*)?\s*)?\))"
_WHITE = re.compile(rf"(?:^|;)\s*color\s*:\s*{_WHITE_VALUE}", re.I)
_GROUND = re.compile(r"(?:^|;)\s*background(?:-color|-image)?\s*:\s*([^;]+)", re.I)
_BLOCK = re.compile(r"([^{}]+)\{([^{}]*)\}")
_PLAIN_SELECTOR = re.compile(r"[\w.#\s,-]+")
_MAX_RULES = 2000


def take_out_hidden(soup: BeautifulSoup) -> tuple[tuple[str, str], ...]:
    """Remove every hidden element; (its text, the rule) of those that held any, in the order of the page."""
    _spread_styles(soup)
    knows_grounds = soup.find("link", rel="stylesheet") is None  # a sheet elsewhere may colour anything
    tops: list[tuple[Tag, str]] = []
    inside: set[int] = set()
    for tag in soup.find_all(True):
        if id(tag.parent) in inside:
            inside.add(id(tag))
        elif rule := _rule(tag, knows_grounds):
            inside.add(id(tag))
            tops.append((tag, rule))
    found = [(" ".join(tag.get_text(" ").split()), rule) for tag, rule in tops]
    for tag, _ in tops:
        tag.decompose()
    return tuple((text, rule) for text, rule in found if text)


def _rule(tag: Tag, knows_grounds: bool) -> str | None:
    if tag.name in {"head", "style", "script", "template", "noscript", "title", "input"}:
        return None
    if tag.has_attr("hidden"):
        return "hidden attribute"
    if tag.get("aria-hidden") == "true":
        return "aria-hidden"
    style = _style(tag)
    if name := next((name for name, pattern in _RULES if pattern.search(style)), None):
        return name
    if (_WHITE.search(style) or _is_white(str(tag.get("color", "")))) and _on_white(tag, knows_grounds):
        return "white text"
    return None


def _style(tag: Tag) -> str:
    return f"{tag.get('data-sheet-style', '')};{tag.get('style', '')}"


def _is_white(value: str) -> bool:
    return bool(re.fullmatch(_WHITE_VALUE, value.strip(), re.I))


def _on_white(tag: Tag, knows_grounds: bool) -> bool:
    """Whether nothing around the text gives it a ground of another colour, as far as the page itself tells."""
    for node in (tag, *tag.parents):
        if ground := _GROUND.findall(_style(node)):
            return _is_white(ground[-1].split("!")[0])
        if colour := node.get("bgcolor"):
            return _is_white(str(colour))
        if node.get("background"):
            return False
    return knows_grounds


def _spread_styles(soup: BeautifulSoup) -> None:
    """Note on each element what the page's own sheets say of it: plain selectors, outside of `@media` and the like."""
    for selector, body in _sheet_rules(soup):
        for tag in soup.select(selector):
            tag["data-sheet-style"] = f"{tag.get('data-sheet-style', '')};{body}"


def _sheet_rules(soup: BeautifulSoup) -> Iterator[tuple[str, str]]:
    count = 0
    for sheet in soup.find_all("style"):
        text = re.sub(r"/\*.*?\*/", "", sheet.get_text(), flags=re.DOTALL)
        text = re.sub(r"@[\w-]+[^{};]*(?:\{(?:[^{}]|\{[^{}]*\})*\}|;)", "", text)
        for selector, body in _BLOCK.findall(text):
            telling = _WHITE.search(body) or _GROUND.search(body) or any(rule.search(body) for _, rule in _RULES)
            if telling and _PLAIN_SELECTOR.fullmatch(selector) and count < _MAX_RULES:
                count += 1
                yield " ".join(selector.split()).strip(", "), body
