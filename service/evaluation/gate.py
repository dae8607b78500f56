"""Whether a run is good enough: bounds on metrics, and no significant fall against an earlier run."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from indexes.errors import UsageError
from service.evaluation.compare import compare, worse
from service.evaluation.finish import JUNIT, SUMMARY, junit
from service.evaluation.records import read_json, write_atomically
from service.evaluation.scoring import LOWER_IS_BETTER, Summary

_CONDITION = re.compile(r"(?P<metric>[\w@.]+)(?:\[(?P<group>[^\]]+)\])?=(?P<value>-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Condition:
    """`metric=value`, or `metric[zh]=value` for one group (a language, a category, a document, a split)."""

    kind: Literal["min", "max"]
    metric: str
    group: str | None
    value: float

    def __str__(self) -> str:
        name = f"{self.metric}[{self.group}]" if self.group else self.metric
        return f"{name} {'≥' if self.kind == 'min' else '≤'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`trouble` is empty when the condition holds."""

    condition: str
    trouble: str


def parse_condition(kind: Literal["min", "max"], text: str) -> Condition:
    """Raises: UsageError: not of the form metric=value or metric[group]=value."""
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"--{kind} {text}: write metric=value, for example nugget_recall=0.8 or nugget_recall[zh]=0.8."
        )
    return Condition(kind, match["metric"], match["group"], float(match["value"]))


def gate(
    folder: Path, conditions: Sequence[Condition], baseline: Path | None = None, alpha: float = 0.05
) -> list[Verdict]:
    """Check every condition and write junit.xml into the run folder.

    Raises:
        UsageError: nothing to check, or a condition names what the run has not measured.
    """
    if not conditions and baseline is None:
        raise UsageError("Nothing to check. Add --min metric=value, --max metric=value or --no-regression RUN.")
    summary = read_json(folder / SUMMARY)
    verdicts = [check(summary, condition) for condition in conditions]
    verdicts.append(Verdict("every question has an answer", _missing(summary)))
    if baseline is not None:
        verdicts += no_regression(folder, baseline, alpha)
    name = f"gate {summary.get('dataset')}"
    write_atomically(folder / JUNIT, junit(name, [], {v.condition: v.trouble for v in verdicts}))
    return verdicts


def _missing(summary: Summary) -> str:
    return f"{summary['errors']} questions failed" if summary.get("errors") else ""


def check(summary: Summary, condition: Condition) -> Verdict:
    value = measured(summary, condition)
    holds = value >= condition.value if condition.kind == "min" else value <= condition.value
    return Verdict(str(condition), "" if holds else f"is {value:.4g}")


def measured(summary: Summary, condition: Condition) -> float:
    """The value a condition speaks of; latencies as `first_token_ms.p95`."""
    flat = {name: metric["value"] for name, metric in summary["metrics"].items()}
    for name, spread in summary["latency"].items():
        flat |= {f"{name}.{cut}": value for cut, value in spread.items()}
    flat |= {name: summary[name] for name in ("calibration_error", "answerable_auroc") if summary.get(name) is not None}
    if condition.group is not None:
        groups = [members[condition.group] for members in summary["groups"].values() if condition.group in members]
        if not groups:
            known = ", ".join(sorted(name for members in summary["groups"].values() for name in members))
            raise UsageError(f"{condition}: the run has no group {condition.group}. It has: {known}.")
        flat = groups[0]
    if condition.metric not in flat:
        known = ", ".join(sorted(flat))
        raise UsageError(f"{condition}: the run did not measure {condition.metric}. It has: {known}.")
    return float(flat[condition.metric])


def no_regression(folder: Path, baseline: Path, alpha: float) -> list[Verdict]:
    """One verdict a metric that fell significantly, or a single passed one."""
    comparison = compare(baseline, folder)
    verdicts = []
    for change in worse(comparison, alpha):
        direction = "rose" if change.metric in LOWER_IS_BETTER else "fell"
        p = "" if math.isnan(change.p_holm) else f", p = {change.p_holm:.4f} after Holm"
        moved = f"{direction} from {change.a:.3f} to {change.b:.3f} [{change.low:+.3f}, {change.high:+.3f}]{p}"
        verdicts.append(Verdict(f"{change.metric} no worse than {baseline.name}", moved))
    return verdicts or [Verdict(f"no metric worse than {baseline.name} on {comparison.n} questions", "")]
