"""A comparison of two runs as one self-contained HTML file: what moved, and the answers side by side that got worse."""

import math
from html import escape
from pathlib import Path

from service.evaluation.compare import Change, Comparison, Regression, answer_text, is_significant
from service.evaluation.glossary import label_of
from service.evaluation.records import write_atomically
from service.evaluation.report import page

COLUMNS = ("Metric", "A", "B", "B − A", "95 % interval", "p", "p (Holm)", "Wins / ties / losses")


def write_comparison(path: Path, comparison: Comparison) -> None:
    write_atomically(path, render(comparison))


def render(comparison: Comparison) -> str:
    names = f"A: {escape(comparison.a.name)}<br>B: {escape(comparison.b.name)}"
    head = "".join(f"<th>{column}" for column in COLUMNS)
    lines = "".join(_line(change) for change in comparison.changes)
    worse = "".join(map(_regression, comparison.regressions)) or "<p>None.</p>"
    body = (
        f'<header><h1>Comparison</h1><p>{names}</p><p class="small">{comparison.n:,} questions in both. Intervals '
        "from 2,000 paired bootstrap draws, p from 10,000 random swaps of A and B, "
        "Holm's adjustment over the metrics tested.</p></header>"
        f'<section><div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
        "</section>"
        f"<section><h2>Answered worse, worst first</h2>{worse}</section>"
    )
    return page("comparison", body, {}, with_script=False)


def _line(change: Change) -> str:
    tone = ("good" if change.gain > 0 else "bad") if is_significant(change) else ""
    cells = (
        f"{change.a:.3f}",
        f"{change.b:.3f}",
        f'<span class="{tone}">{change.delta:+.3f}</span>',
        f'<span class="whole">{change.low:+.3f} … {change.high:+.3f}</span>',
        _p(change.p),
        _p(change.p_holm),
        f"{change.wins} / {change.ties} / {change.losses}" if change.wins + change.ties + change.losses else "–",
    )
    return f"<tr><th>{escape(label_of(change.metric))}{''.join(f'<td>{cell}' for cell in cells)}</tr>"


def _p(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"


def _regression(pair: Regression) -> str:
    case = pair.before.case
    moved = [
        f"{label_of(name)} {value:.2f} → {pair.after.scores[name]:.2f}"
        for name, value in pair.before.scores.items()
        if name in pair.after.scores and abs(pair.after.scores[name] - value) > 0.005
    ]
    sides = "".join(
        f'<div class="passage"><div class="where">{side}</div><p>{escape(answer_text(row) or "–")}</p></div>'
        for side, row in (("A", pair.before), ("B", pair.after))
    )
    expected = f'<p class="small">Expected: {escape(case.gold_answer)}</p>' if case.gold_answer else ""
    return (
        f'<div class="item"><p><span class="id">{escape(case.id)}</span> {escape(case.question)}</p>{expected}'
        f'<div class="plots">{sides}</div><p class="small">{escape("; ".join(moved))}</p></div>'
    )
