"""How well the verdict that ships judges labelled sentences: precision and recall of `supported`, by kind of mistake.

    python -m service.evaluation.measure_grounding SENTENCES.jsonl [--split test]

Lines are those of `fit_grounding`; the index must hold the documents named (`career ingest seeds`). Nothing is fitted.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from indexes.types import Embedder
from service.evaluation.fit_grounding import Corpus, Remembering, cases_of, measure, read_rows
from service.grounding import GroundingParams, Verifier


def measured(rows: Sequence[dict[str, Any]], corpus: Corpus, embedder: Embedder) -> dict[str, Any]:
    """As `fit_grounding.measure`, with the shipped parameters.

    Raises:
        ValueError: no passage of the index holds the evidence of a line.
    """
    remembering = Remembering(embedder, (row["sentence"] for row in rows))
    verifier = Verifier(remembering, GroundingParams.load(), corpus.unit_vectors)
    return measure(cases_of(rows, corpus, remembering), verifier)


def main() -> None:
    from indexes.embedding import load_embedder
    from indexes.generation import Generation
    from indexes.settings import IndexSettings

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sentences", type=Path)
    parser.add_argument("--split", choices=["dev", "test"], help="only the lines of this split")
    given = parser.parse_args()
    rows = [row for row in read_rows(given.sentences) if given.split in (None, row.get("split"))]
    settings = IndexSettings.load()
    with Generation.current(settings.home) as generation:
        print(json.dumps(measured(rows, generation, load_embedder(settings)), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
