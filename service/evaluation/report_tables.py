"""The tables of a report: every metric with its interval and meaning, and the headlines over each group."""

from html import escape

from service.evaluation.glossary import GROUPS, HEADLINES, label_of
from service.evaluation.plots import interval_bar
from service.evaluation.scoring import Summary


def tables(summary: Summary) -> str:
    parts = [
        '<section id="metrics"><h2>All metrics</h2><div class="scroll"><table><thead><tr><th>Metric<th>Value',
        "<th>95 % interval<th>n<th>Means</tr></thead>",
    ]
    for group, members in GROUPS.items():
        lines = [
            f"<tr><th>{escape(meaning.label)}{' ↓' if m['better'] == 'lower' else ''}<td>{m['value']:.3f}"
            f"<td>{interval_bar(m['value'], m['low'], m['high'])}{m['low']:.3f}–{m['high']:.3f}<td>{m['n']}"
            f"<td>{escape(meaning.text)}</tr>"
            for name, meaning in members.items()
            if (m := summary["metrics"].get(name))
        ]
        if lines:
            parts.append(f'<tbody><tr class="head"><th colspan="5">{escape(group)}</tr>{"".join(lines)}</tbody>')
    return "".join(parts) + "</table></div>" + group_tables(summary) + "</section>"


def group_tables(summary: Summary) -> str:
    """One folded table for each way to group the questions."""
    parts = []
    for name, members in summary["groups"].items():
        columns = [m for m in HEADLINES if any(m in values for values in members.values())]
        if len(members) < 2 or not columns:
            continue
        head = "".join(f"<th>{escape(label_of(m))}" for m in columns)
        lines = "".join(
            f"<tr><th>{escape(group)}<td>{values['n']}"
            + "".join(f"<td>{values[m]:.3f}" if m in values else "<td>–" for m in columns)
            + "</tr>"
            for group, values in members.items()
        )
        table = f"<thead><tr><th>{escape(name)}<th>n{head}</tr></thead><tbody>{lines}</tbody>"
        parts.append(
            f'<details><summary>By {escape(name)}</summary><div class="scroll"><table>{table}</table></div></details>'
        )
    return "".join(parts)
