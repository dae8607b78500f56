"""The tables of a report: every metric with its interval and meaning, and the headlines over each group."""

import json
from html import escape
from pathlib import Path

from service.evaluation.glossary import GROUPS, HEADLINES, label_of
from service.evaluation.plots import interval_bar
from service.evaluation.scoring import Summary

OPINIONS = {"faithfulness": "sentences supported by what they cite", "nugget_recall": "expected facts held"}


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


def second_opinion(folder: Path) -> str:
    """What a judge said of this run, apart from the metrics and with its agreement to them; empty without a judge."""
    try:
        told = json.loads((folder / "judge.json").read_text("utf-8"))
        lines = [_opinion(name, told[key]) for key, name in OPINIONS.items() if told[key]["n"]]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if not lines:
        return ""
    head = "<th>Of<th>Verdicts<th>Judge says yes<th>Checked by code<th>Same verdict<th>κ<th>Unreadable"
    note = f"{escape(str(told['judge']))}, on {told['answers']} answers. It enters no figure above and gates nothing."
    return (
        f'<section id="judge"><h2>A model\'s second opinion</h2><p class="small">{note}</p><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div></section>"
    )


def _opinion(name: str, found: dict[str, float | None]) -> str:
    kappa = "–" if found["kappa"] is None else f"{found['kappa']:.2f}"
    shares = "".join(f"<td>{found[key]:.2f}" for key in ("judge", "deterministic", "agreement"))
    return f"<tr><th>{name}<td>{found['n']}{shares}<td>{kappa}<td>{found['unreadable']}</tr>"
