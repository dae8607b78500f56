"""What a single line is, in Markdown or in the loose plain text of a copied page: marker, heading, table row, code."""

import re
from collections.abc import Sequence

FENCE = re.compile(r"^\s*(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)$")
HEADING = re.compile(r"^ {0,3}(?P<marks>#{1,6})(?:[ \t]+(?P<text>.*))?$")
RULE = re.compile(r"^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
UNDERLINE = re.compile(r"^ {0,3}(?:=+|-{2,})[ \t]*$")
_TABLE_RULE_CELL = re.compile(r":?-+:?")
BULLET = re.compile(r"^(?P<indent>\s*)(?P<marker>[-*+•–—·●○▪◦‣])(?P<gap>\s+)(?=\S)")
NUMBER = re.compile(
    r"^(?P<indent>\s*)(?P<marker>\d{1,3}[.)](?=\s)|\d{1,3}[、．](?=\s*\S)|[(（]\d{1,2}[)）]|[①-⑳])(?P<gap>\s*)(?=\S)"
)
EMPTY_BULLET = re.compile(r"^(?P<indent>\s*)[-*+•–][ \t]*$")
SENTENCE_END = re.compile(r"[。！？；!?;.…][”’」』）)\"']*\s*$")
LEAD_END = re.compile(r"[:：]\s*$")

_NAME = r"[A-Za-z_][\w.]*"
_STATEMENT = re.compile(
    rf"^\s*(?:import\s+{_NAME}.*|from\s+{_NAME}\s+import\s.*|(?:async\s+)?def\s+\w+\(|class\s+\w+.*:$|@{_NAME}|return\b.*|"
    rf"(?:for|while|if|with|try|elif|else)\b.*:\s*(?:#.*)?$|(?:const|let|var|public|private|func|fn)\s.*[;{{=)]|"
    rf"{_NAME}(?:\s*,\s*{_NAME})*(?:\[[^\]]*\])?\s*[+*/-]?=\s*\S.*|{_NAME}\(.*[)(,\[{{]\s*(?:[#:;].*)?|"
    r"(?:\$\s|>>>\s|pip3? install\s|npm (?:i|install|run)\s|docker \w+\s|git \w+\s|curl\s|sudo\s).*)$"
)
_CONTINUATION = re.compile(r"^\s*(?:[)\]}]+[,;)]*|[(\[{].*[)\]},\[({],?|[\"'].*[\"'][,)]*|\w+\(.*\),?)\s*(?:#.*)?$")
_REMARK = re.compile(r"^\s*(?:#+\s?(?!#)|//\s?)\S")


_CHINESE_STOP = re.compile(r"[。！？；，：、]\s*(?:[#/].*)?$")


def _is_statement(line: str) -> bool:
    return bool(_STATEMENT.match(line)) and not _CHINESE_STOP.search(line)


def is_table_rule(line: str) -> bool:
    """Whether a line is what stands between the header of a pipe table and its rows."""
    if "|" not in line or "-" not in line:
        return False
    cells = line.strip().removeprefix("|").removesuffix("|").split("|")
    return all(_TABLE_RULE_CELL.fullmatch(cell.strip()) for cell in cells)


def heading_text(match: re.Match[str]) -> str:
    """The text of a `HEADING` without its closing marks."""
    text = (match["text"] or "").strip()
    bare = text.rstrip("#")
    return bare.rstrip() if bare != text and (not bare or bare[-1].isspace()) else text


def is_item(line: str) -> bool:
    return bool(BULLET.match(line) or NUMBER.match(line) or EMPTY_BULLET.match(line))


def fenced_lines(lines: Sequence[str]) -> list[tuple[int, int]]:
    """[first, last) of each fenced block, fences included; one that is never closed runs to the end."""
    found: list[tuple[int, int]] = []
    index = 0
    while index < len(lines):
        opening = FENCE.match(lines[index])
        if opening is None:
            index += 1
            continue
        end = index + 1
        while end < len(lines) and not _closes(opening["ticks"], lines[end]):
            end += 1
        found.append((index, min(end + 1, len(lines))))
        index = end + 1
    return found


def _closes(ticks: str, line: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(ticks) and set(bare) == {ticks[0]}


def bare_code(lines: Sequence[str], taken: frozenset[int] = frozenset()) -> list[tuple[int, int]]:
    """[first, last) of each run of two or more lines of program text that nobody fenced.

    A run opens with a statement or with a remark above one; an open bracket carries it on.
    """
    found: list[tuple[int, int]] = []
    index = 0
    while index < len(lines):
        end = index if index in taken else _run_of_code(lines, index, taken)
        if end - index >= 2:
            found.append((index, end))
        index = max(end, index + 1)
    return found


def code_lines(lines: Sequence[str]) -> frozenset[int]:
    """Indices of all lines of code, fenced or not."""
    fenced = frozenset(line for first, last in fenced_lines(lines) for line in range(first, last))
    return fenced | {line for first, last in bare_code(lines, fenced) for line in range(first, last)}


def _run_of_code(lines: Sequence[str], start: int, taken: frozenset[int]) -> int:
    """Where the run that opens at `start` ends; `start` itself when none opens there."""
    if not _opens(lines, start):
        return start
    end, depth = start, 0
    while end < len(lines) and end not in taken:
        line = lines[end]
        if not line.strip():
            if not (depth > 0 or (end + 1 < len(lines) and _opens(lines, end + 1))):
                break
        elif not (depth > 0 or _is_statement(line) or _CONTINUATION.match(line) or _REMARK.match(line)):
            break
        depth = max(0, depth + _depth(line))
        end += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return end


def _opens(lines: Sequence[str], index: int) -> bool:
    """A statement, or a remark directly above one. A Markdown heading is not directly above code."""
    while index < len(lines) and _REMARK.match(lines[index]):
        index += 1
    return index < len(lines) and _is_statement(lines[index])


def _depth(line: str) -> int:
    code = re.sub(r"\"[^\"]*\"|'[^']*'|#.*$", "", line)
    return sum(char in "([{" for char in code) - sum(char in ")]}" for char in code)
