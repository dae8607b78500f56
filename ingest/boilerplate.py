"""Rules that recognise boilerplate by what a line says and where it stands; each names the lines to drop."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ingest.markup import inline

Rule: TypeAlias = Callable[[list[str], frozenset[int]], Iterable[int]]
"""(lines, those that are code) → indices of lines to drop."""

EDGE_LINES = 15
MIN_ARTICLE_CHARS = 200
MAX_LINE_CHARS = 200

_TOC_TITLE = re.compile(
    r"^#*\s*(文章目录|本文目录|目录|目錄|导航目录|table of contents|contents|toc|on this page)$", re.I
)
_NAVIGATION = re.compile(
    r"^(skip to (main |the )?content|toggle (navigation|menu|theme)|back to top|return to top|main menu|menu|"
    r"返回顶部|回到顶部|返回首页|跳转到内容|跳到主要内容|跳至内容|"
    r"(上一篇|下一篇|上一页|下一页|previous|next)\s*([:：»›←→].*)?|(首页|主页|home)\s*[>›»/|].*)$",
    re.I,
)
_COMMENTS = re.compile(
    r"^(最新评论|所有评论|全部评论|热门评论|精彩评论|网友评论|评论区|发表评论|评论列表|"
    r"comments|leave a (comment|reply))"
    r"\s*[（(]?\d*[)）]?\s*[:：]?$|^\d+\s*(条评论|comments?)$",
    re.I,
)
_RELATED = re.compile(
    r"^(更多推荐|相关推荐|猜你喜欢|为你推荐|热门推荐|相关文章|"
    r"related (articles|posts|stories)|you may also like|recommended for you)"
    r"\s*[:：]?$",
    re.I,
)
_ADVERT = re.compile(
    r"(新用户|新客|注册|立即|点击|扫码|免费).{0,12}(可领|领取|领券|抢购|下单)|限时(优惠|特惠|秒杀)|扫码(关注|添加|进群)|"
    r"关注.{0,8}公众号|(加|添加).{0,4}(微信|QQ群)|优惠码|邀请码|sign up (now|today) and get|use (promo|coupon) code",
    re.I,
)
_BEGGING = re.compile(r"点赞|收藏|关注|三连|转发|打赏|在看|投币")
_BEGGING_TONE = re.compile(r"请|求|欢迎|您|支持|动力|帮助|别忘|记得|[!！]|哦|~")
_BEGGING_EN = re.compile(r"(don't forget to|please) (like|subscribe|follow|star|share)|buy me a coffee", re.I)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
_CONTACT = re.compile(r"联系|私信|邮箱|咨询|合作|contact|e-?mail", re.I)
_STAY_TUNED = re.compile(r"(敬请(关注|期待)|stay tuned)", re.I)
_FOOTER = re.compile(
    r"^(最后(更新|修改|编辑)(于|时间)?|更新时间|last (updated|modified|edited)( on)?)\s*[:：]?"
    r"\s*[\d年月日/:.\s-]*\w{0,9}[\d,\s]*$|"
    r"^(基于|本文|本站|本作品|本博客).{0,20}(许可|协议|授权).{0,10}(发布|授权|许可|转载)?.{0,30}$|"
    r"^(copyright\b|©|版权所有|版权声明|all rights reserved|powered by\b|.{0,10}icp备|转载请(注明|联系)|"
    r"released under the \w+ licen[sc]e)",
    re.I,
)


def _key(line: str) -> str:
    """A line's words alone, to tell that two lines say the same."""
    return "".join(char for char in unicodedata.normalize("NFKC", _bare(line)).lower() if char.isalnum())


def _bare(line: str) -> str:
    """A line without its list or heading marker and link targets; empty when too long to be boilerplate."""
    if len(line) > MAX_LINE_CHARS:
        return ""
    return inline(re.sub(r"^\s*(?:[-*+•]\s+|#{1,6}\s+)", "", line)).strip()


