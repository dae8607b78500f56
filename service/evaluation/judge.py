"""A model's second opinion: faithfulness of sentences and assignment of nuggets, kept apart from the metrics.

People and strong models agree on support in only 56 % of cases (arXiv 2504.15205), a small one in fewer: a judge
never gates a release, and its agreement with the deterministic metrics is always told beside its figures.
"""

import json
import os
import re
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from indexes.errors import DamagedError, EngineError, UsageError
from service.evaluation.answers import is_refused
from service.evaluation.dataset import Case
from service.evaluation.matching import fold, holds_any, without_markers
from service.evaluation.records import AppendOnly, Json, RunData, load_run, read_rows, write_json
from service.evaluation.run import Progress
from service.llm.types import LLM, GenerateOptions, Prompt, Text
from service.settings import Settings

JUDGEMENTS = "judge.jsonl"
JUDGE_SUMMARY = "judge.json"
SYSTEM = "You are a strict judge. Answer with one word: yes or no. Nothing else."
_WORD = re.compile(r"\b(yes|no)\b|(是|否|不)", re.IGNORECASE)


class Judge(Protocol):
    """Says yes, no, or nothing usable to one question about one text."""

    @property
    def name(self) -> str: ...

    def decide(self, passage: str, request: str) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class RemoteJudge:
    """Any OpenAI-compatible chat endpoint."""

    url: str
    model: str
    key: str | None = None
    timeout_s: float = 120.0

    @property
    def name(self) -> str:
        return f"{self.model} at {self.url}"

    def decide(self, passage: str, request: str) -> bool | None:
        messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"{passage}\n\n{request}"}]
        body = {"model": self.model, "messages": messages, "temperature": 0, "max_tokens": 8}
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        address = self.url.rstrip("/") + "/chat/completions"
        call = urllib.request.Request(address, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(call, timeout=self.timeout_s) as response:
                content = json.load(response)["choices"][0]["message"]["content"]
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise EngineError(f"The judge at {self.url} gave no answer ({error}). Check --url and --model.") from None
        return read_verdict(str(content))


@dataclass(frozen=True, slots=True)
class LocalJudge:
    """The answering model itself."""

    llm: LLM

    @property
    def name(self) -> str:
        return f"{self.llm.name} (judging itself)"

    def decide(self, passage: str, request: str) -> bool | None:
        events = self.llm.generate(Prompt(SYSTEM, (passage,), request), GenerateOptions(max_tokens=8))
        return read_verdict("".join(event.text for event in events if isinstance(event, Text)))


def read_verdict(text: str) -> bool | None:
    match = _WORD.search(text)
    return None if match is None else match[0].lower() in {"yes", "是"}


@contextmanager
def open_judge(url: str | None, model: str, settings: Settings) -> Iterator[Judge]:
    """Raises: UsageError: the address is not http(s), or there is no local model to judge with."""
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--url {url}: write an http(s) address such as http://localhost:8080/v1.")
        yield RemoteJudge(url, model, os.environ.get("OPENAI_API_KEY"))
        return
    from service.runtime import open_runtime

    with open_runtime(settings) as runtime:
        if runtime.llm is None:
            raise UsageError(f"There is no model to judge with. {runtime.no_model or 'Name one with --url.'}")
        yield LocalJudge(runtime.llm)


def judge_answer(case: Case, answer: Json, run: RunData, judge: Judge) -> dict[str, Any]:
    """Pairs of [judge's verdict, deterministic verdict] for each cited sentence and each nugget."""
    chunk_of = {citation["marker"]: citation["chunk_id"] for citation in answer["citations"]}
    sentences = []
    for sentence in answer["sentences"]:
        cited = [run.passages[chunk_of[m]].text for m in sentence["citations"] if chunk_of.get(m) in run.passages]
        if cited:
            request = f"Does the text above say that: {without_markers(sentence['text'])}"
            sentences.append([judge.decide("\n\n".join(cited), request), sentence["verdict"] == "supported"])
    text = without_markers(answer["text"])
    folded = fold(text)
    nuggets = []
    for group in case.nuggets:
        request = f"Question: {case.question}\nDoes the answer above hold this fact: {group[0]}"
        nuggets.append([judge.decide(text, request), holds_any(folded, group)])
    return {"question_id": case.id, "sentences": sentences, "nuggets": nuggets}


def judge_run(
    folder: Path, judge: Judge, limit: int | None, on_progress: Callable[[Progress], None] = lambda progress: None
) -> dict[str, Any]:
    """Judge the answers that were not refused; resumes by question. Writes judge.jsonl and judge.json.

    Raises:
        UsageError: the folder holds the opinion of another judge.
    """
    run = load_run(folder)
    _same_judge(folder / JUDGE_SUMMARY, judge.name)
    write_json(folder / JUDGE_SUMMARY, {"judge": judge.name})
    asked = [case for case in run.cases if (record := run.records.get(case.id)) and _worth_judging(record.answer)][
        :limit
    ]
    done = {row["question_id"] for row in read_rows(folder / JUDGEMENTS)}
    file = AppendOnly(folder / JUDGEMENTS)
    try:
        for number, case in enumerate(asked):
            on_progress(Progress(number, len(asked), None))
            answer = run.records[case.id].answer
            if case.id not in done and answer is not None:
                file.append([judge_answer(case, answer, run, judge)])
    finally:
        file.close()
    summary = summarise(judge.name, list(read_rows(folder / JUDGEMENTS)))
    write_json(folder / JUDGE_SUMMARY, summary)
    return summary


def _worth_judging(answer: Json | None) -> bool:
    return answer is not None and not is_refused(answer)


def _same_judge(path: Path, name: str) -> None:
    if path.exists():
        try:
            found = json.loads(path.read_text("utf-8")).get("judge")
        except ValueError:
            raise DamagedError(f"{path} is damaged. Delete it with {JUDGEMENTS} and judge again.") from None
        if found != name:
            raise UsageError(
                f"{path.parent} holds the opinion of {found}. Delete {JUDGEMENTS} and {path.name} to judge anew."
            )


def summarise(name: str, rows: Sequence[Json]) -> dict[str, Any]:
    sentences = [pair for row in rows for pair in row["sentences"]]
    nuggets = [pair for row in rows for pair in row["nuggets"]]
    return {
        "judge": name,
        "answers": len(rows),
        "faithfulness": agreement(sentences) | {"compared_with": "the answerer's verdict `supported`"},
        "nugget_recall": agreement(nuggets) | {"compared_with": "string matching of nuggets"},
    }


def agreement(pairs: Sequence[Sequence[bool | None]]) -> dict[str, Any]:
    """Share of yes, share of equal verdicts and Cohen's κ; verdicts that were no verdict are only counted."""
    valid = [(bool(a), bool(b)) for a, b in pairs if a is not None]
    n = len(valid)
    found: dict[str, Any] = {"n": n, "unreadable": len(pairs) - n}
    if not n:
        return found
    yes_a, yes_b = sum(a for a, _ in valid) / n, sum(b for _, b in valid) / n
    equal = sum(a == b for a, b in valid) / n
    chance = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    kappa = None if chance == 1 else round((equal - chance) / (1 - chance), 4)
    return found | {
        "judge": round(yes_a, 4),
        "deterministic": round(yes_b, 4),
        "agreement": round(equal, 4),
        "kappa": kappa,
    }
