"""Blocks become pieces that are never cut, and what each piece offers to be embedded and cited: its units."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from indexes.text import split_sentences
from indexes.types import PATH_MARK, ChunkKind, UnitKind
from ingest.lines import LEAD_END
from ingest.structure import Block, Item, Part, Span

MAX_UNIT_CHARS = 400
"""Longer prose, items and rows are split at sentence, cell or clause ends; code twice as long at blank lines."""
SHORT_LIST_CHARS = 160
"""A list no longer than this whose items are labels is one unit with its lead-in: nobody cites one word of it."""
LABEL_WORDS = 14
"""Latin words and Han characters of an item that names something and states nothing."""
SHORT_CLAUSE_CHARS = 120
"""Clauses joined by semicolons are one sentence up to here; a contrast needs both its sides."""
LABEL_LEAD_CHARS = 12
"""A lead-in no longer than this (实践项目：) says nothing by itself: it is context, not a unit."""
LABEL_PARENT_CHARS = 32
"""So is an item with items of its own (入门阶段（0-1 年）)."""
MAX_CONTEXT_CHARS = 120

_CUT_PROSE, _CUT_ROW, _CUT_ITEM, _CUT_CODE, _CUT_BEFORE_CODE = 0.3, 0.1, 0.15, 0.8, 0.3

_HAN = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_WORD = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+")
_CONTINUES = re.compile(r"[,，、;；:：)）]")
_CLAUSE_END = re.compile(r"[。！？；!?;]|\.\s|\s\|\s|[，,、]|\n|\s")


@dataclass(frozen=True, slots=True)
class Draft:
    """A unit without its id."""

    kind: UnitKind
    start: int
    end: int
    context: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch that stays whole; `cut_cost` is what it costs to open a passage before it."""

    kind: ChunkKind
    start: int
    end: int
    units: tuple[Draft, ...]
    cut_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the blocks of a section are read with: the path of titles, the lead-in above, the last sentence above."""

    path: str
    lead: Piece | None = None
    lead_text: str = ""
    above: str = ""

    def context(self, *lines: str) -> str:
        return "\n".join(line for line in (self.path, *lines) if line)


def pieces_of(text: str, part: Part, title: str, chunk_chars: int) -> list[Piece]:
    """The pieces of a section in order; a lead-in (a sentence that ends in a colon) stays with what it introduces."""
    around = Surroundings(PATH_MARK.join(name for name in (title, *part.section.heading) if name))
    pieces: list[Piece] = []
    for block in part.blocks:
        if not _words(text[block.start : block.end]):
            continue
        made = _pieces(text, block, around, chunk_chars)
        if around.lead and block.kind is ChunkKind.PROSE:
            pieces.append(around.lead)
        elif around.lead:
            made[0] = _joined(around.lead, made[0])
        lead, lead_text = None, ""
        if block.kind is ChunkKind.PROSE and LEAD_END.search(text[block.start : block.end]):
            lead = made.pop()
            lead_text = _one_line(text[lead.units[-1].start : lead.end])
        above = (
            _one_line(text[made[-1].units[-1].start : made[-1].end]) if block.kind is ChunkKind.PROSE and made else ""
        )
        around = replace(around, lead=lead, lead_text=lead_text, above=above)
        pieces += made
    if around.lead:
        pieces.append(around.lead)
    return _without_scraps(text, pieces)


def _pieces(text: str, block: Block, around: Surroundings, chunk_chars: int) -> list[Piece]:
    match block.kind:
        case ChunkKind.PROSE:
            return _prose(text, block, around)
        case ChunkKind.LIST:
            return _list(text, block, around)
        case ChunkKind.TABLE:
            return _table(text, block, around)
        case ChunkKind.CODE:
            return _code(text, block, around, chunk_chars)


def _prose(text: str, block: Block, around: Surroundings) -> list[Piece]:
    """A piece for each sentence; wrapped lines are read as one."""
    flat = text[block.start : block.end].replace("\n", " ")
    spans = [(block.start + start, block.start + end) for start, end in _sentences(flat)]
    return [
        Piece(ChunkKind.PROSE, start, end, _drafts(text, UnitKind.SENTENCE, (start, end), around.context()), cost)
        for (start, end), cost in zip(spans, [0.0, *[_CUT_PROSE] * len(spans)], strict=False)
    ]


def _sentences(flat: str) -> list[Span]:
    """Sentences, where a clause that is short or opens with a comma belongs to the one before it."""
    spans: list[Span] = []
    for start, end in split_sentences(flat):
        clause = spans and flat[spans[-1][1] - 1] in ";；" and end - spans[-1][0] <= SHORT_CLAUSE_CHARS
        if spans and (clause or _CONTINUES.match(flat, start)):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


def _table(text: str, block: Block, around: Surroundings) -> list[Piece]:
    """A piece for each row, the header with the first; a row is embedded with the names of its columns."""
    columns = _one_line(text[slice(*block.header)]) if block.header else ""
    context = around.context(around.lead_text, columns)
    rows = block.rows or ((block.header,) if block.header else ((block.start, block.end),))
    pieces = [
        Piece(ChunkKind.TABLE, *_whole_line(text, row), _drafts(text, UnitKind.ROW, row, context), _CUT_ROW)
        for row in rows
    ]
    pieces[0] = replace(pieces[0], start=block.start, cut_cost=0.0)
    pieces[-1] = replace(pieces[-1], end=block.end)
    return pieces


def _whole_line(text: str, row: Span) -> Span:
    end = text.find("\n", row[1])
    return text.rfind("\n", 0, row[0]) + 1, len(text) if end < 0 else end


def _list(text: str, block: Block, around: Surroundings) -> list[Piece]:
    if _is_short_list(text, block):
        start = around.lead.units[-1].start if around.lead else block.start
        unit = Draft(UnitKind.ITEM, start, block.end, around.context())
        return [Piece(ChunkKind.LIST, block.start, block.end, (unit,))]
    pieces = [piece for group in _groups(block.items) for piece in _group(text, group, around)]
    pieces[0] = replace(pieces[0], start=block.start, cut_cost=0.0)
    return pieces


def _is_short_list(text: str, block: Block) -> bool:
    return block.end - block.start <= SHORT_LIST_CHARS and _are_labels(text, block.items)


def _are_labels(text: str, items: Sequence[Item]) -> bool:
    """Whether the items without items of their own name things, on average."""
    leaves = [item for item, after in zip_longest(items, items[1:]) if after is None or after.depth <= item.depth]
    return sum(_words(text[item.body : item.end]) for item in leaves) <= LABEL_WORDS * len(leaves)


def _groups(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """An outermost item with all that is nested in it."""
    heads = [index for index, item in enumerate(items) if item.depth == 0 or index == 0]
    for first, last in zip(heads, [*heads[1:], len(items)], strict=True):
        yield items[first:last]


def _group(text: str, group: Sequence[Item], around: Surroundings) -> list[Piece]:
    """One unit when the nested items are labels, else one for each item, with its parents as context."""
    context = around.context(around.lead_text)
    head, end = group[0], group[-1].end
    if len(group) > 1 and end - head.start <= SHORT_LIST_CHARS and _are_labels(text, group):
        unit = Draft(UnitKind.ITEM, head.body, end, context)
        return [Piece(ChunkKind.LIST, head.start, end, (unit,), _CUT_ITEM)]
    pieces: list[Piece] = []
    parents: list[Item] = []
    for item, following in zip(group, [*group[1:], None], strict=True):
        parents = [parent for parent in parents if parent.depth < item.depth]
        names = [_one_line(text[parent.body : parent.end]) for parent in parents]
        drafts = _drafts(text, UnitKind.ITEM, (item.body, item.end), around.context(around.lead_text, *names))
        is_label = following is not None and following.depth > item.depth and item.end - item.body <= LABEL_PARENT_CHARS
        piece = Piece(ChunkKind.LIST, item.start, item.end, () if is_label else drafts, _CUT_ITEM)
        pieces.append(_joined(pieces.pop(), piece) if pieces and not pieces[-1].units else piece)
        parents.append(item)
    return pieces


def _code(text: str, block: Block, around: Surroundings, chunk_chars: int) -> list[Piece]:
    """A block of code is one piece and one unit, unless it is long; its caption is the sentence above."""
    context = around.context(around.lead_text or around.above)
    inner = block.inner or (block.start, block.end)
    spans = [inner] if inner[1] - inner[0] <= 2 * chunk_chars else _code_parts(text, inner, chunk_chars)
    pieces = [
        Piece(ChunkKind.CODE, *span, (Draft(UnitKind.CODE, *span, context),), _CUT_CODE)
        for span in spans
        if _words(text[slice(*span)])
    ]
    pieces[0] = replace(pieces[0], start=block.start, cut_cost=_CUT_BEFORE_CODE)
    pieces[-1] = replace(pieces[-1], end=block.end)
    return pieces


def _code_parts(text: str, span: Span, limit: int) -> list[Span]:
    """Stretches of whole lines up to `limit` characters, ending at a blank line where there is one."""
    parts: list[Span] = []
    start, end = span
    while end - start > limit:
        window = text[start : start + limit]
        cut = max(window.rfind("\n\n"), window.rfind("\n") if window.rfind("\n\n") < limit // 3 else -1)
        cut = cut if cut > 0 else limit
        parts.append((start, start + len(text[start : start + cut].rstrip())))
        start += cut
        start += len(text[start:end]) - len(text[start:end].lstrip("\n"))
    return [part for part in [*parts, (start, end)] if part[1] > part[0]]


def _drafts(text: str, kind: UnitKind, span: Span, context: str) -> tuple[Draft, ...]:
    """One unit, or several when the span is too long for one."""
    start, end = span
    drafts: list[Draft] = []
    while end - start > MAX_UNIT_CHARS:
        cut = start + _clause_end(text[start : start + MAX_UNIT_CHARS])
        drafts.append(Draft(kind, start, start + len(text[start:cut].rstrip(" \n|")), context))
        start = cut + len(text[cut:end]) - len(text[cut:end].lstrip(" \n|"))
    return tuple(draft for draft in [*drafts, Draft(kind, start, end, context)] if draft.end > draft.start)


def _clause_end(window: str) -> int:
    """Where to cut: after the last mark of the strongest kind in the second half, else at the end."""
    best: dict[int, int] = {}
    for match in _CLAUSE_END.finditer(window, len(window) // 2):
        mark = match.group()
        strength = 0 if mark[0] in "。！？!?." else 1 if mark.strip() in {"|", ";", "；"} else 2 if mark.strip() else 3
        best[strength] = match.end()
    return best[min(best)] if best else len(window)


def _joined(first: Piece, second: Piece) -> Piece:
    """A lead-in with what it introduces; a lead-in that is covered, or too short to say anything, is no unit."""
    units = tuple(
        unit
        for unit in first.units
        if unit.end - unit.start > LABEL_LEAD_CHARS and not any(other.start <= unit.start for other in second.units)
    )
    return Piece(second.kind, first.start, second.end, units + second.units, first.cut_cost)


def _without_scraps(text: str, pieces: Sequence[Piece]) -> list[Piece]:
    """A piece of a single word is taken into its neighbour, unless it is all that its section says."""
    kept: list[Piece] = []
    for piece in pieces:
        if kept and (_is_scrap(text, kept[-1]) or _is_scrap(text, piece)):
            kept.append(_absorbed(kept.pop(), piece))
        else:
            kept.append(piece)
    return kept


def _is_scrap(text: str, piece: Piece) -> bool:
    return _words(text[piece.start : piece.end]) < 2


def _absorbed(first: Piece, second: Piece) -> Piece:
    left, right = first.units, second.units
    bridge = Draft(left[-1].kind, left[-1].start, right[0].end, left[-1].context)
    return Piece(first.kind, first.start, second.end, (*left[:-1], bridge, *right[1:]), first.cut_cost)


def _words(text: str) -> int:
    """Latin words and Han characters."""
    return len(_WORD.findall(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:MAX_CONTEXT_CHARS]