def _edges(lines: list[str], count: int = EDGE_LINES) -> tuple[set[int], set[int]]:
    """The first and the last lines that are not blank."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    return set(filled[:count]), set(filled[-count:])


def _table_of_contents(lines: list[str], code: frozenset[int]) -> Iterable[int]:
    """A title such as 目录 with the entries below it that recur as lines of the text, and the bare title again."""
    keys = [_key(line) for line in lines]
    last = {key: index for index, key in enumerate(keys) if key}
    found: set[int] = set()
    for index, line in enumerate(lines):
        if index in code or not _TOC_TITLE.match(line.strip()):
            continue
        entries = []
        for below in range(index + 1, len(lines)):
            if not lines[below].strip():
                continue
            if not re.match(r"\s*(?:[-*+•]|\d+[.)、])\s*\S", lines[below]) or last.get(keys[below], below) <= below:
                break
            entries.append(below)
        if len(entries) >= 2:
            found |= {index, *entries}
    if found:
        found |= {index for index, line in enumerate(lines) if index not in code and _TOC_TITLE.match(line.strip())}
    return found


def _navigation(lines: list[str], code: frozenset[int]) -> Iterable[int]:
    first, last = _edges(lines)
    return [index for index in first | last if index not in code and _NAVIGATION.match(_bare(lines[index]))]


def _tail(marker: re.Pattern[str]) -> Rule:
    """From a line that opens a tail (comments, related links) to the next heading or the end of the text."""

    def rule(lines: list[str], code: frozenset[int]) -> Iterable[int]:
        before = 0
        for index, line in enumerate(lines):
            if index not in code and before >= MIN_ARTICLE_CHARS and marker.match(_bare(line)):
                return range(index, _next_heading(lines, index + 1))
            before += len(line.strip())
        return ()

    return rule


def _next_heading(lines: list[str], start: int) -> int:
    heading = re.compile(r"\s{0,3}#{1,6}\s|[一二三四五六七八九十]{1,3}、")
    return next((index for index in range(start, len(lines)) if heading.match(lines[index])), len(lines))


def _courses(lines: list[str], code: frozenset[int]) -> Iterable[int]:
    """Titles between a gap of blank lines and the comments: links to other things of the same site."""
    for index, line in enumerate(lines):
        if index in code or not (_COMMENTS.match(_bare(line)) or _RELATED.match(_bare(line))):
            continue
        above = index - 1
        while (
            above >= 0 and lines[above].strip() and len(lines[above]) <= 40 and lines[above].strip()[-1] not in "。！？"
        ):
            above -= 1
        gap = above >= 2 and not any(line.strip() for line in lines[above - 2 : above + 1])
        if gap and index - above <= EDGE_LINES:
            return range(above + 1, index)
    return ()


def _promotion(lines: list[str], code: frozenset[int]) -> Iterable[int]:
    first, last = _edges(lines)
    for index in (first | last) - code:
        if (
            len(lines[index]) <= MAX_LINE_CHARS
            and not lines[index].lstrip().startswith("|")
            and _promotes(lines[index])
        ):
            yield index


def _promotes(line: str) -> bool:
    if _ADVERT.search(line) or _BEGGING_EN.search(line) or _STAY_TUNED.search(line):
        return True
    if len(set(_BEGGING.findall(line))) >= 2 and _BEGGING_TONE.search(line):
        return True
    return bool(_MAIL.search(line) and _CONTACT.search(line))


def _footer(lines: list[str], code: frozenset[int]) -> Iterable[int]:
    first, last = _edges(lines, 8)
    return [index for index in (first | last) - code if _FOOTER.match(_bare(lines[index]))]


def _repeated_title(lines: list[str], code: frozenset[int]) -> Iterable[int]:
    """Pages dumped as text say their title two or three times before they begin."""
    first, _ = _edges(lines, 6)
    seen: set[str] = set()
    for index in sorted(first - code):
        key = _key(lines[index])
        if key in seen and len(key) >= 4:
            yield index
        seen.add(key)


RULES: tuple[tuple[str, Rule], ...] = (
    ("table of contents", _table_of_contents),
    ("navigation", _navigation),
    ("repeated title", _repeated_title),
    ("course list", _courses),
    ("comments", _tail(_COMMENTS)),
    ("related links", _tail(_RELATED)),
    ("promotion", _promotion),
    ("footer", _footer),
)
