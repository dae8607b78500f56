"""A run folder: append-only files that survive a kill at any byte, and the records read back from them."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import quote, unquote

from indexes.errors import DamagedError, LockHeld, UsageError
from indexes.types import Chunk, Hit
from service.evaluation.dataset import Case, decode, parse_rows, to_case

Json: TypeAlias = Mapping[str, Any]

QUESTIONS = "questions.jsonl"
ANSWERS = "answers.jsonl"
PASSAGES = "passages.jsonl"
QRELS = "qrels.txt"
CONFIG = "config.json"
ERRORS = "errors.jsonl"


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A chunk as it stood when it was retrieved; offsets into its document as in `Chunk`."""

    chunk_id: str
    document_id: str
    title: str
    heading: tuple[str, ...]
    lang: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """What happened to one question.

    `answer` is the native Answer JSON, None in a run of retrieval alone; `ranking` are the chunks the retriever gave,
    best first, `scores` theirs; `context` the chunks the answerer was given; `same_again` whether a repeat agreed.
    """

    question_id: str
    answer: Json | None
    ranking: tuple[str, ...]
    scores: tuple[float, ...]
    context: tuple[str, ...]
    search_ms: float | None = None
    same_again: bool | None = None

    def to_json(self) -> dict[str, Any]:
        evaluation: dict[str, Any] = {
            "question_id": self.question_id,
            "ranking": list(self.ranking),
            "scores": [round(score, 6) for score in self.scores],
            "context": list(self.context),
            "search_ms": self.search_ms,
        }
        if self.same_again is not None:
            evaluation["same_again"] = self.same_again
        return {**(self.answer or {}), "evaluation": evaluation}


@dataclass(frozen=True, slots=True)
class RunData:
    """A run read back: `records` and `passages` by id; `relevant` is question → ranked id → gain."""

    folder: Path
    config: Json
    cases: tuple[Case, ...]
    records: Mapping[str, Record]
    passages: Mapping[str, StoredPassage]
    relevant: Mapping[str, Mapping[str, int]]
    errors: int


def parse_record(row: Json) -> Record:
    """Rows without `evaluation`, as other programs may write them, need a `question_id`; their hits are unknown."""
    extra = row.get("evaluation") or {}
    answer = {name: value for name, value in row.items() if name not in {"evaluation", "question_id"}}
    return Record(
        question_id=str(extra.get("question_id") or row["question_id"]),
        answer=answer if "status" in answer else None,
        ranking=tuple(extra.get("ranking") or ()),
        scores=tuple(extra.get("scores") or ()),
        context=tuple(extra.get("context") or ()),
        search_ms=extra.get("search_ms"),
        same_again=extra.get("same_again"),
    )


def stored_passage(chunk: Chunk) -> StoredPassage:
    info = chunk.document
    return StoredPassage(chunk.id, info.id, info.title, chunk.heading, chunk.lang, chunk.start, chunk.end, chunk.text)


class AppendOnly:
    """A JSONL file whose lines are on the disk when `append` returns; a torn last line is cut off on opening."""

    def __init__(self, path: Path) -> None:
        repair(path)
        self._file = path.open("ab")

    def append(self, rows: Iterable[Json]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def repair(path: Path) -> int:
    """Cut a last line that was not written to its end; returns the number of bytes cut."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        keep = _end_of_last_line(file, size)
        file.truncate(keep)
    return size - keep


def _end_of_last_line(file: BinaryIO, size: int) -> int:
    """Offset after the last newline, read backwards in blocks: the file may be large."""
    end = size
    while end > 0:
        start = max(0, end - 65536)
        file.seek(start)
        at = file.read(end - start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of one of our files, a torn last line left out.

    Raises:
        DamagedError: a line within the file is broken.
    """
    if not path.exists():
        return
    with path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                row = json.loads(line)
            except ValueError:
                raise DamagedError(f"{path}, line {number} is damaged. Delete that line and run again.") from None
            yield row


def write_atomically(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError:
        raise UsageError(
            f"{path.parent} is not a run folder: it has no {path.name}. Name what `eval run` printed."
        ) from None
    except ValueError:
        raise DamagedError(f"{path} is damaged. Run the evaluation again into a new folder.") from None
    if not isinstance(value, dict):
        raise DamagedError(f"{path} is damaged. Run the evaluation again into a new folder.")
    return value


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer to a run folder.

    Raises:
        LockHeld: another process is running into it.
    """
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LockHeld(f"Another run writes to {folder}. Wait for it, or name another --out.") from None
        yield


def load_run(folder: Path) -> RunData:
    """Everything a run has written so far.

    Raises:
        UsageError: not a run folder. DamagedError: a file of it is broken.
    """
    config = read_json(folder / CONFIG)
    questions = folder / QUESTIONS
    if not questions.exists():
        raise UsageError(f"{folder} is not a run folder: it has no {QUESTIONS}. Name what `eval run` printed.")
    cases = tuple(to_case(row) for row in parse_rows(decode(questions.read_bytes(), QUESTIONS), QUESTIONS))
    records: dict[str, Record] = {}
    for row in read_rows(folder / ANSWERS):
        record = parse_record(row)
        records.setdefault(record.question_id, record)
    passages = {
        row["chunk_id"]: StoredPassage(**{**row, "heading": tuple(row["heading"])})
        for row in read_rows(folder / PASSAGES)
    }
    errors = {row["question_id"] for row in read_rows(folder / ERRORS)} - records.keys()
    return RunData(folder, config, cases, records, passages, read_qrels(folder / QRELS), len(errors))


def ids_of(hits: Iterable[Hit]) -> tuple[str, ...]:
    return tuple(hit.chunk.id for hit in hits)


def write_qrels(path: Path, relevant: Mapping[str, Mapping[str, int]]) -> None:
    """TREC qrels; ids with white space are percent-encoded, as the format separates by it."""
    lines = [
        f"{trec_id(qid)} 0 {trec_id(doc)} {gain}" for qid, gains in relevant.items() for doc, gain in gains.items()
    ]
    write_atomically(path, "".join(line + "\n" for line in lines))


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = {}
    if path.exists():
        for line in path.read_text("utf-8").split("\n")[:-1]:
            qid, _, doc, gain = line.split(" ")
            relevant.setdefault(unquote(qid), {})[unquote(doc)] = int(gain)
    return relevant


def trec_id(text: str) -> str:
    return "".join(quote(char) if char.isspace() or char == "%" else char for char in text)
