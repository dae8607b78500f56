"""kill -9 of an ingest at many random moments: what served afterwards, and whether a rerun made what a clean run makes.

    python -m tests.benchmarks.crash [MOMENTS]

Every kill hits an incremental build (one file changed, two added, one of them read in the readers' process) in a home
that holds a generation; the embedder is the only double. See tests/ingest/crash_driver.py.
"""

import argparse
import json
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.ingest.crash_driver import main as drive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("moments", type=int, nargs="?", default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = drive(Path(scratch), "moments", arguments.moments)
    print(json.dumps(summary(report), indent=2))


def summary(report: dict[str, Any]) -> dict[str, Any]:
    clean, results = report["clean"], report["results"]
    served = Counter(
        "old" if result["served"] == clean["before"] else "new" if result["served"] == clean["after"] else "neither"
        for result in results
    )
    return {
        "kills": len(results),
        "hit while it ran": sum(result["code"] == -signal.SIGKILL for result in results),
        "served afterwards": dict(served),
        "rerun has the ids of a clean run": sum(result["rerun"] == clean["after"] for result in results),
        "damaged generations": sum(len(result["damage"]) for result in results),
        "leftovers": sum(len(result["leftovers"]) for result in results),
        "readers left behind": sum(result["orphans"] for result in results),
    }


if __name__ == "__main__":
    main()
