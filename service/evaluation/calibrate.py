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
from service.abstention import LEANING, PROBE, PROBED, READ_ALONE, Situation
from service.answerer import TEMPLATE_TOKENS
from service.evaluation.dataset import load_dataset
from service.evaluation.fit_abstention import FOLDS, Example, Lean, Read, Target, calibrate, examples_of
from service.evaluation.fit_probe import COMPONENTS, READ_COMPONENTS, can_fit, fit_probe, unseen_values
from service.evaluation.own_passages import open_own_passages
from service.llm.types import LLM, GenerateOptions, Leaning
from service.passagewise import READER, Reading, read_alone
from service.probe import Probe
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
    """Whether the engine is asked how it leans, a first token for each question, or where there are few passages, what
    it says of single ones."""


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
    read_before = Probe.of(table[READER]) if READER in table and table["engine"] == engine else None
    examples, reader = read_by_probe(examples, read_before)
    found = calibrate(examples, request.target, table["models"])
    if table["engine"] == engine:
        kinds = [LEANING, READ_ALONE, *([PROBED] if probe is not None and probe is known else [])]
        found |= heard_before(table, found, kinds)
    kept = [name for name, model in found["models"].items() if model is table["models"][name]]
    provenance = {
        "fitted": datetime.now(UTC).date().isoformat(),
        "by": "career eval calibrate",
        "on": {path.name: _digest(path) for path in (*request.datasets, *request.with_passages)},
        "questions": {str(s): sum(e.situation is s for e in examples) for s in Situation},
        "target": request.target.described(),
        "passages": corpus.total(),
        "embedder": embedder,
        **({"kept": {"situations": kept, "of": table["provenance"]}} if kept else {}),
    }
    return {
        "provenance": provenance,
        "engine": engine,
        **found,
        **({PROBE: probe.table()} if probe else {}),
        **({READER: reader.table()} if reader else {}),
    }


def heard_before(
    shipped: Mapping[str, Any], found: Mapping[str, Any], kinds: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """With the models that ship for what an engine tells, where the situation's own is the one that ships."""
    return {
        kind: {
            name: model
            for name, model in shipped.get(kind, {}).items()
            if found["models"][name] is shipped["models"][name]
        }
        | found[kind]
        for kind in kinds
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
    asked = request.ask_engine
    found = [example for path in request.with_passages for example in _with_own_passages(path, settings, asked)]
    with open_runtime(settings, need_llm=request.ask_engine) as runtime:
        words, size = IndexedWords(runtime.generation.lexical), len(runtime.generation.chunks)
        lean = leaning_of(runtime.llm, settings) if runtime.llm is not None else None
        for path in request.datasets:
            cases, read = load_dataset(path).cases, reading_of(runtime.llm)
            found += examples_of(cases, runtime.retriever, words, size, lean=lean, read=read, embedder=runtime.embedder)
        return (
            found,
            runtime.embedder.name,
            passages_by_digest(runtime.generation),
            runtime.llm.name if runtime.llm is not None else "",
        )


def leaning_of(llm: LLM, settings: Settings) -> Lean:
    """How an engine leans, asked as the answerer asks it; None from one that does not tell."""
    tokens = llm.context_tokens - settings.max_tokens - TEMPLATE_TOKENS
    options = GenerateOptions(max_tokens=1, watch=DENIAL, tell_values=True)

    def lean(question: str, lang: str, hits: Sequence[Hit]) -> Leaning | None:
        built = build_prompt(
            question, without_others(question, hits), llm, Budget(settings.passages, tokens), lang=lang
        )
        told = [event for event in llm.generate(built.prompt, options) if isinstance(event, Leaning)]
        return told[0] if told else None

    return lean


def reading_of(llm: LLM | None) -> Read | None:
    """What an engine says of single passages, asked as the answerer asks it; None without one."""
    if llm is None:
        return None

    def read(question: str, hits: Sequence[Hit]) -> Reading:
        return read_alone(question, hits, llm)

    return read


def probed(
    examples: Sequence[Example], shipped: Probe | None = None, documents: Iterable[str] = ()
) -> tuple[list[Example], Probe | None]:
    """Examples with what a probe says of those whose values are known, and the probe, over documents of these digests.

    It is fitted on the dev examples of all situations, and of each example it says what it would without having seen
    it. Where they are too few, `shipped` says it, as it is.
    """
    found, probe = _read_off(examples, [example.values for example in examples], PROBE, shipped, COMPONENTS)
    fresh = probe is not None and probe is not shipped
    return found, replace(probe, documents=frozenset(documents)) if probe is not None and fresh else probe


def read_by_probe(examples: Sequence[Example], shipped: Probe | None = None) -> tuple[list[Example], Probe | None]:
    """The same of what an engine's logits are at single passages."""
    return _read_off(examples, [example.read_logits for example in examples], READER, shipped, READ_COMPONENTS)


def _read_off(
    examples: Sequence[Example], held: Sequence[Sequence[float]], name: str, shipped: Probe | None, components: int
) -> tuple[list[Example], Probe | None]:
    known = [at for at, example in enumerate(examples) if held[at] and example.split != "test"]
    labels = np.array([examples[at].answerable for at in known], np.bool_)
    values: dict[int, float | None] = {}
    probe = shipped
    if can_fit(labels):
        rows = np.array([held[at] for at in known])
        values = dict(zip(known, unseen_values(rows, labels, components), strict=True))
        probe = fit_probe(rows, labels, components)
    if probe is None:
        return list(examples), None
    values = {at: probe.value(row) for at, row in enumerate(held)} | values
    return [_with(example, name, values[at]) for at, example in enumerate(examples)], probe


def _with(example: Example, name: str, value: float | None) -> Example:
    return example if value is None else replace(example, signals={**example.signals, name: value})


def _with_own_passages(path: Path, settings: Settings, ask_engine: bool) -> Iterator[Example]:
    data = load_dataset(path)
    with open_own_passages(settings, data, retrieval_only=not ask_engine) as own:
        read = reading_of(own.runtime.llm)
        for case in data.cases:
            retriever = own.retriever_for(case)
            generation = own.runtime.generation
            words, size = IndexedWords(generation.lexical), len(generation.chunks)
            yield from examples_of([case], retriever, words, size, read=read, embedder=own.runtime.embedder)


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
