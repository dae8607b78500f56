"""How long and how much memory it takes to score and report a large run, and how large a report becomes.

`python -m tests.benchmarks.evaluation` writes made-up runs to a temporary folder, scores them in a process of their
own, and prints seconds, peak memory and sizes. Exit 1 when a bound of the README is missed; time is bounded in seconds
of the processor, as the machine may have other work.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.service.evaluation.synthetic import write_run

SCORE = """
import json, re, resource, sys
from pathlib import Path
from service.evaluation.finish import finish
summary = finish(Path(sys.argv[1]))
used = resource.getrusage(resource.RUSAGE_SELF)
# Not ru_maxrss: that begins with the size of the process this one was forked from.
peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text("ascii"))[1])
print(json.dumps({"n": summary["n"], "peak_kib": peak, "cpu_s": used.ru_utime + used.ru_stime}))
"""
MAX_SECONDS, MAX_MIB, MAX_REPORT_MB = 60.0, 1024.0, 3.0


def measure(folder: Path) -> dict[str, float]:
    """Seconds of a process by the clock and of its processor, its peak memory, and the size of the page it wrote."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", SCORE, str(folder)], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    told = json.loads(done.stdout)
    page_mb = (folder / "report.html").stat().st_size / 1e6
    return {
        "records": told["n"],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(told["cpu_s"], 1),
        "peak_mib": round(told["peak_kib"] / 1024, 1),
        "report_mb": round(page_mb, 2),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="evaluation", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=10_000, help="answers of the large run")
    parser.add_argument("--questions", type=int, default=400, help="questions of the report that is weighed")
    parser.add_argument("--run", type=Path, help="weigh the report of this run instead of a made-up one")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="career-bench-") as scratch:
        large = measure(write_run(Path(scratch) / "large", chosen.records, 0.8))
        small = measure(chosen.run or write_run(Path(scratch) / "small", chosen.questions, 0.8))
    print(json.dumps({"large": large, "report": small}, indent=1))
    kept = large["cpu_seconds"] < MAX_SECONDS and large["peak_mib"] < MAX_MIB and small["report_mb"] < MAX_REPORT_MB
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
