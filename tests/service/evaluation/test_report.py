"""The report holds every question, runs nothing it should not, and is scored and written in time."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from service.evaluation.finish import finish
from service.evaluation.plots import bars_plot, calibration_plot, latency_plot, risk_coverage_plot
from service.evaluation.records import load_run
from service.evaluation.report import outcome_of, outcomes_by_category, page, render
from service.evaluation.scoring import score_run, summarise
from tests.service.evaluation.synthetic import write_run

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"


def payload(html: str) -> dict[str, list[dict[str, object]]]:
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert match is not None
    return json.loads(match[1])  # type: ignore[no-any-return]


def test_every_question_is_in_the_report(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 60, 0.8)
    finish(folder, resamples=100)
    html = (folder / "report.html").read_text("utf-8")
    data = payload(html)
    assert [item["id"] for item in data["questions"]] == [f"q{number:05}" for number in range(60)]
    answered = next(item for item in data["questions"] if item.get("citations"))
    citation = answered["citations"][0]  # type: ignore[index]
    passage = data["passages"][citation["chunk_id"]]  # type: ignore[call-overload]
    assert passage[3][citation["start"] : citation["end"]] == citation["quote"]
    assert not re.search(r"src=|href=(?!\"#)|url\(|https?://", html)


def test_400_questions_stay_under_3_megabytes(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 400, 0.8)
    finish(folder, resamples=100)
    assert (folder / "report.html").stat().st_size < 3_000_000


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 6, 1.0)
    for name in ("questions.jsonl", "answers.jsonl", "passages.jsonl", "config.json"):
        path = folder / name
        text = path.read_text("utf-8").replace("Milvus", HOSTILE).replace('"lookup"', json.dumps(HOSTILE))
        path.write_text(text.replace("synthetic", HOSTILE), "utf-8")
    finish(folder, resamples=100)
    html = (folder / "report.html").read_text("utf-8")
    assert html.count("<script") == 2
    assert "<img" not in html
    assert any(HOSTILE in str(item["q"]) for item in payload(html)["questions"])
    assert "<img" not in (folder / "junit.xml").read_text("utf-8")


def test_only_the_pages_own_script_and_style_may_run() -> None:
    html = page("t", "<p>body</p>", {})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]


def test_a_long_run_shows_what_lost_most_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.evaluation.report.MAX_QUESTIONS", 10)
    folder = write_run(tmp_path / "run", 90, 0.5)
    run = load_run(folder)
    rows = score_run(run)
    html = render(run, rows, {"dataset": "x", **summarise(rows, resamples=50)})
    shown = payload(html)["questions"]
    assert len(shown) == 10
    worst = {row.case.id for row in rows if row.shortfall == 1.0}
    assert {item["id"] for item in shown} <= worst
    assert "The 10 of 90 that lost most" in html


def test_plots_place_their_points() -> None:
    curve = risk_coverage_plot([[0.5, 0.0], [1.0, 0.5]], 0.5, 0.0)
    # x = 40 + 288 · coverage, y = 10 + 184 · (1 − risk)
    assert 'class="line s1" points="184.0,194.0 328.0,102.0"' in curve
    assert 'cx="184.0" cy="194.0"' in curve
    assert "<title>3 questions, confidence 0.50, came true 1.00</title>" in calibration_plot([[0.5, 0.6, 3, 0.5, 1.0]])
    assert "<title>doc, en: 0.250 over 4 questions</title>" in bars_plot("t", {"doc": {"en": (0.25, 4)}})
    assert latency_plot({}) == ""
    assert ">100 s</text>" in latency_plot({"Whole answer": [10.0, 90_000.0]})


FINISH = """
import sys
from pathlib import Path
from service.evaluation.finish import finish
finish(Path(sys.argv[1]))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_two_thousand_answers_are_scored_and_reported_within_memory(tmp_path: Path) -> None:
    """A fifth of the promise, 10,000 within 1 GB, in a process of its own."""
    folder = write_run(tmp_path / "run", 2000, 0.8)
    done = subprocess.run([sys.executable, "-c", FINISH, str(folder)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1_000_000  # kB
    assert json.loads((folder / "summary.json").read_text("utf-8"))["n"] == 2000


@pytest.mark.browser
def test_a_browser_opens_filters_and_shows_a_quote(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = next((path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(path).exists()), None)
    if chromium is None:
        pytest.skip("no Chromium")
    folder = write_run(tmp_path / "run", 120, 0.8)
    finish(folder, resamples=100)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=[*flags, "--disable-sync"])
        tab = browser.new_page(viewport={"width": 360, "height": 800})
        troubles: list[str] = []
        tab.on("console", lambda message: troubles.append(message.text))
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.goto((folder / "report.html").as_uri())
        assert tab.locator("details.item").count() == 50
        tab.select_option("select[aria-label=Language]", "zh")
        tab.fill("input[type=search]", "q00001")
        assert tab.locator("#count").inner_text() == "1 of 120"
        tab.locator("details.item summary").first.click()
        assert "Milvus 是" in tab.locator(".body").inner_text()
        assert tab.evaluate("document.documentElement.scrollWidth") == 360
        browser.close()
    assert troubles == []


def test_outcomes_of_a_category_by_hand(tmp_path: Path) -> None:
    rows = score_run(load_run(write_run(tmp_path / "run", 30, 0.8)))
    for row in rows:
        refused = bool(row.refused)
        if row.case.answerable:
            expected = "right" if not refused and row.scores["nugget_recall"] == 1.0 else "wrong"
        else:
            expected = "right" if refused else "wrong"
        assert outcome_of(row) == expected
    counts = outcomes_by_category(rows)
    assert list(counts) == ["lookup"]
    assert sum(counts["lookup"].values()) == 30
    half = replace(rows[0], scores={"nugget_recall": 0.5, "abstention": 1.0})
    assert outcome_of(half) == "partly right"


def test_cards_tell_each_language(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 30, 1.0)
    finish(folder, resamples=50)
    html = (folder / "report.html").read_text("utf-8")
    nuggets = next(card for card in html.split('<div class="card">') if "<h3>Nugget recall</h3>" in card)
    summary = json.loads((folder / "summary.json").read_text("utf-8"))["groups"]["lang"]
    assert f"en {summary['en']['nugget_recall']:.2f} · zh {summary['zh']['nugget_recall']:.2f}</p>" in nuggets
    assert '<a href="#browser">Questions</a>' in html
