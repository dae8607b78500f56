"""A finished run made worse on purpose: `python -m tests.benchmarks.degrade RUN OUT` shuffles its citations.

Each citation keeps its marker and points, with its quotation, at the passage that another answer of the run cites, as
a build would that mixed up its passages. Texts and verdicts stay. `career eval compare RUN OUT` must find it worse.
"""

import argparse
import json
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from service.evaluation.records import ANSWERS, CONFIG, read_json, read_rows, write_atomically, write_json

SPAN = ("document_id", "chunk_id", "title", "heading", "url", "lang", "quote", "start", "end")


def shuffle_citations(rows: Sequence[dict[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """What the citations point at changes places between answers; none keeps its own passage if another is left."""
    spots = [citation for row in rows for citation in row.get("citations") or ()]
    spans = [{name: spot[name] for name in SPAN if name in spot} for spot in spots]
    random.Random(seed).shuffle(spans)
    for index, spot in enumerate(spots):
        other = next((i for i in range(index, len(spans)) if spans[i]["chunk_id"] != spot["chunk_id"]), index)
        spans[index], spans[other] = spans[other], spans[index]
        spot.update(spans[index])
    return list(rows)


def degrade(run: Path, out: Path, seed: int = 0) -> Path:
    """Copy a run folder with its citations shuffled; it is scored anew by `career eval report`."""
    shutil.copytree(run, out)
    rows = shuffle_citations([dict(row) for row in read_rows(run / ANSWERS)], seed)
    write_atomically(out / ANSWERS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    config = read_json(out / CONFIG)
    write_json(out / CONFIG, {**config, "identity": {**config["identity"], "model": "citations shuffled"}})
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="degrade", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    from service.evaluation.finish import finish

    finish(degrade(chosen.run, chosen.out, chosen.seed))
    print(chosen.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
