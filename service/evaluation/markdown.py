"""The figures of a run as a Markdown table for a README: each split, over all and by language."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from service.evaluation.scoring import Scored, latency, measure

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Column:
    """Questions under one heading, measured; `wide` shows intervals and counts too."""

    title: str
    n: int
    metrics: dict[str, dict[str, Any]]
    times: dict[str, dict[str, float]]
    wide: bool


Cell = Callable[[Column], str]


def markdown(rows: Sequence[Scored]) -> str:
    """One table: a wide column for each split, then one for each language of it."""
    columns = [column for split in _names(rows, _split) for column in _columns(rows, split)]
    lines = [_line(["metric", *(f"{c.title} ({c.n})" for c in columns)]), _line(["---"] * (len(columns) + 1))]
    for label, cell in LINES:
        cells = [cell(column) for column in columns]
        if any(text != "–" for text in cells):
            lines.append(_line([label, *cells]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _split(row: Scored) -> str:
    return row.case.split or "all"


def _lang(row: Scored) -> str:
    return row.case.lang or "?"


def _names(rows: Sequence[Scored], key: Callable[[Scored], str]) -> list[str]:
    return list(dict.fromkeys(sorted(key(row) for row in rows)))


def _columns(rows: Sequence[Scored], split: str) -> list[Column]:
    of_split = [row for row in rows if _split(row) == split]
    langs = _names(of_split, _lang)
    found = [_column(split, of_split, wide=True)]
    if len(langs) > 1:
        found += [_column(f"{split} {lang}", [r for r in of_split if _lang(r) == lang], wide=False) for lang in langs]
    return found


def _column(title: str, rows: Sequence[Scored], wide: bool) -> Column:
    return Column(title, len(rows), measure(rows, RESAMPLES), latency(rows), wide)


def _value(*names: str) -> Cell:
    """The values of several metrics, with the interval where there is one metric and room."""

    def cell(column: Column) -> str:
        found = [column.metrics.get(name) for name in names]
        if not any(found):
            return "–"
        text = " / ".join(f"{m['value']:.2f}" if m else "–" for m in found)
        one = found[0] if len(found) == 1 and column.wide else None
        return f"{text} ({one['low']:.2f}–{one['high']:.2f})" if one else text

    return cell


def _share(name: str) -> Cell:
    """A rate with the cases behind it."""

    def cell(column: Column) -> str:
        metric = column.metrics.get(name)
        if metric is None:
            return "–"
        cases = f" ({round(metric['value'] * metric['n'])} of {metric['n']})"
        return f"{metric['value']:.2f}{cases if column.wide else ''}"

    return cell


def _median(name: str) -> Cell:
    def cell(column: Column) -> str:
        spread = column.times.get(name)
        return f"{spread['p50'] / 1000:.2f} s" if spread else "–"

    return cell


LINES: tuple[tuple[str, Cell], ...] = (
    ("a passage with the evidence is first / among the first five", _value("hit@1", "hit@5")),
    ("nugget recall over all answerable questions, refused ones as zero", _value("nugget_recall")),
    ("unanswerable questions that were answered", _share("false_answer")),
    ("answerable questions that were refused", _share("false_refusal")),
    ("balanced accuracy of answering and refusing", _value("balanced_accuracy")),
    ("area under the risk–coverage curve, 0 is best", _value("aurc")),
    ("citations valid / quotations exact / factual sentences cited",
     _value("citation_validity", "quote_exactness", "citation_coverage")),
    ("numbers and names of a sentence stand in what it cites", _value("support_proxy")),
    ("answer in the question's language", _share("language")),
    ("nothing said that must not be", _share("must_not_contain")),
    ("median time to the first token", _median("first_token_ms")),
    ("median time to the whole answer", _median("total_ms")),
    ("median time of the search", _median("search_ms")),
)  # fmt: skip
