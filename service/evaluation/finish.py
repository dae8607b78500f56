"""What a run becomes when its answers are in: per-question scores, summary, TREC run, JUnit file and report."""

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from service.evaluation.ranking import ranked_ids
from service.evaluation.records import RunData, load_run, trec_id, write_atomically, write_json
from service.evaluation.report import write_report
from service.evaluation.scoring import Scored, Summary, score_run, summarise

PER_QUESTION = "per_question.jsonl"
SUMMARY = "summary.json"
RUN_TREC = "run.trec"
REPORT = "report.html"
JUNIT = "junit.xml"


def finish(folder: Path, resamples: int = 2000) -> Summary:
    """Score a run folder and write every derived file; may be repeated at any time."""
    run = load_run(folder)
    rows = score_run(run)
    summary = {"dataset": run.config.get("dataset"), **summarise(rows, run.errors, resamples)}
    write_atomically(folder / PER_QUESTION, "".join(_line(per_question(row)) for row in rows))
    write_json(folder / SUMMARY, summary)
    write_atomically(folder / RUN_TREC, trec_run(run))
    write_atomically(folder / JUNIT, junit(str(run.config.get("dataset")), rows))
    write_report(folder / REPORT, run, rows, summary)
    return summary


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def per_question(row: Scored) -> dict[str, Any]:
    case = row.case
    groups = {name: getattr(case, name) for name in ("lang", "category", "docs", "doc_lang", "split", "answerable")}
    return {
        "id": case.id,
        **groups,
        "status": None if row.record.answer is None else row.record.answer["status"],
        "confidence": row.confidence,
        "loss": row.loss,
        "scores": {name: round(value, 6) for name, value in row.scores.items()},
        "timings": dict(row.timings),
    }


def trec_run(run: RunData) -> str:
    """`qid Q0 id rank score tag`; the score falls with the rank: evaluators sort by it and each breaks ties its way."""
    lines = []
    for case in run.cases:
        record = run.records.get(case.id)
        if record is not None:
            ids = ranked_ids(record, run.relevant.get(case.id, {}), run.passages)
            lines += [
                f"{trec_id(case.id)} Q0 {trec_id(item)} {rank} {1 / rank:.6f} career\n"
                for rank, item in enumerate(ids, start=1)
            ]
    return "".join(lines)


def junit(name: str, rows: list[Scored], failures: dict[str, str] | None = None) -> str:
    """One test case a question, or a gate's verdicts under `failures` by condition (empty text: passed)."""
    outcomes = {row.case.id: _trouble(row) for row in rows} if failures is None else failures
    failed = sum(bool(trouble) for trouble in outcomes.values())
    lines = [f'<testsuite name={_attribute(name)} tests="{len(outcomes)}" failures="{failed}">']
    for case, trouble in outcomes.items():
        inside = f"<failure message={_attribute(trouble)}/>" if trouble else ""
        lines.append(f"  <testcase classname={_attribute(name)} name={_attribute(case)}>{inside}</testcase>")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join([*lines, "</testsuite>"]) + "\n"


def _attribute(text: str) -> str:
    """Quoted, and without the control characters that XML 1.0 cannot hold."""
    return quoteattr("".join(char for char in text if char >= " " or char in "\t\n"))


def _trouble(row: Scored) -> str:
    """What a reader of a CI report would call a failure of this question."""
    scores = row.scores
    troubles = []
    if scores.get("abstention") == 0.0:
        troubles.append("refused though the corpus answers" if row.refused else "answered though the corpus is silent")
    elif scores.get("nugget_recall", 1.0) < 0.5:
        troubles.append(f"holds {scores['nugget_recall']:.0%} of the expected facts")
    must = ("citation_validity", "quote_exactness", "must_not_contain")
    troubles += [f"{name} is {scores[name]:.2f}" for name in must if scores.get(name, 1.0) < 1.0]
    return "; ".join(troubles)
