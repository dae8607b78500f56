"""A worse build is found worse and does not pass the gate; an equal one does."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from indexes.errors import UsageError
from service.evaluation.cli import app
from service.evaluation.compare import compare, comparison_json, worse
from service.evaluation.compare_page import render
from service.evaluation.finish import finish
from service.evaluation.gate import gate, parse_condition
from tests.service.evaluation.synthetic import write_run

SIZE = 300


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    made = {
        "good": write_run(folder / "good", SIZE, 0.9),
        "twin": write_run(folder / "twin", SIZE, 0.9, seed=1),
        "bad": write_run(folder / "bad", SIZE, 0.7),
        "shuffled": write_run(folder / "shuffled", SIZE, 0.9, shuffled=True),
    }
    for path in made.values():
        finish(path, resamples=200)
    return made


def test_a_worse_build_is_found_worse(runs: dict[str, Path]) -> None:
    comparison = compare(runs["good"], runs["bad"])
    change = next(change for change in comparison.changes if change.metric == "nugget_recall")
    assert change.p < 0.05
    assert change.p_holm < 0.05
    assert change.high < 0
    assert change.losses > change.wins
    assert change.wins + change.ties + change.losses == change.n == SIZE * 2 // 3
    assert {"nugget_recall", "false_answer"} <= {change.metric for change in worse(comparison)}
    assert len(comparison.regressions) == 20
    assert comparison.regressions[0].lost >= comparison.regressions[-1].lost > 0


def test_shuffled_citations_are_found(runs: dict[str, Path]) -> None:
    found = {change.metric for change in worse(compare(runs["good"], runs["shuffled"]))}
    assert "quote_exactness" in found
    assert "nugget_recall" not in found


def test_a_build_of_the_same_quality_is_not_called_worse(runs: dict[str, Path]) -> None:
    assert worse(compare(runs["good"], runs["twin"])) == []
    same = compare(runs["good"], runs["good"])
    assert all(change.delta == 0 and (change.p == 1.0 or change.p != change.p) for change in same.changes)
    assert same.regressions == ()


def test_runs_of_other_questions_do_not_compare(runs: dict[str, Path], tmp_path: Path) -> None:
    other = write_run(tmp_path / "other", 3, 1.0)
    rows = (other / "questions.jsonl").read_text("utf-8")
    (other / "questions.jsonl").write_text(rows.replace("entry-level", "senior"), "utf-8")
    with pytest.raises(UsageError, match="q00000 is not the same"):
        compare(runs["good"], other)
    (other / "questions.jsonl").write_text(rows.replace('"q0', '"x0'), "utf-8")
    (other / "answers.jsonl").write_text((other / "answers.jsonl").read_text("utf-8").replace('"q0', '"x0'), "utf-8")
    with pytest.raises(UsageError, match="share no question"):
        compare(runs["good"], other)


def test_json_and_page_hold_both_answers(runs: dict[str, Path]) -> None:
    comparison = compare(runs["good"], runs["bad"])
    told = json.loads(json.dumps(comparison_json(comparison)))
    assert told["regressions"][0]["a"]["answer"] != told["regressions"][0]["b"]["answer"]
    html = render(comparison)
    assert html.count('<div class="item">') == 20
    assert "<script" not in html


@pytest.mark.parametrize(
    ("kind", "text", "trouble"),
    [
        ("min", "nugget_recall=0.5", ""),
        ("min", "nugget_recall=0.99", "is 0."),
        ("max", "false_answer=0.5", ""),
        ("max", "false_answer=0.01", "is 0."),
        ("min", "nugget_recall[zh]=0.5", ""),
        ("max", "first_token_ms.p95=4", "is 5"),
    ],
)
def test_bounds(runs: dict[str, Path], kind: str, text: str, trouble: str) -> None:
    verdict = gate(runs["good"], [parse_condition(kind, text)])[0]  # type: ignore[arg-type]
    assert verdict.trouble.startswith(trouble)
    assert bool(verdict.trouble) is bool(trouble)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nugget_recall", "write metric=value"),
        ("nugget_recall=high", "write metric=value"),
        ("nuggets=1", "did not measure nuggets. It has: "),
        ("nugget_recall[fr]=1", "has no group fr. It has: "),
    ],
)
def test_conditions_nobody_can_check_are_refused(runs: dict[str, Path], text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        gate(runs["good"], [parse_condition("min", text)])
    assert complaint in str(caught.value)


def test_a_gate_without_conditions_is_refused(runs: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="Nothing to check"):
        gate(runs["good"], [])


def test_the_command_exits_1_with_reasons_and_writes_junit(runs: dict[str, Path]) -> None:
    result = CliRunner().invoke(app, ["gate", str(runs["bad"]), "--no-regression", str(runs["good"])])
    assert result.exit_code == 1
    assert "FAILED nugget_recall no worse than good: fell from " in result.stdout
    suite = ElementTree.parse(runs["bad"] / "junit.xml").getroot()
    assert suite.get("failures") == str(result.stdout.count("FAILED"))
    passed = CliRunner().invoke(app, ["gate", str(runs["twin"]), "--no-regression", str(runs["good"]), "--json"])
    assert passed.exit_code == 0
    assert json.loads(passed.stdout)["passed"] is True


def test_the_commands_print_tables_and_json(runs: dict[str, Path]) -> None:
    table = CliRunner().invoke(app, ["compare", str(runs["good"]), str(runs["bad"])], env={"COLUMNS": "200"})
    assert table.exit_code == 0
    assert "Answered worse, worst first" in table.stdout
    told = CliRunner().invoke(app, ["compare", str(runs["good"]), str(runs["bad"]), "--json"])
    assert json.loads(told.stdout)["n"] == SIZE
    report = CliRunner().invoke(app, ["report", str(runs["good"])], env={"COLUMNS": "200"})
    assert "nugget_recall" in report.stdout
