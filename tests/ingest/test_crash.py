"""kill -9 of an ingest, at every file operation and at random moments: the old generation serves, a rerun finishes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = int(os.environ.get("CRASH_MOMENTS", "24"))
"""How many random moments; `python -m tests.benchmarks.crash 100` is the long run."""


def drive(folder: Path, mode: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.ingest.crash_driver", str(folder), mode, str(MOMENTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=850, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize(("mode", "least"), [("steps", 20), ("moments", MOMENTS)])
def test_a_killed_ingest_loses_nothing(mode: str, least: int, tmp_path: Path) -> None:
    report = drive(tmp_path, mode)
    clean, results = report["clean"], report["results"]
    assert clean["before"] != clean["after"]
    assert len(results) >= least
    killed = [result for result in results if result["code"] == -signal.SIGKILL]
    assert len(killed) == len(results) if mode == "steps" else len(killed) >= 1
    for result in results:
        assert result["served"] in (clean["before"], clean["after"])
        assert result["rerun"] == clean["after"]
        assert result["leftovers"] == []
        assert result["damage"] == []
        assert result["orphans"] == 0
    assert any(result["served"] == clean["before"] for result in killed)
