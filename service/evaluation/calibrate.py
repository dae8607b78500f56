"""`career eval calibrate`: the gate fitted to somebody's own corpus, from questions that it answers and does not.

What the questions do not reach keeps its shipped model: a corpus of a dozen passages says nothing of a large one. The
file that ships is made by the same command (see `tests/evaluation/README.md`).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from indexes.errors import UsageError
from indexes.types import Hit
from service.abstention import PROBE, Situation
from service.answerer import TEMPLATE_TOKENS
from service.evaluation.dataset import load_dataset
from service.evaluation.fit_abstention import FOLDS, Example, Lean, Target, calibrate, examples_of
from service.evaluation.fit_probe import can_fit, fit_probe, unseen_values
from service.evaluation.own_passages import open_own_passages
from service.llm.types import LLM, GenerateOptions, Leaning
from service.probe import SAMPLED, Probe
from service.prompt import DENIAL, Budget, build_prompt
from service.runtime import open_runtime, passages_by_digest
from service.settings import Settings
from service.signals import IndexedWords
from service.stages import without_others


@dataclass(frozen=True, slots=True)
class Request:
    """Sets asked of the index of the settings, sets that bring their passages, and what the thresholds must meet."""

    datasets: Sequence[Path]
    with_passages: Sequence[Path] = ()
    target: Target = field(default_factory=Target)
    ask_engine: bool = False
    """Whether the engine is asked how it leans, a first token for each question."""


def calibration(request: Request, settings: Settings) -> dict[str, Any]:
    """What a gate file holds: provenance, a model for each situation, and how well it does.

    Raises:
        UsageError: too few questions of one kind are left to fit anything on.
    """
    examples, embedder, corpus, engine = _examples(request, settings)
    _check(examples)
    table = shipped()
    known = Probe.of(table[PROBE]) if PROBE in table and table["engine"] == engine else None
    known = known if known is not None and known.knows(corpus) else None
    examples, probe = probed(examples, known, corpus)
    found = calibrate(examples, request.target, table["models"])
    provenance = {
        "fitted": datetime.now(UTC).date().isoformat(),
        "by": "career eval calibrate",
        "on": {path.name: _digest(path) for path in (*request.datasets, *request.with_passages)},
        "questions": {str(s): sum(e.situation is s for e in examples) for s in Situation},
        "target": request.target.described(),
        "passages": corpus.total(),
        "embedder": embedder,
    }
    return {
        "provenance": provenance,
        "engine": engine,
        **found,
        **({PROBE: probe.table()} if probe else {}),
    }


def target_of(coverage: float | None, risk: float | None) -> Target:
    """The default target, or one that both languages and every size of corpus share."""
    return Target(risk=risk) if coverage is None else Target(dict.fromkeys(Situation, coverage), risk)


def shipped() -> Mapping[str, Any]:
    """The file that comes with the package."""
    table: Mapping[str, Any] = json.loads((files("service") / "data" / "abstention.json").read_text("utf-8"))
    return table


def save(table: Mapping[str, Any], path: Path) -> None:
    """Write a gate file; a folder that is missing is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _examples(request: Request, settings: Settings) -> tuple[list[Example], str, Counter[str], str]:
    """The examples, and what they were seen with: embedder, passages by document, engine if it was asked."""
    found = [example for path in request.with_passages for example in _with_own_passages(path, settings)]
    with open_runtime(settings, need_llm=request.ask_engine) as runtime:
        words, size = IndexedWords(runtime.generation.lexical), len(runtime.generation.chunks)
        lean = leaning_of(runtime.llm, settings) if runtime.llm is not None else None
        for path in request.datasets:
            found += examples_of(
                load_dataset(path).cases, runtime.retriever, words, size, lean=lean, embedder=runtime.embedder
            )
        return (
            found,
            runtime.embedder.name,
            passages_by_digest(runtime.generation),
            runtime.llm.name if runtime.llm is not None else "",
        )


def leaning_of(llm: LLM, settings: Settings) -> Lean:
    """How an engine leans, asked as the answerer asks it; None from one that does not tell."""
    tokens = llm.context_tokens - settings.max_tokens - TEMPLATE_TOKENS
    options = GenerateOptions(max_tokens=1, watch=DENIAL, sample_logits=SAMPLED)

    def lean(question: str, lang: str, hits: Sequence[Hit]) -> Leaning | None:
        built = build_prompt(
            question, without_others(question, hits), llm, Budget(settings.passages, tokens), lang=lang
        )
        told = [event for event in llm.generate(built.prompt, options) if isinstance(event, Leaning)]
        return told[0] if told else None

    return lean


def probed(
    examples: Sequence[Example], shipped: Probe | None = None, documents: Iterable[str] = ()
) -> tuple[list[Example], Probe | None]:
    """Examples with what a probe says of those whose logits are known, and the probe.

    It is fitted on the dev examples of all situations, over documents of these digests, and of each example it says
    what it would without having seen it. Where they are too few, `shipped` says it, as it is.
    """
    known = [at for at, example in enumerate(examples) if example.logits and example.split != "test"]
    labels = np.array([examples[at].answerable for at in known], np.bool_)
    values: dict[int, float | None] = {}
    probe = shipped
    if can_fit(labels):
        logits = np.array([examples[at].logits for at in known])
        values = dict(zip(known, unseen_values(logits, labels), strict=True))
        probe = replace(fit_probe(logits, labels), documents=frozenset(documents))
    if probe is None:
        return list(examples), None
    values = {at: probe.value(example.logits) for at, example in enumerate(examples)} | values
    return [_with(example, PROBE, values[at]) for at, example in enumerate(examples)], probe


def _with(example: Example, name: str, value: float | None) -> Example:
    return example if value is None else replace(example, signals={**example.signals, name: value})


def _with_own_passages(path: Path, settings: Settings) -> Iterator[Example]:
    data = load_dataset(path)
    with open_own_passages(settings, data, retrieval_only=True) as own:
        for case in data.cases:
            retriever = own.retriever_for(case)
            generation = own.runtime.generation
            words, size = IndexedWords(generation.lexical), len(generation.chunks)
            yield from examples_of([case], retriever, words, size, embedder=own.runtime.embedder)


def _check(examples: Sequence[Example]) -> None:
    dev = [example for example in examples if example.split != "test"]
    answerable = sum(example.answerable for example in dev)
    for count, kind in ((answerable, "that the corpus answers"), (len(dev) - answerable, "that it does not answer")):
        if count < FOLDS:
            raise UsageError(
                f"{count} questions {kind} reached the gate, and a fit takes {FOLDS} at least. Add questions with "
                '"answerable": true or false to the set; those of the test split are only reported.'
            )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
