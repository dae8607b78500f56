"""The judge's opinion is kept apart, resumes, and is told with its agreement."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from indexes.errors import EngineError, UsageError
from service.evaluation.finish import finish
from service.evaluation.judge import RemoteJudge, agreement, judge_run, open_judge, read_verdict
from service.settings import Settings
from tests.service.evaluation.synthetic import write_run


class Strict:
    """Says yes when the last word of the request occurs in the passage."""

    name = "strict"

    def __init__(self) -> None:
        self.asked = 0

    def decide(self, passage: str, request: str) -> bool | None:
        self.asked += 1
        return request.rsplit(maxsplit=1)[-1] in passage


def test_agreement_by_hand() -> None:
    # yes/yes 2, yes/no 1, no/no 1, unreadable 1. Agreement 3/4. Chance: .75·.5 + .25·.5 = .5. κ = (.75 − .5)/.5 = .5
    pairs = [[True, True], [True, True], [True, False], [False, False], [None, True]]
    assert agreement(pairs) == {
        "n": 4, "unreadable": 1, "judge": 0.75, "deterministic": 0.5, "agreement": 0.75, "kappa": 0.5,
    }  # fmt: skip
    assert agreement([[True, True]])["kappa"] is None
    assert agreement([]) == {"n": 0, "unreadable": 0}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes.", True),
        (" no, it does not", False),
        ("是的", True),
        ("不是", False),
        ("否", False),
        ("perhaps", None),
        ("", None),
    ],
)
def test_verdicts_are_read(text: str, verdict: bool | None) -> None:
    assert read_verdict(text) is verdict


def test_a_run_is_judged_apart_from_its_summary(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 12, 1.0)
    before = finish(folder, resamples=50)
    judge = Strict()
    verdict = judge_run(folder, judge, limit=None)
    answered = before["statuses"]["answered"]
    assert verdict["answers"] == answered
    assert verdict["faithfulness"]["n"] == answered
    assert verdict["nugget_recall"]["agreement"] == 1.0
    assert json.loads((folder / "judge.json").read_text("utf-8")) == verdict
    assert json.loads((folder / "summary.json").read_text("utf-8")) == before
    asked = judge.asked
    assert judge_run(folder, judge, limit=None) == verdict
    assert judge.asked == asked


def test_the_report_tells_the_opinion_apart_and_with_its_agreement(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 12, 1.0)
    finish(folder, resamples=50)
    assert "second opinion" not in (folder / "report.html").read_text("utf-8")
    verdict = judge_run(folder, Strict(), limit=None)
    finish(folder, resamples=50)
    section = (folder / "report.html").read_text("utf-8").split('id="judge"')[1].split("</section>")[0]
    n = verdict["nugget_recall"]["n"]
    # This judge looks for the fact in the answer, as the matcher does: all verdicts are yes, so there is no κ.
    assert f"<tr><th>expected facts held<td>{n}<td>1.00<td>1.00<td>1.00<td>–<td>0</tr>" in section
    assert f"strict, on {verdict['answers']} answers. It enters no figure above and gates nothing." in section
    (folder / "judge.json").write_text('{"judge": "damaged"', "utf-8")
    finish(folder, resamples=50)
    assert "second opinion" not in (folder / "report.html").read_text("utf-8")


def test_two_judges_do_not_mix(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", 3, 1.0)
    judge_run(folder, Strict(), limit=1)
    other = Strict()
    other.name = "other"
    with pytest.raises(UsageError, match="holds the opinion of strict"):
        judge_run(folder, other, limit=1)


def test_a_remote_judge_speaks_the_openai_protocol() -> None:
    seen: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            seen.append({"path": self.path, "key": self.headers["Authorization"]})
            body = json.dumps({"choices": [{"message": {"content": "Yes"}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        judge = RemoteJudge(f"http://127.0.0.1:{server.server_port}/v1/", "m", "secret")
        assert judge.decide("passage", "request") is True
        thread.join()
    assert seen[0]["model"] == "m"
    assert seen[0]["temperature"] == 0
    assert seen[1] == {"path": "/v1/chat/completions", "key": "Bearer secret"}
    with pytest.raises(EngineError, match="Check --url and --model"):
        judge.decide("passage", "request")


def test_an_address_must_be_one() -> None:
    with pytest.raises(UsageError, match="write an http"), open_judge("localhost", "m", Settings.load({})):
        pass
