"""Row 17: generated requests against every operation; `python -m tests.benchmarks.fuzz` runs twenty thousand."""

import warnings

import pytest

from tests.benchmarks.fuzz import fuzz, fuzzed_app


@pytest.mark.slow
def test_row_17_generated_requests_meet_only_what_is_documented() -> None:
    with fuzzed_app() as app, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # schemathesis's own remarks on what it generates
        report = fuzz(app, 900, seed=3, spoiled=9)
        operations = {f"{verb.upper()} {path}" for path, verbs in app.openapi()["paths"].items() for verb in verbs}
    assert report.faults == {}
    assert [status for status in report.statuses if int(status.rsplit(" ", 1)[1]) >= 500] == []
    assert set(report.cases) == operations
    assert report.total >= 900
    # It does get through: not everything is turned away at the door.
    for label in ("POST /api/ask 200", "POST /api/search 200", "POST /api/documents 202", "POST /v1/embeddings 200"):
        assert report.statuses[label] > 0, label
