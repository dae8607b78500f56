"""Generated requests against every operation of /openapi.json: no 5xx, no code or shape that it does not name.

    python -m tests.benchmarks.fuzz [--cases 20000] [--spoiled 9] [--seed 0] [--json FILE]

Half of an operation's cases keep to its schema, half break it on purpose (schemathesis makes both); half of all ask for
a stream, and two of three name a document, a file or a model that exists. Each body is then sent `--spoiled` times more
with one place of it spoiled (`mangling`), held to the same: no 5xx, a documented code and type. The service behind
is the real one over a real index, with hashed words for vectors and quotations for answers, so that no model is needed.
"""

import argparse
import json
import math
import random
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup

from service.app import create_app
from tests.benchmarks.mangling import mangled
from tests.service.http_model_free import KEY, model_free

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)
JSON = {"Content-Type": "application/json"}
PATHS = ("document_id", "job_id", "name")
KNOWN: tuple[dict[str, str], ...] = (
    {},
    {"document_id": "a", "name": "notes.md", "model": "career"},
    {"document_id": "notes", "name": "career", "model": "extractive"},
)


@dataclass
class Report:
    """`faults` maps what went wrong to the first request that showed it."""

    statuses: Counter[str] = field(default_factory=Counter)
    cases: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    spoiler: "Spoiler | None" = None

    @property
    def total(self) -> int:
        return sum(self.cases.values())


@dataclass
class Spoiler:
    """Sends the body of a case again and again, each time with one place of it spoiled."""

    client: TestClient
    times: int
    chance: random.Random

    def spoil(self, case: Any, report: Report) -> None:
        label = case.operation.label
        documented = self.client.app.openapi()["paths"][case.path][case.method.lower()]["responses"]  # type: ignore[attr-defined]
        for _ in range(self.times):
            text = mangled(case.body if isinstance(case.body, dict) else {}, self.chance)
            reply = self.client.request(case.method, case.path, content=text, headers=JSON)
            report.cases[label] += 1
            report.statuses[f"{label} {reply.status_code}"] += 1
            types = documented.get(str(reply.status_code), {}).get("content")
            told = reply.headers.get("content-type", "").split(";")[0]
            undocumented = told not in types if types else reply.status_code != 204
            if reply.status_code >= 500 or undocumented:
                report.faults.setdefault(f"{label} {reply.status_code} {told} spoiled", text[:2000])


@contextmanager
def fuzzed_app() -> Iterator[FastAPI]:
    with tempfile.TemporaryDirectory() as folder, model_free(Path(folder), queue=64) as runtime:
        yield create_app(runtime)


def fuzz(app: FastAPI, cases: int, seed: int = 0, spoiled: int = 0) -> Report:
    """Spread `cases` over the operations: few where nothing can be varied, most where there is a body.

    Args:
        spoiled: of `cases`, so many for one generated body are that body with one place of it spoiled.
    """
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers=KEY)
    operations = [result.ok() for result in schema.get_all_operations()]
    weights = [_weight(operation) for operation in operations]
    report = Report()
    started = time.perf_counter()
    with TestClient(app, headers=KEY, raise_server_exceptions=False) as client:
        report.spoiler = Spoiler(client, spoiled, random.Random(seed))
        for operation, weight in zip(operations, weights, strict=True):
            for body in _examples(app.openapi(), operation):
                case = operation.Case(body=body, media_type="application/json")
                _ask(case, KEY, [getattr(schemathesis.checks, name) for name in CHECKS], report)
            half = math.ceil(cases * weight / sum(weights) / 2)
            for mode in MODES:
                _run(operation, mode, math.ceil(half / (1 + spoiled)) if weight == 1 else half, seed, report)
    report.seconds = time.perf_counter() - started
    return report


def _weight(operation: Any) -> float:
    if _takes_json(operation):
        return 1.0
    return 0.4 if len(operation.body) else 0.3 if len(operation.path_parameters) else 0.05


def _takes_json(operation: Any) -> bool:
    return any(body.media_type == "application/json" for body in operation.body)


def _examples(openapi: dict[str, Any], operation: Any) -> list[Any]:
    """The bodies that the schema itself gives as examples: those get through, whatever chance makes of the rest."""
    described = openapi["paths"][operation.path][operation.method.lower()].get("requestBody", {})
    schema = described.get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return list(openapi["components"]["schemas"].get(name, schema).get("examples", []))


def _run(operation: Any, mode: GenerationMode, count: int, seed: int, report: Report) -> None:
    checks = [getattr(schemathesis.checks, name) for name in CHECKS]
    asked = 0

    @seeded(seed)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.sampled_from(KNOWN), stream=st.booleans())
    def one(case: Any, known: dict[str, str], stream: bool) -> None:
        nonlocal asked
        asked += 1
        _ask(_with(case, known), {**KEY, **({"Accept": "text/event-stream"} if stream else {})}, checks, report)

    try:
        one()
    except Exception as error:
        if "Unsatisfiable" not in type(error).__name__:
            raise
    if asked < count and mode is GenerationMode.NEGATIVE:
        # Whatever is sent here keeps to the schema, for there is nothing in it to break.
        _run(operation, GenerationMode.POSITIVE, count - asked, seed + 1, report)
    for _ in range(count - asked if mode is GenerationMode.POSITIVE else 0):
        _ask(
            operation.Case(path_parameters={name: "x" for name in PATHS if f"{{{name}}}" in operation.path}),
            KEY,
            checks,
            report,
        )


def _with(case: Any, known: dict[str, str]) -> Any:
    """The case with names that exist, or could, where the schema only says that they are texts."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            place.update({name: value for name, value in known.items() if name in place})
    return case


def _ask(case: Any, headers: dict[str, str], checks: list[Any], report: Report) -> None:
    reply = case.call(headers=headers)
    label = case.operation.label
    report.cases[label] += 1
    report.statuses[f"{label} {reply.status_code}"] += 1
    if report.spoiler is not None and _takes_json(case.operation):
        report.spoiler.spoil(case, report)
    try:
        case.validate_response(reply, checks=checks, headers=headers)
    except (Failure, FailureGroup) as error:
        for fault in getattr(error, "exceptions", [error]):
            report.faults.setdefault(
                f"{label} {reply.status_code} {fault.title}", f"{fault} {case.as_curl_command()}"[:2000]
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--spoiled", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given_ = parser.parse_args()
    warnings.simplefilter("ignore")
    with fuzzed_app() as app:
        report = fuzz(app, given_.cases, given_.seed, given_.spoiled)
    for status, count in sorted(report.statuses.items()):
        print(f"{count:7} {status}")
    for fault, example in report.faults.items():
        print(f"FAULT {fault}\n  {example}")
    server = sum(count for status, count in report.statuses.items() if int(status.rsplit(" ", 1)[1]) >= 500)
    print(f"{report.total} cases in {report.seconds:.0f} s: {server} answered 5xx, {len(report.faults)} kinds of fault")
    if given_.json:
        shown = {"cases": report.total, "statuses": report.statuses, "faults": report.faults, "seconds": report.seconds}
        given_.json.write_text(json.dumps(shown, indent=1), "utf-8")
    raise SystemExit(bool(report.faults or server))


if __name__ == "__main__":
    main()
