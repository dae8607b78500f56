"""One self-contained HTML file of a run: figures, plots, and every question with what was answered from what."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from service.evaluation.answers import quote_is_exact
from service.evaluation.glossary import HEADLINES, TIMES, label_of
from service.evaluation.matching import fold, holds_any, without_markers
from service.evaluation.plots import (
    bars_plot,
    calibration_plot,
    interval_bar,
    latency_plot,
    risk_coverage_plot,
    stacked_plot,
)
from service.evaluation.records import RunData, write_atomically
from service.evaluation.report_tables import second_opinion, tables
from service.evaluation.scoring import Scored, Summary

MAX_QUESTIONS = 2000
MAX_PASSAGE_BYTES = 1_200_000
SHOWN_HITS = 8
PARTS = {"figures": "Figures", "plots": "Plots", "metrics": "All metrics", "browser": "Questions"}
OUTCOMES = {"right": "good", "partly right": "fair", "wrong": "bad"}


def write_report(path: Path, run: RunData, rows: Sequence[Scored], summary: Summary) -> None:
    write_atomically(path, render(run, rows, summary))


def render(run: RunData, rows: Sequence[Scored], summary: Summary) -> str:
    """The page; of a very long run the questions that lost most, and passages up to a bound: a browser must open it."""
    shown = sorted(rows, key=lambda row: -(row.shortfall or 0.0))[:MAX_QUESTIONS] if len(rows) > MAX_QUESTIONS else rows
    data = {"questions": [question(run, row) for row in shown], "passages": shown_passages(run, shown)}
    body = [
        header(run, summary),
        headlines(summary),
        plots(rows, summary),
        tables(summary),
        second_opinion(run.folder),
        browser(len(shown), len(rows)),
    ]
    return page(str(summary.get("dataset")), "\n".join(body), data)


def page(title: str, body: str, data: Mapping[str, Any], with_script: bool = True) -> str:
    """Style, script and data inline; the policy lets nothing else run or load."""
    folder = files("service.evaluation") / "page"
    style, script = ((folder / name).read_text("utf-8") for name in ("report.css", "report.js"))
    inline = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    policy = f"default-src 'none'; {inline}; base-uri 'none'; form-action 'none'"
    # `<` is the only character that could end the element the data stands in.
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    scripts = f'<script type="application/json" id="data">{payload}</script>\n<script>{script}</script>\n'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)} – evaluation</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"{scripts if with_script else ''}</body>\n</html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def header(run: RunData, summary: Summary) -> str:
    identity = run.config.get("identity", {})
    facts = {
        "questions": f"{summary['n']:,}",
        "model": identity.get("model"),
        "embedder": identity.get("embedder"),
        "mode": identity.get("mode"),
        "commit": identity.get("commit"),
        "data set SHA-256": str(identity.get("dataset_sha256", ""))[:12],
        "index SHA-256": str(identity.get("index_sha256", ""))[:12],
    }
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>" for name, value in facts.items() if value
    )
    errors = (
        f'<p class="warning">{summary["errors"]} questions failed and are in no figure.</p>'
        if summary["errors"]
        else ""
    )
    links = "".join(f'<a href="#{target}">{name}</a>' for target, name in PARTS.items())
    title = f"Evaluation: {escape(str(summary.get('dataset')))}"
    return f"<header><h1>{title}</h1><dl>{items}</dl>{errors}<nav>{links}</nav></header>"


def headlines(summary: Summary) -> str:
    cards = [
        _card(label_of(name), f"{m['value']:.3f}", _notes(name, m, summary), m)
        for name in HEADLINES
        if (m := summary["metrics"].get(name))
    ]
    if spread := summary["latency"].get("first_token_ms"):
        cards.append(_card("First token", f"{spread['p50']:,.0f} ms", [f"95 % within {spread['p95']:,.0f} ms"], None))
    return f'<section class="cards" id="figures">{"".join(cards)}</section>'


def _notes(name: str, metric: Mapping[str, Any], summary: Summary) -> list[str]:
    """Interval and number of questions, and the value in each language where there are several."""
    langs = {lang: values[name] for lang, values in summary["groups"]["lang"].items() if name in values}
    notes = [f"95 %: {metric['low']:.3f}–{metric['high']:.3f}", f"{metric['n']:,} questions"]
    if len(langs) > 1:
        notes.append(" · ".join(f"{lang} {value:.2f}" for lang, value in langs.items()))
    return notes


def _card(name: str, value: str, notes: Sequence[str], metric: Mapping[str, Any] | None) -> str:
    arrow = " ↓" if metric and metric["better"] == "lower" else ""
    bar = interval_bar(metric["value"], metric["low"], metric["high"]) if metric else ""
    head = f'<h3>{escape(name)}{arrow}</h3><p class="big">{value}</p>'
    lines = "".join(f'<p class="small">{escape(note)}</p>' for note in notes)
    return f'<div class="card">{head}{bar}{lines}</div>'


def plots(rows: Sequence[Scored], summary: Summary) -> str:
    figures = []
    if curve := summary.get("risk_coverage"):
        point = summary["operating_point"]
        caption = "Risk: mean loss of what is answered when the most confident questions are answered first."
        figures.append(
            _figure("Risk and coverage", risk_coverage_plot(curve, point["coverage"], point["risk"]), caption)
        )
        caption = (
            f"Expected calibration error {summary['calibration_error']:.3f}. On the diagonal confidence is honest."
        )
        figures.append(_figure("Calibration", calibration_plot(summary["calibration"]), caption))
    for title, metric in (("Nugget recall", "nugget_recall"), ("Evidence recall@5", "evidence_recall@5")):
        if groups := by_document_and_language(rows, metric):
            caption = "By document and language of the question; value · questions."
            figures.append(_figure(f"{title} by document", bars_plot(title, groups), caption))
    if kinds := outcomes_by_category(rows):
        caption = "Right: every fact expected, or rightly refused. Wrong: no fact, or wrongly answered or refused."
        figures.append(_figure("Outcome by category", stacked_plot("Outcome", kinds, OUTCOMES), caption))
    times = {label: [row.timings[n] for row in rows if n in row.timings] for n, label in TIMES.items()}
    if drawn := {label: values for label, values in times.items() if values}:
        figures.append(_figure("Latency", latency_plot(drawn), "Share of questions done within a time."))
    return f'<section class="plots" id="plots">{"".join(figures)}</section>'


def _figure(title: str, plot: str, caption: str) -> str:
    return f"<figure><h2>{escape(title)}</h2>{plot}<figcaption>{escape(caption)}</figcaption></figure>"


def by_document_and_language(rows: Sequence[Scored], metric: str) -> dict[str, dict[str, tuple[float, int]]]:
    """Document → language → (mean, questions), documents in order of name, `several` last."""
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if metric in row.scores and row.case.docs:
            doc = row.case.docs[0] if len(row.case.docs) == 1 else "several"
            values.setdefault(doc, {}).setdefault(row.case.lang or "?", []).append(row.scores[metric])
    ordered = sorted(values, key=lambda doc: (doc == "several", doc))
    return {d: {lang: (sum(v) / len(v), len(v)) for lang, v in sorted(values[d].items())} for d in ordered}


def outcome_of(row: Scored) -> str | None:
    """right, partly right or wrong; None where nothing tells."""
    if row.shortfall is None or row.scores.get("abstention") == 0.0:
        return None if row.shortfall is None else "wrong"
    return "right" if row.shortfall == 0.0 else "partly right" if row.shortfall < 1.0 else "wrong"


def outcomes_by_category(rows: Sequence[Scored]) -> dict[str, dict[str, int]]:
    """Category → outcome → questions, the largest category first."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        if (found := outcome_of(row)) is not None:
            of_category = counts.setdefault((row.case.category or "without category").replace("_", " "), {})
            of_category[found] = of_category.get(found, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def browser(shown: int, total: int) -> str:
    left_out = f"The {shown:,} of {total:,} that lost most; the others are in per_question.jsonl."
    note = f'<p class="small">{left_out}</p>' if shown < total else ""
    return (
        f'<section id="browser"><h2>Questions</h2>{note}<form id="filters" role="search"></form>'
        '<p id="count" class="small" role="status"></p><div id="list"></div>'
        '<button id="more" type="button" hidden>Show more</button>'
        "<noscript>The list of questions needs JavaScript.</noscript></section>"
    )


def question(run: RunData, row: Scored) -> dict[str, Any]:
    """What the page needs of one question; empty fields are left out to keep it small."""
    case, answer = row.case, row.record.answer or {}
    folded = fold(without_markers(str(answer.get("text", ""))))
    refused = bool(row.refused)
    value = {
        "id": case.id,
        "q": case.question,
        "lang": case.lang,
        "category": case.category,
        "docs": list(case.docs),
        "split": case.split,
        "answerable": case.answerable,
        "gold": case.gold_answer,
        "nuggets": [[" / ".join(g), not refused and holds_any(folded, g)] for g in case.nuggets] if answer else [],
        "status": answer.get("status"),
        "text": answer.get("text"),
        "sentences": [_sentence(sentence) for sentence in answer.get("sentences", ())],
        "citations": [_citation(run, citation) for citation in answer.get("citations", ())],
        "dropped": list(answer.get("dropped", ())),
        "refusal": answer.get("refusal"),
        "confidence": None if row.confidence is None else round(row.confidence, 3),
        "scores": {name: round(score, 3) for name, score in row.scores.items()},
        "times": {name: round(value) for name, value in row.timings.items()},
        "hits": _hits(run, row),
    }
    return {name: item for name, item in value.items() if item not in (None, [], {})}


def _sentence(sentence: Mapping[str, Any]) -> list[Any]:
    return [sentence["text"], sentence["verdict"], round(sentence["score"], 2), sentence["citations"]]


def _citation(run: RunData, citation: Mapping[str, Any]) -> dict[str, Any]:
    """The quote with its offsets within its passage; `exact` null when the passage is not at hand."""
    passage = run.passages.get(citation["chunk_id"])
    shift = passage.start if passage else 0
    names = ("marker", "chunk_id", "title", "quote")
    span = {"start": citation["start"] - shift, "end": citation["end"] - shift}
    return {**{n: citation[n] for n in names}, **span, "exact": quote_is_exact(citation, run.passages)}


def _hits(run: RunData, row: Scored) -> list[list[Any]]:
    """[chunk id, score, relevant?] of the first hits."""
    gains = run.relevant.get(row.case.id, {})
    found = []
    for chunk_id, score in zip(row.record.ranking[:SHOWN_HITS], row.record.scores, strict=False):
        passage = run.passages.get(chunk_id)
        ids = {chunk_id, passage.document_id} if passage else {chunk_id}
        found.append([chunk_id, round(score, 4), int(any(gains.get(item, 0) > 0 for item in ids))])
    return found


def shown_passages(run: RunData, rows: Sequence[Scored]) -> dict[str, list[Any]]:
    """Chunk id → [title, heading, language, text]: cited ones first, then hits by rank, until the bound is met."""
    chosen: dict[str, list[Any]] = {}
    size = 0
    for chunk_id in dict.fromkeys(_wanted(rows)):
        passage = run.passages.get(chunk_id)
        if passage is not None:
            size += len(passage.text.encode()) + 100
            if size > MAX_PASSAGE_BYTES:
                break
            chosen[chunk_id] = [passage.title, " › ".join(passage.heading), passage.lang, passage.text]
    return chosen


def _wanted(rows: Sequence[Scored]) -> Iterator[str]:
    for row in rows:
        yield from (c["chunk_id"] for c in (row.record.answer or {}).get("citations", ()))
    for rank in range(SHOWN_HITS):
        yield from (row.record.ranking[rank] for row in rows if rank < len(row.record.ranking))
